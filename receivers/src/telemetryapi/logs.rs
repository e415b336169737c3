//! Log records: the function's lines, extensions' lines, and platform events in words.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};

use super::Config;
use super::attribute::{key_value, text};
use super::body;
use super::event::Event;
use super::invocations::{Invocations, Known};
use super::record::{Record, any_value, own_time};
use super::severity::Severity;
use super::trace::Trace;

/// The attribute that tells what an event is.
const TYPE: &str = "type";
/// The attribute that tells which invocation a record belongs to.
const INVOCATION_ID: &str = "faas.invocation_id";

/// Makes log records of events.
pub struct Logs {
    report: bool,
}

impl Logs {
    /// As `config` has it.
    pub fn new(config: &Config) -> Self {
        Logs { report: config.log_report }
    }

    /// The record that `event` becomes, observed at `now` (nanoseconds since 1970); none if the user does not want it.
    pub fn take(&self, event: &Event, invocations: &Invocations, now: u64) -> Option<LogRecord> {
        let read = match event.kind.strip_prefix("platform") {
            Some(".report") if !self.report => return None,
            Some(_) => of_platform(event, invocations),
            None => Record::read(&event.record, event.time),
        };
        let id = read.request_id.as_deref();
        let invocation = match id {
            Some(id) => invocations.of(id),
            None => invocations.at(event),
        };
        let id = id.or(invocation.map(|known| known.id.as_str()));
        let (trace, span) = trace(read.trace, invocation);
        let severity = read.severity.unwrap_or_default();
        let mut attributes = Vec::with_capacity(read.attributes.len() + 2);
        attributes.push(key_value(TYPE, text(event.kind.clone())));
        attributes.extend(id.map(|id| key_value(INVOCATION_ID, text(id))));
        attributes.extend(beside_our_own(read.attributes));
        Some(LogRecord {
            // A record of 1970 is refused by many backends; what is just heard was written lately.
            time_unix_nano: read.time.or(event.time).unwrap_or(now),
            observed_time_unix_nano: now,
            severity_number: severity.number,
            severity_text: severity.text,
            body: read.body,
            attributes,
            flags: trace.map_or(0, |trace| trace.flags()),
            trace_id: trace.map(|trace| trace.id.to_vec()).unwrap_or_default(),
            span_id: span.map(|span| span.to_vec()).unwrap_or_default(),
            ..LogRecord::default()
        })
    }
}

/// What a platform event says. One that has no words (it is of an unknown type, or lacks what they need) is its own
/// body.
fn of_platform(event: &Event, invocations: &Invocations) -> Record {
    let record = &event.record;
    let own_id = event.request_id().filter(|id| !id.is_empty());
    let id = own_id.or_else(|| invocations.at(event).map(|known| known.id.as_str()));
    let words = record.as_object().and_then(|_| body::words(event, id, invocations.version(id))).map(text);
    let is_empty = record.is_null() || record.as_object().is_some_and(serde_json::Map::is_empty);
    let lost = event.kind == "platform.logsDropped";
    let warning = Severity { number: SeverityNumber::Warn as i32, text: "WARN".into() };
    Record {
        time: record["timestamp"].as_str().and_then(|time| own_time(time, event.time)),
        severity: record
            .get("level")
            .filter(|level| level.is_string())
            .and_then(Severity::of_value)
            .or(lost.then_some(warning)),
        request_id: own_id.map(str::to_owned),
        trace: record["tracing"]["value"]
            .as_str()
            .and_then(Trace::of_header)
            .map(|trace| Trace { parent: None, ..trace }),
        body: words.or_else(|| (!is_empty).then(|| any_value(record))),
        attributes: Vec::new(),
    }
}

/// The trace of a record, and the span in it: its own, else those of its invocation.
fn trace(own: Option<Trace>, invocation: Option<&Known>) -> (Option<Trace>, Option<[u8; 8]>) {
    let of_invocation = invocation.and_then(|known| Some((known.trace?, known.span)));
    match (own, of_invocation) {
        (Some(own), Some((trace, span))) if own.id == trace.id => {
            let sampled = own.sampled.or(trace.sampled);
            (Some(Trace { sampled, ..own }), own.parent.or(span))
        }
        (Some(own), _) => (Some(own), own.parent),
        (None, Some((trace, span))) => (Some(trace), span),
        (None, None) => (None, None),
    }
}

/// A record's fields, of which those that are called like an attribute of ours have another name, which no other has.
fn beside_our_own(mut fields: Vec<KeyValue>) -> Vec<KeyValue> {
    for ours in [TYPE, INVOCATION_ID] {
        let Some(place) = fields.iter().position(|field| field.key == ours) else { continue };
        let mut name = format!("record.{ours}");
        while fields.iter().any(|field| field.key == name) {
            name.insert_str(0, "record.");
        }
        fields[place].key = name;
    }
    fields
}
