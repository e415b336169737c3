//! `prometheusremotewrite`: metrics as Prometheus's Remote-Write 1.0
//! (<https://prometheus.io/docs/specs/prw/remote_write_spec/>).
//!
//! Read `series.rs` for the way from a request to its series, `names.rs` and `labels.rs` for what they are called,
//! `native.rs` for exponential histograms.

mod config;
mod exemplars;
mod exporter;
mod labels;
mod metadata;
mod names;
mod native;
mod series;
mod snappy;
mod translation;
mod wire;

pub(crate) use config::build;
