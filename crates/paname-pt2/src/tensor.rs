//! What is known of a tensor before there is one: element type, sizes, layout, device.

use std::fmt;

/// The type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DType {
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 16 bits.
    U16,
    /// IEEE 754, 16 bits.
    F16,
    /// IEEE 754, 32 bits.
    F32,
    /// IEEE 754, 64 bits.
    F64,
    /// The upper half of an `F32`.
    BF16,
    /// A pair of `F16`.
    ComplexF16,
    /// A pair of `F32`.
    ComplexF32,
    /// A pair of `F64`.
    ComplexF64,
    /// One byte, 0 or 1; other values may stand in a file.
    Bool,
    /// 8 bits: 4 of exponent, 3 of mantissa, no infinities.
    F8E4M3FN,
    /// 8 bits: 5 of exponent, 2 of mantissa.
    F8E5M2,
    /// 8 bits: 4 of exponent, 3 of mantissa, no infinities, no negative zero.
    F8E4M3FNUZ,
    /// 8 bits: 5 of exponent, 2 of mantissa, no infinities, no negative zero.
    F8E5M2FNUZ,
}

impl DType {
    /// The bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::U8
            | Self::I8
            | Self::Bool
            | Self::F8E4M3FN
            | Self::F8E5M2
            | Self::F8E4M3FNUZ
            | Self::F8E5M2FNUZ => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::F32 | Self::ComplexF16 => 4,
            Self::I64 | Self::F64 | Self::ComplexF32 => 8,
            Self::ComplexF64 => 16,
        }
    }

    /// From its number in the schema of torch.export, which is not that of `c10::ScalarType`.
    pub(crate) fn from_schema(number: i64) -> Result<Self, String> {
        Ok(match number {
            1 => Self::U8,
            2 => Self::I8,
            3 => Self::I16,
            4 => Self::I32,
            5 => Self::I64,
            6 => Self::F16,
            7 => Self::F32,
            8 => Self::F64,
            9 => Self::ComplexF16,
            10 => Self::ComplexF32,
            11 => Self::ComplexF64,
            12 => Self::Bool,
            13 => Self::BF16,
            28 => Self::U16,
            29 => Self::F8E4M3FN,
            30 => Self::F8E5M2,
            31 => Self::F8E4M3FNUZ,
            32 => Self::F8E5M2FNUZ,
            _ => return Err(format!("scalar type {number} is unknown")),
        })
    }
}

impl fmt::Display for DType {
    /// The name in PyTorch, without `torch.`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U16 => "uint16",
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::BF16 => "bfloat16",
            Self::ComplexF16 => "complex32",
            Self::ComplexF32 => "complex64",
            Self::ComplexF64 => "complex128",
            Self::Bool => "bool",
            Self::F8E4M3FN => "float8_e4m3fn",
            Self::F8E5M2 => "float8_e5m2",
            Self::F8E4M3FNUZ => "float8_e4m3fnuz",
            Self::F8E5M2FNUZ => "float8_e5m2fnuz",
        })
    }
}

/// How the elements of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// By strides, the usual one.
    Strided,
    /// Sparse, by coordinates.
    SparseCoo,
    /// Sparse, by compressed rows.
    SparseCsr,
    /// Sparse, by compressed columns.
    SparseCsc,
    /// Sparse, by compressed rows of blocks.
    SparseBsr,
    /// Sparse, by compressed columns of blocks.
    SparseBsc,
    /// As oneDNN likes it.
    Mkldnn,
}

impl Layout {
    pub(crate) fn from_schema(number: i64) -> Result<Self, String> {
        Ok(match number {
            1 => Self::SparseCoo,
            2 => Self::SparseCsr,
            3 => Self::SparseCsc,
            4 => Self::SparseBsr,
            5 => Self::SparseBsc,
            6 => Self::Mkldnn,
            7 => Self::Strided,
            _ => return Err(format!("layout {number} is unknown")),
        })
    }
}

/// The order of dimensions in memory that an operator is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemoryFormat {
    /// The last dimension is dense.
    Contiguous,
    /// Batch, height, width, channels.
    ChannelsLast,
    /// Batch, depth, height, width, channels.
    ChannelsLast3d,
    /// That of the input.
    Preserve,
}

impl MemoryFormat {
    pub(crate) fn from_schema(number: i64) -> Result<Self, String> {
        Ok(match number {
            1 => Self::Contiguous,
            2 => Self::ChannelsLast,
            3 => Self::ChannelsLast3d,
            4 => Self::Preserve,
            _ => return Err(format!("memory format {number} is unknown")),
        })
    }
}

/// Where a tensor was, or is asked to be. The executor decides where it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Device {
    /// The kind, such as `cpu` or `cuda`.
    pub kind: String,
    /// The number among those of one kind, if it was named.
    pub index: Option<i64>,
}

/// A symbol of the program, such as the size of a batch: an index into [`Program::symbols`](crate::Program::symbols).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolId(pub u32);

impl SymbolId {
    /// The index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A size, stride or offset, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// Always this.
    Known(u64),
    /// Whatever the symbol stands for in a run.
    Symbol(SymbolId),
    /// The value of an expression over symbols, such as `2*s0 + 1`, that is not evaluated. The graph computes what it needs of them by nodes.
    Unknown,
}

/// What the exporter recorded of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorMeta {
    /// The type of its elements.
    pub dtype: DType,
    /// Its sizes.
    pub shape: Vec<Size>,
    /// Steps between neighbours in each dimension, in elements.
    pub strides: Vec<Size>,
    /// Where in its storage it begins, in elements.
    pub offset: Size,
    /// How its elements are stored.
    pub layout: Layout,
    /// Where it was on export.
    pub device: Device,
    /// Whether gradients of it were asked for on export.
    pub requires_grad: bool,
}
