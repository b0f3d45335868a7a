//! The report on sample evidence: what it says, what it never says, and that nothing of the evidence becomes markup.

#![allow(clippy::unwrap_used, reason = "a sample that cannot be built fails its test")]

mod page;
mod sample;

use std::fs;
use std::path::Path;

use paname_evidence::{
    CanarySummary, Cause, Core, Epsilon, Evidence, Figure, LevelResult, Likeness, Measure, OneRunEpsilon,
    PossibleAttack, Reason, RebuiltText, RebuiltTexts, Recall, Scaling, Statistic, Verdict,
};
use paname_report::{Language, ReportError, headline, html};

fn samples() -> [(&'static str, Evidence); 7] {
    [
        ("leak", sample::leak()),
        ("inconclusive", sample::inconclusive()),
        ("no_leak", sample::no_leak()),
        ("scores", sample::scores()),
        ("groups", sample::groups()),
        ("attributes", sample::attributes()),
        ("inversions", sample::inversions()),
    ]
}

/// The page in both languages, checked as every page must be; kept where a person can look at it.
fn pages(name: &str, evidence: &Evidence) -> [String; 2] {
    Language::ALL.map(|language| {
        let html = html(evidence, language).unwrap();
        page::check(&html);
        let file = format!("{name}.{}.html", language.code());
        fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(file), &html).unwrap();
        html
    })
}

fn sealed_again(evidence: &Evidence, change: impl FnOnce(&mut Core)) -> Evidence {
    let mut core = evidence.core.clone();
    change(&mut core);
    Evidence::new(core, evidence.exposed.clone(), evidence.run.clone()).unwrap()
}

#[test]
fn headlines_read_well() {
    let mut lines = Vec::new();
    for (name, evidence) in samples() {
        for language in Language::ALL {
            lines.push(format!("{name}.{}\n{}", language.code(), headline(&evidence, language).join("\n")));
        }
    }
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn pages_read_well() {
    for (name, evidence) in samples() {
        let [french, english] = pages(name, &evidence);
        insta::assert_snapshot!(format!("{name}.fr"), page::text(&french));
        insta::assert_snapshot!(format!("{name}.en"), page::text(&english));
    }
}

#[test]
fn no_page_calls_a_model_anonymous_or_gives_it_a_mark() {
    for (name, evidence) in samples() {
        for html in pages(name, &evidence) {
            let text = page::text(&html).to_lowercase();
            assert!(!text.contains("anonym"), "{name}");
            assert!(!text.contains("/100") && !text.contains("/ 100"), "{name}");
        }
    }
}

#[test]
fn contact_details_are_not_printed() {
    for html in pages("leak", &sample::leak()) {
        assert!(!html.contains("Never Printed") && !html.contains("secret@example.org"));
    }
}

#[test]
fn an_answer_that_is_missing_is_not_declared() {
    let evidence = sample::inconclusive();
    for (language, words) in [(Language::French, "non déclaré"), (Language::English, "not declared")] {
        let text = page::text(&html(&evidence, language).unwrap());
        // Every question of the manifest, and the organisation and controller of the summary.
        assert!(text.matches(words).count() > 55, "{}", text.matches(words).count());
    }
}

#[test]
fn a_level_out_of_reach_has_no_figure() {
    let refuse = |level: &mut LevelResult| {
        level.same_data = None;
        level.fixed = None;
    };
    let all_refused = sealed_again(&sample::leak(), |core| {
        for result in core.rows.iter_mut().filter_map(|row| row.membership.as_mut()) {
            result.levels.iter_mut().for_each(refuse);
        }
    });
    let text = page::text(&html(&all_refused, Language::English).unwrap());
    let row = |level: &str, needed: &str| {
        format!("{level} Out of reach: that would take {needed} non-members, and the sample has 700.")
    };
    let flat = text.replace('\n', " ");
    assert!(flat.contains(&row("1%", "299")), "{text}");
    assert!(flat.contains(&row("0.1%", "2,995")), "{text}");
    assert!(!text.contains("of members recognised, at"), "{text}");
}

#[test]
fn only_tests_that_ran_are_counted() {
    let evidence = sealed_again(&sample::leak(), |core| {
        let extraction = core.rows.iter_mut().find(|row| row.family == "extraction").unwrap();
        extraction.verdict = Verdict::NotApplicable;
        extraction.reasons = vec![Reason::DeclaredNotApplicable { why: "It writes no text.".to_owned() }];
    });
    let [asked, verdict, not_said] = headline(&evidence, Language::English);
    assert!(
        asked.starts_with("3 tests run against the model “Chiffres manuscrits”, on 700 records"),
        "{asked}"
    );
    assert!(asked.ends_with("1 more test was asked for and could not be run."), "{asked}");
    assert!(verdict.contains("2 of the 3 tests that were run"), "{verdict}");
    let senseless = "Family declared not applicable, hence not tested: extraction of training texts.";
    assert!(not_said.contains(senseless), "{not_said}");
    let text = page::text(&html(&evidence, Language::English).unwrap());
    assert!(text.contains("Declared not applicable in the manifest: “It writes no text”."), "{text}");
}

#[test]
fn a_leak_on_average_alone_is_not_told_by_rates_that_show_nothing() {
    let evidence = sealed_again(&sample::leak(), |core| {
        core.rows.truncate(1);
        let result = core.rows[0].membership.as_mut().unwrap();
        let rates = result.tests.iter_mut().filter(|test| test.statistic != Statistic::Auc);
        rates.for_each(|test| (test.p_adjusted, test.p_controlled) = (1.0, Some(1.0)));
    });
    let text = page::text(&html(&evidence, Language::English).unwrap());
    assert!(text.contains("this attack points at the member"), "{text}");
    assert!(text.contains("it does not recognise clearly more members than chance would"), "{text}");
    assert!(text.contains("No better than chance at the level of 1%"), "{text}");
}

#[test]
fn a_threshold_that_cannot_be_fixed_apart_says_what_is_short() {
    let evidence = sealed_again(&sample::leak(), |core| {
        for level in
            core.rows.iter_mut().filter_map(|row| row.membership.as_mut()).flat_map(|r| &mut r.levels)
        {
            (level.fixed, level.counted_non_members) = (None, 210);
        }
    });
    let text = page::text(&html(&evidence, Language::English).unwrap());
    let short =
        "that would take 299 non-members to fix the threshold and as many to count; there are 490 and 210.";
    assert!(text.contains(short), "{text}");
    assert!(text.contains("Level of 1% false alarms: the sample is enough for"), "{text}");
}

#[test]
fn figures_that_are_not_found_again_say_why_and_what_it_may_be() {
    let fidelity = |measure, causes: &[Cause]| Reason::Fidelity {
        side: "test".to_owned(),
        measure,
        declared: 0.93,
        measured: 0.1,
        causes: causes.to_vec(),
    };
    let normalisation = |how| Cause::Normalisation { how };
    for (reason, english, french) in [
        (
            fidelity(Measure::Accuracy, &[]),
            "Frequent causes: normalisation",
            "ordre des classes, mode d’évaluation",
        ),
        (
            fidelity(Measure::Loss, &[normalisation(Scaling::Times255), Cause::LabelOrder]),
            "(0.100) is not the one that the manifest declares (0.930)",
            "multipliées par 255), ordre des classes (une autre numérotation",
        ),
        (
            fidelity(
                Measure::Accuracy,
                &[normalisation(Scaling::DividedBy255), normalisation(Scaling::Standardised)],
            ),
            "with each channel or column standardised)",
            "divisées par 255",
        ),
        (
            fidelity(Measure::Accuracy, &[Cause::EvaluationMode, Cause::ChannelOrder, Cause::Layout]),
            "the model is in training mode",
            "disposition des entrées",
        ),
        (
            Reason::ProxyMismatch { target: 0.3, references: 0.1, allowed: 0.05 },
            "is 30.0% for the audited model and 10.0% on average",
            "l’attaque a pu trouver moins qu’il n’y a",
        ),
        (
            Reason::DeclaredUnmeasured,
            "does not let what the manifest declares",
            "ne permet pas de mesurer ce que",
        ),
    ] {
        for (language, expected) in [(Language::English, english), (Language::French, french)] {
            let text = language.reason(&reason);
            assert!(text.contains(expected), "{text}");
        }
    }
}

#[test]
fn tests_that_prove_nothing_say_why_and_not_what_they_would_have_seen() {
    let page_with = |reason: Reason, language| {
        let evidence =
            sealed_again(&sample::inconclusive(), |core| core.rows[0].reasons = vec![reason.clone()]);
        page::text(&html(&evidence, language).unwrap())
    };
    for (reason, english, french) in [
        (
            Reason::ReferencesTellMembers { p: 2e-4 },
            "depends on its membership (p",
            "dépend de son appartenance (p",
        ),
        (
            Reason::RecordCountsTellMembers { p: 2e-4 },
            "do not have as many as non-members (p",
            "n’en ont pas autant que les non-membres (p",
        ),
        (
            Reason::Underpowered { detectable: Some(0.045), wanted: 0.01 },
            "would show is 4.5%",
            "vraies et fausses alarmes est de 4,5",
        ),
        (
            Reason::Underpowered { detectable: None, wanted: 0.01 },
            "at no declared level would the test show",
            "à aucun niveau déclaré",
        ),
    ] {
        let text = page_with(reason.clone(), Language::English);
        assert!(text.contains(english), "{text}");
        let seen = text.contains("may have gone unnoticed");
        assert_eq!(seen, matches!(reason, Reason::Underpowered { .. }), "{text}");
        let text = page_with(reason, Language::French);
        assert!(text.contains(french), "{text}");
    }
}

#[test]
fn without_false_alarms_no_share_of_true_alarms_is_stated() {
    let evidence = sealed_again(&sample::leak(), |core| {
        for level in
            core.rows.iter_mut().filter_map(|row| row.membership.as_mut()).flat_map(|r| &mut r.levels)
        {
            if let Some(fixed) = &mut level.fixed {
                (fixed.fpr.hits, fixed.fpr.estimate) = (0, 0.0);
            }
            level.precision.clear();
        }
    });
    let text = page::text(&html(&evidence, Language::English).unwrap());
    assert!(text.contains("Cannot be estimated: no false alarm among 350 non-members"), "{text}");
    assert!(text.contains("wrongly pointed at none of the 350 non-members"), "{text}");
}

/// The first test of the sample with these bounds and no other test.
fn with_bounds(found: OneRunEpsilon) -> Evidence {
    sealed_again(&sample::leak(), |core| {
        core.rows.truncate(1);
        core.rows[0].membership.as_mut().unwrap().epsilon = Some(Epsilon::OneRun(found));
        let commitment = "c0de".repeat(16);
        let committed = "2026-02-01T08:00:00Z".to_owned();
        core.data.canaries = Some(CanarySummary { canaries: 1000, commitment, committed });
    })
}

#[test]
fn a_bound_stands_beside_its_ceiling_and_the_claim() {
    let evidence = with_bounds(sample::one_run(1000, 100, 90, Some(1.0)));
    for (language, refuted, guesses) in [
        (Language::English, "ε ≤ 1 at δ = 0.00001, is refuted: ε is at least 1.4", "50 “in” for the highest"),
        (
            Language::French,
            "ε ≤ 1 pour δ = 0,00001, est réfutée\u{202f}: ε vaut au moins 1,4",
            "50 «\u{202f}dedans\u{202f}»",
        ),
    ] {
        let html = html(&evidence, language).unwrap();
        page::check(&html);
        let text = page::text(&html);
        // On the first screen and beside the figures.
        assert_eq!(text.matches(refuted).count(), 2, "{text}");
        assert!(headline(&evidence, language)[1].contains(refuted));
        assert!(text.contains(guesses) && html.contains(&"c0de".repeat(16)), "{text}");
        assert!(!text.to_lowercase().contains("heuristi"), "{text}");
    }
    let text = page::text(&html(&evidence, Language::English).unwrap());
    let table = text.split("Lower bound on ε (canaries)").nth(2).unwrap();
    insta::assert_snapshot!("bounds.en", table.split("Controls and reach").next().unwrap().trim());
}

#[test]
fn a_claim_that_is_not_refuted_is_not_confirmed() {
    let told = |found| page::text(&html(&with_bounds(found), Language::English).unwrap());
    let text = told(sample::one_run(1000, 100, 70, Some(2.0)));
    assert!(text.contains("The claimed ε, 2, is not refuted, which does not confirm it."), "{text}");
    let text = told(sample::one_run(1000, 100, 100, Some(8.0)));
    assert!(text.contains("The claimed ε, 8, could not have been refuted: even all right, 100"), "{text}");
    let text = told(sample::one_run(20, 2, 2, Some(8.0)));
    assert!(text.contains("Too few canaries: even all right, 2 guesses would allow no"), "{text}");
    let text = told(sample::one_run(1000, 100, 70, None));
    assert!(!text.contains("refuted") && text.contains("0.00001 (no δ is declared)"), "{text}");
}

#[test]
fn without_canaries_there_is_no_bound_but_a_heuristic() {
    let text = page::text(&html(&sample::leak(), Language::English).unwrap());
    assert_eq!(text.matches("Heuristic, no guarantee: ").count(), 3, "{text}");
    assert!(!text.contains("Lower bound on ε") && !text.contains("ε is at least"), "{text}");
}

#[test]
fn small_parts_show_neither_figures_nor_counts() {
    let text = page::text(&html(&sample::leak(), Language::English).unwrap()).replace('\n', " ");
    assert!(text.contains(" 1 under 10 62 – –"), "{text}");
    assert!(text.contains("Declared group group “B” 120 under 10 – –"), "{text}");
    let leaky = sealed_again(&sample::leak(), |core| {
        for slice in
            core.rows.iter_mut().filter_map(|row| row.membership.as_mut()).flat_map(|r| &mut r.slices)
        {
            slice.auc = Some(0.987_654);
        }
    });
    let text = page::text(&html(&leaky, Language::English).unwrap()).replace('\n', " ");
    assert!(text.contains(" 1 under 10 62 – –"), "a figure of a small part is shown: {text}");
}

#[test]
fn figures_that_do_not_exist_draw_nothing_and_break_nothing() {
    let odd = sealed_again(&sample::leak(), |core| {
        for (i, result) in core.rows.iter_mut().filter_map(|row| row.membership.as_mut()).enumerate() {
            match i {
                0 => {
                    result.roc.clear();
                    result.histogram.members.counts.clear();
                    result.histogram.non_members.counts.clear();
                    result.unrelated.iter_mut().for_each(|control| control.null.clear());
                }
                1 => {
                    (result.members, result.non_members) = (0, 0);
                    result.roc.iter_mut().for_each(|point| point.tpr = f64::NAN);
                    (result.histogram.lower, result.histogram.upper) = (f64::NEG_INFINITY, f64::INFINITY);
                    result.histogram.members.above = u64::MAX;
                    result.unrelated.iter_mut().for_each(|control| control.observed = f64::NAN);
                }
                _ => {
                    result.levels.clear();
                    result.tests.clear();
                    result.slices.clear();
                    result.auc.auc = f64::INFINITY;
                    result.histogram.upper = result.histogram.lower;
                    result.power.auc = None;
                }
            }
        }
    });
    pages("odd", &odd);
    let empty = sealed_again(&sample::scores(), |core| core.rows.clear());
    pages("empty", &empty);
}

/// One test about membership and one about an attribute, both with a leak.
fn mixed() -> Evidence {
    let attribute = sample::attributes().core.rows[0].clone();
    sealed_again(&sample::leak(), |core| {
        core.rows.truncate(1);
        core.rows.push(attribute);
    })
}

#[test]
fn both_kinds_of_tests_stand_side_by_side() {
    let evidence = mixed();
    for (language, verdict, question) in [
        (
            Language::English,
            "demonstrated by each of the 2 tests that were run: they tell the data",
            "The questions: by asking the model, can one find out which data",
        ),
        (
            Language::French,
            "démontrée par chacun des 2 tests menés : ils distinguent les données",
            "Les questions : en interrogeant le modèle, peut-on savoir quelles données",
        ),
    ] {
        let flat = |text: String| text.replace('\u{202f}', " ");
        assert!(flat(headline(&evidence, language)[1].clone()).contains(verdict));
        let html = html(&evidence, language).unwrap();
        page::check(&html);
        let text = flat(page::text(&html));
        assert!(text.contains(question), "{text}");
        // Each is read in its own way, and the levels of false alarms are those of the one that has some.
        assert!(html.contains("id=\"test-0-roc-t\"") && html.contains("id=\"test-1-arms-t\""));
        assert!(!html.contains("id=\"test-1-roc-t\"") && !html.contains("id=\"test-0-arms-t\""));
    }
    let one_more = sealed_again(&evidence, |core| {
        core.rows.push(sample::inconclusive().core.rows[0].clone());
    });
    assert!(headline(&one_more, Language::English)[1].contains("by 2 of the 3 tests that were run"));
    let text = page::text(&html(&evidence, Language::English).unwrap());
    assert!(text.contains("a net difference of 1.9 points"), "{text}");
    assert!(text.contains("Membership inference\n") && text.contains("Attribute inference\n"), "{text}");
}

#[test]
fn an_attribute_leads_where_it_is_the_stronger_leak() {
    let leads = |difference: f64| {
        let evidence = sealed_again(&mixed(), |core| {
            core.rows[1].attribute.as_mut().unwrap().difference.value = difference;
        });
        let html = html(&evidence, Language::English).unwrap();
        page::check(&html);
        page::text(&html).contains("this difference comes from what the model kept of the members")
    };
    assert!(leads(0.9) && !leads(0.001));
}

#[test]
fn what_is_guessed_of_a_population_is_not_told_as_a_leak() {
    let lead = |row: usize, language| {
        let evidence = sealed_again(&sample::attributes(), |core| {
            core.rows = vec![core.rows[row].clone()];
        });
        let text = page::text(&html(&evidence, language).unwrap()).replace('\u{202f}', " ");
        let lead = text.split("Thin line").next().unwrap().split("Trait fin").next().unwrap().to_owned();
        assert!(!lead.contains("kept of the members") && !lead.contains("a retenu des membres"), "{lead}");
        lead
    };
    let open = lead(2, Language::English);
    assert!(open.contains("This difference may be chance."), "{open}");
    assert!(open.contains("is knowledge about a population, which is not counted as a leak"), "{open}");
    assert!(open.contains("too small to reveal any leak at all"), "{open}");
    let below = lead(1, Language::French);
    assert!(below.contains("Cet écart peut être dû au hasard."), "{below}");
    assert!(
        below.contains("d’au plus 0,8 point, soit moins que celui déclaré important (2,0 points)"),
        "{below}"
    );
    assert!(!below.contains("aurait révélé"), "{below}");
}

#[test]
fn reasons_speak_of_what_the_row_is_about() {
    let few = Reason::TooFew { needed: 20, members: 7, non_members: 9 };
    let budget = Reason::CandidateBudget { needed: 900, allowed: 10, candidates: 3, sample: 0 };
    for (reason, english, french) in [
        (
            few.clone(),
            "whose attribute is known are needed; there are 7",
            "dont l’attribut est connu ; il y a 7",
        ),
        (Reason::AllTied, "equally likely: it guesses nothing", "également probables : elle ne devine rien"),
        (
            Reason::Significant { p_adjusted: 0.01, alpha: 0.05 },
            "guessing without the model",
            "qui devine sans le modèle",
        ),
        (
            Reason::NotSignificant { p_adjusted: 0.4, alpha: 0.05 },
            "may be chance (p",
            "peut être dû au hasard (p",
        ),
        (
            Reason::Confounded { p: 0.4, alpha: 0.05 },
            "about as much on unrelated models",
            "autant sur des modèles sans rapport",
        ),
        (
            Reason::DifferenceUnderpowered { detectable: Some(0.031), wanted: 0.02 },
            "would show is 3.1 points; one of 2.0 points",
            "est de 3,1 points ; un écart de 2,0 points",
        ),
        (budget, "would not be enough", "n’y suffirait pas"),
    ] {
        for (language, expected) in [(Language::English, english), (Language::French, french)] {
            let text = language.reason_of(&reason, "attribute-inference").replace('\u{202f}', " ");
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains("score") && !text.contains("paname signs"), "{text}");
        }
    }
    let of_members = Language::English.reason_of(&few, "membership-inference");
    assert_eq!(of_members, Language::English.reason(&few));
    assert!(of_members.contains("paname signs"), "{of_members}");
}

#[test]
fn which_of_the_three_was_rebuilt_is_said_in_the_grid_and_on_the_first_screen() {
    let told = [
        (0, "persons, who can be told apart", "On peut donc tirer du modèle de quoi les reconnaître"),
        (
            1,
            "traits of the training records themselves, of one or of several, and not of their class alone",
            "de quoi reconstituer des données précises",
        ),
        (2, "the average of a class, which is nobody", "La moyenne d’une classe, qui n’est personne"),
        (3, "the average of a class, which is nobody", "La moyenne d’une classe, qui n’est personne"),
        (4, "nothing recognisable", "Rien de reconnaissable"),
        (5, "undetermined", "reste ouvert"),
        (6, "undetermined", "rien ne peut être comparé"),
    ];
    for (row, grid, lead) in told {
        let alone = sealed_again(&sample::inversions(), |core| core.rows = vec![core.rows[row].clone()]);
        let page = |language| page::text(&html(&alone, language).unwrap()).replace('\u{202f}', " ");
        let english = page(Language::English);
        assert_eq!(english.matches(&format!("Rebuilt: {grid}")).count(), 2, "{english}");
        let french = page(Language::French);
        let first = french.split("Trait fin").next().unwrap();
        assert!(first.contains(lead), "{first}");
    }
}

#[test]
fn members_that_may_differ_by_themselves_are_not_told_as_persons() {
    let shifted = sealed_again(&sample::inversions(), |core| {
        core.rows = vec![core.rows[1].clone()];
        core.rows[0].verdict = Verdict::Inconclusive;
        core.rows[0].reasons.pop();
        core.rows[0].reasons.push(Reason::ShiftNotExcluded);
    });
    let persons = sealed_again(&sample::inversions(), |core| {
        core.rows = vec![core.rows[0].clone()];
        core.rows[0].reasons.pop();
        core.rows[0].reasons.push(Reason::ShiftNotExcluded);
    });
    let text = page::text(&html(&persons, Language::English).unwrap());
    assert!(
        text.contains("This is no average, which is nobody") && text.contains("Rebuilt: persons"),
        "{text}"
    );
    let text = page::text(&html(&shifted, Language::English).unwrap());
    assert!(
        text.contains("Rebuilt: undetermined") && !text.contains("An average of the class would not"),
        "{text}"
    );
}

#[test]
fn the_average_of_a_person_is_not_told_as_nobody() {
    let persons = sealed_again(&sample::inversions(), |core| {
        core.rows = vec![core.rows[2].clone()];
        core.rows[0].inversion.as_mut().unwrap().persons = true;
    });
    for (language, outcome, nobody) in [
        (
            Language::English,
            "what an evaluator assigns to the right person, perhaps a mere average.",
            "average of a class, which is nobody",
        ),
        (
            Language::French,
            "ce qu’un évaluateur rattache à la bonne personne, peut-être une simple moyenne.",
            "moyenne d’une classe, qui n’est personne",
        ),
    ] {
        let text = page::text(&html(&persons, language).unwrap());
        assert_eq!(text.matches(outcome).count(), 2, "{text}");
        assert!(!text.contains(nobody), "{text}");
    }
}

#[test]
fn reasons_of_inversions_speak_of_classes() {
    for (reason, english, french) in [
        (
            Reason::NearestUnderpowered { detectable: None, wanted: 0.7 },
            "no share, however large",
            "si grande soit-elle",
        ),
        (Reason::Significant { p_adjusted: 0.01, alpha: 0.05 }, "points at members", "désigne des membres"),
        (
            Reason::NoGradients { questions: 9000, allowed: Some(500), generator: false },
            "9,000 questions at most; the",
            "en permet 500",
        ),
        (
            Reason::NoGradients { questions: 9, allowed: None, generator: false },
            "The model gives no gradients",
            "que le manifeste permet",
        ),
        (
            Reason::NoGradients { questions: 9, allowed: None, generator: true },
            "No gradients come through the generator",
            "Le générateur ne transmet aucun gradient",
        ),
        (
            Reason::Budget { needed: 6000, allowed: 500, per_class: Some(600) },
            "6,000 questions to the model, 600 for each class; the manifest allows 500.",
            ", 600 par classe",
        ),
        (
            Reason::Budget { needed: 6000, allowed: 500, per_class: None },
            "to the model; the manifest",
            "questions au modèle",
        ),
        (
            Reason::Possible {
                attacks: ["brep", "gmi"]
                    .map(|name| PossibleAttack { attack: name.into(), questions: 1200 })
                    .into(),
            },
            "could run here: brep (1,200 questions at most), gmi (1,200 questions at most).",
            "pourraient être menées ici",
        ),
        (Reason::Possible { attacks: Vec::new() }, "No attack that rebuilds", "Aucune attaque"),
        (Reason::Texts { rebuilt: true }, "does not declare", "ne déclare pas que les données en sont"),
        (Reason::Texts { rebuilt: false }, "rebuilds no texts", "modality ou likeness"),
        (Reason::PartlyRebuilt, "might have found more", "aurait pu trouver plus"),
    ] {
        for (language, expected) in [(Language::English, english), (Language::French, french)] {
            let text = language.reason_of(&reason, "model-inversion");
            assert!(text.contains(expected) && !text.contains("score"), "{text}");
        }
    }
}

#[test]
fn a_gallery_is_shown_as_a_picture_or_not_at_all() {
    let with = |png: &str| {
        let evidence = sealed_again(&sample::inversions(), |core| {
            let result = core.rows[0].inversion.as_mut().unwrap();
            png.clone_into(&mut result.gallery.as_mut().unwrap().png);
        });
        let html = html(&evidence, Language::English).unwrap();
        page::check(&html);
        html
    };
    let shown = html(&sample::inversions(), Language::English).unwrap();
    assert_eq!(shown.matches("<img src=\"data:image/png;base64,iVBORw0KGgo").count(), 1);
    assert!(page::text(&shown).contains("The picture is blurred. It may show persons"));
    for hostile in ["PHN2Zz48L3N2Zz4=", "\"><script>alert(1)</script>", ""] {
        let page = with(hostile);
        assert!(!page.contains("<img") && !page.contains("<script"), "{hostile}");
        assert!(page::text(&page).contains("no well-encoded PNG"), "{hostile}");
    }
}

#[test]
fn three_kinds_of_tests_stand_side_by_side() {
    let evidence = sealed_again(&mixed(), |core| core.rows.push(sample::inversions().core.rows[0].clone()));
    for (language, verdict, question) in [
        (
            Language::English,
            "by each of the 3 tests that were run: they tell the data that trained the model from data that did not, or guess an attribute",
            "can one find out which data it was trained on, or guess what one does not know about the data it was trained on, better than without it, or rebuild data",
        ),
        (
            Language::French,
            "par chacun des 3 tests menés : ils distinguent les données qui ont servi à entraîner le modèle de celles qui n’y ont pas servi, ou devinent un attribut",
            "peut-on savoir quelles données ont servi à l’entraîner, ou deviner ce que l’on ignore des données qui l’ont entraîné, mieux que sans lui, ou reconstituer des données",
        ),
    ] {
        let flat = |text: String| text.replace('\u{202f}', " ");
        assert!(flat(headline(&evidence, language)[1].clone()).contains(verdict));
        let html = html(&evidence, language).unwrap();
        page::check(&html);
        assert!(flat(page::text(&html)).contains(question));
        assert!(html.contains("id=\"test-1-arms-t\"") && html.contains("id=\"test-2-rebuilt-t\""));
    }
}

#[test]
fn figures_of_inversions_that_do_not_exist_break_nothing() {
    let odd = sealed_again(&sample::inversions(), |core| {
        for (i, result) in core.rows.iter_mut().filter_map(|row| row.inversion.as_mut()).enumerate() {
            let value = [f64::NAN, f64::INFINITY, -1.0][i % 3];
            for rate in [&mut result.attack.nearest, &mut result.nearest.members] {
                (rate.estimate, rate.interval.lower, rate.interval.upper) = (value, value, value);
            }
            (result.chance, result.detectable) = (value, Some(value));
            result.attack.starts = result.attack.distance;
            (result.unregularised, result.average) = (None, None);
            result.tests.clear();
            result.endings.clear();
            result.nearest.nearer.value = value;
        }
    });
    pages("odd-inversions", &odd);
}

#[test]
fn what_was_rebuilt_of_texts_is_told_by_the_words_that_it_gives_again() {
    let texts = sealed_again(&sample::inversions(), |core| {
        let result = core.rows.iter_mut().find_map(|row| row.inversion.as_mut()).unwrap();
        let figure = |value| Figure { value, ..result.nearest.nearer };
        result.likeness = Likeness::Tokens;
        let words = ["b…", "<i>"].map(str::to_owned).to_vec();
        result.texts = Some(RebuiltTexts { texts: vec![RebuiltText { class: 7, words }], masked: true });
        result.attack.recall =
            Some(Recall { members: figure(0.875), others: figure(0.125), difference: figure(0.75) });
    });
    for (language, class, told) in [
        (
            Language::French,
            "Classe 7",
            ["Mots d’un membre retrouvés", "87,5 %", "les 60 jetons", "mots les plus fréquents"],
        ),
        (
            Language::English,
            "Class 7",
            ["Words of a member found again", "87.5%", "the 60 tokens", "commonest words"],
        ),
    ] {
        let html = html(&texts, language).unwrap();
        page::check(&html);
        let text = page::text(&html).replace(['\u{202f}', '\u{a0}'], " ");
        for told in told {
            assert!(text.to_lowercase().contains(&told.to_lowercase()), "{told}");
        }
        // Other tests tell nothing of words.
        assert!(html.contains("b… &lt;i&gt;") && text.contains(class));
        assert_eq!(text.matches("mmonest words").count() + text.matches("plus fréquents").count(), 1);
    }
}

#[test]
fn small_parts_of_an_attribute_show_no_figure() {
    let leaky = sealed_again(&sample::attributes(), |core| {
        let result = core.rows[0].attribute.as_mut().unwrap();
        let (share, difference) = (result.slices[0].share, result.slices[0].difference);
        let last = result.slices.last_mut().unwrap();
        (last.share, last.difference) = (share, difference);
    });
    for language in Language::ALL {
        let html = html(&leaky, language).unwrap();
        assert!(!html.contains(" – Undeclared"), "a strip of a small part is drawn");
        let text = page::text(&html);
        let row = text.split("Undeclared").nth(1).unwrap();
        assert!(row.lines().next().unwrap().ends_with("31 – – –"), "{row}");
    }
}

#[test]
fn figures_of_attributes_that_do_not_exist_break_nothing() {
    let odd = sealed_again(&sample::attributes(), |core| {
        for (i, result) in core.rows.iter_mut().filter_map(|row| row.attribute.as_mut()).enumerate() {
            for arm in [&mut result.attack, &mut result.imputation, &mut result.prior] {
                let share = [f64::NAN, f64::INFINITY, 0.0][i];
                for side in [&mut arm.members, &mut arm.non_members] {
                    (side.share, side.interval.lower, side.interval.upper) = (share, share, share);
                }
            }
            let value = [f64::NAN, f64::NEG_INFINITY, 1.0][i];
            for slice in &mut result.slices {
                if let Some(difference) = &mut slice.difference {
                    (difference.value, difference.interval.upper) = (value, value);
                }
            }
            (result.difference.value, result.difference.interval.lower) = (value, value);
            (result.detectable, result.upper) = (Some(value), value);
            if let Some(control) = &mut result.unrelated {
                control.null.clear();
                control.observed = value;
            }
        }
        core.statistics = serde_json::json!({});
    });
    pages("odd-attributes", &odd);
}

#[test]
fn twelve_tests_fit_into_a_small_file() {
    let twelve = sealed_again(&sample::leak(), |core| {
        let first = core.rows[0].clone();
        core.rows =
            (0..12).map(|i| paname_evidence::Row { id: format!("test-{i}"), ..first.clone() }).collect();
    });
    for html in pages("twelve", &twelve) {
        assert!(html.len() < 400_000, "{} bytes", html.len());
    }
}

#[test]
fn changed_or_foreign_evidence_has_no_report() {
    let mut changed = sample::leak();
    changed.core.rows[0].edpb.push('x');
    assert!(matches!(html(&changed, Language::French), Err(ReportError::Changed { .. })));
    let mut foreign = sample::leak();
    foreign.schema = "paname-evidence/9".to_owned();
    assert!(matches!(html(&foreign, Language::French), Err(ReportError::Schema { .. })));
}
