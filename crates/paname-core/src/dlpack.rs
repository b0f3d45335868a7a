//! Tensors of other libraries, and for other libraries, without a copy: the DLPack protocol, version 1 (`DLManagedTensorVersioned`).
//!
//! Whoever makes a tensor frees it, through the deleter that travels with it. Tensors of this library are read-only to whoever takes them. A
//! producer on a device synchronises the device before it hands a tensor over, so that no stream has to travel.
//!
//! What a header claims is checked before anything is read: version, device, element type, axes, strides, alignment, and that sizes do not
//! overflow. What cannot be checked is whether its pointers point to that much memory: only code that is trusted may hand over a tensor.
#![expect(unsafe_code, reason = "tensors cross library boundaries as raw pointers")]

use std::ffi::c_void;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::abi::StableAbi;
use crate::panic::catch;
use crate::{Buffer, DType, Device, Error, Memory, Result, Tensor};

/// The major version that is spoken: another one lays the header out otherwise.
const MAJOR: u32 = 1;
/// The minor version whose rules are kept: strides are always given.
const MINOR: u32 = 2;
/// Set in [`DlManaged::flags`]: the elements must not be changed.
const READ_ONLY: u64 = 1;
/// The most axes that are believed.
const MOST_AXES: usize = 32;
/// The most axes whose lengths need no memory of their own.
const FEW_AXES: usize = 4;

/// `DLDevice`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, StableAbi)]
pub struct DlDevice {
    /// `DLDeviceType`: 1 main memory, 2 CUDA, 3 main memory pinned by CUDA.
    pub kind: i32,
    /// Number of the device.
    pub id: i32,
}

/// `DLDataType`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, StableAbi)]
pub struct DlType {
    /// `DLDataTypeCode`: 0 signed, 1 unsigned, 2 float, 4 bfloat, 6 bool.
    pub code: u8,
    /// Bits of an element.
    pub bits: u8,
    /// Elements of a vector; always 1 here.
    pub lanes: u16,
}

/// `DLTensor`.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct DlTensor {
    /// The memory.
    pub data: *mut c_void,
    /// Where it is.
    pub device: DlDevice,
    /// Number of axes.
    pub ndim: i32,
    /// Type of the elements.
    pub dtype: DlType,
    /// Length of each axis.
    pub shape: *mut i64,
    /// Elements from one step of each axis to the next; null for row-major.
    pub strides: *mut i64,
    /// Bytes from `data` to the first element.
    pub byte_offset: u64,
}

/// `DLManagedTensorVersioned`.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct DlManaged {
    /// Major version of the protocol.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// The producer's own.
    pub manager: *mut c_void,
    /// Frees the tensor; may be called on any thread.
    pub deleter: Option<unsafe extern "C" fn(*mut DlManaged)>,
    /// 1 read-only, 2 copied.
    pub flags: u64,
    /// The tensor.
    pub tensor: DlTensor,
}

/// An exported tensor: everything that its header points to lives beside it, in one piece of memory.
#[repr(C)]
struct Exported {
    managed: DlManaged,
    axes: [i64; 2 * FEW_AXES],
    many_axes: Vec<i64>,
    /// Keeps the elements alive.
    _buffer: Arc<dyn Buffer>,
}

/// Hands a tensor over: the taker must call the deleter once, and must not write.
pub fn export(tensor: &Tensor) -> NonNull<DlManaged> {
    let count = tensor.shape().len();
    let (kind, id) = match tensor.device() {
        Device::Cpu => (1, 0),
        Device::Cuda(id) => (2, id as i32),
    };
    let mut exported = Box::new(Exported {
        managed: DlManaged {
            major: MAJOR,
            minor: MINOR,
            manager: std::ptr::null_mut(),
            deleter: Some(release),
            flags: READ_ONLY,
            tensor: DlTensor {
                data: tensor.address() as *mut c_void,
                device: DlDevice { kind, id },
                ndim: count as i32,
                dtype: dl_type(tensor.dtype()),
                shape: std::ptr::null_mut(),
                strides: std::ptr::null_mut(),
                byte_offset: 0,
            },
        },
        axes: [0; 2 * FEW_AXES],
        many_axes: if count > FEW_AXES { vec![0; 2 * count] } else { Vec::new() },
        _buffer: tensor.buffer(),
    });
    let axes = if count > FEW_AXES { &mut exported.many_axes[..] } else { &mut exported.axes[..2 * count] };
    let (shape, strides) = axes.split_at_mut(count);
    let mut stride = 1_i64;
    for ((axis, step), &length) in shape.iter_mut().zip(strides).zip(tensor.shape()).rev() {
        (*axis, *step) = (length as i64, stride);
        stride = stride.wrapping_mul((length as i64).max(1));
    }
    let exported = Box::into_raw(exported);
    // SAFETY: just allocated. The pointers are taken from the final place, through the pointer that the deleter frees by.
    unsafe {
        let axes = if count > FEW_AXES {
            (*exported).many_axes.as_mut_ptr()
        } else {
            (&raw mut (*exported).axes).cast::<i64>()
        };
        (*exported).managed.tensor.shape = axes;
        (*exported).managed.tensor.strides = axes.add(count);
        NonNull::new_unchecked(exported.cast())
    }
}

/// Frees an exported tensor.
unsafe extern "C" fn release(managed: *mut DlManaged) {
    // The buffer may be anybody's: a panic in it must not cross.
    let _ = catch(|| {
        // SAFETY: `managed` is the first field of an `Exported` that `export` leaked, and whoever took it calls this once.
        drop(unsafe { Box::from_raw(managed.cast::<Exported>()) });
        Ok(())
    });
}

/// Takes a tensor over, without a copy; its deleter is called when the last clone is gone, or now where it is refused.
///
/// # Errors
/// Where the header is one that cannot be, or that this library cannot use: another major version, elements that are not contiguous, an
/// unknown type or device. `what` names the tensor.
///
/// # Safety
/// `managed` points to a `DLManagedTensorVersioned` that nobody else will free, whose pointers are valid for what its header claims.
pub unsafe fn import(managed: NonNull<DlManaged>, what: &str) -> Result<Tensor> {
    let foreign = Foreign { managed, memory: Memory { device: Device::Cpu, address: 0, length: 0 } };
    // SAFETY: the caller's word.
    let header = unsafe { managed.as_ref() };
    if header.major != MAJOR {
        return Err(Error::mismatch(
            what,
            format!("DLPack version {MAJOR}"),
            format!("version {}.{}", header.major, header.minor),
        ));
    }
    // SAFETY: the caller's word.
    unsafe { view(header, foreign, what) }
}

/// See [`import`].
unsafe fn view(header: &DlManaged, mut foreign: Foreign, what: &str) -> Result<Tensor> {
    let tensor = &header.tensor;
    let wrong = |expected: &str, got: String| Error::mismatch(what, expected, got);
    let dtype = element_type(tensor.dtype).ok_or_else(|| {
        wrong(
            "elements of a known type",
            format!("code {}, {} bits, {} lanes", tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes),
        )
    })?;
    let device = match (tensor.device.kind, u32::try_from(tensor.device.id)) {
        (1 | 3, _) => Device::Cpu,
        (2, Ok(id)) => Device::Cuda(id),
        (kind, _) => {
            return Err(wrong(
                "main memory or a CUDA device",
                format!("device type {kind}, number {}", tensor.device.id),
            ));
        }
    };
    let count = usize::try_from(tensor.ndim).ok().filter(|&count| count <= MOST_AXES);
    let count = count.ok_or_else(|| wrong(&format!("at most {MOST_AXES} axes"), tensor.ndim.to_string()))?;
    // SAFETY: the caller's word; null and misaligned pointers are refused before.
    let shape = unsafe { axes(tensor.shape, count) }
        .ok_or_else(|| wrong("the length of each axis", "a null or misaligned pointer".into()))?;
    let lengths: Option<SmallVec<[usize; FEW_AXES]>> =
        shape.iter().map(|&length| usize::try_from(length).ok()).collect();
    let lengths = lengths.ok_or_else(|| wrong("lengths of axes", format!("{shape:?}")))?;
    let elements = lengths.iter().try_fold(1_usize, |n, &length| n.checked_mul(length.max(1)));
    let bytes = elements.and_then(|n| n.checked_mul(dtype.size())).filter(|&n| isize::try_from(n).is_ok());
    let bytes = bytes.ok_or_else(|| wrong("a size that fits in memory", format!("shape {shape:?}")))?;
    let empty = lengths.contains(&0);
    if !tensor.strides.is_null() && !empty {
        // SAFETY: the caller's word.
        let strides = unsafe { axes(tensor.strides, count) }
            .ok_or_else(|| wrong("strides", "a misaligned pointer".into()))?;
        let mut expected = 1_i64;
        for (&length, &stride) in shape.iter().zip(strides).rev() {
            // The stride of an axis of length 1 is never used.
            if length != 1 && stride != expected {
                return Err(wrong("contiguous row-major elements", format!("strides {strides:?}")));
            }
            expected = expected.saturating_mul(length);
        }
    }
    if !empty {
        let address = usize::try_from(tensor.byte_offset)
            .ok()
            .and_then(|offset| (tensor.data as usize).checked_add(offset))
            .filter(|address| address.checked_add(bytes).is_some());
        let address = address.filter(|_| !tensor.data.is_null());
        let address =
            address.ok_or_else(|| wrong("elements in memory", "a null or overflowing pointer".into()))?;
        foreign.memory = Memory { device, address, length: bytes };
    }
    foreign.memory.device = device;
    Tensor::from_buffer(Arc::new(foreign), dtype, &lengths, 0).map_err(|error| match error {
        Error::Mismatch { what: part, expected, got } => {
            Error::mismatch(format!("{what}: {part}"), expected, got)
        }
        other => other,
    })
}

/// The lengths or strides of `count` axes.
unsafe fn axes<'a>(pointer: *const i64, count: usize) -> Option<&'a [i64]> {
    if count == 0 {
        return Some(&[]);
    }
    // SAFETY: the caller's word that the pointer, neither null nor misaligned, holds one number for each axis.
    (!pointer.is_null() && pointer.is_aligned()).then(|| unsafe { slice::from_raw_parts(pointer, count) })
}

/// Memory of another library.
struct Foreign {
    managed: NonNull<DlManaged>,
    memory: Memory,
}

// SAFETY: the elements are only read, and DLPack demands of producers that a deleter may run on any thread.
unsafe impl Send for Foreign {}
// SAFETY: as above; nothing can be changed through a shared reference.
unsafe impl Sync for Foreign {}

impl Buffer for Foreign {
    fn bytes(&self) -> &[u8] {
        match self.memory {
            Memory { device: Device::Cpu, address, length } if length > 0 => {
                // SAFETY: whoever handed the tensor over promised that its memory is there until the deleter is called; see `import`.
                unsafe { slice::from_raw_parts(address as *const u8, length) }
            }
            _ => &[],
        }
    }

    fn memory(&self) -> Memory {
        self.memory
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: this is the only owner, and nothing reads the memory any more.
        unsafe {
            if let Some(deleter) = self.managed.as_ref().deleter {
                deleter(self.managed.as_ptr());
            }
        }
    }
}

const fn dl_type(dtype: DType) -> DlType {
    let code = match dtype {
        DType::I32 | DType::I64 => 0,
        DType::U8 => 1,
        DType::F16 | DType::F32 | DType::F64 => 2,
        DType::BF16 => 4,
        DType::Bool => 6,
    };
    DlType { code, bits: (dtype.size() * 8) as u8, lanes: 1 }
}

fn element_type(dl: DlType) -> Option<DType> {
    let all =
        [DType::Bool, DType::U8, DType::I32, DType::I64, DType::F16, DType::BF16, DType::F32, DType::F64];
    all.into_iter().find(|dtype| dl_type(*dtype) == dl)
}
