//! The `telemetryapi` receiver: what the platform's events become, as its pipelines get it.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod config;
mod differences;
mod golden;
mod harness;
mod invocations;
mod life;
mod logs;
mod mapping;
mod requests;
