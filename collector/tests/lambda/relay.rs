//! The main job: what was acknowledged has arrived before the sandbox freezes.

use std::time::Duration;

use simulator::FakeBackend;
use simulator::otlp::traces;

use crate::ledger::{Dice, Ledger};
use crate::stage::{Ports, otlp_http, sandbox, start};

#[tokio::test]
async fn everything_acknowledged_in_1000_invocations_arrives_once_before_its_freeze() {
    let backend = FakeBackend::start().await;
    let (mut sandbox, ports) = sandbox(&backend).await;
    let (ledger, mut dice) = (Ledger::default(), Dice::new(0x5eed));
    for invocation in 0..1000 {
        let dice = &mut dice;
        let sent = ledger.clone();
        sandbox
            .invoke(|function| async move {
                for _ in 0..dice.roll(4) {
                    sent.send(&function, ports, dice).await;
                    tokio::time::sleep(Duration::from_micros(dice.roll(3000))).await;
                }
            })
            .await;
        assert_eq!(backend.items(), ledger.len(), "invocation {invocation}\n{}", sandbox.extension_output());
    }
    ledger.assert_arrived_once(&backend);
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
}

#[tokio::test]
async fn several_requests_at_once_all_arrive() {
    let backend = FakeBackend::start().await;
    let (mut sandbox, ports) = sandbox(&backend).await;
    let ledger = Ledger::default();
    for round in 0..10 {
        let sent = ledger.clone();
        sandbox
            .invoke(|function| async move {
                let sending = (0..20).map(|n| {
                    let (function, sent) = (function.clone(), sent.clone());
                    async move { sent.send(&function, ports, &mut Dice::new(1 + round * 100 + n)).await }
                });
                futures_util::future::join_all(sending).await;
            })
            .await;
        assert_eq!(backend.items(), ledger.len());
    }
    ledger.assert_arrived_once(&backend);
}

#[tokio::test]
async fn what_the_batch_processor_holds_leaves_with_the_invocation() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let config = ports
        .config(&otlp_http(&backend), "otlp_http")
        .replace("traces: {receivers: [otlp],", "traces: {receivers: [otlp], processors: [batch, resource],");
    let config = format!(
        "{config}processors: {{batch: {{timeout: 60s}}, resource: {{attributes: [{{key: team, value: checkout, action: upsert}}]}}}}\n"
    );
    let mut sandbox = start(ports.lambda(&config)).await;
    sandbox
        .invoke(|function| async move {
            for _ in 0..5 {
                function.post_otlp(&traces("orders", 3)).await.unwrap();
            }
        })
        .await;
    assert_eq!(backend.items(), 15);
    let requests = backend.accepted();
    assert_eq!(requests.len(), 1, "one request, gathered by the processor");
    let simulator::otlp::Otlp::Traces(request) = &requests[0] else { panic!("{requests:?}") };
    for resource in &request.resource_spans {
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        assert!(attributes.iter().any(|attribute| attribute.key == "team"), "{attributes:?}");
    }
}

#[tokio::test]
async fn over_grpc_it_is_the_same() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let exporters = format!("{{otlp_grpc: {{endpoint: '{}'}}}}", backend.endpoint());
    let mut sandbox = start(ports.lambda(&ports.config(&exporters, "otlp_grpc"))).await;
    let (ledger, mut dice) = (Ledger::default(), Dice::new(7));
    for _ in 0..50 {
        let (dice, sent) = (&mut dice, ledger.clone());
        sandbox.invoke(|function| async move { sent.send(&function, ports, dice).await }).await;
        assert_eq!(backend.items(), ledger.len());
    }
    ledger.assert_arrived_once(&backend);
    assert!(backend.requests().iter().all(|request| request.grpc));
}

#[tokio::test]
async fn what_comes_after_the_last_invocation_leaves_at_shutdown() {
    let backend = FakeBackend::start().await;
    let (mut sandbox, _) = sandbox(&backend).await;
    // A backend that is away at the last invocation and back when the environment ends.
    backend.behave(simulator::Behaviour::Down).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 4)).await.unwrap();
        })
        .await;
    assert_eq!(backend.items(), 0);
    backend.behave(simulator::Behaviour::Accept).await;
    let ended = sandbox.shutdown().await;
    assert_eq!((ended.extensions[0].code, backend.items()), (Some(0), 4));
}

#[tokio::test]
async fn an_exporter_that_names_an_extension_signs_with_the_functions_role() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let exporters =
        format!("{{otlp_http: {{endpoint: '{}', auth: {{authenticator: sigv4auth}}}}}}", backend.endpoint());
    let config = ports.config(&exporters, "otlp_http");
    let config = config.replace(
        "service:\n",
        "extensions: {sigv4auth: {service: xray}}\nservice:\n  extensions: [sigv4auth]\n",
    );
    let mut sandbox = start(ports.lambda(&config)).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 3)).await.unwrap();
        })
        .await;
    let requests = backend.requests();
    let header = |name: &str| requests[0].headers[name].to_str().unwrap();
    assert!(header("authorization").contains("/eu-west-1/xray/aws4_request, SignedHeaders="), "{requests:?}");
    assert!(!header("x-amz-security-token").is_empty());
    assert_eq!(backend.items(), 3);
}
