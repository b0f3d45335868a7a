//! # Label and prior (Fredrikson et al.)
//!
//! **Idea.** A model that is often right answers the true label when the record has its true value. How often it answers which label to whom is measured
//! on others; how common each value is, too.
//!
//! **Threat model.** The attacker knows everything else about the record and its label, sees predicted labels or values alone, and has the population with
//! its values of the attribute.
//!
//! **Formula.** score_v = ln P̂(y | y'(x_v)) + ln prior(v), with y'(x_v) what the model predicts with candidate v. P̂ are the rows of the model's confusion
//! matrix on the population, at its true values, each true label counted once more than it was seen. Of real values, P̂ is normal around the prediction
//! with the population's mean squared residual, apart for each of several. The prior is the share of the candidate in the population, counted once more.
//!
//! **Paper.** Fredrikson, Lantz, Jha, Lin, Page and Ristenpart, *Privacy in Pharmacogenetics: An End-to-End Case Study of Personalized Warfarin Dosing*,
//! USENIX Security 2014.
//!
//! **Cost.** One question per record and candidate, and one per population record.
//!
//! **When it fails.** Where the label does not depend on the attribute the prior decides, and where the prior is one-sided a label hardly changes it.

use paname_core::{
    Access, Attack, Case, Ctx, Error, Family, Findings, Info, Labels, Needs, Result, Task, Whom,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{predictions, predictions_at_truth};
use crate::sweep::{bounded, log};

/// Parameters of [`Fredrikson`]: there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// Scores a candidate by how likely the true label is given the predicted one, and by how common the candidate is.
pub struct Fredrikson;

impl Attack for Fredrikson {
    const INFO: Info = Info {
        name: "fredrikson",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Réponse et fréquence (Fredrikson et al.)",
        title_en: "Label and prior (Fredrikson et al.)",
        summary_fr: "La réponse du modèle, jointe à la fréquence de chaque valeur, trahit l’attribut.",
        summary_en: "The model’s answer, with how common each value is, gives the attribute away.",
        formula: "ln P̂(y | y'(x_v)) + ln prior(v)",
        paper: "Fredrikson, Lantz, Jha, Lin, Page and Ristenpart, Privacy in Pharmacogenetics, USENIX Security 2014",
        source: include_str!("fredrikson.rs"),
    };
    type Config = Config;

    fn new(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            access: Access::LABELS,
            population_min: 1,
            queries_per_record: 1,
            queries_per_population_record: 1,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let likelihoods = match case.task() {
            Task::Classification => of_classes(case, ctx)?,
            Task::Regression => of_values(case, ctx)?,
            task => {
                let what = format!(
                    "the confusion of labels for the task {task}, which has neither classes nor real values"
                );
                return Err(Error::Unsupported(what));
            }
        };
        let prior: Vec<f64> = case.attribute()?.prior().into_iter().map(libm::log).collect();
        let scores =
            likelihoods.iter().zip(prior.iter().cycle()).map(|(likelihood, prior)| likelihood + prior);
        Ok(Findings::Attribute(scores.collect()))
    }
}

/// ln P̂(y | y'(x_v)) of classes.
fn of_classes(case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
    let candidates = case.attribute()?.candidates.len();
    let (labels, classes) = case.audited().classes()?;
    let (known, also) = case.population().classes()?;
    if classes != also {
        return Err(Error::mismatch("classes of the population", classes, also));
    }
    let read = |answers: &paname_core::Tensor| answers.to_i64();
    let class = |answer: i64| {
        let class = usize::try_from(answer).ok().filter(|class| *class < classes);
        class.ok_or_else(|| Error::mismatch("predicted class", format!("below {classes}"), answer))
    };
    // [predicted][true]
    let mut counts = vec![1.0; classes * classes];
    for (answer, label) in predictions_at_truth(case, ctx, 1, read)?.into_iter().zip(known) {
        counts[class(answer)? * classes + *label as usize] += 1.0;
    }
    let logs: Vec<f64> = counts
        .chunks_exact(classes.max(1))
        .flat_map(|row| {
            let total: f64 = row.iter().sum();
            row.iter().map(move |count| log(count / total))
        })
        .collect();
    let answers = predictions(case, ctx, Whom::Audited, 1, read)?;
    let of = |(i, answer): (usize, i64)| Ok(logs[class(answer)? * classes + labels[i / candidates] as usize]);
    answers.into_iter().enumerate().map(of).collect()
}

/// ln of the normal density of real values.
fn of_values(case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
    let candidates = case.attribute()?.candidates.len();
    let values = |whom| match &case.cohort(whom).labels {
        Labels::Values(values) => values.to_f64(),
        _ => Err(Error::mismatch("labels", "real values", "none")),
    };
    let (labels, known) = (values(Whom::Audited)?, values(Whom::Population)?);
    let width = known.len() / case.population().len().max(1);
    if width == 0 || labels.len() != width * case.audited().len() {
        let expected = format!("{width} real values a record, at least 1");
        return Err(Error::mismatch("labels of the audited records", expected, labels.len()));
    }
    let read = |answers: &paname_core::Tensor| Ok(answers.to_f64()?.into_iter().map(bounded).collect());
    let mut variances = vec![0.0; width];
    let answers: Vec<f64> = predictions_at_truth(case, ctx, width, read)?;
    for (i, (answer, label)) in answers.iter().zip(&known).enumerate() {
        variances[i % width] += (bounded(*label) - answer).powi(2);
    }
    for variance in &mut variances {
        // A model that errs nowhere on the population is taken to err a little.
        *variance = (*variance / case.population().len() as f64).max(1e-30);
    }
    let answers: Vec<f64> = predictions(case, ctx, Whom::Audited, width, read)?;
    let density = |(i, answers): (usize, &[f64])| {
        let labels = &labels[i / candidates * width..][..width];
        let each = labels.iter().zip(answers).zip(&variances);
        let squares: f64 =
            each.map(|((label, answer), variance)| (bounded(*label) - answer).powi(2) / variance).sum();
        bounded(
            -0.5 * (squares + variances.iter().map(|v| libm::log(std::f64::consts::TAU * v)).sum::<f64>()),
        )
    };
    Ok(answers.chunks_exact(width).enumerate().map(density).collect())
}
