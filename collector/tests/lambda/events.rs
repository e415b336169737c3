//! A platform that tells late, twice, wrongly or nothing: no invocation hangs and nothing is lost.

use std::time::Duration;

use serde_json::json;
use simulator::{FakeBackend, Quirks, RuntimeDone, TelemetryApi};

use crate::ledger::{Dice, Ledger};
use crate::stage::{HELD_AT_MOST, Ports, otlp_http, start};

/// Twenty invocations under `quirks`, with a timeout for the function so that a hang shows.
async fn copes(quirks: impl Fn(&mut Quirks)) {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let config = ports.config(&otlp_http(&backend), "otlp_http");
    let lambda = ports.lambda(&config).timeout(Duration::from_secs(10)).quirks(quirks);
    let mut sandbox = start(lambda).await;
    let (ledger, mut dice) = (Ledger::default(), Dice::new(5));
    for _ in 0..20 {
        let (dice, sent) = (&mut dice, ledger.clone());
        let invoked = sandbox.invoke(|function| async move { sent.send(&function, ports, dice).await }).await;
        assert_eq!(invoked.status, simulator::Status::Success, "{}", sandbox.extension_output());
        assert!(invoked.held < HELD_AT_MOST, "{:?}", invoked.held);
        assert_eq!(backend.items(), ledger.len());
    }
    ledger.assert_arrived_once(&backend);
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
}

#[tokio::test]
async fn a_duplicated_end_is_harmless() {
    copes(|quirks| quirks.runtime_done = RuntimeDone::Duplicated).await;
}

#[tokio::test]
async fn an_end_that_comes_late_is_waited_for() {
    copes(|quirks| quirks.runtime_done = RuntimeDone::Delayed(Duration::from_millis(300))).await;
}

#[tokio::test]
async fn an_end_before_its_start_counts() {
    copes(|quirks| quirks.runtime_done = RuntimeDone::BeforeStart).await;
}

#[tokio::test]
async fn an_end_cut_in_two_is_found() {
    copes(|quirks| quirks.runtime_done = RuntimeDone::Cut).await;
}

#[tokio::test]
async fn an_end_behind_a_cut_record_is_found() {
    copes(|quirks| quirks.runtime_done = RuntimeDone::BehindCut).await;
}

#[tokio::test]
async fn an_end_behind_half_a_record_is_found() {
    copes(|quirks| quirks.runtime_done = RuntimeDone::BehindLostHalf).await;
}

#[tokio::test]
async fn batches_that_come_twice_are_harmless() {
    copes(|quirks| quirks.duplicate_batches = true).await;
}

#[tokio::test]
async fn unknown_events_and_odd_values_are_harmless() {
    copes(|quirks| {
        quirks.extra_events = vec![
            ("platform.brandNew".into(), json!({"requestId": 7})),
            ("platform.runtimeDone".into(), json!("a text")),
            ("platform.runtimeDone".into(), json!({"requestId": null})),
            ("function".into(), json!([1, 2, 3])),
            ("platform.report".into(), json!({})),
        ];
        quirks.malformed_span_times = true;
        quirks.no_tracing = true;
        quirks.upper_case_shutdown_reason = true;
    })
    .await;
}

#[tokio::test]
async fn a_missing_end_does_not_let_the_invocation_time_out() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let config = ports.config(&otlp_http(&backend), "otlp_http");
    // What is left then for the flush is half a second at most.
    let lambda = ports.lambda(&config).timeout(Duration::from_secs(5));
    let mut sandbox = start(lambda.quirks(|quirks| quirks.runtime_done = RuntimeDone::Missing)).await;
    let (ledger, mut dice) = (Ledger::default(), Dice::new(5));
    for _ in 0..2 {
        let (dice, sent) = (&mut dice, ledger.clone());
        let invoked = sandbox.invoke(|function| async move { sent.send(&function, ports, dice).await }).await;
        assert_eq!(invoked.status, simulator::Status::Success);
        assert_eq!(backend.items(), ledger.len());
    }
}

/// An emulator that does not support the Telemetry API does not freeze either: data leaves as it comes.
async fn runs_without_telemetry(api: TelemetryApi) {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let config = ports.config(&otlp_http(&backend), "otlp_http");
    let emulator = |quirks: &mut Quirks| (quirks.telemetry, quirks.never_freezes) = (api, true);
    let mut sandbox = start(ports.lambda(&config).quirks(emulator)).await;
    let (ledger, mut dice) = (Ledger::default(), Dice::new(5));
    for _ in 0..10 {
        let (dice, sent) = (&mut dice, ledger.clone());
        let invoked = sandbox.invoke(|function| async move { sent.send(&function, ports, dice).await }).await;
        assert!(invoked.held < HELD_AT_MOST, "{:?}", invoked.held);
    }
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
    ledger.assert_arrived_once(&backend);
    let told = sandbox.extension_output().matches("does not tell when the function is done").count();
    assert_eq!(told, 1, "{}", sandbox.extension_output());
}

#[tokio::test]
async fn an_emulator_that_answers_202_is_served() {
    runs_without_telemetry(TelemetryApi::NotSupported).await;
}

#[tokio::test]
async fn an_emulator_that_answers_404_is_served() {
    runs_without_telemetry(TelemetryApi::Fails(404)).await;
}

#[tokio::test]
async fn managed_instances_are_served_as_data_comes() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let config = ports.config(&otlp_http(&backend), "otlp_http");
    let mut sandbox = start(ports.lambda(&config).init_type(simulator::InitType::ManagedInstances)).await;
    let (ledger, mut dice) = (Ledger::default(), Dice::new(5));
    for _ in 0..10 {
        let (dice, sent) = (&mut dice, ledger.clone());
        sandbox.invoke(|function| async move { sent.send(&function, ports, dice).await }).await;
    }
    assert_eq!(backend.wait_for_items(ledger.len()).await, ledger.len(), "without waiting for the shutdown");
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
    ledger.assert_arrived_once(&backend);
}
