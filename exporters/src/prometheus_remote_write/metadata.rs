//! What is said of a metric beside its series (`send_metadata`).

use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use super::labels::text;
use super::names;
use super::wire::{Kind, Metadata};

/// The metadata of `metric`, whose series are called `family`.
pub(super) fn metadata(metric: &Metric, family: &str) -> Metadata {
    Metadata {
        kind: kind(metric).into(),
        family: family.into(),
        help: metric.description.clone(),
        unit: names::unit(&metric.unit),
    }
}

/// Prometheus knows kinds that OpenTelemetry does not; what was one of them says so.
fn kind(metric: &Metric) -> Kind {
    let said = metric.metadata.iter().find(|it| it.key == "prometheus.type").map(text).unwrap_or_default();
    match (&metric.data, said.as_str()) {
        (Some(Data::Gauge(_)), "unknown") | (None, _) => Kind::Unknown,
        (Some(Data::Sum(sum)), _) if sum.is_monotonic => Kind::Counter,
        (Some(Data::Sum(_)), "info") => Kind::Info,
        (Some(Data::Sum(_)), "stateset") => Kind::StateSet,
        (Some(Data::Gauge(_) | Data::Sum(_)), _) => Kind::Gauge,
        (Some(Data::Histogram(_) | Data::ExponentialHistogram(_)), _) => Kind::Histogram,
        (Some(Data::Summary(_)), _) => Kind::Summary,
    }
}
