//! Whatever is done to an archive, reading it ends in a value or in an error, and takes no more memory than the size of the file justifies.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixtures has to stop")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use common::{FIXTURES, MODEL, Parts};
use paname_pt2::Archive;
use rand_core::Rng;
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

/// Counts the bytes that are in use, and remembers the most.
struct Counted;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator is the only witness of allocations")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the pointer came from `System` in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// What reading may cost whatever the size of the file, in bytes.
const SPARE: usize = 1 << 20;
/// What it may cost for each byte of the file.
const FACTOR: usize = 100;
/// Values of more parts than this are not repeated, or files would grow without end.
const SMALL: usize = 50;

fn below(random: &mut Pcg64Mcg, end: usize) -> usize {
    if end == 0 { 0 } else { (random.next_u64() % end as u64) as usize }
}

/// The archives that are changed, taken apart, with their bytes.
fn originals() -> Vec<(Parts, Vec<u8>)> {
    let parts = FIXTURES.iter().map(|name| Parts::of(name)).chain([Parts::exported()]);
    parts.map(|parts| (parts.clone(), parts.zip())).collect()
}

fn mutated(parts: &Parts, bytes: &[u8], random: &mut Pcg64Mcg) -> Vec<u8> {
    match below(random, 4) {
        0 => flipped(bytes, random),
        1 => swapped(parts, random),
        _ => rewritten(parts, random),
    }
}

/// Changes bytes, or cuts, wherever it happens to be; half of the time in the directory, where most can go wrong.
fn flipped(bytes: &[u8], random: &mut Pcg64Mcg) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=below(random, 4) {
        let tail = (bytes.len() / 10).max(1);
        let at = match below(random, 2) {
            0 => below(random, bytes.len()),
            _ => bytes.len() - 1 - below(random, tail.min(bytes.len())),
        };
        match below(random, 12) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.insert(at, random.next_u32() as u8),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            3 => bytes[at] = 0xff,
            4 => bytes[at] = 0,
            5 => bytes[at] = bytes[at].wrapping_add(1),
            _ => bytes[at] ^= 1 << below(random, 8),
        }
    }
    bytes
}

/// Exchanges contents or names of entries, leaves one out, or cuts one.
fn swapped(parts: &Parts, random: &mut Pcg64Mcg) -> Vec<u8> {
    let mut parts = parts.clone();
    let count = parts.entries.len();
    let (a, b) = (below(random, count), below(random, count));
    match below(random, 4) {
        0 => drop(parts.entries.remove(a)),
        1 => {
            let length = below(random, parts.entries[a].1.len());
            parts.entries[a].1.truncate(length);
        }
        2 => parts.entries.swap(a, b),
        _ => {
            let bytes = parts.entries[b].1.clone();
            parts.entries[b].1 = std::mem::replace(&mut parts.entries[a].1, bytes);
        }
    }
    parts.zip()
}

/// Changes a document, which stays a document, or its text, which need not.
fn rewritten(parts: &Parts, random: &mut Pcg64Mcg) -> Vec<u8> {
    let mut parts = parts.clone();
    let names: Vec<String> = parts.entries.iter().map(|(name, _)| name.clone()).collect();
    let documents: Vec<&String> =
        names.iter().filter(|name| name.rsplit('.').next() == Some("json")).collect();
    let name = if below(random, 4) == 0 { documents[below(random, documents.len())].as_str() } else { MODEL };
    if below(random, 3) == 0 {
        let bytes = flipped(parts.bytes(name), random);
        *parts.bytes(name) = bytes;
        return parts.zip();
    }
    parts
        .edit(name, |document| {
            for _ in 0..=below(random, 3) {
                let donor = picked(document, random).clone();
                let place = picked(document, random);
                *place = match below(random, 10) {
                    0 => Value::Null,
                    1 => json!(i64::MIN),
                    2 => json!(i64::MAX),
                    3 => json!(-1),
                    4 => json!([]),
                    5 => json!({}),
                    6 => json!("x"),
                    7 if parts_of(&donor) < SMALL => json!(vec![donor; below(random, 100)]),
                    _ => donor,
                };
            }
        })
        .zip()
}

/// How many values a value is made of, itself included.
fn parts_of(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(parts_of).sum(),
        Value::Object(entries) => entries.values().map(parts_of).sum(),
        _ => 0,
    }
}

/// A place in a document, deeper ones as likely as shallow ones.
fn picked<'a>(mut document: &'a mut Value, random: &mut Pcg64Mcg) -> &'a mut Value {
    let mut depth = below(random, 14);
    loop {
        let length = match document {
            Value::Array(items) => items.len(),
            Value::Object(entries) => entries.len(),
            _ => 0,
        };
        if depth == 0 || length == 0 {
            return document;
        }
        depth -= 1;
        let chosen = below(random, length);
        document = match document {
            Value::Array(items) => &mut items[chosen],
            Value::Object(entries) => entries.values_mut().nth(chosen).unwrap(),
            other => return other,
        };
    }
}

/// Reads mutated archives, uses what is read, and says how many were read and how many bytes of memory one took at most.
fn attack(rounds: u64, seed: u64) -> (u64, usize) {
    let originals = originals();
    let mut random = Pcg64Mcg::new(u128::from(seed));
    let (mut read, mut most) = (0, 0);
    for round in 0..rounds {
        let (parts, bytes) = &originals[below(&mut random, originals.len())];
        let bytes = mutated(parts, bytes, &mut random);
        let size = bytes.len();
        let before = IN_USE.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        if let Ok(archive) = Archive::read(bytes, "m.pt2") {
            read += 1;
            used(&archive, &mut random);
        }
        let taken = MOST.load(Ordering::Relaxed) - before;
        assert!(taken <= SPARE + FACTOR * size, "round {round}: {taken} bytes for a file of {size}");
        most = most.max(taken);
    }
    (read, most)
}

/// Everything that is handed out can be used.
fn used(archive: &Archive, random: &mut Pcg64Mcg) {
    for (_, weight) in archive.weights() {
        assert_eq!(weight.shape.len(), weight.strides.len());
        let elements =
            weight.shape.iter().zip(weight.strides).map(|(size, stride)| (size.max(&1) - 1) * stride);
        let empty = weight.shape.contains(&0);
        let needed = if empty { 0 } else { (elements.sum::<usize>() + 1) * weight.dtype.size() };
        assert_eq!(weight.bytes.len(), needed);
    }
    let program = archive.program();
    let shapes: Vec<Vec<u64>> = program
        .user_tensors()
        .map(|(_, meta)| meta.shape.iter().map(|_| random.next_u64() % 8).collect())
        .collect();
    let _ = program.bind(&shapes);
    assert_eq!(archive.output_names().len(), program.signature.user_outputs(&program.graph).count());
    for (_, value) in archive.layers() {
        assert!(value.index() < program.graph.values.len());
    }
}

#[test]
fn mutated_archives_neither_panic_nor_take_memory() {
    let (read, _) = attack(4_000, 6);
    // Had all been refused at once, nothing would have been tried.
    assert!((400..3_600).contains(&read), "{read} archives were read");
}

#[test]
#[ignore = "a million archives"]
fn validate_a_million_mutated_archives_neither_panic_nor_take_memory() {
    let begun = Instant::now();
    let rounds = 1_000_000;
    let (read, most) = attack(rounds, 7);
    let seconds = begun.elapsed().as_secs();
    let observed = format!("0 panics, {read} read, at most {most} bytes each, {seconds} s");
    println!(
        "validate: mutated .pt2 archives | 0 panics, at most 1 MiB and {FACTOR} times the file | {observed} | {rounds}"
    );
}
