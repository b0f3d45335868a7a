//! The keys of the adapter in a manifest.

use std::path::{Path, PathBuf};

use paname_core::{Error, Result, Task, Transformation};
use paname_data::{IdSource, List, MemberPart};
use serde_json::{Map, Value};

use crate::preparation::Preparation;

/// Which model, and how it is asked.
///
/// A target is one of: a program of torch.export (`program`), a TorchScript program (`script`, with `trust = true`), weights of a built-in architecture
/// (`weights`), or none of them where the audit fits it. Reference models are lists of one of them with `member`, or fitted.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TorchConfig {
    /// A program of torch.export, `.pt2`, as `paname_export` or `torch.export.save` writes it: data that is read and checked, not a program that runs by
    /// itself. For reference models a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<Files>,
    /// A TorchScript program, as `torch.jit.trace(model, example).save("model.pt")` writes it. For reference models a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<Files>,
    /// Weights in a `.safetensors` file. For reference models a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Files>,
    /// The built-in architecture that the weights are of, such as `{ name = "mlp", hidden = [128] }`; weights that PANAME has saved say it themselves.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub architecture: Map<String, Value>,
    /// A TorchScript file is a program: it runs only where this says `true`, with the rights of whoever runs the audit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub trust: bool,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the model does: `classification`, `regression`, or `generation` of inputs from latent variables.
    pub task: Task,
    /// What the outputs are.
    pub output: Output,
    /// What a program returns, in the order of its tuple, or keys of its dictionary: `logits` (or `probabilities`, `values`: the outputs), `embedding` (what
    /// the last layer is given), and any other names, which are then layers whose activations can be asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// How records become what the model takes.
    pub preparation: Preparation,
    /// Variants of each record that can be asked about, besides the record itself: `"flip"`, or `{ shift = [down, right] }` in pixels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// Records that are put to the model at a time.
    pub batch: usize,
    /// Where it computes.
    pub device: Place,
    /// For given reference models: which records each was fitted on, truth values `[models, records]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<List<MemberPart>>,
    /// Ids of the columns of `member`, or `row-number`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<List<IdSource>>,
}

impl Default for TorchConfig {
    fn default() -> Self {
        Self {
            program: None,
            script: None,
            weights: None,
            architecture: Map::new(),
            trust: false,
            name: None,
            task: Task::default(),
            output: Output::default(),
            outputs: Vec::new(),
            preparation: Preparation::default(),
            variants: Vec::new(),
            batch: 256,
            device: Place::default(),
            member: None,
            ids: None,
        }
    }
}

/// One file, or several.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Files {
    /// That of one model.
    One(PathBuf),
    /// Those of several reference models.
    Several(Vec<PathBuf>),
}

impl Files {
    fn paths(&self) -> &[PathBuf] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }
}

/// What a model's outputs are.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Scores of classes before softmax.
    #[default]
    Logits,
    /// Probabilities of classes.
    Probabilities,
}

/// A variant of an image that is asked about besides the image itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Variant {
    /// Left and right change places.
    Flip,
    /// Moved so many pixels down and to the right (negative: up and to the left); what comes in is zero.
    Shift(i32, i32),
}

/// Where computation happens.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On a graphics processor where libtorch finds one, else on the processor.
    #[default]
    Auto,
    /// On the processor.
    Cpu,
    /// On the first graphics processor.
    Cuda,
}

/// What a model is made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    Program(PathBuf),
    Script(PathBuf),
    Weights(PathBuf),
}

impl TorchConfig {
    /// The first thing that cannot be.
    pub(crate) fn check(&self) -> Result<()> {
        self.preparation.check()?;
        if self.batch == 0 {
            return Err(Error::Config("`batch` must be at least 1, got 0".into()));
        }
        if !matches!(self.task, Task::Classification | Task::Regression | Task::Generation) {
            let problem = format!(
                "`task`: expected \"classification\", \"regression\" or \"generation\", got \"{}\"",
                self.task
            );
            return Err(Error::Config(problem));
        }
        if self.output == Output::Probabilities && self.task != Task::Classification {
            return Err(Error::Config(format!(
                "`output`: probabilities are of classes; `task` is {}",
                self.task
            )));
        }
        if !self.outputs.is_empty() && !self.outputs.iter().any(|name| name == self.main()) {
            let named = self.outputs.join(", ");
            return Err(Error::Config(format!("`outputs` names no `{}`: {named}", self.main())));
        }
        Ok(())
    }

    /// The name of the outputs among what a program returns.
    pub(crate) fn main(&self) -> &'static str {
        match (self.task, self.output) {
            (Task::Regression | Task::Generation, _) => "values",
            (_, Output::Logits) => "logits",
            (_, Output::Probabilities) => "probabilities",
        }
    }

    /// The models named, in order.
    pub(crate) fn sources(&self) -> Result<Vec<Source>> {
        let of =
            |files: &Files, make: fn(PathBuf) -> Source| files.paths().iter().cloned().map(make).collect();
        match (&self.program, &self.script, &self.weights) {
            (None, Some(files), None) if !self.trust => Err(Error::Config(format!(
                "`script` {} is a program that runs with your rights; `trust = true` allows it, after a look at where it comes from",
                shown(files)
            ))),
            (Some(files), None, None) => Ok(of(files, Source::Program)),
            (None, Some(files), None) => Ok(of(files, Source::Script)),
            (None, None, Some(files)) => Ok(of(files, Source::Weights)),
            (None, None, None) => Ok(Vec::new()),
            (program, script, weights) => {
                let keys = [("program", program), ("script", script), ("weights", weights)];
                let given =
                    keys.iter().filter(|(_, files)| files.is_some()).map(|(key, _)| format!("`{key}`"));
                let given = given.collect::<Vec<_>>();
                let all = if given.len() == 2 { "both" } else { "all" };
                let given = given.join(" and ");
                Err(Error::Config(format!("{given} are {all} given; expected one of them")))
            }
        }
    }

    /// The file of an architecture that is a program of torch.export: `{ name = "program", file = "model.pt2" }`.
    pub(crate) fn architecture_file(&self) -> Result<Option<&str>> {
        if self.architecture.get("name").is_none_or(|name| name != "program") {
            return Ok(None);
        }
        match (self.architecture.get("file"), self.architecture.len()) {
            (Some(Value::String(file)), 2) => Ok(Some(file)),
            _ => Err(Error::Config(
                "`architecture`: a program has a file and nothing else: { name = \"program\", file = \"model.pt2\" }".into(),
            )),
        }
    }

    /// Every file that decides answers.
    pub(crate) fn files(&self, base: &Path) -> Vec<PathBuf> {
        let models = self.program.iter().chain(&self.script).chain(&self.weights).flat_map(Files::paths);
        let mut files: Vec<PathBuf> = models.map(|path| base.join(path)).collect();
        files.extend(self.architecture_file().ok().flatten().map(|path| base.join(path)));
        files.extend(self.member.iter().flat_map(|member| &member.0).filter_map(|part| match part {
            MemberPart::Array(array) => Some(base.join(array.path())),
            MemberPart::None => None,
        }));
        files.extend(self.ids.iter().flat_map(|ids| &ids.0).filter_map(|ids| match ids {
            IdSource::Array(array) => Some(base.join(array.path())),
            IdSource::RowNumber { .. } => None,
        }));
        files.sort();
        files.dedup();
        files
    }
}

fn shown(files: &Files) -> String {
    match files.paths() {
        [one] => format!("{:?}", one.display().to_string()),
        several => format!("({} files)", several.len()),
    }
}

/// What a recipe's random changes need of an image, so that they are refused before a fit begins.
pub(crate) fn check_transformation(transformation: &Transformation, height: i64, width: i64) -> Result<()> {
    let fits = |side: u32| i64::from(side) <= height.min(width) && side > 0;
    let problem = match *transformation {
        Transformation::Crop(side, padding)
            if i64::from(side) > height.min(width) + 2 * i64::from(padding) || side == 0 =>
        {
            format!(
                "a crop of side {side} from images of {height} × {width} with {padding} zeros around them"
            )
        }
        Transformation::Crop(side, _) if i64::from(side) != height || height != width => {
            format!("a crop of side {side}, where the model takes {height} × {width}")
        }
        Transformation::Cutout(side) if !fits(side) => {
            format!("a square of side {side} in {height} × {width}")
        }
        Transformation::Shift(distance) if i64::from(distance) >= height.min(width) => {
            format!("a shift by {distance} of {height} × {width}")
        }
        _ => return Ok(()),
    };
    Err(Error::Config(format!("`recipe.augmentation`: {problem} cannot be")))
}

#[cfg(test)]
mod tests {
    use paname_core::Recipe;
    use serde::Deserialize as _;

    use super::*;
    use crate::course::Course;

    /// The blocks of TOML of the page.
    fn blocks() -> impl Iterator<Item = toml::Table> {
        let page = include_str!("../../../docs/torch.md");
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().parse().unwrap())
    }

    #[test]
    fn the_page_shows_what_is_taken() {
        let mut seen = 0;
        for block in blocks() {
            for table in ["target", "references"] {
                let Some(mut table) = block.get(table).and_then(|table| table.as_table()).cloned() else {
                    continue;
                };
                if table.remove("adapter").is_some() {
                    let _ = table.remove("fit");
                    let config = TorchConfig::deserialize(table).unwrap();
                    config.check().unwrap();
                    config.sources().unwrap();
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 8);
    }

    #[test]
    fn the_page_names_every_key_with_its_default() {
        let page = include_str!("../../../docs/torch.md");
        let schema: Value = schemars::schema_for!(TorchConfig).into();
        for key in schema["properties"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("| `{key}`")) || page.contains(&format!(", `{key}` |")), "{key}");
        }
        assert_eq!(TorchConfig::default().batch, 256);
        let told = blocks().find_map(|block| {
            Some(block.get("target")?.get("fit")?.get("recipe")?.clone())
                .filter(|recipe| recipe.get("objective").is_some())
        });
        let recipe = Recipe::deserialize(told.clone().unwrap()).unwrap();
        let plain = Recipe { architecture: recipe.architecture.clone(), ..Recipe::default() };
        assert_eq!(Course::of(&recipe).unwrap(), Course::of(&plain).unwrap());
        let adam = Recipe { optimizer: Some(paname_core::Optimizer::Adam), ..plain };
        assert_eq!(Course::of(&adam).unwrap().learning_rate, 0.001);
        let schema: Value = schemars::schema_for!(Recipe).into();
        for key in schema["properties"].as_object().unwrap().keys() {
            assert!(
                told.as_ref().unwrap().get(key).is_some() || page.contains(&format!("`{key} = ")),
                "{key}"
            );
        }
    }
}
