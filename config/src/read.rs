//! A node into a type, by serde: strict, and with all mistakes at once.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use serde::de::{self, DeserializeOwned, Expected, Visitor};

use crate::duration;
use crate::mistakes::{Mistakes, Warnings};
use crate::node::Node;
use crate::place::Path;
use crate::read_access::{Entries, Items, Variant};
use crate::read_error::{ReadError, expectation, found};
use crate::scalar::Scalar;
use crate::tree::{Key, Kind, Origin, Tree};

/// Reads `node` into `T`. Serde stops at the first error; so what is wrong is noted, taken out, and the rest is read
/// again until nothing is wrong any more.
pub(crate) fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Mistakes> {
    let reader = Reader { warnings: &node.warnings, taken_out: RefCell::default() };
    let mut mistakes = Vec::new();
    loop {
        let from = From { tree: &node.tree, path: node.path.clone(), reader: &reader, secret: false };
        let error = match T::deserialize(from.clone()) {
            Ok(value) if mistakes.is_empty() => return Ok(value),
            Ok(_) => return Err(Mistakes(mistakes)),
            Err(error) => error.at(&from),
        };
        let path = error.path();
        let only_follows = error.is_missing_key() && reader.has_taken_out_below(&path);
        let is_default = error.is_nothing() && !path.is_element() && path != node.path;
        if !only_follows && !is_default {
            mistakes.push(error.into_mistake());
        }
        let goes_on = path != node.path && reader.taken_out.borrow_mut().insert(path);
        if !goes_on {
            return Err(Mistakes(mistakes));
        }
    }
}

pub(crate) struct Reader<'a> {
    warnings: &'a Warnings,
    taken_out: RefCell<HashSet<Path>>,
}

impl Reader<'_> {
    pub fn has_taken_out(&self, path: &Path) -> bool {
        let taken_out = self.taken_out.borrow();
        !taken_out.is_empty() && taken_out.contains(path)
    }

    fn has_taken_out_below(&self, path: &Path) -> bool {
        self.taken_out.borrow().iter().any(|out| out.parent() == Some(path))
    }
}

/// Names of newtype structs by which a type tells this deserializer, and no other, what it is.
pub(crate) const DURATION: &str = "$duration";
pub(crate) const SECRET: &str = "$secret";
pub(crate) const HEADERS: &str = "$headers";
pub(crate) const HEADER_VALUE: &str = "$header value";
pub(crate) const WORDS: &str = "$words";

/// One value on its way into a type.
#[derive(Clone)]
pub(crate) struct From<'a> {
    pub tree: &'a Rc<Tree>,
    pub path: Path,
    pub reader: &'a Reader<'a>,
    /// Within something that messages must not quote.
    pub secret: bool,
}

impl<'a> From<'a> {
    fn entries(&self, entries: &'a [(Key, Rc<Tree>)]) -> Entries<'a> {
        Entries { map: self.clone(), rest: entries.iter(), value: None }
    }

    fn items<'de, V: Visitor<'de>>(self, items: &'a [Rc<Tree>], visitor: V) -> Result<V::Value, ReadError> {
        visitor
            .visit_seq(Items { list: self.clone(), rest: items.iter().enumerate() })
            .map_err(|error: ReadError| error.at(&self))
    }

    // What follows takes a visitor as `dyn Expected`: one copy of it serves all types.

    fn wrong(&self, visitor: &dyn Expected) -> ReadError {
        ReadError::expected(expectation(visitor), self)
    }

    /// What a scalar means; of null, that the default is meant.
    fn scalar(&self, visitor: &dyn Expected) -> Result<Scalar<'a>, ReadError> {
        match self.tree.scalar() {
            Some(Scalar::Null) => Err(ReadError::nothing(expectation(visitor), self)),
            Some(scalar) => Ok(scalar),
            None => Err(self.wrong(visitor)),
        }
    }

    /// What is no less than zero may be larger than an `i64`.
    fn as_whole(&self, visitor: &dyn Expected) -> Result<Result<u64, i64>, ReadError> {
        let int = match self.scalar(visitor)? {
            Scalar::Int(int) => int,
            Scalar::Big(big) => return Ok(Ok(big)),
            Scalar::Float(float) if float.abs() < 9e15 => self.whole(float),
            _ => return Err(self.wrong(visitor)),
        };
        Ok(u64::try_from(int).map_err(|_| int))
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let value = match self.as_whole(&visitor)? {
            Ok(int) => visitor.visit_u64(int),
            Err(negative) => visitor.visit_i64(negative),
        };
        value.map_err(|error: ReadError| error.at(&self))
    }

    /// The whole part of a number below 2^53, which the Collector takes without a word.
    #[expect(clippy::cast_possible_truncation, reason = "a number below 2^53")]
    fn whole(&self, float: f64) -> i64 {
        let whole = float.trunc() as i64;
        if float.fract() != 0.0 {
            let advice = format_args!("found {}; taken as {whole}", found(self));
            self.reader.warnings.note(&self.tree.place, &self.path, advice);
        }
        whole
    }

    fn as_float(&self, visitor: &dyn Expected) -> Result<f64, ReadError> {
        match self.scalar(visitor)? {
            Scalar::Int(int) => Ok(int as f64),
            Scalar::Big(big) => Ok(big as f64),
            Scalar::Float(float) => Ok(float),
            _ => Err(self.wrong(visitor)),
        }
    }

    fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let float = self.as_float(&visitor)?;
        visitor.visit_f64(float).map_err(|error: ReadError| error.at(&self))
    }

    fn as_text(&self, visitor: &dyn Expected) -> Result<&'a str, ReadError> {
        match self.tree.as_text() {
            Some(_) if self.tree.original.is_none() && self.tree.is_null() => {
                Err(ReadError::nothing(expectation(visitor), self))
            }
            Some(text) => Ok(text),
            None => Err(self.wrong(visitor)),
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let text = self.as_text(&visitor)?;
        visitor.visit_str(text).map_err(|error: ReadError| error.at(&self))
    }

    fn as_nanos(&self, visitor: &dyn Expected) -> Result<u64, ReadError> {
        let read = match self.scalar(visitor)? {
            Scalar::Text(text) => duration::of_text(text),
            Scalar::Int(int) => duration::of_number(int as f64),
            Scalar::Big(big) => duration::of_number(big as f64),
            Scalar::Float(float) => duration::of_number(float),
            _ => return Err(self.wrong(visitor)),
        };
        let found = found(self);
        let (nanos, advice) =
            read.map_err(|expected| ReadError::says(format!("found {found}; {expected}")).at(self))?;
        if let Some(advice) = advice {
            self.reader.warnings.note(&self.tree.place, &self.path, format_args!("found {found}; {advice}"));
        }
        Ok(nanos)
    }

    fn as_bool(&self, visitor: &dyn Expected) -> Result<bool, ReadError> {
        match self.scalar(visitor)? {
            Scalar::Bool(bool) => Ok(bool),
            _ => Err(self.wrong(visitor)),
        }
    }

    fn as_entries(&self, visitor: &dyn Expected) -> Result<Entries<'a>, ReadError> {
        match &self.tree.kind {
            Kind::Map(entries) => Ok(self.entries(entries)),
            _ if self.tree.is_null() => Ok(self.entries(&[])),
            _ => Err(self.wrong(visitor)),
        }
    }

    fn no_map(&self, fields: &'static [&'static str]) -> ReadError {
        let expected = match fields {
            [] => "an empty map".to_owned(),
            [first @ .., last] if fields.len() <= 4 && !first.is_empty() => {
                format!("a map of {} and {last}", first.join(", "))
            }
            _ => "a map".to_owned(),
        };
        ReadError::expected(expected, self)
    }
}

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
