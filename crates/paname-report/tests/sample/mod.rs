//! Evidence as audits write it, with figures that the statistics crate computes from scores.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;

use paname_evidence::{
    Accuracy, Anytime, Arm, AttackUsed, AttributeControl, AttributeResult, AttributeSlice, Beyond, Core,
    DataSummary, DetectionTest, Dose, Epsilon, EpsilonClaim, EpsilonFigure, Evaluator, Evidence, Exposed,
    FailedFit, Figure, FittedReferences, Gallery, GapSummary, GaussianFigure, Groups, GuessRule,
    HeuristicEpsilon, Identified, Imputer, InversionResult, LevelResult, Likeness, MeanLoss,
    MembershipResult, ModelSummary, Nearer, Nearest, OneRunEpsilon, PositiveControl, Power, Procedure,
    Reason, Rebuilt, ReferenceSummary, RocPoint, Row, Run, Slice, SliceKind, Statistic, Surest, Tool, Unit,
    Unrelated, Usage, UsageAtShare, Verdict,
};
use paname_stats::bootstrap::Plan;
use paname_stats::delong::{AucDifference, Paired};
use paname_stats::discovery::{self, Inferable};
use paname_stats::equivalence::excess_bound;
use paname_stats::histogram::Histogram;
use paname_stats::level::{FixedThreshold, Resolution, resolution};
use paname_stats::one_run::{self, Guesses};
use paname_stats::procedure::Model;
use paname_stats::share::share_error;
use paname_stats::{
    Interval, Rate, Roc, band, conformal, delong, epsilon, level, power, precision, rank_sum, unrelated,
};
use serde_json::json;

/// Deterministic noise, roughly normal.
fn noise(count: usize, seed: u64, shift: f64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0 + shift).collect()
}

/// Scores of members, a tenth of which stand out by `strength`.
fn members(count: usize, seed: u64, strength: f64) -> Vec<f64> {
    let mut scores = noise(count, seed, 0.35 * strength.min(1.0));
    for score in scores.iter_mut().step_by(8) {
        *score += strength;
    }
    scores
}

/// The figures of one test on scores, judged as an engine would.
pub(crate) fn membership(members: &[f64], non_members: &[f64], controls: bool) -> MembershipResult {
    let roc = Roc::new(members, non_members).unwrap();
    let vertices = roc.thinned(200);
    let boxes = band::roc_band(&roc, &vertices, 0.95).unwrap();
    let (calibration, counted) = non_members.split_at(non_members.len() / 2);
    let levels: Vec<LevelResult> =
        [0.01, 0.001].map(|wanted| level_result(&roc, members, calibration, counted, wanted)).to_vec();
    let (m, n) = (roc.members(), roc.non_members());
    let null: Vec<f64> = noise(24, 99, 0.0).iter().map(|x| 0.5 + 0.012 * x).collect();
    let control =
        unrelated::unrelated_null(unrelated::Figure::Normal, roc.auc(), &null, 0.05 / 6.0).unwrap().unwrap();
    let mut tests = vec![DetectionTest {
        statistic: Statistic::Auc,
        p: rank_sum::mann_whitney_p(&roc),
        p_adjusted: (4.0 * rank_sum::mann_whitney_p(&roc)).min(1.0),
        p_blind: None,
        p_controlled: controls.then_some(4.0 * control.p),
    }];
    for fixed in levels.iter().filter_map(|level| level.fixed) {
        tests.push(DetectionTest {
            statistic: Statistic::TprAt(fixed.level),
            p: fixed.p,
            p_adjusted: (3.0 * fixed.p).min(1.0),
            p_blind: None,
            p_controlled: controls.then(|| (3.0 * control.p.max(fixed.p)).min(1.0)),
        });
    }
    let by_area = Unrelated {
        statistic: Statistic::Auc,
        observed: roc.auc(),
        null,
        p: control.p,
        method: control.method,
    };
    let by_rate = Unrelated {
        statistic: Statistic::TprAt(0.01),
        observed: roc.tpr(&roc.tpr_at(0.01).unwrap()),
        null: noise(24, 98, 0.0).iter().map(|x| (0.01 + 0.004 * x).max(0.0)).collect(),
        ..by_area.clone()
    };
    let slices = [("0", 90, 84), ("1", 7, 62), ("group “B”", 120, 3)].map(|(value, members, non_members)| {
        let shown = members >= 10 && non_members >= 10;
        let auc = delong::auc_interval(&roc, 0.95).unwrap();
        Slice {
            kind: if value.len() > 1 { SliceKind::Group } else { SliceKind::Class },
            value: value.to_owned(),
            members,
            non_members,
            auc: shown.then_some(auc.auc),
            interval: shown.then_some(auc.interval),
        }
    });
    MembershipResult {
        unit: Unit::Record,
        members: m,
        non_members: n,
        auc: delong::auc_interval(&roc, 0.95).unwrap(),
        roc: vertices
            .iter()
            .zip(boxes)
            .map(|(vertex, around)| RocPoint {
                fpr: roc.fpr(vertex),
                tpr: roc.tpr(vertex),
                fpr_lower: around.fpr_lower,
                fpr_upper: around.fpr_upper,
                tpr_lower: around.tpr_lower,
                tpr_upper: around.tpr_upper,
            })
            .collect(),
        alpha: 0.05,
        band_confidence: 0.95,
        balanced_accuracy: roc.balanced_accuracy().value,
        advantage: roc.advantage().value,
        tests,
        unrelated: if controls { vec![by_area, by_rate] } else { Vec::new() },
        beyond_blind: controls.then(|| beyond_blind(members, non_members)),
        positive: controls.then(|| PositiveControl {
            models: 24,
            members: 8_400,
            levels: vec![
                Dose {
                    level: 0.01,
                    excess: 0.113,
                    dose: 0.01,
                    detected: Some(Rate::new(171, 200, 0.95).unwrap()),
                },
                Dose { level: 0.001, excess: 0.002, dose: 0.0, detected: None },
            ],
        }),
        inferable: inferable(members, calibration, counted),
        inferable_by_models: inferable(members, calibration, counted),
        epsilon: levels.iter().find_map(|level| level.fixed).map(|fixed| heuristic(&fixed)),
        procedure: controls.then(|| procedure(members, non_members)),
        power: Power {
            power: 0.8,
            alpha: 0.05,
            auc: power::smallest_detectable_auc(m, n, 0.05, 0.8).unwrap(),
            tpr: levels
                .iter()
                .map(|level| {
                    let tpr = power::smallest_detectable_tpr(m, level.level, 0.05, 0.8).unwrap();
                    (level.level, level.fixed.and(tpr))
                })
                .collect(),
        },
        histogram: Histogram::new(members, non_members, 40).unwrap(),
        slices: slices.to_vec(),
        groups: None,
        levels,
    }
}

fn beyond_blind(members: &[f64], non_members: &[f64]) -> AucDifference {
    let (inside, outside) = (noise(members.len(), 71, 0.03), noise(non_members.len(), 72, 0.0));
    let blind = Paired { members: &inside, non_members: &outside };
    delong::auc_difference(Paired { members, non_members }, blind, 0.95).unwrap()
}

/// The figure of a test without canaries.
fn heuristic(fixed: &FixedThreshold) -> Epsilon {
    let (members, others) = (fixed.tpr.trials, fixed.fpr.trials);
    let bound = |tp, fp| epsilon::lower_bound(tp, members, fp, others, 1e-5, 0.05).unwrap();
    let figure = EpsilonFigure { bound: bound(fixed.tpr.hits, fixed.fpr.hits), ceiling: bound(members, 0) };
    Epsilon::Heuristic(HeuristicEpsilon { level: fixed.level, delta: 1e-5, figure })
}

/// The bounds of a test whose members are canaries that coins drew: so many guesses were right, and this ε is claimed.
pub(crate) fn one_run(canaries: u64, guesses: u64, right: u64, claim: Option<f64>) -> OneRunEpsilon {
    let figures = |right| {
        let guesses = Guesses { canaries, made: guesses, right };
        let gaussian = one_run::gaussian_lower_bound(guesses, 1e-5, 0.01).unwrap();
        (
            one_run::lower_bound(guesses, 1e-5, 0.01).unwrap(),
            one_run::curve_lower_bound(guesses, 1e-5, 0.01).unwrap(),
            gaussian,
        )
    };
    let ((bound, curve, gaussian), most) = (figures(right), figures(guesses));
    let figure = |bound, ceiling| EpsilonFigure { bound, ceiling };
    OneRunEpsilon {
        canaries,
        rule: GuessRule::Tenth,
        guesses,
        guessed_in: guesses.div_ceil(2),
        guessed_out: guesses / 2,
        right,
        delta: 1e-5,
        confidence: 0.95,
        one_run: figure(bound, most.0),
        curve: figure(curve, most.1),
        gaussian: Some(GaussianFigure { mu: gaussian.mu, epsilon: figure(gaussian.epsilon, most.2.epsilon) }),
        claim: claim.map(|epsilon| EpsilonClaim { epsilon, refuted: bound.max(curve) > epsilon }),
    }
}

fn inferable(members: &[f64], calibration: &[f64], counted: &[f64]) -> Vec<Inferable> {
    let p_values = |scores: &[f64]| conformal::conformal_p_values(calibration, scores).unwrap();
    let (inside, outside) = (p_values(members), p_values(counted));
    [0.5, 0.01].map(|prior| discovery::inferable(&inside, &outside, prior, 0.05).unwrap()).to_vec()
}

fn procedure(members: &[f64], non_members: &[f64]) -> Procedure {
    let scores: Vec<f64> = members.iter().chain(non_members).copied().collect();
    let rows: Vec<bool> = (0..scores.len()).map(|unit| unit < members.len()).collect();
    let model = Model { scores: &scores, members: &rows };
    let plan = Plan { replicates: 200, confidence: 0.95, seed: 1 };
    let figures = paname_stats::procedure::procedure(&[model; 3], &[0.01, 0.001], &plan).unwrap();
    Procedure { models: 3, units: scores.len() as u64, figures }
}

fn level_result(
    roc: &Roc,
    members: &[f64],
    calibration: &[f64],
    counted: &[f64],
    wanted: f64,
) -> LevelResult {
    let same_data = level::tpr_at_level(roc, wanted, 0.95).ok();
    let fixed = level::at_calibrated_threshold(calibration, members, counted, wanted, 0.95).ok();
    let precision = [0.5, 0.1, 0.01].map(|prior| {
        let value = fixed.filter(|fixed| fixed.fpr.hits > 0).and_then(|fixed| {
            precision::positive_predictive_value(prior, fixed.tpr.estimate, fixed.fpr.estimate).unwrap()
        });
        (prior, value)
    });
    LevelResult {
        level: wanted,
        needed_non_members: level::needed_non_members(wanted).unwrap(),
        counted_non_members: counted.len() as u64,
        coarse: resolution(wanted, roc.non_members()).unwrap() == Resolution::Coarse,
        same_data,
        fixed,
        excess: fixed
            .map(|at| excess_bound(at.tpr.hits, at.tpr.trials, at.fpr.hits, at.fpr.trials, 0.05).unwrap()),
        equivalence_p: fixed.map(|_| 0.5),
        anytime: fixed.map(|fixed| Anytime {
            ln_e: 4.2,
            p: 0.015,
            queries: 2 * fixed.fpr.trials,
            conclusive_after: (fixed.tpr.estimate > 0.05).then_some(412),
            absence_after: (fixed.tpr.estimate < 0.012 && fixed.fpr.trials > 3000).then_some(5120),
        }),
        precision: precision.into_iter().filter_map(|(prior, value)| Some((prior, value?))).collect(),
    }
}

fn attack(name: &str, titles: [&str; 2], summaries: [&str; 2]) -> AttackUsed {
    AttackUsed {
        name: name.to_owned(),
        version: 1,
        title_fr: titles[0].to_owned(),
        title_en: titles[1].to_owned(),
        summary_fr: summaries[0].to_owned(),
        summary_en: summaries[1].to_owned(),
        formula: "log N(φ; μ_in, σ_in²) − log N(φ; μ_out, σ_out²)".to_owned(),
        paper: "Carlini, Chien, Nasr, Song, Terzis, Tramèr, “Membership inference attacks from first principles”, 2022, arXiv 2112.03570".to_owned(),
        origin: "paname 0.1.0".to_owned(),
        parameters: json!({ "mode": "online", "variance": { "kind": "shrunk", "prior_weight": 4 }, "signal": "rehearsed", "references": null }),
        chosen: [("signal".to_owned(), "margin".to_owned())].into(),
        files: vec![("score.py".to_owned(), "5f".repeat(32))],
        signals: vec!["scaled-confidence".to_owned()],
        references: 16,
        asked: 1400,
    }
}

fn row(
    id: &str,
    attack: AttackUsed,
    verdict: Verdict,
    reasons: Vec<Reason>,
    result: MembershipResult,
) -> Row {
    Row {
        id: id.to_owned(),
        family: "membership-inference".to_owned(),
        edpb: "55(i)".to_owned(),
        attack: Some(attack),
        verdict,
        reasons,
        membership: Some(result),
        attribute: None,
        inversion: None,
    }
}

fn untested(family: &str, edpb: &str) -> Row {
    Row {
        id: family.to_owned(),
        family: family.to_owned(),
        edpb: edpb.to_owned(),
        attack: None,
        verdict: Verdict::NotTested,
        reasons: vec![Reason::NotRequested],
        membership: None,
        attribute: None,
        inversion: None,
    }
}

fn families() -> Vec<Row> {
    vec![
        untested("attribute-inference", "55(i)"),
        untested("extraction", "55(iii)"),
        untested("model-inversion", "55(iv)"),
        untested("reconstruction", "55(v)"),
    ]
}

fn run() -> Run {
    Run {
        started: "2026-03-01T09:12:04Z".to_owned(),
        finished: "2026-03-01T09:12:19Z".to_owned(),
        hardware: "x86_64, 2 cores, Linux".to_owned(),
        data_fingerprint: "5f0c".repeat(16),
        steps_run: 14,
        steps_reused: 3,
        amendments: 0,
        journal_head: "a41b".repeat(16),
    }
}

fn core(rows: Vec<Row>) -> Core {
    Core {
        tool: Tool { name: "paname".to_owned(), version: "0.1.0".to_owned() },
        manifest_sha256: "9c0d".repeat(16),
        declared: json!({
            "organisation": { "name": "Centre hospitalier de démonstration", "sector": "health", "size": "public",
                "contact": { "name": "Never Printed", "email": "secret@example.org" } },
            "data": { "modality": ["image"], "samples": 700, "personal": ["health"], "special_categories": true,
                "split": "random", "source": [{ "name": "digits", "lawful_origin": "public data set", "stage": "finetune" }] },
            "model": { "name": "Chiffres manuscrits", "architecture": "mlp", "parameters": 52_650, "task": "classification",
                "release_context": "public-api", "test_accuracy": 0.93, "dp": { "claimed_epsilon": 8.0, "delta": 1e-5 } },
            "access": { "mode": "precomputed", "signals": ["probabilities", "loss"], "system_filters": false },
            "legal": { "controller": "Direction des systèmes d’information", "test_purpose": "scientific_research",
                "lawfully_obtained": true, "no_individual_decision": true, "authorised": ["role:auditor", "role:dpo"] },
        }),
        data: DataSummary {
            unit: Unit::Record,
            member_records: 700,
            non_member_records: 700,
            population_records: 397,
            member_persons: None,
            non_member_persons: None,
            classes: Some(10),
            canaries: None,
            files: vec![
                ("records.csv".to_owned(), "77aa".repeat(16)),
                ("logits.npz".to_owned(), "0be1".repeat(16)),
            ],
        },
        target: Some(ModelSummary {
            name: "target".to_owned(),
            adapter: "predictions".to_owned(),
            fingerprint: "c3d4".repeat(16),
            task: "classification".to_owned(),
            offers: vec!["labels".to_owned(), "probabilities".to_owned(), "logits".to_owned()],
            granted: vec!["labels".to_owned(), "probabilities".to_owned(), "loss".to_owned()],
            accuracy_members: Some(Rate::new(700, 700, 0.95).unwrap()),
            accuracy_non_members: Some(Rate::new(651, 700, 0.95).unwrap()),
            loss_members: Some(MeanLoss { mean: 0.041, standard_error: 0.003, records: 700 }),
            loss_non_members: Some(MeanLoss { mean: 0.22, standard_error: 0.01, records: 700 }),
            fitted: None,
        }),
        references: Some(ReferenceSummary {
            balanced: false,
            used: 16,
            excluded: vec![3],
            fitted_with: (5, 11),
            fitted_without: (5, 11),
            counts_p: Some(0.42),
            gap: Some(GapSummary {
                target: 0.07,
                mean: 0.18,
                smallest: 0.16,
                largest: 0.2,
                allowed: 0.05,
                mismatch: true,
            }),
            fitted: Some(FittedReferences {
                adapter: "command".to_owned(),
                recipe: json!({ "architecture": { "name": "mlp", "hidden": [128] }, "epochs": 20, "momentum": null, "checkpoints": [] }),
                asked: 18,
                stages: vec![4, 18, 64],
                fitted: 17,
                share: 0.5,
                failed: vec![FailedFit { model: 5, reason: "the loss is not a number".to_owned() }],
            }),
        }),
        blind: None,
        statistics: json!({ "alpha": 0.05, "confidence": 0.95, "fpr_targets": [0.01, 0.001], "correction": "holm", "power": 0.8,
            "calibration_fraction": 0.5, "priors": [0.5, 0.1, 0.01], "seed": 1 }),
        rows,
        plugins: Vec::new(),
    }
}

fn significant() -> Vec<Reason> {
    vec![
        Reason::Significant { p_adjusted: 1.2e-9, alpha: 0.05 },
        Reason::AboveUnrelatedModels { p: 0.0004 },
        Reason::RandomSplitDeclared,
    ]
}

/// A leak by two attacks, one attack without a result, one that could not run, four families without a test; a level out of reach.
pub(crate) fn leak() -> Evidence {
    let outsiders = noise(700, 2, 0.0);
    let lira = attack(
        "lira",
        ["Rapport de vraisemblance (LiRA)", "Likelihood ratio (LiRA)"],
        [
            "Qui connaît une donnée et peut interroger le modèle saurait dire si cette donnée a servi à l’entraîner.",
            "Whoever knows a record and can ask the model could tell whether that record was used to train it.",
        ],
    );
    let loss = attack(
        "loss",
        ["Perte du modèle", "Loss of the model"],
        [
            "Le modèle se trompe moins sur les données qu’il a apprises, assez pour les reconnaître.",
            "The model errs less on the data that it learned, enough to recognise them.",
        ],
    );
    let entropy = attack(
        "entropy",
        ["Entropie des réponses", "Entropy of the answers"],
        [
            "Le modèle est plus sûr de lui sur les données qu’il a apprises.",
            "The model is surer of itself on the data that it learned.",
        ],
    );
    let shadow = attack(
        "shadow-classifier",
        ["Classifieur sur modèles de référence", "Classifier on reference models"],
        [
            "Les réactions de modèles de référence apprennent à reconnaître les membres.",
            "The reactions of reference models teach how to recognise members.",
        ],
    );
    let mut rows = vec![
        row(
            "mia-lira",
            lira,
            Verdict::LeakDemonstrated,
            significant(),
            membership(&members(700, 1, 3.4), &outsiders, true),
        ),
        row(
            "mia-loss",
            loss,
            Verdict::LeakDemonstrated,
            significant(),
            membership(&members(700, 5, 1.2), &outsiders, true),
        ),
        row(
            "mia-entropy",
            entropy,
            Verdict::Inconclusive,
            vec![Reason::NotSignificant { p_adjusted: 0.34, alpha: 0.05 }, Reason::NoPositiveControl],
            membership(&noise(700, 8, 0.02), &outsiders, false),
        ),
        Row {
            id: "mia-shadow".to_owned(),
            family: "membership-inference".to_owned(),
            edpb: "55(i)".to_owned(),
            attack: Some(shadow),
            verdict: Verdict::NotTested,
            reasons: vec![Reason::References {
                what: "reference models fitted with each audited record".to_owned(),
                needed: 8,
                got: 5,
            }],
            membership: None,
            attribute: None,
            inversion: None,
        },
    ];
    rows.extend(families());
    let exposed = BTreeMap::from([(
        "mia-lira".to_owned(),
        (0..3)
            .map(|i| Exposed { pseudonym: format!("r-7f3a{i}c"), score: 8.21 - f64::from(i), p: 0.0014 })
            .collect(),
    )]);
    Evidence::new(core(rows), exposed, run()).unwrap()
}

/// One attack on few persons that finds nothing, with nothing declared but the data.
pub(crate) fn inconclusive() -> Evidence {
    let loss = attack(
        "loss",
        ["Perte du modèle", "Loss of the model"],
        ["Le modèle se trompe moins sur ce qu’il a appris.", "The model errs less on what it learned."],
    );
    let mut result = membership(&noise(60, 3, 0.1), &noise(64, 4, 0.0), false);
    result.unit = Unit::Person;
    let mut rows = vec![row(
        "mia-loss",
        loss,
        Verdict::Inconclusive,
        vec![Reason::ShiftNotExcluded, Reason::NoLevelResolved],
        result,
    )];
    rows.extend(families());
    let mut core = core(rows);
    core.declared = json!({});
    core.data.unit = Unit::Person;
    (core.data.member_records, core.data.non_member_records) = (180, 190);
    (core.data.member_persons, core.data.non_member_persons) = (Some(60), Some(64));
    Evidence::new(core, BTreeMap::new(), run()).unwrap()
}

/// One attack on many records that finds next to nothing, with every control passed.
pub(crate) fn no_leak() -> Evidence {
    let loss = attack(
        "loss",
        ["Perte du modèle", "Loss of the model"],
        ["Le modèle se trompe moins sur ce qu’il a appris.", "The model errs less on what it learned."],
    );
    let result = membership(&noise(4000, 3, 0.0), &noise(8000, 4, 0.0), true);
    let reasons = vec![
        Reason::NotSignificant { p_adjusted: 0.61, alpha: 0.05 },
        Reason::BelowMargin { upper: 0.0083, wanted: 0.01, units: 40 },
        Reason::PositiveControlPassed { detected: 0.855 },
    ];
    let mut rows = vec![row("mia-loss", loss, Verdict::NoLeakDetected, reasons, result)];
    rows.extend(families());
    let mut core = core(rows);
    (core.data.member_records, core.data.non_member_records) = (4000, 8000);
    Evidence::new(core, BTreeMap::new(), run()).unwrap()
}

/// One attack that judges groups and estimates shares, and one for which there are too few groups.
pub(crate) fn groups() -> Evidence {
    let usage = attack(
        "dataset-usage",
        ["Part utilisée d’un jeu de données", "Share of a dataset that was used"],
        [
            "La part d’un groupe que le modèle a apprise se laisse estimer.",
            "The share of a group can be estimated.",
        ],
    );
    let inference = attack(
        "dataset-inference",
        ["Inférence de jeu de données", "Dataset inference"],
        ["Un groupe de données se laisse reconnaître.", "A group of data can be recognised."],
    );
    let of = |members: usize, others: usize, size, usage| {
        let mut result = membership(&self::members(members, 1, 3.0), &noise(others, 2, 0.0), false);
        result.unit = Unit::Group;
        result.slices.clear();
        result.groups = Some(Groups { size, mixed: 66, records_needed: 1000, usage });
        result
    };
    let estimates = [0.03, 0.21, 0.55, 0.7, 0.94].repeat(22);
    let truths = [0.0, 0.25, 0.5, 0.75, 1.0].repeat(22);
    let plan = Plan { replicates: 999, confidence: 0.95, seed: 1 };
    let at = |share: f64, estimate: f64| UsageAtShare {
        share,
        groups: 22,
        estimate,
        mean_absolute_error: (estimate - share).abs(),
    };
    let found = Usage {
        error: share_error(&estimates, &truths, &plan).unwrap(),
        shares: truths
            .iter()
            .zip(&estimates)
            .take(5)
            .map(|(share, estimate)| at(*share, *estimate))
            .collect(),
    };
    let leak = vec![Reason::Significant { p_adjusted: 1e-6, alpha: 0.05 }, Reason::RandomSplitDeclared];
    let few = Reason::TooFewGroups { needed: 20, members: 14, non_members: 12, size: 50, records: 1000 };
    let mut rows = vec![
        row("usage", usage, Verdict::LeakDemonstrated, leak, of(22, 22, 20, Some(found))),
        row("inference", inference, Verdict::Inconclusive, vec![few], of(14, 12, 50, None)),
    ];
    rows.extend(families());
    Evidence::new(core(rows), BTreeMap::new(), run()).unwrap()
}

fn figure(value: f64, lower: f64, upper: f64) -> Figure {
    Figure { value, interval: Interval { lower, upper, confidence: 0.95 } }
}

/// So many right of so many, with a geometric mean and a correlation for members and non-members.
fn arm(right: [u64; 2], of: [u64; 2], g_mean: [f64; 2], correlation: [f64; 2]) -> Arm {
    let side = |i: usize| {
        let rate = Rate::new(right[i], of[i], 0.95).unwrap();
        Accuracy {
            share: rate.estimate,
            interval: rate.interval,
            g_mean: g_mean[i],
            correlation: correlation[i],
        }
    };
    Arm { members: side(0), non_members: side(1) }
}

fn beyond(gain: Figure, wins: u64, losses: u64, p: f64) -> Beyond {
    Beyond { gain, wins, losses, p }
}

/// An attack on an attribute of a census that finds a little, with everything that can stand beside it.
pub(crate) fn attribute() -> AttributeResult {
    let sides = [4000, 4000];
    let rate = |right| Rate::new(right, 200, 0.95).unwrap();
    let slice = |kind, value: &str, [members, non_members]: [u64; 2], share, difference| AttributeSlice {
        kind,
        value: value.to_owned(),
        members,
        non_members,
        share,
        difference,
    };
    AttributeResult {
        attribute: "marital-status".to_owned(),
        scale: "nominal".to_owned(),
        candidates: 3,
        tolerance: 0,
        unit: Unit::Record,
        members: 4000,
        non_members: 4000,
        left_out: 212,
        twins: 31,
        alpha: 0.05,
        imputer: Imputer { attack: "imputation".to_owned(), rows: 12_000, target_rows: 4106 },
        attack: arm([3260, 3168], sides, [0.781, 0.752], [0.672, 0.631]),
        imputation: arm([3228, 3228], sides, [0.766, 0.765], [0.656, 0.656]),
        prior: arm([2120, 2120], sides, [0.0; 2], [0.0; 2]),
        difference: figure(0.023, 0.008, 0.038),
        upper: 0.0356,
        test: DetectionTest {
            statistic: Statistic::AccuracyDifference,
            p: 0.002,
            p_adjusted: 0.006,
            p_blind: None,
            p_controlled: Some(0.012),
        },
        permutations: 9999,
        unrelated: Some(Unrelated {
            statistic: Statistic::AccuracyDifference,
            observed: 0.023,
            null: noise(16, 41, 0.0).iter().map(|x| 0.0055 * x).collect(),
            p: 0.004,
            method: unrelated::NullMethod::Student,
        }),
        positive: Some(AttributeControl {
            models: 16,
            difference: 0.031,
            individual: Some(figure(0.034, 0.027, 0.041)),
            units: 7960,
            detected: Some(Rate::new(174, 200, 0.95).unwrap()),
        }),
        advantage: figure(0.023, 0.006, 0.04),
        beyond: [
            beyond(figure(0.008, -0.002, 0.018), 212, 180, 0.058),
            beyond(figure(-0.015, -0.025, -0.005), 165, 225, 0.999),
        ],
        surest: Some(Surest { k: 200, attack: [196, 190].map(rate), imputation: [191, 192].map(rate) }),
        residual: Some(figure(0.111, 0.028, 0.19)),
        detectable: Some(0.019),
        slices: vec![
            slice(SliceKind::Class, ">50K", [990, 980], Some(0.868), Some(figure(0.031, 0.004, 0.058))),
            slice(SliceKind::Class, "<=50K", [3010, 3020], Some(0.798), Some(figure(0.02, 0.002, 0.038))),
            slice(SliceKind::Group, "Female", [1320, 1309], Some(0.772), Some(figure(0.041, 0.012, 0.07))),
            slice(SliceKind::Group, "Male", [2673, 2660], Some(0.836), Some(figure(0.014, -0.005, 0.033))),
            slice(SliceKind::Group, "Undeclared", [7, 31], None, None),
        ],
    }
}

/// The same of an attribute that the model adds next to nothing about.
fn nothing() -> AttributeResult {
    let mut result = attribute();
    "race".clone_into(&mut result.attribute);
    result.attack = arm([3414, 3412], [4000; 2], [0.41, 0.41], [0.287, 0.285]);
    result.imputation = arm([3410, 3410], [4000; 2], [0.4, 0.4], [0.28, 0.28]);
    result.prior = arm([3392, 3392], [4000; 2], [0.0; 2], [0.0; 2]);
    result.difference = figure(0.000_5, -0.008, 0.009);
    result.upper = 0.0076;
    (result.test.p, result.test.p_adjusted, result.test.p_controlled) = (0.47, 0.61, Some(0.8));
    if let Some(control) = &mut result.unrelated {
        (control.observed, control.p) = (0.000_5, 0.45);
    }
    result.advantage = figure(0.000_5, -0.015, 0.016);
    result.beyond = [
        beyond(figure(0.001, -0.004, 0.006), 71, 67, 0.4),
        beyond(figure(0.000_5, -0.005, 0.006), 66, 64, 0.465),
    ];
    result.surest = None;
    result.residual = Some(figure(0.003, -0.1, 0.106));
    result.slices.clear();
    result
}

/// The same of persons, few of them, with nothing found and nothing beside it.
fn bare(attribute: &str) -> AttributeResult {
    let sides = [120, 96];
    AttributeResult {
        attribute: attribute.to_owned(),
        scale: "ordinal".to_owned(),
        candidates: 5,
        tolerance: 1,
        unit: Unit::Person,
        members: 120,
        non_members: 96,
        left_out: 0,
        twins: 0,
        imputer: Imputer { attack: "imputation".to_owned(), rows: 300, target_rows: 410 },
        attack: arm([71, 55], sides, [0.51, 0.49], [0.41, 0.39]),
        imputation: arm([69, 56], sides, [0.5, 0.51], [0.4, 0.42]),
        prior: arm([44, 36], sides, [0.0; 2], [0.0; 2]),
        difference: figure(0.027, -0.061, 0.115),
        upper: 0.101,
        test: DetectionTest {
            statistic: Statistic::AccuracyDifference,
            p: 0.28,
            p_adjusted: 0.56,
            p_blind: None,
            p_controlled: None,
        },
        unrelated: None,
        positive: None,
        advantage: figure(0.019, -0.11, 0.148),
        beyond: [
            beyond(figure(0.017, -0.04, 0.074), 9, 7, 0.402),
            beyond(figure(-0.01, -0.07, 0.05), 5, 6, 0.726),
        ],
        surest: None,
        residual: None,
        detectable: None,
        slices: Vec::new(),
        ..self::attribute()
    }
}

/// An attack on an attribute.
pub(crate) fn attribute_row(
    id: &str,
    verdict: Verdict,
    reasons: Vec<Reason>,
    result: Option<AttributeResult>,
) -> Row {
    let mut used = attack(
        "attribute-likelihood",
        ["Réponse la plus sûre par valeur", "Surest answer by value"],
        [
            "Qui connaît tout d’une personne sauf un attribut saurait le deviner en essayant chaque valeur dans une question au modèle.",
            "Whoever knows all but one attribute of a person could guess it by asking the model with each value.",
        ],
    );
    "log p(y | x, a)".clone_into(&mut used.formula);
    "Fredrikson, Lantz, Jha, Lin, Page, Ristenpart, “Privacy in pharmacogenetics”, USENIX Security 2014"
        .clone_into(&mut used.paper);
    used.parameters = json!({});
    (used.chosen, used.files) = (BTreeMap::new(), Vec::new());
    (used.signals, used.asked) = (vec!["loss".to_owned()], 24_000);
    Row {
        family: "attribute-inference".to_owned(),
        attack: Some(used),
        verdict,
        reasons,
        membership: None,
        attribute: result,
        ..untested(id, "55(i)")
    }
}

/// Attacks on attributes: a leak; nothing shown of few persons, with knowledge about the population; one without a result; one that asks too much.
pub(crate) fn attributes() -> Evidence {
    let leak = vec![
        Reason::Significant { p_adjusted: 0.006, alpha: 0.05 },
        Reason::AboveUnrelatedModels { p: 0.012 },
        Reason::RandomSplitDeclared,
        Reason::PopulationInference { attack: 0.792, prior: 0.53 },
    ];
    let below = vec![
        Reason::NotSignificant { p_adjusted: 0.61, alpha: 0.05 },
        Reason::DifferenceBelowMargin { upper: 0.0076, wanted: 0.02 },
        Reason::PositiveControlPassed { detected: 0.87 },
    ];
    let open = vec![
        Reason::NotSignificant { p_adjusted: 0.56, alpha: 0.05 },
        Reason::DifferenceNotBelowMargin { upper: 0.101, wanted: 0.02 },
        Reason::NoPositiveControl,
        Reason::DifferenceUnderpowered { detectable: None, wanted: 0.02 },
        Reason::PopulationInference { attack: 0.573, prior: 0.375 },
        Reason::ImputerKnowsLess { rows: 300, target_rows: 410 },
    ];
    let budget = Reason::CandidateBudget { needed: 60_000, allowed: 30_000, candidates: 5, sample: 6000 };
    let mut rows = vec![
        attribute_row("aia-marital", Verdict::LeakDemonstrated, leak, Some(attribute())),
        attribute_row("aia-race", Verdict::NoLeakDetected, below, Some(nothing())),
        attribute_row("aia-education", Verdict::Inconclusive, open, Some(bare("education"))),
        attribute_row("aia-country", Verdict::NotTested, vec![budget], None),
    ];
    rows.extend(families().into_iter().filter(|row| row.family != "attribute-inference"));
    rows.push(untested("membership-inference", "55(i)"));
    let mut core = core(rows);
    core.declared["model"]["name"] = json!("Census income");
    (core.data.member_records, core.data.non_member_records) = (4106, 4106);
    Evidence::new(core, BTreeMap::new(), run()).unwrap()
}

/// A picture of one row: a pixel for each of eight classes in three shades.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAADCAAAAACLoxGUAAAAIklEQVR42mNgkLUKL5m47jSDW3LD3F3Xvwgy9Kw89hgkCgCPgwsVUd97TQAAAABJRU5ErkJggg==";

fn rebuilt(
    classes: u64,
    recognised: Option<[u64; 2]>,
    starts: Option<Figure>,
    distance: Figure,
    nearest: [u64; 2],
) -> Rebuilt {
    let rate = |hits, trials| Rate::new(hits, trials, 0.95).unwrap();
    Rebuilt {
        recognised: recognised.map(|[first, _]| rate(first, classes)),
        recognised_in_five: recognised.map(|[_, five]| rate(five, classes)),
        starts,
        distance: Some(distance),
        nearest: rate(nearest[0], nearest[1]),
        recall: None,
    }
}

/// An attack that rebuilds persons out of a model that learned their pictures, with everything that can stand beside it.
pub(crate) fn inversion() -> InversionResult {
    let rate = |hits, trials| Rate::new(hits, trials, 0.95).unwrap();
    let test = |statistic, p, p_adjusted| DetectionTest {
        statistic,
        p,
        p_adjusted,
        p_blind: None,
        p_controlled: None,
    };
    InversionResult {
        persons: true,
        classes: 40,
        control_classes: 20,
        rebuilt: 240,
        endings: [("reached".to_owned(), 205), ("settled".to_owned(), 31), ("spent".to_owned(), 4)].into(),
        partial: false,
        chance: 0.025,
        likeness: Likeness::Features,
        alpha: 0.05,
        evaluator: Some(Evaluator {
            name: "faces, other architecture".to_owned(),
            fingerprint: "e7a1".repeat(16),
            members: rate(797, 800),
            non_members: rate(378, 400),
            features: 60,
        }),
        attack: rebuilt(
            40,
            Some([38, 40]),
            Some(figure(0.881, 0.83, 0.927)),
            figure(0.412, 0.371, 0.455),
            [33, 40],
        ),
        unregularised: Some(rebuilt(
            40,
            Some([27, 35]),
            Some(figure(0.604, 0.53, 0.68)),
            figure(0.688, 0.62, 0.752),
            [24, 40],
        )),
        average: Some(rebuilt(40, Some([36, 40]), None, figure(0.503, 0.471, 0.535), [21, 40])),
        members_average: Some(rebuilt(40, Some([36, 40]), None, figure(0.48, 0.45, 0.51), [39, 40])),
        nearer: Some(Nearer { wins: 35, losses: 5, p: 1e-6 }),
        control_recognised: Some(rate(1, 20)),
        nearest: Nearest {
            members: rate(33, 40),
            gallery: (8, 10),
            drawn: 0,
            permutation_p: 0.0001,
            nearer: figure(0.713, 0.66, 0.768),
        },
        tests: vec![
            test(Statistic::NearestMember, 2.1e-5, 8.4e-5),
            test(Statistic::Identified, 1e-12, 5e-12),
        ],
        identified: Some(Identified {
            first: rate(29, 40),
            among: 60,
            chance: 1.0 / 60.0,
            p: 1e-12,
            as_control: 3,
        }),
        detectable: Some(0.73),
        gallery: Some(Gallery {
            png: PICTURE.to_owned(),
            classes: (0..8).collect(),
            rows: vec!["attack".to_owned(), "unregularised".to_owned(), "average".to_owned()],
            blurred: true,
        }),
        texts: None,
    }
}

/// The same of digits, whose average is all that it finds.
fn of_digits(recognised: u64, nearest: u64) -> InversionResult {
    let rate = |hits| Rate::new(hits, 10, 0.95).unwrap();
    let mut found = inversion();
    (found.persons, found.classes, found.control_classes, found.rebuilt, found.chance) =
        (false, 10, 0, 60, 0.1);
    found.endings = [("settled".to_owned(), 60)].into();
    found.attack = rebuilt(
        10,
        Some([recognised, 10]),
        Some(figure(0.8, 0.7, 0.9)),
        figure(0.62, 0.55, 0.7),
        [nearest, 10],
    );
    found.unregularised =
        Some(rebuilt(10, Some([7, 9]), Some(figure(0.6, 0.5, 0.7)), figure(0.9, 0.8, 1.0), [5, 10]));
    found.average = Some(rebuilt(10, Some([10, 10]), None, figure(0.5, 0.45, 0.55), [5, 10]));
    found.attack.recognised_in_five = None;
    for arm in [&mut found.unregularised, &mut found.average].into_iter().flatten() {
        arm.recognised_in_five = None;
    }
    found.control_recognised = None;
    found.nearer = Some(Nearer { wins: 8, losses: 2, p: 0.0547 });
    found.members_average = found.average.clone();
    found.nearest = Nearest {
        members: rate(nearest),
        gallery: (40, 40),
        drawn: 2,
        permutation_p: 0.31,
        nearer: figure(0.512, 0.47, 0.55),
    };
    found.tests.truncate(1);
    (found.tests[0].p, found.tests[0].p_adjusted) = (0.377, 0.754);
    found.identified = Some(Identified { first: rate(9), among: 10, chance: 0.1, p: 1e-8, as_control: 0 });
    found.detectable = Some(0.97);
    found.gallery = None;
    found
}

/// The same cut short, without anybody who judges what was rebuilt, of few classes.
fn cut_short(classes: u64, compared: u64) -> InversionResult {
    let nearest = [compared.div_ceil(2), compared];
    let mut found = of_digits(0, 0);
    (found.classes, found.rebuilt, found.partial) = (classes, classes, true);
    found.endings = [("cut".to_owned(), classes - 1), ("lost".to_owned(), 1)].into();
    (found.evaluator, found.unregularised, found.nearer) = (None, None, None);
    found.members_average = None;
    found.attack = rebuilt(classes, None, None, figure(0.97, 0.9, 1.1), nearest);
    found.average = Some(rebuilt(classes, None, None, figure(0.5, 0.4, 0.6), nearest));
    found.nearest.members = Rate::new(nearest[0], nearest[1], 0.95).unwrap();
    found.nearest.gallery = if compared == 0 { (0, 0) } else { (1, 6) };
    (found.tests[0].p, found.tests[0].p_adjusted) = (0.6, 1.0);
    (found.identified, found.detectable) = (None, None);
    found
}

/// An attack that rebuilds inputs.
pub(crate) fn inversion_row(
    id: &str,
    verdict: Verdict,
    reasons: Vec<Reason>,
    result: InversionResult,
) -> Row {
    let mut used = attack(
        "gradient-ascent",
        ["Montée de gradient régularisée", "Regularised gradient ascent"],
        [
            "Qui peut interroger le modèle saurait reconstituer à quoi ressemblent les données d’une classe ou d’une personne.",
            "Whoever can ask the model could rebuild what the data of a class or a person look like.",
        ],
    );
    "max_x log p(y | x) − λ R(x)".clone_into(&mut used.formula);
    "Fredrikson, Jha, Ristenpart, “Model inversion attacks that exploit confidence information”, CCS 2015"
        .clone_into(&mut used.paper);
    used.parameters = json!({ "starts": 6, "steps": 400 });
    (used.chosen, used.files) = (BTreeMap::new(), Vec::new());
    (used.signals, used.references, used.asked) = (vec!["gradients".to_owned()], 0, 96_000);
    Row {
        family: "model-inversion".to_owned(),
        attack: Some(used),
        verdict,
        reasons,
        inversion: Some(result),
        ..untested(id, "55(iv)")
    }
}

/// Attacks that rebuild inputs: persons; members only; the average of a class, once with too few to tell and once enough; nothing; one that was cut short
/// and that no independent model looked at; one with too few classes.
pub(crate) fn inversions() -> Evidence {
    let not = |p_adjusted| Reason::NotSignificant { p_adjusted, alpha: 0.05 };
    let persons = vec![
        Reason::Significant { p_adjusted: 5e-12, alpha: 0.05 },
        Reason::PersonsIdentified { hits: 29, classes: 40, chance: 1.0 / 60.0 },
        Reason::PersonRebuilt { hits: 33, classes: 40 },
        Reason::RandomSplitDeclared,
    ];
    let members = vec![
        Reason::Significant { p_adjusted: 0.0215, alpha: 0.05 },
        Reason::PersonRebuilt { hits: 10, classes: 10 },
        Reason::RandomSplitDeclared,
    ];
    let average = vec![
        not(0.754),
        Reason::AverageRebuilt { recognised: 0.9, chance: 0.1 },
        Reason::NearestNotBelowMargin { upper: 0.85, wanted: 0.7 },
        Reason::NearestUnderpowered { detectable: Some(0.97), wanted: 0.7 },
    ];
    let below = vec![
        not(0.99),
        Reason::AverageRebuilt { recognised: 0.9, chance: 0.1 },
        Reason::NearestBelowMargin { upper: 0.697, wanted: 0.7 },
    ];
    let nothing = vec![
        not(0.754),
        Reason::NothingRebuilt { recognised: 0.2, chance: 0.1 },
        Reason::NearestNotBelowMargin { upper: 0.85, wanted: 0.7 },
        Reason::NearestUnderpowered { detectable: Some(0.97), wanted: 0.7 },
    ];
    let partial = vec![
        not(1.0),
        Reason::NoEvaluator,
        Reason::PartlyRebuilt,
        Reason::NearestNotBelowMargin { upper: 0.94, wanted: 0.7 },
        Reason::NearestUnderpowered { detectable: None, wanted: 0.7 },
    ];
    let few = vec![
        not(1.0),
        Reason::NoEvaluator,
        Reason::PartlyRebuilt,
        Reason::TooFewClasses { needed: 5, classes: 0 },
    ];
    let mut members_found = of_digits(9, 10);
    (members_found.tests[0].p, members_found.tests[0].p_adjusted) = (0.001, 0.0215);
    (members_found.nearest.permutation_p, members_found.nearest.nearer) = (0.0004, figure(0.702, 0.63, 0.77));
    let mut rows = vec![
        inversion_row("inv-faces", Verdict::LeakDemonstrated, persons, inversion()),
        inversion_row("inv-memory", Verdict::LeakDemonstrated, members, members_found),
        inversion_row("inv-digits", Verdict::Inconclusive, average, of_digits(9, 6)),
        inversion_row("inv-below", Verdict::NoLeakDetected, below, of_digits(9, 4)),
        inversion_row("inv-noise", Verdict::Inconclusive, nothing, of_digits(2, 6)),
        inversion_row("inv-cut", Verdict::Inconclusive, partial, cut_short(6, 6)),
        inversion_row("inv-few", Verdict::Inconclusive, few, cut_short(4, 0)),
    ];
    rows.extend(families().into_iter().filter(|row| row.family != "model-inversion"));
    rows.push(untested("membership-inference", "55(i)"));
    let mut core = core(rows);
    core.declared["model"]["name"] = json!("Face recognition");
    Evidence::new(core, BTreeMap::new(), run()).unwrap()
}

/// Scores of another tool: no manifest, no model, no attack.
pub(crate) fn scores() -> Evidence {
    let result = membership(&members(4000, 1, 2.5), &noise(4000, 2, 0.0), false);
    let rows = vec![Row {
        id: "scores.csv".to_owned(),
        family: "membership-inference".to_owned(),
        edpb: "55(i)".to_owned(),
        attack: None,
        verdict: Verdict::Inconclusive,
        reasons: vec![Reason::Significant { p_adjusted: 1e-20, alpha: 0.05 }, Reason::ShiftNotExcluded],
        membership: Some(result),
        attribute: None,
        inversion: None,
    }];
    let mut core = core(rows);
    core.declared = json!({});
    (core.data.member_records, core.data.non_member_records, core.data.population_records) = (4000, 4000, 0);
    core.data.classes = None;
    core.target = None;
    core.references = None;
    Evidence::new(core, BTreeMap::new(), run()).unwrap()
}
