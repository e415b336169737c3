//! OTLP requests: the three kinds as one value, and small ones to send.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
use prost::Message;
use std::time::SystemTime;

use crate::clock::random;

/// An OTLP export request of any signal.
#[derive(Clone, Debug, PartialEq)]
pub enum Otlp {
    /// Spans.
    Traces(ExportTraceServiceRequest),
    /// Metrics.
    Metrics(ExportMetricsServiceRequest),
    /// Log records.
    Logs(ExportLogsServiceRequest),
}

/// A message that is an OTLP export request.
pub trait OtlpRequest: Message {
    /// The path over HTTP.
    fn http_path(&self) -> &'static str;
    /// The path over gRPC.
    fn grpc_path(&self) -> &'static str;
}

const TRACES: (&str, &str) = ("/v1/traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
const METRICS: (&str, &str) =
    ("/v1/metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
const LOGS: (&str, &str) = ("/v1/logs", "/opentelemetry.proto.collector.logs.v1.LogsService/Export");

macro_rules! paths {
    ($($message:ty: $paths:ident),*) => {$(
        impl OtlpRequest for $message {
            fn http_path(&self) -> &'static str { $paths.0 }
            fn grpc_path(&self) -> &'static str { $paths.1 }
        }
    )*};
}
paths!(ExportTraceServiceRequest: TRACES, ExportMetricsServiceRequest: METRICS, ExportLogsServiceRequest: LOGS);

impl Otlp {
    /// Decodes a request that came to this path, over HTTP or gRPC; `None` if it is no OTLP path.
    pub fn decode(path: &str, body: &[u8]) -> Option<Result<Otlp, String>> {
        let otlp = match signal_of(path)? {
            "traces" => Message::decode(body).map(Otlp::Traces),
            "metrics" => Message::decode(body).map(Otlp::Metrics),
            _ => Message::decode(body).map(Otlp::Logs),
        };
        Some(otlp.map_err(|error| error.to_string()))
    }

    /// Like [`Otlp::decode`], for OTLP/JSON.
    pub fn decode_json(path: &str, body: &[u8]) -> Option<Result<Otlp, String>> {
        let otlp = match signal_of(path)? {
            "traces" => serde_json::from_slice(body).map(Otlp::Traces),
            "metrics" => serde_json::from_slice(body).map(Otlp::Metrics),
            _ => serde_json::from_slice(body).map(Otlp::Logs),
        };
        Some(otlp.map_err(|error| error.to_string()))
    }

    /// `traces`, `metrics` or `logs`.
    pub fn signal(&self) -> &'static str {
        match self {
            Otlp::Traces(_) => "traces",
            Otlp::Metrics(_) => "metrics",
            Otlp::Logs(_) => "logs",
        }
    }

    /// The number of spans, data points or log records.
    pub fn items(&self) -> usize {
        match self {
            Otlp::Traces(request) => spans_of(request).count(),
            Otlp::Metrics(request) => metrics_of(request).map(points).sum(),
            Otlp::Logs(request) => logs_of(request).count(),
        }
    }
}

fn signal_of(path: &str) -> Option<&'static str> {
    let is = |paths: (&str, &str)| path == paths.1 || path.ends_with(paths.0);
    [("traces", TRACES), ("metrics", METRICS), ("logs", LOGS)]
        .into_iter()
        .find_map(|(signal, paths)| is(paths).then_some(signal))
}

pub(crate) fn spans_of(request: &ExportTraceServiceRequest) -> impl Iterator<Item = &Span> {
    request.resource_spans.iter().flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans)
}

pub(crate) fn metrics_of(request: &ExportMetricsServiceRequest) -> impl Iterator<Item = &Metric> {
    request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics)
        .flat_map(|scope| &scope.metrics)
}

pub(crate) fn logs_of(request: &ExportLogsServiceRequest) -> impl Iterator<Item = &LogRecord> {
    request
        .resource_logs
        .iter()
        .flat_map(|resource| &resource.scope_logs)
        .flat_map(|scope| &scope.log_records)
}

/// The body of a log record, if it is text.
pub fn body_text(record: &LogRecord) -> String {
    match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        _ => String::new(),
    }
}

/// The number of data points of a metric.
pub(crate) fn points(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(metric::Data::Gauge(data)) => data.data_points.len(),
        Some(metric::Data::Sum(data)) => data.data_points.len(),
        Some(metric::Data::Histogram(data)) => data.data_points.len(),
        Some(metric::Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(metric::Data::Summary(data)) => data.data_points.len(),
    }
}

/// A request with this many spans `span-0`, `span-1`, ... of one new trace.
pub fn traces(service: &str, spans: usize) -> ExportTraceServiceRequest {
    let trace_id = [random().to_be_bytes(), random().to_be_bytes()].concat();
    let span = |number: usize| Span {
        trace_id: trace_id.clone(),
        span_id: random().to_be_bytes().to_vec(),
        name: format!("span-{number}"),
        kind: span::SpanKind::Server as i32,
        start_time_unix_nano: now_ns(),
        end_time_unix_nano: now_ns() + 1_000_000,
        ..Span::default()
    };
    let scope = ScopeSpans { scope: scope(), spans: (0..spans).map(span).collect(), ..ScopeSpans::default() };
    let resource =
        ResourceSpans { resource: resource(service), scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }
}

/// A request with one gauge of this many data points `0`, `1`, ...
pub fn metrics(service: &str, points: usize) -> ExportMetricsServiceRequest {
    let point = |number: usize| NumberDataPoint {
        time_unix_nano: now_ns(),
        value: Some(number_data_point::Value::AsInt(number as i64)),
        ..NumberDataPoint::default()
    };
    let data = metric::Data::Gauge(Gauge { data_points: (0..points).map(point).collect() });
    let metric = Metric { name: "gauge".into(), unit: "1".into(), data: Some(data), ..Metric::default() };
    let scope = ScopeMetrics { scope: scope(), metrics: vec![metric], ..ScopeMetrics::default() };
    let resource = ResourceMetrics {
        resource: resource(service),
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }
}

/// A request with this many log records `log-0`, `log-1`, ...
pub fn logs(service: &str, records: usize) -> ExportLogsServiceRequest {
    let record = |number: usize| LogRecord {
        time_unix_nano: now_ns(),
        severity_text: "INFO".into(),
        severity_number: 9,
        body: Some(text(&format!("log-{number}"))),
        ..LogRecord::default()
    };
    let scope =
        ScopeLogs { scope: scope(), log_records: (0..records).map(record).collect(), ..ScopeLogs::default() };
    let resource =
        ResourceLogs { resource: resource(service), scope_logs: vec![scope], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource] }
}

fn resource(service: &str) -> Option<Resource> {
    let name = KeyValue { key: "service.name".into(), value: Some(text(service)), ..KeyValue::default() };
    Some(Resource { attributes: vec![name], ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: "simulator".into(), ..InstrumentationScope::default() })
}

fn text(value: &str) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(value.into())) }
}

fn now_ns() -> u64 {
    crate::clock::epoch_ms(SystemTime::now()) * 1_000_000
}
