//! What a server answered.

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::Failure;
use super::compression::inflate;

/// The most of an answer's body that is read unless the client says otherwise, and of what it inflates to: an OTLP
/// response is a few words.
pub(super) const MOST_OF_ANSWER: usize = 64 * 1024;

/// An answer. Once its head is here the server has decided; so a body that breaks off makes no failure of it.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, without its `Content-Encoding`, cut off where the client wants no more.
    pub body: Bytes,
    /// What came after the body: gRPC's verdict.
    pub trailers: HeaderMap,
    /// Why there was less of it than there should have been.
    pub broken: Option<String>,
}

impl Answer {
    /// Reads an answer to its end, or `most` bytes of it.
    pub(super) async fn read(response: Response<Incoming>, most: usize) -> Answer {
        let (head, mut incoming) = response.into_parts();
        let mut answer = Answer { status: head.status, headers: head.headers, ..Answer::default() };
        let mut body = Vec::new();
        while let Some(frame) = incoming.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => body.extend_from_slice(&data),
                Ok(Err(frame)) => answer.trailers = frame.into_trailers().unwrap_or_default(),
                Err(error) => {
                    answer.broken = Some(Failure::new("the answer broke off", &error).0);
                    break;
                }
            }
            if body.len() > most {
                body.truncate(most);
                answer.broken = Some(format!("the answer is longer than {} KiB", most >> 10));
                break;
            }
        }
        answer.body = match answer.header(CONTENT_ENCODING.as_str()) {
            "" | "identity" => body.into(),
            encoding => inflate(encoding, &body, most).unwrap_or_default().into(),
        };
        answer
    }

    /// A header's text, empty if it is absent or no text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
