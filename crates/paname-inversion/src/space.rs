//! Where inversions search: the shape of inputs, their bounds, and where walks begin.

use paname_core::{Case, Cohort, Ctx, Error, Indices, Result, Tensor};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::constraint::Constraint;
use crate::random::{fill_normal, uniform};

/// Where walks begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Begin {
    /// Anywhere between the bounds, with equal chances.
    #[default]
    Noise,
    /// At the mean of the population’s inputs; all starts but the first with noise of a tenth of the range.
    Mean,
    /// Where all values are 0, or as near as the bounds let it; all starts but the first with noise of a tenth of the range.
    Zeros,
}

/// Bounds of one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The place of the value in an input, from 0.
    pub column: usize,
    /// The least value.
    pub low: f32,
    /// The largest value.
    pub high: f32,
}

/// What the axes of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Axes {
    /// Those of an image where there are two or three, columns of a table where there is one.
    #[default]
    Auto,
    /// `[height, width]` or `[channels, height, width]` of an image.
    Image,
    /// The last is time, as of `[samples]`, `[channels, samples]` or `[bands, frames]` of a sound. All values have the same bounds, and neighbours in time only are
    /// neighbours.
    Time,
}

/// What inputs may be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Inputs {
    /// The least and the largest value; where absent, those of the population: of each value in tables, of all together in other inputs. Without a
    /// population 0 and 1. Of a wave it is its amplitude, such as −1 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<[f32; 2]>,
    /// Bounds of single values, before all others.
    pub bounds: Vec<Bound>,
    /// Groups of columns of which one is 1 and the others are 0.
    pub groups: Vec<Vec<usize>>,
    /// The shape of one input; where empty, that of the records.
    pub shape: Vec<usize>,
    /// What its axes are: `image`, `time` of a sound, or `auto`: those of an image where there are two or three.
    pub axes: Axes,
}

impl Inputs {
    /// Checks what can be checked without inputs.
    pub(crate) fn check(&self) -> Result<()> {
        if self.range.is_some_and(|[low, high]| !(low < high && (high - low).is_finite())) {
            return Err(Error::Config(format!(
                "`input.range` must be two rising numbers, got {:?}",
                self.range
            )));
        }
        for Bound { column, low, high } in &self.bounds {
            if !(low <= high && (high - low).is_finite()) {
                return Err(Error::Config(format!(
                    "`input.bounds` of column {column} must be two numbers that do not fall, got {low} and {high}"
                )));
            }
        }
        Ok(())
    }
}

/// Bytes of inputs that are held at a time.
const ROOM: usize = 16 << 20;
/// The most values of an input.
const LARGEST: usize = 1 << 28;
/// Noise of starts at one place, in units of the range.
const SPREAD: f32 = 0.1;

/// The place of a search.
pub(crate) struct Space {
    /// Of one input.
    pub(crate) shape: Vec<usize>,
    pub(crate) constraint: Constraint,
    axes: Axes,
    /// The mean of the population’s inputs.
    mean: Option<Vec<f32>>,
}

impl Space {
    /// Looks at the inputs of the population, at none of an audited record but for its shape. No question to the model.
    pub(crate) fn of(case: &Case<'_>, ctx: &Ctx<'_>, config: &Inputs) -> Result<Self> {
        let known = Known::of(case, ctx)?;
        let shape = match (&known.shape, config.shape.is_empty()) {
            (Some(known), false) if *known != config.shape => {
                let expected = format!("the shape of the records, {known:?}");
                return Err(Error::Config(format!(
                    "`input.shape`: expected {expected}, got {:?}",
                    config.shape
                )));
            }
            (_, false) => config.shape.clone(),
            (Some(known), true) => known.clone(),
            (None, true) => {
                let problem =
                    "the inputs of no record are known, whose shape could be taken: set `input.shape`";
                return Err(Error::Config(problem.into()));
            }
        };
        let width = shape.iter().try_fold(1_usize, |all, axis| all.checked_mul(*axis));
        let Some(width) = width.filter(|width| (1..=LARGEST).contains(width)) else {
            return Err(Error::Config(format!("an input of shape {shape:?} cannot be searched")));
        };
        if config.axes == Axes::Image && !matches!(shape.len(), 2 | 3) {
            return Err(Error::Config(format!(
                "`input.axes`: an image is [channels, height, width] or [height, width], and inputs have the shape {shape:?}"
            )));
        }
        let (mut low, mut high) = match config.range {
            Some([low, high]) => (vec![low; width], vec![high; width]),
            None => known.bounds(&shape, config.axes, width)?,
        };
        for bound in &config.bounds {
            let place = low.get_mut(bound.column).zip(high.get_mut(bound.column));
            let Some((low, high)) = place else {
                let got = bound.column;
                return Err(Error::Config(format!(
                    "`input.bounds`: expected columns below {width}, got {got}"
                )));
            };
            (*low, *high) = (bound.low, bound.high);
        }
        let constraint = Constraint::new(low, &high)?.with_groups(config.groups.clone())?;
        Ok(Self { shape, constraint, axes: config.axes, mean: known.mean })
    }

    /// Channels, height and width, where inputs are images; of what has a course in time, an image of one line for each channel.
    pub(crate) fn image(&self) -> Option<[usize; 3]> {
        match (self.axes, &self.shape[..]) {
            (Axes::Time, [channels @ .., time]) => Some([channels.iter().product(), 1, *time]),
            (_, &[channels, height, width]) => Some([channels, height, width]),
            (_, &[height, width]) => Some([1, height, width]),
            _ => None,
        }
    }

    /// What is said of a parameter that only images have.
    pub(crate) fn no_image(&self, key: &str) -> Error {
        let got = &self.shape;
        Error::Config(format!(
            "`{key}` is of images [channels, height, width], and inputs have the shape {got:?}; where the last axis is time, set `input.axes`"
        ))
    }

    /// Whether inputs are known to have a course in time.
    pub(crate) fn is_in_time(&self) -> bool {
        self.axes == Axes::Time
    }

    /// Where start number `number` begins.
    pub(crate) fn begin(&self, begin: Begin, number: usize, stream: &mut Pcg64) -> Result<Vec<f32>> {
        let width = self.constraint.len();
        let mut units = match begin {
            Begin::Noise => (0..width).map(|_| uniform(stream) as f32).collect(),
            Begin::Zeros => self.constraint.units(&vec![0.0; width]),
            Begin::Mean => {
                let Some(mean) = &self.mean else {
                    let what = "population records whose inputs are known, to begin at their mean".to_owned();
                    return Err(Error::Missing { what, needed: 1, got: 0 });
                };
                self.constraint.units(mean)
            }
        };
        if begin != Begin::Noise {
            // The same numbers follow, whichever start it is.
            let mut noise = vec![0.0; width];
            fill_normal(&mut noise, stream);
            let spread = if number == 0 { 0.0 } else { SPREAD };
            self.constraint.project(&mut units);
            units.iter_mut().zip(noise).for_each(|(u, noise)| *u += spread * noise);
        }
        self.constraint.project(&mut units);
        Ok(units)
    }

    /// A batch of inputs, each of which `change` may still change.
    pub(crate) fn batch<'a>(
        &self,
        walks: impl Iterator<Item = &'a [f32]>,
        mut change: impl FnMut(usize, &mut [f32]),
    ) -> Result<Tensor> {
        let mut rows = Vec::new();
        let mut count = 0;
        for units in walks {
            let start = rows.len();
            rows.extend(self.constraint.input(units));
            change(count, &mut rows[start..]);
            count += 1;
        }
        let shape: Vec<usize> = std::iter::once(count).chain(self.shape.iter().copied()).collect();
        Tensor::from_vec(rows, &shape)
    }
}

/// What is known of inputs.
#[derive(Default)]
struct Known {
    shape: Option<Vec<usize>>,
    /// Of each value of the population’s.
    low: Vec<f32>,
    high: Vec<f32>,
    mean: Option<Vec<f32>>,
}

impl Known {
    fn of(case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Self> {
        let mut known = Self::default();
        let inputs = |cohort: &Cohort, range: std::ops::Range<usize>| match case
            .target()
            .input(&Indices::from(&cohort.ids[range]))
        {
            Ok(inputs) if inputs.shape().len() > 1 => Ok(Some(inputs)),
            Ok(inputs) => {
                Err(Error::mismatch("inputs", "[records, …]", format!("shape {:?}", inputs.shape())))
            }
            Err(Error::Denied(_) | Error::Unsupported(_)) => Ok(None),
            Err(error) => Err(error),
        };
        let population = case.population();
        if population.is_empty() {
            if !case.audited().is_empty() {
                known.shape = inputs(case.audited(), 0..1)?.map(|inputs| inputs.shape()[1..].to_vec());
            }
            return Ok(known);
        }
        let Some(first) = inputs(population, 0..1)? else { return Ok(known) };
        let shape = first.shape()[1..].to_vec();
        let width: usize = shape.iter().product();
        let (mut sums, mut counts) = (vec![0.0_f64; width], vec![0.0_f64; width]);
        (known.low, known.high) = (vec![f32::INFINITY; width], vec![f32::NEG_INFINITY; width]);
        let size = (ROOM / (4 * width.max(1))).clamp(1, 4096);
        for start in (0..population.len()).step_by(size) {
            ctx.tick(0, 1)?;
            let range = start..population.len().min(start + size);
            let Some(some) = inputs(population, range.clone())? else { return Ok(Self::default()) };
            if some.shape()[1..] != shape || some.rows() != range.len() {
                let got = format!("shape {:?}", some.shape());
                return Err(Error::mismatch("inputs", format!("{} of {shape:?}", range.len()), got));
            }
            for row in some.to_f32()?.chunks_exact(width.max(1)) {
                for (j, &x) in row.iter().enumerate().filter(|(_, x)| x.is_finite()) {
                    (known.low[j], known.high[j]) = (known.low[j].min(x), known.high[j].max(x));
                    (sums[j], counts[j]) = (sums[j] + f64::from(x), counts[j] + 1.0);
                }
            }
        }
        known.mean =
            Some(sums.iter().zip(&counts).map(|(sum, count)| (sum / count.max(1.0)) as f32).collect());
        known.shape = Some(shape);
        Ok(known)
    }

    /// The least and the largest of each value.
    fn bounds(&self, shape: &[usize], axes: Axes, width: usize) -> Result<(Vec<f32>, Vec<f32>)> {
        if self.low.is_empty() {
            return Ok((vec![0.0; width], vec![1.0; width]));
        }
        let (low, high) = if shape.len() == 1 && axes != Axes::Time {
            // A value that nobody has is nothing.
            let or_none =
                |bounds: &[f32]| bounds.iter().map(|x| if x.is_finite() { *x } else { 0.0 }).collect();
            (or_none(&self.low), or_none(&self.high))
        } else {
            let low = self.low.iter().copied().fold(f32::INFINITY, f32::min);
            let high = self.high.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            (vec![low; width], vec![high; width])
        };
        if low.iter().zip(&high).all(|(low, high): (&f32, &f32)| low >= high) {
            let problem =
                "the population’s inputs do not vary, so that they tell no bounds: set `input.range`";
            return Err(Error::Config(problem.into()));
        }
        Ok((low, high))
    }
}
