//! Spans of the platform's own work: init, restore, invocations and their phases.

mod ids;
mod start;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use self::ids::random;
use super::attribute::{attribute, flag};
use super::life::failures::{Failure, Fault};
use super::life::invocation::{Ending, Invocation, Phase};
use super::life::mode::Mode;
use super::life::startup::Started;
use super::time;
use super::trace::Trace;

/// An environment starts once, or twice if the first time fails.
const MOST_STARTS: usize = 4;
/// A report comes with the next invocation, or a little later. On Managed Instances it ends the invocation.
const MOST_PARENTS: usize = 32;
/// The flags of a sampled span whose parent is in another process, as OTLP has them.
const SAMPLED_REMOTE: u32 = 0x301;

/// Makes spans.
pub struct Spans {
    /// Whether there are spans of invocations, too.
    invocations: bool,
    /// The function's name.
    function: String,
    /// Starts that wait for the invocation that they are for.
    starts: Vec<Started>,
    /// When the first invocation began, and its trace.
    first: Option<(u64, Option<Trace>)>,
    /// Spans that may get another child.
    parents: VecDeque<Parent>,
}

/// The span of an invocation.
struct Parent {
    id: String,
    trace_id: [u8; 16],
    span_id: [u8; 8],
    end: u64,
}

impl Spans {
    /// Spans of starts, and of `invocations` of `function` if so wished.
    pub fn new(invocations: bool, function: &str) -> Self {
        let (starts, parents) = (Vec::new(), VecDeque::new());
        Spans { invocations, function: function.into(), starts, first: None, parents }
    }

    /// Learns of the first `invocation`, which began at `now` if it does not say when.
    pub fn first(&mut self, invocation: &Invocation, now: SystemTime) {
        if self.first.is_none() {
            self.first = Some((invocation.start.unwrap_or_else(|| time::of_clock(now)), invocation.trace));
        }
    }

    /// Learns that a start is over. It is told with the first invocation, to whose trace it may belong.
    pub fn started(&mut self, started: Started) {
        self.starts.push(started);
    }

    /// The spans of starts that need not wait any more; `all` at the end.
    pub fn starts(&mut self, all: bool) -> Vec<Span> {
        let first = self.first;
        let mut too_many = self.starts.len().saturating_sub(MOST_STARTS);
        let ready = |started: &mut Started| {
            let is_too_much = too_many > 0;
            too_many = too_many.saturating_sub(1);
            all || first.is_some() || !started.is_awaited || is_too_much
        };
        self.starts.extract_if(.., ready).map(|started| start::span(&started, first)).collect()
    }

    /// An invocation is over: its span and those of its phases. `latest` is the latest time that is known of anything.
    pub fn over(
        &mut self,
        invocation: &Invocation,
        fault: Option<Fault>,
        mode: &Mode,
        latest: u64,
    ) -> Vec<Span> {
        let is_sampled = invocation.trace.is_none_or(|trace| trace.sampled == Some(true));
        if !self.invocations || !is_sampled {
            return Vec::new();
        }
        let trace_id = invocation.trace.map_or_else(random, |trace| trace.id);
        let above = invocation.trace.and_then(|trace| trace.parent);
        let (start, end) = invocation.times(latest);
        let span_id = invocation.span_id.unwrap_or_else(random);
        // How a lost one went is not known.
        let failure = fault
            .filter(|fault| *fault != Fault::Lost)
            .map(|fault| Failure::of_invocation(invocation, fault));
        let mut spans = vec![Span {
            trace_id: trace_id.to_vec(),
            span_id: span_id.to_vec(),
            parent_span_id: above.map_or_else(Vec::new, |id| id.to_vec()),
            flags: if above.is_some() { SAMPLED_REMOTE } else { 1 },
            name: self.function.clone(),
            kind: SpanKind::Server.into(),
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes: attributes(invocation, failure.as_ref(), mode),
            status: failure.map(|failure| error(&failure.to_string())),
            ..Span::default()
        }];
        let parent = Parent { id: invocation.id.clone(), trace_id, span_id, end };
        if let Some(done) = &invocation.done {
            spans.extend(parent.children(done, start));
        }
        if let Some(report) = &invocation.report {
            let begin = if invocation.done.is_some() { end } else { start };
            spans.extend(parent.children(report, begin));
        } else {
            self.parents.truncate(MOST_PARENTS - 1);
            self.parents.push_front(parent);
        }
        spans
    }

    /// An invocation's report came after that: the spans of its phases.
    pub fn reported(&mut self, invocation: &Invocation) -> Vec<Span> {
        let place = self.parents.iter().rposition(|parent| parent.id == invocation.id);
        let parent = place.and_then(|place| self.parents.remove(place));
        let known = parent.zip(invocation.report.as_ref());
        known.map_or_else(Vec::new, |(parent, report)| parent.children(report, parent.end))
    }
}

impl Parent {
    /// The phases in `ending`. One whose time can't be read is taken to follow the one before it; the first one begins
    /// at `begin`.
    fn children(&self, ending: &Ending, begin: u64) -> Vec<Span> {
        let mut next = begin;
        let child = |phase: &Phase| {
            let start = phase.start.unwrap_or(next);
            next = start.saturating_add(time::of_milliseconds(phase.duration_ms));
            Span {
                trace_id: self.trace_id.to_vec(),
                span_id: random::<8>().to_vec(),
                parent_span_id: self.span_id.to_vec(),
                flags: 1,
                name: phase.name.clone(),
                kind: SpanKind::Internal.into(),
                start_time_unix_nano: start,
                end_time_unix_nano: next,
                attributes: vec![attribute("faas.invocation_id", &self.id)],
                ..Span::default()
            }
        };
        ending.phases.iter().map(child).collect()
    }
}

/// By the semantic conventions of Lambda (<https://opentelemetry.io/docs/specs/semconv/faas/aws-lambda/>).
fn attributes(invocation: &Invocation, failure: Option<&Failure>, mode: &Mode) -> Vec<KeyValue> {
    let mut attributes = vec![
        attribute("faas.invocation_id", &invocation.id),
        flag("faas.coldstart", invocation.first && !mode.was_held_ready()),
    ];
    let arn = invocation.arn();
    let invoked = invocation.invoked_arn.as_deref().filter(|invoked| arn.as_deref() != Some(invoked));
    let texts = [
        ("cloud.resource_id", arn.as_deref()),
        ("aws.lambda.invoked_arn", invoked),
        ("aws.lambda.tenant_id", invocation.tenant.as_deref()),
        ("faas.version", invocation.version.as_deref()),
        ("error.type", failure.map(Failure::kind)),
    ];
    attributes.extend(texts.into_iter().filter_map(|(key, value)| Some(attribute(key, value?))));
    attributes
}

fn error(message: &str) -> Status {
    Status { code: StatusCode::Error.into(), message: message.into() }
}
