//! The walk that all attacks take: from every start of every class at once, down the gradient of an objective.

use std::collections::VecDeque;

use paname_core::{
    Access, Case, Ctx, Ending, Error, Findings, Input, Outputs, Query, Reconstruction, Result, Target, Tensor,
};
use rand_pcg::Pcg64;

use crate::asking::{Asking, Chosen, access, answered, cotangent};
use crate::estimated::EstimatedGradient;
use crate::moments::{Norms, Pull};
use crate::objective::{Objective, Valued};
use crate::regulariser::{Variation, box_blur, mean_power, mean_square, total_variation};
use crate::space::{Begin, Space};
use crate::step::{Memory, Stepping};
use crate::view::{View, Views};

/// Weights of what is held against implausible inputs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Penalties {
    pub(crate) variation: Variation,
    pub(crate) total_variation: f64,
    pub(crate) l2: f64,
    pub(crate) lp: f64,
    pub(crate) power: f64,
    /// Of what speaks against a batch as a whole: its moments at layers of batch normalisation.
    pub(crate) batch_norm: f64,
}

/// How walks go.
pub(crate) struct Climb {
    pub(crate) objective: Objective,
    pub(crate) penalties: Penalties,
    pub(crate) stepping: Stepping,
    /// Length of a step, in units of the range.
    pub(crate) rate: f64,
    /// A walk ends that for so many steps was never better than the worst of them.
    pub(crate) patience: usize,
    /// A walk ends that reaches so much.
    pub(crate) confidence: f64,
    /// Radius of the blur after each step; 0 for none.
    pub(crate) blur: usize,
    /// Which views of images questions are asked about.
    pub(crate) views: Views,
}

impl Climb {
    /// Checks what attacks leave to their users.
    pub(crate) fn check(&self) -> Result<()> {
        if !(self.rate > 0.0 && self.rate.is_finite()) {
            return Err(Error::Config(format!("`rate` must be above 0, got {}", self.rate)));
        }
        if self.patience == 0 {
            return Err(Error::Config("`patience` must be at least 1, got 0".into()));
        }
        if self.confidence.is_nan() || self.confidence <= 0.0 {
            return Err(Error::Config(format!("`confidence` must be above 0, got {}", self.confidence)));
        }
        Ok(())
    }
}

/// Times that a step is halved because of what is no number.
const HALVINGS: u32 = 8;

/// Bytes that walks hold at a time; few in tests, so that they see walks wait for others.
const ROOM: usize = if cfg!(test) { 1 << 10 } else { 1 << 30 };
/// Bytes that a walk holds for each value of an input: places, gradients and the memory of steps.
const HELD: usize = 48;

/// Why a walk has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Confident,
    Patient,
    /// Its gradient is nothing.
    Stuck,
    /// There are no more steps.
    Spent,
    /// What the model answers is no number, however short the step.
    Lost,
}

impl End {
    fn told(self) -> Ending {
        match self {
            Self::Confident => Ending::Reached,
            Self::Patient | Self::Stuck => Ending::Settled,
            Self::Spent => Ending::Spent,
            Self::Lost => Ending::Lost,
        }
    }
}

struct Best {
    loss: f64,
    confidence: f64,
    units: Vec<f32>,
}

struct Walk {
    class: u32,
    units: Vec<f32>,
    memory: Memory,
    rate: f64,
    /// Losses of the last steps.
    window: VecDeque<f64>,
    /// The last place where all was finite, and the gradient there.
    good: Option<(Vec<f32>, Vec<f64>)>,
    best: Option<Best>,
    /// Places that were looked at with success.
    seen: usize,
    halvings: u32,
    end: Option<End>,
    /// What the next question sees of it.
    view: View,
    stream: Pcg64,
}

/// What all walks share.
struct Search<'a> {
    case: &'a Case<'a>,
    ctx: &'a Ctx<'a>,
    asking: &'a Asking<'a>,
    climb: &'a Climb,
    chosen: Chosen,
    space: Space,
    /// Added to units so that penalties see nothing where inputs are nothing.
    offsets: Vec<f32>,
    image: Option<[usize; 3]>,
    norms: Option<Norms>,
}

/// Rebuilds an input of each class.
pub(crate) fn run(case: &Case<'_>, ctx: &Ctx<'_>, asking: &Asking<'_>, climb: &Climb) -> Result<Findings> {
    let chosen = asking.choose(case)?;
    let classes = asking.classes(case)?;
    let space = Space::of(case, ctx, asking.inputs)?;
    let image = space.image();
    let of_images = [
        ("total-variation", climb.penalties.total_variation > 0.0),
        ("blur", climb.blur > 0),
        ("jitter", climb.views.jitter > 0),
        ("crop", climb.views.crop < 1.0),
    ];
    if let Some((key, _)) = of_images.into_iter().find(|(_, used)| *used && image.is_none()) {
        return Err(space.no_image(key));
    }
    if climb.views.flip && (image.is_none() || space.is_in_time()) {
        return Err(Error::Config("`flip` is of images, and inputs are none".into()));
    }
    let norms = if climb.penalties.batch_norm > 0.0 {
        if chosen.estimated {
            let problem = "`batch-norm` needs gradients from the target: those that are estimated know nothing of its layers";
            return Err(Error::Config(problem.into()));
        }
        let norms = Norms::of(case)?;
        ctx.log(&format!("moments are compared at {} layers of batch normalisation", norms.len()));
        Some(norms)
    } else {
        None
    };
    asking.announce(ctx, classes.len(), chosen);
    let estimating = if chosen.estimated {
        let estimated = EstimatedGradient::new(case.target(), ctx, asking.estimate.clone(), asking.batch)?;
        Some(estimated.with_ranges(space.constraint.range()))
    } else {
        None
    };
    let target = estimating.as_ref().map_or(case.target(), |estimating| estimating as &dyn Target);
    let offsets = space.constraint.offsets();
    let search = Search { case, ctx, asking, climb, chosen, space, offsets, image, norms };
    // Every start of every class, as many at a time as there is room for.
    let starts: Vec<(u32, usize)> =
        classes.iter().flat_map(|class| (0..asking.starts).map(|start| (*class, start))).collect();
    let at_a_time = (ROOM / HELD / search.space.constraint.len()).max(asking.batch);
    let mut walks: Vec<Walk> = Vec::with_capacity(starts.len());
    let mut ended = Ok(());
    for group in starts.chunks(at_a_time) {
        let (before, mut some) = (walks.len(), search.begin(group)?);
        ended = search.walk(target, &mut some, (before, starts.len()));
        if ended.is_ok() {
            ended = search.look_again(&mut some);
            if ended.is_err() {
                // What they came to was not looked at: none of them is done.
                for walk in &mut some {
                    walk.end = None;
                }
            }
        }
        walks.extend(some.into_iter().map(Walk::at_rest));
        if ended.is_err() {
            break;
        }
    }
    search.report(&walks, starts.len());
    let moved = walks.iter().any(|walk| walk.seen > 1 && walk.best.is_some());
    match ended {
        Ok(()) => {}
        Err(error @ (Error::Cancelled | Error::Budget { .. })) if moved => {
            ctx.log(&format!("partial: {error}; what was found so far is given"));
            search.harden_unasked(&mut walks);
        }
        Err(error) => return Err(error),
    }
    search.findings(walks)
}

impl Walk {
    /// The walk without what only the way took.
    fn at_rest(self) -> Self {
        let (units, memory) = (Vec::new(), Memory::default());
        Self { units, memory, good: None, window: VecDeque::new(), ..self }
    }
}

impl Search<'_> {
    /// These starts of these classes.
    fn begin(&self, starts: &[(u32, usize)]) -> Result<Vec<Walk>> {
        let width = self.space.constraint.len();
        let begin = |&(class, start): &(u32, usize)| {
            let mut stream = self.ctx.rng(&format!("class {class} start {start}"));
            let units = self.space.begin(self.asking.begin, start, &mut stream)?;
            Ok(Walk {
                class,
                units,
                memory: Memory::new(self.climb.stepping, width),
                rate: self.climb.rate,
                window: VecDeque::new(),
                good: None,
                best: None,
                seen: 0,
                halvings: 0,
                end: None,
                view: View::default(),
                stream,
            })
        };
        starts.iter().map(begin).collect()
    }

    /// Walks until all have ended. Places are looked at once more than steps are taken. So many of all walks have ended before.
    fn walk(&self, target: &dyn Target, walks: &mut [Walk], (before, all): (usize, usize)) -> Result<()> {
        let (steps, looks) = (self.asking.steps, self.asking.steps + 1);
        let (before, total) = (before * looks, all * looks);
        for step in 0..=steps {
            let active: Vec<usize> = (0..walks.len()).filter(|&w| walks[w].end.is_none()).collect();
            if active.is_empty() {
                break;
            }
            let last = step == steps;
            // As many in each question, since moments are of all that one asks about.
            let size = active.len().div_ceil(active.len().div_ceil(self.asking.batch));
            for (i, some) in active.chunks(size).enumerate() {
                let done = before + step * walks.len() + i * size;
                self.ctx.tick(done, total)?;
                // The last place is only looked at: the target itself answers, without probes.
                let (valued, gradients) = if last {
                    self.draw(walks, some, true);
                    (self.look(walks, some)?, Vec::new())
                } else {
                    self.look_at_views(target, walks, some, (done, total))?
                };
                let width = self.space.constraint.len();
                for (i, &w) in some.iter().enumerate() {
                    let gradient = gradients.get(i * width..(i + 1) * width);
                    self.advance(&mut walks[w], valued.values[i], valued.confidences[i], gradient)?;
                }
            }
        }
        // Those whose last answer was no number.
        walks.iter_mut().filter(|walk| walk.end.is_none()).for_each(|walk| walk.end = Some(End::Spent));
        self.ctx.tick(before + walks.len() * looks, total)
    }

    /// Draws what the next question sees of each image; all of it before one whose answer is told.
    fn draw(&self, walks: &mut [Walk], some: &[usize], told: bool) {
        for &w in some {
            let Walk { view, stream, .. } = &mut walks[w];
            *view = if told { View::default() } else { self.climb.views.draw(stream) };
        }
    }

    fn query(&self, walks: &[Walk], some: &[usize]) -> Result<Query> {
        let places = some.iter().map(|&w| &walks[w].units[..]);
        let inputs = self.space.batch(places, |i, input| {
            if let Some(image) = self.image {
                walks[some[i]].view.apply(input, image);
            }
        })?;
        let mut want = access(self.chosen.answers);
        let layers = self.norms.as_ref().map_or_else(Vec::new, Norms::layers);
        if !layers.is_empty() {
            want |= Access::ACTIVATIONS;
        }
        Ok(Query { input: Input::Tensor(inputs), labels: None, want, layers })
    }

    /// The objective at each place, with what speaks against all of them together, and its derivatives with respect to the answers.
    fn valued(&self, answers: &Outputs, walks: &[Walk], some: &[usize]) -> Result<(Valued, Outputs)> {
        let told = answered(answers, self.chosen.answers, some.len())?;
        let classes: Vec<u32> = some.iter().map(|&w| walks[w].class).collect();
        let mut valued =
            self.climb.objective.batch(&told.to_f32()?, self.chosen.answers, told.shape()[1], &classes)?;
        let cotangents = Tensor::from_vec(std::mem::take(&mut valued.cotangents), told.shape())?;
        let mut cotangents = cotangent(self.chosen.answers, cotangents);
        if let Some(norms) = &self.norms {
            let weight = self.climb.penalties.batch_norm;
            let Pull { distance, finite, cotangents: activations } =
                norms.batch(answers, some.len(), weight)?;
            for (value, finite) in valued.values.iter_mut().zip(finite) {
                *value += if finite { weight * distance } else { f64::NAN };
            }
            cotangents.activations = activations;
        }
        Ok((valued, cotangents))
    }

    fn look(&self, walks: &[Walk], some: &[usize]) -> Result<Valued> {
        let answers = self.case.target().predict(&self.query(walks, some)?)?;
        Ok(self.valued(&answers, walks, some)?.0)
    }

    /// The mean over views of the objective and of its gradients.
    fn look_at_views(
        &self,
        target: &dyn Target,
        walks: &mut [Walk],
        some: &[usize],
        (done, total): (usize, usize),
    ) -> Result<(Valued, Vec<f32>)> {
        self.draw(walks, some, false);
        let (mut valued, mut gradients) = self.look_with_gradients(target, walks, some)?;
        for _ in 1..self.climb.views.count {
            self.ctx.tick(done, total)?;
            self.draw(walks, some, false);
            let (other, more) = self.look_with_gradients(target, walks, some)?;
            let add =
                |all: &mut [f64], more: &[f64]| all.iter_mut().zip(more).for_each(|(all, more)| *all += more);
            add(&mut valued.values, &other.values);
            add(&mut valued.confidences, &other.confidences);
            gradients.iter_mut().zip(more).for_each(|(all, more)| *all += more);
        }
        if self.climb.views.count > 1 {
            let share = 1.0 / self.climb.views.count as f64;
            valued.values.iter_mut().chain(&mut valued.confidences).for_each(|value| *value *= share);
            for gradient in &mut gradients {
                *gradient *= share as f32;
            }
        }
        Ok((valued, gradients))
    }

    /// The objective and its gradients with respect to the inputs.
    fn look_with_gradients(
        &self,
        target: &dyn Target,
        walks: &[Walk],
        some: &[usize],
    ) -> Result<(Valued, Vec<f32>)> {
        let (answers, pullback) = target.vjp(&self.query(walks, some)?)?;
        let (valued, cotangents) = self.valued(&answers, walks, some)?;
        let gradients = pullback.apply(&cotangents)?;
        if gradients.shape().is_empty()
            || gradients.rows() != some.len()
            || gradients.len() != some.len() * self.space.constraint.len()
        {
            let expected = format!("{} of {:?}", some.len(), self.space.shape);
            return Err(Error::mismatch("gradients", expected, format!("shape {:?}", gradients.shape())));
        }
        let mut gradients = gradients.to_f32()?.into_owned();
        if let Some(image) = self.image {
            for (&w, gradient) in some.iter().zip(gradients.chunks_exact_mut(self.space.constraint.len())) {
                walks[w].view.pull_back(gradient, image);
            }
        }
        Ok((valued, gradients))
    }

    /// Takes note of a place and goes to the next.
    fn advance(&self, walk: &mut Walk, value: f64, confidence: f64, gradient: Option<&[f32]>) -> Result<()> {
        // In units of the range.
        let mut slopes: Vec<f64> = match gradient {
            Some(gradient) => {
                let ranges = self.space.constraint.range();
                gradient.iter().zip(ranges).map(|(g, range)| f64::from(*g) * f64::from(*range)).collect()
            }
            None => vec![0.0; walk.units.len()],
        };
        let loss = value + self.penalty(&walk.units, &mut slopes);
        if !loss.is_finite() || !confidence.is_finite() {
            return self.recover(walk);
        }
        walk.seen += 1;
        if walk.best.as_ref().is_none_or(|best| loss < best.loss) {
            walk.best = Some(Best { loss, confidence, units: walk.units.clone() });
        }
        if confidence >= self.climb.confidence {
            walk.end = Some(End::Confident);
            return Ok(());
        }
        let worst = walk.window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if walk.window.len() >= self.climb.patience && loss >= worst {
            walk.end = Some(End::Patient);
            return Ok(());
        }
        walk.window.push_back(loss);
        if walk.window.len() > self.climb.patience {
            walk.window.pop_front();
        }
        if gradient.is_none() {
            walk.end = Some(End::Spent);
            return Ok(());
        }
        if slopes.iter().any(|slope| !slope.is_finite()) {
            return self.recover(walk);
        }
        let nothing = slopes.iter().all(|slope| *slope == 0.0);
        walk.good = Some((walk.units.clone(), slopes.clone()));
        self.step(walk, &mut slopes);
        if nothing && walk.good.as_ref().is_some_and(|(before, _)| walk.units == *before) {
            walk.end = Some(End::Stuck);
        }
        Ok(())
    }

    /// What is held against a place; its derivative is added to `slopes`.
    fn penalty(&self, units: &[f32], slopes: &mut [f64]) -> f64 {
        let Penalties { variation, total_variation: tv, l2, lp, power, .. } = self.climb.penalties;
        let mut sum = 0.0;
        if let Some(image) = self.image.filter(|_| tv > 0.0) {
            sum += tv * total_variation(units, image, variation, tv, slopes);
        }
        if l2 > 0.0 || lp > 0.0 {
            let values: Vec<f32> = units.iter().zip(&self.offsets).map(|(u, offset)| u + offset).collect();
            if l2 > 0.0 {
                sum += l2 * mean_square(&values, l2, slopes);
            }
            if lp > 0.0 {
                sum += lp * mean_power(&values, power, lp, slopes);
            }
        }
        sum
    }

    /// One step against the slopes, to the nearest allowed place.
    fn step(&self, walk: &mut Walk, slopes: &mut [f64]) {
        walk.memory.turn(self.climb.stepping, slopes);
        for (unit, slope) in walk.units.iter_mut().zip(slopes) {
            // Beyond the bounds either way, and within what single precision holds.
            *unit = (f64::from(*unit) - walk.rate * *slope).clamp(-1e6, 1e6) as f32;
        }
        if let Some(image) = self.image {
            box_blur(&mut walk.units, image, self.climb.blur);
        }
        self.space.constraint.project(&mut walk.units);
    }

    /// Goes on from the last good place with half the step, or from somewhere else where there was none.
    fn recover(&self, walk: &mut Walk) -> Result<()> {
        if walk.halvings == HALVINGS {
            walk.end = Some(End::Lost);
            return Ok(());
        }
        walk.halvings += 1;
        walk.rate /= 2.0;
        walk.memory = Memory::new(self.climb.stepping, walk.units.len());
        match walk.good.take() {
            Some((units, slopes)) => {
                walk.units.clone_from(&units);
                self.step(walk, &mut slopes.clone());
                walk.good = Some((units, slopes));
            }
            None => walk.units = self.space.begin(Begin::Noise, 0, &mut walk.stream)?,
        }
        Ok(())
    }

    /// Gives each group of columns its one value, and asks about the confidence of what comes out, and of images that were moved.
    fn look_again(&self, walks: &mut [Walk]) -> Result<()> {
        if !self.space.constraint.has_groups() && !self.climb.views.change() {
            return Ok(());
        }
        let found: Vec<usize> = (0..walks.len()).filter(|&w| walks[w].best.is_some()).collect();
        let count = found.len();
        for (i, some) in found.chunks(self.asking.batch).enumerate() {
            self.ctx.tick(i * self.asking.batch, count)?;
            for &w in some {
                let Walk { best: Some(best), units, .. } = &mut walks[w] else { continue };
                units.clone_from(&best.units);
                self.space.constraint.harden(units);
            }
            self.draw(walks, some, true);
            let valued = self.look(walks, some)?;
            for (&w, confidence) in some.iter().zip(valued.confidences) {
                let Walk { best, units, .. } = &mut walks[w];
                if confidence.is_finite()
                    && let Some(best) = best
                {
                    best.confidence = confidence;
                    best.units.clone_from(units);
                } else {
                    // The model says nothing of it.
                    *best = None;
                }
            }
        }
        Ok(())
    }

    /// The same where no question is left: confidences are those before.
    fn harden_unasked(&self, walks: &mut [Walk]) {
        for best in walks.iter_mut().filter_map(|walk| walk.best.as_mut()) {
            self.space.constraint.harden(&mut best.units);
        }
    }

    /// Says how walks ended, without a word of what was found.
    fn report(&self, walks: &[Walk], all: usize) {
        let of = |end: Option<End>| walks.iter().filter(|walk| walk.end == end).count();
        self.ctx.log(&format!(
            "of {} walks {} reached the confidence, {} got no better, {} had no gradient, {} took all steps, {} were lost, {} did not end",
            all,
            of(Some(End::Confident)),
            of(Some(End::Patient)),
            of(Some(End::Stuck)),
            of(Some(End::Spent)),
            of(Some(End::Lost)),
            all - walks.iter().filter(|walk| walk.end.is_some()).count(),
        ));
        let halvings: u32 = walks.iter().map(|walk| walk.halvings).sum();
        if halvings > 0 {
            let restarted = walks.iter().filter(|walk| walk.halvings > 0).count();
            self.ctx.log(&format!(
                "answers or gradients were no finite numbers: {restarted} walks restarted with half the step, {halvings} times in all"
            ));
        }
    }

    /// What was found, class by class, the best start of each first.
    fn findings(&self, walks: Vec<Walk>) -> Result<Findings> {
        let mut found = Vec::with_capacity(walks.len());
        for (place, walk) in walks.into_iter().enumerate() {
            if let Some(Best { confidence, units, .. }) = walk.best {
                let input = self.space.batch(std::iter::once(&units[..]), |_, _| ())?.index(0)?;
                let (class, start) = (place / self.asking.starts, (place % self.asking.starts) as u32);
                let ending = walk.end.map_or(Ending::Cut, End::told);
                found.push((
                    class,
                    Reconstruction { class: walk.class, start, input, score: confidence, ending },
                ));
            }
        }
        if found.is_empty() {
            return Err(Error::mismatch(
                "answers about inputs",
                "finite numbers",
                "none, wherever walks went",
            ));
        }
        // Stable: the first of equal ones stays first.
        found.sort_by(|(a, one), (b, other)| a.cmp(b).then(other.score.total_cmp(&one.score)));
        Ok(Findings::Reconstructions(found.into_iter().map(|(_, found)| found).collect()))
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Target;
    use rand_core::Rng;

    use super::*;
    use crate::asking::Gradient;
    use crate::estimated::Estimate;
    use crate::objective::Answers;
    use crate::space::Inputs;
    use crate::testing::{Normed, with_case};

    /// Moments of a batch, views of images and ranges of values all at once.
    #[test]
    fn gradients_of_a_batch_are_finite_differences() {
        let net = Normed::new(&[2, 3, 4], 3, 5);
        let views = Views { count: 1, jitter: 1, crop: 0.6, flip: true };
        let climb = Climb {
            objective: Objective::CrossEntropy,
            penalties: Penalties { batch_norm: 0.7, ..Penalties::default() },
            stepping: Stepping { rule: crate::step::Rule::Adam, momentum: 0.9, second: 0.999 },
            rate: 0.1,
            patience: 1,
            confidence: 2.0,
            blur: 0,
            views,
        };
        let inputs = Inputs { range: Some([-1.0, 2.0]), ..Inputs::default() };
        let estimate = Estimate::default();
        let asking = Asking {
            classes: &[],
            starts: 2,
            begin: Begin::Noise,
            steps: 1,
            gradient: Gradient::Given,
            estimate: &estimate,
            outputs: crate::asking::Wanted::Logits,
            inputs: &inputs,
            again: true,
            views: 1,
            batch: 16,
        };
        let ctx = Ctx::new(3, "test", 1, &());
        with_case(&net, net.card().offers(), |case| {
            let space = Space::of(case, &ctx, &inputs).unwrap();
            let (offsets, image) = (space.constraint.offsets(), space.image());
            let search = Search {
                case,
                ctx: &ctx,
                asking: &asking,
                climb: &climb,
                chosen: Chosen { estimated: false, answers: Answers::Logits },
                space,
                offsets,
                image,
                norms: Some(Norms::of(case).unwrap()),
            };
            let mut walks = search.begin(&[(0, 0), (0, 1), (2, 0)]).unwrap();
            let some = [0, 1, 2];
            for _ in 0..3 {
                search.draw(&mut walks, &some, false);
                let (_, gradients) = search.look_with_gradients(case.target(), &walks, &some).unwrap();
                for (i, gradient) in gradients.iter().enumerate() {
                    let (w, j) = (i / 24, i % 24);
                    let kept = walks[w].units[j];
                    let mut at = |h: f32| {
                        walks[w].units[j] = kept + h;
                        search.look(&walks, &some).unwrap().values.iter().sum::<f64>()
                    };
                    let step = 2.0_f32.powi(-8);
                    let difference = (at(step) - at(-step)) / (2.0 * f64::from(step));
                    walks[w].units[j] = kept;
                    // A step of a unit is one of three.
                    let got = 3.0 * f64::from(*gradient);
                    assert!(
                        (got - difference).abs() < 2e-3 * (1.0 + difference.abs()),
                        "{i} {got} {difference}"
                    );
                }
                walks[0].stream.next_u64();
            }
        });
    }
}
