//! Tables that other libraries make and take, held against `arrow-array`, and structures that nobody should believe.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(unsafe_code, reason = "tables cross as raw pointers")]

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, LargeStringArray,
    ListArray, StringArray, StructArray, ffi,
};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use paname_core::arrow::{ArrowArray, ArrowSchema, export, import};
use paname_core::{Column, Result, Table, Values};
use proptest::prelude::*;

fn sample() -> Table {
    Table::new(vec![
        Column::booleans("b", vec![Some(true), None, Some(false), Some(true), Some(true)]),
        Column::integers("i", vec![1, -2, 3, i64::MAX, 5]),
        Column::numbers("n", vec![Some(0.5), Some(-1.5), None, Some(f64::INFINITY), Some(0.0)]),
        Column::texts(
            "t",
            vec![
                Some("a".to_owned()),
                Some(String::new()),
                None,
                Some("été".to_owned()),
                Some("z".to_owned()),
            ],
        ),
    ])
    .unwrap()
}

/// Every value, as text.
fn cells(table: &Table) -> Vec<Vec<String>> {
    let cell = |column: &Column, row: usize| match column.values() {
        Values::Booleans(_) => format!("{:?}", column.boolean(row)),
        Values::Integers(_) => format!("{:?}", column.integer(row)),
        Values::Numbers(_) => format!("{:?}", column.number(row)),
        _ => format!("{:?}", column.text(row)),
    };
    table.columns().iter().map(|column| (0..table.rows()).map(|row| cell(column, row)).collect()).collect()
}

/// What `arrow-array` makes of a table of ours.
fn taken(table: &Table) -> StructArray {
    let (mut schema, mut array) = export(table);
    // SAFETY: both have the layout of the C Data Interface, and are moved out of their boxes here.
    let data = unsafe {
        let array = FFI_ArrowArray::from_raw((&raw mut *array).cast());
        let schema = FFI_ArrowSchema::from_raw((&raw mut *schema).cast());
        ffi::from_ffi(array, &schema).unwrap()
    };
    data.validate_full().unwrap();
    StructArray::from(data)
}

/// What we make of arrays of `arrow-array`.
fn given(array: &StructArray) -> Result<Table> {
    let (mut array, mut schema) = ffi::to_ffi(&array.to_data()).unwrap();
    // SAFETY: both have the layout of the C Data Interface; what is left of them after the move is released.
    unsafe { import((&raw mut array).cast::<ArrowArray>(), (&raw mut schema).cast::<ArrowSchema>()) }
}

fn columns(columns: Vec<(&str, ArrayRef)>) -> StructArray {
    StructArray::try_from(columns).unwrap()
}

#[test]
fn another_library_reads_what_this_one_exports() {
    for (table, rows) in
        [(sample(), 0..5), (sample().slice(1..4).unwrap(), 1..4), (sample().slice(2..2).unwrap(), 2..2)]
    {
        let array = taken(&table);
        assert_eq!(array.len(), rows.len());
        let booleans = [Some(true), None, Some(false), Some(true), Some(true)];
        let integers = [1, -2, 3, i64::MAX, 5];
        let numbers = [Some(0.5), Some(-1.5), None, Some(f64::INFINITY), Some(0.0)];
        let texts = [Some("a"), Some(""), None, Some("été"), Some("z")];
        let column = |name| array.column_by_name(name).unwrap();
        let expected: [ArrayRef; 4] = [
            Arc::new(BooleanArray::from(booleans[rows.clone()].to_vec())),
            Arc::new(Int64Array::from(integers[rows.clone()].to_vec())),
            Arc::new(Float64Array::from(numbers[rows.clone()].to_vec())),
            Arc::new(LargeStringArray::from(texts[rows].to_vec())),
        ];
        for (name, expected) in ["b", "i", "n", "t"].into_iter().zip(&expected) {
            assert_eq!(column(name), expected, "{name}");
        }
    }
    let nothing = taken(&Table::default());
    assert_eq!((nothing.len(), nothing.num_columns()), (0, 0));
}

#[test]
fn what_another_library_exports_is_read_in_place() {
    let integers = Int64Array::from((0..20).collect::<Vec<_>>());
    let numbers =
        Float64Array::from((0..20).map(|i| (i % 3 != 0).then_some(f64::from(i))).collect::<Vec<_>>());
    let texts =
        LargeStringArray::from((0..20).map(|i| (i % 4 != 1).then(|| "x".repeat(i))).collect::<Vec<_>>());
    let booleans =
        BooleanArray::from((0..20).map(|i| (i % 5 != 2).then_some(i % 2 == 0)).collect::<Vec<_>>());
    let address = integers.values().as_ptr();
    let array = columns(vec![
        ("i", Arc::new(integers)),
        ("n", Arc::new(numbers)),
        ("t", Arc::new(texts)),
        ("b", Arc::new(booleans)),
    ]);
    for (start, length) in [(0, 20), (3, 11), (7, 13), (9, 1), (20, 0)] {
        let table = given(&array.slice(start, length)).unwrap();
        assert_eq!(table.rows(), length);
        for row in 0..length {
            let i = start + row;
            let column = |name| table.column(name).unwrap();
            assert_eq!(column("i").integer(row), Some(i as i64));
            assert_eq!(column("i").number(row), Some(i as f64));
            assert_eq!(column("n").number(row), (i % 3 != 0).then_some(i as f64), "{i}");
            assert_eq!(column("t").text(row), (i % 4 != 1).then(|| "x".repeat(i)).as_deref(), "{i}");
            assert_eq!(column("b").boolean(row), (i % 5 != 2).then_some(i % 2 == 0), "{i}");
            assert_eq!(column("b").is_missing(row), i % 5 == 2);
        }
        // Through this library and back again nothing is lost either.
        let back = taken(&table);
        assert_eq!(cells(&given(&back).unwrap()), cells(&table));
    }
    let table = given(&array).unwrap();
    let Values::Integers(values) = table.column("i").unwrap().values() else { panic!("no integers") };
    assert_eq!(values.as_ptr(), address, "copied");
}

#[test]
fn tables_without_rows_or_columns_cross() {
    let table = given(&StructArray::new_empty_fields(3, None)).unwrap();
    assert_eq!((table.rows(), table.columns().len()), (3, 0));
    assert_eq!(taken(&table).len(), 3);
    let table = given(&columns(vec![
        ("b", Arc::new(BooleanArray::from(Vec::<bool>::new()))),
        ("i", Arc::new(Int64Array::from(Vec::<i64>::new()))),
        ("t", Arc::new(LargeStringArray::from(Vec::<&str>::new()))),
        ("u", Arc::new(StringArray::from(Vec::<&str>::new()))),
    ]))
    .unwrap();
    assert_eq!(table.rows(), 0);
    assert_eq!(cells(&given(&taken(&table)).unwrap()), vec![Vec::<String>::new(); 4]);
}

/// Both the table and its column may begin late: `arrow-array` slices columns alone.
#[test]
fn offsets_of_a_table_and_of_its_column_add_up() {
    for nulls in [-1, 0, 1, 2, 3, 4, 5] {
        bent(
            "l",
            |p| {
                // Of the column's values 1 to 5 the table has 3, 4 and 5, the second of which is missing.
                (p.array.offset, p.array.length) = (2, 3);
                p.memory.validity[0] = 0b1110_1111;
                // SAFETY: the producer's own box.
                let child = unsafe { &mut *p.child };
                (child.offset, child.length, child.null_count) = (1, 5, nulls);
            },
            |table| match nulls {
                // The two rows before may be missing too, for all that the table knows.
                -1 | 1..=3 => assert_eq!(cells(&table.unwrap()), [["Some(3)", "None", "Some(5)"]]),
                _ => assert!(table.is_err(), "{nulls}"),
            },
        );
    }
}

#[test]
fn narrow_types_are_widened_and_others_refused_by_name() {
    let table = given(&columns(vec![
        ("i", Arc::new(Int32Array::from(vec![Some(1), None, Some(-3)]))),
        ("f", Arc::new(Float32Array::from(vec![0.5, 1.5, 2.5]))),
        ("t", Arc::new(StringArray::from(vec![Some("a"), None, Some("cé")]))),
    ]));
    assert_eq!(
        cells(&table.unwrap()),
        [
            ["Some(1)", "None", "Some(-3)"],
            ["Some(0.5)", "Some(1.5)", "Some(2.5)"],
            ["Some(\"a\")", "None", "Some(\"cé\")"]
        ]
    );
    let list = ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>([Some(vec![Some(1)])]);
    let error = given(&columns(vec![("x", Arc::new(list))])).unwrap_err().to_string();
    assert_eq!(error, "column \"x\": expected one of the formats b, i, l, f, g, u, U, got \"+l\"");
    let nested = columns(vec![("y", Arc::new(Int64Array::from(vec![1])))]);
    let error = given(&columns(vec![("x", Arc::new(nested))])).unwrap_err().to_string();
    assert_eq!(error, "column \"x\": expected one of the formats b, i, l, f, g, u, U, got \"+s\"");
}

/// A table of one column of six 64-bit values, of which everything can be bent, counting how often its parts are released.
struct Producer {
    array: ArrowArray,
    schema: ArrowSchema,
    child: *mut ArrowArray,
    child_schema: *mut ArrowSchema,
    buffers: Vec<*const c_void>,
    released: Arc<AtomicUsize>,
    /// How often a child was released, which is not the reader's to do.
    child_released: Arc<AtomicUsize>,
    memory: Memory,
}

struct Memory {
    values: [i64; 7],
    validity: [u8; 8],
    text: [u8; 8],
    struct_buffers: Box<[*const c_void; 1]>,
    children: Box<[*mut ArrowArray; 1]>,
    child_schemas: Box<[*mut ArrowSchema; 1]>,
    strings: Vec<CString>,
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: `private_data` is the counter that `producer` leaked, once for each structure.
    unsafe {
        let counter = Arc::from_raw((*array).private_data.cast::<AtomicUsize>());
        counter.fetch_add(1, Ordering::Relaxed);
        (*array).release = None;
    }
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: as above.
    unsafe {
        let counter = Arc::from_raw((*schema).private_data.cast::<AtomicUsize>());
        counter.fetch_add(1, Ordering::Relaxed);
        (*schema).release = None;
    }
}

fn producer(format: &str) -> Box<Producer> {
    let (released, child_released) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counter = |of: &Arc<AtomicUsize>| Arc::into_raw(Arc::clone(of)).cast_mut().cast::<c_void>();
    let strings = ["+s", "", format, "col"].map(|text| CString::new(text).unwrap()).to_vec();
    let empty_array = |private_data, release| ArrowArray {
        length: 6,
        null_count: 0,
        offset: 0,
        n_buffers: 1,
        n_children: 0,
        buffers: ptr::null_mut(),
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release,
        private_data,
    };
    let schema_of = |format: usize, private_data, release| ArrowSchema {
        format: strings[format].as_ptr(),
        name: strings[format + 1].as_ptr(),
        metadata: ptr::null(),
        flags: 2,
        n_children: 0,
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release,
        private_data,
    };
    // Children are released with their producer, which outlives what is made of it.
    let child = Box::into_raw(Box::new(empty_array(counter(&child_released), Some(release_array))));
    let child_schema = Box::into_raw(Box::new(schema_of(2, counter(&child_released), Some(release_schema))));
    let mut producer = Box::new(Producer {
        array: empty_array(counter(&released), Some(release_array)),
        schema: schema_of(0, counter(&released), Some(release_schema)),
        child,
        child_schema,
        buffers: vec![ptr::null(); 3],
        released,
        child_released,
        memory: Memory {
            values: [0, 1, 2, 3, 4, 5, 6],
            validity: [0xff; 8],
            text: *b"abcdefgh",
            struct_buffers: Box::new([ptr::null()]),
            children: Box::new([child]),
            child_schemas: Box::new([child_schema]),
            strings,
        },
    });
    let p = &mut *producer;
    p.buffers = vec![
        p.memory.validity.as_ptr().cast(),
        p.memory.values.as_ptr().cast(),
        p.memory.text.as_ptr().cast(),
    ];
    (p.array.n_children, p.schema.n_children) = (1, 1);
    p.array.buffers = p.memory.struct_buffers.as_mut_ptr();
    p.array.children = p.memory.children.as_mut_ptr();
    p.schema.children = p.memory.child_schemas.as_mut_ptr();
    // SAFETY: the child is a box of this function's own.
    unsafe {
        (*p.child).buffers = p.buffers.as_mut_ptr();
        (*p.child).n_buffers = if format == "U" || format == "u" { 3 } else { 2 };
    }
    producer
}

impl Drop for Producer {
    fn drop(&mut self) {
        // SAFETY: boxes that `producer` leaked; whoever used them is done.
        unsafe {
            drop(Box::from_raw(self.child));
            drop(Box::from_raw(self.child_schema));
        }
    }
}

/// What becomes of the structures after `bend`, which may not make a pointer point elsewhere than null: that nobody can check.
fn bent<T>(format: &str, bend: impl FnOnce(&mut Producer), look: impl FnOnce(Result<Table>) -> T) -> T {
    let mut producer = producer(format);
    bend(&mut producer);
    let live = usize::from(producer.array.release.is_some()) + usize::from(producer.schema.release.is_some());
    // SAFETY: the producer outlives the table.
    let outcome = unsafe { import(&raw mut producer.array, &raw mut producer.schema) };
    // Values that are widened are copied, and then nothing may be left that holds the array.
    let held = ["b", "l", "g", "U"].contains(&format);
    if held && outcome.as_ref().is_ok_and(|table| table.rows() > 0) {
        assert_eq!(producer.released.load(Ordering::Relaxed), 1, "the schema alone is done with");
    }
    let seen = look(outcome);
    assert_eq!(producer.released.load(Ordering::Relaxed), live, "each is released once");
    assert_eq!(producer.child_released.load(Ordering::Relaxed), 0, "children are their parent's to release");
    seen
}

fn refusal(format: &str, bend: impl FnOnce(&mut Producer)) -> String {
    let message = bent(format, bend, |outcome| outcome.unwrap_err().to_string());
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn a_table_is_released_when_its_last_column_is_gone() {
    bent(
        "l",
        |_| {},
        |table| {
            let table = table.unwrap();
            assert_eq!(cells(&table), [["0", "1", "2", "3", "4", "5"].map(|i| format!("Some({i})"))]);
            let part = table.slice(2..4).unwrap();
            drop(table);
            assert_eq!(part.column("col").unwrap().integer(1), Some(3));
        },
    );
    // Columns that are moved out of an export outlive it.
    let (schema, mut array) = export(&sample());
    // SAFETY: a child is moved out as the interface has it, by leaving a released one behind.
    let child = unsafe {
        let child = *array.children.add(1);
        let mut moved = ptr::read(child);
        (*child).release = None;
        assert_eq!(moved.length, 5);
        array.release.unwrap()(&raw mut *array);
        let values = std::slice::from_raw_parts((*moved.buffers.add(1)).cast::<i64>(), 5);
        assert_eq!(values, [1, -2, 3, i64::MAX, 5]);
        moved.release.unwrap()(&raw mut moved);
        moved
    };
    assert!(child.release.is_none() && array.release.is_none());
    drop(schema);
}

/// A change of a producer.
type Bend = fn(&mut Producer);

#[test]
fn structures_that_cannot_be_are_refused_with_one_line() {
    // SAFETY, of all that follows: a producer's children are its own boxes.
    fn child(p: &mut Producer) -> &mut ArrowArray {
        // SAFETY: as above.
        unsafe { &mut *p.child }
    }
    fn schema(p: &mut Producer) -> &mut ArrowSchema {
        // SAFETY: as above.
        unsafe { &mut *p.child_schema }
    }
    let cases: [(&str, &str, Bend); 38] = [
        ("l", "table: expected the format of a struct, \"+s\", got another one", |p| {
            p.schema.format = p.memory.strings[2].as_ptr();
        }),
        ("l", "table: expected the format of a struct, \"+s\", got another one", |p| {
            p.schema.format = ptr::null();
        }),
        ("l", "table: expected at most 65536 columns, got -1", |p| p.array.n_children = -1),
        ("l", "table: expected at most 65536 columns, got 9223372036854775807", |p| {
            p.array.n_children = i64::MAX;
        }),
        ("l", "table: expected as many columns in the schema as in the array, got 2", |p| {
            p.schema.n_children = 2;
        }),
        ("l", "table: expected a number of rows, got -6", |p| p.array.length = -6),
        ("l", "table: expected an offset, got -1", |p| p.array.offset = -1),
        ("l", "table: expected its columns, got a null or misaligned pointer", |p| {
            p.array.children = ptr::null_mut();
        }),
        ("l", "table: expected its columns, got column 0 is a null or misaligned pointer", |p| {
            p.memory.children[0] = ptr::null_mut();
        }),
        ("l", "table: expected its columns, got column 0 is a null or misaligned pointer", |p| {
            p.memory.child_schemas[0] = p.child_schema.wrapping_byte_add(1);
        }),
        ("l", "table: expected no missing rows, got 1", |p| {
            p.array.null_count = 1;
            p.memory.struct_buffers[0] = p.memory.validity.as_ptr().cast();
        }),
        ("l", "table: expected no missing rows, got 1", |p| p.array.null_count = 1),
        ("l", "table: expected no missing rows, got 2", |p| {
            p.memory.validity[0] = 0b1101_1110;
            p.memory.struct_buffers[0] = p.memory.validity.as_ptr().cast();
        }),
        ("l", "table: expected a number of missing rows, got -2", |p| p.array.null_count = -2),
        ("l", "table: expected one buffer, got 0", |p| p.array.n_buffers = 0),
        ("l", "table: expected one buffer, got -1", |p| p.array.n_buffers = -1),
        ("l", "table: expected its buffer, got a null or misaligned pointer", |p| {
            p.array.buffers = ptr::null_mut();
        }),
        ("l", "table: expected columns, got a dictionary", |p| p.array.dictionary = ptr::dangling_mut()),
        ("l", "table: expected columns, got a dictionary", |p| p.schema.dictionary = ptr::dangling_mut()),
        ("l", "column 0: expected an array and its schema, got one that was released", |p| {
            child(p).release = None;
        }),
        ("l", "column 0: expected an array and its schema, got one that was released", |p| {
            schema(p).release = None;
        }),
        ("l", "column 0: expected a name in UTF-8 of at most 4096 bytes, got another", |p| {
            // SAFETY: no zero byte.
            p.memory.strings[3] = unsafe { CString::from_vec_unchecked(vec![0xff, 0xfe]) };
            schema(p).name = p.memory.strings[3].as_ptr();
        }),
        ("l", "column \"col\": expected a count of 0 missing values, got 1", |p| child(p).null_count = 1),
        ("l", "column \"col\": expected a count of 2 missing values, got 0", |p| {
            p.memory.validity[0] = 0b1101_1110;
        }),
        ("l", "column \"col\": expected a count of 2 missing values, got 3", |p| {
            p.memory.validity[0] = 0b1101_1110;
            child(p).null_count = 3;
        }),
        ("l", "column 0: expected a name in UTF-8 of at most 4096 bytes, got none", |p| {
            schema(p).name = ptr::null();
        }),
        ("l", "column \"col\": expected values, got a dictionary", |p| {
            child(p).dictionary = ptr::dangling_mut();
        }),
        ("l", "column \"col\": expected 2 buffers, got 3 and 0 columns within", |p| child(p).n_buffers = 3),
        ("l", "column \"col\": expected 2 buffers, got 2 and 1 columns within", |p| child(p).n_children = 1),
        ("l", "column \"col\": expected a number of rows, got -1", |p| child(p).length = -1),
        ("l", "column \"col\": expected an offset, got 9223372036854775807", |p| child(p).offset = i64::MAX),
        ("l", "column \"col\": expected at least 6 rows, got 5", |p| child(p).length = 5),
        ("l", "column \"col\": expected at least 7 rows, got 6", |p| p.array.offset = 1),
        ("l", "column \"col\": expected a number of missing values, got -2", |p| child(p).null_count = -2),
        ("l", "column \"col\": expected a map of missing values, got none", |p| {
            child(p).null_count = 1;
            p.buffers[0] = ptr::null();
        }),
        ("l", "column \"col\": expected values in memory, got a null or misaligned pointer", |p| {
            p.buffers[1] = ptr::null();
        }),
        ("l", "column \"col\": expected values in memory, got a null or misaligned pointer", |p| {
            p.buffers[1] = p.buffers[1].wrapping_byte_add(1);
        }),
        ("l", "column \"col\": expected its buffers, got a null or misaligned pointer", |p| {
            child(p).buffers = ptr::null_mut();
        }),
    ];
    for (format, message, bend) in cases {
        assert_eq!(refusal(format, bend), message);
    }
    let cases: [(&str, Bend); 4] = [
        ("expected texts one after the other, got offsets out of order", |p| p.memory.values[3] = 0),
        ("expected texts one after the other, got offsets out of order", |p| p.memory.values[0] = -1),
        ("expected texts in UTF-8, got other bytes", |p| p.memory.text[2] = 0xff),
        ("expected values in memory, got a null or misaligned pointer", |p| p.buffers[2] = ptr::null()),
    ];
    for (message, bend) in cases {
        assert_eq!(refusal("U", bend), format!("column \"col\": {message}"));
    }
    assert_eq!(
        refusal("z", |_| {}),
        "column \"col\": expected one of the formats b, i, l, f, g, u, U, got \"z\""
    );
    let released = refusal("l", |p| {
        // SAFETY: released by its own function, as a careless caller might.
        unsafe { p.array.release.unwrap()(&raw mut p.array) };
        p.released.store(0, Ordering::Relaxed);
    });
    assert_eq!(released, "table: expected an array and its schema, got one that was released");
    // SAFETY: null is refused.
    assert!(unsafe { import(ptr::null_mut(), ptr::null_mut()) }.is_err());
}

#[test]
fn texts_without_rows_need_no_memory() {
    bent(
        "U",
        |p| {
            p.array.length = 0;
            p.buffers.fill(ptr::null());
        },
        |table| assert_eq!(table.unwrap().rows(), 0),
    );
}

#[test]
fn tables_are_laws_unto_themselves() {
    let table = sample();
    assert_eq!(
        cells(&table.slice(1..3).unwrap().slice(1..2).unwrap()),
        [["Some(false)"], ["Some(3)"], ["None"], ["None"]]
    );
    assert!(table.slice(3..6).is_err());
    assert_eq!(table.select(&["t", "b"]).unwrap().columns()[0].name(), "t");
    let error = table.select(&["x"]).unwrap_err().to_string();
    assert_eq!(error, "columns: expected one named \"x\", got none");
    let error = table.select(&["t", "t"]).unwrap_err().to_string();
    assert_eq!(error, "columns: expected distinct names, got \"t\" twice");
    assert_eq!(table.select(&[]).unwrap().rows(), 5);
    // Beyond the rows of a part there is nothing, although its memory goes on, and however far beyond.
    let part = table.slice(1..3).unwrap();
    for column in part.columns() {
        assert_eq!((column.offset(), column.rows()), (1, 2));
        for row in [2, 3, usize::MAX - 1, usize::MAX] {
            assert!(column.is_missing(row));
            assert_eq!((column.boolean(row), column.integer(row), column.text(row)), (None, None, None));
            assert_eq!(column.number(row), None);
        }
    }
    assert_eq!(part.columns()[0].validity().map(|bits| bits.to_vec()), Some(vec![0b1_1101]));
    assert!(part.columns()[1].validity().is_none());
    let column = table.column("i").unwrap();
    assert_eq!((column.integer(5), column.text(0), column.boolean(usize::MAX)), (None, None, None));
    let two = |name: &str, rows| Column::integers(name, vec![0_i64; rows]);
    let error = Table::new(vec![two("a", 2), two("b", 3)]).unwrap_err().to_string();
    assert_eq!(error, "column \"b\": expected 2 rows, got 3");
    let error = Table::new(vec![two("a", 2), two("a", 2)]).unwrap_err().to_string();
    assert_eq!(error, "columns: expected distinct names, got \"a\" twice");
    assert_eq!(format!("{table:?}"), "Table(5 rows, [b: booleans, i: integers, n: numbers, t: texts])");
}

/// One field of a structure becomes the number; a pointer becomes null, or misaligned.
type Change = fn(&mut Producer, i64, bool);

/// Every field that a reader may look at.
fn fields() -> Vec<(&'static str, Change)> {
    fn lost<T>(pointer: &mut *mut T, null: bool) {
        *pointer = if null { ptr::null_mut() } else { pointer.wrapping_byte_add(1) };
    }
    fn gone<T>(pointer: &mut *const T, null: bool) {
        *pointer = if null { ptr::null() } else { pointer.wrapping_byte_add(1) };
    }
    macro_rules! fields {
        ($($name:literal: |$p:ident, $number:ident, $null:ident| $change:expr;)*) => {
            vec![$(($name, |$p, $number, $null| { let _ = ($number, $null); $change; })),*]
        };
    }
    // SAFETY, of all that follows: a producer's children are its own boxes.
    macro_rules! child {
        ($p:ident) => {
            // SAFETY: as above.
            unsafe { &mut *$p.child }
        };
    }
    macro_rules! child_schema {
        ($p:ident) => {
            // SAFETY: as above.
            unsafe { &mut *$p.child_schema }
        };
    }
    fields! {
        "array.length": |p, number, null| p.array.length = number;
        "array.null_count": |p, number, null| p.array.null_count = number;
        "array.offset": |p, number, null| p.array.offset = number;
        "array.n_buffers": |p, number, null| p.array.n_buffers = number;
        "array.n_children": |p, number, null| p.array.n_children = number;
        "array.buffers": |p, number, null| lost(&mut p.array.buffers, null);
        "array.children": |p, number, null| lost(&mut p.array.children, null);
        "array.dictionary": |p, number, null| lost(&mut p.array.dictionary, null);
        "array.release": |p, number, null| p.array.release = None;
        "array.children[0]": |p, number, null| lost(&mut p.memory.children[0], null);
        "schema.format": |p, number, null| gone(&mut p.schema.format, null);
        "schema.name": |p, number, null| gone(&mut p.schema.name, null);
        "schema.metadata": |p, number, null| gone(&mut p.schema.metadata, null);
        "schema.flags": |p, number, null| p.schema.flags = number;
        "schema.n_children": |p, number, null| p.schema.n_children = number;
        "schema.children": |p, number, null| lost(&mut p.schema.children, null);
        "schema.dictionary": |p, number, null| lost(&mut p.schema.dictionary, null);
        "schema.release": |p, number, null| p.schema.release = None;
        "schema.children[0]": |p, number, null| lost(&mut p.memory.child_schemas[0], null);
        "child.length": |p, number, null| child!(p).length = number;
        "child.null_count": |p, number, null| child!(p).null_count = number;
        // A late beginning claims more memory than there is, which nobody can check, unless it is impossible.
        "child.offset": |p, number, null| if !(1..=1 << 40).contains(&number) { child!(p).offset = number };
        "child.n_buffers": |p, number, null| child!(p).n_buffers = number;
        "child.n_children": |p, number, null| child!(p).n_children = number;
        "child.buffers": |p, number, null| lost(&mut child!(p).buffers, null);
        "child.children": |p, number, null| lost(&mut child!(p).children, null);
        "child.dictionary": |p, number, null| lost(&mut child!(p).dictionary, null);
        "child.release": |p, number, null| child!(p).release = None;
        "child.buffers[0]": |p, number, null| gone(&mut p.buffers[0], null);
        "child.buffers[1]": |p, number, null| gone(&mut p.buffers[1], null);
        "child.buffers[2]": |p, number, null| gone(&mut p.buffers[2], null);
        "child schema.format": |p, number, null| gone(&mut child_schema!(p).format, null);
        "child schema.name": |p, number, null| gone(&mut child_schema!(p).name, null);
        "child schema.metadata": |p, number, null| gone(&mut child_schema!(p).metadata, null);
        "child schema.flags": |p, number, null| child_schema!(p).flags = number;
        "child schema.n_children": |p, number, null| child_schema!(p).n_children = number;
        "child schema.children": |p, number, null| lost(&mut child_schema!(p).children, null);
        "child schema.dictionary": |p, number, null| lost(&mut child_schema!(p).dictionary, null);
        "child schema.release": |p, number, null| child_schema!(p).release = None;
    }
}

#[test]
fn fields_that_a_reader_relies_on_cannot_be_lost() {
    // These alone may be anything: nobody reads them, or what they say is true of a producer without missing values.
    let harmless = [
        "schema.name",
        "schema.metadata",
        "schema.flags",
        "child.children",
        "child.buffers[0]",
        "child.buffers[2]",
        "child schema.metadata",
        "child schema.flags",
        "child schema.children",
    ];
    // Null was their value before.
    let null = ["array.dictionary", "schema.dictionary", "child.dictionary", "child schema.dictionary"];
    for (name, change) in fields() {
        let accepted = bent("l", |p| change(p, i64::MIN, true), |table| table.is_ok());
        assert_eq!(accepted, harmless.contains(&name) || null.contains(&name), "{name}");
        let accepted = bent("l", |p| change(p, i64::MAX, false), |table| table.is_ok());
        // What follows the first byte of a name is a name.
        assert_eq!(accepted, harmless.contains(&name) || name == "child schema.name", "{name}");
    }
}

proptest! {
    /// A valid structure with one field made hostile is refused or read within its memory, and released once.
    #[test]
    fn every_field_may_lie(
        format in prop::sample::select(vec!["b", "l", "g", "i", "f", "U", "u"]),
        number in prop_oneof![
            prop::sample::select(vec![i64::MIN, -2, -1, 0, 1, 2, 3, 5, 6, 7, 65_536, 65_537, 1 << 40, (1 << 40) + 1, i64::MAX]),
            any::<i64>(),
        ],
        null in any::<bool>(),
    ) {
        for (_, change) in fields() {
            bent(format, |p| change(p, number, null), |table| if let Ok(table) = table {
                cells(&table);
            });
        }
    }

    /// Whatever a table holds crosses unchanged, whole or in part.
    #[test]
    fn every_table_comes_back(
        rows in prop::collection::vec((any::<Option<bool>>(), any::<Option<i64>>(), any::<Option<u32>>(), prop::option::of("\\PC{0,6}")), 0..40),
        from in 0_usize..40, length in 0_usize..40,
    ) {
        let table = Table::new(vec![
            Column::booleans("b", rows.iter().map(|row| row.0).collect()),
            Column::integers("i", rows.iter().map(|row| row.1).collect()),
            Column::numbers("n", rows.iter().map(|row| row.2.map(f64::from)).collect()),
            Column::texts("t", rows.iter().map(|row| row.3.clone()).collect()),
        ]).unwrap();
        let from = from.min(rows.len());
        let part = table.slice(from..(from + length).min(rows.len())).unwrap();
        for table in [table, part] {
            let (mut schema, mut array) = export(&table);
            // SAFETY: just exported.
            let back = unsafe { import(&raw mut *array, &raw mut *schema) }.unwrap();
            prop_assert_eq!(cells(&back), cells(&table));
            prop_assert_eq!(cells(&given(&taken(&table)).unwrap()), cells(&table));
        }
    }

    /// Whatever numbers the structures hold, they are refused or read within their six values, and released once.
    #[test]
    fn no_structure_makes_a_reader_leave_its_memory(
        format in prop::sample::select(vec!["b", "l", "g", "i", "f", "U", "u", "x", ""]),
        length in prop_oneof![0_i64..6, any::<i64>()], offset in prop_oneof![0_i64..3, any::<i64>()],
        child_length in prop_oneof![0_i64..6, any::<i64>()], child_offset in prop_oneof![0_i64..3, any::<i64>()],
        nulls in prop_oneof![-1_i64..3, any::<i64>()], buffers in prop_oneof![1_i64..4, any::<i64>()],
        offsets in prop::array::uniform7(prop_oneof![0_i64..8, any::<i64>()]),
    ) {
        // What claims more than the memory has cannot be told apart from what is true.
        let end = offset.checked_add(child_offset).and_then(|sum| sum.checked_add(length));
        prop_assume!(end.is_none_or(|end| end <= 6 || length < 0 || end > 1 << 42));
        bent(format, |p| {
            (p.array.length, p.array.offset) = (length, offset);
            // SAFETY: the producer's own box.
            let child = unsafe { &mut *p.child };
            (child.length, child.offset, child.null_count, child.n_buffers) = (child_length, child_offset, nulls, buffers);
            if format == "U" {
                // Offsets beyond the text cannot be known to be.
                p.memory.values = offsets.map(|offset| if offset > 8 { -offset } else { offset });
            }
        }, |table| if let Ok(table) = table {
            cells(&table);
        });
    }
}
