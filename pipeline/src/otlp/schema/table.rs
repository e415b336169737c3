//! The table: every message of OTLP with its fields, in the order of the `.proto` files
//! (<https://github.com/open-telemetry/opentelemetry-proto>).

use super::Kind::{
    Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int32, Int64, Message, Sfixed64, Sint32, String, Uint32,
    Uint64,
};
use super::{Field, Kind, Presence};

/// Makes [`Type`] and its fields out of the table.
macro_rules! messages {
    ($($message:ident [$($field:expr,)*])*) => {
        /// A message of OTLP.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Type { $($message,)* }

        impl Type {
            pub const ALL: &'static [Type] = &[$(Type::$message,)*];

            /// The fields, in the order of the `.proto` file.
            pub const fn fields(self) -> &'static [Field] {
                match self { $(Type::$message => const { &[$($field,)*] },)* }
            }
        }
    };
}

messages! {
    TracesRequest [
        many(1, "resourceSpans", Message(Type::ResourceSpans)),
    ]
    ResourceSpans [
        one(1, "resource", Message(Type::Resource)),
        many(2, "scopeSpans", Message(Type::ScopeSpans)),
        one(3, "schemaUrl", String),
    ]
    ScopeSpans [
        one(1, "scope", Message(Type::Scope)),
        many(2, "spans", Message(Type::Span)),
        one(3, "schemaUrl", String),
    ]
    Span [
        one(1, "traceId", Id(16)),
        one(2, "spanId", Id(8)),
        one(3, "traceState", String),
        one(4, "parentSpanId", Id(8)),
        one(16, "flags", Fixed32),
        one(5, "name", String),
        one(6, "kind", Enum(SPAN_KIND)),
        one(7, "startTimeUnixNano", Fixed64),
        one(8, "endTimeUnixNano", Fixed64),
        many(9, "attributes", Message(Type::KeyValue)),
        one(10, "droppedAttributesCount", Uint32),
        many(11, "events", Message(Type::Event)),
        one(12, "droppedEventsCount", Uint32),
        many(13, "links", Message(Type::Link)),
        one(14, "droppedLinksCount", Uint32),
        one(15, "status", Message(Type::Status)),
    ]
    Event [
        one(1, "timeUnixNano", Fixed64),
        one(2, "name", String),
        many(3, "attributes", Message(Type::KeyValue)),
        one(4, "droppedAttributesCount", Uint32),
    ]
    Link [
        one(1, "traceId", Id(16)),
        one(2, "spanId", Id(8)),
        one(3, "traceState", String),
        many(4, "attributes", Message(Type::KeyValue)),
        one(5, "droppedAttributesCount", Uint32),
        one(6, "flags", Fixed32),
    ]
    Status [
        one(2, "message", String),
        one(3, "code", Enum(STATUS_CODE)),
    ]

    MetricsRequest [
        many(1, "resourceMetrics", Message(Type::ResourceMetrics)),
    ]
    ResourceMetrics [
        one(1, "resource", Message(Type::Resource)),
        many(2, "scopeMetrics", Message(Type::ScopeMetrics)),
        one(3, "schemaUrl", String),
    ]
    ScopeMetrics [
        one(1, "scope", Message(Type::Scope)),
        many(2, "metrics", Message(Type::Metric)),
        one(3, "schemaUrl", String),
    ]
    Metric [
        one(1, "name", String),
        one(2, "description", String),
        one(3, "unit", String),
        oneof(5, "gauge", Message(Type::Gauge)),
        oneof(7, "sum", Message(Type::Sum)),
        oneof(9, "histogram", Message(Type::Histogram)),
        oneof(10, "exponentialHistogram", Message(Type::ExponentialHistogram)),
        oneof(11, "summary", Message(Type::Summary)),
        many(12, "metadata", Message(Type::KeyValue)),
    ]
    Gauge [
        many(1, "dataPoints", Message(Type::NumberDataPoint)),
    ]
    Sum [
        many(1, "dataPoints", Message(Type::NumberDataPoint)),
        one(2, "aggregationTemporality", Enum(AGGREGATION_TEMPORALITY)),
        one(3, "isMonotonic", Bool),
    ]
    Histogram [
        many(1, "dataPoints", Message(Type::HistogramDataPoint)),
        one(2, "aggregationTemporality", Enum(AGGREGATION_TEMPORALITY)),
    ]
    ExponentialHistogram [
        many(1, "dataPoints", Message(Type::ExponentialHistogramDataPoint)),
        one(2, "aggregationTemporality", Enum(AGGREGATION_TEMPORALITY)),
    ]
    Summary [
        many(1, "dataPoints", Message(Type::SummaryDataPoint)),
    ]
    NumberDataPoint [
        many(7, "attributes", Message(Type::KeyValue)),
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        oneof(4, "asDouble", Double),
        oneof(6, "asInt", Sfixed64),
        many(5, "exemplars", Message(Type::Exemplar)),
        one(8, "flags", Uint32),
    ]
    HistogramDataPoint [
        many(9, "attributes", Message(Type::KeyValue)),
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        optional(5, "sum", Double),
        many(6, "bucketCounts", Fixed64),
        many(7, "explicitBounds", Double),
        many(8, "exemplars", Message(Type::Exemplar)),
        one(10, "flags", Uint32),
        optional(11, "min", Double),
        optional(12, "max", Double),
    ]
    ExponentialHistogramDataPoint [
        many(1, "attributes", Message(Type::KeyValue)),
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        optional(5, "sum", Double),
        one(6, "scale", Sint32),
        one(7, "zeroCount", Fixed64),
        one(8, "positive", Message(Type::Buckets)),
        one(9, "negative", Message(Type::Buckets)),
        one(10, "flags", Uint32),
        many(11, "exemplars", Message(Type::Exemplar)),
        optional(12, "min", Double),
        optional(13, "max", Double),
        one(14, "zeroThreshold", Double),
    ]
    Buckets [
        one(1, "offset", Sint32),
        many(2, "bucketCounts", Uint64),
    ]
    SummaryDataPoint [
        many(7, "attributes", Message(Type::KeyValue)),
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        many(6, "quantileValues", Message(Type::ValueAtQuantile)),
        one(8, "flags", Uint32),
    ]
    ValueAtQuantile [
        one(1, "quantile", Double),
        one(2, "value", Double),
    ]
    Exemplar [
        many(7, "filteredAttributes", Message(Type::KeyValue)),
        one(2, "timeUnixNano", Fixed64),
        oneof(3, "asDouble", Double),
        oneof(6, "asInt", Sfixed64),
        one(4, "spanId", Id(8)),
        one(5, "traceId", Id(16)),
    ]

    LogsRequest [
        many(1, "resourceLogs", Message(Type::ResourceLogs)),
    ]
    ResourceLogs [
        one(1, "resource", Message(Type::Resource)),
        many(2, "scopeLogs", Message(Type::ScopeLogs)),
        one(3, "schemaUrl", String),
    ]
    ScopeLogs [
        one(1, "scope", Message(Type::Scope)),
        many(2, "logRecords", Message(Type::LogRecord)),
        one(3, "schemaUrl", String),
    ]
    LogRecord [
        one(1, "timeUnixNano", Fixed64),
        one(11, "observedTimeUnixNano", Fixed64),
        one(2, "severityNumber", Enum(SEVERITY_NUMBER)),
        one(3, "severityText", String),
        one(5, "body", Message(Type::AnyValue)),
        many(6, "attributes", Message(Type::KeyValue)),
        one(7, "droppedAttributesCount", Uint32),
        one(8, "flags", Fixed32),
        one(9, "traceId", Id(16)),
        one(10, "spanId", Id(8)),
        one(12, "eventName", String),
    ]

    Resource [
        many(1, "attributes", Message(Type::KeyValue)),
        one(2, "droppedAttributesCount", Uint32),
        many(3, "entityRefs", Message(Type::EntityRef)),
    ]
    EntityRef [
        one(1, "schemaUrl", String),
        one(2, "type", String),
        many(3, "idKeys", String),
        many(4, "descriptionKeys", String),
    ]
    Scope [
        one(1, "name", String),
        one(2, "version", String),
        many(3, "attributes", Message(Type::KeyValue)),
        one(4, "droppedAttributesCount", Uint32),
    ]
    KeyValue [
        one(1, "key", String),
        one(2, "value", Message(Type::AnyValue)),
        one(3, "keyStrindex", Int32),
    ]
    AnyValue [
        oneof(1, "stringValue", String),
        oneof(2, "boolValue", Bool),
        oneof(3, "intValue", Int64),
        oneof(4, "doubleValue", Double),
        oneof(5, "arrayValue", Message(Type::ArrayValue)),
        oneof(6, "kvlistValue", Message(Type::KeyValueList)),
        oneof(7, "bytesValue", Bytes),
        oneof(8, "stringValueStrindex", Int32),
    ]
    ArrayValue [
        many(1, "values", Message(Type::AnyValue)),
    ]
    KeyValueList [
        many(1, "values", Message(Type::KeyValue)),
    ]
}

const SPAN_KIND: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

const STATUS_CODE: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

const AGGREGATION_TEMPORALITY: &[&str] = &[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];

const SEVERITY_NUMBER: &[&str] = &[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, presence: Presence::One }
}

const fn optional(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, presence: Presence::Optional }
}

const fn oneof(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, presence: Presence::Oneof }
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, presence: Presence::Many }
}
