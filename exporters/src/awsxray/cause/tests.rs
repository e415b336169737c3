//! What a span's events and status come to, by both mappings; that no text is too odd for a parser.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use proptest::prelude::*;

use super::*;

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn event(name: &str, attributes: &[(&str, Value)]) -> Event {
    let attributes = attributes.iter().map(|(key, value)| attribute(key, value.clone())).collect();
    Event { name: name.into(), attributes, time_unix_nano: 1_696_954_761_000_001_999, ..Event::default() }
}

fn string(text: &str) -> Value {
    Value::StringValue(text.into())
}

fn exception(text: &str) -> Event {
    let attributes = [
        ("exception.type", string("demo.Error")),
        ("exception.message", string("boom")),
        ("exception.stacktrace", string(text)),
    ];
    event("exception", &attributes)
}

fn span(status: Option<(StatusCode, &str)>, events: Vec<Event>) -> Span {
    let status = status.map(|(code, message)| Status { code: code as i32, message: message.into() });
    Span { status, events, ..Span::default() }
}

fn about(mapping: Mapping, language: &str) -> About<'_> {
    About { mapping, language, remote: false, aws_api: false, status_text: "" }
}

/// The cause as JSON, its ids as `#1`, `#2`, ...
fn written(span: &Span, about: &About<'_>) -> String {
    let Some(cause) = of(span, about, &mut Ids::of(&[1], &[2])) else { return "-".into() };
    let mut text = String::new();
    cause.json().write(&mut text);
    for (number, exception) in cause.exceptions.iter().enumerate() {
        text = text.replace(&exception.id.to_string(), &format!("#{}", number + 1));
    }
    text
}

#[test]
fn the_sources_of_a_cause() {
    let aws = |mapping| About { aws_api: true, ..about(mapping, "") };
    let failure = event(
        "HTTP request failure",
        &[("http.response.status_code", Value::IntValue(503)), ("aws.http.error_message", string("slow"))],
    );
    let half = event("HTTP request failure", &[("http.response.status_code", Value::IntValue(503))]);
    let error = |message| Some((StatusCode::Error, message));
    let both = [Mapping::Contrib, Mapping::Improved];
    for (status, event, expected) in [
        (error(""), None, ["-", "-"]),
        (Some((StatusCode::Ok, "fine")), None, ["-", "-"]),
        (
            error("own words"),
            None,
            [
                r##"{"exceptions":[{"id":"#1","message":"own words","type":""}]}"##,
                r##"{"exceptions":[{"id":"#1","message":"own words"}]}"##,
            ],
        ),
        (
            error("lost"),
            Some(failure),
            [r##"{"exceptions":[{"id":"#1","message":"503@1696954761.000001@slow","type":"aws.http.error.event","remote":true}]}"##;
                2],
        ),
        (
            error("lost"),
            Some(half),
            [
                "{}",
                r##"{"exceptions":[{"id":"#1","message":"503@1696954761.000001@","type":"aws.http.error.event","remote":true}]}"##,
            ],
        ),
        (
            None,
            Some(super::tests::event("exception", &[])),
            [
                r##"{"exceptions":[{"id":"#1","message":"","type":"","remote":false}]}"##,
                r##"{"exceptions":[{"id":"#1","message":"","remote":false}]}"##,
            ],
        ),
        (
            error("kept"),
            Some(super::tests::event("retry", &[])),
            [
                r##"{"exceptions":[{"id":"#1","message":"kept","type":""}]}"##,
                r##"{"exceptions":[{"id":"#1","message":"kept"}]}"##,
            ],
        ),
    ] {
        let span = span(status, event.into_iter().collect());
        assert_eq!(both.map(|mapping| written(&span, &aws(mapping))), expected);
    }
}

#[test]
fn the_status_text_of_http_speaks_for_a_status_without_message() {
    let about = About { status_text: "Not Found", ..about(Mapping::Improved, "") };
    let text = |span: &Span| {
        of(span, &about, &mut Ids::of(&[], &[])).unwrap().exceptions[0].message.as_deref().map(str::to_owned)
    };
    assert_eq!(text(&span(Some((StatusCode::Error, "")), vec![])).as_deref(), Some("Not Found"));
    assert_eq!(text(&span(Some((StatusCode::Error, "own")), vec![])).as_deref(), Some("own"));
}

#[test]
fn the_event_knows_type_and_message_better_than_the_text_and_the_text_what_it_leaves_out() {
    let text = "java.lang.E: words\n\tat a.B.c(B.java:1)\nCaused by: a.D: deep\n\tat a.D.e(D.java:2)";
    let told = span(None, vec![exception(text)]);
    let untold = span(None, vec![event("exception", &[("exception.stacktrace", string(text))])]);
    let about = about(Mapping::Improved, "java");
    let first = |span: &Span| {
        let cause = of(span, &about, &mut Ids::of(&[], &[])).unwrap();
        assert_eq!(cause.exceptions[0].cause, Some(cause.exceptions[1].id));
        let exception = &cause.exceptions[0];
        (exception.kind.clone().unwrap().into_owned(), exception.message.clone().unwrap().into_owned())
    };
    assert_eq!(first(&told), ("demo.Error".into(), "boom".into()));
    assert_eq!(first(&untold), ("java.lang.E".into(), "words".into()));
}

#[test]
fn a_span_with_very_many_exceptions_keeps_the_first() {
    let many = span(None, vec![exception("E: x"); 1000]);
    let cause = of(&many, &about(Mapping::Improved, ""), &mut Ids::of(&[], &[])).unwrap();
    assert_eq!(cause.exceptions.len(), MOST_EXCEPTIONS);
}

/// Lines that mean something to one parser or another, whole and cut.
fn line() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "Traceback (most recent call last):",
        "  + Exception Group Traceback (most recent call last):",
        "  File \"a.py\", line 1, in f",
        "  File ",
        "  File ,a,b",
        "  File é,a,b",
        "  +-+---- 1 ----",
        "    +---- 2 ----",
        "    +-----",
        "    | E: x",
        "  | E: x",
        "  [Previous line repeated 9 more times]",
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
        "E:",
        "E:é",
        "E: x",
        "",
        "\tat app//a.B.c(B.java:1)",
        "\tat (",
        "\tat )",
        "\tat é",
        "Caused by: E:",
        "Caused by: Eé:é",
        "\tSuppressed: E",
        "\t... 3 more",
        "    at f (file:///a.mjs:1:2)",
        "    at async (a) (b",
        "    at :::",
        "  [cause]: E: x",
        "  [errors]: [",
        "f@http://a:1:2",
        "   at X() in /a in b:line 8",
        "   at in x",
        "   at X in a:line",
        " ---> E: y",
        "   --- End of inner exception stack trace ---",
        " ---> (Inner Exception #1) E: z<---",
        "goroutine 1 [running]:",
        "goroutine running:",
        "main.f()",
        "\t/a.go:3 +0x1d",
        "...9 frames elided...",
        ":1",
        "é:1:",
        "a.rb:3:in `x': boom (E)",
        "\tfrom a.rb:1:in 'y'",
        "\t 1: from a.rb:1:in 'y'",
        "\t ... 9 levels...",
        "a.rb:1:in '",
        "#0 /a.php(9): f()",
        "#1 {main}",
        "Stack trace:",
        "Next E: x in /a.php:3",
        "thread 'é' panicked at 'x', a:1:2",
        "   0: a::b",
        "   1: 0x1 - c",
        "             at ./a.rs:4:5",
        "Caused by:",
        "    0: x",
        "Stack backtrace:",
        "{ fn: \"a\", file: \"b\", line: 4 },",
        "{ fn: \"",
    ]);
    let cut = (known.clone(), any::<prop::sample::Index>()).prop_map(|(line, at)| {
        let at = line.floor_char_boundary(at.index(line.len() + 1));
        line[at..].to_owned()
    });
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => cut, 1 => "\\PC{0,20}"]
}

proptest! {
    #[test]
    fn any_text_has_exceptions_within_bounds(lines in prop::collection::vec(line(), 0..24), end in "[\r]{0,1}\n") {
        let text = lines.join(&end);
        for language in Language::ALL {
            let all = language.parse(&text);
            prop_assert!(all.iter().all(|it| it.stack.len() <= 64 && it.cause.is_none_or(|cause| cause < all.len())));
        }
        let span = span(None, vec![exception(&text)]);
        for language in ["java", "python", "javascript", "dotnet", "go", "php", "", "ruby"] {
            for mapping in [Mapping::Contrib, Mapping::Improved] {
                let written = written(&span, &about(mapping, language));
                prop_assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
            }
        }
    }
}
