//! What a user may write under `telemetryapi`.

use ::config::{Mistakes, Node};
use serde::Deserialize;

use super::feed::{Subscription, Types};

/// The receiver's settings, with the keys and defaults of the Go layer's receiver.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl Config {
    /// Reads and checks it.
    ///
    /// # Errors
    /// Whatever is wrong in it.
    pub fn read(node: &Node) -> Result<Self, Mistakes> {
        node.read()
    }

    /// What the platform is asked for.
    pub fn subscription(&self) -> Subscription {
        Subscription {
            types: Types { platform: true, function: true, extension: true },
            ..Subscription::default()
        }
    }
}
