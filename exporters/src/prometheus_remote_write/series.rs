//! The way from a request to its series.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    SummaryDataPoint,
};

use super::names;
use super::wire::{Label, Sample, TimeSeries};

/// The value that ends a series: one NaN of many (Prometheus's `value.StaleNaN`).
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// How metrics become series.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub namespace: String,
    pub suffixes: bool,
    pub external_labels: Labels,
    pub target_info: bool,
    pub scope_labels: bool,
    pub resource_labels: bool,
    /// Whether those that name the service do not become labels.
    pub without_service: bool,
}

pub(super) type Labels = BTreeMap<String, String>;

/// What a request becomes.
#[derive(Debug, Default)]
pub(super) struct Translation {
    series: BTreeMap<Labels, BTreeMap<i64, f64>>,
    /// Points that Prometheus has no form for.
    pub lost: usize,
    /// Why the last of them.
    pub why: String,
}

impl Translation {
    /// The series with their samples in the order of time.
    pub fn series(&self) -> impl Iterator<Item = TimeSeries> + '_ {
        self.series.iter().map(|(labels, samples)| TimeSeries {
            labels: labels
                .iter()
                .map(|(name, value)| Label { name: name.clone(), value: value.clone() })
                .collect(),
            samples: samples
                .iter()
                .map(|(timestamp, value)| Sample { value: *value, timestamp: *timestamp })
                .collect(),
        })
    }

    fn add(&mut self, name: &str, labels: &Labels, extra: Option<(&str, String)>, at: At, value: f64) {
        let mut labels = labels.clone();
        labels.extend(extra.map(|(name, value)| (name.to_owned(), value)));
        labels.insert("__name__".into(), name.to_owned());
        let value = if at.is_stale { f64::from_bits(STALE) } else { value };
        self.series.entry(labels).or_default().insert(at.milliseconds, value);
    }

    fn lose(&mut self, points: usize, metric: &Metric, why: &str) {
        self.lost += points;
        self.why = format!("metric `{}`: {why}", metric.name);
    }
}

/// When a point was measured, or said that there is nothing more.
#[derive(Clone, Copy)]
struct At {
    milliseconds: i64,
    is_stale: bool,
}

fn at(nanoseconds: u64, flags: u32) -> At {
    let milliseconds = i64::try_from(nanoseconds / 1_000_000).unwrap_or_default();
    At { milliseconds, is_stale: flags & DataPointFlags::NoRecordedValueMask as u32 != 0 }
}

/// Translates `request`.
pub(super) fn translate(request: &ExportMetricsServiceRequest, settings: &Settings) -> Translation {
    let mut translation = Translation::default();
    for resource in &request.resource_metrics {
        add_resource(resource, settings, &mut translation);
    }
    translation
}

fn add_resource(metrics: &ResourceMetrics, settings: &Settings, to: &mut Translation) {
    let attributes = metrics.resource.as_ref().map(|resource| &resource.attributes[..]).unwrap_or_default();
    let mut latest = 0;
    for scope in &metrics.scope_metrics {
        let origin = Origin { resource: attributes, scope: scope.scope.as_ref(), settings };
        for metric in &scope.metrics {
            latest = latest.max(add_metric(metric, &origin, to));
        }
    }
    if settings.target_info && latest > 0 {
        let origin = Origin { resource: attributes, scope: None, settings };
        let others = attributes.iter().filter(|it| !names_service(&it.key));
        let labels = origin.labels(others);
        let is_known = labels.contains_key("job") || labels.contains_key("instance");
        if is_known && attributes.iter().any(|it| !names_service(&it.key)) {
            let name = match settings.namespace.as_str() {
                "" => "target_info".to_owned(),
                namespace => format!("{namespace}_target_info"),
            };
            to.add(&name, &labels, None, at(latest, 0), 1.0);
        }
    }
}

fn names_service(key: &str) -> bool {
    ["service.name", "service.namespace", "service.instance.id"].contains(&key)
}

/// What the points of one scope have in common.
struct Origin<'a> {
    resource: &'a [KeyValue],
    scope: Option<&'a InstrumentationScope>,
    settings: &'a Settings,
}

impl Origin<'_> {
    /// The labels of a point with these attributes.
    fn of_point(&self, attributes: &[KeyValue]) -> Labels {
        let of_resource = self.resource.iter().filter(|it| {
            self.settings.resource_labels && !(self.settings.without_service && names_service(&it.key))
        });
        let own = attributes.iter().filter(|own| !of_resource.clone().any(|it| it.key == own.key));
        self.labels(own.chain(of_resource.clone()))
    }

    fn labels<'a>(&self, attributes: impl Iterator<Item = &'a KeyValue>) -> Labels {
        let mut labels = Labels::new();
        let mut attributes: Vec<(&str, String)> = attributes.map(|it| (it.key.as_str(), text(it))).collect();
        // Of names that become the same, values are joined in the order of the names.
        attributes.sort_by(|a, b| a.0.cmp(b.0));
        for (key, value) in attributes.into_iter().filter(|(_, value)| !value.is_empty()) {
            let Some(name) = names::label(key) else { continue };
            match labels.get_mut(&name) {
                Some(known) if *known != value => *known = format!("{known};{value}"),
                Some(_) => {}
                None => drop(labels.insert(name, value)),
            }
        }
        let known = |key: &str| self.resource.iter().find(|it| it.key == key).map(text);
        if let Some(name) = known("service.name").filter(|name| !name.is_empty()) {
            let job =
                known("service.namespace").map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
            labels.insert("job".into(), job);
        }
        if let Some(instance) = known("service.instance.id").filter(|id| !id.is_empty()) {
            labels.insert("instance".into(), instance);
        }
        for (name, value) in &self.settings.external_labels {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
        if let Some(scope) = self.scope.filter(|_| self.settings.scope_labels) {
            for (key, value) in [("name", &scope.name), ("version", &scope.version)] {
                if !value.is_empty() {
                    labels.insert(format!("otel_scope_{key}"), value.clone());
                }
            }
            let more =
                scope.attributes.iter().filter(|it| !["name", "version", "schema_url"].contains(&&*it.key));
            labels.extend(
                more.filter_map(|it| Some((names::label(&format!("otel_scope_{}", it.key))?, text(it)))),
            );
        }
        labels
    }
}

fn text(attribute: &KeyValue) -> String {
    attribute.value.as_ref().map(pipeline::text).unwrap_or_default()
}

/// Adds the series of `metric`; returns the time of its latest point.
fn add_metric(metric: &Metric, origin: &Origin<'_>, to: &mut Translation) -> u64 {
    let (points, latest, temporality) = match &metric.data {
        None => return 0,
        Some(Data::Gauge(it)) => {
            (it.data_points.len(), latest(&it.data_points, |it| it.time_unix_nano), None)
        }
        Some(Data::Sum(it)) => {
            let latest = latest(&it.data_points, |it| it.time_unix_nano);
            (it.data_points.len(), latest, Some(it.aggregation_temporality()))
        }
        Some(Data::Histogram(it)) => {
            let latest = latest(&it.data_points, |it| it.time_unix_nano);
            (it.data_points.len(), latest, Some(it.aggregation_temporality()))
        }
        Some(Data::ExponentialHistogram(it)) => {
            let latest = latest(&it.data_points, |it| it.time_unix_nano);
            to.lose(
                it.data_points.len(),
                metric,
                "exponential histograms are not sent: aggregate by explicit buckets",
            );
            return latest;
        }
        Some(Data::Summary(it)) => {
            (it.data_points.len(), latest(&it.data_points, |it| it.time_unix_nano), None)
        }
    };
    let name = names::metric(metric, &origin.settings.namespace, origin.settings.suffixes);
    match (temporality.is_none_or(|it| it == AggregationTemporality::Cumulative), name) {
        (false, _) => to.lose(
            points,
            metric,
            "Prometheus takes cumulative values: set OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative",
        ),
        (true, None) => to.lose(points, metric, "its name has no letter that Prometheus allows"),
        (true, Some(name)) => add_points(metric, &name, origin, to),
    }
    latest
}

fn latest<T>(points: &[T], time: impl Fn(&T) -> u64) -> u64 {
    points.iter().map(time).max().unwrap_or_default()
}

fn add_points(metric: &Metric, name: &str, origin: &Origin<'_>, to: &mut Translation) {
    match &metric.data {
        Some(Data::Gauge(it)) => it.data_points.iter().for_each(|it| add_number(it, name, origin, to)),
        Some(Data::Sum(it)) => it.data_points.iter().for_each(|it| add_number(it, name, origin, to)),
        Some(Data::Histogram(it)) => it.data_points.iter().for_each(|it| add_histogram(it, name, origin, to)),
        Some(Data::Summary(it)) => it.data_points.iter().for_each(|it| add_summary(it, name, origin, to)),
        Some(Data::ExponentialHistogram(_)) | None => {}
    }
}

fn add_number(point: &NumberDataPoint, name: &str, origin: &Origin<'_>, to: &mut Translation) {
    let value = match point.value {
        Some(Number::AsDouble(value)) => value,
        Some(Number::AsInt(value)) => value as f64,
        None => 0.0,
    };
    to.add(name, &origin.of_point(&point.attributes), None, at(point.time_unix_nano, point.flags), value);
}

fn add_histogram(point: &HistogramDataPoint, name: &str, origin: &Origin<'_>, to: &mut Translation) {
    let (labels, at) = (origin.of_point(&point.attributes), at(point.time_unix_nano, point.flags));
    if let Some(sum) = point.sum {
        to.add(&format!("{name}_sum"), &labels, None, at, sum);
    }
    to.add(&format!("{name}_count"), &labels, None, at, point.count as f64);
    let bucket = format!("{name}_bucket");
    let mut below = 0_u64;
    for (bound, count) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
        below = below.saturating_add(*count);
        to.add(&bucket, &labels, Some(("le", written_out(*bound))), at, below as f64);
    }
    to.add(&bucket, &labels, Some(("le", "+Inf".into())), at, point.count as f64);
}

fn add_summary(point: &SummaryDataPoint, name: &str, origin: &Origin<'_>, to: &mut Translation) {
    let (labels, at) = (origin.of_point(&point.attributes), at(point.time_unix_nano, point.flags));
    to.add(&format!("{name}_sum"), &labels, None, at, point.sum);
    to.add(&format!("{name}_count"), &labels, None, at, point.count as f64);
    for it in &point.quantile_values {
        to.add(name, &labels, Some(("quantile", written_out(it.quantile))), at, it.value);
    }
}

/// A number without exponent.
fn written_out(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value if value.is_nan() => "NaN".into(),
        value => pipeline::shortest(value, i32::MIN..i32::MAX, 1),
    }
}
