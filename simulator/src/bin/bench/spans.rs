//! Spans as an instrumented HTTP service sends them, 433 bytes each.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span::SpanKind};
use prost::Message;

/// What a span takes on the wire, its share of the resource included, in requests of 100.
pub const BYTES: usize = 433;

/// Different requests: none is so near to its like that a compressor (which looks back 32 KiB) would find it.
const DIFFERENT: u64 = 32;

/// Requests of this many spans each.
pub fn requests(spans: u64) -> Vec<Bytes> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    (0..DIFFERENT).map(|_| request(spans, &mut dice).encode_to_vec().into()).collect()
}

fn request(spans: u64, dice: &mut Dice) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![
            text("service.name", "checkout"),
            text("telemetry.sdk.language", "nodejs"),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.version", "2.0.1"),
            text("cloud.provider", "aws"),
            text("cloud.region", "eu-west-1"),
            text("faas.name", "checkout-prod"),
            number("faas.max_memory", 512 << 20),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "@opentelemetry/instrumentation-http".into(),
        version: "0.203.0".into(),
        ..InstrumentationScope::default()
    };
    let trace_id = [dice.roll().to_be_bytes(), dice.roll().to_be_bytes()].concat();
    let spans = (0..spans).map(|_| span(&trace_id, dice)).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource_spans = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn span(trace_id: &[u8], dice: &mut Dice) -> Span {
    let start = 1_767_225_600_000_000_000 + dice.roll() % 60_000_000_000;
    let order = 100_000 + dice.roll() % 900_000;
    let url = format!(
        "https://inventory.shop.example.com/v2/warehouses/eu-west-1a/orders/{order}/items?expand=price%2Cstock"
    );
    Span {
        trace_id: trace_id.into(),
        span_id: dice.roll().to_be_bytes().into(),
        parent_span_id: dice.roll().to_be_bytes().into(),
        name: "GET /v2/warehouses/{warehouse}/orders/{order}/items".into(),
        kind: SpanKind::Client as i32,
        flags: 257,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_000_000 + dice.roll() % 80_000_000,
        attributes: vec![
            text("http.request.method", ["GET", "PUT"][usize::from(dice.roll().is_multiple_of(8))]),
            text("url.full", &url),
            text("server.address", "inventory.shop.example.com"),
            number("server.port", 443),
            number("http.response.status_code", if dice.roll().is_multiple_of(16) { 404 } else { 200 }),
            text("network.protocol.version", "1.1"),
            text("thread.name", &format!("worker-{}", dice.roll() % 10)),
        ],
        ..Span::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Numbers that look random and are the same in every run (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
