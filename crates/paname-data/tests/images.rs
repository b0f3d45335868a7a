//! Folders of images as records.

mod common;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use common::{folder, roster};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, RgbaImage};
use paname_core::{DType, Features, Labels, Result, Roster, Tensor};
use paname_data::{InputsConfig, InputsKind, folder_records};
use proptest::prelude::*;

fn photos() -> InputsConfig {
    InputsConfig { folder: Some("photos".into()), ..InputsConfig::default() }
}

fn read(base: &Path, config: &InputsConfig, ids: &[&str]) -> Result<Tensor> {
    match config.read(base, &roster(ids), 2)? {
        Features::Tensor(tensor) => Ok(tensor),
        _ => panic!("no tensor"),
    }
}

fn packed(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).expect("an image");
    bytes.into_inner()
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    packed(image, ImageFormat::Png)
}

fn jpeg(image: impl Into<DynamicImage>) -> Vec<u8> {
    packed(image, ImageFormat::Jpeg)
}

/// Height 2, width 3; no two channels of no two points are equal.
fn colours(first: u8) -> RgbImage {
    RgbImage::from_fn(3, 2, |x, y| {
        let point = first + (3 * y + x) as u8;
        Rgb([point, 100 + point, 200 + point])
    })
}

#[test]
fn images_are_planes_of_their_channels_in_the_order_of_the_roster() {
    let files = folder(&[
        ("photos/b/1.png", &png(colours(0))),
        ("photos/a.PNG", &png(colours(10))),
        ("photos/notes.txt", b"no image"),
        ("photos/.hidden.png", b"no image"),
    ]);
    let images = read(files.path(), &photos(), &["b/1.png", "a.PNG"]).unwrap();
    assert_eq!((images.dtype(), images.shape()), (DType::U8, &[2, 3, 2, 3][..]));
    let expected: Vec<u8> = [0, 100, 200, 10, 110, 210].iter().flat_map(|&plane| plane..plane + 6).collect();
    assert_eq!(images.as_slice::<u8>().unwrap(), expected);
    let files_of: Vec<_> = photos().files(files.path()).unwrap();
    assert_eq!(files_of, [files.path().join("photos/a.PNG"), files.path().join("photos/b/1.png")]);
    let schema = photos().describe(files.path()).unwrap();
    assert_eq!(
        (schema.kind, schema.records, &schema.shape[..], &schema.dtype[..]),
        (InputsKind::Folder, 2, &[3, 2, 3][..], "u8")
    );
}

#[test]
fn grey_and_colour_become_one_another() {
    let grey = GrayImage::from_pixel(1, 1, Luma([77]));
    let colour = RgbImage::from_pixel(1, 1, Rgb([200, 100, 50]));
    let clear = RgbaImage::from_pixel(1, 1, image::Rgba([200, 100, 50, 0]));
    let deep = image::ImageBuffer::<Rgb<u16>, _>::from_pixel(1, 1, Rgb([200 * 257, 100 * 257, 50 * 257]));
    let files = folder(&[
        ("photos/grey.png", &png(grey.clone())),
        ("photos/grey.jpg", &jpeg(grey)),
        ("photos/colour.png", &png(colour)),
        ("photos/clear.png", &png(clear)),
        ("photos/deep.png", &png(DynamicImage::ImageRgb16(deep))),
    ]);
    let ids = ["grey.png", "grey.jpg", "colour.png", "clear.png", "deep.png"];
    let coloured = read(files.path(), &photos(), &ids).unwrap();
    let expected = [[77; 3], [77; 3], [200, 100, 50], [200, 100, 50], [200, 100, 50]].concat();
    assert_eq!(coloured.as_slice::<u8>().unwrap(), expected);
    // round(0.299 · 200 + 0.587 · 100 + 0.114 · 50) = 124
    let config = InputsConfig { channels: Some(1), ..photos() };
    let greyed = read(files.path(), &config, &ids).unwrap();
    assert_eq!(
        (greyed.shape(), greyed.as_slice::<u8>().unwrap()),
        (&[5, 1, 1, 1][..], &[77, 77, 124, 124, 124][..])
    );
}

#[test]
fn a_jpeg_image_is_read_as_it_was_painted() {
    let files = folder(&[("photos/a.jpeg", &jpeg(RgbImage::from_pixel(8, 8, Rgb([30, 140, 220]))))]);
    let image = read(files.path(), &photos(), &["a.jpeg"]).unwrap();
    for (plane, expected) in image.as_slice::<u8>().unwrap().chunks(64).zip([30_u8, 140, 220]) {
        assert!(plane.iter().all(|&x| x.abs_diff(expected) < 4), "{plane:?}");
    }
}

#[test]
fn sizes_that_differ_are_brought_together_when_asked() {
    let plain = RgbImage::from_pixel(5, 7, Rgb([1, 2, 3]));
    let halves = RgbImage::from_fn(4, 2, |x, _| if x < 2 { Rgb([0; 3]) } else { Rgb([200; 3]) });
    let files = folder(&[("photos/a.png", &png(plain)), ("photos/b.png", &png(halves))]);
    let config = InputsConfig { size: Some([2, 4]), ..photos() };
    let images = read(files.path(), &config, &["b.png", "a.png"]).unwrap();
    assert_eq!(images.shape(), [2, 3, 2, 4]);
    let points = images.as_slice::<u8>().unwrap();
    assert_eq!(points[..8], [0, 0, 200, 200, 0, 0, 200, 200]);
    assert_eq!(points[24..], [[1; 8], [2; 8], [3; 8]].concat());
    assert_eq!(config.describe(files.path()).unwrap().shape, [3, 2, 4]);
}

#[test]
fn what_comes_does_not_hang_on_threads() {
    let images: Vec<(String, Vec<u8>)> =
        (0..20).map(|i| (format!("photos/{i}.png"), png(colours(i)))).collect();
    let files = folder(&images.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect::<Vec<_>>());
    let names: Vec<String> = (0..20).rev().map(|i| format!("{i}.png")).collect();
    let roster = Roster::new(names, "test").unwrap();
    let outcomes = [0, 1, 3].map(|threads| match photos().read(files.path(), &roster, threads).unwrap() {
        Features::Tensor(tensor) => tensor.as_slice::<u8>().unwrap().to_vec(),
        _ => panic!("no tensor"),
    });
    assert!(outcomes[0] == outcomes[1] && outcomes[1] == outcomes[2]);
    // Of several bad images it is always the first that is told.
    fs::write(files.path().join("photos/15.png"), "no image").unwrap();
    fs::write(files.path().join("photos/3.png"), "no image").unwrap();
    for threads in [1, 3] {
        let error = photos().read(files.path(), &roster, threads).unwrap_err().to_string();
        assert!(error.starts_with("photos/15.png: "), "{error}");
    }
}

#[test]
fn folders_are_lists_of_records_with_classes() {
    let image = png(colours(0));
    let files = folder(&[
        ("photos/train/dog/1.png", &image),
        ("photos/train/cat/1.png", &image),
        ("photos/test/cat/1.jpg", &image),
        ("flat/a.png", &image),
        ("mixed/a.png", &image),
        ("mixed/cat/a.png", &image),
    ]);
    let records = folder_records(files.path(), Path::new("photos")).unwrap();
    assert_eq!(records.table.ids, ["test/cat/1.jpg", "train/cat/1.png", "train/dog/1.png"]);
    assert_eq!(records.classes, ["cat", "dog"]);
    let Labels::Classes { values, classes } = &records.table.labels else { panic!("no classes") };
    assert_eq!((&values[..], *classes), (&[0, 0, 1][..], 2));
    let Labels::Classes { values, classes } =
        records.labels(&roster(&["train/dog/1.png", "test/cat/1.jpg"])).unwrap()
    else {
        panic!("no classes")
    };
    assert_eq!((&values[..], classes), (&[1, 0][..], 2));
    assert!(
        records
            .labels(&roster(&["x.png"]))
            .unwrap_err()
            .to_string()
            .starts_with("photos: 1 of the 1 records")
    );

    let flat = folder_records(files.path(), Path::new("flat")).unwrap();
    assert!(matches!(flat.table.labels, Labels::None) && flat.classes.is_empty());
    assert!(matches!(flat.labels(&roster(&["a.png"])).unwrap(), Labels::None));
    assert_eq!(
        folder_records(files.path(), Path::new("mixed")).unwrap_err().to_string(),
        "mixed/a.png: lies beside folders of classes; expected each image in the folder of its class"
    );
}

/// The PNG image `good` with other width and height in its head, and the right checksum.
fn with_size(good: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = good.to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut checksum = flate2::Crc::new();
    checksum.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    bytes
}

#[test]
fn what_is_no_image_is_refused_in_one_line() {
    let good = png(colours(0));
    let photo = jpeg(RgbImage::from_fn(64, 64, |x, y| Rgb([x as u8 * 3, y as u8 * 3, (x * y) as u8])));
    let cases: &[(&str, Vec<u8>)] = &[
        ("empty", vec![]),
        ("text", b"hello".to_vec()),
        ("another format", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;".to_vec()),
        ("a PNG cut short", good[..good.len() - 20].to_vec()),
        ("a PNG cut within its head", good[..20].to_vec()),
        ("a JPEG cut in its middle", photo[..photo.len() / 2].to_vec()),
        ("a JPEG cut by its last byte", photo[..photo.len() - 1].to_vec()),
        ("a JPEG cut within its head", photo[..30].to_vec()),
        ("a PNG that claims a long side", with_size(&good, 1 << 30, 1)),
        ("a PNG that claims much memory", with_size(&good, 16_000, 16_000)),
        ("a PNG that claims more than it holds", with_size(&good, 300, 300)),
        ("a PNG with a flipped bit", {
            let mut flipped = good.clone();
            flipped[45] ^= 1;
            flipped
        }),
        ("another size", png(RgbImage::new(3, 3))),
    ];
    let mut said = Vec::new();
    for (what, bytes) in cases {
        let files = folder(&[("photos/0.png", &good), ("photos/1.png", bytes)]);
        let error = read(files.path(), &photos(), &["0.png", "1.png"]).expect_err(what);
        said.push(format!("{what}\n    {error}"));
        if *what == "another size" {
            assert_eq!(photos().describe(files.path()).unwrap_err().to_string(), error.to_string());
        }
    }
    let files = folder(&[("photos/0.png", &good), ("empty/a.txt", b"")]);
    let absent = read(files.path(), &photos(), &["0.png", "2.png"]).unwrap_err();
    said.push(format!("an id without an image\n    {absent}"));
    for name in ["empty", "none", "photos/0.png"] {
        let config = InputsConfig { folder: Some(name.into()), ..InputsConfig::default() };
        said.push(format!("folder {name}\n    {}", read(files.path(), &config, &["0.png"]).unwrap_err()));
    }
    std::os::unix::fs::symlink("..", files.path().join("photos/loop")).unwrap();
    said.push(format!("a link to a folder\n    {}", read(files.path(), &photos(), &["0.png"]).unwrap_err()));
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_small_picture_in_the_head_is_not_the_end() {
    let photo = jpeg(RgbImage::from_pixel(16, 16, Rgb([30, 140, 220])));
    let small = jpeg(RgbImage::from_pixel(8, 8, Rgb([1, 2, 3])));
    let mut head = vec![0xff, 0xe1];
    head.extend((small.len() as u16 + 2).to_be_bytes());
    head.extend(&small);
    let whole = [&photo[..2], &head, &photo[2..]].concat();
    let files = folder(&[("photos/a.jpg", &whole)]);
    assert_eq!(read(files.path(), &photos(), &["a.jpg"]).unwrap().shape(), [1, 3, 16, 16]);
    fs::write(files.path().join("photos/a.jpg"), &whole[..whole.len() - 40]).unwrap();
    assert_eq!(
        read(files.path(), &photos(), &["a.jpg"]).unwrap_err().to_string(),
        "photos/a.jpg: is truncated: the mark at the end of a JPEG image is missing"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_images_are_errors_or_images(painted: bool, changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut bytes = if painted { png(colours(3)) } else { jpeg(colours(3)) };
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        let files = folder(&[("photos/a.png", &bytes)]);
        let config = InputsConfig { size: Some([2, 3]), ..photos() };
        match read(files.path(), &config, &["a.png"]) {
            Ok(image) => prop_assert_eq!(image.shape(), [1, 3, 2, 3]),
            Err(error) => {
                let text = error.to_string();
                prop_assert!(text.starts_with("photos/a.png: ") && !text.contains('\n'), "{}", text);
            }
        }
    }
}
