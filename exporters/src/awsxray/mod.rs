//! `awsxray`: OpenTelemetry spans as X-Ray segment documents.
//!
//! Read [`translate`] for the way from a request to its documents, `document.rs` for what one is made of,
//! `exporter.rs` for how they are delivered.

mod annotations;
mod api;
mod attributes;
pub mod cause;
mod config;
mod contrib;
mod delivery;
mod document;
mod exporter;
mod failure;
mod http;
mod id;
mod improved;
mod json;
mod keys;
mod lambda;
mod letters;
mod limits;
mod links;
mod local_root;
mod make;
mod name;
mod origin;
mod segment;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod translate;
mod udp;
mod url;

pub(crate) use config::build;
pub use document::Document;
pub use id::Id;
pub use settings::{FunctionSegment, Mapping, Settings};
pub use translate::{Facts, Translation, Untranslated, translate};
