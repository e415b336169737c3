//! The way from a request to its series.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, ExponentialHistogramDataPoint, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, SummaryDataPoint,
};

use super::exemplars::exemplars;
use super::labels::{Labels, Origin};
use super::metadata::metadata;
use super::translation::{Place, Translation};
use super::{names, native};

/// The value that ends a series: one NaN of many (Prometheus's `value.StaleNaN`).
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;
const NOT_CUMULATIVE: &str =
    "Prometheus takes cumulative values: set OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative";

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
    pub metadata: bool,
}

/// When a point was measured, or said that there is nothing more.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub milliseconds: i64,
    pub is_stale: bool,
}

fn at(nanoseconds: u64, flags: u32) -> At {
    let is_stale = flags & DataPointFlags::NoRecordedValueMask as u32 != 0;
    At { milliseconds: milliseconds(nanoseconds), is_stale }
}

pub(super) fn milliseconds(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds / 1_000_000).unwrap_or_default()
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
    let origin = Origin { resource: attributes, scope: None, settings };
    let labels = origin.of_target_info().filter(|_| settings.target_info && latest > 0);
    if let Some(labels) = labels {
        let name = match settings.namespace.as_str() {
            "" => "target_info".to_owned(),
            namespace => format!("{namespace}_target_info"),
        };
        let at = At { milliseconds: latest, is_stale: false };
        to.place(&name, labels, at, 0).add("", None, 1.0, Vec::new());
    }
}

/// What points of all kinds have.
trait Point {
    fn attributes(&self) -> &[KeyValue];
    fn at(&self) -> At;
}

macro_rules! points {
    ($($kind:ty)*) => {$(
        impl Point for $kind {
            fn attributes(&self) -> &[KeyValue] {
                &self.attributes
            }

            fn at(&self) -> At {
                at(self.time_unix_nano, self.flags)
            }
        }
    )*};
}

points!(NumberDataPoint HistogramDataPoint ExponentialHistogramDataPoint SummaryDataPoint);

/// Adds the series of `metric`; returns the time of its latest point.
fn add_metric(metric: &Metric, origin: &Origin<'_>, to: &mut Translation) -> i64 {
    let settings = origin.settings;
    let name = names::metric(metric, &settings.namespace, settings.suffixes);
    if let Some(name) = name.as_ref().filter(|_| settings.metadata) {
        to.describe(metadata(metric, name));
    }
    let name = name.as_deref();
    let series = Series { metric: &metric.name, name, origin };
    match &metric.data {
        None => 0,
        Some(Data::Gauge(it)) => series.add(&it.data_points, None, to, |point, place| {
            place.add("", None, number(point), Vec::new());
            Ok(())
        }),
        Some(Data::Sum(it)) => {
            series.add(&it.data_points, Some(it.aggregation_temporality()), to, |point, place| {
                let exemplars = if it.is_monotonic { exemplars(&point.exemplars) } else { Vec::new() };
                place.add("", None, number(point), exemplars);
                Ok(())
            })
        }
        Some(Data::Histogram(it)) => {
            series.add(&it.data_points, Some(it.aggregation_temporality()), to, add_histogram)
        }
        Some(Data::ExponentialHistogram(it)) => {
            series.add(&it.data_points, Some(it.aggregation_temporality()), to, add_exponential)
        }
        Some(Data::Summary(it)) => series.add(&it.data_points, None, to, add_summary),
    }
}

/// The series of one metric.
struct Series<'a> {
    metric: &'a str,
    name: Option<&'a str>,
    origin: &'a Origin<'a>,
}

impl Series<'_> {
    /// Adds `points`, each by `add`, which may say why it can't; returns the time of the latest.
    fn add<P: Point>(
        &self,
        points: &[P],
        temporality: Option<AggregationTemporality>,
        to: &mut Translation,
        add: impl Fn(&P, &mut Place<'_>) -> Result<(), &'static str>,
    ) -> i64 {
        match (temporality.is_none_or(|it| it == AggregationTemporality::Cumulative), self.name) {
            (false, _) => to.lose(points.len(), self.metric, NOT_CUMULATIVE),
            (true, None) => {
                to.lose(points.len(), self.metric, "its name has no letter that Prometheus allows")
            }
            (true, Some(name)) => {
                for point in points {
                    let labels = self.origin.of_point(point.attributes());
                    let mut place = to.place(name, labels, point.at(), 1);
                    let added = add(point, &mut place);
                    let taken =
                        place.is_taken.then_some("there is another point of the same labels and time");
                    if let Some(why) = added.err().or(taken) {
                        to.lose(1, self.metric, why);
                    }
                }
            }
        }
        points.iter().map(|point| point.at().milliseconds).max().unwrap_or_default()
    }
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(Number::AsDouble(value)) => value,
        Some(Number::AsInt(value)) => value as f64,
        None => 0.0,
    }
}

fn add_histogram(point: &HistogramDataPoint, to: &mut Place<'_>) -> Result<(), &'static str> {
    if let Some(sum) = point.sum {
        to.add("_sum", None, sum, Vec::new());
    }
    to.add("_count", None, point.count as f64, Vec::new());
    let mut above = exemplars(&point.exemplars);
    let mut below = 0_u64;
    for (bound, count) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
        below = below.saturating_add(*count);
        let within = above.extract_if(.., |exemplar| exemplar.value <= *bound).collect();
        to.add("_bucket", Some(("le", written_out(*bound))), below as f64, within);
    }
    above.retain(|exemplar| !exemplar.value.is_nan());
    to.add("_bucket", Some(("le", "+Inf".into())), point.count as f64, above);
    Ok(())
}

fn add_exponential(point: &ExponentialHistogramDataPoint, to: &mut Place<'_>) -> Result<(), &'static str> {
    let histogram =
        native::histogram(point, to.at).ok_or("its scale is below -4, the least of Prometheus")?;
    to.add_histogram(histogram, exemplars(&point.exemplars));
    Ok(())
}

fn add_summary(point: &SummaryDataPoint, to: &mut Place<'_>) -> Result<(), &'static str> {
    to.add("_sum", None, point.sum, Vec::new());
    to.add("_count", None, point.count as f64, Vec::new());
    for it in &point.quantile_values {
        to.add("", Some(("quantile", written_out(it.quantile))), it.value, Vec::new());
    }
    Ok(())
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
