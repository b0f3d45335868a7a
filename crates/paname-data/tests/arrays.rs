//! Arrays that NumPy wrote, and every way in which a file can be no array.

mod common;

use std::fs;
use std::path::Path;

use common::{floats, folder, npy, npz, texts};
use paname_core::{DType, Result, Tensor};
use paname_data::{ArrayRef, IdSource, fingerprint, read_array, read_strings};
use zip::CompressionMethod;

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

fn read(base: &Path, text: &str) -> Result<Tensor> {
    read_array(base, &text.parse()?)
}

fn message<T>(outcome: Result<T>) -> String {
    outcome.err().expect("an error").to_string()
}

#[test]
fn every_number_type_that_numpy_writes_is_read() {
    for (name, dtype) in [
        ("uint8", DType::U8),
        ("int8", DType::I32),
        ("uint16", DType::I32),
        ("int16", DType::I32),
        ("uint32", DType::I64),
        ("int32", DType::I32),
        ("uint64", DType::I64),
        ("int64", DType::I64),
        ("float16", DType::F16),
        ("float32", DType::F32),
        ("float64", DType::F64),
    ] {
        let array = read(fixtures(), &format!("{name}.npy")).unwrap();
        assert_eq!((array.dtype(), array.shape()), (dtype, &[2, 3][..]), "{name}");
        assert_eq!(array.to_f64().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "{name}");
        let row = read(fixtures(), &format!("{name}.npy[1]")).unwrap();
        assert_eq!((row.shape(), row.to_f64().unwrap()), (&[3][..], vec![3.0, 4.0, 5.0]), "{name}");
    }
    let array = read(fixtures(), "bool.npy").unwrap();
    assert_eq!(array.dtype(), DType::Bool);
    assert_eq!(array.to_bools().unwrap(), [false, true, false, true, false, true]);
}

#[test]
fn negative_narrow_numbers_keep_their_sign() {
    let files =
        folder(&[("a.npy", &npy("|i1", &[2], &[0xff, 0x7f])), ("b.npy", &npy("<i2", &[1], &[0xfe, 0xff]))]);
    assert_eq!(read(files.path(), "a.npy").unwrap().to_i64().unwrap(), [-1, 127]);
    assert_eq!(read(files.path(), "b.npy").unwrap().to_i64().unwrap(), [-2]);
}

#[test]
fn text_and_whole_numbers_are_read_as_names() {
    let names = |text: &str| read_strings(fixtures(), &text.parse().unwrap());
    assert_eq!(names("unicode.npy").unwrap(), ["a", "été", "c c"]);
    assert_eq!(names("bytes.npy").unwrap(), ["a", "bc"]);
    assert_eq!(names("int32.npy[1]").unwrap(), ["3", "4", "5"]);
    assert_eq!(names("stored.npz#ids").unwrap(), ["a", "b"]);
    assert_eq!(names("deflated.npz#ids").unwrap(), ["a", "b"]);
    assert!(message(names("float32.npy[0]")).contains("expected a list of texts or whole numbers"));
    assert_eq!(message(read(fixtures(), "unicode.npy")), "unicode.npy: holds text; expected numbers");
}

#[test]
fn archives_are_read_stored_and_deflated() {
    for name in ["stored", "deflated"] {
        let array = read(fixtures(), &format!("{name}.npz#logits[1]")).unwrap();
        assert_eq!(array.as_slice::<f32>().unwrap(), [3.0, 4.0, 5.0], "{name}");
    }
    assert_eq!(
        message(read(fixtures(), "stored.npz#logit")),
        "stored.npz#logit: there is no such member; there are: logits, ids"
    );
    assert_eq!(
        message(read(fixtures(), "stored.npz")),
        "stored.npz: is an archive; name one of its arrays as `file.npz#name`: logits, ids"
    );
}

#[test]
fn what_is_no_plain_array_is_refused() {
    assert_eq!(
        message(read(fixtures(), "object.npy")),
        "object.npy: holds Python objects, which only pickle can read, and a pickle can run any program; expected numbers or fixed-width text \
         (for text: array.astype(str))"
    );
    assert_eq!(
        message(read_strings(fixtures(), &"object.npy".parse().unwrap())),
        message(read(fixtures(), "object.npy"))
    );
    assert!(message(read(fixtures(), "structured.npy")).starts_with("structured.npy: is a structured array"));
    assert!(
        message(read(fixtures(), "big_endian.npy")).contains("\">f4\" is big-endian; expected little-endian")
    );
    assert!(
        message(read(fixtures(), "fortran.npy")).contains("is stored in Fortran order; expected C order")
    );
    assert_eq!(
        message(read(fixtures(), "empty.npy")),
        "empty.npy: has the shape [0, 3], which holds nothing"
    );
    assert!(message(read(fixtures(), "no.npy")).starts_with("no.npy: cannot be opened: "));
    assert_eq!(
        message(read(fixtures(), "float32.npy[2]")),
        "float32.npy[2]: there is no step 2 of the leading axis in the shape [2, 3]"
    );
    let files = folder(&[
        ("folder.npy/x", b""),
        ("nothing.npy", b""),
        ("text.npy", b"hello"),
        ("text.npz", b"hello"),
    ]);
    assert_eq!(message(read(files.path(), "folder.npy")), "folder.npy: is a folder; expected a file");
    let not_npy = "is not an npy array (its first bytes are not those of the format)";
    assert_eq!(message(read(files.path(), "nothing.npy")), "nothing.npy: is empty; expected an npy array");
    assert_eq!(message(read(files.path(), "text.npy")), format!("text.npy: {not_npy}"));
    assert!(
        message(read(files.path(), "text.npz#a"))
            .starts_with("text.npz#a: is not a whole npz archive (truncated?)")
    );
}

#[test]
fn headers_that_lie_are_refused() {
    let good = floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let longer = [&good[..], b"x"].concat();
    let files = folder(&[
        ("short.npy", &good[..good.len() - 3]),
        ("long.npy", &longer),
        ("huge.npy", &npy("<f4", &[1 << 40, 1 << 40], &[])),
        ("wide.npy", &npy("<f8", &[1 << 40], &[])),
        ("head.npy", &good[..9]),
        ("text.npy", &npy("<U1000000000000000000", &[3], &[])),
        ("void.npy", &npy("<U0", &[1 << 60], &[])),
        ("type.npy", &npy("<c8", &[1], &[0; 8])),
        ("big.npy", &npy("<u8", &[1], &[0xff; 8])),
        ("version.npy", b"\x93NUMPY\x09\x00\x10\x00aaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("length.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xffaaaaaaaaaaaaaaaaaaaaaaa"),
    ]);
    let said = |name: &str| message(read(files.path(), name));
    assert_eq!(
        said("short.npy"),
        "short.npy: is truncated: its header promises 16 bytes of elements (shape [2, 2]), 13 are there"
    );
    assert_eq!(said("long.npy"), "long.npy: has 1 bytes after its last element; expected none");
    assert!(said("huge.npy").ends_with("which no memory can hold"));
    assert!(said("wide.npy").contains("promises 8796093022208 bytes"));
    assert_eq!(said("head.npy"), "head.npy: ends within its header");
    assert!(said("text.npy").ends_with("which no memory can hold"));
    assert!(said("void.npy").contains("element type \"<U0\""));
    assert!(said("type.npy").contains("element type \"<c8\""));
    assert_eq!(said("big.npy"), "big.npy: holds a number above 2⁶³ − 1");
    assert!(said("version.npy").contains("version 9"));
    assert_eq!(said("length.npy"), "length.npy: has a header of 4294967295 bytes; expected at most 10000");
}

#[test]
fn damaged_archives_are_refused() {
    let members = [("a", floats(&[4], &[1.0, 2.0, 3.0, 4.0])), ("t", texts(&["x", "y"]))];
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let good = npz(&members, method);
        let files = folder(&[("good.npz", &good), ("short.npz", &good[..good.len() / 2])]);
        assert_eq!(read(files.path(), "good.npz#a").unwrap().to_f64().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        let said = message(read(files.path(), "short.npz#a"));
        assert!(said.starts_with("short.npz#a: is not a whole npz archive (truncated?)"), "{said}");

        // One flipped bit among the stored elements: the checksum tells.
        if method == CompressionMethod::Stored {
            let mut flipped = good.clone();
            let at = flipped.windows(4).position(|w| w == 3.0_f32.to_le_bytes()).unwrap();
            flipped[at] ^= 1;
            let files = folder(&[("flipped.npz", &flipped)]);
            let said = message(read(files.path(), "flipped.npz#a"));
            assert!(said.starts_with("flipped.npz#a: cannot be unpacked: "), "{said}");
        }
    }
}

#[test]
fn a_compression_bomb_is_refused_before_memory_is_taken() {
    // Well-compressed zeros are fine while they are small.
    let zeros = npy("|b1", &[1 << 20], &vec![0; 1 << 20]);
    let small = npz(&[("keep", zeros)], CompressionMethod::Deflated);
    assert!(small.len() < 10_000);
    let files = folder(&[("small.npz", &small)]);
    assert_eq!(read(files.path(), "small.npz#keep").unwrap().len(), 1 << 20);

    // The directory of the archive claims 3 GiB for the same bytes.
    let size = ((1_u32 << 20) + 128).to_le_bytes();
    let mut bomb = small.clone();
    let places: Vec<usize> = (0..bomb.len() - 4).filter(|&i| bomb[i..i + 4] == size).collect();
    assert!(!places.is_empty());
    for at in places {
        bomb[at..at + 4].copy_from_slice(&(3_u32 << 30).to_le_bytes());
    }
    let files = folder(&[("bomb.npz", &bomb)]);
    let said = message(read(files.path(), "bomb.npz#keep"));
    assert!(said.contains("is damaged: 3221225472 bytes cannot come from"), "{said}");
}

#[test]
fn references_say_what_they_expect() {
    for text in ["a.npy", "a/b.npz#m", "a.npz#m[3]", "a.csv#c", "a.csv", "a#b.npy", "a.npz#m[x]"] {
        assert_eq!(text.parse::<ArrayRef>().unwrap().to_string(), text);
    }
    let array: ArrayRef = "x/digits.npz#member[3]".parse().unwrap();
    assert_eq!(
        (array.path(), array.name(), array.index()),
        (Path::new("x/digits.npz"), Some("member"), Some(3))
    );
    let said = |text: &str| message(text.parse::<ArrayRef>());
    assert!(said("weights.pkl").contains("hold a pickle"));
    assert!(said("a.npy#m").contains("an npy file holds one array without a name"));
    assert!(said("a.npz#").contains("the name after `#` is missing"));
    assert_eq!(
        said("a.xyz"),
        "configuration: array \"a.xyz\": unknown kind of file; expected `file.npy`, `file.npz#member`, `file.csv#column` or an IDX file such as \
         `train-labels-idx1-ubyte.gz`, each with `[3]` at the end where one step of the leading axis is meant"
    );
    for text in ["row-number", "row-number:p", "a.npz#ids"] {
        assert_eq!(text.parse::<IdSource>().unwrap().to_string(), text);
    }
}

#[test]
fn columns_of_tables_are_arrays() {
    let table = "id;p10;p2;note\na;0,5;1;x\nb;2;-inf;y\n";
    let numbers = "id,p1,p10,p2\na,1,10,2\nb,3,30,4\n";
    let files = folder(&[("t.csv", table.as_bytes()), ("n.csv", numbers.as_bytes())]);
    assert_eq!(read(files.path(), "t.csv#p10").unwrap().to_f64().unwrap(), [0.5, 2.0]);
    assert_eq!(read(files.path(), "t.csv#p2").unwrap().to_f64().unwrap(), [1.0, f64::NEG_INFINITY]);
    assert_eq!(message(read(files.path(), "t.csv#note")), "t.csv line 2, column `note`: is not a number");
    assert_eq!(
        message(read(files.path(), "t.csv#q")),
        "t.csv: has no column `q`; there are: id, p10, p2, note"
    );
    // Numbered columns come in the order of their numbers, whatever that of the file.
    let all = read(files.path(), "n.csv").unwrap();
    assert_eq!((all.shape(), all.to_f64().unwrap()), (&[2, 3][..], vec![1.0, 2.0, 10.0, 3.0, 4.0, 30.0]));
}

#[test]
fn a_fingerprint_is_of_contents_in_order() {
    let files = folder(&[("a", b"abc"), ("b", b"abc"), ("c", b""), ("d", b"x")]);
    let of = |names: &[&str]| {
        fingerprint(&names.iter().map(|n| files.path().join(n)).collect::<Vec<_>>()).unwrap()
    };
    // BLAKE3 of "abc", from the reference implementation's b3sum.
    let abc = blake3::hash(b"abc").to_hex();
    assert_eq!(abc.as_str(), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
    assert_eq!(of(&["a"]), blake3::hash(blake3::hash(b"abc").as_bytes()).to_hex().to_string());
    assert_eq!(of(&["a", "c"]), of(&["b", "c"]));
    assert_ne!(of(&["a", "c"]), of(&["c", "a"]));
    assert_ne!(of(&["a"]), of(&["d"]));
    assert!(message(fingerprint(&[files.path().join("e")])).contains("cannot be opened"));
}

#[test]
fn arrays_are_mapped_and_not_copied() {
    let files = folder(&[("a.npy", &floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]))]);
    let array = read(files.path(), "a.npy").unwrap();
    // A private copy would not see the file change under it.
    let mut changed = fs::read(files.path().join("a.npy")).unwrap();
    let end = changed.len();
    changed[end - 4..].copy_from_slice(&9.0_f32.to_le_bytes());
    let file = fs::OpenOptions::new().write(true).open(files.path().join("a.npy")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &changed, 0).unwrap();
    assert_eq!(array.as_slice::<f32>().unwrap()[3], 9.0);
}
