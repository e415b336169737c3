//! The platform's events and records (Telemetry API schemas 2022-07-01 to 2025-01-29).

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::clock::iso8601;
use crate::lambda::Lambda;

/// A Telemetry API event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub time: String,
    pub kind: String,
    pub record: Value,
}

impl Event {
    pub fn new(kind: &str, record: Value) -> Event {
        Event { time: iso8601(SystemTime::now()), kind: kind.into(), record }
    }

    /// Everything up to the record's value. The members' order matters: a cut record repeats this.
    pub fn envelope(&self) -> String {
        format!(r#"{{"time":{},"type":{},"record":"#, Value::from(&*self.time), Value::from(&*self.kind))
    }

    pub fn request_id(&self) -> Option<&str> {
        self.record.get("requestId")?.as_str()
    }
}

/// Milliseconds with microseconds behind the point, as in all metrics.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

pub(crate) fn init_start(lambda: &Lambda, phase: &str, instance: &str) -> Event {
    let record = json!({
        "initializationType": lambda.init_type.name(), "phase": phase,
        "runtimeVersion": "provided:al2023.v100",
        "runtimeVersionArn": format!("arn:aws:lambda:{}::runtime:0f1e2d", lambda.region),
        "functionName": lambda.name, "functionVersion": lambda.version, "functionArn": lambda.arn(),
        "instanceId": instance, "instanceMaxMemory": u64::from(lambda.memory_mb) << 20,
    });
    Event::new("platform.initStart", record)
}

/// `platform.initRuntimeDone`, or with a duration `platform.initReport`.
pub(crate) fn init_done(lambda: &Lambda, phase: &str, error: Option<&str>, took: Option<Duration>) -> Event {
    let mut record = json!({
        "initializationType": lambda.init_type.name(), "phase": phase, "status": status_of(error),
    });
    if let Some(error) = error {
        record["errorType"] = error.into();
    }
    let Some(took) = took else { return Event::new("platform.initRuntimeDone", record) };
    record["metrics"] = json!({ "durationMs": ms(took) });
    Event::new("platform.initReport", record)
}

fn status_of(error: Option<&str>) -> &'static str {
    match error {
        None => "success",
        Some(error) if error.starts_with("Sandbox.Time") => "timeout",
        Some(_) => "error",
    }
}

pub(crate) fn extension(name: &str, state: &str, events: &[String]) -> Event {
    Event::new("platform.extension", json!({ "name": name, "state": state, "events": events }))
}

/// What the events of one invocation have in common.
pub(crate) struct Call {
    pub request_id: String,
    pub version: String,
    /// The X-Ray header's value.
    pub trace: Option<String>,
    pub span_times: fn(SystemTime) -> String,
}

impl Call {
    pub fn start(&self) -> Event {
        let record = json!({ "requestId": self.request_id, "version": self.version });
        Event::new("platform.start", self.traced(record))
    }

    pub fn runtime_done(
        &self,
        started: SystemTime,
        took: Duration,
        outcome: (&str, Option<String>),
    ) -> Event {
        let mut record = json!({
            "requestId": self.request_id, "status": outcome.0,
            "metrics": { "durationMs": ms(took), "producedBytes": 2 },
            "spans": [self.span("responseLatency", started, took), self.span("responseDuration", started + took, Duration::ZERO),
                self.span("runtimeOverhead", started + took, Duration::ZERO)],
        });
        if let Some(error) = outcome.1 {
            record["errorType"] = error.into();
        }
        if outcome.0 == "timeout" {
            // A timed out function has produced nothing that could be measured.
            if let Some(record) = record.as_object_mut() {
                record.retain(|key, _| key != "metrics" && key != "spans");
            }
        }
        Event::new("platform.runtimeDone", self.traced(record))
    }

    pub fn report(
        &self,
        status: &str,
        metrics: Map<String, Value>,
        overhead: (SystemTime, Duration),
    ) -> Event {
        let record = json!({
            "requestId": self.request_id, "status": status, "metrics": metrics,
            "spans": [self.span("extensionOverhead", overhead.0, overhead.1)],
        });
        Event::new("platform.report", self.traced(record))
    }

    fn span(&self, name: &str, start: SystemTime, took: Duration) -> Value {
        json!({ "name": name, "start": (self.span_times)(start), "durationMs": ms(took) })
    }

    fn traced(&self, mut record: Value) -> Value {
        if let Some(trace) = &self.trace {
            record["tracing"] = json!({ "type": "X-Amzn-Trace-Id", "value": trace });
        }
        record
    }
}
