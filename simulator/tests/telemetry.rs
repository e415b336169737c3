//! The Telemetry API as an extension sees it, well-behaved and not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{
    Lambda, Lines, Moment, Report, RuntimeDone, Sandbox, TelemetryApi, Tracing, call, free_port,
};

const ECHO: &str = env!("CARGO_BIN_EXE_echo-extension");
const PATIENCE: Duration = Duration::from_secs(10);

/// A function whose extension subscribes and goes on after `platform.runtimeDone`.
fn subscribed() -> Lambda {
    Lambda::new(ECHO).env("ECHO_TELEMETRY", free_port().unwrap().to_string()).env("ECHO_WAIT", "runtimeDone")
}

/// The bodies that the extension was sent, by the port it was sent to.
fn bodies(sandbox: &Sandbox) -> Vec<(String, String)> {
    let body = |line: simulator::Line| {
        let (port, body) = line.text.strip_prefix("telemetry ")?.split_once(": ")?;
        Some((port.to_owned(), body.to_owned()))
    };
    sandbox.output().into_iter().filter_map(body).collect()
}

fn events(sandbox: &Sandbox) -> Vec<Value> {
    let parsed =
        bodies(sandbox).into_iter().filter_map(|(_, body)| serde_json::from_str::<Vec<Value>>(&body).ok());
    parsed.flatten().collect()
}

fn types(sandbox: &Sandbox) -> Vec<String> {
    events(sandbox).iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
}

fn count(sandbox: &Sandbox, kind: &str) -> usize {
    types(sandbox).iter().filter(|found| *found == kind).count()
}

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
async fn a_report_is_held_until_the_next_thaw() {
    let mut sandbox = subscribed().start().await.unwrap();
    let first = sandbox.invoke(|_| async {}).await;
    assert_eq!(count(&sandbox, "platform.report"), 0);
    sandbox.invoke(|_| async {}).await;
    let reports: Vec<Value> =
        events(&sandbox).into_iter().filter(|event| event["type"] == "platform.report").collect();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0]["record"]["requestId"], *first.request_id);
    assert!(
        reports[0]["record"]["metrics"]["initDurationMs"].is_number(),
        "the first report tells of the init"
    );
}

#[tokio::test]
async fn a_report_may_come_later_or_never() {
    for (quirk, expected) in [(Report::Later(1), [0, 0, 1]), (Report::Never, [0, 0, 0])] {
        let mut sandbox = subscribed().quirks(|quirks| quirks.report = quirk).start().await.unwrap();
        for expected in expected {
            sandbox.invoke(|_| async {}).await;
            assert_eq!(count(&sandbox, "platform.report"), expected, "{quirk:?}");
        }
    }
}

#[tokio::test]
async fn two_subscriptions_of_one_extension_both_get_everything() {
    let (one, other) = (free_port().unwrap().to_string(), free_port().unwrap().to_string());
    let lambda = Lambda::new(ECHO).env("ECHO_TELEMETRY", format!("{one},{other}"));
    let mut sandbox = lambda.start().await.unwrap();
    sandbox.invoke(|_| async {}).await;
    sandbox.thaw();
    sandbox
        .journal()
        .wait_for(PATIENCE, |moment| matches!(moment, Moment::TelemetryTaken { .. }))
        .await
        .unwrap();
    for port in [one, other] {
        let text = format!("telemetry {port}: ");
        assert!(sandbox.wait_for_output(PATIENCE, &text).await.is_some(), "{port}");
    }
}

#[tokio::test]
async fn a_refused_batch_is_delivered_again() {
    let mut sandbox = subscribed().env("ECHO_REFUSE", "2").start().await.unwrap();
    sandbox.invoke(|_| async {}).await;
    let journal = sandbox.journal();
    assert_eq!(journal.count(|moment| matches!(moment, Moment::TelemetryRefused { .. })), 2);
    assert_eq!(count(&sandbox, "platform.runtimeDone"), 1);
}

#[tokio::test]
async fn every_batch_may_come_twice() {
    let mut sandbox = subscribed().quirks(|quirks| quirks.duplicate_batches = true).start().await.unwrap();
    sandbox.emit("platform.marker", json!({}));
    sandbox.invoke(|_| async {}).await;
    sandbox.thaw();
    sandbox.emit("platform.later", json!({}));
    sandbox.wait_for_output(PATIENCE, "platform.later").await.unwrap();
    assert_eq!(count(&sandbox, "platform.marker"), 2);
}

#[tokio::test]
async fn a_tcp_destination_gets_one_event_a_line() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let subscribe = move |function: simulator::Function| async move {
        let api = function.api_port();
        let (name, events) = (("Lambda-Extension-Name", "inside"), r#"{"events":["INVOKE"]}"#);
        let answer = call("POST", api, "/2020-01-01/extension/register", &[name], events).await.unwrap();
        let id = answer.headers["lambda-extension-identifier"].to_str().unwrap().to_owned();
        let body = json!({
            "schemaVersion": "2022-12-13", "types": ["platform"],
            "destination": { "protocol": "TCP", "port": port },
            "buffering": { "timeoutMs": 25 },
        });
        let id = move || [("Lambda-Extension-Identifier", id.clone())];
        let headers = id();
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = call("PUT", api, "/2022-07-01/telemetry", &headers, body.to_string()).await.unwrap();
        assert_eq!(answer.body, "\"OK\"");
        tokio::spawn(async move {
            let headers = id();
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            call("GET", api, "/2020-01-01/extension/event/next", &headers, "").await
        });
    };
    let sandbox = Lambda::default().on_init(subscribe).start().await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(stream));
    let line = lines.next_line().await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["type"], "platform.initStart");
    drop(sandbox);
}

#[tokio::test]
async fn an_emulator_says_that_there_is_no_telemetry() {
    let lambda =
        subscribed().env("ECHO_WAIT", "").quirks(|quirks| quirks.telemetry = TelemetryApi::NotSupported);
    let mut sandbox = lambda.start().await.unwrap();
    let invocation = sandbox.invoke(|_| async {}).await;
    assert!(sandbox.extension_output().contains("Telemetry.NotSupported"));
    assert_eq!((bodies(&sandbox).len(), invocation.runtime_done_sent), (0, None));
}

#[tokio::test]
async fn runtime_done_can_be_duplicated_late_or_before_its_start() {
    let mut sandbox = subscribed().start().await.unwrap();
    sandbox.quirks(|quirks| quirks.runtime_done = RuntimeDone::Duplicated);
    sandbox.invoke(|_| async {}).await;
    assert_eq!(count(&sandbox, "platform.runtimeDone"), 2);

    sandbox.quirks(|quirks| quirks.runtime_done = RuntimeDone::BeforeStart);
    sandbox.invoke(|_| async {}).await;
    let types = types(&sandbox);
    assert_eq!(types[types.len() - 2..], ["platform.runtimeDone", "platform.start"]);

    let late = Duration::from_millis(100);
    sandbox.quirks(|quirks| quirks.runtime_done = RuntimeDone::Delayed(late));
    assert!(sandbox.invoke(|_| async {}).await.held >= late);
}

#[tokio::test]
async fn a_cut_runtime_done_is_two_bodies_that_are_json_only_together() {
    let mut sandbox = subscribed().start().await.unwrap();
    sandbox.quirks(|quirks| quirks.runtime_done = RuntimeDone::Cut);
    sandbox.invoke(|_| async {}).await;
    // The first half names runtimeDone too, so the extension did not wait for the second.
    sandbox.thaw();
    sandbox.emit("platform.marker", json!({}));
    sandbox.wait_for_output(PATIENCE, "platform.marker").await.unwrap();
    let bodies = bodies(&sandbox).into_iter().map(|(_, body)| body);
    let broken: Vec<String> = bodies.filter(|body| serde_json::from_str::<Value>(body).is_err()).collect();
    assert_eq!(broken.len(), 2);
    let envelope = broken[1].find("\"record\":").unwrap() + "\"record\":".len();
    let whole = format!("{}{}", broken[0].strip_suffix("}]").unwrap(), &broken[1][envelope..]);
    let events: Vec<Value> = serde_json::from_str(&whole).unwrap();
    assert!(events.iter().any(|event| event["type"] == "platform.runtimeDone"));
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

/// The records of this type.
fn records(sandbox: &Sandbox, kind: &str) -> Vec<Value> {
    let events = events(sandbox).into_iter().filter(|event| event["type"] == kind);
    events.map(|mut event| event["record"].take()).collect()
}

/// Thaws and waits until everything emitted so far has come.
async fn catch_up(sandbox: &mut Sandbox) {
    sandbox.thaw();
    sandbox.emit("platform.marker", json!({}));
    sandbox.wait_for_output(PATIENCE, "platform.marker").await.unwrap();
}

#[tokio::test]
async fn lines_may_come_twice_late_cut_or_never() {
    for (quirk, expected) in [(Lines::Duplicated, 2), (Lines::Lost, 0), (Lines::Cut, 0)] {
        let mut sandbox = subscribed().quirks(|quirks| quirks.lines = quirk).start().await.unwrap();
        sandbox.invoke(|function| async move { function.log("hello") }).await;
        catch_up(&mut sandbox).await;
        assert_eq!(records(&sandbox, "function").len(), expected, "{quirk:?}");
    }
    let late = Lines::Delayed(Duration::from_millis(100));
    let mut sandbox = subscribed().quirks(|quirks| quirks.lines = late).start().await.unwrap();
    sandbox.invoke(|function| async move { function.log("hello") }).await;
    assert_eq!(records(&sandbox, "function").len(), 0);
    sandbox.thaw();
    sandbox.wait_for_output(PATIENCE, r#""record":"hello""#).await.unwrap();
}

#[tokio::test]
async fn a_json_line_is_sent_as_it_was_written() {
    let line = r#"{"z": 1,"a":[1.50,  "x"]}"#;
    let mut sandbox = subscribed().json_logs().start().await.unwrap();
    sandbox.invoke(move |function| async move { function.log(line) }).await;
    assert!(bodies(&sandbox).iter().any(|(_, body)| body.contains(&format!("\"record\":{line}}}"))));
}

#[tokio::test]
async fn batches_may_be_lost_or_reversed() {
    let mut sandbox = subscribed().quirks(|quirks| quirks.reversed_batches = true).start().await.unwrap();
    catch_up(&mut sandbox).await;
    for line in ["one", "two"] {
        sandbox.emit("function", json!(line));
    }
    sandbox.wait_for_output(PATIENCE, r#""one""#).await.unwrap();
    assert_eq!(records(&sandbox, "function"), ["two", "one"]);

    sandbox.quirks(|quirks| quirks.lost_batches = 1);
    sandbox.emit("platform.lost", json!({}));
    let lost = |moment: &Moment| matches!(moment, Moment::TelemetryLost { .. });
    sandbox.journal().wait_for(PATIENCE, lost).await.unwrap();
    catch_up(&mut sandbox).await;
    assert_eq!(count(&sandbox, "platform.lost"), 0);
}

#[tokio::test]
async fn what_a_slow_extension_leaves_waiting_is_dropped_and_told() {
    let lambda = subscribed().env("ECHO_WAIT", "").quirks(|quirks| quirks.telemetry_buffer = Some(10_000));
    let mut sandbox = lambda.start().await.unwrap();
    let line = "x".repeat(1000);
    sandbox
        .invoke(move |function| async move {
            for _ in 0..20 {
                function.log(&*line);
            }
        })
        .await;
    sandbox.thaw();
    sandbox.wait_for_output(PATIENCE, "platform.logsDropped").await.unwrap();
    let told = records(&sandbox, "platform.logsDropped").remove(0);
    let dropped = told["droppedRecords"].as_u64().unwrap();
    // The end of the invocation found no room either.
    assert!((10..=21).contains(&dropped), "{told}");
    assert!(told["droppedBytes"].as_u64().unwrap() >= 1000, "{told}");
    assert!(told["reason"].as_str().unwrap().contains("slower"));
}

#[tokio::test]
async fn a_report_may_come_after_shutdown() {
    let lambda = subscribed().env("ECHO_WAIT", "").quirks(|quirks| quirks.report = Report::AfterShutdown);
    let mut sandbox = lambda.env("ECHO_FAULT", "stay").start().await.unwrap();
    let invocation = sandbox.invoke(|_| async {}).await;
    sandbox.shutdown().await;
    let told = sandbox.output().into_iter().find(|line| line.text.contains("platform.report")).unwrap();
    assert!(told.text.contains(&invocation.request_id));
    let shutdown = sandbox.journal().first(|moment| matches!(moment, Moment::Shutdown { .. })).unwrap();
    assert!(told.at > shutdown);
}

#[tokio::test]
async fn a_timeout_is_reported_before_the_environment_ends() {
    let lambda = subscribed().env("ECHO_FAULT", "stay").timeout(Duration::from_millis(500));
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
