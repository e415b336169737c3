//! The Telemetry API as an extension sees it, well-behaved and not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Lambda, Moment, Report, RuntimeDone, Sandbox, TelemetryApi, call, free_port};

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
