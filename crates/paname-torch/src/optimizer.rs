//! How parameters are moved: as few passes over memory as the arithmetic allows.

use paname_core::{Optimizer, Result};
use tch::{TchError, Tensor};

use crate::course::Course;
use crate::error::from_torch;

/// Decay of the mean of gradients, and of their squares.
const BETAS: (f64, f64) = (0.9, 0.999);
/// Added to the root of the mean square.
const EPSILON: f64 = 1e-8;

/// The state of an optimizer for some parameters.
pub(crate) struct Stepper {
    optimizer: Optimizer,
    momentum: f64,
    weight_decay: f64,
    /// Mean of gradients: with momentum μ, (1 − μ) times the velocity, so that one interpolation moves it.
    first: Vec<Tensor>,
    /// Mean of squared gradients.
    second: Vec<Tensor>,
    steps: i32,
}

impl Stepper {
    pub(crate) fn new(course: &Course, parameters: &[Tensor]) -> Self {
        let zeros = || parameters.iter().map(|p| p.detach().zeros_like()).collect::<Vec<_>>();
        let adaptive = matches!(course.optimizer, Optimizer::Adam | Optimizer::Adamw);
        Self {
            optimizer: course.optimizer,
            momentum: course.momentum,
            weight_decay: course.weight_decay,
            first: if adaptive || course.momentum > 0.0 { zeros() } else { Vec::new() },
            second: if adaptive { zeros() } else { Vec::new() },
            steps: 0,
        }
    }

    /// Moves the parameters against their gradients by a step of size `rate`.
    pub(crate) fn step(&mut self, parameters: &mut [Tensor], gradients: &[Tensor], rate: f64) -> Result<()> {
        self.steps += 1;
        tch::no_grad(|| {
            for (i, (parameter, gradient)) in parameters.iter_mut().zip(gradients).enumerate() {
                match self.optimizer {
                    Optimizer::Adam | Optimizer::Adamw => self.adaptive(i, parameter, gradient, rate)?,
                    _ => self.descend(i, parameter, gradient, rate)?,
                }
            }
            Ok(())
        })
        .map_err(from_torch)
    }

    /// The gradient of the loss and of the L2 penalty.
    fn with_penalty(&self, gradient: &Tensor, parameter: &Tensor) -> Result<Tensor, TchError> {
        if self.weight_decay > 0.0 {
            return gradient.f_add(&parameter.f_mul_scalar(self.weight_decay)?);
        }
        Ok(gradient.shallow_clone())
    }

    fn descend(
        &mut self,
        i: usize,
        parameter: &mut Tensor,
        gradient: &Tensor,
        rate: f64,
    ) -> Result<(), TchError> {
        let gradient = self.with_penalty(gradient, parameter)?;
        let Some(mean) = self.first.get_mut(i) else {
            add_scaled(parameter, &gradient, -rate)?;
            return Ok(());
        };
        // v ← μ v + g, with u = (1 − μ) v.
        let rest = 1.0 - self.momentum;
        let _ = mean.f_lerp_(&gradient, rest)?;
        if self.optimizer == Optimizer::Nesterov {
            add_scaled(parameter, &gradient, -rate)?;
            add_scaled(parameter, mean, -rate * self.momentum / rest)?;
        } else {
            add_scaled(parameter, mean, -rate / rest)?;
        }
        Ok(())
    }

    fn adaptive(
        &mut self,
        i: usize,
        parameter: &mut Tensor,
        gradient: &Tensor,
        rate: f64,
    ) -> Result<(), TchError> {
        let gradient = if self.optimizer == Optimizer::Adamw {
            if self.weight_decay > 0.0 {
                let _ = parameter.f_mul_scalar_(1.0 - rate * self.weight_decay)?;
            }
            gradient.shallow_clone()
        } else {
            self.with_penalty(gradient, parameter)?
        };
        let (mean, square) = (&mut self.first[i], &mut self.second[i]);
        let _ = mean.f_lerp_(&gradient, 1.0 - BETAS.0)?;
        let _ = square.f_lerp_(&gradient.f_square()?, 1.0 - BETAS.1)?;
        let corrected = |beta: f64| 1.0 - beta.powi(self.steps);
        let root = square.f_sqrt()?.f_div_scalar(corrected(BETAS.1).sqrt())?.f_add_scalar(EPSILON)?;
        let _ = parameter.f_addcdiv_(&mean.f_mul_scalar(-rate / corrected(BETAS.0))?, &root)?;
        Ok(())
    }
}

/// parameter ← parameter + factor · direction.
fn add_scaled(parameter: &mut Tensor, direction: &Tensor, factor: f64) -> Result<(), TchError> {
    let factor = Tensor::f_from_slice(&[factor as f32])?.f_to(direction.device())?;
    let _ = parameter.f_addcmul_(direction, &factor)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use paname_core::Recipe;
    use tch::{Kind, Reduction};

    use super::*;
    use crate::tensor::Lent;

    /// What PyTorch 2.11 gives; make.py beside the file asked it.
    fn golden(name: &str) -> Tensor {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let array =
            paname_data::read_array(&fixtures, &format!("golden.npz#{name}").parse().unwrap()).unwrap();
        Lent::new(&array).unwrap().copied().unwrap()
    }

    #[test]
    fn thirty_steps_are_those_of_pytorch() {
        let (x, y) = (golden("optimizer-x"), golden("optimizer-y"));
        for (name, optimizer, rate, momentum, weight_decay) in [
            ("sgd", Optimizer::Sgd, 0.3, Some(0.0), 0.0),
            ("momentum", Optimizer::Sgd, 0.1, Some(0.9), 0.0),
            ("nesterov", Optimizer::Nesterov, 0.1, Some(0.9), 0.0),
            ("decay", Optimizer::Sgd, 0.1, Some(0.9), 0.05),
            ("nesterov-decay", Optimizer::Nesterov, 0.1, Some(0.8), 0.05),
            ("adam", Optimizer::Adam, 0.05, None, 0.0),
            ("adam-decay", Optimizer::Adam, 0.05, None, 0.05),
            ("adamw", Optimizer::Adamw, 0.05, None, 0.05),
        ] {
            let recipe = Recipe {
                optimizer: Some(optimizer),
                momentum,
                weight_decay: Some(weight_decay),
                ..Recipe::default()
            };
            let start = ["weight", "bias"].map(|part| golden(&format!("optimizer-{part}")));
            let mut parameters: Vec<Tensor> = start.into_iter().map(|p| p.set_requires_grad(true)).collect();
            let mut stepper = Stepper::new(&Course::of(&recipe).unwrap(), &parameters);
            for step in 0..30 {
                let outputs = x.linear(&parameters[0], Some(&parameters[1]));
                let loss = outputs.cross_entropy_loss(&y, None::<Tensor>, Reduction::Mean, -100, 0.0);
                let gradients = Tensor::run_backward(&[loss], &parameters, false, false);
                let rate = rate * (1.0 - f64::from(step) / 60.0);
                stepper.step(&mut parameters, &gradients, rate).unwrap();
            }
            for (part, ours) in ["weight", "bias"].iter().zip(&parameters) {
                let theirs = golden(&format!("optimizer-{name}-{part}"));
                let difference = (ours - &theirs).abs().max().double_value(&[]);
                let largest = theirs.abs().max().double_value(&[]);
                assert!(difference <= 1e-5 * largest, "{name}, {part}: {difference} of {largest}");
            }
        }
    }

    #[test]
    fn smoothed_labels_are_those_of_pytorch() {
        let outputs =
            golden("optimizer-x").linear(&golden("optimizer-weight"), Some(&golden("optimizer-bias")));
        for smoothing in [0.0, 0.1] {
            let ours = outputs.cross_entropy_loss(
                &golden("optimizer-y"),
                None::<Tensor>,
                Reduction::Mean,
                -100,
                smoothing,
            );
            let theirs = golden(&format!("smoothing-{smoothing:?}"));
            assert!((ours - theirs).abs().to_kind(Kind::Double).double_value(&[]) < 1e-6, "{smoothing}");
        }
    }
}
