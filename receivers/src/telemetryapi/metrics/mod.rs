//! Metrics, gathered from platform events and told at intervals.
//!
//! The interval is one of the wall clock, which goes on while the environment is frozen: metrics are told with the
//! first events after it has passed, so they leave with the flush of that invocation, and at the end.

mod instrument;
mod table;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::metrics::v1::Metric;
use serde_json::Value;

use self::instrument::Instrument;
use self::table::{METRICS, MIB, Name};
use super::Event;
use super::life::failures::Fault;
use super::life::mode::Mode;

/// Gathers metrics.
pub struct Metrics {
    instruments: Vec<Instrument>,
    delta: bool,
    interval: Duration,
    /// When they were told, or the beginning.
    told: SystemTime,
    has_told: bool,
    /// Whether they are not to be told now.
    held: bool,
    /// Failures that were counted before their `platform.runtimeDone` came, if it ever comes.
    ahead: Vec<String>,
    /// Managed Instances tell of an invocation's end with its report alone. Should they tell it twice one day, it
    /// is counted once.
    heard_done: bool,
}

/// A `platform.runtimeDone` that comes after so many other failures is counted again.
const AHEAD: usize = 16;

impl Metrics {
    /// Metrics since `now`, told every `interval`, as a `delta` to what was told before or as a sum since `now`.
    pub fn new(delta: bool, interval: Duration, now: SystemTime) -> Self {
        let instruments = METRICS.iter().map(|metric| Instrument::new(metric, now)).collect();
        Metrics {
            instruments,
            delta,
            interval,
            told: now,
            has_told: false,
            held: false,
            ahead: Vec::new(),
            heard_done: false,
        }
    }

    /// Counts `event` in, heard at `now`.
    pub fn take(&mut self, event: &Event, mode: &Mode, now: SystemTime) {
        let record = &event.record;
        if !record.is_object() {
            return;
        }
        let metrics = &record["metrics"];
        match event.kind.as_str() {
            // What went on before the snapshot was taken is told again by every environment made from it, and nobody
            // waits for the start of one that is held ready.
            "platform.initStart" if mode.is_snapshot(event) || mode.is_held_ready(event) => {}
            "platform.initStart" => self.add(Name::Coldstarts, 1.0),
            "platform.restoreStart" => self.restored(event, now),
            "platform.initReport" => {
                self.status(record);
                if !mode.is_snapshot(event) {
                    self.milliseconds(Name::InitDuration, &metrics["durationMs"]);
                }
            }
            "platform.restoreReport" => {
                self.status(record);
                self.milliseconds(Name::RestoreDuration, &metrics["durationMs"]);
            }
            "platform.runtimeDone" => self.done(event),
            "platform.report" => self.report(event, mode),
            "platform.logsDropped" => {
                self.number(Name::DroppedLogRecords, &record["droppedRecords"], 1.0);
                self.number(Name::DroppedLogBytes, &record["droppedBytes"], 1.0);
            }
            _ => {}
        }
    }

    /// Counts the `fault` of the invocation `id`, of whose end no `platform.runtimeDone` told.
    pub fn failed(&mut self, id: &str, fault: Fault) {
        match fault {
            Fault::Lost => return,
            Fault::Timeout => self.add(Name::Timeouts, 1.0),
            Fault::OutOfMemory | Fault::Error => self.add(Name::Errors, 1.0),
        }
        self.ahead.truncate(AHEAD - 1);
        self.ahead.insert(0, id.into());
    }

    /// Lets them wait, or not any more.
    pub fn hold(&mut self, hold: bool) {
        self.held = hold;
    }

    /// Whether the interval has passed at `now`. A clock that was put back, which would make it endless, ends it.
    pub fn is_due(&self, now: SystemTime) -> bool {
        !self.held && now.duration_since(self.told).map_or(true, |since| since >= self.interval)
    }

    /// What there is to tell at `now`.
    pub fn collect(&mut self, now: SystemTime) -> Vec<Metric> {
        let delta = self.delta;
        let metrics: Vec<_> =
            self.instruments.iter_mut().filter_map(|instrument| instrument.tell(now, delta)).collect();
        self.told = now;
        self.has_told |= !metrics.is_empty();
        metrics
    }

    fn done(&mut self, event: &Event) {
        let record = &event.record;
        self.heard_done = true;
        let known = self.ahead.iter().position(|id| Some(id.as_str()) == event.request_id());
        if let Some(place) = known {
            self.ahead.swap_remove(place);
        } else {
            self.status(record);
            self.succeeded(record);
        }
        self.milliseconds(Name::InvokeDuration, &record["metrics"]["durationMs"]);
        self.response(record);
    }

    fn report(&mut self, event: &Event, mode: &Mode) {
        let record = &event.record;
        let metrics = &record["metrics"];
        self.number(Name::MemUsage, &metrics["maxMemoryUsedMB"], MIB);
        self.milliseconds(Name::BilledDuration, &metrics["billedDurationMs"]);
        if mode.is_managed() && !self.heard_done {
            self.status(record);
            self.succeeded(record);
            self.milliseconds(Name::InvokeDuration, &metrics["durationMs"]);
        }
        self.response(record);
    }

    /// The response's size and the phases of the invocation, which Managed Instances have in the report.
    fn response(&mut self, record: &Value) {
        self.number(Name::ProducedBytes, &record["metrics"]["producedBytes"], 1.0);
        for phase in record["spans"].as_array().into_iter().flatten() {
            let name = match phase["name"].as_str() {
                Some("responseLatency") => Name::ResponseLatency,
                Some("responseDuration") => Name::ResponseDuration,
                Some("runtimeOverhead") => Name::RuntimeOverhead,
                Some("extensionOverhead") => Name::ExtensionOverhead,
                _ => continue,
            };
            self.milliseconds(name, &phase["durationMs"]);
        }
    }

    /// A restored environment begins with its restore, not when its snapshot was taken. Its first invocation waits
    /// for that as another's waits for the init.
    fn restored(&mut self, event: &Event, now: SystemTime) {
        self.add(Name::Coldstarts, 1.0);
        let Some(time) = event.time.filter(|_| !self.has_told) else { return };
        let since = (UNIX_EPOCH + Duration::from_nanos(time)).min(now);
        self.instruments.iter_mut().for_each(|instrument| instrument.begin(since));
    }

    fn status(&mut self, record: &Value) {
        match record["status"].as_str() {
            Some("failure" | "error") => self.add(Name::Errors, 1.0),
            Some("timeout") => self.add(Name::Timeouts, 1.0),
            _ => {}
        }
    }

    fn succeeded(&mut self, record: &Value) {
        if record["status"].as_str() == Some("success") {
            self.add(Name::Invocations, 1.0);
        }
    }

    fn milliseconds(&mut self, name: Name, value: &Value) {
        if let Some(value) = value.as_f64() {
            self.add(name, value / 1000.0);
        }
    }

    fn number(&mut self, name: Name, value: &Value, factor: f64) {
        if let Some(value) = value.as_f64() {
            self.add(name, value * factor);
        }
    }

    fn add(&mut self, name: Name, value: f64) {
        self.instruments[name as usize].add(value);
    }
}
