//! What the user wants to run: read, checked, reported, started.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::process::ExitCode;

use config::{Document, Env, Id, Loaded, Mistake, Providers, Section, Warnings};
use exporters::auth::Shared;
use pipeline::{Budget, Error, Host, Plan, Receiver, Service};
use receivers::telemetryapi::Feed;

use crate::assembly::Assembler;
use crate::environment;
use crate::log::Log;
use crate::reading::{Extent, Reader};

/// Telemetry may take an eighth of the function's memory,
const MEMORY_SHARE: usize = 8;
/// but always so many bytes,
const LEAST_BUDGET: usize = 16 << 20;
/// and never more than so many, which is also what it may take outside Lambda.
const LARGEST_BUDGET: usize = 256 << 20;

/// A configuration, and what became of it.
pub struct Configuration {
    /// Everything wrong with it. What is sound runs all the same, inside Lambda.
    pub mistakes: Vec<Mistake>,
    /// What it refers to and what could not be had. What needs it waits.
    unfetched: Vec<Mistake>,
    /// Whether it could not be had as a whole.
    is_missing: bool,
    warnings: Warnings,
    document: Option<Document>,
    plan: Plan,
    /// What refuses as long as the configuration could not be had.
    stand_in: Option<Plan>,
    /// How much memory telemetry may take.
    pub budget: Budget,
    /// What its components know of the place they run in.
    pub host: Host,
    /// How the platform's telemetry reaches its receivers.
    pub feed: Feed,
}

impl Configuration {
    /// Reads the configuration from `uris`, or from where it is looked up if there are none, and builds what it names, to
    /// be looked at. Fetches documents and opens nothing else.
    pub async fn look_at(env: &Env, uris: &[String]) -> Self {
        let mut reader = Reader::new(env, uris, &Shared::default());
        // Lambda sets it; who looks at a configuration elsewhere need not.
        let at_home = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().all(|name| env.get(name).is_none());
        let env = if at_home { &env.with("AWS_REGION", "us-east-1") } else { env };
        Configuration::read(&mut reader, env, Extent::Documents).await
    }

    /// The same, with a reader that may read again later.
    pub async fn read(reader: &mut Reader, env: &Env, extent: Extent) -> Self {
        let loaded = reader.read(extent).await;
        Configuration::of(loaded, env, reader.shared(), (budget(env), Host::default(), Feed::default()))
    }

    /// Reads the configuration at `uris` as far as it is at hand.
    #[cfg(test)]
    pub fn at_hand(env: &Env, uris: &[&str]) -> Self {
        let (shared, uris) =
            (Shared::default(), uris.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>());
        let loaded = Reader::new(env, &uris, &shared).read_at_hand();
        Configuration::of(loaded, env, shared, (budget(env), Host::default(), Feed::default()))
    }

    /// All warnings, and all mistakes but those of what could not be had.
    #[cfg(test)]
    pub fn said(&self) -> (Vec<String>, Vec<String>) {
        (self.warnings.drain(), self.mistakes.iter().map(ToString::to_string).collect())
    }

    /// Builds what was read, for a process that has these.
    pub fn of(loaded: Loaded, env: &Env, shared: Shared, process: (Budget, Host, Feed)) -> Self {
        let (budget, host, feed) = process;
        let mut mistakes = loaded.mistakes;
        let assembler = Assembler::new(env, &budget, &host, &feed, shared);
        let plan = loaded
            .document
            .as_ref()
            .map(|document| assembler.assemble(document, &loaded.unfetched, &mut mistakes));
        let mut plan = plan.unwrap_or_default();
        let (warnings, document, unfetched) = (loaded.warnings, loaded.document, loaded.unfetched);
        let is_missing = document.is_none() && loaded.is_missing;
        let is_broken = is_missing || !mistakes.is_empty();
        let refuses = is_broken && lacks_otlp(&plan, document.as_ref());
        let refusing = if refuses { refusing(&assembler, env) } else { Vec::new() };
        let stand_in = if is_missing {
            Some(Plan { receivers: refusing, ..Plan::default() })
        } else {
            plan.receivers.extend(refusing);
            None
        };
        Configuration {
            mistakes,
            unfetched,
            is_missing,
            warnings,
            document,
            plan,
            stand_in,
            budget,
            host,
            feed,
        }
    }

    /// Lets the log be as the configuration wants it, then tells what is wrong or better written otherwise and was not
    /// `told` before.
    pub fn report(&self, log: &Log, told: &mut BTreeSet<String>) {
        if let Some(document) = &self.document {
            log.heed(&document.telemetry);
        }
        for warning in self.warnings.drain() {
            if told.insert(warning.clone()) {
                ::log::warn!("{warning}");
            }
        }
        for mistake in self.unfetched.iter().chain(&self.mistakes) {
            if told.insert(mistake.text.clone()) {
                ::log::error!("{mistake}");
            }
        }
    }

    /// Everything wrong with it, what could not be had included.
    pub fn all_mistakes(&self) -> Vec<Mistake> {
        self.unfetched.iter().chain(&self.mistakes).cloned().collect()
    }

    /// Whether something could not be had that may be had later.
    pub fn lacks_something(&self) -> bool {
        self.is_missing || !self.unfetched.is_empty()
    }

    /// Whether a receiver may come later that listens to the platform, which can be asked for its telemetry only while
    /// the environment starts.
    pub fn may_listen_later(&self) -> bool {
        let waits = |(id, receiver): &(Id, Option<_>)| receiver.is_none() && id.kind == "telemetryapi";
        self.is_missing || self.plan.receivers.iter().any(waits)
    }

    /// Lets the exporters of `service` be as they are here, and goes on with what waited there and need not any more.
    pub fn renew(self, service: &Service) {
        self.tell_renewable(service);
        service.renew(self.plan).iter().for_each(tell_unbound);
    }

    /// Tells `service` which exporters depend on what was fetched.
    fn tell_renewable(&self, service: &Service) {
        let Some(document) = &self.document else { return };
        let has = |section, id: &Id| document.fetched_for(section, id).next().is_some();
        // Which extension an exporter names is its own affair.
        let any = document.extensions.iter().any(|id| has(Section::Extensions, id));
        service.set_renewable(|id| any || has(Section::Exporters, id));
    }

    /// Takes the ports and starts, on those that could be had. Nothing if there is nothing to listen to.
    pub fn start(mut self) -> Option<Service> {
        let _ = self.bind();
        self.start_bound()
    }

    /// Refuses what comes until the configuration can be had; nothing if it could. Must end before that starts, which may
    /// want the same ports.
    pub fn stand_in(&mut self) -> Option<Service> {
        let mut plan = self.stand_in.take()?;
        plan.bind().iter().for_each(tell_unbound);
        Some(Service::start(plan, &self.budget))
    }

    /// Takes the ports; false if any can't be had, each of which is told.
    #[must_use]
    pub fn bind(&mut self) -> bool {
        let failed = self.plan.bind();
        failed.iter().for_each(tell_unbound);
        failed.is_empty()
    }

    /// Starts, on the ports that it has. Nothing if there is nothing to listen to.
    pub fn start_bound(mut self) -> Option<Service> {
        if self.plan.receivers.is_empty() {
            return None;
        }
        let service = Service::start(std::mem::take(&mut self.plan), &self.budget);
        self.tell_renewable(&service);
        Some(service)
    }

    /// Says what is wrong and what is better written otherwise; status 1 if anything is wrong.
    pub fn validate(&self) -> ExitCode {
        let unanswered = self.document.iter().flat_map(Document::unanswered);
        unanswered.for_each(|reference| eprintln!("note: {reference} is fetched when the collector starts"));
        self.warnings.drain().iter().for_each(|warning| eprintln!("warning: {warning}"));
        let mistakes = self.unfetched.iter().chain(&self.mistakes);
        mistakes.for_each(|mistake| eprintln!("error: {mistake}"));
        if self.mistakes.is_empty() && self.unfetched.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// Prints it as it is understood, secrets masked; status 1 if anything is wrong.
    pub fn print(&self) -> ExitCode {
        if let Some(document) = &self.document {
            print!("{}", document.to_yaml());
        }
        self.validate()
    }
}

/// Whether the function's SDK would find a closed port: no `otlp` receiver of `plan` is sound, though there is one, or
/// nobody knows what there is.
fn lacks_otlp(plan: &Plan, document: Option<&Document>) -> bool {
    let is_otlp = |id: &Id| id.kind == "otlp";
    let is_wanted =
        document.is_none_or(|document| document.components(Section::Receivers).any(|(id, _)| is_otlp(id)));
    is_wanted && !plan.receivers.iter().any(|(id, _)| is_otlp(id))
}

/// The `otlp` receiver of the built-in configuration, without a pipeline: it refuses whatever comes. An SDK that finds a
/// closed port instead tries again and again, for up to 16 s in each invocation.
fn refusing(assembler: &Assembler, env: &Env) -> Vec<(Id, Option<Box<dyn Receiver>>)> {
    let built_in = environment::built_in(env);
    let loaded = Document::parse(&built_in.text, &built_in.name, &Providers::new(env));
    let plan = loaded.document.map(|document| assembler.assemble(&document, &[], &mut Vec::new()));
    let mut receivers = plan.unwrap_or_default().receivers;
    receivers.retain(|(id, _)| id.kind == "otlp");
    receivers
}

/// Tells what a receiver could not have.
fn tell_unbound((id, error): &(Id, Error)) {
    ::log::error!("otelcol.component.id":% = id, "otelcol.component.kind" = "receiver"; "{error}");
}

/// The budget for telemetry in memory, by the function's memory size in MB.
fn budget(env: &Env) -> Budget {
    let memory =
        env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|megabytes| megabytes.parse::<usize>().ok());
    let share = memory.map(|megabytes| megabytes.saturating_mul(1 << 20) / MEMORY_SHARE);
    Budget::new(share.unwrap_or(LARGEST_BUDGET).clamp(LEAST_BUDGET, LARGEST_BUDGET))
}
