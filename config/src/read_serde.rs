//! What serde asks of a value, answered by what the value means in a configuration.

use serde::de::{self, Visitor};

use crate::read::{DURATION, From, HEADER_VALUE, HEADERS, SECRET, WORDS};
use crate::read_access::Variant;
use crate::read_error::ReadError;
use crate::scalar::Scalar;
use crate::tree::{Kind, Origin};

/// Methods of serde's that do the same for several types.
macro_rules! forward {
    ($to:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.$to(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for From<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let value = match &self.tree.kind {
            Kind::List(items) => return self.clone().items(items, visitor),
            Kind::Map(entries) => visitor.visit_map(self.entries(entries)),
            Kind::Scalar { .. } => match self.tree.scalar().unwrap_or(Scalar::Null) {
                Scalar::Null => visitor.visit_unit(),
                Scalar::Bool(bool) => visitor.visit_bool(bool),
                Scalar::Int(int) if int < 0 => visitor.visit_i64(int),
                Scalar::Int(int) => visitor.visit_u64(int.unsigned_abs()),
                Scalar::Big(big) => visitor.visit_u64(big),
                Scalar::Float(float) => visitor.visit_f64(float),
                Scalar::Text(text) => visitor.visit_str(text),
            },
        };
        value.map_err(|error: ReadError| error.at(&self))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let bool = self.as_bool(&visitor)?;
        visitor.visit_bool(bool).map_err(|error: ReadError| error.at(&self))
    }

    /// A null is `Some`: of a map the default map (`grpc:` means gRPC with all defaults). A scalar or list can't be
    /// read from null and so becomes what an absent key is.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.tree.is_null() { visitor.visit_unit() } else { Err(self.wrong(&visitor)) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match name {
            DURATION => {
                let nanos = self.as_nanos(&visitor)?;
                return visitor.visit_u64(nanos);
            }
            HEADER_VALUE if self.tree.is_null() && self.tree.original.is_none() => {
                return visitor.visit_str("");
            }
            HEADER_VALUE => return self.text(visitor),
            WORDS => {
                return match self.tree.scalar() {
                    Some(Scalar::Text(_)) => self.text(visitor),
                    _ => self.deserialize_seq(visitor),
                };
            }
            SECRET => self.secret = true,
            HEADERS => {
                self.secret = true;
                match self.tree.scalar() {
                    Some(Scalar::Text(text)) if self.tree.origin == Origin::Secret => {
                        return visitor.visit_str(text).map_err(|error: ReadError| error.at(&self));
                    }
                    Some(Scalar::Text(_)) => return Err(self.wrong(&visitor)),
                    _ => {}
                }
            }
            _ => {}
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.tree.kind {
            Kind::List(items) => self.clone().items(items, visitor),
            _ => Err(self.scalar(&visitor).err().unwrap_or_else(|| self.wrong(&visitor))),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let entries = self.as_entries(&visitor)?;
        visitor.visit_map(entries).map_err(|error| error.at(&self))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if matches!(self.tree.kind, Kind::Map(_)) || self.tree.is_null() {
            return self.deserialize_map(visitor);
        }
        Err(self.no_map(fields))
    }

    /// A word, or a map of one key as serde writes variants that hold something.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let one_of = || ReadError::expected(format!("one of {}", variants.join(", ")), &self);
        let value = match &self.tree.kind {
            Kind::Map(entries) if self.tree.original.is_none() => match &entries[..] {
                [(key, _)] => visitor.visit_enum(Variant { from: self.clone(), key: Some(key) }),
                _ => return Err(one_of()),
            },
            _ if self.tree.is_null() && self.tree.original.as_deref().is_none_or(str::is_empty) => {
                return Err(ReadError::nothing(format!("one of {}", variants.join(", ")), &self));
            }
            _ if self.tree.as_text().is_some() => {
                visitor.visit_enum(Variant { from: self.clone(), key: None })
            }
            _ => return Err(one_of()),
        };
        value.map_err(|error: ReadError| error.at(&self))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { bytes byte_buf }

    forward! { number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 }
    forward! { number: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }
    forward! { float: deserialize_f32 deserialize_f64 }
    forward! { text: deserialize_char deserialize_str deserialize_string deserialize_identifier }
}
