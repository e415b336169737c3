//! The function's OTLP client: one connection that is kept, as SDKs have it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::stage::Failed;

/// A connection to an OTLP/HTTP port of this machine.
pub struct Client {
    port: u16,
    connection: SendRequest<Full<Bytes>>,
}

impl Client {
    pub async fn connect(port: u16) -> Result<Client, Failed> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        Ok(Client { port, connection })
    }

    /// Sends spans and says how long it took until they were taken.
    pub async fn post(&mut self, spans: &Bytes) -> Result<Duration, Failed> {
        let request = Request::post("/v1/traces")
            .header(header::HOST, format!("localhost:{}", self.port))
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .body(Full::new(spans.clone()))?;
        let began = Instant::now();
        self.connection.ready().await?;
        let answer = self.connection.send_request(request).await?;
        let status = answer.status();
        answer.into_body().collect().await?;
        let took = began.elapsed();
        if status == StatusCode::OK { Ok(took) } else { Err(format!("spans were answered {status}").into()) }
    }
}
