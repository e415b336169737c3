//! What the events say.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Lambda, Tracing, free_port};

use crate::{ECHO, bodies, count, events, records, subscribed, types};

#[tokio::test]
async fn events_come_in_order_and_those_before_the_subscription_are_replayed() {
    let mut sandbox = subscribed().start().await.unwrap();
    sandbox.invoke(|function| async move { function.log("hello") }).await;
    let expected = [
        "platform.initStart",
        "platform.initRuntimeDone",
        "platform.extension",
        "platform.initReport",
        "platform.start",
        "function",
        "platform.runtimeDone",
    ];
    // The subscription itself falls before or after the function's init: they run side by side.
    assert_eq!(count(&sandbox, "platform.telemetrySubscription"), 1);
    let mut types = types(&sandbox);
    types.retain(|kind| kind != "platform.telemetrySubscription");
    assert_eq!(types, expected);
    let logged = events(&sandbox).into_iter().find(|event| event["type"] == "function").unwrap();
    assert_eq!(logged["record"], "hello");
}

#[tokio::test]
async fn lines_that_are_json_objects_are_records_of_their_own_when_the_log_format_is_json() {
    for json_logs in [false, true] {
        let lambda = if json_logs { subscribed().json_logs() } else { subscribed() };
        let mut sandbox = lambda.start().await.unwrap();
        sandbox.invoke(|function| async move { function.log(r#"{"level":"INFO"}"#) }).await;
        let logged = events(&sandbox).into_iter().find(|event| event["type"] == "function").unwrap();
        assert_eq!(logged["record"].is_object(), json_logs);
    }
}

#[tokio::test]
async fn a_json_line_is_sent_as_it_was_written() {
    let line = r#"{"z": 1,"a":[1.50,  "x"]}"#;
    let mut sandbox = subscribed().json_logs().start().await.unwrap();
    sandbox.invoke(move |function| async move { function.log(line) }).await;
    assert!(bodies(&sandbox).iter().any(|(_, body)| body.contains(&format!("\"record\":{line}}}"))));
}

#[tokio::test]
async fn a_frame_is_one_record_with_its_own_time_and_a_line_of_its_own_stays_one() {
    let lambda = subscribed().runtime(ECHO, ["runtime"]).framed_logs();
    let mut sandbox = lambda.start().await.unwrap();
    sandbox.invoke_event(json!({ "frames": "one\ntwo" })).await;
    let of_function = |event: &Value| event["type"] == "function";
    let found: Vec<Value> = events(&sandbox).into_iter().filter(of_function).collect();
    let line = found.iter().find(|event| event["record"] == r#"function: {"frames":"one\ntwo"}"#);
    assert!(line.is_some(), "{found:?}");
    let frame = found.iter().find(|event| event["time"] == "2026-01-01T00:00:01.234Z").unwrap();
    assert_eq!(frame["record"], r#"{"frames":"one\ntwo"}"#);
}

#[tokio::test]
async fn a_timeout_is_reported_before_the_environment_ends() {
    let lambda = subscribed().env("ECHO_FAULT", "stay").timeout(Duration::from_secs(1));
    let mut sandbox = lambda.start().await.unwrap();
    let invocation = sandbox.invoke(|_| std::future::pending::<()>()).await;
    let report = records(&sandbox, "platform.report").remove(0);
    assert_eq!((&report["requestId"], &report["status"]), (&json!(invocation.request_id), &json!("timeout")));
    let done = records(&sandbox, "platform.runtimeDone").remove(0);
    assert_eq!((&done["status"], &done["metrics"]), (&json!("timeout"), &Value::Null));
}

#[tokio::test]
async fn the_end_tells_the_functions_error_and_what_it_produced() {
    let runtime = Lambda::default().extension(ECHO, [] as [&str; 0]).runtime(ECHO, ["runtime"]);
    let port = free_port().unwrap().to_string();
    let lambda = runtime.env("ECHO_TELEMETRY", port).env("ECHO_WAIT", "runtimeDone").tenant("blue");
    let mut sandbox = lambda.start().await.unwrap();
    sandbox.invoke_event(json!({ "fail": "Function.Odd" })).await;
    let done = records(&sandbox, "platform.runtimeDone").remove(0);
    assert_eq!((&done["status"], &done["errorType"]), (&json!("error"), &json!("Function.Odd")));
    assert_eq!((&done["metrics"]["producedBytes"], &done["tenantId"]), (&json!(2), &json!("blue")));
    let names: Vec<&Value> = done["spans"].as_array().unwrap().iter().map(|span| &span["name"]).collect();
    assert_eq!(names, ["responseLatency", "responseDuration", "runtimeOverhead"]);
    // The runtime's line was written before its end and comes before it.
    let types = types(&sandbox);
    let at = |kind: &str| types.iter().position(|found| found == kind).unwrap();
    assert!(at("function") < at("platform.runtimeDone"));
}

#[tokio::test]
async fn only_a_sampled_trace_is_told_and_active_tracing_names_the_segment() {
    for (tracing, told, segment) in [
        (Tracing::PassThrough, true, false),
        (Tracing::Active, true, true),
        (Tracing::NotSampled, false, false),
    ] {
        let mut sandbox = subscribed().tracing(tracing).start().await.unwrap();
        let (sender, mut header) = tokio::sync::mpsc::unbounded_channel();
        sandbox.invoke(move |function| async move { sender.send(function.trace.unwrap()).unwrap() }).await;
        let start = records(&sandbox, "platform.start").remove(0);
        let known = &start["tracing"];
        assert_eq!((known.is_object(), known["spanId"].is_string()), (told, segment), "{tracing:?}");
        let parent = format!("Parent={};", known["spanId"].as_str().unwrap_or("none"));
        assert_eq!(header.recv().await.unwrap().contains(&parent), segment, "{tracing:?}");
    }
}

#[tokio::test]
async fn the_future_may_bring_unknown_members_and_values_and_no_init_report() {
    let lambda = subscribed().quirks(|quirks| (quirks.novelties, quirks.no_init_report) = (true, true));
    let mut sandbox = lambda.start().await.unwrap();
    sandbox.invoke(|_| async {}).await;
    let done = records(&sandbox, "platform.runtimeDone").remove(0);
    assert_eq!((&done["status"], &done["novelty"]["of"][0]), (&json!("novel"), &json!("things")));
    assert_eq!(records(&sandbox, "platform.initStart")[0]["initializationType"], "novel");
    assert_eq!(count(&sandbox, "platform.initReport"), 0);
}

#[tokio::test]
async fn a_test_may_emit_whatever_it_likes() {
    let mut sandbox = subscribed().start().await.unwrap();
    sandbox.quirks(|quirks| quirks.extra_events.push(("platform.novelty".into(), json!({ "odd": [1] }))));
    sandbox.emit_raw("no json at all");
    sandbox.invoke(|_| async {}).await;
    assert_eq!(count(&sandbox, "platform.novelty"), 1);
    assert!(bodies(&sandbox).iter().any(|(_, body)| body == "no json at all"));
}
