//! Inputs that are arrays already.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use paname_core::{Error, Result, Roster, Tensor};

use super::schema::{InputsKind, InputsSchema, dtype_name};
use crate::array::{ArrayRef, Format, IdSource, read_array};
use crate::join::{RowIds, join};
use crate::list::List;
use crate::stack::Stack;

/// Arrays under each other, and the ids of their rows.
pub(super) struct Arrays<'a> {
    arrays: &'a [ArrayRef],
    /// One for all rows, or one for each array.
    ids: &'a [IdSource],
}

impl<'a> Arrays<'a> {
    pub(super) fn new(arrays: &'a [ArrayRef], ids: Option<&'a List<IdSource>>) -> Result<Self> {
        if let Some(array) = arrays.iter().find(|array| array.format() == Format::Csv) {
            let path = array.path().display();
            let problem =
                format!("array {array}: is a table; write `table = \"{path}\"` in place of `array`");
            return Err(Error::Config(problem));
        }
        let Some(List(ids)) = ids else {
            let problem = "whose rows are these? give `ids`, an array of them, or ids = \"row-number\" to state that the rows are numbered";
            return Err(Error::Config(format!("{}: {problem}", place(arrays))));
        };
        if ids.len() != 1 && ids.len() != arrays.len() {
            let each = if arrays.len() > 1 {
                format!(", or {} as there are arrays", arrays.len())
            } else {
                String::new()
            };
            let expected = format!("1{each}");
            return Err(Error::mismatch(format!("{}, parts of `ids`", place(arrays)), expected, ids.len()));
        }
        Ok(Self { arrays, ids })
    }

    pub(super) fn files(&self, base: &Path) -> Vec<PathBuf> {
        let ids = self.ids.iter().filter_map(|source| match source {
            IdSource::Array(array) => Some(array),
            IdSource::RowNumber { .. } => None,
        });
        self.arrays.iter().chain(ids).map(|array| base.join(array.path())).collect()
    }

    pub(super) fn read(&self, base: &Path, roster: &Roster) -> Result<Tensor> {
        Ok(self.load(base, roster)?.0)
    }

    /// The rows of the records, and which of all rows they are.
    pub(super) fn load(&self, base: &Path, roster: &Roster) -> Result<(Tensor, Arc<[u32]>)> {
        let parts = self.parts(base)?;
        let rows = join(roster, &self.row_ids(base, &parts)?)?;
        Ok((Stack::new(parts, &self.place())?.gather(&rows)?, rows))
    }

    /// The arrays by their names.
    pub(super) fn place(&self) -> String {
        place(self.arrays)
    }

    pub(super) fn describe(&self, base: &Path) -> Result<InputsSchema> {
        let parts = self.parts(base)?;
        let records = self.row_ids(base, &parts)?.iter().map(|part| part.ids.len()).sum();
        let stack = Stack::new(parts, &place(self.arrays))?;
        let dtype = stack.dtype().map(dtype_name).unwrap_or_default();
        let shape = stack.row_shape().to_vec();
        let (kind, columns) = (InputsKind::Array, Vec::new());
        Ok(InputsSchema { kind, records, shape, dtype, standardised: false, columns })
    }

    fn parts(&self, base: &Path) -> Result<Vec<Tensor>> {
        let part = |array: &ArrayRef| {
            let tensor = read_array(base, array)?;
            if tensor.shape().is_empty() {
                let expected = "an array with at least one axis";
                return Err(Error::mismatch(array.to_string(), expected, "a single number"));
            }
            Ok(tensor)
        };
        self.arrays.iter().map(part).collect()
    }

    fn row_ids(&self, base: &Path, parts: &[Tensor]) -> Result<Vec<RowIds>> {
        let row_ids = |source: &IdSource, rows: usize, arrays: &[ArrayRef], of: String| {
            let ids = source.read(base, rows, &of)?;
            let place = match source {
                IdSource::Array(array) => array.to_string(),
                IdSource::RowNumber { .. } => place(arrays),
            };
            Ok(RowIds { ids, place })
        };
        if let [source] = self.ids {
            let rows = parts.iter().map(Tensor::rows).sum();
            return Ok(vec![row_ids(source, rows, self.arrays, place(self.arrays))?]);
        }
        let each = self.ids.iter().zip(parts).zip(self.arrays);
        each.map(|((source, part), array)| {
            let of = format!("{array} of shape {:?}", part.shape());
            row_ids(source, part.rows(), std::slice::from_ref(array), of)
        })
        .collect()
    }
}

fn place(arrays: &[ArrayRef]) -> String {
    arrays.iter().map(ArrayRef::to_string).collect::<Vec<_>>().join(" + ")
}
