//! # Norm of the gradient of the last layer
//!
//! **Idea.** Training has made the loss of its records flat: the gradient of a member's loss with respect to the weights of the last layer is small.
//!
//! **Threat model.** The attacker has the model itself, or whoever has it tells the gradient, and knows the true class. No other model, no other data.
//!
//! **Formula.** score = −‖∂ℓ(f(x), y)/∂θ_last‖, by default in ℓ₂. With a linear last layer on features h and cross-entropy the gradient is
//! (p − y) ⊗ (h, 1), so that ‖·‖₂² = ‖p − y‖₂² (‖h‖₂² + 1).
//!
//! **Paper.** Nasr, Shokri and Houmansadr, *Comprehensive Privacy Analysis of Deep Learning*, IEEE S&P 2019, arXiv 1812.00910, §III; Rezaei and Liu, *On
//! the Difficulty of Membership Inference Attacks*, CVPR 2021, arXiv 2005.13702, which compares the norms.
//!
//! **Cost.** One question per record, answered by a forward pass.
//!
//! **When it fails.** As `loss`: hard members have large gradients, easy non-members small ones. Rezaei and Liu find little beyond what the loss
//! tells.

use paname_core::{Access, Attack, Case, Ctx, Error, Family, Findings, Info, Needs, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Norm, about, per_row, rows_at_a_time};

/// Parameters of [`LastLayerGradientNorm`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// How large a gradient is: `l1`, `l2` or `linf`.
    pub norm: Norm,
}

/// Scores a record by how small the gradient of its loss with respect to the last layer is.
pub struct LastLayerGradientNorm(Config);

impl Attack for LastLayerGradientNorm {
    const INFO: Info = Info {
        name: "last-layer-gradient-norm",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Norme du gradient de la dernière couche",
        title_en: "Norm of the last layer’s gradient",
        summary_fr: "Les données d’entraînement ne tirent plus guère sur les poids de la dernière couche : leur gradient est petit.",
        summary_en: "Training data hardly pull at the weights of the last layer any more: their gradient is small.",
        formula: "−‖∂ℓ/∂θ_last‖",
        paper: "Nasr, Shokri and Houmansadr, Comprehensive Privacy Analysis of Deep Learning, 2019, arXiv 1812.00910",
        source: include_str!("last_layer_gradient_norm.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            access: Access::LAST_LAYER_GRADIENT,
            classes: true,
            queries_per_record: 1,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let (classes, _) = case.audited().classes()?;
        let ids = &case.audited().ids;
        let mut scores = Vec::with_capacity(ids.len());
        // The first answer tells how long a gradient is.
        let mut size = 1;
        while scores.len() < ids.len() {
            ctx.tick(scores.len(), ids.len())?;
            let range = scores.len()..ids.len().min(scores.len() + size);
            let query =
                about(ids[range.clone()].into(), &classes[range.clone()], Access::LAST_LAYER_GRADIENT)?;
            let answers = case.target().predict(&query)?;
            answers.check_rows(range.len())?;
            let gradients = answers.last_layer_gradient.ok_or(Error::Denied(Access::LAST_LAYER_GRADIENT))?;
            size = rows_at_a_time(gradients.len() / range.len());
            scores.extend(per_row(&gradients, |gradient| -self.0.norm.of(gradient))?);
        }
        ctx.tick(ids.len(), ids.len())?;
        Ok(Findings::Membership(scores))
    }
}

#[cfg(test)]
mod tests {
    use paname_core::{Signal, Whom};
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    /// A live toy is a linear layer without bias: ‖(p − y) ⊗ x‖ is ‖p − y‖ ‖x‖ in each of the three norms.
    #[test]
    fn the_norm_of_an_outer_product_is_the_product_of_the_norms() {
        let toy = Toy::live(Behaviour::Leaky, Size { records: 30, classes: 2, ..Size::default() }, 3);
        let (case, ctx) = (toy.case().unwrap(), Ctx::new(1, "test", 1, &()));
        let losses = case.map_records(Whom::Audited, &[Signal::Loss], &ctx, |r| Ok(r.target(0)[0])).unwrap();
        let inputs = case.target().input(&case.audited().ids).unwrap();
        // With two classes p − y is (1 − p_y) times (−1, 1) or (1, −1).
        for (norm, of_two) in [(Norm::L1, 2.0), (Norm::L2, 2.0_f64.sqrt()), (Norm::Linf, 1.0)] {
            let attack = LastLayerGradientNorm::new(Config { norm }).unwrap();
            let scores = attack.run(&case, &ctx).unwrap().membership(30).unwrap();
            let sizes = per_row(&inputs, |x| norm.of(x)).unwrap();
            for ((score, loss), size) in scores.iter().zip(&losses).zip(sizes) {
                let expected = -of_two * (1.0 - (-f64::from(*loss)).exp()) * size;
                assert!((score - expected).abs() < 1e-4 * (1.0 - expected), "{norm:?}: {score} {expected}");
            }
        }
    }
}
