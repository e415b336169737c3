//! Whether a span failed, and whose fault it was.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::Mapping;
use super::segment::Flags;
use super::source::Source;

/// What the status of HTTP says goes; without one, the status of the span.
///
/// Where neither says anything, the improved mapping takes an exception that left the span for a failure, since
/// many instrumentations record one and set no status.
pub fn flags(source: &Source<'_>, http_status: Option<i64>) -> Flags {
    let is_contrib = source.settings.mapping == Mapping::Contrib;
    let thrown = || {
        !is_contrib && source.status_code() == StatusCode::Unset && http_status.is_none() && throws(source)
    };
    let (error, fault) = match http_status {
        Some(400..=499) => (true, false),
        Some(500..=599) => (false, true),
        _ => (false, source.is_error() || thrown()),
    };
    Flags { error, throttle: http_status == Some(429), fault, say_all: is_contrib }
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
