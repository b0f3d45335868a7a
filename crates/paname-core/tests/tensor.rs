//! Tensors: views, copies and what they refuse.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use half::{bf16, f16};
use paname_core::{Buffer, DType, Error, Tensor};
use proptest::prelude::*;

struct Bytes(Vec<u64>, usize);

impl Buffer for Bytes {
    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.0)[self.1..]
    }
}

fn buffer(bytes: usize, skip: usize) -> Arc<dyn Buffer> {
    Arc::new(Bytes(vec![0; bytes.div_ceil(8)], skip))
}

fn text<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn counting(shape: &[usize]) -> Tensor {
    let data = (0..shape.iter().product::<usize>()).map(|i| i as f32).collect();
    Tensor::from_vec(data, shape).unwrap()
}

#[test]
fn buffers_that_do_not_fit_are_refused() {
    assert_eq!(
        text(Tensor::from_buffer(buffer(64, 0), DType::F32, &[17], 0)),
        "tensor of shape [17]: expected 68 bytes, got 64 bytes"
    );
    assert_eq!(
        text(Tensor::from_buffer(buffer(64, 0), DType::F32, &[1], 1000)),
        "tensor of shape [1]: expected 4 bytes, got 0 bytes"
    );
    for shape in [
        &[usize::MAX, 2][..],
        &[usize::MAX / 4 + 1],
        &[1 << 40, 1 << 40],
        &[0, usize::MAX, 2],
        &[usize::MAX, 2, 0],
    ] {
        let error = text(Tensor::from_buffer(buffer(64, 0), DType::F32, shape, 0));
        assert!(error.contains("expected a size that fits in memory"), "{error}");
    }
    assert_eq!(
        text(Tensor::from_buffer(buffer(64, 0), DType::F32, &[0], usize::MAX)),
        "tensor of shape [0]: expected 0 bytes, got 0 bytes"
    );
    assert_eq!(
        text(Tensor::from_vec(vec![1_i32; 5], &[2, 3])),
        "tensor of shape [2, 3]: expected 24 bytes, got 20 bytes"
    );
}

#[test]
fn misaligned_data_is_refused_and_copied_data_is_aligned() {
    for (dtype, offset) in [(DType::F32, 2), (DType::F64, 4), (DType::F16, 1), (DType::I64, 12)] {
        let error = text(Tensor::from_buffer(buffer(64, 0), dtype, &[2], offset));
        assert_eq!(
            error,
            format!("tensor: expected alignment to {} bytes, got misaligned data", dtype.size())
        );
        // The base of the buffer counts as well as the offset.
        let error = text(Tensor::from_buffer(buffer(64, offset), dtype, &[2], 0));
        assert!(error.contains("misaligned"), "{error}");
    }
    assert!(Tensor::from_buffer(buffer(64, 0), DType::U8, &[3], 5).is_ok());
    let bytes = [0, 0, 0, 0x80, 0x3f];
    let copied = Tensor::from_bytes(&bytes[1..], DType::F32, &[1]).unwrap();
    assert_eq!(copied.as_slice::<f32>().unwrap(), [1.0]);
}

#[test]
fn a_slice_of_another_type_is_refused() {
    let tensor = counting(&[3]);
    assert_eq!(text(tensor.as_slice::<f64>()), "tensor type: expected F64, got F32");
    assert_eq!(text(tensor.as_slice::<i32>()), "tensor type: expected I32, got F32");
    let bools = Tensor::from_bools(vec![true, false], &[2]).unwrap();
    assert_eq!(text(bools.as_slice::<u8>()), "tensor type: expected U8, got Bool");
}

#[test]
fn conversions_keep_values_and_name_what_does_not_fit() {
    let halves = Tensor::from_vec([1.5, -2.0].map(f16::from_f32).to_vec(), &[2]).unwrap();
    assert_eq!(*halves.to_f32().unwrap(), [1.5, -2.0]);
    let brains = Tensor::from_vec([1.5, -2.0].map(bf16::from_f32).to_vec(), &[2]).unwrap();
    assert_eq!(brains.to_f64().unwrap(), [1.5, -2.0]);
    let wide = Tensor::from_vec(vec![i64::MAX, i64::MIN], &[2]).unwrap();
    assert_eq!(wide.to_i64().unwrap(), [i64::MAX, i64::MIN]);
    let fractions = Tensor::from_vec(vec![1.0, 2.5], &[2]).unwrap();
    assert_eq!(text(fractions.to_i64()), "element 1: expected a whole number, got 2.5");
    for impossible in [f64::NAN, f64::INFINITY, 1e300] {
        let error = text(Tensor::from_vec(vec![impossible], &[1]).unwrap().to_i64());
        assert!(error.starts_with("element 0: expected a whole number"), "{error}");
    }
    let numbers = Tensor::from_vec(vec![0_u8, 1, 2], &[3]).unwrap();
    assert_eq!(text(numbers.to_bools()), "element 2: expected 0 or 1, got 2");
    // Bytes other than 0 and 1 in a buffer that claims truth values.
    let hostile = Tensor::from_bytes(&[1, 7], DType::Bool, &[2]).unwrap();
    assert_eq!(text(hostile.to_bools()), "element 1: expected 0 or 1, got 7");
}

#[test]
fn views_share_memory() {
    let tensor = counting(&[4, 3]);
    let address = |tensor: &Tensor| tensor.bytes().unwrap().as_ptr() as usize;
    let base = address(&tensor);
    let slice = tensor.slice(1..3).unwrap();
    assert_eq!((slice.shape(), address(&slice)), (&[2, 3][..], base + 12));
    let again = slice.slice(1..2).unwrap();
    assert_eq!(again.as_slice::<f32>().unwrap(), [6.0, 7.0, 8.0]);
    let row = tensor.index(2).unwrap();
    assert_eq!((row.shape(), row.as_slice::<f32>().unwrap()), (&[3][..], &[6.0, 7.0, 8.0][..]));
    let gathered = tensor.gather(&[1, 2, 3]).unwrap();
    assert_eq!(address(&gathered), base + 12);
    assert_ne!(address(&tensor.gather(&[1, 3]).unwrap()), base + 12);
    assert_eq!(tensor.reshape(&[2, 6]).unwrap().index(1).unwrap().as_slice::<f32>().unwrap()[0], 6.0);
}

#[test]
fn ranges_outside_are_refused() {
    let tensor = counting(&[4, 3]);
    for range in [3..5, 5..5, std::ops::Range { start: 3, end: 2 }, 0..usize::MAX] {
        let error = text(tensor.slice(range.clone()));
        assert_eq!(error, format!("rows: expected a range within [4, 3], got {range:?}"));
    }
    for index in [4, usize::MAX] {
        assert!(text(tensor.index(index)).starts_with("rows: expected a range within"));
    }
    assert_eq!(text(tensor.gather(&[0, 4])), "rows: expected below 4, got 4");
    assert!(text(tensor.gather(&[3, 4])).starts_with("rows: expected a range within"));
    assert!(text(tensor.gather(&[u32::MAX, 0])).starts_with("rows: expected below 4"));
    let scalar = counting(&[]);
    assert!(text(scalar.gather(&[1, 0])).contains("a tensor with at least one axis"));
    assert!(text(scalar.slice(0..1)).starts_with("rows"));
    assert_eq!(text(tensor.reshape(&[5])), "shape: expected 12 elements, got [5]");
    assert!(text(counting(&[0]).reshape(&[0, usize::MAX, 2])).starts_with("shape"));
    assert!(text(tensor.reshape(&[usize::MAX, 2])).starts_with("shape: expected 12 elements"));
}

#[test]
fn empty_tensors_are_tensors() {
    for shape in [&[0][..], &[0, 3], &[3, 0]] {
        let empty = Tensor::from_vec(Vec::<f64>::new(), shape).unwrap();
        assert!(empty.is_empty());
        assert_eq!(empty.as_slice::<f64>().unwrap(), [0.0; 0]);
        assert_eq!(empty.gather(&[]).unwrap().rows(), 0);
    }
    let many = Tensor::from_vec(Vec::<f32>::new(), &[3, 0]).unwrap();
    assert_eq!(many.gather(&[2, 0]).unwrap().shape(), [2, 0]);
}

#[test]
fn debug_shows_no_data() {
    assert_eq!(format!("{:?}", counting(&[2, 2])), "Tensor(F32 [2, 2])");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gathering_is_picking_rows(width in 0..5_usize, picks in prop::collection::vec(0..6_u32, 0..12)) {
        let tensor = counting(&[6, width]);
        let gathered = tensor.gather(&picks).unwrap();
        let source = tensor.as_slice::<f32>().unwrap();
        let expected: Vec<f32> = picks
            .iter()
            .flat_map(|&row| &source[row as usize * width..(row as usize + 1) * width])
            .copied()
            .collect();
        prop_assert_eq!(gathered.shape(), [picks.len(), width]);
        prop_assert_eq!(gathered.as_slice::<f32>().unwrap(), expected);
    }
}
