//! The `resource` processor: edits the attributes of each resource and leaves everything else the bytes it was.

use config::{Mistakes, Node};
use pipeline::{Batch, Context, Processor};
use serde::Deserialize;

use crate::actions::{ActionConfig, Actions};

/// What a user may write.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// What to do, in order.
    attributes: Vec<ActionConfig>,
}

/// Makes a `resource` processor.
///
/// # Errors
/// What is wrong with the list of actions.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let config: Config = node.read()?;
    Ok(Box::new(Resource(Actions::new(node, "attributes", config.attributes)?)))
}

struct Resource(Actions);

impl Processor for Resource {
    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        batch.edit_resources(|attributes| self.0.apply(attributes));
        out.push(batch);
    }
}
