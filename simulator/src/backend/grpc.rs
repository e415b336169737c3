//! The forms of gRPC: frames, statuses, trailers.

use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, Response, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use prost::Message;

use super::http::{Reply, Verdict, header_of};
use super::inflate::inflate;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// `Export...ServiceResponse`: the three signals' have the same form.
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

/// The message in the one frame of a unary request.
pub(super) fn unframe(headers: &HeaderMap, body: &Bytes) -> Result<Bytes, String> {
    let [compressed, a, b, c, d, message @ ..] = body.as_ref() else {
        return Err("a gRPC frame has five bytes at least".into());
    };
    if u32::from_be_bytes([*a, *b, *c, *d]) as usize != message.len() {
        return Err("not one gRPC frame".into());
    }
    let encoding = if *compressed == 1 { header_of(headers, "grpc-encoding") } else { "" };
    inflate(encoding, &body.slice(5..))
}

/// An export response.
pub(super) fn success(rejected: i64) -> Vec<u8> {
    let partial_success =
        (rejected > 0).then(|| PartialSuccess { rejected, message: "rejected by the fake backend".into() });
    ExportResponse { partial_success }.encode_to_vec()
}

/// A `google.rpc.Status`, with `RetryInfo` if the client may come back.
pub(super) fn status(code: u16, message: &str, retry_after: Option<Duration>) -> Vec<u8> {
    let details = retry_after.map(|after| {
        let delay = Delay { seconds: after.as_secs() as i64, nanos: after.subsec_nanos() as i32 };
        let value = RetryInfo { retry_delay: Some(delay) }.encode_to_vec();
        Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value }
    });
    Status { code: code.into(), message: message.into(), details: details.into_iter().collect() }
        .encode_to_vec()
}

pub(super) fn reply(verdict: &Verdict) -> Reply {
    let mut reply = match verdict {
        Verdict::Taken { rejected } => {
            let message = success(*rejected);
            let mut frame = vec![0];
            frame.extend((message.len() as u32).to_be_bytes());
            frame.extend(message);
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let trailers = std::future::ready(Some(Ok(trailers)));
            Response::new(Full::<Bytes>::from(frame).with_trailers(trailers).boxed())
        }
        Verdict::Refused { grpc, retry_after, message, .. } => {
            // Trailers only: the status is in the head.
            let mut reply = Response::new(Full::default().boxed());
            let headers = reply.headers_mut();
            headers.insert("grpc-status", HeaderValue::from(*grpc));
            if let Ok(message) = HeaderValue::from_str(message) {
                headers.insert("grpc-message", message);
            }
            let details = STANDARD_NO_PAD.encode(status(*grpc, message, *retry_after));
            if let Some(Ok(details)) = retry_after.map(|_| HeaderValue::try_from(details)) {
                headers.insert("grpc-status-details-bin", details);
            }
            reply
        }
    };
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    reply
}
