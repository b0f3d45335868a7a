//! What the machine lacked while a model was fitted is no result: the audit goes on without that model, and the next run tries again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use paname_core::{
    Access, Adapter, AdapterEntry, AdapterInfo, Ctx, Error, FitRun, Fitted, Input, Outputs, Query, Recipe,
    Records, Registry, Result, Setting, Target, TargetCard, Tensor,
};
use paname_engine::{Manifest, RunOptions, run};

/// Answers with the number of the record, whatever was asked.
struct Toy(TargetCard);

impl Target for Toy {
    fn card(&self) -> &TargetCard {
        &self.0
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Records(ids, _) = &query.input else {
            return Err(Error::Unsupported("new inputs".into()));
        };
        let logits = ids.iter().flat_map(|&id| [f32::from(id as u16 % 7), 1.0]).collect();
        Ok(Outputs { logits: Some(Tensor::from_vec(logits, &[ids.len(), 2])?), ..Outputs::default() })
    }
}

fn toy(fingerprint: String) -> Box<dyn Target> {
    Box::new(Toy(TargetCard {
        name: "toy".into(),
        fingerprint,
        classes: Some(2),
        access: vec!["logits".into()],
        augmentations: 1,
        ..TargetCard::default()
    }))
}

/// Fits since the process began; the second one finds no memory.
static FITS: AtomicU32 = AtomicU32::new(0);

struct Short;

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {}

impl Adapter for Short {
    const INFO: AdapterInfo = AdapterInfo {
        name: "short",
        version: 1,
        summary_fr: "Manque de mémoire.",
        summary_en: "Lacks memory.",
        offers: Access::LOGITS,
    };
    type Config = Config;

    fn files(_: &Config, _: &Path) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn open(_: Config, _: &Setting<'_>, _: &Ctx<'_>) -> Result<Box<dyn Target>> {
        Ok(toy("the target".into()))
    }

    fn fit(_: Config, _: &Recipe, _: &Records, runs: &[FitRun], ctx: &Ctx<'_>) -> Vec<Result<Fitted>> {
        if FITS.fetch_add(1, Ordering::Relaxed) == 1 {
            return vec![Err(Error::Caused { message: "fit".into(), causes: vec!["out of memory".into()] })];
        }
        let weights = ctx.folder().unwrap().join("weights");
        fs::write(&weights, runs[0].seed.to_string()).unwrap();
        let target = toy(runs[0].seed.to_string());
        vec![Ok(Fitted {
            target,
            weights: Some(weights),
            train_loss: None,
            train_accuracy: None,
            checkpoints: Vec::new(),
        })]
    }

    fn fitted(
        _: Config,
        _: &Recipe,
        weights: &Path,
        _: &Setting<'_>,
        _: &Ctx<'_>,
    ) -> Result<Box<dyn Target>> {
        fs::read_to_string(weights)
            .map(toy)
            .map_err(|error| Error::data(weights.display(), error.to_string()))
    }
}

const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<Short>()];

#[test]
fn a_fit_without_memory_loses_no_other_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<String> = (0..60).map(|r| format!("{r},{},{}", r % 2, r / 2 % 2)).collect();
    fs::write(folder.path().join("records.csv"), "id,label,member\n".to_owned() + &records.join("\n"))
        .unwrap();
    let manifest = r#"schema = "paname-audit/1"
[data]
records = "records.csv"
personal = []
[target]
adapter = "short"
[references]
adapter = "short"
[references.fit]
models = 4
recipe = {}
[[test]]
id = "loss"
attack = "loss"
"#;
    let path = folder.path().join("audit.toml");
    fs::write(&path, manifest).unwrap();
    let mut registry = Registry::default();
    registry.add_adapters(ADAPTERS, "short").unwrap();
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia").unwrap();
    let manifest = Manifest::read(&path).unwrap();
    let options = RunOptions { run_dir: folder.path().join("run"), workers: 1, worker: None, patience: None };
    let fitted = || {
        let references = run(&manifest, &registry, &options, &()).unwrap().evidence.core.references.unwrap();
        let fitted = references.fitted.unwrap();
        (fitted.fitted, fitted.failed)
    };
    let (count, failed) = fitted();
    assert_eq!((count, failed.len()), (3, 1));
    assert!(failed[0].reason.contains("out of memory"), "{}", failed[0].reason);
    assert_eq!(
        (fitted(), FITS.load(Ordering::Relaxed)),
        ((4, Vec::new()), 5),
        "one more fit, and no other again"
    );
}
