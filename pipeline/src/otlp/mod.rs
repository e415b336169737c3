//! OTLP as bytes: what its messages are, whether bytes are one, and how to read and write them as JSON.

pub(crate) mod check;
#[cfg(test)]
mod grow;
pub(crate) mod schema;
pub(crate) mod wire;
