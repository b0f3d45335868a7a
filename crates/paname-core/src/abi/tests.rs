//! What a trusted but broken plugin may hand over: refused with one line, or harmless.

use proptest::prelude::*;

use super::*;
use crate::{Findings, Membership, Signal, SignalSource, TargetCard, Task, Tensor, Whom};

fn given(tensors: Vec<AbiTensor>, texts: &[&str], kind: u32) -> AbiFindings {
    AbiFindings { kind, tensors: tensors.into(), texts: texts.iter().map(|&text| text.into()).collect() }
}

fn numbers(values: &[f64]) -> AbiTensor {
    export::tensor(&Tensor::from_vec(values.to_vec(), &[values.len()]).unwrap())
}

fn integers(values: &[i64]) -> AbiTensor {
    export::tensor(&Tensor::from_vec(values.to_vec(), &[values.len()]).unwrap())
}

fn refusal(findings: AbiFindings) -> String {
    let message = import::findings(findings, 3).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn findings_are_counted_before_they_are_believed() {
    let none = || AbiTensor(ptr::null_mut());
    let single = || export::tensor(&Tensor::from_vec(vec![0.0_f32; 3], &[3]).unwrap());
    let square = || export::tensor(&Tensor::from_vec(vec![0.0_f64; 3], &[3, 1]).unwrap());
    for (findings, message) in [
        (given(vec![], &[], 0), "membership scores: expected a tensor, got none"),
        (given(vec![none()], &[], 0), "membership scores: expected a tensor, got none"),
        (given(vec![numbers(&[1.0, 2.0])], &[], 0), "membership scores: expected 3, got shape [2]"),
        (given(vec![square()], &[], 0), "membership scores: expected 3, got shape [3, 1]"),
        (given(vec![single()], &[], 0), "tensor type: expected F64, got F32"),
        (given(vec![], &[], 9), "not supported: findings of kind 9"),
        (given(vec![], &[], 1), "scores of candidates: expected a tensor, got none"),
        (given(vec![integers(&[3])], &[], 1), "tensor type: expected F64, got I64"),
        (
            given(vec![integers(&[-1]), integers(&[0]), integers(&[0]), numbers(&[0.5])], &[], 2),
            "class of a reconstruction: expected a number below 4294967295, got -1",
        ),
        (
            given(
                vec![integers(&[1]), integers(&[0]), integers(&[9]), numbers(&[0.5]), numbers(&[1.0])],
                &[],
                2,
            ),
            "ending of a reconstruction: expected a number below 5, got 9",
        ),
        (
            given(vec![integers(&[1]), integers(&[0, 0]), integers(&[0]), numbers(&[0.5])], &[], 2),
            "starts of reconstructions: expected 1, got shape [2]",
        ),
        (
            given(
                vec![
                    integers(&[1, 2]),
                    integers(&[0, 0]),
                    integers(&[0, 0]),
                    numbers(&[0.5, 0.5]),
                    numbers(&[1.0]),
                ],
                &[],
                2,
            ),
            "reconstruction: expected a tensor, got none",
        ),
        (given(vec![numbers(&[1.0])], &[], 3), "scores of extractions: expected 0, got shape [1]"),
        (given(vec![], &[], 4), "numbers of groups: expected a tensor, got none"),
        (given(vec![single()], &[], 4), "tensor type: expected F64, got F32"),
    ] {
        assert_eq!(refusal(findings), message);
    }
}

/// The handle of a tensor that claims so many numbers, of which there is none: nobody may look.
fn claimed(count: i64) -> AbiTensor {
    use dlpack::{DlDevice, DlTensor, DlType};
    let tensor = DlTensor {
        data: ptr::NonNull::<f64>::dangling().as_ptr().cast(),
        device: DlDevice { kind: 1, id: 0 },
        ndim: 1,
        dtype: DlType { code: 2, bits: 64, lanes: 1 },
        shape: Box::leak(Box::new(count)),
        strides: ptr::null_mut(),
        byte_offset: 0,
    };
    let managed = DlManaged { major: 1, minor: 2, manager: ptr::null_mut(), deleter: None, flags: 0, tensor };
    AbiTensor(Box::leak(Box::new(managed)))
}

#[test]
fn findings_that_are_too_large_are_refused_before_they_are_read() {
    let most = "at most 67108864, got shape [67108865]";
    let many = || claimed((1 << 26) + 1);
    assert_eq!(refusal(given(vec![many()], &["a"], 1)), format!("scores of candidates: expected {most}"));
    assert_eq!(refusal(given(vec![many()], &[], 2)), format!("classes of reconstructions: expected {most}"));
    assert_eq!(refusal(given(vec![many()], &[], 0)), "membership scores: expected 3, got shape [67108865]");
    let needs = |signals: usize| AbiNeeds {
        signals: (0..signals).map(|_| AbiSignal { code: 0, parameter: 0 }).collect(),
        access: 0,
        references_min: 0,
        references_max: 0,
        in_min: 0,
        out_min: 0,
        own_records: false,
        classes: false,
        texts: false,
        population_min: 0,
        fits: 0,
        generator: ROption::RNone,
        queries: 0,
        queries_per_class: 0,
        queries_per_record: 0,
        queries_per_population_record: 0,
        group_size: 0,
        group_shares: false,
    };
    let message = import::needs(needs(4097)).unwrap_err().to_string();
    assert_eq!(message, "signals of an attack: expected at most 4096, got 4097");
}

#[test]
fn a_text_of_a_plugin_stays_on_its_line() {
    let crossed = AbiError {
        code: 6,
        message: "x".into(),
        parts: vec![RString::from("a\nb\u{1b}[31m"), RString::from("c\r\nd")].into(),
    };
    let error = import::received::<()>(RErr(crossed)).unwrap_err();
    assert_eq!(error.to_string(), "a b [31m: c  d");
    let unknown = AbiError { code: 999, message: "of tomorrow\n".into(), parts: RVec::new() };
    assert_eq!(import::received::<()>(RErr(unknown)), Err(Error::Other("of tomorrow ".into())));
}

#[test]
fn what_is_wrong_with_an_answer_is_told_on_one_line() {
    let attack = serde_json::json!({ "attacks": [{ "name": "a", "version": 1, "family": "of\nnobody" }] });
    let message = import::described(attack).err().unwrap().to_string();
    assert!(message.contains("of nobody") && !message.contains('\n'), "{message}");
    let recipe = import::json::<crate::Recipe>(r#"{"a\nb": 1}"#).unwrap_err().to_string();
    assert!(recipe.contains("a b") && !recipe.contains('\n'), "{recipe}");
    // A layer's name comes from the model, and checks repeat it.
    let layer = |tensor| {
        let activations = vec![AbiNamed { name: "deep\n\u{1b}[31m".into(), tensor }].into();
        let more = AbiMoreOutputs { tensors: RVec::new(), activations, text: RVec::new() };
        let first = AbiAnswer { bit: 0, tensor: AbiTensor(ptr::null_mut()) };
        import::outputs(AbiOutputs { first, more: ROption::RSome(RBox::new(more)) })
    };
    let missing = layer(AbiTensor(ptr::null_mut())).unwrap_err().to_string();
    assert_eq!(missing, "deep  [31m: expected a tensor, got none");
    let short = layer(numbers(&[1.0])).unwrap().check_rows(2).unwrap_err().to_string();
    assert_eq!(short, "answered deep  [31m: expected one row for each of 2 questions, got shape [1]");
}

#[test]
fn every_error_crosses_as_what_it_is() {
    for error in [
        Error::Denied(crate::Access::LEAVES | crate::Access::LOSS),
        Error::Budget { asked: 3, left: 1 },
        Error::Config("c".into()),
        Error::Missing { what: "w".into(), needed: 3, got: 1 },
        Error::mismatch("w", 1, 2),
        Error::data("p", "q"),
        Error::Cancelled,
        Error::Panic("p".into()),
        Error::Unsupported("u".into()),
        Error::caused("opening", &std::io::Error::other("no\u{a0}room")),
        Error::Other("o".into()),
    ] {
        assert_eq!(import::received::<()>(RErr(export::error(&error))), Err(error));
    }
}

#[test]
fn shared_numbers_are_freed_once_and_bad_addresses_refused() {
    let own: Shared<u32> = vec![1, 2, 3].into();
    let there = AbiShared::of(&own).into_shared("numbers").unwrap();
    let back = AbiShared::of(&there).into_shared("numbers").unwrap();
    assert_eq!((&there[..], &back[..], there.as_ptr()), (&[1, 2, 3][..], &[1, 2, 3][..], own.as_ptr()));
    assert_eq!(Arc::strong_count(own.own().unwrap()), 3, "one for each value, wherever it is");
    drop(there);
    assert_eq!(back.clone()[2], 3);
    drop(back);
    assert_eq!(Arc::strong_count(own.own().unwrap()), 1);
    for (data, length) in [
        (ptr::null(), 3),
        (ptr::without_provenance(2), 1),
        (own.as_ptr(), usize::MAX / 2),
        (own.as_ptr(), usize::MAX),
    ] {
        let bad = AbiShared { data, length, owner: ptr::null(), retain: nothing, release: nothing };
        let message = bad.into_shared("numbers").unwrap_err().to_string();
        assert_eq!(message, format!("numbers: expected numbers in memory, got {length} at a bad address"));
    }
}

#[test]
fn a_misaligned_handle_is_refused() {
    let handle = AbiTensor(ptr::without_provenance_mut(3));
    let message = import::optional(handle, "answer").unwrap_err().to_string();
    assert_eq!(message, "answer: expected a tensor, got a misaligned handle");
}

struct Nothing(TargetCard);

impl crate::Target for Nothing {
    fn card(&self) -> &TargetCard {
        &self.0
    }
}

struct Silence;

impl SignalSource for Silence {
    fn models(&self) -> usize {
        2
    }

    fn augmentations(&self) -> usize {
        1
    }

    fn read(&self, _: Signal, _: Whom, _: std::ops::Range<usize>, _: &mut [f32]) -> Result<()> {
        Ok(())
    }
}

fn attribute() -> AbiAttribute {
    let known = || export::tensor(&Tensor::from_vec(vec![0.0_f32; 3], &[3, 1]).unwrap());
    AbiAttribute {
        name: "sex".into(),
        scale: 0,
        candidates: ["a", "b"].map(RString::from).into_iter().collect(),
        population: AbiShared::none(),
        audited_known: known(),
        population_known: known(),
        imputed: AbiTensor(ptr::null_mut()),
    }
}

/// What becomes of a case of one target, one reference model and three records after `bend`.
fn bent_case(bend: impl FnOnce(&mut AbiCase<'_>)) -> String {
    let (target, reference) = (Nothing(TargetCard::default()), Nothing(TargetCard::default()));
    let cohort = |records: u32| crate::Cohort {
        ids: (0..records).collect(),
        labels: crate::Labels::Classes { values: (0..records).map(|_| 0).collect(), classes: 1 },
    };
    let case = crate::Case::new(crate::CaseParts {
        task: Task::Classification,
        granted: crate::Access::LOSS,
        target: &target,
        references: vec![&reference],
        audited: cohort(3),
        population: cohort(0),
        audited_membership: std::borrow::Cow::Owned(Membership::none(3, 1)),
        population_membership: std::borrow::Cow::Owned(Membership::none(0, 1)),
        signals: &Silence,
    });
    let case = case.unwrap();
    let outcome = export::with_case(&case, |mut crossing| {
        bend(&mut crossing);
        import::with_case(crossing, |case| {
            case.check_labels()?;
            Ok(())
        })
    });
    outcome.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_case_that_does_not_hold_together_is_refused() {
    assert_eq!(bent_case(|_| {}), "");
    for (bend, message) in [
        ((|case| case.models.clear()) as fn(&mut AbiCase<'_>), "case: expected a target, got none"),
        (
            |case| drop(case.models.pop()),
            "membership: expected one bit for each of 3 records and 0 models, got 3 words",
        ),
        (
            |case| case.columns = RSlice::from_slice(&[0, 2]),
            "columns of the models in the signals: expected 2 below 2, got [0, 2]",
        ),
        (
            |case| case.columns = RSlice::from_slice(&[0]),
            "columns of the models in the signals: expected 2 below 2, got [0]",
        ),
        (|case| case.task = 77, "not supported: task 77"),
        (
            |case| case.audited.ids = AbiShared::none(),
            "membership: expected one bit for each of 0 records and 1 models, got 3 words",
        ),
        (
            |case| case.audited.labels.classes = 0,
            "label 0 of audited records: expected a class below 0, got 0",
        ),
        (|case| case.audited.labels.kind = 5, "not supported: labels of kind 5"),
        (
            |case| case.audited.labels.values = AbiShared::none(),
            "labels of audited records: expected 3, got 0",
        ),
        (
            |case| case.groups = [vec![0_u32, 2].into(), vec![2].into()].iter().map(AbiShared::of).collect(),
            "place 2 in the groups: expected a number below 3 that stands nowhere else, got 2",
        ),
        (
            |case| case.attribute = ROption::RSome(AbiAttribute { scale: 9, ..attribute() }),
            "not supported: scale 9 of an attribute",
        ),
        (
            |case| case.attribute = ROption::RSome(attribute()),
            "attribute: expected a variant for each of at least 2 candidates, got 2 candidates and 1 variants",
        ),
    ] {
        assert_eq!(bent_case(bend), message);
    }
}

#[test]
fn names_of_rows_are_names() {
    for name in ["", "Lira", "a b", "é", &"x".repeat(65)] {
        let message = import::name(name).unwrap_err().to_string();
        assert!(message.len() < 200 && !message.contains('\n'), "{message}");
    }
    assert_eq!(import::name("a-1"), Ok("a-1"));
}

fn any_tensor() -> impl Strategy<Value = Option<Tensor>> {
    let shape = prop::collection::vec(0_usize..4, 0..3);
    (shape, 0..4_u8, any::<i64>(), any::<f64>()).prop_map(|(shape, kind, integer, number)| {
        let count = shape.iter().product();
        match kind {
            0 => Some(Tensor::from_vec(vec![integer; count], &shape).unwrap()),
            1 => Some(Tensor::from_vec(vec![number; count], &shape).unwrap()),
            2 => Some(Tensor::from_vec(vec![integer % 3; count], &shape).unwrap()),
            _ => None,
        }
    })
}

proptest! {
    /// Whatever tensors and texts come, findings are refused or consistent.
    #[test]
    fn no_findings_break_the_host(
        kind in 0_u32..6,
        tensors in prop::collection::vec(any_tensor(), 0..6),
        texts in prop::collection::vec("[a-z]{0,3}", 0..5),
        records in 0_usize..4,
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let tensors = tensors.iter().map(|tensor| tensor.as_ref().map_or(AbiTensor(ptr::null_mut()), export::tensor));
        match import::findings(given(tensors.collect(), &texts, kind), records) {
            Ok(Findings::Membership(scores)) => prop_assert_eq!(scores.len(), records),
            Ok(Findings::Extractions(all)) => prop_assert_eq!(all.len(), texts.len() / 2),
            Ok(_) | Err(_) => {}
        }
    }

    /// Codes of signals that do not exist are refused, and those that do come back.
    #[test]
    fn signals_are_known_or_refused(code in 0_u32..9, parameter in any::<u32>()) {
        if let Ok(signal) = import::signal(AbiSignal { code, parameter }) {
            let again = export::signal(signal);
            prop_assert_eq!(import::signal(again).unwrap(), signal);
        }
    }
}
