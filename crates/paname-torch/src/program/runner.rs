//! A program with weights: what it is given is held against what it takes, then it runs.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use paname_core::{Error, Result};
use paname_pt2::{
    Archive, Graph, Input, InputRole, OutputRole, Program, Size, TensorMeta, ValueId, ValueKind,
};
use tch::{Device, Kind, Tensor};

use crate::error::from_torch;
use crate::program::compile::Executable;
use crate::program::shim::Results;
use crate::program::weights;
use crate::tensor::Sealed;

/// A program that runs with weights of its own.
pub(crate) struct Runner {
    archive: Arc<Archive>,
    /// The part of the archive's program that runs, where it is not the whole.
    part: Option<Arc<Program>>,
    executable: Arc<Executable>,
    /// For each value that the graph is given its weight; none for what the user gives.
    weights: Vec<Option<Sealed>>,
    /// Names of the parameters that are learnt.
    learnt: Arc<HashSet<String>>,
    place: String,
    device: Device,
}

/// Where the elements of a tensor lie, and which they are.
type Memory = (usize, Kind, Vec<i64>, Vec<i64>);

/// The memory of a tensor, which another one that is the same has too; none where it has no elements.
fn memory(tensor: &Tensor) -> Option<Memory> {
    let key = || (tensor.data_ptr() as usize, tensor.kind(), tensor.size(), tensor.stride());
    (tensor.numel() > 0).then(key)
}

impl Runner {
    /// Opens an archive; `place` names it in errors. Nothing of it is read that runs by itself.
    pub(crate) fn open(path: &Path, place: &str, device: Device) -> Result<Self> {
        let archive = Archive::open(path).map_err(|error| {
            // The name that the manifest has for the file.
            let told = error.to_string();
            let told = told
                .strip_prefix(&*path.to_string_lossy())
                .map_or(told.as_str(), |rest| rest.trim_start_matches(": "));
            Error::data(place, told)
        })?;
        Self::of(archive, place, device)
    }

    /// The same of an archive that is open.
    pub(crate) fn of(archive: Archive, place: &str, device: Device) -> Result<Self> {
        let archive = Arc::new(archive);
        let program = archive.program();
        for (_, value) in program.signature.user_inputs(&program.graph) {
            match &value.kind {
                ValueKind::Tensor(meta) if weights::kind(meta.dtype).is_some() => {}
                _ => {
                    let problem = format!("input `{}` is no tensor of a type that is supported", value.name);
                    return Err(Error::data(place, problem));
                }
            }
        }
        let executable = Arc::new(Executable::new(program, place, device)?);
        let weights = weights::load(&archive, place, device)?;
        let inputs = archive.program().graph.inputs.iter();
        let weights = inputs
            .zip(weights)
            .filter(|(input, _)| matches!(input, Input::Value(_)))
            .map(|(_, weight)| weight.map(Sealed::new))
            .collect();
        let learnt = Arc::new(learnt(archive.program()));
        Ok(Self { archive, part: None, executable, weights, learnt, place: place.to_owned(), device })
    }

    /// What of the program follows from a value, which is then what the user gives, with the same weights. `output` is the one that is asked for, and `layer`
    /// the name of the value in errors.
    pub(crate) fn following(&self, start: ValueId, output: usize, layer: &str) -> Result<Self> {
        let part = self.program().following(start, output).map_err(|problem| {
            Error::Unsupported(format!("{}: cannot be seen from `{layer}` on: {problem}", self.place))
        })?;
        let executable = Arc::new(Executable::new(&part, &self.place, self.device)?);
        let same = self.with(|_, stored| Ok(stored.shallow_clone()))?;
        Ok(Self { part: Some(Arc::new(part)), executable, ..same })
    }

    /// The same program with other weights. Those that are one tensor under several names stay one, and `weight` is asked for it by the first of them.
    pub(crate) fn with(&self, mut weight: impl FnMut(&InputRole, &Tensor) -> Result<Tensor>) -> Result<Self> {
        let mut shared: HashMap<Memory, Tensor> = HashMap::new();
        let mut one = |role: &InputRole, stored: &Tensor| {
            let Some(key) = memory(stored) else { return weight(role, stored) };
            if let Some(value) = shared.get(&key) {
                return Ok(value.shallow_clone());
            }
            let value = weight(role, stored)?;
            shared.insert(key, value.shallow_clone());
            Ok(value)
        };
        let weights = self
            .roles()
            .zip(&self.weights)
            .map(|(role, value)| match value {
                Some(value) => one(role, value.get()).map(Sealed::new).map(Some),
                None => Ok(None),
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            archive: Arc::clone(&self.archive),
            part: self.part.clone(),
            executable: Arc::clone(&self.executable),
            weights,
            learnt: Arc::clone(&self.learnt),
            place: self.place.clone(),
            device: self.device,
        })
    }

    /// What was read.
    pub(crate) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The program that runs.
    pub(crate) fn program(&self) -> &Program {
        self.part.as_deref().unwrap_or_else(|| self.archive.program())
    }

    /// The name of the file in errors.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Weights with the part that each plays, in the order of the signature. Of those that share memory all are there.
    pub(crate) fn weights(&self) -> impl Iterator<Item = (&InputRole, &Tensor)> {
        self.roles().zip(&self.weights).filter_map(|(role, value)| Some((role, value.as_ref()?.get())))
    }

    /// Whether a weight is a parameter that is learnt.
    pub(crate) fn learns(&self, role: &InputRole) -> bool {
        matches!(role, InputRole::Parameter(name) if self.learnt.contains(name))
    }

    /// All names of a weight.
    pub(crate) fn names_of(&self, weight: &Tensor) -> Vec<&str> {
        let key = memory(weight);
        let same = self.weights().filter(|(_, value)| key.is_some() && memory(value) == key);
        same.filter_map(|(role, _)| role.weight()).collect()
    }

    /// The weight that a value of the graph is, with its part.
    pub(crate) fn weight(&self, id: ValueId) -> Option<(&InputRole, &Tensor)> {
        let at = self.graph().inputs.iter().filter(|input| matches!(input, Input::Value(_)));
        let at = at.into_iter().position(|input| matches!(input, Input::Value(given) if *given == id))?;
        Some((self.roles().nth(at)?, self.weights.get(at)?.as_ref()?.get()))
    }

    /// Where it computes.
    pub(crate) fn device(&self) -> Device {
        self.device
    }

    /// The graph.
    pub(crate) fn graph(&self) -> &Graph {
        &self.program().graph
    }

    /// Where a value of the graph lies in a run.
    pub(crate) fn slot(&self, id: ValueId) -> Option<u32> {
        self.executable.slot(id)
    }

    /// What is known of the tensors that the user gives, in order.
    pub(crate) fn given(&self) -> impl Iterator<Item = &TensorMeta> {
        self.program().user_tensors().map(|(_, meta)| meta)
    }

    /// Runs the program on what the user gives, each tensor as the type that the program takes. In training, buffers change; otherwise nothing does.
    pub(crate) fn run(&self, given: &[Tensor], training: bool, wanted: &[u32]) -> Result<Results> {
        let shapes: Vec<Vec<u64>> =
            given.iter().map(|tensor| tensor.size().iter().map(|&size| size as u64).collect()).collect();
        self.program()
            .bind(&shapes)
            .map_err(|error| Error::data(&self.place, format!("{error}{}", self.advice(&error))))?;
        let mut converted = Vec::with_capacity(given.len());
        for (tensor, meta) in given.iter().zip(self.given()) {
            let kind = weights::kind(meta.dtype).unwrap_or(Kind::Float);
            converted.push(tensor.f_to_kind(kind).and_then(|t| t.f_to(self.device)).map_err(from_torch)?);
        }
        let mut converted = converted.iter();
        let inputs: Vec<&Tensor> = self
            .weights
            .iter()
            .filter_map(|weight| weight.as_ref().map(Sealed::get).or_else(|| converted.next()))
            .collect();
        let results = self.executable.compiled.run(&inputs, training, wanted).map_err(|failure| {
            let shapes: Vec<String> = given.iter().map(|tensor| format!("{:?}", tensor.size())).collect();
            match from_torch(failure.error) {
                Error::Other(told) => {
                    let told = told.strip_prefix("libtorch: ").unwrap_or(&told);
                    let step = self.executable.step(failure.step);
                    Error::data(
                        &self.place,
                        format!("failed on inputs of shape {}: {step}: {told}", shapes.join(" and ")),
                    )
                }
                other => other,
            }
        })?;
        if training {
            self.keep(&results)?;
        }
        Ok(results)
    }

    /// Puts the next states of buffers that the program returns into the buffers.
    fn keep(&self, results: &Results) -> Result<()> {
        for (role, output) in self.program().signature.outputs.iter().zip(&results.outputs) {
            let (OutputRole::BufferMutation(name), Some(next)) = (role, output) else { continue };
            let is_it =
                |role: &InputRole| matches!(role, InputRole::Buffer { name: buffer, .. } if buffer == name);
            for (_, buffer) in self.weights().filter(|(role, _)| is_it(role)) {
                tch::no_grad(|| buffer.shallow_clone().f_copy_(next)).map_err(from_torch)?;
            }
        }
        Ok(())
    }

    /// What helps against a shape that does not fit.
    fn advice(&self, error: &paname_pt2::Error) -> &'static str {
        let fixed = |meta: &TensorMeta| matches!(meta.shape.first(), Some(Size::Known(_)));
        let most = |meta: &TensorMeta| match meta.shape.first() {
            Some(Size::Symbol(id)) => {
                u64::try_from(self.program().symbols[id.index()].most).unwrap_or(u64::MAX)
            }
            _ => u64::MAX,
        };
        match error {
            paname_pt2::Error::Size { dimension: 0, .. } if self.given().any(fixed) => {
                "; export the model with a number of records that may change: `dynamic_shapes`"
            }
            paname_pt2::Error::Size { dimension: 0, got, .. }
                if self.given().any(|meta| most(meta) < *got) =>
            {
                "; `batch` says how many records are put to the model at a time"
            }
            _ => "",
        }
    }

    fn roles(&self) -> impl Iterator<Item = &InputRole> {
        let program = self.program();
        let all = program.signature.inputs.iter().zip(&program.graph.inputs);
        all.filter(|(_, input)| matches!(input, Input::Value(_))).map(|(role, _)| role)
    }
}

/// Names of the parameters that are learnt: those of which gradients were asked for on export. Where that is none, as of a model that was frozen to be
/// handed out, it is all of them.
fn learnt(program: &Program) -> HashSet<String> {
    let inputs = program.signature.inputs.iter().zip(&program.graph.inputs);
    let parameters: Vec<(&String, bool)> = inputs
        .filter_map(|(role, input)| {
            let (InputRole::Parameter(name), Input::Value(id)) = (role, input) else { return None };
            let ValueKind::Tensor(meta) = &program.graph.values[id.index()].kind else { return None };
            Some((name, meta.requires_grad))
        })
        .collect();
    let any = parameters.iter().any(|(_, learnt)| *learnt);
    parameters.into_iter().filter(|(_, learnt)| *learnt || !any).map(|(name, _)| name.clone()).collect()
}
