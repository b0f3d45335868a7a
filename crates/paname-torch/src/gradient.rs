//! Backward passes.

use paname_core::{Error, Result};
use tch::Tensor;

use crate::error::from_torch;

/// The gradient of one number with respect to each of some tensors. libtorch itself is not to be asked where no path leads to the number: it ends the process.
pub(crate) fn gradients(number: &Tensor, with: &[&Tensor], keep: bool) -> Result<Vec<Tensor>> {
    let none = || {
        Error::Other(
            "no gradient: the answers do not follow from these values by functions with a derivative".into(),
        )
    };
    if !number.requires_grad() {
        return Err(none());
    }
    let gradients = Tensor::f_run_backward(&[number], with, keep, false).map_err(from_torch)?;
    if gradients.iter().all(Tensor::defined) { Ok(gradients) } else { Err(none()) }
}

/// The same, zero for tensors that the number does not hang on; where `again` asks for it, itself differentiable.
pub(crate) fn differentiable(number: &Tensor, with: &[&Tensor], again: bool) -> Result<Vec<Tensor>> {
    if !number.requires_grad() {
        return with.iter().map(|tensor| tensor.f_zeros_like().map_err(from_torch)).collect();
    }
    let gradients = Tensor::f_run_backward(&[number], with, again, again).map_err(from_torch)?;
    let gradients = gradients.into_iter().zip(with);
    gradients
        .map(
            |(gradient, tensor)| {
                if gradient.defined() { Ok(gradient) } else { tensor.f_zeros_like().map_err(from_torch) }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_gradient_is_an_error() {
        let leaf = || Tensor::from_slice(&[1.0_f32, 2.0]).set_requires_grad(true);
        let (x, other) = (leaf(), leaf());
        let number = (&x * &x).sum(None::<tch::Kind>);
        let gradient: Vec<f32> =
            gradients(&number, &[&x], true).unwrap()[0].shallow_clone().try_into().unwrap();
        assert_eq!(gradient, [2.0, 4.0]);
        for (number, with) in [(number.detach(), &x), (number, &other), (Tensor::from(3.0_f32), &x)] {
            let error = gradients(&number, &[with], false).unwrap_err().to_string();
            assert!(error.starts_with("no gradient: "), "{error}");
        }
    }
}
