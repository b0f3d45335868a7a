//! Audits of texts that are rebuilt, of models that keep sentences of their members and of models that saw other sentences of the same classes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use npyz::WriterBuilder as _;
use paname_core::{
    Access, Adapter, AdapterEntry, AdapterInfo, Ctx, Error, Features, Indices, Input, Named, Outputs,
    Pullback, Query, Registry, Result, Setting, Target, TargetCard, Tensor, View,
};
use paname_engine::{Manifest, RunOptions, run};
use paname_evidence::{InversionResult, Likeness, Reason, Row, Verdict};
use rand_core::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// Classes, of which the last are control classes.
const CLASSES: usize = 16;
const CONTROL: usize = 2;
/// Records of each class on either side, and as many that the other model saw.
const SIDE: usize = 3;
/// Tokens of a text: some that its class has, and some that no other text has.
const LENGTH: usize = 8;
const OF_CLASS: usize = 5;
const OWN: usize = 4;
const RECORDS: usize = CLASSES * 3 * SIDE;
const VOCABULARY: usize = 1 + CLASSES * OF_CLASS + RECORDS * OWN;

/// Sums what each token says for each class.
#[derive(Clone)]
struct Bag {
    card: TargetCard,
    texts: Tensor,
    /// A row for each token, a column for each class.
    table: Vec<f32>,
}

impl Bag {
    fn embedded(&self, tokens: &Tensor) -> Result<Vec<f32>> {
        let row = |token: i64| &self.table[token as usize * CLASSES..][..CLASSES];
        Ok(tokens.to_i64()?.into_iter().flat_map(row).copied().collect())
    }
}

/// The sum over its places of what each text says.
fn answers(embedded: &[f32], count: usize) -> Result<Outputs> {
    let sum = |text: &[f32]| {
        (0..CLASSES).map(|class| text.iter().skip(class).step_by(CLASSES).sum()).collect::<Vec<f32>>()
    };
    let logits = embedded.chunks_exact(LENGTH * CLASSES).flat_map(sum).collect();
    Ok(Outputs { logits: Some(Tensor::from_vec(logits, &[count, CLASSES])?), ..Outputs::default() })
}

impl Target for Bag {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let tokens = match &query.input {
            Input::Tokens(tokens) => tokens.clone(),
            Input::Records(ids, _) => self.texts.gather(ids)?,
            // Whoever looks at texts asks in whole numbers.
            other => return Err(Error::Unsupported(format!("{other:?}"))),
        };
        let embedded = self.embedded(&tokens)?;
        let mut told = answers(&embedded, query.len())?;
        let shape = [query.len(), LENGTH, CLASSES];
        for layer in &query.layers {
            told.activations.push((layer.clone(), Tensor::from_vec(embedded.clone(), &shape)?));
        }
        Ok(told)
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        Ok(vec![("table".into(), Tensor::from_vec(self.table.clone(), &[VOCABULARY, CLASSES])?)])
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        assert_eq!(view, View::From("words".into()));
        Ok(Box::new(Rest(self.clone())))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        self.texts.gather(records)
    }
}

/// What follows the table.
struct Rest(Bag);

impl Target for Rest {
    fn card(&self) -> &TargetCard {
        &self.0.card
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let Input::Tensor(rows) = &query.input else { return Err(Error::Unsupported("no values".into())) };
        Ok((answers(&rows.to_f32()?, rows.rows())?, Box::new(Sum)))
    }
}

struct Sum;

impl Pullback for Sum {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let logits = cotangent.logits.as_ref().ok_or(Error::Denied(Access::LOGITS))?.to_f32()?;
        let each: Vec<f32> = logits.chunks_exact(CLASSES).flat_map(|row| row.repeat(LENGTH)).collect();
        Tensor::from_vec(each, &[logits.len() / CLASSES, LENGTH, CLASSES])
    }
}

struct Bags;

#[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// A line of tokens for each class.
    words: String,
    /// Whether it tells gradients.
    #[serde(default)]
    gradients: bool,
}

impl Adapter for Bags {
    const INFO: AdapterInfo = AdapterInfo {
        name: "bags",
        version: 1,
        summary_fr: "Modèles jouets.",
        summary_en: "Toy models.",
        offers: Access::LOGITS.union(Access::NEW_INPUTS),
    };
    type Config = Config;

    fn files(config: &Config, base: &Path) -> Result<Vec<PathBuf>> {
        Ok(vec![base.join(&config.words)])
    }

    fn open(config: Config, setting: &Setting<'_>, _: &Ctx<'_>) -> Result<Box<dyn Target>> {
        let Features::Tensor(texts) = setting.inputs else { return Err(Error::Config("no texts".into())) };
        let text = fs::read_to_string(setting.base.join(&config.words)).unwrap();
        let mut table = vec![0.0; VOCABULARY * CLASSES];
        for (class, line) in text.lines().enumerate() {
            for token in line.split(' ') {
                table[token.parse::<usize>().unwrap() * CLASSES + class] += 1.0;
            }
        }
        let guides = ["parameters", "activations", "input-gradient"];
        let access = ["logits", "new-inputs"].iter().chain(guides.iter().filter(|_| config.gradients));
        let card = TargetCard {
            name: config.words.clone(),
            fingerprint: text,
            classes: Some(CLASSES),
            layers: config.gradients.then(|| "words".to_owned()).into_iter().collect(),
            access: access.map(|name| (*name).to_owned()).collect(),
            augmentations: 1,
            ..TargetCard::default()
        };
        Ok(Box::new(Bag { card, texts: texts.clone(), table }))
    }
}

const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<Bags>()];

/// An audit in a folder of its own, of a model that keeps words of members, or of texts in neither gallery.
struct Audit {
    folder: tempfile::TempDir,
}

impl Audit {
    fn new(target: &str, parameters: &str) -> Self {
        let audit = Self { folder: tempfile::tempdir().unwrap() };
        let mut rng = Pcg64::seed_from_u64(5);
        let mut below = |n: usize| (rng.next_u64() % n as u64) as usize;
        // Which record has which words of its own says nothing.
        let mut own: Vec<usize> = (0..RECORDS * OWN).collect();
        (1..own.len()).rev().for_each(|i| own.swap(i, below(i + 1)));
        let (mut records, mut population) = ("id,label,member\n".to_owned(), "id,label\n".to_owned());
        let (mut tokens, mut members, mut unseen, mut evaluator) =
            (Vec::new(), String::new(), String::new(), String::new());
        for class in 0..CLASSES {
            let word = |i: usize| 1 + class * OF_CLASS + i;
            let known: Vec<String> = (0..OF_CLASS).map(|i| word(i).to_string()).collect();
            let (mut of_members, mut of_others) = (known.clone(), known.clone());
            for record in 0..3 * SIDE {
                let id = class * 3 * SIDE + record;
                // Words of the class, which say nothing, and words of its own.
                let first = below(OF_CLASS);
                let mut text: Vec<i64> = (0..2).map(|i| word((first + i) % OF_CLASS) as i64).collect();
                let own = own[id * OWN..][..OWN].iter().map(|i| 1 + CLASSES * OF_CLASS + i);
                text.extend(own.clone().map(|token| token as i64));
                text.resize(LENGTH, 0);
                tokens.extend(text);
                // A model has learned the words of some records.
                let kept = own.map(|token| token.to_string());
                match record / SIDE {
                    _ if class >= CLASSES - CONTROL => writeln!(population, "{id},{class}").unwrap(),
                    2 => {
                        of_others.extend(kept);
                        writeln!(population, "{id},{class}").unwrap();
                    }
                    side => {
                        if side == 0 {
                            of_members.extend(kept);
                        }
                        writeln!(records, "{id},{class},{}", 1 - side).unwrap();
                    }
                }
            }
            for (lines, words) in
                [(&mut members, of_members), (&mut unseen, of_others), (&mut evaluator, known)]
            {
                writeln!(lines, "{}", words.join(" ")).unwrap();
            }
        }
        write_npy(&audit.path("ids.npy"), &[RECORDS as u64], 0..RECORDS as i64);
        write_npy(&audit.path("texts.npy"), &[RECORDS as u64, LENGTH as u64], tokens.into_iter());
        for (name, text) in [
            ("records.csv", records),
            ("population.csv", population),
            ("members.txt", members),
            ("unseen.txt", unseen),
            ("evaluator.txt", evaluator.replace('\n', " 0\n")),
        ] {
            fs::write(audit.path(name), text).unwrap();
        }
        let manifest = format!(
            r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
personal = []
split = "random"
modality = ["text"]
[data.inputs]
array = "texts.npy"
ids = "ids.npy"
[target]
adapter = "bags"
words = "{target}.txt"
gradients = true
[inversion]
evaluator = {{ adapter = "bags", words = "evaluator.txt" }}
unregularised = {{ parameters = {{ repeats = 0, starts = 1, steps = 20, candidates = 16 }} }}
[[test]]
id = "words"
attack = "token-ascent"
parameters = {{ starts = 2, steps = 40, {parameters} }}
"#
        );
        fs::write(audit.path("audit.toml"), manifest).unwrap();
        audit
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn replaced(self, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.path("audit.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(self.path("audit.toml"), text.replace(from, to)).unwrap();
        self
    }

    fn run(&self) -> std::result::Result<Row, String> {
        let mut registry = Registry::default();
        registry.add_adapters(ADAPTERS, "test").unwrap();
        registry.add_attacks(paname_inversion::ATTACKS, "paname-inversion").unwrap();
        let manifest = Manifest::read(&self.path("audit.toml")).map_err(|error| error.to_string())?;
        let options = RunOptions { run_dir: self.path("run"), workers: 2, worker: None, patience: None };
        let outcome = run(&manifest, &registry, &options, &()).map_err(|error| error.to_string())?;
        Ok(outcome.evidence.core.rows.iter().find(|row| row.attack.is_some()).unwrap().clone())
    }

    /// Why the row failed.
    fn failed(&self) -> String {
        match &self.run().unwrap().reasons[..] {
            [Reason::Failed { message }] => message.clone(),
            other => panic!("{other:?}"),
        }
    }
}

fn write_npy<T: npyz::AutoSerialize>(path: &Path, shape: &[u64], values: impl Iterator<Item = T>) {
    let file = fs::File::create(path).unwrap();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd().unwrap();
    writer.extend(values).unwrap();
    writer.finish().unwrap();
}

fn of(row: &Row) -> &InversionResult {
    row.inversion.as_ref().unwrap_or_else(|| panic!("{:?}", row.reasons))
}

#[test]
fn planted_sentences_are_found_with_gradients_and_without() {
    let trained = (CLASSES - CONTROL) as u64;
    for parameters in ["swaps = \"gradient\"", "swaps = \"answers\", candidates = 200"] {
        let row = Audit::new("members", parameters).run().unwrap();
        let result = of(&row);
        assert_eq!(row.verdict, Verdict::LeakDemonstrated, "{parameters}: {:?}", row.reasons);
        assert_eq!((result.likeness, result.classes, result.control_classes), (Likeness::Tokens, trained, 2));
        assert!(result.nearest.members.hits >= trained - 1, "{parameters}: {:?}", result.nearest);
        let recall = result.attack.recall.unwrap();
        assert!(recall.difference.value > 0.2 && recall.difference.interval.lower > 0.1, "{recall:?}");
        assert!(recall.members.value > recall.others.value && recall.members.value <= 1.0, "{recall:?}");
        // The commonest words of both sides are no member's, and its class is recognised in them.
        let average = result.average.as_ref().unwrap();
        assert!(average.recall.unwrap().difference.interval.contains(0.0), "{average:?}");
        assert_eq!(average.recognised.unwrap().hits, trained);
        assert!(result.unregularised.as_ref().unwrap().recall.is_some());
        // Every token of the records but padding.
        let evaluator = result.evaluator.as_ref().unwrap();
        assert!(evaluator.features > 400 && evaluator.features < VOCABULARY as u64, "{evaluator:?}");
        assert!(result.gallery.is_none() && result.texts.is_none());
    }
}

#[test]
fn texts_may_be_compared_by_what_the_evaluator_says_of_them() {
    let audit = Audit::new("members", "swaps = \"gradient\"");
    let row = audit.replaced("[inversion]", "[inversion]\nlikeness = \"features\"").run().unwrap();
    let result = of(&row);
    assert_eq!(
        (result.likeness, result.evaluator.as_ref().unwrap().features),
        (Likeness::Features, CLASSES as u64)
    );
    assert!(result.attack.recall.is_none() && result.nearest.members.trials > 0);
    // Means are texts, here too.
    assert_eq!(result.average.as_ref().unwrap().recognised.unwrap().hits, (CLASSES - CONTROL) as u64);
    assert!(result.members_average.is_some());
}

#[test]
fn attacks_that_rebuild_something_else_are_refused_and_others_named() {
    let arm = "unregularised = { parameters = { repeats = 0, starts = 1, steps = 20, candidates = 16 } }\n";
    let audit = || Audit::new("members", "swaps = \"gradient\"").replaced(arm, "");
    let (test, text) = ("attack = \"token-ascent\"\nparameters", "modality = [\"text\"]\n");
    let pictures = || audit().replaced(test, "attack = \"regularised-ascent\"\nparameters");
    let pictures = || pictures().replaced(", steps = 40, swaps = \"gradient\"", ", steps = 40");
    let tokens = "[inversion]\nlikeness = \"tokens\"";
    for (audit, rebuilds_texts) in [
        (audit().replaced(text, ""), true),
        (pictures(), false),
        (pictures().replaced(text, "").replaced("[inversion]", tokens), false),
    ] {
        let row = audit.run().unwrap();
        let [Reason::Texts { rebuilt }, Reason::Possible { attacks }] = &row.reasons[..] else {
            panic!("{:?}", row.reasons)
        };
        assert_eq!((row.verdict, *rebuilt), (Verdict::NotTested, rebuilds_texts));
        let named = attacks.iter().any(|one| one.attack == "token-ascent");
        assert_eq!((attacks.is_empty(), named), (false, !rebuilds_texts), "{attacks:?}");
    }
}

#[test]
fn words_are_shown_where_that_is_allowed() {
    let words = |how: &str| {
        let shown = format!("[inversion]\nvocabulary = \"words.txt\"\ngalleries = {how}");
        let audit = Audit::new("members", "swaps = \"gradient\"").replaced("[inversion]", &shown);
        // The last words are missing.
        let words: Vec<String> = (0..VOCABULARY - 1).map(|token| format!("word-{token}")).collect();
        fs::write(audit.path("words.txt"), words.join("\n")).unwrap();
        of(&audit.run().unwrap()).texts.clone()
    };
    let clear = words("\"clear\"").unwrap();
    assert!(!clear.masked && clear.texts.len() == CLASSES);
    assert!(
        clear.texts[0].words.iter().all(|word| word.starts_with("word-") && word != "word-0"),
        "{clear:?}"
    );
    let masked = words("true").unwrap();
    assert!(masked.masked && masked.texts.iter().all(|text| text.words.iter().all(|word| word == "w…")));
    assert_eq!(words("false"), None);
}

#[test]
fn words_of_texts_in_neither_gallery_are_no_leak() {
    let row = Audit::new("unseen", "swaps = \"gradient\"").run().unwrap();
    let result = of(&row);
    assert_eq!(row.verdict, Verdict::Inconclusive, "{:?}", row.reasons);
    assert!(result.nearest.nearer.interval.contains(0.5), "{:?}", result.nearest);
    let recall = result.attack.recall.unwrap();
    assert!(recall.difference.interval.contains(0.0), "{recall:?}");
}

#[test]
fn what_is_no_likeness_of_texts_is_refused_in_words() {
    let values = Audit::new("members", "swaps = \"gradient\"")
        .replaced("[inversion]", "[inversion]\nlikeness = \"values\"");
    let told = values.run().unwrap_err();
    assert!(
        told.contains("audit.toml:16:12: ") && told.contains("expected \"tokens\" or \"features\""),
        "{told}"
    );
    let fractions = Audit::new("members", "swaps = \"gradient\"");
    let halves = (0..RECORDS * LENGTH).map(|i| i as f32 / 2.0);
    write_npy(&fractions.path("texts.npy"), &[RECORDS as u64, LENGTH as u64], halves);
    let told = fractions.failed();
    assert!(told.contains("whole numbers from 0"), "{told}");
    let padding = Audit::new("members", "swaps = \"gradient\"")
        .replaced("[inversion]", "[inversion]\nignored_tokens = [0, 1, 2]");
    let row = padding.run().unwrap();
    let fewer = of(&row).evaluator.clone().unwrap().features;
    let all = of(&Audit::new("members", "swaps = \"gradient\"").run().unwrap()).evaluator.clone().unwrap();
    assert_eq!(fewer + 2, all.features);
}
