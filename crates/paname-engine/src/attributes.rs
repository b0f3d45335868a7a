//! Attributes under inference. The audit of an attribute is an audit within the audit: the same models are asked about the audited records and the
//! population with every candidate value in the place of the true one, as if candidates were variants of records. Whatever reads inputs, answers,
//! signals and cases of an audit reads those of an attribute, which are of the same form, and the true values lie where the truth does.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use paname_core::{
    Access, Attribute, Augmentation, Ctx, DType, Error, Features, Indices, Input, Labels, Membership, Named,
    Outputs, Pullback, Query, Result, Roster, Scale, Setting, Target, TargetCard, Tensor, View,
};
use paname_data::{AttributeInputs, AttributeQuestion, Encoder, KnownScale};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::features;
use crate::inputs::{self, Inputs, Models, Supply, Whole, read_npy, write_npy};
use crate::judge::{Truth, shuffle};
use crate::manifest::{AttributeTable, Duplicates, Manifest};
use crate::step;
use crate::store::{Draft, Object};

/// What every other step must know of an attribute before it is read again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) scale: Scale,
    pub(crate) candidates: Vec<String>,
    /// Audited records that are left out: without a value, with one that is no candidate, or not drawn.
    pub(crate) left_out: u64,
    /// Population records that equal an audited record.
    pub(crate) twins: u64,
    /// The audit within the audit.
    pub(crate) inputs: Inputs,
}

/// An attribute as it is read, and the records that its audit takes from the roster: audited ones first.
struct Read {
    data: AttributeInputs,
    audited: Vec<u32>,
    population: Vec<u32>,
}

impl Read {
    fn new(
        manifest: &Manifest,
        table: &AttributeTable,
        roster: &Roster,
        audited: usize,
        ctx: &Ctx<'_>,
    ) -> Result<Self, EngineError> {
        let data = attribute_inputs(manifest, table, roster, audited, ctx)?;
        let known = |row: &u32| data.values[*row as usize].is_some();
        let mut chosen: Vec<u32> = (0..audited as u32).filter(known).collect();
        if let Some(sample) = table.sample
            && sample < chosen.len() as u64
        {
            // The same whoever is a member: chance knows nothing of it.
            shuffle(&mut chosen, &mut ctx.rng(&format!("sample of {}", table.name)));
            chosen.truncate(sample as usize);
            chosen.sort_unstable();
        }
        let population = (audited as u32..roster.len() as u32).filter(known).collect();
        Ok(Self { data, audited: chosen, population })
    }

    /// Positions in the roster, audited records first.
    fn rows(&self) -> Vec<u32> {
        self.audited.iter().chain(&self.population).copied().collect()
    }
}

/// Refuses what would make guesses worthless.
fn refuse(
    manifest: &Manifest,
    table: &AttributeTable,
    data: &AttributeInputs,
    labels: &Labels,
    twins: usize,
) -> Result<(), EngineError> {
    let name = &table.name;
    if twins > 0 && table.duplicates == Duplicates::Refused {
        let problem = format!(
            "{twins} population records equal an audited record in every input and in the label, so that whoever guesses `{name}` could look it up; \
             expected other records, or duplicates = \"declared\" in [[attribute]] where they are other persons"
        );
        let place = manifest.content.data.population.as_deref().unwrap_or_default();
        return Err(Error::data(place, problem).into());
    }
    let inputs = |problem: String| Err(Error::data("data.inputs", problem).into());
    let classes: Vec<Option<u32>> = match labels {
        Labels::Classes { values, .. } => values.iter().map(|class| Some(*class)).collect(),
        _ => Vec::new(),
    };
    let both = data.values.iter().zip(&classes).filter_map(|(value, class)| Some(((*value)?, (*class)?)));
    if one_to_one(both) {
        return inputs(format!(
            "`{name}` tells the label by itself; expected an attribute that is not the label"
        ));
    }
    if let Some(column) = telling_column(data, &classes).or_else(|| affine_column(data, labels)) {
        return inputs(format!(
            "column `{column}` of the inputs tells the label by itself; expected no label among the inputs: columns = {{ {column:?} = \"ignore\" }}"
        ));
    }
    let together = columns_of_label(data, &classes);
    if !together.is_empty() {
        let named: Vec<String> = together.iter().map(|column| format!("{column:?} = \"ignore\"")).collect();
        return inputs(format!(
            "columns `{}` of the inputs tell the label together; expected no label among the inputs: columns = {{ {} }}",
            together.join("`, `"),
            named.join(", ")
        ));
    }
    if let Some(column) = telling_column(data, &data.values).or_else(|| deciding_column(data)) {
        return inputs(format!(
            "column `{column}` tells `{name}` by another name, so that nothing is left to guess; expected one of the two, or both as one attribute: \
             columns = {{ {column:?} = \"ignore\" }}"
        ));
    }
    if data.candidates.len() > MOST_CANDIDATES {
        let problem = format!("has {} candidates; expected at most {MOST_CANDIDATES}", data.candidates.len());
        return Err(Error::data(format!("attribute `{name}`"), problem).into());
    }
    Ok(distinct(data, name)?)
}

fn attribute_inputs(
    manifest: &Manifest,
    table: &AttributeTable,
    roster: &Roster,
    audited: usize,
    ctx: &Ctx<'_>,
) -> Result<AttributeInputs, EngineError> {
    let population = audited..roster.len();
    let config = features::config(manifest, Some(population.clone()))
        .ok_or_else(|| EngineError::Other("an attribute without inputs".into()))?;
    let question = AttributeQuestion {
        columns: table.column.names(),
        one_hot: table.one_hot,
        scale: table.scale,
        values: &table.values,
        most: table.candidates,
    };
    config
        .attribute(&question, manifest.base(), roster, population, ctx.threads())
        .map_err(manifest.about("attribute"))
}

/// The most candidates of an attribute.
const MOST_CANDIDATES: usize = 1000;

/// Fewest records of each value where one value is taken for another's name: two rare ones may fall on the same records.
const FEWEST_OF_A_NAME: usize = 5;

/// Whether each value on the left goes with one on the right and back. There must be two of them at least, and each must come again and again: values that are all
/// different go one to one with any others.
fn one_to_one<A: Eq + Hash + Copy, B: Eq + Hash + Copy>(pairs: impl Iterator<Item = (A, B)>) -> bool {
    let (mut there, mut back) = (HashMap::new(), HashMap::new());
    for (a, b) in pairs {
        let (right, count) = there.entry(a).or_insert((b, 0));
        *count += 1;
        // Most end here, at one of the first.
        if *right != b || *back.entry(b).or_insert(a) != a {
            return false;
        }
    }
    there.len() > 1 && there.values().all(|(_, count)| *count >= FEWEST_OF_A_NAME)
}

/// A column besides the attribute's own.
struct Beside<'a> {
    name: &'a str,
    /// Its places among the numbers of a record, which stand next to each other: those of a column of categories are several.
    places: std::ops::Range<usize>,
    numbers: &'a [f32],
    /// The same.
    bytes: &'a [u8],
    /// Numbers of a record.
    width: usize,
}

impl<'a> Beside<'a> {
    fn all(data: &'a AttributeInputs) -> Vec<Self> {
        let (Ok(numbers), Ok(bytes)) = (data.known.as_slice::<f32>(), data.known.bytes()) else {
            return Vec::new();
        };
        let width = data.known_names.len();
        let name = |place: usize| data.known_names[place].split('=').next().unwrap_or_default();
        let mut columns = Vec::new();
        let mut start = 0;
        while start < width {
            let end = (start..width).find(|place| name(*place) != name(start)).unwrap_or(width);
            columns.push(Self { name: name(start), places: start..end, numbers, bytes, width });
            start = end;
        }
        columns
    }

    /// What it says of each record.
    fn cells(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let size = std::mem::size_of::<f32>();
        let (start, end) = (self.places.start * size, self.places.end * size);
        self.bytes.chunks_exact(self.width * size).map(move |row| &row[start..end])
    }

    /// The number of each record, where it is a column of numbers without gaps.
    fn single(&self) -> Option<impl Iterator<Item = f32> + use<'a>> {
        let (numbers, width, place) = (self.numbers, self.width, self.places.start);
        (self.places.len() == 1).then(|| numbers.chunks_exact(width).map(move |row| row[place]))
    }
}

/// A column, besides the attribute's own, whose values go one to one with these.
fn telling_column<'a>(data: &'a AttributeInputs, values: &[Option<u32>]) -> Option<&'a str> {
    let pairs = |column: &Beside<'a>| {
        one_to_one(column.cells().zip(values).filter_map(|(cell, value)| Some((cell, (*value)?))))
    };
    Beside::all(data).into_iter().find(pairs).map(|column| column.name)
}

/// Columns of two values that each tell some classes from the others, and together every class, as a label does that is spread over columns of 0 and 1; none
/// where there is less. Of each class there must be some records: few may have anything in common.
fn columns_of_label<'a>(data: &'a AttributeInputs, classes: &[Option<u32>]) -> Vec<&'a str> {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for class in classes.iter().flatten() {
        *counts.entry(*class).or_default() += 1;
    }
    // Of few records of a class anything may hold.
    counts.retain(|_, count| *count >= FEWEST_OF_A_NAME);
    if counts.len() < 3 {
        return Vec::new();
    }
    // What the columns say of each class.
    let mut said: HashMap<u32, Vec<u32>> = counts.keys().map(|class| (*class, Vec::new())).collect();
    let mut together = Vec::new();
    for column in Beside::all(data) {
        let Some(numbers) = column.single() else { continue };
        let mut of_class: HashMap<u32, u32> = HashMap::new();
        let agrees = numbers.zip(classes).all(|(number, class)| {
            let judged = class.filter(|class| counts.contains_key(class));
            judged.is_none_or(|class| *of_class.entry(class).or_insert(number.to_bits()) == number.to_bits())
        });
        let distinct: HashSet<u32> = of_class.values().copied().collect();
        if !agrees || distinct.len() != 2 {
            continue;
        }
        together.push(column.name);
        for (class, said) in &mut said {
            said.extend(of_class.get(class));
        }
    }
    let distinct: HashSet<&Vec<u32>> = said.values().collect();
    if distinct.len() == said.len() { together } else { Vec::new() }
}

/// Share of the records that have values which come again and again, where a column decides by its values.
const RECURRING: f64 = 0.9;

/// A column, besides the attribute's own, of which each value belongs to one candidate: finer than the attribute, such as an age in months beside age groups.
fn deciding_column(data: &AttributeInputs) -> Option<&str> {
    let decides = |column: &Beside<'_>| by_values(column, &data.values) || by_ranges(column, &data.values);
    Beside::all(data).into_iter().find(decides).map(|column| column.name)
}

/// Whether each value of a column goes with one candidate. Values that are all different do with anything: nearly all must come again and again, and of those
/// must there be some for two candidates.
fn by_values(column: &Beside<'_>, values: &[Option<u32>]) -> bool {
    let mut there: HashMap<&[u8], (u32, usize)> = HashMap::new();
    let mut records = 0;
    for (cell, value) in column.cells().zip(values) {
        let Some(value) = *value else { continue };
        let (first, count) = there.entry(cell).or_insert((value, 0));
        if *first != value {
            return false;
        }
        *count += 1;
        records += 1;
    }
    let recurring = || there.values().filter(|(_, count)| *count >= FEWEST_OF_A_NAME);
    let candidates: HashSet<u32> = recurring().map(|(value, _)| *value).collect();
    let recurs: usize = recurring().map(|(_, count)| count).sum();
    candidates.len() > 1 && recurs as f64 >= RECURRING * f64::from(records)
}

/// Whether each candidate is a range of the column's numbers, of its own: in the order of the numbers the records of a candidate stand next to each other.
fn by_ranges(column: &Beside<'_>, values: &[Option<u32>]) -> bool {
    let Some(numbers) = column.single() else { return false };
    let mut counts: HashMap<u32, usize> = HashMap::new();
    values.iter().flatten().for_each(|value| *counts.entry(*value).or_default() += 1);
    // Of few records of a candidate anything may hold.
    counts.retain(|_, count| *count >= FEWEST_OF_A_NAME);
    let judged = |value: Option<u32>| value.filter(|value| counts.contains_key(value));
    let mut rows: Vec<(f32, u32)> =
        numbers.zip(values).filter_map(|(number, value)| Some((number, judged(*value)?))).collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let apart = |pair: &[(f32, u32)]| pair[0].0.total_cmp(&pair[1].0).is_ne();
    let (mut last, mut ranges) = (None, 0);
    for (_, value) in &rows {
        ranges += usize::from(last.replace(*value) != Some(*value));
    }
    // A number that two candidates share belongs to none.
    let shared = rows.windows(2).any(|pair| pair[0].1 != pair[1].1 && !apart(pair));
    counts.len() > 1 && ranges == counts.len() && !shared
}

/// A column of numbers that is a real label on another scale.
fn affine_column<'a>(data: &'a AttributeInputs, labels: &Labels) -> Option<&'a str> {
    let Labels::Values(values) = labels else { return None };
    let labels = values.to_f64().ok().filter(|labels| labels.len() == values.rows())?;
    let known = data.known.as_slice::<f32>().ok()?;
    let width = data.known_names.len();
    let first = *labels.first()?;
    let (other, _) =
        labels.iter().enumerate().max_by(|a, b| (a.1 - first).abs().total_cmp(&(b.1 - first).abs()))?;
    let spread = labels[other] - first;
    let scaled = |column: usize| {
        let number = |row: usize| f64::from(known[row * width + column]);
        let rise = number(other) - number(0);
        rise != 0.0
            && (0..labels.len())
                .all(|row| ((number(row) - number(0)) / rise - (labels[row] - first) / spread).abs() < 1e-5)
    };
    let column = (0..width).find(|column| spread != 0.0 && scaled(*column))?;
    data.known_names[column].split('=').next()
}

/// Fails where two candidates are the same to a model, as numbers that differ by less than single precision knows.
fn distinct(data: &AttributeInputs, name: &str) -> Result<()> {
    let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
    for candidate in 0..data.candidates.len() {
        let Input::Tensor(row) = data.changes.apply(&data.inputs, &[0], candidate)? else { return Ok(()) };
        if let Some(first) = seen.insert(row.bytes()?.to_vec(), candidate) {
            let problem = format!(
                "candidates {first} and {candidate} (from 0) are the same to a model; expected values that differ"
            );
            return Err(Error::data(format!("attribute `{name}`"), problem));
        }
    }
    Ok(())
}

/// Reads the attributes of a manifest as far as other steps must know of them.
pub(crate) fn describe(
    whole: &Whole<'_>,
    supply: &Supply<'_>,
    ctx: &Ctx<'_>,
) -> Result<Vec<Described>, EngineError> {
    let manifest = supply.manifest;
    let main = whole.inputs;
    if !manifest.content.attributes.is_empty() {
        inputs::overlap(manifest, whole.truth.person.as_deref())?;
    }
    let mut all = Vec::new();
    for table in &manifest.content.attributes {
        ctx.tick(all.len(), manifest.content.attributes.len())?;
        let read = Read::new(manifest, table, whole.roster, main.audited, ctx)?;
        let twins = read.data.twins(whole.labels, 0..main.audited, main.audited..whole.roster.len());
        refuse(manifest, table, &read.data, whole.labels, twins)?;
        let membership = whole.membership.select_records(&read.rows());
        let truth = select(whole.truth, &read.audited);
        if truth.count().0.min(truth.count().1) == 0 {
            let problem = format!(
                "of {} audited records whose `{}` is a candidate, all are members or none is; expected both",
                read.audited.len(),
                table.name
            );
            return Err(Error::data(&manifest.content.data.records, problem).into());
        }
        let recorded = match &table.target {
            Some(_) => Some(recorded_card(table, whole, supply, read.data.candidates.len(), ctx)?),
            None => None,
        };
        let inputs = of_attribute(main, &read, &membership, &truth, recorded, manifest);
        all.push(Described {
            name: table.name.clone(),
            scale: read.data.scale,
            candidates: read.data.candidates,
            left_out: (main.audited - read.audited.len()) as u64,
            twins: twins as u64,
            inputs,
        });
    }
    Ok(all)
}

/// Name of the list that the step of all attributes leaves.
const ALL: &str = "attributes.json";

/// Runs the step of all attributes.
pub(crate) fn run_all(
    supply: &Supply<'_>,
    object: &Object,
    main: &Inputs,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> Result<(), EngineError> {
    let whole = Whole {
        inputs: main,
        roster: &inputs::roster(object)?,
        labels: &inputs::labels(object, main)?,
        truth: &inputs::truth(object)?,
        membership: inputs::membership(object, main)?,
    };
    draft.json(ALL, &describe(&whole, supply, &drawing(supply.manifest, ctx))?)
}

/// What the step of all attributes left.
pub(crate) fn all(object: &Object) -> Result<Vec<Described>, EngineError> {
    object.json(ALL)
}

/// The key of the step of all attributes.
pub(crate) fn key(manifest: &Manifest, inputs_key: &str) -> Result<String, EngineError> {
    let asked: Vec<AttributeTable> = manifest.content.attributes.iter().map(AttributeTable::asked).collect();
    let asked = serde_json::to_string(&asked).map_err(EngineError::other)?;
    let seed = manifest.content.statistics.seed.to_string();
    Ok(step::key(&["attributes/1", env!("CARGO_PKG_VERSION"), inputs_key, &asked, &seed]))
}

/// Chance draws samples in the same way in every step.
fn drawing<'a>(manifest: &Manifest, ctx: &Ctx<'a>) -> Ctx<'a> {
    Ctx::new(manifest.content.statistics.seed, "attributes", ctx.threads(), ctx.host())
}

/// The card of recorded answers about candidates, checked.
fn recorded_card(
    table: &AttributeTable,
    whole: &Whole<'_>,
    supply: &Supply<'_>,
    candidates: usize,
    ctx: &Ctx<'_>,
) -> Result<TargetCard, EngineError> {
    let nothing = Features::None;
    let setting = Setting {
        base: supply.manifest.base(),
        roster: whole.roster,
        labels: whole.labels,
        inputs: &nothing,
        task: whole.inputs.task,
    };
    let card = recorded(table, supply, &setting, ctx)?.card().clone();
    inputs::agree(whole.inputs.task, &card)?;
    if card.augmentations as usize != candidates {
        let expected = format!("{candidates} variants, one for each candidate of `{}`", table.name);
        return Err(Error::mismatch(card.name, expected, card.augmentations).into());
    }
    Ok(card)
}

/// Opens the recorded answers about candidates.
fn recorded(
    table: &AttributeTable,
    supply: &Supply<'_>,
    setting: &Setting<'_>,
    ctx: &Ctx<'_>,
) -> Result<Box<dyn Target>, EngineError> {
    let source = table.target.as_ref().ok_or_else(|| EngineError::Other("no recorded candidates".into()))?;
    let adapter = supply.registry.adapter(&source.adapter)?;
    adapter.open(inputs::config_of(source), setting, ctx).map_err(supply.manifest.about("attribute"))
}

/// The inputs of the audit within the audit.
fn of_attribute(
    main: &Inputs,
    read: &Read,
    membership: &Membership,
    truth: &Truth,
    recorded: Option<TargetCard>,
    manifest: &Manifest,
) -> Inputs {
    let candidates = read.data.candidates.len();
    let answers = recorded.is_none();
    // Reference models must be asked about candidates as the target is.
    let asked = answers && main.references.iter().all(|card| card.offers().contains(Access::NEW_INPUTS));
    let keep = |cards: &[TargetCard]| if asked { cards.to_vec() } else { Vec::new() };
    let variants =
        |card: TargetCard| TargetCard { augmentations: candidates as u32, recorded: false, ..card };
    let granted = match &recorded {
        None => main.granted(),
        Some(card) => {
            let offers = card.offers();
            let granted =
                manifest.granted().map_or(offers, |granted| card.task.with_implied(granted) & offers);
            granted | Access::NEW_INPUTS
        }
    };
    let references: Vec<TargetCard> = keep(&main.references).into_iter().map(variants).collect();
    let (members, non_members) = truth.count();
    let persons = truth.person.is_some();
    let member_records = truth.member.iter().filter(|member| **member).count() as u64;
    let audited = read.audited.len();
    let mut summary = main.reference_summary.clone();
    let with: Vec<u64> = (0..audited).map(|r| membership.row(r).count() as u64).collect();
    let models = references.len() as u64;
    let ends = with.iter().min().copied().zip(with.iter().max().copied()).unwrap_or_default();
    (summary.fitted_with, summary.fitted_without) = match models {
        0 => ((0, 0), (0, 0)),
        models => (ends, (models - ends.1, models - ends.0)),
    };
    summary.used = models;
    let mut data = main.data.clone();
    data.member_records = member_records;
    data.non_member_records = audited as u64 - member_records;
    data.population_records = read.population.len() as u64;
    data.member_persons = persons.then_some(members);
    data.non_member_persons = persons.then_some(non_members);
    Inputs {
        audited,
        population: read.population.len(),
        target: variants(recorded.unwrap_or_else(|| main.target.clone())),
        places: if asked { main.places.clone() } else { Vec::new() },
        references,
        reference_summary: summary,
        granted: granted.bits(),
        augmentations: candidates,
        data,
        of_attribute: true,
        attributes: Vec::new(),
        ..main.clone()
    }
}

/// The truth about some records.
fn select(truth: &Truth, rows: &[u32]) -> Truth {
    fn pick<T: Clone>(all: &[T], rows: &[u32]) -> Vec<T> {
        rows.iter().map(|row| all[*row as usize].clone()).collect()
    }
    Truth {
        member: pick(&truth.member, rows),
        person: truth.person.as_ref().map(|person| pick(person, rows)),
        slices: truth.slices.iter().map(|(kind, parts)| (*kind, pick(parts, rows))).collect(),
        canary: truth.canary.as_ref().map(|canary| pick(canary, rows)),
    }
}

/// The true values of an attribute, beside the truth.
const TRUE_VALUES: &str = "true-values.json";
/// The candidate of each population record.
const POPULATION: &str = "population.npy";
/// Everything else about the records `[records][width]`.
const KNOWN: &str = "known.npy";
/// How inputs and what is known of records became numbers, and which candidate is which: [`StoredEncoder`].
const ENCODER: &str = "encoder.json";
/// Positions in the roster of the records.
const ROWS: &str = "rows.npy";

/// What stands in [`ENCODER`]: positions in the roster are those of the step of the inputs.
#[derive(Debug, Serialize)]
struct StoredEncoder {
    /// How a table became the inputs of models; none of arrays.
    inputs: Option<Encoder>,
    /// What stands in the places of [`KNOWN`].
    known: Vec<String>,
    /// Positions in the roster of the records that its scales were fitted on: the population.
    known_fitted_on: std::ops::Range<usize>,
    known_scales: Vec<KnownScale>,
    candidates: Vec<String>,
}

/// Runs the step of an attribute: an object of the same form as that of the inputs, and what is the attribute's own.
pub(crate) fn run(
    supply: &Supply<'_>,
    object: &Object,
    main: &Inputs,
    name: &str,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> Result<(), EngineError> {
    let described = main.attribute(name)?;
    let (roster, labels) = (inputs::roster(object)?, inputs::labels(object, main)?);
    let ctx = drawing(supply.manifest, ctx);
    let read = Read::new(supply.manifest, table(supply.manifest, name)?, &roster, main.audited, &ctx)?;
    let rows = read.rows();
    draft.json("inputs.json", &described.inputs)?;
    draft
        .json("ids.json", &rows.iter().map(|row| roster.ids()[*row as usize].clone()).collect::<Vec<_>>())?;
    inputs::write_truth(draft, &select(&inputs::truth(object)?, &read.audited))?;
    let values: Vec<u32> = read.audited.iter().filter_map(|row| read.data.values[*row as usize]).collect();
    draft.json(TRUE_VALUES, &values)?;
    inputs::write_labels(draft, &inputs::select_labels(&labels, &rows)?)?;
    let references = !described.inputs.references.is_empty();
    if references {
        inputs::write_membership(draft, &inputs::membership(object, main)?.select_records(&rows))?;
    }
    if let Some(aside) = inputs::aside(object, main)?.filter(|_| references) {
        let chosen: Vec<u32> = read.audited.iter().map(|row| aside[*row as usize]).collect();
        inputs::write_aside(draft, &chosen)?;
    }
    let population: Vec<i64> =
        read.population.iter().filter_map(|row| read.data.values[*row as usize]).map(i64::from).collect();
    write_npy(draft, POPULATION, &[population.len()], &population)?;
    let known = read.data.known.gather(&rows)?;
    write_npy(draft, KNOWN, known.shape(), known.as_slice::<f32>()?)?;
    let stored = StoredEncoder {
        inputs: read.data.encoder,
        known: read.data.known_names,
        known_fitted_on: main.audited..roster.len(),
        known_scales: read.data.known_scales,
        candidates: read.data.candidates,
    };
    draft.json(ENCODER, &stored)?;
    let rows: Vec<i64> = rows.into_iter().map(i64::from).collect();
    write_npy(draft, ROWS, &[rows.len()], &rows)
}

fn table<'a>(manifest: &'a Manifest, name: &str) -> Result<&'a AttributeTable, EngineError> {
    let found = manifest.content.attribute(name);
    found.ok_or_else(|| EngineError::Other(format!("the manifest has no attribute `{name}`")))
}

/// The true values of the audited records of an attribute. The judge alone opens them.
pub(crate) fn true_values(object: &Object) -> Result<Vec<u32>, EngineError> {
    object.json(TRUE_VALUES)
}

/// Positions in the roster of the records of an attribute's audit.
pub(crate) fn rows(object: &Object) -> Result<Vec<u32>, EngineError> {
    Ok(read_npy(&object.path(ROWS))?.to_i64()?.into_iter().map(|row| row as u32).collect())
}

/// The candidate that is the most frequent in the population, the first of equal ones.
pub(crate) fn most_frequent(object: &Object) -> Result<u32, EngineError> {
    let mut counts: std::collections::BTreeMap<i64, usize> = std::collections::BTreeMap::new();
    for value in read_npy(&object.path(POPULATION))?.to_i64()? {
        *counts.entry(value).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|&(value, count)| (count, std::cmp::Reverse(value)));
    Ok(most.map_or(0, |(value, _)| value as u32))
}

/// What any imputer takes, however few records the target had.
const FEWEST_LEARNED: usize = 20;

/// Population records that whoever guesses without the model learns from, at most: as many as the model was trained on. `inputs` are those of the
/// whole audit.
pub(crate) fn imputed_from(manifest: &Manifest, inputs: &Inputs, described: &Described) -> usize {
    let trained_on = manifest.content.trained_on(inputs.data.member_records);
    let wanted = usize::try_from(trained_on).unwrap_or(usize::MAX).max(FEWEST_LEARNED);
    described.inputs.population.min(wanted)
}

/// What an attacker may know of an attribute, in the order of a case: `order` are positions among its audited records, `population` among all of them.
pub(crate) fn known(
    object: &Object,
    described: &Described,
    order: &[u32],
    population: &[u32],
    imputed: Option<&[f64]>,
) -> Result<Attribute, EngineError> {
    let all = read_npy(&object.path(KNOWN))?;
    let audited = described.inputs.audited as u32;
    let candidates = described.candidates.len();
    let imputed = imputed
        .map(|imputed| {
            let ordered = order.iter().flat_map(|row| &imputed[*row as usize * candidates..][..candidates]);
            Tensor::from_vec(ordered.copied().collect(), &[order.len(), candidates])
        })
        .transpose()?;
    let values = read_npy(&object.path(POPULATION))?.to_i64()?;
    Ok(Attribute {
        name: described.name.clone(),
        scale: described.scale,
        candidates: described.candidates.clone(),
        population: population.iter().map(|row| values[(row - audited) as usize] as u32).collect(),
        audited_known: all.gather(order)?,
        population_known: all.gather(population)?,
        imputed,
    })
}

/// The models of an attribute's audit, as far as `wanted`: those of the audit, asked about candidates.
pub(crate) struct Opener<'a> {
    pub(crate) supply: Supply<'a>,
    /// The inputs of the whole audit.
    pub(crate) whole: (&'a Object, &'a Inputs),
    /// Those of the attribute.
    pub(crate) own: (&'a Object, &'a Inputs),
    pub(crate) name: &'a str,
}

impl Opener<'_> {
    /// Opens all.
    pub(crate) fn models(&self, ctx: &Ctx<'_>) -> Result<Models, EngineError> {
        let changed = self.changed(ctx)?;
        if table(self.supply.manifest, self.name)?.target.is_some() {
            return Ok(Models {
                target: Box::new(changed.with(self.recorded(ctx)?)),
                references: Vec::new(),
            });
        }
        let Models { target, references } =
            inputs::open_models(&self.supply, self.whole.0, self.whole.1, ctx)?;
        let references = if self.own.1.references.is_empty() { Vec::new() } else { references };
        let asked = |target| -> Box<dyn Target> { Box::new(changed.with(target)) };
        Ok(Models { target: asked(target), references: references.into_iter().map(asked).collect() })
    }

    /// Opens one, the target being 0.
    pub(crate) fn model(&self, model: u32, ctx: &Ctx<'_>) -> Result<Box<dyn Target>, EngineError> {
        let changed = self.changed(ctx)?;
        if table(self.supply.manifest, self.name)?.target.is_some() {
            return Ok(Box::new(changed.with(self.recorded(ctx)?)));
        }
        let target = inputs::open_model(&self.supply, self.whole.0, self.whole.1, model, ctx)?;
        Ok(Box::new(changed.with(target)))
    }

    fn recorded(&self, ctx: &Ctx<'_>) -> Result<Box<dyn Target>, EngineError> {
        let table = table(self.supply.manifest, self.name)?;
        inputs::with_setting(&self.supply, self.whole.0, self.whole.1, ctx, |setting| {
            recorded(table, &self.supply, setting, ctx)
        })
    }

    fn changed(&self, ctx: &Ctx<'_>) -> Result<Changed, EngineError> {
        let roster = inputs::roster(self.whole.0)?;
        let table = table(self.supply.manifest, self.name)?;
        let data = attribute_inputs(self.supply.manifest, table, &roster, self.whole.1.audited, ctx)?;
        let rows = rows(self.own.0)?.into();
        Ok(Changed {
            data: data.into(),
            rows,
            labels: inputs::labels(self.own.0, self.own.1)?,
            recorded: table.target.is_some(),
            candidates: self.own.1.augmentations as u32,
        })
    }
}

/// How records are put to models with a candidate in the place of their value.
#[derive(Clone)]
struct Changed {
    data: Arc<AttributeInputs>,
    /// Positions in the roster.
    rows: Arc<[u32]>,
    labels: Labels,
    /// Whether candidates are variants of recorded answers.
    recorded: bool,
    candidates: u32,
}

impl Changed {
    fn with(&self, inner: Box<dyn Target>) -> Candidates {
        let card = TargetCard { augmentations: self.candidates, recorded: false, ..inner.card().clone() };
        Candidates { card, inner, changed: self.clone() }
    }

    fn query(&self, query: &Query) -> Result<Query> {
        let Input::Records(ids, Augmentation(candidate)) = &query.input else { return Ok(query.clone()) };
        if *candidate >= self.candidates {
            return Err(Error::mismatch("candidate", format!("below {}", self.candidates), candidate));
        }
        let row = |id: &u32| self.rows.get(*id as usize).copied();
        let rows = ids.iter().map(row).collect::<Option<Vec<u32>>>();
        let rows =
            rows.ok_or_else(|| Error::mismatch("record", format!("below {}", self.rows.len()), "another"))?;
        if self.recorded {
            let input = Input::Records(rows.into(), Augmentation(*candidate));
            return Ok(Query { input, ..query.clone() });
        }
        let input = self.data.changes.apply(&self.data.inputs, &rows, *candidate as usize)?;
        let mut changed = Query { input, ..query.clone() };
        let losses = Access::LOSS | Access::LAST_LAYER_GRADIENT;
        if changed.labels.is_none() && query.want.intersects(losses) {
            changed.labels = match &self.labels {
                Labels::Classes { values, .. } => {
                    let classes: Vec<i64> = ids.iter().map(|id| i64::from(values[*id as usize])).collect();
                    Some(Tensor::from_vec(classes, &[ids.len()])?)
                }
                Labels::Values(values) => Some(values.gather(ids)?),
                _ => None,
            };
        }
        Ok(changed)
    }
}

/// A model that knows records with each candidate only.
struct Candidates {
    card: TargetCard,
    inner: Box<dyn Target>,
    changed: Changed,
}

impl Target for Candidates {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.inner.predict(&self.changed.query(query)?)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.inner.vjp(&self.changed.query(query)?)
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        self.inner.parameters()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        Ok(Box::new(self.changed.with(self.inner.view(view)?)))
    }

    // What a record is holds its true value: `input` stays denied. With a candidate in its place it is what is known of the record anyway.
    fn variant(&self, records: &Indices, variant: Augmentation) -> Result<Tensor> {
        let query = Query {
            input: Input::Records(records.clone(), variant),
            ..Query::records(records.clone(), Access::empty())
        };
        match self.changed.query(&query)?.input {
            Input::Tensor(inputs) if matches!(inputs.dtype(), DType::F32 | DType::F64) => Ok(inputs),
            // Recorded answers have no inputs, and others cannot be changed a little.
            _ => Err(Error::Denied(Access::NEW_INPUTS)),
        }
    }
}
