//! The invocations of an environment, put together from events that come in any order, late or never.
//!
//! Events are taken one by one, and what they make plain is told once per delivery: within one, their order does not
//! matter.

use std::collections::VecDeque;

use pipeline::Invocation as Invoked;

use super::failures::Fault;
use super::invocation::{Invocation, Outcome};
use crate::telemetryapi::Event;

/// Managed Instances run so many at a time at the most, roughly; elsewhere it is one.
const MOST_OPEN: usize = 1024;
/// An invocation that is over is remembered for its report, which comes with the next one, or a little later.
const MOST_OVER: usize = 32;

/// The latest invocations.
#[derive(Debug, Default)]
pub struct Invocations {
    /// The earliest first.
    known: VecDeque<Known>,
    /// Whether there was one.
    any: bool,
}

#[derive(Debug)]
struct Known {
    invocation: Invocation,
    /// Whether it was told that it is over,
    over: bool,
    /// that it failed,
    failed: bool,
    /// and its report.
    reported: bool,
}

/// What became plain of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// It failed. Told at most once, perhaps after [`Turn::Over`].
    Failed(Invocation, Fault),
    /// It is over, and went well if there is no fault. Told once.
    Over(Invocation, Option<Fault>),
    /// The report came after that. Told at most once.
    Reported(Invocation),
}

impl Invocations {
    /// Learns that the function is invoked.
    pub fn invoked(&mut self, invoked: &Invoked) {
        // An id comes again when an asynchronous invocation is tried again.
        let fits = |known: &Known| !known.over && known.invocation.done.is_none();
        let first = self.is_first();
        let invocation = self.latest(&invoked.request_id, fits);
        invocation.first |= first;
        invocation.invoked(invoked);
    }

    /// Learns what `event` says.
    pub fn take(&mut self, event: &Event) {
        let Some(id) = event.request_id() else { return };
        match event.kind.as_str() {
            "platform.start" => {
                let first = self.is_first();
                let invocation = self.latest(id, |known| known.fits_start(event));
                invocation.first |= first;
                invocation.started(event);
            }
            "platform.runtimeDone" => {
                let ended = |known: &Known| known.invocation.done.as_ref().and_then(|done| done.time);
                let fits = |known: &Known| known.invocation.done.is_none() || ended(known) == event.time;
                let invocation = self.latest(id, fits);
                if invocation.done.is_none() {
                    invocation.done(event);
                }
            }
            "platform.report" => {
                let mut same = self.known.iter_mut().filter(|known| known.invocation.id == id).peekable();
                let is_known = same.peek().is_some();
                match same.find(|known| known.invocation.report.is_none()) {
                    Some(known) => known.invocation.reported(event),
                    None if is_known => {}
                    None => self.add(id).reported(event),
                }
            }
            _ => {}
        }
    }

    /// What became plain with the last delivery. `managed`: on Managed Instances, where many invocations overlap, and
    /// end with their report.
    pub fn settle(&mut self, managed: bool) -> Vec<Turn> {
        let mut turns = Vec::new();
        // Invocations follow one another: when one is done, those before it are, too.
        let done = self.known.iter().rposition(|known| known.invocation.done.is_some());
        let done = done.filter(|_| !managed).unwrap_or(0);
        for (place, known) in self.known.iter_mut().enumerate() {
            let is_lost = place < done && known.invocation.done.is_none();
            known.settle(place < done, is_lost.then_some(Fault::Lost), managed, &mut turns);
        }
        self.forget(managed, &mut turns);
        turns
    }

    /// What is left to tell at the end of the environment, which was for this fault, if for any.
    pub fn end(&mut self, fault: Option<Fault>, managed: bool) -> Vec<Turn> {
        let mut turns = Vec::new();
        let last = self.known.iter().rposition(Known::is_ours);
        for (place, known) in self.known.iter_mut().enumerate() {
            let fault = fault.filter(|_| managed && known.invocation.done.is_none() || Some(place) == last);
            known.settle(true, fault, managed, &mut turns);
        }
        turns
    }

    /// Whether the latest invocation failed.
    pub fn has_just_failed(&self) -> bool {
        self.known.iter().rfind(|known| known.is_ours()).is_some_and(|known| known.failed)
    }

    /// The first invocation of the environment, as long as it is remembered.
    pub fn first(&self) -> Option<&Invocation> {
        self.known.iter().map(|known| &known.invocation).find(|invocation| invocation.first)
    }

    /// How many are remembered.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    fn is_first(&mut self) -> bool {
        !std::mem::replace(&mut self.any, true)
    }

    /// The latest invocation `id` that `fits`, else a new one.
    fn latest(&mut self, id: &str, fits: impl Fn(&Known) -> bool) -> &mut Invocation {
        let place = self.known.iter().rposition(|known| known.invocation.id == id && fits(known));
        match place {
            Some(place) => &mut self.known[place].invocation,
            None => self.add(id),
        }
    }

    fn add(&mut self, id: &str) -> &mut Invocation {
        let invocation = Invocation { id: id.into(), ..Invocation::default() };
        self.known.push_back(Known { invocation, over: false, failed: false, reported: false });
        let last = self.known.len() - 1;
        &mut self.known[last].invocation
    }

    /// Keeps the state small.
    fn forget(&mut self, managed: bool, turns: &mut Vec<Turn>) {
        let mut over = self.known.iter().filter(|known| known.over).count();
        self.known.retain(|known| {
            let is_old = known.over && over > MOST_OVER;
            over -= usize::from(is_old);
            !is_old
        });
        while self.known.len() > MOST_OPEN + MOST_OVER {
            if let Some(mut oldest) = self.known.pop_front() {
                oldest.settle(true, None, managed, turns);
            }
        }
    }
}

impl Known {
    /// Whether more is known than its report. That of an invocation before the environment was reset may come late;
    /// it was told of then.
    fn is_ours(&self) -> bool {
        self.invocation.announced || self.invocation.done.is_some()
    }

    /// Whether `event`, a `platform.start`, is of this one: it is announced, or its end came first, or it is a repeat.
    fn fits_start(&self, event: &Event) -> bool {
        let Invocation { start, done, .. } = &self.invocation;
        let end = done.as_ref().and_then(|done| done.time);
        match (start, end, event.time) {
            (Some(_), _, _) => *start == event.time,
            (None, Some(end), Some(start)) => start <= end,
            _ => true,
        }
    }

    /// Tells what became plain. `last_word`: no more is expected; then, if there is no word of its end, `end` is what
    /// that means.
    fn settle(&mut self, last_word: bool, end: Option<Fault>, managed: bool, turns: &mut Vec<Turn>) {
        let invocation = &self.invocation;
        if !self.is_ours() && !managed {
            self.over |= last_word;
            return;
        }
        let fault = match invocation.outcome(last_word, end) {
            Outcome::Open => return,
            Outcome::Fine => None,
            Outcome::Failed(fault) => Some(fault),
        };
        if let Some(fault) = fault
            && !self.failed
        {
            self.failed = true;
            turns.push(Turn::Failed(invocation.clone(), fault));
        }
        let has_begun = invocation.start.is_some() || invocation.report.is_some();
        let was_over = self.over;
        if !was_over && (has_begun || last_word) {
            self.over = true;
            turns.push(Turn::Over(invocation.clone(), fault));
        }
        if self.over && invocation.report.is_some() && !self.reported {
            self.reported = true;
            if was_over {
                turns.push(Turn::Reported(invocation.clone()));
            }
        }
    }
}
