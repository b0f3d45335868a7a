//! # Through membership
//!
//! **Idea.** Which record was in the training set: the one with this value, or the one with that? A membership attack is put to the record with each
//! value; the value of the likeliest member is the guess.
//!
//! **Threat model.** That of the membership attack `attack`, and everything else about the record and its label. Reference models that were fitted with a
//! record were fitted with its true value, which the attacker does not have: what they say of it is hidden, and attacks that compare with models without the record
//! do so (`mode` is "offline" where it is left open).
//!
//! **Formula.** score_v = the score that `attack` gives the record with candidate v. With `standardise` the mean of a candidate's scores over the audited records
//! is taken off and the rest divided by their deviation, for attacks whose scores do not compare from candidate to candidate; by default they are left, since the same model
//! gives them all, and what one value has more than another in the mean is part of what it tells.
//!
//! **Paper.** Yeom, Giacomelli, Fredrikson and Jha, *Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting*, IEEE CSF 2018,
//! arXiv 1709.01604, reduce the guess of an attribute to membership.
//!
//! **Cost.** That of the membership attack, once for each candidate, its questions to the model too.
//!
//! **When it fails.** Where the membership attack does. Membership attacks tell records from others, not a record from its neighbours: a member with a wrong
//! value looks much like a member.
//!
//! **Which attacks.** Any membership attack that judges given records by what models say of them, by its signals or by asking; it says itself what it needs, and an audit
//! plans that. Refused are those that need models fitted with the record, learn from what models say of their own records, have models fitted, or judge groups.

use paname_core::{Attack, Case, Ctx, Error, Family, Findings, Info, Needs, Result, Through, Within};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::sweep::bounded;

/// Parameters of [`ThroughMembership`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The membership attack.
    pub attack: String,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    /// Whether the scores of each candidate are brought to mean 0 and deviation 1.
    pub standardise: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { attack: "loss".into(), parameters: Map::new(), standardise: false }
    }
}

/// Scores a candidate by how likely the record with it is a member.
pub struct ThroughMembership(Config);

impl Attack for ThroughMembership {
    const INFO: Info = Info {
        name: "through-membership",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Par inférence d’appartenance",
        title_en: "Through membership inference",
        summary_fr: "Une attaque par inférence d’appartenance reconnaît la fiche d’entraînement parmi celles qui n’en diffèrent que par l’attribut.",
        summary_en: "A membership inference attack recognises the training record among those that differ from it in the attribute alone.",
        formula: "membership score of x_v",
        paper: "Yeom, Giacomelli, Fredrikson and Jha, Privacy Risk in Machine Learning, 2018, arXiv 1709.01604",
        source: include_str!("through_membership.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        if config.attack.is_empty() {
            return Err(Error::Config("`attack` must name a membership attack".into()));
        }
        Ok(Self(config))
    }

    fn through(config: &mut Config) -> Option<Through<'_>> {
        Some(Through { attack: &config.attack, parameters: &mut config.parameters })
    }

    fn needs(&self, _records: usize) -> Needs {
        // All that is needed is needed by the attack that is gone through, which the registry knows.
        Needs::default()
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let candidates = case.attribute()?.candidates.len();
        let records = case.audited().len();
        let Config { attack, parameters, standardise } = &self.0;
        let parameters = Value::Object(parameters.clone());
        let mut scores = vec![0.0; records * candidates];
        for v in 0..candidates {
            ctx.tick(v, candidates)?;
            let within = Within::part(ctx.host(), attack);
            let mut found = case.for_candidate(v, |case| {
                ctx.within(&within).run(attack, &parameters, case)?.membership(records)
            })?;
            if *standardise {
                self::standardise(&mut found);
            }
            for (r, score) in found.into_iter().enumerate() {
                scores[r * candidates + v] = score;
            }
        }
        ctx.tick(candidates, candidates)?;
        Ok(Findings::Attribute(scores))
    }
}

/// To mean 0 and deviation 1; to 0 where all are equal.
fn standardise(scores: &mut [f64]) {
    let count = scores.len().max(1) as f64;
    for score in scores.iter_mut() {
        *score = bounded(*score);
    }
    let mean = scores.iter().sum::<f64>() / count;
    let deviation = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count).sqrt();
    for score in scores {
        *score = if deviation > 0.0 { (*score - mean) / deviation } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_attack_is_named() {
        let config = |config: Value| serde_json::from_value::<Config>(config).unwrap();
        let error = ThroughMembership::new(config(json!({ "attack": "" }))).err().unwrap().to_string();
        assert!(error.contains("`attack` must name"), "{error}");
        let mut lira = config(json!({ "attack": "lira", "parameters": { "mode": "offline" } }));
        let through = ThroughMembership::through(&mut lira).unwrap();
        assert_eq!((through.attack, &through.parameters["mode"]), ("lira", &json!("offline")));
        *through.parameters = Map::new();
        assert_eq!(lira.parameters, Map::new());
    }

    #[test]
    fn scores_are_standardised() {
        let mut scores = [1.0, 2.0, 3.0, f64::NEG_INFINITY];
        standardise(&mut scores);
        assert!(scores.iter().all(|score| score.is_finite()) && scores[3] < scores[0]);
        let mut equal = [5.0; 3];
        standardise(&mut equal);
        assert_eq!(equal, [0.0; 3]);
        standardise(&mut []);
    }
}
