//! The exporter: translates a batch and posts its series.

use std::future::ready;
use std::time::SystemTime;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use pipeline::{Batch, Delivered, Exporter, Sending, Signal, Undelivered};
use prost::Message;

use super::series::{Settings, translate};
use super::snappy::compress;
use super::wire::{TimeSeries, WriteRequest};
use crate::http::{Answer, Client, Url};
use crate::otlp::answer::{excerpt, retry_after};

/// Posts each batch of metrics as series.
pub(super) struct RemoteWrite {
    pub client: Client,
    pub url: Url,
    pub headers: HeaderMap,
    pub settings: Settings,
    /// The most bytes of one request, before compression; a single series may be larger.
    pub most_bytes: usize,
    pub sending: Sending,
}

#[async_trait(?Send)]
impl Exporter for RemoteWrite {
    /// Of several requests a failed one ends the attempt. All are sent again then: what a server has already, it
    /// knows by time and value.
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        let request: ExportMetricsServiceRequest = batch.decode();
        let translation = translate(&request, &self.settings);
        drop(request);
        for timeseries in self.chunks(translation.series()) {
            let body = compress(&WriteRequest { timeseries }.encode_to_vec());
            let mut headers = self.headers.clone();
            if let Some(credentials) = &self.url.credentials {
                headers.entry(AUTHORIZATION).or_insert(credentials.clone());
            }
            match self.client.post(&self.url.path, headers, ready(vec![body.into()].into())).await {
                Ok(answer) => verdict(&answer, &self.url)?,
                Err(failure) => {
                    let cause = format!("POST {}: {failure}", self.url).into();
                    return Err(Undelivered::Retry { after: None, cause });
                }
            }
        }
        match translation.lost {
            0 => Ok(Delivered::All),
            rejected => Ok(Delivered::Partly { rejected, message: translation.why }),
        }
    }

    fn takes(&self, signal: Signal) -> Result<(), String> {
        match signal {
            Signal::Metrics => Ok(()),
            _ => Err(format!("Prometheus takes metrics alone, no {signal}")),
        }
    }

    fn sending(&self) -> Sending {
        self.sending.clone()
    }
}

impl RemoteWrite {
    fn chunks(&self, series: impl Iterator<Item = TimeSeries>) -> Vec<Vec<TimeSeries>> {
        let mut chunks: Vec<Vec<TimeSeries>> = Vec::new();
        let mut bytes = 0;
        for one in series {
            let size = one.encoded_len();
            match chunks.last_mut().filter(|_| bytes + size < self.most_bytes) {
                Some(chunk) => chunk.push(one),
                None => {
                    chunks.push(vec![one]);
                    bytes = 0;
                }
            }
            bytes += size;
        }
        chunks
    }
}

/// 5xx and 429 pass, what else is no success does not
/// (<https://prometheus.io/docs/specs/prw/remote_write_spec/#retries-backoff>).
fn verdict(answer: &Answer, url: &Url) -> Result<(), Undelivered> {
    if answer.status.is_success() {
        return Ok(());
    }
    let words = std::str::from_utf8(&answer.body).map(excerpt).unwrap_or_default();
    let cause = format!("POST {url}: {}: {words}", answer.status);
    let cause = cause.trim_end_matches([':', ' ']).into();
    let after = retry_after(answer.header(RETRY_AFTER.as_str()), SystemTime::now());
    Err(match answer.status {
        StatusCode::PAYLOAD_TOO_LARGE => Undelivered::TooLarge { cause },
        StatusCode::TOO_MANY_REQUESTS => Undelivered::Retry { after, cause },
        status if status.is_server_error() => Undelivered::Retry { after, cause },
        _ => Undelivered::Refused { cause },
    })
}
