//! The real binary in a simulated Lambda: what a function's owner may rely on.

mod configuration;
mod events;
mod ledger;
mod outage;
mod relay;
mod stage;
mod trouble;
