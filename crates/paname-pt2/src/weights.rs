//! Parameters, buffers and constants: found by name, held against the signature, handed out where they lie in the file.

use std::collections::HashMap;
use std::ops::Range;

use safetensors::SafeTensors;

use crate::container::Container;
use crate::error::{Error, Result};
use crate::program::{Input, Program, ValueKind};
use crate::resolve::bytes;
use crate::schema;
use crate::signature::InputRole;
use crate::tensor::{DType, Size};

/// A weight may have so many elements.
const MOST_ELEMENTS: usize = 1 << 31;
/// And so many more than are stored, where strides repeat them: whoever copies it needs the memory.
const MOST_REPEATED: usize = 1 << 24;

/// A tensor of the archive, where it lies in the mapped file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight<'a> {
    /// The type of its elements, little-endian.
    pub dtype: DType,
    /// Its sizes.
    pub shape: &'a [usize],
    /// Steps between neighbours in each dimension, in elements; as many as sizes. They may overlap or leave gaps.
    pub strides: &'a [usize],
    /// From its first element to its last one, as the strides say; nothing if a size is 0. torch and the exporter align tensors to their elements;
    /// other writers need not.
    pub bytes: &'a [u8],
}

/// What [`Weight`] borrows from.
pub(crate) struct Stored {
    dtype: DType,
    shape: Vec<usize>,
    strides: Vec<usize>,
    source: Source,
    range: Range<usize>,
}

/// Which bytes a range is of.
#[derive(Clone, Copy)]
enum Source {
    /// The mapped file.
    File,
    /// An entry that was unpacked.
    Unpacked(usize),
}

/// The weights that a signature names.
pub(crate) struct Weights {
    stored: HashMap<String, Stored>,
    unpacked: Vec<Vec<u8>>,
}

impl Weights {
    pub(crate) fn get<'a>(&'a self, container: &'a Container, name: &str) -> Option<Weight<'a>> {
        let stored = self.stored.get(name)?;
        let all = match stored.source {
            Source::File => container.bytes(),
            Source::Unpacked(index) => &self.unpacked[index],
        };
        let Stored { dtype, shape, strides, range, .. } = stored;
        Some(Weight { dtype: *dtype, shape, strides, bytes: &all[range.clone()] })
    }

    /// The weights of an archive of torch.export: raw bytes of storages, described by a JSON index each for weights and constants.
    pub(crate) fn of_torch(container: &Container, model: &str, program: &Program) -> Result<Self> {
        let mut reading = Reading::new(container);
        let folders = [
            ("data/weights/", format!("data/weights/{model}_weights_config.json")),
            ("data/constants/", format!("data/constants/{model}_constants_config.json")),
        ];
        let mut indices = Vec::new();
        for (folder, index) in &folders {
            if container.has(index) {
                indices.push((folder, index, container.document(index)?));
            }
        }
        let mut payloads = HashMap::new();
        for (folder, entry, text) in &indices {
            let index: schema::PayloadConfig<'_> =
                serde_json::from_slice(text).map_err(|e| container.entry_error(entry, e))?;
            for (name, payload) in index.config.0 {
                // The folder of constants may repeat a name of the weights, which then come first.
                payloads.entry(name).or_insert((folder, payload));
            }
        }
        for (name, dtype, shape) in named(program) {
            let refuse = |problem| refuse(container, name, problem);
            let Some((folder, payload)) = payloads.get(name) else {
                return Err(refuse("is named by the signature and by no index of the archive".into()));
            };
            let entry = format!("{folder}{}", payload.path_name);
            if payload.use_pickle {
                return Err(Error::Pickle { file: container.file().to_owned(), entry });
            }
            let Some(meta) = &payload.tensor_meta else {
                return Err(refuse("has no tensor_meta".into()));
            };
            let stored = reading.raw(&entry, meta).map_err(|e| e.named(container, name))?;
            agrees(&stored, dtype, shape).map_err(refuse)?;
            reading.weights.stored.insert(name.to_owned(), stored);
        }
        Ok(reading.weights)
    }

    /// The weights of an archive of our exporter: one file of safetensors. `aliases` tells tied names from stored ones.
    pub(crate) fn of_safetensors(
        container: &Container,
        entry: &str,
        program: &Program,
        aliases: &std::collections::BTreeMap<String, String>,
    ) -> Result<Self> {
        let mut reading = Reading::new(container);
        let (source, start) = reading.open(entry)?;
        let file = reading.whole(source, entry)?;
        let malformed = |e| container.entry_error(entry, format!("is not a whole safetensors file: {e}"));
        let (header, metadata) = SafeTensors::read_metadata(file).map_err(malformed)?;
        let data = header + 8;
        let tensors = metadata.tensors();
        let mut stored_ones = HashMap::new();
        for (name, dtype, shape) in named(program) {
            let refuse = |problem| refuse(container, name, problem);
            let stored_name = aliases.get(name).map_or(name, String::as_str);
            let Some(info) = tensors.get(stored_name) else {
                return Err(refuse(format!("`{stored_name}` is absent from {entry}")));
            };
            let of_elements = from_safetensors(info.dtype)
                .ok_or_else(|| refuse(format!("elements of type {:?} are not supported", info.dtype)))?;
            let (from, to) = info.data_offsets;
            let stored = Stored {
                dtype: of_elements,
                strides: dense(&info.shape),
                shape: info.shape.clone(),
                source,
                range: start + data + from..start + data + to,
            };
            agrees(&stored, dtype, shape).map_err(refuse)?;
            stored_ones.insert(name.to_owned(), stored);
        }
        reading.weights.stored = stored_ones;
        Ok(reading.weights)
    }
}

/// The weights found so far, and what has been unpacked for them.
struct Reading<'a> {
    container: &'a Container,
    weights: Weights,
    unpacked: HashMap<String, usize>,
}

/// A problem with an entry, or one that is the weight's own.
enum Problem {
    Entry(Error),
    Weight(String),
}

impl Problem {
    fn named(self, container: &Container, name: &str) -> Error {
        match self {
            Self::Entry(error) => error,
            Self::Weight(problem) => refuse(container, name, problem),
        }
    }
}

impl<'a> Reading<'a> {
    fn new(container: &'a Container) -> Self {
        let weights = Weights { stored: HashMap::new(), unpacked: Vec::new() };
        Self { container, weights, unpacked: HashMap::new() }
    }

    /// Finds an entry, and unpacks it, once, if it is compressed. The number is where it begins in its source.
    fn open(&mut self, entry: &str) -> Result<(Source, usize)> {
        if let Some(range) = self.container.stored(entry)? {
            return Ok((Source::File, range.start));
        }
        if let Some(index) = self.unpacked.get(entry) {
            return Ok((Source::Unpacked(*index), 0));
        }
        let index = self.weights.unpacked.len();
        self.weights.unpacked.push(self.container.read(entry)?.into_owned());
        self.unpacked.insert(entry.to_owned(), index);
        Ok((Source::Unpacked(index), 0))
    }

    /// All bytes of an entry that was opened.
    fn whole(&self, source: Source, entry: &str) -> Result<&[u8]> {
        Ok(match source {
            Source::File => {
                let range = self.container.stored(entry)?.unwrap_or_default();
                &self.container.bytes()[range]
            }
            Source::Unpacked(index) => &self.weights.unpacked[index],
        })
    }

    fn raw(&mut self, entry: &str, meta: &schema::TensorMeta<'_>) -> Result<Stored, Problem> {
        let wrong = |problem: &str| Problem::Weight(problem.to_owned());
        if !self.container.has(entry) {
            return Err(Problem::Weight(format!("{entry} is absent")));
        }
        let dtype = DType::from_schema(meta.dtype).map_err(Problem::Weight)?;
        let numbers = |list: &schema::List<schema::SymInt<'_>>| -> Option<Vec<usize>> {
            list.0.iter().map(known).collect()
        };
        let not_a_number = || wrong("has a size, stride or offset that is no number of 0 or more");
        let shape = numbers(&meta.sizes).ok_or_else(not_a_number)?;
        let strides = numbers(&meta.strides).ok_or_else(not_a_number)?;
        let offset = known(&meta.storage_offset).ok_or_else(not_a_number)?;
        if shape.len() != strides.len() {
            let problem = format!("has {} sizes and {} strides", shape.len(), strides.len());
            return Err(Problem::Weight(problem));
        }
        let (source, start) = self.open(entry).map_err(Problem::Entry)?;
        let there = self.whole(source, entry).map_err(Problem::Entry)?.len();
        let range = span(dtype, &shape, &strides, offset)
            .ok_or_else(|| wrong("has more elements than memory can hold"))?;
        if range.end > there {
            let problem = format!("needs {} bytes of {entry}, which has {there}", range.end);
            return Err(Problem::Weight(problem));
        }
        let elements: usize = shape.iter().product();
        if elements > MOST_ELEMENTS || (elements > MOST_REPEATED && elements > range.len() / dtype.size()) {
            let problem = format!(
                "has {elements} elements, of which {} are stored; expected at most {MOST_ELEMENTS}, and {MOST_REPEATED} that repeat stored ones",
                range.len() / dtype.size()
            );
            return Err(Problem::Weight(problem));
        }
        Ok(Stored { dtype, shape, strides, source, range: start + range.start..start + range.end })
    }
}

/// The weights that a signature names, each with what the graph says about it.
fn named(program: &Program) -> impl Iterator<Item = (&str, DType, &[Size])> {
    program.signature.inputs.iter().zip(&program.graph.inputs).filter_map(|(role, input)| {
        let Input::Value(id) = input else { return None };
        let ValueKind::Tensor(meta) = &program.graph.values[id.index()].kind else { return None };
        let name = match role {
            InputRole::Parameter(name) | InputRole::Buffer { name, .. } | InputRole::Constant(name) => name,
            InputRole::User | InputRole::Literal => return None,
        };
        Some((name.as_str(), meta.dtype, meta.shape.as_slice()))
    })
}

/// What is stored is what the graph was exported with.
fn agrees(stored: &Stored, dtype: DType, shape: &[Size]) -> Result<(), String> {
    let same = stored.shape.len() == shape.len()
        && stored.shape.iter().zip(shape).all(|(stored, asked)| match asked {
            Size::Known(size) => *size == *stored as u64,
            Size::Symbol(_) | Size::Unknown => true,
        });
    if !same || stored.dtype != dtype {
        let words = shape.iter().map(|size| match size {
            Size::Known(size) => size.to_string(),
            Size::Symbol(_) | Size::Unknown => "?".to_owned(),
        });
        let asked: Vec<String> = words.collect();
        return Err(format!(
            "is stored as {} {:?}; the graph expects {dtype} [{}]",
            stored.dtype,
            stored.shape,
            asked.join(", ")
        ));
    }
    Ok(())
}

fn known(size: &schema::SymInt<'_>) -> Option<usize> {
    match size {
        schema::SymInt::AsInt(size) => usize::try_from(*size).ok(),
        schema::SymInt::AsExpr(_) => None,
    }
}

/// The bytes from the first element to the end of the last one.
fn span(dtype: DType, shape: &[usize], strides: &[usize], offset: usize) -> Option<Range<usize>> {
    let size = bytes(shape.iter().map(|size| *size as u64), dtype)?;
    let start = offset.checked_mul(dtype.size())?;
    if size == 0 {
        return Some(start..start);
    }
    let mut last = 0_usize;
    for (size, stride) in shape.iter().zip(strides) {
        last = last.checked_add((size - 1).checked_mul(*stride)?)?;
    }
    let end = last.checked_add(1)?.checked_mul(dtype.size())?.checked_add(start)?;
    Some(start..end)
}

/// Row-major strides.
fn dense(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for dimension in (1..shape.len()).rev() {
        strides[dimension - 1] = strides[dimension] * shape[dimension].max(1);
    }
    strides
}

fn from_safetensors(dtype: safetensors::Dtype) -> Option<DType> {
    use safetensors::Dtype as D;
    Some(match dtype {
        D::BOOL => DType::Bool,
        D::U8 => DType::U8,
        D::I8 => DType::I8,
        D::I16 => DType::I16,
        D::U16 => DType::U16,
        D::F16 => DType::F16,
        D::BF16 => DType::BF16,
        D::I32 => DType::I32,
        D::F32 => DType::F32,
        D::F64 => DType::F64,
        D::I64 => DType::I64,
        _ => return None,
    })
}

fn refuse(container: &Container, name: &str, problem: String) -> Error {
    Error::Weight { file: container.file().to_owned(), name: name.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::{dense, span};
    use crate::tensor::DType;

    #[test]
    fn spans_go_from_the_first_element_to_the_last() {
        assert_eq!(span(DType::F32, &[2, 3], &[3, 1], 0), Some(0..24));
        // A transposed view, a repeated row, one element, none.
        assert_eq!(span(DType::F32, &[3, 2], &[1, 3], 1), Some(4..28));
        assert_eq!(span(DType::F32, &[5, 2], &[0, 1], 0), Some(0..8));
        assert_eq!(span(DType::I64, &[], &[], 2), Some(16..24));
        assert_eq!(span(DType::I64, &[0, 9], &[9, 1], 2), Some(16..16));
        assert_eq!(span(DType::U8, &[2], &[usize::MAX], 0), None);
        assert_eq!(span(DType::F64, &[1], &[1], usize::MAX), None);
    }

    #[test]
    fn dense_strides_are_row_major() {
        assert_eq!(dense(&[2, 3, 4]), [12, 4, 1]);
        assert_eq!(dense(&[]), [0; 0]);
        assert_eq!(dense(&[2, 0, 4]), [4, 4, 1]);
    }
}
