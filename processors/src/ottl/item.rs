//! What a condition is about.

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;

/// What OTTL calls a context, from the outermost to the innermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Resource,
    Scope,
    Span,
    SpanEvent,
    Metric,
    DataPoint,
    Log,
}

impl Level {
    const NAMES: [(&str, Level); 8] = [
        ("resource", Level::Resource),
        ("scope", Level::Scope),
        ("instrumentation_scope", Level::Scope),
        ("span", Level::Span),
        ("spanevent", Level::SpanEvent),
        ("metric", Level::Metric),
        ("datapoint", Level::DataPoint),
        ("log", Level::Log),
    ];

    /// The level called `name`.
    pub fn named(name: &str) -> Option<Level> {
        Level::NAMES.iter().find(|(it, _)| *it == name).map(|(_, level)| *level)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Level::NAMES.iter().find(|(_, level)| *level == self).map_or("", |(name, _)| name)
    }

    /// Whether what is of this level lies around what is of level `inner`, or is that.
    pub fn is_around(self, inner: Level) -> bool {
        self <= Level::Scope && self <= inner
            || self == inner
            || matches!((self, inner), (Level::Span, Level::SpanEvent) | (Level::Metric, Level::DataPoint))
    }
}

/// Something of one level, with what lies around it.
#[derive(Clone, Copy, Default)]
pub struct Item<'a> {
    pub resource: Option<&'a Resource>,
    /// The schema of the resource.
    pub resource_schema: &'a str,
    pub scope: Option<&'a InstrumentationScope>,
    /// The schema of the scope.
    pub scope_schema: &'a str,
    pub span: Option<&'a Span>,
    pub event: Option<&'a Event>,
    pub metric: Option<&'a Metric>,
    pub point: Option<Point<'a>>,
    pub log: Option<&'a LogRecord>,
}

/// A data point of any kind.
#[derive(Clone, Copy)]
pub enum Point<'a> {
    Number(&'a NumberDataPoint),
    Histogram(&'a HistogramDataPoint),
    Exponential(&'a ExponentialHistogramDataPoint),
    Summary(&'a SummaryDataPoint),
}

/// A field that all kinds of data points have.
macro_rules! common {
    ($point:expr, $field:ident) => {
        match $point {
            Point::Number(point) => &point.$field,
            Point::Histogram(point) => &point.$field,
            Point::Exponential(point) => &point.$field,
            Point::Summary(point) => &point.$field,
        }
    };
}

impl<'a> Point<'a> {
    /// Its attributes.
    pub fn attributes(self) -> &'a [KeyValue] {
        common!(self, attributes)
    }

    /// When it was taken, in nanoseconds since 1970.
    pub fn time(self) -> u64 {
        *common!(self, time_unix_nano)
    }

    /// When its time began, in nanoseconds since 1970.
    pub fn start_time(self) -> u64 {
        *common!(self, start_time_unix_nano)
    }

    /// Its flags.
    pub fn flags(self) -> u32 {
        *common!(self, flags)
    }

    /// All of `metric`.
    pub fn all(metric: &'a Metric) -> Vec<Point<'a>> {
        match &metric.data {
            Some(Data::Gauge(data)) => data.data_points.iter().map(Point::Number).collect(),
            Some(Data::Sum(data)) => data.data_points.iter().map(Point::Number).collect(),
            Some(Data::Histogram(data)) => data.data_points.iter().map(Point::Histogram).collect(),
            Some(Data::ExponentialHistogram(data)) => {
                data.data_points.iter().map(Point::Exponential).collect()
            }
            Some(Data::Summary(data)) => data.data_points.iter().map(Point::Summary).collect(),
            None => Vec::new(),
        }
    }
}
