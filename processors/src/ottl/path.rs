//! The paths of OTTL: what can be asked of a span, a metric, a record and what lies around them.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Content;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;

use super::item::{Item, Level, Point};
use super::value::Value;
use crate::actions::value::hex;

/// Finds the value; `None` is nil.
pub type Getter = for<'a> fn(&Item<'a>) -> Option<Value<'a>>;

/// A path: where it begins, how it goes on, and what is there.
pub type Path = (Level, &'static str, Getter);

/// All that are known.
pub const PATHS: &[Path] = &[
    (Level::Resource, "attributes", |it| {
        Some(Value::Map(Cow::Borrowed(it.resource.map_or(&[], |resource| &resource.attributes))))
    }),
    (Level::Resource, "dropped_attributes_count", |it| {
        int(it.resource.map_or(0, |resource| resource.dropped_attributes_count))
    }),
    (Level::Resource, "schema_url", |it| text(it.resource_schema)),
    (Level::Scope, "name", |it| text(it.scope.map_or("", |scope| &scope.name))),
    (Level::Scope, "version", |it| text(it.scope.map_or("", |scope| &scope.version))),
    (Level::Scope, "attributes", |it| {
        Some(Value::Map(Cow::Borrowed(it.scope.map_or(&[], |scope| &scope.attributes))))
    }),
    (Level::Scope, "dropped_attributes_count", |it| {
        int(it.scope.map_or(0, |scope| scope.dropped_attributes_count))
    }),
    (Level::Scope, "schema_url", |it| text(it.scope_schema)),
    (Level::Span, "trace_id", |it| id::<16>(&it.span?.trace_id)),
    (Level::Span, "trace_id.string", |it| id_in_hex::<16>(&it.span?.trace_id)),
    (Level::Span, "span_id", |it| id::<8>(&it.span?.span_id)),
    (Level::Span, "span_id.string", |it| id_in_hex::<8>(&it.span?.span_id)),
    (Level::Span, "parent_span_id", |it| id::<8>(&it.span?.parent_span_id)),
    (Level::Span, "parent_span_id.string", |it| id_in_hex::<8>(&it.span?.parent_span_id)),
    (Level::Span, "trace_state", |it| text(&it.span?.trace_state)),
    (Level::Span, "name", |it| text(&it.span?.name)),
    (Level::Span, "kind", |it| int(it.span?.kind)),
    (Level::Span, "kind.string", |it| {
        let names = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
        text(usize::try_from(it.span?.kind).ok().and_then(|kind| names.get(kind)).unwrap_or(&""))
    }),
    (Level::Span, "kind.deprecated_string", |it| text(it.span?.kind().as_str_name())),
    (Level::Span, "start_time_unix_nano", |it| int(it.span?.start_time_unix_nano)),
    (Level::Span, "end_time_unix_nano", |it| int(it.span?.end_time_unix_nano)),
    (Level::Span, "start_time", |it| time(it.span?.start_time_unix_nano)),
    (Level::Span, "end_time", |it| time(it.span?.end_time_unix_nano)),
    (Level::Span, "attributes", |it| Some(Value::Map(Cow::Borrowed(&it.span?.attributes)))),
    (Level::Span, "dropped_attributes_count", |it| int(it.span?.dropped_attributes_count)),
    (Level::Span, "dropped_events_count", |it| int(it.span?.dropped_events_count)),
    (Level::Span, "dropped_links_count", |it| int(it.span?.dropped_links_count)),
    (Level::Span, "status.code", |it| int(it.span?.status.as_ref().map_or(0, |status| status.code))),
    (Level::Span, "status.message", |it| text(it.span?.status.as_ref().map_or("", |status| &status.message))),
    (Level::Span, "flags", |it| int(it.span?.flags)),
    (Level::SpanEvent, "time_unix_nano", |it| int(it.event?.time_unix_nano)),
    (Level::SpanEvent, "time", |it| time(it.event?.time_unix_nano)),
    (Level::SpanEvent, "name", |it| text(&it.event?.name)),
    (Level::SpanEvent, "attributes", |it| Some(Value::Map(Cow::Borrowed(&it.event?.attributes)))),
    (Level::SpanEvent, "dropped_attributes_count", |it| int(it.event?.dropped_attributes_count)),
    (Level::Metric, "name", |it| text(&it.metric?.name)),
    (Level::Metric, "description", |it| text(&it.metric?.description)),
    (Level::Metric, "unit", |it| text(&it.metric?.unit)),
    (Level::Metric, "type", |it| {
        int(match it.metric?.data {
            None => 0,
            Some(Data::Gauge(_)) => 1,
            Some(Data::Sum(_)) => 2,
            Some(Data::Histogram(_)) => 3,
            Some(Data::ExponentialHistogram(_)) => 4,
            Some(Data::Summary(_)) => 5,
        })
    }),
    (Level::Metric, "aggregation_temporality", |it| match it.metric?.data.as_ref()? {
        Data::Sum(data) => int(data.aggregation_temporality),
        Data::Histogram(data) => int(data.aggregation_temporality),
        Data::ExponentialHistogram(data) => int(data.aggregation_temporality),
        Data::Gauge(_) | Data::Summary(_) => None,
    }),
    (Level::Metric, "is_monotonic", |it| match it.metric?.data.as_ref()? {
        Data::Sum(data) => Some(Value::Bool(data.is_monotonic)),
        _ => None,
    }),
    (Level::Metric, "metadata", |it| Some(Value::Map(Cow::Borrowed(&it.metric?.metadata)))),
    (Level::DataPoint, "attributes", |it| Some(Value::Map(Cow::Borrowed(it.point?.attributes())))),
    (Level::DataPoint, "start_time_unix_nano", |it| int(it.point?.start_time())),
    (Level::DataPoint, "time_unix_nano", |it| int(it.point?.time())),
    (Level::DataPoint, "start_time", |it| time(it.point?.start_time())),
    (Level::DataPoint, "time", |it| time(it.point?.time())),
    (Level::DataPoint, "flags", |it| int(it.point?.flags())),
    (Level::DataPoint, "value_double", |it| match it.point? {
        Point::Number(point) => Some(Value::Float(match point.value {
            Some(Number::AsDouble(double)) => double,
            _ => 0.0,
        })),
        _ => None,
    }),
    (Level::DataPoint, "value_int", |it| match it.point? {
        Point::Number(point) => Some(Value::Int(match point.value {
            Some(Number::AsInt(int)) => int,
            _ => 0,
        })),
        _ => None,
    }),
    (Level::DataPoint, "count", |it| match it.point? {
        Point::Number(_) => None,
        Point::Histogram(point) => int(point.count),
        Point::Exponential(point) => int(point.count),
        Point::Summary(point) => int(point.count),
    }),
    (Level::DataPoint, "sum", |it| match it.point? {
        Point::Number(_) => None,
        Point::Histogram(point) => Some(Value::Float(point.sum.unwrap_or_default())),
        Point::Exponential(point) => Some(Value::Float(point.sum.unwrap_or_default())),
        Point::Summary(point) => Some(Value::Float(point.sum)),
    }),
    (Level::DataPoint, "scale", |it| match it.point? {
        Point::Exponential(point) => int(point.scale),
        _ => None,
    }),
    (Level::DataPoint, "zero_count", |it| match it.point? {
        Point::Exponential(point) => int(point.zero_count),
        _ => None,
    }),
    (Level::Log, "time_unix_nano", |it| int(it.log?.time_unix_nano)),
    (Level::Log, "observed_time_unix_nano", |it| int(it.log?.observed_time_unix_nano)),
    (Level::Log, "time", |it| time(it.log?.time_unix_nano)),
    (Level::Log, "observed_time", |it| time(it.log?.observed_time_unix_nano)),
    (Level::Log, "severity_number", |it| int(it.log?.severity_number)),
    (Level::Log, "severity_text", |it| text(&it.log?.severity_text)),
    (Level::Log, "body", |it| it.log?.body.as_ref().map(Value::from)),
    (Level::Log, "body.string", |it| match it.log?.body.as_ref() {
        Some(body) => match &body.value {
            Some(Content::StringValue(body)) => text(body),
            _ => Some(Value::text(pipeline::text(body))),
        },
        None => text(""),
    }),
    (Level::Log, "attributes", |it| Some(Value::Map(Cow::Borrowed(&it.log?.attributes)))),
    (Level::Log, "dropped_attributes_count", |it| int(it.log?.dropped_attributes_count)),
    (Level::Log, "flags", |it| int(it.log?.flags)),
    (Level::Log, "trace_id", |it| id::<16>(&it.log?.trace_id)),
    (Level::Log, "trace_id.string", |it| id_in_hex::<16>(&it.log?.trace_id)),
    (Level::Log, "span_id", |it| id::<8>(&it.log?.span_id)),
    (Level::Log, "span_id.string", |it| id_in_hex::<8>(&it.log?.span_id)),
    (Level::Log, "event_name", |it| text(&it.log?.event_name)),
];

/// The paths that may have keys behind them.
pub const INDEXED: [&str; 3] = ["attributes", "body", "metadata"];

/// Numbers with names.
const ENUMS: [(&str, &[&str]); 5] = [
    ("SPAN_KIND_", &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]),
    ("STATUS_CODE_", &["UNSET", "OK", "ERROR"]),
    ("AGGREGATION_TEMPORALITY_", &["UNSPECIFIED", "DELTA", "CUMULATIVE"]),
    ("METRIC_DATA_TYPE_", &["NONE", "GAUGE", "SUM", "HISTOGRAM", "EXPONENTIAL_HISTOGRAM", "SUMMARY"]),
    ("FLAG_", &["NONE", "NO_RECORDED_VALUE"]),
];

const SEVERITIES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/// The number that `name` stands for.
pub fn enumerated(name: &str) -> Option<i64> {
    if let Some(severity) = name.strip_prefix("SEVERITY_NUMBER_") {
        if severity == "UNSPECIFIED" {
            return Some(0);
        }
        let (word, step) = match severity.strip_suffix(['2', '3', '4']) {
            Some(word) => (word, i64::from(severity.as_bytes()[word.len()] - b'1')),
            None => (severity, 0),
        };
        let place = SEVERITIES.iter().position(|it| *it == word)?;
        return Some(i64::try_from(place).ok()? * 4 + 1 + step);
    }
    let place = |prefix: &str, names: &[&str]| {
        let name = name.strip_prefix(prefix)?;
        i64::try_from(names.iter().position(|it| *it == name)?).ok()
    };
    ENUMS.iter().find_map(|(prefix, names)| place(prefix, names))
}

fn text(text: &str) -> Option<Value<'_>> {
    Some(Value::Text(Cow::Borrowed(text)))
}

/// As Go does, takes what is too large for an `i64` for what its bits are there.
fn int<'a>(int: impl TryInto<i64> + TryInto<u64> + Copy) -> Option<Value<'a>> {
    let large = || int.try_into().map_or(0, u64::cast_signed);
    Some(Value::Int(TryInto::<i64>::try_into(int).unwrap_or_else(|_| large())))
}

fn time<'a>(nanos: u64) -> Option<Value<'a>> {
    Some(Value::Time(nanos.cast_signed()))
}

/// An id that is not there is all zeros.
fn id<const LENGTH: usize>(id: &[u8]) -> Option<Value<'_>> {
    let zeros: &[u8] = &[0; LENGTH];
    Some(Value::Id(Cow::Borrowed(if id.len() == LENGTH { id } else { zeros })))
}

fn id_in_hex<const LENGTH: usize>(id: &[u8]) -> Option<Value<'static>> {
    Some(Value::text(hex(if id.len() == LENGTH { id } else { &[0; LENGTH] })))
}
