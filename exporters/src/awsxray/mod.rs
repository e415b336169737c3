//! `awsxray`: OpenTelemetry spans as X-Ray segment documents.
//!
//! Read [`translate`] for the way from a request to its documents, `document.rs` for what one is made of.

pub mod cause;
mod document;
mod id;
mod json;
mod settings;
mod translate;

pub use document::Document;
pub use id::Id;
pub use settings::{FunctionSegment, Mapping, Settings};
pub use translate::{Facts, Translation, Untranslated, translate};
