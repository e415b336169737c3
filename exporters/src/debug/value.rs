//! Attributes and ids as text.

use std::fmt::{self, Display, Formatter, Write};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// A value without its type: `text`. Nothing for none.
pub fn plain(value: Option<&AnyValue>) -> String {
    value.map(pipeline::text).unwrap_or_default()
}

/// A value with its type: `Str(text)`.
pub fn typed(value: Option<&AnyValue>) -> String {
    let kind = match value.and_then(|value| value.value.as_ref()) {
        // An index into a table of strings means nothing here: only profiles have such a table.
        None | Some(Value::StringValueStrindex(_)) => "Empty",
        Some(Value::StringValue(_)) => "Str",
        Some(Value::BoolValue(_)) => "Bool",
        Some(Value::IntValue(_)) => "Int",
        Some(Value::DoubleValue(_)) => "Double",
        Some(Value::BytesValue(_)) => "Bytes",
        Some(Value::ArrayValue(_)) => "Slice",
        Some(Value::KvlistValue(_)) => "Map",
    };
    format!("{kind}({})", plain(value))
}

/// Appends attributes, if there are any, below `header` as lines `-> key: Type(value)`, the arrows `indent` and
/// five blanks deep.
pub fn list(out: &mut String, indent: &str, header: &str, attributes: &[KeyValue]) -> fmt::Result {
    if !attributes.is_empty() {
        writeln!(out, "{header}:")?;
    }
    for attribute in attributes {
        writeln!(out, "{indent}     -> {}: {}", attribute.key, typed(attribute.value.as_ref()))?;
    }
    Ok(())
}

/// Appends attributes as `key=value`, separated by `separator`.
pub fn inline(out: &mut String, separator: char, attributes: &[KeyValue]) -> fmt::Result {
    for (number, attribute) in attributes.iter().enumerate() {
        if number > 0 {
            out.push(separator);
        }
        write!(out, "{}={}", attribute.key, plain(attribute.value.as_ref()))?;
    }
    Ok(())
}

/// A trace or span id in hexadecimal; nothing if it is all zero, for that is no id.
pub struct Hex<'a>(pub &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
