//! What waits for an exporter: bounded, oldest first, merged on the way out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::component::Sizer;
use crate::{Batch, Signal};

/// Batches that wait, in the order in which they arrived.
pub(super) struct Queue {
    waiting: VecDeque<Entry>,
    /// The most that it holds, in units of `sizer`.
    size: usize,
    sizer: Sizer,
    next: u64,
    /// Of all that waits. A batch of many requests is not walked for each that comes.
    items: usize,
    /// The same, by signal.
    bytes: [usize; 3],
    /// Items that had to go, by signal.
    shed: [usize; 3],
}

/// One or more batches of the same signal, as one request to the backend.
pub(super) struct Entry {
    pub batch: Batch,
    /// Its place in the order of arrival: which batch it came with or was merged into, and how many items of
    /// that were cut off before it.
    place: (u64, usize),
    /// Whether it must not be merged with others: it was cut out of a request that was refused.
    pub alone: bool,
    /// When an attempt first failed, on the outbox's own clock. Entries that differ in this are not merged: what
    /// came later is not given up with what came first.
    pub failed: Option<Duration>,
    /// How often secrets had been looked up again before the first attempt whose sender the backend did not know.
    pub unknown: Option<u32>,
}

impl Queue {
    pub fn new(size: usize, sizer: Sizer) -> Self {
        let (waiting, size) = (VecDeque::new(), size.max(1));
        Queue { waiting, size, sizer, next: 0, items: 0, bytes: [0; 3], shed: [0; 3] }
    }

    /// Has other bounds from now on; what is over them goes when the next batch comes.
    pub fn bound(&mut self, size: usize, sizer: Sizer) {
        (self.size, self.sizer) = (size.max(1), sizer);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Items that wait.
    pub fn items(&self) -> usize {
        self.items
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes.iter().sum()
    }

    /// Bytes of `signal` that wait.
    pub fn bytes_of(&self, signal: Signal) -> usize {
        self.bytes[signal as usize]
    }

    /// Appends `batch`, merged with what came just before it up to `merge_bytes`, and returns how many of the
    /// oldest items had to go for it.
    #[must_use]
    pub fn push(&mut self, batch: Batch, merge_bytes: usize) -> usize {
        self.book(&batch);
        let before = self.waiting.iter_mut().rev().take(Signal::ALL.len());
        // Where items or bytes are counted, small entries let the queue be exact about what has to go.
        let mut before = before.filter(|entry| {
            self.sizer == Sizer::Requests && !entry.alone && entry.batch.signal() == batch.signal()
        });
        let fits =
            |entry: &&mut Entry| entry.failed.is_none() && entry.batch.len() + batch.len() <= merge_bytes;
        match before.next().filter(fits) {
            Some(entry) => entry.batch.merge(batch),
            None => {
                self.waiting.push_back(Entry {
                    batch,
                    place: (self.next, 0),
                    alone: false,
                    failed: None,
                    unknown: None,
                });
                self.next += 1;
            }
        }
        self.shed()
    }

    /// Returns `entry` to its place in the order of arrival, and how many of the oldest items had to go for it.
    #[must_use]
    pub fn put_back(&mut self, entry: Entry) -> usize {
        self.insert(entry);
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
        let mut entry = self.remove(at)?;
        let mut i = at;
        let (mut bytes, mut items) = (entry.batch.len(), entry.batch.items());
        while !entry.alone && i < self.waiting.len() {
            let next = &self.waiting[i];
            if next.alone || next.failed != entry.failed || next.batch.signal() != entry.batch.signal() {
                i += 1;
                continue;
            }
            bytes += next.batch.len();
            items += next.batch.items();
            if bytes > merge_bytes.min(most_bytes) || items > most_items {
                break;
            }
            let Some(next) = self.remove(i) else { break };
            entry.batch.merge(next.batch);
        }
        for most in [Most::Items(most_items), Most::Bytes(most_bytes)] {
            if let Some(rest) = entry.cut(most) {
                self.insert(rest);
            }
        }
        Some(entry)
    }

    /// Items of `signal` that had to go so far.
    pub fn shed_of(&self, signal: Signal) -> usize {
        self.shed[signal as usize]
    }

    /// Takes everything, oldest first.
    pub fn take_all(&mut self) -> Vec<Batch> {
        (self.items, self.bytes) = (0, [0; 3]);
        self.waiting.drain(..).map(|entry| entry.batch).collect()
    }

    /// Drops the oldest, but never the only one; returns its items.
    pub fn shed_oldest(&mut self) -> Option<usize> {
        if self.waiting.len() < 2 {
            return None;
        }
        let oldest = self.remove(0)?.batch;
        let items = oldest.items();
        self.shed[oldest.signal() as usize] += items;
        Some(items)
    }

    fn book(&mut self, batch: &Batch) {
        self.items += batch.items();
        self.bytes[batch.signal() as usize] += batch.len();
    }

    fn remove(&mut self, at: usize) -> Option<Entry> {
        let entry = self.waiting.remove(at)?;
        self.items -= entry.batch.items();
        self.bytes[entry.batch.signal() as usize] -= entry.batch.len();
        Some(entry)
    }

    fn insert(&mut self, entry: Entry) {
        self.book(&entry.batch);
        let at = self.waiting.partition_point(|other| other.place < entry.place);
        self.waiting.insert(at, entry);
    }

    fn shed(&mut self) -> usize {
        let mut items = 0;
        while self.is_over() {
            let Some(shed) = self.shed_oldest() else { break };
            items += shed;
        }
        items
    }

    fn is_over(&self) -> bool {
        let size = match self.sizer {
            Sizer::Requests => self.waiting.len(),
            Sizer::Items => self.items(),
            Sizer::Bytes => self.bytes(),
        };
        size > self.size
    }
}

impl Entry {
    /// Cuts off what exceeds `most`, where that is possible.
    pub fn cut(&mut self, most: Most) -> Option<Entry> {
        let rest = match most {
            Most::Items(most) => self.batch.split_off_items(most),
            Most::Bytes(most) => self.batch.split_off_bytes(most),
            Most::HalfTheParts => {
                let rest = self.batch.split_off_parts();
                self.alone |= rest.is_some();
                rest
            }
        };
        let place = (self.place.0, self.place.1 + self.batch.items());
        rest.map(|batch| Entry { batch, place, ..*self })
    }
}

/// Where to cut an [`Entry`].
#[derive(Clone, Copy)]
pub(super) enum Most {
    Items(usize),
    Bytes(usize),
    /// Between the requests it was merged of; neither half is merged again.
    HalfTheParts,
}
