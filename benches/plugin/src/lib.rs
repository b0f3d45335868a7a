//! Attacks and an adapter that do next to nothing: what is measured around them is the plugin boundary.

use std::path::{Path, PathBuf};

use paname_core::{
    Access, Adapter, AdapterEntry, AdapterInfo, Attack, Case, Ctx, Entry, Family, Findings, Info, Needs,
    Outputs, Query, Result, Setting, Signal, Target, TargetCard, Tensor, Whom,
};

/// Does what its parameter says, so many times.
pub const ATTACKS: &[Entry] = &[Entry::of::<Idle>()];
/// A target that answers with memory prepared before.
pub const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<Prepared>()];

paname_core::export_plugin!(ATTACKS, ADAPTERS);

/// What is done, so many times.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Questions to the target about all audited records.
    pub calls: u64,
    /// Readings of a signal of all audited records.
    pub reads: u64,
    /// Reports of progress.
    pub ticks: u64,
}

/// An attack that finds nothing.
pub struct Idle(Config);

impl Attack for Idle {
    const INFO: Info = Info {
        name: "idle",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Oisive",
        title_en: "Idle",
        summary_fr: "Rien.",
        summary_en: "Nothing.",
        formula: "0",
        paper: "–",
        source: "//! Nothing.",
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs::default()
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        if self.0.calls > 0 {
            let query = Query::records(case.audited().ids.clone(), Access::LOGITS);
            for _ in 0..self.0.calls {
                std::hint::black_box(case.target().predict(&query)?);
            }
        }
        for _ in 0..self.0.reads {
            case.map_chunks(Whom::Audited, &[Signal::Loss], ctx, |chunk| {
                std::hint::black_box(chunk.range());
                Ok(())
            })?;
        }
        for i in 0..self.0.ticks {
            ctx.tick(i as usize, self.0.ticks as usize)?;
        }
        Ok(Findings::Membership(vec![0.0; case.audited().len()]))
    }
}

/// An adapter of prepared answers.
pub struct Prepared;

impl Adapter for Prepared {
    const INFO: AdapterInfo = AdapterInfo {
        name: "prepared",
        version: 1,
        summary_fr: "Réponses préparées.",
        summary_en: "Prepared answers.",
        offers: Access::LOGITS,
    };
    type Config = Config;

    fn files(_: &Config, _: &Path) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn open(_: Config, _: &Setting<'_>, _: &Ctx<'_>) -> Result<Box<dyn Target>> {
        Ok(Box::new(PreparedTarget::new()?))
    }
}

/// Classes of a prepared answer.
const CLASSES: usize = 10;
/// The most records of a question.
const MOST: usize = 8192;

/// A target whose answers are slices of one tensor.
pub struct PreparedTarget {
    card: TargetCard,
    logits: Tensor,
}

impl PreparedTarget {
    /// With zeros for answers.
    pub fn new() -> Result<Self> {
        let card = TargetCard {
            name: "prepared".into(),
            fingerprint: "0".into(),
            classes: Some(CLASSES),
            access: vec!["logits".into()],
            augmentations: 1,
            ..TargetCard::default()
        };
        Ok(Self { card, logits: Tensor::from_vec(vec![0.0_f32; MOST * CLASSES], &[MOST, CLASSES])? })
    }
}

impl Target for PreparedTarget {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        Ok(Outputs { logits: Some(self.logits.slice(0..query.len())?), ..Outputs::default() })
    }
}
