//! Conditions and statements as a user lists them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Level;

/// The levels that there are in traces.
pub const OF_TRACES: &[Level] = &[Level::Resource, Level::Scope, Level::Span, Level::SpanEvent];
/// The levels that there are in metrics.
pub const OF_METRICS: &[Level] = &[Level::Resource, Level::Scope, Level::Metric, Level::DataPoint];
/// The levels that there are in logs.
pub const OF_LOGS: &[Level] = &[Level::Resource, Level::Scope, Level::Log];

/// One of them alone, or several under a map.
#[derive(Debug)]
pub enum Listed<T> {
    One(String),
    Several(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Either(PhantomData))
    }
}

struct Either<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
    type Value = Listed<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a text, or a map of context and others")
    }

    fn visit_str<E>(self, text: &str) -> Result<Listed<T>, E> {
        Ok(Listed::One(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Listed<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Listed::Several)
    }
}

/// What becomes of something of which a condition or a value can't be told.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ErrorMode {
    /// It stays as it is, and the log says so once.
    #[default]
    Propagate,
    /// The same.
    Ignore,
    /// It stays as it is.
    Silent,
}
