//! What is wrong with an archive is said with the file, the place in it, and what was expected there.

mod common;

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use common::{END, MODEL, Parts, TENSORS, with_large_end};
use paname_pt2::{Archive, Error};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const INDEX: &str = "data/weights/model_weights_config.json";

/// What is said about these bytes.
fn said(bytes: Vec<u8>) -> String {
    match Archive::read(bytes, "m.pt2") {
        Ok(_) => "is read".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// What is said about the classifier with a change to its program.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    said(Parts::of("classifier").edit(MODEL, change).zip())
}

fn graph(model: &mut Value) -> &mut Value {
    &mut model["graph_module"]["graph"]
}

/// What is said about the classifier with a change to its signature.
fn signed(change: impl FnOnce(&mut Value)) -> String {
    changed(|model| change(&mut model["graph_module"]["signature"]))
}

/// What is said about the classifier where the index says something else about a weight.
fn indexed(change: impl FnOnce(&mut Value)) -> String {
    said(Parts::of("classifier").edit(INDEX, |index| change(&mut index["config"]["head.weight"])).zip())
}

/// Replaces a word by one that is as long, wherever it stands in the archive, its directory included.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while at + from.len() <= bytes.len() {
        if &bytes[at..at + from.len()] == from.as_bytes() {
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
        at += 1;
    }
    bytes
}

#[test]
fn files_that_are_no_archives() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &std::path::Path| {
        let error = Archive::open(path).err().unwrap();
        assert!(matches!(error, Error::Unreadable { .. } | Error::Archive { .. }));
        error.to_string().replace(&*folder.path().to_string_lossy(), "FOLDER")
    };
    insta::assert_snapshot!(error(&folder.path().join("absent.pt2")), @"FOLDER/absent.pt2: cannot be opened: No such file or directory (os error 2)");
    insta::assert_snapshot!(error(folder.path()), @"FOLDER: is a folder; expected a .pt2 archive");
    let empty = folder.path().join("empty.pt2");
    std::fs::write(&empty, "").unwrap();
    insta::assert_snapshot!(error(&empty), @"FOLDER/empty.pt2: is not a whole zip archive (truncated?): invalid Zip archive: Could not find EOCD");
    insta::assert_snapshot!(said(b"PK\x03\x04 but no more than that".to_vec()), @"m.pt2: is not a whole zip archive (truncated?): invalid Zip archive: Could not find EOCD");
}

#[test]
fn truncated_archives() {
    let whole = Parts::of("classifier").zip();
    insta::assert_snapshot!(said(whole[..whole.len() / 2].to_vec()), @"m.pt2: is not a whole zip archive (truncated?): invalid Zip archive: Could not find EOCD");
    for length in (0..whole.len()).step_by(7) {
        // The last bytes are the end of the directory.
        assert_ne!(said(whole[..length].to_vec()), "is read", "{length} of {} bytes", whole.len());
    }
}

/// One file that holds two archives is read as the one at its end, or not at all.
#[test]
fn archives_with_two_ends() {
    let whole = Parts::of("classifier").zip();
    let (entries, end) = whole.split_at(whole.len() - END);
    // The one within the comment of the other is the last whose comment ends with the file.
    let mut empty = end.to_vec();
    empty[8..12].fill(0);
    let commented = |outer: &[u8], inner: &[u8]| {
        let length = (inner.len() as u16).to_le_bytes();
        said([entries, &outer[..END - 2], &length, inner].concat())
    };
    assert_eq!(commented(&empty, end), "is read");
    insta::assert_snapshot!(commented(end, &empty), @"m.pt2: has a damaged directory, and another one within");
    // An ordinary comment, and what no comment says.
    assert_eq!(commented(end, b"exported on a Sunday"), "is read");
    insta::assert_snapshot!(said([&whole, &b"more"[..]].concat()), @"m.pt2: does not end where its directory says");
    // A damaged directory does not make a whole one before it serve.
    let mut parts = Parts::of("classifier");
    parts.entries.push(("other.zip".into(), whole.clone()));
    for bytes in [parts.zip(), with_large_end(parts.zip())] {
        let (at, length) = (bytes.len(), bytes.len() - END + 16);
        let mut damaged = bytes.clone();
        damaged[length..at - 2].fill(0);
        insta::allow_duplicates! { insta::assert_snapshot!(said(damaged), @"m.pt2: is not a whole zip archive (truncated?): invalid Zip archive: No CDFH found") };
    }
    // An archive that stands after something else.
    insta::assert_snapshot!(said([&b"before"[..], &whole].concat()), @"m.pt2: is not a whole zip archive (truncated?): invalid Zip archive: No CDFH found");
}

#[test]
fn names_that_lead_elsewhere() {
    for (root, name) in
        [("m", "../../etc/passwd"), ("..", "a"), ("m", "a\\..\\b"), ("m", "a//b"), ("C:", "a")]
    {
        let mut parts = Parts::of("classifier");
        parts.root = root.into();
        parts.entries.push((name.into(), Vec::new()));
        let said = said(parts.zip());
        assert!(said.contains("expected a relative path without `..`"), "{root}/{name}: {said}");
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("/etc/passwd", SimpleFileOptions::default()).unwrap();
    insta::assert_snapshot!(said(zip.finish().unwrap().into_inner()), @"m.pt2: has an entry `/etc/passwd`; expected a relative path without `..`");
}

#[test]
fn two_roots_and_no_root() {
    let zip = |names: &[&str]| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    insta::assert_snapshot!(said(zip(&["a/b", "c/d"])), @"m.pt2: has folders `a` and `c`; expected one that holds all");
    insta::assert_snapshot!(said(zip(&["a"])), @"m.pt2: has an entry `a` outside of a folder");
    insta::assert_snapshot!(said(zip(&["a/b"])), @"m.pt2: has no entry `models/NAME.json`; expected a .pt2 archive of torch.export");
    insta::assert_snapshot!(said(zip(&["a/models/x.json", "a/models/y.json"])), @"m.pt2: has the models x, y; expected one");
}

#[test]
fn bombs() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("m/models/model.json", options).unwrap();
    for _ in 0..64 {
        zip.write_all(&b" ".repeat(1 << 16)).unwrap();
    }
    let bomb = zip.finish().unwrap().into_inner();
    insta::assert_snapshot!(said(bomb), @"m.pt2: `models/model.json` expands from 4081 to 4194304 bytes, which looks like a compression bomb; store it uncompressed");
    // A size that is a lie is found out before memory is taken, or while it is read.
    let mut parts = Parts::of("classifier");
    let honest = parts.packed(CompressionMethod::Deflated);
    let size = (parts.bytes(MODEL).len() as u32).to_le_bytes();
    for lie in [1_u32 << 31, 1 << 20, 100] {
        let mut bytes = honest.clone();
        let places: Vec<usize> = (0..bytes.len() - 4).filter(|at| bytes[*at..at + 4] == size).collect();
        assert!(!places.is_empty());
        for at in places {
            bytes[at..at + 4].copy_from_slice(&lie.to_le_bytes());
        }
        let said = said(bytes);
        let known = ["looks like a compression bomb", "is damaged", "cannot be unpacked"];
        assert!(known.iter().any(|known| said.contains(known)), "{lie}: {said}");
    }
}

#[test]
fn graphs_that_are_large_and_compressed() {
    // Numbers that look like nothing, which compress little enough to be no bomb.
    let mut parts = Parts::of("classifier");
    let mut state = 1_u64;
    *parts.bytes(MODEL) = (0..=1 << 25)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b'0' + (state >> 60) as u8 % 8
        })
        .collect();
    let packed = parts.packed(CompressionMethod::Deflated);
    insta::assert_snapshot!(said(packed), @"m.pt2: models/model.json: has 33554433 bytes; expected at most 33554432, or an entry that is stored uncompressed");
}

#[test]
fn more_entries_than_any_model_has() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for index in 0..=1 << 17 {
        zip.start_file(format!("m/{index}"), options).unwrap();
    }
    insta::assert_snapshot!(said(zip.finish().unwrap().into_inner()), @"m.pt2: has 131073 entries; expected at most 131072");
}

#[test]
fn entries_of_one_name() {
    let bytes = replaced(&Parts::of("classifier").zip(), "weight_1", "weight_0");
    insta::assert_snapshot!(said(bytes), @"m.pt2: has two entries of one name");
}

#[test]
fn entries_over_one_another() {
    let mut parts = Parts::of("classifier");
    // That is an archive in the archive, with a directory of its own.
    parts.remove("data/sample_inputs/model.pt");
    let mut bytes = parts.zip();
    // The directory's second header is made to point to the first entry.
    let headers: Vec<usize> =
        (0..bytes.len() - 4).filter(|at| &bytes[*at..at + 4] == b"PK\x01\x02").collect();
    bytes.copy_within(headers[0] + 42..headers[0] + 46, headers[1] + 42);
    insta::assert_snapshot!(said(bytes), @"m.pt2: `data/weights/weight_1` and `data/weights/weight_0` overlap");
}

#[test]
fn damaged_entries() {
    let bytes = replaced(&Parts::of("classifier").zip(), "conv2d.default", "conv3d.default");
    insta::assert_snapshot!(said(bytes), @"m.pt2: models/model.json: is damaged: its checksum is another than the archive says");
}

#[test]
fn versions_that_are_not_read() {
    let version = |major: u32| changed(|model| model["schema_version"]["major"] = major.into());
    insta::assert_snapshot!(version(7), @"m.pt2: models/model.json: schema version 7.17 is not supported; expected 8.x");
    // One that does not parse either.
    let other = changed(|model| *model = json!({"schema_version": {"major": 9, "minor": 1}, "graph": []}));
    insta::assert_snapshot!(other, @"m.pt2: models/model.json: schema version 9.1 is not supported; expected 8.x");
    for (entry, text) in [("archive_format", "pt3"), ("archive_version", "1"), ("byteorder", "big")] {
        let mut parts = Parts::of("classifier");
        *parts.bytes(entry) = text.into();
        insta::assert_snapshot!(entry, said(parts.zip()));
    }
    insta::assert_snapshot!(
        said(Parts::exported().edit("card.json", |card| card["format"] = 2.into()).zip()),
        @"m.pt2: card.json: card format 2 is not supported; expected 1"
    );
}

#[test]
fn pickles() {
    // As torch 2.8 writes them.
    let mut parts = Parts::of("classifier");
    parts.remove(INDEX);
    parts.entries.push(("data/weights/model.pt".into(), b"PK".to_vec()));
    insta::assert_snapshot!(said(parts.zip()), @"m.pt2: data/weights/model.pt holds a pickle, which is a program and is never read; rewrite the file with `python -m paname_export old.pt2 new.pt2`, or save the model again by torch.export.save of torch 2.9 or newer");
    // As torch 2.1 to 2.7 write them.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("serialized_exported_program.json", SimpleFileOptions::default()).unwrap();
    zip.start_file("serialized_state_dict.pt", SimpleFileOptions::default()).unwrap();
    insta::assert_snapshot!(said(zip.finish().unwrap().into_inner()), @"m.pt2: serialized_state_dict.pt holds a pickle, which is a program and is never read; rewrite the file with `python -m paname_export old.pt2 new.pt2`, or save the model again by torch.export.save of torch 2.9 or newer");
    // One tensor of a class of its own.
    insta::assert_snapshot!(indexed(|weight| weight["use_pickle"] = true.into()), @"m.pt2: data/weights/weight_4 holds a pickle, which is a program and is never read; rewrite the file with `python -m paname_export old.pt2 new.pt2`, or save the model again by torch.export.save of torch 2.9 or newer");
    // Another file of torch.
    let mut parts = Parts::of("classifier");
    parts.entries = vec![("data.pkl".into(), Vec::new())];
    insta::assert_snapshot!(said(parts.zip()), @"m.pt2: data.pkl holds a pickle, which is a program and is never read; the file is one of torch.save: build the model in Python, load its weights, and save it with `paname_export.export`");
    // No index at all.
    let mut parts = Parts::of("classifier");
    parts.remove(INDEX);
    insta::assert_snapshot!(said(parts.zip()), @"m.pt2: data/weights/model_weights_config.json: is absent; expected the index of the weights");
}

#[test]
fn weights_that_do_not_fit() {
    let mut parts = Parts::of("classifier");
    parts.bytes("data/weights/weight_0").pop();
    insta::assert_snapshot!(said(parts.zip()), @"m.pt2: weight `stem.0.weight`: needs 72 bytes of data/weights/weight_0, which has 71");
    let mut parts = Parts::of("classifier");
    parts.remove("data/weights/weight_0");
    insta::assert_snapshot!(said(parts.zip()), @"m.pt2: weight `stem.0.weight`: data/weights/weight_0 is absent");
    let meta = |change: fn(&mut Value)| indexed(|weight| change(&mut weight["tensor_meta"]));
    insta::assert_snapshot!(meta(|meta| meta["sizes"][0]["as_int"] = 3.into()), @"m.pt2: weight `head.weight`: needs 24 bytes of data/weights/weight_4, which has 16");
    insta::assert_snapshot!(meta(|meta| meta["sizes"][0]["as_int"] = i64::MAX.into()), @"m.pt2: weight `head.weight`: has more elements than memory can hold");
    // Repeated by strides of 0, which takes no memory until somebody copies it.
    let repeated = meta(|meta| {
        meta["sizes"] = json!([{"as_int": 1_i64 << 33}]);
        meta["strides"] = json!([{"as_int": 0}]);
    });
    insta::assert_snapshot!(repeated, @"m.pt2: weight `head.weight`: has 8589934592 elements, of which 1 are stored; expected at most 2147483648, and 16777216 that repeat stored ones");
    insta::assert_snapshot!(meta(|meta| meta["sizes"][0]["as_int"] = (-1).into()), @"m.pt2: weight `head.weight`: has a size, stride or offset that is no number of 0 or more");
    insta::assert_snapshot!(meta(|meta| meta["strides"][0]["as_int"] = i64::MAX.into()), @"m.pt2: weight `head.weight`: has more elements than memory can hold");
    insta::assert_snapshot!(meta(|meta| meta["storage_offset"]["as_int"] = i64::MAX.into()), @"m.pt2: weight `head.weight`: has more elements than memory can hold");
    insta::assert_snapshot!(meta(|meta| meta["storage_offset"]["as_int"] = 1.into()), @"m.pt2: weight `head.weight`: needs 20 bytes of data/weights/weight_4, which has 16");
    insta::assert_snapshot!(meta(|meta| meta["strides"] = json!([])), @"m.pt2: weight `head.weight`: has 2 sizes and 0 strides");
    insta::assert_snapshot!(meta(|meta| meta["dtype"] = 8.into()), @"m.pt2: weight `head.weight`: needs 32 bytes of data/weights/weight_4, which has 16");
    insta::assert_snapshot!(meta(|meta| meta["dtype"] = 99.into()), @"m.pt2: weight `head.weight`: scalar type 99 is unknown");
    insta::assert_snapshot!(indexed(|weight| weight["tensor_meta"] = Value::Null), @"m.pt2: weight `head.weight`: has no tensor_meta");
    insta::assert_snapshot!(indexed(|weight| weight["path_name"] = "../../x".into()), @"m.pt2: weight `head.weight`: data/weights/../../x is absent");
    let absent = Parts::of("classifier").edit(INDEX, |index| {
        index["config"].as_object_mut().unwrap().remove("head.weight");
    });
    insta::assert_snapshot!(said(absent.zip()), @"m.pt2: weight `head.weight`: is named by the signature and by no index of the archive");
}

#[test]
fn cards_that_do_not_fit() {
    let card = |change: fn(&mut Value)| said(Parts::exported().edit("card.json", change).zip());
    insta::assert_snapshot!(card(|card| card["aliases"] = json!({})), @"m.pt2: weight `again.weight`: `again.weight` is absent from data/weights/model.safetensors");
    insta::assert_snapshot!(card(|card| card["layers"][0]["value"] = "nowhere".into()), @"m.pt2: card.json: layer `stem.2` names `nowhere`, which is no tensor of the graph");
    insta::assert_snapshot!(card(|card| card["inputs"] = json!([card["inputs"][0], card["inputs"][0]])), @"m.pt2: card.json: `inputs` describes 2 tensors; the graph takes 1");
    insta::assert_snapshot!(card(|card| card["outputs"] = json!([card["outputs"][0], card["outputs"][0]])), @"m.pt2: card.json: `outputs` describes 2 tensors; the graph returns 1");
    insta::assert_snapshot!(card(|card| card["normalisation"]["std"] = json!([0.0])), @"m.pt2: card.json: `normalisation` needs as many means as deviations, all of these above 0");
    insta::assert_snapshot!(card(|card| card["classes"] = 3.into()), @"m.pt2: card.json: invalid type: integer `3`, expected a sequence at line 1 column 53");
    insta::assert_snapshot!(card(|card| *card = json!([])), @"m.pt2: card.json: invalid length 0, expected struct Format with 1 element at line 1 column 2");
}

#[test]
fn safetensors_that_are_damaged() {
    let mut parts = Parts::exported();
    parts.bytes(TENSORS).pop();
    insta::assert_snapshot!(said(parts.zip()), @"m.pt2: data/weights/model.safetensors: is not a whole safetensors file: incomplete metadata, file not fully covered");
    *parts.bytes(TENSORS) = u64::MAX.to_le_bytes().to_vec();
    insta::assert_snapshot!(said(parts.zip()), @"m.pt2: data/weights/model.safetensors: is not a whole safetensors file: header too large");
    parts.remove(TENSORS);
    insta::assert_snapshot!(said(parts.zip()), @"m.pt2: data/weights/model.safetensors: is absent");
}

#[test]
fn cyclic_graphs() {
    insta::assert_snapshot!(changed(|model| graph(model)["nodes"].as_array_mut().unwrap().swap(2, 3)), @"m.pt2: models/model.json: node 2 (torch.ops.aten.relu.default), argument 0 `self`: `batch_norm` is used before it is defined; the graph is cyclic or malformed");
    let own = changed(|model| {
        let node = &mut graph(model)["nodes"][2];
        node["inputs"][0]["arg"] = node["outputs"][0].clone();
    });
    insta::assert_snapshot!(own, @"m.pt2: models/model.json: node 2 (torch.ops.aten.batch_norm.default), argument 0 `input`: `batch_norm` is used before it is defined; the graph is cyclic or malformed");
    insta::assert_snapshot!(
        changed(|model| graph(model)["nodes"][2]["inputs"][0]["arg"]["as_tensor"]["name"] = "ghost".into()),
        @"m.pt2: models/model.json: node 2 (torch.ops.aten.batch_norm.default), argument 0 `input`: `ghost` is not defined; the graph is cyclic or malformed"
    );
    insta::assert_snapshot!(changed(|model| graph(model)["outputs"][0]["as_tensor"]["name"] = "ghost".into()), @"m.pt2: models/model.json: graph output 0: `ghost` is not defined; the graph is cyclic or malformed");
}

#[test]
fn graphs_that_contradict_themselves() {
    let twice = changed(|model| {
        graph(model)["nodes"][1]["outputs"][0] = graph(model)["nodes"][0]["outputs"][0].clone();
    });
    insta::assert_snapshot!(twice, @"m.pt2: models/model.json: node 1 (torch.ops.aten.add_.Tensor), output 0: `conv2d` is defined twice");
    let undeclared = changed(|model| {
        graph(model)["tensor_values"].as_object_mut().unwrap().remove("relu");
    });
    insta::assert_snapshot!(undeclared, @"m.pt2: models/model.json: node 3 (torch.ops.aten.relu.default), output 0: `relu` has no entry among the values of its graph");
    let kinds = changed(|model| {
        graph(model)["nodes"][2]["inputs"][0]["arg"] = json!({"as_sym_int": {"as_name": "x"}});
    });
    insta::assert_snapshot!(kinds, @"m.pt2: models/model.json: node 2 (torch.ops.aten.batch_norm.default), argument 0 `input`: `x` is a tensor; expected a whole number");
    let defined = changed(|model| {
        let name = graph(model)["nodes"][0]["outputs"][0]["as_tensor"]["name"].clone();
        graph(model)["nodes"][0]["outputs"][0] = json!({"as_sym_int": {"as_name": name}});
    });
    insta::assert_snapshot!(defined, @"m.pt2: models/model.json: node 0 (torch.ops.aten.conv2d.default), output 0: `conv2d` is not a whole number");
    let both = changed(|model| graph(model)["sym_int_values"] = json!({"relu": {"as_int": 1}}));
    insta::assert_snapshot!(both, @"m.pt2: models/model.json: values of the graph: `relu` stands there twice");
    insta::assert_snapshot!(changed(|model| graph(model)["inputs"][0] = json!({"as_ints": [1]})), @"m.pt2: models/model.json: graph input 0: expected a tensor, a symbolic scalar or a literal");
    insta::assert_snapshot!(changed(|model| graph(model)["nodes"][0]["outputs"][0] = json!({"as_ints": [1]})), @"m.pt2: models/model.json: node 0 (torch.ops.aten.conv2d.default), output 0: expected a tensor, a list of tensors, a symbolic scalar or nothing");
    let inside = said(
        Parts::of("regions")
            .edit(MODEL, |model| {
                let nodes = graph(model)["nodes"].as_array_mut().unwrap();
                let inner = &mut nodes[0]["inputs"][1]["arg"]["as_graph"]["graph"];
                inner["nodes"][0]["inputs"][0]["arg"]["as_tensor"]["name"] = "y".into();
            })
            .zip(),
    );
    insta::assert_snapshot!(inside, @"m.pt2: models/model.json: node 0 (torch.ops.higher_order.wrap_with_set_grad_enabled), argument 1 ``, graph `submod_3`, node 0 (torch.ops.aten.mul.Tensor), argument 0 `self`: `y` is not defined; the graph is cyclic or malformed");
}

#[test]
fn sizes_that_nothing_can_hold() {
    let meta = |change: fn(&mut Value)| changed(|model| change(&mut graph(model)["tensor_values"]["relu"]));
    insta::assert_snapshot!(meta(|meta| meta["sizes"][1]["as_int"] = (-2).into()), @"m.pt2: models/model.json: node 3 (torch.ops.aten.relu.default), output 0: `relu`: has a size or stride -2; expected 0 or more");
    insta::assert_snapshot!(
        meta(|meta| meta["sizes"] = json!([{"as_int": 0}, {"as_int": i64::MAX}, {"as_int": 2}, {"as_int": 2}])),
        @"m.pt2: models/model.json: node 3 (torch.ops.aten.relu.default), output 0: `relu`: has more elements than memory can hold"
    );
    insta::assert_snapshot!(meta(|meta| meta["sizes"] = json!([])), @"m.pt2: models/model.json: node 3 (torch.ops.aten.relu.default), output 0: `relu`: has 0 sizes and 4 strides; expected as many");
    insta::assert_snapshot!(
        meta(|meta| {
            meta["sizes"] = json!(vec![json!({"as_int": 1}); 65]);
            meta["strides"] = meta["sizes"].clone();
        }),
        @"m.pt2: models/model.json: node 3 (torch.ops.aten.relu.default), output 0: `relu`: has 65 dimensions; expected at most 64"
    );
    insta::assert_snapshot!(meta(|meta| meta["dtype"] = 0.into()), @"m.pt2: models/model.json: node 3 (torch.ops.aten.relu.default), output 0: `relu`: scalar type 0 is unknown");
    insta::assert_snapshot!(meta(|meta| meta["layout"] = 0.into()), @"m.pt2: models/model.json: node 3 (torch.ops.aten.relu.default), output 0: `relu`: layout 0 is unknown");
}

#[test]
fn symbols_without_a_range_that_can_be() {
    insta::assert_snapshot!(changed(|model| model["range_constraints"] = json!({})), @"m.pt2: models/model.json: input `x`: its size `s77` has no entry in range_constraints");
    let empty = changed(|model| {
        let ranges = model["range_constraints"].as_object_mut().unwrap();
        *ranges.values_mut().next().unwrap() = json!({"min_val": 3, "max_val": 2});
    });
    insta::assert_snapshot!(empty, @"m.pt2: models/model.json: range_constraints, `s77`: the range from 3 to 2 is empty; expected min_val up to max_val");
}

#[test]
fn signatures_that_do_not_fit_the_graph() {
    let less = signed(|signature| {
        signature["input_specs"].as_array_mut().unwrap().pop();
    });
    insta::assert_snapshot!(less, @"m.pt2: models/model.json: signature: names 13 inputs; the graph has 14");
    insta::assert_snapshot!(signed(|signature| signature["output_specs"] = json!([])), @"m.pt2: models/model.json: signature: names 0 outputs; the graph has 1");
    insta::assert_snapshot!(signed(|signature| signature["input_specs"].as_array_mut().unwrap().swap(0, 1)), @"m.pt2: models/model.json: signature, input 0: `p_stem_0_bias` is not the tensor at this place of the graph");
    insta::assert_snapshot!(
        signed(|signature| signature["output_specs"][0]["user_output"]["arg"]["as_tensor"]["name"] = "relu".into()),
        @"m.pt2: models/model.json: signature, output 0: is not what stands at this place of the graph"
    );
    insta::assert_snapshot!(signed(|signature| signature["input_specs"][0] = json!({"token": {}})), @"m.pt2: models/model.json: signature, input 0: is a token, which is not supported");
    insta::assert_snapshot!(signed(|signature| signature["input_specs"][0] = json!({"custom_obj": {}})), @"m.pt2: models/model.json: signature, input 0: is a custom object, which is not supported");
    insta::assert_snapshot!(
        signed(|signature| signature["input_specs"][0] = json!({"constant_input": {}})),
        @"m.pt2: models/model.json: signature, input 0: is a literal, but the graph has a value at this place"
    );
    insta::assert_snapshot!(signed(|signature| signature["output_specs"][0] = json!({"token": {}})), @"m.pt2: models/model.json: signature, output 0: is a token, which is not supported");
}

#[test]
fn documents_of_another_shape() {
    let argument = |argument: Value| changed(|model| graph(model)["nodes"][1]["inputs"][0]["arg"] = argument);
    insta::assert_snapshot!(argument(json!({"as_tensor": {"name": "x"}, "as_none": true})), @"m.pt2: models/model.json: node 1: argument 0: has several keys; expected an object of one key at line 1 column 1291");
    insta::assert_snapshot!(argument(json!({"as_quaternion": 1})), @"m.pt2: models/model.json: node 1: argument 0: unknown variant `as_quaternion`, expected one of `as_none`, `as_tensor`, `as_tensors`, `as_int`, `as_ints`, `as_float`, `as_floats`, `as_string`, `as_strings`, `as_sym_int`, `as_sym_ints`, `as_scalar_type`, `as_memory_format`, `as_layout`, `as_device`, `as_bool`, `as_bools`, `as_sym_bool`, `as_sym_bools`, `as_graph`, `as_optional_tensors`, `as_custom_obj`, `as_operator`, `as_sym_float`, `as_sym_floats`, `as_optional_tensor`, `as_complex`, `as_nested_tensors`, `as_int_lists`, `as_string_to_argument` at line 1 column 1280");
    insta::assert_snapshot!(argument(json!({"as_custom_obj": {"name": "o", "class_fqn": "a.B"}})), @"m.pt2: models/model.json: node 1 (torch.ops.aten.add_.Tensor), argument 0 `self`: `o` is a custom object of class `a.B`, which is not supported");
    insta::assert_snapshot!(argument(json!({"as_ints": [1, 0.5]})), @"m.pt2: models/model.json: node 1: argument 0: item 1: invalid type: floating point `0.5`, expected i64 at line 1 column 1281");
    insta::assert_snapshot!(argument(json!({"as_float": "much"})), @r#"m.pt2: models/model.json: node 1: argument 0: invalid value: string "much", expected a number, "Infinity", "-Infinity" or "NaN" at line 1 column 1282"#);
    insta::assert_snapshot!(argument(json!({"as_memory_format": 9})), @"m.pt2: models/model.json: node 1 (torch.ops.aten.add_.Tensor), argument 0 `self`: memory format 9 is unknown");
    insta::assert_snapshot!(argument(json!([])), @"m.pt2: models/model.json: node 1: argument 0: invalid type: sequence, expected an object of one key at line 1 column 1264");
    insta::assert_snapshot!(changed(|model| graph(model)["nodes"][3] = json!({"target": "x"})), @"m.pt2: models/model.json: node 3: missing field `inputs` at line 1 column 2739");
    insta::assert_snapshot!(changed(|model| graph(model)["nodes"][1]["inputs"][0]["kind"] = 7.into()), @"m.pt2: models/model.json: node 1 (torch.ops.aten.add_.Tensor), argument 0 `self`: kind 7 is unknown");
    insta::assert_snapshot!(changed(|model| graph(model)["nodes"] = json!({})), @"m.pt2: models/model.json: invalid type: map, expected a list at line 1 column 664");
    insta::assert_snapshot!(changed(|model| *model = json!(null)), @"m.pt2: models/model.json: invalid type: null, expected struct ExportedProgram at line 1 column 4");
}

#[test]
fn documents_nested_without_end() {
    // Graphs within graphs.
    let inner = |depth: usize| {
        let node = |graph: &str| {
            format!(
                r#"{{"target":"t","inputs":[{{"name":"","arg":{{"as_graph":{{"name":"g","graph":{graph}}}}}}}],"outputs":[]}}"#
            )
        };
        let graph = |nodes: &str| {
            format!(
                r#"{{"inputs":[],"outputs":[],"nodes":[{nodes}],"tensor_values":{{}},"sym_int_values":{{}},"sym_bool_values":{{}}}}"#
            )
        };
        let mut text = graph("");
        for _ in 0..depth {
            text = graph(&node(&text));
        }
        text
    };
    let read = |graph: String| {
        let mut parts = Parts::of("classifier");
        let signature = r#""signature":{"input_specs":[],"output_specs":[]}"#;
        let rest = r#""range_constraints":{},"schema_version":{"major":8,"minor":0}"#;
        *parts.bytes(MODEL) = format!(r#"{{"graph_module":{{"graph":{graph},{signature}}},{rest}}}"#).into();
        said(parts.zip())
    };
    assert_eq!(read(inner(10)), "is read");
    assert!(read(inner(100)).contains("recursion limit exceeded"));
    // Lists in a place that is skipped.
    let mut parts = Parts::of("classifier");
    let text = String::from_utf8(parts.bytes(MODEL).clone()).unwrap();
    let deep = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    *parts.bytes(MODEL) = text.replacen('{', &format!(r#"{{"skipped":{deep},"#), 1).into();
    assert_eq!(said(parts.zip()), "is read");
    // Modules within modules.
    let stack = (0..100).map(|depth| format!("k,m{depth},c")).collect::<Vec<_>>().join(";");
    insta::assert_snapshot!(
        changed(|model| graph(model)["nodes"][0]["metadata"]["nn_module_stack"] = stack.into()),
        @"m.pt2: models/model.json: node 0 (torch.ops.aten.conv2d.default): comes from modules more than 64 deep"
    );
}

#[test]
fn as_many_nodes_as_one_likes_take_linear_time() {
    // Quadratic time would be minutes.
    let count = 50_000;
    let mut parts = Parts::of("classifier");
    let text = String::from_utf8(parts.bytes(MODEL).clone()).unwrap();
    let (mut nodes, mut values) = (String::new(), String::new());
    let meta = r#"{"dtype":7,"sizes":[],"requires_grad":false,"device":{"type":"cpu"},"strides":[],"storage_offset":{"as_int":0},"layout":7}"#;
    let mut before = "x".to_owned();
    for index in 0..count {
        let name = format!("v{index}");
        write!(
            nodes,
            r#"{{"target":"t","inputs":[{{"name":"self","arg":{{"as_tensor":{{"name":"{before}"}}}}}}],"outputs":[{{"as_tensor":{{"name":"{name}"}}}}],"metadata":{{"nn_module_stack":"k,m{index},c"}}}},"#
        )
        .unwrap();
        write!(values, r#""{name}":{meta},"#).unwrap();
        before = name;
    }
    let text = text.replacen(r#""nodes": ["#, &format!(r#""nodes": [{nodes}"#), 1);
    let text = text.replacen(r#""tensor_values": {"#, &format!(r#""tensor_values": {{{values}"#), 1);
    *parts.bytes(MODEL) = text.into();
    let archive = parts.read().unwrap();
    assert!(archive.program().graph.nodes.len() > count);
    assert!(archive.layers().len() >= count - 1);
}
