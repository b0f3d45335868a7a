//! # Neuron outputs
//!
//! **Idea.** Inside the model some neurons follow the attribute. Records whose values are known show which; how far they are up for each candidate tells
//! the value of the others.
//!
//! **Threat model.** The attacker has the model itself, or whoever has it tells activations, knows everything else about the record, and has the
//! population with its values of the attribute. The label is not used.
//!
//! **Formula.** For candidate v, every population record is put to the model with v: ρ_j is the correlation of neuron j with 1[s = v]. Of the `neurons`
//! neurons with the largest |ρ_j|, q_j is the share of the population, with v too, whose activation is below the audited record's, half of equal ones
//! counted, or 1 − q_j where ρ_j < 0. score_v = Σ |ρ_j| q_j / Σ |ρ_j|, from 0 to 1; 0 where no neuron varies with the value.
//!
//! **Paper.** Jayaraman and Evans, *Are Attribute Inference Attacks Just Imputation?*, ACM CCS 2022, arXiv 2209.01292. Neurons that fall with the value
//! count here too.
//!
//! **Cost.** One question per record and candidate, two per population record and candidate: once to choose neurons, once for their values. Two numbers
//! are held per neuron, and the chosen neurons' values on the population.
//!
//! **When it fails.** With few known records the largest correlations are those of chance. Candidates that few have, or none, are told badly.

use std::ops::Range;

use paname_core::{
    Access, Attack, Case, Ctx, Error, Family, Findings, Indices, Info, Needs, Result, Tensor, Whom,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::about;
use crate::learner::FEWEST;

/// Parameters of [`NeuronOutputs`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Names of the layers that are looked into; where none are named, the last one before the output: the last but one that the target names.
    pub layers: Vec<String>,
    /// Neurons that are taken for each candidate (k), at least 1.
    pub neurons: usize,
    /// Records per question, at least 1: activations of all of them are held.
    pub batch: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { layers: Vec::new(), neurons: 10, batch: 256 }
    }
}

/// Scores a candidate by the neurons that follow it.
pub struct NeuronOutputs(Config);

impl Attack for NeuronOutputs {
    const INFO: Info = Info {
        name: "neuron-outputs",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Sorties de neurones",
        title_en: "Neuron outputs",
        summary_fr: "Des neurones du modèle suivent l’attribut : leur activité le révèle.",
        summary_en: "Neurons of the model follow the attribute: their activity reveals it.",
        formula: "Σ_j |ρ_j| q_j / Σ_j |ρ_j| over the neurons that correlate most with v",
        paper: "Jayaraman and Evans, Are Attribute Inference Attacks Just Imputation?, 2022, arXiv 2209.01292",
        source: include_str!("neuron_outputs.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        for (key, value) in [("neurons", config.neurons), ("batch", config.batch)] {
            if value == 0 {
                return Err(Error::Config(format!("`{key}` must be at least 1, got 0")));
            }
        }
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            access: Access::ACTIVATIONS,
            population_min: FEWEST,
            queries_per_record: 1,
            queries_per_population_record: 2,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let attribute = case.attribute()?;
        let candidates = attribute.candidates.len();
        let (audited, population) = (case.audited().len(), case.population().len());
        let layers = self.layers(&case.target().card().layers)?;
        let total = candidates * (audited + 2 * population);
        let mut scores = vec![0.0; audited * candidates];
        for v in 0..candidates {
            let mut look = Look {
                attack: self,
                case,
                ctx,
                layers: &layers,
                candidate: v,
                done: total / candidates * v,
                total,
            };
            let mut neurons: Vec<Moments> = Vec::new();
            let (mut seen, mut having) = (0.0, Moments::default());
            look.at(Whom::Population, |range, activations| {
                for (r, row) in range.zip(activations.rows()) {
                    let has = f64::from(attribute.population[r] as usize == v);
                    if seen == 0.0 {
                        neurons = vec![Moments::default(); row.len()];
                    }
                    seen += 1.0;
                    having.see(seen, has, has);
                    activations.check(row.len(), neurons.len())?;
                    neurons.iter_mut().zip(row).for_each(|(neuron, x)| neuron.see(seen, *x, has));
                }
                Ok(())
            })?;
            let chosen = chosen(&neurons, having.squares, self.0.neurons);
            let mut values = vec![Vec::with_capacity(population); chosen.len()];
            look.at(Whom::Population, |_, activations| {
                for row in activations.rows() {
                    activations.check(row.len(), neurons.len())?;
                    values.iter_mut().zip(&chosen).for_each(|(values, (j, _))| values.push(row[*j]));
                }
                Ok(())
            })?;
            for values in &mut values {
                values.sort_unstable_by(f64::total_cmp);
            }
            let weight: f64 = chosen.iter().map(|(_, correlation)| correlation.abs()).sum();
            look.at(Whom::Audited, |range, activations| {
                for (r, row) in range.zip(activations.rows()) {
                    activations.check(row.len(), neurons.len())?;
                    let sum: f64 = values
                        .iter()
                        .zip(&chosen)
                        .map(|(values, (j, rho))| rho.abs() * place(values, row[*j], *rho))
                        .sum();
                    scores[r * candidates + v] = if weight > 0.0 { sum / weight } else { 0.0 };
                }
                Ok(())
            })?;
        }
        ctx.tick(total, total)?;
        Ok(Findings::Attribute(scores))
    }
}

impl NeuronOutputs {
    /// The layers that are looked into.
    fn layers(&self, known: &[String]) -> Result<Vec<String>> {
        if let Some(layer) = self.0.layers.iter().find(|layer| !known.contains(layer)) {
            return Err(Error::Config(format!(
                "`layers`: expected some of {}, got {layer:?}",
                known.join(", ")
            )));
        }
        if !self.0.layers.is_empty() {
            return Ok(self.0.layers.clone());
        }
        let last = known.len().saturating_sub(2);
        let layer =
            known.get(last).ok_or_else(|| Error::mismatch("layers of the target", "at least 1", "none"))?;
        Ok(vec![layer.clone()])
    }
}

/// A look at what goes on inside the target for one candidate.
struct Look<'a> {
    attack: &'a NeuronOutputs,
    case: &'a Case<'a>,
    ctx: &'a Ctx<'a>,
    layers: &'a [String],
    candidate: usize,
    done: usize,
    total: usize,
}

impl Look<'_> {
    /// Calls `each` with the activations of a batch of records after the other.
    fn at(
        &mut self,
        whom: Whom,
        mut each: impl FnMut(Range<usize>, &Activations) -> Result<()>,
    ) -> Result<()> {
        let ids = &self.case.cohort(whom).ids;
        for start in (0..ids.len()).step_by(self.attack.0.batch) {
            self.ctx.tick(self.done, self.total)?;
            let range = start..ids.len().min(start + self.attack.0.batch);
            let numbers: Indices = ids[range.clone()].into();
            let answers = about(self.case, numbers, self.candidate, Access::ACTIVATIONS, self.layers)?;
            let mut layers = Vec::new();
            for layer in self.layers {
                let found = answers.activations.iter().find(|(name, _)| name == layer);
                let (_, values) = found.ok_or_else(|| {
                    Error::mismatch("answered activations", format!("layer {layer}"), "none")
                })?;
                layers.push(values);
            }
            self.done += range.len();
            each(range.clone(), &Activations::of(&layers, range.len())?)?;
        }
        Ok(())
    }
}

/// The activations of a batch.
struct Activations {
    values: Vec<f64>,
    rows: usize,
}

impl Activations {
    /// Those of several layers, next to each other. What is no number counts as 0.
    fn of(layers: &[&Tensor], rows: usize) -> Result<Self> {
        let read = layers.iter().map(|layer| layer.to_f32()).collect::<Result<Vec<_>>>()?;
        let mut values = Vec::with_capacity(read.iter().map(|layer| layer.len()).sum());
        for r in 0..rows {
            for layer in &read {
                let width = layer.len() / rows;
                let row = layer[r * width..(r + 1) * width].iter().map(|x| f64::from(*x));
                values.extend(row.map(|x| if x.is_nan() { 0.0 } else { x.clamp(-1e30, 1e30) }));
            }
        }
        Ok(Self { values, rows })
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact((self.values.len() / self.rows.max(1)).max(1))
    }

    #[expect(clippy::unused_self, reason = "it is about these activations")]
    fn check(&self, got: usize, expected: usize) -> Result<()> {
        if got == expected { Ok(()) } else { Err(Error::mismatch("neurons of the layers", expected, got)) }
    }
}

/// Moments of a neuron and of a truth value, so far (Welford 1962).
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    mean: f64,
    /// Sum of squares around the mean.
    squares: f64,
    /// Mean of the truth value.
    truth: f64,
    /// Sum of products around the means.
    products: f64,
}

impl Moments {
    /// Sees the `count`-th record.
    fn see(&mut self, count: f64, x: f64, truth: f64) {
        let before = x - self.mean;
        self.mean += before / count;
        self.squares += before * (x - self.mean);
        self.truth += (truth - self.truth) / count;
        self.products += before * (truth - self.truth);
    }
}

/// The neurons with the largest correlations, and these; the first of equal ones, and none that does not vary.
fn chosen(neurons: &[Moments], having: f64, most: usize) -> Vec<(usize, f64)> {
    let of = |(j, neuron): (usize, &Moments)| {
        let correlation = neuron.products / (neuron.squares * having).sqrt();
        (correlation.is_finite() && correlation != 0.0).then_some((j, correlation.clamp(-1.0, 1.0)))
    };
    let mut all: Vec<(usize, f64)> = neurons.iter().enumerate().filter_map(of).collect();
    all.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
    all.truncate(most);
    all
}

/// The share of sorted values below this one, half of equal ones counted; above it where the correlation is negative.
fn place(sorted: &[f64], value: f64, correlation: f64) -> f64 {
    let below = sorted.partition_point(|other| *other < value);
    let not_above = sorted.partition_point(|other| *other <= value);
    let share = (below + not_above) as f64 / (2 * sorted.len().max(1)) as f64;
    if correlation < 0.0 { 1.0 - share } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_of_known_values() {
        let (xs, ts) = ([1.0, 2.0, 4.0, 9.0], [0.0, 0.0, 1.0, 1.0]);
        let (mut neuron, mut having) = (Moments::default(), Moments::default());
        for (i, (x, t)) in xs.into_iter().zip(ts).enumerate() {
            neuron.see((i + 1) as f64, x, t);
            having.see((i + 1) as f64, t, t);
        }
        // 10 / √(38 · 4), from sums by hand.
        let chosen = chosen(&[Moments::default(), neuron], having.squares, 3);
        assert_eq!(chosen.len(), 1);
        assert!(chosen[0].0 == 1 && (chosen[0].1 - 5.0 / 38.0_f64.sqrt()).abs() < 1e-12, "{chosen:?}");
    }

    #[test]
    fn places_among_sorted_values() {
        let sorted = [1.0, 2.0, 2.0, 5.0];
        assert_eq!(place(&sorted, 2.0, 0.5), 0.5);
        assert_eq!(place(&sorted, 9.0, 0.5), 1.0);
        assert_eq!(place(&sorted, 9.0, -0.5), 0.0);
        assert_eq!(place(&[], 9.0, 0.5), 0.0);
    }

    #[test]
    fn the_last_layer_before_the_output_is_looked_into() {
        let of = |layers: &[&str], known: &[&str]| {
            let layers = layers.iter().map(|layer| (*layer).to_owned()).collect();
            let known: Vec<String> = known.iter().map(|layer| (*layer).to_owned()).collect();
            NeuronOutputs(Config { layers, ..Config::default() }).layers(&known)
        };
        assert_eq!(of(&[], &["a", "b", "out"]).unwrap(), ["b"]);
        assert_eq!(of(&[], &["out"]).unwrap(), ["out"]);
        assert_eq!(of(&["a", "out"], &["a", "b", "out"]).unwrap(), ["a", "out"]);
        assert_eq!(
            of(&[], &[]).unwrap_err().to_string(),
            "layers of the target: expected at least 1, got none"
        );
        assert!(
            of(&["c"], &["a", "b"]).unwrap_err().to_string().contains("expected some of a, b, got \"c\"")
        );
    }
}
