//! The configurations in `layer/examples`, against a backend: where their requests go, with which headers.

use std::path::Path;

use prost::Message;
use simulator::FakeBackend;
use simulator::otlp::{Otlp, logs, metrics, traces};

use crate::stage::{Ports, start};

/// An example that sends OTLP without AWS's signatures.
struct Example {
    file: &'static str,
    /// The variable that names the backend.
    endpoint: &'static str,
    env: &'static [(&'static str, &'static str)],
    header: (&'static str, &'static str),
}

const EXAMPLES: [Example; 6] = [
    Example {
        file: "honeycomb.yaml",
        endpoint: "HONEYCOMB_ENDPOINT",
        env: &[("HONEYCOMB_API_KEY", "k")],
        header: ("x-honeycomb-team", "k"),
    },
    Example {
        file: "new-relic.yaml",
        endpoint: "NEW_RELIC_ENDPOINT",
        env: &[("NEW_RELIC_LICENSE_KEY", "k")],
        header: ("api-key", "k"),
    },
    Example {
        file: "grafana-cloud.yaml",
        endpoint: "GRAFANA_CLOUD_ENDPOINT",
        env: &[("GRAFANA_CLOUD_INSTANCE_ID", "123"), ("GRAFANA_CLOUD_TOKEN", "t")],
        header: ("authorization", "Basic MTIzOnQ="),
    },
    Example {
        file: "grafana-self-hosted.yaml",
        endpoint: "TEMPO_ENDPOINT",
        env: &[("TENANT", "shop")],
        header: ("x-scope-orgid", "shop"),
    },
    Example {
        file: "clickstack.yaml",
        endpoint: "CLICKSTACK_ENDPOINT",
        env: &[("CLICKSTACK_API_KEY", "k")],
        header: ("authorization", "k"),
    },
    Example {
        file: "datadog.yaml",
        endpoint: "DATADOG_ENDPOINT",
        env: &[("DD_API_KEY", "k")],
        header: ("dd-api-key", "k"),
    },
];

#[tokio::test]
async fn each_example_reaches_its_backend_with_the_key_that_it_wants() {
    for example in EXAMPLES {
        let backend = FakeBackend::start().await;
        let ports = Ports::free();
        let mut lambda = ports.lambda(&on(ports, example.file)).env(example.endpoint, backend.endpoint());
        for other in ["MIMIR_ENDPOINT", "LOKI_ENDPOINT"] {
            lambda = lambda.env(other, backend.endpoint());
        }
        for (name, value) in example.env {
            lambda = lambda.env(*name, *value);
        }
        relay(lambda, &backend, example.file).await;
        let (name, value) = example.header;
        for request in backend.requests() {
            assert_eq!(request.headers.get(name).unwrap(), value, "{}", example.file);
        }
    }
}

#[tokio::test]
async fn the_example_for_a_collector_of_ones_own_speaks_grpc() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let address = backend.endpoint().replace("http://", "");
    let lambda = ports.lambda(&on(ports, "collector.yaml")).env("COLLECTOR_ENDPOINT", address);
    relay(lambda, &backend, "collector.yaml").await;
    assert!(backend.requests().iter().all(|request| request.grpc));
}

#[tokio::test]
async fn mimir_and_loki_are_asked_where_they_take_otlp() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let mut lambda = ports.lambda(&on(ports, "grafana-self-hosted.yaml"));
    for name in ["TEMPO_ENDPOINT", "MIMIR_ENDPOINT", "LOKI_ENDPOINT"] {
        lambda = lambda.env(name, backend.endpoint());
    }
    let mut sandbox = start(lambda).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&metrics("orders", 1)).await.unwrap();
            function.post_otlp(&logs("orders", 1)).await.unwrap();
        })
        .await;
    let paths: Vec<_> = backend.requests().into_iter().map(|request| request.path).collect();
    for path in ["/otlp/v1/metrics", "/otlp/v1/logs"] {
        assert!(paths.iter().any(|it| it == path), "{paths:?}");
    }
}

/// The example with the receivers on these ports.
fn on(ports: Ports, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../layer/examples").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let Ports { http, grpc } = ports;
    text.replace("      grpc:\n", &format!("      grpc: {{ endpoint: 'localhost:{grpc}' }}\n"))
        .replace("      http:\n", &format!("      http: {{ endpoint: 'localhost:{http}' }}\n"))
}

/// Sends a trace through the collector, and wants it at the backend when the invocation ends.
async fn relay(lambda: simulator::Lambda, backend: &FakeBackend, file: &str) {
    let mut sandbox = start(lambda).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 3)).await.unwrap();
        })
        .await;
    let spans = backend.requests().iter().any(|request| {
        request.accepted && matches!(&request.otlp, Ok(Otlp::Traces(it)) if it.encoded_len() > 0)
    });
    assert!(spans, "{file}: {}", sandbox.extension_output());
}
