//! What a user may choose of the translation.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::declaration::Declaration;

/// How metrics become events.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// CloudWatch's namespace; that of the service if empty.
    pub namespace: String,
    /// The log group, with placeholders; `/metrics/` and the namespace if empty.
    pub log_group_name: String,
    /// The log stream, with placeholders.
    pub log_stream_name: String,
    /// Under which fewer dimensions a metric is counted too.
    pub rollup: Rollup,
    /// If there are any, only what they name becomes a metric.
    pub declarations: Vec<Declaration>,
    /// Units by the name of the metric.
    pub descriptors: BTreeMap<String, Descriptor>,
    /// Labels whose text is JSON.
    pub json_labels: Vec<String>,
    /// Whether attributes of the resource become labels.
    pub resource_labels: bool,
    /// Whether those that name the service do not.
    pub without_service: bool,
    /// Whether quantiles of summaries become values of their own.
    pub detailed: bool,
    /// Whether the first value of a cumulative sum counts from 0.
    pub retain_initial: bool,
    /// Whether events have the form of before `_aws`.
    pub is_version_0: bool,
}

/// `dimension_rollup_option`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(super) enum Rollup {
    /// Also under no dimension, and under each alone.
    #[default]
    #[serde(rename = "ZeroAndSingleDimensionRollup")]
    ZeroAndSingle,
    /// Also under each dimension alone.
    #[serde(rename = "SingleDimensionRollupOnly")]
    Single,
    /// Under all its dimensions and no others.
    #[serde(rename = "NoDimensionRollup")]
    None,
}

/// `metric_descriptors`: the unit of one metric.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Descriptor {
    /// The name of the metric.
    pub metric_name: String,
    /// Its unit, one of CloudWatch's.
    pub unit: String,
    /// Whether it takes the place of a unit that the metric has.
    pub overwrite: bool,
}

/// CloudWatch's units
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>).
pub(super) fn is_unit(unit: &str) -> bool {
    const SIZES: [&str; 10] = [
        "Bytes",
        "Kilobytes",
        "Megabytes",
        "Gigabytes",
        "Terabytes",
        "Bits",
        "Kilobits",
        "Megabits",
        "Gigabits",
        "Terabits",
    ];
    let base = unit.strip_suffix("/Second");
    base.is_none() && ["Seconds", "Microseconds", "Milliseconds", "Percent", "None"].contains(&unit)
        || base.unwrap_or(unit) == "Count"
        || SIZES.contains(&base.unwrap_or(unit))
}
