//! The `nop` receiver: receives nothing, for pipelines that only have to be there.

use async_trait::async_trait;
use config::{Mistakes, Node};
use pipeline::{Context, Inlet, Receiver, Stop};
use serde::Deserialize;

/// There is nothing to write.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {}

/// Makes a `nop` receiver.
///
/// # Errors
/// Any key.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Receiver>, Mistakes> {
    let Config {} = node.read()?;
    Ok(Box::new(Nop))
}

struct Nop;

#[async_trait(?Send)]
impl Receiver for Nop {
    async fn run(self: Box<Self>, _: Inlet, mut stop: Stop) {
        stop.wait().await;
    }
}
