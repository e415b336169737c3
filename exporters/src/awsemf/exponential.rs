//! Exponential histograms as values with counts.

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

use super::points::Measured;

/// The most values of one metric in an event
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
const MOST_VALUES: usize = 100;

/// A bucket that holds something, the middle of which stands for what it holds.
struct Bucket {
    lower: f64,
    upper: f64,
    count: u64,
}

/// `point` from its highest bucket to its lowest, in as many parts as it needs; only the first has the sum, so that
/// they add up.
pub(super) fn measured(point: &ExponentialHistogramDataPoint) -> Vec<Measured> {
    let (min, max) = (point.min.unwrap_or_default(), point.max.unwrap_or_default());
    let buckets = buckets(point);
    let chunks: Vec<&[Bucket]> = buckets.chunks(MOST_VALUES).collect();
    let Some((first, last)) = chunks.first().and(chunks.len().checked_sub(1)).map(|last| (0, last)) else {
        let (sum, count) = (point.sum.unwrap_or_default(), point.count);
        return vec![Measured::Values { values: Vec::new(), counts: Vec::new(), min, max, count, sum }];
    };
    let part = |(at, chunk): (usize, &&[Bucket])| Measured::Values {
        values: chunk.iter().map(|bucket| f64::midpoint(bucket.lower, bucket.upper)).collect(),
        counts: chunk.iter().map(|bucket| bucket.count).collect(),
        max: if at == first { max } else { chunk.first().map_or(max, |bucket| bucket.upper) },
        min: if at == last { min } else { chunk.last().map_or(min, |bucket| bucket.lower) },
        count: chunk.iter().fold(0, |sum, bucket| sum.saturating_add(bucket.count)),
        sum: if at == first { point.sum.unwrap_or_default() } else { 0.0 },
    };
    chunks.iter().enumerate().map(part).collect()
}

fn buckets(point: &ExponentialHistogramDataPoint) -> Vec<Bucket> {
    let base = (-f64::from(point.scale)).exp2().exp2();
    let bound = |index: i64| base.powf(index as f64);
    let filled = |buckets: &Option<Buckets>| -> Vec<(i64, u64)> {
        let Some(buckets) = buckets else { return Vec::new() };
        let numbered = (i64::from(buckets.offset)..).zip(buckets.bucket_counts.iter().copied());
        numbered.filter(|(_, count)| *count > 0).collect()
    };
    let positive = filled(&point.positive).into_iter().rev();
    let positive =
        positive.map(|(index, count)| Bucket { lower: bound(index), upper: bound(index + 1), count });
    let zero = Some(Bucket { lower: 0.0, upper: 0.0, count: point.zero_count });
    let negative = filled(&point.negative).into_iter();
    let negative =
        negative.map(|(index, count)| Bucket { lower: -bound(index + 1), upper: -bound(index), count });
    positive.chain(zero.filter(|zero| zero.count > 0)).chain(negative).collect()
}
