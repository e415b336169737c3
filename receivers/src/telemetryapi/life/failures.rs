//! Failures that the function cannot log itself, as one log record each.
//!
//! By the semantic conventions of exceptions in functions
//! (<https://opentelemetry.io/docs/specs/semconv/faas/faas-exceptions/>).

use std::time::SystemTime;

use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};

use super::invocation::{Ending, Invocation, OUT_OF_MEMORY};
use crate::telemetryapi::attribute::{attribute, text};
use crate::telemetryapi::time;
use crate::telemetryapi::trace::Trace;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It took too long.
    Timeout,
    /// It was killed because it used up all memory.
    OutOfMemory,
    /// It ended with an error.
    Error,
    /// The platform told of its beginning, and of later ones, but never of its end.
    Lost,
}

/// A failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What went wrong.
    pub fault: Fault,
    /// With what.
    pub of: Of,
    /// When, if an event says so.
    pub time: Option<u64>,
    /// What kind of error it was, if an event says so.
    pub error_type: Option<String>,
    /// How long it had taken, in milliseconds.
    pub duration_ms: Option<f64>,
    /// How much memory was used at most, and could be, in MiB.
    pub memory: Option<(f64, f64)>,
    /// The trace that it belongs to.
    pub trace: Option<Trace>,
    /// The span of that trace.
    pub span_id: Option<[u8; 8]>,
}

/// What fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// The invocation with this id.
    Invocation(String),
    /// The start of the environment.
    Init,
    /// The start of the environment from a snapshot.
    Restore,
    /// The environment, for a reason that is not known.
    Environment,
}

impl Failure {
    /// A `fault` of `invocation`.
    pub fn of_invocation(invocation: &Invocation, fault: Fault) -> Self {
        let Invocation { done, report, trace, span_id, .. } = invocation;
        let endings = || [done, report].into_iter().flatten();
        Failure {
            time: endings().find_map(|ending| ending.time),
            error_type: invocation.error_type().map(str::to_owned),
            duration_ms: endings().find_map(|ending| ending.duration_ms),
            memory: endings().find_map(|ending| ending.memory),
            trace: *trace,
            span_id: *span_id,
            ..Failure::new(Of::Invocation(invocation.id.clone()), fault)
        }
    }

    /// A `fault` of a start, as its `ending` has it.
    pub fn of_start(of: Of, fault: Fault, ending: Ending) -> Self {
        let Ending { time, error_type, duration_ms, .. } = ending;
        Failure { time, error_type, duration_ms, ..Failure::new(of, fault) }
    }

    /// A `fault` of `of`, of which nothing else is known.
    pub fn new(of: Of, fault: Fault) -> Self {
        let (time, error_type, duration_ms, memory, trace, span_id) = (None, None, None, None, None, None);
        Failure { fault, of, time, error_type, duration_ms, memory, trace, span_id }
    }

    /// The value of `error.type`.
    pub fn kind(&self) -> &str {
        match (self.fault, self.error_type.as_deref()) {
            (Fault::OutOfMemory, _) => OUT_OF_MEMORY,
            (_, Some(kind)) => kind,
            (Fault::Timeout, None) => "timeout",
            // The conventions' word for an error of no known kind.
            (Fault::Error | Fault::Lost, None) => "_OTHER",
        }
    }

    /// The record that tells of it, made at `now`; `latest` is the latest time that is known of anything.
    pub fn record(&self, latest: u64, now: SystemTime) -> LogRecord {
        let message = self.to_string();
        let mut attributes = vec![
            attribute("error.type", self.kind()),
            attribute("exception.type", self.kind()),
            attribute("exception.message", &message),
        ];
        let mut event_name = String::new();
        if let Of::Invocation(id) = &self.of {
            attributes.push(attribute("faas.invocation_id", id));
            event_name = "faas.invocation.exception".into();
        }
        let now = time::of_clock(now);
        let trace = self.trace.as_ref();
        let span_id = trace.and_then(|trace| self.span_id.or(trace.parent));
        LogRecord {
            time_unix_nano: self.time.or(Some(latest).filter(|time| *time > 0)).unwrap_or(now),
            observed_time_unix_nano: now,
            severity_number: SeverityNumber::Error.into(),
            severity_text: "ERROR".into(),
            body: Some(text(message)),
            attributes,
            flags: trace.map_or(0, Trace::flags),
            trace_id: trace.map_or_else(Vec::new, |trace| trace.id.to_vec()),
            span_id: span_id.map_or_else(Vec::new, |id| id.to_vec()),
            event_name,
            ..LogRecord::default()
        }
    }
}

/// The failure in words: `Invocation 5f1c.. timed out after 3.00 s`.
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.of {
            Of::Invocation(id) => write!(f, "Invocation {id} ")?,
            Of::Init => f.write_str("The init of the function ")?,
            Of::Restore => f.write_str("The restore of the function ")?,
            Of::Environment => f.write_str("The function's environment ")?,
        }
        match self.fault {
            Fault::Timeout => {
                f.write_str("timed out")?;
                self.duration_ms.map_or(Ok(()), |duration| write!(f, " after {:.2} s", duration / 1000.0))
            }
            Fault::OutOfMemory => {
                f.write_str("ran out of memory")?;
                self.memory.map_or(Ok(()), |(used, size)| write!(f, ": {used:.0} of {size:.0} MB used"))
            }
            Fault::Error => {
                f.write_str("failed")?;
                self.error_type.as_ref().map_or(Ok(()), |kind| write!(f, ": {kind}"))
            }
            Fault::Lost => f.write_str("ended, but the platform did not tell how"),
        }
    }
}
