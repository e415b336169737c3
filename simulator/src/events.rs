//! The platform's events and records (Telemetry API schemas 2022-07-01 to 2025-01-29).

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::clock::iso8601;
use crate::lambda::Lambda;
use crate::record::Record;

/// A Telemetry API event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub at: SystemTime,
    pub kind: String,
    /// JSON, exactly as it is sent.
    pub record: String,
    /// The invocation whose end this is.
    pub ends: Option<String>,
}

impl Event {
    /// An event that happens now.
    pub fn new(kind: &str, record: String) -> Event {
        Event { at: SystemTime::now(), kind: kind.into(), record, ends: None }
    }

    /// Everything up to the record's value. The members' order matters: a cut record repeats this.
    pub fn envelope(&self) -> String {
        format!(r#"{{"time":"{}","type":{},"record":"#, iso8601(self.at), Value::from(&*self.kind))
    }

    /// It is something that the platform itself tells.
    pub fn is_platforms(&self) -> bool {
        self.kind.starts_with("platform.")
    }
}

pub(crate) fn init_start(lambda: &Lambda, phase: &str, instance: &str) -> Event {
    let record = Record::default()
        .with("initializationType", lambda.init_type.name())
        .with("phase", phase)
        .with("runtimeVersion", RUNTIME)
        .with("runtimeVersionArn", runtime_arn(lambda))
        .with("functionName", &*lambda.name)
        .with("functionVersion", &*lambda.version)
        .with("functionArn", lambda.arn())
        .with("instanceId", instance)
        .with("instanceMaxMemory", u64::from(lambda.memory_mb) << 20);
    Event::new("platform.initStart", record.text())
}

const RUNTIME: &str = "provided:al2023.v100";

fn runtime_arn(lambda: &Lambda) -> String {
    format!("arn:aws:lambda:{}::runtime:0f1e2d", lambda.region)
}

/// `platform.initRuntimeDone`, or with a duration `platform.initReport`.
pub(crate) fn init_done(lambda: &Lambda, phase: &str, error: Option<&str>, took: Option<Duration>) -> Event {
    let record = Record::default()
        .with("initializationType", lambda.init_type.name())
        .with("phase", phase)
        .with("status", status_of(error))
        .with_some("errorType", error);
    let Some(took) = took else { return Event::new("platform.initRuntimeDone", record.text()) };
    let metrics = Record::default().with_ms("durationMs", took);
    Event::new("platform.initReport", record.with_record("metrics", &metrics).text())
}

pub(crate) fn restore_start(lambda: &Lambda, instance: &str) -> Event {
    let record = Record::default()
        .with("functionName", &*lambda.name)
        .with("functionVersion", &*lambda.version)
        .with("runtimeVersion", RUNTIME)
        .with("runtimeVersionArn", runtime_arn(lambda))
        .with("instanceId", instance)
        .with("instanceMaxMemory", lambda.memory_mb);
    Event::new("platform.restoreStart", record.text())
}

/// `platform.restoreRuntimeDone`, or with a duration `platform.restoreReport`.
pub(crate) fn restore_done(error: Option<&str>, took: Option<Duration>) -> Event {
    let record = Record::default().with("status", status_of(error)).with_some("errorType", error);
    let Some(took) = took else { return Event::new("platform.restoreRuntimeDone", record.text()) };
    let metrics = Record::default().with_ms("durationMs", took);
    Event::new("platform.restoreReport", record.with_record("metrics", &metrics).text())
}

fn status_of(error: Option<&str>) -> &'static str {
    match error {
        None => "success",
        Some("Sandbox.Timeout" | "Runtime.RestoreHookUserTimeout") => "timeout",
        Some(_) => "error",
    }
}

pub(crate) fn extension(name: &str, state: &str, events: &[String]) -> Event {
    let record = Record::default().with("name", name).with("state", state).with("events", events);
    Event::new("platform.extension", record.text())
}

pub(crate) fn subscription(name: &str, types: &[String]) -> Event {
    let record = Record::default().with("name", name).with("state", "Subscribed").with("types", types);
    Event::new("platform.telemetrySubscription", record.text())
}

pub(crate) fn logs_dropped(records: usize, bytes: usize) -> Event {
    let reason =
        "Some logs were dropped because the downstream consumer is slower than the logs production rate";
    let record =
        Record::default().with("reason", reason).with("droppedRecords", records).with("droppedBytes", bytes);
    Event::new("platform.logsDropped", record.text())
}

/// What the events of one invocation have in common.
pub(crate) struct Call {
    pub request_id: String,
    pub version: String,
    /// The X-Ray header's value.
    pub trace: Option<String>,
    /// The function's own segment, with active tracing.
    pub segment: Option<String>,
    pub tenant: Option<String>,
    pub span_times: fn(SystemTime) -> String,
}

/// How a function ended, in the words of the platform's events.
pub(crate) struct End<'a> {
    pub status: &'static str,
    pub error: Option<&'a str>,
}

/// How a function spent its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub started: SystemTime,
    /// Until the first byte of its response, and that is all it took: responses come in one piece.
    pub latency: Duration,
    /// From there until the runtime asked for the next invocation.
    pub overhead: Duration,
    pub produced_bytes: usize,
}

impl Call {
    pub fn start(&self) -> Event {
        let record = Record::default().with("requestId", &*self.request_id).with("version", &*self.version);
        Event::new("platform.start", self.known(record).text())
    }

    /// The header that the runtime gets: with active tracing its parent is the function's own segment.
    pub fn runtime_trace(&self) -> Option<String> {
        let trace = self.trace.as_deref()?;
        let Some(segment) = &self.segment else { return Some(trace.into()) };
        let fields = trace.split(';').map(|field| match field.starts_with("Parent=") {
            true => format!("Parent={segment}"),
            false => field.into(),
        });
        Some(fields.collect::<Vec<String>>().join(";"))
    }

    pub fn runtime_done(&self, work: Work, end: &End) -> Event {
        let mut record = self.ended(end);
        // A timed out function has produced nothing that could be measured.
        if end.status != "timeout" {
            let metrics = Record::default()
                .with_ms("durationMs", work.latency + work.overhead)
                .with("producedBytes", work.produced_bytes);
            let mut spans = self.response_spans(work);
            spans.push(self.span("runtimeOverhead", work.started + work.latency, work.overhead));
            record = record.with_record("metrics", &metrics).with_records("spans", &spans);
        }
        let mut event = Event::new("platform.runtimeDone", self.known(record).text());
        event.ends = Some(self.request_id.clone());
        event
    }

    /// `overhead` is when the function was done and how long the extensions took from there.
    pub fn report(&self, end: &End, metrics: &Record, overhead: (SystemTime, Duration)) -> Event {
        let span = self.span("extensionOverhead", overhead.0, overhead.1);
        let record = self.ended(end).with_record("metrics", metrics).with_records("spans", &[span]);
        Event::new("platform.report", self.known(record).text())
    }

    /// The report of Managed Instances: no memory, nothing billed, no extensions.
    pub fn slim_report(&self, work: Work, end: &End) -> Event {
        let metrics = Record::default().with_ms("durationMs", work.latency + work.overhead);
        let record = self.ended(end).with_record("metrics", &metrics);
        let record = record.with_records("spans", &self.response_spans(work));
        Event::new("platform.report", self.known(record).text())
    }

    fn response_spans(&self, work: Work) -> Vec<Record> {
        let responded = work.started + work.latency;
        vec![
            self.span("responseLatency", work.started, work.latency),
            self.span("responseDuration", responded, Duration::ZERO),
        ]
    }

    fn ended(&self, end: &End) -> Record {
        let record = Record::default().with("requestId", &*self.request_id).with("status", end.status);
        record.with_some("errorType", end.error)
    }

    fn span(&self, name: &str, start: SystemTime, took: Duration) -> Record {
        Record::default()
            .with("name", name)
            .with("start", (self.span_times)(start))
            .with_ms("durationMs", took)
    }

    /// Adds whose invocation and which trace it is. Only a sampled trace is told.
    fn known(&self, record: Record) -> Record {
        let record = record.with_some("tenantId", self.tenant.as_deref());
        let Some(trace) = self.trace.as_deref().filter(|trace| trace.contains("Sampled=1")) else {
            return record;
        };
        let tracing = Record::default()
            .with_some("spanId", self.segment.as_deref())
            .with("type", "X-Amzn-Trace-Id")
            .with("value", trace);
        record.with_record("tracing", &tracing)
    }
}
