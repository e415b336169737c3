//! The data points of a metric, whatever kind it is, and what they are in CloudWatch.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, ExponentialHistogramDataPoint, HistogramDataPoint, Metric,
    NumberDataPoint, SummaryDataPoint,
};
use serde_json::{Value, json};

/// A value as CloudWatch takes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Measured {
    /// A number.
    Number(f64),
    /// A number of things.
    Count(u64),
    /// What is known of many numbers.
    Statistics { max: f64, min: f64, count: u64, sum: f64 },
    /// Many numbers, each with how often it occurred.
    Values { values: Vec<f64>, counts: Vec<u64>, max: f64, min: f64, count: u64, sum: f64 },
}

impl Measured {
    /// Whether JSON has a form for it.
    pub fn is_finite(&self) -> bool {
        match self {
            Measured::Number(number) => number.is_finite(),
            Measured::Count(_) => true,
            Measured::Statistics { max, min, sum, .. } => [max, min, sum].iter().all(|it| it.is_finite()),
            Measured::Values { values, max, min, sum, .. } => {
                [max, min, sum].into_iter().chain(values).all(|it| it.is_finite())
            }
        }
    }

    /// Its JSON.
    pub fn json(&self) -> Value {
        match self {
            Measured::Number(value) => number(*value),
            Measured::Count(count) => json!(count),
            Measured::Statistics { max, min, count, sum } => {
                json!({"Max": number(*max), "Min": number(*min), "Count": count, "Sum": number(*sum)})
            }
            Measured::Values { values, counts, max, min, count, sum } => {
                let values: Vec<_> = values.iter().map(|value| number(*value)).collect();
                json!({
                    "Values": values, "Counts": counts,
                    "Max": number(*max), "Min": number(*min), "Count": count, "Sum": number(*sum),
                })
            }
        }
    }
}

/// A number without the fraction that it does not have: each line is paid for by its length.
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT { json!(value as i64) } else { json!(value) }
}

/// One data point.
pub(super) struct Point<'a> {
    pub attributes: &'a [KeyValue],
    /// In nanoseconds.
    pub time: u64,
    /// Whether it only says that there is nothing to say.
    pub is_absent: bool,
    pub shape: Shape<'a>,
}

/// What it holds.
#[derive(Clone, Copy)]
pub(super) enum Shape<'a> {
    Number { value: f64, is_cumulative: bool },
    Histogram(&'a HistogramDataPoint),
    Exponential(&'a ExponentialHistogramDataPoint),
    Summary(&'a SummaryDataPoint),
}

macro_rules! point {
    ($point:expr, $shape:expr) => {
        Point {
            attributes: &$point.attributes,
            time: $point.time_unix_nano,
            is_absent: $point.flags & DataPointFlags::NoRecordedValueMask as u32 != 0,
            shape: $shape,
        }
    };
}

fn of_number(point: &NumberDataPoint, is_cumulative: bool) -> Point<'_> {
    let value = match point.value {
        Some(Number::AsDouble(value)) => value,
        Some(Number::AsInt(value)) => value as f64,
        None => 0.0,
    };
    point!(point, Shape::Number { value, is_cumulative })
}

/// The points of `metric`, and what the Prometheus receiver calls its kind.
pub(super) fn of(metric: &Metric) -> (&'static str, Vec<Point<'_>>) {
    match &metric.data {
        None => ("", Vec::new()),
        Some(Data::Gauge(gauge)) => {
            ("gauge", gauge.data_points.iter().map(|point| of_number(point, false)).collect())
        }
        Some(Data::Sum(sum)) => {
            let is_cumulative = sum.aggregation_temporality() == AggregationTemporality::Cumulative;
            ("counter", sum.data_points.iter().map(|point| of_number(point, is_cumulative)).collect())
        }
        Some(Data::Histogram(histogram)) => {
            let points = histogram.data_points.iter().map(|it| point!(it, Shape::Histogram(it)));
            ("histogram", points.collect())
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            let points = histogram.data_points.iter().map(|it| point!(it, Shape::Exponential(it)));
            ("exponential_histogram", points.collect())
        }
        Some(Data::Summary(summary)) => {
            let points = summary.data_points.iter().map(|it| point!(it, Shape::Summary(it)));
            ("summary", points.collect())
        }
    }
}
