//! Weights as safetensors files, which are data and nothing else. What PANAME saves says of which architecture it is.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use paname_core::{Error, Result};
use paname_data::ModelFile;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::architecture::Architecture;
use crate::error::from_torch;
use crate::network::Network;
use crate::tensor::of_slice;

/// Key of the description in the file's metadata.
const KEY: &str = "paname";

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
    let refused = |problem: String| Error::Other(format!("weights cannot be written: {problem}"));
    let named = network.named();
    let mut bytes = Vec::with_capacity(named.len());
    for (name, value) in named {
        let value = value.f_to(Device::Cpu).and_then(|v| v.f_contiguous()).map_err(from_torch)?;
        let values: Vec<f32> = value.f_reshape([-1]).map_err(from_torch)?.try_into().map_err(from_torch)?;
        let shape: Vec<usize> = value.size().iter().map(|&length| length as usize).collect();
        bytes.push((name, shape, bytemuck::cast_slice::<f32, u8>(&values).to_vec()));
    }
    let views = bytes.iter().map(|(name, shape, bytes)| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let views =
        views.collect::<std::result::Result<Vec<_>, _>>().map_err(|error| refused(error.to_string()))?;
    let text = serde_json::to_string(described).map_err(|error| refused(error.to_string()))?;
    let metadata = HashMap::from([(KEY.to_owned(), text)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| refused(error.to_string()))
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
    let unreadable = |error: safetensors::SafeTensorError| {
        refused(match paname_data::recognise(path) {
            Ok(ModelFile::TorchScript) => {
                "a TorchScript program, which `script` names; expected safetensors".into()
            }
            Ok(file) if file != ModelFile::Safetensors => file.description(),
            _ => format!("is no safetensors file that can be read: {error}"),
        })
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(unreadable)?;
    let file = SafeTensors::deserialize(&bytes).map_err(unreadable)?;
    let said = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
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
