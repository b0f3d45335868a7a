use std::fmt::Debug;

use proptest::prelude::*;

use super::*;
use crate::Membership;

/// The one that probabilities do not give.
const TAYLOR: Signal = Signal::TaylorLogProbability { temperature: 2.0 };

/// Every signal over class scores, with ranks and temperatures besides the plain ones.
const SIGNALS: [Signal; 12] = [
    Signal::ScaledConfidence,
    Signal::Loss,
    Signal::LogProbability { temperature: 1.0 },
    Signal::LogProbability { temperature: 2.5 },
    TAYLOR,
    Signal::Entropy,
    Signal::ModifiedEntropy,
    Signal::Margin,
    Signal::TopProbability { rank: 0 },
    Signal::TopProbability { rank: 1 },
    Signal::LogDensity,
    Signal::AssignmentConfidence,
];

/// The textbook formulas in double precision, from the log-odds of each class.
fn reference(signal: Signal, z: &[f64], y: usize) -> f64 {
    let log_sum = |z: &mut dyn Iterator<Item = f64>| {
        let z: Vec<f64> = z.collect();
        let most = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + z.iter().map(|z| (z - most).exp()).sum::<f64>().ln()
    };
    let others = |j: usize| log_sum(&mut z.iter().enumerate().filter(move |(k, _)| *k != j).map(|(_, &z)| z));
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let log_p = |j: usize| -softplus(others(j) - z[j]);
    let log_not_p = |j: usize| -softplus(z[j] - others(j));
    match signal {
        Signal::ScaledConfidence => z[y] - others(y),
        Signal::Loss => -log_p(y),
        Signal::LogProbability { temperature } => {
            let cooler: Vec<f64> = z.iter().map(|z| z / f64::from(temperature)).collect();
            -reference(Signal::Loss, &cooler, y)
        }
        Signal::TaylorLogProbability { temperature } => {
            let e = |x: f64| 1.0 + x + x.powi(2) / 2.0 + x.powi(3) / 6.0 + x.powi(4) / 24.0;
            let cooler: Vec<f64> = z.iter().map(|z| z / f64::from(temperature)).collect();
            let own = e(cooler[y] - 0.6);
            let others: f64 = (0..z.len()).filter(|&j| j != y).map(|j| e(cooler[j])).sum();
            -(others / own).ln_1p()
        }
        Signal::Entropy => (0..z.len()).map(|j| -log_p(j).exp() * log_p(j)).sum(),
        Signal::ModifiedEntropy => {
            let others =
                (0..z.len()).filter(|&j| j != y).map(|j| -log_p(j).exp() * log_not_p(j)).sum::<f64>();
            others - log_not_p(y).exp() * log_p(y)
        }
        Signal::Margin => {
            z[y] - (0..z.len()).filter(|&j| j != y).map(|j| z[j]).fold(f64::NEG_INFINITY, f64::max)
        }
        Signal::TopProbability { rank } => {
            let mut p: Vec<f64> = (0..z.len()).map(|j| log_p(j).exp()).collect();
            p.sort_by(|a, b| b.total_cmp(a));
            p[rank as usize]
        }
        Signal::LogDensity => log_p(y),
        Signal::AssignmentConfidence => {
            (0..z.len()).map(|j| z[j] - others(j)).fold(f64::NEG_INFINITY, f64::max)
        }
        other => panic!("{other} is no signal of classes"),
    }
}

fn logits(values: Vec<f32>, classes: usize) -> Outputs {
    let records = values.len() / classes;
    Outputs { logits: Some(Tensor::from_vec(values, &[records, classes]).unwrap()), ..Outputs::default() }
}

fn probabilities(values: Vec<f32>, classes: usize) -> Outputs {
    let records = values.len() / classes;
    Outputs {
        probabilities: Some(Tensor::from_vec(values, &[records, classes]).unwrap()),
        ..Outputs::default()
    }
}

fn losses<T: crate::Element>(values: Vec<T>) -> Outputs {
    let records = values.len();
    Outputs { loss: Some(Tensor::from_vec(values, &[records]).unwrap()), ..Outputs::default() }
}

fn signals(signal: Signal, answers: &Outputs, labels: &[u32]) -> Result<Vec<f32>> {
    let mut out = vec![f32::NAN; labels.len()];
    write_signal(signal, answers, Some(labels), &mut out, 1)?;
    Ok(out)
}

fn assert_close(got: f32, expected: f64, tolerance: f64, what: &dyn Debug) {
    let error = (f64::from(got) - expected).abs();
    assert!(error <= tolerance, "{what:?}: {got} instead of {expected}, off by {error:e}");
}

/// Rows of logits at a scale, and a class for each.
fn rows() -> impl Strategy<Value = (Vec<f32>, Vec<u32>, usize)> {
    (2..40_usize, 1..70_usize, prop::sample::select(vec![0.01_f32, 1.0, 10.0, 60.0, 300.0])).prop_flat_map(
        |(classes, records, scale)| {
            (
                prop::collection::vec(-scale..scale, classes * records),
                prop::collection::vec(0..classes as u32, records),
                Just(classes),
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// 2e−6 of the largest number that enters the formula: the spread of the logits for differences, the value itself for losses and entropies.
    #[test]
    fn signals_of_logits_are_accurate((values, labels, classes) in rows()) {
        let answers = logits(values.clone(), classes);
        for signal in SIGNALS {
            let got = signals(signal, &answers, &labels).unwrap();
            for (r, row) in values.chunks(classes).enumerate() {
                let z: Vec<f64> = row.iter().map(|&z| f64::from(z)).collect();
                let expected = reference(signal, &z, labels[r] as usize);
                let spread = (z.iter().copied().fold(f64::MIN, f64::max) - z.iter().copied().fold(f64::MAX, f64::min)).max(1.0);
                // Differences of logits, and what is exponential in them, inherit the rounding of the inputs' size.
                let size = match signal {
                    Signal::ScaledConfidence | Signal::Margin | Signal::AssignmentConfidence => spread,
                    // The stated limit on ln(1 − p_j).
                    Signal::ModifiedEntropy if spread > 65.0 => continue,
                    _ => spread * expected.abs() + 1e-26,
                };
                assert_close(got[r], expected, 2e-6 * size, &(signal, row, labels[r]));
            }
        }
    }

    #[test]
    fn probabilities_give_the_signals_of_their_logarithms((values, labels, classes) in rows()) {
        let mut p = values;
        for row in p.chunks_mut(classes) {
            let most = row.iter().copied().fold(f32::MIN, f32::max);
            for z in row.iter_mut() {
                *z = (*z - most).max(-50.0).exp();
            }
            let sum: f32 = row.iter().sum();
            for p in row.iter_mut() {
                *p /= sum;
            }
        }
        let answers = probabilities(p.clone(), classes);
        for signal in SIGNALS.into_iter().filter(|signal| *signal != TAYLOR) {
            let got = signals(signal, &answers, &labels).unwrap();
            for (r, row) in p.chunks(classes).enumerate() {
                let z: Vec<f64> = row.iter().map(|&p| f64::from(p).ln()).collect();
                let expected = reference(signal, &z, labels[r] as usize);
                let size = match signal {
                    Signal::ScaledConfidence | Signal::Margin | Signal::AssignmentConfidence => 50.0,
                    _ => 50.0 * expected.abs() + 1e-26,
                };
                assert_close(got[r], expected, 2e-6 * size, &(signal, row, labels[r]));
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn both_builds_give_the_same_bits((values, labels, classes) in rows()) {
        if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
            return Ok(());
        }
        let answers = logits(values, classes);
        for signal in SIGNALS {
            let batch = Batch::new(signal, &answers, Some(&labels)).unwrap();
            let (mut plain, mut fast) = (vec![0.0_f32; labels.len()], vec![0.0_f32; labels.len()]);
            prop_assert_eq!(write_tiles(&batch, &mut plain, 1, turn), Ok(()));
            prop_assert_eq!(dispatch(&batch, &mut fast, 1), Ok(()));
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
            prop_assert_eq!(bits(&plain), bits(&fast), "{}", signal);
        }
    }

    #[test]
    fn a_record_does_not_depend_on_its_neighbours((values, labels, classes) in rows()) {
        let answers = logits(values.clone(), classes);
        for signal in SIGNALS {
            let together = signals(signal, &answers, &labels).unwrap();
            let last = labels.len() - 1;
            let alone = signals(signal, &logits(values[last * classes..].to_vec(), classes), &labels[last..]).unwrap();
            prop_assert_eq!(together[last].to_bits(), alone[0].to_bits());
        }
    }

    #[test]
    fn losses_give_what_follows_from_the_true_class_alone(loss in prop_oneof![0.0..90_f32, 1e-30..1e-2_f32, 0.3..0.8_f32]) {
        let exact = f64::from(loss);
        let expected = |signal| match signal {
            Signal::ScaledConfidence => -exact - (-(-exact).exp_m1()).ln(),
            Signal::Loss => exact,
            _ => -exact,
        };
        for signal in [Signal::ScaledConfidence, Signal::Loss, Signal::LogProbability { temperature: 1.0 }] {
            let got = signals(signal, &losses(vec![loss]), &[0]).unwrap()[0];
            assert_close(got, expected(signal), 2e-6 * expected(signal).abs().max(1.0), &(signal, loss));
        }
    }

    /// Any number of values, so that the last block is filled up, and values so far apart that most of them are nothing.
    #[test]
    fn log_mean_exp_is_accurate_and_of_one_kind(
        (scale, values) in prop::sample::select(vec![1e-3_f32, 1.0, 30.0, 1e6, 3e38])
            .prop_flat_map(|scale| (Just(scale), prop::collection::vec(-scale..=0.0, 1..150))),
    ) {
        let most = f64::from(values.iter().copied().fold(f32::MIN, f32::max));
        let mean = values.iter().map(|&v| (f64::from(v) - most).exp()).sum::<f64>() / values.len() as f64;
        let got = log_mean_exp(&values);
        prop_assert!((got - (most + mean.ln())).abs() <= 2e-7 * f64::from(scale).max(1.0), "{} {}", got, most + mean.ln());
        prop_assert_eq!(got.to_bits(), mean::log_mean_exp_plain(&values).to_bits());
    }

    /// Any number of models, so that the last block is filled up, and any share of them fitted with the record.
    #[test]
    fn spreads_are_accurate_and_of_one_kind(
        models in prop_oneof![1..20_usize, 60..200_usize].prop_flat_map(|n| prop::collection::vec((-30.0..30.0_f32, any::<bool>()), n)),
    ) {
        let mut members = Membership::none(2, models.len());
        // The other record's row must not be taken for this one's.
        (0..models.len()).for_each(|m| members.insert(0, m));
        for (m, _) in models.iter().enumerate().filter(|(_, (_, inside))| *inside) {
            members.insert(1, m);
        }
        let values: Vec<f32> = models.iter().map(|(value, _)| *value).collect();
        let got = spreads(&values, members.row(1));
        prop_assert_eq!(got, spread::spreads_plain(&values, members.row(1)));
        for (spread, side) in got.into_iter().zip([false, true]) {
            let values: Vec<f64> = models.iter().filter(|(_, inside)| *inside == side).map(|(v, _)| f64::from(*v)).collect();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count.max(1.0);
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count.max(1.0);
            prop_assert_eq!(spread.count, count);
            prop_assert!((spread.mean - mean).abs() < 1e-12 && (spread.variance - variance).abs() < 1e-10, "{:?}", spread);
        }
    }

    /// 2 units in the last place, measured against double precision.
    #[test]
    fn elementary_functions_are_accurate(x in prop_oneof![-87.0..0.0_f32, -1.0..0.0_f32, -1e-3..0.0_f32], log in -87.0..88.0_f32) {
        let exact = f64::from(x);
        let unit = f64::from(f32::EPSILON);
        assert_close(exp(x), exact.exp(), 1.5 * unit * exact.exp(), &("exp", x));
        assert_close(one_minus_exp(x), -exact.exp_m1(), 1.5 * unit * exact.exp_m1().abs(), &("one_minus_exp", x));
        assert_close(ln_1p(-x), (-exact).ln_1p(), 2.0 * unit * (-exact).ln_1p(), &("ln_1p", -x));
        for y in [log.exp(), 1.0 - x, 1.0 / (1.0 - x)] {
            let exact = f64::from(y).ln();
            assert_close(ln(y), exact, 1.5 * unit * exact.abs() + 1e-30, &("ln", y));
        }
    }
}

#[test]
fn log_mean_exp_of_few_values() {
    assert_eq!(log_mean_exp(&[]), f64::NEG_INFINITY);
    assert_eq!(log_mean_exp(&[-3.5]), -3.5);
    assert_eq!(log_mean_exp(&[f32::MAX, f32::MIN]), f64::from(f32::MAX) + 0.5_f64.ln());
    assert_eq!(log_mean_exp(&[-1000.0; 97]), -1000.0);
}

/// Log-odds of a million against one and of one against a million, worked by hand: the scaled confidence stays exact where 1 − p is lost.
#[test]
fn sure_models_do_not_saturate() {
    let answers = logits(vec![500.0, -500.0, 0.0, 30.0, 0.0, -1e30], 3);
    let labels = [0, 0];
    let scaled = signals(Signal::ScaledConfidence, &answers, &labels).unwrap();
    assert_eq!(scaled, [500.0, 30.0]);
    let loss = signals(Signal::Loss, &answers, &labels).unwrap();
    assert_close(loss[1], 9.357_622_968_839_299e-14, 1e-19, &"e^-30");
    let entropy = signals(Signal::Entropy, &answers, &labels).unwrap();
    // (1 + 30) e^−30 to first order.
    assert_close(entropy[1], 2.900_863_1e-12, 1e-17, &"31 e^-30");
    let modified = signals(Signal::ModifiedEntropy, &logits(vec![0.0, 30.0], 2), &[0]).unwrap();
    // The model is sure and wrong: 30 from each of the two terms.
    assert_close(modified[0], 60.0, 1e-4, &"sure and wrong");
}

#[test]
fn extreme_answers_give_finite_signals() {
    let most = f32::MAX;
    let cases = [
        logits(vec![most, -most, -most], 3),
        logits(vec![-most, most, most], 3),
        logits(vec![-most, -most, -most], 3),
        probabilities(vec![1.0, 0.0, 0.0], 3),
        probabilities(vec![0.0, 1.0, 0.0], 3),
        probabilities(vec![0.0, 0.0, 1.0 + ROUNDING], 3),
    ];
    for answers in &cases {
        for signal in SIGNALS.into_iter().chain([Signal::LogProbability { temperature: f32::MIN_POSITIVE }]) {
            // Of a polynomial there is no probability without the logits.
            let known = signal != TAYLOR || answers.logits.is_some();
            for label in (0..3).filter(|_| known) {
                let value = signals(signal, answers, &[label]).unwrap()[0];
                assert!(value.is_finite(), "{signal} of class {label} of {answers:?}: {value}");
            }
        }
    }
    assert_eq!(signals(Signal::ScaledConfidence, &cases[0], &[0]).unwrap(), [most]);
    let floor = signals(Signal::ScaledConfidence, &probabilities(vec![1.0, 0.0], 2), &[0]).unwrap()[0];
    assert_close(floor, 87.336_544_75, 1e-5, &"-ln 2^-126");
    let certain = signals(Signal::ScaledConfidence, &losses(vec![0.0_f32]), &[0]).unwrap()[0];
    assert_close(certain, 87.336_544_75, 1e-5, &"-ln 2^-126");
}

/// A logit of −∞ is that of a probability of 0, and counts as the lowest finite one.
#[test]
fn a_class_may_be_impossible() {
    let (none, lowest) = (f32::NEG_INFINITY, f32::MIN);
    for label in 0..3 {
        for signal in SIGNALS {
            let of = |z: Vec<f32>| signals(signal, &logits(z, 3), &[label]).unwrap();
            let got = of(vec![none, 1.0, 2.0]);
            assert_eq!(got, of(vec![lowest, 1.0, 2.0]), "{signal} of class {label}");
            assert!(got[0].is_finite() && of(vec![none, none, 5.0])[0].is_finite());
        }
    }
    let confidence = |label| signals(Signal::ScaledConfidence, &logits(vec![none, 1.0, 2.0], 3), &[label]);
    assert_eq!(confidence(0).unwrap(), [f32::MIN]);
    assert_eq!(confidence(1).unwrap(), [-1.0]);
    let double = Tensor::from_vec(vec![f64::NEG_INFINITY, 1.0, 2.0], &[1, 3]).unwrap();
    let answers = Outputs { logits: Some(double), ..Outputs::default() };
    assert_eq!(signals(Signal::Margin, &answers, &[2]).unwrap(), [1.0]);
}

#[test]
fn every_floating_point_type_is_read() {
    let values = [1.5_f32, -0.25, 3.0, 0.5, 2.0, -8.0];
    let shape = [2, 3];
    let tensors = [
        Tensor::from_vec(values.to_vec(), &shape),
        Tensor::from_vec(values.map(f64::from).to_vec(), &shape),
        Tensor::from_vec(values.map(f16::from_f32).to_vec(), &shape),
        Tensor::from_vec(values.map(bf16::from_f32).to_vec(), &shape),
    ];
    let expected = signals(Signal::Loss, &logits(values.to_vec(), 3), &[2, 0]).unwrap();
    for tensor in tensors {
        let answers = Outputs { logits: Some(tensor.unwrap()), ..Outputs::default() };
        assert_eq!(signals(Signal::Loss, &answers, &[2, 0]).unwrap(), expected);
    }
}

#[test]
fn strides_leave_the_values_between_alone() {
    let answers = logits(vec![1.0, 0.0, 0.0, 1.0], 2);
    let mut out = [7.0; 4];
    write_signal(Signal::Margin, &answers, Some(&[0, 0]), &mut out, 3).unwrap();
    assert_eq!(out, [1.0, 7.0, 7.0, -1.0]);
    write_signal(Signal::Margin, &logits(Vec::new(), 2), Some(&[]), &mut [], 3).unwrap();
}

#[test]
fn many_classes() {
    let classes = 20_000;
    let row: Vec<f32> = (0..classes).map(|j| ((j * 7919) % classes) as f32 / 1000.0).collect();
    let z: Vec<f64> = row.iter().map(|&z| f64::from(z)).collect();
    let answers = logits(row, classes);
    for signal in [Signal::ScaledConfidence, Signal::Margin] {
        let got = signals(signal, &answers, &[19_999]).unwrap()[0];
        assert_close(got, reference(signal, &z, 19_999), 2e-5, &signal);
    }
}

/// Each term by hand, and the question that only logits answer.
#[test]
fn the_taylor_softmax_by_hand() {
    let got = signals(TAYLOR, &logits(vec![2.0, -2.0, 0.0], 3), &[0]).unwrap()[0];
    // e(2/2 − 0.6) = e(0.4), e(−1) = 0.375, e(0) = 1.
    let own = 1.0 + 0.4 + 0.08 + 0.064 / 6.0 + 0.0256 / 24.0;
    assert_close(got, f64::ln(own / (own + 1.375)), 1e-6, &"hand");
    let refused = message(TAYLOR, &probabilities(vec![0.5, 0.5], 2), Some(&[0]));
    assert_eq!(
        refused,
        "answers for the signal taylor-log-probability:2: expected logits, got probabilities"
    );
}

fn message(signal: Signal, answers: &Outputs, labels: Option<&[u32]>) -> String {
    write_signal(signal, answers, labels, &mut [0.0; 64], 1).unwrap_err().to_string()
}

#[test]
fn impossible_answers_are_named() {
    let mut values = vec![0.5_f32; 80];
    values[2 * 35 + 1] = f32::NAN;
    let labels = [0; 40];
    let loss = |answers: &Outputs| {
        let scores = answers.logits.as_ref().or(answers.probabilities.as_ref());
        let records = scores.map_or(0, Tensor::rows);
        message(Signal::Loss, answers, Some(&labels[..records]))
    };
    assert_eq!(
        loss(&logits(values.clone(), 2)),
        "logit of row 35, class 1: expected a number below +inf, got NaN"
    );
    assert_eq!(
        loss(&probabilities(values.clone(), 2)),
        "probability of row 35, class 1: expected a number from 0 to 1, got NaN"
    );
    values[2 * 35 + 1] = f32::INFINITY;
    assert_eq!(
        loss(&logits(values.clone(), 2)),
        "logit of row 35, class 1: expected a number below +inf, got inf"
    );
    values[2 * 35..2 * 36].fill(f32::NEG_INFINITY);
    assert_eq!(loss(&logits(values, 2)), "logits of row 35: expected a finite one among them, got -inf only");
    assert_eq!(
        loss(&probabilities(vec![1.25, -0.25], 2)),
        "probability of row 0, class 0: expected a number from 0 to 1, got 1.25"
    );
    assert_eq!(
        loss(&probabilities(vec![0.5, 0.5, 0.5, 0.25], 2)),
        "sum of the probabilities of row 1: expected 1 within 0.01, got 0.75"
    );
    assert_eq!(
        loss(&losses(vec![0.0_f32, -0.5])),
        "loss of row 1: expected a finite number of at least 0, got -0.5"
    );
    assert_eq!(
        loss(&losses(vec![f64::INFINITY])),
        "loss of row 0: expected a finite number of at least 0, got inf"
    );
}

#[test]
fn impossible_questions_are_named() {
    let two = logits(vec![0.0, 1.0, 2.0, 3.0], 2);
    assert_eq!(message(Signal::Loss, &two, Some(&[0, 2])), "class of row 1: expected below 2, got 2");
    assert_eq!(message(Signal::Loss, &two, Some(&[0])), "class labels: expected 2, got 1");
    assert_eq!(
        message(Signal::Margin, &two, None),
        "labels for the signal margin: expected class labels, got none"
    );
    assert_eq!(
        message(Signal::Loss, &logits(vec![0.0, 1.0], 1), Some(&[0, 0])),
        "answered scores: expected the shape [records, classes] with at least 2 classes, got [2, 1]"
    );
    assert_eq!(
        message(Signal::Entropy, &losses(vec![0.5_f32]), None),
        "answers for the signal entropy: expected logits or probabilities, got loss"
    );
    assert_eq!(
        message(Signal::TopProbability { rank: 2 }, &two, None),
        "rank of the signal: expected below 2, the number of classes, got 2"
    );
    for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let error = message(Signal::LogProbability { temperature }, &two, Some(&[0, 0]));
        assert!(error.starts_with("temperature of the signal: expected a positive number"), "{error}");
    }
    let whole =
        Outputs { logits: Some(Tensor::from_vec(vec![0_i32, 1], &[1, 2]).unwrap()), ..Outputs::default() };
    assert_eq!(message(Signal::Entropy, &whole, None), "answers: expected floating-point numbers, got I32");
    assert_eq!(message(Signal::Similarity, &two, None), "not supported: the signal similarity of classes");
    let error = write_signal(Signal::Entropy, &two, None, &mut [0.0; 3], 3).unwrap_err().to_string();
    assert_eq!(error, "signal buffer: expected 4 values, got 3");
}
