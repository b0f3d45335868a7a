//! The records of an audit: ids, labels, and what else is known about each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;

use paname_core::{Error, Labels, Result, Roster, Tensor};

use crate::array::{ArrayRef, Format, IdSource, read_array, read_strings};
use crate::npz;
use crate::table::Table;

/// One column, or several that belong together: a text, or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Columns {
    /// One.
    One(#[schemars(length(min = 1))] String),
    /// Several.
    Several(#[schemars(length(min = 1))] Vec<String>),
}

impl Columns {
    /// Their names.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl From<&str> for Columns {
    fn from(name: &str) -> Self {
        Self::One(name.to_owned())
    }
}

/// What the labels of records are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// Class numbers from 0.
    #[default]
    Classes,
    /// Real values or vectors: one column, several, or an array `[records, width]`.
    Values,
    /// Several labels, each 0 or 1 (or a word for it, as for members): a column per label, or an array `[records, labels]`.
    Labels,
    /// They are not read.
    None,
}

/// Where the records of an audit are listed.
///
/// Each of `id`, `label`, `member`, `person` and `group` is a column of `table`, or an array elsewhere such as `data.npz#label` (known by its `#` or
/// `.npy`). Columns with these very names need not be mentioned; all but `id` may be absent.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RecordsConfig {
    /// A CSV file (separator `,`, `;` or tabulator) with a header line, or an npz archive whose members are the columns.
    pub table: Option<PathBuf>,
    /// Whether a CSV file begins with the names of its columns (default true). Without names they are `column-1`, `column-2`, …
    pub header: Option<bool>,
    /// Stable ids. `row-number` or `row-number:PREFIX` states that the rows are numbered from 0, after the prefix.
    pub id: Option<String>,
    /// Labels.
    pub label: Option<Columns>,
    /// Who is in the training set: 0, 1, true, false, yes, no, oui, non, vrai, faux.
    pub member: Option<String>,
    /// Whom the record is about.
    pub person: Option<String>,
    /// A group to report on.
    pub group: Option<String>,
    /// What the labels are.
    pub label_kind: LabelKind,
    /// Number of classes; where absent, one more than the largest label.
    pub classes: Option<usize>,
}

impl RecordsConfig {
    /// Every file that [`RecordTable::read`] reads, sorted.
    pub fn files(&self, base: &Path) -> Vec<PathBuf> {
        let fields = [&self.id, &self.member, &self.person, &self.group].into_iter().flatten();
        let fields = fields.chain(self.label.iter().flat_map(Columns::names));
        let arrays = fields.filter(|text| ArrayRef::is_array_text(text));
        let arrays = arrays.filter_map(|text| Some(base.join(ArrayRef::from_str(text).ok()?.path())));
        let mut files: Vec<PathBuf> = self.table.iter().map(|table| base.join(table)).chain(arrays).collect();
        files.sort();
        files.dedup();
        files
    }
}

/// Records and what is known about each, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct RecordTable {
    /// Distinct ids.
    pub ids: Vec<String>,
    /// Labels.
    pub labels: Labels,
    /// Whether the record was in the training set.
    pub member: Option<Vec<bool>>,
    /// Whom the record is about.
    pub person: Option<Vec<String>>,
    /// The group that the record belongs to; may be empty for some.
    pub group: Option<Vec<String>>,
}

impl RecordTable {
    /// Reads the records. Errors name the file, and line and column or row; they show no content but ids.
    pub fn read(config: &RecordsConfig, base: &Path) -> Result<Self> {
        let source = Source::open(config, base)?;
        let labels: Vec<Column> = match (&config.label, config.label_kind) {
            (_, LabelKind::None) => Vec::new(),
            (None, _) => source.column("label", None)?.into_iter().collect(),
            (Some(columns), _) => {
                let named = columns.names().iter().map(|name| source.column("label", Some(name)));
                named.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()
            }
        };
        let member = source.column("member", config.member.as_deref())?;
        let person = source.column("person", config.person.as_deref())?;
        let group = source.column("group", config.group.as_deref())?;
        let columns: Vec<&Column> =
            labels.iter().chain([&member, &person, &group].into_iter().flatten()).collect();

        let rows = source.rows().or_else(|| columns.first().map(|column| column.len()));
        let ids = source.ids(config.id.as_deref(), rows)?;
        let id_is_column = config.id.is_none() || config.id.as_deref().is_some_and(is_column);
        for column in columns {
            if column.len() != ids.values.len() {
                return Err(Error::mismatch(
                    format!("{}, rows beside the ids of {}", column.place, ids.place),
                    ids.values.len(),
                    column.len(),
                ));
            }
            if id_is_column && column.elsewhere {
                return Err(Error::Config(format!(
                    "{} carries no ids, and the ids come from another file: to state that both are in one order, write that file's ids as an \
                     array: id = {:?}",
                    column.place, ids.array
                )));
            }
        }
        check_ids(&ids)?;
        let labels = read_labels(&labels, config, &ids.values)?;
        Ok(Self {
            labels,
            member: member.map(|column| column.truths()).transpose()?,
            person: person.map(|column| column.texts(false)).transpose()?,
            group: group.map(|column| column.texts(true)).transpose()?,
            ids: ids.values,
        })
    }

    /// Puts the records of another table under these. An id in both is an error, and so are labels, persons or groups in one only; the
    /// membership is kept where both have it.
    pub fn append(&mut self, other: Self) -> Result<()> {
        let mine: HashMap<&String, usize> = self.ids.iter().zip(0..).collect();
        if let Some((row, id)) = other.ids.iter().enumerate().find(|(_, id)| mine.contains_key(id)) {
            let problem = format!(
                "id {id:?} is record {} of one and record {row} of the other; ids must be unique",
                mine[id]
            );
            return Err(Error::data("two lists of records", problem));
        }
        let labels = match (&self.labels, &other.labels) {
            (Labels::None, Labels::None) => Labels::None,
            (Labels::Classes { values: a, classes: m }, Labels::Classes { values: b, classes: n }) => {
                Labels::Classes { values: a.iter().chain(b.iter()).copied().collect(), classes: *m.max(n) }
            }
            (Labels::Values(a), Labels::Values(b)) if a.shape().get(1..) == b.shape().get(1..) => {
                let shape = [&[a.rows() + b.rows()], &a.shape()[1..]].concat();
                Labels::Values(Tensor::from_vec([a.to_f64()?, b.to_f64()?].concat(), &shape)?)
            }
            _ => return Err(Error::data("two lists of records", "have labels of different kinds")),
        };
        let both = |what: &str, a: Option<Vec<String>>, b: Option<Vec<String>>| match (a, b) {
            (None, None) => Ok(None),
            (Some(a), Some(b)) => Ok(Some([a, b].concat())),
            _ => Err(Error::data("two lists of records", format!("only one of them has a column `{what}`"))),
        };
        *self = Self {
            labels,
            person: both("person", self.person.take(), other.person)?,
            group: both("group", self.group.take(), other.group)?,
            member: self.member.take().zip(other.member).map(|(a, b)| [a, b].concat()),
            ids: [std::mem::take(&mut self.ids), other.ids].concat(),
        };
        Ok(())
    }

    /// The list of ids that targets are opened with.
    pub fn roster(&self) -> Result<Roster> {
        Roster::new(self.ids.clone(), "records")
    }
}

/// The labels in these columns; none where there is no column.
fn read_labels(columns: &[Column], config: &RecordsConfig, ids: &[String]) -> Result<Labels> {
    let [first, others @ ..] = columns else { return Ok(Labels::None) };
    if config.label_kind == LabelKind::Classes {
        return match others {
            [] => first.classes(config.classes, ids),
            _ => Err(Error::Config(format!(
                "`label` names {} columns, and the classes of records are in one; several are the labels of other tasks",
                columns.len()
            ))),
        };
    }
    let parts = columns.iter().map(|column| column.values(config.label_kind, ids));
    let parts: Vec<(Vec<f64>, Vec<usize>)> = parts.collect::<Result<_>>()?;
    if let [(_, _)] = &parts[..] {
        let Some((numbers, shape)) = parts.into_iter().next() else { return Ok(Labels::None) };
        return Ok(Labels::Values(Tensor::from_vec(numbers, &shape)?));
    }
    let width = |part: &Vec<f64>| part.len() / ids.len().max(1);
    let mut numbers = Vec::new();
    for row in 0..ids.len() {
        for (part, _) in &parts {
            numbers.extend_from_slice(&part[row * width(part)..(row + 1) * width(part)]);
        }
    }
    let shape = [ids.len(), numbers.len() / ids.len().max(1)];
    Ok(Labels::Values(Tensor::from_vec(numbers, &shape)?))
}

/// Whether a text in a manifest names a column.
pub(crate) fn is_column(text: &str) -> bool {
    !ArrayRef::is_array_text(text) && !matches!(IdSource::from_str(text), Ok(IdSource::RowNumber { .. }))
}

/// Where columns come from unless they are named elsewhere.
enum Source<'a> {
    Csv { table: Rc<Table>, path: &'a Path, base: &'a Path },
    Npz { path: &'a Path, members: Vec<String>, base: &'a Path },
    Nothing { base: &'a Path },
}

/// Ids with their origin.
struct Ids {
    values: Vec<String>,
    place: String,
    /// How a manifest names them in full.
    array: String,
    lines: Option<Vec<u64>>,
}

impl Ids {
    fn row(&self, row: usize) -> String {
        self.lines.as_ref().map_or_else(|| format!("row {row}"), |lines| format!("line {}", lines[row]))
    }
}

fn check_ids(ids: &Ids) -> Result<()> {
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(ids.values.len());
    for (row, id) in ids.values.iter().enumerate() {
        let at = format!("{} {}", ids.place, ids.row(row));
        if id.is_empty() {
            return Err(Error::data(at, "the id is missing"));
        }
        if let Some(first) = seen.insert(id, row) {
            let problem = format!("id {id:?} was already given in {}; ids must be unique", ids.row(first));
            return Err(Error::data(at, problem));
        }
    }
    Ok(())
}

impl<'a> Source<'a> {
    fn open(config: &'a RecordsConfig, base: &'a Path) -> Result<Self> {
        let Some(path) = config.table.as_deref() else { return Ok(Self::Nothing { base }) };
        let place = path.display().to_string();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz")) {
            let members = npz::members(&base.join(path), &place)?;
            return Ok(Self::Npz { path, members, base });
        }
        let table = Table::read_with(&base.join(path), &place, config.header.unwrap_or(true))?;
        Ok(Self::Csv { table: Rc::new(table), path, base })
    }

    fn base(&self) -> &'a Path {
        match self {
            Self::Csv { base, .. } | Self::Npz { base, .. } | Self::Nothing { base } => base,
        }
    }

    fn path(&self) -> Option<&'a Path> {
        match self {
            Self::Csv { path, .. } | Self::Npz { path, .. } => Some(path),
            Self::Nothing { .. } => None,
        }
    }

    fn rows(&self) -> Option<usize> {
        match self {
            Self::Csv { table, .. } => Some(table.rows()),
            Self::Npz { .. } | Self::Nothing { .. } => None,
        }
    }

    /// The column for `key`, from where `text` says or under its own name.
    fn column(&self, key: &str, text: Option<&str>) -> Result<Option<Column>> {
        if let Some(text) = text.filter(|text| ArrayRef::is_array_text(text)) {
            let array: ArrayRef = text.parse()?;
            let elsewhere = self.path() != Some(array.path());
            return Column::read(self.base(), &array, elsewhere).map(Some);
        }
        match (self, text) {
            (Self::Nothing { .. }, None) => Ok(None),
            (Self::Nothing { .. }, Some(name)) => Err(Error::Config(format!(
                "{key} = {name:?} names a column, and no `table` is given; an array elsewhere is written `file.npz#name`"
            ))),
            (Self::Csv { table, path, .. }, text) => {
                let column = match text {
                    Some(name) => Some(table.column(name)?),
                    None => table.find(key)?,
                };
                Ok(column.map(|column| Column {
                    place: path.display().to_string(),
                    cells: Cells::Table(Rc::clone(table), column),
                    elsewhere: false,
                }))
            }
            (Self::Npz { members, .. }, None) if !members.iter().any(|name| name == key) => Ok(None),
            (Self::Npz { path, base, .. }, text) => {
                let array = format!("{}#{}", path.display(), text.unwrap_or(key));
                Column::read(base, &array.parse()?, false).map(Some)
            }
        }
    }

    fn ids(&self, text: Option<&str>, rows: Option<usize>) -> Result<Ids> {
        let text = text.unwrap_or("id");
        if !is_column(text) {
            let values = match text.parse()? {
                IdSource::Array(array) => read_strings(self.base(), &array)?,
                numbers @ IdSource::RowNumber { .. } => {
                    let rows = rows.ok_or_else(|| {
                        Error::Config(
                            "id = \"row-number\" needs another column, whose rows are counted".into(),
                        )
                    })?;
                    numbers.read(self.base(), rows, "the table")?
                }
            };
            return Ok(Ids { values, place: text.to_owned(), array: text.to_owned(), lines: None });
        }
        match self {
            Self::Csv { table, path, .. } => {
                let column = table.column(text)?;
                let values = (0..table.rows()).map(|row| table.text(row, column).to_owned()).collect();
                let lines = (0..table.rows()).map(|row| table.line(row)).collect();
                let place = path.display().to_string();
                Ok(Ids { values, array: format!("{place}#{text}"), place, lines: Some(lines) })
            }
            Self::Npz { path, base, .. } => {
                let array = format!("{}#{text}", path.display());
                Ok(Ids { values: read_strings(base, &array.parse()?)?, place: array.clone(), array, lines: None })
            }
            Self::Nothing { .. } => Err(Error::Config(
                "records need ids: give a `table` with a column `id`, id = \"file.npz#ids\", or id = \"row-number\"".into(),
            )),
        }
    }
}

/// The values of one field, which know their origin.
struct Column {
    place: String,
    cells: Cells,
    /// Whether they come from another file than the table.
    elsewhere: bool,
}

enum Cells {
    Table(Rc<Table>, usize),
    Numbers(Tensor),
    Texts(Vec<String>),
}

impl Column {
    fn read(base: &Path, array: &ArrayRef, elsewhere: bool) -> Result<Self> {
        let place = array.to_string();
        if let (Format::Csv, Some(name)) = (array.format(), array.name()) {
            let file = array.path();
            let table = Table::read(&base.join(file), &file.display().to_string())?;
            let column = table.column(name)?;
            return Ok(Self { place, cells: Cells::Table(Rc::new(table), column), elsewhere });
        }
        let cells = match read_array(base, array) {
            // It may hold text; if it has another fault, reading text meets it again.
            Err(Error::Data { .. }) => Cells::Texts(read_strings(base, array)?),
            numbers => Cells::Numbers(numbers?),
        };
        Ok(Self { place, cells, elsewhere })
    }

    fn len(&self) -> usize {
        match &self.cells {
            Cells::Table(table, _) => table.rows(),
            Cells::Numbers(numbers) => numbers.rows(),
            Cells::Texts(texts) => texts.len(),
        }
    }

    fn at(&self, row: usize) -> String {
        match &self.cells {
            Cells::Table(table, column) => table.at(row, *column),
            Cells::Numbers(_) | Cells::Texts(_) => format!("{} row {row}", self.place),
        }
    }

    /// One text per row; whole numbers are written as such.
    fn texts(&self, may_be_empty: bool) -> Result<Vec<String>> {
        let texts: Vec<String> = match &self.cells {
            Cells::Table(table, column) => {
                (0..table.rows()).map(|row| table.text(row, *column).to_owned()).collect()
            }
            Cells::Texts(texts) => texts.clone(),
            Cells::Numbers(numbers) if numbers.shape().len() == 1 => {
                let whole = numbers.to_i64().map_err(|e| Error::data(&self.place, e.to_string()))?;
                whole.iter().map(i64::to_string).collect()
            }
            Cells::Numbers(numbers) => {
                return Err(Error::mismatch(
                    self.place.clone(),
                    "one value per record",
                    format!("{numbers:?}"),
                ));
            }
        };
        match texts.iter().position(String::is_empty) {
            Some(row) if !may_be_empty => Err(Error::data(self.at(row), "the cell is empty")),
            _ => Ok(texts),
        }
    }

    fn truths(&self) -> Result<Vec<bool>> {
        let texts = self.texts(true)?;
        texts
            .iter()
            .enumerate()
            .map(|(row, text)| truth(text).map_err(|problem| Error::data(self.at(row), problem)))
            .collect()
    }

    fn classes(&self, classes: Option<usize>, ids: &[String]) -> Result<Labels> {
        let expected = classes.map_or_else(
            || "expected a class number from 0".to_owned(),
            |classes| format!("expected a class number from 0 to {}", classes.saturating_sub(1)),
        );
        let limit = classes.unwrap_or(1 << 24).min(1 << 24);
        let class = |row: usize, number: Option<f64>| {
            // Files written by data-frame libraries say 3.0 where a column had gaps.
            let whole = number.filter(|x| x.fract() == 0.0 && *x >= 0.0 && *x < limit as f64);
            whole.map(|x| x as u32).ok_or_else(|| {
                Error::data(
                    self.at(row),
                    format!("the label of record {:?} is not usable; {expected}", ids[row]),
                )
            })
        };
        let values: Vec<u32> = match &self.cells {
            Cells::Numbers(numbers) if numbers.shape().len() != 1 => {
                return Err(Error::mismatch(
                    self.place.clone(),
                    "one class number per record",
                    format!("{numbers:?}"),
                ));
            }
            Cells::Numbers(numbers) => numbers
                .to_f64()?
                .into_iter()
                .enumerate()
                .map(|(row, x)| class(row, Some(x)))
                .collect::<Result<_>>()?,
            Cells::Table(table, column) => (0..table.rows())
                .map(|row| class(row, table.text(row, *column).parse().ok()))
                .collect::<Result<_>>()?,
            Cells::Texts(texts) => texts
                .iter()
                .enumerate()
                .map(|(row, text)| class(row, text.parse().ok()))
                .collect::<Result<_>>()?,
        };
        let classes =
            classes.unwrap_or_else(|| values.iter().max().map_or(0, |&largest| largest as usize + 1));
        Ok(Labels::Classes { values: values.into(), classes })
    }

    /// Numbers of the records, and their shape.
    fn values(&self, kind: LabelKind, ids: &[String]) -> Result<(Vec<f64>, Vec<usize>)> {
        if kind == LabelKind::Labels
            && !matches!(&self.cells, Cells::Numbers(numbers) if numbers.shape().len() > 1)
        {
            let numbers = self.truths()?.into_iter().map(f64::from).collect();
            return Ok((numbers, vec![ids.len()]));
        }
        let (numbers, shape): (Vec<f64>, Vec<usize>) = match &self.cells {
            Cells::Numbers(numbers) => (numbers.to_f64()?, numbers.shape().to_vec()),
            Cells::Table(table, column) => (
                (0..table.rows()).map(|row| table.number(row, *column)).collect::<Result<_>>()?,
                vec![table.rows()],
            ),
            Cells::Texts(texts) => {
                let number = |(row, text): (usize, &String)| {
                    text.parse().map_err(|_| Error::data(self.at(row), "is not a number"))
                };
                (texts.iter().enumerate().map(number).collect::<Result<_>>()?, vec![texts.len()])
            }
        };
        let width = (numbers.len() / ids.len().max(1)).max(1);
        if let Some(bad) = numbers.iter().position(|x| !x.is_finite()) {
            let row = bad / width;
            return Err(Error::data(
                self.at(row),
                format!("the label of record {:?} is not a finite number", ids[row]),
            ));
        }
        if let Some(bad) = numbers.iter().position(|x| kind == LabelKind::Labels && *x != 0.0 && *x != 1.0) {
            let row = bad / width;
            return Err(Error::data(
                self.at(row),
                format!(
                    "label {} of record {:?} is {}; expected 0 or 1",
                    bad % width,
                    ids[row],
                    numbers[bad]
                ),
            ));
        }
        Ok((numbers, shape))
    }
}

/// The truth value of a cell.
pub(crate) fn truth(text: &str) -> Result<bool, &'static str> {
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if ["1", "true", "yes", "oui", "vrai"].iter().any(is) {
        return Ok(true);
    }
    if ["0", "false", "no", "non", "faux"].iter().any(is) {
        return Ok(false);
    }
    Err("is neither yes nor no; expected one of 0, 1, true, false, yes, no, oui, non, vrai, faux")
}
