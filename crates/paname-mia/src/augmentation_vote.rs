//! # Vote of variants
//!
//! **Idea.** A record that the model was trained on lies deeper in its class: variants of it, shifted a little or with noise, are still classified rightly.
//!
//! **Threat model.** The attacker asks the target about each record and about changed copies of it, sees the class that it gives and nothing else, and
//! knows the true class. No other model; of other data only how much each feature varies.
//!
//! **Formula.** score = the share of the variants of a record, itself among them, that get its class. Variants are, by `kind`: copies with normal noise
//! whose deviation is each of `scales` times that of the feature over the audited records; images moved by so many pixels in each direction, zeros
//! coming in; or those of the adapter, fixed by the manifest.
//!
//! **Paper.** Choquette-Choo, Tramèr, Carlini and Papernot, *Label-Only Membership Inference Attacks*, ICML 2021, arXiv 2007.14321, §3.3, which lets a
//! network of shadow models weigh the single votes; here each counts the same.
//!
//! **Cost.** One question per record and variant.
//!
//! **When it fails.** Where the model's classes are wide beside the variants, or narrow: all votes are then alike. It resolves no more levels than there
//! are variants.

use paname_core::{
    Access, Attack, Augmentation, Case, Ctx, Error, Family, Findings, Indices, Info, Input, Needs, Result,
    Tensor,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{fill_normal, predicted, rows_at_a_time};

/// Which variants vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Copies with noise.
    #[default]
    Noise,
    /// Images `[…, height, width]` moved by some pixels.
    Shift,
    /// Those of the adapter.
    Adapter,
}

/// Parameters of [`AugmentationVote`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Which variants vote: `noise`, `shift`, or `adapter` for those that the adapter makes.
    pub kind: Kind,
    /// Deviations of the noise, in deviations of the feature over the audited records; above 0.
    pub scales: Vec<f64>,
    /// Copies per deviation, from 1 to 1000; of the adapter's variants, no more than these.
    pub copies: usize,
    /// Pixels by which images move, from 1 to 64; the variants are all moves by |down| + |right| pixels of that sum.
    pub pixels: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { kind: Kind::default(), scales: vec![0.25, 0.5, 1.0, 2.0], copies: 16, pixels: 1 }
    }
}

/// Scores a record by how many of its variants are classified rightly.
pub struct AugmentationVote(Config);

impl Attack for AugmentationVote {
    const INFO: Info = Info {
        name: "augmentation-vote",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Vote de variantes",
        title_en: "Vote of variants",
        summary_fr: "Le modèle reconnaît encore les données d’entraînement quand on les modifie un peu.",
        summary_en: "The model still recognises training data after small changes.",
        formula: "share of variants x′ of x with predicted class y",
        paper: "Choquette-Choo, Tramèr, Carlini and Papernot, Label-Only Membership Inference Attacks, 2021, arXiv 2007.14321",
        source: include_str!("augmentation_vote.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        if config.scales.is_empty() || config.scales.iter().any(|scale| !(*scale > 0.0 && scale.is_finite()))
        {
            return Err(Error::Config(format!("`scales` must be numbers above 0, got {:?}", config.scales)));
        }
        if !(1..=1000).contains(&config.copies) {
            return Err(Error::Config(format!("`copies` must be from 1 to 1000, got {}", config.copies)));
        }
        if !(1..=64).contains(&config.pixels) {
            return Err(Error::Config(format!("`pixels` must be from 1 to 64, got {}", config.pixels)));
        }
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        let (access, variants) = match self.0.kind {
            Kind::Noise => (Access::NEW_INPUTS, self.0.scales.len() * self.0.copies),
            Kind::Shift => (Access::NEW_INPUTS, 4 * self.0.pixels),
            Kind::Adapter => (Access::empty(), self.0.copies),
        };
        Needs {
            access: access | Access::LABELS,
            classes: true,
            queries_per_record: 1 + variants as u64,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        match self.0.kind {
            Kind::Noise => self.noise(case, ctx),
            Kind::Shift => self.shift(case, ctx),
            Kind::Adapter => {
                let variants = self.0.copies.min(case.augmentations().saturating_sub(1));
                vote(case, ctx, rows_at_a_time(1), variants, |ids, variant| {
                    Ok(Input::Records(ids.clone(), Augmentation(variant as u32 + 1)))
                })
            }
        }
    }
}

impl AugmentationVote {
    fn noise(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let Config { scales, copies, .. } = &self.0;
        let deviations = deviations(case, ctx)?;
        let mut streams = Vec::new();
        let mut noise = vec![0.0; deviations.len()];
        vote(case, ctx, rows_at_a_time(deviations.len()), scales.len() * copies, |ids, variant| {
            let inputs = case.target().input(ids)?;
            if variant == 0 {
                // A record gets the same noise whichever records are beside it.
                streams = ids.iter().map(|id| ctx.rng(&format!("record {id}"))).collect();
            }
            let scale = scales[variant / copies];
            let mut changed = inputs.to_f32()?.into_owned();
            for (row, stream) in changed.chunks_exact_mut(deviations.len().max(1)).zip(&mut streams) {
                fill_normal(&mut noise, stream);
                for ((x, z), deviation) in row.iter_mut().zip(&noise).zip(&deviations) {
                    *x += (f64::from(*z) * scale * deviation) as f32;
                }
            }
            Ok(Input::Tensor(Tensor::from_vec(changed, inputs.shape())?))
        })
    }

    fn shift(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let Some(first) = case.audited().ids.first() else { return Ok(Findings::Membership(Vec::new())) };
        let one = case.target().input(&[*first].into())?;
        let &[_, .., height, width] = one.shape() else {
            let got = format!("shape {:?}", one.shape());
            return Err(Error::mismatch("inputs", "images [records, …, height, width], to shift them", got));
        };
        let pixels = self.0.pixels as isize;
        // Around a square on its corner.
        let moves: Vec<(isize, isize)> = (0..4 * pixels)
            .map(|step| match (step / pixels, step % pixels) {
                (0, along) => (pixels - along, along),
                (1, along) => (-along, pixels - along),
                (2, along) => (along - pixels, -along),
                (_, along) => (along, along - pixels),
            })
            .collect();
        vote(case, ctx, rows_at_a_time(one.len()), moves.len(), |ids, variant| {
            let inputs = case.target().input(ids)?;
            let values = inputs.to_f32()?;
            let moved = values
                .chunks_exact((height * width).max(1))
                .flat_map(|image| moved(image, width, moves[variant]));
            Ok(Input::Tensor(Tensor::from_vec(moved.collect(), inputs.shape())?))
        })
    }
}

/// An image moved down and to the right.
fn moved(image: &[f32], width: usize, (down, right): (isize, isize)) -> Vec<f32> {
    let height = image.len() / width;
    let from = |place: usize, by: isize, length: usize| {
        place.checked_add_signed(-by).filter(|place| *place < length)
    };
    let pixel = |i: usize| match (from(i / width, down, height), from(i % width, right, width)) {
        (Some(y), Some(x)) => image[y * width + x],
        _ => 0.0,
    };
    (0..image.len()).map(pixel).collect()
}

/// The deviation of each feature over the audited records.
fn deviations(case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
    // Sums in the order of the numbers, whatever that of the records.
    let mut ids = case.audited().ids.to_vec();
    ids.sort_unstable();
    let (mut means, mut squares, mut count) = (Vec::new(), Vec::new(), 0.0);
    let mut size = 1;
    while !ids.is_empty() {
        ctx.tick(0, 1)?;
        let batch: Indices = ids.drain(..size.min(ids.len())).collect();
        let inputs = case.target().input(&batch)?;
        let width = inputs.len() / batch.len();
        means.resize(width, 0.0);
        squares.resize(width, 0.0);
        for row in inputs.to_f32()?.chunks_exact(width.max(1)) {
            count += 1.0;
            for ((mean, square), x) in means.iter_mut().zip(&mut squares).zip(row) {
                let step = f64::from(*x) - *mean;
                *mean += step / count;
                *square += step * (f64::from(*x) - *mean);
            }
        }
        size = rows_at_a_time(width);
    }
    Ok(squares.iter().map(|square: &f64| (square / count).sqrt()).collect())
}

/// Counts, for each record, the variants that get its class, itself among them. `variant` makes a question about variant number so of each record of a
/// batch, of which at most `size` are asked about at a time.
fn vote(
    case: &Case<'_>,
    ctx: &Ctx<'_>,
    size: usize,
    variants: usize,
    mut variant: impl FnMut(&Indices, usize) -> Result<Input>,
) -> Result<Findings> {
    let (classes, _) = case.audited().classes()?;
    let ids = &case.audited().ids;
    let (mut votes, mut asked, total) = (vec![0_u32; ids.len()], 0, ids.len() * (variants + 1));
    for start in (0..ids.len()).step_by(size) {
        let range = start..ids.len().min(start + size);
        let batch: Indices = ids[range.clone()].into();
        for number in 0..=variants {
            ctx.tick(asked, total)?;
            asked += range.len();
            let input = match number.checked_sub(1) {
                None => Input::Records(batch.clone(), Augmentation::default()),
                Some(number) => variant(&batch, number)?,
            };
            let given = predicted(case.target(), input)?;
            for ((votes, given), class) in
                votes[range.clone()].iter_mut().zip(given).zip(&classes[range.clone()])
            {
                *votes += u32::from(given == i64::from(*class));
            }
        }
    }
    ctx.tick(total, total)?;
    Ok(Findings::Membership(votes.iter().map(|&votes| f64::from(votes) / (variants + 1) as f64).collect()))
}

#[cfg(test)]
mod tests {
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    fn scores(config: Config, toy: &Toy) -> Result<Vec<f64>> {
        let attack = AugmentationVote::new(config)?;
        attack.run(&toy.case()?, &Ctx::new(1, "test", 1, &()))?.membership(toy.truth().len())
    }

    #[test]
    fn images_move_and_zeros_come_in() {
        let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(moved(&image, 3, (1, 0)), [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(moved(&image, 3, (0, -2)), [3.0, 0.0, 0.0, 6.0, 0.0, 0.0]);
        assert_eq!(moved(&image, 3, (-1, 1)), [0.0, 4.0, 5.0, 0.0, 0.0, 0.0]);
        assert_eq!(moved(&image, 3, (2, 0)), [0.0; 6]);
    }

    #[test]
    fn little_noise_leaves_right_answers_right_and_wrong_ones_wrong() {
        let toy = Toy::live(Behaviour::Leaky, Size { records: 60, ..Size::default() }, 3);
        let quiet = scores(Config { scales: vec![1e-6], ..Config::default() }, &toy).unwrap();
        assert!(quiet.iter().all(|score| *score == 0.0 || *score == 1.0));
        let loud = scores(Config { scales: vec![1e6], copies: 200, ..Config::default() }, &toy).unwrap();
        // With four classes noise alone hits one in four, now and then; the record itself counts once.
        assert!(loud.iter().all(|score| (0.05..0.6).contains(score)), "{loud:?}");
    }

    #[test]
    fn variants_of_the_adapter_need_no_new_inputs() {
        let mut toy =
            Toy::new(Behaviour::Leaky, Size { records: 60, augmentations: 3, ..Size::default() }, 3);
        toy.granted = Access::LABELS;
        let adapter = Config { kind: Kind::Adapter, ..Config::default() };
        let found = scores(adapter.clone(), &toy).unwrap();
        assert!(
            found.iter().all(|score| [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0].contains(score))
                && found.contains(&(2.0 / 3.0))
        );
        let one = scores(Config { copies: 1, ..adapter }, &toy).unwrap();
        assert!(one.contains(&0.5));
    }

    #[test]
    fn rows_of_numbers_are_no_images() {
        let toy = Toy::live(Behaviour::Leaky, Size { records: 20, ..Size::default() }, 3);
        let message =
            scores(Config { kind: Kind::Shift, ..Config::default() }, &toy).unwrap_err().to_string();
        assert_eq!(
            message,
            "inputs: expected images [records, …, height, width], to shift them, got shape [1, 96]"
        );
    }

    #[test]
    fn parameters_are_checked() {
        let config = Config::default;
        for (config, word) in [
            (Config { scales: Vec::new(), ..config() }, "`scales`"),
            (Config { scales: vec![0.0], ..config() }, "`scales`"),
            (Config { scales: vec![f64::NAN], ..config() }, "`scales`"),
            (Config { copies: 0, ..config() }, "`copies`"),
            (Config { pixels: 65, ..config() }, "`pixels`"),
        ] {
            let message = AugmentationVote::new(config).err().unwrap().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
