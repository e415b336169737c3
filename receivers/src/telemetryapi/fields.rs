//! The fields of a JSON log record that OpenTelemetry has a place for, under the names that loggers give them.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use serde_json::{Map, Value};

use super::record::{Record, any_value, key_value, own_time};
use super::severity::Severity;
use super::time;
use super::trace::{Trace, bytes, xray_id};

// Of the names in each list the first whose value can be read as such counts; the others stay attributes. A dot also
// stands for a map inside of a map.

/// Lambda's own loggers, Powertools, Pino and Bunyan, Logstash, Zap, Serilog, .NET's JSON console, Monolog, Python's.
const TIMES: &[&str] =
    &["timestamp", "time", "@timestamp", "ts", "@t", "Timestamp", "datetime", "asctime", "timeMillis"];
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
        time: fields.take(TIMES, |value| match value {
            Value::String(text) => own_time(text, at),
            other => time::of_value(other),
        }),
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
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    const ID: &str = "5f1c4f7e-3a52-4a55-9a0c-0d3c5e9f1b11";
    const AT: u64 = 1_767_225_600_520_000_000;
    const TRACE: &str = "67765a001f2e3d4c5b6a798812345678";

    fn of(record: &Value) -> Record {
        read(record.as_object().unwrap(), Some(AT))
    }

    /// Time in milliseconds since 2026, severity's number, body as text, whether `ID` is the request's.
    fn told(record: &Value) -> (Option<u64>, i32, String, bool) {
        let record = of(record);
        let time = record.time.map(|time| time / 1_000_000 - 1_767_225_600_000);
        let body = record.body.map_or_else(String::new, |body| pipeline::text(&body));
        let number = record.severity.map_or(0, |severity| severity.number);
        (time, number, body, record.request_id.as_deref() == Some(ID))
    }

    fn attributes(record: &Value) -> BTreeMap<String, String> {
        let text = |it: KeyValue| (it.key, it.value.map_or_else(String::new, |value| pipeline::text(&value)));
        of(record).attributes.into_iter().map(text).collect()
    }

    #[test]
    fn the_records_of_runtimes_and_loggers_are_read() {
        let at = "2026-01-01T00:00:00.519Z";
        for (record, time, number, body, has_id) in [
            // Lambda's own: Node.js, Python, Java, .NET, Rust.
            (
                json!({"timestamp": at, "level": "INFO", "requestId": ID, "message": "hello"}),
                Some(519),
                9,
                "hello",
                true,
            ),
            (
                json!({"timestamp": at, "level": "ERROR", "requestId": ID, "message": {"errorType": "E"}}),
                Some(519),
                17,
                r#"{"errorType":"E"}"#,
                true,
            ),
            (
                json!({"timestamp": "2026-01-01T00:00:00Z", "log_level": "ERROR", "errorMessage": "boom", "requestId": ID}),
                Some(0),
                17,
                "boom",
                true,
            ),
            (
                json!({"timestamp": at, "level": "INFO", "message": "hello", "AWSRequestId": ID}),
                Some(519),
                9,
                "hello",
                true,
            ),
            (
                json!({"timestamp": at, "level": "Critical", "requestId": ID, "message": "x"}),
                Some(519),
                21,
                "x",
                true,
            ),
            (
                json!({"timestamp": at, "level": "WARN", "fields": {"message": "hello", "n": 1}, "span": {"requestId": ID}}),
                Some(519),
                13,
                "hello",
                true,
            ),
            (
                json!({"level": "INFO", "fields": {"message": "hello"}, "spans": [{"name": "a"}, {"requestId": ID}]}),
                None,
                9,
                "hello",
                true,
            ),
            // Powertools, Pino, Bunyan, Zap, Logstash, Serilog, .NET's console, structlog, Elastic, log4j2.
            (
                json!({"level": "INFO", "message": "hello", "timestamp": "2026-01-01 00:00:00,519+0000", "function_request_id": ID}),
                Some(519),
                9,
                "hello",
                true,
            ),
            (
                json!({"level": 30, "time": 1_767_225_600_519_u64, "msg": "hello"}),
                Some(519),
                9,
                "hello",
                false,
            ),
            (
                json!({"level": "30", "time": 1_767_225_600_519_u64, "msg": "a", "message": "b"}),
                Some(519),
                9,
                "b",
                false,
            ),
            (json!({"level": 50, "time": at, "msg": "hello", "v": 0}), Some(519), 17, "hello", false),
            (json!({"level": "warn", "ts": 1_767_225_600.5, "msg": "hello"}), Some(500), 13, "hello", false),
            (json!({"@timestamp": at, "message": "hello", "level": "INFO"}), Some(519), 9, "hello", false),
            (
                json!({"@t": at, "@mt": "Hello {Who}", "@l": "Warning", "Who": "you"}),
                Some(519),
                13,
                "Hello {Who}",
                false,
            ),
            (
                json!({"Timestamp": "2026-01-01 00:00:00 ", "LogLevel": "Information", "Message": "hello"}),
                Some(0),
                9,
                "hello",
                false,
            ),
            (json!({"event": "hello", "level": "info", "timestamp": at}), Some(519), 9, "hello", false),
            (
                json!({"@timestamp": at, "log.level": "ERROR", "message": "hello"}),
                Some(519),
                17,
                "hello",
                false,
            ),
            (
                json!({"@timestamp": at, "log": {"level": "error", "logger": "a"}, "message": "hello"}),
                Some(519),
                17,
                "hello",
                false,
            ),
            (
                json!({"timeMillis": 1_767_225_600_519_u64, "level": "DEBUG", "message": "hello"}),
                Some(519),
                5,
                "hello",
                false,
            ),
        ] {
            assert_eq!(told(&record), (time, number, body.into(), has_id), "{record}");
        }
    }

    #[test]
    fn what_has_a_place_leaves_the_attributes_and_all_else_stays_with_its_type() {
        let record = json!({
            "timestamp": "2026-01-01T00:00:00.519Z", "level": "INFO", "requestId": ID, "message": "m", "trace_id": TRACE,
            "type": "mine", "big": 9_007_199_254_740_993_u64, "huge": u64::MAX, "f": 0.5, "null": null, "": "empty",
            "list": [1, "a", null, {"b": 3}], "empty": {}, "Message": "capital", "LEVEL": "ERROR", "dotted.key": 1,
        });
        let expected = [
            ("", "empty"),
            ("LEVEL", "ERROR"),
            ("Message", "capital"),
            ("big", "9007199254740993"),
            ("dotted.key", "1"),
            ("empty", "{}"),
            ("f", "0.5"),
            ("huge", "18446744073709552000"),
            ("list", r#"[1,"a",null,{"b":3}]"#),
            ("null", ""),
            ("type", "mine"),
        ];
        assert_eq!(attributes(&record), expected.map(|(key, value)| (key.into(), value.into())).into());
    }

    #[test]
    fn what_cannot_be_read_stays_an_attribute() {
        let record = json!({
            "timestamp": "now", "time": 5, "level": true, "requestId": 7, "request_id": ID, "trace_id": "abc",
            "span_id": "53995c3f42cd8ad8", "message": null, "event": {"a": 1},
        });
        assert_eq!(told(&record), (None, 0, String::new(), false));
        assert_eq!(attributes(&record).len(), record.as_object().unwrap().len());
    }

    #[test]
    fn a_time_without_a_zone_counts_if_it_is_near_the_platforms() {
        assert_eq!(told(&json!({"timestamp": "2026-01-01T00:00:00.519"})).0, Some(519));
        assert_eq!(told(&json!({"timestamp": "2026-01-01T01:00:00.519"})).0, None);
        assert_eq!(told(&json!({"timestamp": "2026-01-01T02:00:00+01:00"})).0, Some(3_600_000));
    }

    #[test]
    fn a_used_field_inside_of_a_map_leaves_the_others_in_it() {
        let record = json!({"fields": {"message": "m", "n": 1}, "trace": {"id": TRACE}, "span": {"id": "x"}});
        let expected = [("fields", r#"{"n":1}"#), ("span", r#"{"id":"x"}"#)];
        assert_eq!(attributes(&record), expected.map(|(key, value)| (key.into(), value.into())).into());
    }

    #[test]
    fn a_trace_is_read_in_every_spelling() {
        let root = "1-67765a00-1f2e3d4c5b6a798812345678";
        let header = format!("Root={root};Parent=53995c3f42cd8ad8;Sampled=1");
        for (record, has_span, sampled) in [
            (
                json!({"trace_id": TRACE, "span_id": "53995c3f42cd8ad8", "trace_flags": "01"}),
                true,
                Some(true),
            ),
            (json!({"traceId": TRACE, "spanId": "53995C3F42CD8AD8", "traceFlags": 0}), true, Some(false)),
            (json!({"trace.id": TRACE, "span.id": "53995c3f42cd8ad8"}), true, None),
            (
                json!({"otelTraceID": TRACE, "otelSpanID": "53995c3f42cd8ad8", "otelTraceSampled": "True"}),
                true,
                Some(true),
            ),
            (
                json!({"trace_id": TRACE, "span_id": "0000000000000000", "trace_sampled": true}),
                false,
                Some(true),
            ),
            (json!({"xray_trace_id": root}), false, None),
            (json!({"traceId": header}), true, Some(true)),
            (json!({"spans": [{"xrayTraceId": header}]}), true, Some(true)),
            (json!({"otelTraceID": "0", "xray_trace_id": root}), false, None),
        ] {
            let trace = of(&record).trace.unwrap_or_else(|| panic!("{record}"));
            assert_eq!(Some(trace.id), bytes(TRACE));
            assert_eq!((trace.parent.is_some(), trace.sampled), (has_span, sampled), "{record}");
        }
    }
}
