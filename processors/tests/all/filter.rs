//! The `filter` processor on whole requests, beside what the Go Collector's lets pass of the same.

use pipeline::{Batch, Budget, Signal};
use serde_json::Value;

use crate::stage::{build, built};

const TRACES: &str = include_str!("../filter/traces.json");
const METRICS: &str = include_str!("../filter/metrics.json");
const LOGS: &str = include_str!("../filter/logs.json");
/// One a line: settings, and what the Go Collector (0.151) lets pass of the request of their signal, or that it
/// refuses them.
const CASES: &str = include_str!("../filter/cases.jsonl");

fn batch(signal: Signal) -> Batch {
    let json = match signal {
        Signal::Traces => TRACES,
        Signal::Metrics => METRICS,
        Signal::Logs => LOGS,
    };
    let lease = Budget::new(1 << 20).lease(json.len()).unwrap();
    Batch::admit_json(signal, json.as_bytes(), lease).unwrap()
}

/// What passes, each thing in a word or two.
fn left(signal: Signal, settings: &str) -> Vec<String> {
    let mut out = Vec::new();
    built("filter", settings).process(batch(signal), &mut out);
    let Some(batch) = out.pop() else { return Vec::new() };
    assert!(out.is_empty());
    let request: Value = serde_json::from_slice(&batch.to_json()).unwrap();
    let (resources, scopes, items) = match signal {
        Signal::Traces => ("resourceSpans", "scopeSpans", "spans"),
        Signal::Metrics => ("resourceMetrics", "scopeMetrics", "metrics"),
        Signal::Logs => ("resourceLogs", "scopeLogs", "logRecords"),
    };
    let scopes = list(&request, resources).iter().flat_map(|it| list(it, scopes));
    scopes.flat_map(|it| list(it, items)).map(|item| word(signal, item)).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn word(signal: Signal, item: &Value) -> String {
    let name = item["name"].as_str().unwrap_or_default();
    match signal {
        Signal::Traces => {
            let events = list(item, "events").iter().map(|event| event["name"].as_str().unwrap());
            format!("{name}({})", events.collect::<Vec<_>>().join(","))
        }
        Signal::Metrics => {
            let kinds = ["sum", "gauge", "histogram", "exponentialHistogram", "summary"];
            let points = kinds.iter().flat_map(|kind| list(&item[kind], "dataPoints"));
            let words = points.map(|point| {
                if !point["asDouble"].is_null() {
                    return "double";
                }
                point["asInt"].as_str().or(point["count"].as_str()).unwrap_or_default()
            });
            format!("{name}({})", words.collect::<Vec<_>>().join(","))
        }
        Signal::Logs => {
            let body = if item["body"].is_null() { "{}".to_owned() } else { item["body"].to_string() };
            format!("{} {body}", item["severityNumber"].as_i64().unwrap_or_default())
        }
    }
}

fn signal(name: &Value) -> Signal {
    match name.as_str() {
        Some("traces") => Signal::Traces,
        Some("metrics") => Signal::Metrics,
        _ => Signal::Logs,
    }
}

/// Parts of the settings of cases that differ, and why.
const DIFFERENCES: [(&str, &str); 8] = [
    ("IsString(nil)", "a function of a literal is refused if its type is wrong; here it says false"),
    ("IsInt(1.0)", "the same"),
    ("events == nil", "events and links are not asked for here, which is said"),
    ("event_index", "it is never known, so that no condition with it is true; here it is a mistake"),
    (
        "\"datapoint\": [\"flags == 0\"]",
        "a metric without points is left alone, and nothing worth sending here",
    ),
    ("\"datapoint\": [\"true\"]", "the same"),
    (
        "trace_conditions\": [\"instrumentation_scope",
        "it has two names, and this one is refused beside no others",
    ),
    ("\"min\": 9}", "a severity is a text; here a number too"),
];

#[test]
fn what_the_go_collector_lets_pass_passes_and_nothing_else() {
    let (mut differences, mut known) = (Vec::new(), 0);
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (signal, settings) = (signal(&case["signal"]), case["settings"].as_str().unwrap());
        let refused = build("filter", settings).err();
        match (case["refused"].as_bool(), refused) {
            (Some(true), Some(_)) => {}
            (Some(true), None) => differences.push(format!("{settings}: taken")),
            (_, Some(mistakes)) => differences.push(format!("{settings}: refused: {mistakes}")),
            (_, None) => {
                let expected: Vec<_> = list(&case, "left").iter().map(|it| it.as_str().unwrap()).collect();
                let found = left(signal, settings);
                if found != expected {
                    differences.push(format!("{settings}:\n  found    {found:?}\n  expected {expected:?}"));
                }
            }
        }
    }
    differences.retain(|difference| {
        let is_known = DIFFERENCES.iter().any(|(settings, _)| difference.contains(settings));
        known += usize::from(is_known);
        !is_known
    });
    assert_eq!(known, DIFFERENCES.len(), "differences that are known");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
