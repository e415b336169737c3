//! `awsxray` against an X-Ray that takes nothing that is not signed and sound, and against a daemon.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod api;
mod configuration;
mod credentials;
mod daemon;
#[path = "../support/mod.rs"]
mod support;
mod xray;
