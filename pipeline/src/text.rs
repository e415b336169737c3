//! Attribute values as text, the way the Go Collector prints them.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use crate::shortest;

/// A value as text: strings as they are, numbers as JavaScript writes them, bytes as base64, lists and maps as
/// JSON with sorted keys. The Collector's `pcommon.Value.AsString`; a list or map that holds a number JSON has
/// no form for is the empty text.
pub fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BytesValue(bytes)) => BASE64_STANDARD.encode(bytes),
        Some(Value::DoubleValue(double)) => number(*double).unwrap_or_else(|| special(*double).into()),
        Some(Value::BoolValue(_) | Value::IntValue(_) | Value::ArrayValue(_) | Value::KvlistValue(_)) => {
            let mut json = String::new();
            write_json(Some(value), &mut json).map_or_else(String::new, |()| json)
        }
        Some(Value::StringValueStrindex(_)) | None => String::new(),
    }
}

/// Appends `value` as JSON; nothing if it holds a number that JSON has no form for.
fn write_json(value: Option<&AnyValue>, json: &mut String) -> Option<()> {
    match value.and_then(|value| value.value.as_ref()) {
        None | Some(Value::StringValueStrindex(_)) => json.push_str("null"),
        Some(Value::BoolValue(bool)) => write!(json, "{bool}").ok()?,
        Some(Value::IntValue(int)) => write!(json, "{int}").ok()?,
        Some(Value::DoubleValue(double)) => json.push_str(&number(*double)?),
        Some(Value::StringValue(text)) => quote(text, json),
        // Inside a list or map empty bytes are Go's nil slice, which its JSON calls null.
        Some(Value::BytesValue(bytes)) if bytes.is_empty() => json.push_str("null"),
        Some(Value::BytesValue(bytes)) => quote(&BASE64_STANDARD.encode(bytes), json),
        Some(Value::ArrayValue(list)) => {
            json.push('[');
            for (i, value) in list.values.iter().enumerate() {
                json.push_str(if i > 0 { "," } else { "" });
                write_json(Some(value), json)?;
            }
            json.push(']');
        }
        Some(Value::KvlistValue(map)) => {
            // Sorted, and of equal keys the last, as in a map of Go's.
            let sorted: BTreeMap<_, _> =
                map.values.iter().map(|entry| (&entry.key, entry.value.as_ref())).collect();
            json.push('{');
            for (i, (key, value)) in sorted.into_iter().enumerate() {
                json.push_str(if i > 0 { "," } else { "" });
                quote(key, json);
                json.push(':');
                write_json(value, json)?;
            }
            json.push('}');
        }
    }
    Some(())
}

/// The number as JavaScript writes it: with an exponent below 1e-6 and from 1e21.
fn number(double: f64) -> Option<String> {
    double.is_finite().then(|| shortest(double, -6..21, 1))
}

fn special(double: f64) -> &'static str {
    match double {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

/// Appends `text` as a JSON string in Go's form, which escapes what could end a script in HTML.
fn quote(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a text can't fail.
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValue, KeyValueList};

    use super::*;

    fn value(value: Value) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    fn list(values: Vec<Value>) -> AnyValue {
        value(Value::ArrayValue(ArrayValue { values: values.into_iter().map(value).collect() }))
    }

    #[test]
    fn doubles_are_written_as_javascript_does() {
        for (double, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (9.5e-7, "9.5e-7"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(&value(Value::DoubleValue(double))), expected);
        }
    }

    #[test]
    fn a_list_or_map_that_holds_no_finite_number_is_empty() {
        assert_eq!(text(&list(vec![Value::IntValue(1), Value::DoubleValue(f64::NAN)])), "");
    }

    #[test]
    fn a_map_is_json_with_sorted_keys_and_the_last_of_equal_ones() {
        let entry = |key: &str, content| KeyValue { key: key.into(), value: content, ..KeyValue::default() };
        let values = vec![
            entry("z", Some(value(Value::BytesValue(vec![1, 2, 3])))),
            entry("a", Some(value(Value::IntValue(-1)))),
            entry("a", Some(list(vec![Value::BoolValue(true)]))),
            entry("n", None),
            entry("m", Some(value(Value::BytesValue(vec![])))),
        ];
        let map = value(Value::KvlistValue(KeyValueList { values }));
        assert_eq!(text(&map), r#"{"a":[true],"m":null,"n":null,"z":"AQID"}"#);
    }

    #[test]
    fn strings_inside_are_escaped_as_go_does_and_alone_not_at_all() {
        let odd = "<a>&\"\\\n\u{1b}\u{8}\u{2028}é\u{7f}";
        let inside = list(vec![Value::StringValue(odd.into())]);
        assert_eq!(text(&inside), "[\"\\u003ca\\u003e\\u0026\\\"\\\\\\n\\u001b\\b\\u2028é\u{7f}\"]");
        assert_eq!(text(&value(Value::StringValue(odd.into()))), odd);
    }
}
