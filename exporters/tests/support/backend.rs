//! A fake backend on loopback that speaks HTTP/1.1 or HTTP/2, and remembers what it was sent.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;

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
