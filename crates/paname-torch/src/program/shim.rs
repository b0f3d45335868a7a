//! The boundary to shim.cpp: a program is built call by call, then run.
#![expect(unsafe_code, reason = "calls of the shim over libtorch, and tensors that cross by their address")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use paname_core::{Error, Result};
use tch::{Device, Kind, TchError, Tensor};
use torch_sys::C_tensor;

use crate::program::allowed::Operator;

/// A tensor that a program makes may have so many elements, whatever sizes its file asks for.
pub(crate) const MOST_ELEMENTS: i64 = 1 << 31;

/// Slots below 0 of a known operand of arithmetic.
const KNOWN_WHOLE: i64 = -1;
const KNOWN_REAL: i64 = -2;
const KNOWN_TRUTH: i64 = -3;

/// Who may write to an input of a program; the numbers of shim.cpp.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nobody: a parameter or a constant.
    Fixed,
    /// Training, to a buffer. When the model is asked, a program that writes to it has a copy.
    Buffer,
    /// The program, to a copy of what the user gives.
    User,
}

/// A number, a truth value, or the slot of one; of tensors the slot alone, below 0 for an absent one.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    slot: i64,
    whole: i64,
    real: f64,
}

impl Cell {
    /// An absent tensor.
    pub(crate) const ABSENT: Self = Self { slot: -1, whole: 0, real: 0.0 };

    /// What lies in a slot.
    pub(crate) fn slot(slot: u32) -> Self {
        Self { slot: slot.into(), ..Self::ABSENT }
    }

    /// A whole number.
    pub(crate) fn whole(value: i64) -> Self {
        Self { slot: KNOWN_WHOLE, whole: value, real: 0.0 }
    }

    /// A real number.
    pub(crate) fn real(value: f64) -> Self {
        Self { slot: KNOWN_REAL, whole: 0, real: value }
    }

    /// A truth value.
    pub(crate) fn truth(value: bool) -> Self {
        Self { slot: KNOWN_TRUTH, whole: value.into(), real: 0.0 }
    }
}

/// Which kind of argument cells are; the numbers of shim.cpp.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivenKind {
    Nothing,
    Tensor,
    Tensors,
    Whole,
    Wholes,
    Real,
    Reals,
    Truth,
    Truths,
    Text,
    DType,
    Layout,
    MemoryFormat,
    Device,
    Complex,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: GivenKind,
    pub(crate) cells: Vec<Cell>,
    pub(crate) text: &'a str,
}

/// Where one of the values that an operator returns goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Returned {
    /// Nowhere.
    Nothing,
    /// Into a slot.
    Value(u32),
    /// A list: each into a slot, or nowhere.
    List(Vec<Option<u32>>),
}

/// Arithmetic of sizes; the numbers of shim.cpp.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    FloorDivide,
    Modulo,
    Power,
    Divide,
    Negate,
    Absolute,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Not,
    Least,
    Greatest,
    ToReal,
    ToWhole,
    Choose,
    Floor,
    Ceiling,
    Truncate,
    Root,
}

#[repr(C)]
struct RawProgram {
    _private: [u8; 0],
}

#[repr(C)]
struct RawGiven {
    name: *const c_char,
    name_length: usize,
    kind: GivenKind,
    cells: *const Cell,
    count: usize,
    text: *const c_char,
    text_length: usize,
}

#[repr(C)]
struct RawRun {
    inputs: *const *const C_tensor,
    training: bool,
    wanted: *const u32,
    wanted_count: usize,
    results: *mut *mut C_tensor,
    failed: usize,
}

unsafe extern "C" {
    fn paname_text_free(text: *mut c_char);
    fn paname_program_new(
        roles: *const u8,
        inputs: usize,
        slots: usize,
        device: c_int,
        most: i64,
        made: *mut *mut RawProgram,
    ) -> *mut c_char;
    fn paname_program_free(program: *mut RawProgram);
    fn paname_program_call(
        program: *mut RawProgram,
        name: *const c_char,
        overload: *const c_char,
        given: *const RawGiven,
        count: usize,
        returned: *const i64,
        returned_count: usize,
        may_return_input: bool,
    ) -> *mut c_char;
    fn paname_program_compute(
        program: *mut RawProgram,
        what: Arithmetic,
        operands: *const Cell,
        count: usize,
        result: u32,
    ) -> *mut c_char;
    fn paname_program_enter_gradient(program: *mut RawProgram, enabled: bool) -> *mut c_char;
    fn paname_program_enter_autocast(
        program: *mut RawProgram,
        on_cuda: bool,
        precision: c_int,
        enabled: bool,
        cached: bool,
    ) -> *mut c_char;
    fn paname_program_leave(program: *mut RawProgram) -> *mut c_char;
    fn paname_program_finish(program: *mut RawProgram, outputs: *const i64, count: usize) -> *mut c_char;
    fn paname_program_run(program: *const RawProgram, run: *mut RawRun) -> *mut c_char;
    fn paname_tensor_lent(
        data: *mut c_void,
        sizes: *const i64,
        strides: *const i64,
        dimensions: usize,
        kind: c_int,
        owner: *mut c_void,
        release: extern "C" fn(*mut c_void),
        made: *mut *mut C_tensor,
    ) -> *mut c_char;
    #[cfg(test)]
    fn paname_schema(name: *const c_char, overload: *const c_char) -> *mut c_char;
}

/// The text that the shim returned, which is freed; none where it returned none.
fn taken(text: *mut c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: a text of the shim ends in a zero byte and is ours to free, once.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        paname_text_free(text);
        Some(copy)
    }
}

/// The problem that the shim returned.
fn checked(text: *mut c_char) -> std::result::Result<(), TchError> {
    taken(text).map_or(Ok(()), |problem| Err(TchError::Torch(problem)))
}

/// A compiled program: it is complete, and never changes again.
pub(crate) struct Compiled {
    program: Raw,
    inputs: usize,
    slots: usize,
    outputs: usize,
}

struct Raw(NonNull<RawProgram>);

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: the address is that of a program of the shim, which nobody else has.
        unsafe { paname_program_free(self.0.as_ptr()) }
    }
}

// SAFETY: a run reads the program alone, and what its values share is counted atomically by libtorch; the tensors in it are constants of one number.
unsafe impl Send for Compiled {}
// SAFETY: as above.
unsafe impl Sync for Compiled {}

/// What a run gives: outputs, none for one that is no tensor, and the values that were wanted.
pub(crate) struct Results {
    pub(crate) outputs: Vec<Option<Tensor>>,
    pub(crate) wanted: Vec<Tensor>,
}

/// Why a run failed, and at which step.
pub(crate) struct Failure {
    pub(crate) step: usize,
    pub(crate) error: TchError,
}

impl Compiled {
    /// Runs the program on its inputs, in order. `wanted` names slots whose values are given besides the outputs, as they were when they were computed. In
    /// training, dropout is active, normalisation goes by the batch, and inputs that are buffers may be written to.
    pub(crate) fn run(
        &self,
        inputs: &[&Tensor],
        training: bool,
        wanted: &[u32],
    ) -> std::result::Result<Results, Failure> {
        if inputs.len() != self.inputs || wanted.iter().any(|&slot| slot as usize >= self.slots) {
            let error = TchError::Torch(format!("expected {} inputs and values of the program", self.inputs));
            return Err(Failure { step: usize::MAX, error });
        }
        let addresses: Vec<*const C_tensor> = inputs.iter().map(|input| input.as_ptr()).collect();
        let mut results = vec![std::ptr::null_mut(); self.outputs + wanted.len()];
        let mut run = RawRun {
            inputs: addresses.as_ptr(),
            training,
            wanted: wanted.as_ptr(),
            wanted_count: wanted.len(),
            results: results.as_mut_ptr(),
            failed: 0,
        };
        // SAFETY: the program is complete; there are as many inputs as it has, and room for its outputs and what is wanted, whose slots exist.
        let problem = taken(unsafe { paname_program_run(self.program.0.as_ptr(), &raw mut run) });
        if let Some(problem) = problem {
            return Err(Failure { step: run.failed, error: TchError::Torch(problem) });
        }
        let tensor = |address: *mut C_tensor| {
            // SAFETY: a tensor that the shim has made for the caller, who frees it by dropping this.
            (!address.is_null()).then(|| unsafe { Tensor::from_ptr(address) })
        };
        let mut all = results.into_iter().map(tensor);
        let outputs = all.by_ref().take(self.outputs).collect();
        Ok(Results { outputs, wanted: all.flatten().collect() })
    }
}

/// A program that is being built.
pub(crate) struct Builder {
    program: Raw,
    inputs: usize,
    slots: usize,
}

impl Builder {
    /// A program without steps, whose first slots are its inputs.
    pub(crate) fn new(inputs: &[Role], slots: usize, device: Device) -> Result<Self> {
        let roles: Vec<u8> = inputs.iter().map(|&role| role as u8).collect();
        let device = match device {
            Device::Cuda(number) => number as c_int,
            _ => -1,
        };
        let slots = slots.max(roles.len());
        let mut made = std::ptr::null_mut();
        // SAFETY: as many roles as it is told, and a place for the address.
        let problem = unsafe {
            paname_program_new(roles.as_ptr(), roles.len(), slots, device, MOST_ELEMENTS, &raw mut made)
        };
        checked(problem).map_err(crate::error::from_torch)?;
        let program = NonNull::new(made).ok_or_else(|| Error::Other("no program was made".into()))?;
        Ok(Self { program: Raw(program), inputs: inputs.len(), slots })
    }

    /// Adds a call of an operator. Every slot that is named must be one that was defined before, and the problem says which argument is wrong.
    pub(crate) fn call(
        &mut self,
        operator: &Operator,
        given: &[Given<'_>],
        returned: &[Returned],
    ) -> std::result::Result<(), TchError> {
        self.all_exist(given.iter().flat_map(|given| &given.cells))?;
        let text =
            |text: &str| CString::new(text).map_err(|_| TchError::Torch("a name with a zero byte".into()));
        let (name, overload) = (text(&operator.name)?, text(&operator.overload)?);
        let raw: Vec<RawGiven> = given
            .iter()
            .map(|given| RawGiven {
                name: given.name.as_ptr().cast(),
                name_length: given.name.len(),
                kind: given.kind,
                cells: given.cells.as_ptr(),
                count: given.cells.len(),
                text: given.text.as_ptr().cast(),
                text_length: given.text.len(),
            })
            .collect();
        let mut places = Vec::new();
        for returned in returned {
            match returned {
                Returned::Nothing => places.push(-1),
                Returned::Value(slot) => places.push((*slot).into()),
                Returned::List(slots) => {
                    places.extend([-2, slots.len() as i64]);
                    places.extend(slots.iter().map(|slot| slot.map_or(-1, i64::from)));
                }
            }
        }
        // SAFETY: texts, cells and places live until the call returns, with the lengths that are told; slots exist.
        checked(unsafe {
            paname_program_call(
                self.program.0.as_ptr(),
                name.as_ptr(),
                overload.as_ptr(),
                raw.as_ptr(),
                raw.len(),
                places.as_ptr(),
                places.len(),
                operator.may_return_input,
            )
        })
    }

    /// Adds arithmetic of sizes, with as many operands as it takes.
    pub(crate) fn compute(
        &mut self,
        what: Arithmetic,
        operands: &[Cell],
        result: u32,
    ) -> std::result::Result<(), TchError> {
        self.all_exist(operands)?;
        if operands.len() > 3 {
            return Err(TchError::Torch("more than three operands".into()));
        }
        // SAFETY: as many operands as are told; slots exist.
        checked(unsafe {
            paname_program_compute(self.program.0.as_ptr(), what, operands.as_ptr(), operands.len(), result)
        })
    }

    /// Adds the beginning of a region in which gradients are followed, or not.
    pub(crate) fn enter_gradient(&mut self, enabled: bool) -> std::result::Result<(), TchError> {
        // SAFETY: plain values.
        checked(unsafe { paname_program_enter_gradient(self.program.0.as_ptr(), enabled) })
    }

    /// Adds the beginning of a region of mixed precision; `precision` is the number of a type of libtorch, or none for its default.
    pub(crate) fn enter_autocast(
        &mut self,
        on_cuda: bool,
        precision: Option<c_int>,
        enabled: bool,
        cached: bool,
    ) -> std::result::Result<(), TchError> {
        let precision = precision.unwrap_or(-1);
        // SAFETY: plain values; the number is that of a type.
        checked(unsafe {
            paname_program_enter_autocast(self.program.0.as_ptr(), on_cuda, precision, enabled, cached)
        })
    }

    /// Adds the end of the innermost region.
    pub(crate) fn leave(&mut self) -> std::result::Result<(), TchError> {
        // SAFETY: a program.
        checked(unsafe { paname_program_leave(self.program.0.as_ptr()) })
    }

    /// Completes the program: the slots of its outputs, none for one that is no value.
    pub(crate) fn finish(self, outputs: &[Option<u32>]) -> std::result::Result<Compiled, TchError> {
        let slots: Vec<i64> = outputs.iter().map(|slot| slot.map_or(-1, i64::from)).collect();
        // SAFETY: as many slots as are told, all of which exist.
        checked(unsafe { paname_program_finish(self.program.0.as_ptr(), slots.as_ptr(), slots.len()) })?;
        let Self { program, inputs, slots } = self;
        Ok(Compiled { program, inputs, slots, outputs: outputs.len() })
    }

    fn all_exist<'a>(&self, cells: impl IntoIterator<Item = &'a Cell>) -> std::result::Result<(), TchError> {
        if cells.into_iter().any(|cell| cell.slot >= self.slots as i64) {
            return Err(TchError::Torch("a value that does not exist".into()));
        }
        Ok(())
    }
}

/// A tensor that reads `bytes`, which `owner` keeps where they are for as long as anything of libtorch needs them, a graph of gradients included.
pub(crate) fn lent<T: Send + Sync + 'static>(
    bytes: &[u8],
    shape: &[i64],
    strides: &[i64],
    kind: Kind,
    owner: Arc<T>,
) -> Result<Tensor> {
    extern "C" fn release<T>(owner: *mut c_void) {
        // SAFETY: the address that `Arc::into_raw` gave below, given back once.
        drop(unsafe { Arc::from_raw(owner.cast::<T>()) });
    }
    let last: i64 = shape.iter().zip(strides).map(|(size, stride)| (size - 1).max(0) * stride).sum();
    let needed = (last as usize + 1).saturating_mul(kind.elt_size_in_bytes());
    let sound = shape.len() == strides.len() && shape.iter().chain(strides).all(|&number| number >= 0);
    if !sound || needed > bytes.len() || bytes.as_ptr().align_offset(kind.elt_size_in_bytes()) != 0 {
        return Err(Error::Other("memory does not fit the tensor that it is said to be".into()));
    }
    let mut made = std::ptr::null_mut();
    // SAFETY: the memory is as large as sizes and strides say, aligned, and stays where it is while `owner` lives, which the tensor holds; nothing writes
    // to it, since programs may not write to what they are given, and fits move copies.
    let problem = unsafe {
        paname_tensor_lent(
            bytes.as_ptr().cast_mut().cast(),
            shape.as_ptr(),
            strides.as_ptr(),
            shape.len(),
            number_of(kind),
            Arc::into_raw(owner).cast_mut().cast(),
            release::<T>,
            &raw mut made,
        )
    };
    checked(problem).map_err(crate::error::from_torch)?;
    // SAFETY: a tensor that the shim has made for the caller, who frees it by dropping this.
    Ok(unsafe { Tensor::from_ptr(made) })
}

/// The number of a type of elements in libtorch.
pub(crate) fn number_of(kind: Kind) -> c_int {
    match kind {
        Kind::Uint8 => 0,
        Kind::Int8 => 1,
        Kind::Int16 => 2,
        Kind::Int => 3,
        Kind::Int64 => 4,
        Kind::Half => 5,
        Kind::Float => 6,
        Kind::Double => 7,
        Kind::ComplexHalf => 8,
        Kind::ComplexFloat => 9,
        Kind::ComplexDouble => 10,
        Kind::Bool => 11,
        Kind::QInt8 => 12,
        Kind::QUInt8 => 13,
        Kind::QInt32 => 14,
        Kind::BFloat16 => 15,
        Kind::Float8e5m2 => 23,
        Kind::Float8e4m3fn => 24,
        Kind::Float8e5m2fnuz => 25,
        Kind::Float8e4m3fnuz => 26,
    }
}

/// The schema of an operator as libtorch writes it; none where it has no such operator.
#[cfg(test)]
pub(crate) fn schema(operator: &Operator) -> Option<String> {
    let text = |text: &str| CString::new(text).ok();
    let (name, overload) = (text(&operator.name)?, text(&operator.overload)?);
    // SAFETY: two texts that end in a zero byte.
    taken(unsafe { paname_schema(name.as_ptr(), overload.as_ptr()) })
}
