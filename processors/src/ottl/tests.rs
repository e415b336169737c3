#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;

use super::*;

const OF_SPANS: &[Level] = &[Level::Resource, Level::Scope, Level::Span, Level::SpanEvent];

fn wrong(text: &str) -> String {
    parse(text, Some(Level::Span), OF_SPANS).unwrap_err()
}

#[test]
fn what_is_wrong_is_said_with_what_is_right() {
    for (text, expected) in [
        ("", "it ends where a value is expected"),
        ("name ==", "it ends where a value is expected"),
        ("name", "it ends where a comparison such as == is expected"),
        ("name = \"a\"", "= where a comparison such as == is expected"),
        ("name == \"a\" && true", "& has no meaning outside a text in double quotes"),
        ("name == 'a'", "a text stands in double quotes: \"...\""),
        ("name == \"a", "a \" is never closed"),
        ("IsMatch(name, \"\\d\")", "\\d has no meaning in a text; for the backslash itself write \\\\d"),
        ("(name == \"a\"", "it ends where ) is expected"),
        ("true true", "true where an operator or the end is expected"),
        ("exists(name)", "exists is no function: the name of one begins with a capital letter"),
        ("IsMatch(name)", "IsMatch takes 2 arguments, not 1"),
        ("IsMatch(name, kind)", "the pattern of IsMatch is a text in double quotes here"),
        ("kind == SERVER", "there is no number called SERVER"),
        ("metric.name == \"a\"", "metric.name can't be asked of a span"),
        ("attributes[name] == 1", "in [] stands a text in double quotes or a whole number"),
        ("name[\"a\"] == 1", "name has no keys"),
        ("trace_id == TraceID(0x01)", "TraceID takes 16 bytes: 0x and 32 hexadecimal digits"),
        ("name + \"a\" == \"b\"", "a text is nothing to calculate with"),
        ("99999999999999999999 == 1", "99999999999999999999 is too large for a whole number"),
    ] {
        assert_eq!(wrong(text), expected, "{text}");
    }
    assert!(wrong("nam == 1").ends_with("did you mean name?"), "{}", wrong("nam == 1"));
    assert!(wrong("IsMatched(name)").ends_with("did you mean IsMatch?"), "{}", wrong("IsMatched(name)"));
    assert!(wrong("IsMatch(name, \"(\")").starts_with("found (, which is no regular expression"));
}

#[test]
fn what_is_wrong_with_a_statement_is_said_too() {
    for (text, expected) in [
        ("", "a statement begins with the name of what it does, such as set"),
        ("set(name)", "set takes 2 arguments, not 1"),
        ("set(\"a\", 1)", "set begins with the path that it writes to"),
        ("set(trace_id, 1)", "trace_id can't be written to here"),
        ("set(name, \"a\") if true", "if where an operator or the end is expected"),
        ("set(name, {\"a\": 1})", "maps can't be written here"),
        ("delete_key(name, \"a\")", "delete_key is for maps, and name is none"),
        ("limit(attributes, -1, [])", "found -1; expected a number from 0 on"),
        ("limit(attributes, 1, [\"a\", \"b\"])", "2 keys are to be kept first, more than 1"),
        (
            "replace_match(name, \"[ab]\", \"c\")",
            "found [ab]; of patterns for whole texts * and ? are known here, not [",
        ),
        ("merge_maps(attributes, attributes, \"a\")", "found a; valid are insert, update and upsert"),
        ("truncate_all(target=attributes, 1)", "arguments are given in their order here, without names"),
    ] {
        assert_eq!(parse_statement(text, Some(Level::Span), OF_SPANS).unwrap_err(), expected, "{text}");
    }
    let unknown = parse_statement("delete_keys(attributes, \"a\")", Some(Level::Span), OF_SPANS).unwrap_err();
    assert!(unknown.ends_with("did you mean delete_key?"), "{unknown}");
}

#[test]
fn brackets_may_be_many_but_not_too_deep() {
    let many = vec!["(name == \"a\")"; 100].join(" or ");
    assert!(parse(&many, Some(Level::Span), OF_SPANS).is_ok());
    let nested = |depth: usize| format!("{}name == \"a\"{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(30), Some(Level::Span), OF_SPANS).is_ok());
    for open in ["(", "[", "Len(", "not ("] {
        assert!(parse(&open.repeat(100_000), Some(Level::Span), OF_SPANS).is_err());
    }
    assert_eq!(wrong(&nested(100)), "too many brackets in each other");
}

#[test]
fn without_a_level_the_innermost_path_tells_it() {
    let level = |text| parse(text, None, OF_SPANS).map(|(_, level)| level);
    assert_eq!(level("resource.attributes[\"a\"] == span.name"), Ok(Level::Span));
    assert_eq!(level("spanevent.name == span.name"), Ok(Level::SpanEvent));
    assert_eq!(level("IsRootSpan() and span.name == \"a\""), Ok(Level::Span));
    let unknown = "name does not say of what; it begins with one of resource, scope, span, spanevent";
    assert_eq!(level("name == \"a\""), Err(unknown.to_owned()));
    assert_eq!(
        level("IsRootSpan()"),
        Err("it does not say of what; a path such as span.name does".to_owned())
    );
    let other = "IsRootSpan is asked of a span, not of a spanevent".to_owned();
    assert_eq!(level("IsRootSpan() and spanevent.name == \"a\""), Err(other));
}

#[test]
fn what_can_not_be_told_is_an_error_only_where_it_is_asked() {
    let span = Span { name: "a".into(), ..Span::default() };
    let item = Item { span: Some(&span), ..Item::default() };
    let holds = |text| parse(text, Some(Level::Span), OF_SPANS).unwrap().0.holds(&item);
    assert_eq!(
        holds("Len(kind) == 1"),
        Err("expected a text, list, map or bytes, found a whole number".into())
    );
    assert_eq!(holds("kind / 0 == 1"), Err("a division by 0".into()));
    assert_eq!(holds("name == \"a\" or Len(kind) == 1"), Ok(true));
    assert_eq!(holds("name == \"b\" and Len(kind) == 1"), Ok(false));
}

proptest! {
    /// Words in any order, and texts that are none.
    #[test]
    fn no_text_breaks_it(words in prop::collection::vec(
        prop_oneof![
            prop::sample::select(vec![
                "(", ")", "[", "]", "and", "or", "not", "==", "<", "+", "-", "/", "1", "0.5", "0x1f", "nil", "true",
                "\"a\"", "\"\\u00e9\"", "name", "attributes[\"a\"]", "IsMatch(name, \"a\")", "Len(", ",", "kind", "TraceID(",
            ]).prop_map(str::to_owned),
            ".{0,4}",
        ],
        0..20,
    )) {
        let text = words.join(" ");
        let span = Span::default();
        let item = Item { span: Some(&span), ..Item::default() };
        let _ = parse_statement(&format!("set(name, {text}"), Some(Level::Span), OF_SPANS);
        if let Ok((condition, _)) = parse(&text, Some(Level::Span), OF_SPANS) {
            let _ = condition.holds(&item);
        }
    }
}
