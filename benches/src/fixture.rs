//! Logits of a target and its reference models in one memory-mapped file `[models, records, classes]`, and the case over them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;
use paname_core::kernel::copy_rows;
use paname_core::{
    Access, Buffer, Case, CaseParts, Cohort, Ctx, DType, DirectSignals, Indices, Input, Labels, Membership,
    Outputs, Query, Signal, SignalSource, Target, TargetCard, Task, Tensor, Whom,
};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::Failure;

/// How much there is to score.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Reference models.
    pub references: usize,
    /// Audited records.
    pub records: usize,
    /// Population records; they follow the audited ones in the file.
    pub population: usize,
    /// Classes.
    pub classes: usize,
}

impl Default for Size {
    /// An audit of 50,000 images by 64 reference models: 156 MB.
    fn default() -> Self {
        Self { references: 64, records: 50_000, population: 10_000, classes: 10 }
    }
}

impl Size {
    fn rows(self) -> usize {
        self.records + self.population
    }

    /// Bytes of the whole file.
    pub fn bytes(self) -> usize {
        (self.references + 1) * self.rows() * self.classes * size_of::<f32>()
    }
}

/// An open file with the parts of the case over it.
pub struct Fixture {
    map: Arc<Mapped>,
    models: Vec<Rows>,
    /// Every record in the order of the file.
    roster: Cohort,
    audited: Cohort,
    population: Cohort,
    audited_membership: Membership,
    population_membership: Membership,
}

impl Fixture {
    /// Writes the file: logits of noise, with a bonus for the true class that is larger for the records that a model was fitted on.
    pub fn generate(path: &Path, size: Size) -> Result<(), Failure> {
        let labels = labels(size);
        let membership = membership(size);
        let mut rng = Pcg64::seed_from_u64(1);
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let mut row = vec![0_f32; size.classes];
        for model in 0..=size.references {
            for record in 0..size.rows() {
                for logit in &mut row {
                    // The sum of four bytes is close enough to a normal deviate.
                    let bytes = rng.next_u32().to_le_bytes();
                    *logit = (bytes.iter().map(|&byte| f32::from(byte)).sum::<f32>() - 510.0) / 100.0;
                }
                let member = record < size.records
                    && if model == 0 { record % 2 == 0 } else { membership.row(record).contains(model - 1) };
                row[labels[record] as usize] += if member { 5.0 } else { 4.0 };
                out.write_all(bytemuck::cast_slice(&row))?;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// Maps a generated file. The case has the audited records in a shuffled order, as the engine does.
    pub fn open(path: &Path, size: Size) -> Result<Self, Failure> {
        let file = File::open(path)?;
        #[expect(unsafe_code, reason = "mapping a file is what the benchmark is about")]
        // SAFETY: the map is read-only, and the benchmark alone uses the file that it wrote.
        let map = Arc::new(Mapped(unsafe { Mmap::map(&file) }?));
        let shape = [size.references + 1, size.rows(), size.classes];
        let logits = Tensor::from_buffer(Arc::clone(&map) as Arc<dyn Buffer>, DType::F32, &shape, 0)?;
        let card = TargetCard {
            classes: Some(size.classes),
            access: vec!["logits".to_owned()],
            recorded: true,
            augmentations: 1,
            ..TargetCard::default()
        };
        let models = (0..=size.references)
            .map(|model| Ok(Rows { card: card.clone(), logits: logits.index(model)? }))
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut ids: Vec<u32> = (0..size.records as u32).collect();
        let mut rng = Pcg64::seed_from_u64(2);
        for i in (1..ids.len()).rev() {
            ids.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
        }
        let labels = labels(size);
        let cohort = |ids: Vec<u32>| {
            let values = ids.iter().map(|&id| labels[id as usize]).collect();
            Cohort { ids: ids.into(), labels: Labels::Classes { values, classes: size.classes } }
        };
        Ok(Self {
            map,
            models,
            audited_membership: membership(size).select_records(&ids),
            population_membership: Membership::none(size.population, size.references),
            roster: cohort((0..size.rows() as u32).collect()),
            audited: cohort(ids),
            population: cohort((size.records as u32..size.rows() as u32).collect()),
        })
    }

    /// A signal of the first `records` records of the file under every model, computed in the order of the file.
    pub fn compute(&self, signal: Signal, records: usize, ctx: &Ctx<'_>) -> Result<Stored, Failure> {
        let source = DirectSignals {
            task: Task::Classification,
            models: self.models.iter().map(|model| model as &dyn Target).collect(),
            augmentations: 1,
            audited: self.roster.clone(),
            population: Cohort::default(),
            granted: Access::LOGITS.with_implied(),
        };
        let width = self.models.len();
        let mut values = vec![0.0; records * width];
        source.read_all(signal, Whom::Audited, 0..records, &mut values, ctx)?;
        let (audited, population) = (self.audited.ids.clone(), self.population.ids.clone());
        Ok(Stored { values, width, audited, population })
    }

    /// The case over the file, with a computed signal.
    pub fn case<'a>(&'a self, signals: &'a Stored) -> Result<Case<'a>, Failure> {
        Ok(Case::new(CaseParts {
            task: Task::Classification,
            granted: Access::LOGITS.with_implied(),
            target: &self.models[0],
            references: self.models[1..].iter().map(|model| model as &dyn Target).collect(),
            audited: self.audited.clone(),
            population: self.population.clone(),
            audited_membership: Cow::Borrowed(&self.audited_membership),
            population_membership: Cow::Borrowed(&self.population_membership),
            signals,
        })?)
    }

    /// Audited records, and records with the population.
    pub fn records(&self) -> (usize, usize) {
        (self.audited.len(), self.roster.len())
    }

    /// Reads every byte of the file once, on `threads` threads: no scoring can be faster.
    pub fn read_all(&self, threads: usize) -> f32 {
        let values: &[f32] = bytemuck::cast_slice(&self.map.0);
        let part = values.len().div_ceil(threads.max(1)).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> = values.chunks(part).map(|values| scope.spawn(|| sum(values))).collect();
            parts.into_iter().map(|part| part.join().unwrap_or(f32::NAN)).sum()
        })
    }
}

/// A sum in 64 independent parts, so that additions do not wait for each other.
fn sum(values: &[f32]) -> f32 {
    let mut parts = [0_f32; 64];
    for block in values.chunks_exact(64) {
        for (part, value) in parts.iter_mut().zip(block) {
            *part += value;
        }
    }
    parts.iter().sum()
}

fn labels(size: Size) -> Vec<u32> {
    (0..size.rows()).map(|record| (record * 7 % size.classes) as u32).collect()
}

/// Each record in a random half of the reference models.
fn membership(size: Size) -> Membership {
    let mut rng = Pcg64::seed_from_u64(3);
    let mut membership = Membership::none(size.records, size.references);
    for record in 0..size.records {
        let mut bits = 0;
        for model in 0..size.references {
            if model % 64 == 0 {
                bits = rng.next_u64();
            }
            if bits >> (model % 64) & 1 == 1 {
                membership.insert(record, model);
            }
        }
    }
    membership
}

/// A computed signal `[records of the file][models]`, read in the order of the case.
pub struct Stored {
    values: Vec<f32>,
    width: usize,
    audited: Indices,
    population: Indices,
}

impl SignalSource for Stored {
    fn models(&self) -> usize {
        self.width
    }

    fn augmentations(&self) -> usize {
        1
    }

    fn read(
        &self,
        _signal: Signal,
        whom: Whom,
        range: Range<usize>,
        out: &mut [f32],
    ) -> paname_core::Result<()> {
        let order = if whom == Whom::Audited { &self.audited } else { &self.population };
        copy_rows(&self.values, self.width, &order[range], out);
        Ok(())
    }
}

struct Mapped(Mmap);

impl Buffer for Mapped {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A target of recorded logits.
struct Rows {
    card: TargetCard,
    logits: Tensor,
}

impl Target for Rows {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> paname_core::Result<Outputs> {
        let Input::Records(ids, _) = &query.input else {
            return Err(paname_core::Error::Denied(query.want));
        };
        Ok(Outputs { logits: Some(self.logits.gather(ids)?), ..Outputs::default() })
    }
}
