//! The rules of the Go Collector's exporter.

pub mod aws;
pub mod http;
pub mod naming;
pub mod sql;
