//! What a request becomes: series, and what is said of them.

use std::collections::BTreeMap;

use super::labels::Labels;
use super::series::{At, STALE};
use super::wire::{Exemplar, Histogram, Label, Metadata, Sample, TimeSeries};

/// What a request becomes.
#[derive(Debug, Default)]
pub(super) struct Translation {
    series: BTreeMap<Labels, Content>,
    metadata: BTreeMap<String, Metadata>,
    /// Points that Prometheus has no form for.
    pub lost: usize,
    /// Why the last of them.
    pub why: String,
}

/// What a series holds, by time.
#[derive(Debug, Default)]
struct Content {
    /// How many points begin here: each in one of its series.
    points: usize,
    samples: BTreeMap<i64, f64>,
    exemplars: Vec<Exemplar>,
    histograms: BTreeMap<i64, Histogram>,
}

impl Translation {
    /// The series, each with the number of points that are lost if it is.
    pub fn series(&mut self) -> impl Iterator<Item = (usize, TimeSeries)> + use<> {
        std::mem::take(&mut self.series).into_iter().map(|(labels, content)| {
            let labels = labels.into_iter().map(|(name, value)| Label { name, value }).collect();
            let samples = content.samples.into_iter();
            let samples = samples.map(|(timestamp, value)| Sample { value, timestamp }).collect();
            let histograms = content.histograms.into_values().collect();
            (content.points, TimeSeries { labels, samples, exemplars: content.exemplars, histograms })
        })
    }

    /// What is said of metrics.
    pub fn metadata(&mut self) -> impl Iterator<Item = Metadata> + use<> {
        std::mem::take(&mut self.metadata).into_values()
    }

    /// Notes what is said of a metric. Prometheus keeps but the last of what it is told of one name.
    pub fn describe(&mut self, metadata: Metadata) {
        self.metadata.insert(metadata.family.clone(), metadata);
    }

    /// Where the series of one point go; `points` is 0 if it is none of the request.
    pub fn place<'a>(&'a mut self, name: &'a str, labels: Labels, at: At, points: usize) -> Place<'a> {
        Place { to: self, name, labels, at, points, is_taken: false }
    }

    pub fn lose(&mut self, points: usize, metric: &str, why: &str) {
        self.lost += points;
        self.why = format!("metric `{metric}`: {why}");
    }
}

/// Where the series of one point go.
pub(super) struct Place<'a> {
    to: &'a mut Translation,
    name: &'a str,
    labels: Labels,
    pub at: At,
    points: usize,
    /// Whether another point of this time was there, with other values.
    pub is_taken: bool,
}

impl Place<'_> {
    /// Adds a sample to the series of the point's labels and `extra`, whose name ends in `suffix`.
    pub fn add(&mut self, suffix: &str, extra: Option<(&str, String)>, value: f64, exemplars: Vec<Exemplar>) {
        let value = if self.at.is_stale { f64::from_bits(STALE) } else { value };
        let time = self.at.milliseconds;
        let content = self.content(suffix, extra);
        let before = content.samples.insert(time, value);
        content.exemplars.extend(exemplars);
        self.is_taken |= before.is_some_and(|before| before.to_bits() != value.to_bits());
    }

    /// Adds a native histogram.
    pub fn add_histogram(&mut self, histogram: Histogram, exemplars: Vec<Exemplar>) {
        let content = self.content("", None);
        content.exemplars.extend(exemplars);
        let before = content.histograms.insert(histogram.timestamp, histogram.clone());
        self.is_taken |= before.is_some_and(|before| before != histogram);
    }

    fn content(&mut self, suffix: &str, extra: Option<(&str, String)>) -> &mut Content {
        let mut labels = self.labels.clone();
        labels.extend(extra.map(|(name, value)| (name.to_owned(), value)));
        labels.insert("__name__".into(), format!("{}{suffix}", self.name));
        let content = self.to.series.entry(labels).or_default();
        content.points += std::mem::take(&mut self.points);
        content
    }
}
