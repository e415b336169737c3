//! A running receiver, and clients that can send it anything.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use pipeline::{Batch, Budget, Inlet, Receiver, Signal, Stop, Trigger};
use receivers::otlp::{Config, Grpc, Http, Otlp, Protocols};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, LocalSet, spawn_local};

/// Runs `test` on one thread, as the collector does.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

/// A configuration that listens on free ports.
pub fn config() -> Config {
    let grpc = Grpc { endpoint: "127.0.0.1:0".parse().unwrap(), ..Grpc::default() };
    let http = Http { endpoint: "127.0.0.1:0".parse().unwrap(), ..Http::default() };
    Config { protocols: Protocols { grpc: Some(grpc), http: Some(http) } }
}

/// A configuration that listens on free ports, with some settings of HTTP.
pub fn with_http(change: impl FnOnce(&mut Http)) -> Config {
    let mut config = config();
    change(config.protocols.http.as_mut().unwrap());
    config
}

/// An export request with one span, `a`.
pub const SPAN: &[u8] = b"\x0a\x07\x12\x05\x12\x03\x2a\x01a";

/// An HTTP request to export traces.
pub fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n";
    [head.as_bytes(), headers.as_bytes(), format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body]
        .concat()
}

/// A receiver that serves, and what it took.
pub struct Running {
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    pub budget: Budget,
    pub taken: Rc<RefCell<Vec<Batch>>>,
    trigger: Trigger,
    run: JoinHandle<()>,
}

impl Running {
    /// Starts a receiver of all signals with a budget of 64 MiB.
    pub fn start(config: Config) -> Self {
        Self::start_with(config, &Signal::ALL, 64 << 20)
    }

    /// Starts a receiver whose pipelines take `signals`.
    pub fn start_with(config: Config, signals: &[Signal], budget: usize) -> Self {
        let mut otlp = Otlp::new("otlp".parse().unwrap(), config);
        let errors = otlp.bind();
        assert!(errors.is_empty(), "{errors:?}");
        let (grpc, http) = (otlp.grpc_addresses()[0], otlp.http_addresses()[0]);
        let budget = Budget::new(budget);
        let taken = Rc::new(RefCell::new(Vec::new()));
        let mut inlet = Inlet::new(budget.clone());
        for signal in signals {
            let taken = taken.clone();
            inlet = inlet.route(*signal, move |batch| taken.borrow_mut().push(batch));
        }
        let (trigger, stop) = Stop::new();
        let run = spawn_local(Box::new(otlp).run(inlet, stop));
        Running { grpc, http, budget, taken, trigger, run }
    }

    /// How many items it took so far.
    pub fn items(&self) -> usize {
        self.taken.borrow().iter().map(Batch::items).sum()
    }

    /// Tells it to stop; the handle resolves when it has.
    pub fn stop(self) -> JoinHandle<()> {
        drop(self.trigger);
        self.run
    }
}

/// One HTTP/1 response.
#[derive(Debug, Default, PartialEq)]
pub struct Response {
    pub interim: Vec<u16>,
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

/// Takes the first response out of `bytes`, if it is there to its end.
fn take_response(bytes: &mut Vec<u8>, method: &str) -> Option<Response> {
    let mut response = Response::default();
    let mut at = 0;
    while response.status == 0 {
        let end = at + bytes[at..].windows(4).position(|it| it == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[at..end]).unwrap();
        at = end + 4;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
        if status < 200 {
            response.interim.push(status);
            continue;
        }
        response.status = status;
        let fields = lines.map(|line| line.split_once(": ").unwrap());
        response.headers = fields.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    }
    let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
    let length = if method == "HEAD" { 0 } else { length };
    response.body = bytes.get(at..at + length)?.to_owned();
    bytes.drain(..at + length);
    Some(response)
}

/// A connection whose requests are written byte by byte, if need be.
pub struct Client {
    pub stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, unread: Vec::new() }
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads one response to a `POST`; none if the server closes before it is complete.
    pub async fn receive(&mut self) -> Option<Response> {
        loop {
            if let Some(response) = take_response(&mut self.unread, "POST") {
                return Some(response);
            }
            if self.stream.read_buf(&mut self.unread).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Whether the server closes the connection now, and says nothing more.
    pub async fn closed(&mut self) -> bool {
        self.unread.is_empty() && self.stream.read_buf(&mut self.unread).await.unwrap_or(0) == 0
    }
}

/// Sends a request on a connection of its own, and reads the response meanwhile.
pub async fn exchange(
    address: SocketAddr,
    request: Vec<u8>,
    method: &str,
    then_close: bool,
) -> Option<Response> {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    let sending = spawn_local(async move {
        // The server may answer and close before it has read it all.
        let _ = writer.write_all(&request).await;
        if then_close {
            let _ = writer.shutdown().await;
        }
        std::future::pending::<()>().await;
    });
    let mut received = Vec::new();
    let response = loop {
        if let Some(response) = take_response(&mut received, method) {
            break Some(response);
        }
        if reader.read_buf(&mut received).await.unwrap_or(0) == 0 {
            break None;
        }
    };
    sending.abort();
    response
}
