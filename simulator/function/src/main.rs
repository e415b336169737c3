//! A small instrumented function: per invocation two spans, a counter, a histogram and a log record, sent over
//! OTLP/HTTP to the collector beside it before the invocation ends.

use std::time::{Duration, Instant};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry::trace::{Span, SpanContext, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use serde_json::{Value, json};

const NAME: &str = "orders";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = Telemetry::start()?;
    lambda_runtime::run(service_fn(|event| handle(&telemetry, event))).await
}

/// Takes an order. The answer says what was recorded, so that the caller can look for it.
async fn handle(telemetry: &Telemetry, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let begun = Instant::now();
    let request_id = event.context.request_id;
    let span = telemetry
        .tracer
        .span_builder("take order")
        .with_kind(SpanKind::Server)
        .with_attributes([KeyValue::new("faas.invocation_id", request_id)])
        .start(&telemetry.tracer);
    let context = Context::current_with_span(span);

    let mut charge = telemetry.tracer.start_with_context("charge card", &context);
    tokio::time::sleep(Duration::from_millis(20)).await;
    charge.end();

    telemetry.orders.add(1, &[]);
    telemetry.duration.record(begun.elapsed().as_secs_f64(), &[]);
    telemetry.log("order taken", context.span().span_context());
    context.span().end();

    let ids = [context.span().span_context().span_id(), charge.span_context().span_id()];
    telemetry.flush().await?;
    Ok(json!({
        "spans": ids.map(|id| id.to_string()), "log_records": 1, "metrics": ["orders", "order.duration"],
    }))
}

/// The SDK's three providers and what this function records with.
struct Telemetry {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    logs: SdkLoggerProvider,
    tracer: SdkTracer,
    logger: SdkLogger,
    orders: Counter<u64>,
    duration: Histogram<f64>,
}

impl Telemetry {
    /// With the SDK's defaults: `http://localhost:4318` unless the `OTEL_*` variables say otherwise.
    fn start() -> Result<Telemetry, Error> {
        let spans = SpanExporter::builder().with_http().build()?;
        let points = MetricExporter::builder().with_http().build()?;
        let records = LogExporter::builder().with_http().build()?;
        let traces = SdkTracerProvider::builder().with_batch_exporter(spans).build();
        let metrics = SdkMeterProvider::builder().with_periodic_exporter(points).build();
        let logs = SdkLoggerProvider::builder().with_batch_exporter(records).build();
        let meter = metrics.meter(NAME);
        Ok(Telemetry {
            tracer: traces.tracer(NAME),
            logger: logs.logger(NAME),
            orders: meter.u64_counter("orders").build(),
            duration: meter.f64_histogram("order.duration").with_unit("s").build(),
            traces,
            metrics,
            logs,
        })
    }

    fn log(&self, text: &'static str, span: &SpanContext) {
        let mut record = self.logger.create_log_record();
        record.set_severity_number(Severity::Info);
        record.set_severity_text("INFO");
        record.set_body(AnyValue::from(text));
        record.set_trace_context(span.trace_id(), span.span_id(), Some(span.trace_flags()));
        self.logger.emit(record);
    }

    /// Nothing may stay behind: after the answer this process is frozen.
    async fn flush(&self) -> Result<(), Error> {
        let (traces, metrics, logs) = (self.traces.clone(), self.metrics.clone(), self.logs.clone());
        let flushed = tokio::task::spawn_blocking(move || {
            traces.force_flush()?;
            metrics.force_flush()?;
            logs.force_flush()
        });
        Ok(flushed.await??)
    }
}
