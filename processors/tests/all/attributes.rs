//! The `attributes` processor on whole requests: what its settings choose changes, everything else does not.

use pipeline::{Batch, Budget, Signal};
use serde_json::{Value, json};

use crate::stage::{build, built};

const MARK: &str = "actions: [{key: seen, value: true, action: insert}]\n";

/// The batch of `request` after a processor that marks what `chosen` chooses.
fn after(signal: Signal, chosen: &str, request: &Value) -> Batch {
    let json = request.to_string();
    let lease = Budget::new(1 << 20).lease(json.len()).unwrap();
    let batch = Batch::admit_json(signal, json.as_bytes(), lease).unwrap();
    let mut processor = built("attributes", &format!("{MARK}{chosen}"));
    processor.takes(signal).unwrap();
    let mut out = Vec::new();
    processor.process(batch, &mut out);
    assert_eq!(out.len(), 1);
    out.remove(0)
}

/// How many items of it are marked.
fn marked(signal: Signal, chosen: &str, request: &Value) -> usize {
    String::from_utf8(after(signal, chosen, request).to_json()).unwrap().matches("\"seen\"").count()
}

fn span() -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "orders"}},
            {"key": "tier", "value": {"intValue": "3"}},
        ]},
        "scopeSpans": [{
            "scope": {"name": "http", "version": "1.2"},
            "spans": [{"name": "GET /cart", "kind": 2, "attributes": [
                {"key": "s", "value": {"stringValue": "value"}},
                {"key": "i", "value": {"intValue": "42"}},
                {"key": "d", "value": {"doubleValue": 1e21}},
                {"key": "b", "value": {"boolValue": true}},
                {"key": "m", "value": {"kvlistValue": {"values": [
                    {"key": "y", "value": {"intValue": "1"}}, {"key": "x", "value": {"arrayValue": {"values": [{"stringValue": "l"}]}}},
                ]}}},
            ]}],
        }],
    }]})
}

#[test]
fn spans_are_chosen_by_each_of_their_properties() {
    for (chosen, expected) in [
        ("", true),
        ("include: {match_type: strict, services: [other, orders]}", true),
        ("include: {match_type: strict, services: [order]}", false),
        ("include: {match_type: strict, services: 'other,orders'}", true),
        ("include: ", true),
        ("exclude: ${env:NOT_SET}", true),
        ("include: {match_type: regexp, services: [order]}", true),
        ("include: {match_type: regexp, span_names: ['^GET ']}", true),
        ("include: {match_type: regexp, span_names: ['^/cart']}", false),
        ("include: {match_type: strict, span_kinds: [SPAN_KIND_SERVER]}", true),
        ("include: {match_type: strict, span_kinds: [SPAN_KIND_CLIENT]}", false),
        ("include: {match_type: regexp, span_kinds: [CLIENT, SERVER]}", true),
        ("include: {match_type: strict, libraries: [{name: http}]}", true),
        ("include: {match_type: strict, libraries: [{name: http, version: '1.2'}]}", true),
        ("include: {match_type: strict, libraries: [{name: http, version: ''}]}", false),
        ("include: {match_type: strict, libraries: [{name: http}, {name: grpc}]}", false),
        ("include: {match_type: strict, resources: [{key: tier, value: 3}]}", true),
        ("include: {match_type: strict, resources: [{key: tier, value: '3'}]}", false),
        ("include: {match_type: regexp, resources: [{key: tier, value: '[0-9]'}]}", true),
        ("include: {attributes: [{key: s}, {key: i}]}", true),
        ("include: {attributes: [{key: s}, {key: none}]}", false),
        ("include: {match_type: strict, attributes: [{key: i, value: 42}]}", true),
        ("include: {match_type: strict, attributes: [{key: i, value: 42.0}]}", false),
        ("include: {match_type: strict, attributes: [{key: d, value: 1.0e+21}]}", true),
        ("include: {match_type: strict, attributes: [{key: m, value: {x: [l], y: 1}}]}", true),
        ("include: {match_type: strict, attributes: [{key: m, value: {x: [l], y: 2}}]}", false),
        ("include: {match_type: regexp, attributes: [{key: d, value: '^1000000000000000000000$'}]}", true),
        ("include: {match_type: regexp, attributes: [{key: b, value: tru}]}", true),
        ("include: {match_type: regexp, attributes: [{key: m, value: '.*'}]}", false),
        ("include: {match_type: strict, services: [orders], span_names: [POST]}", false),
        ("exclude: {match_type: strict, services: [orders]}", false),
        ("exclude: {match_type: strict, services: [others]}", true),
        (
            "include: {match_type: strict, services: [orders]}\nexclude: {match_type: regexp, span_names: [cart]}",
            false,
        ),
    ] {
        assert_eq!(marked(Signal::Traces, chosen, &span()), usize::from(expected), "{chosen}");
    }
}

#[test]
fn a_service_without_a_name_has_the_name_that_the_collector_gives_it() {
    let nameless = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "n"}]}]}]});
    let chosen = "include: {match_type: strict, services: ['<nil-service-name>']}";
    assert_eq!(marked(Signal::Traces, chosen, &nameless), 1);
}

#[test]
fn log_records_are_chosen_by_body_and_severity() {
    let records = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"body": {"stringValue": "started"}, "severityText": "INFO", "severityNumber": 9},
        {"body": {"kvlistValue": {"values": [{"key": "e", "value": {"intValue": "7"}}]}}, "severityText": "ERROR", "severityNumber": 17},
        {"body": {"stringValue": "plain"}},
    ]}]}]});
    for (chosen, expected) in [
        ("include: {match_type: strict, log_bodies: [started]}", 1),
        ("include: {match_type: regexp, log_bodies: ['^\\{\"e\":7']}", 1),
        ("include: {match_type: regexp, log_severity_texts: [INFO, ERR]}", 2),
        ("include: {log_severity_number: {min: 13}}", 1),
        ("include: {log_severity_number: {min: 9, match_undefined: true}}", 3),
        ("exclude: {log_severity_number: {min: 9}}", 1),
        ("exclude: {match_type: strict, log_bodies: [plain], log_severity_texts: ['']}", 2),
    ] {
        assert_eq!(marked(Signal::Logs, chosen, &records), expected, "{chosen}");
    }
}

#[test]
fn the_points_of_every_kind_of_metric_are_chosen_by_its_name() {
    let metrics = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "a.gauge", "gauge": {"dataPoints": [{"asInt": "1"}, {"asInt": "2"}]}},
        {"name": "a.sum", "sum": {"dataPoints": [{"asInt": "1"}]}},
        {"name": "b.histogram", "histogram": {"dataPoints": [{}]}},
        {"name": "b.exponential", "exponentialHistogram": {"dataPoints": [{}]}},
        {"name": "b.summary", "summary": {"dataPoints": [{}]}},
        {"name": "b.nothing"},
    ]}]}]});
    for (chosen, expected) in [
        ("", 6),
        ("include: {match_type: regexp, metric_names: ['^a\\.']}", 3),
        ("exclude: {match_type: strict, metric_names: [a.gauge, b.summary]}", 3),
        ("include: {match_type: strict, resources: [{key: absent}]}", 6),
    ] {
        assert_eq!(marked(Signal::Metrics, chosen, &metrics), expected, "{chosen}");
    }
}

#[test]
fn what_is_not_chosen_stays_the_bytes_it_was() {
    let unknown = b"\x0a\x08\x12\x06\x12\x04\xfa\x7f\x01x";
    let lease = Budget::new(1 << 20).lease(unknown.len()).unwrap();
    let batch = Batch::admit(Signal::Traces, unknown.to_vec().into(), lease).unwrap();
    let mut out = Vec::new();
    let yaml = format!("{MARK}include: {{match_type: strict, services: [x]}}");
    built("attributes", &yaml).process(batch, &mut out);
    assert_eq!(out[0].parts().next().unwrap()[..], unknown[..]);
}

#[test]
fn a_property_that_the_signal_has_not_is_told() {
    for (chosen, signal, expected) in [
        (
            "include: {match_type: strict, log_bodies: [x]}",
            Signal::Traces,
            "include.log_bodies is of no use in a pipeline of traces",
        ),
        (
            "exclude: {match_type: strict, services: [x]}",
            Signal::Logs,
            "exclude.services is of no use in a pipeline of logs",
        ),
        (
            "exclude: {attributes: [{key: x}]}",
            Signal::Metrics,
            "exclude.attributes is of no use in a pipeline of metrics, which knows metric_names, resources",
        ),
    ] {
        let processor = built("attributes", &format!("{MARK}{chosen}"));
        let found = processor.takes(signal).unwrap_err();
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn every_mistake_in_what_chooses_is_told_with_its_place() {
    for (chosen, expected) in [
        ("include: {services: [a], span_names: [b]}", &["include: no match_type; expected"][..]),
        ("include: {match_type: strict}", &["include: chooses nothing"]),
        ("exclude: {}", &["exclude: chooses nothing"]),
        (
            "include: {match_type: exact, services: [a]}",
            &["include.match_type: found the text \"exact\"; valid are"],
        ),
        ("include: {match_type: regexp, services: [a, '(']}", &["include.services[1]: found (, which is no"]),
        (
            "include: {match_type: strict, span_kinds: [SERVER]}",
            &["include.span_kinds[0]: found SERVER; expected"],
        ),
        (
            "include: {attributes: [{value: 1}]}",
            &["include.attributes[0]: no key", "include.attributes[0].value: no text"],
        ),
        (
            "include: {match_type: regexp, attributes: [{key: a, value: 1}]}",
            &["include.attributes[0].value: no text"],
        ),
        ("include: {match_type: regexp, libraries: [{name: '('}]}", &["include.libraries[0].name: found ("]),
        ("include: {match_type: strict, service: [a]}", &["include.service: unknown key"]),
    ] {
        let Err(found) = build("attributes", &format!("{MARK}{chosen}")) else {
            panic!("{chosen}: accepted")
        };
        assert_eq!(found.0.len(), expected.len(), "{chosen}: {found}");
        for (mistake, expected) in found.0.iter().zip(expected) {
            assert!(mistake.text.contains(expected), "{}", mistake.text);
        }
    }
    let Err(found) = build("attributes", "include: {match_type: strict, services: [a]}") else {
        panic!("accepted")
    };
    assert!(found.to_string().contains("actions: missing; expected a list of actions"), "{found}");
}
