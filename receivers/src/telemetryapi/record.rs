//! What a record says of itself, be it a line of text or JSON: its time, severity, ids, body and attributes.
//!
//! A record is read by what it is:
//! - **Text** is its own body, to the last byte, as in the Go layer; `line.rs` finds the time, the level and the ids
//!   that its layout begins with. The prefix stays in the body: who searches for a line finds it as it was written.
//! - **A JSON object** is taken apart by `fields.rs`: its message is the body, the fields that OpenTelemetry has a
//!   place for go there, all others are attributes with their types. One without a message is its own body.
//! - **Text that is one JSON object** is read as that object: loggers that write JSON need not care whether the
//!   function's log format is JSON. Without a message the line is the body.
//! - **Text whose last column is a JSON object**, as when Node.js logs JSON as text, has that object's fields too.
//! - Any other JSON is its own body.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Content;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use pipeline::calendar;
use serde_json::{Map, Value};

use super::attribute::{key_value, text};
use super::severity::Severity;
use super::trace::Trace;
use super::{fields, line, time};

/// A time in words is taken for this record's own only this close to the platform's, in nanoseconds. It may lack a
/// zone or be what the message is about; zones differ by quarters of an hour.
const NEAR: u64 = 10 * 60 * 1_000_000_000;

/// How many messages may be nested in a value: 100 (one more would cost the whole request) less the request, resource,
/// scope, record, attribute and value around them. What is deeper becomes its JSON.
const DEEPEST: usize = 100 - 6;

/// What a record says of itself. What it does not say is to be had from the event that it came with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// When it was written, in nanoseconds since 1970.
    pub time: Option<u64>,
    /// How severe it is.
    pub severity: Option<Severity>,
    /// The id of the invocation that it belongs to.
    pub request_id: Option<String>,
    /// The trace that it belongs to; its `parent` is the span that it belongs to.
    pub trace: Option<Trace>,
    /// The body.
    pub body: Option<AnyValue>,
    /// The fields of an object that are none of the above, whatever their names: `type` may be among them.
    pub attributes: Vec<KeyValue>,
}

impl Record {
    /// Reads the record of an event that the platform had `at` this time.
    pub fn read(record: &Value, at: Option<u64>) -> Record {
        match record {
            Value::String(text) => {
                let read = object(text).map(|object| fields::read(&object, at));
                let read = read.or_else(|| Some(with_last_column(line::read(text, at)?, text, at)));
                let read = read.unwrap_or_default();
                Record { body: read.body.or_else(|| Some(any_value(record))), ..read }
            }
            Value::Object(object) => {
                let read = fields::read(object, at);
                let whole = || (!object.is_empty()).then(|| any_value(record));
                Record { body: read.body.or_else(whole), ..read }
            }
            Value::Null => Record::default(),
            other => Record { body: Some(any_value(other)), ..Record::default() },
        }
    }
}

/// The object that a line is, if it is one.
fn object(line: &str) -> Option<Map<String, Value>> {
    let line = line.trim();
    let braced = line.starts_with('{') && line.ends_with('}') && line.len() > 2;
    if braced { serde_json::from_str(line).ok() } else { None }
}

/// What a line says, of which `head` is read, with what the object in its last column adds. The body stays the line.
fn with_last_column(head: Record, line: &str, at: Option<u64>) -> Record {
    let Some(object) = line.find("\t{").and_then(|at| object(&line[at..])) else { return head };
    let read = fields::read(&object, at);
    Record {
        time: read.time.or(head.time),
        // The level of the logger inside, if that is known: around it stands that of `console.log`.
        severity: read.severity.filter(|severity| severity.number > 0).or(head.severity),
        request_id: head.request_id.or(read.request_id),
        trace: read.trace.or(head.trace),
        body: None,
        attributes: read.attributes,
    }
}

/// The time that `text` is, if it can be the record's own: with a zone any, else near to `at`.
pub fn own_time(text: &str, at: Option<u64>) -> Option<u64> {
    calendar::time(text).filter(|time| has_zone(text) || at.is_some_and(|at| near(*time, at)))
}

/// The same of a text that may be about another time: only near to `at`, if that is known.
pub fn near_time(text: &str, at: Option<u64>) -> Option<u64> {
    own_time(text, at).filter(|time| at.is_none_or(|at| near(*time, at)))
}

/// The time that a number is, whose unit and meaning are a guess: only near to `at`, if that is known.
pub fn counted_time(number: &Value, at: Option<u64>) -> Option<u64> {
    time::of_value(number).filter(|time| at.is_none_or(|at| near(*time, at)))
}

fn near(time: u64, at: u64) -> bool {
    time.abs_diff(at) <= NEAR
}

/// Whether a text that is a time tells its zone.
fn has_zone(text: &str) -> bool {
    let (_, after_hour) = text.split_once(':').unwrap_or_default();
    text.trim_end().ends_with(['Z', 'z', 'C']) || after_hour.contains(['+', '-'])
}

/// JSON as OTLP, with whole numbers as such; of those too large for 64 bits with sign the nearest double.
pub fn any_value(value: &Value) -> AnyValue {
    nested(value, DEEPEST)
}

fn nested(value: &Value, levels: usize) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(bool) => Some(Content::BoolValue(*bool)),
        Value::Number(number) => match number.as_i64() {
            Some(int) => Some(Content::IntValue(int)),
            None => number.as_f64().map(Content::DoubleValue),
        },
        Value::String(string) => return text(string),
        // A list takes two messages for each of its items, a map three.
        deep @ (Value::Array(_) | Value::Object(_)) if levels < 3 => {
            return text(deep.to_string());
        }
        Value::Array(list) => {
            let values = list.iter().map(|value| nested(value, levels - 2)).collect();
            Some(Content::ArrayValue(ArrayValue { values }))
        }
        Value::Object(map) => {
            let values = map.iter().map(|(key, value)| key_value(key, nested(value, levels - 3))).collect();
            Some(Content::KvlistValue(KeyValueList { values }))
        }
    };
    AnyValue { value }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use pipeline::{Batch, Budget, Signal};
    use proptest::prelude::*;
    use prost::Message;
    use serde_json::json;

    use super::*;

    fn read(record: &Value) -> Record {
        Record::read(record, Some(1_767_225_600_000_000_000))
    }

    fn body(record: &Value) -> String {
        read(record).body.map_or_else(String::new, |body| pipeline::text(&body))
    }

    #[test]
    fn text_is_its_own_body_to_the_last_byte() {
        for line in [
            "",
            "plain\r\n",
            "2026-01-01T00:00:00.519Z\tundefined\tINFO\thello\n",
            "{}",
            "{\"a\":1",
            "{a}\n",
            "[1]",
        ] {
            assert_eq!(body(&line.into()), line);
            assert_eq!(read(&line.into()).attributes, []);
        }
    }

    #[test]
    fn text_that_is_an_object_is_read_as_that_object() {
        let object = json!({"level": "ERROR", "message": "boom", "order": 5});
        assert_eq!(read(&format!(" {object}\n").into()), read(&object));
        assert_eq!(body(&object), "boom");
    }

    #[test]
    fn text_whose_last_column_is_an_object_is_its_own_body_and_has_the_objects_fields() {
        let id = "5f1c4f7e-3a52-4a55-9a0c-0d3c5e9f1b11";
        let object = r#"{"level":"warn","message":"low","order":5,"requestId":"other"}"#;
        let line = format!("2026-01-01T00:00:00.519Z\t{id}\tINFO\t{object}\n");
        let record = read(&line.clone().into());
        assert_eq!(body(&line.into()), format!("2026-01-01T00:00:00.519Z\t{id}\tINFO\t{object}\n"));
        assert_eq!(record.severity.unwrap().text, "warn");
        assert_eq!(record.request_id.as_deref(), Some(id));
        assert_eq!(record.attributes, [key_value("order", any_value(&json!(5)))]);
        for other in ["plain\t{\"a\":1}", "[INFO]\thello {\"a\":1}", "[INFO]\t{\"a\":1} there"] {
            assert_eq!(read(&other.into()).attributes, [], "{other}");
        }
    }

    #[test]
    fn what_has_no_message_is_its_own_body() {
        let line = "{\"level\": \"INFO\", \"order\": 5}\n";
        assert_eq!(body(&line.into()), line);
        let object = json!({"level": "INFO", "order": 5});
        assert_eq!(body(&object), r#"{"level":"INFO","order":5}"#);
        assert_eq!(read(&object).attributes, [key_value("order", any_value(&json!(5)))]);
        for (record, text) in
            [(json!(null), ""), (json!({}), ""), (json!(5), "5"), (json!([1, "a"]), r#"[1,"a"]"#)]
        {
            assert_eq!(body(&record), text);
        }
    }

    #[test]
    fn values_nested_too_deep_for_otlp_become_text() {
        let deep = |open: &str, close: &str| {
            let text = format!("{}1{}", open.repeat(120), close.repeat(120));
            read(&serde_json::from_str(&format!(r#"{{"message":{text},"other":{text}}}"#)).unwrap())
        };
        for read in [deep("[", "]"), deep(r#"{"a":"#, "}")] {
            let record = LogRecord { body: read.body, attributes: read.attributes, ..LogRecord::default() };
            let scope = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
            let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
            let bytes = ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec();
            let lease = Budget::new(1 << 20).lease(0).unwrap();
            let batch = Batch::admit(Signal::Logs, bytes.into(), lease).unwrap();
            assert_eq!(batch.items(), 1);
        }
    }

    proptest! {
        #[test]
        fn no_record_is_too_strange(text in ".*", json in r#"\{("(level|timestamp|message|trace_id|fields|span)":("x"|5|null|\{"message":1\}|\[\]),){0,5}"a":1\}"#) {
            prop_assert_eq!(body(&text.clone().into()), text);
            let object: Value = serde_json::from_str(&json).unwrap();
            // Read from text, only what has no message may differ: its body is the text.
            prop_assert_eq!(read(&object).attributes, read(&json.into()).attributes);
        }
    }
}
