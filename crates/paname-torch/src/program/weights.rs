//! Weights of an archive as tensors: where they lie in the mapped file, or as copies.

use std::collections::HashMap;
use std::sync::Arc;

use paname_core::{Error, Result};
use paname_pt2::{Archive, DType, InputRole, Weight};
use tch::{Device, Kind, Tensor};

use crate::error::from_torch;
use crate::program::shim::lent;
use crate::tensor::owned;

/// The type of libtorch for one of an archive; none where this version of the binding has none.
pub(crate) fn kind(dtype: DType) -> Option<Kind> {
    Some(match dtype {
        DType::U8 => Kind::Uint8,
        DType::I8 => Kind::Int8,
        DType::I16 => Kind::Int16,
        DType::I32 => Kind::Int,
        DType::I64 => Kind::Int64,
        DType::F16 => Kind::Half,
        DType::BF16 => Kind::BFloat16,
        DType::F32 => Kind::Float,
        DType::F64 => Kind::Double,
        DType::ComplexF32 => Kind::ComplexFloat,
        DType::ComplexF64 => Kind::ComplexDouble,
        DType::Bool => Kind::Bool,
        _ => return None,
    })
}

/// All weights of an archive on a device, in the order of its signature; none for an input that the user gives. On the processor they stay in the mapped
/// file, which they hold open.
pub(crate) fn load(archive: &Arc<Archive>, place: &str, device: Device) -> Result<Vec<Option<Tensor>>> {
    let unfit = |error: paname_pt2::Error| Error::data(place, error.to_string());
    let roles = archive.program().signature.inputs.iter();
    // Names of one tensor get one, also where it has to be copied.
    let mut loaded: HashMap<_, Tensor> = HashMap::new();
    let load = |role: &InputRole| {
        let Some(name) = role.weight() else { return Ok(None) };
        let weight = archive.weight(name).map_err(unfit)?;
        let key = (weight.bytes.as_ptr() as usize, weight.dtype, weight.shape, weight.strides);
        if let Some(tensor) = loaded.get(&key) {
            return Ok(Some(tensor.shallow_clone()));
        }
        let tensor = tensor(&weight, archive, place, name)?.f_to(device).map_err(from_torch)?;
        if !weight.bytes.is_empty() {
            loaded.insert(key, tensor.shallow_clone());
        }
        Ok(Some(tensor))
    };
    roles.map(load).collect()
}

fn tensor(weight: &Weight<'_>, archive: &Arc<Archive>, place: &str, name: &str) -> Result<Tensor> {
    let Some(kind) = kind(weight.dtype) else {
        let problem =
            format!("weight `{name}` has elements of type {}, which are not supported", weight.dtype);
        return Err(Error::data(place, problem));
    };
    let numbers = |sizes: &[usize]| sizes.iter().map(|&size| size as i64).collect::<Vec<_>>();
    let (shape, strides) = (numbers(weight.shape), numbers(weight.strides));
    if shape.contains(&0) {
        return Tensor::f_zeros(&shape, (kind, Device::Cpu)).map_err(from_torch);
    }
    if kind == Kind::Bool {
        // Bytes of a file may be other than 0 and 1.
        let bytes = lent(weight.bytes, &shape, &strides, Kind::Uint8, Arc::clone(archive))?;
        return bytes.f_ne(0).map_err(from_torch);
    }
    if weight.bytes.as_ptr().align_offset(kind.elt_size_in_bytes()) != 0 {
        let all = Tensor::f_from_data_size(
            weight.bytes,
            &[(weight.bytes.len() / kind.elt_size_in_bytes()) as i64],
            kind,
        );
        let view = all.and_then(|all| all.f_as_strided(&shape, &strides, None::<i64>));
        return owned(&view.map_err(from_torch)?);
    }
    lent(weight.bytes, &shape, &strides, kind, Arc::clone(archive))
}
