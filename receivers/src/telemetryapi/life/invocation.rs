//! What is known of one invocation, and how it went as far as that says.

use pipeline::Invocation as Invoked;
use serde_json::Value;

use super::failures::Fault;
use crate::telemetryapi::trace::{Trace, bytes};
use crate::telemetryapi::{Event, time};

/// One invocation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Invocation {
    /// Its id.
    pub id: String,
    /// Whether the platform announced it: not only told of its end.
    pub announced: bool,
    /// Whether it is the first one of its environment.
    pub first: bool,
    /// When the function got it.
    pub start: Option<u64>,
    /// The function's ARN, as it was invoked.
    pub invoked_arn: Option<String>,
    /// The function's ARN, without a version or alias.
    pub function_arn: Option<String>,
    /// The function's version.
    pub version: Option<String>,
    /// The tenant that it is for.
    pub tenant: Option<String>,
    /// Its trace, with the caller's span as parent.
    pub trace: Option<Trace>,
    /// The span that X-Ray has for it.
    pub span_id: Option<[u8; 8]>,
    /// What `platform.runtimeDone` says.
    pub done: Option<Ending>,
    /// What `platform.report` says.
    pub report: Option<Ending>,
}

/// What an event says of an invocation's end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// When that was.
    pub time: Option<u64>,
    /// `success`, `error`, `failure`, `timeout`.
    pub status: String,
    /// What kind of error: `Runtime.ExitError`, `Function.TypeError`.
    pub error_type: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// How much memory was used at most, and could be, in MiB.
    pub memory: Option<(f64, f64)>,
    /// The parts that it is made of.
    pub phases: Vec<Phase>,
}

/// A part of an invocation: `responseLatency`, `extensionOverhead`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// When it began; AWS's own examples hold times that are none.
    pub start: Option<u64>,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

/// How an invocation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// That is not known yet, and more may come.
    Open,
    /// It went well, or there is no word of it.
    Fine,
    /// It did not.
    Failed(Fault),
}

impl Invocation {
    /// Learns what the platform told when it invoked the function.
    pub fn invoked(&mut self, invoked: &Invoked) {
        self.announced = true;
        self.invoked_arn.clone_from(&invoked.invoked_arn);
        self.trace = self.trace.or_else(|| Trace::of_header(invoked.trace_header.as_deref()?));
    }

    /// Learns what a `platform.start` says.
    pub fn started(&mut self, event: &Event) {
        self.announced = true;
        self.start = event.time;
        let text = |name: &str| event.record[name].as_str().map(str::to_owned);
        self.version = text("version");
        self.function_arn = text("functionArn");
        self.common(event);
        // The header of the start is the one that the function sees.
        self.trace = header(event).or(self.trace);
        self.span_id = span_id(event).or(self.span_id);
    }

    /// Learns what a `platform.runtimeDone` says.
    pub fn done(&mut self, event: &Event) {
        self.common(event);
        self.done = Some(Ending::read(event));
    }

    /// Learns what a `platform.report` says.
    pub fn reported(&mut self, event: &Event) {
        self.common(event);
        self.report = Some(Ending::read(event));
    }

    fn common(&mut self, event: &Event) {
        self.trace = self.trace.or_else(|| header(event));
        self.span_id = self.span_id.or_else(|| span_id(event));
        if let Some(tenant) = event.record["tenantId"].as_str() {
            self.tenant = Some(tenant.into());
        }
    }

    /// How it went. `last_word`: nothing more is expected to come, and if there was no word of its end, `end` is what
    /// that means.
    ///
    /// A runtime that was killed may have run out of memory: only the report tells, so that is waited for.
    pub fn outcome(&self, last_word: bool, end: Option<Fault>) -> Outcome {
        let ended = end.map_or(Outcome::Fine, Outcome::Failed);
        let [done, report] = [&self.done, &self.report].map(|ending| ending.as_ref().map(Ending::fault));
        match (done, report) {
            (Some(Some(Fault::Error)), None) if self.was_killed() && !last_word => Outcome::Open,
            (Some(Some(Fault::Error)), Some(Some(fault))) if self.was_killed() => Outcome::Failed(fault),
            (Some(Some(fault)), _) | (_, Some(Some(fault))) => Outcome::Failed(fault),
            (_, Some(None)) => Outcome::Fine,
            (Some(None), None) if last_word => ended,
            (Some(None), None) => Outcome::Fine,
            (None, None) if last_word => ended,
            (None, None) => Outcome::Open,
        }
    }

    /// Whether the function threw the error that it ended with.
    pub fn was_thrown(&self) -> bool {
        [&self.done, &self.report].into_iter().flatten().any(Ending::was_thrown)
    }

    /// Whether the runtime ended, perhaps for want of memory.
    fn was_killed(&self) -> bool {
        self.done.as_ref().is_some_and(|done| !done.was_thrown())
    }

    /// What kind of error it is, if an event says so.
    pub fn error_type(&self) -> Option<&str> {
        let failed =
            [&self.done, &self.report].into_iter().flatten().filter(|ending| ending.fault().is_some());
        failed.into_iter().find_map(|ending| ending.error_type.as_deref())
    }

    /// The function's ARN with its version, and without an alias. `$LATEST` is what an ARN without a version names.
    pub fn arn(&self) -> Option<String> {
        let arn = self.function_arn.as_deref().or(self.invoked_arn.as_deref())?;
        // arn:aws:lambda:eu-west-1:123456789012:function:orders:live
        let end = arn.match_indices(':').nth(6).map_or(arn.len(), |(place, _)| place);
        let version = self.version.as_deref().filter(|version| *version != "$LATEST");
        Some(version.map_or_else(|| arn[..end].into(), |version| format!("{}:{version}", &arn[..end])))
    }

    /// When it began and ended, as far as can be said; `latest` is the latest time that is known of anything.
    pub fn times(&self, latest: u64) -> (u64, u64) {
        let ending = self.done.as_ref().or(self.report.as_ref());
        let duration = ending.and_then(|ending| ending.duration_ms).map(time::of_milliseconds);
        let told = ending.and_then(|ending| ending.time);
        let start =
            self.start.or_else(|| Some(told?.saturating_sub(duration.unwrap_or(0)))).unwrap_or(latest);
        // A report is written when all is over; the function's end lies before it.
        let done = self.done.as_ref().and_then(|done| done.time).filter(|end| *end >= start);
        let end = done.or_else(|| Some(start.saturating_add(duration?))).or(told).unwrap_or(latest);
        (start, end.max(start))
    }
}

impl Ending {
    /// Reads it.
    pub fn read(event: &Event) -> Self {
        let record = &event.record;
        let metrics = &record["metrics"];
        let memory = metrics["maxMemoryUsedMB"].as_f64().zip(metrics["memorySizeMB"].as_f64());
        let phases = record["spans"].as_array().into_iter().flatten().filter_map(Phase::read);
        Ending {
            time: event.time,
            status: record["status"].as_str().unwrap_or_default().into(),
            error_type: record["errorType"].as_str().filter(|kind| !kind.is_empty()).map(str::to_owned),
            duration_ms: metrics["durationMs"].as_f64().filter(|duration| *duration >= 0.0),
            memory,
            phases: phases.take(MOST_PHASES).collect(),
        }
    }

    /// What went wrong, if something did.
    pub fn fault(&self) -> Option<Fault> {
        let is_full =
            self.memory.is_some_and(|(used, size)| size > 0.0 && used >= size) && !self.was_thrown();
        match self.status.as_str() {
            "timeout" => Some(Fault::Timeout),
            "error" | "failure" if self.error_type.as_deref() == Some(OUT_OF_MEMORY) => {
                Some(Fault::OutOfMemory)
            }
            "error" | "failure" if is_full => Some(Fault::OutOfMemory),
            "error" | "failure" => Some(Fault::Error),
            _ => None,
        }
    }

    /// Whether the function threw the error: a runtime that lives tells of those, and logs them.
    pub fn was_thrown(&self) -> bool {
        let kind = self.error_type.as_deref().unwrap_or_default();
        kind.starts_with("Function.") && kind != RESPONSE_TOO_LARGE
    }
}

/// The function's fault, but found by the platform: the runtime knows nothing of it.
const RESPONSE_TOO_LARGE: &str = "Function.ResponseSizeTooLarge";
/// How the platform calls it where it knows.
pub const OUT_OF_MEMORY: &str = "Runtime.OutOfMemory";
/// Four are known.
const MOST_PHASES: usize = 16;

impl Phase {
    fn read(span: &Value) -> Option<Self> {
        let duration_ms = span["durationMs"].as_f64().filter(|duration| *duration >= 0.0)?;
        let name = span["name"].as_str().filter(|name| !name.is_empty())?.into();
        Some(Phase { name, start: time::of_value(&span["start"]), duration_ms })
    }
}

fn header(event: &Event) -> Option<Trace> {
    Trace::of_header(event.record["tracing"]["value"].as_str()?)
}

fn span_id(event: &Event) -> Option<[u8; 8]> {
    bytes(event.record["tracing"]["spanId"].as_str()?)
}
