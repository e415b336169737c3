//! From a request of spans to its segment documents.

use std::hash::{DefaultHasher, Hash, Hasher};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::Invocation;

use super::attributes::Attributes;
use super::id::Ids;
use super::source::Source;
use super::{Document, Id, Settings, limits, local_root};

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
    /// Of each document, the number of its span in the request.
    pub spans: Vec<usize>,
    /// The spans that have none.
    pub untranslated: Vec<Untranslated>,
    /// How many documents were too long and lack something; their metadata says what.
    pub shortened: usize,
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
    let mut translation = Translation::default();
    let mut number = 0;
    for resource_spans in &request.resource_spans {
        let attributes = resource_spans.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let resource = Attributes::of(attributes);
        for scope_spans in &resource_spans.scope_spans {
            let place = Place { resource: &resource, scope: scope_spans.scope.as_ref(), settings, facts };
            for span in &scope_spans.spans {
                place.translate(span, &mut translation);
                translation.spans.resize(translation.documents.len(), number);
                number += 1;
            }
        }
    }
    translation
}

/// Where a span stands in a request.
struct Place<'a> {
    resource: &'a Attributes<'a>,
    scope: Option<&'a InstrumentationScope>,
    settings: &'a Settings,
    facts: &'a Facts<'a>,
}

impl Place<'_> {
    fn translate(&self, span: &Span, translation: &mut Translation) {
        let source = match self.source(span) {
            Ok(source) => source,
            Err(reason) => {
                return translation.untranslated.push(Untranslated { span: span.name.clone(), reason });
            }
        };
        let mut ids = Ids::of(&span.trace_id, &source.id.0);
        for segment in local_root::segments(&source, Attributes::of(&span.attributes), &mut ids) {
            let (document, is_shortened) = limits::document(segment);
            translation.documents.push(document);
            translation.shortened += usize::from(is_shortened);
        }
    }

    fn source<'a>(&'a self, span: &'a Span) -> Result<Source<'a>, &'static str> {
        let trace_id = match span.trace_id.as_slice() {
            [] => [0; 16],
            bytes => bytes.try_into().map_err(|_| "its trace id is not 16 bytes long")?,
        };
        let id = match span.span_id.as_slice() {
            [] | [0, 0, 0, 0, 0, 0, 0, 0] => made_up_id(span),
            bytes => Id::of(bytes).ok_or("its span id is not 8 bytes long")?,
        };
        Ok(Source {
            span,
            kind: span.kind(),
            trace_id,
            id,
            parent: Id::of(&span.parent_span_id),
            resource: self.resource,
            scope: self.scope,
            settings: self.settings,
            facts: self.facts,
        })
    }
}

/// An id for a span that has none; the same each time that the span is sent.
fn made_up_id(span: &Span) -> Id {
    let mut hasher = DefaultHasher::new();
    (&span.trace_id, &span.parent_span_id, &span.name, span.start_time_unix_nano).hash(&mut hasher);
    Ids::of(&span.trace_id, &hasher.finish().to_be_bytes()).next()
}
