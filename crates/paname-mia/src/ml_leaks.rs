//! # ML-Leaks
//!
//! **Idea.** Membership shows in the shape of an answer alone, whatever the true class: three largest probabilities and one shadow model teach a
//! classifier enough, and even the largest probability by itself tells.
//!
//! **Threat model.** The attacker asks the target once per record and sees its largest probabilities; no true class. Adversary 1 fits one reference
//! model on data of the same kind; adversary 2 fits it on other data; adversary 3 has no model and no data.
//!
//! **Formula.** `adversary = "shadow"` (1): the log-odds of `shadow-classifier`, one network for all classes, on the `top` largest probabilities,
//! taught by the first `shadows` reference models. `"transfer"` (2): the same, on reference models that were fitted on data of another kind: which
//! data that is is decided where reference models are declared, and the arithmetic does not change. `"threshold"` (3): `statistic` of the answer, the
//! largest probability (`maximum`) or minus the entropy (`entropy`). Augmented variants are averaged.
//!
//! **Paper.** Salem, Zhang, Humbert, Berrang, Fritz and Backes, *ML-Leaks: Model and Data Independent Membership Inference Attacks and Defenses on
//! Machine Learning Models*, NDSS 2019, arXiv 1806.01246. Its adversary 3 finds a threshold on random inputs, and the standard deviation is a third
//! statistic; here the statistics of the audit take every threshold.
//!
//! **Cost.** One question per record; one reference model and a second of fitting, or none.
//!
//! **When it fails.** Without the true class, a record that is confidently taken for the wrong class looks like a member, and easy records do as for
//! `confidence`. Near 1 the largest probability is rounded in single precision, so that saturated records tie; the entropy tells them apart. A target
//! with fewer classes than `top` cannot be asked that way.

use paname_core::{Attack, Case, Ctx, Error, Family, Findings, Info, Needs, Result, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shadow_classifier::{self, ShadowClassifier};
use crate::single;
use crate::view::View;

/// Parameters of [`MlLeaks`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What the attacker has.
    pub adversary: Adversary,
    /// Largest probabilities that the classifier sees, from 1 to 100 and at most the number of classes; adversaries 1 and 2.
    pub top: u32,
    /// Reference models that teach the classifier, from 1; adversaries 1 and 2.
    pub shadows: usize,
    /// What has a threshold; adversary 3.
    pub statistic: Statistic,
}

impl Default for Config {
    fn default() -> Self {
        Self { adversary: Adversary::default(), top: 3, shadows: 1, statistic: Statistic::default() }
    }
}

/// What the attacker has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Adversary {
    /// A reference model on data of the same kind.
    #[default]
    Shadow,
    /// A reference model on data of another kind.
    Transfer,
    /// Neither model nor data.
    Threshold,
}

/// What has a threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// The largest probability.
    #[default]
    Maximum,
    /// Minus the entropy.
    Entropy,
}

impl Statistic {
    /// The signal, and the sign with which it counts.
    const fn signal(self) -> (Signal, f64) {
        match self {
            Self::Maximum => (Signal::TopProbability { rank: 0 }, 1.0),
            Self::Entropy => (Signal::Entropy, -1.0),
        }
    }
}

/// Scores a record by the shape of the target's answer.
pub struct MlLeaks {
    shadows: usize,
    way: Way,
}

enum Way {
    Classifier(ShadowClassifier),
    Threshold(Signal, f64),
}

impl Attack for MlLeaks {
    const INFO: Info = Info {
        name: "ml-leaks",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Forme de la réponse (ML-Leaks)",
        title_en: "Shape of the answer (ML-Leaks)",
        summary_fr: "La forme de la réponse, sans la vraie classe, suffit à reconnaître les données apprises.",
        summary_en: "The shape of the answer, without the true class, is enough to recognise the data that the model was trained on.",
        formula: "log-odds of a network on the 3 largest probabilities; adversary 3: max_j p_j",
        paper: "Salem, Zhang, Humbert, Berrang, Fritz and Backes, ML-Leaks, 2019, arXiv 1806.01246",
        source: include_str!("ml_leaks.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        if !(1..=100).contains(&config.top) {
            return Err(Error::Config(format!("`top` must be from 1 to 100, got {}", config.top)));
        }
        if config.shadows == 0 {
            return Err(Error::Config("`shadows` must be at least 1, got 0".into()));
        }
        let way = match config.adversary {
            Adversary::Shadow | Adversary::Transfer => {
                Way::Classifier(ShadowClassifier::new(shadow_classifier::Config {
                    features: (0..config.top)
                        .map(|rank| Signal::TopProbability { rank }.to_string())
                        .collect(),
                    min_per_class: usize::MAX,
                    ..shadow_classifier::Config::default()
                })?)
            }
            Adversary::Threshold => {
                let (signal, sign) = config.statistic.signal();
                Way::Threshold(signal, sign)
            }
        };
        Ok(Self { shadows: config.shadows, way })
    }

    fn needs(&self, records: usize) -> Needs {
        match &self.way {
            Way::Classifier(classifier) => Needs {
                references_min: self.shadows,
                references_max: self.shadows,
                ..classifier.needs(records)
            },
            Way::Threshold(signal, _) => single::needs(*signal),
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        match &self.way {
            Way::Classifier(classifier) => {
                let shadows: Vec<usize> = (0..self.shadows.min(case.references())).collect();
                let variants: Vec<usize> = (0..case.augmentations()).collect();
                let signals = classifier.needs(case.audited().len()).signals;
                let view = View::new(case, ctx, &signals, &shadows, &variants)?;
                classifier.run(&view.case(case)?, ctx)
            }
            Way::Threshold(signal, sign) => single::score(case, ctx, *signal, *sign),
        }
    }
}

#[cfg(test)]
mod tests {
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    #[test]
    fn one_shadow_teaches_and_the_others_are_not_heard() {
        let scores = |references: usize| {
            let mut toy = Toy::new(Behaviour::Leaky, Size { references: 4, ..Size::default() }, 1);
            if references == 1 {
                // The same first models, without the rest.
                let keep = 2;
                let (models, classes) = (toy.signals.models, toy.signals.classes);
                let cut = |logits: &[f32]| -> Vec<f32> {
                    logits
                        .chunks_exact(models * classes)
                        .flat_map(|row| &row[..keep * classes])
                        .copied()
                        .collect()
                };
                toy.signals.audited.0 = cut(&toy.signals.audited.0);
                toy.signals.population.0 = cut(&toy.signals.population.0);
                toy.signals.models = keep;
                toy.targets.truncate(keep);
                toy.audited_membership = toy.audited_membership.select_models(&[0]);
                toy.population_membership = toy.population_membership.select_models(&[0]);
            }
            let attack = MlLeaks::new(Config::default()).unwrap();
            attack.run(&toy.case().unwrap(), &Ctx::new(1, "test", 1, &())).unwrap().membership(800).unwrap()
        };
        assert_eq!(scores(4), scores(1));
    }

    #[test]
    fn parameters_are_checked() {
        for config in [
            Config { top: 0, ..Config::default() },
            Config { top: 101, ..Config::default() },
            Config { shadows: 0, ..Config::default() },
        ] {
            assert!(MlLeaks::new(config).is_err());
        }
    }
}
