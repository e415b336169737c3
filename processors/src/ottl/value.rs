//! What OTTL's expressions yield, and how it compares.

use std::borrow::Cow;
use std::cmp::Ordering;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Content;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};

use super::Comparison;
use crate::actions::get;
use crate::actions::value::same;

/// A value.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// What is not there.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// Of a trace or span, by its length.
    Id(Cow<'a, [u8]>),
    List(Cow<'a, [AnyValue]>),
    Map(Cow<'a, [KeyValue]>),
    /// Nanoseconds since 1970.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
}

/// What stands in brackets behind a list or map.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    Name(String),
    Index(usize),
}

impl<'a> From<&'a AnyValue> for Value<'a> {
    fn from(value: &'a AnyValue) -> Self {
        match &value.value {
            None => Value::Nil,
            Some(Content::StringValue(text)) => Value::Text(Cow::Borrowed(text)),
            Some(Content::BoolValue(bool)) => Value::Bool(*bool),
            Some(Content::IntValue(int)) => Value::Int(*int),
            Some(Content::DoubleValue(float)) => Value::Float(*float),
            Some(Content::BytesValue(bytes)) => Value::Bytes(Cow::Borrowed(bytes)),
            Some(Content::ArrayValue(list)) => Value::List(Cow::Borrowed(&list.values)),
            Some(Content::KvlistValue(map)) => Value::Map(Cow::Borrowed(&map.values)),
            // Only profiles have references to strings that stand elsewhere.
            Some(_) => Value::Nil,
        }
    }
}

impl<'a> Value<'a> {
    /// A text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Value::Text(text.into())
    }

    /// The same, free of what it was borrowed from.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Nil => Value::Nil,
            Value::Bool(bool) => Value::Bool(bool),
            Value::Int(int) => Value::Int(int),
            Value::Float(float) => Value::Float(float),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Value::Id(id) => Value::Id(Cow::Owned(id.into_owned())),
            Value::List(list) => Value::List(Cow::Owned(list.into_owned())),
            Value::Map(map) => Value::Map(Cow::Owned(map.into_owned())),
            Value::Time(nanos) => Value::Time(nanos),
            Value::Duration(nanos) => Value::Duration(nanos),
        }
    }

    /// The same, borrowed.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Nil => Value::Nil,
            Value::Bool(bool) => Value::Bool(*bool),
            Value::Int(int) => Value::Int(*int),
            Value::Float(float) => Value::Float(*float),
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Value::Id(id) => Value::Id(Cow::Borrowed(id)),
            Value::List(list) => Value::List(Cow::Borrowed(list)),
            Value::Map(map) => Value::Map(Cow::Borrowed(map)),
            Value::Time(nanos) => Value::Time(*nanos),
            Value::Duration(nanos) => Value::Duration(*nanos),
        }
    }

    /// As the value of an attribute; nothing of what no attribute can be.
    pub fn into_any(self) -> Option<AnyValue> {
        let content = match self {
            Value::Nil => None,
            Value::Bool(bool) => Some(Content::BoolValue(bool)),
            Value::Int(int) => Some(Content::IntValue(int)),
            Value::Float(float) => Some(Content::DoubleValue(float)),
            Value::Text(text) => Some(Content::StringValue(text.into_owned())),
            Value::Bytes(bytes) => Some(Content::BytesValue(bytes.into_owned())),
            Value::List(list) => Some(Content::ArrayValue(ArrayValue { values: list.into_owned() })),
            Value::Map(map) => Some(Content::KvlistValue(KeyValueList { values: map.into_owned() })),
            Value::Id(_) | Value::Time(_) | Value::Duration(_) => return None,
        };
        Some(AnyValue { value: content })
    }

    /// What stands at `keys`, one below the other; nil where a map has no such key.
    ///
    /// # Errors
    /// When there is neither a list nor a map at one of them, or it is beyond the list's end.
    pub fn at(self, keys: &[Key]) -> Result<Value<'a>, String> {
        let Some((key, below)) = keys.split_first() else { return Ok(self) };
        match (self, key) {
            (Value::Map(map), Key::Name(name)) => {
                let found = match &map {
                    Cow::Borrowed(map) => get(map, name).map(Value::from),
                    Cow::Owned(map) => get(map, name).map(|value| Value::from(value).into_owned()),
                };
                found.map_or(Ok(Value::Nil), |found| found.at(below))
            }
            (Value::List(list), Key::Index(index)) => {
                let found = match &list {
                    Cow::Borrowed(list) => list.get(*index).map(Value::from),
                    Cow::Owned(list) => list.get(*index).map(|value| Value::from(value).into_owned()),
                };
                found.ok_or_else(|| format!("index {index} is out of bounds"))?.at(below)
            }
            (Value::Map(_), Key::Index(index)) => Err(format!("a map has no index {index}")),
            (Value::List(_), Key::Name(name)) => Err(format!("a list has no key {name}")),
            (other, _) => Err(format!("{} has neither keys nor an index", other.kind())),
        }
    }

    /// What it is, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "a text",
            Value::Bytes(_) => "bytes",
            Value::Id(_) => "an id",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Time(_) => "a time",
            Value::Duration(_) => "a duration",
        }
    }

    /// Whether it is to `other` as `comparison` says. Of what can't be compared only "not equal" is true.
    pub fn compares(&self, comparison: Comparison, other: &Value) -> bool {
        let order = match (self, other) {
            (Value::Nil, Value::Nil) => Some(Ordering::Equal),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Int(a), Value::Int(b))
            | (Value::Time(a), Value::Time(b))
            | (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
            (Value::Int(a), Value::Float(b)) => (*a as f64).partial_cmp(b),
            (Value::Float(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            (Value::Id(a), Value::Id(b)) => return comparison.of_equality(a == b),
            (Value::List(_), Value::List(_)) | (Value::Map(_), Value::Map(_)) => {
                let [a, b] = [self, other].map(|value| value.borrowed().into_any().unwrap_or_default());
                return comparison.of_equality(same(&a, &b));
            }
            _ => None,
        };
        order.map_or(comparison == Comparison::NotEqual, |order| comparison.holds(order))
    }
}
