//! The table is what `opentelemetry-proto` decodes: every field by number, wire type, name and meaning.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use prost::Message;

use super::{Field, Kind, Presence, Type};
use crate::otlp::check;
use crate::otlp::wire::push_varint;

/// What `prost` makes of `bytes` as a message of `message`.
fn decode(message: Type, bytes: &[u8]) -> Option<String> {
    fn shown<M: Message + Default + std::fmt::Debug>(bytes: &[u8]) -> Option<String> {
        M::decode(bytes).ok().map(|message| format!("{message:?}"))
    }
    match message {
        Type::TracesRequest => shown::<ExportTraceServiceRequest>(bytes),
        Type::ResourceSpans => shown::<trace::ResourceSpans>(bytes),
        Type::ScopeSpans => shown::<trace::ScopeSpans>(bytes),
        Type::Span => shown::<trace::Span>(bytes),
        Type::Event => shown::<trace::span::Event>(bytes),
        Type::Link => shown::<trace::span::Link>(bytes),
        Type::Status => shown::<trace::Status>(bytes),
        Type::MetricsRequest => shown::<ExportMetricsServiceRequest>(bytes),
        Type::ResourceMetrics => shown::<metrics::ResourceMetrics>(bytes),
        Type::ScopeMetrics => shown::<metrics::ScopeMetrics>(bytes),
        Type::Metric => shown::<metrics::Metric>(bytes),
        Type::Gauge => shown::<metrics::Gauge>(bytes),
        Type::Sum => shown::<metrics::Sum>(bytes),
        Type::Histogram => shown::<metrics::Histogram>(bytes),
        Type::ExponentialHistogram => shown::<metrics::ExponentialHistogram>(bytes),
        Type::Summary => shown::<metrics::Summary>(bytes),
        Type::NumberDataPoint => shown::<metrics::NumberDataPoint>(bytes),
        Type::HistogramDataPoint => shown::<metrics::HistogramDataPoint>(bytes),
        Type::ExponentialHistogramDataPoint => shown::<metrics::ExponentialHistogramDataPoint>(bytes),
        Type::Buckets => shown::<metrics::exponential_histogram_data_point::Buckets>(bytes),
        Type::SummaryDataPoint => shown::<metrics::SummaryDataPoint>(bytes),
        Type::ValueAtQuantile => shown::<metrics::summary_data_point::ValueAtQuantile>(bytes),
        Type::Exemplar => shown::<metrics::Exemplar>(bytes),
        Type::LogsRequest => shown::<ExportLogsServiceRequest>(bytes),
        Type::ResourceLogs => shown::<logs::ResourceLogs>(bytes),
        Type::ScopeLogs => shown::<logs::ScopeLogs>(bytes),
        Type::LogRecord => shown::<logs::LogRecord>(bytes),
        Type::Resource => shown::<Resource>(bytes),
        Type::EntityRef => shown::<common::EntityRef>(bytes),
        Type::Scope => shown::<common::InstrumentationScope>(bytes),
        Type::KeyValue => shown::<common::KeyValue>(bytes),
        Type::AnyValue => shown::<common::AnyValue>(bytes),
        Type::ArrayValue => shown::<common::ArrayValue>(bytes),
        Type::KeyValueList => shown::<common::KeyValueList>(bytes),
    }
}

/// A field of wire type `wire` with all bits of a number set, or `text`.
fn encoded(number: u32, wire: u8, text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_varint(u64::from(number) << 3 | u64::from(wire), &mut bytes);
    match wire {
        0 => push_varint(u64::MAX, &mut bytes),
        1 => bytes.extend([0xff; 8]),
        2 => {
            push_varint(text.len() as u64, &mut bytes);
            bytes.extend(text);
        }
        3 => push_varint(u64::from(number) << 3 | 4, &mut bytes),
        5 => bytes.extend([0xff; 4]),
        _ => {}
    }
    bytes
}

#[test]
fn every_field_number_is_judged_as_by_prost() {
    // Eight bytes pass for two messages, a string and packed numbers; the others for less of these.
    let texts =
        [&b""[..], b"\x4a\x01a\x4a\x01a\x48\x01", b"abc", b"\xff", b"\xff\x01\x00\x00\x00\x00\x00\x00"];
    for &message in Type::ALL {
        for number in (1..40).chain([1000, (1 << 29) - 1]) {
            for (wire, text) in (0..8).flat_map(|wire| texts.map(|text| (wire, text))) {
                let bytes = encoded(number, wire, text);
                let expected = decode(message, &bytes).is_some();
                assert_eq!(check::is_valid(message, &bytes, 0), expected, "{message:?} {bytes:x?}");
            }
        }
    }
}

#[test]
fn numbers_that_the_table_does_not_know_are_unknown_to_prost() {
    for &message in Type::ALL {
        let nothing = decode(message, b"");
        for number in (1..200).filter(|number| message.field(*number).is_none()) {
            for wire in [0, 1, 2, 3, 5] {
                assert_eq!(decode(message, &encoded(number, wire, b"")), nothing, "{message:?} {number}");
            }
        }
    }
}

/// How `prost` shows `field` when all bits of its number are set, or it holds the text "ab" or an empty message.
fn shown(field: &Field) -> String {
    let value = match field.kind {
        Kind::Bool => "true".to_owned(),
        Kind::Int32 | Kind::Int64 | Kind::Sfixed64 | Kind::Enum(_) => "-1".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => u32::MAX.to_string(),
        Kind::Uint64 | Kind::Fixed64 => u64::MAX.to_string(),
        Kind::Sint32 => i32::MIN.to_string(),
        Kind::Double => "NaN".to_owned(),
        Kind::String => "\"ab\"".to_owned(),
        Kind::Bytes | Kind::Id(_) => "[97, 98]".to_owned(),
        Kind::Message(inner) => decode(inner, b"").unwrap(),
    };
    let name = match (field.presence, field.name) {
        (Presence::Oneof, name) => return format!("{}{}({value})", name[..1].to_uppercase(), &name[1..]),
        (_, "type") => "r#type".to_owned(),
        _ => field.proto_name(),
    };
    match (field.presence, field.kind) {
        (Presence::Many, _) => format!("{name}: [{value}]"),
        (Presence::Optional, _) | (_, Kind::Message(_)) => format!("{name}: Some({value})"),
        _ => format!("{name}: {value}"),
    }
}

#[test]
fn every_field_has_the_name_and_meaning_that_prost_gives_it() {
    for &message in Type::ALL {
        for field in message.fields() {
            let (wire, text) = match field.kind {
                Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => (1, ""),
                Kind::Fixed32 => (5, ""),
                Kind::String | Kind::Bytes | Kind::Id(_) => (2, "ab"),
                Kind::Message(_) => (2, ""),
                _ => (0, ""),
            };
            let found = decode(message, &encoded(field.number, wire, text.as_bytes())).unwrap();
            assert!(found.contains(&shown(field)), "{message:?}: {} is not in {found}", shown(field));
        }
    }
}

#[test]
fn names_of_enums_are_those_of_prost() {
    let names = |message: Type, field: &str| match message.fields()[message.field_called(field).unwrap()].kind
    {
        Kind::Enum(names) => names.to_vec(),
        kind => panic!("{kind:?}"),
    };
    fn known<E: TryFrom<i32>>(name: impl Fn(&E) -> &'static str) -> Vec<&'static str> {
        (0..100).map_while(|number| E::try_from(number).ok()).map(|value| name(&value)).collect()
    }
    assert_eq!(names(Type::Span, "kind"), known(trace::span::SpanKind::as_str_name));
    assert_eq!(names(Type::Status, "code"), known(trace::status::StatusCode::as_str_name));
    assert_eq!(names(Type::LogRecord, "severityNumber"), known(logs::SeverityNumber::as_str_name));
    for message in [Type::Sum, Type::Histogram, Type::ExponentialHistogram] {
        let expected = known(metrics::AggregationTemporality::as_str_name);
        assert_eq!(names(message, "aggregationTemporality"), expected);
    }
}

#[test]
fn ids_have_the_length_that_otlp_gives_them() {
    for field in Type::ALL.iter().flat_map(|message| message.fields()) {
        let expected = match field.name {
            "traceId" => Some(16),
            "spanId" | "parentSpanId" => Some(8),
            _ => None,
        };
        let found = if let Kind::Id(length) = field.kind { Some(length) } else { None };
        assert_eq!(found, expected, "{}", field.name);
    }
}

#[test]
fn a_field_is_found_by_both_of_its_names_and_by_no_other() {
    let found = |name| Type::Span.field_called(name).map(|place| Type::Span.fields()[place].number);
    assert_eq!(found("startTimeUnixNano"), Some(7));
    assert_eq!(found("start_time_unix_nano"), Some(7));
    for other in
        ["start_time_unix_nan", "start_time_unix_nano_", "startTime_unix_nano", "_", "", "StartTimeUnixNano"]
    {
        assert_eq!(found(other), None, "{other}");
    }
}
