//! What tests of exporters are made of.
#![allow(dead_code, missing_docs, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

pub mod aws;
pub mod backend;
pub mod prometheus;
pub mod sigv4;

use std::time::Duration;

use bytes::Bytes;
use config::{Env, Id, Node};
use exporters::auth::{self, Shared};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::{Batch, Budget, Context, Delivered, Exporter, Factory, Signal, Undelivered};
use prost::Message;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

pub use backend::{Backend, Reply};

/// A port that nobody listens on, nor ever takes while tests run side by side: the kernel does not choose it.
pub const CLOSED: u16 = 1;

/// Runs a test as the collector runs: on one thread.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async { tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test hangs") };
    LocalSet::new().block_on(&runtime, test);
}

/// The exporter of that name and YAML.
pub fn build(name: &str, yaml: &str, env: &[(&str, &str)]) -> Result<Box<dyn Exporter>, String> {
    build_of(exporters::all(&Shared::default()), name, yaml, env)
}

/// The exporter of that name and YAML, which may name the extension of that id and YAML.
pub fn build_with(
    (extension, its_yaml): (&str, &str),
    (name, yaml): (&str, &str),
    env: &[(&str, &str)],
) -> Result<Box<dyn Exporter>, String> {
    let shared = Shared::default();
    let built = build_of(auth::all(&shared), extension, its_yaml, env)?;
    shared.declare(extension.parse().unwrap(), Some(built), true);
    build_of(exporters::all(&shared), name, yaml, env)
}

fn build_of<T: ?Sized>(
    factories: Vec<Factory<T>>,
    id: &str,
    yaml: &str,
    env: &[(&str, &str)],
) -> Result<Box<T>, String> {
    let env = Env::from_iter(env.iter().copied());
    let node = Node::parse(yaml, &env).map_err(|mistakes| mistakes.to_string())?;
    let kind = id.parse::<Id>().unwrap().kind;
    let factory = factories.into_iter().find(|factory| factory.is_called(&kind)).unwrap();
    let context = Context { env, ..context(id) };
    (factory.build)(&node, &context).map_err(|mistakes| mistakes.to_string())
}

/// What a component of that id is built with, in an empty environment.
pub fn context(id: &str) -> Context {
    Context {
        id: id.parse().unwrap(),
        env: Env::default(),
        budget: Budget::new(usize::MAX),
        user_agent: "otelcol-lambda/0.0.0".into(),
        host: pipeline::Host::default(),
    }
}

/// The exporter of that name and YAML, which are sound.
pub fn exporter(name: &str, yaml: &str) -> Box<dyn Exporter> {
    build(name, yaml, &[]).unwrap()
}

/// A batch of one part with `spans` spans.
pub fn traces(spans: usize) -> Batch {
    let span = |number: usize| Span {
        name: format!("GET /orders/{number}"),
        trace_id: vec![7; 16],
        span_id: vec![8; 8],
        ..Span::default()
    };
    let spans = (0..spans).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let request = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    admit(Signal::Traces, request.into())
}

pub fn admit(signal: Signal, bytes: Bytes) -> Batch {
    let lease = Budget::new(usize::MAX).lease(bytes.len()).unwrap();
    Batch::admit(signal, bytes, lease).unwrap()
}

/// The batch's bytes back to back.
pub fn bytes(batch: &Batch) -> Vec<u8> {
    batch.parts().flat_map(|part| part.to_vec()).collect()
}

/// Why the batch is to be sent again later; panics if it is not.
pub fn retry(outcome: Result<Delivered, Undelivered>) -> String {
    match outcome {
        Err(Undelivered::Retry { cause, .. }) => cause.to_string(),
        other => panic!("not to be tried again: {other:?}"),
    }
}

/// A listener for servers that don't keep to HTTP, and its port.
pub async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The head of one HTTP/1.1 request.
pub async fn read_head(tcp: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The head and body of one HTTP/1.1 request.
pub async fn read_request(tcp: &mut TcpStream) -> (String, Vec<u8>) {
    let head = read_head(tcp).await;
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    tcp.read_exact(&mut body).await.unwrap();
    (head, body)
}
