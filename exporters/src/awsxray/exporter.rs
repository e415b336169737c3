//! The exporter: translates a batch, hands its documents to X-Ray, and keeps what has to be sent again.

use async_trait::async_trait;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::{Batch, Delivered, Exporter, Host, Sending, Signal, Undelivered};

use super::delivery::{Fate, settle};
use super::udp::Daemon;
use super::{Document, Facts, Settings, translate};
use crate::session::Api;

/// Sends each batch of spans as segment documents.
pub struct AwsXray {
    /// Its id in the configuration.
    pub id: String,
    /// What the user chose of the translation.
    pub settings: Settings,
    /// Where invocations are known.
    pub host: Host,
    /// The way to X-Ray.
    pub transport: Transport,
    /// How the outbox treats it.
    pub sending: Sending,
}

/// A way to X-Ray.
pub enum Transport {
    /// Its own API.
    Api(Box<Api>),
    /// Its daemon on the same machine.
    Udp(Daemon),
}

impl Transport {
    async fn send(&self, documents: &[Document]) -> Vec<Fate> {
        match self {
            Transport::Api(api) => api.send(documents).await,
            Transport::Udp(daemon) => daemon.send(documents).await,
        }
    }
}

#[async_trait(?Send)]
impl Exporter for AwsXray {
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        let request: ExportTraceServiceRequest = batch.decode();
        let invocations = self.host.invocations();
        let translation = translate(&request, &self.settings, &Facts { invocations: &invocations });
        drop(request);
        if translation.shortened > 0 {
            log::warn!(
                "otelcol.component.id":% = self.id, "otelcol.component.kind" = "exporter";
                "{} documents were too long for X-Ray: their metadata tells what was left out",
                translation.shortened
            );
        }
        let fates = self.transport.send(&translation.documents).await;
        settle(batch, &translation, &fates)
    }

    fn takes(&self, signal: Signal) -> Result<(), String> {
        match signal {
            Signal::Traces => Ok(()),
            _ => Err(format!("X-Ray takes traces alone, no {signal}")),
        }
    }

    fn sending(&self) -> Sending {
        self.sending.clone()
    }
}
