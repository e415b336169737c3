//! PutTraceSegments: <https://docs.aws.amazon.com/xray/latest/api/API_PutTraceSegments.html>.

use std::future::ready;
use std::time::SystemTime;

use futures_util::future::join_all;
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::Deserialize;

use super::Document;
use super::delivery::Fate;
use super::json::write_text;
use crate::aws::{Refusal, passes};
use crate::http::Answer;
use crate::otlp::answer::{excerpt, retry_after};
use crate::session::Api;

/// The most documents of one request.
const MOST_DOCUMENTS: usize = 50;
/// No request is larger unless one document alone is: what fails is sent again as a whole.
const MOST_BYTES: usize = 1 << 20;

impl Api {
    /// Sends `documents`, in several requests side by side if they are many, and tells what became of each.
    pub async fn send(&self, documents: &[Document]) -> Vec<Fate> {
        let chunks = chunks(documents).into_iter().map(|chunk| self.put(chunk));
        join_all(chunks).await.into_iter().flatten().collect()
    }

    async fn put(&self, documents: &[Document]) -> Vec<Fate> {
        let body = ready(vec![body(documents).into()].into());
        match self.client.post(&self.url.path, self.headers.clone(), body).await {
            Ok(answer) if answer.status.is_success() => taken(&answer, documents),
            Ok(answer) => {
                let fate = refusal(&answer, &self.url.to_string(), &self.role, SystemTime::now());
                vec![fate; documents.len()]
            }
            Err(failure) => vec![Fate::Later(None, format!("POST {}: {failure}", self.url)); documents.len()],
        }
    }
}

/// `documents` in requests that X-Ray takes.
fn chunks(documents: &[Document]) -> Vec<&[Document]> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, document) in documents.iter().enumerate() {
        let full = at - start == MOST_DOCUMENTS || (at > start && bytes + document.json.len() > MOST_BYTES);
        if full {
            chunks.push(&documents[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += document.json.len();
    }
    if start < documents.len() {
        chunks.push(&documents[start..]);
    }
    chunks
}

/// A JSON text that holds each document as a JSON text.
fn body(documents: &[Document]) -> String {
    let mut body = String::with_capacity(documents.iter().map(|it| it.json.len() * 5 / 4 + 8).sum());
    body.push_str("{\"TraceSegmentDocuments\":[");
    for (number, document) in documents.iter().enumerate() {
        if number > 0 {
            body.push(',');
        }
        write_text(&mut body, &document.json);
    }
    body.push_str("]}");
    body
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PutTraceSegmentsResult {
    unprocessed_trace_segments: Vec<Unprocessed>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Unprocessed {
    id: Option<String>,
    error_code: Option<String>,
    message: Option<String>,
}

/// What became of the documents of a request that was taken. An answer that can't be read names none: they were
/// taken all the same.
fn taken(answer: &Answer, documents: &[Document]) -> Vec<Fate> {
    let result: PutTraceSegmentsResult = serde_json::from_slice(&answer.body).unwrap_or_default();
    let mut fates = vec![Fate::Taken; documents.len()];
    // A document that X-Ray could not even read an id from is one of those that have no fate yet: which does not
    // matter to the count.
    let (named, nameless): (Vec<_>, Vec<_>) =
        result.unprocessed_trace_segments.into_iter().partition(|it| it.id.is_some());
    for unprocessed in named {
        let id = unprocessed.id.as_deref().unwrap_or_default();
        if let Some(at) = documents.iter().position(|document| document.id.to_string() == id) {
            fates[at] = fate(&unprocessed);
        }
    }
    for unprocessed in nameless {
        if let Some(free) = fates.iter_mut().find(|fate| **fate == Fate::Taken) {
            *free = fate(&unprocessed);
        }
    }
    fates
}

fn fate(unprocessed: &Unprocessed) -> Fate {
    let code = unprocessed.error_code.as_deref().unwrap_or_default();
    let words = unprocessed.message.as_deref().unwrap_or_default();
    let why = format!("{} {}", excerpt(code), excerpt(words)).trim().to_owned();
    if passes(code) { Fate::Later(None, why) } else { Fate::Rejected(why) }
}

/// What a request that was not taken means for its documents.
fn refusal(answer: &Answer, url: &str, role: &str, now: SystemTime) -> Fate {
    let refusal = Refusal::of(answer);
    let mut why = format!("POST {url}: {}", answer.status);
    for part in [&refusal.code, &refusal.message].into_iter().filter(|part| !part.is_empty()) {
        why = format!("{why}: {part}");
    }
    match answer.status {
        status if refusal.passes(status) => {}
        StatusCode::PAYLOAD_TOO_LARGE => return Fate::TooLarge(why),
        StatusCode::FORBIDDEN => {
            let role = if role.is_empty() { "the role of the function" } else { role };
            why = format!("{why}; {role} needs xray:PutTraceSegments (policy AWSXRayDaemonWriteAccess)");
            return Fate::Refused(why);
        }
        _ => return Fate::Refused(why),
    }
    Fate::Later(retry_after(answer.header(RETRY_AFTER.as_str()), now), why)
}
