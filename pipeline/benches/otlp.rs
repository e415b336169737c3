//! What a span costs on its way through a batch, in CPU instructions: `cargo bench -p pipeline`.
//!
//! Runs itself under `valgrind --tool=callgrind` once for each operation; counts of instructions are the same on
//! every run, where times on a shared machine are not.

use std::hint::black_box;
use std::process::Command;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};
use pipeline::{Batch, Budget, Signal};
use prost::Message;

const SPANS: usize = 100;

/// What is measured: its name, and what is done again and again.
type Operation = (&'static str, fn(&Input));

struct Input {
    protobuf: Bytes,
    json: Vec<u8>,
    batch: Batch,
    budget: Budget,
}

const OPERATIONS: &[Operation] = &[
    ("admit", |input| drop(black_box(admit(input)))),
    ("prost: decode", |input| drop(black_box(ExportTraceServiceRequest::decode(&input.protobuf[..])))),
    ("prost: decode and encode", |input| {
        let request = ExportTraceServiceRequest::decode(&input.protobuf[..]).unwrap_or_default();
        drop(black_box(request.encode_to_vec()));
    }),
    ("merge of two", |input| {
        let mut batch = input.batch.clone();
        batch.merge(input.batch.clone());
        drop(black_box(batch));
    }),
    ("edit of the resource", |input| {
        let mut batch = input.batch.clone();
        batch.edit_resources(|attributes| attributes.push(attribute("deployment.environment", text("test"))));
        drop(black_box(batch));
    }),
    ("edit", |input| {
        let mut batch = input.batch.clone();
        batch.edit(|request: &mut ExportTraceServiceRequest| request.resource_spans[0].schema_url.clear());
        drop(black_box(batch));
    }),
    ("split in half", |input| {
        let mut batch = input.batch.clone();
        drop(black_box(batch.split_off_items(SPANS / 2)));
    }),
    ("admit of JSON", |input| {
        if let Ok(lease) = input.budget.lease(input.json.len()) {
            drop(black_box(Batch::admit_json(Signal::Traces, &input.json, lease)));
        }
    }),
    ("to JSON", |input| drop(black_box(input.batch.to_json()))),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments[..] {
        [name, times] => run(name, times.parse().unwrap_or(0)),
        _ => {
            let bytes = request().encoded_len();
            println!("{SPANS} spans, {} bytes each", bytes / SPANS);
            for (name, _) in OPERATIONS {
                match instructions(name) {
                    Some(count) => println!("{name:<26} {:>8} instructions a span", count / SPANS as u64),
                    None => println!("{name:<26} not measured: it takes valgrind"),
                }
            }
        }
    }
}

/// Does the operation `name` so many times.
fn run(name: &str, times: u32) {
    let budget = Budget::new(1 << 30);
    let protobuf = Bytes::from(request().encode_to_vec());
    let Ok(lease) = budget.lease(protobuf.len()) else { return };
    let Ok(batch) = Batch::admit(Signal::Traces, protobuf.clone(), lease) else { return };
    let input = Input { json: batch.to_json(), protobuf, batch, budget };
    for (_, operation) in OPERATIONS.iter().filter(|(known, _)| *known == name) {
        (0..times).for_each(|_| operation(&input));
    }
}

fn admit(input: &Input) -> Option<Batch> {
    Batch::admit(Signal::Traces, input.protobuf.clone(), input.budget.lease(0).ok()?).ok()
}

/// The instructions of one operation: those of eleven less those of one, by ten.
fn instructions(name: &str) -> Option<u64> {
    let count = |times: &str| {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe().ok()?)
            .args([name, times])
            .output()
            .ok()?;
        let report = String::from_utf8(output.stderr).ok()?;
        report.split("Collected :").nth(1)?.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some((count("11")? - count("1")?) / 10)
}

/// A request as an instrumented HTTP service sends it.
fn request() -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![
            attribute("service.name", text("orders")),
            attribute("telemetry.sdk.language", text("nodejs")),
            attribute("telemetry.sdk.version", text("2.0.1")),
            attribute("cloud.provider", text("aws")),
            attribute("faas.name", text("orders-prod")),
            attribute("faas.max_memory", Value::IntValue(512 << 20)),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "@opentelemetry/instrumentation-http".to_owned(),
        version: "0.203.0".to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = (0..SPANS as u64).map(span).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let entry = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![entry] }
}

fn span(number: u64) -> Span {
    let start = 1_767_225_600_000_000_000 + number * 1_000_000;
    let event = Event {
        time_unix_nano: start + 500,
        name: "retry".to_owned(),
        attributes: vec![attribute("attempt", Value::IntValue(2))],
        ..Event::default()
    };
    Span {
        trace_id: u128::from((number + 1) * 0x0123_4567_89ab_cdef).to_be_bytes().to_vec(),
        span_id: (number + 1).to_be_bytes().to_vec(),
        parent_span_id: (number + 2).to_be_bytes().to_vec(),
        name: "GET /orders/{id}".to_owned(),
        kind: 3,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 40_000_000,
        flags: 257,
        attributes: vec![
            attribute("http.request.method", text("GET")),
            attribute(
                "url.full",
                text(&format!("https://orders.example.com/orders/{number:06}?expand=items")),
            ),
            attribute("server.address", text("orders.example.com")),
            attribute("client.address", text("203.0.113.195")),
            attribute("server.port", Value::IntValue(443)),
            attribute("http.response.status_code", Value::IntValue(200)),
            attribute("network.protocol.version", text("1.1")),
            attribute("user_agent.original", text("node-fetch/1.0")),
            attribute("http.request.resend", Value::BoolValue(number.is_multiple_of(4))),
        ],
        events: (number.is_multiple_of(4)).then_some(event).into_iter().collect(),
        status: Some(Status::default()),
        ..Span::default()
    }
}

fn text(value: &str) -> Value {
    Value::StringValue(value.to_owned())
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
