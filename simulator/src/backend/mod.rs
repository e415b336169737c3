//! A backend that takes OTLP over gRPC and HTTP on one port, keeps what arrives, and misbehaves on demand.

mod behaviour;
mod grpc;
mod http;
mod inflate;
mod listen;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::http::HeaderMap;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use behaviour::Behaviour;

use crate::otlp::{Otlp, logs_of, metrics_of, spans_of};
use crate::shared::Shared;
use behaviour::Conduct;

/// How long the waiting queries wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running backend; its port closes when it is dropped.
pub struct FakeBackend {
    inner: Arc<Inner>,
    port: u16,
    ca_pem: Option<String>,
    listening: AbortHandle,
}

/// What the backend's parts share.
struct Inner {
    received: Shared<Vec<Received>>,
    /// Of a backend that only counts: the items that were taken.
    counted: Option<Shared<usize>>,
    conduct: Shared<Conduct>,
    tls: Option<tokio_rustls::TlsAcceptor>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// When its body was complete.
    pub at: Instant,
    /// It came over gRPC.
    pub grpc: bool,
    /// The number of its connection, from 0 in order of arrival.
    pub connection: usize,
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The size of the body on the wire, compressed if it was.
    pub wire_bytes: usize,
    /// The request decoded, or why it cannot be.
    pub otlp: Result<Otlp, String>,
    /// The backend answered that it took it.
    pub accepted: bool,
}

impl FakeBackend {
    /// Starts a backend on a free port of the loopback.
    pub async fn start() -> FakeBackend {
        FakeBackend::listen(None, None).await
    }

    /// Starts a backend that decodes and counts what it takes, but does not keep it: for loads that do not fit
    /// into memory. Of the queries, only [`items`](FakeBackend::items) and
    /// [`connections`](FakeBackend::connections) have an answer.
    pub async fn start_counting() -> FakeBackend {
        FakeBackend::listen(None, Some(Shared::new(0))).await
    }

    /// Starts a backend that speaks TLS only; [`FakeBackend::ca_pem`] is what a client must trust.
    pub async fn start_tls() -> FakeBackend {
        FakeBackend::listen(Some(tls::identity()), None).await
    }

    #[expect(clippy::expect_used, reason = "a test without its backend can do nothing better than stop")]
    async fn listen(identity: Option<tls::Identity>, counted: Option<Shared<usize>>) -> FakeBackend {
        let (tls, ca_pem) = identity.map(|identity| (identity.acceptor, identity.ca_pem)).unzip();
        let received = Shared::new(Vec::new());
        let inner = Arc::new(Inner { received, counted, conduct: Shared::new(Conduct::new()), tls });
        // Not one of the kernel's choice: it could give that to others while the backend is down.
        let port = crate::free_port().expect("no free port on 127.0.0.1");
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port was free just now");
        let listening = tokio::spawn(listen::run(Arc::clone(&inner), listener, port)).abort_handle();
        FakeBackend { inner, port, ca_pem, listening }
    }

    /// The base URL for OTLP/HTTP and the endpoint for gRPC: `http://127.0.0.1:port` or `https://localhost:port`.
    pub fn endpoint(&self) -> String {
        match self.ca_pem {
            Some(_) => format!("https://localhost:{}", self.port),
            None => format!("http://127.0.0.1:{}", self.port),
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate to trust, if the backend speaks TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Behaves like this from now on; when this returns, a port that shall be closed is closed.
    pub async fn behave(&self, behaviour: Behaviour) {
        let down = behaviour == Behaviour::Down;
        self.inner.conduct.change(|conduct| {
            conduct.now = behaviour;
            conduct.script.clear();
        });
        self.inner.conduct.until(|conduct| (conduct.listening != down).then_some(())).await;
    }

    /// Treats the next requests like this, one after the other, and those after them as before.
    /// [`Behaviour::Down`] is not for single requests; it counts as `CutBeforeReading` here.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.inner.conduct.change(|conduct| conduct.script.extend(behaviours));
    }

    /// All requests that were read, taken or not, in order of arrival.
    pub fn requests(&self) -> Vec<Received> {
        self.inner.received.read(Clone::clone)
    }

    /// What was taken.
    pub fn accepted(&self) -> Vec<Otlp> {
        self.inner.received.read(|received| {
            received
                .iter()
                .filter(|request| request.accepted)
                .filter_map(|request| request.otlp.clone().ok())
                .collect()
        })
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.inner.conduct.read(|conduct| conduct.connections)
    }

    /// The number of spans, data points and log records that were taken.
    pub fn items(&self) -> usize {
        let counted = self.inner.counted.as_ref().map(|counted| counted.read(|counted| *counted));
        counted.unwrap_or_else(|| self.inner.received.read(|received| items(received)))
    }

    /// The spans that were taken.
    pub fn spans(&self) -> Vec<Span> {
        let accepted = self.accepted();
        accepted
            .iter()
            .flat_map(|otlp| match otlp {
                Otlp::Traces(request) => spans_of(request).cloned().collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// The ids of the spans that were taken, in hex.
    pub fn span_ids(&self) -> Vec<String> {
        self.spans().iter().map(|span| hex(&span.span_id)).collect()
    }

    /// The metrics that were taken.
    pub fn metrics(&self) -> Vec<Metric> {
        let accepted = self.accepted();
        accepted
            .iter()
            .flat_map(|otlp| match otlp {
                Otlp::Metrics(request) => metrics_of(request).cloned().collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// The log records that were taken.
    pub fn logs(&self) -> Vec<LogRecord> {
        let accepted = self.accepted();
        accepted
            .iter()
            .flat_map(|otlp| match otlp {
                Otlp::Logs(request) => logs_of(request).cloned().collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// Waits until at least this many items were taken, 30 s at most, and says how many there are.
    pub async fn wait_for_items(&self, wanted: usize) -> usize {
        let enough = self.inner.received.until(|received| (items(received) >= wanted).then_some(()));
        let _ = tokio::time::timeout(PATIENCE, enough).await;
        self.items()
    }

    /// Waits until at least this many requests were read, taken or not, 30 s at most, and says how many.
    pub async fn wait_for_requests(&self, wanted: usize) -> usize {
        let enough = self.inner.received.until(|received| (received.len() >= wanted).then_some(()));
        let _ = tokio::time::timeout(PATIENCE, enough).await;
        self.inner.received.read(Vec::len)
    }

    /// Forgets what arrived.
    pub fn clear(&self) {
        self.inner.received.change(Vec::clear);
    }
}

impl Inner {
    fn keep(&self, request: Received) {
        match &self.counted {
            Some(counted) => counted.change(|counted| *counted += items(&[request])),
            None => self.received.change(|received| received.push(request)),
        }
    }
}

impl Drop for FakeBackend {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn items(received: &[Received]) -> usize {
    let taken = received.iter().filter(|request| request.accepted);
    taken.filter_map(|request| request.otlp.as_ref().ok()).map(Otlp::items).sum()
}

/// Bytes in lower-case hex, as ids are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
