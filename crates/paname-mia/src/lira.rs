//! # LiRA
//!
//! **Idea.** How hard a record is differs from record to record. So ask reference models fitted with it and without it, fit a normal law to
//! either side, and see which one the target's confidence comes from.
//!
//! **Threat model.** The attacker asks the target once per record (once per augmented variant, if there are any), knows the true class, sees the
//! loss, or probabilities or logits, from which it follows, and fits reference models on data of the same kind: online, for the audited
//! records, each in some and out of others; offline, without them.
//!
//! **Formula.** φ = ln p_y − ln(1 − p_y), or another `signal`: of other tasks than classification, the statistic of the task. Online, score = ln N(φ_target; μ_in, σ²_in) − ln N(φ_target; μ_out, σ²_out). Offline, score = (φ_target
//! − μ_out) / σ_out, the one-sided test of the paper ranked by its argument, since the normal distribution function itself rounds to 1 far
//! out. `offline-test = "two-sided"` is −ln N(φ_target; μ_out, σ²_out), which calls a record a member also where the target is less sure than
//! every other model; public scripts use it, and it loses most of the power. Means and variances are taken per side over the reference
//! models of the record, variances without the n − 1 correction:
//!
//! | `variance` | σ² of a side |
//! |---|---|
//! | `per-record` | of the record's own n models |
//! | `shared` | one for all records: of the residuals around each record's mean, over all records and models |
//! | `shared-raw` | one for all records: of the raw values around their common mean |
//! | `shrunk` | (n · per-record + w · shared) / (n + w), w = `prior-weight` |
//! | `auto` | `shared-raw` with fewer than 16 reference models, `shrunk` from 16 on |
//! | `rehearsed` | the one of the first four that has the largest AUC where up to four reference models play the target |
//!
//! `center = "median"` takes medians for μ, which a reference model or two that went astray do not move, and spreads as before, around means.
//!
//! With several augmentations the score is the mean over them: the ranking of a joint normal law with a diagonal covariance (`joint = "diagonal"`).
//! With `joint = "full"` the covariance of the variants is estimated like the variance, matrices in the place of σ², and the score is the log ratio
//! of the joint laws; offline and one-sided, it is 1ᵀΣ⁻¹(φ_target − μ) / √(1ᵀΣ⁻¹1), the most powerful test of a shift that the variants share. With
//! one variant both are the same.
//!
//! **Paper.** Carlini, Chien, Nasr, Song, Terzis and Tramèr, *Membership Inference Attacks From First Principles*, IEEE S&P 2022, arXiv 2112.03570.
//! Its script takes medians for the centers; means are the default here. The two shared variances go by one name (`fix_variance`, "carlini") in
//! public tools. Shrinking is the usual conjugate estimate of a variance under a scaled inverse χ² prior.
//!
//! **Cost.** One question per record and augmentation; K reference models; O(N K).
//!
//! **When it fails.** Offline, and with few models: a variance of few values is a poor one, and two values may coincide (a variance is never taken
//! below the rounding of the signals). A full covariance of many variants wants more models than there are variants, or the shared one. Reference
//! models fitted on other data or in another way than the target shift all scores.

use std::fmt;

use paname_core::kernel::{Spread, spreads};
use paname_core::{
    Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, MembershipRow, Needs, RecordSignals, Result,
    Signal, Whom,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::joint::{Moments, Normal};
use crate::references::Mode;
use crate::rehearsal::choose;
use crate::statistic::Statistic;

/// Parameters of [`Lira`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What is compared: `auto`, the statistic of the task (the scaled confidence in classification), or the name of a signal of which members have larger values.
    pub signal: Statistic,
    /// Which reference models a record is compared with.
    pub mode: Mode,
    /// How the spread of the reference models is estimated.
    pub variance: Variance,
    /// How many models the shared variance counts for when a record's own is shrunk towards it (w), above 0.
    pub prior_weight: f64,
    /// What is tested when offline.
    pub offline_test: OfflineTest,
    /// How augmented variants of a record hang together.
    pub joint: Joint,
    /// What the target is compared with on either side; medians need `joint = "diagonal"`.
    pub center: Center,
}

/// How the spread of the reference models is estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variance {
    /// `shared-raw` with fewer than 16 reference models, `shrunk` from 16 on.
    #[default]
    Auto,
    /// Each record's own; needs 2 models per side and record.
    PerRecord,
    /// One for all records, of the residuals around each record's mean.
    Shared,
    /// One for all records, of the raw values around their common mean.
    SharedRaw,
    /// Each record's own, drawn towards the shared one.
    Shrunk,
    /// Chosen by letting reference models play the target.
    Rehearsed,
}

impl fmt::Display for Variance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::PerRecord => "per-record",
            Self::Shared => "shared",
            Self::SharedRaw => "shared-raw",
            Self::Shrunk => "shrunk",
            Self::Rehearsed => "rehearsed",
        })
    }
}

/// The middle of the reference models of a side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Center {
    /// Their mean.
    #[default]
    Mean,
    /// Their median; the mean of the two in the middle where their number is even.
    Median,
}

/// How augmented variants of a record hang together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Joint {
    /// They are taken for independent.
    #[default]
    Diagonal,
    /// Their covariance is estimated.
    Full,
}

/// The test of an offline run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OfflineTest {
    /// The target is surer than models without the record are.
    #[default]
    OneSided,
    /// The target differs from models without the record, in either direction.
    TwoSided,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signal: Statistic::default(),
            mode: Mode::default(),
            variance: Variance::default(),
            prior_weight: 4.0,
            offline_test: OfflineTest::default(),
            joint: Joint::default(),
            center: Center::default(),
        }
    }
}

/// Number of reference models from which on `auto` lets a record's own variance count. Below, the within-record spread is hardly known, and
/// the raw variance, which is larger, is the more careful one.
const SHRINK_FROM: usize = 16;

/// Scores a record by the likelihood ratio of the target's confidence.
pub struct Lira {
    config: Config,
    signal: Signal,
}

/// What is compared in classification.
const OWN: Signal = Signal::ScaledConfidence;

impl Attack for Lira {
    const INFO: Info = Info {
        name: "lira",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Rapport de vraisemblance à des modèles de référence (LiRA)",
        title_en: "Likelihood ratio to reference models (LiRA)",
        summary_fr: "Le modèle réagit à ces données comme des modèles semblables qui les ont apprises, et non comme ceux qui les ignorent.",
        summary_en: "The model reacts to these data as similar models do that were trained on them, not as those that were not.",
        formula: "ln N(φ; μ_in, σ²_in) − ln N(φ; μ_out, σ²_out); offline (φ − μ_out) / σ_out; φ = ln p_y − ln(1 − p_y)",
        paper: "Carlini, Chien, Nasr, Song, Terzis and Tramèr, Membership Inference Attacks From First Principles, 2022, arXiv 2112.03570",
        source: include_str!("lira.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        if !(config.prior_weight.is_finite() && config.prior_weight > 0.0) {
            let got = config.prior_weight;
            return Err(Error::Config(format!("`prior-weight` must be a number above 0, got {got}")));
        }
        if config.center == Center::Median && config.joint == Joint::Full {
            return Err(Error::Config(
                "`center` is \"median\" and `joint` is \"full\", which compares with means; expected one of the two".into(),
            ));
        }
        Ok(Self { signal: config.signal.rising(OWN)?, config })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let variance = match config.variance {
            Variance::Auto if size.references >= SHRINK_FROM => Variance::Shrunk,
            Variance::Auto => Variance::SharedRaw,
            settled => settled,
        };
        let signal = config.signal.settled(size, OWN);
        Config { signal, mode: config.mode.settled(size, variance.least()), variance, ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        // A spread around a record's mean needs a record with two models on the side.
        let (online, offline) = match self.config.variance {
            Variance::PerRecord => (4, 2),
            Variance::Shared | Variance::Shrunk => (3, 2),
            Variance::SharedRaw | Variance::Auto | Variance::Rehearsed => (2, 1),
        };
        let (least_in, least_out) = self.config.variance.least();
        Needs {
            signals: vec![self.signal],
            references_min: self.config.mode.least(online, offline),
            references_max: usize::MAX,
            in_out_min: self.config.mode.least((least_in, least_out), (0, least_out)),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let config = Self::settle(self.config.clone(), &CaseSize::of(case));
        let lira = self.with(config).rehearsed(case, ctx)?;
        let scores = match lira.config.joint {
            Joint::Diagonal => lira.diagonal(case, ctx)?,
            Joint::Full => lira.full(case, ctx)?,
        };
        Ok(Findings::Membership(scores))
    }
}

impl Variance {
    /// Models with and without each record that an online run needs.
    const fn least(self) -> (usize, usize) {
        match self {
            Self::PerRecord => (2, 2),
            Self::Auto | Self::Shared | Self::SharedRaw | Self::Shrunk | Self::Rehearsed => (1, 1),
        }
    }
}

impl Lira {
    /// The same signal under other parameters.
    fn with(&self, config: Config) -> Self {
        Self { config, signal: self.signal }
    }

    /// Settled parameters with the variance chosen.
    fn rehearsed(self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Self> {
        if self.config.variance != Variance::Rehearsed {
            return Ok(self);
        }
        let of = |variance: Variance| self.with(Config { variance, ..self.config.clone() });
        let check = |lira: &Self, case: &Case<'_>| lira.needs(case.audited().len()).check(case);
        let run = |variance: Variance, case: &Case<'_>, ctx: &Ctx<'_>| {
            let lira = of(variance);
            check(&lira, case)?;
            lira.run(case, ctx)?.membership(case.audited().len())
        };
        // What `auto` would take comes first: it is taken where nothing can be rehearsed.
        let usual = Self::settle(of(Variance::Auto).config, &CaseSize::of(case)).variance;
        let candidates = match usual {
            Variance::Shrunk => {
                [Variance::Shrunk, Variance::SharedRaw, Variance::Shared, Variance::PerRecord]
            }
            _ => [Variance::SharedRaw, Variance::Shrunk, Variance::Shared, Variance::PerRecord],
        };
        let possible = |variance: &Variance| check(&of(*variance), case).is_ok();
        let candidates = candidates.into_iter().filter(possible).collect();
        let variance =
            choose("variance", candidates, case, ctx, |variance, case, ctx| run(*variance, case, ctx))?;
        Ok(of(variance))
    }

    /// Scores with variants taken for independent.
    fn diagonal(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
        let config = &self.config;
        let online = config.mode == Mode::Online;
        let augmentations = case.augmentations();
        let chunks = case.map_chunks(Whom::Audited, &[self.signal], ctx, |chunk| {
            let mut fits = Vec::with_capacity(chunk.range().len() * augmentations);
            let mut pools = vec![[Pool::default(); 2]; augmentations];
            let (mut values, mut sides) = (Vec::new(), [Vec::new(), Vec::new()]);
            for record in chunk.records() {
                for (a, &target) in record.target(0).iter().enumerate() {
                    let references = one_variant(record.references(0), augmentations, a, &mut values);
                    let [outside, inside] = spreads(references, record.membership());
                    let centers = match config.center {
                        Center::Mean => [outside.mean, inside.mean],
                        Center::Median => medians(references, record.membership(), &mut sides),
                    };
                    fits.push(Fit { target: f64::from(target), inside, outside, centers });
                    pools[a][0].take(Pool::of(&outside));
                    pools[a][1].take(Pool::of(&inside));
                }
            }
            Ok((fits, pools))
        })?;
        let (fits, pools): (Vec<Vec<Fit>>, Vec<_>) = chunks.into_iter().unzip();
        let estimate = config.estimate();
        let shared: Vec<(f64, f64)> = (0..augmentations)
            .map(|a| {
                let all = |side: usize| {
                    let mut all = Pool::default();
                    for chunk in &pools {
                        all.take(chunk[a][side]);
                    }
                    all
                };
                let inside = if online { estimate.shared(all(1), "with")? } else { 0.0 };
                Ok((inside, estimate.shared(all(0), "without")?))
            })
            .collect::<Result<_>>()?;
        let score = |fit: &Fit, (inside, outside): (f64, f64)| {
            let Fit { target, inside: with, outside: without, centers: [mean_out, mean_in] } = fit;
            let variance_out = estimate.variance(without, outside);
            match (online, config.offline_test) {
                (true, _) => {
                    let variance_in = estimate.variance(with, inside);
                    log_ratio(*target, (*mean_in, variance_in), (*mean_out, variance_out))
                }
                (false, OfflineTest::OneSided) => (target - mean_out) / variance_out.sqrt(),
                (false, OfflineTest::TwoSided) => -log_normal(*target, *mean_out, variance_out),
            }
        };
        let of_record = |record: &[Fit]| {
            record.iter().zip(&shared).map(|(fit, shared)| score(fit, *shared)).sum::<f64>()
                / augmentations as f64
        };
        // The same chunks again, without their signals.
        let size = fits.first().map_or(1, Vec::len) / augmentations.max(1);
        let scores = case.map_chunks(Whom::Audited, &[], ctx, |chunk| {
            let fits = &fits[chunk.range().start / size.max(1)];
            Ok(fits.chunks_exact(augmentations.max(1)).map(of_record).collect::<Vec<f64>>())
        })?;
        Ok(scores.concat())
    }

    /// Scores by joint laws of the variants: one pass over the records for the covariances that they share, one for the scores.
    fn full(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
        let config = &self.config;
        let online = config.mode == Mode::Online;
        let (estimate, width) = (config.estimate(), case.augmentations());
        let sides = |record: &RecordSignals<'_>| {
            let members = record.membership();
            let side = |wanted: bool| {
                let models = record.references(0).chunks_exact(width).enumerate();
                let chosen = models.filter(|(k, _)| members.contains(*k) == wanted);
                Moments::of(width, chosen.map(|(_, values)| values))
            };
            [side(true), side(false)]
        };
        let chunks = case.map_chunks(Whom::Audited, &[self.signal], ctx, |chunk| {
            let mut shared = [SharedMoments::none(width), SharedMoments::none(width)];
            for record in chunk.records() {
                for (shared, side) in shared.iter_mut().zip(sides(&record)) {
                    shared.take(&side);
                }
            }
            Ok(shared)
        })?;
        let mut shared = [SharedMoments::none(width), SharedMoments::none(width)];
        for chunk in &chunks {
            shared.iter_mut().zip(chunk).for_each(|(shared, part)| shared.merge(part));
        }
        let covariances = [
            if online { shared[0].covariance(&estimate, "with")? } else { vec![0.0; width * width] },
            shared[1].covariance(&estimate, "without")?,
        ];
        case.map_records(Whom::Audited, &[self.signal], ctx, |record| {
            let sides = sides(&record);
            let size =
                sides.iter().flat_map(|side| &side.mean).fold(1.0, |most: f64, mean| most.max(mean.abs()));
            let rounding = f64::from(f32::EPSILON) * size;
            let law = |which: usize| {
                let (side, shared) = (&sides[which], &covariances[which]);
                if config.variance == Variance::PerRecord && width > 1 && side.count <= width as f64 {
                    let what = format!(
                        "reference models fitted {} audited record {}, for a covariance of {width} variants",
                        ["with", "without"][which],
                        record.index()
                    );
                    return Err(Error::Missing { what, needed: width + 1, got: side.count as usize });
                }
                let (own, prior) = (estimate.own, estimate.prior);
                let weight = own * side.count + prior;
                let mix = side
                    .scatter
                    .iter()
                    .zip(shared)
                    .map(|(scatter, shared)| (own * scatter + prior * shared) / weight);
                Ok(Normal::new(side.mean.clone(), mix.collect(), rounding * rounding))
            };
            let (out, target) = (law(1)?, record.target(0));
            Ok(match (online, config.offline_test) {
                (true, _) => law(0)?.log_density(target) - out.log_density(target),
                (false, OfflineTest::OneSided) => out.common_shift(target),
                (false, OfflineTest::TwoSided) => -out.log_density(target),
            })
        })
    }
}

impl Config {
    /// The estimate that settled parameters ask for.
    fn estimate(&self) -> Estimate {
        match self.variance {
            Variance::PerRecord => Estimate { own: 1.0, prior: 0.0, raw: false },
            Variance::Shared => Estimate { own: 0.0, prior: 1.0, raw: false },
            Variance::SharedRaw | Variance::Auto | Variance::Rehearsed => {
                Estimate { own: 0.0, prior: 1.0, raw: true }
            }
            Variance::Shrunk => Estimate { own: 1.0, prior: self.prior_weight, raw: false },
        }
    }
}

/// A variance as a weighted mean of the record's own, which counts for `own` per model, and the shared one, which counts for `prior`.
struct Estimate {
    own: f64,
    prior: f64,
    /// Whether the shared variance is taken around one common mean.
    raw: bool,
}

impl Estimate {
    /// The variance that all records share, of one side and augmentation.
    fn shared(&self, all: Pool, which: &str) -> Result<f64> {
        if self.prior == 0.0 {
            return Ok(0.0);
        }
        self.check(all.most, which)?;
        Ok((all.within + if self.raw { all.between } else { 0.0 }) / all.count)
    }

    /// Fails where a spread around records' means is asked for and no record has more than one model, `most` being the largest number.
    fn check(&self, most: f64, which: &str) -> Result<()> {
        if most < 2.0 && !self.raw && self.prior > 0.0 {
            let what =
                format!("reference models fitted {which} one and the same audited record, for a spread");
            return Err(Error::Missing { what, needed: 2, got: most as usize });
        }
        Ok(())
    }

    /// The variance of a record on one side, at least the rounding of single precision.
    fn variance(&self, side: &Spread, shared: f64) -> f64 {
        let (own, prior) = (self.own * side.count, self.prior);
        let rounding = f64::from(f32::EPSILON) * side.mean.abs().max(1.0);
        ((own * side.variance + prior * shared) / (own + prior)).max(rounding * rounding)
    }
}

/// One side of all records together: what [`SharedMoments`] is for one variant.
#[derive(Clone, Copy, Default)]
struct Pool {
    count: f64,
    mean: f64,
    /// Scatter of the records' means around the common one.
    between: f64,
    /// Scatter around each record's own mean.
    within: f64,
    /// Largest number of models of a record.
    most: f64,
}

impl Pool {
    fn of(side: &Spread) -> Self {
        let Spread { count, mean, variance } = *side;
        Self { count, mean, between: 0.0, within: count * variance, most: count }
    }

    /// Adds others (Chan, Golub and LeVeque 1983).
    fn take(&mut self, other: Self) {
        let count = self.count + other.count;
        if other.count > 0.0 {
            let apart = other.mean - self.mean;
            let share = other.count / count;
            self.mean += apart * share;
            self.between += apart * apart * self.count * share + other.between;
        }
        self.count = count;
        self.within += other.within;
        self.most = self.most.max(other.most);
    }
}

/// What the reference models of one side say about all records together.
struct SharedMoments {
    raw: Moments,
    /// Scatter around each record's own mean.
    within: Vec<f64>,
    /// Largest number of models of a record.
    most: f64,
}

impl SharedMoments {
    fn none(width: usize) -> Self {
        Self { raw: Moments::none(width), within: vec![0.0; width * width], most: 0.0 }
    }

    fn take(&mut self, side: &Moments) {
        self.raw.merge(side);
        self.within.iter_mut().zip(&side.scatter).for_each(|(own, theirs)| *own += theirs);
        self.most = self.most.max(side.count);
    }

    fn merge(&mut self, other: &Self) {
        self.raw.merge(&other.raw);
        self.within.iter_mut().zip(&other.within).for_each(|(own, theirs)| *own += theirs);
        self.most = self.most.max(other.most);
    }

    /// The covariance that all records share.
    fn covariance(&self, estimate: &Estimate, which: &str) -> Result<Vec<f64>> {
        estimate.check(self.most, which)?;
        let scatter = if estimate.raw { &self.raw.scatter } else { &self.within };
        Ok(scatter.iter().map(|sum| sum / self.raw.count.max(1.0)).collect())
    }
}

/// The signals of a record at one augmentation, in short.
struct Fit {
    target: f64,
    inside: Spread,
    outside: Spread,
    /// Of the models without the record, and with it.
    centers: [f64; 2],
}

/// One variant's values in a row `[models][variants]`: in place where there is no other, else by way of `room`.
fn one_variant<'v>(row: &'v [f32], variants: usize, variant: usize, room: &'v mut Vec<f32>) -> &'v [f32] {
    if variants == 1 {
        return row;
    }
    room.clear();
    room.extend(row.iter().skip(variant).step_by(variants));
    room
}

/// The medians of the models without a record and of those with it; 0 where there is none.
fn medians(values: &[f32], members: MembershipRow<'_>, sides: &mut [Vec<f32>; 2]) -> [f64; 2] {
    sides.iter_mut().for_each(Vec::clear);
    for (&value, inside) in values.iter().zip(members.iter()) {
        sides[usize::from(inside)].push(value);
    }
    sides.each_mut().map(|side| {
        let middle = side.len() / 2;
        let odd = side.len() % 2 == 1;
        if side.is_empty() {
            return 0.0;
        }
        let (below, upper, _) = side.select_nth_unstable_by(middle, f32::total_cmp);
        let upper = f64::from(*upper);
        let lower = below.iter().copied().max_by(f32::total_cmp).map_or(upper, f64::from);
        if odd { upper } else { f64::midpoint(lower, upper) }
    })
}

/// ln of the normal density.
fn log_normal(x: f64, mean: f64, variance: f64) -> f64 {
    -0.5 * (libm::log(std::f64::consts::TAU * variance) + (x - mean) * (x - mean) / variance)
}

/// ln of the ratio of two normal densities, each given by its mean and variance.
fn log_ratio(x: f64, (mean_in, variance_in): (f64, f64), (mean_out, variance_out): (f64, f64)) -> f64 {
    let (from_in, from_out) = (x - mean_in, x - mean_out);
    let distances = from_out * from_out / variance_out - from_in * from_in / variance_in;
    0.5 * (libm::log(variance_out / variance_in) + distances)
}

#[cfg(test)]
mod tests {
    use paname_core::{Access, Membership, Task};
    use paname_testkit::{TableCase, TableSignals};

    use super::*;

    /// Reference models 0 and 1 were fitted with every record, 2 and 3 without.
    fn run(config: Config, rows: &[[f32; 5]]) -> Result<Vec<f64>> {
        let n = rows.len();
        let mut membership = Membership::none(n, 4);
        for r in 0..n {
            membership.insert(r, 0);
            membership.insert(r, 1);
        }
        let signals = TableSignals::new(5, 1).with(
            Signal::ScaledConfidence,
            Whom::Audited,
            rows.as_flattened().to_vec(),
        );
        let case = TableCase::over(signals, vec![0; n], Vec::new(), 2, membership, vec![true; n]);
        let attack = Lira::new(config)?;
        attack.needs(n).check(&case.case()?)?;
        attack.run(&case.case()?, &Ctx::new(1, "test", 1, &()))?.membership(n)
    }

    fn all_options() -> Vec<Config> {
        use Variance::{Auto, PerRecord, Rehearsed, Shared, SharedRaw, Shrunk};
        let mut all = Vec::new();
        for variance in [Auto, PerRecord, Shared, SharedRaw, Shrunk, Rehearsed] {
            for mode in [Mode::Online, Mode::Offline] {
                for offline_test in [OfflineTest::OneSided, OfflineTest::TwoSided] {
                    for joint in [Joint::Diagonal, Joint::Full] {
                        all.push(Config { mode, variance, offline_test, joint, ..Config::default() });
                    }
                }
            }
        }
        all
    }

    #[test]
    fn by_hand() {
        // In: mean 4, variance 1. Out: mean 0, variance 4.
        let rows = [[3.0, 3.0, 5.0, -2.0, 2.0]];
        let config = |variance| Config { variance, ..Config::default() };
        let expected = (-0.5) - (-(2.0_f64.ln()) - 9.0 / 8.0);
        let online = run(config(Variance::PerRecord), &rows).unwrap();
        assert!((online[0] - expected).abs() < 1e-12);
        assert_eq!(run(config(Variance::Shared), &rows).unwrap(), online);
        let offline = Config { mode: Mode::Offline, ..config(Variance::PerRecord) };
        assert_eq!(run(offline, &rows).unwrap(), [1.5]);
    }

    #[test]
    fn with_one_variant_the_joint_law_is_the_plain_one() {
        let rows = [[3.0, 3.0, 5.0, -2.0, 2.0], [-1.0, 0.5, 2.0, -3.0, 1.0], [0.25, 1.0, 1.5, 0.0, -0.5]];
        for config in all_options() {
            let diagonal = run(Config { joint: Joint::Diagonal, ..config.clone() }, &rows).unwrap();
            let full = run(Config { joint: Joint::Full, ..config.clone() }, &rows).unwrap();
            // The two-sided score leaves out the constant of the normal density.
            let constant = full[0] - diagonal[0];
            for (full, diagonal) in full.iter().zip(&diagonal) {
                assert!((full - diagonal - constant).abs() < 1e-9, "{config:?}");
            }
            assert!(config.offline_test == OfflineTest::TwoSided || constant.abs() < 1e-9, "{config:?}");
        }
    }

    /// Two variants per record, the second the first's double: the joint law knows that it says nothing new.
    #[test]
    fn a_variant_that_repeats_another_adds_nothing_to_a_joint_law() {
        let rows = [[3.0, 3.0, 5.0, -2.0, 2.0], [-1.0, 0.5, 2.0, -3.0, 1.0], [0.25, 1.0, 1.5, 0.0, -0.5]];
        let doubled: Vec<f32> = rows.as_flattened().iter().flat_map(|value| [*value, *value]).collect();
        let mut membership = Membership::none(3, 4);
        (0..3).for_each(|r| (0..2).for_each(|k| membership.insert(r, k)));
        let signals = TableSignals::new(5, 2).with(Signal::ScaledConfidence, Whom::Audited, doubled);
        let case = TableCase::over(signals, vec![0; 3], Vec::new(), 2, membership, vec![true; 3]);
        for mode in [Mode::Online, Mode::Offline] {
            for variance in [Variance::Shared, Variance::SharedRaw, Variance::Shrunk] {
                let config = Config { mode, variance, joint: Joint::Full, ..Config::default() };
                let lira = Lira::new(config.clone()).unwrap();
                let findings = lira.run(&case.case().unwrap(), &Ctx::new(1, "test", 1, &())).unwrap();
                let single = run(config, &rows).unwrap();
                for (double, single) in findings.membership(3).unwrap().iter().zip(&single) {
                    assert!((double - single).abs() < 1e-6, "{mode:?} {variance:?}: {double} {single}");
                }
            }
        }
        let per_record = Config { variance: Variance::PerRecord, joint: Joint::Full, ..Config::default() };
        let refused = Lira::new(per_record).unwrap().run(&case.case().unwrap(), &Ctx::new(1, "test", 1, &()));
        assert_eq!(
            refused.unwrap_err().to_string(),
            "reference models fitted without audited record 0, for a covariance of 2 variants: 3 needed, 2 given"
        );
    }

    #[test]
    fn open_choices_are_settled_by_the_size_of_the_case() {
        let size = |references, fitted_with_min| CaseSize {
            task: Task::Classification,
            granted: Access::LOGITS,
            augmentations: 1,
            audited: 9,
            population: 0,
            references,
            classes: 2,
            generator: None,
            fitted_with_min,
            fitted_without_min: references - fitted_with_min,
        };
        let settled = |config, size| {
            let settled = Lira::settle(config, &size);
            assert_eq!(
                Lira::settle(settled.clone(), &CaseSize { references: 1, fitted_with_min: 0, ..size }),
                settled
            );
            assert_eq!(settled.signal, Statistic::Of(Signal::ScaledConfidence));
            (settled.mode, settled.variance)
        };
        let open = Config::default;
        assert_eq!(settled(open(), size(16, 1)), (Mode::Online, Variance::Shrunk));
        assert_eq!(settled(open(), size(15, 1)), (Mode::Online, Variance::SharedRaw));
        assert_eq!(settled(open(), size(16, 0)), (Mode::Offline, Variance::Shrunk));
        let per_record = || Config { variance: Variance::PerRecord, ..open() };
        assert_eq!(settled(per_record(), size(16, 1)), (Mode::Offline, Variance::PerRecord));
        assert_eq!(settled(per_record(), size(16, 2)), (Mode::Online, Variance::PerRecord));
    }

    #[test]
    fn medians_by_hand() {
        // In: median 4; out: median 0, as the means are. Then one model goes astray, and only the mean follows.
        let config = |center| Config { variance: Variance::Shared, center, ..Config::default() };
        let rows = [[3.0, 3.0, 5.0, -2.0, 2.0]];
        assert_eq!(run(config(Center::Median), &rows).unwrap(), run(config(Center::Mean), &rows).unwrap());
        let mut members = Membership::none(1, 5);
        members.insert(0, 1);
        members.insert(0, 3);
        let mut room = [Vec::new(), Vec::new()];
        assert_eq!(medians(&[9.0, 1.0, -1.0, 2.0, 1e30], members.row(0), &mut room), [9.0, 1.5]);
        assert_eq!(medians(&[7.0], Membership::none(1, 1).row(0), &mut room), [7.0, 0.0]);
        let both = Config { joint: Joint::Full, ..config(Center::Median) };
        assert!(Lira::new(both).is_err());
    }

    #[test]
    fn far_out_nothing_saturates() {
        let rows = [[1e30, 3.0, 5.0, -2.0, 2.0], [2e30, 3.0, 5.0, -2.0, 2.0], [-1e30, 3.0, 5.0, -2.0, 2.0]];
        let config = Config { mode: Mode::Offline, ..Config::default() };
        let scores = run(config, &rows).unwrap();
        assert!(scores[1] > scores[0] && scores[0] > scores[2], "{scores:?}");
        for config in all_options() {
            assert!(run(config.clone(), &rows).unwrap().iter().all(|s| s.is_finite()), "{config:?}");
        }
    }

    #[test]
    fn identical_values_have_a_variance_of_rounding() {
        for rows in [[[7.0; 5]; 3], [[0.0; 5]; 3], [[1e30; 5]; 3], [[-3e38; 5]; 3]] {
            for config in all_options() {
                let scores = run(config.clone(), &rows).unwrap();
                assert!(scores.iter().all(|s| s.is_finite() && *s == scores[0]), "{config:?} {scores:?}");
            }
        }
    }

    #[test]
    fn a_spread_needs_two_models_somewhere() {
        let mut membership = Membership::none(1, 2);
        membership.insert(0, 0);
        let signals =
            TableSignals::new(3, 1).with(Signal::ScaledConfidence, Whom::Audited, vec![1.0, 2.0, 3.0]);
        let case = TableCase::over(signals, vec![0], Vec::new(), 2, membership, vec![true]);
        let lira = Lira::new(Config { variance: Variance::Shrunk, ..Config::default() }).unwrap();
        let outcome = lira.run(&case.case().unwrap(), &Ctx::new(1, "test", 1, &()));
        assert_eq!(
            outcome.unwrap_err().to_string(),
            "reference models fitted with one and the same audited record, for a spread: 2 needed, 1 given"
        );
    }

    #[test]
    fn parameters_are_checked() {
        for prior_weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Lira::new(Config { prior_weight, ..Config::default() }).is_err(), "{prior_weight}");
        }
        let falling = Config { signal: Statistic::Of(Signal::Loss), ..Config::default() };
        assert!(Lira::new(falling).is_err());
    }
}
