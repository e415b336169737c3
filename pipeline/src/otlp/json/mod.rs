//! OTLP/JSON (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>), read into and written from
//! protobuf bytes along the table.

mod fault;
mod read;
mod scalar;
mod token;
mod write;

pub(crate) use read::to_protobuf;
pub(crate) use write::from_protobuf;

#[cfg(test)]
mod tests;
