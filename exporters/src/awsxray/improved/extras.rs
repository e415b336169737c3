//! What X-Ray has no place for, under fixed keys of the metadata.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};

use super::super::cause::Cause;
use super::super::json::{Json, Object};
use super::super::source::Source;

/// Adds what the document of the span does not say otherwise.
pub fn add<'a>(
    source: &Source<'a>,
    name: &str,
    cause: Option<&Cause<'a>>,
    is_aws: bool,
    metadata: &mut Object<'a>,
) {
    let span = source.span;
    if name != span.name {
        metadata.set_text("otel.span.name", Some(span.name.as_str()));
        let kind = match source.kind {
            SpanKind::Unspecified => "",
            SpanKind::Internal => "INTERNAL",
            SpanKind::Server => "SERVER",
            SpanKind::Client => "CLIENT",
            SpanKind::Producer => "PRODUCER",
            SpanKind::Consumer => "CONSUMER",
        };
        metadata.set_text("otel.span.kind", Some(kind));
    }
    let message = span.status.as_ref().map_or("", |status| &status.message);
    let is_told =
        |cause: &Cause<'_>| cause.exceptions.iter().any(|found| found.message.as_deref() == Some(message));
    if !cause.is_some_and(is_told) {
        metadata.set_text("otel.status_description", Some(message));
    }
    metadata.set_text("otel.trace_state", Some(span.trace_state.as_str()));
    if let Some(scope) = source.scope {
        metadata.set_text("otel.scope.name", Some(scope.name.as_str()));
        metadata.set_text("otel.scope.version", Some(scope.version.as_str()));
        metadata.set_some("otel.scope.attributes", attributes(&scope.attributes));
    }
    let events: Vec<_> = span.events.iter().filter(|event| !is_exception(event, is_aws)).map(event).collect();
    metadata.set_some("otel.events", Some(events).filter(|events| !events.is_empty()));
    for (key, count) in [
        ("otel.dropped_attributes_count", span.dropped_attributes_count),
        ("otel.dropped_events_count", span.dropped_events_count),
        ("otel.dropped_links_count", span.dropped_links_count),
    ] {
        if count > 0 {
            metadata.set(key, i64::from(count));
        }
    }
}

/// Whether the cause tells of the event.
fn is_exception(event: &Event, is_aws: bool) -> bool {
    event.name == "exception" || is_aws && event.name == "HTTP request failure"
}

fn event(event: &Event) -> Json<'_> {
    let mut object = Object::default();
    object.set("name", event.name.as_str());
    object.set("time", Json::Time(event.time_unix_nano));
    object.set_some("attributes", attributes(&event.attributes));
    object.into()
}

/// Attributes as an object, if there are any.
pub fn attributes(list: &[KeyValue]) -> Option<Object<'_>> {
    let mut object = Object::default();
    for attribute in list {
        object.set(attribute.key.as_str(), Json::of(attribute.value.as_ref()));
    }
    Some(object).filter(|object| !object.is_empty())
}
