//! Arrays in the format of the MNIST family, wherever arrays are taken.

mod common;

use common::{folder, gzip, idx};
use paname_core::{DType, Labels, Result, Tensor};
use paname_data::{ArrayRef, RecordTable, RecordsConfig, read_array, read_strings};

fn read(files: &[(&str, &[u8])], text: &str) -> Result<Tensor> {
    read_array(folder(files).path(), &text.parse()?)
}

/// The six element types with the numbers 0 to 5, and what each becomes.
fn types() -> Vec<(u8, Vec<u8>, DType)> {
    fn bytes<const N: usize>(number: impl Fn(u8) -> [u8; N]) -> Vec<u8> {
        (0..6).flat_map(number).collect()
    }
    vec![
        (0x08, bytes(|x| [x]), DType::U8),
        (0x09, bytes(|x| [x]), DType::I32),
        (0x0b, bytes(|x| i16::from(x).to_be_bytes()), DType::I32),
        (0x0c, bytes(|x| i32::from(x).to_be_bytes()), DType::I32),
        (0x0d, bytes(|x| f32::from(x).to_be_bytes()), DType::F32),
        (0x0e, bytes(|x| f64::from(x).to_be_bytes()), DType::F64),
    ]
}

#[test]
fn every_type_is_read_plain_and_packed() {
    for (code, elements, dtype) in types() {
        let plain = idx(code, &[2, 3], &elements);
        let packed = gzip(&plain);
        let files = folder(&[("a.idx", &plain), ("a-idx2-x.gz", &packed)]);
        for name in ["a.idx", "a-idx2-x.gz"] {
            let array = read_array(files.path(), &name.parse().unwrap()).unwrap();
            assert_eq!((array.dtype(), array.shape()), (dtype, &[2, 3][..]), "{code} {name}");
            assert_eq!(array.to_f64().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "{code} {name}");
            let row = read_array(files.path(), &format!("{name}[1]").parse().unwrap()).unwrap();
            assert_eq!(row.to_f64().unwrap(), [3.0, 4.0, 5.0], "{code} {name}");
        }
    }
    let negative = idx(0x09, &[2], &[0xff, 0x80]);
    assert_eq!(read(&[("a.idx", &negative)], "a.idx").unwrap().to_i64().unwrap(), [-1, -128]);
    let negative = idx(0x0b, &[1], &[0xff, 0xfe]);
    assert_eq!(read(&[("a.idx", &negative)], "a.idx").unwrap().to_i64().unwrap(), [-2]);
}

#[test]
fn names_tell_the_format() {
    for text in [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte[3]",
        "MNIST/train-images.idx3-ubyte",
        "emnist-idx3-ubyte.GZ",
        "a.idx",
        "a.IDX.gz[0]",
        "a-idx4-float",
    ] {
        assert_eq!(text.parse::<ArrayRef>().unwrap().to_string(), text);
    }
    for text in ["a.gz", "idx.gz", "a-idx3", "a-idx3-ubyte.zip", "a.idx.bz2"] {
        let said = text.parse::<ArrayRef>().unwrap_err().to_string();
        assert!(said.contains("unknown kind of file"), "{text}: {said}");
    }
}

#[test]
fn packed_files_may_have_several_members() {
    let plain = idx(8, &[4], &[1, 2, 3, 4]);
    let packed = [gzip(&plain[..6]), gzip(&plain[6..])].concat();
    let array = read(&[("a.idx.gz", &packed)], "a.idx.gz").unwrap();
    assert_eq!(array.as_slice::<u8>().unwrap(), [1, 2, 3, 4]);
}

#[test]
fn labels_and_ids_come_from_the_same_format() {
    let files = folder(&[
        ("train-labels-idx1-ubyte.gz", &gzip(&idx(8, &[3], &[9, 0, 4]))),
        ("ids-idx1-int", &idx(0x0c, &[3], &[0, 0, 0, 7, 0, 0, 0, 5, 0, 0, 0, 6])),
    ]);
    assert_eq!(read_strings(files.path(), &"ids-idx1-int".parse().unwrap()).unwrap(), ["7", "5", "6"]);
    let label = Some("train-labels-idx1-ubyte.gz".into());
    for (id, ids) in
        [("ids-idx1-int", ["7", "5", "6"]), ("row-number:train-", ["train-0", "train-1", "train-2"])]
    {
        let config = RecordsConfig { id: Some(id.into()), label: label.clone(), ..RecordsConfig::default() };
        let table = RecordTable::read(&config, files.path()).unwrap();
        assert_eq!(table.ids, ids);
        let Labels::Classes { values, classes } = &table.labels else { panic!("no classes") };
        assert_eq!((&values[..], *classes), (&[9, 0, 4][..], 10));
        assert_eq!(config.files(files.path()).len(), if id == "ids-idx1-int" { 2 } else { 1 });
    }
}

#[test]
fn what_is_no_array_is_refused_in_one_line() {
    let good = idx(8, &[2, 3], &[1, 2, 3, 4, 5, 6]);
    let packed = gzip(&good);
    let zeros = gzip(&idx(8, &[0x7fff_ffff], &vec![0; 5_000_000]));
    let noise: Vec<u8> =
        (0..3_000_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8 ^ (i >> 11) as u8).collect();
    let bomb = [&gzip(&idx(8, &[0x7fff_ffff], &[]))[..], &noise].concat();
    let cases: &[(&str, &str, Vec<u8>)] = &[
        ("empty", "a.idx", vec![]),
        ("text", "a.idx", b"id,label\n".to_vec()),
        ("npy", "a.idx", b"\x93NUMPY".to_vec()),
        ("unknown element type", "a.idx", idx(0x0a, &[1], &[0, 0])),
        ("no axis", "a.idx", idx(8, &[], &[1])),
        ("too many axes", "a.idx", idx(8, &[1; 33], &[1])),
        ("cut within the first four bytes", "a.idx", good[..3].to_vec()),
        ("cut within the header", "a.idx", good[..7].to_vec()),
        ("cut within the elements", "a.idx", good[..good.len() - 2].to_vec()),
        ("more behind", "a.idx", [&good[..], &[0]].concat()),
        ("nothing in it", "a.idx", idx(8, &[0, 3], &[])),
        ("absurd lengths", "a.idx", idx(8, &[u32::MAX; 3], &[])),
        ("long", "a.idx", idx(0x0e, &[1 << 20], &[])),
        ("packed under a plain name", "a-idx2-ubyte", packed.clone()),
        ("plain under a packed name", "a.idx.gz", good.clone()),
        ("packed text", "a.idx.gz", gzip(b"hello")),
        ("packed, cut within the elements", "a.idx.gz", gzip(&good[..good.len() - 2])),
        ("packed, more behind", "a.idx.gz", gzip(&[&good[..], &[0]].concat())),
        ("packed and cut", "a.idx.gz", packed[..packed.len() - 12].to_vec()),
        ("packed without its checksum", "a.idx.gz", packed[..packed.len() - 8].to_vec()),
        ("packed, a flipped bit", "a.idx.gz", {
            let mut flipped = packed.clone();
            let at = flipped.len() - 6;
            flipped[at] ^= 1;
            flipped
        }),
        ("packed, garbage behind", "a.idx.gz", [&packed[..], b"garbage garbage"].concat()),
        ("packed, absurd lengths", "a.idx.gz", gzip(&idx(8, &[u32::MAX], &[]))),
        ("packed, more than the format can hold", "a.idx.gz", zeros),
        ("compression bomb", "a.idx.gz", bomb),
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|(what, name, bytes)| {
            let error = read(&[(name, bytes)], name).expect_err(what);
            format!("{what}\n    {error}")
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn plain_bytes_are_mapped_and_not_copied() {
    let files = folder(&[("a.idx", &idx(8, &[2], &[1, 2]))]);
    let array = read_array(files.path(), &"a.idx".parse().unwrap()).unwrap();
    // A private copy would not see the file change under it.
    let file = std::fs::OpenOptions::new().write(true).open(files.path().join("a.idx")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[9], 9).unwrap();
    assert_eq!(array.as_slice::<u8>().unwrap(), [1, 9]);
}
