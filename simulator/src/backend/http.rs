//! One request: read, decode, keep, answer.

use std::time::{Duration, Instant};

use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::convert::Infallible;

use super::behaviour::Behaviour;
use super::{Inner, Received, grpc, inflate};
use crate::otlp::Otlp;

pub(super) type Reply = Response<BoxBody<Bytes, Infallible>>;

/// What is told to the client, before it is put in the form of its protocol.
pub(super) enum Verdict {
    Taken { rejected: i64 },
    Refused { http: u16, grpc: u16, retry_after: Option<Duration>, message: String },
}

/// Answers a request; `None` if its connection shall be cut.
pub(super) async fn answer(inner: &Inner, connection: usize, request: Request<Incoming>) -> Option<Reply> {
    let behaviour = inner.conduct.change(|conduct| conduct.next());
    if behaviour == Behaviour::CutBeforeReading {
        return None;
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let path = parts.uri.path().to_owned();
    let grpc = header_of(&parts.headers, header::CONTENT_TYPE).starts_with("application/grpc");
    // To decode for nothing would delay a function on the same thread, whose waits are measured.
    let otlp = match &behaviour {
        Behaviour::Refuse { .. } | Behaviour::Hang if inner.counted.is_some() => Err("not looked at".into()),
        _ => decode(grpc, &path, &parts.headers, &body),
    };
    let verdict = judge(&behaviour, &otlp, body.len());
    let cut = matches!(behaviour, Behaviour::CutAfterReading | Behaviour::Hang);
    let accepted = matches!(verdict, Verdict::Taken { .. }) && !cut;
    let received = Received {
        at: Instant::now(),
        grpc,
        connection,
        path,
        headers: parts.headers,
        wire_bytes: body.len(),
        otlp,
        accepted,
    };
    inner.keep(received);
    match behaviour {
        Behaviour::CutAfterReading => return None,
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Slow(pause) => tokio::time::sleep(pause).await,
        _ => {}
    }
    Some(if grpc { grpc::reply(&verdict) } else { reply(&verdict) })
}

fn judge(behaviour: &Behaviour, otlp: &Result<Otlp, String>, wire_bytes: usize) -> Verdict {
    match (behaviour, otlp) {
        (Behaviour::Refuse { http, grpc, retry_after }, _) => {
            let message = "refused by the fake backend".into();
            Verdict::Refused { http: *http, grpc: *grpc, retry_after: *retry_after, message }
        }
        (Behaviour::AtMost(most), _) if wire_bytes > *most => {
            let message = format!("received message larger than max ({wire_bytes} vs. {most})");
            Verdict::Refused { http: 413, grpc: 8, retry_after: None, message }
        }
        (_, Err(mistake)) => {
            Verdict::Refused { http: 400, grpc: 3, retry_after: None, message: mistake.clone() }
        }
        (Behaviour::PartialSuccess(rejected), _) => Verdict::Taken { rejected: *rejected },
        _ => Verdict::Taken { rejected: 0 },
    }
}

fn decode(grpc: bool, path: &str, headers: &HeaderMap, body: &Bytes) -> Result<Otlp, String> {
    let message = if grpc {
        grpc::unframe(headers, body)?
    } else {
        inflate::inflate(header_of(headers, header::CONTENT_ENCODING), body)?
    };
    let json = header_of(headers, header::CONTENT_TYPE).starts_with("application/json");
    match if json { Otlp::decode_json(path, &message) } else { Otlp::decode(path, &message) } {
        None => Err(format!("{path} is no path of OTLP")),
        Some(Err(error)) => Err(error),
        Some(Ok(otlp)) => Ok(otlp),
    }
}

pub(super) fn header_of(headers: &HeaderMap, name: impl header::AsHeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn reply(verdict: &Verdict) -> Reply {
    let (status, body, retry_after) = match verdict {
        Verdict::Taken { rejected } => (200, grpc::success(*rejected), None),
        Verdict::Refused { http, grpc, retry_after, message } => {
            (*http, grpc::status(*grpc, message, None), *retry_after)
        }
    };
    let mut reply = Response::new(Full::from(body).boxed());
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    reply.headers_mut().insert(header::CONTENT_TYPE, protobuf);
    if let Some(after) = retry_after {
        let seconds = after.as_millis().div_ceil(1000) as u64;
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}
