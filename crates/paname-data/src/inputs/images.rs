//! Images as arrays of bytes `[records, channels, height, width]`.
//!
//! Colours are taken as they are stored: no colour profile, gamma or orientation of the camera is applied, and transparency is dropped, as the usual
//! loaders of training data do. Grey is 0.299 R + 0.587 G + 0.114 B.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::imageops::{FilterType, resize};
use image::{DynamicImage, GrayImage, ImageError, ImageFormat, ImageReader, ImageResult, Limits, RgbImage};
use paname_core::{DType, Error, Result, Roster, Tensor, catch};
use rayon::ThreadPoolBuilder;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::folder::{list, path};
use super::schema::{InputsKind, InputsSchema, dtype_name};
use crate::file::{Decoded, read};
use crate::join::{RowIds, join};

/// The longest side of an image, before and after it is brought to a size.
const SIDE_LIMIT: usize = 16_384;
/// The most bytes that one image may take, packed or not.
const MEMORY_LIMIT: u64 = 256 << 20;

/// A folder of images.
pub(super) struct Images<'a> {
    folder: &'a Path,
    /// Height and width to bring them to.
    size: Option<[usize; 2]>,
    channels: usize,
}

impl<'a> Images<'a> {
    pub(super) fn new(folder: &'a Path, size: Option<[usize; 2]>, channels: Option<usize>) -> Result<Self> {
        if let Some(size) = size.filter(|size| size.iter().any(|side| !(1..=SIDE_LIMIT).contains(side))) {
            let problem = format!("size = {size:?}: expected height and width, each from 1 to {SIDE_LIMIT}");
            return Err(Error::Config(problem));
        }
        let channels = channels.unwrap_or(3);
        if !matches!(channels, 1 | 3) {
            let problem = format!("channels = {channels}: expected 3 (red, green, blue) or 1 (grey)");
            return Err(Error::Config(problem));
        }
        Ok(Self { folder, size, channels })
    }

    pub(super) fn files(&self, base: &Path) -> Result<Vec<PathBuf>> {
        Ok(list(base, self.folder)?.iter().map(|id| path(base, self.folder, id)).collect())
    }

    pub(super) fn read(&self, base: &Path, roster: &Roster, threads: usize) -> Result<Tensor> {
        let ids = list(base, self.folder)?;
        let rows = join(roster, &[RowIds { ids, place: self.folder.display().to_string() }])?;
        let ids = roster.ids();
        let size = match (self.size, ids.first()) {
            (Some(size), _) => size,
            (None, Some(first)) => self.open(base, first)?.size()?,
            (None, None) => [0, 0],
        };
        let width = self.channels * size[0] * size[1];
        let place = self.folder.display();
        let total = width
            .checked_mul(rows.len())
            .ok_or_else(|| Error::data(&place, "no memory can hold the images"))?;
        let mut pixels = Decoded::zeros(total).map_err(|problem| {
            Error::data(
                &place,
                format!("the images of {} × {} points: {problem}; give a smaller `size`", size[0], size[1]),
            )
        })?;
        let pool = ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
        let pool = pool.map_err(|e| Error::caused("no threads for the decoding of images", &e))?;
        let decode = |(planes, id): (&mut [u8], &String)| {
            let image = self.open(base, id).and_then(|image| image.decode(size, self, ids, planes));
            image.err()
        };
        // The first error in the order of the records, however many threads there are.
        let failed = pool.install(|| {
            let planes = pixels.bytes_mut()[..total].par_chunks_exact_mut(width.max(1));
            planes.zip(ids.par_iter()).map(decode).find_map_first(|error| error)
        });
        let shape = [rows.len(), self.channels, size[0], size[1]];
        match failed {
            Some(error) => Err(error),
            None => Tensor::from_buffer(Arc::new(pixels), DType::U8, &shape, 0),
        }
    }

    pub(super) fn describe(&self, base: &Path) -> Result<InputsSchema> {
        let ids = list(base, self.folder)?;
        let mut size = self.size;
        if size.is_none() {
            for id in &ids {
                let image = self.open(base, id)?;
                let own = image.size()?;
                self.check_size(own, *size.get_or_insert(own), &ids[0], &image.place)?;
            }
        }
        let [height, width] = size.unwrap_or_default();
        Ok(InputsSchema {
            kind: InputsKind::Folder,
            records: ids.len(),
            shape: vec![self.channels, height, width],
            dtype: dtype_name(DType::U8),
            standardised: false,
            columns: Vec::new(),
        })
    }

    /// Without a `size`, all images must have that of the first.
    fn check_size(&self, size: [usize; 2], expected: [usize; 2], first: &str, place: &str) -> Result<()> {
        if self.size.is_some() || size == expected {
            return Ok(());
        }
        let [h, w] = expected;
        let problem = format!(
            "is {} points high and {} wide, {first} is {h} high and {w} wide; give size = [height, width], to which all images are brought",
            size[0], size[1]
        );
        Err(Error::data(place, problem))
    }

    fn open(&self, base: &Path, id: &str) -> Result<Packed> {
        let place = format!("{}/{id}", self.folder.display());
        let bytes = read(&path(base, self.folder, id), &place, MEMORY_LIMIT)?;
        let refuse = |problem: &str| Err(Error::data(&place, problem));
        if bytes.is_empty() {
            return refuse("is empty; expected an image");
        }
        let Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) = image::guess_format(&bytes) else {
            return refuse("is neither a PNG nor a JPEG image, whatever its name says");
        };
        if format == ImageFormat::Jpeg && !is_whole_jpeg(&bytes) {
            return refuse("is truncated: the mark at the end of a JPEG image is missing");
        }
        Ok(Packed { bytes, format, place })
    }
}

/// An image as its file holds it.
struct Packed {
    bytes: Vec<u8>,
    format: ImageFormat,
    place: String,
}

impl Packed {
    fn reader(&self) -> ImageReader<Cursor<&[u8]>> {
        let mut limits = Limits::no_limits();
        limits.max_image_width = Some(SIDE_LIMIT as u32);
        limits.max_image_height = Some(SIDE_LIMIT as u32);
        limits.max_alloc = Some(MEMORY_LIMIT);
        let mut reader = ImageReader::with_format(Cursor::new(&self.bytes[..]), self.format);
        reader.limits(limits);
        reader
    }

    /// Asks the decoder: the code that hostile files aim at.
    fn ask<'a, T>(&'a self, work: impl FnOnce(ImageReader<Cursor<&'a [u8]>>) -> ImageResult<T>) -> Result<T> {
        // One line, whatever the decoder says.
        let cannot = |why: &str| {
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            Error::data(&self.place, format!("cannot be decoded: {why}"))
        };
        let asked = catch(|| {
            work(self.reader()).map_err(|error| match error {
                ImageError::Limits(_) => {
                    let expected =
                        format!("expected sides of at most {SIDE_LIMIT} points and 256 MiB unpacked");
                    Error::data(&self.place, format!("is too large: {expected}"))
                }
                other => cannot(&other.to_string()),
            })
        });
        asked.map_err(|error| match error {
            Error::Panic(text) => cannot(&text),
            other => other,
        })
    }

    /// Height and width, from the head of the file.
    fn size(&self) -> Result<[usize; 2]> {
        let (width, height) = self.ask(ImageReader::into_dimensions)?;
        Ok([height as usize, width as usize])
    }

    /// Decodes into the planes of the channels.
    fn decode(&self, size: [usize; 2], images: &Images<'_>, ids: &[String], planes: &mut [u8]) -> Result<()> {
        let image = self.ask(ImageReader::decode)?;
        let own = [image.height() as usize, image.width() as usize];
        images.check_size(own, size, ids.first().map_or("", String::as_str), &self.place)?;
        let [height, width] = size.map(|side| side as u32);
        if images.channels == 1 {
            let mut grey = grey(image);
            if own != size {
                grey = resize(&grey, width, height, FilterType::Triangle);
            }
            planes.copy_from_slice(grey.as_raw());
            return Ok(());
        }
        let mut colours = image.into_rgb8();
        if own != size {
            colours = resize(&colours, width, height, FilterType::Triangle);
        }
        let points = size[0] * size[1];
        let (red, rest) = planes.split_at_mut(points);
        let (green, blue) = rest.split_at_mut(points);
        for (((point, red), green), blue) in colours.pixels().zip(red).zip(green).zip(blue) {
            [*red, *green, *blue] = point.0;
        }
        Ok(())
    }
}

/// Grey by the weights of ITU-R 601 in 16 binary places, as the usual loaders compute it.
fn grey(image: DynamicImage) -> GrayImage {
    if let DynamicImage::ImageLuma8(grey) = image {
        return grey;
    }
    let colours: RgbImage = image.into_rgb8();
    let (width, height) = colours.dimensions();
    let weigh = |[r, g, b]: [u8; 3]| {
        ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
    };
    let points: Vec<u8> = colours.pixels().map(|point| weigh(point.0)).collect();
    GrayImage::from_raw(width, height, points).unwrap_or_default()
}

/// Whether the mark of the end follows the beginning of the picture. Decoders fill what is missing of a truncated JPEG image with grey, and say nothing;
/// a small picture within the head has an end of its own, which is why the head is walked through.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    const END: &[u8] = &[0xff, 0xd9];
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        match *rest {
            [0xff, mark @ 0xc0..=0xfe, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                rest = rest.get(2 + length..).unwrap_or_default();
                if mark == START_OF_SCAN {
                    return rest.windows(2).any(|pair| pair == END);
                }
            }
            // Marks may be padded, and decoders pass over what is none.
            [_, ..] => rest = &rest[1..],
            [] => return false,
        }
    }
}
