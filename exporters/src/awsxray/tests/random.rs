//! Whatever a span holds, its documents are valid and none is lost.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::keys::Key;
use super::*;

fn text() -> impl Strategy<Value = String> {
    let known = vec![
        "LOCAL_ROOT",
        "aws-api",
        "aws",
        "mysql",
        "aws_lambda",
        "java",
        "python",
        "https://u:p@h:1/x",
        "::1",
        "{\"a\":{}}",
    ];
    prop_oneof![
        12 => select(known).prop_map(String::from),
        12 => ".{0,20}",
        1 => (".{1,3}", 1..30_000usize).prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

fn value() -> impl Strategy<Value = Option<AnyValue>> {
    let leaf = prop_oneof![
        6 => text().prop_map(Value::StringValue),
        2 => any::<i64>().prop_map(Value::IntValue),
        1 => (0..700i64).prop_map(Value::IntValue),
        1 => any::<f64>().prop_map(Value::DoubleValue),
        1 => any::<bool>().prop_map(Value::BoolValue),
        1 => vec(any::<u8>(), 0..9).prop_map(Value::BytesValue),
    ];
    let whole = leaf.prop_recursive(3, 12, 4, |inner| {
        let item = inner.prop_map(|value| AnyValue { value: Some(value) });
        let pair = ("[a-c]?", item.clone()).prop_map(|(key, value)| KeyValue {
            key,
            value: Some(value),
            ..KeyValue::default()
        });
        prop_oneof![
            vec(item, 0..4).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(pair, 0..4).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
    });
    prop::option::weighted(0.95, whole.prop_map(|value| AnyValue { value: Some(value) }))
}

fn attributes(most: usize) -> impl Strategy<Value = Vec<KeyValue>> {
    let known: Vec<String> = Key::names().map(String::from).collect();
    let key = prop_oneof![4 => select(known), 1 => ".{0,8}", 1 => "aws\\.xray\\.metadata\\.[a-z]{0,3}"];
    let pair = (key, value()).prop_map(|(key, value)| KeyValue { key, value, ..KeyValue::default() });
    vec(pair, 0..most)
}

fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![20 => vec(any::<u8>(), length), 1 => vec(any::<u8>(), 0..20), 1 => vec(Just(0u8), length)]
}

fn event() -> impl Strategy<Value = Event> {
    let name = prop_oneof![Just("exception".into()), Just("HTTP request failure".into()), text()];
    let key = select(vec![
        "exception.type",
        "exception.message",
        "exception.stacktrace",
        "exception.escaped",
        "message.type",
    ]);
    let pair =
        (key, value()).prop_map(|(key, value)| KeyValue { key: key.into(), value, ..KeyValue::default() });
    (name, any::<u64>(), vec(pair, 0..5)).prop_map(|(name, time_unix_nano, attributes)| Event {
        name,
        time_unix_nano,
        attributes,
        ..Event::default()
    })
}

fn link() -> impl Strategy<Value = Link> {
    (id(16), id(8), attributes(2)).prop_map(|(trace_id, span_id, attributes)| Link {
        trace_id,
        span_id,
        attributes,
        ..Link::default()
    })
}

prop_compose! {
    fn span()(
        ids in (id(16), id(8), id(8)),
        name in text(),
        kind in 0..7i32,
        times in (any::<u64>(), any::<u64>()),
        attributes in attributes(30),
        events in vec(event(), 0..4),
        links in vec(link(), 0..30),
        status in (0..3i32, text()),
    ) -> Span {
        Span {
            trace_id: ids.0, span_id: ids.1, parent_span_id: ids.2, name, kind,
            start_time_unix_nano: times.0, end_time_unix_nano: times.1,
            attributes, events, links,
            status: Some(Status { code: status.0, message: status.1 }),
            ..Span::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_span_has_valid_documents_or_a_reason_why_not(
        spans in vec(span(), 1..3),
        resource in attributes(12),
        is_contrib: bool,
        index_all_attributes: bool,
    ) {
        let settings = Settings {
            mapping: if is_contrib { Mapping::Contrib } else { Mapping::Improved },
            index_all_attributes,
            indexed_attributes: vec!["http.method".into(), "otel.resource.service.name".into()],
            ..Settings::default()
        };
        let count = spans.len();
        let request = ExportTraceServiceRequest { resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes: resource, ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }] };
        let translation = translate(&request, &settings, &Facts::default());
        prop_assert!(translation.documents.len() + translation.untranslated.len() >= count);
        translation.documents.iter().for_each(|document| { valid::parsed(document); });
        prop_assert_eq!(translate(&request, &settings, &Facts::default()), translation);
    }
}
