//! # Norm of the gradient of the input
//!
//! **Idea.** Training flattens the loss around its records: a small change of a member changes its loss little.
//!
//! **Threat model.** The attacker has the model itself, or whoever has it tells gradients with respect to the input, and knows the true class. No
//! other model, no other data.
//!
//! **Formula.** score = −‖∂ℓ(f(x), y)/∂x‖, by default in ℓ₂.
//!
//! **Paper.** Rezaei and Liu, *On the Difficulty of Membership Inference Attacks*, CVPR 2021, arXiv 2005.13702, §3.3; Nasr, Shokri and Houmansadr,
//! *Comprehensive Privacy Analysis of Deep Learning*, IEEE S&P 2019, arXiv 1812.00910.
//!
//! **Cost.** One question per record, a forward and a backward pass.
//!
//! **When it fails.** As `loss`, and where features differ in scale: the largest decide. Rezaei and Liu find little beyond what the loss tells.

use paname_core::{Access, Attack, Case, Ctx, Error, Family, Findings, Info, Needs, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Norm, in_batches, input_gradients, per_row};

/// Parameters of [`InputGradientNorm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// How large a gradient is: `l1`, `l2` or `linf`.
    pub norm: Norm,
    /// Records per question, at least 1: the model holds what it computes for all of them until the gradient is there.
    pub batch: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { norm: Norm::default(), batch: 128 }
    }
}

/// Scores a record by how small the gradient of its loss with respect to its input is.
pub struct InputGradientNorm(Config);

impl Attack for InputGradientNorm {
    const INFO: Info = Info {
        name: "input-gradient-norm",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Norme du gradient de l’entrée",
        title_en: "Norm of the input’s gradient",
        summary_fr: "Autour des données d’entraînement, une petite modification de la donnée change peu l’erreur du modèle.",
        summary_en: "Around training data, a small change of the data changes the model’s error little.",
        formula: "−‖∂ℓ/∂x‖",
        paper: "Rezaei and Liu, On the Difficulty of Membership Inference Attacks, 2021, arXiv 2005.13702",
        source: include_str!("input_gradient_norm.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        if config.batch == 0 {
            return Err(Error::Config("`batch` must be at least 1, got 0".into()));
        }
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            access: Access::INPUT_GRADIENT | Access::LOSS,
            classes: true,
            queries_per_record: 1,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let (classes, _) = case.audited().classes()?;
        let mut scores = Vec::with_capacity(classes.len());
        in_batches(case, ctx, self.0.batch, |range, ids| {
            let gradients = input_gradients(case.target(), case.granted(), ids, &classes[range])?;
            scores.extend(per_row(&gradients, |gradient| -self.0.norm.of(gradient))?);
            Ok(())
        })?;
        Ok(Findings::Membership(scores))
    }
}

#[cfg(test)]
mod tests {
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    fn scores(toy: &Toy, batch: usize) -> Vec<f64> {
        let attack = InputGradientNorm::new(Config { batch, ..Config::default() }).unwrap();
        let findings = attack.run(&toy.case().unwrap(), &Ctx::new(1, "test", 1, &())).unwrap();
        findings.membership(toy.truth().len()).unwrap()
    }

    #[test]
    fn logits_and_losses_give_the_same_gradient_in_batches_of_any_size() {
        let mut toy = Toy::live(Behaviour::Leaky, Size { records: 30, ..Size::default() }, 3);
        let from_logits = scores(&toy, 128);
        assert!(from_logits.iter().all(|score| *score < 0.0));
        toy.granted = Access::INPUT_GRADIENT | Access::PROBABILITIES;
        for (a, b) in scores(&toy, 7).iter().zip(&from_logits) {
            assert!((a - b).abs() < 1e-4 * (1.0 - b), "{a} {b}");
        }
        assert!(InputGradientNorm::new(Config { batch: 0, ..Config::default() }).is_err());
    }
}
