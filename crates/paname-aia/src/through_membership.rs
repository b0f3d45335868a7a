//! # Through membership
//!
//! **Idea.** Which record was in the training set: the one with this value, or the one with that? A membership attack is put to the record with each
//! value; the value of the likeliest member is the guess.
//!
//! **Threat model.** That of the membership attack `attack`, offline, and everything else about the record and its label. Reference models that were
//! fitted with a record were fitted with its true value, which the attacker does not have: only attacks that compare with models without the record
//! are meant here, and `mode = "offline"` is set where an attack has it.
//!
//! **Formula.** score_v = the score that `attack` gives the record with candidate v. With `standardise` the mean of a candidate's scores over the audited records
//! is taken off and the rest divided by their deviation, for attacks whose scores do not compare from candidate to candidate; by default they are left, since the same model
//! gives them all, and what one value has more than another in the mean is part of what it tells.
//!
//! **Paper.** Yeom, Giacomelli, Fredrikson and Jha, *Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting*, IEEE CSF 2018,
//! arXiv 1709.01604, reduce the guess of an attribute to membership.
//!
//! **Cost.** That of the membership attack, once for each candidate.
//!
//! **When it fails.** Where the membership attack does. Membership attacks tell records from others, not a record from its neighbours: a member with a wrong
//! value looks much like a member.
//!
//! **Parameters.** An audit has to know beforehand which signals are read. Those of `attack` with its usual parameters are known here for `confidence`,
//! `loss`, `margin`, `entropy`, `modified-entropy`, `calibration`, `reference`, `lira`, `rmia`, `base` and `bavaria`; for other attacks, or where `parameters` change what is read, `signals` names
//! them. Attacks that ask the model themselves are not meant.

use paname_core::{
    Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result, Signal, Task, Within,
};
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
    /// Names of the signals that it reads; where none are named, those that it usually reads.
    pub signals: Vec<String>,
    /// Whether the scores of each candidate are brought to mean 0 and deviation 1.
    pub standardise: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { attack: "loss".into(), parameters: Map::new(), signals: Vec::new(), standardise: false }
    }
}

/// Scores a candidate by how likely the record with it is a member.
pub struct ThroughMembership {
    config: Config,
    signals: Vec<Signal>,
}

/// Attacks whose reference models may have been fitted with the record, unless they are told otherwise.
const WITH_MODES: [&str; 4] = ["lira", "rmia", "base", "bavaria"];

/// Attacks with a parameter `signal`, which they take by the task.
const WITH_SIGNALS: [&str; 4] = ["confidence", "lira", "rmia", "base"];

/// What an attack reads by default in a task; nothing where that is not known.
fn usual(attack: &str, task: Task) -> Option<Signal> {
    let statistic = |own| match Signal::of_task(task) {
        _ if task == Task::Classification => own,
        [first, ..] if first.augmentations_min() == 1 => *first,
        _ => Signal::LogDensity,
    };
    Some(match attack {
        "loss" | "calibration" => Signal::Loss,
        "margin" => Signal::Margin,
        "entropy" => Signal::Entropy,
        "modified-entropy" => Signal::ModifiedEntropy,
        "confidence" | "lira" => statistic(Signal::ScaledConfidence),
        "rmia" | "base" => match statistic(Signal::LogProbability { temperature: 2.0 }) {
            // Sums of log-odds are not the logarithm of a likelihood.
            Signal::LabelConfidence => Signal::LogDensity,
            signal => signal,
        },
        "reference" | "bavaria" => Signal::ScaledConfidence,
        _ => return None,
    })
}

impl Config {
    /// What the attack reads in a task, as far as it can be told from its name and its parameters.
    fn reads(&self, task: Task) -> Option<String> {
        let named = self.parameters.get("signal").and_then(Value::as_str).filter(|name| *name != "auto");
        match named.filter(|_| WITH_SIGNALS.contains(&self.attack.as_str())) {
            Some(name) => Some(name.to_owned()),
            None => usual(&self.attack, task).map(|signal| signal.to_string()),
        }
    }
}

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
        if let Some(mode) = config.parameters.get("mode").filter(|mode| *mode != "offline")
            && WITH_MODES.contains(&config.attack.as_str())
        {
            return Err(Error::Config(format!(
                "`parameters`: `mode` must be \"offline\", since models fitted with a record were fitted with its true value, got {mode}"
            )));
        }
        let mut names = config.signals.clone();
        if names.is_empty() {
            let unknown = || {
                Error::Config(format!(
                    "`signals` must name what `{}` reads, which is not known here",
                    config.attack
                ))
            };
            names.push(config.reads(Task::Classification).ok_or_else(unknown)?);
        }
        let parse =
            |name: &String| name.parse().map_err(|error: Error| Error::Config(format!("`signals`: {error}")));
        Ok(Self { signals: names.iter().map(parse).collect::<Result<_>>()?, config })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let mut settled = config;
        if let Some(signal) = settled.reads(size.task).filter(|_| settled.signals.is_empty()) {
            if WITH_SIGNALS.contains(&settled.attack.as_str()) && size.task != Task::Classification {
                settled.parameters.insert("signal".into(), signal.clone().into());
            }
            settled.signals.push(signal);
        }
        if WITH_MODES.contains(&settled.attack.as_str()) && !settled.parameters.contains_key("mode") {
            settled.parameters.insert("mode".into(), "offline".into());
        }
        settled
    }

    fn needs(&self, _records: usize) -> Needs {
        // What the attack within needs besides is its own to say, when it runs.
        let without = match self.config.attack.as_str() {
            "lira" | "bavaria" => 2,
            "rmia" | "base" | "calibration" | "reference" => 1,
            _ => 0,
        };
        Needs {
            signals: self.signals.clone(),
            references_min: without,
            references_max: usize::MAX,
            in_out_min: (0, without),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let candidates = case.attribute()?.candidates.len();
        let records = case.audited().len();
        let Config { attack, parameters, .. } = Self::settle(self.config.clone(), &CaseSize::of(case));
        let parameters = Value::Object(parameters);
        let mut scores = vec![0.0; records * candidates];
        for v in 0..candidates {
            ctx.tick(v, candidates)?;
            let within = Within::part(ctx.host(), &attack);
            let mut found = case.for_candidate(v, |case| {
                ctx.within(&within).run(&attack, &parameters, case)?.membership(records)
            })?;
            if self.config.standardise {
                standardise(&mut found);
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

    fn of(config: Value) -> Result<ThroughMembership> {
        ThroughMembership::new(serde_json::from_value(config).unwrap())
    }

    #[test]
    fn signals_follow_the_attack() {
        assert_eq!(of(json!({})).unwrap().signals, [Signal::Loss]);
        assert_eq!(of(json!({ "attack": "lira" })).unwrap().signals, [Signal::ScaledConfidence]);
        let margin = json!({ "attack": "lira", "parameters": { "signal": "margin" } });
        assert_eq!(of(margin).unwrap().signals, [Signal::Margin]);
        let named = json!({ "attack": "quantile", "signals": ["margin", "loss"] });
        assert_eq!(of(named).unwrap().signals, [Signal::Margin, Signal::Loss]);
        for (config, said) in [
            (json!({ "attack": "quantile" }), "`signals` must name what `quantile` reads"),
            (json!({ "attack": "" }), "`attack`"),
            (json!({ "signals": ["los"] }), "`signals`: signal: expected"),
            (json!({ "attack": "lira", "parameters": { "mode": "auto" } }), "`mode` must be \"offline\""),
        ] {
            let message = of(config).err().unwrap().to_string();
            assert!(message.contains(said), "{message}");
        }
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
