//! The `nop` exporter: takes everything and sends it nowhere.

use async_trait::async_trait;
use config::{Mistakes, Node};
use pipeline::{Batch, Context, Delivered, Exporter, Undelivered};
use serde::Deserialize;

/// There is nothing to write.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {}

/// Makes a `nop` exporter.
///
/// # Errors
/// Any key.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Exporter>, Mistakes> {
    let Config {} = node.read()?;
    Ok(Box::new(Nop))
}

struct Nop;

#[async_trait(?Send)]
impl Exporter for Nop {
    async fn export(&self, _: &Batch) -> Result<Delivered, Undelivered> {
        Ok(Delivered::All)
    }
}
