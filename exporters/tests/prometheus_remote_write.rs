//! `prometheusremotewrite` against a Prometheus that reads what it is sent.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::cell::Cell;

use pipeline::{Batch, Budget, Delivered, Signal, Undelivered};
use serde_json::{Value, json};
use support::aws::{ENV, OWN, refusal, refused};
use support::prometheus::{self, Sent};
use support::sigv4::Service;
use support::{Backend, Reply, build, build_with, retry, run};

fn batch(resource: &Value, metrics: &[Value]) -> Batch {
    let request = json!({"resourceMetrics": [{
        "resource": {"attributes": attributes(resource)},
        "scopeMetrics": [{"metrics": metrics}],
    }]});
    admit_json(&request)
}

fn admit_json(request: &Value) -> Batch {
    let lease = Budget::new(usize::MAX).lease(0).unwrap();
    Batch::admit_json(Signal::Metrics, request.to_string().as_bytes(), lease).unwrap()
}

fn attributes(map: &Value) -> Vec<Value> {
    let entries = map.as_object().unwrap().iter();
    entries.map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

fn number(name: &str, kind: &str, temporality: u8, labels: &Value) -> Value {
    let points = json!([{"asInt": "7", "timeUnixNano": "5000000", "attributes": attributes(labels)}]);
    match kind {
        "gauge" => json!({"name": name, "gauge": {"dataPoints": points}}),
        _ => json!({"name": name, "sum": {
            "aggregationTemporality": temporality, "isMonotonic": kind == "counter", "dataPoints": points}}),
    }
}

/// What comes of `batch` with these settings.
async fn sent(yaml: &str, batch: &Batch) -> (Sent, Delivered) {
    let backend = Backend::http(|_| Reply::ok()).await;
    let yaml = format!("{{endpoint: '{}/api/v1/write', {yaml}}}", backend.url());
    let outcome = build("prometheusremotewrite", &yaml, &[]).unwrap().export(batch).await.unwrap();
    (prometheus::sent(&backend.received()), outcome)
}

#[test]
fn series_are_those_of_the_go_collector() {
    run(async {
        for case in include_str!("prometheus_remote_write/measured.jsonl").lines() {
            let case: Value = serde_json::from_str(case).unwrap();
            let batch = admit_json(&case["request"]);
            let (sent, _) = sent(case["config"].as_str().unwrap(), &batch).await;
            assert_eq!(Value::Object(sent.series), case["series"], "{}", case["name"]);
            let metadata = case.get("metadata").cloned().unwrap_or(json!({}));
            assert_eq!(Value::Object(sent.metadata), metadata, "{}", case["name"]);
        }
    });
}

/// There the bucket after an empty one got what belongs to its neighbour.
#[test]
fn buckets_of_a_finer_scale_are_merged_with_their_empty_neighbours() {
    run(async {
        let exponential = json!({"name": "e", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [{
            "scale": 9, "count": "10", "positive": {"offset": 0, "bucketCounts": ["0", "0", "1", "2", "3", "4"]}}]}});
        let (sent, _) = sent("", &batch(&json!({}), &[exponential])).await;
        let histogram = &sent.series["e{}"]["histograms"][0];
        assert_eq!(histogram["positive"], json!([[[1, 3]], [0, 3, 4]]), "{histogram}");
    });
}

#[test]
fn what_prometheus_has_no_form_for_is_counted() {
    run(async {
        let delta = number("d", "counter", 1, &json!({}));
        let coarse = json!({"name": "e", "exponentialHistogram": {"aggregationTemporality": 2,
            "dataPoints": [{"scale": -5}]}});
        let gauge = number("g", "gauge", 0, &json!({}));
        for (metric, why) in [(delta, "cumulative"), (coarse, "scale")] {
            let (sent, outcome) = sent("", &batch(&json!({}), &[metric, gauge.clone()])).await;
            assert_eq!(sent.series.len(), 1);
            let Delivered::Partly { rejected: 1, message } = outcome else { panic!("{outcome:?}") };
            assert!(message.contains(why), "{message}");
        }
    });
}

#[test]
fn of_two_points_of_one_series_and_time_the_second_is_sent_and_the_first_counted() {
    run(async {
        let of = |host: &str| {
            json!({"resource": {"attributes": attributes(&json!({"host": host}))}, "scopeMetrics": [
                {"metrics": [{"name": "m", "gauge": {"dataPoints": [{"asInt": host, "timeUnixNano": "5000000"}]}}]}]})
        };
        for (hosts, lost) in [(["1", "2"], 1), (["2", "2"], 0)] {
            let batch = admit_json(&json!({"resourceMetrics": hosts.map(of)}));
            let (sent, outcome) = sent("", &batch).await;
            assert_eq!(sent.series["m{}"]["samples"], json!([[5, 2.0]]));
            match outcome {
                Delivered::All => assert_eq!(lost, 0),
                Delivered::Partly { rejected, .. } => assert_eq!(rejected, lost),
            }
        }
    });
}

#[test]
fn requests_are_cut_to_size() {
    run(async {
        let metrics: Vec<_> = (0..100).map(|at| number(&format!("m{at}"), "gauge", 0, &json!({}))).collect();
        let backend = Backend::http(|_| Reply::ok()).await;
        let yaml = format!("{{endpoint: '{}', max_batch_size_bytes: 500}}", backend.url());
        let exporter = build("prometheusremotewrite", &yaml, &[]).unwrap();
        assert_eq!(exporter.export(&batch(&json!({}), &metrics)).await.unwrap(), Delivered::All);
        assert!(backend.received().len() > 3);
        assert_eq!(prometheus::sent(&backend.received()).series.len(), 100);
    });
}

#[test]
fn of_several_requests_those_that_are_taken_count() {
    run(async {
        let metrics: Vec<_> = (0..100).map(|at| number(&format!("m{at}"), "gauge", 0, &json!({}))).collect();
        let first = Cell::new(true);
        let backend = Backend::http(move |_| match first.replace(false) {
            true => refusal(400, "out of bounds"),
            false => Reply::ok(),
        })
        .await;
        let yaml = format!("{{endpoint: '{}', max_batch_size_bytes: 500}}", backend.url());
        let exporter = build("prometheusremotewrite", &yaml, &[]).unwrap();
        let outcome = exporter.export(&batch(&json!({}), &metrics)).await.unwrap();
        let Delivered::Partly { rejected, message } = outcome else { panic!("{outcome:?}") };
        let refused = prometheus::sent(&backend.received()[..1]).series.len();
        assert!(rejected == refused && message.contains("out of bounds"), "{rejected} {refused} {message}");
        assert_eq!(prometheus::sent(&backend.received()).series.len(), 100);
    });
}

#[test]
fn metadata_that_is_refused_does_not_take_its_series_with_it() {
    run(async {
        let first = Cell::new(true);
        let backend = Backend::http(move |_| match first.replace(false) {
            true => Reply::ok(),
            false => refusal(400, "no metadata"),
        })
        .await;
        let yaml = format!("{{endpoint: '{}', send_metadata: true}}", backend.url());
        let exporter = build("prometheusremotewrite", &yaml, &[]).unwrap();
        let outcome =
            exporter.export(&batch(&json!({}), &[number("m", "gauge", 0, &json!({}))])).await.unwrap();
        let Delivered::Partly { rejected: 0, message } = outcome else { panic!("{outcome:?}") };
        assert!(message.contains("metadata") && message.contains("no metadata"), "{message}");
    });
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_dropped() {
    for status in [500, 503, 429, 400, 401, 404, 413] {
        run(async move {
            let backend = Backend::http(move |_| refusal(status, "out of order\n")).await;
            let yaml = format!("{{endpoint: '{}'}}", backend.url());
            let exporter = build("prometheusremotewrite", &yaml, &[]).unwrap();
            let outcome = exporter.export(&batch(&json!({}), &[number("m", "gauge", 0, &json!({}))])).await;
            match status {
                413 => assert!(matches!(outcome, Err(Undelivered::TooLarge { .. }))),
                429 | 500.. => assert!(retry(outcome).ends_with("out of order")),
                _ => assert!(refused(outcome).contains("out of order")),
            }
        });
    }
}

#[test]
fn amazon_managed_prometheus_takes_what_is_signed() {
    run(async {
        let service = Service { key: OWN, region: "eu-west-1", name: "aps" };
        let backend = Backend::http(move |request| match service.verify(request) {
            Ok(()) => Reply::ok(),
            Err(why) => refusal(403, why),
        })
        .await;
        let yaml = format!(
            "{{endpoint: '{}/workspaces/ws-1/api/v1/remote_write', auth: {{authenticator: sigv4auth}}}}",
            backend.url()
        );
        let exporter =
            build_with(("sigv4auth", "{service: aps}"), ("prometheusremotewrite", &yaml), &ENV).unwrap();
        let batch = batch(&json!({}), &[number("m", "gauge", 0, &json!({}))]);
        assert_eq!(exporter.export(&batch).await.unwrap(), Delivered::All);
    });
}

#[test]
fn what_can_not_be_sent_is_a_mistake_and_what_means_nothing_is_not() {
    for (yaml, words) in [
        ("protobuf_message: io.prometheus.write.v2.Request", "Remote-Write 2.0 is not sent"),
        ("protobuf_message: prometheus.ReadRequest", "expected prometheus.WriteRequest"),
        ("translation_strategy: NoTranslation", "need Remote-Write 2.0"),
        ("compression: gzip", "must be snappy"),
        ("external_labels: {team: ''}", "`team`"),
        ("max_batch_size_bytes: -1", "max_batch_size_bytes"),
    ] {
        let yaml = format!("{{endpoint: 'https://x.example.com', {yaml}}}");
        let mistake = build("prometheusremotewrite", &yaml, &[]).err().unwrap();
        assert!(mistake.contains(words), "{mistake}");
    }
    let yaml = "{endpoint: 'https://x.example.com/api/v1/push', namespace: n, headers: {X-Scope-OrgID: '1'}, timeout: 10s,
        wal: {directory: /tmp, buffer_size: 100, truncate_frequency: 45s}, max_batch_request_parallelism: 5,
        remote_write_queue: {enabled: true, queue_size: 10000, num_consumers: 5}, write_buffer_size: 524288,
        protobuf_message: prometheus.WriteRequest, compression: snappy, send_metadata: true, max_batch_size_bytes: 0}";
    build("prometheusremotewrite", yaml, &[]).unwrap();
}
