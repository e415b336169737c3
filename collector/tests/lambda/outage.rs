//! Backends that are down, slow, busy or silent: nothing is lost, nothing twice, nobody waits.

use std::time::{Duration, Instant};

use simulator::otlp::traces;
use simulator::{Behaviour, FakeBackend};

use crate::ledger::{Dice, Ledger};
use crate::stage::{HELD_AT_MOST, Ports, sandbox, start};

/// Outages of random length between stretches of health, 200 invocations in all.
async fn survives(away: Behaviour) {
    let backend = FakeBackend::start().await;
    let (mut sandbox, ports) = sandbox(&backend).await;
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

/// While the backend misbehaves, the function's own requests are answered at once and each invocation is held for
/// the budget of a flush at most. Returns how long 20 invocations were held in all.
async fn stays_fast(behaviour: Behaviour) -> Duration {
    let backend = FakeBackend::start().await;
    let (mut sandbox, ports) = sandbox(&backend).await;
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
    // A machine that runs other tests delays some; a collector that waits for its backend would delay all.
    assert!(waits[waits.len() / 4] < Duration::from_millis(5), "{behaviour:?}: {waits:?}");
    assert!(waits[waits.len() * 9 / 10] < Duration::from_millis(100), "{behaviour:?}: {waits:?}");
    held
}

#[tokio::test]
async fn a_backend_that_hangs_does_not_slow_the_function() {
    let held = stays_fast(Behaviour::Hang).await;
    // A second each in which an answer is waited for in full (the 1st, 3rd, 5th, 9th, 17th); moments in the others.
    assert!(held < Duration::from_secs(9), "held {held:?} in all");
}

#[tokio::test]
async fn a_backend_that_is_down_does_not_slow_the_function() {
    let held = stays_fast(Behaviour::Down).await;
    assert!(held < Duration::from_secs(3), "held {held:?} in all");
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
    let mut sandbox = start(ports.lambda(&ports.config(&exporters, "otlp_http/dead, otlp_http/alive"))).await;
    let (ledger, mut dice) = (Ledger::default(), Dice::new(3));
    for _ in 0..20 {
        let (dice, sent) = (&mut dice, ledger.clone());
        let invoked = sandbox.invoke(|function| async move { sent.send(&function, ports, dice).await }).await;
        assert_eq!(alive.items(), ledger.len());
        let done = invoked.function_done + Duration::from_millis(100);
        assert!(alive.requests().last().unwrap().at < done, "the healthy backend waited for the dead one");
    }
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
    let config = ports.config(&crate::stage::otlp_http(&backend), "otlp_http");
    let mut sandbox = start(ports.lambda(&config).timeout(Duration::from_millis(700))).await;
    let invoked = sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 2)).await.unwrap();
            std::future::pending::<()>().await;
        })
        .await;
    assert_eq!(invoked.status, simulator::Status::Timeout);
    assert_eq!(backend.items(), 2);
}
