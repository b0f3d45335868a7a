//! Other sides of a model: gradients of its loss with respect to its parameters, themselves differentiable, and the part that follows a layer.

use paname_core::{Access, Error, Outputs, Pullback, Query, Result, Target, TargetCard};
use tch::{Kind, Tensor};

use super::{Asked, Kept, TorchTarget};
use crate::error::from_torch;
use crate::gradient::{differentiable, gradients};
use crate::model::{EMBEDDING, Learnable};
use crate::preparation::Preparation;
use crate::tensor::{Sealed, export};

/// A digest that tells a view from the model and from other views.
fn fingerprint(target: &TorchTarget, view: &str, names: &[String]) -> String {
    let mut hasher = blake3::Hasher::new();
    for word in [target.card.fingerprint.as_str(), view].into_iter().chain(names.iter().map(String::as_str)) {
        hasher.update(&(word.len() as u64).to_le_bytes());
        hasher.update(word.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn named(access: Access) -> Vec<String> {
    access.names().map(str::to_owned).collect()
}

/// For each record the gradient of its loss with respect to parameters. Each parameter is a layer, whose activations are the gradient with respect to it.
struct ParameterGradient {
    card: TargetCard,
    /// The model, with parameters that gradients lead to.
    target: TorchTarget,
    /// In the order of the card's layers.
    parameters: Vec<Sealed>,
}

/// The gradients with respect to the parameters of these layers, all where none is named.
pub(super) fn parameter_gradient(target: &TorchTarget, layers: &[String]) -> Result<Box<dyn Target>> {
    let denied = Error::Denied(Access::PARAMETER_GRADIENT);
    if !target.card.offers().contains(Access::PARAMETER_GRADIENT) {
        return Err(denied);
    }
    let Learnable { model, parameters: all } = target.model.learnable()?.ok_or(denied)?;
    let is_of = |name: &str, layer: &str| {
        name.strip_prefix(layer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if let Some(layer) = layers.iter().find(|layer| !all.iter().any(|(name, _)| is_of(name, layer))) {
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        let expected = format!("a layer with parameters, which are {}", names.join(", "));
        return Err(Error::mismatch("layer", expected, layer));
    }
    let chosen = |name: &str| layers.is_empty() || layers.iter().any(|layer| is_of(name, layer));
    let (names, parameters): (Vec<String>, Vec<Sealed>) = all
        .into_iter()
        .filter(|(name, _)| chosen(name))
        .map(|(name, value)| (name, Sealed::new(value)))
        .unzip();
    let offers = target.card.offers() & (Access::NEW_INPUTS | Access::INPUT_GRADIENT);
    let card = TargetCard {
        name: format!("{}, gradients of parameters", target.card.name),
        fingerprint: fingerprint(target, "parameter-gradient", &names),
        layers: names,
        access: named(offers | Access::ACTIVATIONS),
        ..target.card.clone()
    };
    let target = TorchTarget { model, ..target.same() };
    Ok(Box::new(ParameterGradient { card, target, parameters }))
}

impl ParameterGradient {
    /// The gradients that a question asks for, by name, a row for each record; differentiable where `kept` asks for it.
    fn rows(&self, query: &Query, asked: &Asked, kept: bool) -> Result<Vec<(String, Tensor)>> {
        // The true answers are those that the loss needs.
        let labels = self.target.labels(&Query { want: Access::LOSS, ..query.clone() })?;
        let Some(labels) = labels else { return Err(Error::mismatch("labels", "the true answers", "none")) };
        let labels = labels.f_to(self.target.manner.device).map_err(from_torch)?;
        let place = |name: &String| self.card.layers.iter().position(|layer| layer == name);
        let wanted: Vec<&Tensor> =
            query.layers.iter().filter_map(place).map(|at| self.parameters[at].get()).collect();
        let mut rows: Vec<Vec<Tensor>> = wanted.iter().map(|_| Vec::new()).collect();
        for row in 0..query.len() as i64 {
            let one = |all: &Tensor| all.f_narrow(0, row, 1).map_err(from_torch);
            let outputs = self.target.forward(&one(&asked.batch)?, &[], &mut |_, _| {})?;
            let loss = self.target.loss(&outputs, &one(&labels)?)?.f_sum(None::<Kind>).map_err(from_torch)?;
            for (rows, gradient) in rows.iter_mut().zip(differentiable(&loss, &wanted, kept)?) {
                rows.push(gradient);
            }
        }
        let stacked = rows.iter().map(|rows| Tensor::f_stack(rows, 0).map_err(from_torch));
        query.layers.iter().cloned().zip(stacked).map(|(name, rows)| Ok((name, rows?))).collect()
    }

    fn refuse(&self, query: &Query) -> Result<()> {
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        if let Some(layer) = query.layers.iter().find(|layer| !self.card.layers.contains(layer)) {
            return Err(Error::mismatch("layer", format!("one of {}", self.card.layers.join(", ")), layer));
        }
        if query.layers.is_empty() || query.is_empty() {
            return Err(Error::mismatch("question", "at least one record and one parameter", "none"));
        }
        Ok(())
    }
}

impl Target for ParameterGradient {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.refuse(query)?;
        let rows = tch::with_grad(|| self.rows(query, &self.target.asked(query, false)?, false))?;
        answers(&rows)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.refuse(query)?;
        tch::with_grad(|| {
            let asked = self.target.asked(query, true)?;
            let rows = self.rows(query, &asked, true)?;
            let answers = answers(&rows)?;
            let pullback: Box<dyn Pullback> = Box::new(KeptGradients { leaf: asked.leaf, rows });
            Ok((answers, pullback))
        })
    }

    fn input(&self, records: &paname_core::Indices) -> Result<paname_core::Tensor> {
        self.target.input(records)
    }
}

fn answers(rows: &[(String, Tensor)]) -> Result<Outputs> {
    let activations = rows.iter().map(|(name, rows)| Ok((name.clone(), export(rows)?)));
    Ok(Outputs { activations: activations.collect::<Result<_>>()?, ..Outputs::default() })
}

/// Gradients with respect to parameters, whose graph is kept.
struct KeptGradients {
    leaf: Tensor,
    rows: Vec<(String, Tensor)>,
}

impl Pullback for KeptGradients {
    fn apply(&self, cotangent: &Outputs) -> Result<paname_core::Tensor> {
        let absent = |what: &str| Error::mismatch("cotangent", "gradients that were asked for", what);
        if !(cotangent.present() - Access::ACTIVATIONS).is_empty() {
            return Err(Error::Denied(cotangent.present() - Access::ACTIVATIONS));
        }
        let mut terms = Vec::new();
        for (name, c) in &cotangent.activations {
            let rows = self.rows.iter().find(|(known, _)| known == name).ok_or_else(|| absent(name))?;
            terms.push(Kept::product(&rows.1, c, name)?);
        }
        let sum = terms.into_iter().reduce(|a, b| a + b).ok_or_else(|| absent("none"))?;
        gradients(&sum, &[&self.leaf], true)?.first().map_or_else(|| Err(absent("none")), export)
    }
}

/// The part of a model that follows a layer, whose inputs are the values there.
pub(super) fn following(target: &TorchTarget, layer: &str) -> Result<Box<dyn Target>> {
    let mut access = target.card.offers();
    if !access.contains(Access::ACTIVATIONS) {
        return Err(Error::Denied(Access::ACTIVATIONS));
    }
    let model = target.model.after(layer)?;
    let model = model.ok_or_else(|| Error::Unsupported("a model seen from an inner layer on".into()))?;
    let layers = model.layers();
    // The records are nothing that it could be asked about.
    access -= Access::NEW_INPUTS;
    if layers.is_empty() {
        access -= Access::ACTIVATIONS;
    }
    if !layers.iter().any(|layer| layer == EMBEDDING) {
        access -= Access::EMBEDDING | Access::LAST_LAYER_GRADIENT;
    }
    let card = TargetCard {
        name: format!("{}, from {layer} on", target.card.name),
        fingerprint: fingerprint(target, "from", &[layer.to_owned()]),
        layers,
        access: named(access),
        augmentations: 1,
        ..target.card.clone()
    };
    let mut manner = target.manner.clone();
    (manner.preparation, manner.variants) = (Preparation::default(), Vec::new());
    Ok(Box::new(TorchTarget { card, model, manner, from: Some(layer.to_owned()), ..target.same() }))
}
