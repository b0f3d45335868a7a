//! The architectures that are built in: a description that a manifest can write, and the layers that it stands for.

use paname_core::{Error, Result};
use serde_json::{Map, Value};

/// A built-in architecture with its sizes.
///
/// Targets, and reference models that stand for one, are described by it: `{ name = "mlp", hidden = [256], activation = "tanh" }`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "name", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Architecture {
    /// Fully connected layers over all values of a record. Layers: `hidden-1`, …, `embedding` (the last of them), `output`.
    Mlp {
        /// Widths of the hidden layers; none is a linear model.
        #[serde(default = "one_hidden")]
        hidden: Vec<u32>,
        /// What follows each of them.
        #[serde(default)]
        activation: Activation,
        /// Share of hidden values that a fit sets to zero at random.
        #[serde(default)]
        dropout: f64,
    },
    /// Convolutions of 3 × 3 over images, each followed by the activation and by maximum over 2 × 2, then fully connected layers. Layers: `convolution-1`,
    /// …, `hidden-1`, …, `embedding`, `output`.
    Convnet {
        /// Channels of the convolutions.
        #[serde(default = "two_convolutions")]
        channels: Vec<u32>,
        /// Widths of the fully connected hidden layers.
        #[serde(default)]
        hidden: Vec<u32>,
        /// What follows each layer.
        #[serde(default)]
        activation: Activation,
        /// Whether each convolution is followed by batch normalisation.
        #[serde(default, rename = "batch-norm")]
        batch_norm: bool,
        /// Share of the values before each fully connected layer that a fit sets to zero at random.
        #[serde(default)]
        dropout: f64,
    },
    /// Residual network for small images (He et al. 2016, section 4.2): a convolution, stages of blocks of two convolutions with batch normalisation,
    /// each stage after the first with half the side and twice the channels, then the mean over the image. Layers: `stem`, `block-1-1`, …,
    /// `embedding`, `output`.
    Resnet {
        /// Blocks of each stage.
        #[serde(default = "three_stages")]
        blocks: Vec<u32>,
        /// Channels of the first stage.
        #[serde(default = "sixteen")]
        width: u32,
    },
}

/// A function between layers.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(0, x).
    #[default]
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

fn one_hidden() -> Vec<u32> {
    vec![128]
}

fn two_convolutions() -> Vec<u32> {
    vec![16, 32]
}

fn three_stages() -> Vec<u32> {
    vec![2, 2, 2]
}

const fn sixteen() -> u32 {
    16
}

/// The most values of all parameters together, so that a slip does not ask for all memory there is.
const MOST_PARAMETERS: i64 = 1 << 31;
/// The most layers with parameters, for the same reason.
const MOST_LAYERS: usize = 10_000;

/// One step of the computation. Numbers name parameters, in the order in which they are made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layer {
    /// All axes but the first become one.
    Flatten,
    /// x Wᵀ + b.
    Linear { weight: usize, bias: usize },
    /// Convolution of 3 × 3 or 1 × 1.
    Convolution { weight: usize, bias: Option<usize>, stride: i64, padding: i64 },
    /// Batch normalisation: scale and offset are parameters, mean and variance are buffers.
    BatchNorm { weight: usize, bias: usize, mean: usize, variance: usize },
    /// A function of each value.
    Activation(Activation),
    /// Maximum over 2 × 2.
    MaxPool,
    /// Mean over the image.
    MeanPool,
    /// Dropout, in a fit only.
    Dropout(f64),
    /// x + body(x), the first x through `shortcut` where shapes differ, then max(0, ·).
    Residual { body: Vec<Layer>, shortcut: Vec<Layer> },
    /// Names the value here.
    Name(String),
}

/// A parameter to be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) shape: Vec<i64>,
    pub(crate) start: Start,
}

/// What a parameter begins with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Start {
    /// Drawn evenly between ± this bound.
    Uniform(f32),
    /// A constant.
    Constant(f32),
}

/// Layers with the parameters and buffers that they name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// Shape of a record.
    pub(crate) record: Vec<i64>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) buffers: Vec<Parameter>,
}

impl Architecture {
    /// Its name in a manifest.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Mlp { .. } => "mlp",
            Self::Convnet { .. } => "convnet",
            Self::Resnet { .. } => "resnet",
        }
    }

    /// Reads the table of a manifest.
    pub(crate) fn parse(table: &Map<String, Value>) -> Result<Self> {
        if table.is_empty() {
            return Err(Error::Config(format!(
                "`architecture` is empty; expected one of {}, such as {{ name = \"mlp\", hidden = [128] }}",
                NAMES.join(", ")
            )));
        }
        serde_json::from_value(Value::Object(table.clone()))
            .map_err(|error| Error::Config(format!("`architecture`: {error}")))
    }

    /// The layers for records of this shape and so many outputs.
    pub(crate) fn plan(&self, record: &[i64], outputs: i64) -> Result<Plan> {
        let values = count_of(record).filter(|&values| values > 0 && record.iter().all(|&length| length > 0));
        let Some(values) = values else {
            let got = format!("{record:?}");
            return Err(Error::mismatch("shape of a record", "lengths above 0 that fit in memory", got));
        };
        if outputs < 1 {
            return Err(Error::mismatch("outputs of a model", "at least 1", outputs));
        }
        let plan =
            Plan { record: record.to_vec(), layers: Vec::new(), parameters: Vec::new(), buffers: Vec::new() };
        let mut planner = Planner { plan, count: 0 };
        match self {
            Self::Mlp { hidden, activation, dropout } => {
                planner.add(Layer::Flatten);
                planner.head(values, hidden, *activation, checked(*dropout)?, outputs)?;
            }
            Self::Convnet { channels, hidden, activation, batch_norm, dropout } => {
                let [mut depth, mut height, mut width] = image(record)?;
                for (i, &next) in channels.iter().enumerate() {
                    let name = format!("convolution-{}", i + 1);
                    planner.convolution(&name, depth, positive("channels", next)?, 3, 1, !batch_norm)?;
                    if *batch_norm {
                        planner.batch_norm(&format!("norm-{}", i + 1), i64::from(next));
                    }
                    if height.min(width) < 2 {
                        return Err(Error::Config(format!(
                            "`architecture`: {} convolutions halve an image of {record:?} too often",
                            channels.len()
                        )));
                    }
                    // The maximum first: every activation is monotone, so that the values are the same, and three quarters of them need none.
                    planner.add(Layer::MaxPool);
                    planner.add(Layer::Activation(*activation));
                    planner.add(Layer::Name(name));
                    (depth, height, width) = (i64::from(next), height / 2, width / 2);
                }
                planner.add(Layer::Flatten);
                planner.head(depth * height * width, hidden, *activation, checked(*dropout)?, outputs)?;
            }
            Self::Resnet { blocks, width } => {
                let [depth, ..] = image(record)?;
                let mut channels = positive("width", *width)?;
                planner.convolution("stem", depth, channels, 3, 1, false)?;
                planner.batch_norm("stem-norm", channels);
                planner.add(Layer::Activation(Activation::Relu));
                planner.add(Layer::Name("stem".into()));
                for (stage, &count) in blocks.iter().enumerate() {
                    for block in 0..count {
                        let first = stage > 0 && block == 0;
                        let next = if first { channels * 2 } else { channels };
                        planner.block(&format!("block-{}-{}", stage + 1, block + 1), channels, next)?;
                        channels = next;
                    }
                }
                planner.add(Layer::MeanPool);
                planner.head(channels, &[], Activation::Relu, 0.0, outputs)?;
            }
        }
        Ok(planner.plan)
    }
}

/// The names of the architectures.
pub(crate) const NAMES: &[&str] = &["mlp", "convnet", "resnet"];

/// How many values a shape has, where that is a number.
fn count_of(shape: &[i64]) -> Option<i64> {
    shape.iter().try_fold(1_i64, |all, &length| all.checked_mul(length))
}

/// Channels, height and width of a record; a record of two axes has one channel.
fn image(record: &[i64]) -> Result<[i64; 3]> {
    match *record {
        [height, width] => Ok([1, height, width]),
        [channels, height, width] => Ok([channels, height, width]),
        _ => Err(Error::mismatch(
            "records for convolutions",
            "[height, width] or [channels, height, width]; `shape` says how a record's values lie",
            format!("{record:?}"),
        )),
    }
}

fn positive(key: &str, size: u32) -> Result<i64> {
    if size == 0 {
        Err(Error::Config(format!("`architecture.{key}`: expected sizes above 0, got 0")))
    } else {
        Ok(size.into())
    }
}

fn checked(dropout: f64) -> Result<f64> {
    if (0.0..1.0).contains(&dropout) {
        Ok(dropout)
    } else {
        Err(Error::Config(format!(
            "`architecture.dropout`: expected a share from 0 to below 1, got {dropout}"
        )))
    }
}

struct Planner {
    plan: Plan,
    /// Values of all parameters so far.
    count: i64,
}

impl Planner {
    fn add(&mut self, layer: Layer) {
        self.plan.layers.push(layer);
    }

    /// A parameter that begins as PyTorch's layers do: evenly drawn between ± 1/√inputs.
    fn parameter(&mut self, name: String, shape: Vec<i64>, inputs: i64) -> Result<usize> {
        let count = count_of(&shape).and_then(|count| count.checked_add(self.count));
        let fits = |&count: &i64| count <= MOST_PARAMETERS && self.plan.parameters.len() < MOST_LAYERS;
        let Some(count) = count.filter(fits) else {
            let problem = format!("`architecture`: {name} of shape {shape:?} is larger than can be");
            return Err(Error::Config(problem));
        };
        self.count = count;
        let start = Start::Uniform(1.0 / (inputs as f32).sqrt());
        self.plan.parameters.push(Parameter { name, shape, start });
        Ok(self.plan.parameters.len() - 1)
    }

    fn constant(&mut self, name: String, length: i64, value: f32) -> usize {
        self.plan.parameters.push(Parameter { name, shape: vec![length], start: Start::Constant(value) });
        self.plan.parameters.len() - 1
    }

    fn buffer(&mut self, name: String, length: i64, value: f32) -> usize {
        self.plan.buffers.push(Parameter { name, shape: vec![length], start: Start::Constant(value) });
        self.plan.buffers.len() - 1
    }

    fn linear(&mut self, name: &str, inputs: i64, outputs: i64) -> Result<()> {
        let weight = self.parameter(format!("{name}.weight"), vec![outputs, inputs], inputs)?;
        let bias = self.parameter(format!("{name}.bias"), vec![outputs], inputs)?;
        self.add(Layer::Linear { weight, bias });
        Ok(())
    }

    fn convolution(
        &mut self,
        name: &str,
        depth: i64,
        next: i64,
        side: i64,
        stride: i64,
        bias: bool,
    ) -> Result<()> {
        let inputs = depth * side * side;
        let weight = self.parameter(format!("{name}.weight"), vec![next, depth, side, side], inputs)?;
        let bias =
            if bias { Some(self.parameter(format!("{name}.bias"), vec![next], inputs)?) } else { None };
        self.add(Layer::Convolution { weight, bias, stride, padding: side / 2 });
        Ok(())
    }

    fn batch_norm(&mut self, name: &str, channels: i64) {
        let weight = self.constant(format!("{name}.weight"), channels, 1.0);
        let bias = self.constant(format!("{name}.bias"), channels, 0.0);
        let mean = self.buffer(format!("{name}.running_mean"), channels, 0.0);
        let variance = self.buffer(format!("{name}.running_var"), channels, 1.0);
        self.add(Layer::BatchNorm { weight, bias, mean, variance });
    }

    fn block(&mut self, name: &str, depth: i64, next: i64) -> Result<()> {
        let before = std::mem::take(&mut self.plan.layers);
        let stride = if depth == next { 1 } else { 2 };
        self.convolution(&format!("{name}.convolution-1"), depth, next, 3, stride, false)?;
        self.batch_norm(&format!("{name}.norm-1"), next);
        self.add(Layer::Activation(Activation::Relu));
        self.convolution(&format!("{name}.convolution-2"), next, next, 3, 1, false)?;
        self.batch_norm(&format!("{name}.norm-2"), next);
        let body = std::mem::take(&mut self.plan.layers);
        if depth != next {
            self.convolution(&format!("{name}.shortcut"), depth, next, 1, stride, false)?;
            self.batch_norm(&format!("{name}.shortcut-norm"), next);
        }
        let shortcut = std::mem::replace(&mut self.plan.layers, before);
        self.add(Layer::Residual { body, shortcut });
        self.add(Layer::Name(name.into()));
        Ok(())
    }

    /// Fully connected layers down to the outputs.
    fn head(
        &mut self,
        inputs: i64,
        hidden: &[u32],
        activation: Activation,
        dropout: f64,
        outputs: i64,
    ) -> Result<()> {
        let mut width = inputs;
        for (i, &next) in hidden.iter().enumerate() {
            let name = format!("hidden-{}", i + 1);
            self.linear(&name, width, positive("hidden", next)?)?;
            self.add(Layer::Activation(activation));
            self.add(Layer::Name(name));
            if dropout > 0.0 {
                self.add(Layer::Dropout(dropout));
            }
            width = next.into();
        }
        self.add(Layer::Name("embedding".into()));
        self.linear("output", width, outputs)?;
        self.add(Layer::Name("output".into()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(table: &Value) -> Result<Architecture> {
        Architecture::parse(table.as_object().unwrap())
    }

    #[test]
    fn descriptions_have_defaults_and_refuse_what_they_do_not_know() {
        let mlp = parse(&json!({ "name": "mlp" })).unwrap();
        assert_eq!(mlp, Architecture::Mlp { hidden: vec![128], activation: Activation::Relu, dropout: 0.0 });
        for (table, said) in [
            (json!({}), "`architecture` is empty; expected one of mlp, convnet, resnet"),
            (json!({ "name": "vit" }), "unknown variant `vit`, expected one of `mlp`, `convnet`, `resnet`"),
            (json!({ "name": "mlp", "hiden": [1] }), "unknown field `hiden`"),
            (json!({ "name": "mlp", "hidden": [-1] }), "invalid value: integer `-1`"),
        ] {
            let error = parse(&table).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn sizes_follow_from_each_other() {
        let count = |architecture: Value, record: &[i64]| {
            let plan = parse(&architecture).unwrap().plan(record, 10).unwrap();
            plan.parameters.iter().map(|p| p.shape.iter().product::<i64>()).sum::<i64>()
        };
        assert_eq!(count(json!({ "name": "mlp", "hidden": [256] }), &[600]), 600 * 256 + 256 + 256 * 10 + 10);
        assert_eq!(count(json!({ "name": "mlp", "hidden": [] }), &[8, 8]), 650);
        let convnet = 16 * 9 + 16 + 32 * 16 * 9 + 32 + 32 * 7 * 7 * 10 + 10;
        assert_eq!(count(json!({ "name": "convnet" }), &[28, 28]), convnet);
        // ResNet-20 for CIFAR-10 has 0.27 million parameters (He et al. 2016, table 6); shortcuts by convolution add 2,560 + 96.
        let resnet = count(json!({ "name": "resnet", "blocks": [3, 3, 3] }), &[3, 32, 32]);
        assert_eq!(resnet, 269_722 + 2_560 + 192);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for (architecture, record, said) in [
            (json!({ "name": "convnet" }), &[64][..], "records for convolutions: expected [height, width]"),
            (
                json!({ "name": "convnet", "channels": [8, 8, 8, 8] }),
                &[8, 8],
                "4 convolutions halve an image",
            ),
            (json!({ "name": "mlp", "hidden": [0] }), &[8], "`architecture.hidden`: expected sizes above 0"),
            (json!({ "name": "mlp", "dropout": 1.0 }), &[8], "`architecture.dropout`"),
            (json!({ "name": "mlp", "hidden": [4_000_000_000_u32] }), &[1 << 40], "larger than can be"),
            (json!({ "name": "mlp", "hidden": [40_000, 40_000, 40_000] }), &[8], "larger than can be"),
            (
                json!({ "name": "resnet", "blocks": [4_000_000_000_u32], "width": 1 }),
                &[8, 8],
                "larger than can be",
            ),
            (json!({ "name": "mlp" }), &[i64::MAX, i64::MAX], "shape of a record: expected lengths above 0"),
            (json!({ "name": "mlp" }), &[-2, -3], "shape of a record: expected lengths above 0"),
            (json!({ "name": "mlp" }), &[0], "shape of a record: expected lengths above 0"),
        ] {
            let error = parse(&architecture).unwrap().plan(record, 2).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
