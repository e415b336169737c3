//! `prometheusremotewrite` against a Prometheus that reads what it is sent.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::collections::BTreeMap;

use pipeline::{Batch, Budget, Delivered, Signal, Undelivered};
use prost::Message;
use serde_json::{Value, json};
use support::aws::{ENV, OWN, refusal, refused};
use support::backend::Received;
use support::sigv4::Service;
use support::{Backend, Reply, build, build_with, retry, run};

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// Snappy's block format, as far as it is used.
fn decompress(mut from: &[u8]) -> Vec<u8> {
    let length = prost::encoding::decode_varint(&mut from).unwrap() as usize;
    let mut plain = Vec::new();
    while let [tag, rest @ ..] = from {
        let upper = usize::from(tag >> 2);
        let two = |at: usize| usize::from(u16::from_le_bytes([rest[at], rest[at + 1]]));
        if tag & 3 == 2 {
            (0..=upper).for_each(|_| plain.push(plain[plain.len() - two(0)]));
            from = &rest[2..];
            continue;
        }
        let (more, less) = match upper {
            60 => (1, usize::from(rest[0])),
            61 => (2, two(0)),
            less => (0, less),
        };
        plain.extend_from_slice(&rest[more..=more + less]);
        from = &rest[more + less + 1..];
    }
    assert_eq!(plain.len(), length);
    plain
}

/// What was sent: `name{label="value"}`, and its samples.
fn series(request: &Received) -> BTreeMap<String, Vec<(i64, f64)>> {
    assert_eq!(request.header("content-encoding"), "snappy");
    assert_eq!(request.header("content-type"), "application/x-protobuf");
    assert_eq!(request.header("x-prometheus-remote-write-version"), "0.1.0");
    let request = WriteRequest::decode(&decompress(&request.body)[..]).unwrap();
    let of = |series: Series| {
        assert!(series.labels.is_sorted_by(|a, b| a.name < b.name), "{series:?}");
        let name = series.labels.iter().find(|label| label.name == "__name__").unwrap().value.clone();
        let others = series.labels.iter().filter(|label| label.name != "__name__");
        let labels: Vec<_> = others.map(|label| format!("{}={:?}", label.name, label.value)).collect();
        let samples = series.samples.iter().map(|sample| (sample.timestamp, sample.value)).collect();
        (format!("{name}{{{}}}", labels.join(",")), samples)
    };
    request.series.into_iter().map(of).collect()
}

fn batch(resource: &Value, metrics: &[Value]) -> Batch {
    let request = json!({"resourceMetrics": [{
        "resource": {"attributes": attributes(resource)},
        "scopeMetrics": [{"metrics": metrics}],
    }]});
    let lease = Budget::new(usize::MAX).lease(0).unwrap();
    Batch::admit_json(Signal::Metrics, request.to_string().as_bytes(), lease).unwrap()
}

fn attributes(map: &Value) -> Vec<Value> {
    let entries = map.as_object().unwrap().iter();
    entries.map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

fn number(name: &str, unit: &str, kind: &str, temporality: u8, labels: &Value) -> Value {
    let points = json!([{"asInt": "7", "timeUnixNano": "5000000", "attributes": attributes(labels)}]);
    match kind {
        "gauge" => json!({"name": name, "unit": unit, "gauge": {"dataPoints": points}}),
        _ => json!({"name": name, "unit": unit, "sum": {
            "aggregationTemporality": temporality, "isMonotonic": kind == "counter", "dataPoints": points}}),
    }
}

/// The names of the series that `metric` becomes.
async fn sent(yaml: &str, batch: &Batch) -> (BTreeMap<String, Vec<(i64, f64)>>, Delivered) {
    let backend = Backend::http(|_| Reply::ok()).await;
    let yaml = format!("{{endpoint: '{}/api/v1/write', {yaml}}}", backend.url());
    let outcome = build("prometheusremotewrite", &yaml, &[]).unwrap().export(batch).await.unwrap();
    (backend.received().iter().flat_map(series).collect(), outcome)
}

#[test]
fn names_have_their_units_and_kinds() {
    run(async {
        for (name, unit, kind, with, without) in [
            ("http.requests", "1", "counter", "http_requests_total", "http_requests"),
            ("http.requests", "{request}", "counter", "http_requests_total", "http_requests"),
            ("total.bytes", "By", "counter", "bytes_total", "total_bytes"),
            ("queue.time", "ms", "gauge", "queue_time_milliseconds", "queue_time"),
            ("share", "1", "gauge", "share_ratio", "share"),
            ("speed", "By/s", "gauge", "speed_bytes_per_second", "speed"),
            ("active", "1", "updown", "active", "active"),
            ("2.x__y", "", "gauge", "_2_x_y", "_2_x__y"),
        ] {
            let batch = batch(&json!({}), &[number(name, unit, kind, 2, &json!({}))]);
            for (yaml, expected) in [("", with), ("add_metric_suffixes: false", without)] {
                let (sent, _) = sent(yaml, &batch).await;
                assert_eq!(
                    sent,
                    BTreeMap::from([(format!("{expected}{{}}"), vec![(5, 7.0)])]),
                    "{name} {unit}"
                );
            }
        }
    });
}

#[test]
fn labels_are_those_of_point_service_and_user() {
    run(async {
        let resource = json!({"service.name": "shop", "service.namespace": "web", "service.instance.id": "i", "host": "h"});
        let labels = json!({"http.route": "/", "http_route": "x", "1st": "a", "_own": "b", "empty": ""});
        let batch = batch(&resource, &[number("m", "", "gauge", 0, &labels)]);
        let (sent, _) = sent("external_labels: {team: a}, namespace: ns", &batch).await;
        let found: Vec<_> = sent.keys().map(String::as_str).collect();
        let metric = r#"ns_m{http_route="/;x",instance="i",job="web/shop",key_1st="a",key_own="b",team="a"}"#;
        assert_eq!(found, [metric, r#"ns_target_info{host="h",instance="i",job="web/shop",team="a"}"#]);
    });
}

#[test]
fn histograms_and_summaries_are_several_series() {
    run(async {
        let histogram = json!({"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [{
            "timeUnixNano": "5000000", "count": "6", "sum": 9.5, "explicitBounds": [0.5, 10], "bucketCounts": ["1", "2", "3"]}]}});
        let summary = json!({"name": "s", "summary": {"dataPoints": [{
            "timeUnixNano": "5000000", "count": "2", "sum": 3, "quantileValues": [{"quantile": 0.99, "value": 2}]}]}});
        let (sent, _) = sent("", &batch(&json!({}), &[histogram, summary])).await;
        let values: Vec<_> = sent.iter().map(|(name, samples)| (name.as_str(), samples[0].1)).collect();
        let expected = [
            (r#"h_bucket{le="+Inf"}"#, 6.0),
            (r#"h_bucket{le="0.5"}"#, 1.0),
            (r#"h_bucket{le="10"}"#, 3.0),
            ("h_count{}", 6.0),
            ("h_sum{}", 9.5),
            ("s_count{}", 2.0),
            ("s_sum{}", 3.0),
            (r#"s{quantile="0.99"}"#, 2.0),
        ];
        assert_eq!(values, expected);
    });
}

#[test]
fn what_prometheus_has_no_form_for_is_counted() {
    run(async {
        let delta = number("d", "", "counter", 1, &json!({}));
        let exponential =
            json!({"name": "e", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [{}]}});
        let gauge = number("g", "", "gauge", 0, &json!({}));
        let (sent, outcome) = sent("", &batch(&json!({}), &[exponential, delta, gauge])).await;
        assert_eq!(sent.len(), 1);
        let Delivered::Partly { rejected: 2, message } = outcome else { panic!("{outcome:?}") };
        assert!(message.contains("metric `d`") && message.contains("cumulative"), "{message}");
    });
}

#[test]
fn requests_are_cut_to_size() {
    run(async {
        let metrics: Vec<_> =
            (0..100).map(|at| number(&format!("m{at}"), "", "gauge", 0, &json!({}))).collect();
        let backend = Backend::http(|_| Reply::ok()).await;
        let yaml = format!("{{endpoint: '{}', max_batch_size_bytes: 500}}", backend.url());
        let exporter = build("prometheusremotewrite", &yaml, &[]).unwrap();
        assert_eq!(exporter.export(&batch(&json!({}), &metrics)).await.unwrap(), Delivered::All);
        assert!(backend.received().len() > 3);
        assert_eq!(backend.received().iter().map(|request| series(request).len()).sum::<usize>(), 100);
    });
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_dropped() {
    for status in [500, 503, 429, 400, 401, 404, 413] {
        run(async move {
            let backend = Backend::http(move |_| refusal(status, "out of order\n")).await;
            let yaml = format!("{{endpoint: '{}'}}", backend.url());
            let exporter = build("prometheusremotewrite", &yaml, &[]).unwrap();
            let outcome =
                exporter.export(&batch(&json!({}), &[number("m", "", "gauge", 0, &json!({}))])).await;
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
        let batch = batch(&json!({}), &[number("m", "", "gauge", 0, &json!({}))]);
        assert_eq!(exporter.export(&batch).await.unwrap(), Delivered::All);
    });
}
