//! gRPC's verdict on a call: `grpc-status` and what comes with it.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode;
use pipeline::{Delivered, Undelivered};
use prost::Message;
use tonic::Code;

use super::answer::{Status, delivered, excerpt, http_verdict};
use crate::http::compression::inflate;
use crate::http::{Answer, Origin};

/// The most that a response message may inflate to.
const MOST_OF_RESPONSE: usize = 64 * 1024;

/// Base64 with or without its padding, as gRPC allows for binary headers.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What `answer` to an OTLP/gRPC call to `server` means, at the wall clock's `now`
/// (<https://opentelemetry.io/docs/specs/otlp/#failures>).
pub(crate) fn grpc_verdict(
    answer: &Answer,
    server: &Origin,
    now: SystemTime,
) -> Result<Delivered, Undelivered> {
    let Some(status) = GrpcStatus::of(answer) else {
        return no_status(answer, server, now);
    };
    if status.code == Code::Ok {
        let message = message(&answer.body, answer.header("grpc-encoding"));
        return Ok(delivered(&message.unwrap_or_default(), false));
    }
    let mut cause = format!("gRPC {server}: {}", name(status.code));
    if !status.message.is_empty() {
        cause.push_str(&format!(": {}", excerpt(&status.message)));
    }
    let cause = cause.into();
    Err(match status.code {
        Code::ResourceExhausted | Code::OutOfRange if status.says_too_large() => {
            Undelivered::TooLarge { cause }
        }
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Undelivered::Retry { after: status.retry_delay, cause },
        Code::ResourceExhausted if status.retry_delay.is_some() => {
            Undelivered::Retry { after: status.retry_delay, cause }
        }
        Code::Unauthenticated | Code::PermissionDenied => Undelivered::Unauthenticated { cause },
        _ => Undelivered::Refused { cause },
    })
}

/// An answer that is not gRPC's: from something in between, or from another kind of server.
fn no_status(answer: &Answer, server: &Origin, now: SystemTime) -> Result<Delivered, Undelivered> {
    let url = server.to_string();
    if let Some(broken) = &answer.broken {
        let cause = format!("gRPC {url}: {broken}").into();
        return Err(Undelivered::Retry { after: None, cause });
    }
    if answer.status != StatusCode::OK {
        return http_verdict(answer, &url, now);
    }
    let found = answer.header(CONTENT_TYPE.as_str());
    let cause = if found.starts_with("application/grpc") {
        format!("gRPC {url}: the answer has no grpc-status; a proxy on the way may strip HTTP/2 trailers")
    } else {
        format!("gRPC {url}: the answer is `{}`, not gRPC; is this a gRPC port?", excerpt(found))
    };
    Err(Undelivered::Refused { cause: cause.into() })
}

struct GrpcStatus {
    code: Code,
    message: String,
    /// From a `google.rpc.RetryInfo`.
    retry_delay: Option<Duration>,
}

impl GrpcStatus {
    /// The status in the trailers; a call that failed at once has it in the headers.
    fn of(answer: &Answer) -> Option<GrpcStatus> {
        let from = |map: &HeaderMap| {
            let code = Code::from_bytes(map.get("grpc-status")?.as_bytes());
            let message = map.get("grpc-message").map(|text| text.as_bytes()).unwrap_or_default();
            let message = percent_decode(message).decode_utf8_lossy().into_owned();
            let details = map.get("grpc-status-details-bin").and_then(|bin| BASE64.decode(bin).ok());
            let retry_delay = details.and_then(|details| retry_delay(&details));
            Some(GrpcStatus { code, message, retry_delay })
        };
        from(&answer.trailers).or_else(|| from(&answer.headers))
    }

    /// Whether the request was over the server's limit for messages, in the words of gRPC for Go and C++
    /// (`received message larger than max`), Java (`exceeds maximum size`), .NET (`exceeds the maximum`),
    /// Rust (`message length too large`, with the code OUT_OF_RANGE). A quota that is used up has the same
    /// code.
    fn says_too_large(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        self.retry_delay.is_none()
            && ["larger than max", "exceeds maximum size", "exceeds the maximum", "length too large"]
                .iter()
                .any(|words| message.contains(words))
    }
}

fn retry_delay(details: &[u8]) -> Option<Duration> {
    let status = Status::decode(details).ok()?;
    let info = status.details.iter().find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&info.value[..]).ok()?.retry_delay.unwrap_or_default();
    Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?))
}

/// The response message in a gRPC body; nothing if there is none that can be read.
fn message(body: &[u8], encoding: &str) -> Option<Vec<u8>> {
    let (compressed, rest) = body.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let message = rest.get(..u32::from_be_bytes(*length) as usize)?;
    // A server may answer in the request's encoding without being told that it may.
    if *compressed == 1 { inflate(encoding, message, MOST_OF_RESPONSE) } else { Some(message.to_vec()) }
}

fn name(code: Code) -> String {
    let name = match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    };
    format!("{name} ({})", code as i32)
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::answer::Any;
    use super::*;

    fn verdict(headers: &[(&'static str, String)], body: &'static [u8]) -> Result<Delivered, Undelivered> {
        let trailers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let answer = Answer { trailers, body: body.into(), ..Answer::default() };
        let server = Origin { tls: false, host: "backend".into(), port: 4317 };
        grpc_verdict(&answer, &server, SystemTime::UNIX_EPOCH)
    }

    fn failed(code: i32, message: &str, details: Option<String>) -> (&'static str, Option<Duration>, String) {
        let mut headers = vec![("grpc-status", code.to_string()), ("grpc-message", message.into())];
        headers.extend(details.map(|details| ("grpc-status-details-bin", details)));
        match verdict(&headers, b"") {
            Ok(_) => ("delivered", None, String::new()),
            Err(Undelivered::Retry { after, cause }) => ("retry", after, cause.to_string()),
            Err(Undelivered::TooLarge { cause }) => ("too large", None, cause.to_string()),
            Err(Undelivered::RetryRest { cause, .. }) => ("the rest", None, cause.to_string()),
            Err(Undelivered::Refused { cause } | Undelivered::Unauthenticated { cause }) => {
                ("refused", None, cause.to_string())
            }
        }
    }

    fn retry_info(delay: Duration) -> String {
        let delay = ProtoDuration { seconds: delay.as_secs() as i64, nanos: delay.subsec_nanos() as i32 };
        let info = RetryInfo { retry_delay: Some(delay) };
        let any =
            Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value: info.encode_to_vec() };
        BASE64.encode(Status { code: 14, message: String::new(), details: vec![any] }.encode_to_vec())
    }

    #[test]
    fn each_code_has_one_meaning() {
        for (meaning, codes) in [
            ("delivered", &[0][..]),
            ("retry", &[1, 4, 10, 11, 14, 15]),
            ("refused", &[2, 3, 5, 6, 7, 8, 9, 12, 13, 16, 99]),
        ] {
            for code in codes {
                assert_eq!(failed(*code, "told so", None).0, meaning, "{code}");
            }
        }
    }

    #[test]
    fn a_retry_info_sets_the_earliest_time_and_makes_a_quota_worth_waiting_for() {
        for delay in [Duration::ZERO, Duration::from_millis(1500), Duration::from_secs(7)] {
            for code in [8, 14] {
                let (meaning, after, _) = failed(code, "told so", Some(retry_info(delay)));
                assert_eq!((meaning, after), ("retry", Some(delay)), "{code}");
            }
        }
        assert_eq!(failed(13, "", Some(retry_info(Duration::from_secs(7)))).0, "refused");
    }

    #[test]
    fn details_that_are_no_base64_change_nothing() {
        assert_eq!(failed(14, "", Some("*not base64*".into())).0, "retry");
    }

    #[test]
    fn a_message_over_the_servers_limit_is_too_large_in_all_their_words() {
        for (code, words) in [
            (8, "grpc: received message larger than max (5242880 vs. 4194304)"),
            (8, "grpc: received message after decompression larger than max (5 vs. 4)"),
            (8, "gRPC message exceeds maximum size 4194304: 5242880"),
            (8, "Received message exceeds the maximum configured message size."),
            (11, "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes"),
        ] {
            assert_eq!(failed(code, words, None).0, "too large", "{words}");
        }
    }

    #[test]
    fn the_cause_names_server_code_and_the_servers_words() {
        let (_, _, cause) = failed(16, "who%20are%0Ayou?", None);
        assert_eq!(cause, "gRPC http://backend:4317: UNAUTHENTICATED (16): who are you?");
    }

    #[test]
    fn a_partial_success_is_read_from_the_message() {
        let ok = [("grpc-status", "0".to_owned())];
        let partly = verdict(&ok, b"\0\0\0\0\x17\x0a\x15\x08\x02\x12\x11two spans refused").unwrap();
        assert_eq!(partly, Delivered::Partly { rejected: 2, message: "two spans refused".into() });
        assert_eq!(verdict(&ok, b"").unwrap(), Delivered::All);
        assert_eq!(verdict(&ok, b"\x01\0\0\0\x02xx").unwrap(), Delivered::All);
    }

    #[test]
    fn an_answer_that_is_not_grpc_is_judged_by_its_http_status() {
        let answer = |status, content_type| Answer {
            status,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]),
            ..Answer::default()
        };
        let server = Origin { tls: true, host: "backend".into(), port: 443 };
        let judge = |answer| match grpc_verdict(&answer, &server, SystemTime::UNIX_EPOCH) {
            Err(Undelivered::Retry { cause, .. }) => format!("retry: {cause}"),
            Err(Undelivered::Refused { cause } | Undelivered::Unauthenticated { cause }) => {
                format!("refused: {cause}")
            }
            other => format!("{other:?}"),
        };
        for (answer, expected) in [
            (answer(StatusCode::BAD_GATEWAY, "text/html"), "retry: POST https://backend: 502"),
            (answer(StatusCode::NOT_FOUND, "text/html"), "refused: POST https://backend: 404"),
            (answer(StatusCode::OK, "text/html"), "refused: gRPC https://backend: the answer is `text/html`"),
            (
                answer(StatusCode::OK, "application/grpc"),
                "refused: gRPC https://backend: the answer has no grpc-",
            ),
        ] {
            let judged = judge(answer);
            assert!(judged.starts_with(expected), "{judged}");
        }
    }
}
