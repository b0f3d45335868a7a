//! Tables of other libraries, and for other libraries, without a copy: the Arrow C Data Interface.
//!
//! Whoever makes an array frees it, through the callback that travels with it. What the structures claim is checked before anything is read:
//! formats, counts, lengths, alignment, the order of offsets, UTF-8. What cannot be checked is whether a pointer points to that much memory:
//! only code that is trusted may hand over a table.
#![expect(unsafe_code, reason = "tables cross library boundaries as raw pointers")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::slice;
use std::sync::Arc;

use crate::{Column, Error, Result, Shared, Table, Values};

/// The most columns that are believed.
const MOST_COLUMNS: usize = 1 << 16;
/// The most rows that are believed.
const MOST_ROWS: usize = 1 << 40;

/// `struct ArrowSchema`.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowSchema {
    /// The type, as a format string.
    pub format: *const c_char,
    /// The name of the column.
    pub name: *const c_char,
    /// Not used.
    pub metadata: *const c_char,
    /// 2 where values may be missing.
    pub flags: i64,
    /// Number of columns of a table.
    pub n_children: i64,
    /// The columns of a table.
    pub children: *mut *mut ArrowSchema,
    /// Not used.
    pub dictionary: *mut ArrowSchema,
    /// Frees the structure; null where that has happened.
    pub release: Option<unsafe extern "C" fn(*mut ArrowSchema)>,
    /// The producer's own.
    pub private_data: *mut c_void,
}

/// `struct ArrowArray`.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowArray {
    /// Number of rows.
    pub length: i64,
    /// Number of missing values; −1 where nobody has counted.
    pub null_count: i64,
    /// Number of the first row in the buffers.
    pub offset: i64,
    /// Number of buffers.
    pub n_buffers: i64,
    /// Number of columns of a table.
    pub n_children: i64,
    /// The memory.
    pub buffers: *mut *const c_void,
    /// The columns of a table.
    pub children: *mut *mut ArrowArray,
    /// Not used.
    pub dictionary: *mut ArrowArray,
    /// Frees the structure; null where that has happened.
    pub release: Option<unsafe extern "C" fn(*mut ArrowArray)>,
    /// The producer's own.
    pub private_data: *mut c_void,
}

impl Drop for ArrowSchema {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: not released yet, and this is the owner.
            unsafe { release(self) }
        }
    }
}

impl Drop for ArrowArray {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: not released yet, and this is the owner.
            unsafe { release(self) }
        }
    }
}

// SAFETY: buffers never change, and the interface has releases work on any thread.
unsafe impl Send for ArrowArray {}
// SAFETY: as above.
unsafe impl Sync for ArrowArray {}

impl ArrowSchema {
    const RELEASED: Self = Self {
        format: ptr::null(),
        name: ptr::null(),
        metadata: ptr::null(),
        flags: 0,
        n_children: 0,
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release: None,
        private_data: ptr::null_mut(),
    };
}

impl ArrowArray {
    const RELEASED: Self = Self {
        length: 0,
        null_count: 0,
        offset: 0,
        n_buffers: 0,
        n_children: 0,
        buffers: ptr::null_mut(),
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release: None,
        private_data: ptr::null_mut(),
    };
}

/// What an exported schema points to.
struct SchemaOwner {
    format: CString,
    name: CString,
    children: Vec<*mut ArrowSchema>,
}

/// What an exported array points to.
struct ArrayOwner {
    buffers: Vec<*const c_void>,
    children: Vec<*mut ArrowArray>,
    /// Keeps the memory alive.
    _column: Option<Column>,
}

/// Hands a table over, as a struct array with a child for each column. A name that holds a zero byte ends there on the other side.
pub fn export(table: &Table) -> (Box<ArrowSchema>, Box<ArrowArray>) {
    let columns = table.columns().iter();
    let (schemas, arrays): (Vec<_>, Vec<_>) = columns.map(export_column).unzip();
    let schema = schema_of("+s", "", 0, schemas);
    let owner = ArrayOwner { buffers: vec![ptr::null()], children: arrays, _column: None };
    (Box::new(schema), Box::new(array_of(owner, table.rows(), 0, 0)))
}

fn export_column(column: &Column) -> (*mut ArrowSchema, *mut ArrowArray) {
    let validity = column.validity().map_or(ptr::null(), |bits| bits.as_ptr().cast());
    let (format, buffers) = match column.values() {
        Values::Booleans(values) => ("b", vec![validity, values.as_ptr().cast()]),
        Values::Integers(values) => ("l", vec![validity, values.as_ptr().cast()]),
        Values::Numbers(values) => ("g", vec![validity, values.as_ptr().cast()]),
        Values::Texts { offsets, bytes } => {
            ("U", vec![validity, offsets.as_ptr().cast(), bytes.as_ptr().cast()])
        }
    };
    let missing = if column.validity().is_some() { -1 } else { 0 };
    let owner = ArrayOwner { buffers, children: Vec::new(), _column: Some(column.clone()) };
    let schema = schema_of(format, column.name(), 2, Vec::new());
    let array = array_of(owner, column.rows(), column.offset(), missing);
    (Box::into_raw(Box::new(schema)), Box::into_raw(Box::new(array)))
}

fn schema_of(format: &str, name: &str, flags: i64, children: Vec<*mut ArrowSchema>) -> ArrowSchema {
    // A name with a zero byte ends there, as C has it.
    let text = |text: &str| CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default();
    let mut owner = Box::new(SchemaOwner { format: text(format), name: text(name), children });
    ArrowSchema {
        format: owner.format.as_ptr(),
        name: owner.name.as_ptr(),
        flags,
        n_children: owner.children.len() as i64,
        children: owner.children.as_mut_ptr(),
        metadata: ptr::null(),
        dictionary: ptr::null_mut(),
        release: Some(release_schema),
        private_data: Box::into_raw(owner).cast(),
    }
}

fn array_of(owner: ArrayOwner, rows: usize, offset: usize, missing: i64) -> ArrowArray {
    let mut owner = Box::new(owner);
    ArrowArray {
        length: rows as i64,
        null_count: missing,
        offset: offset as i64,
        n_buffers: owner.buffers.len() as i64,
        n_children: owner.children.len() as i64,
        buffers: owner.buffers.as_mut_ptr(),
        children: owner.children.as_mut_ptr(),
        dictionary: ptr::null_mut(),
        release: Some(release_array),
        private_data: Box::into_raw(owner).cast(),
    }
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: `schema` is one of `schema_of`, or a copy of it that was moved to, and is released once: `release` becomes null here.
    unsafe {
        let owner = Box::from_raw((*schema).private_data.cast::<SchemaOwner>());
        // Dropping a child releases it, unless it was moved out.
        owner.children.iter().for_each(|child| drop(Box::from_raw(*child)));
        (*schema).release = None;
    }
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: as in `release_schema`.
    unsafe {
        let owner = Box::from_raw((*array).private_data.cast::<ArrayOwner>());
        owner.children.iter().for_each(|child| drop(Box::from_raw(*child)));
        (*array).release = None;
    }
}

/// Takes a table over. Both structures are moved out of, also where the table is refused; columns of the formats `b`, `l`, `g` and `U` are not
/// copied, `i`, `f` and `u` are widened.
///
/// # Errors
/// Where the structures contradict themselves or hold what this library has no columns for; the message names the column.
///
/// # Safety
/// Each pointer is null or points to an initialised structure that nobody else will release, whose pointers are valid for what it claims.
pub unsafe fn import(array: *mut ArrowArray, schema: *mut ArrowSchema) -> Result<Table> {
    let whole = |expected: &str, got: &str| Error::mismatch("table", expected, got);
    if array.is_null() || !array.is_aligned() || schema.is_null() || !schema.is_aligned() {
        return Err(whole("an array and its schema", "a null or misaligned pointer"));
    }
    // SAFETY: the caller's word.
    let (array, schema) =
        unsafe { (ptr::replace(array, ArrowArray::RELEASED), ptr::replace(schema, ArrowSchema::RELEASED)) };
    if array.release.is_none() || schema.release.is_none() {
        return Err(whole("an array and its schema", "one that was released"));
    }
    // SAFETY: the caller's word.
    if unsafe { text(schema.format) } != Some("+s") {
        return Err(whole("the format of a struct, \"+s\"", "another one"));
    }
    let count = usize::try_from(array.n_children).ok().filter(|&count| count <= MOST_COLUMNS);
    let count = count.ok_or_else(|| whole("at most 65536 columns", &array.n_children.to_string()))?;
    if schema.n_children != array.n_children {
        return Err(whole("as many columns in the schema as in the array", &schema.n_children.to_string()));
    }
    if !array.dictionary.is_null() || !schema.dictionary.is_null() {
        return Err(whole("columns", "a dictionary"));
    }
    if array.n_buffers != 1 {
        return Err(whole("one buffer", &array.n_buffers.to_string()));
    }
    let rows = size(array.length).ok_or_else(|| whole("a number of rows", &array.length.to_string()))?;
    if array.null_count < -1 || array.null_count > array.length {
        return Err(whole("a number of missing rows", &array.null_count.to_string()));
    }
    let offset = size(array.offset).ok_or_else(|| whole("an offset", &array.offset.to_string()))?;
    // SAFETY: the caller's word; null and misaligned pointers are refused.
    let (arrays, schemas) = unsafe {
        let arrays = pointers(array.children.cast_const().cast::<*const ArrowArray>(), count);
        let schemas = pointers(schema.children.cast_const().cast::<*const ArrowSchema>(), count);
        let both = arrays.zip(schemas);
        both.ok_or_else(|| whole("its columns", "a null or misaligned pointer"))?
    };
    // SAFETY: the caller's word; null and misaligned pointers are refused.
    let buffers = unsafe { pointers(array.buffers.cast_const(), 1) };
    let validity = buffers.ok_or_else(|| whole("its buffer", "a null or misaligned pointer"))?[0];
    let owner = Arc::new(array);
    let mut missing = usize::try_from(owner.null_count).unwrap_or(0);
    if !validity.is_null() {
        let bits = foreign::<u8>(&owner, validity, (offset + rows).div_ceil(8));
        let bits = bits.ok_or_else(|| whole("a map of missing rows", "a pointer beyond memory"))?;
        missing = missing.max(count_missing(&bits, offset, rows));
    }
    if missing > 0 {
        return Err(whole("no missing rows", &missing.to_string()));
    }
    let columns = arrays.iter().zip(schemas).enumerate().map(|(i, (&array, &schema))| {
        if array.is_null() || !array.is_aligned() || schema.is_null() || !schema.is_aligned() {
            return Err(whole("its columns", &format!("column {i} is a null or misaligned pointer")));
        }
        // SAFETY: children live as long as their parent, which the column keeps.
        let (array, schema) = unsafe { (&*array, &*schema) };
        if array.release.is_none() || schema.release.is_none() {
            // Somebody moved it out, and may have freed it.
            let place = format!("column {i}");
            return Err(Error::mismatch(place, "an array and its schema", "one that was released"));
        }
        // SAFETY: the caller's word.
        unsafe { import_column(array, schema, i, offset, rows, &owner) }
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let table = Table::new(columns)?;
    Ok(if table.columns().is_empty() { Table::without_columns(rows) } else { table })
}

/// One column, of which rows `skipped..skipped + rows` belong to the table.
unsafe fn import_column(
    array: &ArrowArray,
    schema: &ArrowSchema,
    number: usize,
    skipped: usize,
    rows: usize,
    owner: &Arc<ArrowArray>,
) -> Result<Column> {
    // SAFETY: the caller's word.
    let (name, format) = unsafe { (text(schema.name), text(schema.format)) };
    let name = name.filter(|name| name.len() <= 4096).ok_or_else(|| {
        let got = if schema.name.is_null() { "none" } else { "another" };
        Error::mismatch(format!("column {number}"), "a name in UTF-8 of at most 4096 bytes", got)
    })?;
    let wrong = |expected: &str, got: String| Error::mismatch(format!("column {name:?}"), expected, got);
    let format = format.unwrap_or_default();
    if !schema.dictionary.is_null() || !array.dictionary.is_null() {
        return Err(wrong("values", "a dictionary".into()));
    }
    let expected = match format {
        "b" | "l" | "i" | "g" | "f" => 2,
        "U" | "u" => 3,
        other => {
            let got: String = other.chars().take(40).collect();
            return Err(wrong("one of the formats b, i, l, f, g, u, U", format!("{got:?}")));
        }
    };
    let within = if array.n_children == 0 { schema.n_children } else { array.n_children };
    if within != 0 || array.n_buffers != expected {
        let got = format!("{} and {within} columns within", array.n_buffers);
        return Err(wrong(&format!("{expected} buffers"), got));
    }
    let length = size(array.length).ok_or_else(|| wrong("a number of rows", array.length.to_string()))?;
    let own = size(array.offset).ok_or_else(|| wrong("an offset", array.offset.to_string()))?;
    let first = own + skipped;
    // At most 2^40 each: sums cannot overflow.
    let end = first + rows;
    if skipped + rows > length {
        return Err(wrong(&format!("at least {} rows", skipped + rows), length.to_string()));
    }
    if array.null_count < -1 || array.null_count > length as i64 {
        return Err(wrong("a number of missing values", array.null_count.to_string()));
    }
    // SAFETY: the caller's word.
    let buffers = unsafe { pointers(array.buffers.cast_const(), expected as usize) };
    let buffers = buffers.ok_or_else(|| wrong("its buffers", "a null or misaligned pointer".into()))?;
    let bad = || wrong("values in memory", "a null or misaligned pointer".into());
    let bytes = |buffer: usize, length: usize| foreign::<u8>(owner, buffers[buffer], length).ok_or_else(bad);
    let validity = match buffers[0].is_null() {
        true if array.null_count > 0 => {
            return Err(wrong("a map of missing values", "none".into()));
        }
        true => None,
        false => Some(bytes(0, end.div_ceil(8))?),
    };
    let missing = validity.as_ref().map_or(0, |bits| count_missing(bits, first, rows));
    // Rows of the column that are none of the table's may be missing too.
    if usize::try_from(array.null_count).is_ok_and(|count| count < missing || count - missing > length - rows)
    {
        return Err(wrong(&format!("a count of {missing} missing values"), array.null_count.to_string()));
    }
    let values = match format {
        "b" => Values::Booleans(bytes(1, end.div_ceil(8))?),
        "l" => Values::Integers(foreign(owner, buffers[1], end).ok_or_else(bad)?),
        "g" => Values::Numbers(foreign(owner, buffers[1], end).ok_or_else(bad)?),
        "i" => {
            let narrow: Shared<i32> = foreign(owner, buffers[1], end).ok_or_else(bad)?;
            Values::Integers(narrow.iter().map(|&v| i64::from(v)).collect())
        }
        "f" => {
            let narrow: Shared<f32> = foreign(owner, buffers[1], end).ok_or_else(bad)?;
            Values::Numbers(narrow.iter().map(|&v| f64::from(v)).collect())
        }
        _ => {
            // Without any row, a producer may leave out even the one offset.
            let offsets: Shared<i64> = if end == 0 {
                vec![0].into()
            } else if format == "U" {
                foreign(owner, buffers[1], end + 1).ok_or_else(bad)?
            } else {
                let narrow: Shared<i32> = foreign(owner, buffers[1], end + 1).ok_or_else(bad)?;
                narrow.iter().map(|&v| i64::from(v)).collect()
            };
            let used = &offsets[first.min(end)..=end];
            let ordered = used.windows(2).all(|pair| pair[0] <= pair[1]) && used[0] >= 0;
            let last = usize::try_from(used[used.len() - 1]).ok().filter(|_| ordered);
            let last =
                last.ok_or_else(|| wrong("texts one after the other", "offsets out of order".into()))?;
            let bytes = bytes(2, last)?;
            let valid = used
                .windows(2)
                .all(|pair| std::str::from_utf8(&bytes[pair[0] as usize..pair[1] as usize]).is_ok());
            if !valid {
                return Err(wrong("texts in UTF-8", "other bytes".into()));
            }
            Values::Texts { offsets, bytes }
        }
    };
    Ok(Column::from_memory(name, values, validity, first, rows))
}

/// A size that is believed.
fn size(number: i64) -> Option<usize> {
    usize::try_from(number).ok().filter(|&number| number <= MOST_ROWS)
}

/// How many of so many rows have no value. The map must reach to the last of them.
fn count_missing(validity: &[u8], first: usize, rows: usize) -> usize {
    let ones = |end: usize| {
        let (whole, rest) = validity.split_at(end / 8);
        let part = rest.first().map_or(0, |byte| byte & ((1 << (end % 8)) - 1));
        whole.iter().map(|byte| byte.count_ones() as usize).sum::<usize>() + part.count_ones() as usize
    };
    rows - (ones(first + rows) - ones(first))
}

/// A C string in UTF-8; nothing for a null pointer.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's word that the text ends.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

/// So many pointers.
unsafe fn pointers<'a, T>(first: *const *const T, count: usize) -> Option<&'a [*const T]> {
    if count == 0 {
        return Some(&[]);
    }
    // SAFETY: the caller's word; neither null nor misaligned.
    (!first.is_null() && first.is_aligned()).then(|| unsafe { slice::from_raw_parts(first, count) })
}

/// So many values of a buffer, which keep the whole array alive.
fn foreign<T: Send + Sync + 'static>(
    owner: &Arc<ArrowArray>,
    buffer: *const c_void,
    length: usize,
) -> Option<Shared<T>> {
    if length == 0 {
        return Some(Shared::default());
    }
    let data = buffer.cast::<T>();
    let bytes = length.checked_mul(size_of::<T>()).filter(|&bytes| isize::try_from(bytes).is_ok());
    let fits = bytes.is_some_and(|bytes| (data as usize).checked_add(bytes).is_some());
    if data.is_null() || !data.is_aligned() || !fits {
        return None;
    }
    Some(Shared::foreign(Arc::new(Part { _owner: Arc::clone(owner), data, length })))
}

/// A buffer of an array of another library.
struct Part<T> {
    _owner: Arc<ArrowArray>,
    data: *const T,
    length: usize,
}

// SAFETY: buffers never change.
unsafe impl<T: Send> Send for Part<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Part<T> {}

impl<T> AsRef<[T]> for Part<T> {
    fn as_ref(&self) -> &[T] {
        // SAFETY: whoever handed the array over promised that its buffers are there until it is released, which its owner here does last.
        unsafe { slice::from_raw_parts(self.data, self.length) }
    }
}
