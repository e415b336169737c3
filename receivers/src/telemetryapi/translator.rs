//! Events in, OTLP export requests out.

use std::time::SystemTime;

use bytes::Bytes;
use pipeline::{Context, Signal};

use super::Config;
use super::feed::News;
use super::logs::Logs;
use super::metrics::Metrics;
use super::spans::Spans;

/// Turns what the platform tells into telemetry, for one receiver.
pub struct Translator {
    logs: Logs,
    metrics: Metrics,
    spans: Spans,
}

impl Translator {
    /// A translator that has heard nothing yet.
    pub fn new(config: &Config, _context: &Context) -> Self {
        Translator { logs: Logs::new(config), metrics: Metrics::new(config), spans: Spans::new(config) }
    }

    /// What becomes of `news`, heard at `now`: export requests.
    pub fn take(&mut self, news: &News<'_>, now: SystemTime) -> Vec<(Signal, Bytes)> {
        if let News::Events(events) = news {
            for event in *events {
                self.metrics.take(event, now);
                let _ = self.spans.take(event);
                let _ = self.logs.take(event, now);
            }
        }
        Vec::new()
    }

    /// What is left to tell when the receiver ends.
    pub fn end(&mut self, _now: SystemTime) -> Vec<(Signal, Bytes)> {
        Vec::new()
    }
}
