//! Conditions and statements with the texts that they were written as, what is said when one fails, and the rules that
//! they make for each signal.

use std::cell::Cell;
use std::fmt;

use config::{Mistake, Mistakes, Node};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::{Batch, Signal};

use super::Level;
use super::listed::ErrorMode;

/// A condition or statement with its text.
pub struct Stated<T> {
    pub it: T,
    text: String,
    /// It was said that it fails, or is not to be said.
    is_told: Cell<bool>,
}

impl<T> Stated<T> {
    /// `it`, read from `text`.
    pub fn new(it: T, text: String, error_mode: ErrorMode) -> Self {
        Stated { it, text, is_told: Cell::new(error_mode == ErrorMode::Silent) }
    }

    /// What it gave; false where it failed, so that nothing is lost for it. The Go Collector drops the whole request
    /// then, unless its `error_mode` is `ignore` or `silent`. The log of the component `id` is told once, with the
    /// `consequence`.
    pub fn or_told(&self, id: &str, consequence: &str, result: Result<bool, String>) -> bool {
        result.unwrap_or_else(|why| {
            if !self.is_told.replace(true) {
                let text = &self.text;
                log::warn!("otelcol.component.id" = id; "{consequence}, now and whenever that happens again: {text}: {why}");
            }
            false
        })
    }
}

/// What is done to each signal, rule after rule.
pub struct BySignal<R> {
    /// The processor's id, for its log.
    pub id: String,
    pub spans: Vec<R>,
    pub metrics: Vec<R>,
    pub records: Vec<R>,
}

/// What a rule does to a request, for the log of a component of that id. Says whether it changed anything.
type Pass<R, M> = fn(&R, &str, &mut M) -> bool;

impl<R> BySignal<R> {
    /// Has every rule for the signal of `batch` pass through it.
    pub fn apply(
        &self,
        batch: &mut Batch,
        traces: Pass<R, ExportTraceServiceRequest>,
        metrics: Pass<R, ExportMetricsServiceRequest>,
        logs: Pass<R, ExportLogsServiceRequest>,
    ) {
        let id = &self.id;
        match batch.signal() {
            Signal::Traces => batch.edit_if(|it| any_changes(&self.spans, |rule| traces(rule, id, it))),
            Signal::Metrics => batch.edit_if(|it| any_changes(&self.metrics, |rule| metrics(rule, id, it))),
            Signal::Logs => batch.edit_if(|it| any_changes(&self.records, |rule| logs(rule, id, it))),
        }
    }
}

/// Carries out every rule; says whether any changed something.
pub fn any_changes<R>(rules: &[R], mut changes: impl FnMut(&R) -> bool) -> bool {
    let mut changed = false;
    for rule in rules {
        changed |= changes(rule);
    }
    changed
}

/// Reads what stands below `node`, and gathers what is wrong.
pub struct Check<'a> {
    pub node: &'a Node,
    /// The processor's.
    pub error_mode: ErrorMode,
    pub mistakes: Vec<Mistake>,
}

impl Check<'_> {
    /// `rules`, unless something is wrong.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn done<R>(self, rules: BySignal<R>) -> Result<BySignal<R>, Mistakes> {
        if self.mistakes.is_empty() { Ok(rules) } else { Err(Mistakes(self.mistakes)) }
    }

    /// Notes what is wrong at `key`.
    pub fn wrong(&mut self, key: &str, message: impl fmt::Display) {
        self.mistakes.extend(self.node.mistake(key, message).0);
    }

    /// The level that `context` below `key` says, if it is there; `Err` where it is none of `levels`.
    pub fn level(
        &mut self,
        key: &str,
        context: Option<String>,
        levels: &[Level],
    ) -> Result<Option<Level>, ()> {
        let Some(name) = context else { return Ok(None) };
        let level = Level::named(&name.to_lowercase()).filter(|level| levels.contains(level));
        if level.is_none() {
            let known: Vec<_> = levels.iter().map(|level| level.name()).collect();
            let valid = config::valid_words(&name, &known);
            self.wrong(&format!("{key}.context"), format_args!("found {name}{valid}"));
        }
        level.map(Some).ok_or(())
    }

    /// What `parsed` gave with its level, if `text` at `key` is sound.
    pub fn stated<T>(
        &mut self,
        key: &str,
        text: String,
        error_mode: ErrorMode,
        parsed: Result<(T, Level), String>,
    ) -> Option<(Stated<T>, Level)> {
        match parsed {
            Ok((it, level)) => Some((Stated::new(it, text, error_mode), level)),
            Err(why) => {
                self.wrong(key, format_args!("found {text}: {why}"));
                None
            }
        }
    }
}
