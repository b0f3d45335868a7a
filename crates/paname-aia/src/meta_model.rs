//! # Meta-model
//!
//! **Idea.** How the model's confidence changes from value to value follows the true value. A learner sees how on records whose values are known.
//!
//! **Threat model.** The attacker knows everything else about the record and its label, sees probabilities, logits or the loss, and has the population
//! with its values of the attribute, about which he asks too.
//!
//! **Formula.** score_v = P(v | everything else, y, ln p(y | x_1), …, ln p(y | x_K)), by a forest (see `imputation`) fitted on the population. In other
//! tasks than classification ln p is the `signal` of `attribute-confidence`.
//!
//! **Paper.** After the black-box attack of the Adversarial Robustness Toolbox, Nicolae et al. 2018, arXiv 1807.01069. That meta-model sees what the
//! model answers to the record as it is, f(x) alone: whoever gets it has a record with its true value put to the model for him, and learns mostly what
//! imputation with the label learns. Here the attacker puts every value to the model himself, and its confidences in the true label are what is learned from.
//!
//! **Cost.** One question per record and candidate, of the population too, and the forests.
//!
//! **When it fails.** It learns how the model treats strangers: a confidence that members alone have looks to it like no more than a large one. Compare it
//! with `imputation`, whose columns it has too.

use paname_core::{Attack, Case, CaseSize, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::learner::{FEWEST, Forest, Rows, bounded};
use crate::sweep::{LOG_PROBABILITY, Measure, sweep};

/// Parameters of [`MetaModel`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What is learned from: `auto`, or the name of a signal that is large where the model knows the record.
    pub signal: Measure,
    /// The forest that learns.
    pub forest: Forest,
}

/// Scores a candidate by its probability as a learner tells it that sees what the target says of every candidate.
pub struct MetaModel {
    signal: Signal,
    forest: Forest,
}

impl Attack for MetaModel {
    const INFO: Info = Info {
        name: "meta-model",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Méta-modèle",
        title_en: "Meta-model",
        summary_fr: "Un classifieur qui a vu comment le modèle réagit à chaque valeur, chez des personnes connues, devine l’attribut des autres.",
        summary_en: "A classifier that saw how the model reacts to each value for people who are known guesses the attribute of others.",
        formula: "P(v | everything else, y, ln p(y | x_1), …, ln p(y | x_K)) by a random forest",
        paper: "Nicolae et al., Adversarial Robustness Toolbox, 2018, arXiv 1807.01069",
        source: include_str!("meta_model.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.forest.check()?;
        Ok(Self { signal: config.signal.signal(LOG_PROBABILITY)?, forest: config.forest.usual() })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { signal: config.signal.settled(size, LOG_PROBABILITY), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { signals: vec![self.signal], population_min: FEWEST, ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let attribute = case.attribute()?;
        let population = self.rows(case, ctx, Whom::Population)?;
        let learned =
            self.forest.learn(&population, &attribute.population, attribute.candidates.len(), ctx)?;
        learned.probabilities(&self.rows(case, ctx, Whom::Audited)?, ctx).map(Findings::Attribute)
    }
}

impl MetaModel {
    fn rows(&self, case: &Case<'_>, ctx: &Ctx<'_>, whom: Whom) -> Result<Rows> {
        let known = Rows::known(case, whom)?;
        let said = sweep(case, ctx, whom, self.signal)?;
        known.beside(&Rows {
            values: said.into_iter().map(bounded).collect(),
            width: case.attribute()?.candidates.len(),
            len: known.len,
        })
    }
}
