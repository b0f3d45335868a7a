//! The manifest's text and places in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use crate::EngineError;

/// Something wrong at a place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    /// Bytes of the file.
    pub(super) span: Range<usize>,
    /// What is wrong and what was expected.
    pub(super) what: String,
}

impl Problem {
    pub(super) fn new(span: Range<usize>, what: impl Into<String>) -> Self {
        Self { span, what: what.into() }
    }
}

/// The text of a manifest and its file.
#[derive(Debug, Clone)]
pub(super) struct Text {
    path: PathBuf,
    text: String,
}

impl Text {
    /// Reads a file that must be UTF-8, with or without a byte order mark.
    pub(super) fn read(path: &Path) -> Result<Self, EngineError> {
        let bytes = std::fs::read(path).map_err(EngineError::io(path))?;
        let path = path.to_owned();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { path, text }),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let what = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
                    "the file is UTF-16; save it as UTF-8".to_owned()
                } else {
                    format!(
                        "byte {valid} (0x{:02x}) is not UTF-8; save the file as UTF-8 (it may be Windows-1252 or Latin-1)",
                        bytes[valid]
                    )
                };
                let before = String::from_utf8_lossy(&bytes[..valid]).into_owned();
                Err(Self { path, text: before }.error(Problem::new(valid..valid + 1, what)))
            }
        }
    }

    /// The text as TOML, every value with its place.
    pub(super) fn parse(&self) -> Result<Spanned<DeTable<'_>>, EngineError> {
        DeTable::parse(&self.text).map_err(|error| self.toml_error(&error))
    }

    /// SHA-256 of the file's bytes.
    pub(super) fn sha256(&self) -> String {
        paname_evidence::sha256_hex(self.text.as_bytes())
    }

    /// An error that points at a place of this text.
    pub(super) fn error(&self, problem: Problem) -> EngineError {
        let (line, column) = position(&self.text, problem.span.start);
        EngineError::Manifest {
            path: self.path.clone(),
            line,
            column,
            problem: problem.what,
            span: problem.span,
        }
    }

    /// The same for an error of the TOML parser.
    pub(super) fn toml_error(&self, error: &toml::de::Error) -> EngineError {
        let span = error.span().unwrap_or(0..0);
        let mut what = error.message().trim_end().replace('\n', "; ");
        if let Some(pointed) = self.text.get(span.clone()).filter(|text| !text.is_empty() && text.len() < 40)
        {
            what = format!("{what}: {pointed:?}");
        }
        self.error(Problem::new(span, what))
    }
}

/// Line and column of a byte, both from 1; columns count characters. A byte order mark has no width.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.matches('\n').count() + 1;
    let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
    (line, column)
}
