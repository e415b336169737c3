//! Whether a span failed, and whose fault it was.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::Mapping;
use super::attributes::{Attributes, string};
use super::improved::naming::is_aws;
use super::keys::Key::*;
use super::segment::Flags;
use super::source::Source;

/// What the status of HTTP says goes, then that of gRPC; without one, the status of the span.
///
/// Where none says anything, the improved mapping takes an exception that left the span for a failure, since
/// many instrumentations record one and set no status. The Go exporter knows neither that nor gRPC.
pub fn flags(source: &Source<'_>, attributes: &Attributes<'_>, http_status: Option<i64>) -> Flags {
    let is_contrib = source.settings.mapping == Mapping::Contrib;
    let status = http_status.or_else(|| grpc_status(attributes).filter(|_| !is_contrib));
    let thrown =
        || !is_contrib && source.status_code() == StatusCode::Unset && status.is_none() && throws(source);
    let (error, fault) = match status {
        Some(400..=499) => (true, false),
        Some(500..=599) => (false, true),
        _ => (false, source.is_error() || thrown()),
    };
    // Most services of AWS throttle with status 400.
    let throttle = !is_contrib && (error || fault) && is_aws(attributes) && is_throttled(source, attributes);
    if throttle && status.is_none_or(|status| status < 500) {
        return Flags { error: true, throttle: true, fault: false, say_all: false };
    }
    Flags { error, throttle: status == Some(429) || throttle, fault, say_all: is_contrib }
}

/// The status of gRPC, by number or by name, as the one of HTTP that Google gives for it
/// (<https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>).
fn grpc_status(attributes: &Attributes<'_>) -> Option<i64> {
    const CODES: [(&str, i64); 17] = [
        ("OK", 200),
        ("CANCELLED", 499),
        ("UNKNOWN", 500),
        ("INVALID_ARGUMENT", 400),
        ("DEADLINE_EXCEEDED", 504),
        ("NOT_FOUND", 404),
        ("ALREADY_EXISTS", 409),
        ("PERMISSION_DENIED", 403),
        ("RESOURCE_EXHAUSTED", 429),
        ("FAILED_PRECONDITION", 400),
        ("ABORTED", 409),
        ("OUT_OF_RANGE", 400),
        ("UNIMPLEMENTED", 501),
        ("INTERNAL", 500),
        ("UNAVAILABLE", 503),
        ("DATA_LOSS", 500),
        ("UNAUTHENTICATED", 401),
    ];
    let system = attributes.first_text(&[RpcSystemName, RpcSystem]).map(|found| found.1);
    if let Some(name) = attributes.text(RpcResponseStatusCode).filter(|_| system == Some("grpc")) {
        return CODES.iter().find(|(known, _)| *known == name).map(|(_, status)| *status);
    }
    let (_, code) = attributes.first_number(&[RpcGrpcStatusCode])?;
    CODES.get(usize::try_from(code).ok()?).map(|(_, status)| *status)
}

/// Whether the service says that there were too many requests, in the type of the error or of an exception.
fn is_throttled(source: &Source<'_>, attributes: &Attributes<'_>) -> bool {
    const WORDS: [&str; 6] = [
        "Throttl",
        "TooManyRequests",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "SlowDown",
    ];
    let says = |text: &str| WORDS.iter().any(|word| text.contains(word));
    let of_events = source.span.events.iter().flat_map(|event| &event.attributes);
    let mut of_events = of_events.filter(|attribute| attribute.key == "exception.type");
    attributes.text(ErrorType).is_some_and(says)
        || of_events
            .any(|attribute| says(string(attribute.value.as_ref().and_then(|value| value.value.as_ref()))))
}

/// Whether the span recorded an exception of which it does not say that it was caught.
fn throws(source: &Source<'_>) -> bool {
    let exceptions = source.span.events.iter().filter(|event| event.name == "exception");
    exceptions.into_iter().any(|event| {
        !event.attributes.iter().any(|attribute| {
            let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
            attribute.key == "exception.escaped" && value == Some(&Value::BoolValue(false))
        })
    })
}
