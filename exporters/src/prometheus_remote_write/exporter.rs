//! The exporter: translates a batch and posts its series.

use std::future::ready;
use std::time::SystemTime;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use pipeline::{Batch, Delivered, Exporter, Sending, Signal, Undelivered};
use prost::Message;

use super::series::{Settings, translate};
use super::snappy::compress;
use super::wire::WriteRequest;
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
    /// Of several requests one that fails for now ends the attempt. All are sent again then: what a server has
    /// already, it knows by time and value.
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        let mut translation = translate(&batch.decode(), &self.settings);
        let (mut lost, mut why) = (translation.lost, std::mem::take(&mut translation.why));
        let (mut is_taken, mut is_refused) = (false, false);
        for chunk in self.chunks(translation.series(), |(_, series)| series.encoded_len()) {
            let points: usize = chunk.iter().map(|(points, _)| points).sum();
            let timeseries = chunk.into_iter().map(|(_, series)| series).collect();
            match self.post(WriteRequest { timeseries, ..WriteRequest::default() }).await {
                Ok(()) => is_taken = true,
                Err(Undelivered::Refused { cause }) => {
                    (lost, why, is_refused) = (lost + points, cause.to_string(), true);
                }
                Err(later) => return Err(later),
            }
        }
        if is_refused && !is_taken {
            return Err(Undelivered::Refused { cause: why.into() });
        }
        // Metadata alone would be of no series.
        let metadata = translation.metadata().filter(|_| is_taken);
        for metadata in self.chunks(metadata, Message::encoded_len) {
            match self.post(WriteRequest { metadata, ..WriteRequest::default() }).await {
                Err(Undelivered::Refused { cause }) => why = format!("metadata: {cause}"),
                outcome => outcome?,
            }
        }
        match (lost, why) {
            (0, why) if why.is_empty() => Ok(Delivered::All),
            (rejected, message) => Ok(Delivered::Partly { rejected, message }),
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
    async fn post(&self, request: WriteRequest) -> Result<(), Undelivered> {
        let body = compress(&request.encode_to_vec());
        let mut headers = self.headers.clone();
        if let Some(credentials) = &self.url.credentials {
            headers.entry(AUTHORIZATION).or_insert(credentials.clone());
        }
        match self.client.post(&self.url.path, headers, ready(vec![body.into()].into())).await {
            Ok(answer) => verdict(&answer, &self.url),
            Err(failure) => {
                let cause = format!("POST {}: {failure}", self.url).into();
                Err(Undelivered::Retry { after: None, cause })
            }
        }
    }

    /// `items` in requests of at most `most_bytes`.
    fn chunks<T>(&self, items: impl Iterator<Item = T>, size: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
        let mut chunks: Vec<Vec<T>> = Vec::new();
        let mut bytes = 0;
        for one in items {
            let size = size(&one);
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
