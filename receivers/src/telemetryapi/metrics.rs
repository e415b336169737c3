//! The `faas.*` metrics, gathered from platform events and told at intervals.

use std::time::SystemTime;

use opentelemetry_proto::tonic::metrics::v1::Metric;

use super::{Config, Event};

/// Gathers metrics.
pub struct Metrics {}

impl Metrics {
    /// As `config` has it.
    pub fn new(_config: &Config) -> Self {
        Metrics {}
    }

    /// Counts `event` in.
    pub fn take(&mut self, _event: &Event, _now: SystemTime) {}

    /// When [`due`](Metrics::due) metrics are to be told at the latest.
    pub fn due(&self) -> Option<SystemTime> {
        None
    }

    /// What there is to tell at `now`.
    pub fn collect(&mut self, _now: SystemTime) -> Vec<Metric> {
        Vec::new()
    }
}
