//! OTLP as bytes: what its messages are, whether bytes are one, and how to read and write them as JSON.

pub(crate) mod check;
pub(crate) mod edit;
#[cfg(test)]
pub(crate) mod grow;
pub(crate) mod json;
pub(crate) mod schema;
pub(crate) mod split;
pub(crate) mod wire;
