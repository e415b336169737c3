//! Lists, maps and variants on their way into a type, without what was taken out.

use std::rc::Rc;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use crate::read::From;
use crate::read_error::ReadError;
use crate::tree::{Key, Kind, Tree};

pub(crate) struct Items<'a> {
    pub list: From<'a>,
    pub rest: std::iter::Enumerate<std::slice::Iter<'a, Rc<Tree>>>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        for (i, tree) in self.rest.by_ref() {
            let item = From { tree, path: self.list.path.index(i), ..self.list.clone() };
            if !self.list.reader.has_taken_out(&item.path) {
                return seed.deserialize(item.clone()).map(Some).map_err(|error| error.at(&item));
            }
        }
        Ok(None)
    }
}

pub(crate) struct Entries<'a> {
    pub map: From<'a>,
    pub rest: std::slice::Iter<'a, (Key, Rc<Tree>)>,
    pub value: Option<From<'a>>,
}

impl<'a> Entries<'a> {
    /// Goes on to the next entry.
    fn advance(&mut self) -> Option<&'a Key> {
        for (key, tree) in self.rest.by_ref() {
            let path = self.map.path.key(key.text.clone());
            if !self.map.reader.has_taken_out(&path) {
                self.value = Some(From { tree, path, ..self.map.clone() });
                return Some(key);
            }
        }
        None
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some(key) = self.advance() else { return Ok(None) };
        let read = seed.deserialize((&*key.text).into_deserializer());
        read.map(Some).map_err(|error: ReadError| match &self.value {
            Some(value) => error.at_key(key, &value.path),
            None => error,
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some(value) = self.value.take() else { return Err(de::Error::custom("a value without a key")) };
        seed.deserialize(value.clone()).map_err(|error| error.at(&value))
    }
}

pub(crate) struct Variant<'a> {
    pub from: From<'a>,
    pub key: Option<&'a Key>,
}

impl<'de> de::EnumAccess<'de> for Variant<'_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let name =
            self.key.map(|key| &key.text).or_else(|| self.from.tree.as_text()).cloned().unwrap_or_default();
        let variant = seed.deserialize((&*name).into_deserializer());
        variant.map_err(|error: ReadError| error.at(&self.from)).map(|variant| (variant, self))
    }
}

impl<'a> Variant<'a> {
    fn content(&self) -> Option<From<'a>> {
        match (&self.from.tree.kind, self.key) {
            (Kind::Map(entries), Some(key)) => entries.first().map(|(_, tree)| From {
                tree,
                path: self.from.path.key(key.text.clone()),
                ..self.from.clone()
            }),
            _ => None,
        }
    }

    fn wants(&self, what: &str) -> ReadError {
        ReadError::expected(what.to_owned(), &self.from)
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.content() {
            Some(content) if !content.tree.is_null() => Err(self.wants("a word alone")),
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        let Some(content) = self.content() else {
            return Err(self.wants("a map of this word and its settings"));
        };
        seed.deserialize(content.clone()).map_err(|error| error.at(&content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        let Some(content) = self.content() else { return Err(self.wants("a map of this word and a list")) };
        de::Deserializer::deserialize_seq(content, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Some(content) = self.content() else {
            return Err(self.wants("a map of this word and its settings"));
        };
        de::Deserializer::deserialize_struct(content, "", fields, visitor)
    }
}
