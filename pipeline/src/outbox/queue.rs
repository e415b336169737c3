//! What waits for an exporter: bounded, oldest first, merged on the way out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::component::Sizer;
use crate::{Batch, Signal};

/// Batches that wait, in the order in which they arrived.
pub(super) struct Queue {
    waiting: VecDeque<Entry>,
    bounds: Bounds,
    next: u64,
}

/// The most that a queue holds: whichever bound is reached first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// In units of `sizer`, as the user wrote it.
    pub size: usize,
    pub sizer: Sizer,
    /// This queue's share of the budget, so that no exporter's backlog keeps telemetry from the others.
    pub bytes: usize,
}

/// One or more batches of the same signal, as one request to the backend.
#[derive(Clone)]
pub(super) struct Entry {
    pub batch: Batch,
    /// Its place in the order of arrival.
    place: u64,
    /// How many batches were merged into it.
    batches: usize,
    /// Whether it must not be merged with others: it was cut out of a request that was refused.
    pub alone: bool,
    /// When an attempt first failed, on the outbox's own clock.
    pub failed: Option<Duration>,
}

impl Queue {
    pub fn new(bounds: Bounds) -> Self {
        Queue { waiting: VecDeque::new(), bounds, next: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Items that wait.
    pub fn items(&self) -> usize {
        self.waiting.iter().map(|entry| entry.batch.items()).sum()
    }

    /// Bytes of `signal` that wait.
    pub fn bytes_of(&self, signal: Signal) -> usize {
        self.waiting.iter().filter(|e| e.batch.signal() == signal).map(|e| e.batch.len()).sum()
    }

    /// Appends `batch` and returns how many of the oldest items had to go for it.
    #[must_use]
    pub fn push(&mut self, batch: Batch) -> usize {
        let place = self.next;
        self.next += 1;
        self.waiting.push_back(Entry { batch, place, batches: 1, alone: false, failed: None });
        self.shed()
    }

    /// Returns `entry` to its place in the order of arrival, and how many of the oldest items had to go for it.
    #[must_use]
    pub fn put_back(&mut self, entry: Entry) -> usize {
        let at = self.waiting.partition_point(|other| other.place <= entry.place);
        self.waiting.insert(at, entry);
        self.shed()
    }

    /// Takes the oldest batch whose signal is `free`, merged with those of its signal that came after it up to
    /// `merge_bytes`, and cut to at most `most_bytes` and `most_items`.
    pub fn take(
        &mut self,
        free: impl Fn(Signal) -> bool,
        merge_bytes: usize,
        most_bytes: usize,
        most_items: usize,
    ) -> Option<Entry> {
        let at = self.waiting.iter().position(|entry| free(entry.batch.signal()))?;
        let mut entry = self.waiting.remove(at)?;
        let mut i = at;
        let (mut bytes, mut items) = (entry.batch.len(), entry.batch.items());
        while !entry.alone && i < self.waiting.len() {
            let next = &self.waiting[i];
            if next.alone || next.batch.signal() != entry.batch.signal() {
                i += 1;
                continue;
            }
            bytes += next.batch.len();
            items += next.batch.items();
            if bytes > merge_bytes.min(most_bytes) || items > most_items {
                break;
            }
            let Some(next) = self.waiting.remove(i) else { break };
            entry.absorb(next);
        }
        for rest in [entry.batch.split_off_items(most_items), entry.batch.split_off_bytes(most_bytes)] {
            if let Some(batch) = rest {
                // Cut off behind the entry, so before everything that came later. Second cut, first place.
                let at = self.waiting.partition_point(|other| other.place < entry.place);
                self.waiting.insert(at, Entry { batch, batches: 1, ..entry.clone() });
            }
        }
        Some(entry)
    }

    fn shed(&mut self) -> usize {
        let mut items = 0;
        while self.is_over() && self.waiting.len() > 1 {
            items += self.waiting.pop_front().map_or(0, |oldest| oldest.batch.items());
        }
        items
    }

    fn is_over(&self) -> bool {
        let sum = |size: fn(&Entry) -> usize| self.waiting.iter().map(size).sum::<usize>();
        let bytes = |entry: &Entry| entry.batch.len();
        let size = match self.bounds.sizer {
            Sizer::Requests => sum(|entry| entry.batches),
            Sizer::Items => sum(|entry| entry.batch.items()),
            Sizer::Bytes => sum(bytes),
        };
        size > self.bounds.size || sum(bytes) > self.bounds.bytes
    }
}

impl Entry {
    /// Cuts it in two that are never merged again: the halves of its list of requests.
    pub fn halve(mut self) -> Result<(Entry, Entry), Entry> {
        match self.batch.split_off_parts() {
            None => Err(self),
            Some(batch) => {
                self.alone = true;
                let rest = Entry { batch, ..self.clone() };
                Ok((self, rest))
            }
        }
    }

    /// Cuts it in two of at most `most` bytes each, where that is possible.
    pub fn cut(mut self, most: usize) -> Result<(Entry, Entry), Entry> {
        match self.batch.split_off_bytes(most) {
            None => Err(self),
            Some(batch) => {
                let rest = Entry { batch, ..self.clone() };
                Ok((self, rest))
            }
        }
    }

    fn absorb(&mut self, later: Entry) {
        self.batches += later.batches;
        self.failed = self.failed.or(later.failed);
        self.batch.merge(later.batch);
    }
}
