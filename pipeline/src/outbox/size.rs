//! How large a request may be: as configured, or as learned from the backend.

use crate::Sending;
use crate::component::Sizer;

/// Requests grow by one part in so many with each one of nearly the largest size that a backend takes: a backend
/// with a fixed limit is asked too much once in some 45 requests, and one that refused by mistake is forgiven.
const GROWTH: usize = 64;

/// The largest request to make.
pub(super) struct RequestSize {
    configured: usize,
    bytes: usize,
    items: usize,
}

impl RequestSize {
    /// As configured.
    pub fn new(sending: &Sending) -> Self {
        let largest = sending.max_request_bytes.unwrap_or(usize::MAX);
        let configured = largest.min(queue_batch_size(sending, Sizer::Bytes));
        RequestSize { configured, bytes: configured, items: queue_batch_size(sending, Sizer::Items) }
    }

    /// As configured for another exporter of the same backend. What the backend taught stays, unless it was taught under
    /// another limit.
    pub fn renew(&mut self, sending: &Sending) {
        let new = RequestSize::new(sending);
        if (new.configured, new.items) != (self.configured, self.items) {
            *self = new;
        }
    }

    /// In bytes of OTLP.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// In spans, data points or log records.
    pub fn items(&self) -> usize {
        self.items
    }

    /// The backend found a request too large; `half` as large may do.
    pub fn was_too_large(&mut self, half: usize) {
        self.bytes = self.bytes.min(half);
    }

    /// The backend took a request of so many bytes.
    pub fn delivered(&mut self, bytes: usize) {
        if bytes >= self.bytes / 2 {
            self.bytes = self.bytes.saturating_add(self.bytes / GROWTH + 1).min(self.configured);
        }
    }
}

/// `sending_queue.batch.max_size`, if it counts what is `counted`.
fn queue_batch_size(sending: &Sending, counted: Sizer) -> usize {
    let batch = sending.queue.batch.as_ref().filter(|batch| batch.max_size > 0);
    let sizer = if sending.queue.sizer == Sizer::Bytes { Sizer::Bytes } else { Sizer::Items };
    let batch = batch.filter(|batch| batch.sizer.unwrap_or(sizer) == counted);
    batch.map_or(usize::MAX, |batch| batch.max_size)
}
