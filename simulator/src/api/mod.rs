//! The HTTP server behind `AWS_LAMBDA_RUNTIME_API`: Extensions, Runtime and Telemetry API.

mod environment;
mod extensions;
mod runtime;
mod subscribe;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::platform::Platform;

pub(crate) type Reply = Response<Full<Bytes>>;

/// A request with its body read.
struct Call {
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Serves until it is dropped; so do the connections.
pub(crate) async fn serve(listener: TcpListener, platform: Arc<Platform>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let platform = Arc::clone(&platform);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&platform), request));
            // A client that goes away is its own affair.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(platform: Arc<Platform>, request: Request<Incoming>) -> Result<Reply, hyper::Error> {
    let (parts, body) = request.into_parts();
    let call = Call { headers: parts.headers, body: body.collect().await?.to_bytes() };
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    Ok(match (&parts.method, path.as_slice()) {
        (&Method::POST, ["2020-01-01", "extension", "register"]) => extensions::register(&platform, &call),
        (&Method::GET, ["2020-01-01", "extension", "event", "next"]) => {
            extensions::next(&platform, &call).await
        }
        (&Method::POST, ["2020-01-01", "extension", "init", "error"]) => {
            extensions::init_error(&platform, &call)
        }
        (&Method::POST, ["2020-01-01", "extension", "exit", "error"]) => {
            extensions::exit_error(&platform, &call)
        }
        (&Method::PUT, ["2022-07-01", "telemetry"]) => subscribe::subscribe(&platform, &call),
        (&Method::PUT, ["2020-08-15", "logs"]) => {
            error(StatusCode::ACCEPTED, "Logs.NotSupported", "Logs API is not supported")
        }
        (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => runtime::next(&platform).await,
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
            runtime::respond(&platform, id, call.body.clone(), None)
        }
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
            runtime::respond(&platform, id, call.body.clone(), Some(runtime::error_type(&call)))
        }
        (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => runtime::init_error(&platform, &call),
        (&Method::GET, ["2018-06-01", "runtime", "restore", "next"]) => runtime::restored(&platform).await,
        (&Method::POST, ["2018-06-01", "runtime", "restore", "error"]) => {
            runtime::init_error(&platform, &call)
        }
        (&Method::GET, ["2021-04-23", "credentials"]) => environment::credentials(&platform, &call),
        (method, ["2026-01-15", "metadata", "execution-environment"]) => {
            environment::metadata(&platform, method, &call)
        }
        (&Method::GET, ["2018-06-01", "ping"]) => Response::new(Full::from("pong")),
        _ => status(StatusCode::NOT_FOUND),
    })
}

/// A JSON answer.
fn answer_json(code: StatusCode, body: &Value) -> Reply {
    let mut reply = Response::new(Full::from(body.to_string()));
    *reply.status_mut() = code;
    reply.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    reply
}

/// An error as all these APIs word it.
fn error(code: StatusCode, kind: &str, message: &str) -> Reply {
    answer_json(code, &json!({ "errorMessage": message, "errorType": kind }))
}

/// An answer without a body.
fn status(code: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = code;
    reply
}

fn accepted() -> Reply {
    answer_json(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

/// The extension's identifier, or the 403 that its absence deserves.
fn identifier(call: &Call) -> Result<&str, Box<Reply>> {
    let refuse = |kind, message| Err(Box::new(error(StatusCode::FORBIDDEN, kind, message)));
    match call.header("lambda-extension-identifier") {
        None | Some("") => {
            refuse("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
        }
        Some(id) if !is_uuid(id) => {
            refuse("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
        }
        Some(id) => Ok(id),
    }
}

fn unknown_identifier() -> Reply {
    error(StatusCode::FORBIDDEN, "Extension.UnknownExtensionIdentifier", "Unknown extension")
}

pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
