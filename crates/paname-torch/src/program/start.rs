//! What the weights of a program begin with in a fit. The file has the values of a model that was trained, not how they began: each is drawn anew as
//! PyTorch's layers do, by what the graph uses it for.

use std::collections::HashMap;

use paname_core::Result;
use paname_pt2::{Argument, InputRole, Node, ValueId};
use tch::{Kind, Tensor};

use crate::error::from_torch;
use crate::program::runner::Runner;
use crate::random::Stream;
use crate::tensor::owned;

/// How a weight begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Start {
    /// Evenly drawn between ± this.
    Uniform(f64),
    /// Normally distributed with this deviation; a row stays zero.
    Normal(f64, Option<i64>),
    /// All the same.
    Constant(f64),
    /// All the same, of what normalisation keeps of its batches, which is no parameter.
    Statistics(f64),
    /// As it is stored.
    Stored,
}

/// The program with weights that are drawn from a seed. Weights that were one tensor stay one.
pub(crate) fn begun(runner: &Runner, seed: u64) -> Result<Runner> {
    let starts = starts(runner);
    let mut stream = Stream::new(seed, "parameters");
    runner.with(|role, stored| {
        let start = role.weight().and_then(|name| starts.get(name));
        // The graph may use it by another of its names.
        let start = start.or_else(|| runner.names_of(stored).into_iter().find_map(|name| starts.get(name)));
        let start = start.copied();
        let start = match (role, start) {
            // What a fit does not move stays as it is: a part that was trained before.
            (InputRole::Parameter(_), _) if !runner.learns(role) => Start::Stored,
            (InputRole::Parameter(_), None) => as_spread(stored)?,
            (InputRole::Buffer { name, .. }, _) if name.ends_with("num_batches_tracked") => {
                Start::Constant(0.0)
            }
            (InputRole::Parameter(_), Some(start)) | (_, Some(start @ Start::Statistics(_))) => start,
            // Filters, tables and the like: what is no parameter is not learnt, whatever it is used for.
            _ => Start::Stored,
        };
        drawn(start, stored, &mut stream)
    })
}

fn drawn(start: Start, stored: &Tensor, stream: &mut Stream) -> Result<Tensor> {
    let shape = stored.size();
    let value = match start {
        Start::Stored => return owned(stored),
        Start::Constant(value) | Start::Statistics(value) => stored.f_full_like(value).map_err(from_torch)?,
        Start::Uniform(bound) => stream.uniform(&shape, bound as f32)?,
        Start::Normal(deviation, zero) => {
            let value = stream.normal(&shape, deviation)?;
            if let Some(row) = zero.filter(|row| shape.first().is_some_and(|rows| (0..*rows).contains(row))) {
                let _ = value.f_select(0, row).and_then(|mut row| row.f_zero_()).map_err(from_torch)?;
            }
            value
        }
    };
    value.f_to_kind(stored.kind()).and_then(|value| value.f_to(stored.device())).map_err(from_torch)
}

/// Normally distributed as widely as the stored values are; the stored values where they are all the same, or no real numbers.
fn as_spread(stored: &Tensor) -> Result<Start> {
    if stored.numel() < 2 || !stored.is_floating_point() {
        return Ok(Start::Stored);
    }
    let deviation =
        stored.f_to_kind(Kind::Double).and_then(|v| v.f_std(false)).and_then(|v| v.f_double_value(&[]));
    let deviation = deviation.map_err(from_torch)?;
    Ok(if deviation > 0.0 && deviation.is_finite() { Start::Normal(deviation, None) } else { Start::Stored })
}

/// How weights begin, by name, as far as the graph tells.
fn starts(runner: &Runner) -> HashMap<String, Start> {
    let mut starts = HashMap::new();
    for node in &runner.graph().nodes {
        of_node(runner, node, &mut |id, start| {
            if let Some(name) = runner.weight(id).and_then(|(role, _)| role.weight()) {
                starts.entry(name.to_owned()).or_insert(start);
            }
        });
    }
    starts
}

fn of_node(runner: &Runner, node: &Node, tell: &mut impl FnMut(ValueId, Start)) {
    let Some(operator) = node.target.strip_prefix("torch.ops.aten.") else { return };
    let operator = operator.split('.').next().unwrap_or_default();
    let argument =
        |name: &str| node.arguments.iter().find(|named| named.name == name).map(|named| &named.argument);
    let tensor = |name: &str| match argument(name) {
        Some(Argument::Tensor(id)) => Some(*id),
        _ => None,
    };
    let shape = |id: ValueId| runner.weight(id).map(|(_, value)| value.size());
    match operator {
        "linear" | "conv1d" | "conv2d" | "conv3d" | "convolution" | "conv_transpose1d"
        | "conv_transpose2d" | "conv_transpose3d" | "bilinear" => {
            let Some(weight) = tensor("weight") else { return };
            let Some(inputs) = shape(weight).map(|shape| inputs_of(operator, &shape)) else { return };
            let bound = 1.0 / (inputs.max(1) as f64).sqrt();
            for id in [Some(weight), tensor("bias")].into_iter().flatten() {
                tell(id, Start::Uniform(bound));
            }
        }
        "batch_norm"
        | "instance_norm"
        | "layer_norm"
        | "group_norm"
        | "rms_norm"
        | "native_batch_norm"
        | "native_layer_norm"
        | "native_group_norm"
        | "_native_batch_norm_legit"
        | "_native_batch_norm_legit_functional"
        | "_native_batch_norm_legit_no_training" => {
            for (name, start) in [
                ("weight", Start::Constant(1.0)),
                ("bias", Start::Constant(0.0)),
                ("running_mean", Start::Statistics(0.0)),
                ("running_var", Start::Statistics(1.0)),
            ] {
                if let Some(id) = tensor(name) {
                    tell(id, start);
                }
            }
        }
        "embedding" | "embedding_bag" => {
            let zero = match argument("padding_idx") {
                Some(Argument::Int(row)) => Some(*row),
                _ => None,
            };
            if let Some(weight) = tensor("weight") {
                tell(weight, Start::Normal(1.0, zero));
            }
        }
        "lstm" | "gru" | "rnn_tanh" | "rnn_relu" => {
            let Some(Argument::Tensors(weights)) = argument("params") else { return };
            // The second weight is [gates, hidden].
            let hidden = weights.get(1).and_then(|id| shape(*id)).and_then(|shape| shape.last().copied());
            let Some(hidden) = hidden else { return };
            for id in weights {
                tell(*id, Start::Uniform(1.0 / (hidden.max(1) as f64).sqrt()));
            }
        }
        "prelu" => {
            if let Some(weight) = tensor("weight") {
                tell(weight, Start::Constant(0.25));
            }
        }
        _ => {}
    }
}

/// How many numbers go into each output of a layer, by the shape of its weight. Of two inputs that are multiplied with each other, the first counts.
fn inputs_of(operator: &str, shape: &[i64]) -> i64 {
    let sides = if operator == "bilinear" { 1 } else { usize::MAX };
    shape.iter().skip(1).take(sides).product()
}

#[cfg(test)]
mod tests {
    use super::inputs_of;

    #[test]
    fn inputs_are_those_of_pytorchs_layers() {
        assert_eq!(inputs_of("linear", &[5, 3]), 3);
        assert_eq!(inputs_of("conv2d", &[8, 3, 5, 5]), 75);
        assert_eq!(inputs_of("bilinear", &[5, 3, 7]), 3);
    }
}
