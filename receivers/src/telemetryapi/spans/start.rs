//! The span of an environment's start.

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::ids::random;
use super::{SAMPLED_REMOTE, error};
use crate::telemetryapi::attribute::{attribute, flag};
use crate::telemetryapi::life::failures::Of;
use crate::telemetryapi::life::startup::Started;
use crate::telemetryapi::trace::Trace;

/// An invocation that comes later than this after the environment's start did not wait for it: the environment was
/// made before it was needed. In nanoseconds.
const AWAITS_START: u64 = 10_000_000_000;

/// The span of a start, in the trace of the first invocation (when that began, and its trace) if that waited for it.
pub fn span(started: &Started, first: Option<(u64, Option<Trace>)>) -> Span {
    let waited =
        first.filter(|(begin, _)| started.is_awaited && begin.saturating_sub(started.end) < AWAITS_START);
    let trace = waited.and_then(|(_, trace)| trace).filter(|trace| trace.sampled == Some(true));
    let parent = trace.and_then(|trace| trace.parent);
    let verb = if started.of == Of::Init { "init" } else { "restore" };
    let mut attributes: Vec<_> =
        started.error_type.iter().map(|kind| attribute("error.type", kind)).collect();
    attributes.push(flag("faas.coldstart", started.is_awaited));
    Span {
        trace_id: trace.map_or_else(random, |trace| trace.id).to_vec(),
        span_id: random::<8>().to_vec(),
        parent_span_id: parent.map_or_else(Vec::new, |id| id.to_vec()),
        flags: if parent.is_some() { SAMPLED_REMOTE } else { 0 },
        name: format!("{verb} {}", started.function),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: started.start,
        end_time_unix_nano: started.end,
        attributes,
        status: started.error_type.as_ref().map(|_| error("")),
        ..Span::default()
    }
}
