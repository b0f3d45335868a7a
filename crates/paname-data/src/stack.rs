//! Arrays put under each other without a copy.

use std::sync::Arc;

use paname_core::{DType, Element, Error, Result, Tensor};

use crate::file::Decoded;

/// Parts with equal types and row shapes, whose rows are counted through.
pub(crate) struct Stack {
    parts: Vec<Tensor>,
    /// Number of the first row of each part.
    starts: Vec<usize>,
    rows: usize,
}

impl Stack {
    /// Every part has at least one axis. Fails where types or row shapes differ; `place` is for that error.
    pub(crate) fn new(parts: Vec<Tensor>, place: &str) -> Result<Self> {
        let mut starts = Vec::with_capacity(parts.len());
        let mut rows = 0_usize;
        for part in &parts {
            if let Some(first) = parts.first()
                && (part.dtype(), part.shape().get(1..)) != (first.dtype(), first.shape().get(1..))
            {
                let expected = format!("parts of one type and one row shape, like {first:?}");
                return Err(Error::mismatch(place, expected, format!("{part:?}")));
            }
            starts.push(rows);
            rows = rows.saturating_add(part.rows());
        }
        if u32::try_from(rows).is_err() {
            return Err(Error::mismatch(place, format!("at most {} rows", u32::MAX), rows));
        }
        Ok(Self { parts, starts, rows })
    }

    /// Shape of one row.
    pub(crate) fn row_shape(&self) -> &[usize] {
        self.parts.first().and_then(|part| part.shape().get(1..)).unwrap_or_default()
    }

    pub(crate) fn dtype(&self) -> Option<DType> {
        self.parts.first().map(Tensor::dtype)
    }

    /// The part that holds a row, and the row's number in it.
    fn locate(&self, row: usize) -> (usize, usize) {
        // Most arrays are one part.
        let part = if self.starts.len() == 1 {
            0
        } else {
            self.starts.partition_point(|&start| start <= row).saturating_sub(1)
        };
        (part, row - self.starts[part])
    }

    /// Elements of the rows that `wanted` lists, one slice at a time, until `look` finds something.
    pub(crate) fn search<T: Element, F>(
        &self,
        wanted: impl Iterator<Item = u32>,
        mut look: impl FnMut(usize, &[T]) -> Option<F>,
    ) -> Result<Option<F>> {
        let width: usize = self.row_shape().iter().product();
        let parts: Vec<&[T]> = self.parts.iter().map(Tensor::as_slice).collect::<Result<_>>()?;
        for (i, row) in wanted.enumerate() {
            let (part, row) = self.locate(row as usize);
            if let Some(found) = look(i, &parts[part][row * width..(row + 1) * width]) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The given rows, in the given order; consecutive ones share the memory.
    pub(crate) fn gather(&self, rows: &[u32]) -> Result<Tensor> {
        if let Some(&row) = rows.iter().find(|&&row| row as usize >= self.rows) {
            return Err(Error::mismatch("rows", format!("below {}", self.rows), row));
        }
        if let (Some(&first), Some(&last)) = (rows.first(), rows.last())
            && rows.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]))
        {
            let ((part, start), (same, end)) = (self.locate(first as usize), self.locate(last as usize));
            if part == same {
                return self.parts[part].slice(start..end + 1);
            }
        }
        self.copy(rows)
    }

    /// One pass over the rows, which are in range.
    fn copy(&self, rows: &[u32]) -> Result<Tensor> {
        let [first, rest @ ..] = &self.parts[..] else {
            return Err(Error::mismatch("parts", "at least one", "none"));
        };
        if rest.is_empty() {
            return first.gather(rows);
        }
        let width = self.row_shape().iter().product::<usize>() * first.dtype().size();
        let parts: Vec<&[u8]> = self.parts.iter().map(Tensor::bytes).collect::<Result<_>>()?;
        let total = width.checked_mul(rows.len());
        let gathered = total.ok_or_else(|| "no memory can hold the rows".to_owned()).and_then(Decoded::zeros);
        let mut gathered = gathered.map_err(Error::Other)?;
        for (&row, copy) in rows.iter().zip(gathered.bytes_mut().chunks_exact_mut(width.max(1))) {
            let (part, row) = self.locate(row as usize);
            copy.copy_from_slice(&parts[part][row * width..(row + 1) * width]);
        }
        let shape = [&[rows.len()], self.row_shape()].concat();
        Tensor::from_buffer(Arc::new(gathered), first.dtype(), &shape, 0)
    }
}
