//! The engine: what telemetry is in memory, the three contracts, and how it reaches a backend in time.
//!
//! Knows no Lambda, no shape of YAML, no socket. Read `component.rs` for the contracts, `batch.rs` for the
//! data, `outbox/` for queue, retry and timeout, `service/` for the way from a receiver to the exporters.

mod batch;
mod budget;
pub mod calendar;
mod component;
mod declared;
mod echo;
mod host;
mod inlet;
pub mod log;
mod number;
mod otlp;
mod outbox;
mod quote;
mod service;
mod signal;
#[cfg(test)]
mod testing;
mod text;

pub use batch::{Batch, Malformed, Request};
pub use budget::{Budget, Full, Lease};
pub use component::{
    Build, Context, Delivered, Error, Exporter, Factory, Processor, QueueBatch, Receiver, RetryOnFailure,
    Sending, SendingQueue, Sizer, Undelivered,
};
pub use declared::Declared;
pub use host::{Host, Invocation, is_this_host};
pub use inlet::{Inlet, Stop, Trigger};
pub use number::shortest;
pub use service::{Flushed, OwnMetrics, PipelinePlan, Plan, Service};
pub use signal::{Signal, count};
pub use text::text;
