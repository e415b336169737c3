//! What only several of the platform's events tell: failures, spans and metrics, from the real binary.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use simulator::{FakeBackend, Lambda, Outcome, Status};

use crate::stage::{COLLECTOR, patient, start};

#[tokio::test]
async fn each_invocation_is_one_span_and_each_failure_one_record_whatever_ends_the_environment() {
    let backend = FakeBackend::start().await;
    let lambda = patient(Lambda::new(COLLECTOR)).timeout(Duration::from_secs(4)).config(&format!(
        "receivers: {{telemetryapi: {{invocation_spans: true, metrics_temporality: delta}}}}
exporters: {{otlp_http: {{endpoint: '{}'}}}}
service:
  pipelines:
    traces: {{receivers: [telemetryapi], exporters: [otlp_http]}}
    metrics: {{receivers: [telemetryapi], exporters: [otlp_http]}}
    logs: {{receivers: [telemetryapi], exporters: [otlp_http]}}
",
        backend.endpoint()
    ));
    let mut sandbox = start(lambda).await;
    assert_eq!(sandbox.invoke(|_| async {}).await.status, Status::Success);
    let crashed = sandbox.invoke(|_| async { Outcome::Crash }).await;
    assert!(matches!(crashed.status, Status::Failed(_)), "{:?}", crashed.status);
    let late = sandbox.invoke(|_| async { std::future::pending::<()>().await }).await;
    assert_eq!(late.status, Status::Timeout);
    assert_eq!(sandbox.invoke(|_| async {}).await.status, Status::Success);
    sandbox.shutdown().await;

    let words = |record: opentelemetry_proto::tonic::logs::v1::LogRecord| match record.body?.value? {
        Value::StringValue(text) if record.event_name == "faas.invocation.exception" => Some(text),
        _ => None,
    };
    let failures: Vec<_> = backend.logs().into_iter().filter_map(words).collect();
    let told = |what: &str| failures.iter().filter(|failure| failure.contains(what)).count();
    assert_eq!((failures.len(), told("failed"), told("timed out")), (2, 1, 1), "{failures:?}");

    let spans = backend.spans();
    let servers: Vec<_> = spans.iter().filter(|span| span.kind == 2).collect();
    assert_eq!(servers.len(), 4, "{spans:?}");
    let failed = servers.iter().filter(|span| span.status.as_ref().is_some_and(|status| status.code == 2));
    assert_eq!(failed.count(), 2);
    let inits: Vec<_> = spans.iter().filter(|span| span.name.starts_with("init ")).collect();
    assert_eq!(inits.len(), 3, "one for each life of the environment");
    assert!(inits.iter().all(|init| servers.iter().any(|span| span.trace_id == init.trace_id)), "{spans:?}");

    let count = |name: &str| {
        let metrics = backend.metrics().into_iter().filter(|metric| metric.name == name);
        metrics.map(|metric| format!("{:?}", metric.data)).filter(|data| data.contains("AsInt(1)")).count()
    };
    assert_eq!((count("faas.timeouts"), count("faas.errors")), (1, 1));
}
