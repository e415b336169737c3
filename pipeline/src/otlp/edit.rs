//! Changing the attributes of a request's resources and nothing else.

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use prost::Message as _;

use super::check;
use super::schema::Type;
use super::wire::{Fields, push_delimited};

/// The number of `resource_spans`, `resource_metrics`, `resource_logs` in a request.
const RESOURCES: u32 = 1;
/// The number of `resource` in each of them.
const RESOURCE: u32 = 1;
/// The number of `attributes` in a resource.
const ATTRIBUTES: u32 = 1;
/// How deep a resource sits in a request.
const RESOURCE_DEPTH: u32 = 2;

/// Lets `change` edit the attributes of each resource of `request`; `None` if that changed nothing.
///
/// A resource that occurs twice counts as one, as protobuf has it; a missing one as one without attributes.
pub(crate) fn resources(request: &Bytes, mut change: impl FnMut(&mut Vec<KeyValue>)) -> Option<Vec<u8>> {
    let mut edited = Vec::new();
    // Everything of `request` before this is in `edited`, once anything is.
    let mut copied = 0;
    let mut offset = 0;
    for field in Fields::of(request) {
        let start = offset;
        offset += field.whole.len();
        if field.number != RESOURCES {
            continue;
        }
        if let Some(entry) = edit_entry(field.value, &mut change) {
            edited.reserve(request.len() + entry.len() - field.value.len());
            edited.extend_from_slice(&request[copied..start]);
            push_delimited(RESOURCES, &entry, &mut edited);
            copied = offset;
        }
    }
    if copied == 0 {
        return None;
    }
    edited.extend_from_slice(&request[copied..]);
    Some(edited)
}

/// Edits one `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`.
fn edit_entry(entry: &[u8], change: &mut impl FnMut(&mut Vec<KeyValue>)) -> Option<Vec<u8>> {
    let resources = || Fields::of(entry).filter(|field| field.number == RESOURCE);
    let fields = || resources().flat_map(|resource| Fields::of(resource.value));
    let mut attributes: Vec<KeyValue> = fields()
        .filter(|field| field.number == ATTRIBUTES)
        // It decodes: the request it is part of has been admitted.
        .filter_map(|attribute| KeyValue::decode(attribute.value).ok())
        .collect();
    change(&mut attributes);

    let mut resource = Vec::new();
    for attribute in &attributes {
        push_delimited(ATTRIBUTES, &attribute.encode_to_vec(), &mut resource);
    }
    for field in fields().filter(|field| field.number != ATTRIBUTES) {
        resource.extend_from_slice(field.whole);
    }
    let same = match (resources().next(), resources().nth(1)) {
        (None, _) => resource.is_empty(),
        (Some(only), None) => only.value == resource,
        (Some(_), Some(_)) => false,
    };
    if same || !check::is_valid(Type::Resource, &resource, RESOURCE_DEPTH) {
        return None;
    }
    let mut edited = Vec::with_capacity(entry.len() + resource.len() + 8);
    push_delimited(RESOURCE, &resource, &mut edited);
    for field in Fields::of(entry).filter(|field| field.number != RESOURCE) {
        edited.extend_from_slice(field.whole);
    }
    Some(edited)
}
