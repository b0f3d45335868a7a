//! # RaMIA
//!
//! **Idea.** Who looks for a person's photograph may hold another crop of it than the model learned. So ask about a range of variants of each record,
//! attack every variant by itself, and let the most suspicious ones speak for the range.
//!
//! **Threat model.** That of `attack`, asked about every augmented variant of a record: the range is what the recorded or configured augmentations
//! span, the record itself included.
//!
//! **Formula.** s_1 ≤ … ≤ s_A are the scores of `attack` for the variants of a record, each variant attacked as if there were no other. Score = mean
//! of the s_i with `from` · A < i ≤ `to` · A, the first bound rounded down and the second up, so that at least one remains: the lowest, least telling
//! ones are trimmed, and with `to` below 1 the highest ones too, which may be outliers.
//!
//! **Paper.** Tao and Shokri, *Range Membership Inference Attacks*, IEEE SaTML 2025, arXiv 2408.05131. The paper chooses the two quantiles for each
//! kind of data; the defaults here, the upper half, are not taken from it.
//!
//! **Cost.** One question per record and variant; A runs of `attack`. One variant of its signals at a time is held in memory.
//!
//! **When it fails.** With a single variant it is `attack` itself. Variants that the training data could not hold, or that the target was not taught
//! to take alike, dilute the range. It asks whether something of the range was learned, which is another question than whether the record was.

use paname_core::{Attack, Case, CaseSize, Ctx, DynAttack, Error, Family, Findings, Info, Needs, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::members;
use crate::view::View;

/// Parameters of [`Ramia`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Name of the attack on single variants.
    pub attack: String,
    /// Its parameters.
    pub config: Map<String, Value>,
    /// Share of the variants, the lowest, that is trimmed, from 0 to below 1.
    pub from: f64,
    /// Share of the variants beyond which the highest are trimmed, above `from` and up to 1.
    pub to: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { attack: "rmia".into(), config: Map::new(), from: 0.5, to: 1.0 }
    }
}

/// Scores a record by a trimmed mean of what an attack says about its variants.
pub struct Ramia {
    config: Config,
    attack: Box<dyn DynAttack>,
}

impl Attack for Ramia {
    const INFO: Info = Info {
        name: "ramia",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Appartenance d'un voisinage (RaMIA)",
        title_en: "Membership of a range (RaMIA)",
        summary_fr: "Le modèle a appris ces données ou une variante proche.",
        summary_en: "The model was trained on these data or on a close variant of them.",
        formula: "mean of the upper half of the scores of an attack over the variants of a record",
        paper: "Tao and Shokri, Range Membership Inference Attacks, 2025, arXiv 2408.05131",
        source: include_str!("ramia.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        if !(0.0 <= config.from && config.from < config.to && config.to <= 1.0) {
            return Err(Error::Config(format!(
                "`from` and `to` must be shares with 0 <= from < to <= 1, got {} and {}",
                config.from, config.to
            )));
        }
        let attack = members::build("attack", &config.attack, &config.config)?;
        if attack.needs(1)?.asks() {
            let problem = format!(
                "`attack`: `{}` asks the model itself, which has nothing to do with variants",
                config.attack
            );
            return Err(Error::Config(problem));
        }
        Ok(Self { config, attack })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let settled = members::settle(&config.attack, &config.config, size);
        Config { config: settled, ..config }
    }

    fn needs(&self, records: usize) -> Needs {
        self.attack.needs(records).unwrap_or_default()
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let records = case.audited().len();
        let signals = self.attack.needs(records)?.signals;
        let models: Vec<usize> = (0..case.references()).collect();
        let variants = case.augmentations();
        let mut scores = vec![Vec::with_capacity(variants); records];
        for variant in 0..variants {
            let view = View::new(case, ctx, &signals, &models, &[variant])?;
            let of_variant = self.attack.run(&view.case(case)?, ctx)?.membership(records)?;
            scores.iter_mut().zip(of_variant).for_each(|(scores, score)| scores.push(score));
        }
        let (from, to) = (self.config.from * variants as f64, self.config.to * variants as f64);
        let range = from as usize..(to.ceil() as usize).min(variants);
        let of_range = |mut scores: Vec<f64>| {
            scores.sort_unstable_by(f64::total_cmp);
            let kept = &scores[range.clone()];
            kept.iter().sum::<f64>() / kept.len().max(1) as f64
        };
        Ok(Findings::Membership(scores.into_iter().map(of_range).collect()))
    }
}

#[cfg(test)]
mod tests {
    use paname_testkit::{Behaviour, Size, Toy};
    use serde_json::json;

    use super::*;

    #[test]
    fn attacks_that_ask_the_model_have_no_variants() {
        let config = Config { attack: "gap".into(), ..Config::default() };
        let refused = Ramia::new(config).err().unwrap().to_string();
        assert!(refused.contains("`attack`: `gap` asks the model itself"), "{refused}");
    }

    #[test]
    fn the_chosen_variants_speak_for_the_record() {
        let size = Size { records: 100, augmentations: 3, ..Size::default() };
        let toy = Toy::new(Behaviour::Leaky, size, 1);
        let case = toy.case().unwrap();
        let ctx = Ctx::new(1, "test", 1, &());
        let run = |from, to| {
            let config = Config { attack: "confidence".into(), from, to, ..Config::default() };
            Attack::run(&Ramia::new(config).unwrap(), &case, &ctx).unwrap().membership(100).unwrap()
        };
        let (lowest, middle, highest, all) = (run(0.0, 0.3), run(0.4, 0.6), run(0.7, 1.0), run(0.0, 1.0));
        let plain = Attack::run(
            &crate::confidence::Confidence::new(crate::confidence::Config::default()).unwrap(),
            &case,
            &ctx,
        )
        .unwrap()
        .membership(100)
        .unwrap();
        for r in 0..100 {
            assert!(lowest[r] <= middle[r] && middle[r] <= highest[r]);
            assert!((all[r] - (lowest[r] + middle[r] + highest[r]) / 3.0).abs() < 1e-9);
            assert!((all[r] - plain[r]).abs() < 1e-9);
        }
        // The upper half of three: the middle one and the highest.
        for (half, (middle, highest)) in run(0.5, 1.0).iter().zip(middle.iter().zip(&highest)) {
            assert!((half - f64::midpoint(*middle, *highest)).abs() < 1e-9);
        }
    }

    #[test]
    fn parameters_are_checked() {
        let message = |config: Config| Ramia::new(config).err().unwrap().to_string();
        for (from, to) in [(-0.1, 1.0), (0.5, 0.5), (0.0, 1.1), (f64::NAN, 1.0), (0.0, f64::NAN)] {
            assert!(message(Config { from, to, ..Config::default() }).contains("`from` and `to`"));
        }
        assert!(
            message(Config { attack: "lirra".into(), ..Config::default() }).contains("no attack `lirra`")
        );
        assert!(message(Config { attack: "ramia".into(), ..Config::default() }).contains("within another"));
        let Value::Object(config) = json!({ "gama": 1 }) else { unreachable!() };
        assert!(message(Config { config, ..Config::default() }).contains("gama"));
    }
}
