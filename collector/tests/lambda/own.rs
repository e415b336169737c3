//! What becomes of the telemetry, told by the collector as metrics of its own.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use simulator::otlp::{logs, traces};
use simulator::{FakeBackend, Function, Otlp};

use crate::stage::{Ports, otlp_http, start};

/// Name, the id of the component, and value of each number that `backend` was told last.
fn told(backend: &FakeBackend) -> Vec<(String, String, i64)> {
    let Some(Otlp::Metrics(request)) = backend.accepted().pop() else { return Vec::new() };
    let mut told = Vec::new();
    for metric in
        request.resource_metrics.into_iter().flat_map(|it| it.scope_metrics).flat_map(|it| it.metrics)
    {
        let Some(Data::Sum(sum)) = metric.data else { continue };
        for point in sum.data_points {
            let id = point.attributes.into_iter().next().and_then(|attribute| attribute.value?.value);
            let (Some(Value::StringValue(id)), Some(Number::AsInt(value))) = (id, point.value) else {
                continue;
            };
            told.push((metric.name.clone(), id, value));
        }
    }
    told
}

async fn send(function: Function) {
    assert!(function.post_otlp(&traces("orders", 2)).await.unwrap().is_taken());
    assert!(function.post_otlp(&logs("orders", 1)).await.unwrap().is_taken());
}

#[tokio::test]
async fn what_was_taken_and_sent_is_told_over_http_and_grpc() {
    for protocol in ["http/protobuf", "grpc"] {
        let (backend, own, ports) = (FakeBackend::start().await, FakeBackend::start().await, Ports::free());
        let exporter = format!(
            "{{protocol: {protocol}, endpoint: '{}', headers: [{{name: x-key, value: k}}]}}",
            own.endpoint()
        );
        let telemetry = format!(
            "  telemetry: {{metrics: {{readers: [{{periodic: {{interval: 0, exporter: {{otlp: {exporter}}}}}}}]}}}}\n"
        );
        let config = ports.config(&otlp_http(&backend), "otlp_http") + &telemetry;
        let mut sandbox = start(ports.lambda(&config)).await;
        sandbox.invoke(send).await;
        sandbox.invoke(send).await;
        sandbox.shutdown().await;
        let output = sandbox.extension_output();
        let expected = [
            ("otelcol_exporter_sent_spans", "otlp_http", 4),
            ("otelcol_exporter_sent_log_records", "otlp_http", 2),
            ("otelcol_receiver_accepted_spans", "otlp", 4),
            ("otelcol_receiver_accepted_log_records", "otlp", 2),
        ];
        let expected = expected.map(|(name, id, value)| (name.to_owned(), id.to_owned(), value));
        assert_eq!(told(&own), expected, "{output}");
        assert!(own.requests().iter().all(|request| request.headers["x-key"] == "k"));
        assert_eq!((backend.metrics().len(), output.as_str()), (0, ""));
    }
}

#[tokio::test]
async fn nothing_is_told_unless_it_is_asked_for() {
    let (own, ports) = (FakeBackend::start().await, Ports::free());
    let telemetry = format!(
        "  telemetry: {{metrics: {{level: none, readers: [{{periodic: {{exporter: {{otlp: {{endpoint: '{}'}}}}}}}}]}}}}\n",
        own.endpoint()
    );
    let config = ports.config("{nop: }", "nop") + &telemetry;
    let mut sandbox = start(ports.lambda(&config)).await;
    sandbox.invoke(send).await;
    sandbox.shutdown().await;
    assert_eq!(own.requests().len(), 0);
}
