//! Archives that are almost those of torch: taken apart, changed, and put together again.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixtures has to stop")]
#![allow(dead_code, reason = "every test file uses its own part")]

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::PathBuf;

use paname_pt2::{Archive, DType, Error};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

pub(crate) const TENSORS: &str = "data/weights/model.safetensors";
pub(crate) const MODEL: &str = "models/model.json";

/// The names of the archives in `data/`.
pub(crate) const FIXTURES: [&str; 4] = ["classifier", "recurrent", "regions", "sizes"];

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("{name}.pt2"))
}

/// An archive taken apart.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) root: String,
    /// Names below the root, with contents.
    pub(crate) entries: Vec<(String, Vec<u8>)>,
}

impl Parts {
    pub(crate) fn of(name: &str) -> Self {
        let mut zip = ZipArchive::new(Cursor::new(fs::read(path(name)).unwrap())).unwrap();
        let mut parts = Self { root: String::new(), entries: Vec::new() };
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).unwrap();
            let name = entry.name().unwrap().into_owned();
            let (root, name) = name.split_once('/').unwrap();
            root.clone_into(&mut parts.root);
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            parts.entries.push((name.to_owned(), bytes));
        }
        parts
    }

    /// The classifier as our own exporter writes it.
    pub(crate) fn exported() -> Self {
        let archive = Archive::open(path("classifier")).unwrap();
        let tensors: Vec<(String, TensorView<'_>)> = archive
            .weights()
            .filter_map(|(role, weight)| {
                let dtype = if weight.dtype == DType::I64 { Dtype::I64 } else { Dtype::F32 };
                let view = TensorView::new(dtype, weight.shape.to_vec(), weight.bytes).unwrap();
                let name = role.weight()?.to_owned();
                (name != "again.weight").then_some((name, view))
            })
            .collect();
        let card = json!({
            "format": 1,
            "torch": "2.11.0",
            "exporter": "paname_export 0.1.0",
            "task": "classification",
            "inputs": [{"name": "x", "shape": ["batch", 1, 4, 4], "dtype": "float32"}],
            "outputs": [{"name": "logits", "shape": ["batch", 2], "dtype": "float32"}],
            "normalisation": {"mean": [0.5], "std": [0.25]},
            "classes": ["cat", "dog"],
            "layers": [{"name": "stem.2", "value": "relu"}],
            "aliases": {"again.weight": "head.weight"},
        });
        let entries = vec![
            ("card.json".to_owned(), serde_json::to_vec(&card).unwrap()),
            (MODEL.to_owned(), Self::of("classifier").bytes(MODEL).clone()),
            (TENSORS.to_owned(), safetensors::serialize(tensors, None).unwrap()),
        ];
        Self { root: "paname".to_owned(), entries }
    }

    pub(crate) fn bytes(&mut self, name: &str) -> &mut Vec<u8> {
        let entry = self.entries.iter_mut().find(|(entry, _)| entry == name);
        &mut entry.unwrap_or_else(|| panic!("{name}")).1
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.entries.retain(|(entry, _)| entry != name);
    }

    pub(crate) fn json(&mut self, name: &str) -> Value {
        serde_json::from_slice(self.bytes(name)).unwrap()
    }

    /// Changes the document of an entry.
    pub(crate) fn edit(mut self, name: &str, change: impl FnOnce(&mut Value)) -> Self {
        let mut document = self.json(name);
        change(&mut document);
        *self.bytes(name) = serde_json::to_vec(&document).unwrap();
        self
    }

    pub(crate) fn zip(&self) -> Vec<u8> {
        self.packed(CompressionMethod::Stored)
    }

    pub(crate) fn packed(&self, method: CompressionMethod) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in &self.entries {
            zip.start_file(format!("{}/{name}", self.root), options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    pub(crate) fn read(&self) -> Result<Archive, Error> {
        Archive::read(self.zip(), "m.pt2")
    }
}

/// Bytes of the last record of an archive without a comment.
pub(crate) const END: usize = 22;

/// The archive with two records more before the last one, as torch writes them however small it is.
pub(crate) fn with_large_end(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.split_off(bytes.len() - END);
    let place = bytes.len() as u64;
    let wide = |range: std::ops::Range<usize>| {
        let mut number = [0; 8];
        number[..range.len()].copy_from_slice(&end[range]);
        number
    };
    bytes.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x1e\x03\x2d\0\0\0\0\0\0\0\0\0");
    bytes.extend([wide(8..10), wide(10..12), wide(12..16), wide(16..20)].concat());
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(place.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(end);
    bytes
}
