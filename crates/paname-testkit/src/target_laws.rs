//! The laws of targets, for the tests of adapters.

use paname_core::{
    ACCESS_NAMES, Access, Augmentation, DType, Error, Indices, Input, Outputs, Query, Target, Tensor, View,
};

/// Answers may differ by so much, relatively, between a batch and a record alone: matrix kernels depend on the shape.
const TOLERANCE: f64 = 1e-5;

/// Checks that a target opened by an adapter keeps its laws on a roster of `records` records (at least 3): what it offers it answers, with one
/// row per question; a record gets the same answer alone, in a batch, in any order and twice; each augmentation of its card is answered, the
/// next is refused; where it answers new inputs, those of records get the answers of the records; what it does not offer is denied; a number
/// outside the roster is an error.
///
/// # Panics
/// Where a law is broken, naming the target and the law.
pub fn check_target(target: &dyn Target, records: usize) {
    assert!(records >= 3, "the laws of targets take at least 3 records");
    let card = target.card();
    let name = &card.name;
    let offers = card.offers();
    assert!(card.augmentations >= 1, "{name}: a record itself counts as an augmentation");
    assert!(!card.fingerprint.is_empty(), "{name}: no fingerprint");
    for &(access, word) in ACCESS_NAMES {
        if !PER_RECORD.contains(access) {
            continue;
        }
        if !offers.contains(access) {
            let outcome = target.predict(&Query::records(vec![0], access));
            assert!(
                matches!(outcome, Err(Error::Denied(_))),
                "{name}: does not deny {word}, which it does not offer"
            );
            continue;
        }
        for a in 0..card.augmentations {
            same_rows(target, records, access, word, Augmentation(a));
        }
        let outside = target.predict(&Query::records(vec![records as u32], access));
        assert!(outside.is_err(), "{name}: answers {word} of a record outside the roster");
        if card.recorded {
            let input = Input::Records(vec![0].into(), Augmentation(card.augmentations));
            let next = target.predict(&Query { input, labels: None, want: access, layers: Vec::new() });
            assert!(next.is_err(), "{name}: answers an augmentation that it does not have");
        }
    }
    if offers.contains(Access::NEW_INPUTS) {
        inputs_are_what_the_model_is_given(target, records);
    }
    denies_the_rest(target, offers);
}

fn inputs_are_what_the_model_is_given(target: &dyn Target, records: usize) {
    let name = &target.card().name;
    // Backwards, and one of them twice.
    let ids: Indices = (0..records as u32).rev().chain([1]).collect();
    let inputs = match target.input(&ids) {
        Ok(inputs) => inputs,
        Err(error) => panic!("{name}: answers new inputs and does not tell those of records: {error}"),
    };
    assert!(
        matches!(inputs.dtype(), DType::F32 | DType::F64) && inputs.shape().first() == Some(&ids.len()),
        "{name}: inputs of {} records are {inputs:?}",
        ids.len()
    );
    assert!(
        target.input(&[records as u32].into()).is_err(),
        "{name}: tells the input of a record outside the roster"
    );
    let offers = target.card().offers();
    let wanted = [Access::LOGITS, Access::PROBABILITIES, Access::LABELS, Access::EMBEDDING];
    for access in wanted.into_iter().filter(|access| offers.contains(*access)) {
        let ask = |input: Input| {
            let query = Query { input, labels: None, want: access, layers: Vec::new() };
            let values = target.predict(&query).and_then(|answers| {
                answers.check_rows(query.len())?;
                field(&answers, access).ok_or(Error::Denied(access))?.to_f64()
            });
            match values {
                Ok(values) => values,
                Err(error) => panic!("{name}: does not answer {access} about {:?}: {error}", query.input),
            }
        };
        let known = ask(Input::Records(ids.clone(), Augmentation::default()));
        let same = |given: &[f64]| {
            given.len() == known.len()
                && given.iter().zip(&known).all(|(a, b)| (a - b).abs() <= TOLERANCE * (1.0 + b.abs()))
        };
        assert!(
            same(&ask(Input::Tensor(inputs.clone()))),
            "{name}: {access} differs when inputs are given instead of records"
        );
    }
}

/// What one question about records by number asks for.
const PER_RECORD: Access = Access::LABELS
    .union(Access::PROBABILITIES)
    .union(Access::LOGITS)
    .union(Access::LOSS)
    .union(Access::EMBEDDING)
    .union(Access::LEAVES)
    .union(Access::LAST_LAYER_GRADIENT);

fn same_rows(target: &dyn Target, records: usize, access: Access, word: &str, augmentation: Augmentation) {
    let name = &target.card().name;
    let ask = |ids: Vec<u32>| -> Vec<Vec<f64>> {
        let rows = ids.len();
        let input = Input::Records(ids.into(), augmentation);
        let answers = match target.predict(&Query { input, labels: None, want: access, layers: Vec::new() }) {
            Ok(answers) => answers,
            Err(error) => panic!("{name}: offers {word} and does not answer: {error}"),
        };
        let rows_of = answers.check_rows(rows).and_then(|()| {
            let tensor = field(&answers, access).ok_or(Error::Denied(access))?;
            let values = tensor.to_f64()?;
            let width = values.len() / rows;
            Ok((0..rows).map(|r| values[r * width..(r + 1) * width].to_vec()).collect())
        });
        match rows_of {
            Ok(rows) => rows,
            Err(error) => panic!("{name}: {word} is not one row per question: {error}"),
        }
    };
    let all: Vec<u32> = (0..records as u32).collect();
    let together = ask(all.clone());
    let compare = |what: &str, record: usize, row: &[f64]| {
        let expected = &together[record];
        let same = row.len() == expected.len()
            && row.iter().zip(expected).all(|(a, b)| (a - b).abs() <= TOLERANCE * (1.0 + b.abs()));
        assert!(same, "{name}: {word} of record {record} differs {what}");
    };
    for (i, row) in ask(all.iter().rev().copied().collect()).iter().enumerate() {
        compare("when the order is reversed", records - 1 - i, row);
    }
    for record in [0, records / 2, records - 1] {
        compare("when asked alone", record, &ask(vec![record as u32])[0]);
        for row in ask(vec![record as u32, record as u32]) {
            compare("when asked twice", record, &row);
        }
    }
}

fn field(answers: &Outputs, access: Access) -> Option<&Tensor> {
    match access {
        Access::LABELS => answers.labels.as_ref(),
        Access::PROBABILITIES => answers.probabilities.as_ref(),
        Access::LOGITS => answers.logits.as_ref(),
        Access::LOSS => answers.loss.as_ref(),
        Access::EMBEDDING => answers.embedding.as_ref(),
        Access::LEAVES => answers.leaves.as_ref(),
        Access::LAST_LAYER_GRADIENT => answers.last_layer_gradient.as_ref(),
        _ => None,
    }
}

fn denies_the_rest(target: &dyn Target, offers: Access) {
    let name = &target.card().name;
    let denied = |what: &str, access: Access, outcome: Option<Error>| {
        if !offers.contains(access) {
            let right = matches!(outcome, Some(Error::Denied(_)));
            assert!(right, "{name}: does not deny {what}, which it does not offer");
        }
    };
    denied("parameters", Access::PARAMETERS, target.parameters().err());
    let question = Query::records(vec![0], Access::LABELS);
    denied("input gradients", Access::INPUT_GRADIENT, target.vjp(&question).err());
    let gradient = target.view(View::ParameterGradient { layers: Vec::new() });
    denied("parameter gradients", Access::PARAMETER_GRADIENT, gradient.err());
    denied("new inputs", Access::NEW_INPUTS, target.input(&[0].into()).err());
    denied("activations", Access::ACTIVATIONS, target.view(View::From("layer".into())).err());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Behaviour, Silent, Size, Toy};
    use paname_core::{Result, TargetCard};

    #[test]
    fn toy_targets_are_lawful() {
        let size = Size { records: 6, population: 3, augmentations: 2, ..Size::default() };
        let toy = Toy::new(Behaviour::Leaky, size, 4);
        for target in toy.targets.iter().chain(&Toy::live(Behaviour::Leaky, size, 4).targets) {
            check_target(target.as_ref(), 9);
        }
    }

    /// Answers about the whole batch at once.
    struct Batchwise(TargetCard);

    impl Target for Batchwise {
        fn card(&self) -> &TargetCard {
            &self.0
        }

        fn predict(&self, query: &Query) -> Result<Outputs> {
            if query.want != Access::LOSS {
                return Err(Error::Denied(query.want));
            }
            let n = query.len();
            Ok(Outputs { loss: Some(Tensor::from_vec(vec![n as f32; n], &[n])?), ..Outputs::default() })
        }
    }

    #[test]
    fn lawless_targets_are_found_out() {
        let card = TargetCard {
            fingerprint: "0".into(),
            access: vec!["loss".into()],
            augmentations: 1,
            ..TargetCard::default()
        };
        let caught = std::panic::catch_unwind(|| check_target(&Batchwise(card), 3));
        let message = *caught.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("when asked alone"), "{message}");
        assert!(std::panic::catch_unwind(|| check_target(&Silent::default(), 3)).is_err());
    }
}
