//! What spans become, checked against what the Go exporter makes of them and against X-Ray's own rules.

mod blocks;
mod contrib;
mod failures;
mod golden;
mod limits;
mod links_to_lambda;
mod names;
mod normal;
mod one_by_one;
mod random;
mod rules;
mod valid;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::{Batch, Budget, Signal};
use serde_json::{Value, json};

use super::*;

/// A request as OTLP/JSON.
fn request(json: &Value) -> ExportTraceServiceRequest {
    let text = json.to_string();
    let lease = Budget::new(1 << 30).lease(text.len()).unwrap();
    Batch::admit_json(Signal::Traces, text.as_bytes(), lease).unwrap().decode()
}

/// The documents of `request`, each found to be valid.
fn documents(request: &ExportTraceServiceRequest, settings: &Settings, facts: &Facts<'_>) -> Vec<Value> {
    let translation = translate(request, settings, facts);
    assert_eq!(translation.untranslated, []);
    translation.documents.iter().map(valid::parsed).collect()
}

/// An attribute value of OTLP/JSON.
fn value(value: &Value) -> Value {
    match value {
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::String(text) => json!({ "stringValue": text }),
        Value::Array(values) => {
            json!({ "arrayValue": { "values": values.iter().map(self::value).collect::<Vec<_>>() } })
        }
        Value::Object(_) => json!({ "kvlistValue": { "values": attributes(value) } }),
        Value::Null => json!({}),
    }
}

/// Attributes of OTLP/JSON.
fn attributes(object: &Value) -> Value {
    let entries = object.as_object().unwrap().iter();
    entries.map(|(key, found)| json!({ "key": key, "value": value(found) })).collect()
}

const TRACE: &str = "6a5b0c100a1b2c3d4e5f60718293a4b5";
const SPAN: &str = "1111222233334444";
const PARENT: &str = "53995c3f42cd8ad8";

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;
const INTERNAL: i32 = 1;

/// A span, as one varies it.
struct Try {
    kind: i32,
    resource: Value,
    attributes: Value,
    span: Value,
    settings: Settings,
    invocations: Vec<pipeline::Invocation>,
}

impl Try {
    /// A span of `kind` with `attributes`; a parent if it is a call or internal.
    fn of(kind: i32, attributes: Value) -> Try {
        let span =
            if kind == SERVER || kind == CONSUMER { json!({}) } else { json!({ "parentSpanId": PARENT }) };
        Try {
            kind,
            resource: json!({ "service.name": "orders" }),
            attributes,
            span,
            settings: Settings::default(),
            invocations: Vec::new(),
        }
    }

    fn resource(mut self, resource: Value) -> Try {
        self.resource = resource;
        self
    }

    /// With more fields of the span.
    fn span(mut self, fields: Value) -> Try {
        self.span.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self
    }

    fn contrib(mut self) -> Try {
        self.settings.mapping = Mapping::Contrib;
        self
    }

    fn indexing(mut self, keys: &[&str]) -> Try {
        self.settings.indexed_attributes = keys.iter().map(|key| (*key).into()).collect();
        self
    }

    fn request(&self) -> ExportTraceServiceRequest {
        let mut span = json!({
            "traceId": TRACE, "spanId": SPAN, "name": "GET /orders", "kind": self.kind,
            "startTimeUnixNano": "1784350736000000000", "endTimeUnixNano": "1784350736500000000",
            "attributes": attributes(&self.attributes),
        });
        span.as_object_mut().unwrap().extend(self.span.as_object().unwrap().clone());
        request(&json!({ "resourceSpans": [{
            "resource": { "attributes": attributes(&self.resource) },
            "scopeSpans": [{ "scope": {}, "spans": [span] }],
        }] }))
    }

    fn all(&self) -> Vec<Value> {
        documents(&self.request(), &self.settings, &Facts { invocations: &self.invocations })
    }

    fn one(&self) -> Value {
        let mut all = self.all();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
}
