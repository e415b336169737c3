//! The span of the environment's start, from `telemetryapi` through `coldstart` into the trace of the first invocation.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use simulator::otlp::traces;
use simulator::{FakeBackend, Function, Lambda, Sandbox};

use crate::stage::{Ports, start};

/// A function whose spans, and those of its environment, go through `coldstart` to `backend`.
fn lambda(backend: &FakeBackend) -> Lambda {
    let ports = Ports::free();
    ports.lambda(&format!(
        "receivers:
  telemetryapi:
  otlp: {{protocols: {{http: {{endpoint: 'localhost:{}'}}}}}}
processors: {{coldstart: }}
exporters: {{otlp_http: {{endpoint: '{}'}}}}
service: {{pipelines: {{traces: {{receivers: [otlp, telemetryapi], processors: [coldstart], exporters: [otlp_http]}}}}}}
",
        ports.http,
        backend.endpoint()
    ))
}

/// An invocation whose SDK begins a trace of its own, of one span.
async fn invoke(sandbox: &mut Sandbox) {
    let send = |function: Function| async move {
        let mut request = traces("orders", 1);
        let id = Value::StringValue(function.request_id.clone());
        request.resource_spans[0].scope_spans[0].spans[0].attributes = vec![KeyValue {
            key: "faas.invocation_id".into(),
            value: Some(AnyValue { value: Some(id) }),
            ..KeyValue::default()
        }];
        assert!(function.post_otlp(&request).await.unwrap().is_taken());
    };
    sandbox.invoke(send).await;
}

fn names(spans: &[Span]) -> Vec<&str> {
    let mut names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn the_start_joins_the_trace_of_the_first_invocation() {
    let backend = FakeBackend::start().await;
    let mut sandbox = start(lambda(&backend)).await;
    invoke(&mut sandbox).await;
    let spans = backend.spans();
    assert_eq!(names(&spans), ["init orders", "span-0"], "{}", sandbox.extension_output());
    assert_eq!(spans[0].trace_id, spans[1].trace_id);
    assert!(spans.iter().all(|span| span.parent_span_id.is_empty()));
    invoke(&mut sandbox).await;
    assert_eq!(names(&backend.spans()), ["init orders", "span-0", "span-0"]);
}

#[tokio::test]
async fn the_start_is_told_when_the_first_invocation_ends_without_a_span() {
    let backend = FakeBackend::start().await;
    let mut sandbox = start(lambda(&backend)).await;
    sandbox.invoke(|_| async {}).await;
    assert_eq!(names(&backend.spans()), ["init orders"], "{}", sandbox.extension_output());
}

#[tokio::test]
async fn the_start_is_told_when_there_is_no_invocation_at_all() {
    let backend = FakeBackend::start().await;
    let mut sandbox = start(lambda(&backend)).await;
    // What the platform tells of the start has come: at the end it is waited for no longer than 40 ms.
    sandbox.drained().await;
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
    assert_eq!(names(&backend.spans()), ["init orders"], "{}", sandbox.extension_output());
}
