//! What inputs look like, before the model is asked: a generator whose latent variables are searched in the place of inputs.

use paname_core::{
    Access, Case, CaseSize, Ctx, Error, Generator, Indices, Input, Outputs, Pullback, Query, Result, Tensor,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::fill_normal;
use crate::space::Space;
use crate::vae::{Decoded, Fitting, Vae};

/// Where a generator comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The case’s where it has one, else fitted.
    #[default]
    Auto,
    /// The case’s.
    Given,
    /// Fitted to the inputs of the population.
    Fitted,
}

/// The generator that inputs come from, and how one is fitted to the population: a variational autoencoder of one hidden layer each way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Prior {
    /// Where it comes from: `given` by the case, `fitted` to the population, or `auto`: given where there is one.
    pub from: Source,
    /// Latent variables of a fitted one, from 1 to 1024.
    pub latent: usize,
    /// Hidden units of a fitted one, from 1 to 65536.
    pub hidden: usize,
    /// Steps of its fit, at least 1.
    pub steps: usize,
    /// Records of a step of its fit, at least 1.
    pub batch: usize,
    /// Length of a step of its fit, above 0.
    pub rate: f64,
    /// The most records of the population that it sees, at least 10.
    pub records: usize,
}

impl Default for Prior {
    fn default() -> Self {
        Self {
            from: Source::Auto,
            latent: 20,
            hidden: 256,
            steps: 3000,
            batch: 64,
            rate: 1e-3,
            records: 10_000,
        }
    }
}

/// The fewest records that a prior is fitted to.
const FEWEST: usize = 10;
/// The most values that it is fitted to.
const LARGEST: usize = 1 << 28;
/// Records whose inputs are read at a time.
const READ: usize = 256;
/// The least part of the range that what a generator makes has to take.
const LEAST_SPREAD: f32 = 0.02;
/// Inputs by which a generator is seen to go with the target.
const TRIED: usize = 32;

impl Prior {
    /// Checks the parameters.
    pub(crate) fn check(&self) -> Result<()> {
        for (key, value, most) in [
            ("latent", self.latent, 1024),
            ("hidden", self.hidden, 65536),
            ("steps", self.steps, usize::MAX),
            ("batch", self.batch, usize::MAX),
        ] {
            if !(1..=most).contains(&value) {
                let range =
                    if most == usize::MAX { "at least 1".to_owned() } else { format!("from 1 to {most}") };
                return Err(Error::Config(format!("`prior.{key}` must be {range}, got {value}")));
            }
        }
        if self.records < FEWEST {
            return Err(Error::Config(format!(
                "`prior.records` must be at least {FEWEST}, got {}",
                self.records
            )));
        }
        if !(self.rate > 0.0 && self.rate.is_finite()) {
            return Err(Error::Config(format!("`prior.rate` must be above 0, got {}", self.rate)));
        }
        Ok(())
    }

    /// The choice that a case calls for.
    pub(crate) fn settled(self, size: &CaseSize) -> Self {
        let from = match (self.from, size.generator) {
            (Source::Auto, Some(_)) => Source::Given,
            (Source::Auto, None) => Source::Fitted,
            (made, _) => made,
        };
        Self { from, ..self }
    }

    /// The case as whoever asks through the generator sees it: gradients have to come through that too. The choice of the prior is settled.
    pub(crate) fn through(&self, size: &CaseSize) -> CaseSize {
        let closed = size
            .generator
            .filter(|_| self.from == Source::Given)
            .is_some_and(|offers| !offers.contains(Access::INPUT_GRADIENT));
        let granted = if closed { size.granted - Access::INPUT_GRADIENT } else { size.granted };
        CaseSize { granted, ..*size }
    }

    /// What is asked of the generator of the case, by whoever asks these accesses of the target through it; None where the case need not have one.
    pub(crate) fn generator(&self, access: Access) -> Option<Access> {
        (self.from == Source::Given).then_some(access & Access::INPUT_GRADIENT)
    }

    /// Records of the population that it takes in any case.
    pub(crate) fn population_min(&self) -> usize {
        if self.from == Source::Fitted { FEWEST } else { 0 }
    }

    /// The generator of a case, fitted where there is none. No question to the model.
    pub(crate) fn of<'a>(&self, case: &'a Case<'_>, space: &Space, ctx: &Ctx<'_>) -> Result<Maker<'a>> {
        match (self.from, case.generator()) {
            (Source::Auto | Source::Given, Some(generator)) => {
                let latent = generator.latent.iter().try_fold(1_usize, |all, axis| all.checked_mul(*axis));
                let Some(latent @ 1..) = latent.filter(|latent| *latent <= LARGEST) else {
                    let got = format!("{:?}", generator.latent);
                    return Err(Error::mismatch("latent variables of the generator", "at least 1", got));
                };
                let maker = Maker::Given(generator, latent);
                maker.check_scale(space, ctx)?;
                self.tell(ctx, "given");
                Ok(maker)
            }
            (Source::Given, None) => Err(Error::Missing { what: "generator".into(), needed: 1, got: 0 }),
            (Source::Auto, None) | (Source::Fitted, _) => {
                let vae = self.fit(case, space, ctx)?;
                self.tell(ctx, "fitted");
                Ok(Maker::Fitted(vae))
            }
        }
    }

    /// Tells what was chosen where it was left open.
    fn tell(&self, ctx: &Ctx<'_>, from: &str) {
        if self.from == Source::Auto {
            ctx.chose("prior", from);
        }
    }

    fn fit(&self, case: &Case<'_>, space: &Space, ctx: &Ctx<'_>) -> Result<Vae> {
        let (ids, width) = (&case.population().ids, space.constraint.len());
        let missing = |what: &str, got: usize| Error::Missing { what: what.to_owned(), needed: FEWEST, got };
        if ids.len() < FEWEST {
            return Err(missing(
                "population records, to fit a generator to where the case has none",
                ids.len(),
            ));
        }
        // Evenly spread over all of them.
        let count = ids.len().min(self.records).min((LARGEST / width).max(FEWEST));
        let chosen: Vec<u32> = (0..count).map(|i| ids[i * ids.len() / count]).collect();
        let mut data = Vec::with_capacity(count * width);
        for some in chosen.chunks(READ) {
            ctx.tick(0, 1)?;
            let inputs = match case.target().input(&Indices::from(some)) {
                Err(Error::Denied(_) | Error::Unsupported(_)) => {
                    return Err(missing(
                        "population records whose inputs are known, to fit a generator to",
                        0,
                    ));
                }
                other => other?,
            };
            if inputs.len() != some.len() * width {
                let expected = format!("{} of {:?}", some.len(), space.shape);
                return Err(Error::mismatch("inputs", expected, format!("shape {:?}", inputs.shape())));
            }
            for row in inputs.to_f32()?.chunks_exact(width) {
                // What is no number is in the middle.
                let within = |u: f32| if u.is_nan() { 0.5 } else { u.clamp(0.0, 1.0) };
                data.extend(space.constraint.units(row).into_iter().map(within));
            }
        }
        let Self { latent, hidden, steps, batch, rate, .. } = *self;
        Vae::fit(&data, Fitting { width, hidden, latent, steps, batch, rate }, ctx)
    }
}

/// A generator at work.
pub(crate) enum Maker<'a> {
    /// With the number of its latent variables.
    Given(&'a Generator<'a>, usize),
    Fitted(Vae),
}

/// What was made of latent variables.
pub(crate) struct Made {
    /// In units of the range, perhaps beyond the bounds.
    pub(crate) units: Vec<f32>,
    way: Way,
}

/// The way back to latent variables.
enum Way {
    None,
    Given(Box<dyn Pullback>, Vec<usize>),
    Fitted(Decoded),
}

impl Maker<'_> {
    /// Latent variables of an input.
    pub(crate) fn latent(&self) -> usize {
        match self {
            Self::Given(_, latent) => *latent,
            Self::Fitted(vae) => vae.latent(),
        }
    }

    /// Whether gradients come through it.
    pub(crate) fn differentiable(&self) -> bool {
        match self {
            Self::Given(generator, _) => generator.offers().contains(Access::INPUT_GRADIENT),
            Self::Fitted(_) => true,
        }
    }

    /// Fails where what is made is on another scale than inputs: all of it would be cut off at the bounds, and look like nothing.
    fn check_scale(&self, space: &Space, ctx: &Ctx<'_>) -> Result<()> {
        // Columns that share a 1 may be made of any scores.
        if space.constraint.has_groups() {
            return Ok(());
        }
        let mut z = vec![0.0; TRIED * self.latent()];
        fill_normal(&mut z, &mut ctx.rng("generator"));
        let Made { units, .. } = self.make(z, false, space, ctx.threads())?;
        // Beyond by more than all of the range, or all within so small a part of it that it is nothing to see.
        let beyond = units.iter().filter(|u| **u < -1.0 || **u > 2.0).count();
        let (low, high) =
            units.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), u| (l.min(*u), h.max(*u)));
        let got = if 10 * beyond > units.len() {
            format!("{} % far beyond", 100 * beyond / units.len())
        } else if (0.0..LEAST_SPREAD).contains(&(high - low)) {
            format!("all of them within {:.2} % of the range", 100.0 * (high - low))
        } else {
            return Ok(());
        };
        Err(Error::mismatch(
            "what the generator makes",
            "values within the bounds of the target’s inputs, and all over them",
            got,
        ))
    }

    /// Inputs of rows of latent variables, with the way back where it is asked for.
    pub(crate) fn make(&self, z: Vec<f32>, back: bool, space: &Space, threads: usize) -> Result<Made> {
        let (generator, latent) = match self {
            Self::Given(generator, latent) => (generator, *latent),
            Self::Fitted(vae) => {
                let mut decoded = vae.decode(&z, threads)?;
                if back {
                    return Ok(Made { units: decoded.units.clone(), way: Way::Fitted(decoded) });
                }
                return Ok(Made { units: std::mem::take(&mut decoded.units), way: Way::None });
            }
        };
        let rows = z.len() / latent;
        let shape: Vec<usize> = std::iter::once(rows).chain(generator.latent.iter().copied()).collect();
        let input = Input::Tensor(Tensor::from_vec(z, &shape)?);
        let query = Query { input, labels: None, want: Access::LABELS, layers: Vec::new() };
        let (answers, pullback) = if back {
            let (answers, pullback) = generator.target.vjp(&query)?;
            (answers, Some(pullback))
        } else {
            (generator.target.predict(&query)?, None)
        };
        let made = answers.labels.ok_or(Error::Denied(Access::LABELS))?;
        if made.shape().is_empty() || made.rows() != rows || made.len() != rows * space.constraint.len() {
            let expected = format!("{rows} inputs of the target’s shape, {:?}", space.shape);
            let got = format!("shape {:?}", made.shape());
            return Err(Error::mismatch("what the generator makes", expected, got));
        }
        let values = made.to_f32()?;
        let units = values.chunks_exact(space.constraint.len()).flat_map(|row| space.constraint.units(row));
        let way = pullback.map_or(Way::None, |pullback| Way::Given(pullback, made.shape().to_vec()));
        Ok(Made { units: units.collect(), way })
    }

    /// Derivatives with respect to latent variables, from those with respect to units.
    pub(crate) fn pull_back(
        &self,
        made: &Made,
        slopes: &[f32],
        space: &Space,
        threads: usize,
    ) -> Result<Vec<f32>> {
        match (self, &made.way) {
            (Self::Fitted(vae), Way::Fitted(decoded)) => vae.pull_back(decoded, slopes, threads),
            (Self::Given(_, latent), Way::Given(pullback, shape)) => {
                let ranges = space.constraint.range().iter().cycle();
                let of_values =
                    slopes.iter().zip(ranges).map(|(s, range)| if *range > 0.0 { s / range } else { 0.0 });
                let labels = Some(Tensor::from_vec(of_values.collect(), shape)?);
                let pulled = pullback.apply(&Outputs { labels, ..Outputs::default() })?;
                if pulled.len() != shape[0] * latent {
                    let got = format!("shape {:?}", pulled.shape());
                    let expected = format!("{} of {latent}", shape[0]);
                    return Err(Error::mismatch("gradients of the generator", expected, got));
                }
                Ok(pulled.to_f32()?.into_owned())
            }
            _ => Err(Error::Denied(Access::INPUT_GRADIENT)),
        }
    }
}
