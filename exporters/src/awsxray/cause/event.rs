//! The events of a span that tell of an exception.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::Event;

use super::thrown::Thrown;
use super::{About, Exception, contrib, language};
use crate::awsxray::id::Ids;
use crate::awsxray::json::Json;
use crate::awsxray::{Id, Mapping};

/// Whether an exception was recorded
/// (<https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/>).
pub fn is_exception(event: &Event) -> bool {
    event.name == "exception"
}

/// Whether an AWS SDK tells of one attempt that failed.
pub fn is_failed_request(event: &Event) -> bool {
    event.name == "HTTP request failure"
}

/// What an exception event tells: the exception, what caused it, and what else its stack trace names.
pub fn exceptions<'a>(event: &'a Event, about: &About<'a>, ids: &mut Ids) -> Vec<Exception<'a>> {
    let attribute = |key| text(&event.attributes, key).unwrap_or_default();
    let stacktrace = attribute("exception.stacktrace");
    let mut all = match about.mapping {
        Mapping::Contrib => contrib::parse(about.language, stacktrace),
        Mapping::Improved => language::parse(about.language, stacktrace),
    };
    if all.is_empty() {
        all.push(Thrown::default());
    }
    // The event knows best, where it says anything.
    let (kind, message) = (attribute("exception.type"), attribute("exception.message"));
    let contrib = about.mapping == Mapping::Contrib;
    if contrib || !kind.is_empty() {
        all[0].kind = kind.into();
    }
    if contrib || !message.is_empty() {
        all[0].message = message.into();
    }
    let known: Vec<_> = all.iter().map(|_| ids.next()).collect();
    let exceptions = all.into_iter().zip(&known).map(|(thrown, id)| {
        let told = |text: Cow<'a, str>| (contrib || !text.is_empty()).then_some(text);
        Exception {
            message: Some(thrown.message),
            kind: told(thrown.kind),
            remote: Some(about.remote),
            truncated: thrown.truncated,
            skipped: 0,
            cause: thrown.cause.and_then(|cause| known.get(cause).copied()),
            stack: thrown.stack,
            id: *id,
        }
    });
    let mut exceptions: Vec<_> = exceptions.collect();
    if let Some(first) = exceptions.first_mut().filter(|_| !contrib) {
        as_received(event, first);
    }
    exceptions
}

/// Gives an exception that was X-Ray's before, and came by the Collector's receiver for it, what it had there.
fn as_received(event: &Event, exception: &mut Exception<'_>) {
    const PREFIX: &str = "aws.xray.exception.";
    for KeyValue { key, value, .. } in &event.attributes {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        match (name, value.as_ref().and_then(|value| value.value.as_ref())) {
            ("id", Some(Value::StringValue(id))) => exception.id = Id::of_hex(id).unwrap_or(exception.id),
            ("cause", Some(Value::StringValue(id))) => exception.cause = exception.cause.or(Id::of_hex(id)),
            ("remote", Some(Value::BoolValue(remote))) => exception.remote = Some(*remote),
            ("truncated", Some(Value::IntValue(frames))) => {
                let frames = usize::try_from(*frames).unwrap_or(0);
                exception.truncated = exception.truncated.saturating_add(frames);
            }
            ("skipped", Some(Value::IntValue(skipped))) => exception.skipped = *skipped,
            _ => {}
        }
    }
}

/// What a failed attempt of an AWS SDK tells: `status@seconds@words`.
pub fn failed_request<'a>(event: &'a Event, about: &About<'a>, ids: &mut Ids) -> Option<Exception<'a>> {
    let code = value(&event.attributes, "http.response.status_code");
    let words = value(&event.attributes, "aws.http.error_message");
    let both = code.is_some() && words.is_some();
    if !both && (about.mapping == Mapping::Contrib || code.is_none() && words.is_none()) {
        return None;
    }
    let code = code.map(written).unwrap_or_default();
    let words = words.and_then(as_text).unwrap_or_default();
    let micros = event.time_unix_nano.cast_signed().div_euclid(1000) as f64;
    let message = format!("{code}@{:.6}@{words}", micros / 1e6);
    Some(Exception {
        message: Some(message.into()),
        kind: Some("aws.http.error.event".into()),
        remote: Some(true),
        ..Exception::new(ids.next())
    })
}

/// The value of `key`.
fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|known| known.key == key)?.value.as_ref()?.value.as_ref()
}

/// The value of `key` if it is text.
pub fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    value(attributes, key).and_then(as_text)
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// Any value as text.
fn written(value: &Value) -> String {
    if let Some(text) = as_text(value) {
        return text.to_owned();
    }
    let mut out = String::new();
    Json::Value(value).write(&mut out);
    out.trim_matches('"').to_owned()
}
