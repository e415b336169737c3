//! The `coldstart` processor of the Go Lambda layer: the span of the environment's start joins the trace of the first
//! invocation.

use std::time::{Duration, Instant};

use config::{Mistakes, Node};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::{Batch, Context, Processor, Signal};
use serde::Deserialize;

use crate::actions::get;

/// The longest that an invocation may take. Where nothing is frozen, no flush ends the wait for the first one before.
const LONGEST_INVOCATION: Duration = Duration::from_secs(15 * 60);

/// There is nothing to write.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {}

/// Makes a `coldstart` processor.
///
/// # Errors
/// Any key.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let Config {} = node.read()?;
    Ok(Box::new(ColdStart::default()))
}

/// A start is a span with `faas.coldstart` true, as `telemetryapi` tells it; an invocation is one with
/// `faas.invocation_id`, or `faas.execution`, as that was called before. Starts are held back until the first
/// invocation comes, or until a flush, which lets them go as they are. Then everything passes.
///
/// The Go layer has the same rule, but there
/// - a start is lost if another one or the end of the environment comes before the invocation;
/// - the span of an invocation that says `faas.coldstart`, as many SDKs write it, is a start: it is held back, and put into
///   the trace of the next invocation;
/// - of two invocations before the start the last counts;
/// - other spans that came with the start get the resource and scope of the invocation, too.
#[derive(Default)]
struct ColdStart {
    /// The first invocation, if it came before the start.
    invocation: Option<Invocation>,
    held: Option<Held>,
    is_done: bool,
}

/// Starts that wait for an invocation.
struct Held {
    starts: Batch,
    due: Instant,
}

/// What starts get of an invocation.
struct Invocation {
    /// Its trace, with the state and flags of that, and the parent.
    span: Span,
    /// Its resource, without scopes.
    resource: ResourceSpans,
    /// Its scope, without spans.
    scope: ScopeSpans,
}

impl Processor for ColdStart {
    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        if self.is_done {
            return out.push(batch);
        }
        let mut starts = batch.clone();
        let mut has_starts = false;
        batch.edit_if(|request| {
            self.invocation = self.invocation.take().or_else(|| Invocation::first_in(request));
            has_starts = spans_of(request).any(|(_, _, span)| is_start(span));
            if has_starts {
                retain(request, |span| !is_start(span));
            }
            has_starts
        });
        if has_starts {
            starts.edit(|request| retain(request, is_start));
            self.hold(starts);
        }
        if batch.items() > 0 || !has_starts {
            out.push(batch);
        }
        if let Some(invocation) = &self.invocation
            && let Some(mut held) = self.held.take()
        {
            held.starts.edit(|request| invocation.adopt(request));
            self.release(held, out);
        }
    }

    fn flush(&mut self, out: &mut Vec<Batch>) {
        if let Some(held) = self.held.take() {
            self.release(held, out);
        }
    }

    fn due(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.due)
    }

    fn takes(&self, signal: Signal) -> Result<(), String> {
        match signal {
            Signal::Traces => Ok(()),
            _ => Err(format!("joins spans of a trace; it can do nothing with {signal}")),
        }
    }
}

impl ColdStart {
    fn hold(&mut self, starts: Batch) {
        match &mut self.held {
            Some(held) => held.starts.merge(starts),
            None => {
                // Tokio's clock, like the rest of the engine's, so that tests can hold it still.
                let due = tokio::time::Instant::now().into_std() + LONGEST_INVOCATION;
                self.held = Some(Held { starts, due });
            }
        }
    }

    fn release(&mut self, held: Held, out: &mut Vec<Batch>) {
        out.push(held.starts);
        *self = ColdStart { is_done: true, ..ColdStart::default() };
    }
}

impl Invocation {
    fn first_in(request: &ExportTraceServiceRequest) -> Option<Invocation> {
        let (resource, scope, span) = spans_of(request).find(|(_, _, span)| is_invocation(span))?;
        let scope = ScopeSpans {
            scope: scope.scope.clone(),
            schema_url: scope.schema_url.clone(),
            ..ScopeSpans::default()
        };
        let span = Span {
            trace_id: span.trace_id.clone(),
            trace_state: span.trace_state.clone(),
            parent_span_id: span.parent_span_id.clone(),
            flags: span.flags,
            ..Span::default()
        };
        let resource = ResourceSpans {
            resource: resource.resource.clone(),
            schema_url: resource.schema_url.clone(),
            ..ResourceSpans::default()
        };
        Some(Invocation { span, resource, scope })
    }

    /// Puts all spans of `starts` beside its own.
    fn adopt(&self, starts: &mut ExportTraceServiceRequest) {
        let scopes = starts.resource_spans.drain(..).flat_map(|resource| resource.scope_spans);
        let adopt = |start| Span {
            trace_id: self.span.trace_id.clone(),
            trace_state: self.span.trace_state.clone(),
            parent_span_id: self.span.parent_span_id.clone(),
            flags: self.span.flags,
            ..start
        };
        let spans = scopes.flat_map(|scope| scope.spans).map(adopt).collect();
        let scope = ScopeSpans { spans, ..self.scope.clone() };
        starts.resource_spans = vec![ResourceSpans { scope_spans: vec![scope], ..self.resource.clone() }];
    }
}

fn is_start(span: &Span) -> bool {
    let is_cold = get(&span.attributes, "faas.coldstart")
        .is_some_and(|value| value.value == Some(Value::BoolValue(true)));
    is_cold && !is_invocation(span)
}

fn is_invocation(span: &Span) -> bool {
    ["faas.invocation_id", "faas.execution"].into_iter().any(|key| get(&span.attributes, key).is_some())
}

fn spans_of(
    request: &ExportTraceServiceRequest,
) -> impl Iterator<Item = (&ResourceSpans, &ScopeSpans, &Span)> {
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|resource| resource.scope_spans.iter().map(move |scope| (resource, scope)));
    scopes.flat_map(|(resource, scope)| scope.spans.iter().map(move |span| (resource, scope, span)))
}

/// Leaves only the spans that are `wanted`, and what is around them.
fn retain(request: &mut ExportTraceServiceRequest, wanted: impl Fn(&Span) -> bool) {
    for resource in &mut request.resource_spans {
        resource.scope_spans.iter_mut().for_each(|scope| scope.spans.retain(&wanted));
        resource.scope_spans.retain(|scope| !scope.spans.is_empty());
    }
    request.resource_spans.retain(|resource| !resource.scope_spans.is_empty());
}
