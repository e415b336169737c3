//! The real binary in a simulated Lambda: what a function's owner may rely on.

#![allow(clippy::unwrap_used, reason = "a scenario that can't go on has failed")]

mod coldstart;
mod configuration;
mod echo;
mod environment;
mod events;
mod examples;
mod ledger;
mod life;
mod listener;
mod outage;
mod own;
mod relay;
mod secrets;
mod stage;
mod telemetry;
mod trouble;
mod waiting;
