//! An archive, from its directory to its weights.

use std::collections::HashMap;
use std::path::Path;

use crate::card::{Card, FORMAT};
use crate::container::Container;
use crate::error::{Error, Result};
use crate::file::Memory;
use crate::program::{LayerId, Program, ValueId};
use crate::resolve;
use crate::schema::{self, MAJORS};
use crate::signature::InputRole;
use crate::weights::{Weight, Weights};

const CARD: &str = "card.json";

/// A `.pt2` archive of torch.export, or of our own exporter, all of which has been checked: its program is sound, and every weight that the signature
/// names is there. Weights stay where they lie in the mapped file, which must not be changed while this value lives.
pub struct Archive {
    container: Container,
    program: Program,
    weights: Weights,
    card: Option<Card>,
}

impl Archive {
    /// Maps the file and reads all but the weights. Fails with what is wrong and where: see [`Error`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_memory(Memory::map(path)?, &path.to_string_lossy())
    }

    /// The same of bytes in memory; `name` stands for the file in errors.
    pub fn read(bytes: Vec<u8>, name: &str) -> Result<Self> {
        Self::from_memory(Memory::Owned(bytes), name)
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The parameter, buffer or constant of this fully qualified name in the signature. Fails if the signature has none.
    pub fn weight(&self, name: &str) -> Result<Weight<'_>> {
        self.weights.get(&self.container, name).ok_or_else(|| Error::Weight {
            file: self.container.file().to_owned(),
            name: name.to_owned(),
            problem: "is not in the signature".into(),
        })
    }

    /// All weights that the signature names, in its order, with their roles.
    pub fn weights(&self) -> impl Iterator<Item = (&InputRole, Weight<'_>)> {
        let inputs = self.program.signature.inputs.iter();
        inputs.filter_map(|role| Some((role, self.weights.get(&self.container, role.weight()?)?)))
    }

    /// What our exporter says about the model; none in archives of torch.export.
    pub fn card(&self) -> Option<&Card> {
        self.card.as_ref()
    }

    /// Modules whose activations can be asked for, in the order of the graph, each with the tensor of the graph that is its output: those of the card,
    /// and [`Program::activations`] where there is none.
    pub fn layers(&self) -> Vec<(&str, ValueId)> {
        let Some(card) = &self.card else {
            let path = |layer: LayerId| self.program.layers[layer.index()].path.as_str();
            return self
                .program
                .activations()
                .into_iter()
                .map(|(layer, value)| (path(layer), value))
                .collect();
        };
        let values = self.program.graph.values.iter().enumerate();
        let ids: HashMap<&str, ValueId> =
            values.map(|(index, value)| (value.name.as_str(), ValueId(index as u32))).collect();
        let layers = card.layers.iter();
        layers.filter_map(|layer| Some((layer.name.as_str(), *ids.get(layer.value.as_str())?))).collect()
    }

    /// Names of what the user gets, in order: those of the card, and [`Program::output_names`] where there is none.
    pub fn output_names(&self) -> Vec<&str> {
        match &self.card {
            Some(card) if !card.outputs.is_empty() => card.outputs.iter().map(|o| o.name.as_str()).collect(),
            _ => self.program.output_names.iter().map(String::as_str).collect(),
        }
    }

    fn from_memory(memory: Memory, file: &str) -> Result<Self> {
        let container = Container::open(memory, file)?;
        let (model, entry) = model(&container)?;
        if container.has(CARD) {
            let card = card(&container)?;
            let program = program(&container, &entry)?;
            card.check(&program).map_err(|problem| container.entry_error(CARD, problem))?;
            let stored = format!("data/weights/{model}.safetensors");
            let weights = Weights::of_safetensors(&container, &stored, &program, &card.aliases)?;
            return Ok(Self { container, program, weights, card: Some(card) });
        }
        versions(&container)?;
        refuse_pickles(&container, &model)?;
        let program = program(&container, &entry)?;
        let weights = Weights::of_torch(&container, &model, &program)?;
        Ok(Self { container, program, weights, card: None })
    }
}

/// The one model of the archive: its name and its entry.
fn model(container: &Container) -> Result<(String, String)> {
    let mut models: Vec<&str> = container
        .names()
        .filter_map(|name| name.strip_prefix("models/")?.strip_suffix(".json"))
        .filter(|name| !name.contains('/'))
        .collect();
    models.sort_unstable();
    let refuse = |problem: String| Error::Archive { file: container.file().to_owned(), problem };
    match models[..] {
        [model] => Ok((model.to_owned(), format!("models/{model}.json"))),
        [] if container.has("data.pkl") => {
            Err(Error::Pickle { file: container.file().to_owned(), entry: "data.pkl".into() })
        }
        [] => Err(refuse("has no entry `models/NAME.json`; expected a .pt2 archive of torch.export".into())),
        _ => Err(refuse(format!("has the models {}; expected one", models.join(", ")))),
    }
}

/// The files that say what an archive of torch is.
fn versions(container: &Container) -> Result<()> {
    let asked = [
        ("archive_format", "archive format", "pt2"),
        ("archive_version", "archive version", "0"),
        ("byteorder", "byte order", "little"),
    ];
    for (entry, what, supported) in asked {
        // The oldest archives have no version, and those of other writers no byte order.
        if entry != "archive_format" && !container.has(entry) {
            continue;
        }
        let text = container.read(entry)?;
        if text.trim_ascii() != supported.as_bytes() {
            let got = String::from_utf8_lossy(&text[..text.len().min(20)]).escape_debug().to_string();
            let (file, entry) = (container.file().to_owned(), entry.to_owned());
            return Err(Error::Version { file, entry, what, got, supported: supported.to_owned() });
        }
    }
    Ok(())
}

/// Archives of torch before 2.9 hold all weights as one pickle.
fn refuse_pickles(container: &Container, model: &str) -> Result<()> {
    let raw = format!("data/weights/{model}_weights_config.json");
    if container.has(&raw) {
        return Ok(());
    }
    let entry = format!("data/weights/{model}.pt");
    if container.has(&entry) {
        return Err(Error::Pickle { file: container.file().to_owned(), entry });
    }
    Err(container.entry_error(&raw, "is absent; expected the index of the weights"))
}

fn program(container: &Container, entry: &str) -> Result<Program> {
    let text = container.document(entry)?;
    let unsupported = |version: schema::Version| Error::Version {
        file: container.file().to_owned(),
        entry: entry.to_owned(),
        what: "schema version",
        got: format!("{}.{}", version.major, version.minor),
        supported: MAJORS.map(|major| format!("{major}.x")).join(", "),
    };
    let document: schema::ExportedProgram<'_> = serde_json::from_slice(&text).map_err(|error| {
        // Another schema need not parse; then its version is what is wrong.
        match serde_json::from_slice::<schema::Versioned>(&text) {
            Ok(found) if !MAJORS.contains(&found.schema_version.major) => unsupported(found.schema_version),
            _ => container.entry_error(entry, error),
        }
    })?;
    if !MAJORS.contains(&document.schema_version.major) {
        return Err(unsupported(document.schema_version));
    }
    resolve::program(document).map_err(|fault| fault.in_entry(container.file(), entry))
}

fn card(container: &Container) -> Result<Card> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let text = container.document(CARD)?;
    let malformed = |e| container.entry_error(CARD, e);
    let Format { format } = serde_json::from_slice(&text).map_err(malformed)?;
    if format != FORMAT {
        return Err(Error::Version {
            file: container.file().to_owned(),
            entry: CARD.to_owned(),
            what: "card format",
            got: format.to_string(),
            supported: FORMAT.to_string(),
        });
    }
    serde_json::from_slice(&text).map_err(malformed)
}
