//! From a request of spans to its segment documents.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::Invocation;

use super::{Document, Settings};

/// What is known of the place that the spans come from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The last invocations of the function ([`pipeline::Host::invocations`]).
    pub invocations: &'a [Invocation],
}

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Translation {
    /// The documents, in the order of the spans.
    pub documents: Vec<Document>,
    /// The spans that have none.
    pub untranslated: Vec<Untranslated>,
}

/// Why there is no document for a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untranslated {
    /// The name of the span.
    pub span: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The documents of all spans in `request`.
pub fn translate(request: &ExportTraceServiceRequest, settings: &Settings, facts: &Facts<'_>) -> Translation {
    let _ = (request, settings, facts);
    Translation::default()
}
