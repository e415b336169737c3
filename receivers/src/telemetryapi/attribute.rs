//! Attributes, and the values that they have.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// An attribute that is a text.
pub fn attribute(key: &str, value: &str) -> KeyValue {
    key_value(key, text(value))
}

/// An attribute that is true or false.
pub fn flag(key: &str, value: bool) -> KeyValue {
    key_value(key, AnyValue { value: Some(Value::BoolValue(value)) })
}

/// An attribute with any value.
pub fn key_value(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }
}

/// A text as a value.
pub fn text(text: impl Into<String>) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.into())) }
}
