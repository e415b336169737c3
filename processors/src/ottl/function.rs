//! The functions of OTTL that conditions use.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Content;

use super::Comparison;
use super::item::{Item, Level, Point};
use super::value::Value;
use crate::actions::get;
use crate::actions::value::{double, hex, string};

/// What is called: with the item, and with as many arguments as its entry in [`FUNCTIONS`] says.
pub type Function = for<'a> fn(&Item<'a>, &[Value<'a>]) -> Result<Value<'a>, String>;

/// A name, how many arguments it takes, and the level of what it may be asked of, if not of all.
pub type Entry = (&'static str, usize, Option<Level>, Function);

/// All but `IsMatch`, which the parser makes, and `TraceID`, `SpanID` and `Duration`, which are literals.
pub const FUNCTIONS: &[Entry] = &[
    ("IsString", 1, None, |_, a| Ok(Value::Bool(matches!(a[0], Value::Text(_))))),
    ("IsBool", 1, None, |_, a| Ok(Value::Bool(matches!(a[0], Value::Bool(_))))),
    ("IsInt", 1, None, |_, a| Ok(Value::Bool(matches!(a[0], Value::Int(_))))),
    ("IsDouble", 1, None, |_, a| Ok(Value::Bool(matches!(a[0], Value::Float(_))))),
    ("IsMap", 1, None, |_, a| Ok(Value::Bool(matches!(a[0], Value::Map(_))))),
    ("IsList", 1, None, |_, a| Ok(Value::Bool(matches!(a[0], Value::List(_))))),
    ("IsRootSpan", 0, Some(Level::Span), |it, _| {
        Ok(Value::Bool(it.span.is_some_and(|span| span.parent_span_id.iter().all(|byte| *byte == 0))))
    }),
    ("HasAttrKeyOnDatapoint", 1, Some(Level::Metric), |it, a| {
        let key = text(&a[0])?;
        Ok(Value::Bool(points(it)?.any(|point| get(point.attributes(), key).is_some())))
    }),
    ("HasAttrOnDatapoint", 2, Some(Level::Metric), |it, a| {
        let (key, wanted) = (text(&a[0])?, text(&a[1])?);
        // Only the first point that has the attribute is asked.
        let found = points(it)?.find_map(|point| get(point.attributes(), key));
        let found = found.map(|value| match &value.value {
            Some(Content::StringValue(text)) => text,
            _ => "",
        });
        Ok(Value::Bool(found == Some(wanted)))
    }),
    ("HasPrefix", 2, None, |_, a| Ok(Value::Bool(text(&a[0])?.starts_with(text(&a[1])?)))),
    ("HasSuffix", 2, None, |_, a| Ok(Value::Bool(text(&a[0])?.ends_with(text(&a[1])?)))),
    ("ContainsValue", 2, None, |_, a| match &a[0] {
        Value::List(list) => {
            let is = |value| Value::from(value).compares(Comparison::Equal, &a[1]);
            Ok(Value::Bool(list.iter().any(is)))
        }
        other => Err(unfit("a list", other)),
    }),
    ("Len", 1, None, |_, a| {
        let length = match &a[0] {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            other => return Err(unfit("a text, list, map or bytes", other)),
        };
        Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
    }),
    ("String", 1, None, |_, a| match &a[0] {
        Value::Nil => Ok(Value::Nil),
        other => Ok(Value::text(as_text(other).into_owned())),
    }),
    ("Int", 1, None, |_, a| match &a[0] {
        Value::Nil => Ok(Value::Nil),
        Value::Int(int) => Ok(Value::Int(*int)),
        Value::Float(float) => Ok(Value::Int(*float as i64)),
        Value::Bool(bool) => Ok(Value::Int(i64::from(*bool))),
        Value::Text(text) => Ok(text.parse().map_or(Value::Nil, Value::Int)),
        other => Err(unfit("a text, number or bool", other)),
    }),
    ("Double", 1, None, |_, a| match &a[0] {
        Value::Nil => Ok(Value::Nil),
        Value::Int(int) => Ok(Value::Float(*int as f64)),
        Value::Float(float) => Ok(Value::Float(*float)),
        Value::Bool(bool) => Ok(Value::Float(f64::from(u8::from(*bool)))),
        Value::Text(text) => Ok(double(text).map_or(Value::Nil, Value::Float)),
        other => Err(unfit("a text, number or bool", other)),
    }),
    ("Concat", 2, None, |_, a| {
        let Value::List(list) = &a[0] else { return Err(unfit("a list", &a[0])) };
        let texts = list.iter().map(|value| match Value::from(value) {
            Value::Nil => "<nil>".to_owned(),
            value => as_text(&value).into_owned(),
        });
        Ok(Value::text(texts.collect::<Vec<_>>().join(text(&a[1])?)))
    }),
    ("Split", 2, None, |_, a| {
        let parts = text(&a[0])?.split(text(&a[1])?).map(|part| string(part.to_owned()));
        Ok(Value::List(Cow::Owned(parts.collect())))
    }),
    ("Substring", 3, None, |_, a| {
        let whole = text(&a[0])?;
        let (Value::Int(start), Value::Int(length)) = (&a[1], &a[2]) else {
            return Err("a substring begins at a whole number and is that many bytes long".to_owned());
        };
        let (start, length) = (usize::try_from(*start), usize::try_from(*length));
        let part = start.ok().zip(length.ok()).filter(|(_, length)| *length > 0);
        let part = part.and_then(|(start, length)| whole.get(start..start.checked_add(length)?));
        part.map(|part| Value::text(part.to_owned()))
            .ok_or_else(|| "a substring that is not in the text".to_owned())
    }),
    ("ToLowerCase", 1, None, |_, a| Ok(Value::text(text(&a[0])?.to_lowercase()))),
    ("ToUpperCase", 1, None, |_, a| Ok(Value::text(text(&a[0])?.to_uppercase()))),
    ("ConvertCase", 2, None, |_, a| match text(&a[1])? {
        "lower" => Ok(Value::text(text(&a[0])?.to_lowercase())),
        "upper" => Ok(Value::text(text(&a[0])?.to_uppercase())),
        other => Err(format!("no case {other}; there are lower and upper")),
    }),
    ("Trim", 1, None, |_, a| Ok(Value::text(text(&a[0])?.trim_matches(' ').to_owned()))),
    ("Nanoseconds", 1, None, |_, a| Ok(Value::Int(duration(&a[0])?))),
    ("Microseconds", 1, None, |_, a| Ok(Value::Int(duration(&a[0])? / 1_000))),
    ("Milliseconds", 1, None, |_, a| Ok(Value::Int(duration(&a[0])? / 1_000_000))),
    ("Seconds", 1, None, |_, a| Ok(Value::Float(duration(&a[0])? as f64 / 1e9))),
];

fn points<'a>(item: &Item<'a>) -> Result<impl Iterator<Item = Point<'a>>, String> {
    let metric = item.metric.filter(|metric| metric.data.is_some());
    Ok(Point::all(metric.ok_or("a metric of no type has no data points")?).into_iter())
}

fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, String> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(unfit("a text", other)),
    }
}

fn duration(value: &Value) -> Result<i64, String> {
    match value {
        Value::Duration(nanos) => Ok(*nanos),
        other => Err(unfit("a duration", other)),
    }
}

fn unfit(wanted: &str, found: &Value) -> String {
    format!("expected {wanted}, found {}", found.kind())
}

/// Any value as a text: numbers and bools as they are written, bytes and ids in hexadecimal, lists and maps as JSON.
pub fn as_text<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) | Value::Id(bytes) => Cow::Owned(hex(bytes)),
        Value::Time(nanos) | Value::Duration(nanos) => Cow::Owned(nanos.to_string()),
        other => {
            let any = other.borrowed().into_any().unwrap_or_default();
            Cow::Owned(pipeline::text(&any))
        }
    }
}
