//! No bytes, however they come, may end in a panic or in memory that the file's size does not justify.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixtures has to stop")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{folder, gzip, idx, npz};
use paname_data::{RecordTable, RecordsConfig, ScoreTable, read_array, read_strings};
use proptest::prelude::*;
use zip::CompressionMethod;

/// Remembers the largest single request for memory.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator is the only witness of allocations")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Far more than files of a few kilobytes may cost.
const TOO_MUCH: usize = 64 << 20;

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// Overwrites, inserts and cuts.
fn mutate(bytes: &[u8], changes: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for &(at, value, how) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at % bytes.len();
        match how % 8 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, value),
            2 => {
                bytes.remove(at);
            }
            3 => bytes[at] = bytes[at].wrapping_add(1),
            4 => bytes[at] = 0xff,
            // Digits make other shapes and types.
            5 => bytes[at] = b'0' + value % 10,
            _ => bytes[at] = value,
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..6)
}

fn read_all(file: &str, bytes: &[u8], names: &[&str]) {
    let files = folder(&[(file, bytes)]);
    for name in names {
        let array = format!("{file}{name}").parse().unwrap();
        LARGEST.store(0, Ordering::Relaxed);
        // Whatever comes, it comes as a value.
        let whole = read_array(files.path(), &array);
        let texts = read_strings(files.path(), &array);
        let largest = LARGEST.load(Ordering::Relaxed);
        assert!(largest < TOO_MUCH, "{largest} bytes for a file of {}", bytes.len());
        for outcome in [whole.err(), texts.err()].into_iter().flatten() {
            assert!(outcome.to_string().starts_with(file), "{outcome}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_npy_files(which in 0..4_usize, changes in changes()) {
        let name = ["float32.npy", "unicode.npy", "int64.npy", "object.npy"][which];
        read_all("a.npy", &mutate(&fixture(name), &changes), &["", "[1]"]);
    }

    #[test]
    fn damaged_idx_files(packed: bool, code in 7..16_u8, changes in changes()) {
        let bytes = mutate(&idx(code, &[2, 3], &[7; 48][..6 * usize::from(code.saturating_sub(10).max(1))]), &changes);
        if packed {
            read_all("a.idx.gz", &gzip(&bytes), &["", "[1]"]);
        } else {
            read_all("a.idx", &bytes, &["", "[1]"]);
        }
    }

    #[test]
    fn damaged_gzip_files(changes in changes()) {
        let packed = gzip(&idx(8, &[100, 100], &[7; 10_000]));
        read_all("a-idx2-ubyte.gz", &mutate(&packed, &changes), &[""]);
    }

    #[test]
    fn any_idx_header(header in prop::collection::vec(any::<u8>(), 0..40), packed: bool, honest: bool) {
        let header = if honest { [&[0, 0, 8][..], &header].concat() } else { header };
        if packed {
            read_all("a.idx.gz", &gzip(&header), &[""]);
        } else {
            read_all("a.idx", &header, &[""]);
        }
    }

    #[test]
    fn damaged_archives(deflated: bool, changes in changes()) {
        let name = if deflated { "deflated.npz" } else { "stored.npz" };
        read_all("a.npz", &mutate(&fixture(name), &changes), &["#logits", "#ids"]);
    }

    #[test]
    fn sound_archives_of_damaged_arrays(deflated: bool, changes in changes()) {
        let method = if deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let archive = npz(&[("logits", mutate(&fixture("float32.npy"), &changes))], method);
        read_all("a.npz", &archive, &["#logits"]);
    }

    #[test]
    fn damaged_tables(changes in changes()) {
        let table = "id,label,score,member\na,0,0.5,1\nb,1,-2,0\n\"c, d\",1,inf,yes\n";
        let bytes = mutate(table.as_bytes(), &changes);
        let files = folder(&[("t.csv", &bytes)]);
        let config = RecordsConfig { table: Some("t.csv".into()), ..RecordsConfig::default() };
        if let Ok(table) = RecordTable::read(&config, files.path()) {
            let distinct: std::collections::HashSet<&String> = table.ids.iter().collect();
            prop_assert_eq!(distinct.len(), table.ids.len());
        }
        if let Ok(scores) = ScoreTable::read(&files.path().join("t.csv")) {
            prop_assert!(scores.scores.iter().all(|s| !s.is_nan()));
        }
        read_all("t.csv", &bytes, &["", "#score"]);
    }
}
