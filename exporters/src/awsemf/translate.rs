//! The way from a request to its events: points with the same labels, time and namespace are one.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, SummaryDataPoint};

use super::delta::{Deltas, Growth};
use super::emf::{self, Event};
use super::exponential;
use super::names::{fill, namespace};
use super::points::{self, Measured, Point, Shape};
use super::settings::Settings;

/// The label that names the instrumentation scope.
pub(super) const SCOPE: &str = "OTelLib";
/// The label that is none: the seconds between two values that CloudWatch tells apart.
pub(super) const RESOLUTION: &str = "aws.emf.storage_resolution";

/// Labels with their texts.
pub(super) type Labels = BTreeMap<String, String>;

/// What is in one event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub namespace: String,
    pub log_group: String,
    pub log_stream: String,
    /// In milliseconds.
    pub time: u64,
    pub kind: &'static str,
    /// Parts of one point, and points of one name, are in events of their own.
    pub part: usize,
    pub labels: Labels,
    /// Whether the Prometheus receiver measured it.
    pub is_prometheus: bool,
}

/// The metrics of one event by their names.
pub(super) type Metrics = BTreeMap<String, Entry>;

/// A metric's value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub value: Measured,
    pub unit: String,
    /// The number of the data point in its request.
    pub point: usize,
}

/// What a request becomes.
#[derive(Debug, Default)]
pub(super) struct Translation {
    pub events: Vec<Event>,
    /// Numbers of the points that have none of CloudWatch's forms.
    pub lost: BTreeSet<usize>,
}

/// Translates `request` at the wall clock's `now`, in milliseconds.
pub(super) fn translate(
    request: &ExportMetricsServiceRequest,
    settings: &Settings,
    deltas: &mut Deltas,
    now: u64,
) -> Translation {
    let mut groups = Groups { settings, deltas, now, next: 0, all: BTreeMap::new(), lost: BTreeSet::new() };
    for resource in &request.resource_metrics {
        groups.add_resource(resource);
    }
    let mut translation = Translation { events: Vec::new(), lost: groups.lost };
    for (key, metrics) in groups.all {
        emf::add_events(&key, metrics, settings, &mut translation);
    }
    translation
}

/// Events in the making.
struct Groups<'a> {
    settings: &'a Settings,
    deltas: &'a mut Deltas,
    now: u64,
    /// The number of the next point.
    next: usize,
    all: BTreeMap<Key, Metrics>,
    lost: BTreeSet<usize>,
}

/// What the points of one scope have in common.
struct Origin<'a> {
    resource: &'a Labels,
    namespace: &'a str,
    scope: &'a str,
    is_prometheus: bool,
}

impl Groups<'_> {
    fn add_resource(&mut self, metrics: &ResourceMetrics) {
        let attributes = metrics.resource.as_ref().map(|resource| &resource.attributes[..]);
        let resource = labels(attributes.unwrap_or_default());
        let namespace = namespace(&self.settings.namespace, &resource);
        let is_prometheus = resource.get("receiver").is_some_and(|it| it == "prometheus");
        for scope in &metrics.scope_metrics {
            let name = scope.scope.as_ref().map_or("", |scope| &scope.name);
            let origin = Origin { resource: &resource, namespace: &namespace, scope: name, is_prometheus };
            for metric in &scope.metrics {
                self.add_metric(metric, &origin);
            }
        }
    }

    fn add_metric(&mut self, metric: &Metric, origin: &Origin<'_>) {
        let unit = unit(metric, self.settings);
        let (kind, points) = points::of(metric);
        for point in points {
            let number = self.next;
            self.next += 1;
            if point.is_absent {
                continue;
            }
            let mut key = self.key(&point, kind, origin);
            let values = self.values(metric, &point, &key, origin);
            if values.iter().any(|(_, value, _)| !value.is_finite()) {
                self.lost.insert(number);
                continue;
            }
            for (part, (name, value, quantile)) in values.into_iter().enumerate() {
                key.part = part;
                let mut key = key.clone();
                if let Some(quantile) = quantile {
                    key.labels.insert("quantile".into(), quantile);
                }
                // A second value of one name would take the place of the first.
                while self.all.get(&key).is_some_and(|metrics| metrics.contains_key(&name)) {
                    key.part += 1;
                }
                let entry = Entry { value, unit: unit.clone(), point: number };
                self.all.entry(key).or_default().insert(name, entry);
            }
        }
    }

    fn key(&self, point: &Point<'_>, kind: &'static str, origin: &Origin<'_>) -> Key {
        let mut labels = labels(point.attributes);
        if self.settings.resource_labels {
            let names_service =
                |key: &str| ["service.name", "service.instance.id", "service.namespace"].contains(&key);
            let kept = origin
                .resource
                .iter()
                .filter(|(key, _)| !(self.settings.without_service && names_service(key)));
            labels.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
        }
        if !origin.scope.is_empty() {
            labels.insert(SCOPE.into(), origin.scope.into());
        }
        let log_group = match self.settings.log_group_name.as_str() {
            "" => format!("/metrics/{}", origin.namespace),
            name => fill(name, origin.resource, &labels),
        };
        let log_stream = fill(&self.settings.log_stream_name, origin.resource, &labels);
        let time = Some(point.time / 1_000_000).filter(|time| *time > 0).unwrap_or(self.now);
        let (namespace, is_prometheus) = (origin.namespace.to_owned(), origin.is_prometheus);
        Key { namespace, log_group, log_stream, time, kind, part: 0, labels, is_prometheus }
    }

    /// What `point` becomes: names, values and the quantiles that they are of. Nothing, if it is where counting begins.
    fn values(
        &mut self,
        metric: &Metric,
        point: &Point<'_>,
        key: &Key,
        origin: &Origin<'_>,
    ) -> Vec<(String, Measured, Option<String>)> {
        let name = metric.name.clone();
        match point.shape {
            Shape::Number { value, is_cumulative } => {
                let grown = if is_cumulative && value.is_finite() {
                    self.grown(&name, point.time, [value, 0.0], key, origin)
                } else {
                    Some([value, 0.0])
                };
                grown.map(|[value, _]| (name, Measured::Number(value), None)).into_iter().collect()
            }
            Shape::Histogram(it) => {
                let (max, min) = (it.max.unwrap_or_default(), it.min.unwrap_or_default());
                let sum = it.sum.unwrap_or_default();
                vec![(name, Measured::Statistics { max, min, count: it.count, sum }, None)]
            }
            Shape::Exponential(it) => {
                exponential::measured(it).into_iter().map(|value| (name.clone(), value, None)).collect()
            }
            Shape::Summary(it) => {
                let values = [it.count as f64, it.sum];
                // What the Prometheus receiver scraped counts on, what an SDK sums up begins anew.
                let grown = if origin.is_prometheus {
                    self.grown(&name, point.time, values, key, origin)
                } else {
                    Some(values)
                };
                let Some([count, sum]) = grown else { return Vec::new() };
                summary(name, it, count as u64, sum, self.settings.detailed)
            }
        }
    }

    fn grown(
        &mut self,
        name: &str,
        time: u64,
        values: [f64; 2],
        key: &Key,
        origin: &Origin<'_>,
    ) -> Option<[f64; 2]> {
        let series =
            format!("{name}\0{}\0{}\0{:?}\0{:?}", key.kind, key.namespace, key.labels, origin.resource);
        match self.deltas.growth(series, time, values) {
            Growth::By(values) => Some(values),
            Growth::First => self.settings.retain_initial.then_some(values),
            Growth::Unknown => None,
        }
    }
}

fn summary(
    name: String,
    point: &SummaryDataPoint,
    count: u64,
    sum: f64,
    detailed: bool,
) -> Vec<(String, Measured, Option<String>)> {
    let quantiles = &point.quantile_values;
    if !detailed {
        let at = |it: Option<
            &opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile,
        >| { it.map_or(0.0, |it| it.value) };
        let (max, min) = (at(quantiles.last()), at(quantiles.first()));
        return vec![(name, Measured::Statistics { max, min, count, sum }, None)];
    }
    let mut values = vec![
        (format!("{name}_sum"), Measured::Number(sum), None),
        (format!("{name}_count"), Measured::Count(count), None),
    ];
    values.extend(quantiles.iter().map(|it| {
        let quantile = pipeline::shortest(it.quantile, -4..6, 2);
        (name.clone(), Measured::Number(it.value), Some(quantile))
    }));
    values
}

fn labels(attributes: &[KeyValue]) -> Labels {
    let text = |value: Option<&_>| value.map(pipeline::text).unwrap_or_default();
    attributes.iter().map(|it| (it.key.clone(), text(it.value.as_ref()))).collect()
}

/// CloudWatch's name of a metric's unit, or the user's.
fn unit(metric: &Metric, settings: &Settings) -> String {
    if let Some(descriptor) = settings.descriptors.get(&metric.name)
        && (metric.unit.is_empty() || descriptor.overwrite)
    {
        return descriptor.unit.clone();
    }
    match metric.unit.as_str() {
        // CloudWatch knows no nanoseconds.
        "1" | "ns" => "",
        "ms" => "Milliseconds",
        "s" => "Seconds",
        "us" => "Microseconds",
        "By" => "Bytes",
        "bit" => "Bits",
        unit => unit,
    }
    .to_owned()
}
