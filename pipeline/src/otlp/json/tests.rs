//! What the Go layer's answers (`tests/otlp_json.rs`) leave open: places in messages, limits, the way back.

use proptest::prelude::*;

use super::{from_protobuf, to_protobuf};
use crate::Signal;
use crate::otlp::check::count;
use crate::otlp::grow::{Grower, any_signal};
use crate::otlp::schema::{Kind, Type};
use crate::otlp::wire::{Fields, wire_type};

fn told(text: &str) -> String {
    to_protobuf(Signal::Traces, text.as_bytes()).unwrap_err().message
}

/// The protobuf of a span with these members, out of what is around it.
fn span(members: &str) -> Vec<u8> {
    let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#);
    let request = to_protobuf(Signal::Traces, text.as_bytes()).unwrap();
    let inside = |content: &[u8], number| {
        Fields::of(content).find(|field| field.number == number).unwrap().value.to_vec()
    };
    inside(&inside(&inside(&request, 1), 2), 2)
}

#[test]
fn a_mistake_is_told_with_line_column_and_the_way_to_it() {
    for (text, expected) in [
        (
            "{\"resourceSpans\":[{},\n  {\"scopeSpans\":[{\"spans\":[{\"kind\":true}]}]}]}",
            "line 2, column 36: resourceSpans[1].scopeSpans[0].spans[0].kind: expected a number or a name, found true",
        ),
        (r#"{"resource_spans":{}}"#, "line 1, column 19: resourceSpans: expected an array, found an object"),
        ("", "line 1, column 1: expected an object, found the end"),
        (r#"{"resourceSpans":[]"#, "line 1, column 20: expected ',' or '}', found the end"),
        (r#"{"x":[1,tru]}"#, "line 1, column 9: x: expected true"),
        ("{} {", "line 1, column 5: expected a key in quotes, found the end"),
    ] {
        assert_eq!(told(text), expected);
    }
}

#[test]
fn a_value_that_does_not_fit_is_shown() {
    let told = |members: &str| {
        let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#);
        told(&text).split_once(".spans[0].").unwrap().1.to_owned()
    };
    for (members, expected) in [
        (
            r#""startTimeUnixNano":-5"#,
            r#"startTimeUnixNano: expected an unsigned integer of 64 bits, found "-5""#,
        ),
        (r#""flags":4294967296"#, r#"flags: expected an unsigned integer of 32 bits, found "4294967296""#),
        (r#""traceId":"abc""#, r#"traceId: expected 32 hex digits, found "abc""#),
        (
            r#""status":{"code":"ERROR"}"#,
            r#"status.code: expected one of STATUS_CODE_UNSET, STATUS_CODE_OK, STATUS_CODE_ERROR, found "ERROR""#,
        ),
        (
            r#""attributes":[{"value":{"doubleValue":1e999}}]"#,
            r#"attributes[0].value.doubleValue: the number "1e999" is too large"#,
        ),
    ] {
        assert_eq!(told(members), expected);
    }
}

#[test]
fn documents_back_to_back_are_one_request_and_other_text_is_passed_over() {
    let items = |text: &str| count(Signal::Logs, &to_protobuf(Signal::Logs, text.as_bytes()).unwrap());
    let document = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#;
    assert_eq!(items(&format!("{document}\n{document}")), Ok(2));
    assert_eq!(items(&format!("{document} x{document}")), Ok(1));
}

#[test]
fn deep_nesting_of_any_kind_is_refused_or_skipped_without_using_up_the_stack() {
    let open = |piece: &str| piece.repeat(200_000);
    assert!(told(&format!("{{\"x\":{}", open("["))).ends_with("nested too deep"));
    assert!(told(&format!("{{\"x\":{}", open("{\"a\":"))).ends_with("nested too deep"));
    let value = open(r#"{"arrayValue":{"values":["#);
    let text = format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"value":{value}"#);
    assert!(told(&text).ends_with("nested too deep (more than 100 messages)"));
    let skipped = format!("{{\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(to_protobuf(Signal::Traces, skipped.as_bytes()), Ok(Vec::new()));
}

#[test]
fn values_may_be_nested_in_json_as_deep_as_in_protobuf() {
    let nested = |levels: usize| {
        let open = r#"{"arrayValue":{"values":["#.repeat(levels);
        let close = "]}}".repeat(levels);
        let text =
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{open}{close}}}]}}]}}]}}"#);
        to_protobuf(Signal::Logs, text.as_bytes())
    };
    let deepest = nested(48).unwrap();
    assert_eq!(count(Signal::Logs, &deepest), Ok(1));
    assert!(nested(49).unwrap_err().message.ends_with("nested too deep (more than 100 messages)"));
}

#[test]
fn escapes_mean_the_characters_that_they_stand_for() {
    let name = |text: &str| span(&format!("\"name\":\"{text}\""))[2..].to_vec();
    assert_eq!(name(r#"\"\\\/\b\f\n\r\t\u0041"#), b"\"\\/\x08\x0c\n\r\tA");
    assert_eq!(name(r"\ud83e\udd80"), "🦀".as_bytes());
    assert_eq!(name(r"\ud83ex"), "\u{fffd}x".as_bytes());
    assert_eq!(name(r"\ud83e\u0041"), "\u{fffd}A".as_bytes());
    assert_eq!(name(r"\udd80"), "\u{fffd}".as_bytes());
    for text in [r"\u12g4", r"\u+123", r"\u12", r"\x", "\n"] {
        let text = format!("{{\"a{text}\":1}}");
        assert!(to_protobuf(Signal::Traces, text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn the_last_of_several_values_counts() {
    assert_eq!(span(r#""droppedLinksCount":7,"droppedLinksCount":0"#), b"\x70\x07\x70\x00");
    let value = |members: &str| span(&format!(r#""attributes":[{{"value":{{{members}}}}}]"#));
    assert_eq!(value(r#""stringValue":"a","x":1,"intValue":5"#), value(r#""intValue":5"#));
    let lists = r#""arrayValue":{"values":[{}]},"boolValue":true,"arrayValue":{"values":[{},{}]}"#;
    assert_eq!(value(lists), value(r#""arrayValue":{"values":[{},{}]}"#));
}

#[test]
fn doubles_are_written_as_go_writes_them() {
    for (value, expected) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::NAN, "\"NaN\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ] {
        // A value inside an attribute, a log record, a scope, a resource and the request.
        let mut request = vec![0x21];
        request.extend(f64::to_le_bytes(value));
        for number in [2, 6, 2, 2, 1] {
            request.splice(..0, [number << 3 | 2, u8::try_from(request.len()).unwrap()]);
        }
        let text = String::from_utf8(from_protobuf(Signal::Logs, [&request[..]].into_iter())).unwrap();
        assert!(text.contains(&format!("{{\"doubleValue\":{expected}}}")), "{text}");
    }
}

#[test]
fn missing_messages_are_written_empty_as_the_go_exporters_do() {
    let text = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}"#;
    let request = to_protobuf(Signal::Traces, text.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(from_protobuf(Signal::Traces, [&request[..]].into_iter())).unwrap(),
        r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"name":"a","status":{}}]}]}]}"#
    );
}

/// Whether it holds an id of a length that JSON does not allow.
fn has_odd_id(message: Type, content: &[u8]) -> bool {
    Fields::of(content).any(|raw| match message.field(raw.number).map(|field| field.kind) {
        Some(Kind::Id(length)) => raw.wire == wire_type::LENGTH && ![0, length].contains(&raw.value.len()),
        Some(Kind::Message(inner)) => has_odd_id(inner, raw.value),
        _ => false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_was_written_as_json_is_read_back_as_the_same(signal in any_signal(), seed: [u8; 32]) {
        let request = Grower::valid(&seed).request(signal);
        if has_odd_id(Type::request(signal), &request) {
            return Ok(());
        }
        let json = from_protobuf(signal, [&request[..]].into_iter());
        let again = to_protobuf(signal, &json).map_err(|malformed| TestCaseError::fail(malformed.message))?;
        prop_assert_eq!(count(signal, &again), count(signal, &request));
        let json_again = from_protobuf(signal, [&again[..]].into_iter());
        prop_assert_eq!(String::from_utf8(json_again), String::from_utf8(json));
    }

    #[test]
    fn what_was_read_from_any_text_is_a_valid_request(
        signal in any_signal(),
        seed: [u8; 32],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let request = Grower::valid(&seed).request(signal);
        let mut json = from_protobuf(signal, [&request[..]].into_iter());
        for (place, byte) in changes {
            let place = place.index(json.len());
            json[place] = byte;
        }
        if let Ok(request) = to_protobuf(signal, &json) {
            prop_assert!(count(signal, &request).is_ok());
        }
    }
}
