//! Texts that must not be printed.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::read::{HEADER_VALUE, HEADERS, SECRET};

/// A text that must not be printed: a password, a token, a header's value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Secret, D::Error> {
                String::deserialize(from).map(Secret)
            }
        }
        from.deserialize_newtype_struct(SECRET, Text)
    }
}

/// Headers of a request, in the order written: a map, or a list of `{name, value}` pairs; from a store of secrets also
/// `key=value,key=value`, percent-encoded, as `OTEL_EXPORTER_OTLP_HEADERS` has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, Secret)>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct MapOrList;
        impl<'de> Visitor<'de> for MapOrList {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map, or a list of maps of name and value")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Headers, D::Error> {
                from.deserialize_any(self)
            }

            fn visit_unit<E: Error>(self) -> Result<Headers, E> {
                Ok(Headers::default())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Headers, E> {
                let expected = "a map, or key=value,key=value";
                pairs(text)
                    .map(Headers)
                    .ok_or_else(|| E::invalid_value(Unexpected::Other("a text"), &expected))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Headers, M::Error> {
                let mut headers = Vec::new();
                while let Some((name, Value(value))) = map.next_entry()? {
                    headers.push((name, value));
                }
                Ok(Headers(headers))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Headers, S::Error> {
                let mut headers = Vec::new();
                while let Some(Pair { name, value: Value(value) }) = list.next_element()? {
                    headers.push((name, value));
                }
                Ok(Headers(headers))
            }
        }
        from.deserialize_newtype_struct(HEADERS, MapOrList)
    }
}

fn pairs(text: &str) -> Option<Vec<(String, Secret)>> {
    let decoded = |text: &str| Some(percent_decode_str(text.trim()).decode_utf8().ok()?.into_owned());
    let pair = |entry: &str| {
        let (key, value) = entry.split_once('=')?;
        Some((decoded(key).filter(|key| !key.is_empty())?, Secret(decoded(value)?)))
    };
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(pair).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: String,
    #[serde(default)]
    value: Value,
}

/// A header's value: null, or none at all, is the empty text, as with the Collector.
#[derive(Default)]
struct Value(Secret);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value(Secret(text.to_owned())))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
                Secret::deserialize(from).map(Value)
            }
        }
        from.deserialize_newtype_struct(HEADER_VALUE, Text)
    }
}
