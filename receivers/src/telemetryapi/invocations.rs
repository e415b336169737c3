//! Which invocation an event belongs to.
//!
//! A log line that does not tell its invocation belongs to the one that ran when it was written: from
//! `platform.start` to `platform.runtimeDone`, by the times of these. Events come in any order, and late: lines of an
//! invocation perhaps with the next one. A line whose time says nothing belongs to the invocation that is under way
//! in the order of delivery, and so does one that comes before the end in that order and is a little later: a line's
//! time is that of its reading. On Managed Instances many run at once, so there nothing is told from time or order.

use std::collections::VecDeque;

use pipeline::Invocation;

use super::event::Event;
use super::trace::{Trace, bytes};

/// Managed Instances have the most at once: 64 a process, and some that are just over.
const REMEMBERED: usize = 128;
/// How much later than the invocation's end its lines may be, in nanoseconds.
const SKEW: u64 = 50_000_000;

/// The last invocations.
#[derive(Debug, Default)]
pub struct Invocations {
    /// The latest last.
    known: VecDeque<Known>,
    /// The one that is under way in the order of events.
    current: Option<String>,
    /// Whether many run at once.
    managed: bool,
    /// The version that was told last.
    version: Option<String>,
}

/// What is known of an invocation.
#[derive(Debug, Default)]
pub struct Known {
    /// Its request id.
    pub id: String,
    /// The trace it belongs to.
    pub trace: Option<Trace>,
    /// The span that the platform made for it in that trace.
    pub span: Option<[u8; 8]>,
    /// The function's version.
    pub version: Option<String>,
    start: Option<u64>,
    end: Option<u64>,
}

impl Invocations {
    /// Of an environment that is a Managed Instance or not, with a function of that version.
    pub fn new(managed: bool, version: Option<&str>) -> Self {
        Invocations { managed, version: version.map(str::to_owned), ..Invocations::default() }
    }

    /// Learns that `invocation` begins `now`, in case that its `platform.start` is lost.
    pub fn invoked(&mut self, invocation: &Invocation, now: u64) {
        let known = self.known(&invocation.request_id);
        known.start = known.start.or(Some(now));
        if let Some(header) = &invocation.trace_header {
            known.trace = known.trace.or_else(|| Trace::of_header(header));
        }
    }

    /// Learns what the events of a delivery tell of invocations, before any of them is looked at.
    pub fn look_ahead(&mut self, events: &[Event]) {
        for event in events {
            let Some(id) = event.request_id().filter(|id| !id.is_empty()) else { continue };
            let Event { time, record, .. } = event;
            match event.kind.as_str() {
                "platform.start" => {
                    let known = self.known(id);
                    known.start = *time;
                    // An invocation that failed is tried again under the same id.
                    known.end = None;
                    known.version = record["version"].as_str().map(str::to_owned);
                }
                "platform.runtimeDone" => self.known(id).end = *time,
                "platform.report" => {
                    let known = self.known(id);
                    known.end = known.end.or(*time);
                }
                _ => continue,
            }
            let header = record["tracing"]["value"].as_str();
            let known = self.known(id);
            if let Some(trace) = header.and_then(Trace::of_header) {
                known.trace = Some(trace);
                known.span = record["tracing"]["spanId"].as_str().and_then(bytes).or(known.span);
            }
        }
    }

    /// Passes `event` in the order of events.
    pub fn pass(&mut self, event: &Event) {
        let id = event.request_id().filter(|id| !id.is_empty());
        match event.kind.as_str() {
            "platform.initStart" => {
                self.managed |= event.record["initializationType"] == "lambda-managed-instances";
                if let Some(version) = event.record["functionVersion"].as_str() {
                    self.version = Some(version.into());
                }
            }
            "platform.start" => {
                self.current = id.map(str::to_owned);
                if let Some(version) = event.record["version"].as_str() {
                    self.version = Some(version.into());
                }
            }
            "platform.runtimeDone" if id.is_none() => self.end(event.time),
            "platform.runtimeDone" | "platform.report" if id == self.current.as_deref() => {
                self.end(event.time);
            }
            _ => {}
        }
    }

    /// The one that is under way in the order of events is not any more, since `time`.
    fn end(&mut self, time: Option<u64>) {
        let ended = self.current.take();
        if let Some(known) = ended.and_then(|id| self.known.iter_mut().rev().find(|known| known.id == id)) {
            known.end = known.end.or(time);
        }
    }

    /// The invocation that `event` belongs to, if it does not tell so itself. To be asked between
    /// [`look_ahead`](Invocations::look_ahead) and [`pass`](Invocations::pass).
    pub fn at(&self, event: &Event) -> Option<&Known> {
        if self.managed {
            return None;
        }
        // The end of a start and the first invocation's begin may be of the same millisecond; their order is known.
        let of_start = ["platform.init", "platform.restore"].iter().any(|kind| event.kind.starts_with(kind));
        let time = event.time;
        let ran = |known: &&Known, time: u64| {
            known.start.is_some_and(|start| start <= time) && known.end.is_none_or(|end| time <= end)
        };
        let by_time = time
            .filter(|_| !of_start)
            .and_then(|time| self.known.iter().rev().find(|known| ran(known, time)));
        let is_over =
            |known: &Known| time.zip(known.end).is_some_and(|(time, end)| time > end.saturating_add(SKEW));
        by_time.or_else(|| self.of(self.current.as_deref()?).filter(|current| !is_over(current)))
    }

    /// The invocation of that id.
    pub fn of(&self, id: &str) -> Option<&Known> {
        self.known.iter().rev().find(|known| known.id == id)
    }

    /// The version of the function in the invocation `id`, or else the last that is known.
    pub fn version(&self, id: Option<&str>) -> Option<&str> {
        let known = id.and_then(|id| self.of(id)).and_then(|known| known.version.as_deref());
        known.or(self.version.as_deref())
    }

    /// The entry of `id`, made if there is none.
    fn known(&mut self, id: &str) -> &mut Known {
        let place = self.known.iter().rposition(|known| known.id == id).unwrap_or_else(|| {
            if self.known.len() == REMEMBERED {
                self.known.pop_front();
            }
            self.known.push_back(Known { id: id.into(), ..Known::default() });
            self.known.len() - 1
        });
        &mut self.known[place]
    }
}
