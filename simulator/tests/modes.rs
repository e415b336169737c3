//! The ways in which an environment comes to life and lives.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Function, InitType, Lambda, Moment, Sandbox, Status, call, free_port};

const ECHO: &str = env!("CARGO_BIN_EXE_echo-extension");
const NAME: &str = "echo-extension";
const PATIENCE: Duration = Duration::from_secs(30);

fn subscribed(init_type: InitType) -> Lambda {
    Lambda::new(ECHO).init_type(init_type).env("ECHO_TELEMETRY", free_port().unwrap().to_string())
}

/// All events so far, after a thaw.
async fn events(sandbox: &mut Sandbox) -> Vec<Value> {
    sandbox.thaw();
    sandbox.emit("platform.marker", json!({}));
    sandbox.wait_for_output(PATIENCE, "platform.marker").await.unwrap();
    let bodies = sandbox.output().into_iter().filter_map(|line| {
        serde_json::from_str::<Vec<Value>>(line.text.strip_prefix("telemetry ")?.split_once(": ")?.1).ok()
    });
    bodies.flatten().collect()
}

fn of_type<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

#[tokio::test]
async fn a_snapshot_is_taken_after_the_init_phase_and_restored_for_the_first_invocation() {
    let day = Duration::from_secs(86_400);
    let lambda = subscribed(InitType::SnapStart).init_ago(day).runtime(ECHO, ["runtime"]);
    let mut sandbox = lambda.start().await.unwrap();
    assert!(sandbox.is_stopped(NAME) && sandbox.is_stopped("function"));
    for order in [1, 2] {
        let invocation = sandbox.invoke_event(json!({ "order": order })).await;
        assert_eq!(invocation.status, Status::Success);
    }
    let events = events(&mut sandbox).await;
    let one = |kind: &str| of_type(&events, kind)[0];
    assert_eq!(of_type(&events, "platform.restoreStart").len(), 1);
    assert_eq!(one("platform.initStart")["record"]["initializationType"], "snap-start");
    let (init, restore) = (one("platform.initStart"), one("platform.restoreStart"));
    assert_ne!(init["record"]["instanceId"], restore["record"]["instanceId"]);
    assert_ne!(
        init["time"].as_str().unwrap()[..10],
        restore["time"].as_str().unwrap()[..10],
        "a day lies between"
    );
    assert_eq!(one("platform.restoreRuntimeDone")["record"], json!({ "status": "success" }));
    let metrics = &one("platform.report")["record"]["metrics"];
    assert!(metrics["restoreDurationMs"].is_number() && metrics["billedRestoreDurationMs"].is_u64());
    assert_eq!(metrics["initDurationMs"], Value::Null);
    let restored = sandbox.output().into_iter().find(|line| line.text == "restored").unwrap().at;
    assert!(restored > sandbox.journal().first(|moment| *moment == Moment::RestoreStart).unwrap());
}

#[tokio::test]
async fn a_snapshot_holds_no_credentials_but_may_ask_for_them_with_its_token() {
    let lambda = Lambda::default().init_type(InitType::SnapStart).runtime("/bin/sh", ["-c", "env; kill $$"]);
    let failed = lambda.start().await.unwrap_err();
    let output = failed.sandbox.output();
    let variable = |name: &str| {
        let value = output.iter().find_map(|line| line.text.strip_prefix(name)?.strip_prefix('='));
        value.map(str::to_owned)
    };
    assert_eq!((variable("AWS_ACCESS_KEY_ID"), variable("AWS_LAMBDA_LOG_STREAM_NAME")), (None, None));
    let uri = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").unwrap();
    assert_eq!(uri, format!("http://{}/2021-04-23/credentials", failed.sandbox.api()));
    let port = failed.sandbox.api().rsplit(':').next().unwrap().parse().unwrap();
    let ask = async |token: &str| {
        call("GET", port, "/2021-04-23/credentials", &[("Authorization", token)], "").await.unwrap()
    };
    let answer = ask(&variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").unwrap()).await;
    let credentials: Value = serde_json::from_slice(&answer.body).unwrap();
    for member in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
        assert!(credentials[member].is_string(), "{member}");
    }
    assert_eq!(ask("another").await.status, 404);
}

#[tokio::test]
async fn the_host_tells_its_zone_to_who_has_the_token() {
    let mut sandbox =
        Lambda::default().runtime("/bin/sh", ["-c", "env; kill $$"]).start().await.unwrap_err().sandbox;
    let line = sandbox.wait_for_output(PATIENCE, "AWS_LAMBDA_METADATA_TOKEN=").await.unwrap();
    let token = format!("Bearer {}", line.text.split_once('=').unwrap().1);
    let port = sandbox.api().rsplit(':').next().unwrap().parse().unwrap();
    let path = "/2026-01-15/metadata/execution-environment";
    let answer = call("GET", port, path, &[("Authorization", &token)], "").await.unwrap();
    assert_eq!(answer.body, r#"{"AvailabilityZoneID":"euw1-az1"}"#);
    assert_eq!(answer.headers["cache-control"], "private, max-age=43200, immutable");
    assert_eq!(call("GET", port, path, &[], "").await.unwrap().status, 401);
    assert_eq!(call("POST", port, path, &[("Authorization", &token)], "").await.unwrap().status, 405);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn provisioned_concurrency_initialises_long_before_the_first_invocation() {
    let hour = Duration::from_secs(3600);
    let mut sandbox = subscribed(InitType::ProvisionedConcurrency).init_ago(hour).start().await.unwrap();
    sandbox.invoke(|_| async {}).await;
    sandbox.invoke(|_| async {}).await;
    let events = events(&mut sandbox).await;
    let hour_of = |kind: &str| of_type(&events, kind)[0]["time"].as_str().unwrap()[11..13].to_owned();
    assert_ne!(hour_of("platform.initStart"), hour_of("platform.start"));
    assert_eq!(of_type(&events, "platform.report")[0]["record"]["metrics"]["initDurationMs"], Value::Null);
}

#[tokio::test]
async fn managed_instances_run_invocations_side_by_side_and_tell_little_of_them() {
    let lambda = subscribed(InitType::ManagedInstances).env("ECHO_EVENTS", "SHUTDOWN");
    let mut sandbox = lambda.timeout(Duration::from_secs(20)).start().await.unwrap();
    let meeting = std::sync::Arc::new(tokio::sync::Barrier::new(3));
    let work = |function: Function| {
        let meeting = meeting.clone();
        async move {
            function.log(format!(r#"{{"requestId":"{}"}}"#, function.request_id));
            // Nobody leaves before all are there: only invocations that overlap get through.
            meeting.wait().await;
        }
    };
    let invocations = sandbox.invoke_together(3, work).await;
    assert!(invocations.iter().all(|invocation| invocation.status == Status::Success));
    let events = events(&mut sandbox).await;
    let reports = of_type(&events, "platform.report");
    assert_eq!((reports.len(), of_type(&events, "platform.start").len()), (3, 3));
    assert_eq!(of_type(&events, "platform.runtimeDone").len(), 0);
    let record = &reports[0]["record"];
    assert_eq!(record["metrics"].as_object().unwrap().keys().collect::<Vec<_>>(), ["durationMs"]);
    let spans: Vec<&Value> = record["spans"].as_array().unwrap().iter().map(|span| &span["name"]).collect();
    assert_eq!(spans, ["responseLatency", "responseDuration"]);
    assert!(
        of_type(&events, "function").iter().all(|event| event["record"].is_object()),
        "JSON is their format"
    );
}

#[tokio::test]
async fn a_runtime_of_managed_instances_asks_for_several_invocations_at_once() {
    let managed = Lambda::default().init_type(InitType::ManagedInstances).concurrency(3);
    let mut sandbox = managed.runtime(ECHO, ["runtime"]).start().await.unwrap();
    let events: Vec<Value> = (1..=3).map(|order| json!({ "meet": order })).collect();
    let invocations = sandbox.invoke_events_together(events.clone()).await;
    for (invocation, event) in invocations.iter().zip(events) {
        assert_eq!(invocation.status, Status::Success);
        assert_eq!(invocation.response.as_deref(), Some(event.to_string().as_bytes()));
    }
}

#[tokio::test]
async fn an_init_phase_that_fails_is_told_as_such() {
    let runtime = subscribed(InitType::OnDemand).runtime("/bin/sh", ["-c", "exit 1"]);
    let failed = runtime.env("ECHO_FAULT", "stay").start().await.unwrap_err();
    for kind in ["platform.initRuntimeDone", "platform.initReport"] {
        let told = failed.sandbox.output().into_iter().find(|line| line.text.contains(kind)).unwrap().text;
        assert!(told.contains(r#""status":"error","errorType":"Runtime.ExitError""#), "{told}");
    }
}

#[tokio::test]
async fn an_invocation_that_takes_too_long_ends_alone_on_managed_instances() {
    let lambda = Lambda::new(ECHO).init_type(InitType::ManagedInstances).env("ECHO_EVENTS", "SHUTDOWN");
    let mut sandbox = lambda.timeout(Duration::from_secs(2)).start().await.unwrap();
    let late = sandbox.invoke(|_| std::future::pending::<()>()).await;
    assert_eq!(late.status, Status::Timeout);
    assert_eq!(sandbox.invoke(|_| async {}).await.status, Status::Success);
    assert_eq!(sandbox.journal().count(|moment| matches!(moment, Moment::InitStart { .. })), 1);
}

#[tokio::test]
async fn an_emulator_initialises_at_the_first_invocation_and_never_freezes() {
    let mut sandbox = subscribed(InitType::OnDemand).emulated().start().await.unwrap();
    assert_eq!(sandbox.pid(NAME), None);
    let invocation = sandbox.invoke(|function| async move { assert_eq!(function.trace, None) }).await;
    assert_eq!((invocation.status, invocation.cold), (Status::Success, true));
    assert!(!sandbox.is_stopped(NAME));
    sandbox.shutdown_because("SandboxTerminated").await;
    let output = sandbox.extension_output();
    assert!(output.contains("Telemetry.NotSupported") && output.contains("SANDBOXTERMINATED"), "{output}");
    assert!(!output.contains("telemetry "), "{output}");
    assert_eq!(sandbox.journal().count(|moment| *moment == Moment::InitStart { phase: "init".into() }), 1);
}
