//! Students of a model, which learn from its answers about records. Asked beside it, they have no part in what it alone makes of an input.

use paname_core::{
    Access, Case, Ctx, Error, Features, FitRun, Indices, Labels, Objective, Outputs, Pullback, Query, Recipe,
    Records, Result, Target, TargetCard, Tensor,
};

use crate::latent::Latent;
use crate::objective::Answers;

/// Records below which a student learns nothing.
pub(crate) const FEWEST: usize = 50;
/// The most students of a model.
pub(crate) const MOST: usize = 16;

/// What students learn from.
pub(crate) struct Lessons {
    pub(crate) ids: Indices,
    /// Probabilities of the classes, `[records][classes]`.
    pub(crate) answers: Vec<f64>,
}

/// Completes a recipe of students.
pub(crate) fn recipe(given: &Recipe) -> Result<Recipe> {
    for (key, said, instead) in [
        ("objective", given.objective != Objective::default(), "students are fitted by distillation"),
        ("checkpoints", !given.checkpoints.is_empty(), "only the last state is asked"),
    ] {
        if said {
            return Err(Error::Config(format!("`student.{key}` cannot be given: {instead}")));
        }
    }
    Ok(Recipe { objective: Objective::Distillation, ..given.clone() })
}

/// Fits so many students of the target of a case, which differ by their seeds.
pub(crate) fn fit(
    count: usize,
    recipe: &Recipe,
    lessons: Lessons,
    case: &Case<'_>,
    ctx: &Ctx<'_>,
) -> Result<Vec<Box<dyn Target>>> {
    let Lessons { ids, answers } = lessons;
    let rows = ids.len();
    let labels: Vec<f32> = answers.iter().map(|p| *p as f32).collect();
    let labels = Labels::Values(Tensor::from_vec(labels, &[rows, answers.len() / rows.max(1)])?);
    let data = Records { inputs: Features::Tensor(case.target().input(&ids)?), ids, labels };
    let mut students = Vec::with_capacity(count);
    for k in 0..count {
        ctx.tick(k, count)?;
        let run = FitRun { rows: (0..rows as u32).collect(), seed: ctx.seed(&format!("student {k}")) };
        let fitted = ctx.fit(recipe, &data, &[run])?.into_iter().next();
        let student = fitted.ok_or_else(|| Error::mismatch("fitted students", 1, 0))??.target;
        let needed = Access::NEW_INPUTS | Access::LOGITS | Access::INPUT_GRADIENT;
        let lacking = needed - student.card().offers();
        if !lacking.is_empty() {
            return Err(Error::Unsupported(format!("students without {lacking}, which the adapter fits")));
        }
        students.push(student);
    }
    ctx.log(&format!("{count} students learned from answers about {rows} records"));
    Ok(students)
}

/// A target with its students. Logits are the mean over all of them; anything else that it answers is the target's, its probabilities too.
pub(crate) struct Among<'a> {
    pub(crate) target: &'a dyn Target,
    pub(crate) students: Vec<Box<dyn Target>>,
}

impl Among<'_> {
    /// What students are asked.
    fn question(query: &Query) -> Query {
        Query { want: Access::LOGITS, layers: Vec::new(), ..query.clone() }
    }

    /// The share that each of them has.
    fn share(students: usize) -> f64 {
        1.0 / (1 + students) as f64
    }

    fn joined(mut own: Outputs, students: &[Outputs], rows: usize) -> Result<Outputs> {
        let (probabilities, classes) = Latent::probabilities(&own, Answers::Logits, rows)?;
        let probabilities = probabilities.into_iter().map(|p| p as f32).collect();
        own.probabilities = Some(Tensor::from_vec(probabilities, &[rows, classes])?);
        let mut logits = own.logits.take().ok_or(Error::Denied(Access::LOGITS))?.to_f64()?;
        for student in students {
            let told = student.logits.as_ref().ok_or(Error::Denied(Access::LOGITS))?;
            if told.shape() != [rows, classes] {
                let (expected, got) = (format!("[{rows}, {classes}]"), format!("shape {:?}", told.shape()));
                return Err(Error::mismatch("logits of a student", expected, got));
            }
            logits.iter_mut().zip(told.to_f64()?).for_each(|(sum, logit)| *sum += logit);
        }
        let share = Self::share(students.len());
        let mean = logits.into_iter().map(|sum| (share * sum) as f32).collect();
        Ok(Outputs { logits: Some(Tensor::from_vec(mean, &[rows, classes])?), ..own })
    }
}

impl Target for Among<'_> {
    fn card(&self) -> &TargetCard {
        self.target.card()
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let own = self.target.predict(query)?;
        let question = Self::question(query);
        let students: Result<Vec<_>> = self.students.iter().map(|s| s.predict(&question)).collect();
        Self::joined(own, &students?, query.len())
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let (own, back) = self.target.vjp(query)?;
        let question = Self::question(query);
        let students: Result<Vec<_>> = self.students.iter().map(|s| s.vjp(&question)).collect();
        let (students, pullbacks): (Vec<_>, Vec<_>) = students?.into_iter().unzip();
        let joined = Self::joined(own, &students, query.len())?;
        Ok((joined, Box::new(Together { target: back, students: pullbacks })))
    }
}

/// The way back through a target and its students.
struct Together {
    target: Box<dyn Pullback>,
    students: Vec<Box<dyn Pullback>>,
}

impl Pullback for Together {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let share = Among::share(self.students.len()) as f32;
        let logits = match &cotangent.logits {
            Some(logits) => {
                let shared = logits.to_f32()?.iter().map(|c| share * c).collect();
                Some(Tensor::from_vec(shared, logits.shape())?)
            }
            None => None,
        };
        let own = self.target.apply(&Outputs { logits: logits.clone(), ..cotangent.clone() })?;
        let mut sum = own.to_f64()?;
        let of_students = Outputs { logits, ..Outputs::default() };
        for student in &self.students {
            let slopes = student.apply(&of_students)?;
            if slopes.len() != sum.len() {
                let (expected, got) = (format!("{}", sum.len()), format!("shape {:?}", slopes.shape()));
                return Err(Error::mismatch("gradients of a student", expected, got));
            }
            sum.iter_mut().zip(slopes.to_f64()?).for_each(|(sum, slope)| *sum += slope);
        }
        Tensor::from_vec(sum.into_iter().map(|slope| slope as f32).collect(), own.shape())
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Input;
    use paname_testkit::Students;

    use super::*;
    use crate::testing::{Hostile, Net, Wrong, with_case};

    fn lessons(net: &Net) -> Lessons {
        let ids: Vec<u32> = (20..40).collect();
        let known = net.records.clone().unwrap();
        let rows = ids.iter().map(|id| &known[*id as usize * net.width()..][..net.width()]);
        Lessons { answers: rows.flat_map(|x| net.probabilities(x)).collect(), ids: ids.into() }
    }

    fn question() -> Query {
        let rows = Tensor::from_vec((0..12).map(|i| (i as f32 * 0.7).sin()).collect(), &[2, 2, 3]).unwrap();
        let want = Access::LOGITS | Access::EMBEDDING;
        Query { input: Input::Tensor(rows), labels: None, want, layers: Vec::new() }
    }

    #[test]
    fn logits_are_the_mean_and_gradients_those_of_the_mean() {
        let net = Net::new(&[2, 3], 3, 5, 4).with("embedding");
        let ctx = Ctx::new(1, "test", 1, &Students(&()));
        let recipe = recipe(&Recipe { epochs: Some(30), ..Recipe::default() }).unwrap();
        let students =
            with_case(&net, Access::all(), |case| fit(2, &recipe, lessons(&net), case, &ctx).unwrap());
        let among = Among { target: &net, students };
        let query = question();
        let told = among.predict(&query).unwrap();
        let logits = |target: &dyn Target| {
            let query = Query { want: Access::LOGITS, ..query.clone() };
            target.predict(&query).unwrap().logits.unwrap().to_f64().unwrap()
        };
        let all = [logits(&net), logits(among.students[0].as_ref()), logits(among.students[1].as_ref())];
        for (i, mean) in told.logits.unwrap().to_f64().unwrap().into_iter().enumerate() {
            assert!((mean - all.iter().map(|logits| logits[i]).sum::<f64>() / 3.0).abs() < 1e-5);
        }
        let own = net.predict(&Query { want: query.want | Access::PROBABILITIES, ..query.clone() }).unwrap();
        for (told, own) in [(told.embedding, own.embedding), (told.probabilities, own.probabilities)] {
            let [told, own] = [told, own].map(|tensor| tensor.unwrap().to_f64().unwrap());
            assert!(told.len() == own.len() && told.iter().zip(&own).all(|(a, b)| (a - b).abs() < 1e-6));
        }

        let (_, back) = among.vjp(&query).unwrap();
        let cotangent = Outputs {
            logits: Some(Tensor::from_vec(vec![1.0_f32, 0.5, -1.0, 0.0, 2.0, 1.0], &[2, 3]).unwrap()),
            embedding: Some(Tensor::from_vec((0..10).map(|i| i as f32 * 0.1).collect(), &[2, 5]).unwrap()),
            ..Outputs::default()
        };
        let value = |rows: &[f32]| -> f64 {
            let input = Input::Tensor(Tensor::from_vec(rows.to_vec(), &[2, 2, 3]).unwrap());
            let told = among.predict(&Query { input, ..query.clone() }).unwrap();
            let dot = |a: &Option<Tensor>, b: &Option<Tensor>| -> f64 {
                let (a, b) = [a, b].map(|x| x.as_ref().unwrap().to_f64().unwrap()).into();
                a.iter().zip(b).map(|(a, b)| a * b).sum()
            };
            dot(&told.logits, &cotangent.logits) + dot(&told.embedding, &cotangent.embedding)
        };
        let Input::Tensor(rows) = &query.input else { panic!() };
        let rows = rows.to_f32().unwrap().into_owned();
        for (j, slope) in back.apply(&cotangent).unwrap().to_f64().unwrap().into_iter().enumerate() {
            let at = |h: f32| {
                let mut moved = rows.clone();
                moved[j] += h;
                value(&moved)
            };
            let difference = (at(5e-3) - at(-5e-3)) / 1e-2;
            assert!((difference - slope).abs() < 1e-2, "{j}: {difference} {slope}");
        }
    }

    #[test]
    fn students_that_answer_otherwise_give_errors_and_not_panics() {
        let net = Net::new(&[2, 3], 3, 5, 4).with("embedding");
        for (wrong, words) in [
            (Wrong::Scalar, "logits of a student: expected [2, 3], got shape [2]"),
            (Wrong::MoreRows, "logits of a student: expected [2, 3], got shape [3, 3]"),
            (Wrong::NothingAnswered, "access denied: logits"),
        ] {
            let students: Vec<Box<dyn Target>> = vec![Box::new(Hostile(net.clone(), wrong))];
            let among = Among { target: &net, students };
            let error = among.predict(&question()).unwrap_err().to_string();
            assert!(error.contains(words), "{wrong:?}: {error}");
        }
        let students: Vec<Box<dyn Target>> = vec![Box::new(Hostile(net.clone(), Wrong::GradientWidth))];
        let (_, back) = Among { target: &net, students }.vjp(&question()).unwrap();
        let logits = Some(Tensor::from_vec(vec![1.0_f32; 6], &[2, 3]).unwrap());
        let error = back.apply(&Outputs { logits, ..Outputs::default() }).unwrap_err().to_string();
        assert!(error.contains("gradients of a student: expected 12, got shape [2, 1]"), "{error}");
        // One that gives no gradients is of no use.
        let blind = Net::new(&[2, 3], 3, 0, 4).without(&["input-gradient"]);
        let host = Fitting(blind.clone());
        let recipe = recipe(&Recipe::default()).unwrap();
        let error = with_case(&blind, Access::all(), |case| {
            fit(1, &recipe, lessons(&blind), case, &Ctx::new(1, "test", 1, &host)).err().unwrap().to_string()
        });
        assert_eq!(error, "not supported: students without input-gradient, which the adapter fits");
    }

    /// A host that gives the same model for any fit.
    struct Fitting(Net);

    impl paname_core::Host for Fitting {
        fn fit(&self, _: &Recipe, _: &Records, runs: &[FitRun]) -> Result<Vec<Result<paname_core::Fitted>>> {
            let fitted = |_| {
                let target = Box::new(self.0.clone());
                Ok(paname_core::Fitted {
                    target,
                    weights: None,
                    train_loss: None,
                    train_accuracy: None,
                    checkpoints: Vec::new(),
                })
            };
            Ok(runs.iter().map(fitted).collect())
        }
    }
}
