//! The records of runtimes and loggers, as JSON.

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
        (json!({"level": 30, "time": 1_767_225_600_519_u64, "msg": "hello"}), Some(519), 9, "hello", false),
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
        (json!({"@timestamp": at, "log.level": "ERROR", "message": "hello"}), Some(519), 17, "hello", false),
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
        "timestamp": "now", "time": 1_500_000_000, "level": true, "requestId": 7, "request_id": ID, "trace_id": "abc",
        "span_id": "53995c3f42cd8ad8", "message": null, "event": {"a": 1},
    });
    assert_eq!(told(&record), (None, 0, String::new(), false));
    assert_eq!(attributes(&record).len(), record.as_object().unwrap().len());
}

#[test]
fn a_time_that_may_be_another_counts_if_it_is_near_the_platforms() {
    assert_eq!(told(&json!({"timestamp": "2026-01-01T00:00:00.519"})).0, Some(519));
    assert_eq!(told(&json!({"timestamp": "2026-01-01T01:00:00.519"})).0, None);
    assert_eq!(told(&json!({"timestamp": "2026-01-01T02:00:00+01:00"})).0, Some(3_600_000));
    assert_eq!(told(&json!({"message": "meeting", "time": "2026-01-01T02:00:00+01:00"})).0, None);
    assert_eq!(told(&json!({"message": "hello", "time": "2026-01-01T01:00:00+01:00"})).0, Some(0));
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
        (json!({"trace_id": TRACE, "span_id": "53995c3f42cd8ad8", "trace_flags": "01"}), true, Some(true)),
        (json!({"traceId": TRACE, "spanId": "53995C3F42CD8AD8", "traceFlags": 0}), true, Some(false)),
        (json!({"trace.id": TRACE, "span.id": "53995c3f42cd8ad8"}), true, None),
        (
            json!({"otelTraceID": TRACE, "otelSpanID": "53995c3f42cd8ad8", "otelTraceSampled": "True"}),
            true,
            Some(true),
        ),
        (json!({"trace_id": TRACE, "span_id": "0000000000000000", "trace_sampled": true}), false, Some(true)),
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
