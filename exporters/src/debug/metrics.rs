//! Metrics as text.

use std::fmt::{self, Display, Write};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric,
    NumberDataPoint, SummaryDataPoint, exemplar, number_data_point,
};

use super::number::{Fixed, General, exp};
use super::time::Time;
use super::tree::{Item, ResourceItems, ScopeItems, Tree};
use super::value::{self, Hex};

/// A metric request as a tree.
pub fn tree(request: &ExportMetricsServiceRequest) -> Tree<'_, Metric> {
    let resources = request.resource_metrics.iter().map(|of_resource| ResourceItems {
        resource: of_resource.resource.as_ref(),
        schema_url: &of_resource.schema_url,
        scopes: (of_resource.scope_metrics.iter())
            .map(|of_scope| ScopeItems {
                scope: of_scope.scope.as_ref(),
                schema_url: &of_scope.schema_url,
                items: &of_scope.metrics,
            })
            .collect(),
    });
    Tree(resources.collect())
}

/// How many data points a metric has.
pub fn points(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
    }
}

impl Item for Metric {
    const NORMAL: [&'static str; 2] = ["ResourceMetrics", "ScopeMetrics"];
    const DETAILED: [&'static str; 3] = ["ResourceMetrics", "ScopeMetrics", "Metric"];

    fn normal(&self, out: &mut String) -> fmt::Result {
        match &self.data {
            None => Ok(()),
            Some(Data::Gauge(gauge)) => normal(out, &self.name, &gauge.data_points),
            Some(Data::Sum(sum)) => normal(out, &self.name, &sum.data_points),
            Some(Data::Histogram(histogram)) => normal(out, &self.name, &histogram.data_points),
            Some(Data::ExponentialHistogram(histogram)) => normal(out, &self.name, &histogram.data_points),
            Some(Data::Summary(summary)) => normal(out, &self.name, &summary.data_points),
        }
    }

    fn detailed(&self, out: &mut String) -> fmt::Result {
        let kind = match &self.data {
            None => "Empty",
            Some(Data::Gauge(_)) => "Gauge",
            Some(Data::Sum(_)) => "Sum",
            Some(Data::Histogram(_)) => "Histogram",
            Some(Data::ExponentialHistogram(_)) => "ExponentialHistogram",
            Some(Data::Summary(_)) => "Summary",
        };
        writeln!(out, "Descriptor:\n     -> Name: {}", self.name)?;
        writeln!(out, "     -> Description: {}\n     -> Unit: {}", self.description, self.unit)?;
        writeln!(out, "     -> DataType: {kind}")?;
        value::list(out, "     ", "     -> Metadata", &self.metadata)?;
        match &self.data {
            None => Ok(()),
            Some(Data::Gauge(gauge)) => detailed(out, &gauge.data_points),
            Some(Data::Sum(sum)) => {
                writeln!(out, "     -> IsMonotonic: {}", sum.is_monotonic)?;
                temporality(out, sum.aggregation_temporality)?;
                detailed(out, &sum.data_points)
            }
            Some(Data::Histogram(histogram)) => {
                temporality(out, histogram.aggregation_temporality)?;
                detailed(out, &histogram.data_points)
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                temporality(out, histogram.aggregation_temporality)?;
                detailed(out, &histogram.data_points)
            }
            Some(Data::Summary(summary)) => detailed(out, &summary.data_points),
        }
    }
}

/// A data point of some kind.
trait Point {
    /// What it is called at verbosity `detailed`.
    const TITLE: &'static str;

    /// Attributes, start time and time.
    fn head(&self) -> (&[KeyValue], u64, u64);

    /// Appends its value to the line of verbosity `normal`.
    fn normal(&self, out: &mut String) -> fmt::Result;

    /// Appends its value in lines of their own.
    fn detailed(&self, out: &mut String) -> fmt::Result;
}

fn normal<P: Point>(out: &mut String, name: &str, points: &[P]) -> fmt::Result {
    for point in points {
        write!(out, "{name}{{")?;
        value::inline(out, ',', point.head().0)?;
        out.push_str("} ");
        point.normal(out)?;
        out.push('\n');
    }
    Ok(())
}

fn detailed<P: Point>(out: &mut String, points: &[P]) -> fmt::Result {
    for (number, point) in points.iter().enumerate() {
        let (attributes, start, time) = point.head();
        writeln!(out, "{} #{number}", P::TITLE)?;
        value::list(out, "", "Data point attributes", attributes)?;
        writeln!(out, "StartTimestamp: {}\nTimestamp: {}", Time(start), Time(time))?;
        point.detailed(out)?;
    }
    Ok(())
}

fn temporality(out: &mut String, temporality: i32) -> fmt::Result {
    let name = match AggregationTemporality::try_from(temporality) {
        Ok(AggregationTemporality::Unspecified) => "Unspecified",
        Ok(AggregationTemporality::Delta) => "Delta",
        Ok(AggregationTemporality::Cumulative) => "Cumulative",
        Err(_) => "",
    };
    writeln!(out, "     -> AggregationTemporality: {name}")
}

impl Point for NumberDataPoint {
    const TITLE: &'static str = "NumberDataPoints";

    fn head(&self) -> (&[KeyValue], u64, u64) {
        (&self.attributes, self.start_time_unix_nano, self.time_unix_nano)
    }

    fn normal(&self, out: &mut String) -> fmt::Result {
        match self.value {
            None => Ok(()),
            Some(number_data_point::Value::AsInt(value)) => write!(out, "{value}"),
            Some(number_data_point::Value::AsDouble(value)) => write!(out, "{}", General(value)),
        }
    }

    fn detailed(&self, out: &mut String) -> fmt::Result {
        match self.value {
            None => Ok(()),
            Some(number_data_point::Value::AsInt(value)) => writeln!(out, "Value: {value}"),
            Some(number_data_point::Value::AsDouble(value)) => writeln!(out, "Value: {}", Fixed(value)),
        }?;
        exemplars(out, &self.exemplars)
    }
}

impl Point for HistogramDataPoint {
    const TITLE: &'static str = "HistogramDataPoints";

    fn head(&self) -> (&[KeyValue], u64, u64) {
        (&self.attributes, self.start_time_unix_nano, self.time_unix_nano)
    }

    fn normal(&self, out: &mut String) -> fmt::Result {
        normal_totals(out, self.count, [self.sum, self.min, self.max])?;
        for (number, count) in self.bucket_counts.iter().enumerate() {
            match self.explicit_bounds.get(number) {
                Some(bound) => write!(out, " le{}={count}", General(*bound)),
                None => write!(out, " {count}"),
            }?;
        }
        Ok(())
    }

    fn detailed(&self, out: &mut String) -> fmt::Result {
        detailed_totals(out, self.count, [self.sum, self.min, self.max])?;
        for (number, bound) in self.explicit_bounds.iter().enumerate() {
            writeln!(out, "ExplicitBounds #{number}: {}", Fixed(*bound))?;
        }
        for (number, count) in self.bucket_counts.iter().enumerate() {
            writeln!(out, "Buckets #{number}, Count: {count}")?;
        }
        exemplars(out, &self.exemplars)
    }
}

impl Point for ExponentialHistogramDataPoint {
    const TITLE: &'static str = "ExponentialHistogramDataPoints";

    fn head(&self) -> (&[KeyValue], u64, u64) {
        (&self.attributes, self.start_time_unix_nano, self.time_unix_nano)
    }

    fn normal(&self, out: &mut String) -> fmt::Result {
        normal_totals(out, self.count, [self.sum, self.min, self.max])?;
        for (lower, _, count) in buckets(self.scale, self.negative.as_ref()).rev() {
            write!(out, " le{}={count}", General(-lower))?;
        }
        if self.zero_count != 0 {
            write!(out, " zero={}", self.zero_count)?;
        }
        for (_, upper, count) in buckets(self.scale, self.positive.as_ref()) {
            write!(out, " le{}={count}", General(upper))?;
        }
        Ok(())
    }

    fn detailed(&self, out: &mut String) -> fmt::Result {
        detailed_totals(out, self.count, [self.sum, self.min, self.max])?;
        for (lower, upper, count) in buckets(self.scale, self.negative.as_ref()).rev() {
            writeln!(out, "Bucket [{}, {}), Count: {count}", Fixed(-upper), Fixed(-lower))?;
        }
        if self.zero_count != 0 {
            writeln!(out, "Bucket [0, 0], Count: {}", self.zero_count)?;
        }
        for (lower, upper, count) in buckets(self.scale, self.positive.as_ref()) {
            writeln!(out, "Bucket ({}, {}], Count: {count}", Fixed(lower), Fixed(upper))?;
        }
        exemplars(out, &self.exemplars)
    }
}

impl Point for SummaryDataPoint {
    const TITLE: &'static str = "SummaryDataPoints";

    fn head(&self) -> (&[KeyValue], u64, u64) {
        (&self.attributes, self.start_time_unix_nano, self.time_unix_nano)
    }

    fn normal(&self, out: &mut String) -> fmt::Result {
        write!(out, "count={} sum={}", self.count, Fixed(self.sum))?;
        (self.quantile_values.iter())
            .try_for_each(|at| write!(out, " q{}={}", General(at.quantile), General(at.value)))
    }

    fn detailed(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Count: {}\nSum: {}", self.count, Fixed(self.sum))?;
        for (number, at) in self.quantile_values.iter().enumerate() {
            let (quantile, value) = (Fixed(at.quantile), Fixed(at.value));
            writeln!(out, "QuantileValue #{number}: Quantile {quantile}, Value {value}")?;
        }
        Ok(())
    }
}

/// Lower bound, upper bound and count of each bucket, for positive values
/// (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponential-buckets>).
fn buckets(scale: i32, buckets: Option<&Buckets>) -> impl DoubleEndedIterator<Item = (f64, f64, u64)> {
    let (offset, counts): (_, &[u64]) =
        buckets.map_or((0, &[]), |buckets| (buckets.offset, &buckets.bucket_counts));
    let width = std::f64::consts::LN_2 * f64::powi(2.0, scale.saturating_neg());
    let bound = move |index: f64| exp(index * width);
    counts.iter().enumerate().map(move |(number, count)| {
        let index = f64::from(offset) + number as f64;
        (bound(index), bound(index + 1.0), *count)
    })
}

fn normal_totals(out: &mut String, count: u64, totals: [Option<f64>; 3]) -> fmt::Result {
    write!(out, "count={count}")?;
    for (name, total) in ["sum", "min", "max"].into_iter().zip(totals) {
        total.map_or(Ok(()), |total| write!(out, " {name}={}", General(total)))?;
    }
    Ok(())
}

fn detailed_totals(out: &mut String, count: u64, totals: [Option<f64>; 3]) -> fmt::Result {
    writeln!(out, "Count: {count}")?;
    for (name, total) in ["Sum", "Min", "Max"].into_iter().zip(totals) {
        total.map_or(Ok(()), |total| writeln!(out, "{name}: {}", Fixed(total)))?;
    }
    Ok(())
}

fn exemplars(out: &mut String, exemplars: &[Exemplar]) -> fmt::Result {
    if !exemplars.is_empty() {
        out.push_str("Exemplars:\n");
    }
    for (number, exemplar) in exemplars.iter().enumerate() {
        writeln!(out, "Exemplar #{number}")?;
        writeln!(out, "     -> Trace ID: {}", Hex(&exemplar.trace_id))?;
        writeln!(out, "     -> Span ID: {}", Hex(&exemplar.span_id))?;
        writeln!(out, "     -> Timestamp: {}", Time(exemplar.time_unix_nano))?;
        let value: Option<&dyn Display> = match &exemplar.value {
            None => None,
            Some(exemplar::Value::AsInt(value)) => Some(value),
            Some(exemplar::Value::AsDouble(value)) => Some(&Fixed(*value)),
        };
        value.map_or(Ok(()), |value| writeln!(out, "     -> Value: {value}"))?;
        value::list(out, "     ", "     -> FilteredAttributes", &exemplar.filtered_attributes)?;
    }
    Ok(())
}
