//! What becomes of a subscription, and of one whose subscriber is slow or refuses.

use serde_json::{Value, json};
use simulator::{Lambda, Moment, TelemetryApi, call, free_port};

use crate::{ECHO, PATIENCE, bodies, count, records, subscribed};

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
