//! One metric's values, gathered and told.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum, number_data_point,
};

use super::table::{self, Kind};
use crate::telemetryapi::time;

/// Gathers the values of one metric.
pub struct Instrument {
    metric: &'static table::Metric,
    /// What has been gathered begins here.
    since: SystemTime,
    gathered: Gathered,
    /// Whether something came since it was last told.
    changed: bool,
}

enum Gathered {
    Count(u64),
    Histogram { bounds: &'static [f64], counts: Vec<u64>, sum: f64 },
}

impl Instrument {
    /// An instrument for `metric` that gathers from `since` on.
    pub fn new(metric: &'static table::Metric, since: SystemTime) -> Self {
        Instrument { metric, since, gathered: Gathered::nothing(metric.kind), changed: false }
    }

    /// Gathers `value`. A negative one, which would make a sum fall, is none.
    pub fn add(&mut self, value: f64) {
        if !(value.is_finite() && value >= 0.0) {
            return;
        }
        self.changed = true;
        match &mut self.gathered {
            // Counts of records and bytes: whole numbers far below 2^53.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked above; saturates"
            )]
            Gathered::Count(count) => *count = count.saturating_add(value as u64),
            Gathered::Histogram { bounds, counts, sum } => {
                counts[bounds.partition_point(|bound| *bound < value)] += 1;
                *sum += value;
            }
        }
    }

    /// What has been gathered is as old as `since` at most. Only before it has been told.
    pub fn begin(&mut self, since: SystemTime) {
        self.since = self.since.max(since);
    }

    /// What was gathered until `now`, if something came since it was last told. A `delta` begins anew after that,
    /// where this one ends.
    pub fn tell(&mut self, now: SystemTime, delta: bool) -> Option<Metric> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        // A clock that was put back makes no interval that ends before it begins.
        let until = now.max(self.since + Duration::from_nanos(1));
        let data = self.gathered.data(time::of_clock(self.since), time::of_clock(until), delta);
        if delta {
            self.since = until;
            self.gathered = Gathered::nothing(self.metric.kind);
        }
        let table::Metric { name, unit, description, .. } = *self.metric;
        Some(Metric {
            name: name.into(),
            unit: unit.into(),
            description: description.into(),
            data: Some(data),
            ..Metric::default()
        })
    }
}

impl Gathered {
    fn nothing(kind: Kind) -> Self {
        match kind {
            Kind::Count => Gathered::Count(0),
            Kind::Histogram(bounds) => {
                Gathered::Histogram { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
            }
        }
    }

    fn data(&self, start_time_unix_nano: u64, time_unix_nano: u64, delta: bool) -> Data {
        let temporality =
            if delta { AggregationTemporality::Delta } else { AggregationTemporality::Cumulative };
        match self {
            Gathered::Count(count) => {
                let count = i64::try_from(*count).unwrap_or(i64::MAX);
                let value = Some(number_data_point::Value::AsInt(count));
                let point = NumberDataPoint {
                    start_time_unix_nano,
                    time_unix_nano,
                    value,
                    ..NumberDataPoint::default()
                };
                Data::Sum(Sum {
                    data_points: vec![point],
                    aggregation_temporality: temporality.into(),
                    is_monotonic: true,
                })
            }
            Gathered::Histogram { bounds, counts, sum } => {
                let point = HistogramDataPoint {
                    start_time_unix_nano,
                    time_unix_nano,
                    count: counts.iter().sum(),
                    sum: Some(*sum),
                    bucket_counts: counts.clone(),
                    explicit_bounds: bounds.to_vec(),
                    ..HistogramDataPoint::default()
                };
                Data::Histogram(Histogram {
                    data_points: vec![point],
                    aggregation_temporality: temporality.into(),
                })
            }
        }
    }
}
