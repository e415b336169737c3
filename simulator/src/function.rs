//! What a scripted function can do: send OTLP, print, and end as it likes.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::otlp::OtlpRequest;
use crate::platform::{FUNCTION, Platform};

/// The function's view of one invocation (or of its init phase, with an empty request id).
#[derive(Clone)]
pub struct Function {
    /// The request id.
    pub request_id: String,
    /// When the function times out.
    pub deadline: SystemTime,
    /// The value of the X-Ray trace header, if there is one.
    pub trace: Option<String>,
    pub(crate) platform: Arc<Platform>,
}

/// How a scripted function ends. `()` is success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It answers.
    #[default]
    Success,
    /// It reports an error of this type (`Function.TypeError`).
    Error(String),
    /// Its process exits.
    Crash,
}

impl From<()> for Outcome {
    fn from((): ()) -> Outcome {
        Outcome::Success
    }
}

/// An answer to an OTLP request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// `grpc-status`, for gRPC.
    pub grpc_status: Option<u16>,
    /// The headers (and trailers).
    pub headers: http::HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The receiver has taken responsibility: HTTP 200, and for gRPC status 0.
    pub fn is_taken(&self) -> bool {
        self.status == StatusCode::OK && self.grpc_status.is_none_or(|code| code == 0)
    }
}

/// Why there was no answer to an OTLP request: the connection was refused or lost.
pub type NoAnswer = Box<dyn std::error::Error + Send + Sync>;

impl Function {
    /// Sends an OTLP request over HTTP to the collector, as an SDK in the function would.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post_otlp(&self, request: &impl OtlpRequest) -> Result<Answer, NoAnswer> {
        let headers = [("content-type", "application/x-protobuf")];
        let body = request.encode_to_vec();
        post(self.platform.lambda.otlp_port, request.http_path(), &headers, body).await
    }

    /// Sends an OTLP request over gRPC to this port of the collector.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn export_grpc(&self, port: u16, request: &impl OtlpRequest) -> Result<Answer, NoAnswer> {
        export_grpc(port, request).await
    }

    /// The port of the platform's API: an extension within the function's process would call it.
    pub fn api_port(&self) -> u16 {
        self.platform.api.port()
    }

    /// Prints a line, which becomes a `function` record.
    pub fn log(&self, line: impl Into<String>) {
        self.platform.line(FUNCTION, SystemTime::now(), line.into());
    }
}

/// Sends an OTLP request over gRPC to a port of this machine, on a connection of its own.
///
/// # Errors
/// If there is no answer.
pub async fn export_grpc(port: u16, request: &impl OtlpRequest) -> Result<Answer, NoAnswer> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut body = vec![0];
    let message = request.encode_to_vec();
    body.extend((message.len() as u32).to_be_bytes());
    body.extend(message);
    let request = Request::post(format!("http://127.0.0.1:{port}{}", request.grpc_path()))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Full::<Bytes>::from(body))?;
    answer(sender.send_request(request).await?).await
}

/// `POST`s to a port of this machine on a connection of its own.
///
/// # Errors
/// If there is no answer.
pub async fn post(
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Answer, NoAnswer> {
    call("POST", port, path, headers, body).await
}

/// Sends an HTTP request to a port of this machine on a connection of its own.
///
/// # Errors
/// If there is no answer.
pub async fn call(
    method: &str,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Answer, NoAnswer> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    request = request.header(header::HOST, format!("localhost:{port}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(sender.send_request(request.body(Full::new(body.into()))?).await?).await
}

async fn answer(response: http::Response<hyper::body::Incoming>) -> Result<Answer, NoAnswer> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await?;
    let mut headers = parts.headers;
    headers.extend(body.trailers().cloned().unwrap_or_default());
    let grpc_status = headers.get("grpc-status").and_then(|code| code.to_str().ok()?.parse().ok());
    Ok(Answer { status: parts.status, grpc_status, headers, body: body.to_bytes() })
}
