//! Exponential histograms as Prometheus's native ones
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#exponential-histograms>).

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

use super::series::{At, STALE};
use super::wire::{BucketSpan, Histogram};

/// The schemas of Prometheus. Finer scales are made coarser; of a coarser one nothing can be made.
const COARSEST: i32 = -4;
const FINEST: i32 = 8;
/// What Prometheus's own library has for a point that names none.
const ZERO_THRESHOLD: f64 = 1e-128;
/// As many empty buckets cost less than a span of their own.
const LONGEST_GAP: i32 = 2;

/// The histogram that `point` becomes; nothing if it is too coarse.
pub(super) fn histogram(point: &ExponentialHistogramDataPoint, at: At) -> Option<Histogram> {
    if point.scale < COARSEST {
        return None;
    }
    let schema = point.scale.min(FINEST);
    let merged = point.scale - schema;
    let layout =
        |buckets: &Option<Buckets>| buckets.as_ref().map(|it| layout(it, merged)).unwrap_or_default();
    let (positive_spans, positive_deltas) = layout(&point.positive);
    let (negative_spans, negative_deltas) = layout(&point.negative);
    let (count, sum) = match at.is_stale {
        true => (STALE, f64::from_bits(STALE)),
        false => (point.count, point.sum.unwrap_or_default()),
    };
    Some(Histogram {
        count: Some(count),
        sum,
        schema,
        zero_threshold: if point.zero_threshold == 0.0 { ZERO_THRESHOLD } else { point.zero_threshold },
        zero_count: Some(point.zero_count),
        negative_spans,
        negative_deltas,
        positive_spans,
        positive_deltas,
        timestamp: at.milliseconds,
    })
}

/// Where buckets are, and how each differs from the one before. Of 2^`merged` buckets one is made. The bucket that
/// OpenTelemetry calls 0 begins at 1, that of Prometheus ends there.
fn layout(buckets: &Buckets, merged: i32) -> (Vec<BucketSpan>, Vec<i64>) {
    // 63 is one bucket for all numbers of one sign, and so is more.
    let number = |at: usize| {
        let at = i64::from(buckets.offset).saturating_add(i64::try_from(at).unwrap_or(i64::MAX));
        i32::try_from((at >> merged.min(63)) + 1).unwrap_or(i32::MAX)
    };
    let Some(last) = buckets.bucket_counts.len().checked_sub(1) else { return Default::default() };
    let mut layout = Layout::from(number(0));
    let (mut next, mut count) = (number(0), 0_i64);
    for (at, added) in buckets.bucket_counts.iter().enumerate() {
        let bucket = number(at);
        if bucket != next {
            layout.push_unless_empty(next, count);
            (next, count) = (bucket, 0);
        }
        count = count.wrapping_add(*added as i64);
    }
    layout.push(number(last), count);
    (layout.spans, layout.deltas)
}

struct Layout {
    spans: Vec<BucketSpan>,
    deltas: Vec<i64>,
    /// The number of the bucket after the last one.
    end: i32,
    before: i64,
}

impl Layout {
    fn from(offset: i32) -> Self {
        Layout { spans: vec![BucketSpan { offset, length: 0 }], deltas: Vec::new(), end: offset, before: 0 }
    }

    fn push_unless_empty(&mut self, bucket: i32, count: i64) {
        if count != 0 {
            self.push(bucket, count);
        }
    }

    fn push(&mut self, bucket: i32, count: i64) {
        let gap = bucket.saturating_sub(self.end);
        if gap > LONGEST_GAP {
            self.spans.push(BucketSpan { offset: gap, length: 0 });
        } else {
            (0..gap).for_each(|_| self.push_count(0));
        }
        self.push_count(count);
        self.end = bucket.saturating_add(1);
    }

    fn push_count(&mut self, count: i64) {
        if let Some(span) = self.spans.last_mut() {
            span.length += 1;
        }
        self.deltas.push(count.wrapping_sub(self.before));
        self.before = count;
    }
}
