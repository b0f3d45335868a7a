use proptest::prelude::*;

use super::*;

fn matrix(values: Vec<f64>, width: usize) -> Tensor {
    let records = values.len() / width;
    Tensor::from_vec(values, &[records, width]).unwrap()
}

fn losses(signal: Signal, losses: Vec<f64>) -> Result<Vec<f32>> {
    let mut out = vec![f32::NAN; losses.len()];
    let shape = [losses.len()];
    of_losses(signal, &Tensor::from_vec(losses, &shape)?, &mut out, 1)?;
    Ok(out)
}

fn values(signal: Signal, predicted: Vec<f64>, labels: Vec<f64>, width: usize) -> Result<Vec<f32>> {
    let mut out = vec![f32::NAN; labels.len() / width];
    of_values(signal, &matrix(predicted, width), &matrix(labels, width), &mut out, 1)?;
    Ok(out)
}

fn labels(signal: Signal, logits: Option<Vec<f64>>, p: Option<Vec<f64>>, y: &[f64]) -> Result<Vec<f32>> {
    let width = y.len();
    let answers = Outputs {
        logits: logits.map(|z| matrix(z, width)),
        probabilities: p.map(|p| matrix(p, width)),
        ..Outputs::default()
    };
    let mut out = vec![f32::NAN; 1];
    of_labels(signal, &answers, &matrix(y.to_vec(), width), &mut out, 1)?;
    Ok(out)
}

fn similarities(variants: &[Vec<f64>], width: usize) -> Result<Vec<f32>> {
    let answer =
        |values: &Vec<f64>| Outputs { embedding: Some(matrix(values.clone(), width)), ..Outputs::default() };
    let records = variants[0].len() / width;
    let mut out = vec![f32::NAN; records * variants.len()];
    of_representations(&variants.iter().map(answer).collect::<Vec<_>>(), &mut out, variants.len())?;
    Ok(out)
}

fn said<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    outcome.unwrap_err().to_string()
}

fn assert_close(got: f32, expected: f64) {
    assert!(
        (f64::from(got) - expected).abs() <= 1e-6 * (1.0 + expected.abs()),
        "{got} instead of {expected}"
    );
}

#[test]
fn losses_of_any_sign_are_read() {
    assert_eq!(losses(Signal::Loss, vec![-2.5, 0.0, 3.0]).unwrap(), [-2.5, 0.0, 3.0]);
    assert_eq!(losses(Signal::LogDensity, vec![-2.5, 3.0]).unwrap(), [2.5, -3.0]);
    let errors = losses(Signal::NegativeLogError, vec![4.0, 0.0]).unwrap();
    assert_close(errors[0], -(2.0_f64.ln()));
    assert_close(errors[1], 0.5 * MOST_ODDS);
    assert_eq!(
        said(losses(Signal::NegativeLogError, vec![1.0, -2.5])),
        "loss of row 1: expected at least 0; minus a log-density is read by the signal log-density, got -2.5"
    );
    for loss in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(
            said(losses(Signal::Loss, vec![loss])),
            format!("loss of row 0: expected a finite number, got {loss}")
        );
    }
    assert_eq!(
        losses(Signal::LogDensity, vec![1e300]).unwrap(),
        [f32::MIN],
        "ends where single precision does"
    );
    let wide = Tensor::from_vec(vec![1.0; 4], &[2, 2]).unwrap();
    let error = said(of_losses(Signal::Loss, &wide, &mut [0.0; 2], 1));
    assert_eq!(error, "answered losses: expected the shape [records], got [2, 2]");
}

/// Worked by hand for y = (3, 4), ŷ = (0, 0): ‖y − ŷ‖ = 5.
#[test]
fn errors_of_real_values() {
    let of = |signal| values(signal, vec![0.0, 0.0], vec![3.0, 4.0], 2).unwrap()[0];
    assert_close(of(Signal::NegativeLogError), -(5.0_f64.ln()));
    assert_close(of(Signal::Loss), 12.5);
    let two_pi = std::f64::consts::TAU;
    assert_close(
        of(Signal::GaussianLogDensity { scale: 2.0 }),
        -25.0 / 8.0 - 2.0 * 2.0_f64.ln() - two_pi.ln(),
    );
    // A perfect prediction is as good as the rounding of the true value, 2^−23 of it, and no better.
    let perfect = values(Signal::NegativeLogError, vec![8.0], vec![8.0], 1).unwrap()[0];
    assert_close(perfect, 20.0 * std::f64::consts::LN_2);
    assert_close(values(Signal::NegativeLogError, vec![0.0], vec![0.0], 1).unwrap()[0], MOST_ODDS);
    let far = values(Signal::NegativeLogError, vec![1e200], vec![-1e200], 1).unwrap()[0];
    assert_close(far, -(2e200_f64.ln()));
    for bad in [f64::NAN, f64::INFINITY] {
        let error = said(values(Signal::Loss, vec![0.0, 1.0], vec![1.0, bad], 1));
        assert_eq!(error, format!("true value of row 1: expected a finite number, got {bad}"));
        let error = said(values(Signal::Loss, vec![0.0, bad], vec![1.0, 1.0], 2));
        assert_eq!(
            error,
            format!("predicted value of row 0, element 1: expected a finite number, got {bad}")
        );
    }
    let error =
        said(of_values(Signal::Loss, &matrix(vec![0.0; 4], 2), &matrix(vec![0.0; 2], 1), &mut [0.0; 2], 1));
    assert_eq!(error, "predicted values: expected 1 for each of 2 records, got shape [2, 2]");
}

#[test]
fn several_labels_are_as_many_decisions() {
    let (z, y) = (vec![1.0, -2.0, 0.5], [1.0, 0.0, 0.0]);
    let of = |signal| labels(signal, Some(z.clone()), None, &y).unwrap()[0];
    assert_close(of(Signal::LabelConfidence), 1.0 + 2.0 - 0.5);
    let loss = (-1.0_f64).exp().ln_1p() + (-2.0_f64).exp().ln_1p() + 0.5_f64.exp().ln_1p();
    assert_close(of(Signal::Loss), loss);
    assert_close(of(Signal::LogDensity), -loss);
    let p: Vec<f64> = z.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
    assert!((p.iter().sum::<f64>() - 1.0).abs() > 0.3, "they need not sum to 1");
    let from_p = labels(Signal::LabelConfidence, None, Some(p), &y).unwrap()[0];
    assert_close(from_p, 2.5);
    // No positive label.
    assert_close(labels(Signal::LabelConfidence, Some(z.clone()), None, &[0.0; 3]).unwrap()[0], 0.5);
    // Sure decisions end where probabilities do that count as nothing.
    for (z, p) in [(f64::NEG_INFINITY, 0.0), (-1e30, 1e-300), (1e30, 1.0)] {
        let of_z = labels(Signal::LabelConfidence, Some(vec![z]), None, &[1.0]).unwrap();
        let of_p = labels(Signal::LabelConfidence, None, Some(vec![p]), &[1.0]).unwrap();
        assert_close(of_z[0], f64::from(of_p[0]));
        assert_close(of_z[0].abs(), MOST_ODDS);
    }
}

#[test]
fn impossible_labels_and_scores_are_named() {
    let of = |z: f64, y: f64| said(labels(Signal::LabelConfidence, Some(vec![0.0, z]), None, &[1.0, y]));
    assert_eq!(of(0.0, 2.0), "true value of row 0, label 1: expected 0 or 1, got 2");
    assert_eq!(of(0.0, f64::NAN), "true value of row 0, label 1: expected 0 or 1, got NaN");
    assert_eq!(of(f64::NAN, 1.0), "logit of row 0, label 1: expected a number below +inf, got NaN");
    assert_eq!(of(f64::INFINITY, 1.0), "logit of row 0, label 1: expected a number below +inf, got inf");
    for p in [1.1, -0.1, f64::NAN] {
        let error = said(labels(Signal::Loss, None, Some(vec![p]), &[1.0]));
        assert_eq!(error, format!("probability of row 0, label 0: expected a number from 0 to 1, got {p}"));
    }
    let error = said(labels(Signal::Loss, None, None, &[1.0]));
    assert_eq!(error, "answers for the signal loss: expected logits or probabilities, got nothing");
}

/// Two variants at right angles, a third between them.
#[test]
fn similarity_is_the_mean_cosine_with_the_other_variants() {
    let got = similarities(&[vec![1.0, 0.0], vec![0.0, 2.0], vec![3.0, 3.0]], 2).unwrap();
    let half = 0.5_f64.sqrt();
    for (got, expected) in got.iter().zip([half / 2.0, half / 2.0, half]) {
        assert_close(*got, expected);
    }
    // Length 0 is perpendicular to all; lengths beyond the squares of double precision are lengths like others.
    assert_eq!(similarities(&[vec![0.0, 0.0], vec![1.0, 0.0]], 2).unwrap(), [0.0, 0.0]);
    assert_eq!(similarities(&[vec![1e300, 0.0], vec![-1e-300, 0.0]], 2).unwrap(), [-1.0, -1.0]);
    let error = said(similarities(&[vec![1.0, 0.0]], 2));
    assert_eq!(error, "variants of each record for the signal similarity: 2 needed, 1 given");
    let error = said(similarities(&[vec![1.0, 0.0], vec![0.0, f64::NAN]], 2));
    assert_eq!(error, "representation of row 0: expected finite numbers, got NaN");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The density of a real value whose error has an unknown scale is the exponential of the negative log error, up to a constant: ratios of either,
    /// of one record under two models, are the same. Integrated over the scale by the trapezoidal rule in ln σ.
    #[test]
    fn errors_of_unknown_scale(a in 0.05_f64..20.0, b in 0.05_f64..20.0) {
        let density = |error: f64| -> f64 {
            (-2000..2000).map(|i| {
                let scale = (f64::from(i) * 0.01).exp();
                (-0.5 * (error / scale).powi(2)).exp() / scale
            }).sum()
        };
        let statistic = |error: f64| f64::from(values(Signal::NegativeLogError, vec![error], vec![0.0], 1).unwrap()[0]);
        let ratio = (density(a) / density(b)).ln();
        prop_assert!((statistic(a) - statistic(b) - ratio).abs() < 1e-5);
    }

    #[test]
    fn similarities_know_no_lengths(x in prop::collection::vec(-1.0_f64..1.0, 12), factor in 0.001_f64..1000.0) {
        let variants: Vec<Vec<f64>> = x.chunks(4).map(<[f64]>::to_vec).collect();
        let mut longer = variants.clone();
        longer[1].iter_mut().for_each(|value| *value *= factor);
        let (one, other) = (similarities(&variants, 2).unwrap(), similarities(&longer, 2).unwrap());
        for (a, b) in one.iter().zip(&other) {
            prop_assert!((a - b).abs() < 1e-6 && a.abs() <= 1.0);
        }
    }
}
