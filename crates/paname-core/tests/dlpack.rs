//! Tensors that other libraries make and take, held against `dlpark`, and headers that nobody should believe.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(unsafe_code, reason = "tensors cross as raw pointers")]

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dlpark::allocation::dynamic::Initialized;
use dlpark::ffi::DLManagedTensorVersioned;
use dlpark::{DlpackElement, Managed};
use ndarray::{Array, Array2, arr2};
use paname_core::dlpack::{DlDevice, DlManaged, DlTensor, DlType, export, import};
use paname_core::{Buffer, DType, Device, Element, Memory, Tensor};
use proptest::prelude::*;

fn taken(tensor: &Tensor) -> Managed<DLManagedTensorVersioned> {
    // SAFETY: a tensor that was just exported for whoever takes it.
    unsafe { Managed::from_raw(export(tensor).as_ptr().cast()) }.unwrap()
}

fn given<T: Element + DlpackElement>(array: Array2<T>) -> Tensor {
    let initialized: Initialized<DLManagedTensorVersioned> = Box::new(array).try_into().unwrap();
    // SAFETY: the metadata are those of the array.
    let managed: Managed<DLManagedTensorVersioned> = unsafe { initialized.finish() };
    let raw = NonNull::new(managed.into_raw().cast::<DlManaged>()).unwrap();
    // SAFETY: dlpark has given the tensor up.
    unsafe { import(raw, "array") }.unwrap()
}

#[test]
fn another_library_reads_what_this_one_exports() {
    let tensor = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2]).unwrap();
    for (tensor, values) in [
        (tensor.clone(), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        (tensor.slice(1..3).unwrap(), vec![3.0, 4.0, 5.0, 6.0]),
    ] {
        let managed = taken(&tensor);
        let view = managed.validate_export().unwrap();
        assert_eq!(view.shape(), [values.len() as i64 / 2, 2]);
        assert_eq!(view.strides().unwrap(), [2, 1]);
        assert_eq!(managed.flags(), dlpark::DlpackFlags::READ_ONLY);
        let own = tensor.as_slice::<f32>().unwrap();
        assert_eq!(view.data_ptr(), own.as_ptr().cast::<c_void>(), "copied");
        assert_eq!(own, values);
    }
}

#[test]
fn every_element_type_and_number_of_axes_has_the_name_that_others_give_it() {
    for shape in [&[][..], &[1], &[2, 3], &[1, 2, 1, 2, 1, 2], &[1; 9], &[0, 4]] {
        let count = shape.iter().product::<usize>();
        let tensors = [
            (Tensor::from_vec(vec![1_u8; count], shape).unwrap(), (1, 8)),
            (Tensor::from_vec(vec![1_i32; count], shape).unwrap(), (0, 32)),
            (Tensor::from_vec(vec![1_i64; count], shape).unwrap(), (0, 64)),
            (Tensor::from_vec(vec![1.0_f32; count], shape).unwrap(), (2, 32)),
            (Tensor::from_vec(vec![1.0_f64; count], shape).unwrap(), (2, 64)),
            (Tensor::from_bools(vec![true; count], shape).unwrap(), (6, 8)),
            (Tensor::from_bytes(&vec![0; 2 * count], DType::F16, shape).unwrap(), (2, 16)),
            (Tensor::from_bytes(&vec![0; 2 * count], DType::BF16, shape).unwrap(), (4, 16)),
        ];
        for (tensor, (code, bits)) in tensors {
            let managed = taken(&tensor);
            let view = managed.validate_export().unwrap();
            let axes: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
            assert_eq!(view.shape(), axes);
            let dtype = view.dtype();
            assert_eq!((dtype.code.0, dtype.bits, dtype.lanes), (code, bits, 1), "{tensor:?}");
            // SAFETY: dlpark gives the tensor up again.
            let back = unsafe { import(NonNull::new(managed.into_raw().cast()).unwrap(), "back") }.unwrap();
            assert_eq!((back.dtype(), back.shape()), (tensor.dtype(), shape));
            assert_eq!(back.bytes().unwrap(), tensor.bytes().unwrap());
        }
    }
}

#[test]
fn what_another_library_exports_is_read_in_place() {
    let array = arr2(&[[1.5_f64, -2.0], [3.0, 4.0], [5.0, 6.0]]);
    let address = array.as_ptr() as usize;
    let tensor = given(array);
    assert_eq!((tensor.shape(), tensor.dtype()), (&[3, 2][..], DType::F64));
    let values = tensor.as_slice::<f64>().unwrap();
    assert_eq!((values, values.as_ptr() as usize), (&[1.5, -2.0, 3.0, 4.0, 5.0, 6.0][..], address));
    assert_eq!(given(arr2(&[[1_i64, 2]])).to_i64().unwrap(), [1, 2]);
    assert!(given(Array::<f32, _>::zeros((0, 3))).is_empty());
}

#[test]
fn columns_before_rows_are_refused_rather_than_copied_in_secret() {
    let array = arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]).reversed_axes();
    let initialized: Initialized<DLManagedTensorVersioned> = Box::new(array).try_into().unwrap();
    // SAFETY: the metadata are those of the array.
    let managed: Managed<DLManagedTensorVersioned> = unsafe { initialized.finish() };
    let raw = NonNull::new(managed.into_raw().cast::<DlManaged>()).unwrap();
    // SAFETY: dlpark has given the tensor up.
    let error = unsafe { import(raw, "inputs") }.unwrap_err();
    assert_eq!(error.to_string(), "inputs: expected contiguous row-major elements, got strides [1, 2]");
}

/// A header of which everything can be bent, counting how often it is freed.
struct Producer {
    managed: DlManaged,
    shape: [i64; 2],
    strides: [i64; 2],
    data: [f32; 6],
    freed: Arc<AtomicUsize>,
}

unsafe extern "C" fn free(managed: *mut DlManaged) {
    // SAFETY: `manager` is the producer that `produce` leaked.
    let producer = unsafe { Box::from_raw((*managed).manager.cast::<Producer>()) };
    producer.freed.fetch_add(1, Ordering::Relaxed);
}

fn produce(freed: &Arc<AtomicUsize>) -> *mut Producer {
    let tensor = DlTensor {
        data: ptr::null_mut(),
        device: DlDevice { kind: 1, id: 0 },
        ndim: 2,
        dtype: DlType { code: 2, bits: 32, lanes: 1 },
        shape: ptr::null_mut(),
        strides: ptr::null_mut(),
        byte_offset: 0,
    };
    let managed =
        DlManaged { major: 1, minor: 1, manager: ptr::null_mut(), deleter: Some(free), flags: 0, tensor };
    let producer =
        Producer { managed, shape: [2, 3], strides: [3, 1], data: [0.0; 6], freed: Arc::clone(freed) };
    let producer = Box::into_raw(Box::new(producer));
    // SAFETY: just leaked.
    unsafe {
        (*producer).managed.manager = producer.cast();
        (*producer).managed.tensor.data = (&raw mut (*producer).data).cast();
        (*producer).managed.tensor.shape = (&raw mut (*producer).shape).cast();
        (*producer).managed.tensor.strides = (&raw mut (*producer).strides).cast();
    }
    producer
}

/// A change of a header.
type Bend = fn(&mut Producer);

/// What becomes of a header after `bend`, which may not make a pointer point elsewhere: that nobody can check.
fn bent(bend: impl FnOnce(&mut Producer)) -> Result<Tensor, String> {
    let freed = Arc::new(AtomicUsize::new(0));
    let producer = produce(&freed);
    // SAFETY: nobody else has the producer yet, and its first use is the header's.
    let outcome = unsafe {
        bend(&mut *producer);
        import(NonNull::new(&raw mut (*producer).managed).unwrap(), "answer")
    };
    if let Ok(tensor) = &outcome {
        drop(tensor.clone());
        assert_eq!(freed.load(Ordering::Relaxed), 0, "a tensor in use is not freed");
    } else {
        assert_eq!(freed.load(Ordering::Relaxed), 1, "a refused tensor is freed once");
    }
    outcome.map_err(|error| error.to_string())
}

#[test]
fn impossible_headers_are_refused_with_one_line() {
    assert!(bent(|_| {}).is_ok());
    assert!(bent(|p| p.managed.tensor.strides = ptr::null_mut()).is_ok());
    assert!(bent(|p| p.managed.tensor.device.kind = 3).is_ok(), "pinned memory is main memory");
    assert!(bent(|p| (p.shape, p.strides) = ([6, 1], [1, 77])).is_ok(), "a stride that nobody takes");
    let cases: [(&str, Bend); 18] = [
        ("expected DLPack version 1, got version 2.1", |p| p.managed.major = 2),
        ("got code 2, 31 bits, 1 lanes", |p| p.managed.tensor.dtype.bits = 31),
        ("got code 5, 64 bits, 1 lanes", |p| p.managed.tensor.dtype = DlType { code: 5, bits: 64, lanes: 1 }),
        ("got code 2, 32 bits, 4 lanes", |p| p.managed.tensor.dtype.lanes = 4),
        ("got device type 10, number 0", |p| p.managed.tensor.device.kind = 10),
        ("got device type 2, number -1", |p| p.managed.tensor.device = DlDevice { kind: 2, id: -1 }),
        ("expected at most 32 axes, got -1", |p| p.managed.tensor.ndim = -1),
        ("expected at most 32 axes, got 33", |p| p.managed.tensor.ndim = 33),
        ("expected the length of each axis", |p| p.managed.tensor.shape = ptr::null_mut()),
        ("expected the length of each axis", |p| {
            p.managed.tensor.shape = p.managed.tensor.shape.wrapping_byte_add(4);
        }),
        ("expected strides, got a misaligned pointer", |p| {
            p.managed.tensor.strides = p.managed.tensor.strides.wrapping_byte_add(1);
        }),
        ("expected lengths of axes, got [2, -3]", |p| p.shape[1] = -3),
        ("expected a size that fits in memory", |p| p.shape = [i64::MAX, i64::MAX]),
        ("expected a size that fits in memory", |p| p.shape = [i64::MAX / 2, 1]),
        ("got strides [1, 2]", |p| p.strides = [1, 2]),
        ("got strides [-3, 1]", |p| p.strides = [-3, 1]),
        ("expected elements in memory", |p| p.managed.tensor.data = ptr::null_mut()),
        ("alignment to 4 bytes", |p| p.managed.tensor.byte_offset = 2),
    ];
    for (words, bend) in cases {
        let message = bent(bend).unwrap_err();
        assert!(
            message.contains(words) && message.starts_with("answer") && !message.contains('\n'),
            "{message}"
        );
    }
    let message = bent(|p| p.managed.tensor.byte_offset = u64::MAX - 3).unwrap_err();
    assert!(message.contains("overflowing"), "{message}");
}

#[test]
fn elements_on_a_device_travel_and_are_not_read() {
    let tensor = bent(|p| p.managed.tensor.device = DlDevice { kind: 2, id: 1 }).unwrap();
    assert_eq!((tensor.device(), tensor.shape()), (Device::Cuda(1), &[2, 3][..]));
    let error = tensor.as_slice::<f32>().unwrap_err().to_string();
    assert_eq!(error, "tensor: expected elements in main memory, got elements on Cuda(1)");
    assert!(tensor.gather(&[1, 0]).is_err());
    let row = tensor.slice(1..2).unwrap();
    let raw = export(&row);
    // SAFETY: just exported.
    let header = unsafe { raw.as_ref() };
    assert_eq!(header.tensor.device, DlDevice { kind: 2, id: 1 });
    // SAFETY: as above; the header is not used any more.
    let back = unsafe { import(raw, "back") }.unwrap();
    assert_eq!((back.device(), back.shape()), (Device::Cuda(1), &[1, 3][..]));
}

#[test]
fn a_buffer_says_itself_where_it_is() {
    struct OnDevice;
    impl Buffer for OnDevice {
        fn bytes(&self) -> &[u8] {
            &[]
        }
        fn memory(&self) -> Memory {
            Memory { device: Device::Cuda(0), address: 4096, length: 24 }
        }
    }
    let tensor = Tensor::from_buffer(Arc::new(OnDevice), DType::F32, &[6], 0).unwrap();
    assert_eq!(tensor.device(), Device::Cuda(0));
    assert!(Tensor::from_buffer(Arc::new(OnDevice), DType::F32, &[7], 0).is_err());
}

proptest! {
    /// Whatever numbers a header holds, it is refused or read within its six elements, and freed once.
    #[test]
    fn no_header_makes_a_reader_leave_its_memory(
        ndim in prop_oneof![Just(2), Just(1), Just(0), any::<i32>().prop_filter("axes that exist", |n| !(3..=32).contains(n))],
        shape in prop::array::uniform2(prop_oneof![0_i64..4, any::<i64>()]),
        strides in prop::array::uniform2(prop_oneof![-1_i64..4, any::<i64>()]),
        code in any::<u8>(), bits in prop_oneof![Just(32_u8), Just(8), Just(64), any::<u8>()], lanes in 0_u16..3,
        kind in -1_i32..4, null in any::<bool>(),
    ) {
        let outcome = bent(|p| {
            let tensor = &mut p.managed.tensor;
            (tensor.ndim, tensor.device.kind) = (ndim, kind);
            tensor.dtype = DlType { code: if code > 127 { 2 } else { code }, bits, lanes };
            if null { tensor.strides = ptr::null_mut(); }
            (p.shape, p.strides) = (shape, strides);
        });
        if let Ok(tensor) = outcome {
            let claimed = tensor.shape().iter().product::<usize>() * tensor.dtype().size();
            // What a header claims beyond its memory cannot be known; what fits is read.
            if claimed <= 24 && tensor.device() == Device::Cpu {
                prop_assert_eq!(tensor.bytes().unwrap(), &[0; 24][..claimed]);
            }
        }
    }
}
