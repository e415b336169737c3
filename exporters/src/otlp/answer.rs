//! What a backend's answer means for the batch: delivered, partly, later, in smaller pieces, or never.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use pipeline::{Delivered, Undelivered};
use prost::Message;
use serde::Deserialize;

use crate::http::Answer;

/// The most of a backend's words that a log line repeats.
const MOST_OF_WORDS: usize = 300;

/// What `answer` to an OTLP/HTTP request to `url` means, at the wall clock's `now`
/// (<https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>).
pub(crate) fn http_verdict(answer: &Answer, url: &str, now: SystemTime) -> Result<Delivered, Undelivered> {
    if answer.status.is_success() {
        return Ok(delivered(&answer.body, is_json(answer)));
    }
    let mut cause = format!("POST {url}: {}", answer.status);
    let words = words(answer);
    if !words.is_empty() {
        cause.push_str(&format!(": {words}"));
    }
    if answer.status.is_redirection() {
        let location = answer.header(LOCATION.as_str()).split('?').next().unwrap_or_default();
        cause.push_str(&format!("; it points to {}: make that the endpoint", excerpt(location)));
    }
    let cause = cause.into();
    Err(match answer.status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            Undelivered::Retry { after: retry_after(answer.header(RETRY_AFTER.as_str()), now), cause }
        }
        StatusCode::PAYLOAD_TOO_LARGE => Undelivered::TooLarge { cause },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Undelivered::Unauthenticated { cause },
        _ => Undelivered::Refused { cause },
    })
}

/// What an export response says. One that can't be read says nothing: the batch was taken all the same, and
/// to send it again would double it.
pub(crate) fn delivered(body: &[u8], json: bool) -> Delivered {
    let response = if json { serde_json::from_slice(body).ok() } else { Response::decode(body).ok() };
    let partial = response.and_then(|response| response.partial_success).unwrap_or_default();
    if partial.rejected <= 0 && partial.error_message.is_empty() {
        return Delivered::All;
    }
    Delivered::Partly {
        rejected: usize::try_from(partial.rejected).unwrap_or(0),
        message: excerpt(&partial.error_message),
    }
}

/// When a `Retry-After` (seconds, or a date) allows the next attempt.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// What the backend said: the message of a `google.rpc.Status`, else the body if it is text.
pub(crate) fn words(answer: &Answer) -> String {
    let status = if is_json(answer) {
        serde_json::from_slice(&answer.body).ok()
    } else if answer.header(CONTENT_TYPE.as_str()).starts_with("text/") {
        None
    } else {
        Status::decode(answer.body.clone()).ok()
    };
    match status {
        Some(Status { message, .. }) if !message.is_empty() => excerpt(&message),
        _ => std::str::from_utf8(&answer.body).map(excerpt).unwrap_or_default(),
    }
}

fn is_json(answer: &Answer) -> bool {
    answer.header(CONTENT_TYPE.as_str()).trim_start().starts_with("application/json")
}

/// `text` on one line and not longer than a log line bears.
pub(crate) fn excerpt(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > MOST_OF_WORDS {
            line.truncate(line.floor_char_boundary(MOST_OF_WORDS));
            line.push_str("...");
            break;
        }
    }
    line
}

/// `ExportTraceServiceResponse` and its two siblings, which are the same on the wire and nearly so in JSON.
#[derive(Clone, PartialEq, Message, Deserialize)]
struct Response {
    #[prost(message, optional, tag = "1")]
    #[serde(default, alias = "partialSuccess")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    #[serde(
        alias = "rejectedSpans",
        alias = "rejectedDataPoints",
        alias = "rejectedLogRecords",
        alias = "rejected_spans",
        alias = "rejected_data_points",
        alias = "rejected_log_records",
        deserialize_with = "int64"
    )]
    rejected: i64,
    #[prost(string, tag = "2")]
    #[serde(alias = "errorMessage")]
    error_message: String,
}

/// Protobuf's JSON writes an int64 as text, but many write a number.
fn int64<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::String(text) => text.parse().unwrap_or(0),
        value => value.as_i64().unwrap_or(0),
    })
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    /// Not read from JSON, where no backend sends any.
    #[prost(message, repeated, tag = "3")]
    #[serde(skip)]
    pub details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static [u8]) -> Answer {
        let headers: HeaderMap =
            headers.iter().map(|(k, v)| (k.parse().unwrap(), HeaderValue::from_static(v))).collect();
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.into(),
            ..Answer::default()
        }
    }

    fn kind(status: u16) -> &'static str {
        match http_verdict(&answer(status, &[], b""), "http://backend", SystemTime::UNIX_EPOCH) {
            Ok(_) => "delivered",
            Err(Undelivered::Retry { after: None, .. }) => "retry",
            Err(Undelivered::Retry { .. }) => "retry after",
            Err(Undelivered::TooLarge { .. }) => "too large",
            Err(Undelivered::RetryRest { .. }) => "the rest",
            Err(Undelivered::Refused { .. } | Undelivered::Unauthenticated { .. }) => "refused",
        }
    }

    #[test]
    fn each_status_has_one_meaning() {
        for (meaning, statuses) in [
            ("delivered", &[200, 202, 204, 299][..]),
            ("retry", &[429, 502, 503, 504]),
            ("too large", &[413]),
            ("refused", &[301, 308, 400, 401, 403, 404, 405, 408, 415, 422, 431, 500, 501, 505]),
        ] {
            for status in statuses {
                assert_eq!(kind(*status), meaning, "{status}");
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        for (value, after) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), after.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn partial_success_is_read_from_protobuf_and_json() {
        let partly = |rejected, message: &str| Delivered::Partly { rejected, message: message.into() };
        for (body, expected) in [
            (&b""[..], Delivered::All),
            (b"\x0a\x00", Delivered::All),
            (b"\x0a\x15\x08\x02\x12\x11two spans refused", partly(2, "two spans refused")),
            (b"\x0a\x09\x12\x07careful", partly(0, "careful")),
            (b"\xff\xff", Delivered::All),
        ] {
            assert_eq!(delivered(body, false), expected);
        }
        for (body, expected) in [
            ("{}", Delivered::All),
            ("", Delivered::All),
            (r#"{"partialSuccess":{}}"#, Delivered::All),
            (r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}"#, partly(2, "no")),
            (r#"{"partialSuccess":{"rejectedDataPoints":3},"more":1}"#, partly(3, "")),
            (r#"{"partial_success":{"rejected_log_records":4}}"#, partly(4, "")),
            (r#"{"partialSuccess":{"rejectedSpans":"-1","errorMessage":""}}"#, Delivered::All),
        ] {
            assert_eq!(delivered(body.as_bytes(), true), expected, "{body}");
        }
    }

    #[test]
    fn the_cause_repeats_what_the_backend_said_on_one_line() {
        for (answer, cause) in [
            (answer(400, &[], b"\x08\x03\x12\x0bbad request"), "400 Bad Request: bad request"),
            (
                answer(503, &[("content-type", "text/plain")], b"down\r\n for tea"),
                "503 Service Unavailable: down for tea",
            ),
            (
                answer(401, &[("content-type", "application/json; charset=utf-8")], br#"{"message":"who?"}"#),
                "401 Unauthorized: who?",
            ),
            (
                answer(403, &[("content-type", "application/json")], br#"{"error":"key"}"#),
                r#"403 Forbidden: {"error":"key"}"#,
            ),
            (answer(500, &[], b"\xff\xfe"), "500 Internal Server Error"),
            (
                answer(308, &[("location", "https://backend/v1/traces?token=secret")], b""),
                "308 Permanent Redirect; it points to https://backend/v1/traces: make that the endpoint",
            ),
        ] {
            let Err(
                Undelivered::Refused { cause: found }
                | Undelivered::Unauthenticated { cause: found }
                | Undelivered::Retry { cause: found, .. },
            ) = http_verdict(&answer, "http://backend/v1/traces", SystemTime::UNIX_EPOCH)
            else {
                panic!("taken for delivered: {answer:?}")
            };
            assert_eq!(found.to_string(), format!("POST http://backend/v1/traces: {cause}"));
        }
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let text = excerpt(&"ä".repeat(1000));
        assert!(text.ends_with("ä...") && text.len() <= MOST_OF_WORDS + 3);
    }
}
