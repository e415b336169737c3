//! What a user may write for the `probabilistic_sampler`.

use config::{Mistakes, Node};
use serde::Deserialize;

use super::decision::{Mode, Sampler};
use super::threshold::{self, NEVER};

/// What a user may write, with the Collector's defaults.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many of a hundred; more than 100 is all.
    sampling_percentage: f32,
    /// The seed of the hash, in mode `hash_seed`.
    pub hash_seed: u32,
    /// How it is decided; the modes are those of the Collector.
    mode: ModeName,
    /// Whether what can't be decided on is dropped.
    fail_closed: bool,
    /// How many hex digits of a threshold are written: 1 to 14.
    pub sampling_precision: u32,
    /// Logs: what the hash is of.
    pub attribute_source: Source,
    /// Logs: the attribute that is hashed where there is no trace id, or instead of it.
    pub from_attribute: String,
    /// Logs: the attribute that holds a percentage of the record's own.
    pub sampling_priority: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum ModeName {
    #[default]
    HashSeed,
    Equalizing,
    Proportional,
}

/// What a hash is of.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub enum Source {
    /// The trace id.
    #[default]
    #[serde(rename = "traceID")]
    TraceId,
    /// An attribute of the record.
    #[serde(rename = "record")]
    Record,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            sampling_percentage: 0.0,
            hash_seed: 0,
            mode: ModeName::default(),
            fail_closed: true,
            sampling_precision: 4,
            attribute_source: Source::default(),
            from_attribute: String::new(),
            sampling_priority: String::new(),
        }
    }
}

impl Config {
    /// Makes the sampler.
    pub fn sampler(&self, node: &Node) -> Result<Sampler, Mistakes> {
        let percentage = self.sampling_percentage.min(100.0);
        let ratio = f64::from(percentage) / 100.0;
        let finite = self.sampling_percentage.is_finite();
        if !finite || ratio < 0.0 || (ratio > 0.0 && ratio < threshold::LEAST_PROBABILITY) {
            let message = format!("found {}; expected 0 to 100", self.sampling_percentage);
            return Err(node.mistake("sampling_percentage", message));
        }
        if !(1..=14).contains(&self.sampling_precision) {
            let message = format!("found {}; expected 1 to 14 hex digits", self.sampling_precision);
            return Err(node.mistake("sampling_precision", message));
        }
        let mode = match self.mode {
            _ if ratio == 0.0 => Mode::Never,
            ModeName::Equalizing => {
                Mode::Equalizing(threshold::of_probability(ratio, self.sampling_precision).unwrap_or(NEVER))
            }
            ModeName::Proportional => Mode::Proportional { ratio, precision: self.sampling_precision },
            ModeName::HashSeed => match threshold::of_buckets(percentage) {
                NEVER => Mode::Never,
                threshold => Mode::Hash(threshold),
            },
        };
        Ok(Sampler { mode, fail_closed: self.fail_closed })
    }
}
