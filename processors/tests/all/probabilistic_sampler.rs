//! The `probabilistic_sampler` on whole requests: which spans and records pass, and what they say of it.

use pipeline::{Batch, Budget, Signal};
use serde_json::{Value, json};

use crate::stage::{build, built};

fn after(signal: Signal, yaml: &str, request: &Value) -> Option<Value> {
    let json = request.to_string();
    let lease = Budget::new(1 << 20).lease(json.len()).unwrap();
    let batch = Batch::admit_json(signal, json.as_bytes(), lease).unwrap();
    let mut out = Vec::new();
    built("probabilistic_sampler", yaml).process(batch, &mut out);
    out.pop().map(|batch| serde_json::from_slice(&batch.to_json()).unwrap())
}

/// The trace state of the span that came with `state`, if it was sampled.
fn state_after(yaml: &str, id: &str, state: &str) -> Option<String> {
    let span = json!({"traceId": id, "spanId": "0000000000000001", "name": "n", "traceState": state});
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    let out = after(Signal::Traces, yaml, &request)?;
    let span = &out["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    Some(span["traceState"].as_str().unwrap_or_default().to_owned())
}

/// A trace id whose randomness begins with these two digits.
fn id(digits: &str) -> String {
    format!("000000000000000100{digits}000000000000")
}

#[test]
fn equalizing_samples_by_trace_id_and_writes_the_threshold() {
    let half = "{mode: equalizing, sampling_percentage: 50}";
    for (digits, before, after) in [
        ("80", "", Some("ot=th:8")),
        ("7f", "", None),
        ("7f", "ot=rv:90000000000000,a=b", Some("ot=rv:90000000000000;th:8,a=b")),
        ("ff", "ot=th:c", Some("ot=th:c")),
        ("ff", "ot=th:4", Some("ot=th:8")),
        ("b0", "ot=th:c", None),
        ("ff", "no state", None),
    ] {
        assert_eq!(state_after(half, &id(digits), before).as_deref(), after, "{digits} {before}");
    }
}

#[test]
fn proportional_takes_its_share_of_what_was_sampled_before() {
    let half = "{mode: proportional, sampling_percentage: 50}";
    for (digits, before, after) in
        [("80", "", Some("ot=th:8")), ("c0", "ot=th:8", Some("ot=th:c")), ("bf", "ot=th:8", None)]
    {
        assert_eq!(state_after(half, &id(digits), before).as_deref(), after, "{digits} {before}");
    }
}

#[test]
fn what_cannot_be_decided_on_is_kept_if_wished_and_left_alone() {
    let open = "{mode: equalizing, sampling_percentage: 50, fail_closed: false}";
    assert_eq!(state_after(open, &id("00"), "no state").as_deref(), Some("no state"));
    assert_eq!(state_after(open, &id("00"), "ot=th:8").as_deref(), Some("ot=th:0"));
    let hash = "{sampling_percentage: 50, fail_closed: false}";
    assert_eq!(state_after(hash, &id("00"), "ot=th:0").as_deref(), Some("ot=th:0"));
    assert_eq!(state_after("{sampling_percentage: 100}", &id("00"), "ot=th:0"), None);
}

#[test]
fn about_the_wanted_share_of_traces_passes_in_every_mode() {
    for mode in ["hash_seed", "equalizing", "proportional"] {
        let spans: Vec<Value> = (1..4001u64)
            .map(|n| {
                let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                json!({"traceId": format!("{:016x}{random:016x}", n), "spanId": "0000000000000001"})
            })
            .collect();
        let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
        let out =
            after(Signal::Traces, &format!("{{mode: {mode}, sampling_percentage: 25}}"), &request).unwrap();
        let passed = out["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len();
        assert!((900..1100).contains(&passed), "{mode}: {passed}");
    }
}

#[test]
fn the_priority_of_a_span_decides_before_all_else() {
    for (priority, percentage, passes) in [
        (json!({"intValue": "1"}), 0, true),
        (json!({"stringValue": "0.5"}), 0, true),
        (json!({"doubleValue": 0.0}), 100, false),
        (json!({"intValue": "-1"}), 100, true),
        (json!({"boolValue": true}), 0, false),
    ] {
        let span = json!({"traceId": id("80"), "spanId": "0000000000000001",
            "attributes": [{"key": "sampling.priority", "value": priority}]});
        let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
        let out = after(Signal::Traces, &format!("{{sampling_percentage: {percentage}}}"), &request);
        assert_eq!(out.is_some(), passes, "{priority} {percentage}");
    }
}

#[test]
fn records_are_sampled_by_trace_id_attribute_or_priority() {
    let record = |attributes: Value| {
        let attributes: Vec<Value> = attributes
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"attributes": attributes}]}]}]})
    };
    let all = "{sampling_percentage: 100, attribute_source: record, from_attribute: k}";
    assert!(after(Signal::Logs, all, &record(json!({"k": {"stringValue": "x"}}))).is_some());
    assert!(after(Signal::Logs, all, &record(json!({"k": {"stringValue": ""}}))).is_none());
    assert!(after(Signal::Logs, all, &record(json!({"other": {"intValue": "1"}}))).is_none());
    let own = "{sampling_percentage: 0, sampling_priority: p}";
    assert!(after(Signal::Logs, own, &record(json!({"p": {"intValue": "100"}}))).is_some());
    assert!(after(Signal::Logs, own, &record(json!({"p": {"intValue": "101"}}))).is_none());
    let out = after(Signal::Logs, all, &record(json!({"k": {"intValue": "7"}}))).unwrap();
    let attributes = out["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"].to_string();
    assert!(attributes.contains("sampling.randomness"), "{attributes}");
    assert!(
        attributes.contains(r#"{"key":"sampling.threshold","value":{"stringValue":"0"}}"#),
        "{attributes}"
    );
}

#[test]
fn settings_that_there_are_not_are_told() {
    for (yaml, expected) in [
        ("sampling_percentage: -1", "sampling_percentage: found -1; expected 0 to 100"),
        ("sampling_percentage: .inf", "sampling_percentage: found inf"),
        ("sampling_precision: 15", "sampling_precision: found 15; expected 1 to 14"),
        ("sampling_precision: 0", "sampling_precision: found 0; expected 1 to 14"),
        ("mode: random", "valid are hash_seed, equalizing and proportional"),
        ("attribute_source: body", "valid are traceID and record"),
    ] {
        let Err(found) = build("probabilistic_sampler", yaml) else { panic!("{yaml}: accepted") };
        assert!(found.to_string().contains(expected), "{found}");
    }
    let sampler = built("probabilistic_sampler", "");
    assert_eq!(sampler.takes(Signal::Metrics), Err("samples traces and logs, not metrics".into()));
}
