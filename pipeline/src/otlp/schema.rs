//! OTLP's messages as one table; the check, the JSON forms and the cutting of requests all read it.

mod table;
#[cfg(test)]
mod tests;

pub(crate) use table::Type;

use crate::Signal;

/// One field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub number: u32,
    /// Its name in OTLP/JSON, `startTimeUnixNano`; the `.proto` name is the same in snake case.
    pub name: &'static str,
    pub kind: Kind,
    pub presence: Presence,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    String,
    /// Base64 in JSON.
    Bytes,
    /// A trace or span id: so many bytes, hex in JSON.
    Id(usize),
    /// A varint with names, given in the order of the numbers from 0.
    Enum(&'static [&'static str]),
    Message(Type),
}

/// How often a field occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Once; left out when it is zero or empty.
    One,
    /// Once, and a zero that is there says something else than nothing.
    Optional,
    /// At most one of the message's fields of this kind: the last one counts. No message has two such groups.
    Oneof,
    /// Any number of times.
    Many,
}

impl Type {
    /// The export request of `signal`.
    pub const fn request(signal: Signal) -> Type {
        match signal {
            Signal::Traces => Type::TracesRequest,
            Signal::Metrics => Type::MetricsRequest,
            Signal::Logs => Type::LogsRequest,
        }
    }

    /// Whether it is what a batch counts: a span, a data point, a log record.
    pub const fn is_item(self) -> bool {
        matches!(
            self,
            Type::Span
                | Type::LogRecord
                | Type::NumberDataPoint
                | Type::HistogramDataPoint
                | Type::ExponentialHistogramDataPoint
                | Type::SummaryDataPoint
        )
    }

    /// Whether it is an item or a message around items.
    pub const fn holds_items(self) -> bool {
        let around_items = matches!(
            self,
            Type::ResourceSpans
                | Type::ScopeSpans
                | Type::ResourceLogs
                | Type::ScopeLogs
                | Type::ResourceMetrics
                | Type::ScopeMetrics
                | Type::Metric
                | Type::Gauge
                | Type::Sum
                | Type::Histogram
                | Type::ExponentialHistogram
                | Type::Summary
        );
        self.is_item() || around_items
    }

    /// The place of the field that JSON calls `name`: in camel case, or as in the `.proto` file, which parsers of
    /// protobuf's JSON must accept too.
    pub fn field_called(self, name: &str) -> Option<usize> {
        let fields = self.fields();
        let place = fields.iter().position(|field| field.name == name);
        if place.is_none() && name.contains('_') {
            return fields.iter().position(|field| field.has_proto_name(name));
        }
        place
    }

    /// The field of that number, if there is one.
    pub fn field(self, number: u32) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.number == number)
    }
}

impl Field {
    /// Whether `name` is its name in the `.proto` file.
    fn has_proto_name(&self, name: &str) -> bool {
        let mut letters = name.bytes();
        let begins = self.name.bytes().all(|letter| {
            if letter.is_ascii_uppercase() {
                letters.next() == Some(b'_') && letters.next() == Some(letter.to_ascii_lowercase())
            } else {
                letters.next() == Some(letter)
            }
        });
        begins && letters.next().is_none()
    }

    /// Its name in the `.proto` file: `start_time_unix_nano`.
    pub fn proto_name(&self) -> String {
        let mut name = String::new();
        for letter in self.name.chars() {
            if letter.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}
