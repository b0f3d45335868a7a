//! Attributes among the inputs: candidates, what is known besides, and changed inputs.
#![expect(clippy::unwrap_used, reason = "outside of a test function too, a refusal fails the test")]

mod common;

use std::ops::Range;
use std::path::Path;

use common::{bools, floats, folder, npy, roster};
use paname_core::{Column, Features, Input, Labels, Result, Scale, Table, Tensor};
use paname_data::{AttributeInputs, AttributeQuestion, ColumnKind, Encoder, InputsConfig};
use proptest::prelude::*;

const PEOPLE: &str = "\
id,age,income,smoker,town,married_yes,married_no,kids,notes,label,member
a,31,1500.5,yes,Lyon,1,0,0,x,1,1
b,45,2000,no,Arles,0,1,2,y,0,0
c,,1800.25,no,,1,0,1,z,1,1
d,22,900,yes,Lyon,0,1,0,w,0,0
e,60,3100,no,Nice,1,0,2,v,1,0
f,38,1250,yes,Arles,0,1,1,u,0,0
";
const PLAIN: &str = "table = \"people.csv\"\nencode = \"none\"\ncolumns = { notes = \"text\" }";
const NUMBERS: &str = "table = \"people.csv\"\nfill = { age = 40 }\ncolumns = { notes = \"ignore\" }";
const IDS: [&str; 6] = ["f", "a", "b", "c", "d", "e"];

fn config(text: &str) -> InputsConfig {
    toml::from_str(text).expect("a configuration")
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// What is asked, with texts of its own.
#[derive(Default, Clone)]
struct Asked {
    columns: Vec<String>,
    one_hot: bool,
    scale: Option<Scale>,
    values: Vec<String>,
    most: Option<usize>,
}

impl Asked {
    fn of(columns: &[&str]) -> Self {
        Self { columns: strings(columns), ..Self::default() }
    }

    fn read(
        &self,
        base: &Path,
        text: &str,
        ids: &[&str],
        population: Range<usize>,
    ) -> Result<AttributeInputs> {
        let question = AttributeQuestion {
            columns: &self.columns,
            one_hot: self.one_hot,
            scale: self.scale,
            values: &self.values,
            most: self.most,
        };
        config(text).attribute(&question, base, &roster(ids), population, 2)
    }

    fn people(&self, text: &str) -> Result<AttributeInputs> {
        self.people_and(text, 0..6)
    }

    /// Of a population of the last three.
    fn people_and(&self, text: &str, population: Range<usize>) -> Result<AttributeInputs> {
        let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
        self.read(files.path(), text, &IDS, population)
    }
}

fn rows(inputs: &Features) -> Vec<Vec<f32>> {
    let Features::Tensor(tensor) = inputs else { panic!("no tensor") };
    let width = tensor.shape()[1];
    tensor.to_f32().unwrap().chunks_exact(width).map(<[f32]>::to_vec).collect()
}

fn tensor(input: Input) -> Tensor {
    match input {
        Input::Tensor(tensor) => tensor,
        _ => panic!("no tensor"),
    }
}

fn table(input: Input) -> Table {
    match input {
        Input::Table(table) => table,
        _ => panic!("no table"),
    }
}

/// A column as text.
fn cells(column: &Column) -> Vec<String> {
    let cell = |row| match column.kind() {
        "booleans" => format!("{:?}", column.boolean(row)),
        "integers" => format!("{:?}", column.integer(row)),
        "numbers" => format!("{:?}", column.number(row).map(f64::to_bits)),
        _ => format!("{:?}", column.text(row)),
    };
    (0..column.rows()).map(cell).collect()
}

fn all(table: &Table) -> Vec<(String, &'static str, Vec<String>)> {
    table.columns().iter().map(|column| (column.name().to_owned(), column.kind(), cells(column))).collect()
}

#[test]
fn a_category_is_nominal() {
    for text in [PLAIN, NUMBERS] {
        let read = Asked::of(&["town"]).people(text).unwrap();
        assert_eq!(
            (read.scale, &read.candidates[..]),
            (Scale::Nominal, &strings(&["Arles", "Lyon", "Nice"])[..])
        );
        assert_eq!(read.values, [Some(0), Some(1), Some(0), None, Some(1), Some(2)]);
        assert_eq!(read.changes.candidates(), 3);
    }
    // What only audited records have would tell that one of them has it.
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let read = Asked::of(&["town"]).read(files.path(), NUMBERS, &IDS, 3..6).unwrap();
    assert_eq!(read.candidates, ["Lyon", "Nice"]);
    assert_eq!(read.values, [None, Some(0), None, None, Some(0), Some(1)]);
    // What only others in the file have comes not into question.
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let read = Asked::of(&["town"]).read(files.path(), NUMBERS, &["b", "a", "d"], 0..0).unwrap();
    assert_eq!(read.candidates, ["Arles", "Lyon"]);
    assert!(!read.known_names.iter().any(|name| name.starts_with("town")));
}

#[test]
fn everything_else_is_known_as_numbers() {
    let read = Asked::of(&["smoker"]).people_and(PLAIN, 3..6).unwrap();
    assert_eq!((read.scale, &read.candidates[..]), (Scale::Nominal, &strings(&["no", "yes"])[..]));
    assert_eq!(read.values, [Some(1), Some(1), Some(0), Some(0), Some(1), Some(0)]);
    assert_eq!(
        read.known_names,
        [
            "age",
            "age=(missing)",
            "income",
            "town=Arles",
            "town=Lyon",
            "town=Nice",
            "town=(missing)",
            "married_yes",
            "married_no",
            "kids"
        ]
    );
    let known = read.known.as_slice::<f32>().unwrap();
    let column = |place: usize| known.chunks_exact(10).map(|row| row[place]).collect::<Vec<_>>();
    // The population is c, d, e; the ages 22 and 60 have mean 41 and standard deviation 19.
    assert_eq!(column(0), [-3.0 / 19.0, -10.0 / 19.0, 4.0 / 19.0, 0.0, -1.0, 1.0]);
    assert_eq!(column(1), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(column(3), [1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(column(6), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    let income: Vec<f64> = column(2).iter().map(|&x| f64::from(x)).collect();
    assert!(income[3..].iter().sum::<f64>().abs() < 1e-6);
    assert!((income[3..].iter().map(|x| x * x).sum::<f64>() / 3.0 - 1.0).abs() < 1e-6);
    // Without a population, all records serve; a filled number is known to be missing.
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let read = Asked::of(&["smoker"]).read(files.path(), NUMBERS, &IDS, 0..0).unwrap();
    let place = read.known_names.iter().position(|name| name == "age").unwrap();
    let ages: Vec<f32> =
        read.known.as_slice::<f32>().unwrap().chunks_exact(10).map(|row| row[place]).collect();
    assert_eq!((read.known_names.len(), ages[3]), (10, 0.0));
    assert!(ages.iter().sum::<f32>().abs() < 1e-6);
}

#[test]
fn the_inputs_are_those_that_are_read() {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let read = Asked::of(&["town"]).read(files.path(), NUMBERS, &IDS, 3..6).unwrap();
    let Features::Tensor(plain) = config(NUMBERS).read(files.path(), &roster(&IDS), 1).unwrap() else {
        panic!()
    };
    let Features::Tensor(inputs) = &read.inputs else { panic!() };
    assert_eq!((inputs.shape(), inputs.bytes().unwrap()), (plain.shape(), plain.bytes().unwrap()));
    let read = Asked::of(&["town"]).read(files.path(), PLAIN, &IDS, 3..6).unwrap();
    let Features::Table(plain) = config(PLAIN).read(files.path(), &roster(&IDS), 1).unwrap() else {
        panic!()
    };
    let Features::Table(inputs) = &read.inputs else { panic!() };
    assert_eq!(all(inputs), all(&plain));
}

#[test]
fn a_category_changes_as_a_whole() {
    let read = Asked::of(&["town"]).people(NUMBERS).unwrap();
    // age, income, smoker, town=Arles, town=Lyon, town=Nice, town=(missing), …
    let nice = tensor(read.changes.apply(&read.inputs, &[3, 0, 3], 2).unwrap());
    let mut expected = vec![rows(&read.inputs)[3].clone(), rows(&read.inputs)[0].clone()];
    assert_eq!(expected[0][3..7], [0.0, 0.0, 0.0, 1.0]);
    for row in &mut expected {
        row[3..7].copy_from_slice(&[0.0, 0.0, 1.0, 0.0]);
    }
    expected.push(expected[0].clone());
    assert_eq!(rows(&Features::Tensor(nice)), expected);
    // The rows may be others of the same width, in any order.
    let Features::Tensor(inputs) = &read.inputs else { panic!() };
    let few = Features::Tensor(inputs.gather(&[5, 3]).unwrap());
    let again = tensor(read.changes.apply(&few, &[1], 2).unwrap());
    assert_eq!(rows(&Features::Tensor(again)), expected[..1]);
}

#[test]
fn a_table_changes_in_the_columns_of_the_attribute() {
    let read = Asked::of(&["kids", "town"]).people(PLAIN).unwrap();
    assert_eq!(
        read.candidates,
        ["kids=0, town=Lyon", "kids=1, town=Arles", "kids=2, town=Arles", "kids=2, town=Nice"]
    );
    assert_eq!(read.values, [Some(1), Some(0), Some(2), None, Some(0), Some(3)]);
    let Features::Table(inputs) = &read.inputs else { panic!() };
    for positions in [vec![3, 0, 5], vec![2, 3, 4], vec![1], vec![]] {
        let changed = table(read.changes.apply(&read.inputs, &positions, 3).unwrap());
        assert_eq!(changed.rows(), positions.len());
        for (before, after) in inputs.columns().iter().zip(changed.columns()) {
            let before_cells = cells(before);
            let expected: Vec<String> = positions
                .iter()
                .map(|&row| match before.name() {
                    "kids" => "Some(2)".to_owned(),
                    "town" => "Some(\"Nice\")".to_owned(),
                    _ => before_cells[row as usize].clone(),
                })
                .collect();
            assert_eq!((after.name(), after.kind(), cells(after)), (before.name(), before.kind(), expected));
        }
    }
}

#[test]
fn whole_numbers_are_ordinal_and_others_fall_into_bins() {
    let read = Asked::of(&["kids"]).people_and(NUMBERS, 3..6).unwrap();
    assert_eq!((read.scale, &read.candidates[..]), (Scale::Ordinal, &strings(&["0", "1", "2"])[..]));
    assert_eq!(read.values, [Some(1), Some(0), Some(2), Some(1), Some(0), Some(2)]);
    let bins = Asked { most: Some(2), ..Asked::of(&["kids"]) }.people_and(NUMBERS, 3..6).unwrap();
    // The population c, d, e has 1, 0, 2: the bins begin at 0 and 1.
    assert_eq!((bins.scale, &bins.candidates[..]), (Scale::Continuous, &strings(&["0", "1"])[..]));
    assert_eq!(bins.values, [Some(1), Some(0), Some(1), Some(1), Some(0), Some(1)]);
    let income = Asked::of(&["income"]).people_and(NUMBERS, 3..6).unwrap();
    assert_eq!(
        (income.scale, &income.candidates[..]),
        (Scale::Continuous, &strings(&["900", "1800.25", "3100"])[..])
    );
    assert_eq!(income.values, [Some(0), Some(0), Some(1), Some(1), Some(0), Some(2)]);
    let changed = tensor(income.changes.apply(&income.inputs, &[0, 4], 1).unwrap());
    assert_eq!(rows(&Features::Tensor(changed)).iter().map(|row| row[1]).collect::<Vec<_>>(), [1800.25; 2]);
    let age = Asked { scale: Some(Scale::Ordinal), ..Asked::of(&["age"]) }.people(NUMBERS).unwrap();
    assert_eq!(age.candidates, ["22", "31", "38", "45", "60"]);
    assert_eq!(age.values[3], None);
}

#[test]
fn bins_of_many_equal_numbers_are_merged() {
    let rest = [7.5, -1.5, 1e300];
    for (zeros, expected) in [(1, 4), (20, 2), (100, 2)] {
        let numbers = std::iter::repeat_n(0.0, zeros).chain(rest);
        let lines: Vec<String> = numbers.enumerate().map(|(i, x)| format!("{i},{x:?},{i}\n")).collect();
        let files = folder(&[("t.csv", format!("id,x,y\n{}", lines.concat()).as_bytes())]);
        let ids: Vec<String> = (0..lines.len()).map(|i| i.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let text = "table = \"t.csv\"\nencode = \"none\"";
        let read = Asked::of(&["x"]).read(files.path(), text, &ids, 0..0).unwrap();
        assert!(read.candidates.len() >= 2 && read.candidates.len() <= expected + 1, "{:?}", read.candidates);
        assert!((0..read.candidates.len()).all(|c| read.values.contains(&Some(c as u32))));
        assert!(read.known.as_slice::<f32>().unwrap().iter().all(|x| x.is_finite()));
        // A number as large as that is known too.
        let known = Asked::of(&["y"]).read(files.path(), text, &ids, 0..0).unwrap();
        assert!(known.known.as_slice::<f32>().unwrap().iter().all(|x| x.is_finite()));
    }
}

#[test]
fn declared_values_are_a_closed_list_in_order() {
    let towns = |values: &[&str]| Asked { values: strings(values), ..Asked::of(&["town"]) };
    let read = towns(&["Nice", "Lyon", "Arles"]).people(PLAIN).unwrap();
    assert_eq!(
        (read.scale, &read.candidates[..]),
        (Scale::Ordinal, &strings(&["Nice", "Lyon", "Arles"])[..])
    );
    assert_eq!(read.values, [Some(2), Some(1), Some(2), None, Some(1), Some(0)]);
    let error = towns(&["Nice", "Lyon"]).people(NUMBERS).unwrap_err().to_string();
    assert_eq!(
        error,
        "people.csv line 7, column `town`: holds an unseen value, none of `values`; add it there, or leave `values` out, so that those that occur are the candidates"
    );
    // A number that no record has comes into question too.
    let kids = Asked { values: strings(&["2", "0", "1", "3"]), ..Asked::of(&["kids"]) };
    let read = kids.people(NUMBERS).unwrap();
    assert_eq!(read.values, [Some(2), Some(1), Some(0), Some(2), Some(1), Some(0)]);
    let changed = tensor(read.changes.apply(&read.inputs, &[0], 3).unwrap());
    assert_eq!(rows(&Features::Tensor(changed))[0].last(), Some(&3.0));
    // In place of bins: the nearest.
    let income = Asked {
        values: strings(&["1000", "3000"]),
        scale: Some(Scale::Continuous),
        ..Asked::of(&["income"])
    };
    let read = income.people(NUMBERS).unwrap();
    assert_eq!(read.values, [Some(0), Some(0), Some(0), Some(0), Some(0), Some(1)]);
    let smoker = Asked { values: strings(&["oui", "non"]), ..Asked::of(&["smoker"]) };
    let read = smoker.people(NUMBERS).unwrap();
    assert_eq!((&read.candidates[..], read.values[0]), (&strings(&["oui", "non"])[..], Some(0)));
}

#[test]
fn one_hot_columns_are_one_attribute() {
    let asked = Asked { one_hot: true, ..Asked::of(&["married_yes", "married_no"]) };
    for text in [PLAIN, NUMBERS] {
        let read = asked.people(text).unwrap();
        assert_eq!(
            (read.scale, &read.candidates[..]),
            (Scale::Nominal, &strings(&["married_yes", "married_no"])[..])
        );
        assert_eq!(read.values, [Some(1), Some(0), Some(1), Some(0), Some(1), Some(0)]);
        assert!(!read.known_names.iter().any(|name| name.starts_with("married")));
        let own = |candidate: usize| read.changes.apply(&read.inputs, &[1, 4], candidate).unwrap();
        match own(1) {
            Input::Tensor(changed) => {
                let width = changed.shape()[1];
                let pairs = changed
                    .to_f32()
                    .unwrap()
                    .chunks_exact(width)
                    .map(|row| [row[7], row[8]])
                    .collect::<Vec<_>>();
                assert_eq!(pairs, [[0.0, 1.0]; 2]);
            }
            changed => {
                let changed = table(changed);
                assert_eq!(cells(changed.column("married_yes").unwrap()), ["Some(false)"; 2]);
                assert_eq!(cells(changed.column("married_no").unwrap()), ["Some(true)"; 2]);
            }
        }
    }
    let twice = PEOPLE.replace("d,22,900,yes,Lyon,0,1", "d,22,900,yes,Lyon,1,1");
    let files = folder(&[("people.csv", twice.as_bytes())]);
    assert_eq!(
        asked.read(files.path(), NUMBERS, &IDS, 3..6).unwrap_err().to_string(),
        "people.csv line 5: 2 of the 2 columns of the one-hot attribute are 1; expected exactly one"
    );
    // Rows of others are none of the audit's business.
    asked.read(files.path(), NUMBERS, &["a", "b"], 0..0).unwrap();
}

#[test]
fn a_limit_takes_the_most_frequent_of_the_population() {
    // Values 0 to 19; among the population (the last 40) value v of 10 to 19 occurs more often the larger it is.
    let value = |i: usize| if i < 20 { i } else { 19 - (i - 20) % 10 * (i % 2) };
    let lines: Vec<String> = (0..60).map(|i| format!("r{i},v{:02},{}\n", value(i), i % 7)).collect();
    let files = folder(&[("t.csv", format!("id,x,y\n{}", lines.concat()).as_bytes())]);
    let ids: Vec<String> = (0..60).map(|i| format!("r{i}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let text = "table = \"t.csv\"";
    assert_eq!(
        Asked::of(&["x"]).read(files.path(), text, &ids, 0..60).unwrap_err().to_string(),
        "t.csv, column `x`: has 20 different values among the population; `candidates = 16` would take the most frequent ones, which 93.3% of the \
         population have, and leave the others out"
    );
    let read = Asked { most: Some(3), ..Asked::of(&["x"]) }.read(files.path(), text, &ids, 0..60).unwrap();
    assert_eq!(read.candidates, ["v10", "v12", "v19"]);
    assert_eq!((read.values[9], read.values[10], read.values[19]), (None, Some(0), Some(2)));
    let read = Asked { most: Some(20), ..Asked::of(&["x"]) }.read(files.path(), text, &ids, 0..60).unwrap();
    assert_eq!((read.candidates.len(), read.values[4]), (20, Some(4)));
}

#[test]
fn arrays_of_two_dimensions_are_tables() {
    let numbers = [1.0, 0.0, 0.5, 3.0, 0.0, 1.0, 1.5, 4.0, 1.0, 0.0, f32::NAN, 4.0];
    let bytes: Vec<u8> = [1_u8, 0, 7, 0, 1, 9, 1, 0, 200].to_vec();
    let files = folder(&[
        ("a.npy", &floats(&[3, 4], &numbers)),
        ("u.npy", &npy("|u1", &[3, 3], &bytes)),
        ("b.npy", &bools(&[3, 2], &[true, false, false, true, true, true])),
        ("c.npy", &floats(&[3, 2, 2], &[0.0; 12])),
    ]);
    let ids = ["2", "0", "1"];
    let text = "array = \"a.npy\"\nids = \"row-number\"";
    let read = Asked::of(&["column-4"]).read(files.path(), text, &ids, 0..0).unwrap();
    assert_eq!((read.scale, &read.candidates[..]), (Scale::Ordinal, &strings(&["3", "4"])[..]));
    assert_eq!(read.known_names, ["column-1", "column-2", "column-3", "column-3=(missing)"]);
    let known = read.known.as_slice::<f32>().unwrap();
    assert_eq!([known[2], known[3], known[6], known[10]], [0.0, 1.0, -1.0, 1.0]);
    let changed = tensor(read.changes.apply(&read.inputs, &[0, 1], 0).unwrap());
    assert_eq!(rows(&Features::Tensor(changed.clone()))[1], [1.0, 0.0, 0.5, 3.0]);
    assert!(changed.to_f32().unwrap()[2].is_nan());
    let pair = Asked { one_hot: true, ..Asked::of(&["column-1", "column-2"]) };
    let read = pair.read(files.path(), text, &ids, 0..0).unwrap();
    assert_eq!(read.values, [Some(0), Some(0), Some(1)]);
    let text = "array = \"u.npy\"\nids = \"row-number\"";
    let read = pair.read(files.path(), text, &ids, 0..0).unwrap();
    let changed = tensor(read.changes.apply(&read.inputs, &[1, 0], 1).unwrap());
    assert_eq!(changed.as_slice::<u8>().unwrap(), [0, 1, 7, 0, 1, 200]);
    assert_eq!(read.known.shape(), [3, 1]);
    let read = Asked::of(&["column-2"])
        .read(files.path(), "array = \"b.npy\"\nids = \"row-number\"", &ids, 0..0)
        .unwrap();
    assert_eq!((read.scale, &read.candidates[..]), (Scale::Nominal, &strings(&["0", "1"])[..]));
    assert_eq!(
        Asked::of(&["column-1"])
            .read(files.path(), "array = \"c.npy\"\nids = \"row-number\"", &ids, 0..0)
            .unwrap_err()
            .to_string(),
        "c.npy: has records of shape [2, 2]; an attribute takes a table, or an array of two dimensions whose columns are column-1, column-2, …"
    );
    assert_eq!(
        Asked::of(&["column-1", "column-2", "column-3"])
            .read(files.path(), text, &ids, 0..0)
            .unwrap_err()
            .to_string(),
        "u.npy: every input is part of the attribute or is text, and nothing would be known besides; expected an attribute of some inputs"
    );
}

#[test]
fn bad_questions_are_refused_in_words() {
    let of = |columns: &[&str]| Asked::of(columns);
    let texts = |values: &[&str]| strings(values);
    let cases = [
        (of(&[]), NUMBERS),
        (of(&["town", "town"]), NUMBERS),
        (of(&["city"]), NUMBERS),
        (of(&["id"]), NUMBERS),
        (of(&["member"]), NUMBERS),
        (of(&["label"]), NUMBERS),
        (of(&["notes"]), NUMBERS),
        (of(&["notes"]), PLAIN),
        (of(&["notes", "town"]), PLAIN),
        (Asked { most: Some(1), ..of(&["town"]) }, NUMBERS),
        (Asked { scale: Some(Scale::Continuous), ..of(&["town"]) }, NUMBERS),
        (Asked { scale: Some(Scale::Ordinal), ..of(&["town", "kids"]) }, NUMBERS),
        (Asked { values: texts(&["Lyon"]), ..of(&["town"]) }, NUMBERS),
        (Asked { values: texts(&["Lyon", "Lyon"]), ..of(&["town"]) }, NUMBERS),
        (Asked { values: texts(&["Lyon", "Paris"]), ..of(&["town"]) }, NUMBERS),
        (Asked { values: texts(&["Lyon", "Nice", "Arles"]), most: Some(2), ..of(&["town"]) }, NUMBERS),
        (Asked { values: texts(&["Lyon", "Nice"]), ..of(&["town", "kids"]) }, NUMBERS),
        (Asked { values: texts(&["one", "2"]), ..of(&["kids"]) }, NUMBERS),
        (Asked { values: texts(&["1.5", "2"]), ..of(&["kids"]) }, NUMBERS),
        (Asked { values: texts(&["maybe", "no"]), ..of(&["smoker"]) }, NUMBERS),
        (
            Asked { values: texts(&["Lyon", "Nice"]), scale: Some(Scale::Continuous), ..of(&["town"]) },
            NUMBERS,
        ),
        (Asked { one_hot: true, ..of(&["married_yes"]) }, NUMBERS),
        (of(&["married_no"]), NUMBERS),
        (Asked { one_hot: true, ..of(&["smoker"]) }, NUMBERS),
        (Asked { one_hot: true, ..of(&["town", "smoker"]) }, NUMBERS),
        (Asked { one_hot: true, ..of(&["kids", "smoker"]) }, NUMBERS),
        (
            Asked { one_hot: true, scale: Some(Scale::Continuous), ..of(&["married_no", "married_yes"]) },
            NUMBERS,
        ),
        (of(&["age", "income", "smoker", "town", "married_yes", "married_no", "kids"]), PLAIN),
        (of(&["x"]), "folder = \"photos\""),
    ];
    let said = cases.map(|(asked, text)| {
        let error = asked.people(text).unwrap_err().to_string();
        assert!(!error.contains("1500"), "{error}");
        format!("{:?} {:?}\n    {error}", asked.columns, asked.values)
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_constant_is_no_attribute() {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    for (columns, ids) in [
        (&["town"][..], &["a", "d"][..]),
        (&["smoker"], &["b", "c"]),
        (&["kids"], &["b", "e"]),
        (&["town", "smoker"], &["a", "d", "c"]),
    ] {
        let error = Asked::of(columns).read(files.path(), NUMBERS, ids, 0..0).unwrap_err().to_string();
        assert!(
            error.starts_with("people.csv, column") && error.contains("is constant among the records"),
            "{error}"
        );
    }
    // Bins are of the population, which is constant here.
    let error =
        Asked::of(&["income"]).read(files.path(), NUMBERS, &["a", "b", "c"], 2..3).unwrap_err().to_string();
    assert!(error.contains("is constant among"), "{error}");
}

#[test]
fn other_inputs_are_not_changed() {
    let read = Asked::of(&["town"]).people(NUMBERS).unwrap();
    let Features::Tensor(inputs) = &read.inputs else { panic!() };
    let narrow = Features::Tensor(inputs.reshape(&[60, 1]).unwrap());
    for (inputs, rows, candidate, said) in [
        (&read.inputs, &[0][..], 3, "candidate of the attribute: expected below 3, got 3"),
        (&read.inputs, &[6], 0, "rows: expected below 6, got 6"),
        (&narrow, &[0], 0, "inputs: expected those that the attribute was read with, got others"),
        (&Features::None, &[0], 0, "inputs: expected those that the attribute was read with, got others"),
    ] {
        assert_eq!(read.changes.apply(inputs, rows, candidate).unwrap_err().to_string(), said);
    }
    assert_eq!(format!("{:?}", read.changes), "Changes(3 candidates, 1 columns)");
    assert_eq!(tensor(read.changes.apply(&read.inputs, &[], 0).unwrap()).shape(), [0, 10]);
}

#[test]
fn the_name_of_a_group_stands_for_its_columns() {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    for text in [PLAIN, NUMBERS] {
        let schema = config(text).describe(files.path()).unwrap();
        let groups: Vec<(&str, Option<&str>)> =
            schema.columns.iter().map(|column| (column.name.as_str(), column.group.as_deref())).collect();
        assert!(
            groups.contains(&("married_yes", Some("married")))
                && groups.contains(&("married_no", Some("married")))
        );
        assert_eq!(groups.iter().filter(|(_, group)| group.is_some()).count(), 2);
        let read = Asked::of(&["married"]).read(files.path(), text, &IDS, 3..6).unwrap();
        assert_eq!(read.candidates, ["married_yes", "married_no"]);
        assert_eq!(read.values, [Some(1), Some(0), Some(1), Some(0), Some(1), Some(0)]);
    }
    assert_eq!(
        Asked::of(&["married_no"]).people(NUMBERS).unwrap_err().to_string(),
        "people.csv, column `married_no`: is one of the columns `married`, of which exactly one is 1 in every row, so that the others tell its value; \
         expected columns = [\"married\"], which stands for all of them"
    );
    // One row that breaks the rule makes them columns like others.
    let broken = PEOPLE.replace("d,22,900,yes,Lyon,0,1", "d,22,900,yes,Lyon,0,0");
    let files = folder(&[("people.csv", broken.as_bytes())]);
    let schema = config(NUMBERS).describe(files.path()).unwrap();
    assert!(schema.columns.iter().all(|column| column.group.is_none()));
    assert_eq!(
        Asked::of(&["married"]).read(files.path(), NUMBERS, &IDS, 3..6).unwrap_err().to_string(),
        "people.csv line 5: 0 of the 2 columns of the one-hot attribute are 1; expected exactly one"
    );
    Asked::of(&["married_no"]).read(files.path(), NUMBERS, &IDS, 0..6).unwrap();
}

#[test]
fn groups_are_told_by_what_their_names_begin_with() {
    let cases: &[(&str, &[&str], usize)] = &[
        ("town=a_1,town=b_1,town=c_2", &["1,0,0", "0,0,1", "0,1,0"], 3),
        ("a_x,a_y,b_x", &["1.0,0.0,1", "0.0,1.0,1"], 2),
        ("a_x,a_y,a_z", &["1,0,7", "0,1,1"], 2),
        ("a_x,a_y", &["1,0", "1,1"], 0),
        ("a_x,a_y", &["1,0", "1,"], 0),
        ("a_x,b_y", &["1,0", "0,1"], 0),
        ("_x,_y", &["1,0", "0,1"], 0),
        ("ax,ay", &["1,0", "0,1"], 0),
    ];
    for (names, rows, expected) in cases {
        let body: Vec<String> = rows.iter().enumerate().map(|(i, row)| format!("{i},{row}\n")).collect();
        let files = folder(&[("t.csv", format!("id,{names}\n{}", body.concat()).as_bytes())]);
        let schema = config("table = \"t.csv\"").describe(files.path()).unwrap();
        assert_eq!(
            schema.columns.iter().filter(|column| column.group.is_some()).count(),
            *expected,
            "{names}"
        );
    }
}

#[test]
fn numbers_are_standardised_over_the_records_that_are_allowed() {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let text = format!("{NUMBERS}\nencode = \"standardised\"");
    let plain = rows(&config(NUMBERS).read(files.path(), &roster(&IDS), 1).unwrap());
    for fitted_on in [None, Some(3..6), Some(1..3)] {
        let standardised = InputsConfig { fitted_on: fitted_on.clone(), ..config(&text) };
        let inputs = rows(&standardised.read(files.path(), &roster(&IDS), 1).unwrap());
        let fitted = fitted_on.clone().unwrap_or(0..6);
        for place in 0..10 {
            let column = |rows: &[Vec<f32>]| rows.iter().map(|row| f64::from(row[place])).collect::<Vec<_>>();
            let (before, after) = (column(&plain), column(&inputs));
            if ![0, 1, 9].contains(&place) {
                assert_eq!(before, after, "truth values and categories stay");
                continue;
            }
            let count = fitted.len() as f64;
            let mean = before[fitted.clone()].iter().sum::<f64>() / count;
            let deviation =
                (before[fitted.clone()].iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
            for (x, z) in before.iter().zip(&after) {
                assert!((z - (x - mean) / deviation).abs() < 1e-5, "{x} became {z}");
            }
        }
        // A candidate is brought to the same scale.
        let question = AttributeQuestion { columns: &strings(&["kids"]), ..AttributeQuestion::default() };
        let read = standardised.attribute(&question, files.path(), &roster(&IDS), 3..6, 1).unwrap();
        let Features::Tensor(all) = &read.inputs else { panic!() };
        for (row, value) in (0..6).zip(&read.values) {
            let same = tensor(read.changes.apply(&read.inputs, &[row], value.unwrap() as usize).unwrap());
            assert_eq!(same.bytes().unwrap(), all.gather(&[row]).unwrap().bytes().unwrap());
        }
    }
    let schema = config(&text).describe(files.path()).unwrap();
    assert!(schema.standardised && schema.shape == [10]);
    assert!(serde_json::to_value(&schema).unwrap()["standardised"] == true);
    for wrong in [0..0, 3..7] {
        let standardised = InputsConfig { fitted_on: Some(wrong), ..config(&text) };
        let error = standardised.read(files.path(), &roster(&IDS), 1).unwrap_err().to_string();
        assert!(error.starts_with("records to standardise on: expected some of 6"), "{error}");
    }
}

/// A table of these columns, read again as typed columns.
fn typed(text: &str) -> Table {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let plain = text.replace("encode = \"standardised\"", "encode = \"none\"");
    match config(&plain).read(files.path(), &roster(&IDS), 1).unwrap() {
        Features::Table(table) => table,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stored_encoder_gives_the_inputs_again() {
    let text = format!("{NUMBERS}\nencode = \"standardised\"");
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let mut config = config(&text);
    // On the last three, as an audit fits them on its population.
    config.fitted_on = Some(3..6);
    let columns = strings(&["smoker"]);
    let question = AttributeQuestion { columns: &columns, ..AttributeQuestion::default() };
    let read = config.attribute(&question, files.path(), &roster(&IDS), 3..6, 1).unwrap();
    let stored = serde_json::to_string(&read.encoder.clone().unwrap()).unwrap();
    let encoder = Encoder::read(&stored).unwrap();
    assert_eq!((Some(&encoder), encoder.fitted_on.clone()), (read.encoder.as_ref(), Some(3..6)));
    let again = encoder.encode(&typed(&text)).unwrap();
    assert_eq!(rows(&again), rows(&read.inputs));
    // One record alone, by what is in the file and nothing else: ages of c, d and e are 40 (filled in), 22 and 60.
    let alone = encoder.encode(&typed(&text).slice(2..3).unwrap()).unwrap();
    assert_eq!(rows(&alone)[0], rows(&read.inputs)[2]);
    let file: serde_json::Value = serde_json::from_str(&stored).unwrap();
    assert_eq!((&file["schema"], &file["encode"]), (&"paname-encoder/1".into(), &"standardised".into()));
    let age = &file["columns"][0];
    let (mean, deviation) =
        (age["standard"]["mean"].as_f64().unwrap(), age["standard"]["deviation"].as_f64().unwrap());
    let expected = 122.0 / 3.0;
    let spread = [40.0, 22.0, 60.0_f64].map(|x| (x - expected).powi(2)).iter().sum::<f64>() / 3.0;
    assert!((mean - expected).abs() < 1e-12 && (deviation - spread.sqrt()).abs() < 1e-12);
    // b, the third of the roster, is 45.
    assert_eq!((45.0 / deviation - mean / deviation) as f32, rows(&read.inputs)[2][0]);
    let town = encoder.columns.iter().find(|column| column.name == "town").unwrap();
    assert_eq!((town.kind, town.missing, town.categories.len()), (ColumnKind::Category, true, 3));
    assert!(town.standard.is_none());
    // What whoever guesses knows has its own.
    let scales: Vec<&str> = read.known_scales.iter().map(|scale| scale.name.as_str()).collect();
    assert!(scales.contains(&"age") && scales.contains(&"income"), "{scales:?}");
    // A table that stays one, and arrays.
    let plain = Asked::of(&["smoker"]).people(PLAIN).unwrap().encoder.unwrap();
    assert!(plain.fitted_on.is_none() && plain.columns.iter().all(|column| column.standard.is_none()));
    let table = typed(PLAIN);
    match plain.encode(&table).unwrap() {
        Features::Table(again) => assert_eq!(all(&again), all(&table)),
        other => panic!("{other:?}"),
    }
    // Of another version, and with numbers that are none.
    for (from, to, said) in [
        ("paname-encoder/1", "paname-encoder/2", "schema of an encoder"),
        ("\"deviation\":", "\"deviation\":-", "scale of column \"age\""),
        ("\"kind\":", "\"kid\":", "unknown field"),
    ] {
        let error = Encoder::read(&stored.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn equal_numbers_become_zero() {
    let files = folder(&[("t.csv", b"id,x,y\na,0.1,1e30\nb,0.1,2\nc,0.1,2\nd,0.7,2\n")]);
    let ids = ["a", "b", "c", "d"];
    let standardised =
        InputsConfig { fitted_on: Some(1..3), ..config("table = \"t.csv\"\nencode = \"standardised\"") };
    assert_eq!(rows(&standardised.read(files.path(), &roster(&ids), 1).unwrap()), [[0.0, 0.0]; 4]);
    let all = InputsConfig { fitted_on: None, ..standardised };
    let [first, .., last] = &rows(&all.read(files.path(), &roster(&ids), 1).unwrap())[..] else { panic!() };
    assert!((first[0] + 1.0 / 3.0_f32.sqrt()).abs() < 1e-6 && (last[0] - 3.0_f32.sqrt()).abs() < 1e-6);
}

#[test]
fn records_of_the_population_that_equal_audited_ones_are_counted() {
    let lines = "id,x,y,c\na,1,0.5,u\nb,2,,v\nc,3,1,\nd,1,0.5,u\ne,2,,v\nf,2,,v\ng,3,1,w\nh,2,0,v\n";
    let files = folder(&[("t.csv", lines.as_bytes())]);
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let classes = |values: [u32; 8]| Labels::Classes { values: values.to_vec().into(), classes: 2 };
    for (text, equal) in [("encode = \"none\"", 3), ("fill = { y = 0 }", 4)] {
        let text = format!("table = \"t.csv\"\n{text}");
        let read = Asked::of(&["x"]).read(files.path(), &text, &ids, 3..8).unwrap();
        assert_eq!(read.twins(&Labels::None, 0..3, 3..8), equal, "{text}");
        assert_eq!(read.twins(&classes([0, 1, 0, 0, 1, 0, 0, 0]), 0..3, 3..8), 2);
        let values = Labels::Values(Tensor::from_vec(vec![0.0_f32; 8], &[8]).unwrap());
        assert_eq!(read.twins(&values, 0..3, 3..8), equal);
        assert_eq!(read.twins(&Labels::None, 2..3, 3..8), 0);
    }
}

prop_compose! {
    fn line()(x in prop::option::of(-1e6..1e6_f64), n in -3..4_i64, t in any::<bool>(), c in prop::option::of(0..4_u8), g in 0..3_u8) -> String {
        let hot = |i| u8::from(g == i);
        let x = x.map_or(String::new(), |x| format!("{x:?}"));
        let c = c.map_or(String::new(), |c| format!("c{c}"));
        format!("{x},{n},{t},{c},{},{},{}", hot(0), hot(1), hot(2))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// The own candidate changes no bit, another one only the attribute, and back again gives the row.
    #[test]
    fn changes_are_exact(lines in prop::collection::vec(line(), 3..20), which in 0..6_usize, plain in any::<bool>()) {
        let body: Vec<String> = lines.iter().enumerate().map(|(i, line)| format!("r{i},{line}\n")).collect();
        let files = folder(&[("t.csv", format!("id,x,n,t,c,g_0,g_1,g_2\n{}", body.concat()).as_bytes())]);
        let text = format!(
            "table = \"t.csv\"\ncolumns = {{ x = \"number\", n = \"number\", t = \"truth\", c = \"category\", g_0 = \"truth\", g_1 = \"number\", g_2 = \"truth\" }}\n{}",
            if plain { "encode = \"none\"" } else { "fill = { x = 0.5 }" }
        );
        let ids: Vec<String> = (0..lines.len()).rev().map(|i| format!("r{i}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let asked = [
            Asked::of(&["n"]),
            Asked::of(&["t"]),
            Asked::of(&["c"]),
            Asked { most: Some(400), ..Asked::of(&["n", "c", "t"]) },
            Asked { one_hot: true, ..Asked::of(&["g_0", "g_1", "g_2"]) },
            Asked { scale: Some(Scale::Nominal), most: Some(400), ..Asked::of(&["x"]) },
        ][which].clone();
        let read = match asked.read(files.path(), &text, &ids, 0..ids.len() / 2) {
            Ok(read) => read,
            Err(error) => {
                prop_assert!(error.to_string().contains("constant"), "{}", error);
                return Ok(());
            }
        };
        let places: Vec<usize> = match &read.inputs {
            Features::Tensor(inputs) => (0..inputs.shape()[1]).collect(),
            _ => Vec::new(),
        };
        for (row, value) in (0_u32..).zip(&read.values) {
            let Some(own) = value else { continue };
            let own = *own as usize;
            let other = (own + 1) % read.candidates.len();
            match &read.inputs {
                Features::Tensor(inputs) => {
                    let before = inputs.gather(&[row]).unwrap();
                    let same = tensor(read.changes.apply(&read.inputs, &[row], own).unwrap());
                    prop_assert_eq!(same.bytes().unwrap(), before.bytes().unwrap());
                    let changed = tensor(read.changes.apply(&read.inputs, &[row], other).unwrap());
                    let (a, b) = (before.to_f32().unwrap(), changed.to_f32().unwrap());
                    prop_assert!(places.iter().any(|&place| a[place] != b[place]));
                    let back = tensor(read.changes.apply(&Features::Tensor(changed), &[0], own).unwrap());
                    prop_assert_eq!(back.bytes().unwrap(), before.bytes().unwrap());
                }
                Features::Table(inputs) => {
                    let before = all(&inputs.slice(row as usize..row as usize + 1).unwrap());
                    let same = table(read.changes.apply(&read.inputs, &[row], own).unwrap());
                    prop_assert_eq!(&all(&same), &before);
                    let changed = table(read.changes.apply(&read.inputs, &[row], other).unwrap());
                    let differ: Vec<String> = all(&changed)
                        .into_iter().zip(&before).filter(|(a, b)| a != *b).map(|(a, _)| a.0).collect();
                    prop_assert!(!differ.is_empty() && differ.iter().all(|name| asked.columns.contains(name)));
                }
                _ => prop_assert!(false),
            }
        }
        prop_assert!(read.known.as_slice::<f32>().unwrap().iter().all(|x| x.is_finite()));
    }
}
