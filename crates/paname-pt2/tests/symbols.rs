//! Shapes of inputs are held against the program.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixtures has to stop")]

mod common;

use std::sync::LazyLock;

use common::{MODEL, Parts, path};
use paname_pt2::{Archive, Error, Size, SymbolId};
use proptest::prelude::*;
use serde_json::json;

static CLASSIFIER: LazyLock<Archive> = LazyLock::new(|| Archive::open(path("classifier")).unwrap());

fn said(shapes: &[&[u64]]) -> String {
    CLASSIFIER.program().bind(shapes).err().map_or("fits".to_owned(), |error| error.to_string())
}

#[test]
fn what_does_not_fit_is_said() {
    insta::assert_snapshot!(said(&[&[8, 1, 4, 4]]), @"fits");
    insta::assert_snapshot!(said(&[&[65, 1, 4, 4]]), @"input `x`, dimension 0: expected 2 to 64, got 65");
    insta::assert_snapshot!(said(&[&[1, 1, 4, 4]]), @"input `x`, dimension 0: expected 2 to 64, got 1");
    insta::assert_snapshot!(said(&[&[u64::MAX, 1, 4, 4]]), @"input `x`, dimension 0: expected 2 to 64, got 18446744073709551615");
    insta::assert_snapshot!(said(&[&[8, 3, 4, 4]]), @"input `x`, dimension 1: expected 1, got 3");
    insta::assert_snapshot!(said(&[&[8, 1, 4]]), @"input `x`: expected 4 dimensions, got 3");
    insta::assert_snapshot!(said(&[]), @"expected 1 input tensors, got 0");
}

#[test]
fn what_a_symbol_stands_for_is_known_afterwards() {
    let bindings = CLASSIFIER.program().bind(&[[8, 1, 4, 4]]).unwrap();
    assert_eq!(bindings.get(SymbolId(0)), Some(8));
    assert_eq!(bindings.get(SymbolId(99)), None);
    assert_eq!(bindings.size(Size::Symbol(SymbolId(0))), Some(8));
    assert_eq!(bindings.size(Size::Known(3)), Some(3));
    assert_eq!(bindings.size(Size::Unknown), None);
}

#[test]
fn a_symbol_is_one_size_and_expressions_are_any() {
    let archive = Parts::of("classifier")
        .edit(MODEL, |model| {
            let sizes = &mut model["graph_module"]["graph"]["tensor_values"]["x"]["sizes"];
            sizes[2] = sizes[0].clone();
            sizes[3]["as_expr"] = json!({"expr_str": "2*s77 + 1"});
            sizes[3].as_object_mut().unwrap().remove("as_int");
        })
        .read()
        .unwrap();
    let program = archive.program();
    assert!(program.bind(&[[8, 1, 8, 99]]).is_ok());
    let error = program.bind(&[[8, 1, 9, 99]]).unwrap_err();
    let Error::Size { dimension: 2, got: 9, expected, .. } = &error else { panic!("{error}") };
    assert!(expected.starts_with("8, as elsewhere for `s"), "{expected}");
}

proptest! {
    #[test]
    fn only_what_was_exported_fits(shape in prop::collection::vec(prop_oneof![0..80_u64, 0..5_u64, any::<u64>()], 0..6)) {
        let fits = matches!(shape[..], [batch, 1, 4, 4] if (2..=64).contains(&batch));
        prop_assert_eq!(CLASSIFIER.program().bind(&[&shape]).is_ok(), fits);
    }

    #[test]
    fn a_batch_is_what_its_range_allows(least in 0..40_i64, width in 0..40_i64, batch in 0..100_u64) {
        let archive = Parts::of("classifier")
            .edit(MODEL, |model| {
                let ranges = model["range_constraints"].as_object_mut().unwrap();
                *ranges.values_mut().next().unwrap() = json!({"min_val": least, "max_val": least + width});
            })
            .read()
            .unwrap();
        let fits = (least as u64..=(least + width) as u64).contains(&batch);
        prop_assert_eq!(archive.program().bind(&[[batch, 1, 4, 4]]).is_ok(), fits);
    }
}
