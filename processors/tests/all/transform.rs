//! The `transform` processor on whole requests, beside what the Go Collector's makes of the same.

use pipeline::{Batch, Budget, Signal};
use serde_json::Value;

use crate::stage::{build, built};

const TRACES: &str = include_str!("../transform/traces.json");
const METRICS: &str = include_str!("../transform/metrics.json");
const LOGS: &str = include_str!("../transform/logs.json");
/// One a line: settings, and what the Go Collector (0.151) makes of the request of their signal, or that it refuses
/// them.
const CASES: &str = include_str!("../transform/cases.jsonl");

/// Parts of the settings of cases that differ, and why.
const DIFFERENCES: [(&str, &str); 8] = [
    (
        "set(attributes[\\\"a\\\"], trace_id)",
        "an attribute of no value is made; here what can't be one stays away",
    ),
    ("end_time - start_time", "the same"),
    ("delete_key(name", "it fails for every span; here it is a mistake"),
    ("set(kind.string", "ids and the texts of numbers and bodies are not written here, which is said"),
    ("set(trace_id", "the same"),
    ("set(body.string", "the same"),
    ("where HasAttrKeyOnDatapoint", "it is a function of filter alone; here of both"),
    ("set(instrumentation_scope.name", "it has two names, and this one is refused beside no others"),
];

fn batch(signal: Signal, json: &str) -> Batch {
    let lease = Budget::new(1 << 20).lease(json.len()).unwrap();
    Batch::admit_json(signal, json.as_bytes(), lease).unwrap()
}

/// As JSON, with attributes in the order of their keys, for Go puts the last in the place of one that is deleted.
fn json(batch: &Batch) -> Value {
    let mut json = serde_json::from_slice(&batch.to_json()).unwrap();
    sort(&mut json);
    json
}

fn sort(json: &mut Value) {
    match json {
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_key(|item| item["key"].as_str().map(str::to_owned));
        }
        Value::Object(entries) => entries.values_mut().for_each(sort),
        _ => {}
    }
}

/// What `case` is other than expected.
fn difference(case: &Value) -> Option<String> {
    let settings = case["settings"].as_str().unwrap();
    let (signal, request) = match case["signal"].as_str() {
        Some("traces") => (Signal::Traces, TRACES),
        Some("metrics") => (Signal::Metrics, METRICS),
        _ => (Signal::Logs, LOGS),
    };
    match (case["refused"].is_null(), build("transform", settings).err()) {
        (false, Some(_)) => return None,
        (false, None) => return Some(format!("{settings}: taken")),
        (true, Some(mistakes)) => return Some(format!("{settings}: refused: {mistakes}")),
        (true, None) => {}
    }
    let mut out = Vec::new();
    built("transform", settings).process(batch(signal, request), &mut out);
    let (found, expected) = (json(&out[0]), json(&batch(signal, &case["left"].to_string())));
    (out.len() != 1 || found != expected)
        .then(|| format!("{settings}:\n  found    {found}\n  expected {expected}"))
}

#[test]
fn what_the_go_collector_makes_of_it_is_made_of_it() {
    let cases = CASES.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut differences: Vec<String> = cases.filter_map(|case: Value| difference(&case)).collect();
    let all = differences.len();
    differences.retain(|difference| !DIFFERENCES.iter().any(|(settings, _)| difference.contains(settings)));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(all, DIFFERENCES.len(), "differences that are known");
}
