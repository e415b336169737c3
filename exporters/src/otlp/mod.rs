//! What OTLP over HTTP and over gRPC have in common: settings, and what a backend's answer means.

pub(crate) mod answer;
pub(crate) mod grpc_status;
pub(crate) mod grpc_target;
pub(crate) mod settings;
