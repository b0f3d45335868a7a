//! TorchScript: programs that PyTorch has saved. They run what they like, with the rights of this process, which is why a manifest must say `trust = true`.

use std::path::Path;

use paname_core::{Error, Result};
use paname_data::{ModelFile, Pickled};
use tch::{CModule, Device, IValue, Kind, Tensor};

use crate::error::{from_torch, said};
use crate::model::Model;
use crate::network::Heard;
use crate::tensor::{Sealed, owned};

/// A loaded program.
pub(crate) struct Script {
    module: CModule,
    /// Its parameters, through which gradients can be asked for.
    parameters: Vec<(String, Sealed)>,
    place: String,
    /// Names of what it returns, in the order of a tuple, or keys of a dictionary; the outputs are one of them.
    outputs: Vec<String>,
    /// The name of the outputs themselves.
    main: String,
}

impl Script {
    /// Loads a program for this device, in evaluation mode.
    pub(crate) fn load(
        path: &Path,
        place: &str,
        outputs: &[String],
        main: &str,
        device: Device,
    ) -> Result<Self> {
        // Without the executor's rewriting: the same arithmetic for every call, as when PyTorch runs the model itself.
        tch::jit::f_set_graph_executor_optimize(false).map_err(from_torch)?;
        let mut module =
            CModule::load_on_device(path, device).map_err(|error| refusal(path, place, &error))?;
        module.f_set_eval().map_err(from_torch)?;
        let mut parameters = Vec::new();
        for (name, parameter) in module.named_parameters().map_err(from_torch)? {
            let real = parameter.is_floating_point();
            parameters
                .push((name, Sealed::new(if real { parameter.set_requires_grad(true) } else { parameter })));
        }
        let outputs = if outputs.is_empty() { vec![main.to_owned()] } else { outputs.to_vec() };
        Ok(Self { module, parameters, place: place.to_owned(), outputs, main: main.to_owned() })
    }

    fn failed(&self, problem: impl std::fmt::Display) -> Error {
        Error::data(&self.place, problem.to_string())
    }

    /// The named tensors of an answer.
    fn named(&self, answer: IValue) -> Result<Vec<(String, Tensor)>> {
        let items = match answer {
            IValue::Tensor(one) => vec![IValue::Tensor(one)],
            IValue::Tuple(items) | IValue::GenericList(items) => items,
            IValue::TensorList(items) => items.into_iter().map(IValue::Tensor).collect(),
            IValue::GenericDict(entries) => return self.keyed(entries),
            other => {
                let kind = format!("{other:?}");
                let kind = kind.split('(').next().unwrap_or_default();
                return Err(self.failed(format!("returns {kind}; expected a tensor, or several")));
            }
        };
        if items.len() < self.outputs.len() || (items.len() > 1 && self.outputs.len() == 1) {
            return Err(self.failed(format!(
                "returns {} tensors; `outputs` names {}: {}",
                items.len(),
                self.outputs.len(),
                self.outputs.join(", ")
            )));
        }
        let named = self.outputs.iter().zip(items).map(|(name, item)| match item {
            IValue::Tensor(tensor) => Ok((name.clone(), tensor)),
            _ => Err(self.failed(format!("returns something other than a tensor as `{name}`"))),
        });
        named.collect()
    }

    fn keyed(&self, entries: Vec<(IValue, IValue)>) -> Result<Vec<(String, Tensor)>> {
        let found: Vec<(String, Tensor)> = entries
            .into_iter()
            .filter_map(|entry| match entry {
                (IValue::String(key), IValue::Tensor(tensor)) => Some((key, tensor)),
                _ => None,
            })
            .collect();
        let keys: Vec<String> = found.iter().map(|(key, _)| key.clone()).collect();
        match self.outputs.iter().find(|name| !keys.contains(name)) {
            Some(name) => Err(self.failed(format!(
                "returns no `{name}`; `outputs` names keys of what it returns: {}",
                keys.join(", ")
            ))),
            None => Ok(found.into_iter().filter(|(key, _)| self.outputs.contains(key)).collect()),
        }
    }
}

/// Why a file is no program that can be loaded, and what to type to have one.
fn refusal(path: &Path, place: &str, error: &tch::TchError) -> Error {
    match paname_data::recognise(path) {
        Ok(ModelFile::TorchExport) => {
            let told = "a program of torch.export (.pt2), which the key `program` names, not `script`; it needs no `trust`";
            Error::data(place, told)
        }
        Ok(file) if file != ModelFile::TorchScript => {
            let export = match file {
                ModelFile::Checkpoint(Pickled::Object(_)) => "",
                ModelFile::Checkpoint(_) | ModelFile::Onnx | ModelFile::Safetensors => {
                    ", once `model` is built and has its weights"
                }
                _ => return Error::data(place, file.description()),
            };
            let name = Path::new(place).with_extension("pt2").display().to_string();
            let line = format!("paname_export.export(model.eval(), example, {name:?})");
            Error::data(place, format!("{}: {line}{export}", file.description()))
        }
        Err(problem @ Error::Data { .. }) => problem,
        _ => Error::data(place, format!("is no TorchScript program that can be loaded: {}", said(error))),
    }
}

impl Model for Script {
    fn forward(&self, batch: &Tensor, _wanted: &[&str], heard: Heard<'_>) -> Result<Tensor> {
        let answer = self.module.forward_is(&[IValue::Tensor(batch.shallow_clone())]);
        let answer = answer.map_err(|error| {
            self.failed(format!("failed on inputs of shape {:?}: {}", batch.size(), said(&error)))
        })?;
        let mut outputs = None;
        for (name, tensor) in self.named(answer)? {
            if name == self.main {
                outputs = Some(tensor.f_to_kind(Kind::Float).map_err(from_torch)?);
            } else {
                heard(&name, &tensor);
            }
        }
        outputs.ok_or_else(|| self.failed(format!("`outputs` names no `{}`", self.main)))
    }

    fn layers(&self) -> Vec<String> {
        self.outputs.iter().filter(|name| **name != self.main).cloned().collect()
    }

    fn parameters(&self) -> Result<Vec<(String, Tensor)>> {
        // Copies, since a program may change its own.
        self.parameters.iter().map(|(name, value)| Ok((name.clone(), owned(value.get())?))).collect()
    }

    fn last_layer(&self, outputs: i64) -> Result<Option<(Tensor, Option<Tensor>)>> {
        let all: Vec<&Tensor> = self.parameters.iter().map(|(_, value)| value.get()).collect();
        let weight = all.iter().rposition(|p| p.dim() == 2 && p.size()[0] == outputs && p.requires_grad());
        Ok(weight.map(|at| {
            let bias = all.get(at + 1).filter(|bias| bias.size() == [outputs] && bias.requires_grad());
            (all[at].shallow_clone(), bias.map(|bias| bias.shallow_clone()))
        }))
    }

    fn is_foreign(&self) -> bool {
        true
    }

    fn expects(&self, record: &[i64]) -> Option<String> {
        // The first layer, as far as its weights tell.
        let first =
            self.parameters.iter().map(|(_, value)| value.get().size()).find(|size| size.len() > 1)?;
        match *first.as_slice() {
            [_, width] if record.last() != Some(&width) => {
                Some(format!("records of {width} values, as its first layer takes them"))
            }
            [_, channels, _, _] if record.len() != 3 || record[0] != channels => {
                Some(format!("images [{channels}, height, width], as its first layer takes them"))
            }
            _ => None,
        }
    }
}
