//! A case that shows some of the models and augmented variants of another.

use std::borrow::Cow;
use std::ops::Range;

use paname_core::{Case, CaseParts, Ctx, Error, Membership, Result, Signal, SignalSource, Target, Whom};

/// The signals of the target, some reference models and some augmented variants, held in memory, and who was in these models.
pub(crate) struct View {
    references: Vec<usize>,
    augmentations: usize,
    tables: Vec<(Signal, Whom, Vec<f32>)>,
    /// Of the audited records and of the population.
    memberships: [Membership; 2],
}

impl View {
    /// Reads `signals` of the target and these reference models at these augmentations.
    pub(crate) fn new(
        case: &Case<'_>,
        ctx: &Ctx<'_>,
        signals: &[Signal],
        references: &[usize],
        augmentations: &[usize],
    ) -> Result<Self> {
        let mut tables = Vec::new();
        for whom in [Whom::Audited, Whom::Population] {
            for &signal in signals {
                let chunks = case.map_chunks(whom, &[signal], ctx, |chunk| {
                    let mut values = Vec::new();
                    for record in chunk.records() {
                        let (target, others) = (record.target(0), record.references(0));
                        values.extend(augmentations.iter().map(|a| target[*a]));
                        for k in references {
                            values.extend(augmentations.iter().map(|a| others[k * target.len() + a]));
                        }
                    }
                    Ok(values)
                })?;
                tables.push((signal, whom, chunks.concat()));
            }
        }
        let memberships =
            [Whom::Audited, Whom::Population].map(|whom| case.membership(whom).select_models(references));
        Ok(Self { references: references.to_vec(), augmentations: augmentations.len(), tables, memberships })
    }

    /// The case that shows these, of the case that they were read from.
    pub(crate) fn case<'a>(&'a self, of: &'a Case<'_>) -> Result<Case<'a>> {
        let reference = |k: &usize| -> Result<&'a dyn Target> {
            of.reference(*k)
                .ok_or_else(|| Error::mismatch("reference model", format!("below {}", of.references()), k))
        };
        Case::new(CaseParts {
            task: of.task(),
            granted: of.granted(),
            target: of.target(),
            references: self.references.iter().map(reference).collect::<Result<_>>()?,
            audited: of.audited().clone(),
            population: of.population().clone(),
            audited_membership: Cow::Borrowed(&self.memberships[0]),
            population_membership: Cow::Borrowed(&self.memberships[1]),
            signals: self,
        })
    }
}

impl SignalSource for View {
    fn models(&self) -> usize {
        self.references.len() + 1
    }

    fn augmentations(&self) -> usize {
        self.augmentations
    }

    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let width = self.models() * self.augmentations;
        let table = self.tables.iter().find(|(s, w, _)| *s == signal && *w == whom);
        let values = table.and_then(|(_, _, values)| values.get(range.start * width..range.end * width));
        match values {
            Some(values) if values.len() == out.len() => {
                out.copy_from_slice(values);
                Ok(())
            }
            _ => Err(Error::mismatch(format!("signal {signal}"), "one that was asked for before", "another")),
        }
    }
}
