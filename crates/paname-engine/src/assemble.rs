//! The last act: rows are corrected together, get their verdicts, and become evidence.

use std::collections::BTreeMap;
use std::path::Path;

use paname_core::{Entry, Family, Origin, Signal};
use paname_evidence::{
    AttackUsed, Blind, Core, Evidence, Exposed, FittedReferences, FittedTarget, ModelSummary, Reason,
    ReferenceSummary, Row, Tool, Verdict,
};

use crate::EngineError;
use crate::attacking::Account;
use crate::blind;
use crate::fidelity::{self, Declared, Measured};
use crate::fits::{self, FitOutcome};
use crate::inputs::{InputFile, Inputs, correctness_signal, loss_signal};
use crate::judge::{self, Grounds, validity};
use crate::plan::{Planned, questions_of_signals, resolve};
use crate::plugins;
use crate::step::{Fit, Step};
use crate::store::write_whole;
use crate::work::Workplace;

/// Steps that failed, with what they said.
pub(crate) type Failures = BTreeMap<String, String>;

/// Points of EDPB opinion 28/2024, paragraph 55, by family, in the order of the grid.
pub(crate) const FAMILIES: &[(Family, &str, &str)] = &[
    (Family::MembershipInference, "membership-inference", "55(i)"),
    (Family::AttributeInference, "attribute-inference", "55(i)"),
    (Family::Extraction, "extraction", "55(ii), 55(iii)"),
    (Family::ModelInversion, "model-inversion", "55(iv)"),
    (Family::Reconstruction, "reconstruction", "55(v)"),
];

fn of_family(family: Family) -> (String, String) {
    let row = FAMILIES.iter().find(|(f, ..)| *f == family);
    row.map_or_else(Default::default, |(_, name, edpb)| ((*name).to_owned(), (*edpb).to_owned()))
}

/// The program, as evidence names it.
pub(crate) fn tool() -> Tool {
    Tool { name: "paname".into(), version: env!("CARGO_PKG_VERSION").into() }
}

/// The evidence core of an audit whose steps are finished or have failed.
pub(crate) fn core(
    place: &Workplace<'_>,
    inputs: &Inputs,
    files: &[InputFile],
    failures: &Failures,
) -> Result<Core, EngineError> {
    let content = &place.manifest.content;
    let (object, _) = place.inputs()?;
    let truth = crate::inputs::truth(&object)?;
    // Without its signal there is no figure, and rows that need it have failed for themselves.
    let there = |signal: &Signal| !failures.contains_key(&Step::Signals(*signal).to_string());
    let correct =
        if correctness_signal(inputs).is_some_and(|s| there(&s)) { place.correct(inputs)? } else { None };
    let measured = Measured {
        accuracy: correct
            .map(|correct| fidelity::accuracy(&correct, &truth, content.statistics.confidence))
            .transpose()?,
        loss: match loss_signal(place.manifest, inputs).filter(there) {
            Some(_) => Some(fidelity::loss(&place.losses(inputs)?, &truth, inputs.task)),
            None => None,
        },
    };
    let tried = place.run.keys.get(&Step::Fidelity.to_string());
    let causes = match tried.filter(|_| !failures.contains_key(&Step::Fidelity.to_string())) {
        Some(key) => fidelity::found(&place.store.object(key))?,
        None => Vec::new(),
    };
    let mut invalid = fidelity::mismatches(&Declared::of(content), &measured, &causes);
    let gap =
        if correctness_signal(inputs).is_some_and(|s| there(&s)) { place.gap(inputs, &truth)? } else { None };
    invalid.extend(validity::record_counts(&truth, &content.statistics)?);
    let telling = inputs.reference_summary.counts_p.filter(|p| *p <= validity::TELLING);
    let telling = telling.map(|p| Reason::ReferencesTellMembers { p });
    let mut rows: Vec<Row> = Vec::new();
    for planned in resolve(place.manifest, place.registry, inputs)? {
        rows.push(row(place, inputs, &planned, failures)?);
    }
    let blind = match place.run.keys.get(&Step::Blind.to_string()) {
        Some(key) if !failures.contains_key(&Step::Blind.to_string()) => {
            let found = place.store.object(key).json(blind::FOUND)?;
            Some(judge::blind(&place.scores(&Step::Blind)?, found, &truth, &content.statistics)?)
        }
        _ => None,
    };
    invalid.extend(blind.as_ref().and_then(|blind| validity::shift(blind, content.data.split)));
    let declared = Declared::of(content);
    let unmeasured = fidelity::is_unmeasured(&declared, &measured).then_some(Reason::DeclaredUnmeasured);
    let mismatch = gap.as_ref().filter(|gap| gap.mismatch).map(|gap| Reason::ProxyMismatch {
        target: gap.target,
        references: gap.mean,
        allowed: gap.allowed,
    });
    let circumstances = Circumstances {
        invalid,
        invalid_with_references: telling.into_iter().collect(),
        doubts: unmeasured.into_iter().collect(),
        doubts_with_references: mismatch.into_iter().collect(),
        declared: !declared.is_empty(),
        split: content.data.split,
        blind: blind.as_ref(),
    };
    conclude(&mut rows, &circumstances, &content.statistics)?;
    let mut data = inputs.data.clone();
    data.files = files.iter().map(|file| (file.name.clone(), file.digest.clone())).collect();
    add_missing_families(&mut rows);
    Ok(Core {
        tool: tool(),
        manifest_sha256: place.manifest.sha256.clone(),
        declared: without_contact(place.manifest.declared.clone()),
        data,
        target: Some(ModelSummary {
            name: inputs.target.name.clone(),
            adapter: content.target.source.adapter.clone(),
            fingerprint: inputs.target.fingerprint.clone(),
            task: inputs.task.name().to_owned(),
            offers: inputs.target.offers().names().map(str::to_owned).collect(),
            granted: inputs.granted().names().map(str::to_owned).collect(),
            accuracy_members: measured.accuracy.map(|[members, _]| members),
            accuracy_non_members: measured.accuracy.map(|[_, others]| others),
            loss_members: measured.loss.map(|[members, _]| members),
            loss_non_members: measured.loss.map(|[_, others]| others),
            fitted: target_fitted(place)?,
        }),
        references: match &content.references {
            Some(_) => Some(ReferenceSummary {
                fitted: references_fitted(place, failures)?,
                gap,
                ..inputs.reference_summary.clone()
            }),
            None => None,
        },
        blind,
        statistics: serde_json::to_value(&content.statistics).map_err(EngineError::other)?,
        rows,
        plugins: plugins::evidence(place.manifest, place.registry)?,
    })
}

/// How the target was fitted within the audit, where it was.
fn target_fitted(place: &Workplace<'_>) -> Result<Option<FittedTarget>, EngineError> {
    let Some(fit) = &place.manifest.content.target.fit else { return Ok(None) };
    let fits = place.fits();
    let outcome = fits.get(&Fit::Target).map(FitOutcome::of).transpose()?.unwrap_or_default();
    Ok(Some(FittedTarget {
        recipe: serde_json::to_value(&fit.recipe).map_err(EngineError::other)?,
        train_loss: outcome.train_loss,
        train_accuracy: outcome.train_accuracy,
    }))
}

/// How the reference models were fitted within the audit, where they were.
fn references_fitted(
    place: &Workplace<'_>,
    failures: &Failures,
) -> Result<Option<FittedReferences>, EngineError> {
    let Some((references, fit, recipe)) = place.manifest.content.reference_fit() else { return Ok(None) };
    let failed = fits::failed(place.manifest, &place.fits(), failures)?;
    Ok(Some(FittedReferences {
        adapter: references.source.adapter.clone(),
        recipe: serde_json::to_value(recipe).map_err(EngineError::other)?,
        asked: u64::from(place.run.models),
        fitted: u64::from(place.run.models) - failed.len() as u64,
        stages: fit.stages.iter().map(|&models| u64::from(models)).collect(),
        share: fit.share,
        failed,
    }))
}

fn row(
    place: &Workplace<'_>,
    inputs: &Inputs,
    planned: &Planned<'_>,
    failures: &Failures,
) -> Result<Row, EngineError> {
    let test = planned.test;
    let Some(name) = &test.attack else {
        let family = test.family.unwrap_or(Family::MembershipInference);
        let (family, edpb) = of_family(family);
        let why = test.not_applicable.clone().unwrap_or_default();
        return Ok(Row {
            id: test.id.clone(),
            family,
            edpb: test.edpb.clone().unwrap_or(edpb),
            attack: None,
            verdict: Verdict::NotApplicable,
            reasons: vec![Reason::DeclaredNotApplicable { why }],
            membership: None,
            attribute: None,
            inversion: None,
        });
    };
    let (entry, origin) = place.registry.attack_of(name)?;
    let failed = [Step::Attack(test.id.clone()), Step::Judge(test.id.clone())]
        .iter()
        .find_map(|step| failures.get(&step.to_string()).cloned());
    let mut reasons = planned.obstacles.clone();
    reasons.extend(failed.map(|message| Reason::Failed { message }));
    let ran = reasons.is_empty();
    let (family, edpb) = of_family(entry.info.family);
    let result =
        if ran { Some(place.store.object(place.run.key(&Step::Judge(test.id.clone()))?)) } else { None };
    Ok(Row {
        id: test.id.clone(),
        family,
        edpb: test.edpb.clone().unwrap_or(edpb),
        attack: Some(attack_used(
            entry,
            origin,
            planned,
            planned.inputs(inputs),
            if ran { Some(place.account(&test.id)?) } else { None },
        )),
        verdict: Verdict::NotTested,
        membership: match &result {
            Some(object) if planned.attribute.is_none() && !planned.inverts => {
                Some(object.json("result.json")?)
            }
            _ => None,
        },
        attribute: match &result {
            Some(object) if planned.attribute.is_some() => Some(object.json("result.json")?),
            _ => None,
        },
        inversion: match &result {
            Some(object) if planned.inverts => Some(object.json("result.json")?),
            _ => None,
        },
        reasons,
    })
}

fn attack_used(
    entry: &Entry,
    origin: &Origin,
    planned: &Planned<'_>,
    inputs: &Inputs,
    account: Option<Account>,
) -> AttackUsed {
    let info = entry.info;
    AttackUsed {
        name: info.name.into(),
        version: info.version,
        title_fr: info.title_fr.into(),
        title_en: info.title_en.into(),
        summary_fr: info.summary_fr.into(),
        summary_en: info.summary_en.into(),
        formula: info.formula.into(),
        paper: info.paper.into(),
        origin: origin.to_string(),
        parameters: planned.parameters.clone(),
        files: planned.files.iter().map(|file| (file.name.clone(), file.digest.clone())).collect(),
        signals: planned.needs.signals.iter().map(ToString::to_string).collect(),
        references: inputs.references.len().min(planned.needs.references_max) as u64,
        asked: account
            .as_ref()
            .map_or(0, |account| questions_of_signals(&planned.needs, inputs) + account.asked),
        chosen: account.map(|account| account.chosen).unwrap_or_default(),
    }
}

/// What verdicts rest on besides the numbers of their rows.
#[derive(Debug, Default)]
pub(crate) struct Circumstances<'a> {
    /// Why no row is valid.
    pub(crate) invalid: Vec<Reason>,
    /// Why no row is valid that uses reference models.
    pub(crate) invalid_with_references: Vec<Reason>,
    /// Why what a row does not find says nothing. A leak that was found stays found.
    pub(crate) doubts: Vec<Reason>,
    /// The same of rows that use reference models.
    pub(crate) doubts_with_references: Vec<Reason>,
    /// Whether the manifest declares a figure by which the model can be recognised.
    pub(crate) declared: bool,
    /// How members and non-members came apart, as declared.
    pub(crate) split: crate::Split,
    /// What is found without the model.
    pub(crate) blind: Option<&'a Blind>,
}

/// Corrects all rows together and gives each that has numbers its verdict.
pub(crate) fn conclude(
    rows: &mut [Row],
    circumstances: &Circumstances<'_>,
    settings: &crate::Statistics,
) -> Result<(), EngineError> {
    let tests = rows.iter_mut().flat_map(|row| {
        let of_membership = row.membership.as_mut().map(judge::tested).unwrap_or_default();
        let of_inversion =
            row.inversion.iter_mut().flat_map(|result| &mut result.tests).map(|test| (test, None));
        of_membership
            .into_iter()
            .chain(row.attribute.as_mut().map(judge::guesses::tested))
            .chain(of_inversion)
    });
    judge::correct(tests.collect())?;
    for row in rows {
        let references = row.attack.as_ref().is_some_and(|attack| attack.references > 0);
        let of = |all: &[Reason], with: &[Reason]| {
            all.iter().chain(with.iter().filter(|_| references)).cloned().collect::<Vec<Reason>>()
        };
        let Circumstances { invalid, invalid_with_references, doubts, doubts_with_references, .. } =
            circumstances;
        let grounds = Grounds {
            validity: &of(invalid, invalid_with_references),
            split: circumstances.split,
            blind: circumstances.blind,
            doubts: &of(doubts, doubts_with_references),
            declared: circumstances.declared,
        };
        if let Some(result) = &row.attribute {
            (row.verdict, row.reasons) = judge::guesses::verdict(result, grounds, settings);
        }
        if let Some(result) = &row.inversion {
            (row.verdict, row.reasons) = judge::rebuilt::verdict(result, grounds, settings);
        }
        let Some(result) = &mut row.membership else { continue };
        (row.verdict, row.reasons) = judge::verdict(result, grounds, settings);
        if !grounds.validity.is_empty() {
            // What told members besides the model would have guessed coins too, and a claim is not one about another model.
            result.epsilon = None;
        }
    }
    Ok(())
}

/// Every family has a line in the grid: what was not tested must be seen.
pub(crate) fn add_missing_families(rows: &mut Vec<Row>) {
    for (_, name, edpb) in FAMILIES {
        if !rows.iter().any(|row| row.family == *name) {
            rows.push(Row {
                id: (*name).to_owned(),
                family: (*name).to_owned(),
                edpb: (*edpb).to_owned(),
                attack: None,
                verdict: Verdict::NotTested,
                reasons: vec![Reason::NotRequested],
                membership: None,
                attribute: None,
                inversion: None,
            });
        }
    }
}

/// Whom to ask is for the manifest's readers; evidence travels further.
fn without_contact(mut declared: serde_json::Value) -> serde_json::Value {
    if let Some(organisation) = declared.get_mut("organisation").and_then(serde_json::Value::as_object_mut) {
        organisation.remove("contact");
    }
    declared
}

/// The random key of a run folder, made at its first use. It stays with the controller.
pub(crate) fn controller_key(run_dir: &Path) -> Result<[u8; 32], EngineError> {
    let path = run_dir.join("controller.key");
    match std::fs::read(&path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| EngineError::Other(format!("{}: expected a key of 32 bytes", path.display()))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let key = random_key()?;
            write_whole(&path, &key)?;
            Ok(key)
        }
        Err(source) => Err(EngineError::Io { path, source }),
    }
}

/// Thirty-two bytes from the system's generator.
pub(crate) fn random_key() -> Result<[u8; 32], EngineError> {
    let mut key = [0; 32];
    fill_random(&mut key)?;
    Ok(key)
}

/// Fills with bytes from the system's generator.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), EngineError> {
    getrandom::fill(bytes).map_err(|e| EngineError::Other(format!("no random bytes from the system: {e}")))
}

/// Digest of ids and truth under the controller's key.
pub(crate) fn data_fingerprint(place: &Workplace<'_>, key: &[u8; 32]) -> Result<String, EngineError> {
    let (object, _) = place.inputs()?;
    let truth = crate::inputs::truth(&object)?;
    let ids: Vec<String> = object.json("ids.json")?;
    Ok(fingerprint(&ids, &truth.member, key))
}

pub(crate) fn fingerprint(ids: &[String], member: &[bool], key: &[u8; 32]) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for (i, id) in ids.iter().enumerate() {
        hasher.update(&(id.len() as u64).to_le_bytes());
        hasher.update(id.as_bytes());
        hasher.update(&[member.get(i).map_or(2, |m| u8::from(*m))]);
    }
    hasher.finalize().to_hex().to_string()
}

/// The most exposed of each row under pseudonyms, and the file that says who they are, which only its owner can read.
pub(crate) fn exposed(
    place: &Workplace<'_>,
    core: &Core,
    key: &[u8; 32],
    run_dir: &Path,
) -> Result<BTreeMap<String, Vec<Exposed>>, EngineError> {
    let content = &place.manifest.content;
    let mut exposed = BTreeMap::new();
    let mut names = BTreeMap::new();
    if content.report.exposed == 0 {
        return Ok(exposed);
    }
    let (object, _) = place.inputs()?;
    let truth = crate::inputs::truth(&object)?;
    let ids: Vec<String> = object.json("ids.json")?;
    // Of a row that judges groups, none of its numbers is about one record or person.
    let judges_records = |row: &&Row| row.membership.as_ref().is_some_and(|result| result.groups.is_none());
    for row in core.rows.iter().filter(judges_records) {
        let scores = place.scores(&Step::Attack(row.id.clone()))?;
        let most = judge::most_exposed(&scores, &truth, &content.statistics, content.report.exposed, key)?;
        for (unit, record) in &most {
            let name = truth.person.as_ref().map_or(&ids[*record], |persons| &persons[*record]);
            names.insert(unit.pseudonym.clone(), name.clone());
        }
        exposed.insert(row.id.clone(), most.into_iter().map(|(unit, _)| unit).collect());
    }
    write_names(&run_dir.join("pseudonyms.json"), &names)?;
    Ok(exposed)
}

pub(crate) fn write_names(path: &Path, names: &BTreeMap<String, String>) -> Result<(), EngineError> {
    let text = serde_json::to_vec_pretty(names).map_err(EngineError::other)?;
    write_whole(path, &text)
}

/// Writes evidence whole or not at all, readable by its owner only.
pub fn write_evidence(evidence: &Evidence, path: &Path) -> Result<(), EngineError> {
    let mut text = serde_json::to_vec_pretty(evidence).map_err(EngineError::other)?;
    text.push(b'\n');
    write_whole(path, &text)
}

/// Processor, cores and system.
pub(crate) fn hardware() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|line| line.trim_start_matches([' ', '\t', ':']));
    format!(
        "{}, {cores} cores, {} {}",
        model.unwrap_or("unknown processor"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}
