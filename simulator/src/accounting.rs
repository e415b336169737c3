//! What the platform tells about an invocation after it: `platform.runtimeDone` and `platform.report`.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, json};

use crate::events::{Event, ms};
use crate::invoke::{Running, Status};
use crate::quirks::{Report, RuntimeDone};
use crate::sandbox::Sandbox;
use crate::telemetry::Item;
use crate::usage::Usage;

impl Sandbox {
    /// Emits the reports whose time has come.
    pub(crate) fn release_reports(&mut self) {
        for (thaws, report) in std::mem::take(&mut self.held) {
            match thaws.checked_sub(1) {
                None => self.platform.telemetry.push(Item::Event(report)),
                Some(thaws) => self.held.push((thaws, report)),
            }
        }
    }

    /// Emits `platform.runtimeDone`, as the quirks want it.
    pub(crate) fn emit_runtime_done(&mut self, running: &Running, function_done: Instant, status: &Status) {
        let platform = Arc::clone(&self.platform);
        let took = function_done.saturating_duration_since(running.invoked);
        let event = running.call.runtime_done(running.started, took, status.words());
        let (how, extra) = platform.quirks.read(|quirks| (quirks.runtime_done, quirks.extra_events.clone()));
        for (kind, record) in extra {
            platform.telemetry.emit(&kind, record);
        }
        let telemetry = &platform.telemetry;
        let log = || {
            let record = json!({ "level": "INFO", "message": "a record that is cut", "requestId": running.call.request_id });
            Event::new("function", record)
        };
        match how {
            RuntimeDone::OnTime => telemetry.push(Item::Event(event)),
            RuntimeDone::Missing => {}
            RuntimeDone::Duplicated => {
                telemetry.push(Item::Event(event.clone()));
                telemetry.push(Item::Event(event));
            }
            RuntimeDone::BeforeStart => {
                telemetry.push(Item::Event(event));
                telemetry.push(Item::Event(running.call.start()));
            }
            RuntimeDone::Cut => telemetry.push(Item::Cut(event)),
            RuntimeDone::BehindCut => {
                telemetry.push(Item::Cut(log()));
                telemetry.push(Item::Event(event));
            }
            RuntimeDone::BehindLostHalf => {
                telemetry.push(Item::Half(log()));
                telemetry.push(Item::Event(event));
            }
            RuntimeDone::Delayed(by) => {
                let platform = Arc::clone(&platform);
                self.tasks.spawn(async move {
                    tokio::time::sleep(by).await;
                    platform.telemetry.push(Item::Event(event));
                });
            }
        }
    }

    /// Computes the report and keeps it for a later thaw.
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
            Report::Never => return,
        };
        let took = end.saturating_duration_since(running.invoked);
        let overhead = end.saturating_duration_since(function_done);
        let mut metrics = Map::new();
        metrics.insert("durationMs".into(), ms(took).into());
        if !self.platform.managed() {
            let billed = took + running.init_took.unwrap_or_default();
            let peaks = self.processes.iter().filter_map(|process| Usage::of(process.pid));
            let used: u64 = peaks.map(|usage| usage.peak_memory).sum();
            metrics.insert("billedDurationMs".into(), (billed.as_micros().div_ceil(1000) as u64).into());
            metrics.insert("memorySizeMB".into(), self.platform.lambda.memory_mb.into());
            metrics.insert("maxMemoryUsedMB".into(), used.div_ceil(1 << 20).into());
            if let Some(init) = running.init_took {
                metrics.insert("initDurationMs".into(), ms(init).into());
            }
        }
        let began = running.started + function_done.saturating_duration_since(running.invoked);
        let report = running.call.report(status.words().0, metrics, (began, overhead));
        if self.platform.managed() {
            self.platform.telemetry.push(Item::Event(report));
        } else {
            self.held.push((thaws, report));
        }
    }
}

impl Status {
    /// `status` and `errorType` of the platform's events.
    fn words(&self) -> (&'static str, Option<String>) {
        match self {
            Status::Success => ("success", None),
            Status::Error(error) => ("error", Some(error.clone())),
            Status::Timeout => ("timeout", None),
            Status::Failed(fault) => ("error", Some(fault.error_type())),
        }
    }
}
