//! What the translation of a span to X-Ray costs, in CPU instructions: `cargo bench -p exporters`.
//!
//! Runs itself under `valgrind --tool=callgrind`, once without and once with the work; counts of instructions are the
//! same on every run, where times on a shared machine are not.

use std::hint::black_box;
use std::process::Command;

use exporters::awsxray::{Facts, Mapping, Settings, translate};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

const SPANS: usize = 100;
const TIMES: usize = 20;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--work") {
        return work(&arguments[at + 1], arguments[at + 2].parse().unwrap_or(0));
    }
    for mapping in ["improved", "contrib"] {
        let counts = [0, TIMES].map(|times| instructions(&arguments[0], mapping, times));
        let [Some(without), Some(with)] = counts else { return println!("not measured: it takes valgrind") };
        println!("{mapping}: {} instructions a span", (with - without) / (SPANS * TIMES) as u64);
    }
}

/// Translates a request of [`SPANS`] spans so many times.
fn work(mapping: &str, times: usize) {
    let mapping = if mapping == "contrib" { Mapping::Contrib } else { Mapping::Improved };
    let settings = Settings { mapping, ..Settings::default() };
    let request = request();
    for _ in 0..times {
        black_box(translate(black_box(&request), &settings, &Facts::default()));
    }
}

fn instructions(program: &str, mapping: &str, times: usize) -> Option<u64> {
    let times = times.to_string();
    let arguments =
        ["--tool=callgrind", "--callgrind-out-file=/dev/null", program, "--work", mapping, &times];
    let output = Command::new("valgrind").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.split("Collected : ").nth(1)?.split_whitespace().next()?.parse().ok()
}

/// Handlers, calls by HTTP, queries and calls by an AWS SDK, in equal parts.
fn request() -> ExportTraceServiceRequest {
    let resource = [
        ("service.name", "orders"),
        ("cloud.provider", "aws"),
        ("cloud.platform", "aws_lambda"),
        ("cloud.region", "eu-west-1"),
        ("faas.name", "orders-fn"),
        ("telemetry.sdk.language", "python"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.version", "1.39.0"),
    ];
    let kinds: [(i32, &[(&str, &str)]); 4] = [
        (
            2,
            &[
                ("faas.trigger", "http"),
                ("http.request.method", "GET"),
                ("url.scheme", "https"),
                ("server.address", "api.example.com"),
                ("url.path", "/orders/17"),
                ("http.route", "/orders/{id}"),
                ("user_agent.original", "curl/8.5"),
                ("client.address", "10.1.2.3"),
            ],
        ),
        (
            3,
            &[
                ("http.request.method", "GET"),
                ("url.full", "https://stock.example.com/items/17?lang=en"),
                ("server.address", "stock.example.com"),
                ("network.protocol.version", "1.1"),
                ("thread.name", "main"),
            ],
        ),
        (
            3,
            &[
                ("db.system.name", "postgresql"),
                ("db.namespace", "shop"),
                ("server.address", "db.example.com"),
                ("db.query.text", "SELECT * FROM orders WHERE id = ?"),
                ("db.operation.name", "SELECT"),
            ],
        ),
        (
            3,
            &[
                ("rpc.system", "aws-api"),
                ("rpc.service", "DynamoDB"),
                ("rpc.method", "PutItem"),
                ("aws.request_id", "K3AEXAMPLE"),
                ("cloud.region", "eu-west-1"),
                ("aws.table_name", "orders"),
            ],
        ),
    ];
    let spans = (0..SPANS).map(|number| {
        let (kind, attributes) = kinds[number % 4];
        Span {
            trace_id: vec![7; 16],
            span_id: vec![number as u8 + 1; 8],
            parent_span_id: vec![9; 8],
            name: "GET /orders/{id}".into(),
            kind,
            start_time_unix_nano: 1_784_350_736_123_456_789,
            end_time_unix_nano: 1_784_350_736_223_456_789,
            attributes: attributes.iter().map(attribute).collect(),
            ..Span::default()
        }
    });
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: resource.iter().map(attribute).collect(),
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

fn attribute((key, value): &(&str, &str)) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue((*value).into())) });
    KeyValue { key: (*key).into(), value, ..KeyValue::default() }
}
