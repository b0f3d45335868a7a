//! What the attacks share that search the latent variables of a generator: questions about them, walks down a gradient, and what is found.

use paname_core::{
    Access, Case, Ctx, Ending, Error, Findings, Input, Needs, Outputs, Query, Reconstruction, Result, Target,
    Tensor,
};
use rand_pcg::Pcg64;

use crate::asking::{Asking, Chosen, Gradient, Wanted, access, answered, cotangent};
use crate::composed::Composed;
use crate::estimated::EstimatedGradient;
use crate::objective::{Answers, Objective, softmax};
use crate::prior::Prior;
use crate::random::fill_normal;
use crate::space::Space;
use crate::step::{Memory, Stepping};
use crate::view::{NUMBERS, Parts, View};

/// Times that a step is halved because of what is no number.
const HALVINGS: u32 = 8;

/// The most questions that the walks of one class cost.
pub(crate) fn questions(asking: &Asking<'_>) -> u64 {
    let each = if asking.gradient == Gradient::Given { 1 } else { asking.estimate.questions() };
    let last = 1 + u64::from(asking.again);
    (asking.starts as u64).saturating_mul((asking.steps as u64).saturating_mul(each).saturating_add(last))
}

/// The accesses that the walks need.
pub(crate) fn walking(asking: &Asking<'_>) -> Access {
    let answers = if asking.outputs == Wanted::Logits { Access::LOGITS } else { Access::PROBABILITIES };
    let gradient = if asking.gradient == Gradient::Given { Access::INPUT_GRADIENT } else { Access::empty() };
    answers | gradient
}

/// What a run needs that puts so many questions as a whole and so many about each class.
pub(crate) fn needs(asking: &Asking<'_>, prior: &Prior, access: Access, whole: u64, class: u64) -> Needs {
    // Named classes, or each that there is.
    let (queries, queries_per_class) = match asking.classes.len() as u64 {
        0 => (whole, class),
        classes => (whole.saturating_add(class.saturating_mul(classes)), 0),
    };
    Needs {
        access: Access::NEW_INPUTS | access,
        population_min: prior.population_min(),
        generator: prior.generator(access),
        queries,
        queries_per_class,
        ..Needs::default()
    }
}

/// A search of the latent variables.
pub(crate) struct Latent<'a> {
    case: &'a Case<'a>,
    pub(crate) ctx: &'a Ctx<'a>,
    asking: &'a Asking<'a>,
    /// The classes that are rebuilt.
    pub(crate) classes: Vec<u32>,
    pub(crate) composed: Composed<'a>,
}

/// What is made small.
pub(crate) struct Goal {
    pub(crate) objective: Objective,
    /// Weight of the objective.
    pub(crate) weight: f64,
    /// Weight of ½ ‖z‖², which is −ln of the density of z up to a constant.
    pub(crate) realism: f64,
    pub(crate) features: Option<Features>,
}

/// Features that are to be like those of records.
pub(crate) struct Features {
    /// The layer; the embedding where there is none.
    pub(crate) layer: Option<String>,
    /// Weight of the mean square of what they are off.
    pub(crate) weight: f64,
    pub(crate) means: Vec<f32>,
    pub(crate) spreads: Vec<f32>,
}

/// How walks go.
pub(crate) struct Descent {
    pub(crate) goal: Goal,
    pub(crate) stepping: Stepping,
    pub(crate) rate: f64,
    /// What each step looks at of an image.
    pub(crate) views: Parts,
}

/// A place that was looked at.
pub(crate) struct Place {
    loss: f64,
    pub(crate) score: f64,
    pub(crate) z: Vec<f32>,
}

/// A walk of one class.
pub(crate) struct Walk {
    pub(crate) class: u32,
    start: u32,
    z: Vec<f32>,
    memory: Memory,
    rate: f64,
    /// The last place where all was finite, and the gradient there.
    good: Option<(Vec<f32>, Vec<f64>)>,
    pub(crate) best: Option<Place>,
    halvings: u32,
    pub(crate) end: Option<Ending>,
    view: View,
    /// Features that it aims at.
    aim: Vec<f32>,
    stream: Pcg64,
}

/// A rebuilt input before it is made.
pub(crate) struct Found {
    pub(crate) class: u32,
    pub(crate) start: u32,
    pub(crate) z: Vec<f32>,
    pub(crate) score: f64,
    pub(crate) ending: Ending,
}

impl Features {
    /// The access that they are.
    pub(crate) fn access(layer: Option<&str>) -> Access {
        if layer.is_some() { Access::ACTIVATIONS } else { Access::EMBEDDING }
    }

    /// The features `[rows][width]` among answers, and their width.
    pub(crate) fn of<'o>(
        layer: Option<&str>,
        outputs: &'o Outputs,
        rows: usize,
    ) -> Result<(&'o Tensor, usize)> {
        outputs.check_rows(rows)?;
        let tensor = match layer {
            None => outputs.embedding.as_ref(),
            Some(name) => outputs.activations.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor),
        };
        let tensor = tensor.ok_or(Error::Denied(Self::access(layer)))?;
        Ok((tensor, tensor.len() / rows.max(1)))
    }
}

impl Walk {
    fn new(class: u32, start: usize, z: Vec<f32>, descent: &Descent, mut stream: Pcg64) -> Self {
        let aim = match &descent.goal.features {
            None => Vec::new(),
            Some(Features { means, spreads, .. }) => {
                let mut aim = vec![0.0; means.len()];
                fill_normal(&mut aim, &mut stream);
                let of = |((noise, mean), spread): ((&f32, &f32), &f32)| mean + spread * noise;
                aim.iter().zip(means).zip(spreads).map(of).collect()
            }
        };
        Self {
            class,
            start: start as u32,
            memory: Memory::new(descent.stepping, z.len()),
            z,
            rate: descent.rate,
            good: None,
            best: None,
            halvings: 0,
            end: None,
            view: View::WHOLE,
            aim,
            stream,
        }
    }

    /// From a place that was chosen before.
    pub(crate) fn from(found: Found, descent: &Descent, ctx: &Ctx<'_>) -> Self {
        let stream = ctx.rng(&format!("class {} start {}", found.class, found.start));
        let mut walk = Self::new(found.class, found.start as usize, found.z.clone(), descent, stream);
        walk.best = Some(Place { loss: f64::INFINITY, score: found.score, z: found.z });
        walk
    }
}

impl<'a> Latent<'a> {
    /// Fits the prior where there is none. No question to the model.
    pub(crate) fn of(
        case: &'a Case<'a>,
        ctx: &'a Ctx<'a>,
        asking: &'a Asking<'a>,
        prior: &Prior,
    ) -> Result<Self> {
        let classes = asking.classes(case)?;
        let space = Space::of(case, ctx, asking.inputs)?;
        let maker = prior.of(case, &space, ctx)?;
        let composed = Composed::new(case.target(), maker, space, ctx.threads());
        Ok(Self { case, ctx, asking, classes, composed })
    }

    /// The same where images can be moved by so many pixels at most.
    pub(crate) fn moving(self, jitter: usize) -> Result<Self> {
        if jitter > 0 && !self.composed.has_views() {
            return Err(self.composed.space.no_image("jitter"));
        }
        Ok(self)
    }

    /// The choices of a run whose gradients come through the generator too.
    pub(crate) fn composing(&self, chosen: Chosen) -> Result<Chosen> {
        if chosen.estimated || self.composed.differentiable() {
            return Ok(chosen);
        }
        if self.asking.gradient == Gradient::Auto {
            return Ok(Chosen { estimated: true, ..chosen });
        }
        let each = self.asking.estimate.questions();
        Err(Error::Config(format!(
            "`gradient`: the generator gives no gradients; with \"estimated\" the attack runs, {each} questions for each step"
        )))
    }

    /// Says what a run costs at most, in words, and which choices were made.
    pub(crate) fn announce(&self, chosen: Chosen, needs: &Needs) {
        let gradient = if chosen.estimated { "estimated" } else { "given" };
        self.ctx.log(&format!("gradients are {gradient}"));
        self.announce_questions(needs);
        if self.asking.gradient == Gradient::Auto {
            self.ctx.chose("gradient", gradient);
        }
        self.announce_answers(chosen.answers);
    }

    /// Says what a run costs at most.
    pub(crate) fn announce_questions(&self, needs: &Needs) {
        self.ctx.log(&format!(
            "{} classes of {} starts and {} steps over {} latent variables, at most {} questions",
            self.classes.len(),
            self.asking.starts,
            self.asking.steps,
            self.composed.latent(),
            needs.questions(0, 0, self.classes.len()),
        ));
    }

    /// Says which answers are looked at.
    pub(crate) fn announce_answers(&self, answers: Answers) {
        if self.asking.outputs == Wanted::Auto {
            let answers = if answers == Answers::Logits { "logits" } else { "probabilities" };
            self.ctx.chose("outputs", answers);
        }
    }

    /// Latent variables as the generator was trained on them.
    pub(crate) fn draw(&self, stream: &mut Pcg64) -> Vec<f32> {
        let mut z = vec![0.0; self.composed.latent()];
        fill_normal(&mut z, stream);
        z
    }

    /// Rows of questions.
    fn rows<'r>(&self, places: impl Iterator<Item = (&'r [f32], View)>) -> Result<Tensor> {
        let mut rows = Vec::new();
        for (z, view) in places {
            rows.extend_from_slice(z);
            rows.extend(view.numbers());
        }
        let width = self.composed.latent() + NUMBERS;
        let shape = [rows.len() / width, width];
        Tensor::from_vec(rows, &shape)
    }

    /// What the model answers.
    pub(crate) fn ask<'r>(
        &self,
        places: impl Iterator<Item = (&'r [f32], View)>,
        want: Access,
    ) -> Result<Outputs> {
        let input = Input::Tensor(self.rows(places)?);
        self.composed.predict(&Query { input, labels: None, want, layers: Vec::new() })
    }

    /// What the model answers about inputs as they are given in the end.
    pub(crate) fn ask_hard<'r>(
        &self,
        places: impl Iterator<Item = (&'r [f32], View)>,
        want: Access,
    ) -> Result<Outputs> {
        let input = Input::Tensor(self.composed.inputs(&self.rows(places)?, true)?);
        self.case.target().predict(&Query { input, labels: None, want, layers: Vec::new() })
    }

    /// The probabilities of classes among answers.
    pub(crate) fn confidences(outputs: &Outputs, answers: Answers, classes: &[u32]) -> Result<Vec<f64>> {
        let tensor = answered(outputs, answers, classes.len())?;
        let valued = Objective::CrossEntropy.batch(&tensor.to_f32()?, answers, tensor.shape()[1], classes)?;
        Ok(valued.confidences)
    }

    /// The probabilities `[rows][classes]` among answers, and how many classes there are.
    pub(crate) fn probabilities(
        outputs: &Outputs,
        answers: Answers,
        rows: usize,
    ) -> Result<(Vec<f64>, usize)> {
        let tensor = answered(outputs, answers, rows)?;
        let (values, classes) = (tensor.to_f64()?, tensor.shape()[1].max(1));
        if answers == Answers::Probabilities {
            return Ok((values, classes));
        }
        let mut p = vec![0.0; values.len()];
        values.chunks_exact(classes).zip(p.chunks_exact_mut(classes)).for_each(|(z, p)| softmax(z, p));
        Ok((p, classes))
    }

    /// Walks from anywhere, as many of each class as there are starts.
    pub(crate) fn walks(&self, descent: &Descent) -> Vec<Walk> {
        let starts =
            self.classes.iter().flat_map(|class| (0..self.asking.starts).map(|start| (*class, start)));
        let begin = |(class, start)| {
            let mut stream = self.ctx.rng(&format!("class {class} start {start}"));
            let z = self.draw(&mut stream);
            Walk::new(class, start, z, descent, stream)
        };
        starts.map(begin).collect()
    }

    /// Walks until all have ended. Places are looked at once more than steps are taken.
    pub(crate) fn descend(&self, descent: &Descent, chosen: Chosen, walks: &mut [Walk]) -> Result<()> {
        let estimating = if chosen.estimated {
            let Asking { estimate, batch, .. } = self.asking;
            let estimating = EstimatedGradient::new(&self.composed, self.ctx, (*estimate).clone(), *batch)?;
            Some(estimating.with_ranges(&self.composed.ranges()))
        } else {
            None
        };
        let Asking { steps, batch, .. } = *self.asking;
        let elsewhere = self.elsewhere(descent);
        let total = (steps + 1) * walks.len();
        for step in 0..=steps {
            let active: Vec<usize> = (0..walks.len()).filter(|&w| walks[w].end.is_none()).collect();
            let last = step == steps;
            for (i, some) in active.chunks(batch).enumerate() {
                self.ctx.tick(step * walks.len() + i * batch, total)?;
                for &w in some {
                    let walk = &mut walks[w];
                    // The last place is looked at as it is.
                    walk.view =
                        if elsewhere && !last { descent.views.draw(&mut walk.stream) } else { View::WHOLE };
                }
                self.look(descent, chosen.answers, estimating.as_ref(), walks, some, last)?;
            }
        }
        walks.iter_mut().filter(|walk| walk.end.is_none()).for_each(|walk| walk.end = Some(Ending::Spent));
        self.ctx.tick(total, total)
    }

    /// Whether each look is at another part.
    fn elsewhere(&self, descent: &Descent) -> bool {
        descent.views.change() && self.composed.has_views()
    }

    /// Looks at places, and goes on from there but for the last of them.
    fn look(
        &self,
        descent: &Descent,
        answers: Answers,
        estimating: Option<&EstimatedGradient<'_>>,
        walks: &mut [Walk],
        some: &[usize],
        last: bool,
    ) -> Result<()> {
        let features = descent.goal.features.as_ref();
        let layer = features.and_then(|features| features.layer.as_deref());
        let input = Input::Tensor(self.rows(some.iter().map(|&w| (&walks[w].z[..], walks[w].view)))?);
        let want = access(answers) | features.map_or(Access::empty(), |_| Features::access(layer));
        let query =
            Query { input, labels: None, want, layers: layer.map(str::to_owned).into_iter().collect() };
        let latent = self.composed.latent();
        let (valued, slopes) = if last {
            let outputs = self.composed.predict(&query)?;
            (descent.goal.value(answers, &outputs, walks, some)?, None)
        } else if let Some(estimating) = estimating {
            let (outputs, pullback) = estimating.vjp(&query)?;
            let valued = descent.goal.value(answers, &outputs, walks, some)?;
            let slopes = pullback.apply(&valued.cotangent)?;
            (valued, Some(slopes))
        } else {
            let (outputs, back) = self.composed.answer(&query)?;
            let valued = descent.goal.value(answers, &outputs, walks, some)?;
            let slopes = back(&valued.cotangent)?;
            (valued, Some(slopes))
        };
        let slopes = slopes.map(|slopes| slopes.to_f64()).transpose()?;
        for (i, &w) in some.iter().enumerate() {
            let slopes = slopes.as_ref().map(|slopes| slopes[i * (latent + NUMBERS)..][..latent].to_vec());
            self.advance(descent, &mut walks[w], valued.values[i], valued.confidences[i], slopes);
        }
        Ok(())
    }

    /// Takes note of a place and goes to the next, where there is a gradient.
    fn advance(&self, descent: &Descent, walk: &mut Walk, value: f64, score: f64, slopes: Option<Vec<f64>>) {
        let squares: f64 = walk.z.iter().map(|z| f64::from(*z) * f64::from(*z)).sum();
        let loss = value + descent.goal.realism * 0.5 * squares;
        if !loss.is_finite() || !score.is_finite() {
            return self.recover(descent, walk);
        }
        // What was seen of a part by chance says less than how far the walk is.
        if self.elsewhere(descent) || walk.best.as_ref().is_none_or(|best| loss < best.loss) {
            walk.best = Some(Place { loss, score, z: walk.z.clone() });
        }
        let Some(mut slopes) = slopes else { return };
        slopes.iter_mut().zip(&walk.z).for_each(|(s, z)| *s += descent.goal.realism * f64::from(*z));
        if slopes.iter().any(|slope| !slope.is_finite()) {
            return self.recover(descent, walk);
        }
        let before = walk.z.clone();
        let nothing = slopes.iter().all(|slope| *slope == 0.0);
        walk.good = Some((before.clone(), slopes.clone()));
        Self::step(descent, walk, &mut slopes);
        if nothing && walk.z == before {
            walk.end = Some(Ending::Settled);
        }
    }

    fn step(descent: &Descent, walk: &mut Walk, slopes: &mut [f64]) {
        walk.memory.turn(descent.stepping, slopes);
        for (z, slope) in walk.z.iter_mut().zip(slopes) {
            *z = (f64::from(*z) - walk.rate * *slope).clamp(-1e6, 1e6) as f32;
        }
    }

    /// Goes on from the last good place with half the step, or from somewhere else where there was none.
    fn recover(&self, descent: &Descent, walk: &mut Walk) {
        if walk.halvings == HALVINGS {
            walk.end = Some(Ending::Lost);
            return;
        }
        walk.halvings += 1;
        walk.rate /= 2.0;
        walk.memory = Memory::new(descent.stepping, walk.z.len());
        match walk.good.take() {
            Some((z, slopes)) => {
                walk.z.clone_from(&z);
                Self::step(descent, walk, &mut slopes.clone());
                walk.good = Some((z, slopes));
            }
            None => walk.z = self.draw(&mut walk.stream),
        }
    }

    /// Asks about the confidence of what comes out where columns belong together, of which one gets the whole.
    pub(crate) fn look_again(&self, answers: Answers, found: &mut [Found]) -> Result<()> {
        if !self.composed.space.constraint.has_groups() {
            return Ok(());
        }
        let all = found.len();
        for (i, some) in found.chunks_mut(self.asking.batch).enumerate() {
            self.ctx.tick(i * self.asking.batch, all)?;
            let classes: Vec<u32> = some.iter().map(|one| one.class).collect();
            let places = some.iter().map(|one| (&one.z[..], View::WHOLE));
            let outputs = self.ask_hard(places, access(answers))?;
            let confidences = Self::confidences(&outputs, answers, &classes)?;
            // Where the model says nothing of it, neither does this.
            some.iter_mut().zip(confidences).for_each(|(one, score)| one.score = score);
        }
        Ok(())
    }

    /// Says how walks went, and whether one had to be slowed down.
    pub(crate) fn found(&self, walks: Vec<Walk>) -> Vec<Found> {
        let halvings: u32 = walks.iter().map(|walk| walk.halvings).sum();
        if halvings > 0 {
            let restarted = walks.iter().filter(|walk| walk.halvings > 0).count();
            self.ctx.log(&format!(
                "answers or gradients were no finite numbers: {restarted} walks restarted with half the step, {halvings} times in all"
            ));
        }
        let of = |walk: Walk| {
            let Place { score, z, .. } = walk.best?;
            let ending = walk.end.unwrap_or(Ending::Cut);
            Some(Found { class: walk.class, start: walk.start, z, score, ending })
        };
        walks.into_iter().filter_map(of).collect()
    }

    /// Whether a run that ended like this goes on to give what was found until then.
    pub(crate) fn partial(&self, ended: Result<()>, anything: bool) -> Result<bool> {
        match ended {
            Ok(()) => Ok(false),
            Err(error @ (Error::Cancelled | Error::Budget { .. })) if anything => {
                self.ctx.log(&format!("partial: {error}; what was found so far is given"));
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// What was found, class by class, the best of each first and no more than `kept` of them.
    pub(crate) fn findings(&self, mut found: Vec<Found>, kept: usize) -> Result<Findings> {
        // Of ending and count: without a word of what was found.
        let of = |ending: Ending| found.iter().filter(|one| one.ending == ending).count();
        self.ctx.log(&format!(
            "of {} searches {} got as far as they were to get, {} settled, {} took all steps, {} were lost, {} were cut short",
            found.len(),
            of(Ending::Reached),
            of(Ending::Settled),
            of(Ending::Spent),
            of(Ending::Lost),
            of(Ending::Cut),
        ));
        found.retain(|one| !one.score.is_nan());
        let place = |class: u32| self.classes.iter().position(|other| *other == class);
        // Stable: the first of equal ones stays first.
        found.sort_by(|a, b| place(a.class).cmp(&place(b.class)).then(b.score.total_cmp(&a.score)));
        let mut rebuilt: Vec<Reconstruction> = Vec::with_capacity(found.len());
        for one in found {
            if rebuilt.iter().rev().take_while(|before| before.class == one.class).count() == kept {
                continue;
            }
            let input =
                self.composed.inputs(&self.rows(std::iter::once((&one.z[..], View::WHOLE)))?, true)?;
            let input = input.index(0)?;
            if input.to_f32()?.iter().all(|x| x.is_finite()) {
                let Found { class, start, score, ending, .. } = one;
                rebuilt.push(Reconstruction { class, start, input, score, ending });
            }
        }
        if rebuilt.is_empty() {
            return Err(Error::mismatch(
                "answers about inputs",
                "finite numbers",
                "none, wherever searches went",
            ));
        }
        Ok(Findings::Reconstructions(rebuilt))
    }

    /// Walks down the gradient from anywhere: the whole of an attack that does nothing else.
    pub(crate) fn run(&self, descent: &Descent, chosen: Chosen) -> Result<Findings> {
        let mut walks = self.walks(descent);
        let ended = self.descend(descent, chosen, &mut walks);
        let found = self.found(walks);
        self.finish(ended, found, chosen.answers)
    }

    /// What searches that ended like this have found, with confidences of what comes out.
    pub(crate) fn finish(
        &self,
        ended: Result<()>,
        mut found: Vec<Found>,
        answers: Answers,
    ) -> Result<Findings> {
        if !self.partial(ended, !found.is_empty())? {
            let ended = self.look_again(answers, &mut found);
            if self.partial(ended, !found.is_empty())? {
                for one in &mut found {
                    one.ending = Ending::Cut;
                }
            }
        }
        self.findings(found, self.asking.starts)
    }
}

/// A goal at some places.
struct Valued {
    values: Vec<f64>,
    confidences: Vec<f64>,
    cotangent: Outputs,
}

impl Goal {
    fn value(&self, answers: Answers, outputs: &Outputs, walks: &[Walk], some: &[usize]) -> Result<Valued> {
        let tensor = answered(outputs, answers, some.len())?;
        let classes: Vec<u32> = some.iter().map(|&w| walks[w].class).collect();
        let mut valued = self.objective.batch(&tensor.to_f32()?, answers, tensor.shape()[1], &classes)?;
        // Where logits are of others too, how sure the model is stands beside them.
        let own = outputs.probabilities.as_ref().filter(|own| own.shape() == tensor.shape());
        if let Some(own) = own.filter(|_| answers == Answers::Logits) {
            let rows = own.to_f64()?;
            let rows = rows.chunks_exact(tensor.shape()[1].max(1)).zip(&classes);
            valued.confidences = rows.map(|(row, class)| row[*class as usize]).collect();
        }
        valued.values.iter_mut().for_each(|value| *value *= self.weight);
        valued.cotangents.iter_mut().for_each(|c| *c = (f64::from(*c) * self.weight) as f32);
        let mut cotangent = cotangent(answers, Tensor::from_vec(valued.cotangents, tensor.shape())?);
        if let Some(Features { layer, weight, means, .. }) = &self.features {
            let (tensor, width) = Features::of(layer.as_deref(), outputs, some.len())?;
            if width != means.len() {
                return Err(Error::mismatch("features", format!("{} of each input", means.len()), width));
            }
            let features = tensor.to_f32()?;
            let share = self.weight * weight / width as f64;
            let mut slopes = Vec::with_capacity(features.len());
            for ((&w, row), value) in some.iter().zip(features.chunks_exact(width)).zip(&mut valued.values) {
                for (feature, aim) in row.iter().zip(&walks[w].aim) {
                    let off = f64::from(*feature) - f64::from(*aim);
                    *value += share * off * off;
                    slopes.push((2.0 * share * off) as f32);
                }
            }
            let slopes = Tensor::from_vec(slopes, tensor.shape())?;
            match layer {
                None => cotangent.embedding = Some(slopes),
                Some(name) => cotangent.activations.push((name.clone(), slopes)),
            }
        }
        Ok(Valued { values: valued.values, confidences: valued.confidences, cotangent })
    }
}
