//! `paname score`: the full statistics for the scores of any tool, without a manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use paname_core::Ctx;
use paname_data::ScoreTable;
use paname_evidence::{Core, DataSummary, Evidence, Reason, Row, Run, SliceKind, Verdict, sha256_hex};

use crate::EngineError;
use crate::assemble::{
    Circumstances, add_missing_families, conclude, fingerprint, hardware, random_key, tool,
};
use crate::judge::{Rows, Scores, Truth, epsilon, measure, most_exposed, most_tests, validity};
use crate::manifest::{Split, Statistics};
use crate::run::now;

/// How scores are judged.
#[derive(Debug, Clone, Default)]
pub struct ScoreOptions {
    /// Statistics.
    pub statistics: Statistics,
    /// How members and non-members came apart.
    pub split: Split,
    /// How many of the most exposed are listed by pseudonym.
    pub exposed: u64,
    /// Name of the row.
    pub title: Option<String>,
}

/// Evidence from scores.
#[derive(Debug)]
pub struct Scored {
    /// The evidence.
    pub evidence: Evidence,
    /// Whom the pseudonyms stand for.
    pub names: BTreeMap<String, String>,
}

/// Judges a table `id,score,member[,person,group]`.
pub fn score(path: &Path, options: &ScoreOptions) -> Result<Scored, EngineError> {
    let started = now();
    let digest = paname_data::fingerprint(std::slice::from_ref(&path.to_owned()))?;
    let table = ScoreTable::read(path)?;
    let bytes = std::fs::read(path).map_err(EngineError::io(path))?;
    let slices = table.group.into_iter().map(|group| (SliceKind::Group, group)).collect();
    let truth = Truth { member: table.member, person: table.person, slices, ..Truth::default() };
    truth.check(&table.ids, &path.display().to_string())?;
    let settings = &options.statistics;
    let scores = Scores { target: table.scores, ..Scores::default() };
    let ctx = Ctx::new(settings.seed, "audit", 1, &());
    let tests = most_tests(Rows { membership: 1, ..Rows::default() }, settings);
    let mut result = measure(&scores, &truth, settings, tests, &ctx)?;
    let terms = epsilon::Terms::new(None, settings, 1);
    result.epsilon = epsilon::epsilon(&scores.target, &truth, &result.levels, settings, &terms)?;
    let file = path.file_name().map_or_else(PathBuf::new, PathBuf::from).to_string_lossy().into_owned();
    let title = options.title.clone().unwrap_or_else(|| file.clone());
    let mut rows = vec![Row {
        id: title,
        family: "membership-inference".into(),
        edpb: "55(i)".into(),
        attack: None,
        verdict: Verdict::NotTested,
        reasons: Vec::new(),
        membership: Some(result),
        attribute: None,
        inversion: None,
    }];
    let invalid: Vec<Reason> = validity::record_counts(&truth, settings)?.into_iter().collect();
    // Of the model there are scores only: nothing shows that it is the one meant, hence nothing is declared.
    let circumstances = Circumstances { invalid, split: options.split, ..Circumstances::default() };
    conclude(&mut rows, &circumstances, settings)?;
    let key = random_key()?;
    let mut exposed = BTreeMap::new();
    let mut names = BTreeMap::new();
    if options.exposed > 0 {
        let most = most_exposed(&scores.target, &truth, settings, options.exposed, &key)?;
        for (unit, record) in &most {
            let name = truth.person.as_ref().map_or(&table.ids[*record], |persons| &persons[*record]);
            names.insert(unit.pseudonym.clone(), name.clone());
        }
        exposed.insert(rows[0].id.clone(), most.into_iter().map(|(unit, _)| unit).collect());
    }
    add_missing_families(&mut rows);
    let member_records = truth.member.iter().filter(|m| **m).count() as u64;
    let (members, non_members) = truth.count();
    let persons = truth.person.is_some();
    let core = Core {
        tool: tool(),
        manifest_sha256: sha256_hex(&bytes),
        declared: serde_json::json!({ "data": { "split": options.split } }),
        data: DataSummary {
            unit: truth.unit(),
            member_records,
            non_member_records: truth.member.len() as u64 - member_records,
            population_records: 0,
            member_persons: persons.then_some(members),
            non_member_persons: persons.then_some(non_members),
            classes: None,
            canaries: None,
            files: vec![(file, digest)],
        },
        target: None,
        references: None,
        blind: None,
        statistics: serde_json::to_value(settings).map_err(EngineError::other)?,
        rows,
        plugins: Vec::new(),
    };
    let run = Run {
        started,
        finished: now(),
        hardware: hardware(),
        data_fingerprint: fingerprint(&table.ids, &truth.member, &key),
        ..Run::default()
    };
    let evidence = Evidence::new(core, exposed, run).map_err(EngineError::other)?;
    Ok(Scored { evidence, names })
}
