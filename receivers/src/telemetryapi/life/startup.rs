//! The start of an environment: its init, or its restore from a snapshot.

use super::failures::{Failure, Of};
use super::invocation::Ending;
use super::mode::Mode;
use crate::telemetryapi::Event;

/// Pairs the events that begin and end a start.
#[derive(Debug, Default)]
pub struct Startup {
    init: Pair,
    restore: Pair,
    started: Vec<Started>,
    failing: Vec<Failing>,
    /// The phases whose failure was told.
    told: Vec<(Of, String)>,
}

/// A start that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    /// [`Of::Init`] or [`Of::Restore`].
    pub of: Of,
    /// The function's name; empty if that is not known.
    pub function: String,
    /// When it began,
    pub start: u64,
    /// and when it ended.
    pub end: u64,
    /// What kind of error ended it.
    pub error_type: Option<String>,
    /// Whether the first invocation waits for it.
    pub is_awaited: bool,
}

/// A start that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failing {
    /// The phase that it happened in: `init`, `invoke`.
    pub phase: String,
    /// How it failed.
    pub failure: Failure,
}

/// A beginning that waits for its end, or, delivered in the wrong order, an end that waits for its beginning.
#[derive(Debug, Default)]
struct Pair {
    begun: Option<(Option<u64>, String)>,
    ended: Option<(Option<u64>, Option<String>)>,
}

impl Startup {
    /// Learns what `event` says.
    pub fn take(&mut self, event: &Event, mode: &Mode) {
        // What went on before the snapshot was taken is told again by every environment made from it.
        let is_snapshot = mode.is_snapshot(event);
        let is_awaited = !mode.is_held_ready(event);
        match event.kind.as_str() {
            "platform.initStart" => {
                self.forget(&Of::Init, event);
                self.init.begin(event);
                self.pair(Of::Init, is_awaited, is_snapshot);
            }
            "platform.initRuntimeDone" => {
                self.fail(Of::Init, event);
                self.init.end(event);
                self.pair(Of::Init, is_awaited, is_snapshot);
            }
            "platform.initReport" => self.fail(Of::Init, event),
            "platform.restoreStart" => {
                self.forget(&Of::Restore, event);
                self.restore.begin(event);
                self.pair(Of::Restore, true, false);
            }
            "platform.restoreRuntimeDone" => {
                self.fail(Of::Restore, event);
                self.restore.end(event);
                self.pair(Of::Restore, true, false);
            }
            "platform.restoreReport" => self.fail(Of::Restore, event),
            _ => {}
        }
    }

    /// The starts that the last delivery completed.
    pub fn started(&mut self) -> Vec<Started> {
        std::mem::take(&mut self.started)
    }

    /// The starts that failed with the last delivery.
    pub fn failing(&mut self) -> Vec<Failing> {
        std::mem::take(&mut self.failing)
    }

    fn pair(&mut self, of: Of, is_awaited: bool, is_snapshot: bool) {
        let pair = if of == Of::Init { &mut self.init } else { &mut self.restore };
        let Some((function, start, end, error_type)) = pair.complete() else { return };
        if !is_snapshot {
            self.started.push(Started { of, function, start, end, error_type, is_awaited });
        }
    }

    /// Both the end and the report tell of a failure; the report knows how long it took.
    fn fail(&mut self, of: Of, event: &Event) {
        let ending = Ending::read(event);
        let Some(fault) = ending.fault() else { return };
        let phase = phase(event);
        let same = |failing: &&mut Failing| failing.failure.of == of && failing.phase == phase;
        if let Some(known) = self.failing.iter_mut().find(same) {
            known.failure.duration_ms = known.failure.duration_ms.or(ending.duration_ms);
            known.failure.error_type = known.failure.error_type.take().or(ending.error_type);
            return;
        }
        let key = (of, phase);
        if !self.told.contains(&key) {
            let failure = Failure::of_start(key.0.clone(), fault, ending);
            self.failing.push(Failing { phase: key.1.clone(), failure });
            self.told.truncate(MOST_PHASES - 1);
            self.told.insert(0, key);
        }
    }

    /// Another start of the same phase may fail, too.
    fn forget(&mut self, of: &Of, event: &Event) {
        let phase = phase(event);
        self.told.retain(|(told, known)| told != of || *known != phase);
    }
}

/// There are three of the init, and the restore.
const MOST_PHASES: usize = 8;

fn phase(event: &Event) -> String {
    event.record["phase"].as_str().unwrap_or_default().into()
}

impl Pair {
    fn begin(&mut self, event: &Event) {
        let function = event.record["functionName"].as_str().unwrap_or_default();
        self.begun = Some((event.time, function.into()));
    }

    fn end(&mut self, event: &Event) {
        if event.record.is_object() {
            let status = event.record["status"].as_str().filter(|status| !["", "success"].contains(status));
            let kind = event.record["errorType"].as_str().filter(|kind| !kind.is_empty());
            self.ended = Some((event.time, status.map(|status| kind.unwrap_or(status).to_owned())));
        }
    }

    /// The function's name, start and end and the kind of error, if both are known. What has no sound times is no
    /// span.
    fn complete(&mut self) -> Option<(String, u64, u64, Option<String>)> {
        let (Some((start, _)), Some((end, _))) = (&self.begun, &self.ended) else { return None };
        let times = start.zip(*end);
        if times.is_some_and(|(start, end)| end < start) {
            // That was the end of another one.
            self.ended = None;
            return None;
        }
        let ((_, function), (_, error_type)) = (self.begun.take()?, self.ended.take()?);
        times.map(|(start, end)| (function, start, end, error_type))
    }
}
