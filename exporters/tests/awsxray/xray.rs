//! X-Ray: what it takes, and what it answers.

use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::{Batch, Delivered, Exporter, Signal, Undelivered};
use prost::Message;
use serde_json::{Value, json};

use crate::support::aws::{ENV, XRAY, refusal};
use crate::support::backend::Received;
use crate::support::sigv4::Service;
use crate::support::{Backend, Reply, admit, build};

/// A batch of spans with these numbers, each in a name and an id.
pub fn spans(numbers: impl IntoIterator<Item = u64>) -> Batch {
    let span = |number: u64| Span {
        name: format!("span {number}"),
        trace_id: vec![7; 16],
        span_id: number.to_be_bytes().into(),
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_001_000_000_000,
        ..Span::default()
    };
    let scope_spans =
        vec![ScopeSpans { spans: numbers.into_iter().map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    admit(Signal::Traces, ExportTraceServiceRequest { resource_spans }.encode_to_vec().into())
}

/// The names of its spans.
pub fn names(batch: &Batch) -> Vec<String> {
    let request: ExportTraceServiceRequest = batch.decode();
    let spans = request.resource_spans.into_iter().flat_map(|it| it.scope_spans).flat_map(|it| it.spans);
    spans.map(|span| span.name).collect()
}

/// An exporter to `backend`, with these settings too.
pub fn exporter(backend: &Backend, more: &str) -> Box<dyn Exporter> {
    build("awsxray", &format!("{{endpoint: '{}', {more}}}", backend.url()), &ENV).unwrap()
}

/// The documents of a request, if X-Ray would look at them at all.
pub fn documents(request: &Received, service: &Service) -> Result<Vec<Value>, Reply> {
    service.verify(request).map_err(|why| refusal(403, json!({"message": why}).to_string()))?;
    let invalid = |why: &str| {
        let headers = vec![("x-amzn-errortype", "InvalidRequestException:http://internal/".into())];
        Reply { headers, ..refusal(400, json!({"Message": why}).to_string()) }
    };
    if request.method != "POST" || request.target != "/TraceSegments" {
        return Err(refusal(404, ""));
    }
    if request.header("content-type") != "application/json" || !request.header("content-encoding").is_empty()
    {
        return Err(invalid("not plain JSON"));
    }
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| invalid("no JSON"))?;
    let texts = body["TraceSegmentDocuments"].as_array().ok_or_else(|| invalid("no documents"))?;
    if texts.is_empty() || texts.len() > 50 {
        return Err(invalid("Exceeding maximum segment count: 50"));
    }
    let texts = texts.iter().map(|text| text.as_str().ok_or_else(|| invalid("not a text")));
    texts.map(|text| text.and_then(|text| document(text).ok_or_else(|| invalid("a bad document")))).collect()
}

/// A document as X-Ray demands it.
pub fn document(text: &str) -> Option<Value> {
    let document: Value = serde_json::from_str(text).ok().filter(|_| text.len() <= 64 << 10)?;
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let is_id = |id: &str| id.len() == 16 && hex(id);
    let mut trace = document["trace_id"].as_str()?.split('-');
    let trace = [trace.next()?, trace.next()?, trace.next()?];
    let name = document["name"].as_str()?;
    let sound = trace[0] == "1"
        && (trace[1].len(), trace[2].len()) == (8, 24)
        && hex(trace[1])
        && hex(trace[2])
        && is_id(document["id"].as_str()?)
        && (1..=200).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/%&#=+-@".contains(c))
        && document["start_time"].is_number()
        && (document["end_time"].is_number() != (document["in_progress"] == true));
    sound.then_some(document)
}

/// What X-Ray answers when it takes all but these: id, code.
pub fn result(unprocessed: &[(Option<&str>, &str)]) -> Reply {
    let unprocessed: Vec<_> = unprocessed
        .iter()
        .map(|(id, code)| json!({"Id": id, "ErrorCode": code, "Message": "words"}))
        .collect();
    let body = json!({"UnprocessedTraceSegments": unprocessed}).to_string();
    Reply { headers: vec![("content-type", "application/json".into())], body: body.into(), ..Reply::ok() }
}

/// An X-Ray that answers to sound documents as `answer` says.
pub async fn xray(answer: impl Fn(&[Value]) -> Reply + 'static) -> Backend {
    Backend::http(move |request| match documents(request, &XRAY) {
        Ok(documents) => answer(&documents),
        Err(reply) => reply,
    })
    .await
}

/// The ids of the documents in a request.
pub fn ids(request: &Received) -> BTreeSet<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let id = |text: &Value| document(text.as_str().unwrap()).unwrap()["id"].as_str().unwrap().to_owned();
    body["TraceSegmentDocuments"].as_array().unwrap().iter().map(id).collect()
}

/// Whether one of them has that id.
pub fn has(documents: &[Value], id: &str) -> bool {
    documents.iter().any(|document| document["id"] == id)
}

/// What is kept of a batch, how many items of it are lost, when it may go on, and why.
pub fn rest(outcome: Result<Delivered, Undelivered>) -> (Batch, usize, Option<Duration>, String) {
    match outcome {
        Err(Undelivered::RetryRest { rest, rejected, after, cause }) => {
            (*rest, rejected, after, cause.to_string())
        }
        other => panic!("no rest: {other:?}"),
    }
}
