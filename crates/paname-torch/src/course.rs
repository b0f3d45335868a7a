//! A recipe with every choice made and checked.

use paname_core::{EarlyStop, Error, Objective, Optimizer, Recipe, Result, Schedule, Transformation};

/// How a fit goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Course {
    pub(crate) objective: Objective,
    pub(crate) optimizer: Optimizer,
    pub(crate) learning_rate: f64,
    pub(crate) momentum: f64,
    pub(crate) schedule: Schedule,
    pub(crate) warm_up: f64,
    pub(crate) weight_decay: f64,
    pub(crate) label_smoothing: f64,
    pub(crate) average: Option<f64>,
    pub(crate) epochs: u32,
    pub(crate) batch: usize,
    pub(crate) augmentation: Vec<Transformation>,
    pub(crate) early_stop: Option<EarlyStop>,
    pub(crate) checkpoints: Vec<u32>,
}

impl Course {
    /// Fills in what a recipe leaves open: SGD with momentum 0.9 and a step of 0.05, or Adam with 0.001, along a cosine, 20 passes in batches of 128.
    pub(crate) fn of(recipe: &Recipe) -> Result<Self> {
        let optimizer = recipe.optimizer.unwrap_or(Optimizer::Sgd);
        let gradient_descent = matches!(optimizer, Optimizer::Sgd | Optimizer::Nesterov);
        let wrong = |key: &str, expected: &str, got: &dyn std::fmt::Display| {
            Err(Error::Config(format!("`recipe.{key}`: expected {expected}, got {got}")))
        };
        let course = Self {
            objective: recipe.objective,
            optimizer,
            learning_rate: recipe.learning_rate.unwrap_or(if gradient_descent { 0.05 } else { 0.001 }),
            momentum: recipe.momentum.unwrap_or(if gradient_descent { 0.9 } else { 0.0 }),
            schedule: recipe.schedule.unwrap_or(Schedule::Cosine),
            warm_up: recipe.warm_up.unwrap_or(0.0),
            weight_decay: recipe.weight_decay.unwrap_or(0.0),
            label_smoothing: recipe.label_smoothing.unwrap_or(0.0),
            average: recipe.average,
            epochs: recipe.epochs.unwrap_or(20),
            batch: recipe.batch.unwrap_or(128) as usize,
            augmentation: recipe.augmentation.clone(),
            early_stop: recipe.early_stop,
            checkpoints: recipe.checkpoints.clone(),
        };
        let known = [Objective::CrossEntropy, Objective::MeanSquaredError, Objective::Distillation];
        if !known.contains(&course.objective) {
            let objective = serde_json::to_string(&course.objective).unwrap_or_default();
            return Err(Error::Unsupported(format!(
                "objective {objective}; the adapter `torch` fits by \"cross-entropy\", \"mean-squared-error\" and \"distillation\""
            )));
        }
        if !(course.learning_rate > 0.0 && course.learning_rate.is_finite()) {
            return wrong("learning-rate", "a number above 0", &course.learning_rate);
        }
        if !(0.0..1.0).contains(&course.momentum) {
            return wrong("momentum", "a share from 0 to below 1", &course.momentum);
        }
        if !gradient_descent && recipe.momentum.is_some() {
            return wrong("momentum", "it with `sgd` or `nesterov` only", &course.momentum);
        }
        if course.optimizer == Optimizer::Nesterov && course.momentum == 0.0 {
            return wrong("momentum", "a share above 0 with `nesterov`", &course.momentum);
        }
        if !(0.0..1.0).contains(&course.label_smoothing) {
            return wrong("label-smoothing", "a share from 0 to below 1", &course.label_smoothing);
        }
        if !(course.weight_decay >= 0.0 && course.weight_decay.is_finite()) {
            return wrong("weight-decay", "a number from 0", &course.weight_decay);
        }
        if course.epochs == 0 || course.batch == 0 {
            return wrong("epochs", "passes and batches of at least 1", &0);
        }
        if !(course.warm_up >= 0.0 && course.warm_up < f64::from(course.epochs)) {
            return wrong("warm-up", "fewer passes than `epochs`", &course.warm_up);
        }
        if let Some(average) = course.average.filter(|average| !(0.0..1.0).contains(average)) {
            return wrong("average", "a share from 0 to below 1", &average);
        }
        if let Some(stop) = course.early_stop
            && (!(stop.share > 0.0 && stop.share < 1.0) || stop.patience == 0)
        {
            return wrong(
                "early-stop",
                "a share between 0 and 1 and a patience of at least 1",
                &format!("{} and {}", stop.share, stop.patience),
            );
        }
        if let Some(beyond) = course.checkpoints.iter().find(|&&epoch| epoch == 0 || epoch > course.epochs) {
            return wrong("checkpoints", &format!("passes from 1 to {}", course.epochs), beyond);
        }
        Ok(course)
    }

    /// The step size at step `step` of `steps`, of which `per_pass` make a pass.
    pub(crate) fn rate(&self, step: usize, steps: usize, per_pass: usize) -> f64 {
        let warm = self.warm_up * per_pass as f64;
        let at = step as f64;
        if at < warm {
            return self.learning_rate * (at + 1.0) / warm.max(1.0);
        }
        // Share of the way behind us.
        let way = (at - warm) / (steps as f64 - warm).max(1.0);
        let along_cosine = |from: f64, to: f64, way: f64| {
            to + (from - to) * (1.0 + (std::f64::consts::PI * way).cos()) / 2.0
        };
        self.learning_rate
            * match self.schedule {
                Schedule::Cosine => along_cosine(1.0, 0.0, way),
                Schedule::Step if way >= 0.75 => 0.01,
                Schedule::Step if way >= 0.5 => 0.1,
                Schedule::OneCycle if way < 0.3 => along_cosine(1.0 / 25.0, 1.0, way / 0.3),
                Schedule::OneCycle => along_cosine(1.0, 1.0 / 250_000.0, (way - 0.3) / 0.7),
                _ => 1.0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(recipe: &Recipe) -> Course {
        Course::of(recipe).unwrap()
    }

    #[test]
    fn rates_follow_their_schedule() {
        let of = |schedule, warm_up| {
            course(&Recipe {
                schedule: Some(schedule),
                learning_rate: Some(1.0),
                epochs: Some(10),
                warm_up,
                ..Recipe::default()
            })
        };
        let rates = |course: &Course| [0, 3, 50, 75, 99].map(|step| course.rate(step, 100, 10));
        let close = |got: [f64; 5], expected: [f64; 5]| {
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{got:?}");
        };
        close(rates(&of(Schedule::Constant, None)), [1.0; 5]);
        close(rates(&of(Schedule::Cosine, None)), [1.0, 0.997_78, 0.5, 0.146_45, 0.000_25]);
        close(rates(&of(Schedule::Step, None)), [1.0, 1.0, 0.1, 0.01, 0.01]);
        close(rates(&of(Schedule::Constant, Some(1.0))), [0.1, 0.4, 1.0, 1.0, 1.0]);
        let cycle = rates(&of(Schedule::OneCycle, None));
        assert!((cycle[0] - 0.04).abs() < 1e-9 && cycle[2] > cycle[3] && cycle[4] < 1e-3, "{cycle:?}");
        assert!((of(Schedule::OneCycle, None).rate(30, 100, 10) - 1.0).abs() < 1e-9);
    }

    /// A step has the rate that `torch.optim.lr_scheduler` has after as many calls of its `step`: `CosineAnnealingLR` with all steps as its `T_max`,
    /// `MultiStepLR` at half and three quarters of them. With `OneCycleLR` of one step more: ours ends at a step after the last one, and is highest at three
    /// tenths of the way, where PyTorch counts from the first step and is there a step earlier. The warm-up is `LinearLR` that begins with a step's share.
    #[test]
    fn rates_are_those_of_pytorch() {
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        for (name, schedule, warm_up) in [
            ("cosine", Schedule::Cosine, None),
            ("step", Schedule::Step, None),
            ("one-cycle", Schedule::OneCycle, None),
            ("warm", Schedule::Cosine, Some(2.0)),
        ] {
            let course = course(&Recipe {
                schedule: Some(schedule),
                learning_rate: Some(0.5),
                epochs: Some(10),
                warm_up,
                ..Recipe::default()
            });
            let array = format!("golden.npz#schedule-{name}").parse().unwrap();
            let theirs = paname_data::read_array(&fixtures, &array).unwrap().to_f64().unwrap();
            assert_eq!(theirs.len(), 100);
            for (step, theirs) in theirs.into_iter().enumerate() {
                let ours = course.rate(step, 100, 10);
                assert!((ours - theirs).abs() < 1e-9, "{name}, step {step}: {ours}, PyTorch {theirs}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        let refused = |recipe: Recipe| Course::of(&recipe).unwrap_err().to_string();
        let base = Recipe::default;
        for (recipe, key) in [
            (Recipe { learning_rate: Some(-1.0), ..base() }, "learning-rate"),
            (Recipe { momentum: Some(1.0), ..base() }, "momentum"),
            (Recipe { momentum: Some(0.5), optimizer: Some(Optimizer::Adam), ..base() }, "momentum"),
            (Recipe { momentum: Some(0.0), optimizer: Some(Optimizer::Nesterov), ..base() }, "momentum"),
            (Recipe { label_smoothing: Some(1.0), ..base() }, "label-smoothing"),
            (Recipe { weight_decay: Some(f64::NAN), ..base() }, "weight-decay"),
            (Recipe { epochs: Some(0), ..base() }, "epochs"),
            (Recipe { warm_up: Some(20.0), ..base() }, "warm-up"),
            (Recipe { average: Some(1.5), ..base() }, "average"),
            (Recipe { early_stop: Some(EarlyStop { share: 0.0, patience: 1 }), ..base() }, "early-stop"),
            (Recipe { checkpoints: vec![21], ..base() }, "checkpoints"),
        ] {
            let error = refused(recipe);
            assert!(error.contains(&format!("`recipe.{key}`")), "{key}: {error}");
        }
        let error = refused(Recipe { objective: Objective::Adversarial, ..base() });
        assert!(error.contains("objective \"adversarial\""), "{error}");
    }
}
