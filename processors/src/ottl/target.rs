//! What statements change.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;

use super::item::{Item, Level, Point};
use super::slot::{Slot, put, put_below};
use super::value::{Key, Value};

/// An [`Item`] that may be changed.
pub struct Target<'a> {
    pub resource: &'a mut Option<Resource>,
    pub resource_schema: &'a str,
    pub scope: Option<&'a mut Option<InstrumentationScope>>,
    pub scope_schema: &'a str,
    pub span: Option<&'a mut Span>,
    pub event: Option<&'a mut Event>,
    pub metric: Option<&'a mut Metric>,
    pub point: Option<PointMut<'a>>,
    pub log: Option<&'a mut LogRecord>,
}

/// A [`Point`] that may be changed.
pub enum PointMut<'a> {
    Number(&'a mut NumberDataPoint),
    Histogram(&'a mut HistogramDataPoint),
    Exponential(&'a mut ExponentialHistogramDataPoint),
    Summary(&'a mut SummaryDataPoint),
}

/// Where a statement writes: a path that can be written to, and the keys behind it.
#[derive(Debug)]
pub struct Place {
    pub level: Level,
    pub name: &'static str,
    pub keys: Vec<Key>,
}

/// The paths that can be written to, beside `attributes` at every level.
pub const WRITABLE: [(Level, &str); 24] = [
    (Level::Scope, "name"),
    (Level::Scope, "version"),
    (Level::Span, "name"),
    (Level::Span, "kind"),
    (Level::Span, "status.code"),
    (Level::Span, "status.message"),
    (Level::Span, "trace_state"),
    (Level::Span, "start_time_unix_nano"),
    (Level::Span, "end_time_unix_nano"),
    (Level::SpanEvent, "name"),
    (Level::SpanEvent, "time_unix_nano"),
    (Level::Metric, "name"),
    (Level::Metric, "description"),
    (Level::Metric, "unit"),
    (Level::DataPoint, "value_double"),
    (Level::DataPoint, "value_int"),
    (Level::DataPoint, "time_unix_nano"),
    (Level::DataPoint, "start_time_unix_nano"),
    (Level::Log, "body"),
    (Level::Log, "severity_number"),
    (Level::Log, "severity_text"),
    (Level::Log, "event_name"),
    (Level::Log, "time_unix_nano"),
    (Level::Log, "observed_time_unix_nano"),
];

/// A field that all kinds of data points have.
macro_rules! common {
    ($point:expr, $field:ident) => {
        match $point {
            PointMut::Number(point) => &mut point.$field,
            PointMut::Histogram(point) => &mut point.$field,
            PointMut::Exponential(point) => &mut point.$field,
            PointMut::Summary(point) => &mut point.$field,
        }
    };
}

impl<'a> Target<'a> {
    /// A resource, with nothing in it.
    pub fn of(resource: &'a mut Option<Resource>, resource_schema: &'a str) -> Self {
        Target {
            resource,
            resource_schema,
            scope: None,
            scope_schema: "",
            span: None,
            event: None,
            metric: None,
            point: None,
            log: None,
        }
    }
}

impl Target<'_> {
    /// As what conditions and expressions see.
    pub fn item(&self) -> Item<'_> {
        let point = self.point.as_ref().map(|point| match point {
            PointMut::Number(point) => Point::Number(point),
            PointMut::Histogram(point) => Point::Histogram(point),
            PointMut::Exponential(point) => Point::Exponential(point),
            PointMut::Summary(point) => Point::Summary(point),
        });
        Item {
            resource: self.resource.as_ref(),
            resource_schema: self.resource_schema,
            scope: self.scope.as_ref().and_then(|scope| scope.as_ref()),
            scope_schema: self.scope_schema,
            span: self.span.as_deref(),
            event: self.event.as_deref(),
            metric: self.metric.as_deref(),
            point,
            log: self.log.as_deref(),
        }
    }

    /// What is at `place`, its keys aside; nothing if there is no such thing, like the value of a histogram's point.
    pub fn slot(&mut self, place: &Place) -> Option<Slot<'_>> {
        Some(match (place.level, place.name) {
            (Level::Resource, "attributes") => {
                Slot::Map(&mut self.resource.get_or_insert_default().attributes)
            }
            (Level::Scope, name) => {
                let scope = self.scope.as_mut()?.get_or_insert_default();
                match name {
                    "attributes" => Slot::Map(&mut scope.attributes),
                    "name" => Slot::Text(&mut scope.name),
                    _ => Slot::Text(&mut scope.version),
                }
            }
            (Level::Span, name) => span_slot(self.span.as_mut()?, name)?,
            (Level::SpanEvent, name) => {
                let event = self.event.as_mut()?;
                match name {
                    "attributes" => Slot::Map(&mut event.attributes),
                    "name" => Slot::Text(&mut event.name),
                    _ => Slot::Nanos(&mut event.time_unix_nano),
                }
            }
            (Level::Metric, name) => {
                let metric = self.metric.as_mut()?;
                match name {
                    "name" => Slot::Text(&mut metric.name),
                    "description" => Slot::Text(&mut metric.description),
                    _ => Slot::Text(&mut metric.unit),
                }
            }
            (Level::DataPoint, name) => {
                let point = self.point.as_mut()?;
                match (name, point) {
                    ("attributes", point) => Slot::Map(common!(point, attributes)),
                    ("time_unix_nano", point) => Slot::Nanos(common!(point, time_unix_nano)),
                    ("start_time_unix_nano", point) => Slot::Nanos(common!(point, start_time_unix_nano)),
                    (_, PointMut::Number(point)) => Slot::Number(&mut point.value),
                    _ => return None,
                }
            }
            (Level::Log, name) => log_slot(self.log.as_mut()?, name)?,
            (Level::Resource, _) => return None,
        })
    }

    /// Writes `value`; nil changes nothing.
    ///
    /// # Errors
    /// When such a value can't be there.
    pub fn set(&mut self, place: &Place, value: Value<'static>) -> Result<(), String> {
        let kind = value.kind();
        let unfit = || format!("{kind} can't be written to {}", place.name);
        if matches!(value, Value::Nil) {
            return Ok(());
        }
        let Some(slot) = self.slot(place) else { return Ok(()) };
        match (slot, value) {
            (Slot::Text(text), Value::Text(value)) => *text = value.into_owned(),
            (Slot::Int(int), Value::Int(value)) => *int = i32::try_from(value).map_err(|_| unfit())?,
            (Slot::Nanos(nanos), Value::Int(value)) => *nanos = value.cast_unsigned(),
            (Slot::Number(number), Value::Float(value)) if place.name == "value_double" => {
                *number = Some(Number::AsDouble(value));
            }
            (Slot::Number(number), Value::Int(value)) if place.name == "value_int" => {
                *number = Some(Number::AsInt(value));
            }
            (Slot::Map(map), Value::Map(value)) if place.keys.is_empty() => *map = value.into_owned(),
            (Slot::Map(map), value) if !place.keys.is_empty() => {
                let value = value.into_any().ok_or_else(unfit)?;
                put(map, &place.keys, value)?;
            }
            (Slot::Any(any), _) if any.value.is_none() && !place.keys.is_empty() => return Err(unfit()),
            (Slot::Any(any), value) => {
                let value = value.into_any().ok_or_else(unfit)?;
                put_below(any, &place.keys, value)?;
            }
            _ => return Err(unfit()),
        }
        Ok(())
    }
}

fn span_slot<'a>(span: &'a mut Span, name: &str) -> Option<Slot<'a>> {
    Some(match name {
        "attributes" => Slot::Map(&mut span.attributes),
        "name" => Slot::Text(&mut span.name),
        "trace_state" => Slot::Text(&mut span.trace_state),
        "kind" => Slot::Int(&mut span.kind),
        "status.code" => Slot::Int(&mut span.status.get_or_insert_default().code),
        "status.message" => Slot::Text(&mut span.status.get_or_insert_default().message),
        "start_time_unix_nano" => Slot::Nanos(&mut span.start_time_unix_nano),
        "end_time_unix_nano" => Slot::Nanos(&mut span.end_time_unix_nano),
        _ => return None,
    })
}

fn log_slot<'a>(record: &'a mut LogRecord, name: &str) -> Option<Slot<'a>> {
    Some(match name {
        "attributes" => Slot::Map(&mut record.attributes),
        "body" => Slot::Any(record.body.get_or_insert_default()),
        "severity_number" => Slot::Int(&mut record.severity_number),
        "severity_text" => Slot::Text(&mut record.severity_text),
        "event_name" => Slot::Text(&mut record.event_name),
        "time_unix_nano" => Slot::Nanos(&mut record.time_unix_nano),
        "observed_time_unix_nano" => Slot::Nanos(&mut record.observed_time_unix_nano),
        _ => return None,
    })
}
