//! A node into a type, by serde: strict, and with all mistakes at once.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use serde::de::{DeserializeOwned, Expected, Visitor};

use crate::duration;
use crate::mistakes::{Mistakes, Warnings};
use crate::node::Node;
use crate::place::Path;
use crate::read_access::{Entries, Items};
use crate::read_error::{ReadError, expectation, found};
use crate::scalar::Scalar;
use crate::tree::{Key, Kind, Tree};

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
    pub fn entries(&self, entries: &'a [(Key, Rc<Tree>)]) -> Entries<'a> {
        Entries { map: self.clone(), rest: entries.iter(), value: None }
    }

    pub fn items<'de, V: Visitor<'de>>(
        self,
        items: &'a [Rc<Tree>],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor
            .visit_seq(Items { list: self.clone(), rest: items.iter().enumerate() })
            .map_err(|error: ReadError| error.at(&self))
    }

    // What follows takes a visitor as `dyn Expected`: one copy of it serves all types.

    pub fn wrong(&self, visitor: &dyn Expected) -> ReadError {
        ReadError::expected(expectation(visitor), self)
    }

    /// What a scalar means; of null, that the default is meant.
    pub fn scalar(&self, visitor: &dyn Expected) -> Result<Scalar<'a>, ReadError> {
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

    pub fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
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

    pub fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let float = self.as_float(&visitor)?;
        visitor.visit_f64(float).map_err(|error: ReadError| error.at(&self))
    }

    pub fn as_text(&self, visitor: &dyn Expected) -> Result<&'a str, ReadError> {
        match self.tree.as_text() {
            Some(_) if self.tree.original.is_none() && self.tree.is_null() => {
                Err(ReadError::nothing(expectation(visitor), self))
            }
            Some(text) => Ok(text),
            None => Err(self.wrong(visitor)),
        }
    }

    pub fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let text = self.as_text(&visitor)?;
        visitor.visit_str(text).map_err(|error: ReadError| error.at(&self))
    }

    pub fn as_nanos(&self, visitor: &dyn Expected) -> Result<u64, ReadError> {
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

    pub fn as_bool(&self, visitor: &dyn Expected) -> Result<bool, ReadError> {
        match self.scalar(visitor)? {
            Scalar::Bool(bool) => Ok(bool),
            _ => Err(self.wrong(visitor)),
        }
    }

    pub fn as_entries(&self, visitor: &dyn Expected) -> Result<Entries<'a>, ReadError> {
        match &self.tree.kind {
            Kind::Map(entries) => Ok(self.entries(entries)),
            _ if self.tree.is_null() => Ok(self.entries(&[])),
            _ => Err(self.wrong(visitor)),
        }
    }

    pub fn no_map(&self, fields: &'static [&'static str]) -> ReadError {
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
