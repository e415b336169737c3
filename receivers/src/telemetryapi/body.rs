//! Platform events in words, as the Go layer writes them.

use std::fmt::Write;

use serde_json::Value;

use super::event::Event;

/// What `event` says in words; `None` if it is no platform event that is known, or lacks what the words need.
/// `request_id` and `version` are those of its invocation.
pub fn words(event: &Event, request_id: Option<&str>, version: Option<&str>) -> Option<String> {
    let record = &event.record;
    let text = |key: &str| record[key].as_str();
    let or_empty = |key: &str| text(key).unwrap_or_default();
    let duration = record["metrics"]["durationMs"].as_f64();
    Some(match event.kind.strip_prefix("platform.")? {
        "start" => format!("START RequestId: {} Version: {}", request_id?, text("version").or(version)?),
        "runtimeDone" => format!("END RequestId: {} Version: {}", request_id?, version?),
        "report" => report(record, request_id?),
        "initStart" => runtime("INIT_START", record)?,
        "restoreStart" => runtime("RESTORE_START", record)?,
        "initRuntimeDone" => format!("INIT_RUNTIME_DONE Status: {}", text("status")?),
        "restoreRuntimeDone" => format!("RESTORE_RUNTIME_DONE Status: {}", text("status")?),
        "initReport" => {
            let (kind, phase, status) = (text("initializationType"), text("phase"), text("status"));
            if duration.is_none() {
                kind.or(phase).or(status)?;
            }
            format!(
                "INIT_REPORT Initialization Type: {} Phase: {} Status: {} Duration: {:.2} ms",
                kind.unwrap_or_default(),
                phase.unwrap_or_default(),
                status.unwrap_or_default(),
                duration.unwrap_or_default()
            )
        }
        "restoreReport" => {
            format!("RESTORE_REPORT Status: {} Duration: {:.2} ms", text("status")?, duration?)
        }
        "telemetrySubscription" => {
            format!("TELEMETRY: {} Subscribed Types: {}", text("name")?, list(&record["types"]))
        }
        "extension" => {
            let (name, events) = (text("name")?, list(&record["events"]));
            format!("EXTENSION Name: {name} State: {} Events: {events}", or_empty("state"))
        }
        "logsDropped" => format!(
            "LOGS_DROPPED DroppedRecords: {:.0} DroppedBytes: {:.0} Reason: {}",
            record["droppedRecords"].as_f64()?,
            record["droppedBytes"].as_f64()?,
            text("reason")?
        ),
        _ => return None,
    })
}

fn runtime(what: &str, record: &Value) -> Option<String> {
    let (version, arn) = (record["runtimeVersion"].as_str(), record["runtimeVersionArn"].as_str());
    version.or(arn)?;
    let (version, arn) = (version.unwrap_or_default(), arn.unwrap_or_default());
    Some(format!("{what} Runtime Version: {version} Runtime Version ARN: {arn}"))
}

fn report(record: &Value, request_id: &str) -> String {
    let mut words = format!("REPORT RequestId: {request_id}");
    let Some(metrics) = record["metrics"].as_object() else { return words };
    for (name, key, decimals, unit) in [
        ("Duration", "durationMs", 2, "ms"),
        ("Billed Duration", "billedDurationMs", 0, "ms"),
        ("Memory Size", "memorySizeMB", 0, "MB"),
        ("Max Memory Used", "maxMemoryUsedMB", 0, "MB"),
        ("Init Duration", "initDurationMs", 2, "ms"),
    ] {
        if let Some(number) = metrics.get(key).and_then(Value::as_f64) {
            // Writing to a text can't fail.
            let _ = write!(words, " {name}: {number:.decimals$} {unit}");
        }
    }
    if let Some(status) = record["status"].as_str().filter(|status| !["success", ""].contains(status)) {
        let _ = write!(words, " Status: {status}");
    }
    words
}

/// A list as Go prints one of texts: `[a b]`.
fn list(value: &Value) -> String {
    let items = value.as_array().into_iter().flatten();
    let items: Vec<String> =
        items.map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
    format!("[{}]", items.join(" "))
}
