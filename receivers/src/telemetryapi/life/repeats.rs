//! Platform events that were delivered before.
//!
//! The platform delivers at least once: what it could not hand over it hands over again, perhaps with more behind it.

use std::collections::VecDeque;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::telemetryapi::Event;

/// What is delivered again follows soon; 8 KiB remember a full delivery of the usual size.
const REMEMBERED: usize = 1024;

/// The latest platform events.
#[derive(Default)]
pub struct Repeats {
    /// Those of earlier deliveries.
    earlier: VecDeque<u64>,
    /// Those of this one. Within one, equal events are two.
    now: Vec<u64>,
}

impl Repeats {
    /// Whether `event` came with an earlier delivery.
    pub fn is_repeat(&mut self, event: &Event) -> bool {
        let seen = BuildHasherDefault::<DefaultHasher>::default();
        let hash = seen.hash_one((event.time, &event.kind, &event.record));
        let is_repeat = self.earlier.contains(&hash);
        if !is_repeat {
            self.now.push(hash);
        }
        is_repeat
    }

    /// The delivery ends.
    pub fn end_delivery(&mut self) {
        self.earlier.extend(self.now.drain(..));
        let old = self.earlier.len().saturating_sub(REMEMBERED);
        self.earlier.drain(..old);
    }
}
