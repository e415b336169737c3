//! One event in the Embedded Metric Format
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::declaration::{Declaration, MOST_DIMENSIONS};
use super::settings::{Rollup, Settings};
use super::translate::{Key, Labels, Metrics, RESOLUTION, SCOPE, Translation};

/// The most metrics of one event.
const MOST_METRICS: usize = 100;
/// The longest event, less what CloudWatch Logs adds to it.
const MOST_BYTES: usize = 256 * 1024 - 26;

/// A line, and where it belongs.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub log_group: String,
    /// Empty for that of the process.
    pub log_stream: String,
    /// In milliseconds.
    pub time: u64,
    pub text: String,
    /// Numbers of the points that it holds.
    pub points: BTreeSet<usize>,
}

/// Adds the events that `metrics` become: more than one if they are too many or too long.
pub(super) fn add_events(key: &Key, mut metrics: Metrics, settings: &Settings, to: &mut Translation) {
    if metrics.len() > MOST_METRICS {
        add_events(key, second_half(&mut metrics), settings, to);
        return add_events(key, metrics, settings, to);
    }
    let text = text(key, &metrics, settings);
    if text.len() <= MOST_BYTES {
        let points = metrics.values().map(|entry| entry.point).collect();
        let (log_group, log_stream) = (key.log_group.clone(), key.log_stream.clone());
        to.events.push(Event { log_group, log_stream, time: key.time, text, points });
    } else if metrics.len() > 1 {
        add_events(key, second_half(&mut metrics), settings, to);
        add_events(key, metrics, settings, to);
    } else {
        to.lost.extend(metrics.values().map(|entry| entry.point));
    }
}

fn second_half(metrics: &mut Metrics) -> Metrics {
    let middle = metrics.keys().nth(metrics.len() / 2).cloned().unwrap_or_default();
    metrics.split_off(&middle)
}

fn text(key: &Key, metrics: &Metrics, settings: &Settings) -> String {
    let mut labels = key.labels.clone();
    let resolution = labels.remove(RESOLUTION).and_then(|seconds| seconds.parse().ok()).unwrap_or(60_i64);
    let mut fields = Map::new();
    for (name, value) in &labels {
        let parsed = settings.json_labels.contains(name).then(|| serde_json::from_str(value).ok()).flatten();
        fields.insert(name.clone(), parsed.unwrap_or_else(|| json!(value)));
    }
    for (name, entry) in metrics {
        fields.insert(name.clone(), entry.value.json());
    }
    if key.is_prometheus {
        fields.insert("prom_metric_type".into(), json!(key.kind));
    }
    let directives: Vec<Value> = directives(&labels, metrics, settings)
        .into_iter()
        .map(|(dimensions, names)| {
            let metric = |name: &&str| {
                let mut metric = json!({"Name": name, "StorageResolution": resolution});
                if let Some(entry) = metrics.get(*name).filter(|entry| !entry.unit.is_empty()) {
                    metric["Unit"] = json!(entry.unit);
                }
                metric
            };
            let metrics: Vec<Value> = names.iter().map(metric).collect();
            json!({"Namespace": key.namespace, "Dimensions": dimensions, "Metrics": metrics})
        })
        .collect();
    if settings.is_version_0 {
        fields.insert("Timestamp".into(), json!(key.time.to_string()));
    }
    match (directives.is_empty(), settings.is_version_0) {
        (true, _) => {}
        (false, true) => {
            fields.insert("Version".into(), json!("0"));
            fields.insert("CloudWatchMetrics".into(), json!(directives));
        }
        (false, false) => {
            fields.insert("Version".into(), json!("1"));
            fields.insert("_aws".into(), json!({"CloudWatchMetrics": directives, "Timestamp": key.time}));
        }
    }
    Value::Object(fields).to_string()
}

/// A list of sets of dimensions.
type Dimensions<'a> = Vec<Vec<&'a str>>;

/// Which metrics are made under which dimensions. Without declarations all are under all labels.
fn directives<'a>(
    labels: &'a Labels,
    metrics: &'a Metrics,
    settings: &'a Settings,
) -> Vec<(Dimensions<'a>, Vec<&'a str>)> {
    let rolled_up = rolled_up(labels, settings.rollup);
    let names = || metrics.keys().map(String::as_str);
    if settings.declarations.is_empty() {
        // The set of all labels is among the sets of one, if there is but one.
        let is_single = labels.len() <= 1 || (labels.len() == 2 && labels.contains_key(SCOPE));
        let all = labels.keys().map(String::as_str).take(MOST_DIMENSIONS).collect();
        let mut dimensions = vec![all];
        if is_single && !rolled_up.is_empty() {
            dimensions.clear();
        }
        dimensions.extend(rolled_up);
        return vec![(dimensions, names().collect())];
    }
    let fitting: Vec<&Declaration> =
        settings.declarations.iter().filter(|it| it.takes_labels(labels)).collect();
    let mut by_declarations: BTreeMap<Vec<usize>, Vec<&str>> = BTreeMap::new();
    for name in names() {
        let taken: Vec<usize> = (0..fitting.len()).filter(|at| fitting[*at].takes_name(name)).collect();
        if !taken.is_empty() {
            by_declarations.entry(taken).or_default().push(name);
        }
    }
    let directive = |(taken, names): (Vec<usize>, Vec<&'a str>)| {
        let mut dimensions = Vec::new();
        let declared = taken.iter().flat_map(|at| fitting[*at].dimensions(labels));
        for set in declared.chain(rolled_up.iter().cloned()) {
            if !dimensions.contains(&set) {
                dimensions.push(set);
            }
        }
        (!dimensions.is_empty()).then_some((dimensions, names))
    };
    by_declarations.into_iter().filter_map(directive).collect()
}

/// Fewer dimensions under which metrics are made too. The scope, which nobody chose as a label, stays in each.
fn rolled_up(labels: &Labels, rollup: Rollup) -> Dimensions<'_> {
    let scope: Vec<&str> = labels.contains_key(SCOPE).then_some(SCOPE).into_iter().collect();
    let others: Vec<&str> = labels.keys().map(String::as_str).filter(|name| *name != SCOPE).collect();
    let mut sets = Vec::new();
    if rollup == Rollup::ZeroAndSingle && !others.is_empty() {
        sets.push(scope.clone());
    }
    if rollup != Rollup::None {
        sets.extend(others.into_iter().map(|name| {
            let mut set = scope.clone();
            set.push(name);
            set.sort_unstable();
            set
        }));
    }
    sets
}
