//! What the user wants to run: read, checked, reported, started.

use std::process::ExitCode;

use config::{Document, Env, Loaded, Mistake, Warnings};
use exporters::auth::Shared;
use pipeline::{Budget, Host, Plan, Service};
use receivers::telemetryapi::Feed;

use crate::assembly::Assembler;
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
    warnings: Warnings,
    document: Option<Document>,
    plan: Plan,
    /// How much memory telemetry may take.
    pub budget: Budget,
    /// What its components know of the place they run in.
    pub host: Host,
    /// How the platform's telemetry reaches its receivers.
    pub feed: Feed,
}

impl Configuration {
    /// Reads the configuration from `uris`, or from where it is looked up if there are none, fetches `extent` of it, and
    /// builds what it names. Opens nothing else.
    pub async fn load(env: &Env, uris: &[String], extent: Extent) -> Self {
        let shared = Shared::default();
        let loaded = Reader::new(env, uris, &shared).read(extent).await;
        Configuration::of(loaded, env, shared)
    }

    /// Reads the configuration at `uris` as far as it is at hand.
    #[cfg(test)]
    pub fn at_hand(env: &Env, uris: &[&str]) -> Self {
        let (shared, uris) =
            (Shared::default(), uris.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>());
        Configuration::of(Reader::new(env, &uris, &shared).read_at_hand(), env, shared)
    }

    fn of(loaded: Loaded, env: &Env, shared: Shared) -> Self {
        let (budget, host, feed) = (budget(env), Host::default(), Feed::default());
        let mut mistakes = loaded.mistakes;
        let assembler = Assembler::new(env, &budget, &host, &feed, shared);
        let plan = loaded.document.as_ref().map(|document| assembler.assemble(document, &mut mistakes));
        let plan = plan.unwrap_or_default();
        let (warnings, document) = (loaded.warnings, loaded.document);
        Configuration { mistakes, warnings, document, plan, budget, host, feed }
    }

    /// Lets the log be as the configuration wants it, then tells what is wrong or better written otherwise.
    pub fn report(&self, log: &Log) {
        if let Some(document) = &self.document {
            log.heed(&document.telemetry);
        }
        self.warnings.drain().iter().for_each(|warning| ::log::warn!("{warning}"));
        self.mistakes.iter().for_each(|mistake| ::log::error!("{mistake}"));
    }

    /// Takes the ports and starts. Nothing if no pipeline can run.
    pub fn start(mut self) -> Option<Service> {
        for (id, error) in self.plan.bind() {
            ::log::error!("otelcol.component.id":% = id, "otelcol.component.kind" = "receiver"; "{error}");
        }
        (!self.plan.pipelines.is_empty()).then(|| Service::start(self.plan, &self.budget))
    }

    /// Says what is wrong and what is better written otherwise; status 1 if anything is wrong.
    pub fn validate(&self) -> ExitCode {
        let unanswered = self.document.iter().flat_map(Document::unanswered);
        unanswered.for_each(|reference| eprintln!("note: {reference} is fetched when the collector starts"));
        self.warnings.drain().iter().for_each(|warning| eprintln!("warning: {warning}"));
        self.mistakes.iter().for_each(|mistake| eprintln!("error: {mistake}"));
        if self.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Prints it as it is understood, secrets masked; status 1 if anything is wrong.
    pub fn print(&self) -> ExitCode {
        if let Some(document) = &self.document {
            print!("{}", document.to_yaml());
        }
        self.validate()
    }
}

/// The budget for telemetry in memory, by the function's memory size in MB.
fn budget(env: &Env) -> Budget {
    let memory =
        env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|megabytes| megabytes.parse::<usize>().ok());
    let share = memory.map(|megabytes| megabytes.saturating_mul(1 << 20) / MEMORY_SHARE);
    Budget::new(share.unwrap_or(LARGEST_BUDGET).clamp(LEAST_BUDGET, LARGEST_BUDGET))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(memory: &str) -> usize {
        budget(&Env::from_iter([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)])).limit() >> 20
    }

    #[test]
    fn the_budget_follows_the_functions_memory() {
        assert_eq!([with("128"), with("512"), with("1769"), with("10240")], [16, 64, 221, 256]);
    }

    #[test]
    fn an_odd_memory_size_is_no_obstacle() {
        assert_eq!([with(""), with("0"), with("-1"), with("99999999999999")], [256, 16, 256, 256]);
    }

    #[test]
    fn the_built_in_configuration_has_no_mistakes() {
        let uri = format!("yaml:{}", crate::reading::BUILT_IN);
        let configuration = Configuration::at_hand(&Env::default(), &[&uri]);
        assert_eq!(configuration.mistakes, []);
        assert_eq!(configuration.plan.pipelines.len(), 3);
    }
}
