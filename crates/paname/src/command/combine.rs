//! `paname combine`.

use std::path::PathBuf;

use paname_report::{Language, key};

use crate::failure::Failure;
use crate::output::{print, print_json, say};
use crate::text_table::text_table;

pub(super) fn combine(folders: &[PathBuf], language: Language, json: bool) -> Result<(), Failure> {
    let found = paname_engine::combine(folders)?;
    if json {
        return print_json("paname-combine/1", &found);
    }
    let heading = [
        key!("combine.test"),
        key!("combine.level"),
        key!("combine.queries"),
        key!("combine.e"),
        key!("combine.p"),
        key!("combine.demonstrated"),
    ];
    let heading = heading.map(|key| language.text(key));
    let rows: Vec<Vec<String>> = found
        .tests
        .iter()
        .map(|test| {
            vec![
                test.id.clone(),
                language.level(test.level),
                language.count(test.queries),
                // Products of e-values leave every range.
                language.decimal(test.ln_product / std::f64::consts::LN_10, 2),
                language.p_value(test.p),
                language.text(if test.demonstrated { key!("yes") } else { key!("no") }),
            ]
        })
        .collect();
    print(&text_table(Some(&heading), &rows))?;
    if !found.left_out.is_empty() {
        say(&language.fill(key!("combine.left_out"), &[("tests", &found.left_out.join(", "))]));
    }
    if !found.random_split {
        say(&language.text(key!("combine.split")));
    }
    say(&language.text(key!("combine.units")));
    Ok(())
}
