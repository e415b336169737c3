//! What both mappings read alike of HTTP.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::attributes::{Attributes, string};
use super::keys::Key;

/// The size of the message that the span received, if it tells one: itself, or in an event.
pub fn size_of_messages(span: &Span, attributes: &Attributes<'_>) -> Option<i64> {
    let received = attributes.text(Key::MessageType) == Some("RECEIVED");
    let own = received.then(|| attributes.integer(Key::MessagingMessagePayloadSizeBytes)).flatten();
    let of_events = span.events.iter().filter_map(|event| {
        let received = string(find(&event.attributes, "message.type")?) == "RECEIVED";
        match find(&event.attributes, "messaging.message_payload_size_bytes")? {
            Some(Value::IntValue(size)) if received => Some(*size),
            _ => None,
        }
    });
    own.into_iter().chain(of_events).find(|size| *size != 0)
}

/// The value of `key` in a list that is read but once: nothing if it is not there, `Some(None)` if it is empty.
fn find<'a>(list: &'a [KeyValue], key: &str) -> Option<Option<&'a Value>> {
    let found = list.iter().find(|attribute| attribute.key == key)?;
    Some(found.value.as_ref().and_then(|value| value.value.as_ref()))
}
