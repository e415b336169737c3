//! `awsemf`: OTLP metrics in CloudWatch's Embedded Metric Format, of which CloudWatch makes metrics by itself: as lines on
//! stdout, which Lambda carries to the function's log group, or sent to a log group.
//!
//! Read `translate.rs` for the way from a request to its events, `emf.rs` for what one looks like, `exporter.rs` for
//! how they are delivered.

mod config;
mod declaration;
mod delta;
mod emf;
mod exponential;
mod exporter;
mod logs;
mod names;
mod points;
mod rest;
mod settings;
#[cfg(test)]
mod tests;
mod translate;

pub(crate) use config::build;
