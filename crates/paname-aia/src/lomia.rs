//! # Labels alone (LOMIA)
//!
//! **Idea.** Records for which one value alone makes the model answer the true label are taken to have it. What they have in common with their values is
//! learned and said of the other records too.
//!
//! **Threat model.** The attacker knows everything else about the records and their labels, and sees predicted labels alone. The population's records are
//! asked about as the audited ones are; its values of the attribute are not used, but for its shares.
//!
//! **Formula.** A record is of case 1 where one candidate s alone has y'(x_s) = y. With P the probabilities of a forest (see `imputation`) fitted on
//! (everything else, y) → s over all records of case 1, score_v = P_v + 2 [v = s, case 1]: records of case 1 keep their value and are the surest. Where
//! there are fewer than 20 records of case 1, or one of the candidates is the value of none, P is the prior: the share of the candidate in the population,
//! each counted once more.
//!
//! **Paper.** Mehnaz, Dibbo, Kabir, Li and Bertino, *Are Your Sensitive Attributes Private? Novel Model Inversion Attribute Inference Attacks on
//! Classification Models*, USENIX Security 2022, arXiv 2201.09370; there the ensemble is a service's, here it is a forest.
//!
//! **Cost.** One question per record and candidate, of the population too, and the forests.
//!
//! **When it fails.** On a model that answers alike for all values. What is learned from values that are guessed is a guess: an attacker who has the
//! population's true values does better by `imputation`. In classification only.

use paname_core::{
    Access, Attack, Case, Ctx, Error, Family, Findings, Info, Needs, Result, Task, Tensor, Whom,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::predictions;
use crate::learner::{FEWEST, Forest, Rows};

/// Parameters of [`Lomia`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The forest that learns from the records of case 1.
    pub forest: Forest,
}

/// Scores a candidate by whether it alone makes the model right, and by what records with such a candidate have in common.
pub struct Lomia(Forest);

impl Attack for Lomia {
    const INFO: Info = Info {
        name: "lomia",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Réponses seules (LOMIA)",
        title_en: "Labels alone (LOMIA)",
        summary_fr: "Les seules réponses du modèle, sans ses probabilités, suffisent à deviner l’attribut.",
        summary_en: "The model’s answers alone, without probabilities, suffice to guess the attribute.",
        formula: "P(v | everything else, y) learned on records that one value makes right, + 2 for that value",
        paper: "Mehnaz, Dibbo, Kabir, Li and Bertino, Are Your Sensitive Attributes Private?, 2022, arXiv 2201.09370",
        source: include_str!("lomia.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.forest.check()?;
        Ok(Self(config.forest.usual()))
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            access: Access::LABELS,
            classes: true,
            queries_per_record: 1,
            queries_per_population_record: 1,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let attribute = case.attribute()?;
        let candidates = attribute.candidates.len();
        if case.task() != Task::Classification {
            return Err(Error::Unsupported(format!(
                "labels that are right or wrong for the task {}",
                case.task()
            )));
        }
        let audited = Rows::known(case, Whom::Audited)?;
        let told = only_right(case, ctx, Whom::Audited)?;
        let mut examples: Vec<(u32, &[f32], u32)> = Vec::new();
        let population = Rows::known(case, Whom::Population)?;
        if audited.width != population.width {
            return Err(Error::mismatch(
                "labels of the population",
                "those of the audited records",
                "others",
            ));
        }
        let others = only_right(case, ctx, Whom::Population)?;
        for (whom, rows, told) in [(Whom::Audited, &audited, &told), (Whom::Population, &population, &others)]
        {
            let ids = &case.cohort(whom).ids;
            examples.extend(
                told.iter().enumerate().filter_map(|(r, value)| Some((ids[r], rows.row(r), (*value)?))),
            );
        }
        // In an order that is the records' own.
        examples.sort_by_key(|(id, ..)| *id);
        let values: Vec<u32> = examples.iter().map(|(.., value)| *value).collect();
        let missing = (0..candidates as u32).find(|value| !values.contains(value));
        let mut scores = if values.len() < FEWEST || missing.is_some() {
            ctx.log(&format!(
                "the prior takes the place of what is learned, from {} records of case 1",
                values.len()
            ));
            attribute.prior().repeat(audited.len)
        } else {
            let numbers = examples.iter().flat_map(|(_, row, _)| row.iter().copied()).collect();
            let rows = Rows { values: numbers, width: audited.width, len: values.len() };
            self.0.learn(&rows, &values, candidates, ctx)?.probabilities(&audited, ctx)?
        };
        for (row, value) in scores.chunks_exact_mut(candidates).zip(told) {
            if let Some(value) = value {
                row[value as usize] += 2.0;
            }
        }
        Ok(Findings::Attribute(scores))
    }
}

/// The candidate of each record that alone has the model answer its true label, where there is one.
fn only_right(case: &Case<'_>, ctx: &Ctx<'_>, whom: Whom) -> Result<Vec<Option<u32>>> {
    let candidates = case.attribute()?.candidates.len();
    let (labels, _) = case.cohort(whom).classes()?;
    let answers = predictions(case, ctx, whom, 1, Tensor::to_i64)?;
    let only = |(answers, label): (&[i64], &u32)| {
        let mut right = (0..candidates as u32).filter(|v| answers[*v as usize] == i64::from(*label));
        right.next().filter(|_| right.next().is_none())
    };
    Ok(answers.chunks_exact(candidates).zip(labels).map(only).collect())
}
