//! Some of the points of a batch.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use pipeline::Batch;

/// The points of `batch` with these numbers.
pub(super) fn only(batch: &Batch, numbers: &BTreeSet<usize>) -> Batch {
    let mut rest = batch.clone();
    rest.edit(|request: &mut ExportMetricsServiceRequest| {
        let mut next = 0;
        let mut is_kept = || {
            next += 1;
            numbers.contains(&(next - 1))
        };
        for resource in &mut request.resource_metrics {
            for scope in &mut resource.scope_metrics {
                scope.metrics.retain_mut(|metric| keep(metric, &mut is_kept));
            }
            resource.scope_metrics.retain(|scope| !scope.metrics.is_empty());
        }
        request.resource_metrics.retain(|resource| !resource.scope_metrics.is_empty());
    });
    rest
}

/// Keeps the points that `is_kept` says; whether any are left.
fn keep(metric: &mut Metric, is_kept: &mut impl FnMut() -> bool) -> bool {
    fn keep<T>(points: &mut Vec<T>, is_kept: &mut impl FnMut() -> bool) -> bool {
        points.retain(|_| is_kept());
        !points.is_empty()
    }
    match &mut metric.data {
        None => false,
        Some(Data::Gauge(it)) => keep(&mut it.data_points, is_kept),
        Some(Data::Sum(it)) => keep(&mut it.data_points, is_kept),
        Some(Data::Histogram(it)) => keep(&mut it.data_points, is_kept),
        Some(Data::ExponentialHistogram(it)) => keep(&mut it.data_points, is_kept),
        Some(Data::Summary(it)) => keep(&mut it.data_points, is_kept),
    }
}
