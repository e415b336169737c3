//! The `decouple` processor of the Go Lambda layer. Here every exporter is decoupled by nature, so it only reads its
//! settings and lets everything pass.

use config::{Mistakes, Node};
use pipeline::{Batch, Context, Processor};
use serde::Deserialize;

/// What a user may write, with the Go layer's defaults.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Accepted; what waits is bounded by the memory budget and by `sending_queue.queue_size`.
    max_queue_size: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { max_queue_size: 200 }
    }
}

/// Makes a `decouple` processor.
///
/// # Errors
/// What is no valid setting, as the Go layer has it.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let config: Config = node.read()?;
    if config.max_queue_size == 0 {
        return Err(node.mistake("max_queue_size", "found 0; expected at least 1"));
    }
    if node.get("max_queue_size").is_some() {
        node.warn(
            "max_queue_size",
            "changes nothing here: sending_queue.queue_size of the exporters bounds what waits",
        );
    }
    Ok(Box::new(Passing))
}

/// Lets everything pass.
pub(crate) struct Passing;

impl Processor for Passing {
    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>) {
        out.push(batch);
    }
}
