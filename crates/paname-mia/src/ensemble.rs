//! # Ensemble
//!
//! **Idea.** Attacks err in different places: records on which several agree are surer than those that one alone points at.
//!
//! **Threat model.** That of all `attacks` together.
//!
//! **Formula.** Each attack's scores are replaced by their ranks among the audited records, mid-ranks for ties, divided by their number: r_i in (0,
//! 1), which does not depend on the order of the records nor on the unit of the scores. By `combine`: `mean`, score = Σ w_i r_i / Σ w_i; `max`, score
//! = max_i r_i (weights play no part); `logistic`, score = Σ β_i logit r_i with β from a ridge logistic regression of membership on the logits of
//! ranks in up to four reference models that play the target in turn: never on the target's labels. Weights below 0 count as 0. Where no model can
//! play, the logits are added as they are.
//!
//! **Paper.** The rank average is the Borda count: Dwork, Kumar, Naor and Sivakumar, *Rank Aggregation Methods for the Web*, WWW 2001, doi
//! 10.1145/371920.372165. No published figure of an ensemble is claimed.
//!
//! **Cost.** The sum of the attacks'; with `logistic` five times that.
//!
//! **When it fails.** An attack at chance, or several of one kind, dilutes the rest under equal weights. Ranks forget how far ahead the first records
//! are: at the lowest false positive rates the best single attack can be better. A score depends on the other audited records, by its rank.

use paname_core::{
    Attack, Case, CaseSize, Ctx, DynAttack, Error, Family, Findings, Info, Needs, Result, Whom, Within,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::joint::{backward, factor, forward};
use crate::members;
use crate::rehearsal::{REHEARSALS, choose, rehearsals};

/// Parameters of [`Ensemble`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The attacks that are combined, at least one.
    pub attacks: Vec<Part>,
    /// How their ranks are combined.
    pub combine: Combine,
}

/// An attack that takes part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Part {
    /// Its name.
    pub attack: String,
    /// Its parameters.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// How much it counts with `combine = "mean"`, from 0.
    #[serde(default = "one")]
    pub weight: f64,
}

const fn one() -> f64 {
    1.0
}

/// How ranks are combined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Combine {
    /// Their weighted mean.
    #[default]
    Mean,
    /// The highest.
    Max,
    /// A sum of their logits, weighted by what reference models in the target's place show.
    Logistic,
    /// Not at all: the scores of the one that tells the rows of reference models in the target's place best.
    Best,
}

impl Combine {
    /// Whether reference models play the target.
    const fn rehearses(self) -> bool {
        matches!(self, Self::Logistic | Self::Best)
    }
}

/// An attack by its place among those of the configuration, told by its name.
struct Candidate<'a>(usize, &'a str);

impl std::fmt::Display for Candidate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.1)
    }
}

impl Default for Config {
    fn default() -> Self {
        let part = |name: &str| Part { attack: name.into(), config: Map::new(), weight: 1.0 };
        Self { attacks: ["lira", "rmia"].map(part).into(), combine: Combine::default() }
    }
}

/// Scores a record by its ranks under several attacks.
pub struct Ensemble {
    config: Config,
    attacks: Vec<Box<dyn DynAttack>>,
}

impl Attack for Ensemble {
    const INFO: Info = Info {
        name: "ensemble",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Ensemble d'attaques",
        title_en: "Ensemble of attacks",
        summary_fr: "Plusieurs attaques s'accordent à reconnaître les données apprises.",
        summary_en: "Several attacks agree in recognising the data that the model was trained on.",
        formula: "Σ_i w_i rank_i / Σ_i w_i over attacks i",
        paper: "Dwork, Kumar, Naor and Sivakumar, Rank Aggregation Methods for the Web, 2001, doi 10.1145/371920.372165",
        source: include_str!("ensemble.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        if config.attacks.is_empty() {
            return Err(Error::Config("`attacks` must name at least one attack".into()));
        }
        if let Some(part) =
            config.attacks.iter().find(|part| !(part.weight.is_finite() && part.weight >= 0.0))
        {
            return Err(Error::Config(format!(
                "`weight` of `{}` must be a number from 0, got {}",
                part.attack, part.weight
            )));
        }
        let total: f64 = config.attacks.iter().map(|part| part.weight).sum();
        if !(total.is_finite() && total > 0.0) {
            return Err(Error::Config(format!(
                "the sum of all `weight` must be a number above 0, got {total}"
            )));
        }
        let build = |part: &Part| members::build("attacks", &part.attack, &part.config);
        Ok(Self { attacks: config.attacks.iter().map(build).collect::<Result<_>>()?, config })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let settle = |part: Part| Part { config: members::settle(&part.attack, &part.config, size), ..part };
        Config { attacks: config.attacks.into_iter().map(settle).collect(), ..config }
    }

    fn needs(&self, records: usize) -> Needs {
        let mut all = Needs::default();
        for attack in &self.attacks {
            let Ok(needs) = attack.needs(records) else { continue };
            // Once more for each model that plays the target.
            let again = if self.config.combine.rehearses() { REHEARSALS } else { 0 };
            all = all.and(Needs { fits: needs.fits.saturating_mul(1 + again), ..needs });
        }
        all
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let scores = |of: &dyn Fn(&[f64]) -> f64| -> Result<Findings> {
            let ranks = self.ranks(case, ctx)?;
            let of_record = |r: usize| of(&ranks.iter().map(|rank| rank[r]).collect::<Vec<f64>>());
            Ok(Findings::Membership((0..case.audited().len()).map(of_record).collect()))
        };
        match self.config.combine {
            Combine::Best => self.best(case, ctx),
            Combine::Max => scores(&|ranks| ranks.iter().copied().fold(0.0, f64::max)),
            Combine::Mean => {
                let weights: Vec<f64> = self.config.attacks.iter().map(|part| part.weight).collect();
                let total: f64 = weights.iter().sum();
                let sum = |ranks: &[f64]| -> f64 {
                    ranks.iter().zip(&weights).map(|(rank, weight)| weight * rank).sum()
                };
                scores(&|ranks| sum(ranks) / total)
            }
            Combine::Logistic => {
                let weights = self.weights(case, ctx)?;
                scores(&|ranks| ranks.iter().zip(&weights).map(|(rank, weight)| weight * logit(*rank)).sum())
            }
        }
    }
}

impl Ensemble {
    /// What the attack finds that is chosen by rehearsal.
    fn best(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let records = case.audited().len();
        let names = self.config.attacks.iter().map(|part| part.attack.as_str());
        let candidates: Vec<Candidate<'_>> = names.enumerate().map(|(i, name)| Candidate(i, name)).collect();
        let Candidate(chosen, name) = choose("attack", candidates, case, ctx, |candidate, case, ctx| {
            self.attacks[candidate.0].run(case, ctx)?.membership(records)
        })?;
        let within = Within::part(ctx.host(), name);
        self.attacks[chosen].run(case, &ctx.within(&within))
    }

    /// The ranks of the audited records under each attack.
    fn ranks(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Vec<Vec<f64>>> {
        let run = |(attack, part): (&dyn DynAttack, &Part)| {
            let within = Within::part(ctx.host(), &part.attack);
            Ok(ranks(&attack.run(case, &ctx.within(&within))?.membership(case.audited().len())?))
        };
        self.attacks.iter().map(AsRef::as_ref).zip(&self.config.attacks).map(run).collect()
    }

    /// The weights of the attacks where reference models play the target; 1 where none can.
    fn weights(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
        let mut examples: Vec<(Vec<f64>, bool)> = Vec::new();
        let mut played = 0;
        let silent = Within::silent(ctx);
        for k in rehearsals(case) {
            let rehearsal = case.with_reference_as_target(k)?;
            let ranks = match self.ranks(&rehearsal, &ctx.within(&silent)) {
                Ok(ranks) => ranks,
                Err(Error::Missing { .. }) => continue,
                Err(error) => return Err(error),
            };
            let rows = case.membership(Whom::Audited);
            let example =
                |r: usize| (ranks.iter().map(|rank| logit(rank[r])).collect(), rows.row(r).contains(k));
            examples.extend((0..rows.records()).map(example));
            played += 1;
        }
        if played == 0 {
            ctx.log("weights = 1, since no reference model can play the target");
            return Ok(vec![1.0; self.attacks.len()]);
        }
        let weights = logistic(&examples, self.attacks.len());
        let told: Vec<String> = self
            .config
            .attacks
            .iter()
            .zip(&weights)
            .map(|(part, weight)| format!("{} {weight:.4}", part.attack))
            .collect();
        let told = told.join(", ");
        ctx.log(&format!("weights = {told}, by {played} reference models in the target's place"));
        ctx.chose("weights", &told);
        Ok(if weights.iter().all(|weight| *weight == 0.0) { vec![1.0; weights.len()] } else { weights })
    }
}

/// The place of each score among all, from the lowest, divided by their number: (rank − 1/2) / n, the mean of their places for ties.
fn ranks(scores: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let mut ranks = vec![0.0; scores.len()];
    let mut below = 0;
    for level in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let place = (below as f64 + level.len() as f64 / 2.0) / scores.len() as f64;
        for r in level {
            ranks[*r] = place;
        }
        below += level.len();
    }
    ranks
}

fn logit(rank: f64) -> f64 {
    libm::log(rank) - libm::log1p(-rank)
}

/// Steps of Newton's method; the ridge makes it converge in a few.
const STEPS: usize = 25;
/// Examples that the ridge counts for.
const RIDGE: f64 = 1.0;

/// The slopes of a ridge logistic regression with an intercept, negative ones set to 0.
fn logistic(examples: &[(Vec<f64>, bool)], width: usize) -> Vec<f64> {
    let all = width + 1;
    let mut slopes = vec![0.0; all];
    for _ in 0..STEPS {
        let mut gradient: Vec<f64> = slopes.iter().map(|slope| -RIDGE * slope).collect();
        let mut curvature = vec![0.0; all * all];
        (0..all).for_each(|i| curvature[i * all + i] = RIDGE);
        for (features, member) in examples {
            let feature = |i: usize| features.get(i).copied().unwrap_or(1.0);
            let sum: f64 = (0..all).map(|i| slopes[i] * feature(i)).sum();
            let p = 1.0 / (1.0 + libm::exp(-sum));
            for i in 0..all {
                gradient[i] += (f64::from(*member) - p) * feature(i);
                for j in 0..all {
                    curvature[i * all + j] += p * (1.0 - p) * feature(i) * feature(j);
                }
            }
        }
        let factor = factor(curvature, all, f64::MIN_POSITIVE);
        let step = backward(&factor, forward(&factor, gradient));
        slopes.iter_mut().zip(step).for_each(|(slope, step)| *slope += step);
    }
    slopes.truncate(width);
    slopes.into_iter().map(|slope| slope.max(0.0)).collect()
}

#[cfg(test)]
mod tests {
    use paname_testkit::{Behaviour, Size, Toy};
    use serde_json::json;

    use super::*;

    fn part(attack: &str, weight: f64) -> Part {
        Part { attack: attack.into(), config: Map::new(), weight }
    }

    fn run(attacks: Vec<Part>, combine: Combine) -> Vec<f64> {
        let toy = Toy::new(Behaviour::Leaky, Size::default(), 1);
        let ensemble = Ensemble::new(Config { attacks, combine }).unwrap();
        let findings = Attack::run(&ensemble, &toy.case().unwrap(), &Ctx::new(1, "test", 1, &())).unwrap();
        findings.membership(800).unwrap()
    }

    #[test]
    fn the_best_is_chosen_by_reference_models() {
        let toy = Toy::new(Behaviour::Leaky, Size::default(), 7);
        let case = toy.case().unwrap();
        let part = |name: &str| Part { attack: name.into(), config: Map::new(), weight: 1.0 };
        let run = |attacks: Vec<Part>, combine| {
            let attack = Ensemble::new(Config { attacks, combine }).unwrap();
            Attack::run(&attack, &case, &Ctx::new(1, "test", 1, &()))
                .unwrap()
                .membership(toy.truth().len())
                .unwrap()
        };
        // Whoever is wrong about a record scores it as no member: that tells least.
        let best = run(vec![part("entropy"), part("lira"), part("confidence")], Combine::Best);
        let lira = crate::members::build("", "lira", &Map::new()).unwrap();
        let alone = lira.run(&case, &Ctx::new(1, "test", 1, &())).unwrap();
        assert_eq!(best, alone.membership(toy.truth().len()).unwrap());
    }

    #[test]
    fn ranks_with_ties() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 9.0]), [0.5, 0.125, 0.5, 0.875]);
        assert_eq!(ranks(&[3.0; 4]), [0.5; 4]);
        assert!(ranks(&[]).is_empty());
    }

    #[test]
    fn weights_count() {
        let (lira, rmia) =
            (run(vec![part("lira", 1.0)], Combine::Mean), run(vec![part("rmia", 1.0)], Combine::Mean));
        let both = run(vec![part("lira", 3.0), part("rmia", 1.0)], Combine::Mean);
        let most = run(vec![part("lira", 1.0), part("rmia", 1.0)], Combine::Max);
        for r in 0..800 {
            assert!((both[r] - (3.0 * lira[r] + rmia[r]) / 4.0).abs() < 1e-12);
            assert_eq!(most[r], lira[r].max(rmia[r]));
        }
        assert_eq!(run(vec![part("lira", 1.0), part("gap", 0.0)], Combine::Mean), lira);
    }

    #[test]
    fn a_useless_attack_is_given_little_weight() {
        let examples: Vec<(Vec<f64>, bool)> = (0..400)
            .map(|i| {
                let member = i % 2 == 0;
                (vec![f64::from(i % 7) - 3.0 + 2.0 * f64::from(member), f64::from(i / 2 % 5) - 2.0], member)
            })
            .collect();
        let weights = logistic(&examples, 2);
        assert!(weights[0] > 0.3 && weights[1].abs() < 0.1, "{weights:?}");
    }

    #[test]
    fn slopes_of_separable_examples_are_finite() {
        let examples: Vec<(Vec<f64>, bool)> =
            (0..100).map(|i| (vec![f64::from(i % 2) * 16.0 - 8.0], i % 2 == 1)).collect();
        assert!(logistic(&examples, 1)[0].is_finite());
    }

    #[test]
    fn parameters_are_checked() {
        let message = |value: Value| {
            let config: Result<Config, _> = serde_json::from_value(value);
            match config {
                Ok(config) => Ensemble::new(config).err().unwrap().to_string(),
                Err(error) => error.to_string(),
            }
        };
        assert!(message(json!({ "attacks": [] })).contains("at least one"));
        assert!(
            message(json!({ "attacks": [{ "attack": "ensemble" }] })).contains("cannot run within another")
        );
        let unknown = message(json!({ "attacks": [{ "attack": "lirra" }] }));
        assert!(unknown.contains("no attack `lirra`; expected one of confidence, loss"), "{unknown}");
        let inner = message(json!({ "attacks": [{ "attack": "rmia", "config": { "gamma": -1.0 } }] }));
        assert!(inner.contains("`attacks`: `rmia`: `gamma`"), "{inner}");
        assert!(message(json!({ "attacks": [{ "attack": "rmia", "weight": -1.0 }] })).contains("`weight`"));
        assert!(
            message(json!({ "attacks": [{ "attack": "rmia", "weight": 0.0 }] }))
                .contains("sum of all `weight`")
        );
        assert!(message(json!({ "attacks": [{ "attack": "rmia", "wait": 1.0 }] })).contains("wait"));
    }
}
