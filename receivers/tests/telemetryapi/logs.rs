//! What becomes of each recorded case's log records, held against what the Go layer made of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::differences::{Kind, of_case};
use super::harness::{cases, play, records};

#[test]
fn every_recorded_case_gives_the_log_records_of_the_go_layer_or_better_ones() {
    let mut wrong = Vec::new();
    for case in cases().filter(|case| case["starts"] != false) {
        let name = case["name"].as_str().unwrap();
        let go = records(case["logs"].as_array().map_or(&[], Vec::as_slice));
        let ours = play(&case).records();
        let found = differences(&go, &ours);
        let kinds: BTreeSet<Kind> = found.iter().map(|(kind, _)| *kind).collect();
        let expected = of_case(name);
        if kinds != expected {
            let odd = found.iter().filter(|(kind, _)| !expected.contains(kind));
            let odd: String = odd.map(|(kind, what)| format!("\n  {kind:?}: {what}")).collect();
            wrong.push(format!("{name}: found {kinds:?}, expected {expected:?}{odd}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// All differences between what the Go layer made and what we make, with the values.
fn differences(go: &[Value], ours: &[Value]) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    let mut rest = ours.iter();
    for theirs in go {
        let mut ahead = rest.clone();
        match ahead.position(|record| is_same_event(theirs, record)) {
            Some(at) => {
                found.extend(rest.by_ref().take(at).map(added));
                found.extend(rest.next().into_iter().flat_map(|record| of_record(theirs, record)));
            }
            None => found.push((Kind::Dropped, theirs.to_string())),
        }
    }
    found.extend(rest.map(added));
    found
}

/// A record that the Go layer has not.
fn added(record: &Value) -> (Kind, String) {
    let is_failure = attribute(record, "type").is_none() && attribute(record, "error.type").is_some();
    (if is_failure { Kind::Failure } else { Kind::Kept }, record.to_string())
}

/// Whether both were made of the same event, as far as its type and what it says tell.
fn is_same_event(a: &Value, b: &Value) -> bool {
    let of_type = |record: &Value| attribute(record, "type").cloned();
    let fits = a["timeUnixNano"] == b["timeUnixNano"] || a["body"].is_null() || a["body"] == b["body"];
    of_type(a) == of_type(b) && fits
}

fn attribute<'a>(record: &'a Value, key: &str) -> Option<&'a Value> {
    let mut attributes = record["attributes"].as_array().into_iter().flatten();
    attributes.find(|attribute| attribute["key"].as_str().unwrap_or_default() == key).map(|it| &it["value"])
}

fn of_record(go: &Value, ours: &Value) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    let mut note = |kind: Kind, go: &Value, ours: &Value| found.push((kind, format!("{go} is {ours}")));
    assert!(ours["observedTimeUnixNano"].as_str().is_some_and(|time| time.len() > 1), "{ours}");
    if go["timeUnixNano"] != ours["timeUnixNano"] {
        note(Kind::Time, &go["timeUnixNano"], &ours["timeUnixNano"]);
    }
    if go["severityNumber"] != ours["severityNumber"] {
        note(Kind::Severity, &go["severityNumber"], &ours["severityNumber"]);
    } else if go["severityText"] != ours["severityText"] {
        note(Kind::SeverityText, &go["severityText"], &ours["severityText"]);
    }
    if !is_same(&go["body"], &ours["body"]) {
        note(if go["body"].is_null() { Kind::Body } else { Kind::Words }, &go["body"], &ours["body"]);
    }
    for key in ["traceId", "spanId", "flags"] {
        if go[key] != ours[key] {
            note(Kind::Trace, &go[key], &ours[key]);
        }
    }
    for it in ours["attributes"].as_array().into_iter().flatten() {
        let key = it["key"].as_str().unwrap_or_default();
        match attribute(go, key) {
            None if key == "faas.invocation_id" => note(Kind::Invocation, &json!(null), it),
            None => note(Kind::Field, &json!(null), it),
            Some(value) if plain(value) == plain(&it["value"]) => {
                if !is_same(value, &it["value"]) {
                    note(Kind::Integer, value, &it["value"]);
                }
            }
            Some(value) => note(Kind::Value, value, &it["value"]),
        }
    }
    for it in go["attributes"].as_array().into_iter().flatten() {
        if attribute(ours, it["key"].as_str().unwrap_or_default()).is_none() {
            note(Kind::Place, it, &json!(null));
        }
    }
    found
}

/// Whether values are equal; the recording leaves empty ones out.
fn is_same(a: &Value, b: &Value) -> bool {
    let is_nothing = |value: &Value| value.is_null() || *value == json!({});
    a == b || is_nothing(a) && is_nothing(b) || without_nothing(a) == without_nothing(b)
}

/// A value without the difference between whole numbers and doubles.
fn plain(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Object(fields) => {
            if let Some(int) = fields.get("intValue") {
                let int: f64 = int.as_str().unwrap().parse().unwrap();
                return json!({"doubleValue": int});
            }
            let fields = fields.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
            without_nothing(&Value::Object(fields))
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// A value without what the recording leaves out: empty lists and keys.
fn without_nothing(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), without_nothing(value)));
            let says = |(key, value): &(String, Value)| {
                !(key == "values" && *value == json!([]) || key == "key" && value == "")
            };
            Value::Object(fields.filter(says).collect())
        }
        Value::Array(items) => items.iter().map(without_nothing).collect(),
        other => other.clone(),
    }
}
