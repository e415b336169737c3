//! The fields of a JSON log record that OpenTelemetry has a place for, under the names that loggers give them.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use serde_json::{Map, Value};

use super::attribute::key_value;
use super::record::{Record, any_value, counted_time, near_time, own_time};
use super::severity::Severity;
use super::trace::{Trace, bytes, xray_id};

// Of the names in each list the first whose value can be read as such counts; the others stay attributes. A dot also
// stands for a map inside of a map.

/// Those of Pino and Bunyan, Logstash, Zap, Serilog, .NET's JSON console, Monolog, Python's `logging`, log4j2. Other than
/// `timestamp`, which Lambda's own loggers and Powertools write, they may be about another time.
const TIMES: &[&str] = &["time", "@timestamp", "ts", "@t", "Timestamp", "datetime", "asctime", "timeMillis"];
/// `log_level` is Python's for an error that was not caught, `log.level` the Elastic Common Schema's.
const LEVELS: &[&str] = &[
    "level",
    "log_level",
    "severityText",
    "severity_text",
    "severity",
    "log.level",
    "loglevel",
    "logLevel",
    "LogLevel",
    "Level",
    "levelname",
    "level_name",
    "lvl",
    "@l",
];
/// `fields.message` is that of Rust's `tracing`.
const MESSAGES: &[&str] = &["message", "msg", "@m", "Message", "fields.message"];
/// Messages if they are text: structlog's, Fluent's, Serilog's template.
const TEXTS: &[&str] = &["event", "log", "@mt"];
/// `AWSRequestId` is Java's, `function_request_id` and its like are Powertools'. Not `request_id`, which may be that
/// of any request.
const REQUEST_IDS: &[&str] = &[
    "faas.invocation_id",
    "requestId",
    "AWSRequestId",
    "awsRequestId",
    "aws_request_id",
    "function_request_id",
    "functionRequestId",
    "FunctionRequestId",
    "faas.execution",
];
/// Those with `otel` are from Python's instrumentation of `logging`, `xray_trace_id` and its like from Powertools.
const TRACE_IDS: &[&str] = &[
    "trace_id",
    "traceId",
    "trace.id",
    "traceID",
    "TraceId",
    "otelTraceID",
    "otel_trace_id",
    "otelTraceId",
    "xray_trace_id",
    "xrayTraceId",
    "xRayTraceId",
    "XrayTraceId",
];
const SPAN_IDS: &[&str] =
    &["span_id", "spanId", "span.id", "spanID", "SpanId", "otelSpanID", "otel_span_id", "otelSpanId"];
const SAMPLED: &[&str] =
    &["trace_flags", "traceFlags", "TraceFlags", "trace_sampled", "otelTraceSampled", "otel_trace_sampled"];

/// Reads a record that the platform had `at` this time.
pub fn read(record: &Map<String, Value>, at: Option<u64>) -> Record {
    let mut fields = Fields { record, used: Vec::new() };
    let message = |value: &Value| (!value.is_null()).then(|| any_value(value));
    let body = fields
        .take(MESSAGES, message)
        .or_else(|| fields.take(TEXTS, |value| message(value).filter(|_| value.is_string())))
        // Stays an attribute too: it is one of a group.
        .or_else(|| find(record, "errorMessage").and_then(message));
    Record {
        time: fields
            .take(&["timestamp"], |value| time(value, |text| own_time(text, at), at))
            .or_else(|| fields.take(TIMES, |value| time(value, |text| near_time(text, at), at))),
        severity: fields.take(LEVELS, Severity::of_value),
        request_id: fields.take(REQUEST_IDS, request_id).or_else(|| fields.of_span("requestId", request_id)),
        trace: fields.trace(),
        body,
        attributes: fields.others(),
    }
}

/// A record's fields, and which of them have been used.
struct Fields<'a> {
    record: &'a Map<String, Value>,
    used: Vec<&'static str>,
}

impl Fields<'_> {
    /// The first of the fields with these names that can be read.
    fn take<T>(&mut self, names: &[&'static str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let found = names.iter().find_map(|name| Some((*name, read(find(self.record, name)?)?)));
        let (name, value) = found?;
        self.used.push(name);
        Some(value)
    }

    /// A field of the spans that Rust's `tracing` writes with a record, which keep it.
    fn of_span<T>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let spans = self.record.get("spans").and_then(Value::as_array).into_iter().flatten();
        self.record.get("span").into_iter().chain(spans).find_map(|span| read(span.get(name)?))
    }

    fn trace(&mut self) -> Option<Trace> {
        let trace = self.take(TRACE_IDS, trace).or_else(|| self.of_span("xrayTraceId", trace))?;
        let span_id = self.take(SPAN_IDS, |value| bytes(value.as_str()?));
        let sampled = self.take(SAMPLED, sampled);
        Some(Trace { parent: span_id.or(trace.parent), sampled: sampled.or(trace.sampled), ..trace })
    }

    /// All fields that were not used.
    fn others(&self) -> Vec<KeyValue> {
        let others = self.record.iter().filter_map(|(key, value)| self.rest(key, value));
        others.collect()
    }

    /// What is left of a field: nothing if it was used itself, else without what was used inside of it.
    fn rest(&self, key: &str, value: &Value) -> Option<KeyValue> {
        if self.used.contains(&key) {
            return None;
        }
        let inside = |name: &&'static str| {
            let (outer, inner) = name.split_once('.')?;
            (outer == key && !self.record.contains_key(*name)).then_some(inner)
        };
        let mut inner = self.used.iter().filter_map(inside).peekable();
        let Some(map) = value.as_object().filter(|_| inner.peek().is_some()) else {
            return Some(key_value(key, any_value(value)));
        };
        let mut map = map.clone();
        inner.for_each(|name| drop(map.remove(name)));
        (!map.is_empty()).then(|| key_value(key, any_value(&Value::Object(map))))
    }
}

/// The value of that name, or if it has a dot, that inside of a map.
fn find<'a>(record: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    record.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        record.get(outer)?.get(inner)
    })
}

fn time(value: &Value, of_text: impl Fn(&str) -> Option<u64>, at: Option<u64>) -> Option<u64> {
    match value {
        Value::String(text) => of_text(text),
        other => counted_time(other, at),
    }
}

fn request_id(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A trace id in OpenTelemetry's form or X-Ray's, or X-Ray's header, as .NET writes it.
fn trace(value: &Value) -> Option<Trace> {
    let text = value.as_str()?;
    let alone = bytes(text).or_else(|| xray_id(text));
    alone.map(|id| Trace { id, ..Trace::default() }).or_else(|| Trace::of_header(text))
}

/// Whether flags (`"01"`, `1`) or words (`true`, Python's `"True"`) say that the trace is sampled.
fn sampled(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(sampled) => Some(*sampled),
        Value::Number(flags) => flags.as_u64().map(|flags| flags & 1 == 1),
        Value::String(text) => match &*text.to_ascii_lowercase() {
            "true" => Some(true),
            "false" => Some(false),
            text => u8::from_str_radix(text, 16).ok().map(|flags| flags & 1 == 1),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
