//! What processors make of whole requests, beside what was measured of the Go Collector's.

use pipeline::{Batch, Budget, Signal};
use serde_json::Value;

use crate::stage::{build, built};

/// Tries every line of `cases`: settings, and what the Go Collector makes of the request of their signal or that it
/// refuses them. `known` are parts of the settings of those that differ, each with the reason.
pub fn check(processor: &str, cases: &str, request: fn(Signal) -> &'static str, known: &[(&str, &str)]) {
    let cases = cases.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut differences: Vec<String> =
        cases.filter_map(|case: Value| difference(processor, &case, request)).collect();
    let all = differences.len();
    differences.retain(|difference| !known.iter().any(|(settings, _)| difference.contains(settings)));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(all, known.len(), "differences that are known");
}

/// What `case` is other than expected.
fn difference(processor: &str, case: &Value, request: fn(Signal) -> &'static str) -> Option<String> {
    let settings = case["settings"].as_str().unwrap();
    let signal = match case["signal"].as_str() {
        Some("traces") => Signal::Traces,
        Some("metrics") => Signal::Metrics,
        _ => Signal::Logs,
    };
    match (case["refused"].is_null(), build(processor, settings).err()) {
        (false, Some(_)) => return None,
        (false, None) => return Some(format!("{settings}: taken")),
        (true, Some(mistakes)) => return Some(format!("{settings}: refused: {mistakes}")),
        (true, None) => {}
    }
    let mut out = Vec::new();
    built(processor, settings).process(batch(signal, request(signal)), &mut out);
    let (found, expected) = (json(&out[0]), json(&batch(signal, &case["left"].to_string())));
    (out.len() != 1 || found != expected)
        .then(|| format!("{settings}:\n  found    {found}\n  expected {expected}"))
}

/// A request.
pub fn batch(signal: Signal, json: &str) -> Batch {
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
