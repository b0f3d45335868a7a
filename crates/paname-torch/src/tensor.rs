//! Tensors from and to libtorch, without a copy where both sides can share memory.
#![expect(
    unsafe_code,
    reason = "memory of libtorch is lent to the contracts' tensors, and theirs to libtorch"
)]

use std::sync::Arc;

use paname_core::{Buffer, DType, Error, Result, Tensor};
use tch::{Device, Kind};

use crate::error::from_torch;

/// A tensor of libtorch that nobody changes any more, or not while others can see it: a fit moves the parameters of a network that it alone has.
pub(crate) struct Sealed(tch::Tensor);

// SAFETY: libtorch counts references atomically, and concurrent reads of a tensor are allowed; nothing in this crate changes a sealed one that
// another thread can see.
unsafe impl Sync for Sealed {}

impl Sealed {
    /// Promises that nobody changes the tensor any more.
    pub(crate) fn new(tensor: tch::Tensor) -> Self {
        Self(tensor)
    }

    /// The tensor.
    pub(crate) fn get(&self) -> &tch::Tensor {
        &self.0
    }
}

impl Buffer for Sealed {
    fn bytes(&self) -> &[u8] {
        let length = self.0.numel() * self.0.kind().elt_size_in_bytes();
        if length == 0 {
            return &[];
        }
        // SAFETY: `export` makes these contiguous and on the CPU; they own their memory, and nobody changes it, as it asks of its callers.
        unsafe { std::slice::from_raw_parts(self.0.data_ptr().cast::<u8>().cast_const(), length) }
    }
}

/// The type of libtorch for one of ours. Truth values are bytes there, since a hostile buffer may hold other bytes than 0 and 1.
fn kind(dtype: DType) -> Result<Kind> {
    Ok(match dtype {
        DType::Bool | DType::U8 => Kind::Uint8,
        DType::I32 => Kind::Int,
        DType::I64 => Kind::Int64,
        DType::F16 => Kind::Half,
        DType::BF16 => Kind::BFloat16,
        DType::F32 => Kind::Float,
        DType::F64 => Kind::Double,
        other => return Err(Error::Unsupported(format!("tensors of type {other:?}"))),
    })
}

/// The type of ours for one of libtorch.
pub(crate) fn dtype(kind: Kind) -> Result<DType> {
    Ok(match kind {
        Kind::Bool => DType::Bool,
        Kind::Uint8 => DType::U8,
        Kind::Int => DType::I32,
        Kind::Int64 => DType::I64,
        Kind::Half => DType::F16,
        Kind::BFloat16 => DType::BF16,
        Kind::Float => DType::F32,
        Kind::Double => DType::F64,
        other => return Err(Error::Unsupported(format!("tensors of type {other:?}"))),
    })
}

/// Hands a tensor of libtorch over, without a copy where it is contiguous and in main memory.
///
/// It must not be a view of a [`Lent`] one, whose memory libtorch does not own, nor of memory that a program may write to: see [`owned`].
pub(crate) fn export(tensor: &tch::Tensor) -> Result<Tensor> {
    let tensor = tensor.f_detach().and_then(|t| t.f_to(Device::Cpu)).and_then(|t| t.f_contiguous());
    let tensor = tensor.map_err(from_torch)?;
    let dtype = dtype(tensor.f_kind().map_err(from_torch)?)?;
    let shape: Vec<usize> = tensor.size().iter().map(|&length| length as usize).collect();
    Tensor::from_buffer(Arc::new(Sealed(tensor)), dtype, &shape, 0)
}

/// A tensor of ours as libtorch sees it, which must not outlive it.
pub(crate) struct Lent {
    view: tch::Tensor,
    _owner: Tensor,
}

// SAFETY: as for `Sealed`: the memory of a `paname_core::Tensor` never changes, and the view is only read.
unsafe impl Sync for Lent {}

impl Lent {
    /// Lends the memory of a tensor to libtorch, which must not write to it.
    pub(crate) fn new(tensor: &Tensor) -> Result<Self> {
        let shape: Vec<i64> = tensor.shape().iter().map(|&length| length as i64).collect();
        let bytes = tensor.bytes()?;
        let kind = kind(tensor.dtype())?;
        // SAFETY: the memory is there for as long as `_owner`, of this size and type, aligned, and only read.
        let view = unsafe { tch::Tensor::f_from_blob(bytes.as_ptr(), &shape, &[], kind, Device::Cpu) };
        let view = view.map_err(from_torch)?;
        let view = if tensor.dtype() == DType::Bool { view.f_ne(0).map_err(from_torch)? } else { view };
        Ok(Self { view, _owner: tensor.clone() })
    }

    /// The view. What libtorch makes of it by indexing or arithmetic is its own; views of it are not, and must not outlive this.
    pub(crate) fn view(&self) -> &tch::Tensor {
        &self.view
    }

    /// A copy that libtorch owns.
    pub(crate) fn copied(&self) -> Result<tch::Tensor> {
        owned(&self.view)
    }
}

/// A copy in memory of its own, which nobody else sees.
pub(crate) fn owned(tensor: &tch::Tensor) -> Result<tch::Tensor> {
    let copy = || {
        let mut copy = tensor.f_empty_like()?;
        copy.f_copy_(tensor)?;
        Ok(copy)
    };
    copy().map_err(from_torch)
}

/// A tensor of libtorch with a copy of these numbers.
pub(crate) fn of_slice<T: tch::kind::Element>(values: &[T], shape: &[i64]) -> Result<tch::Tensor> {
    tch::Tensor::f_from_slice(values).and_then(|t| t.f_reshape(shape)).map_err(from_torch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_cross_without_a_copy_and_outlive_their_source() {
        let ours = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0], &[2, 2]).unwrap();
        let lent = Lent::new(&ours).unwrap();
        assert_eq!(lent.view().data_ptr().cast_const().cast(), ours.bytes().unwrap().as_ptr());
        let doubled = lent.view() * 2.0;
        let address = doubled.data_ptr();
        let back = export(&doubled).unwrap();
        drop((doubled, lent, ours));
        assert_eq!(back.bytes().unwrap().as_ptr(), address.cast_const().cast());
        assert_eq!(back.as_slice::<f32>().unwrap(), [2.0, 4.0, 6.0, 8.0]);
        assert_eq!(back.shape(), [2, 2]);
        let turned = export(&back_to(&back).tr()).unwrap();
        assert_eq!(turned.as_slice::<f32>().unwrap(), [2.0, 6.0, 4.0, 8.0]);
        let none = export(&tch::Tensor::zeros([0, 3], (Kind::Int64, Device::Cpu))).unwrap();
        assert_eq!((none.shape(), none.len()), (&[0, 3][..], 0));
    }

    #[test]
    fn truth_values_are_true_or_false_whatever_their_bytes() {
        struct Hostile;
        impl Buffer for Hostile {
            fn bytes(&self) -> &[u8] {
                &[0, 1, 2, 255]
            }
        }
        let ours = Tensor::from_buffer(Arc::new(Hostile), DType::Bool, &[4], 0).unwrap();
        let lent = Lent::new(&ours).unwrap();
        assert_eq!(lent.view().kind(), Kind::Bool);
        let numbers: Vec<i64> = lent.view().to_kind(Kind::Int64).try_into().unwrap();
        assert_eq!(numbers, [0, 1, 1, 1]);
    }

    fn back_to(tensor: &Tensor) -> tch::Tensor {
        Lent::new(tensor).unwrap().copied().unwrap()
    }
}
