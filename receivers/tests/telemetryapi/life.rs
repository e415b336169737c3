//! What becomes of each recorded case's metrics and spans, held against what the Go layer made of it.

use serde_json::{Value, json};

use super::harness::{cases, play};

/// Where ours are other than the Go layer's, knowingly. Memory is always: Lambda's MB are MiB.
const METRICS_BECAUSE: &[(&str, &[&str])] = &[
    (
        "what went on before a snapshot was taken is no cold start of the environments made from it",
        &["init-snap-start"],
    ),
    ("a restore is a cold start", &["restore-success", "restore-missing-fields", "restore-then-invocation"]),
    (
        "what is delivered again is counted once",
        &[
            "metrics-three-flushes-cumulative",
            "metrics-temporality-config-delta",
            "metrics-temporality-config-upper-case",
            "metrics-temporality-env-delta",
            "metrics-temporality-empty",
        ],
    ),
    ("that, and a temporality may be written in any case", &["metrics-temporality-env-upper-case"]),
    ("an event that was cut costs its neighbours nothing", &["body-cut-record-second-half"]),
    ("there are metrics for those who ask for platform events", &["config-types-text"]),
];
const SPANS_BECAUSE: &[(&str, &[&str])] = &[
    (
        "what went on before a snapshot was taken is no start of the environments made from it",
        &["init-snap-start"],
    ),
    ("a restore is a start, too", &["restore-success", "restore-missing-fields", "restore-then-invocation"]),
    (
        "a start belongs to the trace of the invocation that waited for it",
        &[
            "life-on-demand-one-batch",
            "life-on-demand-a-batch-each",
            "life-two-invocations-cumulative",
            "life-report-arrives-with-next-invocation",
            "life-failed-init-then-suppressed-init",
            "init-no-function-name",
            "config-only-traces-pipeline",
        ],
    ),
];

#[test]
fn every_recorded_case_gives_the_metrics_of_the_go_layer_or_better_ones() {
    compare("metrics", METRICS_BECAUSE, |case| {
        let ours = play(case).metrics;
        (exports(case["metrics"].as_array().map_or(&[], Vec::as_slice)), exports(&ours))
    });
}

#[test]
fn every_recorded_case_gives_the_spans_of_the_go_layer_or_better_ones() {
    compare("traces", SPANS_BECAUSE, |case| {
        let ours = play(case).traces;
        (spans(case["traces"].as_array().map_or(&[], Vec::as_slice)), spans(&ours))
    });
}

/// Fails where what `both` gives (the layer's and ours) differs in a case that is not named, and where it does not in
/// one that is.
fn compare(what: &str, because: &[(&str, &[&str])], both: impl Fn(&Value) -> (Vec<Value>, Vec<Value>)) {
    let mut wrong = Vec::new();
    for case in cases().filter(|case| case["starts"] != false) {
        let name = case["name"].as_str().unwrap();
        let is_expected = because.iter().any(|(_, cases)| cases.contains(&name));
        let (go, ours) = both(&case);
        if (go == ours) == is_expected {
            let (go, ours) = (json!(go), json!(ours));
            wrong.push(format!("{name}: differs {}\n  go:   {go}\n  ours: {ours}", !is_expected));
        }
    }
    assert!(wrong.is_empty(), "{what} of {} cases:\n{}", wrong.len(), wrong.join("\n"));
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// The `faas.*` metrics of each export that has some, without their times.
fn exports(requests: &[Value]) -> Vec<Value> {
    let export = |request: &Value| -> Vec<Value> {
        let scopes = list(request, "resourceMetrics").flat_map(|resource| list(resource, "scopeMetrics"));
        let metrics = scopes.flat_map(|scope| list(scope, "metrics")).cloned();
        metrics
            .filter(|metric| metric["name"].as_str().unwrap().starts_with("faas."))
            .map(without_times)
            .collect()
    };
    let exports = requests.iter().map(export).filter(|export| !export.is_empty());
    exports.map(|export| json!(export)).collect()
}

fn without_times(mut metric: Value) -> Value {
    let is_memory = metric["name"] == "faas.mem_usage";
    let kinds = ["sum", "histogram"].map(|kind| metric.pointer(&format!("/{kind}/dataPoints")).map(|_| kind));
    for kind in kinds.into_iter().flatten() {
        for point in metric[kind]["dataPoints"].as_array_mut().into_iter().flatten() {
            let point = point.as_object_mut().unwrap();
            assert!(point.remove("startTimeUnixNano").is_some() && point.remove("timeUnixNano").is_some());
            // 10 and 10.0 are the same.
            if let Some(sum) = point.get_mut("sum") {
                *sum = json!(sum.as_f64());
            }
            let bounds: Vec<_> = list(&point.clone().into(), "explicitBounds").map(Value::as_f64).collect();
            point.insert("explicitBounds".into(), json!(bounds));
            if is_memory {
                point.remove("sum");
                point.remove("bucketCounts");
            }
        }
    }
    metric
}

/// All spans, without ids, but with the trace unless that was made up.
fn spans(requests: &[Value]) -> Vec<Value> {
    let resources = requests.iter().flat_map(|request| list(request, "resourceSpans"));
    let scopes = resources.flat_map(|resource| list(resource, "scopeSpans"));
    scopes.flat_map(|scope| list(scope, "spans")).cloned().map(without_ids).collect()
}

fn without_ids(mut span: Value) -> Value {
    let fields = span.as_object_mut().unwrap();
    let trace = fields.remove("traceId").unwrap();
    assert!(fields.remove("spanId").is_some());
    if trace == "67765a001f2e3d4c5b6a798812345678" {
        fields.insert("joined".into(), true.into());
    }
    fields.remove("flags");
    // The recording leaves empty ones out.
    fields.retain(|_, value| *value != json!({}));
    span
}
