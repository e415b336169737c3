use proptest::prelude::*;
use serde_json::json;

use super::*;

const GOOD: &str = r#"{"time":"2026-01-01T00:00:00.001Z","type":"function","record":"good"}"#;
const DONE: &str = r#"{"time":"2026-01-01T00:00:01.001Z","type":"platform.runtimeDone","record":{"requestId":"r1","status":"success"}}"#;

fn kinds_and_records(events: Vec<Event>) -> Vec<(String, Value)> {
    events.into_iter().map(|event| (event.kind, event.record)).collect()
}

fn heard(body: &str) -> Vec<(String, Value)> {
    kinds_and_records(events(body.as_bytes()).unwrap_or_else(|| panic!("not whole: {body}")))
}

fn function(record: impl Into<Value>) -> (String, Value) {
    ("function".into(), record.into())
}

fn unknown(record: impl Into<Value>) -> (String, Value) {
    (String::new(), record.into())
}

#[test]
fn the_parts_of_an_event_are_known_whatever_their_case() {
    let mixed = GOOD.replace("time", "Time").replace("type", "TYPE").replace("record", "Record");
    assert_eq!(events(mixed.as_bytes()), events(GOOD.as_bytes()));
    assert_eq!(heard(&mixed), [function("good")]);
}

#[test]
fn an_event_has_its_time_type_and_record() {
    let body = format!("[{GOOD},{DONE}]");
    let events = events(body.as_bytes()).unwrap();
    assert_eq!(events[0].time, Some(1_767_225_600_001_000_000));
    assert_eq!(events[1].request_id(), Some("r1"));
    assert_eq!(events[1].kind, "platform.runtimeDone");
}

#[test]
fn events_are_taken_in_whatever_they_are_wrapped() {
    let good = || function("good");
    for (body, expected) in [
        (GOOD.to_owned(), vec![good()]),
        (format!("{GOOD}\n{GOOD}\n"), vec![good(), good()]),
        (format!("[{GOOD}][{GOOD}]"), vec![good(), good()]),
        (format!("[{GOOD},]"), vec![good()]),
        (format!("\u{feff}[{GOOD}]"), vec![good()]),
        (" [ ] ".into(), vec![]),
        ("null".into(), vec![]),
        (String::new(), vec![]),
    ] {
        assert_eq!(heard(&body), expected, "{body}");
    }
}

#[test]
fn what_is_no_event_is_kept_as_a_record_of_no_type() {
    let body = format!(r#"[{GOOD},"x",5,null,[1],{{}},{{"a":1}},{{"type":7,"record":"y"}},{GOOD}]"#);
    let expected = [
        function("good"),
        unknown("x"),
        unknown(5),
        unknown(Value::Null),
        unknown(json!([1])),
        unknown(json!({})),
        unknown(json!({"a": 1})),
        unknown("y"),
        function("good"),
    ];
    assert_eq!(heard(&body), expected);
}

#[test]
fn the_last_of_equal_parts_counts_and_unknown_ones_do_not() {
    let body = r#"[{"time":"bad","time":"2026-01-01T00:00:00Z","type":"x","type":"function","record":"a","record":{"message":"b"},"seq":5}]"#;
    let events = events(body.as_bytes()).unwrap();
    let time = Some(1_767_225_600_000_000_000);
    assert_eq!(events, [Event { time, kind: "function".into(), record: json!({"message": "b"}) }]);
}

#[test]
fn an_odd_event_costs_its_neighbours_nothing() {
    let deep = "[".repeat(5000) + &"]".repeat(5000);
    for odd in [
        r#"{"type":"function","record":{"n":1e999}}"#.to_owned(),
        format!(r#"{{"type":"function","record":{deep}}}"#),
        r#"{"type":"function","record":"\ud800"}"#.into(),
        r#"{"time":{},"type":"function","record":1}"#.into(),
    ] {
        let body = format!("[{GOOD},{odd},{DONE}]");
        let events = events(body.as_bytes()).unwrap();
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["function", "function", "platform.runtimeDone"]);
        assert_eq!(events[1].time, None);
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_replaced() {
    let mut body = format!("[{GOOD}]").into_bytes();
    let at = body.windows(4).position(|four| four == b"good").unwrap();
    body[at] = 0xff;
    assert_eq!(events(&body).unwrap()[0].record, "\u{fffd}ood");
}

#[test]
fn what_is_cut_or_no_json_is_none() {
    for body in
        ["hello", "[", "]", "[{]", &GOOD[..40], "\u{1f}\u{8b}", r#"[{"time":"x","record":{"message":"AAAA}]"#]
    {
        assert_eq!(events(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn of_a_broken_delivery_the_whole_events_and_the_text_of_the_others_are_saved() {
    let head = r#"{"time":"2026-01-01T00:00:01.000Z","type":"function","record":"#;
    for (body, expected) in [
        (
            format!(r#"[{GOOD},{head}{{"message":"AAAA}}]"#),
            vec![function("good"), function(r#"{"message":"AAAA"#)],
        ),
        (
            format!(r#"[{head}BBBB"}}}},{DONE}]"#),
            vec![
                function(r#"BBBB"}}"#),
                ("platform.runtimeDone".into(), json!({"requestId": "r1", "status": "success"})),
            ],
        ),
        (
            format!(r#"[{head}{{"a":{{"time":5,"x":1,{GOOD}]"#),
            vec![function(r#"{"a":{"time":5,"x":1"#), function("good")],
        ),
        ("hello".into(), vec![unknown("hello")]),
        (format!("[{GOOD},{GOOD}"), vec![function("good"), function("good")]),
    ] {
        assert_eq!(kinds_and_records(salvage(body.as_bytes())), expected, "{body}");
    }
}

proptest! {
    #[test]
    fn a_delivery_that_is_cut_anywhere_keeps_the_events_before_the_cut(at in 1..300_usize) {
        let body = format!("[{GOOD},{DONE},{GOOD}]");
        let at = at.min(body.len() - 1);
        prop_assert_eq!(events(&body.as_bytes()[..at]), None);
        let saved = salvage(&body.as_bytes()[..at]);
        let whole = events(body.as_bytes()).unwrap();
        let before = whole.iter().zip(&saved).take_while(|(whole, saved)| whole == saved).count();
        prop_assert!(before + 1 >= saved.len(), "{:?}", saved);
    }

    #[test]
    fn no_body_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200), text in r#"[\[\]{},:"a-f0-9\\u ]{0,80}"#) {
        for body in [&bytes[..], text.as_bytes()] {
            let _ = (events(body), salvage(body));
        }
    }
}
