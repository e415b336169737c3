//! Backends that are down, slow, busy or silent: nothing is lost, nothing twice, nobody waits.

use std::time::{Duration, Instant};

use simulator::otlp::traces;
use simulator::{Behaviour, FakeBackend};

use crate::ledger::{Dice, Ledger};
use crate::stage::{HELD_AT_MOST, Ports, otlp_http, prompt, sandbox, sandbox_in_a_hurry, start};

/// Outages of random length between stretches of health, 200 invocations in all.
async fn survives(away: Behaviour) {
    let backend = FakeBackend::start().await;
    let (mut sandbox, ports) = sandbox_in_a_hurry(&backend).await;
    let (ledger, mut dice) = (Ledger::default(), Dice::new(11));
    let mut invocation = 0;
    while invocation < 200 {
        for (behaviour, times) in [(Behaviour::Accept, dice.roll(10)), (away.clone(), 1 + dice.roll(25))] {
            backend.behave(behaviour).await;
            for _ in 0..times {
                let (dice, sent) = (&mut dice, ledger.clone());
                let invoked =
                    sandbox.invoke(|function| async move { sent.send(&function, ports, dice).await }).await;
                assert!(invoked.held < HELD_AT_MOST, "{:?}", invoked.held);
                invocation += 1;
            }
        }
        backend.behave(Behaviour::Accept).await;
        sandbox.invoke(|_| async {}).await;
        assert_eq!(
            backend.items(),
            ledger.len(),
            "everything arrives with the first invocation after an outage"
        );
    }
    ledger.assert_arrived_once(&backend);
}

#[tokio::test]
async fn an_outage_with_a_closed_port_is_made_up_for() {
    survives(Behaviour::Down).await;
}

#[tokio::test]
async fn an_outage_with_503_is_made_up_for() {
    survives(Behaviour::unavailable(None)).await;
}

#[tokio::test]
async fn an_outage_with_cut_connections_is_made_up_for() {
    survives(Behaviour::CutBeforeReading).await;
}

/// Something else in each of 40 invocations. What the backend takes without answering in time comes again.
async fn survives_anything(exporter: &str, settings: &str) {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let exporters = format!("{{{exporter}: {{endpoint: '{}', {settings}}}}}", backend.endpoint());
    let config =
        ports.config(&exporters, exporter).replace("exporters: [", "processors: [batch], exporters: [");
    let lambda = ports.lambda(&format!("{config}processors: {{batch: }}\n"));
    let mut sandbox = start(prompt(lambda)).await;
    let (ledger, mut dice) = (Ledger::default(), Dice::new(7));
    for _ in 0..40 {
        let behaviours = [
            Behaviour::Accept,
            Behaviour::Down,
            Behaviour::Hang,
            Behaviour::CutBeforeReading,
            Behaviour::CutAfterReading,
            Behaviour::unavailable(None),
            Behaviour::throttled(Some(Duration::from_millis(100))),
            Behaviour::AtMost(400),
            Behaviour::Slow(Duration::from_millis(80)),
        ];
        let behaviour = &behaviours[dice.roll(behaviours.len() as u64) as usize];
        backend.behave(behaviour.clone()).await;
        let (dice, sent) = (&mut dice, ledger.clone());
        let invoked = sandbox.invoke(|function| async move { sent.send(&function, ports, dice).await }).await;
        assert!(invoked.held < HELD_AT_MOST, "{behaviour:?}: held {:?}", invoked.held);
    }
    backend.behave(Behaviour::Accept).await;
    sandbox.shutdown().await;
    assert!(!sandbox.extension_output().contains("Dropped"), "{}", sandbox.extension_output());
    ledger.assert_arrived(&backend);
}

#[tokio::test]
async fn a_backend_that_does_anything_over_http_loses_nothing() {
    survives_anything("otlp_http", "timeout: 500ms").await;
}

#[tokio::test]
async fn a_backend_that_does_anything_over_grpc_loses_nothing() {
    survives_anything("otlp_grpc", "compression: none, retry_on_failure: {initial_interval: 20ms}").await;
}

/// While the backend misbehaves, the function's own requests are answered at once and each invocation is held for
/// the budget of a flush at most. Returns how long 20 invocations were held in all.
async fn stays_fast(behaviour: Behaviour) -> Duration {
    let backend = FakeBackend::start().await;
    let (mut sandbox, ports) = sandbox_in_a_hurry(&backend).await;
    backend.behave(behaviour.clone()).await;
    let mut waits = Vec::new();
    let mut held = Duration::ZERO;
    for _ in 0..20 {
        let waits = &mut waits;
        let invoked = sandbox
            .invoke(|function| async move {
                for _ in 0..5 {
                    let began = Instant::now();
                    assert!(function.post_otlp(&traces("orders", 10)).await.unwrap().is_taken());
                    waits.push(began.elapsed());
                    let began = Instant::now();
                    assert!(
                        simulator::export_grpc(ports.grpc, &traces("orders", 10)).await.unwrap().is_taken()
                    );
                    waits.push(began.elapsed());
                }
            })
            .await;
        assert!(invoked.held < HELD_AT_MOST, "{behaviour:?}: held {:?}", invoked.held);
        held += invoked.held;
    }
    waits.sort();
    // A machine that runs other tests delays some; a collector that waits for its backend would delay all, by 300 ms
    // where that is slow.
    assert!(waits[waits.len() / 2] < Duration::from_millis(100), "{behaviour:?}: {waits:?}");
    held
}

#[tokio::test]
async fn a_backend_that_hangs_does_not_slow_the_function() {
    let held = stays_fast(Behaviour::Hang).await;
    // A second each in which an answer is waited for in full (the 1st, 3rd, 5th, 9th, 17th); moments in the others.
    assert!(held < Duration::from_secs(15), "held {held:?} in all");
}

#[tokio::test]
async fn a_backend_that_is_down_does_not_slow_the_function() {
    let held = stays_fast(Behaviour::Down).await;
    assert!(held < Duration::from_secs(10), "held {held:?} in all");
}

#[tokio::test]
async fn a_backend_that_refuses_does_not_slow_the_function() {
    stays_fast(Behaviour::INVALID).await;
}

#[tokio::test]
async fn a_backend_that_is_slow_does_not_slow_the_function() {
    stays_fast(Behaviour::Slow(Duration::from_millis(300))).await;
}

#[tokio::test]
async fn one_dead_backend_delays_no_other() {
    let (dead, alive) = (FakeBackend::start().await, FakeBackend::start().await);
    dead.behave(Behaviour::Hang).await;
    let ports = Ports::free();
    let exporters = format!(
        "{{otlp_http/dead: {{endpoint: '{}'}}, otlp_http/alive: {{endpoint: '{}'}}}}",
        dead.endpoint(),
        alive.endpoint()
    );
    let lambda = ports.lambda(&ports.config(&exporters, "otlp_http/dead, otlp_http/alive"));
    let mut sandbox = start(prompt(lambda)).await;
    let (ledger, mut dice, mut late) = (Ledger::default(), Dice::new(3), Vec::new());
    for _ in 0..20 {
        let (dice, sent) = (&mut dice, ledger.clone());
        let invoked = sandbox.invoke(|function| async move { sent.send(&function, ports, dice).await }).await;
        assert_eq!(alive.items(), ledger.len());
        // The dead one is waited for in full at times.
        if invoked.held > Duration::from_millis(900) {
            let at = alive.requests().last().unwrap().at;
            late.push(at.saturating_duration_since(invoked.function_done));
        }
    }
    late.sort();
    assert!(
        late[late.len() / 2] < Duration::from_millis(500),
        "the healthy backend waited for the dead one: {late:?}"
    );
    ledger.assert_arrived_once(&alive);
}

#[tokio::test]
async fn a_request_too_large_for_the_backend_arrives_in_pieces() {
    let backend = FakeBackend::start().await;
    let (mut sandbox, _) = sandbox(&backend).await;
    backend.behave(Behaviour::AtMost(2000)).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 500)).await.unwrap();
        })
        .await;
    assert_eq!(backend.items(), 500);
}

#[tokio::test]
async fn an_invocation_at_its_timeout_is_flushed_when_the_environment_ends() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let config = ports.config(&otlp_http(&backend), "otlp_http");
    let mut sandbox = start(ports.lambda(&config).timeout(Duration::from_secs(2))).await;
    let invoked = sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 2)).await.unwrap();
            std::future::pending::<()>().await;
        })
        .await;
    assert_eq!(invoked.status, simulator::Status::Timeout);
    assert_eq!(backend.items(), 2);
}
