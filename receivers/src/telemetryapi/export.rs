//! Export requests, written item by item: no more than one is in memory as a typed message.

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, message};

/// The scope of everything that this receiver makes. Dashboards know the Go layer's receiver by it.
pub const SCOPE: &str = "github.com/open-telemetry/opentelemetry-lambda/collector/receiver/telemetryapi";

/// Spans, metrics or log records on their way into one request. The messages around them have the same fields for
/// each signal (<https://github.com/open-telemetry/opentelemetry-proto>).
#[derive(Debug, Default)]
pub struct Items(Vec<u8>);

impl Items {
    /// Appends a span, a metric or a log record.
    pub fn push(&mut self, item: &impl Message) {
        message::encode(2, item, &mut self.0);
    }

    /// The request that exports them all, from `resource`; none if there are none.
    pub fn request(self, resource: Vec<KeyValue>) -> Option<Bytes> {
        if self.0.is_empty() {
            return None;
        }
        let resource = Resource { attributes: resource, ..Resource::default() };
        let scope = InstrumentationScope { name: SCOPE.into(), ..InstrumentationScope::default() };
        let of_scope = message::encoded_len(1, &scope) + self.0.len();
        let of_resource = message::encoded_len(1, &resource) + delimited(of_scope);
        let mut request = Vec::with_capacity(delimited(of_resource));
        begin(1, of_resource, &mut request);
        message::encode(1, &resource, &mut request);
        begin(2, of_scope, &mut request);
        message::encode(1, &scope, &mut request);
        request.extend_from_slice(&self.0);
        Some(request.into())
    }
}

/// Begins a message of `length` bytes.
fn begin(field: u32, length: usize, out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(length as u64, out);
}

/// How long a message of `length` bytes is with its key, of one byte, and its length.
fn delimited(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::logs::v1::LogRecord;

    use super::*;
    use crate::telemetryapi::attribute::attribute;

    #[test]
    fn a_request_is_what_the_typed_message_would_be() {
        let record = |number: i32| LogRecord { severity_number: number, ..LogRecord::default() };
        let attribute = attribute("faas.name", "orders");
        let mut items = Items::default();
        (1..200).for_each(|number| items.push(&record(number)));
        let bytes = items.request(vec![attribute.clone()]).unwrap();
        let request = ExportLogsServiceRequest::decode(bytes.clone()).unwrap();
        assert_eq!(request.encode_to_vec(), bytes);
        let [resource] = &request.resource_logs[..] else { panic!("{request:?}") };
        assert_eq!(resource.resource.as_ref().unwrap().attributes, [attribute]);
        let [scope] = &resource.scope_logs[..] else { panic!("{request:?}") };
        assert_eq!(scope.scope.as_ref().unwrap().name, SCOPE);
        assert_eq!(scope.log_records, (1..200).map(record).collect::<Vec<_>>());
    }

    #[test]
    fn without_items_there_is_no_request() {
        assert_eq!(Items::default().request(Vec::new()), None);
    }
}
