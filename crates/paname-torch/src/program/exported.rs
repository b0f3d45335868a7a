//! A program of torch.export as a model: one tensor of records in, one tensor of answers out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use paname_core::{Error, Result};
use paname_pt2::{Argument, InputRole, Node, Normalisation, Output, Size, SymbolId, ValueId, ValueKind};
use tch::{Device, Kind, Tensor};

use crate::error::from_torch;
use crate::model::{EMBEDDING, EMBEDDING_MODULE, Learnable, Learner, Model};
use crate::network::Heard;
use crate::program::runner::Runner;
use crate::program::start::begun;
use crate::tensor::owned;

/// A model that torch.export has saved.
pub(crate) struct Exported {
    runner: Runner,
    /// The number of the outputs among those of the graph.
    output: usize,
    /// Places that can be told of, and their values.
    layers: Vec<(String, ValueId)>,
    last: Option<LastLayer>,
    /// The program takes no batch of one record, which is then put to it twice.
    pairs: bool,
}

/// A linear layer that gives the outputs.
#[derive(Debug, Clone)]
struct LastLayer {
    /// What it is given.
    input: ValueId,
    weight: ValueId,
    bias: Option<ValueId>,
}

impl Exported {
    /// Opens an archive; `place` names it in errors. `outputs` names what it returns, in order or by its own names, and `main` is the name of the outputs
    /// themselves.
    pub(crate) fn open(
        path: &Path,
        place: &str,
        outputs: &[String],
        main: &str,
        device: Device,
    ) -> Result<Self> {
        Self::of(Runner::open(path, place, device)?, outputs, main)
    }

    /// A model that runs so.
    pub(crate) fn of(runner: Runner, outputs: &[String], main: &str) -> Result<Self> {
        let refused = |problem: String| Error::data(runner.place(), problem);
        let program = runner.program();
        let given: Vec<&str> = program.user_tensors().map(|(value, _)| value.name.as_str()).collect();
        let [_] = given[..] else {
            let names = given.join(", ");
            return Err(refused(format!(
                "takes {} tensors ({names}); a model under audit takes one, the records: export a module that makes the others itself",
                given.len()
            )));
        };
        let named = named(&runner, outputs, main)?;
        let (_, output, id) = named
            .iter()
            .find(|(name, ..)| name == main)
            .or_else(|| named.first())
            .ok_or_else(|| refused("returns no tensor".into()))?;
        let (output, id) = (*output, *id);
        let last = LastLayer::of(&runner, id);
        let mut layers = Vec::new();
        for (name, value) in runner.archive().layers() {
            if runner.slot(value).is_some() {
                // The word is taken, and what tokens become is often called so.
                let name = if name == EMBEDDING { EMBEDDING_MODULE } else { name };
                layers.push((name.to_owned(), value));
            }
        }
        if !outputs.is_empty() {
            for (name, _, value) in named.iter().filter(|(name, ..)| name != main) {
                layers.retain(|(layer, _)| layer != name);
                layers.extend(runner.slot(*value).map(|_| (name.clone(), *value)));
            }
        }
        if let Some(last) = &last
            && !layers.iter().any(|(name, _)| name == EMBEDDING)
        {
            layers.extend(runner.slot(last.input).map(|_| (EMBEDDING.to_owned(), last.input)));
        }
        let pairs = takes_pairs(&runner);
        Ok(Self { runner, output, layers, last, pairs })
    }

    /// What of the program follows from a layer.
    fn following(&self, layer: &str) -> Result<Self> {
        let start = self.value_of(layer).ok_or_else(|| {
            let known: Vec<&str> = self.layers.iter().map(|(name, _)| name.as_str()).collect();
            Error::mismatch("layer", format!("one of {}", known.join(", ")), layer)
        })?;
        let runner = self.runner.following(start, self.output, layer)?;
        let mut layers = self.layers.clone();
        layers.retain(|(_, value)| runner.slot(*value).is_some());
        let last = self.last.clone().filter(|last| runner.slot(last.input).is_some());
        let pairs = takes_pairs(&runner);
        Ok(Self { runner, output: self.output, layers, last, pairs })
    }

    /// The same program with weights of a fit, which begin as a seed says.
    pub(crate) fn begun(&self, seed: u64) -> Result<Self> {
        Ok(self.with(begun(&self.runner, seed)?))
    }

    /// The same program with these weights, by name. What is not saved with a model is its own where there is none of a name; of what is saved, one of its
    /// names has to be there. Fails where one has another shape.
    pub(crate) fn weighted(&self, weights: &HashMap<String, Tensor>, place: &str) -> Result<Self> {
        let runner = self.runner.with(|role, stored| {
            let name = role.weight().unwrap_or_default();
            let found = weights.get(name);
            let under_another =
                || self.runner.names_of(stored).into_iter().find_map(|name| weights.get(name));
            let Some(value) = found.or_else(under_another) else {
                if role.saved().is_some() {
                    return Err(Error::data(
                        place,
                        format!("holds no tensor `{name}`, which the program has"),
                    ));
                }
                return owned(stored);
            };
            if value.size() != stored.size() {
                let (expected, got) = (format!("shape {:?}", stored.size()), format!("{:?}", value.size()));
                return Err(Error::mismatch(format!("{place}, tensor `{name}`"), expected, got));
            }
            value.f_to_kind(stored.kind()).and_then(|v| v.f_to(stored.device())).map_err(from_torch)
        })?;
        Ok(self.with(runner))
    }

    /// The same in every way but what runs.
    fn with(&self, runner: Runner) -> Self {
        let Self { output, layers, last, pairs, .. } = self;
        Self { runner, output: *output, layers: layers.clone(), last: last.clone(), pairs: *pairs }
    }

    /// The name of the file in errors.
    pub(crate) fn place(&self) -> &str {
        self.runner.place()
    }

    /// What is done to records before the model sees them, as the file states it.
    pub(crate) fn normalisation(&self) -> Option<&Normalisation> {
        self.runner.archive().card()?.normalisation.as_ref()
    }

    /// Where it computes.
    pub(crate) fn device(&self) -> Device {
        self.runner.device()
    }

    /// The outputs for a batch, in training or when the model is asked, and values at some slots.
    pub(crate) fn answers(
        &self,
        batch: &Tensor,
        training: bool,
        wanted: &[ValueId],
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let slots: Vec<u32> = wanted.iter().filter_map(|id| self.runner.slot(*id)).collect();
        let alone = self.pairs && batch.size().first() == Some(&1);
        let batch = if alone {
            Tensor::f_cat(&[batch, batch], 0).map_err(from_torch)?
        } else {
            batch.shallow_clone()
        };
        let results = self.runner.run(&[batch], training, &slots)?;
        let first = |(value, id): (Tensor, Option<ValueId>)| {
            // Only what has a row for each record: a table of two rows is no record put twice.
            let twice =
                alone && id.is_some_and(|id| self.is_of_records(id)) && value.size().first() == Some(&2);
            if twice { value.f_narrow(0, 0, 1).map_err(from_torch) } else { Ok(value) }
        };
        let output = results.outputs.into_iter().nth(self.output).flatten();
        let output = output.ok_or_else(|| Error::data(self.runner.place(), "returns no tensor"))?;
        let id = match self.runner.graph().outputs.get(self.output) {
            Some(Argument::Tensor(id)) => Some(*id),
            _ => None,
        };
        let output = first((output, id))?.f_to_kind(Kind::Float).map_err(from_torch)?;
        let values = results.wanted.into_iter().zip(wanted.iter().copied().map(Some));
        Ok((output, values.map(first).collect::<Result<_>>()?))
    }

    /// Whether the first size of a value is the number of records.
    fn is_of_records(&self, id: ValueId) -> bool {
        let records = self.runner.given().next().and_then(|meta| meta.shape.first());
        match &self.runner.graph().values[id.index()].kind {
            ValueKind::Tensor(meta) => records.is_some() && meta.shape.first() == records,
            _ => false,
        }
    }

    /// The value of a layer, or of a node.
    fn value_of(&self, name: &str) -> Option<ValueId> {
        let layer = self.layers.iter().find(|(layer, _)| layer == name).map(|(_, value)| *value);
        layer.or_else(|| {
            let id = self.runner.graph().find(name)?;
            let tensor = matches!(self.runner.graph().values[id.index()].kind, ValueKind::Tensor(_));
            (tensor && self.runner.weight(id).is_none()).then_some(id)
        })
    }

    /// Where it lies.
    fn place_of(&self, name: &str) -> Option<u32> {
        self.value_of(name).and_then(|value| self.runner.slot(value))
    }
}

/// Whether a program takes no batch of one record, but two.
fn takes_pairs(runner: &Runner) -> bool {
    let records = runner.given().next().and_then(|meta| meta.shape.first());
    let least = |id: &SymbolId| runner.program().symbols[id.index()].least;
    matches!(records, Some(Size::Symbol(id)) if least(id) == 2)
}

/// The tensors that a program returns to its user: name, number among the outputs of the graph, and value.
fn named(runner: &Runner, outputs: &[String], main: &str) -> Result<Vec<(String, usize, ValueId)>> {
    let refused = |problem: String| Error::data(runner.place(), problem);
    let program = runner.program();
    let own: Vec<String> = runner.archive().output_names().into_iter().map(str::to_owned).collect();
    let roles = program.signature.outputs.iter().zip(&program.graph.outputs).enumerate();
    let mut user = Vec::new();
    for (number, (role, output)) in roles {
        if *role == paname_pt2::OutputRole::User {
            user.push(if let Argument::Tensor(id) = output { Some((number, *id)) } else { None });
        }
    }
    // By the program's own names where it has them all, else in order.
    let by_name = outputs.iter().all(|name| own.contains(name));
    let names = if outputs.is_empty() || by_name { &own[..] } else { outputs };
    if names.len() > user.len() {
        return Err(refused(format!(
            "returns {} values; `outputs` names {}: {}",
            user.len(),
            names.len(),
            names.join(", ")
        )));
    }
    let mut found = Vec::new();
    for (name, value) in names.iter().zip(user) {
        match value {
            Some((number, id)) => found.push((name.clone(), number, id)),
            None if outputs.contains(name) => {
                return Err(refused(format!("returns something other than a tensor as `{name}`")));
            }
            None => {}
        }
    }
    if !outputs.is_empty() {
        found.retain(|(name, ..)| outputs.contains(name) || name == main);
    }
    Ok(found)
}

impl LastLayer {
    /// The layer that gives a value, where it is a linear one whose weights are parameters.
    fn of(runner: &Runner, output: ValueId) -> Option<Self> {
        let node = giving(runner, output)?;
        let tensor = |name: &str| {
            node.arguments.iter().find(|named| named.name == name).and_then(|named| match named.argument {
                Argument::Tensor(id) => Some(id),
                _ => None,
            })
        };
        let has_bias = |name: &str| {
            node.arguments.iter().any(|named| named.name == name && named.argument != Argument::None)
        };
        let parameter = |id: &ValueId| matches!(runner.weight(*id), Some((InputRole::Parameter(_), _)));
        let (input, weight, bias) = match node.target.as_str() {
            "torch.ops.aten.linear.default" => {
                let bias = tensor("bias").filter(parameter);
                if has_bias("bias") && bias.is_none() {
                    return None;
                }
                (tensor("input")?, tensor("weight")?, bias)
            }
            // As older exporters write it: the weight is turned by a node before.
            "torch.ops.aten.addmm.default" | "torch.ops.aten.mm.default" => {
                let (input, turned) = match tensor("mat1") {
                    Some(input) => (input, tensor("mat2")?),
                    None => (tensor("self")?, tensor("mat2")?),
                };
                let turn = giving(runner, turned)?;
                let turns = [
                    "torch.ops.aten.t.default",
                    "torch.ops.aten.permute.default",
                    "torch.ops.aten.transpose.int",
                ];
                let Argument::Tensor(weight) = turn.arguments.first()?.argument else { return None };
                if !turns.contains(&turn.target.as_str()) {
                    return None;
                }
                let bias = if node.target.contains("addmm") {
                    Some(tensor("self").filter(parameter)?)
                } else {
                    None
                };
                (input, weight, bias)
            }
            _ => return None,
        };
        let matrix = parameter(&weight) && runner.weight(weight).is_some_and(|(_, value)| value.dim() == 2);
        matrix.then_some(Self { input, weight, bias })
    }
}

/// The node that gives a value.
fn giving(runner: &Runner, id: ValueId) -> Option<&Node> {
    runner.graph().nodes.iter().find(|node| node.outputs.contains(&Output::Value(id)))
}

/// A shape in words, with `any` for what may be any.
fn shown(sizes: &[Size]) -> String {
    let shown = sizes.iter().map(|size| match size {
        Size::Known(size) => size.to_string(),
        _ => "any".to_owned(),
    });
    format!("[{}]", shown.collect::<Vec<_>>().join(", "))
}

impl Learner for Exported {
    fn answer(&self, batch: &Tensor, fitting: bool) -> Result<Tensor> {
        let batch = batch.f_contiguous().map_err(from_torch)?;
        Ok(self.answers(&batch, fitting, &[])?.0)
    }

    fn learnt(&self) -> Vec<Tensor> {
        let mut learnt: Vec<Tensor> = Vec::new();
        for (role, value) in self.runner.weights() {
            let is_real = self.runner.learns(role) && value.is_floating_point();
            // Weights under several names are one.
            if is_real
                && !learnt.iter().any(|known| known.data_ptr() == value.data_ptr() && value.numel() > 0)
            {
                learnt.push(value.shallow_clone());
            }
        }
        learnt
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let own = |role: &InputRole| match role {
            InputRole::Parameter(name) | InputRole::Buffer { name, .. } => Some(name.clone()),
            _ => None,
        };
        self.runner.weights().filter_map(|(role, value)| Some((own(role)?, value.shallow_clone()))).collect()
    }

    fn copied(&self) -> Result<Self> {
        Ok(self.with(self.runner.with(|_, stored| Ok(stored.detach().copy()))?))
    }
}

impl Model for Exported {
    fn forward(&self, batch: &Tensor, wanted: &[&str], heard: Heard<'_>) -> Result<Tensor> {
        let value = |name: &str| self.value_of(name).filter(|id| self.runner.slot(*id).is_some());
        let found: Vec<(&str, ValueId)> =
            wanted.iter().filter_map(|name| Some((*name, value(name)?))).collect();
        let ids: Vec<ValueId> = found.iter().map(|(_, id)| *id).collect();
        let (output, values) = self.answers(batch, false, &ids)?;
        for ((name, _), value) in found.iter().zip(&values) {
            heard(name, value);
        }
        Ok(output)
    }

    fn layers(&self) -> Vec<String> {
        self.layers.iter().map(|(name, _)| name.clone()).collect()
    }

    fn knows(&self, layer: &str) -> bool {
        self.place_of(layer).is_some()
    }

    fn parameters(&self) -> Result<Vec<(String, Tensor)>> {
        let weights = self.runner.weights().filter_map(|(role, value)| Some((role.saved()?, value)));
        // Copies, since the file is not ours.
        weights.map(|(name, value)| Ok((name.to_owned(), owned(value)?))).collect()
    }

    fn has_parameters(&self) -> Result<bool> {
        Ok(self.runner.weights().any(|(role, _)| role.saved().is_some()))
    }

    fn last_layer(&self, outputs: i64) -> Result<Option<(Tensor, Option<Tensor>)>> {
        let Some(last) = &self.last else { return Ok(None) };
        let tensor = |id: ValueId| {
            let (_, value) = self.runner.weight(id)?;
            // Gradients with respect to it are about to be asked for. The first time is before anybody else sees the model.
            if !value.requires_grad() && value.is_floating_point() {
                let _ = value.set_requires_grad(true);
            }
            Some(value.shallow_clone())
        };
        let weight = tensor(last.weight).filter(|weight| weight.size().first() == Some(&outputs));
        Ok(weight.map(|weight| (weight, last.bias.and_then(tensor))))
    }

    fn learns(&self) -> bool {
        !self.learnt().is_empty()
    }

    fn learnable(&self) -> Result<Option<Learnable>> {
        let mut parameters: Vec<(String, Tensor)> = Vec::new();
        let runner = self.runner.with(|role, stored| {
            let InputRole::Parameter(name) = role else { return Ok(stored.shallow_clone()) };
            if !self.runner.learns(role) || !stored.is_floating_point() || stored.numel() == 0 {
                return Ok(stored.shallow_clone());
            }
            let leaf = owned(&stored.detach())?.set_requires_grad(true);
            parameters.push((name.clone(), leaf.shallow_clone()));
            Ok(leaf)
        })?;
        Ok(Some(Learnable { model: Arc::new(self.with(runner)), parameters }))
    }

    fn after(&self, layer: &str) -> Result<Option<Arc<dyn Model>>> {
        Ok(Some(Arc::new(self.following(layer)?)))
    }

    fn is_foreign(&self) -> bool {
        // What it gives may be what it was given, or a view of its weights, and numbers may be what they are not said to be.
        true
    }

    fn expects(&self, record: &[i64]) -> Option<String> {
        let meta = self.runner.given().next()?;
        let sizes = meta.shape.get(1..)?;
        let fits = sizes.len() == record.len()
            && sizes
                .iter()
                .zip(record)
                .all(|(size, &got)| !matches!(size, Size::Known(size) if *size != got as u64));
        (!fits).then(|| format!("records of shape {}", shown(sizes)))
    }
}
