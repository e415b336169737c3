//! This exporter's own rules: today's names before the old ones, and nothing lost that a span says.

pub mod aws;
pub mod extras;
pub mod http;
pub mod naming;
pub mod sql;
