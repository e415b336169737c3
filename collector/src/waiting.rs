//! What stands for an exporter whose configuration refers to something that can't be had yet.

use std::time::Duration;

use async_trait::async_trait;
use pipeline::{Batch, Delivered, Exporter, Sending, Signal, Undelivered};

/// Takes an exporter's place in its pipelines until it can be built: what is to be sent waits.
pub struct Waiting(
    /// It, built with the references in the place of what they stand for, if that is possible.
    pub Option<Box<dyn Exporter>>,
);

#[async_trait(?Send)]
impl Exporter for Waiting {
    async fn export(&self, _: &Batch) -> Result<Delivered, Undelivered> {
        let cause = "the exporter waits for what its configuration refers to".into();
        Err(Undelivered::Retry { after: None, cause })
    }

    fn takes(&self, signal: Signal) -> Result<(), String> {
        self.0.as_ref().map_or(Ok(()), |exporter| exporter.takes(signal))
    }

    fn local_port(&self, signal: Signal) -> Option<u16> {
        self.0.as_ref()?.local_port(signal)
    }

    fn sending(&self) -> Sending {
        let mut sending = self.0.as_ref().map(|exporter| exporter.sending()).unwrap_or_default();
        // No attempt is made that could fail for good.
        (sending.retry.enabled, sending.retry.max_elapsed_time) = (true, Duration::ZERO);
        sending
    }
}
