//! Each processor, built as from a configuration, on whole requests.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod attributes;
mod coldstart;
mod configuration;
mod filter;
mod measured;
mod probabilistic_sampler;
mod resource;
mod resourcedetection;
mod span;
mod stage;
mod transform;
