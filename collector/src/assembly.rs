//! From a document to a plan: the lists of components meet the user's YAML here.
//!
//! A mistake costs the part that it spoils and what can't run without that; the rest runs.

use std::collections::{BTreeMap, BTreeSet};

use config::{Document, Env, Id, Known, Mistake, Mistakes, Node, Part, Section};
use exporters::auth::{self, Extension, Shared};
use pipeline::{
    Budget, Context, Exporter, Factory, Host, OwnMetrics, PipelinePlan, Plan, Processor, Receiver, Signal,
};
use receivers::telemetryapi::Feed;

use crate::elsewhere;
use crate::log;
use crate::waiting::Waiting;

/// A component's name and the other names that configurations know it by.
pub type Names = (&'static str, Vec<&'static str>);

/// The lists of components, and what each component is built with.
pub struct Assembler<'a> {
    env: &'a Env,
    budget: &'a Budget,
    host: &'a Host,
    receivers: Vec<Factory<dyn Receiver>>,
    processors: Vec<Factory<dyn Processor>>,
    exporters: Vec<Factory<dyn Exporter>>,
    extensions: Vec<Factory<Extension>>,
    shared: Shared,
}

impl<'a> Assembler<'a> {
    /// All components of this distribution, in a process on `host` that takes the platform's telemetry through
    /// `feed`.
    pub fn new(env: &'a Env, budget: &'a Budget, host: &'a Host, feed: &Feed, shared: Shared) -> Self {
        let (extensions, exporters) = (auth::all(&shared), exporters::all(&shared));
        let (receivers, processors) = (receivers::all(feed), processors::all());
        Assembler { env, budget, host, receivers, processors, exporters, extensions, shared }
    }

    /// Their names, by section of a configuration.
    pub fn names(&self) -> [(Section, Vec<Names>); 4] {
        [
            (Section::Receivers, names(&self.receivers)),
            (Section::Processors, names(&self.processors)),
            (Section::Exporters, names(&self.exporters)),
            (Section::Extensions, names(&self.extensions)),
        ]
    }

    /// Builds all of `document` that is sound, and adds to `mistakes` what is found not to be.
    ///
    /// `unfetched` is what could not be had: a component that needs it waits for it, anything else can't run.
    pub fn assemble(&self, document: &Document, unfetched: &[Mistake], mistakes: &mut Vec<Mistake>) -> Plan {
        let can_wait = |mistake: &&Mistake| matches!(mistake.part, Part::Component(..));
        let lacking: Vec<_> = unfetched.iter().filter(|it| !can_wait(it)).cloned().collect();
        let known = mistakes.len();
        mistakes.extend(lacking);
        let plan = self.assemble_sound(document, mistakes);
        // They are told where all that could not be had is told.
        mistakes.drain(known..known + unfetched.iter().filter(|it| !can_wait(it)).count());
        plan
    }

    fn assemble_sound(&self, document: &Document, mistakes: &mut Vec<Mistake>) -> Plan {
        mistakes.extend(document.check(&self.known()).err().into_iter().flat_map(|found| found.0));
        let sound = document.clone().without(mistakes);
        let mut receivers = self.build_all(&sound, Section::Receivers, &self.receivers, mistakes);
        self.build_extensions(document, &sound, mistakes);
        let mut exporters = self.build_all(&sound, Section::Exporters, &self.exporters, mistakes);
        // Built to find their mistakes; each pipeline gets processors of its own.
        let processors = self.build_all(&sound, Section::Processors, &self.processors, mistakes);
        for (id, _) in sound.components(Section::Exporters) {
            if sound.is_unanswered(Section::Exporters, id) && !spoils(mistakes, id) {
                let built = exporters.remove(id);
                exporters.insert(id.clone(), Box::new(Waiting(built)));
            }
        }
        check_signals(&sound, &processors, &exporters, mistakes);
        check_circles(&sound, &receivers, &exporters, mistakes);

        let sound = sound.without(mistakes);
        let pipelines: Vec<_> =
            sound.pipelines.iter().filter_map(|pipeline| self.plan(&sound, pipeline)).collect();
        // What no pipeline uses does not run.
        exporters.retain(|id, _| pipelines.iter().any(|pipeline| pipeline.exporters.contains(id)));
        let receivers = sound.components(Section::Receivers).filter_map(|(id, _)| {
            // Those of a pipeline that can't run refuse what it would take: an SDK that finds a closed port tries again
            // for up to 16 s in each invocation, one that is refused does not.
            let is_named = document.pipelines.iter().any(|pipeline| pipeline.receivers.contains(id));
            let waits = sound.is_unanswered(Section::Receivers, id);
            is_named.then(|| (id.clone(), receivers.remove(id).filter(|_| !waits)))
        });
        let receivers = receivers.collect();
        let own = if pipelines.is_empty() { Vec::new() } else { self.own_metrics(&sound, mistakes) };
        Plan { receivers, exporters: exporters.into_iter().collect(), pipelines, own }
    }

    /// Makes the extensions of `document` known to the exporters, which are built next.
    fn build_extensions(&self, document: &Document, sound: &Document, mistakes: &mut Vec<Mistake>) {
        let mut built = self.build_all(sound, Section::Extensions, &self.extensions, mistakes);
        for (id, _) in document.components(Section::Extensions) {
            let waits = sound.is_unanswered(Section::Extensions, id);
            let extension = if waits { Some(Extension::waiting()) } else { built.remove(id) };
            self.shared.declare(id.clone(), extension, document.extensions.contains(id));
        }
    }

    /// Who is told what becomes of the telemetry.
    fn own_metrics(&self, document: &Document, mistakes: &mut Vec<Mistake>) -> Vec<OwnMetrics> {
        let mut own = Vec::new();
        for (n, reader) in document.telemetry.readers.iter().enumerate() {
            let Ok(id) = format!("{}/readers[{n}]", reader.exporter).parse::<Id>() else { continue };
            match self.build(&self.exporters, &id, &reader.settings) {
                Some(Ok(exporter)) => own.push(OwnMetrics {
                    exporter: (id, exporter),
                    interval: reader.interval,
                    resource: log::resource(document.telemetry.resource.clone()).into_iter().collect(),
                    host: self.host.clone(),
                }),
                Some(Err(found)) => mistakes.extend(found.0),
                None => {}
            }
        }
        own
    }

    fn known(&self) -> Known {
        let known = self.names().into_iter().fold(Known::default(), |known, (section, names)| {
            known.with(section, names.into_iter().flat_map(|(name, aliases)| [vec![name], aliases].concat()))
        });
        known.advised_by(elsewhere::advice)
    }

    fn plan(&self, document: &Document, pipeline: &config::Pipeline) -> Option<PipelinePlan> {
        let processor = |id: &Id| {
            Some((
                id.clone(),
                self.build(&self.processors, id, document.component(Section::Processors, id)?)?.ok()?,
            ))
        };
        let waits = pipeline.processors.iter().any(|id| document.is_unanswered(Section::Processors, id));
        Some(PipelinePlan {
            id: pipeline.id.clone(),
            signal: Signal::from_name(&pipeline.id.kind)?,
            receivers: pipeline.receivers.clone(),
            processors: if waits {
                None
            } else {
                Some(pipeline.processors.iter().map(processor).collect::<Option<_>>()?)
            },
            exporters: pipeline.exporters.clone(),
        })
    }

    fn build_all<T: ?Sized>(
        &self,
        document: &Document,
        section: Section,
        factories: &[Factory<T>],
        mistakes: &mut Vec<Mistake>,
    ) -> BTreeMap<Id, Box<T>> {
        let mut built = BTreeMap::new();
        for (id, node) in document.components(section) {
            match self.build(factories, id, node) {
                Some(Ok(component)) => drop(built.insert(id.clone(), component)),
                Some(Err(found)) => {
                    mistakes.extend(found.0.into_iter().filter(|it| !document.is_about_unanswered(it)));
                }
                None => {}
            }
        }
        built
    }

    fn build<T: ?Sized>(
        &self,
        factories: &[Factory<T>],
        id: &Id,
        node: &Node,
    ) -> Option<Result<Box<T>, Mistakes>> {
        let factory = factories.iter().find(|factory| factory.is_called(&id.kind))?;
        let context = Context {
            id: id.clone(),
            env: self.env.clone(),
            budget: self.budget.clone(),
            user_agent: concat!("otelcol-lambda/", env!("CARGO_PKG_VERSION")).into(),
            host: self.host.clone(),
        };
        Some((factory.build)(node, &context))
    }
}

/// Whether an exporter has a mistake.
fn spoils(mistakes: &[Mistake], id: &Id) -> bool {
    mistakes.iter().any(|mistake| mistake.part == Part::Component(Section::Exporters, id.clone()))
}

/// Processors and exporters must be able to take what their pipelines carry.
fn check_signals(
    document: &Document,
    processors: &BTreeMap<Id, Box<dyn Processor>>,
    exporters: &BTreeMap<Id, Box<dyn Exporter>>,
    mistakes: &mut Vec<Mistake>,
) {
    for pipeline in &document.pipelines {
        let Some(signal) = Signal::from_name(&pipeline.id.kind) else { continue };
        let processors = pipeline
            .processors
            .iter()
            .filter_map(|id| Some((Section::Processors, id, processors.get(id)?.takes(signal).err()?)));
        let exporters = pipeline
            .exporters
            .iter()
            .filter_map(|id| Some((Section::Exporters, id, exporters.get(id)?.takes(signal).err()?)));
        for (section, id, lack) in processors.chain(exporters) {
            if let Some(node) = document.component(section, id) {
                mistakes.extend(node.mistake("", lack).0);
            }
        }
    }
}

/// What an exporter sends to a receiver of its own pipeline would go round without end.
fn check_circles(
    document: &Document,
    receivers: &BTreeMap<Id, Box<dyn Receiver>>,
    exporters: &BTreeMap<Id, Box<dyn Exporter>>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut told = BTreeSet::new();
    for pipeline in &document.pipelines {
        let Some(signal) = Signal::from_name(&pipeline.id.kind) else { continue };
        for id in &pipeline.exporters {
            let Some(port) = exporters.get(id).and_then(|exporter| exporter.local_port(signal)) else {
                continue;
            };
            let listens = |id: &&Id| receivers.get(id).is_some_and(|it| it.local_ports().contains(&port));
            if let Some(receiver) = pipeline.receivers.iter().find(listens)
                && let Some(node) = document.component(Section::Exporters, id)
                && told.insert(id)
            {
                let why = format!(
                    "sends to port {port} of this host, which is that of the receiver {receiver} in pipeline {}: all would go round without end; name the address of the backend",
                    pipeline.id
                );
                mistakes.extend(node.mistake("", why).0);
            }
        }
    }
}

fn names<T: ?Sized>(factories: &[Factory<T>]) -> Vec<Names> {
    factories.iter().map(|factory| (factory.name, factory.aliases.clone())).collect()
}
