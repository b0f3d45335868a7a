//! A built-in architecture with its parameters: what it computes, in a fit and after it.

use paname_core::Result;
use tch::{Device, Kind, Tensor};

use crate::architecture::{Activation, Architecture, Layer, Parameter, Plan, Start};
use crate::error::from_torch;
use crate::random::Stream;
use crate::tensor::Sealed;

/// Momentum of running statistics of batch normalisation, PyTorch's default.
const MOMENTUM: f64 = 0.1;
/// What is added to variances.
const EPSILON: f64 = 1e-5;

/// A network with its parameters and buffers.
pub(crate) struct Network {
    plan: Plan,
    parameters: Vec<Sealed>,
    buffers: Vec<Sealed>,
}

/// What is heard of the values at named places of a computation.
pub(crate) type Heard<'a> = &'a mut dyn FnMut(&str, &Tensor);

impl Network {
    /// A network that begins as its architecture says, drawn from `seed`.
    pub(crate) fn new(architecture: &Architecture, record: &[i64], outputs: i64, seed: u64) -> Result<Self> {
        let plan = architecture.plan(record, outputs)?;
        let mut stream = Stream::new(seed, "parameters");
        let mut start = |parameter: &Parameter| match parameter.start {
            Start::Uniform(bound) => stream.uniform(&parameter.shape, bound),
            Start::Constant(value) => {
                let size = parameter.shape.iter().product::<i64>() as usize;
                crate::tensor::of_slice(&vec![value; size], &parameter.shape)
            }
        };
        let parameters = plan.parameters.iter().map(&mut start).collect::<Result<Vec<_>>>()?;
        let buffers = plan.buffers.iter().map(&mut start).collect::<Result<Vec<_>>>()?;
        Self::of(plan, parameters, buffers)
    }

    /// A network with these values, in the order of its plan.
    pub(crate) fn with(plan: Plan, values: Vec<Tensor>) -> Result<Self> {
        let mut values = values;
        let buffers = values.split_off(plan.parameters.len());
        Self::of(plan, values, buffers)
    }

    fn of(plan: Plan, parameters: Vec<Tensor>, buffers: Vec<Tensor>) -> Result<Self> {
        let parameters = parameters
            .into_iter()
            .map(|parameter| Ok(Sealed::new(channels_last(&parameter)?)))
            .collect::<Result<_>>()?;
        Ok(Self { plan, parameters, buffers: buffers.into_iter().map(Sealed::new).collect() })
    }

    /// The same network on this device.
    pub(crate) fn moved(self, device: Device) -> Result<Self> {
        if device == Device::Cpu {
            return Ok(self);
        }
        let moved = |value: &Sealed| value.get().f_to(device).map(Sealed::new).map_err(from_torch);
        let parameters = self.parameters.iter().map(moved).collect::<Result<_>>()?;
        let buffers = self.buffers.iter().map(moved).collect::<Result<_>>()?;
        Ok(Self { plan: self.plan, parameters, buffers })
    }

    /// The network as it is now, with parameters of its own that nothing moves.
    pub(crate) fn copied(&self) -> Result<Self> {
        let values = self.parameters.iter().chain(&self.buffers);
        Self::with(self.plan.clone(), values.map(|value| value.get().detach().copy()).collect())
    }

    /// Shape of a record.
    pub(crate) fn record(&self) -> &[i64] {
        &self.plan.record
    }

    /// Parameters, in order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.parameters.iter().map(Sealed::get)
    }

    /// Parameters and buffers with their names.
    pub(crate) fn named(&self) -> Vec<(String, &Tensor)> {
        let parameters = self.plan.parameters.iter().zip(&self.parameters);
        let buffers = self.plan.buffers.iter().zip(&self.buffers);
        parameters.chain(buffers).map(|(planned, value)| (planned.name.clone(), value.get())).collect()
    }

    /// Names of the layers, in order.
    pub(crate) fn layers(&self) -> Vec<String> {
        self.plan
            .layers
            .iter()
            .filter_map(|layer| if let Layer::Name(name) = layer { Some(name.clone()) } else { None })
            .collect()
    }

    /// Weight and bias of the last layer.
    pub(crate) fn last(&self) -> Option<(&Tensor, &Tensor)> {
        match self.parameters.as_slice() {
            [.., weight, bias] => Some((weight.get(), bias.get())),
            _ => None,
        }
    }

    /// The outputs for a batch `[records, …]`. In a fit dropout is active, and batch normalisation goes by the batch and keeps running statistics.
    pub(crate) fn forward(&self, batch: &Tensor, fitting: bool, heard: Heard<'_>) -> Result<Tensor> {
        let image =
            batch.dim() == 3 && self.plan.layers.iter().any(|l| matches!(l, Layer::Convolution { .. }));
        let batch = if image { batch.f_unsqueeze(1).map_err(from_torch)? } else { batch.shallow_clone() };
        self.run(&self.plan.layers, batch, fitting, heard)
    }

    fn run(&self, layers: &[Layer], mut x: Tensor, fitting: bool, heard: Heard<'_>) -> Result<Tensor> {
        for layer in layers {
            let next = match layer {
                Layer::Name(name) => {
                    heard(name, &x);
                    continue;
                }
                Layer::Dropout(_) if !fitting => continue,
                Layer::Flatten => x.f_flatten(1, -1),
                Layer::Linear { weight, bias } => {
                    x.f_linear(self.parameter(*weight), Some(self.parameter(*bias)))
                }
                Layer::Convolution { weight, bias, stride, padding } => {
                    let (weight, bias) = (self.parameter(*weight), bias.map(|bias| self.parameter(bias)));
                    if weight.size().ends_with(&[1, 1]) {
                        pointwise(&x, weight, bias, *stride)
                    } else {
                        x.f_conv2d(weight, bias, [*stride; 2], [*padding; 2], [1, 1], 1)
                    }
                }
                Layer::BatchNorm { weight, bias, mean, variance } => x.f_batch_norm(
                    Some(self.parameter(*weight)),
                    Some(self.parameter(*bias)),
                    Some(self.buffers[*mean].get()),
                    Some(self.buffers[*variance].get()),
                    fitting,
                    MOMENTUM,
                    EPSILON,
                    false,
                ),
                Layer::Activation(Activation::Relu) => x.f_relu(),
                Layer::Activation(Activation::Tanh) => x.f_tanh(),
                Layer::MaxPool => x.f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false),
                Layer::MeanPool => x.f_mean_dim([2_i64, 3].as_slice(), false, None::<Kind>),
                Layer::Dropout(share) => x.f_dropout(*share, true),
                Layer::Residual { body, shortcut } => {
                    let inner = self.run(body, x.shallow_clone(), fitting, heard)?;
                    let outer = self.run(shortcut, x, fitting, heard)?;
                    inner.f_add(&outer).and_then(|sum| sum.f_relu())
                }
            };
            x = next.map_err(from_torch)?;
        }
        Ok(x)
    }

    fn parameter(&self, number: usize) -> &Tensor {
        self.parameters[number].get()
    }
}

/// A convolution that looks at one place at a time, as the product of matrices that it is. oneDNN's kernel for the gradient of its weights with AVX2 and
/// channels that lie last (`jit_avx2_1x1_convolution_bwd_weights`, in libtorch 2.11) writes beyond its memory where there are few places.
fn pointwise(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: i64,
) -> std::result::Result<Tensor, tch::TchError> {
    let places = x.f_slice(2, None, None, stride)?.f_slice(3, None, None, stride)?;
    let channels = places.f_permute([0, 2, 3, 1])?.f_linear(&weight.f_flatten(1, -1)?, bias)?;
    channels.f_permute([0, 3, 1, 2])
}

/// The same numbers laid out with the channels last where there are four axes: convolutions on processors are fastest so.
pub(crate) fn channels_last(tensor: &Tensor) -> Result<Tensor> {
    let &[count, depth, height, width] = tensor.size().as_slice() else { return Ok(tensor.shallow_clone()) };
    // One channel lies both ways, and libtorch would take it for the other one: only the strides tell.
    let strides = [depth * height * width, 1, width * depth, depth];
    let turned = tensor.f_permute([0, 2, 3, 1]).and_then(|t| t.f_contiguous());
    turned
        .and_then(|t| t.f_as_strided([count, depth, height, width], strides, None::<i64>))
        .map_err(from_torch)
}
