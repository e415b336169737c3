//! Attribute values: read from YAML, hashed, converted.

use std::fmt;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Content;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use ring::digest::{SHA256, digest};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A value without content, as good as a value that is absent.
pub static EMPTY: AnyValue = AnyValue { value: None };

/// A value as written in YAML, with the type that it has there.
#[derive(Clone, Debug, PartialEq)]
pub struct Value(pub AnyValue);

/// What an attribute can be converted to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// Whole numbers; doubles lose what follows the point, true is 1.
    Int,
    /// Floating point numbers; true is 1.
    Double,
    /// Texts; lists and maps become JSON.
    String,
}

/// Whether two values are the same; the order of a map's entries does not count.
pub fn same(a: &AnyValue, b: &AnyValue) -> bool {
    match (&a.value, &b.value) {
        (Some(Content::ArrayValue(a)), Some(Content::ArrayValue(b))) => {
            a.values.len() == b.values.len() && a.values.iter().zip(&b.values).all(|(a, b)| same(a, b))
        }
        (Some(Content::KvlistValue(a)), Some(Content::KvlistValue(b))) => {
            let sorted = |map: &KeyValueList| {
                let mut entries = map.values.clone();
                entries.sort_by(|a, b| a.key.cmp(&b.key));
                entries
            };
            let (a, b) = (sorted(a), sorted(b));
            let value = |entry: &KeyValue| entry.value.clone().unwrap_or_default();
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.key == b.key && same(&value(a), &value(b)))
        }
        (a, b) => a == b,
    }
}

/// A value that is a text.
pub fn string(text: String) -> AnyValue {
    AnyValue { value: Some(Content::StringValue(text)) }
}

/// Bytes in hexadecimal, in small letters.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a value, in hex: of the text, of 8 bytes (little endian) of a number, of one byte (0 or 1) of a
/// bool. Of anything else it is the empty text, so that nothing that was to be hidden stays readable.
pub fn hash(value: &AnyValue) -> AnyValue {
    let hex = |bytes: &[u8]| hex(digest(&SHA256, bytes).as_ref());
    string(match &value.value {
        Some(Content::StringValue(text)) => hex(text.as_bytes()),
        Some(Content::BoolValue(bool)) => hex(&[u8::from(*bool)]),
        Some(Content::IntValue(int)) => hex(&int.to_le_bytes()),
        Some(Content::DoubleValue(double)) => hex(&double.to_le_bytes()),
        _ => String::new(),
    })
}

/// The value as another type, or nothing if it is no such thing (then the attribute stays as it is).
pub fn convert(value: &AnyValue, to: Type) -> Option<AnyValue> {
    let content = value.value.as_ref();
    let converted = match to {
        Type::String => Content::StringValue(pipeline::text(value)),
        Type::Int => Content::IntValue(match content? {
            Content::IntValue(int) => *int,
            Content::DoubleValue(double) => *double as i64,
            Content::BoolValue(bool) => i64::from(*bool),
            Content::StringValue(text) => text.parse().ok()?,
            _ => return None,
        }),
        Type::Double => Content::DoubleValue(match content? {
            Content::IntValue(int) => *int as f64,
            Content::DoubleValue(double) => *double,
            Content::BoolValue(bool) => f64::from(*bool),
            Content::StringValue(text) => double(text)?,
            _ => return None,
        }),
    };
    Some(AnyValue { value: Some(converted) })
}

/// A text as a number; what is too large for one is none, though Rust reads it as infinity.
pub fn double(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    let overflown = number.is_infinite() && text.contains(|c: char| c.is_ascii_digit());
    (!overflown).then_some(number)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AsWritten)
    }
}

/// A value; null, as an unset environment variable gives it, is none.
pub fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Ok(Option::<Value>::deserialize(from)?.filter(|Value(value)| value.value.is_some()))
}

struct AsWritten;

impl<'de> Visitor<'de> for AsWritten {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a bool, a list or a map")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value(EMPTY.clone()))
    }

    fn visit_bool<E: Error>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::from(Content::BoolValue(bool)))
    }

    fn visit_i64<E: Error>(self, int: i64) -> Result<Value, E> {
        Ok(Value::from(Content::IntValue(int)))
    }

    fn visit_u64<E: Error>(self, int: u64) -> Result<Value, E> {
        let int =
            i64::try_from(int).map_err(|_| E::custom(format_args!("{int} exceeds 64 bits with sign")))?;
        self.visit_i64(int)
    }

    fn visit_f64<E: Error>(self, double: f64) -> Result<Value, E> {
        Ok(Value::from(Content::DoubleValue(double)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value(string(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Value(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::from(Content::ArrayValue(ArrayValue { values })))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some((key, Value(value))) = map.next_entry()? {
            values.push(KeyValue { key, value: Some(value), ..KeyValue::default() });
        }
        Ok(Value::from(Content::KvlistValue(KeyValueList { values })))
    }
}

impl From<Content> for Value {
    fn from(content: Content) -> Self {
        Value(AnyValue { value: Some(content) })
    }
}
