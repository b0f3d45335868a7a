//! Tensors: shared, contiguous, row-major arrays that are sliced without a copy.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use half::{bf16, f16};
use smallvec::SmallVec;

use crate::{Error, Result};

/// The type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DType {
    /// Truth values, one byte each, 0 or 1.
    Bool,
    /// Unsigned bytes.
    U8,
    /// 32-bit signed integers.
    I32,
    /// 64-bit signed integers.
    I64,
    /// IEEE half precision.
    F16,
    /// bfloat16.
    BF16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
}

impl DType {
    /// Bytes per element.
    pub const fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 => 1,
            Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }
}

/// A Rust type that a tensor can hold. [`DType::Bool`] has none, since a hostile buffer may hold bytes other than 0 and 1.
pub trait Element: bytemuck::Pod + Send + Sync {
    /// The matching element type.
    const DTYPE: DType;
}

macro_rules! element {
    ($($rust:ty => $dtype:ident),*) => { $(impl Element for $rust { const DTYPE: DType = DType::$dtype; })* };
}
element!(u8 => U8, i32 => I32, i64 => I64, f16 => F16, bf16 => BF16, f32 => F32, f64 => F64);

/// Where the elements of a tensor are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Device {
    /// Main memory.
    #[default]
    Cpu,
    /// The memory of the CUDA device of this number. Whoever hands such a tensor over has synchronised the device before.
    Cuda(u32),
}

/// Memory that tensors share: a vector, a memory map, or an array of another library.
pub trait Buffer: Send + Sync {
    /// The bytes, which never move or change while the buffer lives; none where they are on a device.
    fn bytes(&self) -> &[u8];

    /// Where the bytes are.
    fn memory(&self) -> Memory {
        let bytes = self.bytes();
        Memory { device: Device::Cpu, address: bytes.as_ptr() as usize, length: bytes.len() }
    }
}

/// A place in the memory of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The device.
    pub device: Device,
    /// Address of the first byte, in the device's own address space.
    pub address: usize,
    /// Number of bytes.
    pub length: usize,
}

/// Lengths of axes; few of them need no memory of their own.
type Shape = SmallVec<[usize; 4]>;

struct Owned<T>(Vec<T>);

impl<T: Element> Buffer for Owned<T> {
    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// A contiguous row-major array of known shape and type. Cloning and slicing share the memory.
#[derive(Clone)]
pub struct Tensor {
    buffer: Arc<dyn Buffer>,
    dtype: DType,
    shape: Shape,
    /// Byte offset of the first element.
    offset: usize,
    device: Device,
}

impl Tensor {
    /// Takes ownership of `data`, read in row-major order with the given shape.
    pub fn from_vec<T: Element>(data: Vec<T>, shape: &[usize]) -> Result<Self> {
        Self::from_buffer(Arc::new(Owned(data)), T::DTYPE, shape, 0)
    }

    /// Truth values.
    pub fn from_bools(data: Vec<bool>, shape: &[usize]) -> Result<Self> {
        let bytes: Vec<u8> = data.into_iter().map(u8::from).collect();
        Self::from_buffer(Arc::new(Owned(bytes)), DType::Bool, shape, 0)
    }

    /// A view of `buffer` from byte `offset` on. Fails when the buffer is too short or the first element is misaligned.
    pub fn from_buffer(
        buffer: Arc<dyn Buffer>,
        dtype: DType,
        shape: &[usize],
        offset: usize,
    ) -> Result<Self> {
        let Some(bytes) = elements(shape).and_then(|elements| elements.checked_mul(dtype.size())) else {
            return Err(Error::mismatch("tensor", "a size that fits in memory", format!("shape {shape:?}")));
        };
        let memory = buffer.memory();
        let available = memory.length.checked_sub(offset);
        if available.is_none_or(|available| bytes > available) {
            return Err(Error::mismatch(
                format!("tensor of shape {shape:?}"),
                format!("{bytes} bytes"),
                format!("{} bytes", available.unwrap_or(0)),
            ));
        }
        let address = memory.address.wrapping_add(offset);
        if bytes > 0 && !address.is_multiple_of(dtype.size()) {
            return Err(Error::mismatch(
                "tensor",
                format!("alignment to {} bytes", dtype.size()),
                "misaligned data",
            ));
        }
        Ok(Self { buffer, dtype, shape: Shape::from_slice(shape), offset, device: memory.device })
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Where the elements are. Reading elements takes a tensor in main memory.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The memory that the elements are part of.
    pub(crate) fn buffer(&self) -> Arc<dyn Buffer> {
        Arc::clone(&self.buffer)
    }

    /// Address of the first element, in the address space of the tensor's device.
    pub(crate) fn address(&self) -> usize {
        self.buffer.memory().address.wrapping_add(self.offset)
    }

    /// Length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Length of the first axis; 1 for a scalar.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements per step of the first axis.
    fn row_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// The raw bytes, row-major. Fails where they are on a device.
    pub fn bytes(&self) -> Result<&[u8]> {
        let end = self.offset + self.len() * self.dtype.size();
        self.buffer.bytes().get(self.offset..end).ok_or_else(|| {
            Error::mismatch("tensor", "elements in main memory", format!("elements on {:?}", self.device))
        })
    }

    /// The elements, without a copy. Fails unless `T` is the tensor's own type.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        if T::DTYPE != self.dtype {
            return Err(Error::mismatch(
                "tensor type",
                format!("{:?}", T::DTYPE),
                format!("{:?}", self.dtype),
            ));
        }
        if self.is_empty() {
            return Ok(&[]);
        }
        bytemuck::try_cast_slice(self.bytes()?)
            .map_err(|e| Error::mismatch("tensor memory", "aligned elements", e))
    }

    /// The elements as single precision: borrowed when they are, converted otherwise.
    pub fn to_f32(&self) -> Result<Cow<'_, [f32]>> {
        Ok(match self.dtype {
            DType::F32 => Cow::Borrowed(self.as_slice::<f32>()?),
            DType::F16 => Cow::Owned(self.as_slice::<f16>()?.iter().map(|x| x.to_f32()).collect()),
            DType::BF16 => Cow::Owned(self.as_slice::<bf16>()?.iter().map(|x| x.to_f32()).collect()),
            DType::F64 => Cow::Owned(self.as_slice::<f64>()?.iter().map(|&x| x as f32).collect()),
            DType::I32 => Cow::Owned(self.as_slice::<i32>()?.iter().map(|&x| x as f32).collect()),
            DType::I64 => Cow::Owned(self.as_slice::<i64>()?.iter().map(|&x| x as f32).collect()),
            DType::U8 | DType::Bool => Cow::Owned(self.bytes()?.iter().map(|&x| f32::from(x)).collect()),
        })
    }

    /// The elements as double precision.
    pub fn to_f64(&self) -> Result<Vec<f64>> {
        match self.dtype {
            DType::F64 => Ok(self.as_slice::<f64>()?.to_vec()),
            DType::I64 => Ok(self.as_slice::<i64>()?.iter().map(|&x| x as f64).collect()),
            DType::I32 => Ok(self.as_slice::<i32>()?.iter().map(|&x| f64::from(x)).collect()),
            _ => Ok(self.to_f32()?.iter().map(|&x| f64::from(x)).collect()),
        }
    }

    /// The elements as integers. Fails on a fractional or non-finite value, naming its position.
    pub fn to_i64(&self) -> Result<Vec<i64>> {
        match self.dtype {
            DType::I64 => Ok(self.as_slice::<i64>()?.to_vec()),
            DType::I32 => Ok(self.as_slice::<i32>()?.iter().map(|&x| i64::from(x)).collect()),
            DType::U8 | DType::Bool => Ok(self.bytes()?.iter().map(|&x| i64::from(x)).collect()),
            _ => self
                .to_f64()?
                .iter()
                .enumerate()
                .map(|(i, &x)| {
                    if x.fract() == 0.0 && x.abs() < 9e15 {
                        Ok(x as i64)
                    } else {
                        Err(Error::mismatch(format!("element {i}"), "a whole number", x))
                    }
                })
                .collect(),
        }
    }

    /// The elements as truth values. Fails on anything but 0 and 1, naming its position.
    pub fn to_bools(&self) -> Result<Vec<bool>> {
        self.to_i64()?
            .iter()
            .enumerate()
            .map(|(i, &x)| match x {
                0 => Ok(false),
                1 => Ok(true),
                _ => Err(Error::mismatch(format!("element {i}"), "0 or 1", x)),
            })
            .collect()
    }

    /// Rows `range` of the first axis, sharing the memory.
    pub fn slice(&self, range: Range<usize>) -> Result<Self> {
        if self.shape.is_empty() || range.start > range.end || range.end > self.rows() {
            return Err(Error::mismatch(
                "rows",
                format!("a range within {:?}", self.shape),
                format!("{range:?}"),
            ));
        }
        let mut shape = Shape::from_slice(&self.shape);
        shape[0] = range.len();
        let offset = self.offset + range.start * self.row_len() * self.dtype.size();
        Ok(Self { buffer: Arc::clone(&self.buffer), shape, offset, ..*self })
    }

    /// Step `index` of the first axis, which disappears from the shape.
    pub fn index(&self, index: usize) -> Result<Self> {
        let mut row = self.slice(index..index.saturating_add(1))?;
        row.shape.remove(0);
        Ok(row)
    }

    /// The given rows of the first axis, in the given order. Consecutive rows share the memory, others are copied.
    pub fn gather(&self, rows: &[u32]) -> Result<Self> {
        if let Some(&first) = rows.first()
            && rows.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]))
        {
            return self.slice(first as usize..first as usize + rows.len());
        }
        let mut shape = self.shape.clone();
        let Some(dim) = shape.first_mut() else {
            return Err(Error::mismatch("rows", "a tensor with at least one axis", "a scalar"));
        };
        *dim = rows.len();
        if let Some(row) = rows.iter().find(|&&row| row as usize >= self.rows()) {
            return Err(Error::mismatch("rows", format!("below {}", self.rows()), row));
        }
        let width = self.row_len() * self.dtype.size();
        let bytes = rows.len().checked_mul(width).ok_or_else(|| {
            Error::mismatch("tensor", "a size that fits in memory", format!("shape {shape:?}"))
        })?;
        let mut words = aligned(bytes);
        if bytes > 0 {
            let gathered: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
            crate::kernel::copy_rows(self.bytes()?, width, rows, &mut gathered[..bytes]);
        }
        Self::from_buffer(Arc::new(Owned(words)), self.dtype, &shape, 0)
    }

    /// A copy of `bytes`, aligned as its type demands.
    pub fn from_bytes(bytes: &[u8], dtype: DType, shape: &[usize]) -> Result<Self> {
        let mut words = aligned(bytes.len());
        bytemuck::cast_slice_mut::<i64, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self::from_buffer(Arc::new(Owned(words)), dtype, shape, 0)
    }

    /// The same elements under another shape of the same size.
    pub fn reshape(&self, shape: &[usize]) -> Result<Self> {
        if elements(shape) != Some(self.len()) {
            return Err(Error::mismatch("shape", format!("{} elements", self.len()), format!("{shape:?}")));
        }
        Ok(Self { shape: Shape::from_slice(shape), ..self.clone() })
    }
}

/// Room for so many bytes; eight-byte words are aligned for every element type.
fn aligned(bytes: usize) -> Vec<i64> {
    vec![0; bytes.div_ceil(8)]
}

/// Number of elements; none where the product of some of the axes overflows, even beside an axis of length zero.
fn elements(shape: &[usize]) -> Option<usize> {
    let full = shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim.max(1)))?;
    Some(if shape.contains(&0) { 0 } else { full })
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Elements may be personal data: only the header is printed.
        write!(f, "Tensor({:?} {:?})", self.dtype, self.shape)
    }
}
