//! What a model file is, told by its first bytes and the names in it. Nothing of it runs: pickles are looked at as bytes, and never read.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use paname_core::{Error, Result};
use serde_json::Value;
use zip::ZipArchive;

/// Most bytes of a pickle that are looked at.
const MOST_OF_PICKLE: u64 = 1 << 20;
/// Most bytes that the header of safetensors may have, as its format says.
const MOST_OF_HEADER: u64 = 100_000_000;

/// A kind of model file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelFile {
    /// A model in TorchScript: `torch.jit.save`.
    TorchScript,
    /// A Python pickle of PyTorch: `torch.save`.
    Checkpoint(Pickled),
    /// A program of `torch.export`, `.pt2`.
    TorchExport,
    /// The same as PyTorch before 2.9 writes it, with its weights in a pickle.
    PickledExport,
    /// Weights in safetensors.
    Safetensors,
    /// A Python pickle of another library, such as `joblib.dump` writes.
    Pickle,
    /// A model in ONNX.
    Onnx,
    /// NumPy's arrays, npy or npz: no model.
    Arrays,
    /// A zip archive of something else.
    Archive,
    /// A file that ends before its format says.
    Truncated(&'static str),
    /// Anything else.
    Unknown,
}

/// What lies in the pickle of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pickled {
    /// Weights alone, a `state_dict`.
    Weights,
    /// A dictionary, and the key under which it seems to have the weights.
    Dictionary(Option<&'static str>),
    /// A value of this class, such as `__main__.Net`.
    Object(String),
    /// What cannot be told.
    Unknown,
}

/// The words in the lines of Python, in the reader's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<'a> {
    /// Beside the place of the model's class.
    pub class: &'a str,
    /// Beside the place of a model with its weights.
    pub model: &'a str,
    /// Beside the place of an example of the inputs.
    pub example: &'a str,
    /// Beside a line that runs what the file says.
    pub runs: &'a str,
    /// Beside the place of the audited records.
    pub inputs: &'a str,
}

impl Words<'static> {
    /// English.
    pub const ENGLISH: Self = Self {
        class: "your class, built as for training",
        model: "your model, with its weights",
        example: "a batch of inputs, e.g. torch.zeros(1, 3, 32, 32)",
        runs: "runs what the file says: only if you trust it",
        inputs: "the audited records, in the order of the table",
    };
}

/// Says what kind of file this is, whatever its name, unless it is compressed as a whole. Nothing of it runs.
pub fn recognise(path: &Path) -> Result<ModelFile> {
    let place = path.display().to_string();
    let refused = |error: std::io::Error| Error::data(&place, format!("cannot be read: {error}"));
    // Asked before opening, since to open a pipe may wait for ever.
    let data = path.metadata().map_err(refused)?;
    if !data.is_file() {
        return Err(Error::data(&place, "is not a file; expected a model file"));
    }
    let mut file = File::open(path).map_err(refused)?;
    let mut head = Vec::new();
    file.by_ref().take(64).read_to_end(&mut head).map_err(refused)?;
    Ok(match &head[..] {
        [] => ModelFile::Truncated("empty"),
        [b'P', b'K', 3, 4, ..] => of_archive(file),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => ModelFile::Arrays,
        // The number that old versions of PyTorch put in front: 0x1950a86a20f9469cfc6c.
        [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, ..] => ModelFile::Checkpoint(Pickled::Unknown),
        [0x80, 2..=5, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => ModelFile::Pickle,
        // Compressed by gzip, bzip2 or xz, which tells nothing of what it is: here the name does.
        [0x1f, 0x8b, ..] | [b'B', b'Z', b'h', ..] | [0xfd, b'7', b'z', b'X', b'Z', ..]
            if path
                .extension()
                .is_some_and(|end| ["joblib", "pkl", "pickle"].iter().any(|name| end == *name)) =>
        {
            ModelFile::Pickle
        }
        _ => of_safetensors(&head, &mut file, data.len()).unwrap_or(if is_onnx(&head) {
            ModelFile::Onnx
        } else {
            ModelFile::Unknown
        }),
    })
}

impl ModelFile {
    /// The name of the kind, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TorchScript => "torchscript",
            Self::Checkpoint(_) => "checkpoint",
            Self::TorchExport => "torch-export",
            Self::PickledExport => "pickled-torch-export",
            Self::Safetensors => "safetensors",
            Self::Pickle => "pickle",
            Self::Onnx => "onnx",
            Self::Arrays => "arrays",
            Self::Archive => "archive",
            Self::Truncated(_) => "truncated",
            Self::Unknown => "unknown",
        }
    }

    /// Whether PANAME can open it as a model.
    pub fn is_readable(&self) -> bool {
        matches!(self, Self::TorchScript | Self::TorchExport | Self::Safetensors)
    }

    /// What it is and whether PANAME reads it, on one line.
    pub fn description(&self) -> String {
        let text = match self {
            Self::TorchScript => {
                "a TorchScript model; PANAME reads it with the torch plugin, and since it is a program, with `trust = true`"
            }
            Self::Checkpoint(pickled) => {
                let holds = match pickled {
                    Pickled::Weights => " of weights only (a state_dict)".to_owned(),
                    Pickled::Dictionary(Some(key)) => format!(" of a dictionary with weights under `{key}`"),
                    Pickled::Dictionary(None) => " of a dictionary".to_owned(),
                    Pickled::Object(class) => format!(" of an object of class `{class}`"),
                    Pickled::Unknown => String::new(),
                };
                return format!(
                    "a Python pickle of PyTorch{holds}, which PANAME does not read, since a pickle runs code; export the model as .pt2"
                );
            }
            Self::TorchExport => {
                "a program of torch.export (.pt2); PANAME reads it with the torch plugin, as `program = \"…\"`, without `trust`, since it is data"
            }
            Self::PickledExport => {
                "a program of torch.export of PyTorch before 2.9, with its weights in a pickle, which PANAME does not read, since a pickle runs code; rewrite it"
            }
            Self::Safetensors => {
                "weights in safetensors, without the computation that they belong to; PANAME reads those of its built-in architectures with the torch plugin (`weights`, `architecture`); export others as .pt2"
            }
            Self::Pickle => {
                "a Python pickle, such as joblib writes it, which PANAME does not read, since a pickle runs code; save the model's predictions and audit those with the adapter `predictions`"
            }
            Self::Onnx => {
                "an ONNX model, which PANAME does not read; export the model that it was made from as .pt2"
            }
            Self::Arrays => {
                "NumPy's arrays and no model; the adapter `predictions` audits recorded predictions"
            }
            Self::Archive => "a zip archive and no model that PANAME knows",
            Self::Truncated(what) => return format!("a file that is not whole ({what}); copy it again"),
            Self::Unknown => {
                "no model that PANAME knows; expected a .pt2 file, as paname_export writes it, or TorchScript"
            }
        };
        text.to_owned()
    }

    /// The lines of Python, or the one of a shell, that make of this file one that PANAME reads; None where there is nothing to do or to be done.
    pub fn python(&self, path: &Path, words: &Words<'_>) -> Option<String> {
        // A JSON string is one of Python, too.
        let file = Value::String(path.display().to_string()).to_string();
        let exported = Value::String(path.with_extension("pt2").display().to_string()).to_string();
        let Words { class, model, example, runs, inputs } = words;
        let load = |key: &str| {
            format!(
                "model = …  # {class}\nmodel.load_state_dict(torch.load({file}, map_location=\"cpu\", weights_only=True){key})"
            )
        };
        let begin = match self {
            Self::Checkpoint(Pickled::Weights | Pickled::Dictionary(None)) => load(""),
            Self::Checkpoint(Pickled::Dictionary(Some(key))) => load(&format!("[\"{key}\"]")),
            Self::Checkpoint(Pickled::Object(_)) => {
                format!("model = torch.load({file}, map_location=\"cpu\", weights_only=False)  # {runs}")
            }
            Self::Safetensors => format!(
                "import safetensors.torch\nmodel = …  # {class}\nmodel.load_state_dict(safetensors.torch.load_file({file}))"
            ),
            Self::Checkpoint(Pickled::Unknown) | Self::Onnx => {
                format!("model = …  # {model}")
            }
            Self::Pickle => {
                return Some(format!(
                    "import joblib, numpy\nmodel = joblib.load({file})  # {runs}\ninputs = …  # {inputs}\nnumpy.save(\"probabilities.npy\", model.predict_proba(inputs))"
                ));
            }
            Self::PickledExport => {
                let old = shell(&path.display().to_string());
                let new = shell(&path.with_extension("paname.pt2").display().to_string());
                return Some(format!("python -m paname_export {old} {new}  # {runs}"));
            }
            Self::TorchScript
            | Self::TorchExport
            | Self::Arrays
            | Self::Archive
            | Self::Truncated(_)
            | Self::Unknown => {
                return None;
            }
        };
        Some(format!(
            "import paname_export, torch\n{begin}\nmodel.eval()\nexample = …  # {example}\npaname_export.export(model, example, {exported}, task=\"classification\")"
        ))
    }

    /// What it is, whether PANAME reads it, and where not, the lines of Python to type.
    pub fn advice(&self, path: &Path) -> String {
        match self.python(path, &Words::ENGLISH) {
            None => self.description(),
            Some(python) => format!("{}:\n{python}", self.description()),
        }
    }
}

/// A text as a shell takes it for one word.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The kind of a zip archive, by the names in it.
fn of_archive(file: File) -> ModelFile {
    let Ok(mut archive) = ZipArchive::new(BufReader::new(file)) else {
        // The list of names stands at the end.
        return ModelFile::Truncated("the end of the zip archive is missing");
    };
    // PyTorch puts all into one folder, which has the name of the file at the time.
    let within = |name: &str| name.split_once('/').map_or(name, |(_, rest)| rest).to_owned();
    // A name that is no text is none that is looked for.
    let whole: Vec<String> = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let names: Vec<String> = whole.iter().map(|name| within(name)).collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    let ends = |end: &str| names.iter().any(|known| known.ends_with(end));
    if has("constants.pkl") && names.iter().any(|name| name.starts_with("code/")) {
        ModelFile::TorchScript
    } else if ends("serialized_exported_program.json") {
        ModelFile::PickledExport
    } else if let Some(model) = names.iter().find_map(|name| {
        let model = name.strip_prefix("models/")?.strip_suffix(".json")?;
        (!model.contains('/')).then_some(model)
    }) {
        // The card of paname_export, or the index of the weights that are no pickle.
        let plain = has("card.json") || has(&format!("data/weights/{model}_weights_config.json"));
        let pickled = !plain && has(&format!("data/weights/{model}.pt"));
        if pickled { ModelFile::PickledExport } else { ModelFile::TorchExport }
    } else if has("data.pkl") {
        let mut pickle = Vec::new();
        let name = whole.iter().find(|name| within(name) == "data.pkl");
        let member = name.and_then(|name| archive.by_name(name).ok());
        // What cannot be unpacked tells nothing.
        let _ = member.map(|member| member.take(MOST_OF_PICKLE).read_to_end(&mut pickle));
        ModelFile::Checkpoint(of_pickle(&pickle))
    } else if ends(".npy") {
        ModelFile::Arrays
    } else {
        ModelFile::Archive
    }
}

/// What a pickle begins with, told by its first instruction. PyTorch writes protocol 2.
fn of_pickle(pickle: &[u8]) -> Pickled {
    match pickle {
        [0x80, 2, b'}', rest @ ..] => {
            let keys = ["state_dict", "model_state_dict", "model"];
            Pickled::Dictionary(keys.into_iter().find(|key| holds_key(rest, key)))
        }
        [0x80, 2, b'c', rest @ ..] => {
            let mut lines = rest.split(|byte| *byte == b'\n').map(String::from_utf8_lossy);
            match (lines.next().as_deref(), lines.next().as_deref()) {
                (Some("collections"), Some("OrderedDict")) => Pickled::Weights,
                (Some(module), Some(class)) if is_path(module) && is_path(class) => {
                    Pickled::Object(format!("{module}.{class}"))
                }
                _ => Pickled::Unknown,
            }
        }
        _ => Pickled::Unknown,
    }
}

/// Whether a pickle has this text, as protocol 2 writes it.
fn holds_key(pickle: &[u8], key: &str) -> bool {
    let written = [&[b'X'][..], &(key.len() as u32).to_le_bytes(), key.as_bytes()].concat();
    pickle.windows(written.len()).any(|window| window == written)
}

/// A name of Python that can be shown.
fn is_path(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
}

/// Safetensors: the length of a header, the header in JSON, then the tensors that it lists. None where this is something else.
fn of_safetensors(head: &[u8], file: &mut File, size: u64) -> Option<ModelFile> {
    let (length, rest) = head.split_first_chunk::<8>()?;
    let length = u64::from_le_bytes(*length);
    if length > MOST_OF_HEADER || rest.first() != Some(&b'{') {
        return None;
    }
    let truncated = Some(ModelFile::Truncated("safetensors that end too early"));
    if length + 8 > size {
        return truncated;
    }
    let mut header = Vec::new();
    file.seek(SeekFrom::Start(8)).ok()?;
    file.take(length).read_to_end(&mut header).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    let tensors = header.as_object()?.iter().filter(|(name, _)| *name != "__metadata__");
    let ends = tensors.map(|(_, tensor)| tensor["data_offsets"][1].as_u64()).collect::<Option<Vec<u64>>>()?;
    let needed = ends.into_iter().max().unwrap_or(0);
    if needed > size - length - 8 { truncated } else { Some(ModelFile::Safetensors) }
}

/// ONNX has no mark of its own: its first field is a small version, its second a name or the graph.
fn is_onnx(head: &[u8]) -> bool {
    matches!(head, [0x08, 1..=30, 0x12 | 0x1a | 0x22 | 0x3a | 0x42, ..])
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut archive = ZipWriter::new(&mut bytes);
        for (name, content) in members {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap();
        bytes.into_inner()
    }

    fn recognised(bytes: &[u8]) -> ModelFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        recognise(file.path()).unwrap()
    }

    fn checkpoint(pickle: &[u8]) -> ModelFile {
        recognised(&zip(&[("m/data.pkl", pickle), ("m/byteorder", b"little"), ("m/data/0", b"1234")]))
    }

    fn safetensors(header: &str, tensors: usize) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; tensors]].concat()
    }

    #[test]
    fn archives_are_told_by_the_names_in_them() {
        let script = [("m/data.pkl", &b"x"[..]), ("m/code/__torch__.py", b"x"), ("m/constants.pkl", b"x")];
        assert_eq!(recognised(&zip(&script)), ModelFile::TorchScript);
        let exported = zip(&[("m/models/model.json", b"{}"), ("m/archive_format", b"pt2")]);
        assert_eq!(recognised(&exported), ModelFile::TorchExport);
        let older = zip(&[("serialized_exported_program.json", b"{}"), ("version", b"5")]);
        assert_eq!(recognised(&older), ModelFile::PickledExport);
        let pickled = zip(&[("m/models/model.json", b"{}"), ("m/data/weights/model.pt", b"PK")]);
        assert_eq!(recognised(&pickled), ModelFile::PickledExport);
        let index = ("m/data/weights/net_weights_config.json", &b"{}"[..]);
        let named = zip(&[("m/models/net.json", b"{}"), index, ("m/data/weights/net.pt", b"PK")]);
        assert_eq!(recognised(&named), ModelFile::TorchExport);
        assert_eq!(recognised(&zip(&[("losses.npy", b"x")])), ModelFile::Arrays);
        assert_eq!(recognised(&zip(&[("a/b.txt", b"x")])), ModelFile::Archive);
        let whole = zip(&script);
        for length in 4..whole.len() {
            let cut = recognised(&whole[..length]);
            assert_eq!(cut, ModelFile::Truncated("the end of the zip archive is missing"), "{length}");
        }
    }

    /// The beginnings of what Python 3.11 and PyTorch 2.11 write, instruction by instruction.
    #[test]
    fn checkpoints_tell_what_they_hold() {
        let weights =
            checkpoint(b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(X\x08\x00\x00\x000.weight");
        assert_eq!(weights, ModelFile::Checkpoint(Pickled::Weights));
        let object = checkpoint(b"\x80\x02c__main__\nNet\nq\x00)\x81q\x01}q\x02");
        assert_eq!(object, ModelFile::Checkpoint(Pickled::Object("__main__.Net".into())));
        let lightning = checkpoint(
            b"\x80\x02}q\x00(X\x05\x00\x00\x00epochq\x01K\x03X\x0a\x00\x00\x00state_dictq\x02ccollections\n",
        );
        assert_eq!(lightning, ModelFile::Checkpoint(Pickled::Dictionary(Some("state_dict"))));
        let plain = checkpoint(b"\x80\x02}q\x00(X\x08\x00\x00\x000.weight");
        assert_eq!(plain, ModelFile::Checkpoint(Pickled::Dictionary(None)));
        for unclear in [&b""[..], b"\x80\x02", b"\x80\x02cm\x1b[31m\nNet\n", b"\x80\x04\x95", b"\x80\x02cm"] {
            assert_eq!(checkpoint(unclear), ModelFile::Checkpoint(Pickled::Unknown), "{unclear:?}");
        }
        let old = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
        assert_eq!(recognised(old), ModelFile::Checkpoint(Pickled::Unknown));
    }

    #[test]
    fn other_files_are_told_by_their_first_bytes() {
        for (bytes, expected) in [
            (&b"\x80\x04\x95\x00"[..], ModelFile::Pickle),
            (b"\x80\x05\x95\x00", ModelFile::Pickle),
            (b"\x78\x9c\x00", ModelFile::Pickle),
            (b"\x08\x08\x12\x07pytorch", ModelFile::Onnx),
            (b"\x93NUMPY\x01\x00", ModelFile::Arrays),
            (b"id,label", ModelFile::Unknown),
            (b"\x80", ModelFile::Unknown),
            (b"", ModelFile::Truncated("empty")),
        ] {
            assert_eq!(recognised(bytes), expected, "{bytes:?}");
        }
        let header =
            r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        assert_eq!(recognised(&safetensors(header, 8)), ModelFile::Safetensors);
        let whole = safetensors(header, 8);
        for length in 9..whole.len() {
            let cut = recognised(&whole[..length]);
            assert_eq!(cut, ModelFile::Truncated("safetensors that end too early"), "{length}");
        }
        assert_eq!(recognised(&safetensors(r#"{"w":{}}"#, 8)), ModelFile::Unknown);
        assert_eq!(recognised(&safetensors("{nonsense", 8)), ModelFile::Unknown);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = |path: &Path| {
            let message = recognise(path).unwrap_err().to_string();
            message.replace(&folder.path().display().to_string(), "~")
        };
        assert_eq!(refusal(folder.path()), "~: is not a file; expected a model file");
        let absent = folder.path().join("absent.pt");
        assert_eq!(refusal(&absent), "~/absent.pt: cannot be read: No such file or directory (os error 2)");
    }

    #[test]
    fn advice_is_what_to_type() {
        let weights = ModelFile::Checkpoint(Pickled::Weights);
        assert_eq!(
            weights.advice(Path::new("a \"b\".pt")),
            r#"a Python pickle of PyTorch of weights only (a state_dict), which PANAME does not read, since a pickle runs code; export the model as .pt2:
import paname_export, torch
model = …  # your class, built as for training
model.load_state_dict(torch.load("a \"b\".pt", map_location="cpu", weights_only=True))
model.eval()
example = …  # a batch of inputs, e.g. torch.zeros(1, 3, 32, 32)
paname_export.export(model, example, "a \"b\".pt2", task="classification")"#
        );
        let python = |file: ModelFile| file.python(Path::new("m.ckpt"), &Words::ENGLISH);
        let lightning = python(ModelFile::Checkpoint(Pickled::Dictionary(Some("state_dict")))).unwrap();
        assert!(lightning.contains("weights_only=True)[\"state_dict\"])"), "{lightning}");
        let object = python(ModelFile::Checkpoint(Pickled::Object("a.B".into()))).unwrap();
        assert!(object.contains("weights_only=False)  # runs what the file says"), "{object}");
        assert!(python(ModelFile::Pickle).unwrap().contains("predict_proba"));
        assert_eq!(python(ModelFile::TorchScript), None);
        let old = ModelFile::PickledExport.python(Path::new("it's.pt2"), &Words::ENGLISH).unwrap();
        let expected = r"python -m paname_export 'it'\''s.pt2' 'it'\''s.paname.pt2'";
        assert!(old.starts_with(expected) && !ModelFile::PickledExport.is_readable(), "{old}");
        assert!(ModelFile::TorchScript.is_readable() && !weights.is_readable());
    }

    proptest! {
        /// No bytes, whatever they claim to be, do more than to be told.
        #[test]
        fn any_bytes_are_told(
            begin in prop::sample::select(vec![&b""[..], b"PK\x03\x04", b"\x80\x02", b"\x08\x00\x00\x00\x00\x00\x00\x00{", b"\x08\x08"]),
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let file = recognised(&[begin, &bytes].concat());
            prop_assert!(!file.description().contains('\n'));
        }

        #[test]
        fn changed_archives_are_told(place in 0_usize..400, byte in any::<u8>()) {
            let mut bytes = zip(&[("m/data.pkl", b"\x80\x02ccollections\nOrderedDict\n"), ("m/version", b"3")]);
            if let Some(old) = bytes.get_mut(place) { *old = byte; }
            prop_assert!(!recognised(&bytes).description().contains('\n'));
        }
    }
}
