//! What the tests of an environment's life share: events, and a life that remembers all it told.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{self as common, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::Invocation;
use serde_json::{Value, json};

use super::{Life, Plain};
use crate::telemetryapi::{Config, Event};

/// 2026-01-01, in nanoseconds.
pub const DAY: u64 = 1_767_225_600_000_000_000;
/// A header that is sampled.
pub const SAMPLED: &str = "Root=1-67765a00-1f2e3d4c5b6a798812345678;Parent=53995c3f42cd8ad8;Sampled=1";

/// An event `at` milliseconds of that day.
pub fn event(at: u64, kind: &str, record: Value) -> Event {
    Event { time: Some(DAY + at * 1_000_000), kind: format!("platform.{kind}"), record }
}

/// A `platform.start` with a sampled header.
pub fn start(at: u64, id: &str) -> Event {
    let tracing = json!({"spanId": "54565fb41ac79632", "type": "X-Amzn-Trace-Id", "value": SAMPLED});
    event(at, "start", json!({"requestId": id, "version": "7", "tracing": tracing}))
}

/// A `platform.runtimeDone`; the error's type may be empty.
pub fn done(at: u64, id: &str, status: &str, error: &str) -> Event {
    let mut record = json!({"requestId": id, "status": status, "metrics": {"durationMs": 100.0, "producedBytes": 87},
        "spans": [{"name": "responseLatency", "start": "2026-01-01T00:00:00.500Z", "durationMs": 90.0},
                  {"name": "runtimeOverhead", "start": "12:01:23:521Z", "durationMs": 5.0}]});
    if !error.is_empty() {
        record["errorType"] = error.into();
    }
    event(at, "runtimeDone", record)
}

/// A `platform.report` with so much memory used of 128 MB.
pub fn report(at: u64, id: &str, status: &str, used: u32) -> Event {
    let metrics =
        json!({"durationMs": 120.0, "billedDurationMs": 121, "memorySizeMB": 128, "maxMemoryUsedMB": used});
    let spans =
        json!([{"name": "extensionOverhead", "start": "2026-01-01T00:00:00.600Z", "durationMs": 20.0}]);
    event(at, "report", json!({"requestId": id, "status": status, "metrics": metrics, "spans": spans}))
}

/// An event of an init or restore: `initStart`, `restoreReport`.
pub fn phase(at: u64, kind: &str, init: &str, status: &str) -> Event {
    let metrics = json!({"durationMs": 430.518});
    let record = json!({"initializationType": init, "phase": "init", "functionName": "orders", "status": status,
        "metrics": metrics});
    event(at, kind, record)
}

/// A life, and all that it told.
pub struct Stage {
    life: Life,
    now: SystemTime,
    /// The failures.
    pub records: Vec<LogRecord>,
    /// The spans.
    pub spans: Vec<Span>,
    /// The metrics of each time that some were told.
    pub metrics: Vec<Vec<Metric>>,
}

impl Stage {
    /// With these settings and variables.
    pub fn new(settings: &str, variables: &[(&str, &str)]) -> Self {
        let config: Config = serde_json::from_str(settings).unwrap();
        let mut all = vec![("AWS_LAMBDA_FUNCTION_NAME", "orders")];
        all.extend(variables);
        let now = UNIX_EPOCH + Duration::from_nanos(DAY);
        let life = Life::new(&config, &all.into_iter().collect(), now);
        Stage { life, now, records: Vec::new(), spans: Vec::new(), metrics: Vec::new() }
    }

    /// With spans of invocations, and metrics told with each delivery.
    pub fn with_spans() -> Self {
        Stage::new(r#"{"invocation_spans": true, "export_interval_ms": 0}"#, &[])
    }

    /// The clock shows so many milliseconds of the day.
    pub fn at(&mut self, millis: u64) -> &mut Self {
        self.now = UNIX_EPOCH + Duration::from_nanos(DAY + millis * 1_000_000);
        self
    }

    /// A delivery of these events.
    pub fn hear(&mut self, events: &[Event]) -> &mut Self {
        let plain = self.life.hear(events, self.now);
        self.keep(plain)
    }

    /// The function is invoked, perhaps with a header.
    pub fn invoked(&mut self, id: &str, header: Option<&str>) -> &mut Self {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders:live";
        let invocation = Invocation {
            request_id: id.into(),
            invoked_arn: Some(arn.into()),
            trace_header: header.map(str::to_owned),
        };
        let plain = self.life.invoked(&invocation, self.now);
        self.keep(plain)
    }

    /// The platform announces the end for this reason.
    pub fn ends(&mut self, reason: &str) -> &mut Self {
        self.life.ends(reason);
        self
    }

    /// The end.
    pub fn end(&mut self) -> &mut Self {
        let plain = self.life.end(self.now);
        self.keep(plain)
    }

    fn keep(&mut self, plain: Plain) -> &mut Self {
        let Plain { records, spans, metrics } = plain;
        self.records.extend(records);
        self.spans.extend(spans);
        if !metrics.is_empty() {
            self.metrics.push(metrics);
        }
        self
    }

    /// How many invocations are remembered.
    pub fn remembered(&self) -> usize {
        self.life.invocations.len()
    }

    /// The failures in words.
    pub fn failures(&self) -> Vec<String> {
        self.records.iter().map(|record| text(record.body.as_ref())).collect()
    }

    /// The names of the spans.
    pub fn names(&self) -> Vec<&str> {
        self.spans.iter().map(|span| span.name.as_str()).collect()
    }
}

/// The text that a value is.
pub fn text(value: Option<&common::AnyValue>) -> String {
    match value.and_then(|value| value.value.clone()) {
        Some(AnyValue::StringValue(text)) => text,
        Some(AnyValue::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    }
}

/// An attribute's value as text; empty if there is none.
pub fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    found.map_or_else(String::new, |found| text(found.value.as_ref()))
}

/// A metric: name, start and end in milliseconds of the day, count, sum.
pub fn point(metric: &Metric) -> (&str, u64, u64, u64, f64) {
    let millis = |nanos: u64| (nanos - DAY) / 1_000_000;
    let name = metric.name.as_str();
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => {
            let point = &sum.data_points[0];
            let Some(number_data_point::Value::AsInt(value)) = point.value else { panic!("no integer") };
            let count = u64::try_from(value).unwrap();
            (name, millis(point.start_time_unix_nano), millis(point.time_unix_nano), count, 0.0)
        }
        Data::Histogram(histogram) => {
            let point = &histogram.data_points[0];
            let (start, end) = (millis(point.start_time_unix_nano), millis(point.time_unix_nano));
            (name, start, end, point.count, point.sum.unwrap())
        }
        other => panic!("unexpected {other:?}"),
    }
}
