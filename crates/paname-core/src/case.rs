//! A case: everything that an attack may know, and nothing of the truth.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::pieces::map_pieces;
use crate::{
    Access, Attribute, Augmentation, Cohort, Ctx, Error, Indices, Input, Labels, Membership, MembershipRow,
    Outputs, Pullback, Query, Result, Signal, SignalSource, Target, TargetCard, Task, Tensor, Whom,
};

/// The parts of a [`Case`].
pub struct CaseParts<'a> {
    /// What the model does.
    pub task: Task,
    /// What the threat model grants.
    pub granted: Access,
    /// The model under audit, metered.
    pub target: &'a dyn Target,
    /// Reference models.
    pub references: Vec<&'a dyn Target>,
    /// The audited records, shuffled.
    pub audited: Cohort,
    /// Records known to be outside every training set; may be empty.
    pub population: Cohort,
    /// Which audited records each reference model was fitted on.
    pub audited_membership: Cow<'a, Membership>,
    /// Which population records each reference model was fitted on.
    pub population_membership: Cow<'a, Membership>,
    /// Signals of the target and the reference models.
    pub signals: &'a dyn SignalSource,
}

/// A model that makes inputs: what is plausible is what it makes.
#[derive(Clone)]
pub struct Generator<'a> {
    /// Answers latent variables `[records, latent…]` with inputs of the model under audit, as its values ([`Outputs::labels`]), and pulls gradients with
    /// respect to these back where it offers [`Access::INPUT_GRADIENT`]. Asking it costs the target nothing.
    pub target: &'a dyn Target,
    /// Shape of the latent variables of one input, standard normal by its training.
    pub latent: Vec<usize>,
}

impl Generator<'_> {
    /// What it offers.
    pub fn offers(&self) -> Access {
        self.target.card().offers()
    }
}

/// What an attack is given: a target to ask, records to judge, reference models with their rows, signals. Who is a member is not in here.
pub struct Case<'a> {
    parts: CaseParts<'a>,
    /// Column in the signal source of each model of this case, the target first.
    columns: Vec<usize>,
    groups: Vec<Indices>,
    attribute: Option<Attribute>,
    /// Where an attribute is to be guessed, the reference models as they may be asked.
    outside: Vec<Outside<'a>>,
    generator: Option<Generator<'a>>,
    /// Whether it is that of an attribute, or of one candidate: no reference model takes the target's place, where it would tell the values that it was fitted with.
    sealed: bool,
}

impl<'a> Case<'a> {
    /// Puts a case together. Fails where counts of models or records disagree, or a label is no class.
    pub fn new(parts: CaseParts<'a>) -> Result<Self> {
        let models = parts.references.len() + 1;
        if parts.signals.models() != models {
            return Err(Error::mismatch("models of the signals", models, parts.signals.models()));
        }
        let case = Self::assemble(parts, (0..models).collect())?;
        case.check_labels()?;
        Ok(case)
    }

    /// Puts a case together whose models have these columns in the signals. Labels are not looked at.
    pub(crate) fn assemble(parts: CaseParts<'a>, columns: Vec<usize>) -> Result<Self> {
        let models = parts.references.len() + 1;
        let known = parts.signals.models();
        if columns.len() != models || columns.iter().any(|&column| column >= known) {
            return Err(Error::mismatch(
                "columns of the models in the signals",
                format!("{models} below {known}"),
                format!("{columns:?}"),
            ));
        }
        let cohorts = [
            ("audited records", &parts.audited, &parts.audited_membership),
            ("population records", &parts.population, &parts.population_membership),
        ];
        for (name, cohort, membership) in cohorts {
            let (expected, got) = ((cohort.len(), models - 1), (membership.records(), membership.models()));
            if expected != got {
                return Err(Error::mismatch(
                    format!("membership of {name}"),
                    format!("{expected:?}"),
                    format!("{got:?}"),
                ));
            }
            let labels = match &cohort.labels {
                Labels::None => cohort.len(),
                Labels::Classes { values, .. } => values.len(),
                Labels::Values(values) => values.rows(),
            };
            if labels != cohort.len() {
                return Err(Error::mismatch(format!("labels of {name}"), cohort.len(), labels));
            }
        }
        Ok(Self {
            parts,
            columns,
            groups: Vec::new(),
            attribute: None,
            outside: Vec::new(),
            generator: None,
            sealed: false,
        })
    }

    /// The same case with groups of its audited records, to be judged as wholes. Fails where a position is no audited record or stands twice.
    pub fn with_groups(self, groups: Vec<Indices>) -> Result<Self> {
        let mut taken = vec![false; self.audited().len()];
        for (i, &record) in groups.iter().flat_map(|group| group.iter()).enumerate() {
            match taken.get_mut(record as usize) {
                Some(taken) if !*taken => *taken = true,
                _ => {
                    let expected =
                        format!("a number below {} that stands nowhere else", self.audited().len());
                    return Err(Error::mismatch(format!("place {i} in the groups"), expected, record));
                }
            }
        }
        Ok(Self { groups, ..self })
    }

    /// The same case with an attribute to be guessed, whose candidates are the variants of the records. Fails where the parts do not go together.
    ///
    /// Reference models fitted with an audited record were fitted with its true value, which whoever guesses does not have. They are not asked about it, and
    /// in their place among its signals stand those of a model fitted without it, or zeros where there is none.
    pub fn with_attribute(self, attribute: Attribute) -> Result<Self> {
        attribute.check(self.audited().len(), self.population().len(), self.augmentations())?;
        let outside = self.outsiders();
        Ok(Self { attribute: Some(attribute), outside, sealed: true, ..self })
    }

    /// The reference models, kept from the records that they were fitted with.
    fn outsiders(&self) -> Vec<Outside<'a>> {
        let places: Arc<HashMap<u32, usize>> =
            Arc::new(self.parts.audited.ids.iter().copied().zip(0..).collect());
        let fitted = self.membership(Whom::Audited);
        let of = |(model, inner): (usize, &&'a dyn Target)| Outside {
            inner: *inner,
            model,
            fitted: fitted.clone(),
            places: places.clone(),
        };
        self.parts.references.iter().enumerate().map(of).collect()
    }

    /// The same case with a generator, among whose outputs inputs can be searched.
    #[must_use]
    pub fn with_generator(self, generator: Generator<'a>) -> Self {
        Self { generator: Some(generator), ..self }
    }

    /// The generator, where there is one.
    pub fn generator(&self) -> Option<&Generator<'a>> {
        self.generator.as_ref()
    }

    /// Number of classes: the target's, or the records' where it does not say.
    pub fn classes(&self) -> Option<usize> {
        let labelled =
            || [self.audited(), self.population()].into_iter().find_map(|cohort| cohort.classes().ok());
        self.target().card().classes.or_else(|| labelled().map(|(_, classes)| classes))
    }

    /// The attribute to be guessed, or an error that says that the attack needs one.
    pub fn attribute(&self) -> Result<&Attribute> {
        self.attribute.as_ref().ok_or_else(|| Error::mismatch("case", "an attribute to guess", "none"))
    }

    /// The attribute to be guessed, where there is one.
    pub(crate) fn given_attribute(&self) -> Option<&Attribute> {
        self.attribute.as_ref()
    }

    /// Has `work` see the records as they would be with this candidate value of the attribute, and as they are to it: a case without an attribute and with
    /// one variant.
    pub fn for_candidate<T>(&self, candidate: usize, work: impl FnOnce(&Case<'_>) -> Result<T>) -> Result<T> {
        let candidates = self.attribute()?.candidates.len();
        if candidate >= candidates {
            return Err(Error::mismatch("candidate", format!("below {candidates}"), candidate));
        }
        let target = Variant::of(self.parts.target, candidate);
        let references: Vec<Variant<'_>> =
            self.outside.iter().map(|outside| Variant::of(outside, candidate)).collect();
        let signals = VariantSignals { case: self, number: candidate };
        let parts = CaseParts {
            target: &target,
            references: references.iter().map(|reference| reference as &dyn Target).collect(),
            audited: self.parts.audited.clone(),
            population: self.parts.population.clone(),
            audited_membership: Cow::Borrowed(&*self.parts.audited_membership),
            population_membership: Cow::Borrowed(&*self.parts.population_membership),
            signals: &signals,
            ..self.parts
        };
        let case = Case::assemble(parts, (0..=self.references()).collect())?;
        work(&Case { sealed: true, ..case })
    }

    /// Whether it is that of one candidate of an attribute; see [`Case::for_candidate`].
    pub(crate) fn is_of_candidate(&self) -> bool {
        self.sealed && self.attribute.is_none()
    }

    /// The same, said of a case that comes from elsewhere.
    pub(crate) fn of_candidate(self) -> Self {
        Self { sealed: true, ..self }
    }

    /// Checks that every label is a class.
    pub(crate) fn check_labels(&self) -> Result<()> {
        for (name, cohort) in
            [("audited records", &self.parts.audited), ("population records", &self.parts.population)]
        {
            if let Labels::Classes { values, classes } = &cohort.labels
                && let Some(i) = values.iter().position(|&v| v as usize >= *classes)
            {
                let expected = format!("a class below {classes}");
                return Err(Error::mismatch(format!("label {i} of {name}"), expected, values[i]));
            }
        }
        Ok(())
    }

    /// What the case is made of.
    pub(crate) fn parts(&self) -> &CaseParts<'a> {
        &self.parts
    }

    /// Column in the signals of each model, the target first.
    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// What the model does.
    pub fn task(&self) -> Task {
        self.parts.task
    }

    /// What the threat model grants, with what follows from it.
    pub fn granted(&self) -> Access {
        self.parts.task.with_implied(self.parts.granted)
    }

    /// The model under audit.
    pub fn target(&self) -> &dyn Target {
        self.parts.target
    }

    /// The records to judge.
    pub fn audited(&self) -> &Cohort {
        &self.parts.audited
    }

    /// Records known to be outside every training set.
    pub fn population(&self) -> &Cohort {
        &self.parts.population
    }

    /// Positions, among the audited records, of the records of each group; empty where records are judged one by one. No record is in two groups.
    /// Neither the order of the groups nor that of their records tells anything.
    pub fn groups(&self) -> &[Indices] {
        &self.groups
    }

    /// Number of reference models.
    pub fn references(&self) -> usize {
        self.parts.references.len()
    }

    /// Reference model `k`.
    pub fn reference(&self, k: usize) -> Option<&dyn Target> {
        match self.outside.get(k) {
            Some(outside) => Some(outside),
            None => self.parts.references.get(k).copied(),
        }
    }

    /// Which records each reference model was fitted on.
    pub fn membership(&self, whom: Whom) -> &Membership {
        match whom {
            Whom::Audited => &self.parts.audited_membership,
            Whom::Population => &self.parts.population_membership,
        }
    }

    /// The records of a group.
    pub fn cohort(&self, whom: Whom) -> &Cohort {
        match whom {
            Whom::Audited => &self.parts.audited,
            Whom::Population => &self.parts.population,
        }
    }

    /// Augmented variants per record in the signals.
    pub fn augmentations(&self) -> usize {
        self.parts.signals.augmentations()
    }

    /// The same case with reference model `k` in the place of the target, which disappears. An attack may rehearse here, since it knows the rows
    /// of `k`; the engine measures here what the attack finds on a model that has nothing to do with the target's members. Reference models
    /// whose rows repeat or complement those of `k` disappear too: they would give the rehearsal away. Not in a case whose attribute is to be guessed: there the model would
    /// tell the values that it was fitted with, so that the engine lets it play first and adds the attribute then.
    pub fn with_reference_as_target(&self, k: usize) -> Result<Case<'_>> {
        if self.sealed {
            // Whoever rehearses can do without.
            let what = "reference models whose values of the attribute are not known".to_owned();
            return Err(Error::Missing { what, needed: 1, got: 0 });
        }
        let Some(&target) = self.parts.references.get(k) else {
            return Err(Error::mismatch("reference model", format!("below {}", self.references()), k));
        };
        let telling = self.parts.audited_membership.telling(k);
        let others: Vec<usize> = (0..self.references()).filter(|m| !telling.contains(m)).collect();
        let columns = std::iter::once(k).chain(others.iter().copied()).map(|m| self.columns[m + 1]).collect();
        let parts = CaseParts {
            target,
            references: others.iter().map(|&m| self.parts.references[m]).collect(),
            audited: self.parts.audited.clone(),
            population: self.parts.population.clone(),
            audited_membership: Cow::Owned(self.parts.audited_membership.select_models(&others)),
            population_membership: Cow::Owned(self.parts.population_membership.select_models(&others)),
            ..self.parts
        };
        Ok(Case {
            parts,
            columns,
            groups: self.groups.clone(),
            attribute: None,
            outside: Vec::new(),
            generator: self.generator.clone(),
            sealed: false,
        })
    }

    /// Calls `each` with chunks of consecutive records and their signals, on `ctx.threads()` threads, and returns the results in the order of the
    /// records: the outcome does not depend on the number of threads. Progress and cancellation are seen to.
    pub fn map_chunks<T: Send>(
        &self,
        whom: Whom,
        signals: &[Signal],
        ctx: &Ctx<'_>,
        each: impl Fn(&SignalChunk<'_>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let records = self.cohort(whom).len();
        let row = self.parts.signals.models() * self.augmentations();
        let size = chunk_records(row * signals.len().max(1));
        let results = map_pieces(records.div_ceil(size), ctx.threads(), |piece, room: &mut Room| {
            let range = piece * size..records.min((piece + 1) * size);
            ctx.tick(range.start, records)?;
            each(&self.chunk(whom, signals, range, room)?)
        });
        ctx.tick(records, records)?;
        results
    }

    /// One result per record: [`Case::map_chunks`] for work that looks at one record at a time.
    pub fn map_records<T: Send>(
        &self,
        whom: Whom,
        signals: &[Signal],
        ctx: &Ctx<'_>,
        each: impl Fn(RecordSignals<'_>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let chunks = self
            .map_chunks(whom, signals, ctx, |chunk| chunk.records().map(&each).collect::<Result<Vec<T>>>())?;
        Ok(chunks.into_iter().flatten().collect())
    }

    /// Reads a signal of consecutive records and the models of this case `[records][models][augmentations]`; `source` is scratch space.
    fn fill(
        &self,
        signal: Signal,
        whom: Whom,
        range: Range<usize>,
        source: &mut Vec<f32>,
        values: &mut Vec<f32>,
    ) -> Result<()> {
        let augmentations = self.augmentations();
        let width = self.parts.signals.models() * augmentations;
        let in_place = self.columns.len() == self.parts.signals.models() && self.columns.is_sorted();
        let read = if in_place { &mut *values } else { &mut *source };
        read.resize(range.len() * width, 0.0);
        self.parts.signals.read(signal, whom, range.clone(), read)?;
        if !in_place {
            values.clear();
            for row in source.chunks_exact(width.max(1)) {
                for &column in &self.columns {
                    values.extend_from_slice(&row[column * augmentations..(column + 1) * augmentations]);
                }
            }
        }
        if self.attribute.is_some() && whom == Whom::Audited {
            let width = self.columns.len() * augmentations;
            for (row, record) in values.chunks_exact_mut(width.max(1)).zip(range) {
                hide_own(&mut row[augmentations..], augmentations, self.membership(whom).row(record));
            }
        }
        Ok(())
    }

    fn chunk<'r>(
        &'r self,
        whom: Whom,
        signals: &[Signal],
        range: Range<usize>,
        room: &'r mut Room,
    ) -> Result<SignalChunk<'r>> {
        let augmentations = self.augmentations();
        room.values.resize_with(signals.len(), Vec::new);
        for (&signal, values) in signals.iter().zip(&mut room.values) {
            self.fill(signal, whom, range.clone(), &mut room.source, values)?;
        }
        let classes = match &self.cohort(whom).labels {
            Labels::Classes { values, .. } => Some(&values[range.clone()]),
            Labels::None | Labels::Values(_) => None,
        };
        Ok(SignalChunk {
            range,
            values: &room.values,
            augmentations,
            models: self.columns.len(),
            classes,
            membership: self.membership(whom),
        })
    }
}

/// Puts the signals of the first model fitted without a record into the place of those of models fitted with it `[models][augmentations]`; zeros where all were.
fn hide_own(row: &mut [f32], augmentations: usize, fitted: MembershipRow<'_>) {
    if augmentations == 0 || fitted.count() == 0 {
        return;
    }
    let other = fitted.iter().position(|fitted| !fitted);
    for model in (0..fitted.len()).filter(|model| fitted.contains(*model)) {
        let place = model * augmentations;
        match other {
            Some(other) => row.copy_within(other * augmentations..(other + 1) * augmentations, place),
            None => row[place..place + augmentations].fill(0.0),
        }
    }
}

/// One variant of each record, as if there were no other.
struct Variant<'a> {
    card: TargetCard,
    inner: &'a dyn Target,
    number: u32,
}

impl<'a> Variant<'a> {
    fn of(inner: &'a dyn Target, candidate: usize) -> Self {
        let card = TargetCard { augmentations: 1, ..inner.card().clone() };
        Self { card, inner, number: candidate as u32 }
    }
}

impl Variant<'_> {
    fn query(&self, query: &Query) -> Result<Query> {
        match &query.input {
            Input::Records(ids, Augmentation(0)) => {
                let input = Input::Records(ids.clone(), Augmentation(self.number));
                Ok(Query { input, ..query.clone() })
            }
            Input::Records(_, Augmentation(other)) => Err(Error::mismatch("variant of a record", 0, other)),
            _ => Ok(query.clone()),
        }
    }
}

impl Target for Variant<'_> {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.inner.predict(&self.query(query)?)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.inner.vjp(&self.query(query)?)
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        self.inner.variant(records, Augmentation(self.number))
    }
}

/// The signals of one variant, of the models of a case.
struct VariantSignals<'a> {
    case: &'a Case<'a>,
    number: usize,
}

impl SignalSource for VariantSignals<'_> {
    fn models(&self) -> usize {
        self.case.columns.len()
    }

    fn augmentations(&self) -> usize {
        1
    }

    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let (mut source, mut all) = (Vec::new(), Vec::new());
        self.case.fill(signal, whom, range, &mut source, &mut all)?;
        let variants = self.case.augmentations().max(1);
        if all.len() != out.len() * variants {
            return Err(Error::mismatch("signal buffer", all.len() / variants, out.len()));
        }
        for (out, all) in out.iter_mut().zip(all.chunks_exact(variants)) {
            *out = all[self.number];
        }
        Ok(())
    }
}

/// A reference model, kept from the records that it was fitted with, whose true value of the attribute it knows.
struct Outside<'a> {
    inner: &'a dyn Target,
    /// Which of the models it is.
    model: usize,
    fitted: Membership,
    /// Where the records stand, by their numbers.
    places: Arc<HashMap<u32, usize>>,
}

impl Outside<'_> {
    fn admit(&self, query: &Query) -> Result<()> {
        let own =
            |id: &u32| self.places.get(id).is_some_and(|place| self.fitted.row(*place).contains(self.model));
        match &query.input {
            Input::Records(ids, _) if ids.iter().any(own) => Err(Error::Unsupported(
                "questions to a reference model about a record that it was fitted with, whose value it knows"
                    .into(),
            )),
            _ => Ok(()),
        }
    }
}

impl Target for Outside<'_> {
    fn card(&self) -> &TargetCard {
        self.inner.card()
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.admit(query)?;
        self.inner.predict(query)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.admit(query)?;
        self.inner.vjp(query)
    }
}

/// What one thread reads its chunks into, one after the other.
#[derive(Default)]
struct Room {
    /// Per asked signal, the models of the case.
    values: Vec<Vec<f32>>,
    /// One signal of all models of the source, where the case has others.
    source: Vec<f32>,
}

/// Records per chunk, so that the signals of a chunk stay within half a megabyte, in reach of a core's own cache.
fn chunk_records(values_per_record: usize) -> usize {
    (128 * 1024 / values_per_record.max(1)).clamp(16, 4096)
}

/// Signals of consecutive records, record by record.
pub struct SignalChunk<'a> {
    range: Range<usize>,
    /// Per asked signal `[records][models][augmentations]`.
    values: &'a [Vec<f32>],
    models: usize,
    augmentations: usize,
    classes: Option<&'a [u32]>,
    membership: &'a Membership,
}

impl SignalChunk<'_> {
    /// Positions of the records in their group.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The records in order.
    pub fn records(&self) -> impl Iterator<Item = RecordSignals<'_>> {
        self.range.clone().map(|index| RecordSignals { chunk: self, index })
    }
}

/// The signals of one record.
#[derive(Clone, Copy)]
pub struct RecordSignals<'a> {
    chunk: &'a SignalChunk<'a>,
    index: usize,
}

impl<'a> RecordSignals<'a> {
    /// Position of the record in its group.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its class, where there are class labels.
    pub fn class(&self) -> Option<u32> {
        self.chunk.classes.map(|classes| classes[self.index - self.chunk.range.start])
    }

    fn row(&self, signal: usize) -> &'a [f32] {
        let width = self.chunk.models * self.chunk.augmentations;
        let start = (self.index - self.chunk.range.start) * width;
        &self.chunk.values[signal][start..start + width]
    }

    /// Asked signal number `signal` of the target, one value per augmentation.
    pub fn target(&self, signal: usize) -> &'a [f32] {
        &self.row(signal)[..self.chunk.augmentations]
    }

    /// Asked signal number `signal` of the reference models `[references][augmentations]`.
    pub fn references(&self, signal: usize) -> &'a [f32] {
        &self.row(signal)[self.chunk.augmentations..]
    }

    /// Which reference models were fitted on the record.
    pub fn membership(&self) -> MembershipRow<'a> {
        self.chunk.membership.row(self.index)
    }
}
