//! What comes of requests, and that a request which is sent again comes out the same.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use config::{Env, Node};
use pipeline::{Batch, Budget, Context, Delivered, Exporter, Host, Signal, Undelivered};
use serde_json::{Value, json};

use super::config::exporter;
use super::exporter::Output;
use crate::auth::Shared;

/// A stream whose content can be looked at; it breaks if told so.
#[derive(Clone, Default)]
struct Lines(Rc<RefCell<(Vec<u8>, bool)>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.borrow().1 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0.borrow_mut().0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An exporter of that YAML that writes into `lines`.
fn built(yaml: &str, lines: &Lines) -> Result<impl Exporter + use<>, String> {
    let node = Node::parse(yaml, &Env::default()).map_err(|mistakes| mistakes.to_string())?;
    let context = Context {
        id: "awsemf".parse().unwrap(),
        env: Env::default(),
        budget: Budget::new(usize::MAX),
        user_agent: "otelcol-lambda/0.0.0".into(),
        host: Host::default(),
    };
    let mut exporter =
        exporter(&node, &context, &Shared::default()).map_err(|mistakes| mistakes.to_string())?;
    exporter.output = Output::Lines(RefCell::new(Box::new(lines.clone())));
    Ok(exporter)
}

fn batch(request: &Value) -> Batch {
    let lease = Budget::new(usize::MAX).lease(0).unwrap();
    Batch::admit_json(Signal::Metrics, request.to_string().as_bytes(), lease).unwrap()
}

fn request(resource: &Value, scope: &str, metrics: &[Value]) -> Value {
    let attributes: Vec<Value> = attributes(resource);
    json!({"resourceMetrics": [{
        "resource": {"attributes": attributes},
        "scopeMetrics": [{"scope": {"name": scope}, "metrics": metrics}],
    }]})
}

fn attributes(map: &Value) -> Vec<Value> {
    let entries = map.as_object().unwrap().iter();
    entries.map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

/// A time in milliseconds, as OTLP/JSON has it.
fn at(milliseconds: u64) -> String {
    (milliseconds * 1_000_000).to_string()
}

fn gauge(name: &str, value: f64, labels: &Value) -> Value {
    let point = json!({"asDouble": value, "timeUnixNano": at(1000), "attributes": attributes(labels)});
    json!({"name": name, "unit": "ms", "gauge": {"dataPoints": [point]}})
}

fn counter(value: u64, time: u64) -> Value {
    let point = json!({"asInt": value.to_string(), "timeUnixNano": at(time)});
    json!({"name": "n", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point]}})
}

/// What `exporter` makes of `request`.
async fn outcome(
    exporter: &impl Exporter,
    lines: &Lines,
    request: &Value,
) -> (Vec<Value>, Result<Delivered, Undelivered>) {
    let outcome = exporter.export(&batch(request)).await;
    let text = String::from_utf8(std::mem::take(&mut lines.0.borrow_mut().0)).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), outcome)
}

async fn events(yaml: &str, request: &Value) -> Vec<Value> {
    let lines = Lines::default();
    outcome(&built(yaml, &lines).unwrap(), &lines, request).await.0
}

#[tokio::test]
async fn points_with_the_same_labels_and_time_are_one_event() {
    let labels = json!({"route": "/orders"});
    let request = request(
        &json!({"service.name": "shop", "service.namespace": "web"}),
        "lib",
        &[gauge("a", 1.0, &labels), gauge("b", 2.5, &labels), gauge("c", 3.0, &json!({}))],
    );
    let events = events("{output_destination: stdout}", &request).await;
    assert_eq!(events.len(), 2);
    let directive = json!({
        "Namespace": "web/shop",
        "Dimensions": [["OTelLib"], ["OTelLib", "route"]],
        "Metrics": [
            {"Name": "a", "Unit": "Milliseconds", "StorageResolution": 60},
            {"Name": "b", "Unit": "Milliseconds", "StorageResolution": 60},
        ],
    });
    let expected = json!({
        "Version": "1", "a": 1, "b": 2.5, "route": "/orders", "OTelLib": "lib",
        "_aws": {"Timestamp": 1000, "CloudWatchMetrics": [directive]},
    });
    assert!(events.contains(&expected), "{events:#?}");
}

#[tokio::test]
async fn dimensions_are_rolled_up_as_the_user_wants() {
    let request = request(&json!({}), "", &[gauge("a", 1.0, &json!({"x": "1", "y": "2"}))]);
    for (option, dimensions) in [
        ("ZeroAndSingleDimensionRollup", json!([["x", "y"], [], ["x"], ["y"]])),
        ("SingleDimensionRollupOnly", json!([["x", "y"], ["x"], ["y"]])),
        ("NoDimensionRollup", json!([["x", "y"]])),
    ] {
        let yaml = format!("{{output_destination: stdout, dimension_rollup_option: {option}}}");
        let events = events(&yaml, &request).await;
        assert_eq!(events[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"], dimensions);
    }
}

#[tokio::test]
async fn declarations_choose_metrics_and_their_dimensions() {
    let labels = json!({"x": "1", "y": "2"});
    let request = request(&json!({}), "", &[gauge("good", 1.0, &labels), gauge("bad", 2.0, &labels)]);
    let yaml = "{output_destination: stdout, dimension_rollup_option: NoDimensionRollup, metric_declarations: [
        {dimensions: [[y, x, x], [z]], metric_name_selectors: ['^go+d$'],
         label_matchers: [{label_names: [x, y], regex: '^1;2$'}]},
        {dimensions: [[x]], metric_name_selectors: ['.*'], label_matchers: [{label_names: [x], regex: '^9$'}]}]}";
    let events = events(yaml, &request).await;
    let directives = events[0]["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 1);
    assert_eq!(directives[0]["Dimensions"], json!([["x", "y"]]));
    assert_eq!(directives[0]["Metrics"][0]["Name"], "good");
    assert_eq!(events[0]["bad"], 2, "what no declaration takes stays in the log");
}

#[tokio::test]
async fn the_keys_of_the_go_exporter_shape_events() {
    let labels = json!({"info": "{\"a\":1}", "aws.emf.storage_resolution": "1"});
    let resource = json!({"service.name": "shop", "host": "h"});
    let request = request(&resource, "", &[gauge("a", 1.0, &labels)]);
    let yaml =
        "{output_destination: StdOut, namespace: own, version: '0', parse_json_encoded_attr_values: [info],
        dimension_rollup_option: NoDimensionRollup,
        metric_descriptors: [{metric_name: a, unit: Count, overwrite: true}, {metric_name: a, unit: parsecs}],
        resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}}";
    let expected = json!({
        "Version": "0", "Timestamp": "1000", "a": 1, "info": {"a": 1}, "host": "h",
        "CloudWatchMetrics": [{
            "Namespace": "own", "Dimensions": [["host", "info"]],
            "Metrics": [{"Name": "a", "Unit": "Count", "StorageResolution": 1}],
        }],
    });
    assert_eq!(events(yaml, &request).await, [expected]);
}

#[tokio::test]
async fn a_cumulative_sum_is_told_as_what_it_grew_by() {
    for (retain, expected) in [(false, json!([null, 3, 2])), (true, json!([5, 3, 2]))] {
        let lines = Lines::default();
        let yaml = format!("{{output_destination: stdout, retain_initial_value_of_delta_metric: {retain}}}");
        let exporter = built(&yaml, &lines).unwrap();
        let mut found = Vec::new();
        // The last is less than the one before: the counter began anew.
        for (time, value) in [(1000, 5), (2000, 8), (3000, 2)] {
            let request = request(&json!({}), "", &[counter(value, time)]);
            let (events, _) = outcome(&exporter, &lines, &request).await;
            found.push(events.first().map_or(Value::Null, |event| event["n"].clone()));
        }
        assert_eq!(json!(found), expected);
    }
}

#[tokio::test]
async fn what_could_not_be_written_grew_by_the_same_when_it_is_written_again() {
    let lines = Lines::default();
    let exporter = built("{output_destination: stdout}", &lines).unwrap();
    let request = |value, time| request(&json!({}), "", &[counter(value, time)]);
    outcome(&exporter, &lines, &request(5, 1000)).await.1.unwrap();
    lines.0.borrow_mut().1 = true;
    let (_, failed) = outcome(&exporter, &lines, &request(8, 2000)).await;
    assert!(matches!(failed, Err(Undelivered::Retry { .. })));
    lines.0.borrow_mut().1 = false;
    assert_eq!(outcome(&exporter, &lines, &request(10, 3000)).await.0[0]["n"], 2);
    assert_eq!(outcome(&exporter, &lines, &request(8, 2000)).await.0[0]["n"], 3);
}

#[tokio::test]
async fn histograms_and_summaries_are_statistics() {
    let time = at(1000);
    let histogram = json!({"name": "h", "histogram": {"aggregationTemporality": 1, "dataPoints": [
        {"timeUnixNano": time, "count": "4", "sum": 10.5, "min": 1, "max": 7}]}});
    let summary = json!({"name": "s", "summary": {"dataPoints": [{"timeUnixNano": time, "count": "2", "sum": 3,
        "quantileValues": [{"quantile": 0, "value": 1}, {"quantile": 1, "value": 2}]}]}});
    let exponential = json!({"name": "e", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [
        {"timeUnixNano": time, "count": "7", "sum": 20, "min": -3, "max": 8, "scale": 0, "zeroCount": "1",
         "positive": {"offset": 1, "bucketCounts": ["2", "0", "3"]},
         "negative": {"offset": 0, "bucketCounts": ["0", "1"]}}]}});
    let request = request(&json!({}), "", &[histogram, summary, exponential]);
    let events = events("{output_destination: stdout}", &request).await;
    let found = |name: &str| events.iter().find_map(|event| event.get(name)).unwrap();
    assert_eq!(found("h"), &json!({"Max": 7, "Min": 1, "Count": 4, "Sum": 10.5}));
    assert_eq!(found("s"), &json!({"Max": 2, "Min": 1, "Count": 2, "Sum": 3}));
    let values =
        json!({"Values": [12, 3, 0, -3], "Counts": [3, 2, 1, 1], "Max": 8, "Min": -3, "Count": 7, "Sum": 20});
    assert_eq!(found("e"), &values);
}

#[tokio::test]
async fn detailed_summaries_are_told_quantile_by_quantile() {
    let summary = json!({"name": "s", "summary": {"dataPoints": [{"timeUnixNano": at(1000), "count": "2", "sum": 3,
        "quantileValues": [{"quantile": 0.5, "value": 1}, {"quantile": 0.99, "value": 2}]}]}});
    let request = request(&json!({}), "", &[summary]);
    let events = events("{output_destination: stdout, detailed_metrics: true}", &request).await;
    let of = |quantile: &str| events.iter().find(|event| event["quantile"] == quantile).unwrap()["s"].clone();
    assert_eq!((of("0.5"), of("0.99")), (json!(1), json!(2)));
    assert!(events.iter().any(|event| event["s_sum"] == 3));
    assert!(events.iter().any(|event| event["s_count"] == 2));
}

#[tokio::test]
async fn a_histogram_of_many_buckets_is_parts_that_add_up() {
    let counts: Vec<&str> = vec!["1"; 250];
    let point = json!({"timeUnixNano": at(1000), "count": "250", "sum": 9, "min": 1, "max": 99, "scale": 4,
        "positive": {"bucketCounts": counts}});
    let metric = json!({"name": "e", "exponentialHistogram": {"dataPoints": [point]}});
    let events = events("{output_destination: stdout}", &request(&json!({}), "", &[metric])).await;
    let sum = |key: &str| events.iter().filter_map(|event| event["e"][key].as_f64()).sum::<f64>();
    assert_eq!((events.len(), sum("Count"), sum("Sum")), (3, 250.0, 9.0));
}

#[tokio::test]
async fn many_metrics_are_events_of_a_hundred_and_none_is_too_long() {
    let gauges = |name: &str| -> Vec<Value> {
        (0..250).map(|number| gauge(&format!("{name}{number}"), 1.0, &json!({}))).collect()
    };
    for (name, least) in [("short", 3), (&*"long".repeat(1000), 8)] {
        let events = events("{output_destination: stdout}", &request(&json!({}), "", &gauges(name))).await;
        assert!(events.len() >= least, "{}", events.len());
        let metrics =
            |event: &Value| event["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len();
        assert_eq!(events.iter().map(metrics).sum::<usize>(), 250);
        assert!(events.iter().all(|event| metrics(event) <= 100 && event.to_string().len() <= 256 * 1024));
    }
}

#[tokio::test]
async fn the_same_name_twice_is_two_events() {
    let twice = [gauge("a", 1.0, &json!({})), gauge("a", 2.0, &json!({}))];
    assert_eq!(events("{output_destination: stdout}", &request(&json!({}), "", &twice)).await.len(), 2);
}

#[tokio::test]
async fn what_is_no_number_is_counted_and_what_is_absent_is_not() {
    let lines = Lines::default();
    let exporter = built("{output_destination: stdout}", &lines).unwrap();
    let absent = json!({"name": "z", "gauge": {"dataPoints": [{"flags": 1, "timeUnixNano": at(1000)}]}});
    let endless = json!({"name": "y", "gauge": {"dataPoints": [{"asDouble": "Infinity"}]}});
    let metrics = [gauge("a", 1.0, &json!({})), endless, absent];
    let (events, outcome) = outcome(&exporter, &lines, &request(&json!({}), "", &metrics)).await;
    assert_eq!(events.len(), 1);
    assert!(matches!(outcome, Ok(Delivered::Partly { rejected: 1, .. })), "{outcome:?}");
}

#[test]
fn mistakes_are_told_with_what_is_valid() {
    for (yaml, expected) in [
        ("{output_destination: file}", "expected stdout or cloudwatch"),
        ("{output_destination: stdout, version: '2'}", "expected 0 or 1"),
        ("{}", "AWS_REGION"),
        ("{region: eu-west-1, log_retention: 2}", "CloudWatch knows"),
        ("{output_destination: stdout, metric_declarations: [{dimensions: [[a]]}]}", "metric_name_selectors"),
        ("{output_destination: stdout, metric_declarations: [{metric_name_selectors: ['(']}]}", "`(`"),
        ("{output_destination: stdout, dimension_rollup_option: None}", "NoDimensionRollup"),
    ] {
        let mistakes = built(yaml, &Lines::default()).err().unwrap();
        assert!(mistakes.contains(expected), "{yaml}: {mistakes}");
    }
}
