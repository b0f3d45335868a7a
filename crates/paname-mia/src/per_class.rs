//! # Per-class thresholds
//!
//! **Idea.** Some classes are harder than others, and a threshold that suits one is wrong for the next. So a record is judged by what the answers to
//! strangers of its own class look like.
//!
//! **Threat model.** The attacker asks the target once per record, knows true classes, sees all probabilities or the logits (for `scaled-confidence`
//! the loss suffices), and holds either reference models fitted on data of the same kind or a population.
//!
//! **Formula.** score = share of the strangers of the record's class whose `score` is at most the record's, so that one threshold on it is one
//! threshold per class on `score`, at the same false positive rate in each. Strangers are, by `strangers`, the reactions of reference models to
//! records that they left out, audited ones and those of the population (`references`), or the target's own reactions to the population
//! (`population`). A class with fewer than `min-per-class` strangers is judged by all strangers. Ties between strangers as in `population` (`ties`).
//! Augmented variants are averaged before they are compared.
//!
//! **Paper.** Song and Mittal, *Systematic Evaluation of Privacy Risks of Machine Learning Models*, USENIX Security 2021, arXiv 2003.10595, §4. The
//! paper sets the threshold of a class where members and strangers of a shadow model are told apart best; a score needs every threshold, hence the
//! share.
//!
//! **Cost.** One question per record, and per population record where these are the strangers; O((N K + |Z|) log) time and, with reference models,
//! memory for N K numbers.
//!
//! **When it fails.** As `modified-entropy`: it knows how hard a class is, not how hard a record is. Reference models that overfit more or less than
//! the target make the shares of all classes wrong alike, which leaves their order; a population that differs from the non-members makes the level
//! wrong.

use paname_core::{Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ladder::{Ladders, Ties};
use crate::single::mean;

/// Parameters of [`PerClass`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The score that has a threshold per class.
    pub score: Score,
    /// Where the strangers come from.
    pub strangers: Strangers,
    /// Strangers that a class needs in order to be judged by itself; a class with fewer is judged by all strangers.
    pub min_per_class: usize,
    /// What becomes of records that stand above the same number of strangers.
    pub ties: Ties,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            score: Score::default(),
            strangers: Strangers::default(),
            min_per_class: 100,
            ties: Ties::default(),
        }
    }
}

/// The score that has a threshold per class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// Minus the modified entropy.
    #[default]
    ModifiedEntropy,
    /// Minus the entropy.
    Entropy,
    /// ln p_y − ln(1 − p_y).
    ScaledConfidence,
}

impl Score {
    /// The signal, and the sign with which it counts.
    const fn signal(self) -> (Signal, f64) {
        match self {
            Self::ModifiedEntropy => (Signal::ModifiedEntropy, -1.0),
            Self::Entropy => (Signal::Entropy, -1.0),
            Self::ScaledConfidence => (Signal::ScaledConfidence, 1.0),
        }
    }
}

/// Where the reactions to strangers come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strangers {
    /// From the population where there is one, from reference models otherwise.
    #[default]
    Auto,
    /// The target's reactions to the population.
    Population,
    /// The reactions of reference models to records that they left out.
    References,
}

/// Scores a record by its place among strangers of its class.
pub struct PerClass(Config);

impl Attack for PerClass {
    const INFO: Info = Info {
        name: "per-class",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Seuils par classe",
        title_en: "Thresholds per class",
        summary_fr: "Le modèle hésite moins sur ces données que sur des données de la même classe qu'il n'a jamais vues.",
        summary_en: "The model hesitates less on these data than on data of the same class that it has never seen.",
        formula: "#{z : s_z ≤ s_x} / |Z|, Z the strangers of the record's class, s = −modified entropy",
        paper: "Song and Mittal, Systematic Evaluation of Privacy Risks of Machine Learning Models, 2021, arXiv 2003.10595",
        source: include_str!("per_class.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(config))
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let strangers = match config.strangers {
            Strangers::Auto if size.population == 0 && size.references > 0 => Strangers::References,
            Strangers::Auto => Strangers::Population,
            settled => settled,
        };
        Config { strangers, ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        let references = self.0.strangers == Strangers::References;
        Needs {
            signals: vec![self.0.score.signal().0],
            references_min: usize::from(references),
            references_max: if references { usize::MAX } else { 0 },
            population_min: usize::from(!references),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let Config { score, strangers, min_per_class, ties } =
            Self::settle(self.0.clone(), &CaseSize::of(case));
        let (signal, sign) = score.signal();
        let mut seen = Vec::new();
        let groups: &[Whom] = match strangers {
            Strangers::References => &[Whom::Audited, Whom::Population],
            Strangers::Auto | Strangers::Population => &[Whom::Population],
        };
        for &whom in groups {
            let chunks = case.map_chunks(whom, &[signal], ctx, |chunk| {
                let mut seen = Vec::new();
                for record in chunk.records() {
                    let target = record.target(0);
                    let mut meet = |values| seen.push((record.class(), sign * mean(values)));
                    if strangers == Strangers::References {
                        let members = record.membership();
                        let models = record.references(0).chunks_exact(target.len()).enumerate();
                        models.filter(|(k, _)| !members.contains(*k)).for_each(|(_, values)| meet(values));
                    } else {
                        meet(target);
                    }
                }
                Ok(seen)
            })?;
            seen.extend(chunks.into_iter().flatten());
        }
        if seen.is_empty() && strangers == Strangers::References {
            let what = "reactions of reference models to records that they left out".into();
            return Err(Error::Missing { what, needed: 1, got: 0 });
        }
        let ladders = Ladders::new(seen, min_per_class)?;
        let scores = case.map_records(Whom::Audited, &[signal], ctx, |record| {
            Ok(ladders.of(record.class()).place(sign * mean(record.target(0)), ties))
        })?;
        Ok(Findings::Membership(scores))
    }
}
