//! The OpenTelemetry Collector's YAML, read strictly into typed values. Knows no component.

mod document;
mod duration;
mod env;
mod expand;
mod id;
mod mistakes;
mod node;
mod place;
mod provider;
mod read;
mod read_error;
mod scalar;
mod secret;
mod tree;
mod yaml;

pub use document::Section;
pub use duration::duration;
pub use env::Env;
pub use id::Id;
pub use mistakes::{Mistake, Mistakes, Warnings};
pub use node::Node;
pub use place::Part;
pub use provider::{Provider, Providers};
pub use secret::{Headers, Secret};
