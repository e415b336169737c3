//! The OTLP receiver as its clients see it, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod cases;
mod differences;
mod grpc;
mod harness;
mod limits;
mod sockets;
