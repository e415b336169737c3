//! JSON that keeps the order of its keys and borrows what it can.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any number; text if JSON has no form for it.
    Double(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// The value of an attribute.
    Value(&'a Value),
    /// The value of an attribute, written as Go's exporter writes it: no bytes are `null`.
    GoValue(&'a Value),
    /// A time in nanoseconds, written in seconds.
    Time(u64),
    /// JSON's `null`.
    Null,
    /// A list.
    Array(Vec<Json<'a>>),
    /// Keys with their values.
    Object(Object<'a>),
}

/// Keys with their values, in the order in which they came; each key once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(pub Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// Adds `key`, or gives it its new value.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Json<'a>>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => self.0.push((key, value)),
        }
    }

    /// Adds `key` if there is a value for it.
    pub fn set_some(&mut self, key: &'static str, value: Option<impl Into<Json<'a>>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Adds `key` if there is text for it.
    pub fn set_text(&mut self, key: &'static str, text: Option<impl Into<Cow<'a, str>>>) {
        if let Some(text) = text.map(Into::into).filter(|text| !text.is_empty()) {
            self.set(key, text);
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json<'a>> {
        self.0.iter_mut().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Takes `keys` out.
    pub fn remove(&mut self, keys: &[&str]) {
        self.0.retain(|(key, _)| !keys.contains(&key.as_ref()));
    }

    /// Whether it holds no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends itself to `out`.
    pub fn write(&self, out: &mut String) {
        write_object(out, self.0.iter().map(|(key, value)| (key.as_ref(), value)), |out, value| {
            value.write(out)
        });
    }
}

impl<'a> Json<'a> {
    /// The value of an attribute; `null` for none.
    pub fn of(value: Option<&'a AnyValue>) -> Json<'a> {
        value.and_then(|value| value.value.as_ref()).map_or(Json::Null, Json::Value)
    }

    /// JSON that was parsed. With `as_doubles` its numbers are rounded to doubles, as Go reads them.
    pub fn parsed(value: serde_json::Value, as_doubles: bool) -> Json<'a> {
        use serde_json::Value;
        match value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(value),
            Value::Number(number) => match number.as_i64() {
                Some(value) if !as_doubles => Json::Int(value),
                _ => number.as_f64().map_or(Json::Null, Json::Double),
            },
            Value::String(text) => Json::Text(text.into()),
            Value::Array(values) => {
                Json::Array(values.into_iter().map(|value| Json::parsed(value, as_doubles)).collect())
            }
            Value::Object(entries) => Json::Object(Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.into(), Json::parsed(value, as_doubles)))
                    .collect(),
            )),
        }
    }

    /// Appends itself to `out`.
    pub fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Int(value) => write_display(out, value),
            Json::Double(value) => write_double(out, *value),
            Json::Text(text) => write_text(out, text),
            Json::Value(value) => write_value(out, Some(value), "\"\""),
            Json::GoValue(value) => write_value(out, Some(value), "null"),
            Json::Time(nanoseconds) => write_time(out, *nanoseconds),
            Json::Array(values) => write_array(out, values, |out, value| value.write(out)),
            Json::Object(object) => object.write(out),
        }
    }
}

fn write_display(out: &mut String, value: impl Display) {
    // Writing to a string can't fail.
    let _ = write!(out, "{value}");
}

fn write_double(out: &mut String, value: f64) {
    match value {
        value if value.is_finite() => write_display(out, pipeline::shortest(value, -6..21, 1)),
        value if value.is_nan() => out.push_str("\"NaN\""),
        value if value > 0.0 => out.push_str("\"Infinity\""),
        _ => out.push_str("\"-Infinity\""),
    }
}

/// Appends `text` in quotes.
pub fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        match special.as_bytes()[0] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => write_display(out, format_args!("\\u{control:04x}")),
        }
        rest = &special[1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn write_time(out: &mut String, nanoseconds: u64) {
    let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    write_display(out, seconds);
    if rest > 0 {
        let digits = format!("{rest:09}");
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
}

fn write_value(out: &mut String, value: Option<&Value>, no_bytes: &str) {
    match value {
        Some(Value::StringValue(text)) => write_text(out, text),
        Some(Value::BoolValue(value)) => Json::Bool(*value).write(out),
        Some(Value::IntValue(value)) => Json::Int(*value).write(out),
        Some(Value::DoubleValue(value)) => write_double(out, *value),
        Some(Value::BytesValue(bytes)) if bytes.is_empty() => out.push_str(no_bytes),
        Some(Value::BytesValue(bytes)) => write_text(out, &BASE64_STANDARD.encode(bytes)),
        Some(Value::ArrayValue(array)) => {
            write_array(out, &array.values, |out, value| write_value(out, value.value.as_ref(), no_bytes));
        }
        Some(Value::KvlistValue(list)) => write_object(
            out,
            list.values.iter().map(|KeyValue { key, value, .. }| (key.as_str(), value)),
            |out, value| {
                write_value(out, value.as_ref().and_then(|value| value.value.as_ref()), no_bytes);
            },
        ),
        Some(Value::StringValueStrindex(_)) | None => out.push_str("null"),
    }
}

fn write_array<T>(out: &mut String, values: &[T], write: impl Fn(&mut String, &T)) {
    out.push('[');
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(out, value);
    }
    out.push(']');
}

fn write_object<'k, T>(
    out: &mut String,
    entries: impl Iterator<Item = (&'k str, T)>,
    write: impl Fn(&mut String, T),
) {
    out.push('{');
    for (number, (key, value)) in entries.enumerate() {
        if number > 0 {
            out.push(',');
        }
        write_text(out, key);
        out.push(':');
        write(out, value);
    }
    out.push('}');
}

impl From<bool> for Json<'_> {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

impl From<i64> for Json<'_> {
    fn from(value: i64) -> Self {
        Json::Int(value)
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(text: &'a str) -> Self {
        Json::Text(text.into())
    }
}

impl<'a> From<&'a Value> for Json<'a> {
    fn from(value: &'a Value) -> Self {
        Json::Value(value)
    }
}

impl From<String> for Json<'_> {
    fn from(text: String) -> Self {
        Json::Text(text.into())
    }
}

impl<'a> From<Cow<'a, str>> for Json<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Json::Text(text)
    }
}

impl<'a> From<Object<'a>> for Json<'a> {
    fn from(object: Object<'a>) -> Self {
        Json::Object(object)
    }
}

impl<'a> From<Vec<Json<'a>>> for Json<'a> {
    fn from(values: Vec<Json<'a>>) -> Self {
        Json::Array(values)
    }
}
