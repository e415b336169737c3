//! No configuration at all: variables are enough.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use simulator::otlp::{Otlp, body_text, logs, metrics, traces};
use simulator::{FakeBackend, Lambda};

use crate::stage::{COLLECTOR, Ports, patient, start};

/// A function with no configuration, whose collector listens on `ports`.
fn lambda(ports: Ports) -> Lambda {
    let lambda = patient(Lambda::new(COLLECTOR)).otlp_port(ports.http);
    lambda
        .env("OTELCOL_LAMBDA_RECEIVER_OTLP_HTTP_ENDPOINT", format!("localhost:{}", ports.http))
        .env("OTELCOL_LAMBDA_RECEIVER_OTLP_GRPC_ENDPOINT", format!("localhost:{}", ports.grpc))
}

/// Whether the resource has the attribute that the scenario asks for.
fn is_of_the_team(resource: &Option<Resource>) -> bool {
    let mut attributes = resource.iter().flat_map(|resource| &resource.attributes);
    let team = Some(Value::StringValue("checkout".into()));
    attributes.any(|it| it.key == "team" && it.value.as_ref().and_then(|value| value.value.clone()) == team)
}

/// Whether all resources of a request have it.
fn are_of_the_team(request: &Otlp) -> bool {
    match request {
        Otlp::Traces(request) => request.resource_spans.iter().all(|it| is_of_the_team(&it.resource)),
        Otlp::Metrics(request) => request.resource_metrics.iter().all(|it| is_of_the_team(&it.resource)),
        Otlp::Logs(request) => request.resource_logs.iter().all(|it| is_of_the_team(&it.resource)),
    }
}

#[tokio::test]
async fn variables_alone_relay_all_that_the_function_and_the_platform_tell() {
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        let backend = FakeBackend::start().await;
        let lambda = lambda(Ports::free())
            .env("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT", backend.endpoint())
            .env("OTELCOL_LAMBDA_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("OTELCOL_LAMBDA_EXPORTER_OTLP_HEADERS", "x-key=a%20${env:KEY}")
            .env("OTELCOL_LAMBDA_RESOURCE_ATTRIBUTES", "team=checkout")
            .env("KEY", "pa$$word,b=c");
        let mut sandbox = start(lambda).await;
        sandbox
            .invoke(|function| async move {
                assert!(function.post_otlp(&traces("orders", 2)).await.unwrap().is_taken());
                assert!(function.post_otlp(&metrics("orders", 3)).await.unwrap().is_taken());
                assert!(function.post_otlp(&logs("orders", 4)).await.unwrap().is_taken());
                function.log("a line of the function");
            })
            .await;
        sandbox.shutdown().await;
        assert_eq!(sandbox.extension_output(), "");
        for request in backend.requests() {
            assert!(request.accepted && request.grpc == (protocol == "grpc"), "{request:?}");
            assert_eq!(request.headers["x-key"], "a pa$word,b=c");
        }
        assert!(backend.accepted().iter().all(are_of_the_team));
        let mut arrived: BTreeMap<_, usize> = BTreeMap::new();
        backend.spans().iter().for_each(|span| *arrived.entry(span.name.clone()).or_default() += 1);
        assert_eq!((arrived["span-0"], arrived["span-1"]), (1, 1));
        assert!(!backend.metrics().is_empty());
        let lines: Vec<_> = backend.logs().iter().map(body_text).collect();
        assert_eq!(
            lines.iter().filter(|line| line.starts_with("a line of the function")).count(),
            1,
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_function_that_moves_from_rotel_changes_its_layer_alone() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let lambda = patient(Lambda::new(COLLECTOR))
        .otlp_port(ports.http)
        .env("ROTEL_OTLP_HTTP_ENDPOINT", format!("localhost:{}", ports.http))
        .env("ROTEL_OTLP_GRPC_ENDPOINT", format!("localhost:{}", ports.grpc))
        .env("ROTEL_OTLP_EXPORTER_ENDPOINT", backend.endpoint())
        .env("ROTEL_OTLP_EXPORTER_CUSTOM_HEADERS", "Authorization=Bearer a%20b,X-Dataset=d")
        .env("ROTEL_OTEL_RESOURCE_ATTRIBUTES", "team=checkout");
    let mut sandbox = start(lambda).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 2)).await.unwrap();
        })
        .await;
    sandbox.shutdown().await;
    assert_eq!(backend.spans().iter().filter(|span| span.name.starts_with("span-")).count(), 2);
    assert!(backend.requests().iter().all(|it| it.grpc && it.headers["authorization"] == "Bearer a%20b"));
    assert!(backend.accepted().iter().all(are_of_the_team));
    let output = sandbox.extension_output();
    assert_eq!(output.matches("variables of Rotel are understood").count(), 1, "{output}");
}
