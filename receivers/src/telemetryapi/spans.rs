//! Spans of the platform's own work: init, restore, invocations and their phases.

use opentelemetry_proto::tonic::trace::v1::Span;

use super::{Config, Event};

/// Pairs the events that begin and end something.
pub struct Spans {}

impl Spans {
    /// As `config` has it.
    pub fn new(_config: &Config) -> Self {
        Spans {}
    }

    /// The spans that `event` completes.
    pub fn take(&mut self, _event: &Event) -> Vec<Span> {
        Vec::new()
    }
}
