//! A fake backend on loopback, and what tests of exporters are made of.
#![allow(dead_code, missing_docs, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::{Env, Node};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::{Batch, Budget, Context, Delivered, Exporter, Signal, Undelivered};
use prost::Message;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;

/// Runs a test as the collector runs: on one thread.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async { tokio::time::timeout(Duration::from_secs(10), test).await.expect("the test hangs") };
    LocalSet::new().block_on(&runtime, test);
}

/// The exporter of that name and YAML.
pub fn build(name: &str, yaml: &str, env: &[(&str, &str)]) -> Result<Box<dyn Exporter>, String> {
    let env = Env::from_iter(env.iter().copied());
    let node = Node::parse(yaml, &env).map_err(|mistakes| mistakes.to_string())?;
    let context = Context {
        id: name.parse().unwrap(),
        env,
        budget: Budget::new(usize::MAX),
        user_agent: "otelcol-lambda/0.0.0".into(),
    };
    let factory = exporters::all().into_iter().find(|factory| factory.is_called(name)).unwrap();
    (factory.build)(&node, &context).map_err(|mistakes| mistakes.to_string())
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

/// What the backend is to be sent again later for, or the panic that it was not so.
pub fn retry(outcome: Result<Delivered, Undelivered>) -> String {
    match outcome {
        Err(Undelivered::Retry { cause, .. }) => cause.to_string(),
        other => panic!("not to be tried again: {other:?}"),
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Which connection it came on, from 0.
    pub connection: usize,
    pub method: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// An answer to be sent.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    pub trailers: Vec<(&'static str, String)>,
    /// Never to be sent.
    pub hangs: bool,
    /// To be sent only when so many requests have arrived.
    pub once_arrived: usize,
}

impl Reply {
    pub fn ok() -> Reply {
        Reply { status: 200, ..Reply::default() }
    }

    /// A gRPC answer that says `status`.
    pub fn grpc(status: &str) -> Reply {
        Reply {
            headers: vec![("content-type", "application/grpc".into())],
            body: Bytes::from_static(&[0; 5]),
            trailers: vec![("grpc-status", status.into())],
            ..Reply::ok()
        }
    }
}

type Frames = StreamBody<futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

/// A backend on a port of its own.
#[derive(Clone)]
pub struct Backend(Rc<State>);

struct State {
    port: u16,
    received: RefCell<Vec<Received>>,
    connections: Cell<usize>,
    answer: Box<dyn Fn(&Received) -> Reply>,
    arrived: tokio::sync::Notify,
    /// Tells open connections to finish what they have and go.
    leave: tokio::sync::Notify,
}

impl Backend {
    /// HTTP/1.1 without TLS.
    pub async fn http(answer: impl Fn(&Received) -> Reply + 'static) -> Backend {
        Backend::serve(false, None, answer).await
    }

    /// HTTP/2 without TLS.
    pub async fn grpc(answer: impl Fn(&Received) -> Reply + 'static) -> Backend {
        Backend::serve(true, None, answer).await
    }

    pub async fn serve(
        http2: bool,
        tls: Option<ServerConfig>,
        answer: impl Fn(&Received) -> Reply + 'static,
    ) -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = Backend(Rc::new(State {
            port: listener.local_addr().unwrap().port(),
            received: RefCell::default(),
            connections: Cell::new(0),
            answer: Box::new(answer),
            arrived: tokio::sync::Notify::new(),
            leave: tokio::sync::Notify::new(),
        }));
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let accepting = backend.clone();
        spawn_local(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let number = accepting.0.connections.replace(accepting.connections() + 1);
                let (backend, tls) = (accepting.clone(), tls.clone());
                spawn_local(async move {
                    match tls {
                        None => backend.connection(tcp, number, http2).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(tcp).await {
                                backend.connection(stream, number, http2).await;
                            }
                        }
                    }
                });
            }
        });
        backend
    }

    async fn connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        number: usize,
        http2: bool,
    ) {
        let backend = self.clone();
        let service = service_fn(move |request| {
            let backend = backend.clone();
            async move { backend.answer(number, request).await }
        });
        let io = TokioIo::new(stream);
        // How a connection ends is the client's affair.
        if http2 {
            let connection = http2::Builder::new(Local).serve_connection(io, service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => return,
                () = self.0.leave.notified() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        } else {
            let connection = http1::Builder::new().serve_connection(io, service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => return,
                () = self.0.leave.notified() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        }
    }

    async fn answer(
        &self,
        connection: usize,
        request: Request<Incoming>,
    ) -> Result<Response<Frames>, hyper::Error> {
        let (head, body) = request.into_parts();
        let received = Received {
            connection,
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        };
        let reply = (self.0.answer)(&received);
        self.0.received.borrow_mut().push(received);
        self.0.arrived.notify_waiters();
        if reply.hangs {
            std::future::pending::<()>().await;
        }
        self.arrived(reply.once_arrived).await;
        let mut frames = vec![Ok(Frame::data(reply.body))];
        if !reply.trailers.is_empty() {
            let trailers = reply.trailers.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap()));
            frames.push(Ok(Frame::trailers(trailers.collect())));
        }
        let mut response = Response::new(StreamBody::new(futures_util::stream::iter(frames)));
        *response.status_mut() = reply.status.try_into().unwrap();
        for (name, value) in reply.headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        Ok(response)
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// What arrived until now.
    pub fn received(&self) -> Vec<Received> {
        self.0.received.borrow().clone()
    }

    /// The only request that arrived.
    pub fn only(&self) -> Received {
        let [only] = &self.received()[..] else { panic!("not one request: {:?}", self.received()) };
        only.clone()
    }

    /// Resolves when so many requests have arrived.
    pub async fn arrived(&self, requests: usize) {
        while self.0.received.borrow().len() < requests {
            self.0.arrived.notified().await;
        }
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.0.connections.get()
    }

    /// Closes open connections as a server does that restarts: HTTP/2 ones with a GOAWAY.
    pub fn close_connections(&self) {
        self.0.leave.notify_waiters();
    }
}

#[derive(Clone)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        spawn_local(task);
    }
}

/// A listener for servers that don't keep to HTTP, and its port.
pub async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The head and body of one HTTP/1.1 request.
pub async fn read_request(tcp: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    tcp.read_exact(&mut body).await.unwrap();
    (head, body)
}
