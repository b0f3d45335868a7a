//! # Dataset usage (DUCI)
//!
//! **Idea.** Count the records of a group that look like members. A count of guesses is biased, since some members are missed and some others are
//! taken for members; but how often either happens can be measured on reference models, and taken out.
//!
//! **Threat model.** That of `attack`, with at least one reference model besides those that `attack` needs, fitted on some of the audited records.
//!
//! **Formula.** Up to four reference models, whose rows are known, play the target in turn; over all their records and rows, TPR and FPR of "the score
//! of `attack` is at least τ" are counted, and τ is where TPR − FPR is largest. The target is attacked as often, each time with just the reference models
//! that were left beside one of these, since scores depend on how many there are. With ḡ the share of scores of a group's records that reach τ there,
//! p̂ = (ḡ − FPR) / (TPR − FPR), clamped to 0 to 1. Where TPR = FPR at every τ, guesses say nothing, and p̂ = ½.
//!
//! **Paper.** Tong, Ye, Zarifzadeh and Shokri, *How much of my dataset did you use? Quantitative Data Usage Inference in Machine Learning*, ICLR 2025,
//! OpenReview EUSkm2sVJ6. The choice of τ by the largest difference is ours, to keep the variance of p̂ small, and so is `base` for the paper's `rmia`,
//! whose scores hang on a population that is small in most audits.
//!
//! **Cost.** That of `attack`, up to eight times. The questions that `attack` asks the target itself, up to four times.
//!
//! **When it fails.** The error of p̂ is about √(ḡ (1 − ḡ) / n) / (TPR − FPR) for n records: an attack that hardly tells members apart estimates
//! nothing, and clamping then gives 0 or 1. What moves all scores of a model alike biases every share: with two hundred population records, `rmia` was
//! off by up to 0.13 in made-up audits where `base` was off by up to 0.02. Reference models that overfit more than the target have a larger TPR, so
//! that shares are underestimated. One rate for all records is wrong for groups of records that are easier or harder than most.

use paname_core::{
    Attack, Case, CaseSize, Ctx, DynAttack, Error, Family, Findings, Grouping, Indices, Info, Needs, Result,
    Whom, Within,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::members;
use crate::rehearsal::{REHEARSALS, rehearsals};
use crate::view::View;

/// Parameters of [`DatasetUsage`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Fewest records of a group, at least 4: the more, the surer each share, and the fewer groups there are to judge it by.
    pub group_size: usize,
    /// Name of the attack whose scores are turned into guesses.
    pub attack: String,
    /// Its parameters.
    pub config: Map<String, Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self { group_size: 20, attack: "base".into(), config: Map::new() }
    }
}

/// Estimates which share of a group was used, by guesses of an attack freed from their bias.
pub struct DatasetUsage {
    group_size: usize,
    /// Name of the attack.
    name: String,
    attack: Box<dyn DynAttack>,
}

impl Attack for DatasetUsage {
    const INFO: Info = Info {
        name: "dataset-usage",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Part utilisée d'un jeu de données (DUCI)",
        title_en: "Share of a dataset that was used (DUCI)",
        summary_fr: "Qui détient un groupe de données peut estimer quelle part le modèle en a apprise.",
        summary_en: "Who holds a group of records can estimate which share of them the model was trained on.",
        formula: "(share of guesses − FPR) / (TPR − FPR)",
        paper: "Tong, Ye, Zarifzadeh and Shokri, How much of my dataset did you use? Quantitative Data Usage Inference in Machine Learning, 2025, \
                OpenReview EUSkm2sVJ6",
        source: include_str!("dataset_usage.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let Config { group_size, attack, config } = config;
        if group_size < 4 {
            return Err(Error::Config(format!(
                "`group-size` must be at least 4, so that quarters are records, got {group_size}"
            )));
        }
        Ok(Self { group_size, attack: members::build("attack", &attack, &config)?, name: attack })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let settled = members::settle(&config.attack, &config.config, size);
        Config { config: settled, ..config }
    }

    fn needs(&self, records: usize) -> Needs {
        let needs = self.attack.needs(records).unwrap_or_default();
        // The model that plays the target is taken away from the others, and it was fitted on some of the records.
        let more = |least: usize| if least > 0 { least + 1 } else { 0 };
        let in_out_min = (more(needs.in_out_min.0), more(needs.in_out_min.1));
        let references_min = (needs.references_min + 1).max(in_out_min.0.max(1) + in_out_min.1);
        Needs {
            references_min,
            references_max: needs.references_max.max(references_min),
            in_out_min,
            queries_per_record: needs.queries_per_record.saturating_mul(REHEARSALS as u64),
            fits: needs.fits.saturating_mul(REHEARSALS),
            queries_per_population_record: needs
                .queries_per_population_record
                .saturating_mul(REHEARSALS as u64),
            groups: Some(Grouping { size: self.group_size, shares: true }),
            ..needs
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let records = case.audited().len();
        let rows = case.membership(Whom::Audited);
        let signals = self.attack.needs(records)?.signals;
        let variants: Vec<usize> = (0..case.augmentations()).collect();
        let mut known: Vec<(f64, bool)> = Vec::new();
        let mut on_target = Vec::new();
        let (silent, part) = (Within::silent(ctx), Within::part(ctx.host(), &self.name));
        for k in rehearsals(case) {
            let rehearsal = case.with_reference_as_target(k)?;
            let scores = match self.attack.run(&rehearsal, &ctx.within(&silent)) {
                Ok(findings) => findings.membership(records)?,
                // Without this model, and those that tell its rows, the attack lacks some.
                Err(Error::Missing { .. }) => continue,
                Err(error) => return Err(error),
            };
            known.extend(scores.into_iter().enumerate().map(|(r, score)| (score, rows.row(r).contains(k))));
            let telling = rows.telling(k);
            let others: Vec<usize> = (0..case.references()).filter(|m| !telling.contains(m)).collect();
            let view = View::new(case, ctx, &signals, &others, &variants)?;
            let scores = self.attack.run(&view.case(case)?, &ctx.within(&part))?;
            on_target.push(scores.membership(records)?);
        }
        let what = "reference models that can play the target, fitted with 20 audited records and without 20";
        let Some(Guess { threshold, tpr, fpr }) = Guess::of(known) else {
            return Err(Error::Missing { what: what.into(), needed: 1, got: 0 });
        };
        ctx.log(&format!("guesses at {threshold:.6}: TPR {tpr:.4}, FPR {fpr:.4}"));
        ctx.chose("threshold", &format!("{threshold:.6}"));
        let share = |group: &Indices| {
            let reached = |scores: &Vec<f64>| {
                group.iter().filter(|record| scores[**record as usize] >= threshold).count()
            };
            let guesses: usize = on_target.iter().map(reached).sum();
            debiased(guesses as f64 / (group.len() * on_target.len()) as f64, tpr, fpr)
        };
        Ok(Findings::Groups(case.groups().iter().map(share).collect()))
    }
}

/// The share of members behind a share of guesses, by how often a guess names members and others; ½ where it names both alike.
pub fn debiased(guesses: f64, tpr: f64, fpr: f64) -> f64 {
    if tpr == fpr { 0.5 } else { ((guesses - fpr) / (tpr - fpr)).clamp(0.0, 1.0) }
}

/// A guess "member" for scores from a threshold on, and how often it is made of members and of others.
#[derive(Debug, PartialEq)]
struct Guess {
    threshold: f64,
    tpr: f64,
    fpr: f64,
}

impl Guess {
    /// The guess with the largest difference of both rates, by scores of which it is known whose they are; the highest threshold of equals. None
    /// without scores of either kind.
    fn of(mut known: Vec<(f64, bool)>) -> Option<Self> {
        let members = known.iter().filter(|(_, member)| *member).count();
        let others = known.len() - members;
        if members == 0 || others == 0 {
            return None;
        }
        known.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut best = Self { threshold: f64::INFINITY, tpr: 0.0, fpr: 0.0 };
        let (mut inside, mut reached) = (0, 0);
        for level in known.chunk_by(|a, b| a.0 == b.0) {
            inside += level.iter().filter(|(_, member)| *member).count();
            reached += level.len();
            let (tpr, fpr) = (inside as f64 / members as f64, (reached - inside) as f64 / others as f64);
            if tpr - fpr > best.tpr - best.fpr {
                best = Self { threshold: level[0].0, tpr, fpr };
            }
        }
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    /// By hand: 0.4 guesses at TPR 0.7 and FPR 0.1 are (0.4 − 0.1) / 0.6.
    #[test]
    fn debiased_shares() {
        assert!((debiased(0.4, 0.7, 0.1) - 0.5).abs() < 1e-12);
        assert!((debiased(0.7, 0.7, 0.1) - 1.0).abs() < 1e-12);
        assert_eq!(
            (debiased(0.1, 0.7, 0.1), debiased(0.05, 0.7, 0.1), debiased(0.9, 0.7, 0.1)),
            (0.0, 0.0, 1.0)
        );
        assert_eq!((debiased(0.0, 0.3, 0.3), debiased(1.0, 0.0, 0.0)), (0.5, 0.5));
    }

    /// Members 9, 7, 5, 1 and others 8, 5, 2, 1, 1: at 5 three members of four and two others of five.
    #[test]
    fn the_threshold_is_where_the_rates_differ_most() {
        let known = |members: &[f64], others: &[f64]| {
            let side =
                |scores: &[f64], member| scores.iter().map(|score| (*score, member)).collect::<Vec<_>>();
            [side(members, true), side(others, false)].concat()
        };
        let found = Guess::of(known(&[1.0, 9.0, 7.0, 5.0], &[8.0, 5.0, 2.0, 1.0, 1.0])).unwrap();
        assert_eq!((found.threshold, found.tpr, found.fpr), (5.0, 0.75, 0.4));
        let constant = Guess::of(known(&[3.0, 3.0], &[3.0])).unwrap();
        assert_eq!((constant.tpr, constant.fpr), (0.0, 0.0));
        assert_eq!(Guess::of(known(&[1.0], &[])), None);
    }

    /// A toy of groups of 20 records, of which 0, 5, 10, 15 and 20 are members in turn, and their shares.
    fn mixed(behaviour: Behaviour) -> (Toy, Vec<f64>) {
        let mut toy = Toy::new(behaviour, Size { records: 1600, ..Size::default() }, 5);
        let (mut inside, mut outside): (Vec<u32>, Vec<u32>) =
            (0..1600).partition(|record| toy.truth[*record as usize]);
        let (mut groups, mut shares) = (Vec::new(), Vec::new());
        for members in [0_usize, 5, 10, 15, 20].into_iter().cycle().take(75) {
            let group: Vec<u32> = inside.drain(..members).chain(outside.drain(..20 - members)).collect();
            groups.push(group.into());
            shares.push(members as f64 / 20.0);
        }
        toy.groups = groups;
        (toy, shares)
    }

    fn run(toy: &Toy, config: Config) -> Result<Vec<f64>> {
        let case = toy.case()?;
        Attack::run(&DatasetUsage::new(config)?, &case, &Ctx::new(1, "test", 1, &()))?.scores(&case)
    }

    fn mean_absolute_error(estimates: &[f64], shares: &[f64]) -> f64 {
        let errors = estimates.iter().zip(shares).map(|(estimate, share)| (estimate - share).abs());
        errors.sum::<f64>() / shares.len() as f64
    }

    #[test]
    fn shares_are_found_where_there_is_a_leak_and_nothing_where_there_is_none() {
        let (toy, shares) = mixed(Behaviour::Memorising);
        let estimates = run(&toy, Config::default()).unwrap();
        assert!(mean_absolute_error(&estimates, &shares) < 0.02, "{estimates:?}");
        let (toy, shares) = mixed(Behaviour::Leaky);
        let leaky = mean_absolute_error(&run(&toy, Config::default()).unwrap(), &shares);
        // The constant guess ½ errs by 0.3.
        assert!(leaky < 0.15, "{leaky}");
        let (toy, shares) = mixed(Behaviour::Null);
        let none = mean_absolute_error(&run(&toy, Config::default()).unwrap(), &shares);
        assert!(none > 0.25, "{none}");
    }

    #[test]
    fn constant_scores_estimate_a_half() {
        let (mut toy, _) = mixed(Behaviour::Leaky);
        toy.signals.audited.0.fill(0.0);
        let config = Config { attack: "loss".into(), ..Config::default() };
        assert_eq!(run(&toy, config).unwrap(), vec![0.5; 75]);
    }

    #[test]
    fn what_is_missing_is_said() {
        let case_of = |references| Toy::new(Behaviour::Leaky, Size { references, ..Size::default() }, 1);
        let lacks = |references: usize, attack: &str| {
            let mut toy = case_of(references);
            let truth = toy.truth.clone();
            toy.group_by(20, |r| truth[r]);
            let usage = DatasetUsage::new(Config { attack: attack.into(), ..Config::default() }).unwrap();
            let outcome = DynAttack::run(&usage, &toy.case().unwrap(), &Ctx::new(1, "test", 1, &()));
            outcome.err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(lacks(1, "loss"), "");
        assert_eq!(lacks(0, "loss"), "reference models: 1 needed, 0 given");
        assert_eq!(lacks(1, "rmia"), "reference models: 3 needed, 1 given");
    }

    #[test]
    fn parameters_are_checked() {
        let message = |config: Config| DatasetUsage::new(config).err().unwrap().to_string();
        let small = message(Config { group_size: 3, ..Config::default() });
        assert!(small.contains("`group-size` must be at least 4"), "{small}");
        for attack in ["dataset-usage", "dataset-inference", "ensemble"] {
            let refused = message(Config { attack: attack.into(), ..Config::default() });
            assert!(refused.contains("cannot run within another"), "{refused}");
        }
    }
}
