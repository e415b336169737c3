//! Telemetry in memory: proved OTLP bytes.

use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;

use crate::otlp::schema::Type;
use crate::otlp::split::{Most, Piece};
use crate::{Lease, Signal, otlp};

/// Telemetry of one signal: a list of OTLP export requests as protobuf bytes, each proved to decode.
///
/// To hold a batch is to know that it decodes: the only ways in are [`Batch::admit`] and
/// [`Batch::admit_json`]. The requests back to back are one valid request, since an export request is a single
/// repeated field; so merging is moving pointers. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Batch {
    signal: Signal,
    parts: Vec<Part>,
}

/// One complete export request.
#[derive(Clone, Debug)]
struct Part {
    bytes: Bytes,
    items: usize,
    /// Held for its `Drop`: it returns the bytes to the budget when the last clone of this part is gone.
    lease: Rc<Lease>,
}

/// An OTLP export request of `opentelemetry-proto`, for stages that must look inside.
pub trait Request: prost::Message + Default {
    /// The signal whose requests have this type.
    const SIGNAL: Signal;
}

impl Request for ExportTraceServiceRequest {
    const SIGNAL: Signal = Signal::Traces;
}
impl Request for ExportMetricsServiceRequest {
    const SIGNAL: Signal = Signal::Metrics;
}
impl Request for ExportLogsServiceRequest {
    const SIGNAL: Signal = Signal::Logs;
}

impl Batch {
    /// Proves that `bytes` are a complete protobuf export request of `signal` and counts its items.
    ///
    /// Accepts exactly what `prost` decodes. `lease` is what the receiver took for the body; it is set to the
    /// size of `bytes` and returned when the batch is gone.
    ///
    /// # Errors
    /// [`Malformed`], with the place in the message.
    pub fn admit(signal: Signal, bytes: Bytes, mut lease: Lease) -> Result<Batch, Malformed> {
        let items = otlp::check::count(signal, &bytes)?;
        lease.settle(bytes.len());
        Ok(Batch { signal, parts: vec![Part { bytes, items, lease: Rc::new(lease) }] })
    }

    /// The same for OTLP/JSON, which it writes as protobuf
    /// (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>). The lease becomes that of the protobuf.
    ///
    /// Takes what the Go Collector takes; what is no UTF-8 in a string becomes U+FFFD.
    ///
    /// # Errors
    /// [`Malformed`], with line, column and the field.
    pub fn admit_json(signal: Signal, json: &[u8], lease: Lease) -> Result<Batch, Malformed> {
        let request = otlp::json::to_protobuf(signal, json)?;
        Batch::admit(signal, Bytes::from(request), lease)
    }

    /// The signal.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// How many spans, data points or log records it holds.
    pub fn items(&self) -> usize {
        self.parts.iter().map(|part| part.items).sum()
    }

    /// Its size in bytes of OTLP.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.bytes.len()).sum()
    }

    /// Whether it holds no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The requests it consists of; back to back they are one request.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.parts.iter().map(|part| &part.bytes)
    }

    /// Appends `other`, of the same signal, without touching a byte.
    pub fn merge(&mut self, other: Batch) {
        debug_assert_eq!(self.signal, other.signal);
        self.parts.extend(other.parts);
    }

    /// Cuts its list of requests in half, if it consists of more than one: the second half is returned.
    #[must_use]
    pub fn split_off_parts(&mut self) -> Option<Batch> {
        let rest = self.parts.split_off(self.parts.len().div_ceil(2));
        (!rest.is_empty()).then_some(Batch { signal: self.signal, parts: rest })
    }

    /// Cuts off what exceeds `most` items: `self` keeps at most so many, the rest is returned.
    ///
    /// Cuts between resources where it can, inside one where it must (both sides then carry the resource, scope
    /// and metric that they share). A `most` of 0 counts as 1.
    #[must_use]
    pub fn split_off_items(&mut self, most: usize) -> Option<Batch> {
        self.split_off(Most::Items(most.max(1)))
    }

    /// Cuts off what exceeds `most` bytes, like [`split_off_items`](Batch::split_off_items). A single item larger
    /// than that stays whole.
    #[must_use]
    pub fn split_off_bytes(&mut self, most: usize) -> Option<Batch> {
        self.split_off(Most::Bytes(most))
    }

    fn split_off(&mut self, most: Most) -> Option<Batch> {
        let mut left = most;
        let mut whole = 0;
        for part in &self.parts {
            match left.without(part.items, part.bytes.len()) {
                Some(less) => left = less,
                None => break,
            }
            whole += 1;
        }
        let has_items = self.parts[..whole].iter().any(|part| part.items > 0);
        let mut rest = self.parts.split_off(whole);
        if !has_items && let Some(part) = rest.first() {
            if let Some((front, back)) = otlp::split::cut(Type::request(self.signal), &part.bytes, left) {
                let front: Vec<Part> =
                    front.into_iter().filter_map(|piece| self.piece(part, piece)).collect();
                let back: Vec<Part> = back.into_iter().filter_map(|piece| self.piece(part, piece)).collect();
                self.parts.extend(front);
                rest.splice(..1, back);
            } else {
                self.parts.push(rest.remove(0));
            }
        }
        (!rest.is_empty()).then_some(Batch { signal: self.signal, parts: rest })
    }

    /// The part that `piece` of `part` becomes. Shared bytes share the lease: they stay in memory together.
    fn piece(&self, part: &Part, piece: Piece) -> Option<Part> {
        let (bytes, lease) = match piece {
            Piece::Shared(bytes) => (bytes, part.lease.clone()),
            Piece::New(bytes) => {
                let lease = Rc::new(part.lease.beside(bytes.len()));
                (Bytes::from(bytes), lease)
            }
        };
        let items = otlp::split::count(Type::request(self.signal), &bytes);
        (!bytes.is_empty()).then_some(Part { bytes, items, lease })
    }

    /// Decodes it all into one typed request. Only stages that must look inside pay for this.
    pub fn decode<M: Request>(&self) -> M {
        debug_assert_eq!(self.signal, M::SIGNAL);
        let mut request = M::default();
        for part in &self.parts {
            // Can't fail: what was admitted decodes.
            let decoded = request.merge(&part.bytes[..]);
            debug_assert_eq!(decoded, Ok(()));
        }
        request
    }

    /// Decodes, lets `change` edit, and encodes again.
    ///
    /// A change after which it no longer decodes (values nested deeper than the limit) is not made.
    pub fn edit<M: Request>(&mut self, change: impl FnOnce(&mut M)) {
        self.edit_if(|request| {
            change(request);
            true
        });
    }

    /// The same, but stays the bytes it was if `change` says, with false, that it has changed nothing.
    pub fn edit_if<M: Request>(&mut self, change: impl FnOnce(&mut M) -> bool) {
        let Some(part) = self.parts.first() else { return };
        let mut request: M = self.decode();
        if !change(&mut request) {
            return;
        }
        let bytes = Bytes::from(request.encode_to_vec());
        match otlp::check::count(self.signal, &bytes) {
            Ok(items) => {
                let lease = Rc::new(part.lease.beside(bytes.len()));
                self.parts = vec![Part { bytes, items, lease }];
            }
            Err(malformed) => log::error!("a change to {} was not made: {malformed}", self.signal),
        }
    }

    /// Lets `change` edit the attributes of each resource; everything else, and other fields of the resource,
    /// stay the bytes they were. A missing resource counts as one without attributes.
    pub fn edit_resources(&mut self, mut change: impl FnMut(&mut Vec<KeyValue>)) {
        for part in &mut self.parts {
            if let Some(edited) = otlp::edit::resources(&part.bytes, &mut change) {
                part.lease = Rc::new(part.lease.beside(edited.len()));
                part.bytes = Bytes::from(edited);
            }
        }
    }

    /// The whole as one OTLP/JSON request.
    pub fn to_json(&self) -> Vec<u8> {
        otlp::json::from_protobuf(self.signal, self.parts().map(|part| &part[..]))
    }
}

/// Why bytes are no OTLP request, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong and where, for example `resource_spans[0].scope_spans[0].spans[3].name: invalid UTF-8`.
    pub message: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests;
