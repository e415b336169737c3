//! What the platform tells about an invocation after it: `platform.runtimeDone` and `platform.report`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::events::{End, Event, Work};
use crate::invoke::{Running, Status};
use crate::journal::{Journal, Moment};
use crate::quirks::{Report, RuntimeDone};
use crate::record::Record;
use crate::sandbox::Sandbox;
use crate::telemetry::Item;
use crate::usage::Usage;

/// More thaws than ever come.
const AFTER_SHUTDOWN: usize = usize::MAX;

impl Sandbox {
    /// Emits the reports whose time has come.
    pub(crate) fn release_reports(&mut self) {
        for (thaws, report) in std::mem::take(&mut self.held) {
            match thaws.checked_sub(1) {
                None => self.platform.tell(report),
                Some(thaws) => self.held.push((thaws, report)),
            }
        }
    }

    /// Emits what is held still, at the environment's end: before SHUTDOWN is released, or after it.
    pub(crate) fn release_last_reports(&mut self, after: bool) {
        for (thaws, report) in std::mem::take(&mut self.held) {
            match (thaws == AFTER_SHUTDOWN) == after {
                true => self.platform.tell(report),
                false => self.held.push((thaws, report)),
            }
        }
    }

    /// Emits `platform.runtimeDone`, as the quirks want it.
    pub(crate) fn emit_runtime_done(&mut self, running: &Running, function_done: Instant, status: &Status) {
        let platform = Arc::clone(&self.platform);
        let event = running.call.runtime_done(running.work(&platform.journal, function_done), &status.end());
        let (how, extra) = platform.quirks.read(|quirks| (quirks.runtime_done, quirks.extra_events.clone()));
        for (kind, record) in extra {
            platform.telemetry.emit(&kind, &record);
        }
        let log = || {
            let record = Record::default().with("level", "INFO").with("message", "a record that is cut");
            Event::new("function", record.with("requestId", &*running.call.request_id).text())
        };
        match how {
            RuntimeDone::OnTime => platform.tell(event),
            RuntimeDone::Missing => {}
            RuntimeDone::Duplicated => {
                platform.tell(event.clone());
                platform.tell(event);
            }
            RuntimeDone::BeforeStart => {
                platform.tell(event);
                platform.tell(running.call.start());
            }
            RuntimeDone::Cut => platform.telemetry.push(Item::Cut(event)),
            RuntimeDone::BehindCut => {
                platform.telemetry.push(Item::Cut(log()));
                platform.tell(event);
            }
            RuntimeDone::BehindLostHalf => {
                platform.telemetry.push(Item::Half(log()));
                platform.tell(event);
            }
            RuntimeDone::Delayed(by) => {
                self.tasks.spawn(async move {
                    tokio::time::sleep(by).await;
                    platform.tell(event);
                });
            }
        }
    }

    /// Computes the report and keeps it for a later thaw, or for the environment's end.
    pub(crate) fn hold_report(
        &mut self,
        running: &Running,
        function_done: Instant,
        end: Instant,
        status: &Status,
    ) {
        let thaws = match self.platform.quirks.read(|quirks| quirks.report) {
            Report::NextThaw => 0,
            Report::Later(thaws) => thaws,
            Report::AfterShutdown => AFTER_SHUTDOWN,
            Report::Never => return,
        };
        let metrics = self.metrics(running, end, status);
        let overhead = end.saturating_duration_since(function_done);
        let began = running.started + function_done.saturating_duration_since(running.invoked);
        self.held.push((thaws, running.call.report(&status.end(), &metrics, (began, overhead))));
    }

    fn metrics(&self, running: &Running, end: Instant, status: &Status) -> Record {
        let took = end.saturating_duration_since(running.invoked);
        let billed = took + running.init_took.unwrap_or_default();
        let peaks = self.processes.iter().filter_map(|process| Usage::of(process.pid));
        let used = peaks.map(|usage| usage.peak_memory).sum::<u64>().div_ceil(1 << 20);
        let memory = u64::from(self.platform.lambda.memory_mb);
        // Who is killed for its memory has used all of it.
        let out_of_memory = status.end().error == Some("Runtime.OutOfMemory");
        let metrics = Record::default()
            .with_ms("durationMs", took)
            .with("billedDurationMs", whole_ms(billed))
            .with("memorySizeMB", memory)
            .with("maxMemoryUsedMB", if out_of_memory { memory } else { used });
        match (running.init_took, running.restore_took) {
            (Some(init), _) => metrics.with_ms("initDurationMs", init),
            (None, Some(restore)) => metrics
                .with_ms("restoreDurationMs", restore)
                .with("billedRestoreDurationMs", whole_ms(restore)),
            (None, None) => metrics,
        }
    }
}

fn whole_ms(duration: Duration) -> Value {
    (duration.as_micros().div_ceil(1000) as u64).into()
}

impl Running {
    /// How the function spent its time, as seen from the Runtime API.
    pub(crate) fn work(&self, journal: &Journal, done: Instant) -> Work {
        let took = done.saturating_duration_since(self.invoked);
        let responded = Moment::Responded { request: self.call.request_id.clone() };
        let responded = journal.last(|moment| *moment == responded);
        let latency = responded.map_or(took, |at| at.saturating_duration_since(self.invoked).min(took));
        Work { started: self.started, latency, overhead: took - latency, produced_bytes: self.produced_bytes }
    }
}

impl Status {
    /// `status` and `errorType` of the platform's events.
    pub(crate) fn end(&self) -> End<'_> {
        match self {
            Status::Success => End { status: "success", error: None },
            Status::Error(error) => End { status: "error", error: Some(error) },
            Status::Timeout => End { status: "timeout", error: None },
            Status::Failed(fault) => End { status: "error", error: Some(fault.error_type()) },
        }
    }
}
