//! Log records: the function's lines, extensions' lines, and platform events in words.

use std::time::SystemTime;

use opentelemetry_proto::tonic::logs::v1::LogRecord;

use super::{Config, Event};

/// Makes log records of events.
pub struct Logs {}

impl Logs {
    /// As `config` has it.
    pub fn new(_config: &Config) -> Self {
        Logs {}
    }

    /// The record that `event` becomes, observed at `now`; none if the user does not want it.
    pub fn take(&mut self, _event: &Event, _now: SystemTime) -> Option<LogRecord> {
        None
    }
}
