//! `paname signs`.

use std::path::{Path, PathBuf};

use paname_engine::{Manifest, RateSign, Rating, Signs};
use paname_report::{Key, Language, key};

use crate::failure::Failure;
use crate::output::{on_one_line, print, print_json};
use crate::registry;
use crate::text_table::text_table;

pub(super) fn signs(
    manifest: &Path,
    plugins: &[PathBuf],
    language: Language,
    json: bool,
) -> Result<(), Failure> {
    let read = Manifest::read(manifest)?;
    let signs = paname_engine::signs(&read, &registry::with_plugins(plugins)?)?;
    if json {
        return print_json("paname-signs/1", &signs);
    }
    let path = on_one_line(&manifest.display().to_string());
    print(&shown(&signs, &path, read.content.statistics.confidence, language))
}

fn shown(signs: &Signs, path: &str, confidence: f64, language: Language) -> String {
    let sample = language.fill(
        key!("signs.sample"),
        &[
            ("members", &language.count(signs.members)),
            ("others", &language.count(signs.non_members)),
            ("confidence", &language.level(confidence)),
        ],
    );
    let heading = [
        key!("signs.sign"),
        key!("signs.rating"),
        key!("signs.members"),
        key!("signs.others"),
        key!("signs.difference"),
    ];
    let rows = rows(signs, language);
    let table: Vec<Vec<String>> = rows.iter().map(|row| row.cells(language)).collect();
    let meanings = rows.iter().map(|row| {
        let (name, means) = (language.text(row.name), language.text(row.means));
        language.fill(key!("signs.meaning"), &[("sign", &name), ("means", &means)]) + "\n"
    });
    format!(
        "{}\n\n{sample}\n\n{}\n{}\n{}\n",
        language.text(key!("signs.head")),
        text_table(Some(&heading.map(|key| language.text(key))), &table),
        meanings.collect::<String>(),
        language.fill(key!("signs.next"), &[("path", path)])
    )
}

/// A sign as it is shown.
struct Row {
    name: Key,
    means: Key,
    /// None where it could not be looked at.
    rating: Option<Rating>,
    /// On members, on non-members, and the difference.
    figures: [String; 3],
}

impl Row {
    fn cells(&self, language: Language) -> Vec<String> {
        let rating = match self.rating {
            Some(Rating::None) => key!("signs.none"),
            Some(Rating::Weak) => key!("signs.weak"),
            Some(Rating::Strong) => key!("signs.strong"),
            None => key!("signs.unseen"),
        };
        let mut cells = vec![language.text(self.name), language.text(rating)];
        cells.extend(self.figures.iter().map(|figure| match figure.as_str() {
            "" => "–".to_owned(),
            figure => figure.to_owned(),
        }));
        cells
    }
}

fn rows(signs: &Signs, language: Language) -> Vec<Row> {
    let rate = |name, means, sign: Option<&RateSign>| Row {
        name,
        means,
        rating: sign.map(|sign| sign.rating),
        figures: sign.map_or_else(Default::default, |sign| {
            [
                language.percent(sign.members.estimate),
                language.percent(sign.non_members.estimate),
                language.percent_range(&sign.difference),
            ]
        }),
    };
    let (loss, parameters, duplicates) = (&signs.loss, &signs.parameters, &signs.duplicates);
    vec![
        rate(key!("signs.accuracy"), key!("signs.accuracy.means"), signs.accuracy.as_ref()),
        Row {
            name: key!("signs.loss"),
            means: key!("signs.loss.means"),
            rating: loss.map(|sign| sign.rating),
            figures: loss.map_or_else(Default::default, |sign| {
                [
                    language.decimal(sign.members.mean, 3),
                    language.decimal(sign.non_members.mean, 3),
                    language.decimal_range(&sign.difference, 3),
                ]
            }),
        },
        rate(key!("signs.extreme"), key!("signs.extreme.means"), signs.extreme.as_ref()),
        Row {
            name: key!("signs.parameters"),
            means: key!("signs.parameters.means"),
            rating: parameters.map(|sign| sign.rating),
            figures: match parameters {
                Some(sign) => [language.decimal(sign.per_record, 1), String::new(), String::new()],
                None => [language.text(key!("not_declared")), String::new(), String::new()],
            },
        },
        Row {
            name: key!("signs.within"),
            means: key!("signs.within.means"),
            rating: duplicates.map(|sign| sign.within_rating),
            figures: duplicates.map_or_else(Default::default, |sign| {
                [language.count(sign.within_members), String::new(), String::new()]
            }),
        },
        Row {
            name: key!("signs.across"),
            means: key!("signs.across.means"),
            rating: duplicates.map(|sign| sign.across_rating),
            figures: duplicates.map_or_else(Default::default, |sign| {
                [String::new(), language.count(sign.across), String::new()]
            }),
        },
    ]
}
