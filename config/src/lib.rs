//! The OpenTelemetry Collector's YAML, read strictly into typed values. Knows no component.

mod document;
mod duration;
mod env;
mod expand;
mod id;
mod locate;
mod mistakes;
mod node;
mod place;
mod print;
mod provider;
mod read;
mod read_access;
mod read_error;
mod reference;
mod scalar;
mod secret;
mod section;
mod service;
mod tree;
mod words;
mod yaml;
mod yaml_error;

pub use document::{Document, Loaded};
pub use duration::{duration, parse_duration};
pub use env::Env;
pub use id::Id;
pub use locate::Lookup;
pub use mistakes::{Mistake, Mistakes, Warnings, valid_words};
pub use node::Node;
pub use place::Part;
pub use provider::{Answers, Provider, Providers};
pub use secret::{Headers, Secret};
pub use section::{Known, Section};
pub use service::{LogLevel, Pipeline, Telemetry};
pub use words::words;
