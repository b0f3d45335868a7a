//! From values of this library to values that cross.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::path::Path;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::*;
use crate::abi::import;
use crate::{
    Attribute, Augmentation, Case, CaseSize, Checkpoint, Cohort, Ctx, DynAttack, Ending, Features, Findings,
    FitRun, Fitted, Host, Input, Labels, Membership, Named, Needs, Outputs, Pullback, Query, Records,
    Reference, Setting, Signal, SignalSource, Table, Target, Tensor, View, Whom, arrow,
};

pub(super) fn error(error: &Error) -> AbiError {
    let parts = error.parts().into_iter().map(RString::from).collect();
    AbiError {
        code: error.code(),
        message: error.to_string().into(),
        parts,
        #[cfg(feature = "__other-layout")]
        intruder: 0,
    }
}

/// No tensor.
const NO_TENSOR: AbiTensor = AbiTensor(ptr::null_mut());

pub(super) fn tensor(tensor: &Tensor) -> AbiTensor {
    AbiTensor(dlpack::export(tensor).as_ptr())
}

fn optional(value: Option<&Tensor>) -> AbiTensor {
    value.map_or(NO_TENSOR, tensor)
}

pub(super) fn table(value: Option<&Table>) -> AbiTable {
    match value {
        None => AbiTable { array: ptr::null_mut(), schema: ptr::null_mut(), free: free_table },
        Some(table) => {
            let (schema, array) = arrow::export(table);
            AbiTable {
                array: Box::into_raw(array).cast(),
                schema: Box::into_raw(schema).cast(),
                free: free_table,
            }
        }
    }
}

unsafe extern "C" fn free_table(array: *mut c_void, schema: *mut c_void) {
    if !array.is_null() {
        // SAFETY: both come from `table`; their own destructors release what nobody has taken over.
        drop(unsafe { Box::from_raw(array.cast::<arrow::ArrowArray>()) });
    }
    if !schema.is_null() {
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(schema.cast::<arrow::ArrowSchema>()) });
    }
}

fn named(tensors: &Named<Tensor>) -> RVec<AbiNamed> {
    tensors.iter().map(|(name, t)| AbiNamed { name: name.as_str().into(), tensor: tensor(t) }).collect()
}

fn texts(texts: &[String]) -> RVec<RString> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

pub(super) fn outputs(outputs: &Outputs) -> AbiOutputs {
    let present = outputs.tensors().into_iter().filter_map(|(access, answer)| Some((access, answer?)));
    let mut answers = present
        .map(|(access, answer)| AbiAnswer { bit: access.bits().trailing_zeros(), tensor: tensor(answer) });
    let first = answers.next().unwrap_or(AbiAnswer { bit: 0, tensor: NO_TENSOR });
    let second = answers.next();
    if second.is_none() && outputs.activations.is_empty() && outputs.text.is_empty() {
        return AbiOutputs { first, more: ROption::RNone };
    }
    let more = AbiMoreOutputs {
        tensors: second.into_iter().chain(answers).collect(),
        activations: named(&outputs.activations),
        text: texts(&outputs.text),
    };
    AbiOutputs { first, more: ROption::RSome(RBox::new(more)) }
}

/// Puts a question to the other side.
pub(super) fn with_query<T>(query: &Query, call: impl FnOnce(AbiQuery<'_>) -> T) -> T {
    let mut crossing = AbiQuery {
        kind: 0,
        augmentation: 0,
        want: query.want.bits(),
        ids: AbiShared::none(),
        tensor: NO_TENSOR,
        labels: optional(query.labels.as_ref()),
        more: None,
    };
    match &query.input {
        Input::Records(ids, augmentation) => {
            crossing.ids = AbiShared::of(ids);
            crossing.augmentation = augmentation.0;
        }
        Input::Tensor(rows) => (crossing.kind, crossing.tensor) = (1, tensor(rows)),
        Input::Tokens(rows) => (crossing.kind, crossing.tensor) = (2, tensor(rows)),
        Input::Text(..) => crossing.kind = 3,
        Input::Table(_) => crossing.kind = 4,
    }
    if crossing.kind < 3 && query.layers.is_empty() {
        return call(crossing);
    }
    let mut more = AbiMoreQuery {
        table: table(None),
        prompts: RVec::new(),
        max_tokens: 0,
        top_k: 0,
        temperature: 0.0,
        seed: 0,
        layers: texts(&query.layers),
    };
    match &query.input {
        Input::Text(prompts, sampling) => {
            more.prompts = texts(prompts);
            (more.max_tokens, more.top_k) = (sampling.max_tokens, sampling.top_k);
            (more.temperature, more.seed) = (sampling.temperature, sampling.seed);
        }
        Input::Table(rows) => more.table = table(Some(rows)),
        Input::Records(..) | Input::Tensor(_) | Input::Tokens(_) => {}
    }
    call(AbiQuery { more: Some(&more), ..crossing })
}

pub(super) fn view(view: &View) -> (u32, RVec<RString>) {
    match view {
        View::ParameterGradient { layers } => (0, texts(layers)),
        View::From(layer) => (1, texts(std::slice::from_ref(layer))),
    }
}

pub(super) fn signal(signal: Signal) -> AbiSignal {
    let (code, parameter) = signal.code();
    AbiSignal { code, parameter }
}

pub(super) const fn whom(whom: Whom) -> u32 {
    match whom {
        Whom::Audited => 0,
        Whom::Population => 1,
    }
}

fn labels(labels: &Labels) -> AbiLabels {
    let none = || AbiLabels { kind: 0, classes: 0, values: AbiShared::none(), tensor: NO_TENSOR };
    match labels {
        Labels::None => none(),
        Labels::Classes { values, classes } => {
            AbiLabels { kind: 1, classes: *classes, values: AbiShared::of(values), ..none() }
        }
        Labels::Values(values) => AbiLabels { kind: 2, tensor: tensor(values), ..none() },
    }
}

pub(super) fn cohort(cohort: &Cohort, membership: &Membership) -> AbiCohort {
    AbiCohort {
        ids: AbiShared::of(&cohort.ids),
        labels: labels(&cohort.labels),
        membership: AbiShared::of(membership.words()),
    }
}

/// Lends a case to the other side for one call.
pub(super) fn with_case<T>(case: &Case<'_>, call: impl FnOnce(AbiCase<'_>) -> T) -> T {
    let parts = case.parts();
    let models: Vec<TargetExport<&dyn Target>> =
        std::iter::once(parts.target).chain(parts.references.iter().copied()).map(TargetExport).collect();
    let signals = SignalsExport(parts.signals);
    let generator = case.generator().map(|generator| TargetExport(generator.target));
    call(AbiCase {
        task: parts.task.code(),
        granted: parts.granted.bits(),
        models: models.iter().map(|model| AbiTarget_TO::from_ptr(RRef::new(model), TD_Opaque)).collect(),
        audited: cohort(&parts.audited, &parts.audited_membership),
        population: cohort(&parts.population, &parts.population_membership),
        columns: case.columns().into(),
        signals: AbiSignals_TO::from_ptr(RRef::new(&signals), TD_Opaque),
        groups: case.groups().iter().map(AbiShared::of).collect(),
        attribute: case.given_attribute().map(attribute).into(),
        of_candidate: case.is_of_candidate(),
        generator: generator.as_ref().map(|one| AbiTarget_TO::from_ptr(RRef::new(one), TD_Opaque)).into(),
        latent: case.generator().map_or(&[][..], |generator| &generator.latent).into(),
    })
}

fn attribute(attribute: &Attribute) -> AbiAttribute {
    AbiAttribute {
        name: attribute.name.as_str().into(),
        scale: attribute.scale.code(),
        candidates: attribute.candidates.iter().map(|name| name.as_str().into()).collect(),
        population: AbiShared::of(&attribute.population),
        audited_known: tensor(&attribute.audited_known),
        population_known: tensor(&attribute.population_known),
        imputed: optional(attribute.imputed.as_ref()),
    }
}

/// Lends a context to the other side for one call. A callback that panicked is an error, whatever the call itself came to.
pub(super) fn with_ctx<T>(ctx: &Ctx<'_>, call: impl FnOnce(AbiCtx<'_>) -> Result<T>) -> Result<T> {
    let host = HostExport { host: ctx.host(), broken: Mutex::new(None) };
    let outcome = call(AbiCtx {
        seed: ctx.audit_seed(),
        threads: ctx.threads(),
        scope: ctx.scope().into(),
        host: AbiHost_TO::from_ptr(RRef::new(&host), TD_Opaque),
    });
    match host.broken.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => outcome,
    }
}

/// A value that is given away. It ends when the other side lets go of it, and a panic of its destructor must not get there.
struct Given<T: ?Sized>(ManuallyDrop<Box<T>>);

impl<T: ?Sized> Given<T> {
    const fn new(value: Box<T>) -> Self {
        Self(ManuallyDrop::new(value))
    }
}

impl<T: ?Sized> Deref for Given<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> Drop for Given<T> {
    fn drop(&mut self) {
        let _ = crate::catch(|| {
            // SAFETY: a destructor runs once, and nothing looks at the value afterwards.
            unsafe { ManuallyDrop::drop(&mut self.0) };
            Ok(())
        });
    }
}

/// A target, borrowed or owned, for the other side.
pub(super) struct TargetExport<T>(pub(super) T);

impl<T> AbiTarget for TargetExport<T>
where
    T: Deref + Send + Sync,
    T::Target: Target,
{
    fn card(&self) -> RString {
        let card = crate::catch(|| Ok(serde_json::to_string(self.0.card()).unwrap_or_default()));
        card.unwrap_or_default().into()
    }

    fn predict(&self, query: AbiQuery<'_>) -> Crossing<AbiOutputs> {
        // Looked at where they are: answers are large to move.
        guard(|| self.0.predict(&import::query(query)?).as_ref().map(outputs).map_err(Error::clone))
    }

    fn vjp(&self, query: AbiQuery<'_>) -> Crossing<AbiPulled> {
        guard(|| {
            let (answers, pullback) = self.0.vjp(&import::query(query)?)?;
            let pullback = AbiPullback_TO::from_value(PullbackExport(Given::new(pullback)), TD_Opaque);
            Ok(AbiPulled { outputs: outputs(&answers), pullback })
        })
    }

    fn parameters(&self) -> Crossing<RVec<AbiNamed>> {
        guard(|| Ok(named(&self.0.parameters()?)))
    }

    fn view(&self, kind: u32, names: RVec<RString>) -> Crossing<TargetBox> {
        guard(|| Ok(boxed(self.0.view(import::view(kind, names)?)?)))
    }

    fn input(&self, ids: AbiShared<u32>) -> Crossing<AbiTensor> {
        guard(|| Ok(tensor(&self.0.input(&ids.into_shared("records")?)?)))
    }

    fn variant(&self, ids: AbiShared<u32>, variant: u32) -> Crossing<AbiTensor> {
        guard(|| Ok(tensor(&self.0.variant(&ids.into_shared("records")?, Augmentation(variant))?)))
    }
}

/// Gives a target away.
fn boxed(target: Box<dyn Target>) -> TargetBox {
    AbiTarget_TO::from_value(TargetExport(Given::new(target)), TD_Opaque)
}

struct PullbackExport(Given<dyn Pullback>);

impl AbiPullback for PullbackExport {
    fn apply(&self, cotangent: AbiOutputs) -> Crossing<AbiTensor> {
        guard(|| Ok(tensor(&self.0.apply(&import::outputs(cotangent)?)?)))
    }
}

struct SignalsExport<'a>(&'a dyn SignalSource);

impl AbiSignals for SignalsExport<'_> {
    fn models(&self) -> usize {
        crate::catch(|| Ok(self.0.models())).unwrap_or(0)
    }

    fn augmentations(&self) -> usize {
        crate::catch(|| Ok(self.0.augmentations())).unwrap_or(0)
    }

    fn read(
        &self,
        signal: AbiSignal,
        whom: u32,
        start: usize,
        end: usize,
        out: RSliceMut<'_, f32>,
    ) -> Crossing<()> {
        guard(|| self.0.read(import::signal(signal)?, import::whom(whom)?, start..end, out.into_mut_slice()))
    }
}

/// A host for the other side. What goes wrong in a callback that has no room for an error waits here.
struct HostExport<'a> {
    host: &'a dyn Host,
    broken: Mutex<Option<Error>>,
}

impl HostExport<'_> {
    fn told<T>(&self, call: impl FnOnce() -> T, otherwise: T) -> T {
        crate::catch(|| Ok(call())).unwrap_or_else(|error| {
            self.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            otherwise
        })
    }
}

impl AbiHost for HostExport<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.told(|| self.host.progress(done, total), ());
    }

    fn cancelled(&self) -> bool {
        // After a broken callback the run has no future.
        self.told(|| self.host.cancelled(), true)
            || self.broken.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn log(&self, line: RStr<'_>) {
        self.told(|| self.host.log(line.as_str()), ());
    }

    fn base(&self) -> Crossing<RVec<u8>> {
        guard(|| path(&self.host.base()))
    }

    fn folder(&self) -> Crossing<RVec<u8>> {
        guard(|| path(&self.host.folder()?))
    }

    fn fit(
        &self,
        recipe: RStr<'_>,
        data: AbiRecords,
        runs: RVec<AbiFitRun>,
    ) -> Crossing<RVec<Crossing<AbiFitted>>> {
        guard(|| {
            let recipe = import::json(recipe.as_str())?;
            let fitted = self.host.fit(&recipe, &import::records(data)?, &import::fit_runs(runs)?)?;
            Ok(fitted.into_iter().map(each_fitted).collect())
        })
    }

    fn run(&self, name: RStr<'_>, config: RStr<'_>, case: AbiCase<'_>) -> Crossing<AbiFindings> {
        guard(|| {
            let config: Value = import::json(config.as_str())?;
            import::with_case(case, |case| {
                case.check_labels()?;
                findings(self.host.run(name.as_str(), &config, case)?)
            })
        })
    }

    fn chose(&self, parameter: RStr<'_>, value: RStr<'_>) {
        self.told(|| self.host.chose(parameter.as_str(), value.as_str()), ());
    }
}

/// The bytes of a path.
fn path(path: &Path) -> Result<RVec<u8>> {
    #[cfg(unix)]
    let bytes = Some(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    #[cfg(not(unix))]
    let bytes = path.to_str().map(str::as_bytes);
    bytes.map(RVec::from).ok_or_else(|| Error::mismatch("path", "UTF-8", path.display()))
}

pub(super) fn with_path<T>(whole: &Path, call: impl FnOnce(RSlice<'_, u8>) -> Result<T>) -> Result<T> {
    call(path(whole)?.as_rslice())
}

fn paths(all: &[std::path::PathBuf]) -> Result<RVec<RVec<u8>>> {
    all.iter().map(|one| path(one)).collect()
}

fn features(features: &Features) -> AbiFeatures {
    let (tensor, table) = match features {
        Features::None => (NO_TENSOR, table(None)),
        Features::Tensor(inputs) => (tensor(inputs), table(None)),
        Features::Table(inputs) => (NO_TENSOR, table(Some(inputs))),
    };
    AbiFeatures { tensor, table }
}

pub(super) fn records(records: &Records) -> AbiRecords {
    let Records { ids, inputs, labels: known } = records;
    AbiRecords { ids: AbiShared::of(ids), inputs: features(inputs), labels: labels(known) }
}

pub(super) fn fit_runs(runs: &[FitRun]) -> RVec<AbiFitRun> {
    runs.iter().map(|run| AbiFitRun { rows: AbiShared::of(&run.rows), seed: run.seed }).collect()
}

fn each_fitted(fitted: Result<Fitted>) -> Crossing<AbiFitted> {
    guard(|| {
        let fitted = fitted?;
        Ok(AbiFitted {
            target: boxed(fitted.target),
            weights: fitted.weights.as_deref().map(path).transpose()?.into(),
            train_loss: fitted.train_loss.into(),
            train_accuracy: fitted.train_accuracy.into(),
            checkpoints: fitted
                .checkpoints
                .into_iter()
                .map(|Checkpoint { epoch, target }| AbiCheckpoint { epoch, target: boxed(target) })
                .collect(),
        })
    })
}

/// Lends what an adapter may know to the other side for one call.
pub(super) fn with_setting<T>(
    setting: &Setting<'_>,
    call: impl FnOnce(AbiSetting<'_>) -> Result<T>,
) -> Result<T> {
    let roster = setting.roster.table()?;
    with_path(setting.base, |base| {
        call(AbiSetting {
            base,
            roster: table(Some(&roster)),
            labels: labels(setting.labels),
            inputs: features(setting.inputs),
            task: setting.task.code(),
        })
    })
}

pub(super) fn findings(findings: Findings) -> Result<AbiFindings> {
    let numbers = |values: Vec<f64>| {
        let count = values.len();
        Tensor::from_vec(values, &[count]).map(|t| tensor(&t))
    };
    let integers = |values: Vec<i64>| Tensor::from_vec(values.clone(), &[values.len()]).map(|t| tensor(&t));
    let (kind, tensors, texts): (u32, Vec<AbiTensor>, Vec<RString>) = match findings {
        Findings::Membership(scores) => (0, vec![numbers(scores)?], Vec::new()),
        Findings::Attribute(scores) => (1, vec![numbers(scores)?], Vec::new()),
        Findings::Reconstructions(rebuilt) => {
            let mut tensors = vec![
                integers(rebuilt.iter().map(|one| i64::from(one.class)).collect())?,
                integers(rebuilt.iter().map(|one| i64::from(one.start)).collect())?,
                integers(rebuilt.iter().map(|one| ending(one.ending)).collect())?,
                numbers(rebuilt.iter().map(|one| one.score).collect())?,
            ];
            tensors.extend(rebuilt.iter().map(|one| tensor(&one.input)));
            (2, tensors, Vec::new())
        }
        Findings::Extractions(extracted) => {
            let scores = numbers(extracted.iter().map(|one| one.score).collect())?;
            let texts = extracted.into_iter().flat_map(|one| [one.prompt.into(), one.text.into()]);
            (3, vec![scores], texts.collect())
        }
        Findings::Groups(values) => (4, vec![numbers(values)?], Vec::new()),
    };
    Ok(AbiFindings { kind, tensors: tensors.into(), texts: texts.into() })
}

fn ending(ending: Ending) -> i64 {
    Ending::ALL.iter().position(|known| *known == ending).map_or(-1, |place| place as i64)
}

fn needs(needs: &Needs) -> AbiNeeds {
    AbiNeeds {
        signals: needs.signals.iter().map(|&s| signal(s)).collect(),
        access: needs.access.bits(),
        references_min: needs.references_min,
        references_max: needs.references_max,
        in_min: needs.in_out_min.0,
        out_min: needs.in_out_min.1,
        own_records: needs.own_records,
        classes: needs.classes,
        texts: needs.texts,
        population_min: needs.population_min,
        fits: needs.fits,
        generator: needs.generator.map(|access| access.bits()).into(),
        queries: needs.queries,
        queries_per_class: needs.queries_per_class,
        queries_per_record: needs.queries_per_record,
        queries_per_population_record: needs.queries_per_population_record,
        group_size: needs.groups.map_or(0, |groups| groups.size),
        group_shares: needs.groups.is_some_and(|groups| groups.shares),
    }
}

pub(super) fn case_size(size: &CaseSize) -> AbiCaseSize {
    AbiCaseSize {
        task: size.task.code(),
        granted: size.granted.bits(),
        augmentations: size.augmentations,
        audited: size.audited,
        population: size.population,
        references: size.references,
        classes: size.classes,
        generator: size.generator.map(|access| access.bits()).into(),
        fitted_with_min: size.fitted_with_min,
        fitted_without_min: size.fitted_without_min,
    }
}

struct AttackExport(Given<dyn DynAttack>);

impl AbiAttack for AttackExport {
    fn needs(&self, records: usize) -> Crossing<AbiNeeds> {
        guard(|| Ok(needs(&self.0.needs(records)?)))
    }

    fn run(&self, case: AbiCase<'_>, ctx: AbiCtx<'_>) -> Crossing<AbiFindings> {
        guard(|| {
            import::with_case(case, |case| {
                import::with_ctx(ctx, |ctx| self.0.run(case, ctx)).and_then(findings)
            })
        })
    }
}

/// The root of a plugin, which its one symbol gives.
pub fn root(lists: &'static Lists) -> PluginRef {
    crate::panic::be_quiet();
    PluginRoot {
        name: lists.name.into(),
        version: lists.version.into(),
        target: TARGET.into(),
        rustc: env!("PANAME_RUSTC").into(),
        unwinds: lists.unwinds,
        lists: AbiLists(ptr::from_ref(lists).cast()),
        describe,
        attack_schema,
        attack_resolve,
        attack_settle,
        attack_files,
        attack_through,
        attack_build,
        adapter_schema,
        adapter_files,
        adapter_open,
        adapter_references,
        adapter_fit,
        adapter_fitted,
    }
    .leak_into_prefix()
}

impl AbiLists {
    fn get(self) -> Result<&'static Lists> {
        // SAFETY: the pointer is what `root` of this very library put into its own root.
        unsafe { self.0.cast::<Lists>().as_ref() }
            .ok_or_else(|| Error::Other("a plugin without lists".into()))
    }

    fn attack(self, row: usize) -> Result<&'static Entry> {
        let attacks = self.get()?.attacks;
        attacks.get(row).ok_or_else(|| Error::mismatch("attack", format!("below {}", attacks.len()), row))
    }

    fn adapter(self, row: usize) -> Result<&'static AdapterEntry> {
        let adapters = self.get()?.adapters;
        adapters.get(row).ok_or_else(|| Error::mismatch("adapter", format!("below {}", adapters.len()), row))
    }
}

fn text(value: &Value) -> RString {
    value.to_string().into()
}

extern "C" fn describe(lists: AbiLists) -> Crossing<RString> {
    guard(|| {
        let Lists { attacks, adapters, .. } = lists.get()?;
        let attacks: Vec<Value> = attacks
            .iter()
            .map(|Entry { info, .. }| {
                json!({
                    "name": info.name, "version": info.version, "family": info.family,
                    "title_fr": info.title_fr, "title_en": info.title_en,
                    "summary_fr": info.summary_fr, "summary_en": info.summary_en,
                    "formula": info.formula, "paper": info.paper, "source": info.head(),
                })
            })
            .collect();
        let adapters: Vec<Value> = adapters
            .iter()
            .map(|AdapterEntry { info, .. }| {
                json!({
                    "name": info.name, "version": info.version, "summary_fr": info.summary_fr,
                    "summary_en": info.summary_en, "offers": info.offers.bits(),
                })
            })
            .collect();
        Ok(text(&json!({ "attacks": attacks, "adapters": adapters })))
    })
}

extern "C" fn attack_schema(lists: AbiLists, row: usize) -> Crossing<RString> {
    guard(|| Ok(text(&lists.attack(row)?.schema()?)))
}

extern "C" fn attack_resolve(lists: AbiLists, row: usize, config: RStr<'_>) -> Crossing<RString> {
    guard(|| Ok(text(&lists.attack(row)?.resolve(import::json(config.as_str())?)?)))
}

extern "C" fn attack_settle(
    lists: AbiLists,
    row: usize,
    config: RStr<'_>,
    size: AbiCaseSize,
) -> Crossing<RString> {
    guard(|| {
        let config = import::json(config.as_str())?;
        Ok(text(&lists.attack(row)?.settle(config, &import::case_size(size)?)?))
    })
}

extern "C" fn attack_files(
    lists: AbiLists,
    row: usize,
    config: RStr<'_>,
    base: RSlice<'_, u8>,
) -> Crossing<RVec<RVec<u8>>> {
    guard(|| {
        let config = import::json(config.as_str())?;
        paths(&lists.attack(row)?.files(config, &import::path(base.as_slice())?)?)
    })
}

extern "C" fn attack_through(
    lists: AbiLists,
    row: usize,
    config: RStr<'_>,
    settled: RStr<'_>,
) -> Crossing<RString> {
    guard(|| {
        let (config, settled) = (import::json(config.as_str())?, import::json(settled.as_str())?);
        Ok(text(&json!(lists.attack(row)?.through(config, settled)?)))
    })
}

extern "C" fn attack_build(lists: AbiLists, row: usize, config: RStr<'_>) -> Crossing<AttackBox> {
    guard(|| {
        let attack = lists.attack(row)?.build(import::json(config.as_str())?)?;
        Ok(AbiAttack_TO::from_value(AttackExport(Given::new(attack)), TD_Opaque))
    })
}

extern "C" fn adapter_schema(lists: AbiLists, row: usize) -> Crossing<RString> {
    guard(|| Ok(text(&lists.adapter(row)?.schema()?)))
}

extern "C" fn adapter_files(
    lists: AbiLists,
    row: usize,
    config: RStr<'_>,
    base: RSlice<'_, u8>,
) -> Crossing<RVec<RVec<u8>>> {
    guard(|| {
        let config = import::json(config.as_str())?;
        paths(&lists.adapter(row)?.files(config, &import::path(base.as_slice())?)?)
    })
}

extern "C" fn adapter_open(
    lists: AbiLists,
    row: usize,
    config: RStr<'_>,
    setting: AbiSetting<'_>,
    ctx: AbiCtx<'_>,
) -> Crossing<TargetBox> {
    guard(|| {
        let (adapter, config) = (lists.adapter(row)?, import::json(config.as_str())?);
        import::with_setting(setting, |setting| {
            import::with_ctx(ctx, |ctx| adapter.open(config, setting, ctx)).map(boxed)
        })
    })
}

extern "C" fn adapter_references(
    lists: AbiLists,
    row: usize,
    config: RStr<'_>,
    setting: AbiSetting<'_>,
    ctx: AbiCtx<'_>,
) -> Crossing<RVec<AbiReference>> {
    guard(|| {
        let (adapter, config) = (lists.adapter(row)?, import::json(config.as_str())?);
        let references = import::with_setting(setting, |setting| {
            import::with_ctx(ctx, |ctx| adapter.references(config, setting, ctx))
        })?;
        references
            .into_iter()
            .map(|Reference { target, member }| {
                let count = member.len();
                let member = tensor(&Tensor::from_bools(member, &[count])?);
                Ok(AbiReference { target: boxed(target), member })
            })
            .collect()
    })
}

extern "C" fn adapter_fit(
    lists: AbiLists,
    row: usize,
    config: RStr<'_>,
    recipe: RStr<'_>,
    data: AbiRecords,
    runs: RVec<AbiFitRun>,
    ctx: AbiCtx<'_>,
) -> Crossing<RVec<Crossing<AbiFitted>>> {
    guard(|| {
        let (adapter, config) = (lists.adapter(row)?, import::json(config.as_str())?);
        let (recipe, data) = (import::json(recipe.as_str())?, import::records(data)?);
        let runs = import::fit_runs(runs)?;
        let fitted = import::with_ctx(ctx, |ctx| Ok(adapter.fit(config, &recipe, &data, &runs, ctx)))?;
        Ok(fitted.into_iter().map(each_fitted).collect())
    })
}

extern "C" fn adapter_fitted(
    lists: AbiLists,
    row: usize,
    config: RStr<'_>,
    recipe: RStr<'_>,
    weights: RSlice<'_, u8>,
    setting: AbiSetting<'_>,
    ctx: AbiCtx<'_>,
) -> Crossing<TargetBox> {
    guard(|| {
        let (adapter, config) = (lists.adapter(row)?, import::json(config.as_str())?);
        let (recipe, weights) = (import::json(recipe.as_str())?, import::path(weights.as_slice())?);
        import::with_setting(setting, |setting| {
            import::with_ctx(ctx, |ctx| adapter.fitted(config, &recipe, &weights, setting, ctx)).map(boxed)
        })
    })
}
