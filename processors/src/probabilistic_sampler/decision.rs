//! Whether an item is sampled, and what it then says of it: a function of values.

use super::threshold::{self, MOST, NEVER};

/// How it is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    pub mode: Mode,
    /// Whether what can't be decided on is dropped.
    pub fail_closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Nothing is sampled.
    Never,
    /// By a hash, against this threshold.
    Hash(u64),
    /// Against this threshold, or the higher one that the item was sampled by before.
    Equalizing(u64),
    /// This share of what was sampled before.
    Proportional { ratio: f64, precision: u32 },
}

/// What an item says of earlier sampling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub threshold: Option<u64>,
    pub randomness: Option<u64>,
}

/// What an item is decided by.
#[derive(Debug)]
pub struct Item {
    /// Nothing if it could not be read.
    pub known: Option<Known>,
    /// The randomness in its trace id.
    pub traced: Option<u64>,
    /// The randomness in the hash of its trace id or attribute.
    pub hashed: Option<u64>,
    /// The threshold that it wants for itself.
    pub priority: Option<u64>,
}

/// What a sampled item is to say from now on; nothing: what it says already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    pub threshold: Option<u64>,
    pub randomness: Option<u64>,
}

impl Sampler {
    /// Decides; nothing if the item is dropped.
    pub fn decide(&self, item: &Item) -> Option<Sampled> {
        let mut sampled = Sampled::default();
        let mut known = item.known;
        let randomness = match self.mode {
            Mode::Never => Some(MOST),
            Mode::Hash(_) => {
                // Who has sampled consistently before must not be mixed with hashes.
                known = known.filter(|known| *known == Known::default());
                sampled.randomness = known.and(item.hashed);
                item.hashed
            }
            Mode::Equalizing(_) | Mode::Proportional { .. } => {
                known.and_then(|known| known.randomness.or(item.traced))
            }
        };
        let threshold = match (known, randomness) {
            // A threshold that its randomness does not reach is a lie, and is forgotten.
            (Some(Known { threshold: Some(lie), .. }), Some(randomness)) if lie > randomness => {
                known = Some(Known::default());
                None
            }
            (Some(known), Some(_)) => Some(self.threshold(known)),
            (None, _) | (_, None) => None,
        };
        let undecided = if self.fail_closed { NEVER } else { 0 };
        let threshold = item.priority.or(threshold).unwrap_or(undecided);
        if randomness.unwrap_or(MOST) < threshold {
            return None;
        }
        match known {
            None => return Some(Sampled::default()),
            // A probability may fall, never rise.
            Some(Known { threshold: Some(before), .. }) if before > threshold => {}
            Some(_) => sampled.threshold = Some(threshold),
        }
        Some(sampled)
    }

    fn threshold(&self, known: Known) -> u64 {
        match self.mode {
            Mode::Never => NEVER,
            Mode::Hash(threshold) => threshold,
            Mode::Equalizing(threshold) => known.threshold.map_or(threshold, |before| before.max(threshold)),
            Mode::Proportional { ratio, precision } => {
                let before = known.threshold.map_or(1.0, threshold::probability);
                threshold::of_probability(before * ratio, precision).unwrap_or(NEVER)
            }
        }
    }
}
