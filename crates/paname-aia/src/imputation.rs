//! # Imputation
//!
//! **Idea.** What can be guessed of a person without the model is no leak of the model. A learner that never sees it says what everything else about the
//! record and its label tell: what every other attack has to be better than.
//!
//! **Threat model.** The attacker has as many records of the population as the target had of its own, with their values of the attribute, and of the audited records everything else and the
//! label. The model is not asked.
//!
//! **Formula.** score_v = P(v | everything else, label), by a random forest: `trees` trees for each candidate, on whether a record has it, leaves of
//! `min-leaf` records and more, `features` columns tried at each split; the label counts as a column for each class, or as its real values. What the
//! trees say is cut to [0, 1], made to sum to 1 and smoothed: (n P_v + s_v) / (n + 1), with n records learned from and the share s_v of the candidate.
//!
//! **Paper.** Jayaraman and Evans, *Are Attribute Inference Attacks Just Imputation?*, ACM CCS 2022, arXiv 2209.01292, compare attacks with it; there the
//! imputer is a network. Forests: Breiman, *Random Forests*, Machine Learning 2001, doi 10.1023/A:1010933404324.
//!
//! **Cost.** No question. A forest per candidate, of one for two candidates, on all the records that it is given: in an audit, as many of the
//! population as the target was trained on, drawn by chance, or all where there are fewer, which the report then says. `rows` makes them fewer.
//!
//! **When it fails.** With a small population, or one of another kind than the audited records, it is too weak a learner, and attacks look better beside
//! it than they are. Compare members with non-members too: it knows of neither.

use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Whom};

use crate::learner::{FEWEST, Forest, Rows};

/// Scores a candidate by its probability as a learner without the model tells it.
pub struct Imputation(Forest);

impl Attack for Imputation {
    const INFO: Info = Info {
        name: "imputation",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Imputation sans le modèle",
        title_en: "Imputation without the model",
        summary_fr: "Ce que le reste de la fiche laisse deviner, sans interroger le modèle : le repère de toutes les autres attaques.",
        summary_en: "What the rest of the record lets one guess without asking the model: the mark for all other attacks.",
        formula: "P(v | everything else, y) by a random forest",
        paper: "Jayaraman and Evans, Are Attribute Inference Attacks Just Imputation?, 2022, arXiv 2209.01292",
        source: include_str!("imputation.rs"),
    };
    type Config = Forest;

    fn new(config: Forest) -> Result<Self> {
        config.check()?;
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { population_min: FEWEST, ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let attribute = case.attribute()?;
        let population = Rows::known(case, Whom::Population)?;
        let learned = self.0.learn(&population, &attribute.population, attribute.candidates.len(), ctx)?;
        ctx.chose("learned-from", &learned.len().to_string());
        learned.probabilities(&Rows::known(case, Whom::Audited)?, ctx).map(Findings::Attribute)
    }
}
