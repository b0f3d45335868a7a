//! Fitting models by a program, one call per model.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paname_core::{Ctx, Error, Features, FitRun, Fitted, Host, Indices, Recipe, Records, Result, Tensor};

use crate::answers::{CommandTarget, FORMAT, Model, Questions, write_labels};
use crate::archive::{Archive, write_integers};
use crate::folder::{Folder, cannot_write, create_file};
use crate::process::{Workplace, run};
use crate::program::Value;

/// Bytes of `train.json`, at most.
const REPORT_LIMIT: u64 = 1 << 16;

/// What the fits of one call share.
pub(crate) struct Training {
    model: Arc<Model>,
    questions: Arc<Questions>,
    /// Holds everything, the models too where nobody keeps them.
    folder: Arc<Folder>,
    recipe: Option<PathBuf>,
    data: Option<PathBuf>,
    /// Position in the roster of each row of the data.
    positions: Indices,
}

/// What a program may say of a fit.
#[derive(serde::Deserialize)]
struct Report {
    train_loss: Option<f64>,
    train_accuracy: Option<f64>,
}

impl Training {
    /// Writes the recipe, where it says something, and the data, where there are inputs.
    pub(crate) fn new(model: Arc<Model>, recipe: &Recipe, data: &Records, ctx: &Ctx<'_>) -> Result<Self> {
        ctx.tick(0, 1)?;
        let folder = Folder::new(model.place.as_deref(), "fit")?;
        let recipe = if *recipe == Recipe::default() {
            None
        } else {
            let path = folder.path().join("recipe.json");
            let text = serde_json::to_vec_pretty(recipe).map_err(cannot_write(&path))?;
            create_file(&path)?.write_all(&text).map_err(cannot_write(&path))?;
            Some(path)
        };
        let data_path = match &data.inputs {
            Features::None => None,
            Features::Tensor(inputs) => Some(write_data(&folder, data, inputs)?),
            _ => {
                return Err(Error::Unsupported(
                    "a program is given numbers to fit on, or the numbers of the records only; not a table"
                        .into(),
                ));
            }
        };
        let questions = Arc::new(Questions::of_data(data));
        let positions = data.ids.clone();
        Ok(Self { model, questions, folder: Arc::new(folder), recipe, data: data_path, positions })
    }

    /// Removes the data, which may be personal, once every model is fitted. A program that failed can be tried again on it by hand.
    pub(crate) fn clear(&self, all_fitted: bool) {
        if let Some(data) = self.data.as_ref().filter(|_| all_fitted) {
            // Models that were fitted are not lost because a file could not be removed; only its owner can read it.
            let _ = fs::remove_file(data);
        }
    }

    /// Fits one model.
    pub(crate) fn fit(&self, run_of: &FitRun, ctx: &Ctx<'_>) -> Result<Fitted> {
        let model = &*self.model;
        let workplace = Folder::new(Some(self.folder.path()), "run")?;
        let weights = workplace.below("model")?;
        let rows = run_of.rows.iter().map(|&row| {
            let position = self.positions.get(row as usize).copied().map(i64::from);
            position.ok_or_else(|| {
                Error::mismatch("row to fit on", format!("below {}", self.positions.len()), row)
            })
        });
        let rows = rows.collect::<Result<Vec<i64>>>()?;
        // Beside the weights, so that the folder can later be opened as a reference model.
        let rows_path = weights.join("rows.npy");
        write_integers(&rows_path, &rows)?;
        let mut values: Vec<Value> = vec![
            ("rows", rows_path.into()),
            ("seed", run_of.seed.to_string().into()),
            ("out", weights.clone().into()),
            ("threads", ctx.threads().to_string().into()),
        ];
        values.extend(self.recipe.iter().map(|path| ("recipe", path.into())));
        values.extend(self.data.iter().map(|path| ("data", path.into())));
        let line = model.program.with_verb(&model.base, "fit", &values)?;
        // Progress is told in models.
        let quiet = Quiet(ctx);
        let place = Workplace { folder: workplace.path(), kept: self.folder.kept() };
        run(&model.program, &line, place, &ctx.within(&quiet))?;
        if fs::read_dir(&weights).map_err(cannot_write(&weights))?.count() < 2 {
            return Err(Error::data(
                weights.display(),
                "holds no model: the program ended well and wrote nothing into the folder that `--out` names",
            ));
        }
        let report = report(&weights.join("train.json"))?;
        let home = Some(Arc::clone(&self.folder));
        let questions = Arc::clone(&self.questions);
        let target = CommandTarget::new(Arc::clone(&self.model), questions, Some(weights.clone()), home)?;
        Ok(Fitted {
            target: Box::new(target),
            weights: self.folder.kept().then_some(weights),
            train_loss: report.train_loss,
            train_accuracy: report.train_accuracy,
            checkpoints: Vec::new(),
        })
    }
}

/// Writes what to fit on.
fn write_data(folder: &Folder, data: &Records, inputs: &Tensor) -> Result<PathBuf> {
    if inputs.shape().first() != Some(&data.ids.len()) {
        let expected = format!("{} rows, one for each record", data.ids.len());
        return Err(Error::mismatch("inputs to fit on", expected, format!("shape {:?}", inputs.shape())));
    }
    let path = folder.path().join("data.npz");
    let mut archive = Archive::create(&path)?;
    archive.integers("format", &[], std::iter::once(FORMAT))?;
    archive.integers("rows", &[data.ids.len()], data.ids.iter().map(|&row| i64::from(row)))?;
    archive.tensor("inputs", inputs)?;
    write_labels(&mut archive, &data.labels, 0..data.ids.len())?;
    archive.finish()?;
    Ok(path)
}

/// What `train.json` says, where the program wrote one.
fn report(path: &Path) -> Result<Report> {
    let Ok(about) = fs::metadata(path) else { return Ok(Report { train_loss: None, train_accuracy: None }) };
    if about.len() > REPORT_LIMIT {
        let problem = format!("is {} bytes long; expected at most {REPORT_LIMIT}", about.len());
        return Err(Error::data(path.display(), problem));
    }
    let refuse = |e: &dyn std::fmt::Display| {
        Error::data(path.display(), format!("{e}; expected {{\"train_loss\": …, \"train_accuracy\": …}}"))
    };
    let text = fs::read(path).map_err(|e| refuse(&e))?;
    serde_json::from_slice(&text).map_err(|e| refuse(&e))
}

/// Cancelled with another context, silent about progress.
struct Quiet<'a>(&'a Ctx<'a>);

impl Host for Quiet<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}
