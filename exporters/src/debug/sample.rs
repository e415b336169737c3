//! Sampling of equal messages, as zap does it.

use std::collections::HashMap;
use std::time::Duration;

use pipeline::Signal;
use tokio::time::Instant;

/// The time over which equal messages are counted.
const TICK: Duration = Duration::from_secs(1);

/// How many counters there are for a signal. Texts share them by hash, which bounds the memory.
const COUNTERS: u32 = 4096;

/// Lets the first `initial` of equal messages pass in a second, then each `thereafter`-th
/// (<https://pkg.go.dev/go.uber.org/zap/zapcore#NewSamplerWithOptions>).
#[derive(Debug)]
pub struct Sampler {
    initial: u64,
    thereafter: u64,
    counters: HashMap<(Signal, u32), Counter>,
}

#[derive(Debug)]
struct Counter {
    until: Instant,
    seen: u64,
}

impl Sampler {
    /// An `initial` below 0 lets everything pass, a `thereafter` of 0 or less nothing after the first.
    pub fn new(initial: i64, thereafter: i64) -> Self {
        Sampler {
            initial: u64::try_from(initial).unwrap_or(u64::MAX),
            thereafter: u64::try_from(thereafter).unwrap_or(0),
            counters: HashMap::new(),
        }
    }

    /// Counts `message` and says whether it passes.
    pub fn passes(&mut self, signal: Signal, message: &str, now: Instant) -> bool {
        // The default. It saves a walk over the text.
        if self.thereafter == 1 || self.initial == u64::MAX {
            return true;
        }
        let counter = (self.counters.entry((signal, hash(message) % COUNTERS)))
            .or_insert(Counter { until: now, seen: 0 });
        if counter.until <= now {
            *counter = Counter { until: now + TICK, seen: 0 };
        }
        counter.seen += 1;
        match counter.seen.checked_sub(self.initial) {
            None | Some(0) => true,
            Some(beyond) => self.thereafter != 0 && beyond.is_multiple_of(self.thereafter),
        }
    }
}

/// FNV-1a, as in zap, so that the same texts share a counter.
fn hash(text: &str) -> u32 {
    text.bytes().fold(2_166_136_261, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `messages`, all in one second, pass.
    fn passed(initial: i64, thereafter: i64, messages: &[(Signal, &str)]) -> usize {
        let mut sampler = Sampler::new(initial, thereafter);
        let now = Instant::now();
        messages.iter().filter(|(signal, message)| sampler.passes(*signal, message, now)).count()
    }

    #[test]
    fn the_first_pass_and_then_each_nth() {
        let ten = [(Signal::Logs, "x"); 10];
        for (initial, thereafter, expected) in
            [(2, 1, 10), (2, 0, 2), (2, 3, 4), (1, 100, 1), (0, 5, 2), (0, 0, 0), (-1, 0, 10), (2, -1, 2)]
        {
            assert_eq!(passed(initial, thereafter, &ten), expected, "{initial} {thereafter}");
        }
    }

    #[test]
    fn different_texts_and_signals_count_apart() {
        assert_eq!(passed(1, 0, &[(Signal::Logs, "one"), (Signal::Logs, "two"), (Signal::Logs, "one")]), 2);
        assert_eq!(passed(1, 0, &[(Signal::Logs, "one"), (Signal::Traces, "one")]), 2);
    }

    #[test]
    fn a_second_after_the_first_of_them_the_count_begins_anew() {
        let mut sampler = Sampler::new(1, 0);
        let start = Instant::now();
        let mut passes = |after| sampler.passes(Signal::Logs, "x", start + Duration::from_millis(after));
        assert_eq!(
            [passes(0), passes(999), passes(1000), passes(1999), passes(2500)],
            [true, false, true, false, true]
        );
    }
}
