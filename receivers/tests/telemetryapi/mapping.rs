//! Every row of `mapping.md`, which says what the Go layer and this receiver make of each event.

use serde_json::{Value, json};

use super::harness::{Played, play};

/// 2026-01-01.
const BEGIN: u64 = 1_767_225_600_000;

#[test]
fn every_row_of_the_go_layers_mapping_is_the_same_or_better_for_a_reason() {
    let rows: Vec<_> = include_str!("mapping.md")
        .lines()
        .filter(|line| line.contains("<br>") || line.contains("` |"))
        .collect();
    assert!(rows.len() > 60);
    let mut wrong = Vec::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").map(str::trim).collect();
        let &[what, events, go, here, ref because @ ..] = &cells[..] else { panic!("{row}") };
        let because = because.join("");
        let expected = if here == "same" { go } else { here };
        assert_eq!(here == "same" || here == go, because.trim_matches('|').trim().is_empty(), "{row}");
        let found = look(&play(&case(events)), &what.replace('`', ""));
        let found = found.map_or("none".into(), |found| format!("`{}`", found.replace('\n', "\\n")));
        if found != expected {
            wrong.push(format!("{row}\n  is {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The case in which these events, `TYPE RECORD` each, are delivered.
fn case(events: &str) -> Value {
    let events = events.split("<br>").enumerate().map(|(at, event)| {
        let (kind, record) = event.trim_matches('`').split_once(' ').unwrap();
        let record: Value = serde_json::from_str(record).unwrap();
        json!({"time": format!("2026-01-01T00:00:00.{at:03}Z"), "type": kind, "record": record})
    });
    let env = json!({"AWS_LAMBDA_FUNCTION_NAME": "orders"});
    json!({"config": {"log_report": true}, "env": env, "events": [events.collect::<Value>()]})
}

/// What is there of `what`.
fn look(played: &Played, what: &str) -> Option<String> {
    let records = played.records();
    let (events, failures): (Vec<_>, Vec<_>) =
        records.iter().partition(|record| attribute(&record["attributes"], "type").is_some());
    let log = events.last().copied().unwrap_or(&Value::Null);
    let (kind, name) = what.split_once(' ').unwrap_or((what, ""));
    match (kind, name) {
        ("scope", _) => Some(text(played.logs[0].pointer("/resourceLogs/0/scopeLogs/0/scope/name")?)),
        ("log", "time") => Some(format!("{} ms", millis(&log["timeUnixNano"]))),
        ("log", "body") => value(&log["body"]),
        ("log", "trace") => log["traceId"].as_str().map(str::to_owned),
        ("log", "severity") => {
            let number = log["severityNumber"].as_i64().unwrap_or_default();
            Some(format!("{number} {}", text(&log["severityText"])).trim_end().to_owned())
        }
        ("log", name) => attribute(&log["attributes"], name),
        ("failures", _) => value(&failures.first()?["body"]),
        ("metric", name) => metric(played, name),
        _ => span(played),
    }
}

fn metric(played: &Played, name: &str) -> Option<String> {
    let metrics = played.metrics.last()?.pointer("/resourceMetrics/0/scopeMetrics/0/metrics")?.as_array()?;
    let metric = metrics.iter().find(|metric| metric["name"] == name)?;
    let unit = text(&metric["unit"]);
    if let Some(point) = metric.pointer("/histogram/dataPoints/0") {
        return Some(format!("{} of {} {unit}", text(&point["count"]), point["sum"].as_f64()?));
    }
    let point = metric.pointer("/sum/dataPoints/0")?;
    Some(format!("{} {unit}", text(&point["asInt"])))
}

fn span(played: &Played) -> Option<String> {
    let span = played.traces.first()?.pointer("/resourceSpans/0/scopeSpans/0/spans/0")?;
    let [start, end] = ["startTimeUnixNano", "endTimeUnixNano"].map(|key| millis(&span[key]));
    let error = attribute(&span["attributes"], "error.type");
    let failed = error.map_or(String::new(), |error| format!(", failed: {error}"));
    assert_eq!(span["status"]["code"] == 2, !failed.is_empty());
    Some(format!("{}, {start} to {end} ms{failed}", text(&span["name"])))
}

fn millis(nanos: &Value) -> u64 {
    text(nanos).parse::<u64>().unwrap() / 1_000_000 - BEGIN
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().into()
}

fn attribute(attributes: &Value, key: &str) -> Option<String> {
    value(&attributes.as_array()?.iter().find(|attribute| attribute["key"] == key)?["value"])
}

/// An OTLP value as JSON, a text as it is.
fn value(value: &Value) -> Option<String> {
    let plain = plain(value);
    let is_nothing = plain.is_null();
    (!is_nothing).then(|| plain.as_str().map_or_else(|| plain.to_string(), str::to_owned))
}

fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|value| value.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "intValue" => json!(text(inner).parse::<i64>().unwrap()),
        "arrayValue" => inner["values"].as_array().into_iter().flatten().map(plain).collect(),
        "kvlistValue" => {
            let entries = inner["values"].as_array().into_iter().flatten();
            entries.map(|entry| (text(&entry["key"]), plain(&entry["value"]))).collect()
        }
        _ => inner.clone(),
    }
}
