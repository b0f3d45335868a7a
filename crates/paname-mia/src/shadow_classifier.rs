//! # Shadow classifier
//!
//! **Idea.** Reference models, whose training records are known, show how a model reacts to records that were included and to records that were
//! excluded. A classifier learns to tell the two reactions apart, and is then shown the reactions of the target.
//!
//! **Threat model.** The attacker asks the target once per record, knows true classes, sees all probabilities or the logits (or less, with
//! fewer `features`), and fits reference models on data of the same kind.
//!
//! **Formula.** Every reference model plays the target once: its reaction to a record, audited or of the population, is an example of
//! "included" or "excluded" by its own training records. A reaction is the list of `features`, averaged over augmentations and standardised, with,
//! beside the margin, whether the answer is right. The classifier is a network with one hidden layer of rectified units, fitted by Adam
//! on the balanced cross-entropy; score = its log-odds. Each class with at least `min-per-class` examples of either kind has a
//! classifier of its own, the others share one. Of all reactions, about `examples` are drawn, by a hash of seed, record and model.
//!
//! **Paper.** Shokri, Stronati, Song and Shmatikov, *Membership Inference Attacks Against Machine Learning Models*, IEEE S&P 2017, arXiv 1610.05820;
//! one classifier for all classes and sorted probabilities: Salem et al., *ML-Leaks*, NDSS 2019, arXiv 1806.01246.
//!
//! **Cost.** One question per record; K reference models, one is enough; a second or two of fitting, bounded by `examples` times `epochs`.
//!
//! **When it fails.** It learns one threshold for all records (of a class), so that it takes easy records for members as `confidence` does,
//! however many reference models there are: `lira`, `rmia` and `base` compare record by record. Reference models that overfit more or less than
//! the target teach the wrong reactions.

use std::collections::BTreeMap;

use paname_core::{Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result, Signal, Whom};
use rand_core::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features;
use crate::lessons::{mix, standardise};
use crate::network::{Examples, Fitting, Network};
use crate::single::mean;

/// Parameters of [`ShadowClassifier`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Names of the signals that make up a reaction, or `auto` alone, which is all of these in classification, the last probability aside, and the
    /// statistic of the task elsewhere: `scaled-confidence`, `loss`, `entropy`, `modified-entropy`, `margin`, `top-probability:0`
    /// (the largest), `top-probability:1` and so on below the number of classes.
    pub features: Vec<String>,
    /// Examples of either kind that a class needs for a classifier of its own.
    pub min_per_class: usize,
    /// About how many examples are learned from at most.
    pub examples: usize,
    /// Passes over the examples, from 1 to 1000.
    pub epochs: usize,
    /// Hidden units, from 1 to 1024.
    pub hidden: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { features: features::auto(), min_per_class: 500, examples: 100_000, epochs: 20, hidden: 16 }
    }
}

/// The signals that make up a reaction in classification.
const OWN: [Signal; 7] = [
    Signal::TopProbability { rank: 0 },
    Signal::TopProbability { rank: 1 },
    Signal::ScaledConfidence,
    Signal::Loss,
    Signal::Entropy,
    Signal::ModifiedEntropy,
    Signal::Margin,
];

/// Examples of either kind below which nothing can be learned.
const FEWEST: usize = 20;

/// Scores a record by a classifier of reactions.
pub struct ShadowClassifier {
    config: Config,
    signals: Vec<Signal>,
}

impl Attack for ShadowClassifier {
    const INFO: Info = Info {
        name: "shadow-classifier",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Classifieur entraîné sur des modèles proxy",
        title_en: "Classifier trained on shadow models",
        summary_fr: "Un classifieur qui a vu réagir des modèles semblables reconnaît, à la réaction du modèle, les données apprises.",
        summary_en: "A classifier that saw similar models react recognises, by the model's reaction, the data that it was trained on.",
        formula: "log-odds of a network on (sorted probabilities, confidence, loss, entropies, margin, correctness)",
        paper: "Shokri, Stronati, Song and Shmatikov, Membership Inference Attacks Against Machine Learning Models, 2017, arXiv 1610.05820",
        source: include_str!("shadow_classifier.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let signals = features::signals(&config.features, &OWN)?;
        if config.examples < 2 * FEWEST {
            return Err(Error::Config(format!(
                "`examples` must be at least {}, got {}",
                2 * FEWEST,
                config.examples
            )));
        }
        if !(1..=1000).contains(&config.epochs) {
            return Err(Error::Config(format!("`epochs` must be from 1 to 1000, got {}", config.epochs)));
        }
        if !(1..=1024).contains(&config.hidden) {
            return Err(Error::Config(format!("`hidden` must be from 1 to 1024, got {}", config.hidden)));
        }
        Ok(Self { config, signals })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { features: features::settled(config.features, &OWN, size), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            signals: self.signals.clone(),
            references_min: 1,
            references_max: usize::MAX,
            own_records: true,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let mut reactions = Reactions { width: self.width(), ..Reactions::default() };
        let (classes, mut targets) = self.observe(case, ctx, Whom::Audited, &mut reactions)?;
        self.observe(case, ctx, Whom::Population, &mut reactions)?;
        let (mut inputs, kinds) = reactions.in_order_of_keys();
        standardise(&mut inputs, &mut targets, self.width());
        let positive: Vec<bool> = kinds.iter().map(|kind| kind.inside).collect();
        let examples = Examples { inputs: &inputs, width: self.width(), positive: &positive };
        let count =
            |rows: &[u32], inside: bool| rows.iter().filter(|r| positive[**r as usize] == inside).count();
        let everything: Vec<u32> = (0..kinds.len() as u32).collect();
        for (which, inside) in [("included", true), ("excluded", false)] {
            let got = count(&everything, inside);
            if got < FEWEST {
                let what = format!("reactions of reference models to records that they {which}");
                return Err(Error::Missing { what, needed: FEWEST, got });
            }
        }
        let mut apart: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (row, kind) in kinds.iter().enumerate() {
            if let Some(class) = kind.class {
                apart.entry(class).or_default().push(row as u32);
            }
        }
        let least = self.config.min_per_class.max(1);
        apart.retain(|_, rows| count(rows, true) >= least && count(rows, false) >= least);
        let shared = !classes.iter().all(|class| class.is_some_and(|class| apart.contains_key(&class)));
        let fits = apart.len() + usize::from(shared);
        // At most one fit per example and a thousand epochs each.
        let (total, mut done) = (fits * self.config.epochs, 0);
        let fitting = Fitting { hidden: self.config.hidden, epochs: self.config.epochs };
        let mut fit = |rows: Vec<u32>, stage: &str| {
            Network::fit(examples, rows, fitting, &mut ctx.rng(stage), || {
                done += 1;
                ctx.tick(done - 1, total)
            })
        };
        let common = if shared { Some(fit(everything, "all classes")?) } else { None };
        let mut networks: BTreeMap<u32, Network> = BTreeMap::new();
        for (class, rows) in apart {
            networks.insert(class, fit(rows, &format!("class {class}"))?);
        }
        let scores = targets.chunks_exact(self.width()).zip(classes).map(|(input, class)| {
            let own = class.and_then(|class| networks.get(&class));
            // Where a class has no network of its own, there is a common one.
            own.or(common.as_ref()).map_or(0.0, |network| network.log_odds(input))
        });
        Ok(Findings::Membership(scores.collect()))
    }
}

/// What an example is an example of.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// Decides whether the example is drawn, and its place among the examples: neither depends on the order of the records.
    key: u64,
    class: Option<u32>,
    inside: bool,
}

/// Examples drawn so far.
#[derive(Debug, Default)]
struct Reactions {
    width: usize,
    /// `[examples][width]`.
    features: Vec<f64>,
    kinds: Vec<Kind>,
}

impl Reactions {
    fn in_order_of_keys(self) -> (Vec<f64>, Vec<Kind>) {
        let mut order: Vec<usize> = (0..self.kinds.len()).collect();
        order.sort_by_key(|i| self.kinds[*i].key);
        let rows = order.iter().flat_map(|i| &self.features[i * self.width..(i + 1) * self.width]);
        (rows.copied().collect(), order.iter().map(|i| self.kinds[*i]).collect())
    }
}

impl ShadowClassifier {
    /// Features per reaction.
    fn width(&self) -> usize {
        self.signals.len() + usize::from(self.signals.contains(&Signal::Margin))
    }

    /// Draws reactions of the reference models to a group of records, and returns the class of each record and the target's reactions.
    fn observe(
        &self,
        case: &Case<'_>,
        ctx: &Ctx<'_>,
        whom: Whom,
        reactions: &mut Reactions,
    ) -> Result<(Vec<Option<u32>>, Vec<f64>)> {
        let references = case.references();
        let all = references as f64 * (case.audited().len() + case.population().len()) as f64;
        let share = self.config.examples as f64 / all;
        let last = if share < 1.0 { (share * u64::MAX as f64) as u64 } else { u64::MAX };
        let seed = ctx.rng("examples").next_u64();
        let ids = &case.cohort(whom).ids;
        let margin = self.signals.iter().position(|signal| *signal == Signal::Margin);
        let chunks = case.map_chunks(whom, &self.signals, ctx, |chunk| {
            let mut seen = Reactions { width: self.width(), ..Reactions::default() };
            let mut classes = Vec::with_capacity(chunk.range().len());
            let mut targets = Vec::with_capacity(chunk.range().len() * self.width());
            for record in chunk.records() {
                let describe = |features: &mut Vec<f64>, values: &dyn Fn(usize) -> f64| {
                    features.extend((0..self.signals.len()).map(values));
                    features.extend(margin.map(|signal| f64::from(values(signal) > 0.0)));
                };
                classes.push(record.class());
                describe(&mut targets, &|signal| mean(record.target(signal)));
                let augmentations = record.target(0).len();
                for (k, inside) in record.membership().iter().enumerate() {
                    let key = mix(seed ^ mix((u64::from(ids[record.index()]) << 32) | k as u64));
                    if key > last {
                        continue;
                    }
                    let columns = k * augmentations..(k + 1) * augmentations;
                    describe(&mut seen.features, &|signal| mean(&record.references(signal)[columns.clone()]));
                    seen.kinds.push(Kind { key, class: record.class(), inside });
                }
            }
            Ok((seen, classes, targets))
        })?;
        let (mut all_classes, mut all_targets) = (Vec::new(), Vec::new());
        for (seen, classes, targets) in chunks {
            reactions.features.extend(seen.features);
            reactions.kinds.extend(seen.kinds);
            all_classes.extend(classes);
            all_targets.extend(targets);
        }
        Ok((all_classes, all_targets))
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Membership;
    use paname_testkit::{Behaviour, Size, TableCase, TableSignals, Toy};

    use super::*;

    fn run(config: Config, toy: &Toy) -> Result<Vec<f64>> {
        let attack = ShadowClassifier::new(config)?;
        attack.run(&toy.case()?, &Ctx::new(1, "test", 1, &()))?.membership(toy.truth().len())
    }

    #[test]
    fn classes_with_few_examples_share_a_classifier() {
        let toy = Toy::new(Behaviour::Leaky, Size::default(), 1);
        let least = |min_per_class| run(Config { min_per_class, ..Config::default() }, &toy).unwrap();
        let (apart, together) = (least(1), least(100_000));
        assert_ne!(apart, together);
        // Each of the four classes has about 800 examples of either kind.
        assert_eq!(apart, least(500));
    }

    #[test]
    fn a_few_examples_of_many_serve() {
        let toy = Toy::new(Behaviour::Memorising, Size::default(), 1);
        let scores = run(Config { examples: 400, ..Config::default() }, &toy).unwrap();
        let wrong = scores.iter().zip(toy.truth()).filter(|(s, member)| (**s > 0.0) != **member).count();
        assert!(wrong < 10, "{wrong}");
    }

    #[test]
    fn constant_and_extreme_features() {
        for value in [1.0_f32, 1e30, -3e38] {
            let (n, models) = (60, 3);
            let mut membership = Membership::none(n, models - 1);
            (0..n).for_each(|r| membership.insert(r, r % 2));
            let mut values = vec![value; n * models];
            for (constant, first) in [(true, value), (false, 0.0)] {
                values[1] = first;
                let signals = TableSignals::new(models, 1).with(Signal::Loss, Whom::Audited, values.clone());
                let signals = signals.with(Signal::Loss, Whom::Population, Vec::new());
                let case =
                    TableCase::over(signals, vec![0; n], Vec::new(), 1, membership.clone(), vec![true; n]);
                let config = Config { features: vec!["loss".into()], ..Config::default() };
                let attack = ShadowClassifier::new(config).unwrap();
                let findings = attack.run(&case.case().unwrap(), &Ctx::new(1, "test", 1, &())).unwrap();
                let scores = findings.membership(n).unwrap();
                assert!(scores.iter().all(|s| s.is_finite()));
                assert!(!constant || scores.iter().all(|s| *s == scores[0]));
            }
        }
    }

    #[test]
    fn without_included_records_nothing_can_be_learned() {
        let mut toy = Toy::new(Behaviour::Leaky, Size::default(), 1);
        toy.audited_membership = Membership::none(800, 8);
        let message = run(Config::default(), &toy).unwrap_err().to_string();
        assert_eq!(
            message,
            "reactions of reference models to records that they included: 20 needed, 0 given"
        );
    }

    #[test]
    fn parameters_are_checked() {
        let config = Config::default;
        for (config, word) in [
            (Config { features: vec!["confidence".into()], ..config() }, "`features`"),
            (Config { features: Vec::new(), ..config() }, "`features`"),
            (Config { examples: 39, ..config() }, "`examples`"),
            (Config { epochs: 0, ..config() }, "`epochs`"),
            (Config { epochs: 1001, ..config() }, "`epochs`"),
            (Config { hidden: 0, ..config() }, "`hidden`"),
            (Config { hidden: 1025, ..config() }, "`hidden`"),
        ] {
            let message = ShadowClassifier::new(config).err().unwrap().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
