//! Manifests that are read, and manifests that are refused with one clear message at the right place.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::Path;

use paname_engine::{EngineError, Manifest, TemplateAnswers, manifest_schema, template};

const GOOD: &str = r#"schema = "paname-audit/1"

[data]
records = "records.csv"
personal = []

[target]
adapter = "predictions"
logits = "target.npz#logits"

[[test]]
id = "mia-loss"
attack = "loss"
"#;

fn read(bytes: &[u8]) -> Result<Manifest, EngineError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.toml");
    std::fs::write(&path, bytes).unwrap();
    Manifest::read(&path)
}

/// Line, column, message and the text pointed at.
fn refusal(bytes: &[u8]) -> String {
    match read(bytes) {
        Err(EngineError::Manifest { line, column, problem, span, .. }) => {
            let pointed = String::from_utf8_lossy(&bytes[span]).into_owned();
            format!("{line}:{column}: {problem}\n    at {pointed:?}")
        }
        other => panic!("{other:?}\n{}", String::from_utf8_lossy(bytes)),
    }
}

/// The good manifest with a text replaced.
fn with(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    GOOD.replace(from, to).into_bytes()
}

/// The good manifest with more at its end.
fn and(more: &str) -> Vec<u8> {
    format!("{GOOD}\n{more}\n").into_bytes()
}

/// The good manifest with reference models that are fitted so.
fn fitted(keys: &str) -> Vec<u8> {
    and(&format!("[references]\nadapter = \"command\"\n[references.fit]\n{keys}"))
}

#[test]
fn each_bad_manifest_has_one_message_at_its_place() {
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("unknown key", with("records =", "recrods =")),
        ("unknown key, nothing close", with("personal = []", "personal = []\ncolour = \"red\"")),
        ("unknown table", and("[statistic]\nalpha = 0.1")),
        ("unknown key in an inline table", and("[organisation]\ncontact = { nom = \"Camille\" }")),
        ("unknown key in a list of tables", and("[[data.source]]\nstages = \"pretrain\"")),
        ("missing key", with("records = \"records.csv\"\n", "")),
        ("missing table", with("[target]\nadapter = \"predictions\"\nlogits = \"target.npz#logits\"\n", "")),
        ("missing adapter", with("adapter = \"predictions\"\n", "")),
        ("nothing", Vec::new()),
        ("no test", with("[[test]]\nid = \"mia-loss\"\nattack = \"loss\"\n", "")),
        (
            "empty list of tests",
            b"test = []\n"
                .iter()
                .chain(&with("[[test]]\nid = \"mia-loss\"\nattack = \"loss\"\n", ""))
                .copied()
                .collect(),
        ),
        ("no TOML", with("records = \"records.csv\"", "records = records.csv")),
        ("unclosed string", with("\"records.csv\"", "\"records.csv")),
        ("key twice", with("personal = []", "personal = []\npersonal = []")),
        ("another schema", with("paname-audit/1", "paname-audit/2")),
        ("another language", with("[data]", "lang = [\"de\"]\n[data]")),
        ("language twice", with("[data]", "lang = [\"fr\", \"fr\"]\n[data]")),
        ("wrong type", with("records = \"records.csv\"", "records = 3")),
        ("date", with("records = \"records.csv\"", "records = 2026-01-01")),
        ("text for a number", and("[statistics]\nalpha = \"5 %\"")),
        ("table for a list", and("[statistics.fpr_targets]\na = 0.1")),
        ("empty name of a file", with("records.csv", "")),
        ("value outside a closed list", and("[organisation]\nsize = \"pme\"")),
        (
            "value outside a closed list with descriptions",
            with("personal = []", "personal = []\nsplit = \"chance\""),
        ),
        ("unknown family", and("[[test]]\nid = \"b\"\nfamily = \"inversion\"\nnot_applicable = \"no\"")),
        ("unknown access", and("[access]\nsignals = [\"logits\", \"probs\"]")),
        ("no access", and("[access]\nsignals = []")),
        ("no queries", and("[access]\nmax_queries = 0")),
        ("alpha out of range", and("[statistics]\nalpha = 1.5")),
        ("confidence out of range", and("[statistics]\nconfidence = 95")),
        ("power out of range", and("[statistics]\npower = 0")),
        ("negative seed", and("[statistics]\nseed = -1")),
        ("huge seed", and("[statistics]\nseed = 99999999999999999999")),
        ("not a number", and("[statistics]\nalpha = nan")),
        ("infinite parameter", and("parameters = { gamma = inf }")),
        ("level out of range", and("[statistics]\nfpr_targets = [0.01, 1.0]")),
        ("level twice", and("[statistics]\nfpr_targets = [0.01, 1e-2]")),
        ("no level", and("[statistics]\nfpr_targets = []")),
        ("many levels", and("[statistics]\nfpr_targets = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]")),
        ("calibration of everything", and("[statistics]\ncalibration_fraction = 1")),
        ("prior out of range", and("[statistics]\npriors = [0]")),
        ("unknown correction", and("[statistics]\ncorrection = \"bonferroni\"")),
        ("accuracy in percent", and("[model]\ntrain_accuracy = 99.2")),
        ("negative epsilon", and("[model]\ndp = { claimed_epsilon = -1, delta = 0 }")),
        ("one reference model", fitted("models = 1")),
        ("no reference model", fitted("models = 0")),
        ("all of the records", fitted("share = 1.0")),
        ("none of the records", fitted("share = 0")),
        ("no recipe anywhere", fitted("models = 4")),
        ("unknown key of a fit", fitted("model = 4")),
        ("unknown key of a recipe", fitted("recipe = { learning_rate = 0.1 }")),
        ("unknown optimizer", fitted("recipe = { optimizer = \"sdg\" }")),
        ("unknown change of images", fitted("recipe = { augmentation = [\"turn\"] }")),
        ("unknown change of images with a size", fitted("recipe = { augmentation = [{ turn = 3 }] }")),
        ("no step size", fitted("recipe = { learning-rate = 0 }")),
        ("fit without a recipe", and("[target.fit]")),
        (
            "fit and given weights",
            and("[references]\nadapter = \"command\"\nweights = [\"a\"]\nfit = { recipe = {} }"),
        ),
        (
            "unknown key of the inputs",
            with("personal = []", "personal = []\ninputs = { arrays = \"x.npy\" }"),
        ),
        ("inputs from a pickle", with("personal = []", "personal = []\ninputs = { array = \"x.pkl\" }")),
        (
            "canaries without a commitment",
            with("personal = []", "personal = []\ncanaries = \"canaries.json\""),
        ),
        ("a commitment to nothing", with("personal = []", "personal = []\ncommitment = \"commitment.json\"")),
        ("no guess", and("[statistics]\nepsilon_guesses = 0")),
        ("epsilon without delta", and("[model]\ndp = { claimed_epsilon = 1 }")),
        ("id twice", and("[[test]]\nid = \"mia-loss\"\nattack = \"entropy\"")),
        ("id twice but for capitals", and("[[test]]\nid = \"MIA-loss\"\nattack = \"entropy\"")),
        ("id with a slash", with("mia-loss", "../loss")),
        ("id of dots", with("mia-loss", "..")),
        ("id with an accent", with("mia-loss", "perte-élevée")),
        ("long id", with("mia-loss", &"x".repeat(65))),
        ("test without attack", with("attack = \"loss\"\n", "")),
        ("attack and not applicable", and("not_applicable = \"no labels\"")),
        ("not applicable without family", and("[[test]]\nid = \"b\"\nnot_applicable = \"no text\"")),
        (
            "not applicable without reason",
            and("[[test]]\nid = \"b\"\nfamily = \"extraction\"\nnot_applicable = \"\""),
        ),
        (
            "not applicable with parameters",
            and(
                "[[test]]\nid = \"b\"\nfamily = \"extraction\"\nnot_applicable = \"no text\"\nparameters = { k = 1 }",
            ),
        ),
        ("family of an attack", and("family = \"extraction\"")),
        ("personal data not declared", with("personal = []\n", "")),
        ("personal data without legal frame", with("personal = []", "personal = [\"health\"]")),
        ("personal data with half a legal frame", {
            let text = String::from_utf8(with("personal = []", "personal = [\"health\"]")).unwrap();
            format!("{text}[legal]\ncontroller = \"A\"\ntest_legal_basis = \" \"\nlawfully_obtained = false\nno_individual_decision = true\n").into_bytes()
        }),
        ("review on a day that does not exist", and("[legal]\nnext_review = \"2027-02-30\"")),
        ("review at a time", and("[legal]\nnext_review = \"2027-04-01T09:00:00Z\"")),
        ("special categories of nothing", with("personal = []", "personal = []\nspecial_categories = true")),
        (
            "after an accent, columns count characters",
            with("[data]", "organisation = { secteur = \"é\" }\n[data]"),
        ),
        (
            "Latin-1",
            with("records.csv", "donn\u{0}es.csv").iter().map(|&b| if b == 0 { 0xe9 } else { b }).collect(),
        ),
        ("UTF-16", [0xff, 0xfe].into_iter().chain(GOOD.encode_utf16().flat_map(u16::to_le_bytes)).collect()),
        ("zero bytes", vec![0; 16]),
        ("deep nesting", format!("a = {}", "[".repeat(100_000)).into_bytes()),
    ];
    let told: Vec<String> = bad.iter().map(|(name, bytes)| format!("{name}\n  {}", refusal(bytes))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_is_declared_is_kept_in_its_own_words() {
    let manifest = read(&and("parameters = { gamma = 2, since = 2026-01-31 }")).unwrap();
    assert_eq!(
        manifest.declared,
        serde_json::json!({
            "schema": "paname-audit/1",
            "data": { "records": "records.csv", "personal": [] },
            "target": { "adapter": "predictions", "logits": "target.npz#logits" },
            "test": [{ "id": "mia-loss", "attack": "loss", "parameters": { "gamma": 2, "since": "2026-01-31" } }],
        })
    );
    // The defaults stand in the typed content only.
    assert_eq!(manifest.content.statistics.fpr_targets, [0.01, 0.001]);
    assert_eq!(manifest.content.lang, ["fr", "en"]);
    assert_eq!(manifest.content.target.source.config["logits"], "target.npz#logits");
}

#[test]
fn a_fit_is_typed_and_no_key_of_the_adapter() {
    let text = "[references]\nadapter = \"command\"\nprogram = [\"a\"]\n[references.fit]\nmodels = 7\nseed = 3\nrecipe = \
                { epochs = 2, augmentation = [\"flip\", { cutout = 3 }, { crop = [28, 2] }] }";
    let references = read(&and(text)).unwrap().content.references.unwrap();
    assert_eq!(references.source.config.keys().collect::<Vec<_>>(), ["program"]);
    let fit = references.fit.unwrap();
    assert_eq!((fit.models, fit.share, fit.seed), (7, 0.5, Some(3)));
    let recipe = fit.recipe.unwrap();
    assert_eq!((recipe.epochs, recipe.augmentation.len()), (Some(2), 3));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing_but_the_digest() {
    let plain = read(GOOD.as_bytes()).unwrap();
    let text = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    let windows = read(text.as_bytes()).unwrap();
    assert_eq!(plain.content, windows.content);
    assert_ne!(plain.sha256, windows.sha256);
    // SHA-256 of the bytes, as `sha256sum` prints it.
    assert_eq!(plain.sha256, paname_evidence::sha256_hex(GOOD.as_bytes()));
    let refused = refusal(text.replace("schema =", "shema =").as_bytes());
    assert!(refused.starts_with("1:1: unknown key `shema`"), "{refused}");
}

#[test]
fn a_legal_frame_admits_personal_data() {
    let legal = "[legal]\ncontroller = \"A\"\ntest_legal_basis = \"article 6(1)(f)\"\nlawfully_obtained = true\nno_individual_decision = true";
    for personal in ["", "personal = [\"health\"]"] {
        let text = String::from_utf8(with("personal = []", personal)).unwrap();
        read(format!("{text}\n{legal}\n").as_bytes()).unwrap();
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = Manifest::read(Path::new("/nowhere/audit.toml")).unwrap_err();
    assert_eq!(error.exit_code(), 5);
    assert!(error.to_string().starts_with("/nowhere/audit.toml: "), "{error}");
}

/// The template with the keys behind `#` switched on.
fn everything_on(text: &str) -> String {
    let on =
        text.lines().map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line));
    on.collect::<Vec<_>>().join("\n")
}

#[test]
fn templates_are_good_manifests_as_they_are_and_with_every_key_switched_on() {
    for language in ["fr", "en"] {
        let text = template(language, &TemplateAnswers::default());
        let plain = read(text.as_bytes()).unwrap();
        let full = read(everything_on(&text).as_bytes()).unwrap();
        assert_eq!(plain.content.statistics, paname_engine::Statistics::default());
        assert_eq!(plain.content.tests.len(), 1);
        assert_eq!(full.content.tests.len(), 4);
        assert_eq!(full.content.attributes.len(), 1);
    }
}

#[test]
fn templates_comment_every_key_of_the_schema() {
    let schema = manifest_schema();
    let mut expected = BTreeSet::new();
    paths(&schema, &schema, "", &mut expected);
    for language in ["fr", "en"] {
        let text = template(language, &TemplateAnswers::default());
        let written: toml::Table = everything_on(&text).parse().unwrap();
        let missing: Vec<&String> = expected.iter().filter(|path| !holds(&written, path)).collect();
        assert!(missing.is_empty(), "the template `{language}` lacks {missing:?}");
        let mut before = "";
        for line in text.lines() {
            let line_is_key = line.trim_start_matches('#').starts_with(|c: char| c.is_lowercase());
            let test_example = line.starts_with("#attack") || line.starts_with("#id = \"mia");
            assert!(!line_is_key || before.starts_with("# ") || test_example, "{language}: {line}");
            before = line;
        }
    }
}

#[test]
fn templates_differ_in_words_only() {
    let shape = |language| {
        let text = everything_on(&template(language, &TemplateAnswers::default()));
        let keys = text.lines().filter(|line| !line.starts_with('#'));
        keys.map(|line| line.split('=').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shape("fr"), shape("en"));
}

#[test]
fn answers_go_into_the_template_whatever_they_hold() {
    for hostile in [
        "a \"quoted\" name",
        "back\\slash\nnew line",
        "\"@records@\" \"@organisation@\" @personal@",
        "'''",
        "<b>é</b>",
    ] {
        let answers =
            TemplateAnswers { organisation: hostile.into(), records: hostile.into(), personal: false };
        let content = read(template("fr", &answers).as_bytes()).unwrap().content;
        assert_eq!(content.organisation.name.as_deref(), Some(hostile));
        assert_eq!(content.data.records, hostile);
    }
}

#[test]
fn personal_data_wait_for_the_legal_answers() {
    let answers = TemplateAnswers { personal: true, ..TemplateAnswers::default() };
    let refused = refusal(template("en", &answers).as_bytes());
    assert!(refused.contains("[legal] lacks `test_legal_basis`, `lawfully_obtained = true`"), "{refused}");
}

/// Dotted paths of all keys of a schema; lists of tables count as the table.
fn paths(root: &serde_json::Value, schema: &serde_json::Value, prefix: &str, into: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return paths(root, root.pointer(&reference[1..]).unwrap(), prefix, into);
    }
    for inner in schema["anyOf"].as_array().into_iter().flatten().chain(schema.get("items")) {
        paths(root, inner, prefix, into);
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        paths(root, property, &path, into);
        into.insert(path);
    }
}

fn holds(table: &toml::Table, path: &str) -> bool {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    match (table.get(key), rest) {
        (Some(toml::Value::Table(inner)), Some(rest)) => holds(inner, rest),
        (Some(toml::Value::Array(items)), Some(rest)) => {
            items.iter().filter_map(toml::Value::as_table).any(|inner| holds(inner, rest))
        }
        (found, None) => found.is_some(),
        _ => false,
    }
}
