//! # Loss trajectory
//!
//! **Idea.** The loss at the end says little where a model generalises well; how the loss got there says more. Nobody but its trainer saw that, but a
//! student that learns from the answers of a model, pass by pass, shows a copy of the way. The same is done with models whose rows are known, and a
//! classifier learns how the ways of included records differ.
//!
//! **Threat model.** The attacker asks the model about records of its own, for which it gets probabilities, knows the true class of the audited records, and
//! can fit models: students, and reference models that included some of the audited records and excluded others.
//!
//! **Formula.** A student S of a model f minimises Σ_z H(f(z), S(z)) over the population, which no model was fitted on; S_1 … S_E are its states after each of
//! `passes` passes. Features of a record (x, y): ln(10⁻⁶ + ℓ) for ℓ(S_1(x), y), …, ℓ(S_E(x), y), ℓ(f(x), y). All students start alike and see the population in the same order.
//! Features are scaled to mean 0 and deviation 1 over the examples. score = the log-odds of a network with one hidden layer of rectified units, fitted by
//! Adam on the balanced cross-entropy of inclusion in the reference models.
//!
//! **Paper.** Liu, Zhao, Backes and Zhang, *Membership Inference Attacks by Exploiting Loss Trajectory*, CCS 2022, arXiv 2208.14933. They distil on unlabelled
//! data for 100 passes from one shadow model, and take the losses as they are; here on the population, for fewer passes, from several.
//!
//! **Cost.** One question per population record to the target and to each of `models` reference models, and one fit on the population for each of them; each
//! control with another model in the target's place costs as many fits again.
//!
//! **When it fails.** Where the population is small or unlike the training data: the students then learn little of what sets the model apart, and the last
//! feature, the loss, is all there is.

use paname_core::{
    Access, Attack, Case, Ctx, Error, Family, Features, Findings, FitRun, Fitted, Indices, Info, Input,
    Labels, Needs, Objective, Query, Recipe, Records, Result, Signal, Target, Tensor, Whom, Within,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{bounded_loss, in_batches, rows_at_a_time};
use crate::lessons::{FEWEST, Lessons};
use crate::network::Fitting;

/// Parameters of [`LossTrajectory`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// How students are fitted, as in `[references.fit.recipe]`, without `objective`, `epochs`, `early-stop` and `checkpoints`. The architecture that it leaves
    /// open is that of the audit's own fits; anything else is as the adapter does it.
    #[serde(skip_serializing_if = "is_open")]
    pub student: Recipe,
    /// Passes of each student over the population, from 2 to 1000: its loss after each is a feature.
    pub passes: u32,
    /// Most reference models that are learned from, from 1 to 64.
    pub models: usize,
    /// About how many examples are learned from at most.
    pub examples: usize,
    /// Passes of the classifier over the examples, from 1 to 1000.
    pub epochs: usize,
    /// Its hidden units, from 1 to 1024.
    pub hidden: usize,
}

/// Whether a recipe leaves everything open.
fn is_open(recipe: &Recipe) -> bool {
    *recipe == Recipe::default()
}

impl Default for Config {
    fn default() -> Self {
        Self { student: Recipe::default(), passes: 20, models: 4, examples: 100_000, epochs: 20, hidden: 32 }
    }
}

/// Population records below which a student learns nothing.
const FEWEST_LESSONS: usize = 50;

/// Scores a record by the losses of students of the model.
pub struct LossTrajectory {
    config: Config,
    recipe: Recipe,
}

impl Attack for LossTrajectory {
    const INFO: Info = Info {
        name: "loss-trajectory",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Trajectoire de la perte",
        title_en: "Loss trajectory",
        summary_fr: "Des élèves du modèle montrent, passage après passage, par où sa perte est passée ; un classifieur reconnaît le chemin des données apprises.",
        summary_en: "Students of the model show, pass by pass, which way its loss went; a classifier recognises the way of data that it was trained on.",
        formula: "log-odds of a network on (ℓ(S_1(x), y), …, ℓ(S_E(x), y), ℓ(f(x), y)) of students S of f",
        paper: "Liu, Zhao, Backes and Zhang, Membership Inference Attacks by Exploiting Loss Trajectory, 2022, arXiv 2208.14933",
        source: include_str!("loss_trajectory.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        for (key, value, least, most) in [
            ("passes", config.passes as usize, 2, 1000),
            ("models", config.models, 1, 64),
            ("examples", config.examples, 2 * FEWEST, usize::MAX),
            ("epochs", config.epochs, 1, 1000),
            ("hidden", config.hidden, 1, 1024),
        ] {
            if !(least..=most).contains(&value) {
                let most = if most == usize::MAX { String::new() } else { format!(" and at most {most}") };
                return Err(Error::Config(format!("`{key}` must be at least {least}{most}, got {value}")));
            }
        }
        let given = &config.student;
        for (key, said, instead) in [
            ("objective", given.objective != Objective::default(), "students are fitted by distillation"),
            ("epochs", given.epochs.is_some(), "`passes` says how many"),
            ("early-stop", given.early_stop.is_some(), "every pass counts"),
            ("checkpoints", !given.checkpoints.is_empty(), "every pass is looked at"),
        ] {
            if said {
                return Err(Error::Config(format!("`student.{key}` cannot be given: {instead}")));
            }
        }
        let recipe = Recipe {
            objective: Objective::Distillation,
            epochs: Some(config.passes),
            checkpoints: (1..=config.passes).collect(),
            ..given.clone()
        };
        Ok(Self { config, recipe })
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            signals: vec![Signal::Loss],
            access: Access::PROBABILITIES | Access::NEW_INPUTS,
            references_min: 1,
            references_max: self.config.models,
            population_min: FEWEST_LESSONS,
            classes: true,
            fits: 1 + self.config.models,
            queries_per_population_record: 1,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let models = case.references().min(self.config.models);
        // As many steps as there are students, and as many again for the classifier.
        let students = models + 1;
        let steps =
            |students_done: usize| (students_done * self.config.epochs, 2 * students * self.config.epochs);
        let tick = |(done, total): (usize, usize)| ctx.tick(done, total);
        // One loss of each model for each record.
        let variants = case.augmentations();
        let losses: Vec<Vec<f64>> = case.map_records(Whom::Audited, &[Signal::Loss], ctx, |record| {
            let references = record.references(0).iter().step_by(variants).take(models);
            Ok(std::iter::once(&record.target(0)[0]).chain(references).map(|loss| f64::from(*loss)).collect())
        })?;
        let population = Population::of(case)?;
        let width = self.config.passes as usize + 1;
        let ways = |model: usize, teacher: &dyn Target| -> Result<Vec<f64>> {
            tick(steps(model))?;
            let student = self.student(teacher, &population, ctx)?;
            let mut ways = vec![0.0; losses.len() * width];
            self.follow(&student, case, population.width(), ctx, &mut ways)?;
            for (way, losses) in ways.chunks_exact_mut(width).zip(&losses) {
                way[width - 1] = feature(losses[model]);
            }
            Ok(ways)
        };
        let targets = ways(0, case.target())?;
        let mut lessons = Lessons::new(case, models, self.config.examples, ctx);
        for k in 0..models {
            let teacher = case.reference(k).ok_or_else(|| Error::mismatch("reference model", models, k))?;
            let ways = ways(k + 1, teacher)?;
            let drawn = lessons.drawn(case, k);
            let seen = drawn.iter().flat_map(|&record| &ways[record * width..(record + 1) * width]);
            lessons.take(case, k, &drawn, &seen.copied().collect::<Vec<_>>());
        }
        let fitting = Fitting { hidden: self.config.hidden, epochs: self.config.epochs };
        let (mut done, total) = steps(students);
        let what = "trajectories of reference models";
        let scores = lessons.learn(what, width, targets, fitting, ctx, || {
            done += students;
            ctx.tick(done - students, total)
        })?;
        ctx.tick(total, total)?;
        Ok(Findings::Membership(scores))
    }
}

/// ln(10⁻⁶ + ℓ): losses of models that are sure of everything would drown all others.
fn feature(loss: f64) -> f64 {
    libm::log(1e-6 + bounded_loss(loss).max(0.0))
}

/// What students learn from besides the answers of their teacher.
struct Population {
    ids: Indices,
    inputs: Tensor,
}

impl Population {
    fn of(case: &Case<'_>) -> Result<Self> {
        let ids = case.population().ids.clone();
        let inputs = case.target().input(&ids)?;
        Ok(Self { ids, inputs })
    }

    /// Numbers of an input.
    fn width(&self) -> usize {
        self.inputs.len() / self.ids.len().max(1)
    }
}

impl LossTrajectory {
    /// A student of a model, with its states after each pass.
    fn student(&self, teacher: &dyn Target, population: &Population, ctx: &Ctx<'_>) -> Result<Fitted> {
        let Population { ids, inputs } = population;
        let labels = Labels::Values(answers(teacher, ids)?);
        let data = Records { ids: ids.clone(), inputs: Features::Tensor(inputs.clone()), labels };
        // The same for all: they differ by their teachers alone.
        let run = FitRun { rows: (0..ids.len() as u32).collect(), seed: ctx.seed("students") };
        let fitted = ctx.fit(&self.recipe, &data, &[run])?.into_iter().next();
        let student = fitted.ok_or_else(|| Error::mismatch("fitted students", 1, 0))??;
        let passes = self.config.passes as usize;
        if student.checkpoints.len() != passes {
            let what = "states of a student, which the adapter keeps".into();
            return Err(Error::Missing { what, needed: passes, got: student.checkpoints.len() });
        }
        Ok(student)
    }

    /// The losses of a student's states on the audited records, into all places `[records][passes + 1]` but the last of each.
    fn follow(
        &self,
        student: &Fitted,
        case: &Case<'_>,
        input: usize,
        ctx: &Ctx<'_>,
        ways: &mut [f64],
    ) -> Result<()> {
        let (classes, _) = case.audited().classes()?;
        let width = self.config.passes as usize + 1;
        let quiet = Within::silent(ctx);
        in_batches(case, &ctx.within(&quiet), rows_at_a_time(input), |range, ids| {
            let inputs = case.target().input(&ids)?;
            let labels: Vec<i64> = classes[range.clone()].iter().map(|&class| class.into()).collect();
            let query = Query {
                labels: Some(Tensor::from_vec(labels, &[range.len()])?),
                input: Input::Tensor(inputs),
                want: Access::LOSS,
                layers: Vec::new(),
            };
            for (pass, state) in student.checkpoints.iter().enumerate() {
                let told = state.target.predict(&query)?;
                told.check_rows(range.len())?;
                let losses = told.loss.ok_or(Error::Denied(Access::LOSS))?.to_f64()?;
                for (record, loss) in range.clone().zip(losses) {
                    ways[record * width + pass] = feature(loss);
                }
            }
            Ok(())
        })
    }
}

/// The probabilities `[records, classes]` that a model gives records.
fn answers(model: &dyn Target, ids: &Indices) -> Result<Tensor> {
    let (mut all, mut width) = (Vec::new(), 0);
    for batch in ids.chunks(4096) {
        let told = model.predict(&Query::records(batch.to_vec(), Access::PROBABILITIES))?;
        let told = told.probabilities.ok_or(Error::Denied(Access::PROBABILITIES))?;
        let &[rows, classes] = told.shape() else {
            let got = format!("shape {:?}", told.shape());
            return Err(Error::mismatch("answered probabilities", "[records, classes]", got));
        };
        if rows != batch.len() || (width != 0 && classes != width) {
            let expected = format!("one row for each of {} records", batch.len());
            return Err(Error::mismatch(
                "answered probabilities",
                expected,
                format!("shape {:?}", told.shape()),
            ));
        }
        width = classes;
        all.extend_from_slice(&told.to_f32()?);
    }
    Tensor::from_vec(all, &[ids.len(), width])
}

#[cfg(test)]
mod tests {
    use paname_core::{Host, Result};
    use paname_testkit::{Behaviour, Size, Students, Toy};

    use super::*;

    fn live() -> Toy {
        let size = Size { records: 160, population: 60, ..Size::default() };
        Toy::live(Behaviour::Leaky, size, 5)
    }

    fn run(toy: &Toy, config: Config, host: &dyn Host) -> Result<Vec<f64>> {
        let attack = LossTrajectory::new(config)?;
        attack.run(&toy.case()?, &Ctx::new(1, "test", 1, host))?.membership(toy.truth().len())
    }

    #[test]
    fn students_learn_what_their_teacher_says() {
        let toy = live();
        let case = toy.case().unwrap();
        let ctx = Ctx::new(1, "test", 1, &Students(&()));
        let attack = LossTrajectory::new(Config { passes: 30, ..Config::default() }).unwrap();
        let population = Population::of(&case).unwrap();
        let told = answers(case.target(), &population.ids).unwrap();
        let student = attack.student(case.target(), &population, &ctx).unwrap();
        // The squared distance of a state's probabilities from the teacher's.
        let distance = |model: &dyn Target| {
            let own = answers(model, &population.ids).unwrap();
            let pairs =
                own.to_f32().unwrap().into_owned().into_iter().zip(told.to_f32().unwrap().into_owned());
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
        };
        let first = distance(student.checkpoints[0].target.as_ref());
        let last = distance(student.checkpoints[29].target.as_ref());
        assert!(last < first / 3.0, "{first} {last}");
        assert_eq!(
            student.checkpoints.iter().map(|kept| kept.epoch).collect::<Vec<_>>(),
            (1..=30).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_way_is_what_the_states_say_of_the_record() {
        let toy = live();
        let case = toy.case().unwrap();
        let ctx = Ctx::new(1, "test", 1, &Students(&()));
        let attack = LossTrajectory::new(Config { passes: 3, ..Config::default() }).unwrap();
        let population = Population::of(&case).unwrap();
        let student = attack.student(case.target(), &population, &ctx).unwrap();
        let (classes, _) = case.audited().classes().unwrap();
        let mut ways = vec![0.0; classes.len() * 4];
        attack.follow(&student, &case, population.width(), &ctx, &mut ways).unwrap();
        for record in [0, 1, 77, classes.len() - 1] {
            let input = case.target().input(&vec![case.audited().ids[record]].into()).unwrap();
            for (pass, state) in student.checkpoints.iter().enumerate() {
                let want = Access::PROBABILITIES;
                let query =
                    Query { input: Input::Tensor(input.clone()), labels: None, want, layers: Vec::new() };
                let told = state.target.predict(&query).unwrap().probabilities.unwrap().to_f64().unwrap();
                let loss = -told[classes[record] as usize].ln();
                assert!(
                    (ways[record * 4 + pass] - feature(loss)).abs() < 1e-4,
                    "record {record}, pass {pass}"
                );
            }
            assert_eq!(ways[record * 4 + 3], 0.0);
        }
        // What was not learned at all looks like nothing that was.
        assert!(feature(f64::NAN) == feature(f64::INFINITY) && feature(f64::NAN) > feature(100.0));
    }

    #[test]
    fn without_students_or_their_states_it_says_so() {
        /// Forgets what students were on their way.
        struct Forgetful;
        impl Host for Forgetful {
            fn fit(&self, recipe: &Recipe, data: &Records, runs: &[FitRun]) -> Result<Vec<Result<Fitted>>> {
                let mut fitted = Students(&()).fit(recipe, data, runs)?;
                fitted.iter_mut().flatten().for_each(|fitted| fitted.checkpoints.clear());
                Ok(fitted)
            }
        }
        let refused = |host: &dyn Host| run(&live(), Config::default(), host).unwrap_err().to_string();
        assert_eq!(refused(&()), "not supported: this host fits no models");
        assert_eq!(refused(&Forgetful), "states of a student, which the adapter keeps: 20 needed, 0 given");
    }

    #[test]
    fn parameters_are_checked() {
        let config = Config::default;
        let student = |student| Config { student, ..config() };
        for (config, word) in [
            (Config { passes: 1, ..config() }, "`passes` must be at least 2 and at most 1000, got 1"),
            (Config { models: 0, ..config() }, "`models`"),
            (Config { models: 65, ..config() }, "`models`"),
            (Config { examples: 39, ..config() }, "`examples` must be at least 40, got 39"),
            (Config { epochs: 0, ..config() }, "`epochs`"),
            (Config { hidden: 1025, ..config() }, "`hidden`"),
            (student(Recipe { epochs: Some(3), ..Recipe::default() }), "`student.epochs`"),
            (student(Recipe { checkpoints: vec![1], ..Recipe::default() }), "`student.checkpoints`"),
            (student(Recipe { objective: Objective::Pinball, ..Recipe::default() }), "`student.objective`"),
        ] {
            let message = LossTrajectory::new(config).err().unwrap().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
