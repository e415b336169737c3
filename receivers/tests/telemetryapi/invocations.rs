//! Which invocation and trace a log record belongs to.

use serde_json::{Value, json};

use super::harness::play;

const TRACE: &str = "Root=1-67765a00-1f2e3d4c5b6a798812345678;Parent=53995c3f42cd8ad8;Sampled=1";
const TRACE_ID: &str = "67765a001f2e3d4c5b6a798812345678";

/// An event at so many milliseconds.
fn event(at: u32, kind: &str, record: Value) -> Value {
    json!({"time": format!("2026-01-01T00:00:00.{at:03}Z"), "type": kind, "record": record})
}

fn line(at: u32, text: &str) -> Value {
    event(at, "function", text.into())
}

fn start(at: u32, id: &str) -> Value {
    event(at, "platform.start", json!({"requestId": id, "version": "1"}))
}

fn done(at: u32, id: &str) -> Value {
    event(at, "platform.runtimeDone", json!({"requestId": id, "status": "success"}))
}

/// The function's lines in deliveries, each with the invocation that it was found to belong to.
fn lines(deliveries: Value, env: Value) -> Vec<(String, String)> {
    let records =
        play(&json!({"config": {"types": ["function"]}, "env": env, "events": deliveries})).records();
    let text = |record: &Value| record["body"]["stringValue"].as_str().unwrap_or_default().to_owned();
    records.iter().map(|record| (text(record), attribute(record, "faas.invocation_id"))).collect()
}

fn attribute(record: &Value, key: &str) -> String {
    let mut attributes = record["attributes"].as_array().unwrap().iter();
    let found = attributes.find(|attribute| attribute["key"] == key);
    found.map_or_else(String::new, |it| it["value"]["stringValue"].as_str().unwrap().into())
}

fn belong<const N: usize>(lines: [(&str, &str); N]) -> Vec<(String, String)> {
    lines.map(|(text, id)| (text.into(), id.into())).into()
}

#[test]
fn a_line_belongs_to_the_invocation_that_ran_when_it_was_written_in_whatever_order_they_come() {
    let deliveries = json!([
        [line(5, "init"), line(15, "first"), start(10, "a"), line(100, "second"), done(20, "a")],
        [line(20, "last"), line(25, "between"), start(110, "b"), line(18, "late")],
        [line(150, "of b")],
        [done(200, "b"), line(190, "late of b"), line(250, "after")],
    ]);
    let expected = belong([
        ("init", ""),
        ("first", "a"),
        ("second", ""),
        ("last", "a"),
        ("between", ""),
        ("late", "a"),
        ("of b", "b"),
        ("late of b", "b"),
        ("after", ""),
    ]);
    assert_eq!(lines(deliveries, json!({})), expected);
}

#[test]
fn a_line_whose_time_says_nothing_belongs_to_the_invocation_that_is_under_way() {
    let odd = |text: &str| json!({"time": "?", "type": "function", "record": text});
    let deliveries = json!([[odd("x"), start(10, "a"), odd("y"), line(1, "z"), done(20, "a"), odd("after")]]);
    assert_eq!(lines(deliveries, json!({})), belong([("x", ""), ("y", "a"), ("z", "a"), ("after", "")]));
}

#[test]
fn an_invocation_whose_end_was_lost_ends_with_its_report() {
    let report = event(30, "platform.report", json!({"requestId": "a"}));
    let deliveries = json!([[start(10, "a"), line(20, "x")], [report, line(40, "y")]]);
    assert_eq!(lines(deliveries, json!({})), belong([("x", "a"), ("y", "")]));
}

#[test]
fn a_line_that_comes_before_the_end_and_is_a_little_later_belongs_to_it() {
    let deliveries = json!([[start(10, "a"), line(63, "x"), line(80, "y"), done(20, "a"), line(21, "z")]]);
    assert_eq!(lines(deliveries, json!({})), belong([("x", "a"), ("y", ""), ("z", "")]));
}

#[test]
fn a_report_of_no_known_invocation_ends_none() {
    let report = event(30, "platform.report", json!({"metrics": {"durationMs": 1}}));
    let deliveries = json!([[start(10, "a")], [report, line(40, "x")], [done(50, "a")]]);
    assert_eq!(lines(deliveries, json!({})), belong([("x", "a")]));
}

#[test]
fn the_end_of_a_start_is_of_no_invocation_that_begins_in_the_same_millisecond() {
    let over = event(10, "platform.initReport", json!({"status": "success"}));
    let again = event(12, "platform.initStart", json!({"phase": "invoke"}));
    let records = play(&json!({"events": [[over, start(10, "a"), again, done(20, "a")]], "config": {}}));
    let ids: Vec<_> =
        records.records().iter().map(|record| attribute(record, "faas.invocation_id")).collect();
    assert_eq!(ids, ["", "a", "a", "a"]);
}

#[test]
fn an_invocation_whose_start_was_lost_ends_with_the_version_that_was_told_last() {
    let records = play(&json!({"events": [[start(10, "a"), done(20, "b")]], "config": {}})).records();
    assert_eq!(records[1]["body"]["stringValue"], "END RequestId: b Version: 1");
}

#[test]
fn fields_called_like_attributes_of_ours_are_kept_under_names_of_their_own() {
    let record = json!({"message": "m", "type": "x", "record.type": "y", "faas.invocation_id": 5});
    let records = play(&json!({"events": [[event(1, "function", record)]], "config": {}})).records();
    let mut keys: Vec<_> = records[0]["attributes"].as_array().unwrap().iter().map(|it| &it["key"]).collect();
    keys.sort_by_key(|key| key.as_str());
    assert_eq!(keys, ["record.faas.invocation_id", "record.record.type", "record.type", "type"]);
}

#[test]
fn a_second_try_under_the_same_id_is_under_way_again() {
    let deliveries = json!([
        [start(10, "a"), done(20, "a"), line(30, "x")],
        [start(40, "a"), line(50, "y")],
        [done(60, "a")]
    ]);
    assert_eq!(lines(deliveries, json!({})), belong([("x", ""), ("y", "a")]));
}

#[test]
fn where_many_run_at_once_nothing_is_told_from_time_or_order() {
    let own = |at: u32| event(at, "function", json!({"message": "own", "requestId": "a"}));
    let deliveries = json!([[start(10, "a"), start(11, "b"), line(12, "x"), own(13)]]);
    let managed = json!({"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"});
    assert_eq!(lines(deliveries, managed), belong([("x", ""), ("own", "a")]));
    let init = event(1, "platform.initStart", json!({"initializationType": "lambda-managed-instances"}));
    let deliveries = json!([[init, start(10, "a"), line(12, "x")]]);
    assert_eq!(lines(deliveries, json!({})), belong([("x", "")]));
}

/// The trace id, span id and flags of the record that `record` becomes in an invocation of that trace.
fn trace(tracing: Value, record: Value, env: Value) -> [Value; 3] {
    let start = event(10, "platform.start", json!({"requestId": "a", "version": "1", "tracing": tracing}));
    let deliveries = json!([[start, event(20, "function", record)]]);
    let records =
        play(&json!({"config": {"types": ["function"]}, "env": env, "events": deliveries})).records();
    ["traceId", "spanId", "flags"].map(|key| records[0][key].clone())
}

#[test]
fn a_record_is_in_the_trace_of_its_invocation() {
    let header = |header: &str| json!({"type": "X-Amzn-Trace-Id", "value": header});
    let of_text = |tracing: Value| trace(tracing, "x".into(), json!({}));
    assert_eq!(of_text(header(TRACE)), [json!(TRACE_ID), Value::Null, json!(1)]);
    assert_eq!(of_text(header(&TRACE.replace("d=1", "d=0"))), [json!(TRACE_ID), Value::Null, Value::Null]);
    assert_eq!(of_text(header("Root=x")), [Value::Null, Value::Null, Value::Null]);
    assert_eq!(of_text(Value::Null), [Value::Null, Value::Null, Value::Null]);
    let active = json!({"spanId": "54565fb41ac79632", "type": "X-Amzn-Trace-Id", "value": TRACE});
    assert_eq!(of_text(active), [json!(TRACE_ID), json!("54565fb41ac79632"), json!(1)]);
}

#[test]
fn where_many_run_at_once_a_record_that_tells_its_invocation_is_in_that_ones_trace() {
    let managed = json!({"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"});
    let tracing = json!({"type": "X-Amzn-Trace-Id", "value": TRACE});
    let own = json!({"message": "x", "requestId": "a"});
    assert_eq!(trace(tracing.clone(), own, managed.clone()), [json!(TRACE_ID), Value::Null, json!(1)]);
    assert_eq!(trace(tracing, "x".into(), managed), [Value::Null, Value::Null, Value::Null]);
}

#[test]
fn a_record_that_tells_its_trace_is_in_that_one() {
    let active = json!({"spanId": "54565fb41ac79632", "type": "X-Amzn-Trace-Id", "value": TRACE});
    let (other, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let of = |record: Value| trace(active.clone(), record, json!({}));
    assert_eq!(of(json!({"message": "x", "trace_id": other})), [json!(other), Value::Null, Value::Null]);
    let own = json!({"message": "x", "trace_id": other, "span_id": span, "trace_flags": "01"});
    assert_eq!(of(own), [json!(other), json!(span), json!(1)]);
    // The invocation's own trace: what the record does not tell of it is known.
    let same = json!({"message": "x", "trace_id": TRACE_ID, "span_id": span});
    assert_eq!(of(same), [json!(TRACE_ID), json!(span), json!(1)]);
    let same = json!({"message": "x", "trace_id": TRACE_ID});
    assert_eq!(of(same), [json!(TRACE_ID), json!("54565fb41ac79632"), json!(1)]);
}
