//! The model, asked about latent variables: a generator makes inputs of them, which are kept within the bounds, looked at from somewhere, and put to the model.
//!
//! It is a target itself. Gradients come back the same way, or are estimated over the latent variables, which are far fewer than the values of an input.

use paname_core::{Access, Error, Input, Outputs, Pullback, Query, Result, Target, TargetCard, Tensor};

use crate::prior::{Made, Maker};
use crate::space::Space;
use crate::view::{NUMBERS, View};

/// A generator, then a target. A question is a row of latent variables and a view.
pub(crate) struct Composed<'a> {
    pub(crate) target: &'a dyn Target,
    card: TargetCard,
    maker: Maker<'a>,
    pub(crate) space: Space,
    image: Option<[usize; 3]>,
    threads: usize,
}

/// What questions were made of, for the way back.
struct Rows {
    made: Made,
    views: Vec<View>,
}

impl<'a> Composed<'a> {
    pub(crate) fn new(target: &'a dyn Target, maker: Maker<'a>, space: Space, threads: usize) -> Self {
        let (card, image) = (target.card().clone(), space.image());
        Self { target, card, maker, space, image, threads }
    }

    /// Latent variables of an input.
    pub(crate) fn latent(&self) -> usize {
        self.maker.latent()
    }

    /// Whether gradients come through the generator.
    pub(crate) fn differentiable(&self) -> bool {
        self.maker.differentiable()
    }

    /// Whether there are other views than the whole.
    pub(crate) fn has_views(&self) -> bool {
        self.image.is_some()
    }

    /// Of each value of a question, its range for who probes it: views are left as they are.
    pub(crate) fn ranges(&self) -> Vec<f32> {
        let mut ranges = vec![1.0; self.latent()];
        ranges.resize(self.latent() + NUMBERS, 0.0);
        ranges
    }

    /// The inputs of questions; with `hard`, groups of columns have one value each.
    pub(crate) fn inputs(&self, questions: &Tensor, hard: bool) -> Result<Tensor> {
        Ok(self.make(questions, hard, false)?.0)
    }

    fn make(&self, questions: &Tensor, hard: bool, back: bool) -> Result<(Tensor, Rows)> {
        let (latent, width) = (self.latent(), self.space.constraint.len());
        let (rows, values) = (questions.rows(), questions.to_f32()?);
        if questions.shape() != [rows, latent + NUMBERS] {
            let got = format!("shape {:?}", questions.shape());
            return Err(Error::mismatch("latent variables", format!("rows of {}", latent + NUMBERS), got));
        }
        let (mut z, mut views) = (Vec::with_capacity(rows * latent), Vec::with_capacity(rows));
        for row in values.chunks_exact(latent + NUMBERS) {
            z.extend_from_slice(&row[..latent]);
            views.push(View::of(&row[latent..]));
        }
        let made = self.maker.make(z, back, &self.space, self.threads)?;
        let mut units = made.units.clone();
        for (units, view) in units.chunks_exact_mut(width).zip(&views) {
            for u in units.iter_mut() {
                *u = u.clamp(0.0, 1.0);
            }
            if hard {
                self.space.constraint.harden(units);
            }
            if let Some(image) = self.image {
                view.apply(units, image);
            }
        }
        let inputs = self.space.batch(units.chunks_exact(width), |_, _| ())?;
        Ok((inputs, Rows { made, views }))
    }

    fn put(&self, query: &Query, back: bool) -> Result<(Query, Rows)> {
        let Input::Tensor(questions) = &query.input else {
            return Err(Error::Unsupported("other questions than latent variables".into()));
        };
        let (inputs, rows) = self.make(questions, false, back)?;
        Ok((Query { input: Input::Tensor(inputs), ..query.clone() }, rows))
    }

    /// Derivatives with respect to questions, from those with respect to inputs.
    fn pull_back(&self, rows: &Rows, slopes: &Tensor) -> Result<Tensor> {
        let (count, latent, width) = (rows.views.len(), self.latent(), self.space.constraint.len());
        if slopes.shape().is_empty() || slopes.rows() != count || slopes.len() != count * width {
            let expected = format!("{count} of {:?}", self.space.shape);
            return Err(Error::mismatch("gradients", expected, format!("shape {:?}", slopes.shape())));
        }
        let mut slopes = slopes.to_f32()?.into_owned();
        let both = slopes.chunks_exact_mut(width).zip(rows.made.units.chunks_exact(width));
        for ((slopes, units), view) in both.zip(&rows.views) {
            slopes.iter_mut().zip(self.space.constraint.range()).for_each(|(slope, range)| *slope *= range);
            if let Some(image) = self.image {
                view.pull_back(slopes, image);
            }
            // What was beyond the bounds makes no difference.
            slopes
                .iter_mut()
                .zip(units)
                .filter(|(_, u)| !(0.0..=1.0).contains(*u))
                .for_each(|(s, _)| *s = 0.0);
        }
        let pulled = self.maker.pull_back(&rows.made, &slopes, &self.space, self.threads)?;
        let mut all = Vec::with_capacity(count * (latent + NUMBERS));
        for row in pulled.chunks_exact(latent) {
            all.extend_from_slice(row);
            all.extend([0.0; NUMBERS]);
        }
        Tensor::from_vec(all, &[count, latent + NUMBERS])
    }

    /// Answers with the way back, which lasts as long as this does.
    pub(crate) fn answer(&self, query: &Query) -> Result<(Outputs, impl Fn(&Outputs) -> Result<Tensor>)> {
        let (query, rows) = self.put(query, true)?;
        let (answers, pullback) = self.target.vjp(&query)?;
        let back = move |cotangent: &Outputs| self.pull_back(&rows, &pullback.apply(cotangent)?);
        Ok((answers, back))
    }
}

impl Target for Composed<'_> {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.target.predict(&self.put(query, false)?.0)
    }

    /// Only estimates are asked for through this door, since a pullback must not borrow: see [`Composed::answer`].
    fn vjp(&self, _query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        Err(Error::Denied(Access::INPUT_GRADIENT))
    }
}
