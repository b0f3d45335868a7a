//! Weights as safetensors files, which are data and nothing else. What PANAME saves says of which architecture it is.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use paname_core::{DType, Error, Result};
use paname_data::ModelFile;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::architecture::Architecture;
use crate::error::from_torch;
use crate::model::Learner;
use crate::network::Network;
use crate::tensor::{export, of_slice};

/// Key of the description in the file's metadata.
const KEY: &str = "paname";
/// Key of the digest of the program whose weights they are.
const PROGRAM_KEY: &str = "paname-program";

/// What a file of weights says of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Described {
    pub(crate) architecture: Architecture,
    /// Shape of a prepared record.
    pub(crate) record: Vec<i64>,
    /// Number of outputs.
    pub(crate) outputs: i64,
}

/// A network's parameters and buffers as a file has them. The same network gives the same bytes.
pub(crate) fn bytes(network: &Network, described: &Described) -> Result<Vec<u8>> {
    let text = serde_json::to_string(described).map_err(|error| unwritable(&error))?;
    written(network.state(), KEY, text)
}

/// Those of a program, which `digest` names.
pub(crate) fn bytes_of_program(model: &impl Learner, digest: &str) -> Result<Vec<u8>> {
    written(model.state(), PROGRAM_KEY, digest.to_owned())
}

/// Fails where a weight of a program is of a type that a file does not hold, before a fit that could not be kept.
pub(crate) fn check_writable(model: &impl Learner) -> Result<()> {
    for (name, value) in model.state() {
        let fits = crate::tensor::dtype(value.kind()).is_ok_and(|dtype| stored(dtype).is_some());
        if !fits {
            return Err(unwritable(&format!("`{name}` has elements of type {:?}", value.kind())));
        }
    }
    Ok(())
}

fn unwritable(problem: &dyn std::fmt::Display) -> Error {
    Error::Other(format!("weights cannot be written: {problem}"))
}

fn written(named: Vec<(String, Tensor)>, key: &str, text: String) -> Result<Vec<u8>> {
    let mut tensors = Vec::with_capacity(named.len());
    for (name, value) in named {
        let value = export(&value)?;
        let dtype = stored(value.dtype())
            .ok_or_else(|| unwritable(&format!("`{name}` has elements of type {:?}", value.dtype())))?;
        tensors.push((name, dtype, value));
    }
    let mut views = Vec::with_capacity(tensors.len());
    for (name, dtype, value) in &tensors {
        let view = TensorView::new(*dtype, value.shape().to_vec(), value.bytes()?);
        views.push((name.as_str(), view.map_err(|error| unwritable(&error))?));
    }
    let metadata = HashMap::from([(key.to_owned(), text)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| unwritable(&error))
}

/// The weights of a program in a file: by name, as numbers of their own types. Fails where they are said to be of another program than `digest`.
pub(crate) fn load_of_program(path: &Path, place: &str, digest: &str) -> Result<HashMap<String, Tensor>> {
    let refused = |problem: String| Error::data(place, problem);
    let bytes = fs::read(path).map_err(|error| refused(format!("cannot be read: {error}")))?;
    let unreadable = |error| unreadable(path, place, &error);
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(unreadable)?;
    let file = SafeTensors::deserialize(&bytes).map_err(unreadable)?;
    let said = header.metadata().as_ref().and_then(|metadata| metadata.get(PROGRAM_KEY));
    if said.is_some_and(|said| said != digest) {
        return Err(refused("holds the weights of another program than `architecture` names".into()));
    }
    let mut tensors = HashMap::new();
    for (name, view) in file.iter() {
        let shape: Vec<i64> = view.shape().iter().map(|&length| length as i64).collect();
        let value = match kind(view.dtype()) {
            Some(kind) if view.data().is_empty() => Tensor::f_zeros(&shape, (kind, Device::Cpu)),
            Some(kind) => Tensor::f_from_data_size(view.data(), &shape, kind),
            None => {
                let problem =
                    format!("tensor `{name}` is of type {:?}, which is not supported", view.dtype());
                return Err(refused(problem));
            }
        };
        tensors.insert(name.to_owned(), value.map_err(from_torch)?);
    }
    Ok(tensors)
}

/// The type of a file for one of ours.
fn stored(dtype: DType) -> Option<Dtype> {
    Some(match dtype {
        DType::Bool => Dtype::BOOL,
        DType::U8 => Dtype::U8,
        DType::I32 => Dtype::I32,
        DType::I64 => Dtype::I64,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
        _ => return None,
    })
}

/// The type of libtorch for one of a file.
fn kind(dtype: Dtype) -> Option<Kind> {
    Some(match dtype {
        Dtype::BOOL => Kind::Bool,
        Dtype::U8 => Kind::Uint8,
        Dtype::I32 => Kind::Int,
        Dtype::I64 => Kind::Int64,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        _ => return None,
    })
}

/// Why a file is no safetensors that can be read.
fn unreadable(path: &Path, place: &str, error: &safetensors::SafeTensorError) -> Error {
    let problem = match paname_data::recognise(path) {
        Ok(ModelFile::TorchScript) => {
            "a TorchScript program, which `script` names; expected safetensors".into()
        }
        Ok(ModelFile::TorchExport) => {
            "a program of torch.export, which `program` names; expected safetensors".into()
        }
        Ok(file) if file != ModelFile::Safetensors => file.description(),
        _ => format!("is no safetensors file that can be read: {error}"),
    };
    Error::data(place, problem)
}

/// Reads a network. The file says its architecture, unless `given` does, with the shape of a record and perhaps the number of outputs.
pub(crate) fn load(
    path: &Path,
    place: &str,
    given: Option<(&Architecture, &[i64])>,
    device: Device,
) -> Result<(Network, Described)> {
    let refused = |problem: String| Error::data(place, problem);
    let bytes = fs::read(path).map_err(|error| refused(format!("cannot be read: {error}")))?;
    let unreadable = |error| unreadable(path, place, &error);
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(unreadable)?;
    let file = SafeTensors::deserialize(&bytes).map_err(unreadable)?;
    let metadata = header.metadata().as_ref();
    if metadata.is_some_and(|metadata| metadata.contains_key(PROGRAM_KEY)) {
        return Err(refused(
            "holds the weights of a program; `architecture = { name = \"program\", file = … }` says of which"
                .into(),
        ));
    }
    let said = metadata.and_then(|metadata| metadata.get(KEY));
    let said: Option<Described> = match said {
        Some(text) => Some(
            serde_json::from_str(text)
                .map_err(|error| refused(format!("describes itself wrongly: {error}")))?,
        ),
        None => None,
    };
    let described = match (given, said) {
        (Some((architecture, record)), said) => Described {
            architecture: architecture.clone(),
            record: record.to_vec(),
            outputs: outputs_of(&file, said.as_ref()).ok_or_else(|| {
                refused("holds no `output.weight`, the last layer of every built-in architecture; rename the tensors, or save a TorchScript program".into())
            })?,
        },
        (None, Some(said)) => said,
        (None, None) => {
            return Err(refused(
                "does not say of which architecture the weights are; `architecture = { name = … }` does".into(),
            ));
        }
    };
    let plan = described.architecture.plan(&described.record, described.outputs)?;
    let values = plan.parameters.iter().chain(&plan.buffers).map(|planned| {
        let view = file.tensor(&planned.name).map_err(|_| {
            let mut names = file.names();
            names.sort_unstable();
            let few: Vec<&str> = names.iter().take(6).copied().collect();
            refused(format!(
                "holds no tensor `{}`; it has {}{}",
                planned.name,
                few.join(", "),
                if names.len() > 6 { ", …" } else { "" }
            ))
        })?;
        let shape: Vec<i64> = view.shape().iter().map(|&length| length as i64).collect();
        if shape != planned.shape {
            return Err(Error::mismatch(
                format!("{place}, tensor `{}`", planned.name),
                format!("shape {:?}", planned.shape),
                format!("{shape:?}"),
            ));
        }
        tensor(&view, &shape).ok_or_else(|| {
            refused(format!("tensor `{}` is of type {:?}; expected real numbers", planned.name, view.dtype()))
        })?
    });
    let values =
        values.map(|value| value?.f_to(device).map_err(from_torch)).collect::<Result<Vec<Tensor>>>()?;
    Ok((Network::with(plan, values)?, described))
}

/// Number of outputs, by the last layer.
fn outputs_of(file: &SafeTensors<'_>, said: Option<&Described>) -> Option<i64> {
    let shape = file.tensor("output.weight").ok().map(|view| view.shape().to_vec());
    shape.and_then(|shape| shape.first().map(|&rows| rows as i64)).or_else(|| said.map(|said| said.outputs))
}

fn tensor(view: &TensorView<'_>, shape: &[i64]) -> Option<Result<Tensor>> {
    let kind = match view.dtype() {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        _ => return None,
    };
    if view.data().is_empty() {
        return Some(of_slice::<f32>(&[], shape));
    }
    let read = Tensor::f_from_data_size(view.data(), shape, kind).and_then(|t| t.f_to_kind(Kind::Float));
    Some(read.map_err(from_torch))
}
