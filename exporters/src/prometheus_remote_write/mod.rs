//! `prometheusremotewrite`: metrics as Prometheus's Remote-Write 1.0
//! (<https://prometheus.io/docs/specs/prw/remote_write_spec/>).
//!
//! Read `series.rs` for the way from a request to its series, `names.rs` for what they are called.

mod config;
mod exporter;
mod names;
mod series;
mod snappy;
mod wire;

pub(crate) use config::build;
