//! The backend's port: opens and closes it, and serves each connection.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::behaviour::Behaviour;
use super::{Inner, http};

/// Accepts connections whenever the backend is not down.
pub(super) async fn run(inner: Arc<Inner>, listener: TcpListener, port: u16) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let open = listener.is_some();
        let switched =
            inner.conduct.until(|conduct| ((conduct.now != Behaviour::Down) != open).then_some(()));
        tokio::select! {
            stream = accept(listener.as_ref()) => {
                while connections.try_join_next().is_some() {}
                connections.spawn(serve(Arc::clone(&inner), stream));
            }
            () = switched => {
                listener = match open {
                    true => None,
                    false => TcpListener::bind(("127.0.0.1", port)).await.ok(),
                };
                if open {
                    connections.shutdown().await;
                }
                let listening = listener.is_some();
                inner.conduct.change(|conduct| conduct.listening = listening);
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    loop {
        match listener {
            None => std::future::pending().await,
            Some(listener) => {
                if let Ok((stream, _)) = listener.accept().await {
                    return stream;
                }
            }
        }
    }
}

async fn serve(inner: Arc<Inner>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let number = inner.conduct.change(|conduct| {
        conduct.connections += 1;
        conduct.connections - 1
    });
    match inner.tls.clone() {
        None => speak(inner, number, stream).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                speak(inner, number, stream).await;
            }
        }
    }
}

/// HTTP/1 or HTTP/2, whichever the client begins.
async fn speak(
    inner: Arc<Inner>,
    number: usize,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let cut = Arc::new(Notify::new());
    let ring = Arc::clone(&cut);
    let service = service_fn(move |request| {
        let (inner, ring) = (Arc::clone(&inner), Arc::clone(&ring));
        async move {
            match http::answer(&inner, number, request).await {
                Some(reply) => Ok::<_, Infallible>(reply),
                None => {
                    ring.notify_one();
                    std::future::pending().await
                }
            }
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // A client that goes away is its own affair.
        _ = builder.serve_connection(TokioIo::new(stream), service) => {}
        () = cut.notified() => {}
    }
}
