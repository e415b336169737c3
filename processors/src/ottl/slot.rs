//! What is at a path, to be written to.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Content;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;

use super::value::Key;

/// What is at a path.
pub enum Slot<'a> {
    Text(&'a mut String),
    Int(&'a mut i32),
    Nanos(&'a mut u64),
    Number(&'a mut Option<Number>),
    Map(&'a mut Vec<KeyValue>),
    Any(&'a mut AnyValue),
}

impl<'a> Slot<'a> {
    /// The text at `keys`, if there is one.
    pub fn text_at(self, keys: &[Key]) -> Option<&'a mut String> {
        match (self, keys) {
            (Slot::Text(text), []) => Some(text),
            (slot, keys) => match &mut slot.any_at(keys)?.value {
                Some(Content::StringValue(text)) => Some(text),
                _ => None,
            },
        }
    }

    /// The map at `keys`, if there is one.
    pub fn map_at(self, keys: &[Key]) -> Option<&'a mut Vec<KeyValue>> {
        match (self, keys) {
            (Slot::Map(map), []) => Some(map),
            (slot, keys) => match &mut slot.any_at(keys)?.value {
                Some(Content::KvlistValue(map)) => Some(&mut map.values),
                _ => None,
            },
        }
    }

    fn any_at(self, keys: &[Key]) -> Option<&'a mut AnyValue> {
        let (mut value, keys) = match (self, keys) {
            (Slot::Any(any), keys) => (any, keys),
            (Slot::Map(map), [Key::Name(name), keys @ ..]) => (entry(map, name)?, keys),
            _ => return None,
        };
        for key in keys {
            value = match (value.value.as_mut()?, key) {
                (Content::KvlistValue(map), Key::Name(name)) => entry(&mut map.values, name)?,
                (Content::ArrayValue(list), Key::Index(index)) => list.values.get_mut(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

fn entry<'a>(map: &'a mut [KeyValue], name: &str) -> Option<&'a mut AnyValue> {
    let entry = map.iter_mut().find(|entry| entry.key == name)?;
    Some(entry.value.get_or_insert_default())
}

/// The items of a list that is made because something is written into it.
const LONGEST: usize = 1000;

/// Writes `value` at `keys` below `map`, making the maps and lists between that are not there.
pub fn put(map: &mut Vec<KeyValue>, keys: &[Key], value: AnyValue) -> Result<(), String> {
    let Some((Key::Name(name), below)) = keys.split_first() else {
        return Err("a map has no index".to_owned());
    };
    let at = map.iter().position(|entry| entry.key == *name).unwrap_or_else(|| {
        map.push(KeyValue { key: name.clone(), ..KeyValue::default() });
        map.len() - 1
    });
    put_below(map[at].value.get_or_insert_default(), below, value)
}

pub fn put_below(into: &mut AnyValue, keys: &[Key], value: AnyValue) -> Result<(), String> {
    let [key, below @ ..] = keys else {
        *into = value;
        return Ok(());
    };
    if into.value.is_none() {
        into.value = Some(match key {
            Key::Name(_) => Content::KvlistValue(KeyValueList::default()),
            Key::Index(index) if *index < LONGEST => {
                Content::ArrayValue(ArrayValue { values: vec![AnyValue::default(); index + 1] })
            }
            Key::Index(index) => return Err(format!("index {index} is too large for a new list")),
        });
    }
    match (&mut into.value, key) {
        (Some(Content::KvlistValue(map)), Key::Name(_)) => put(&mut map.values, keys, value),
        (Some(Content::ArrayValue(list)), Key::Index(index)) => match list.values.get_mut(*index) {
            Some(item) => put_below(item, below, value),
            None => Err(format!("index {index} is out of bounds")),
        },
        _ => Err("what is there has no such key".to_owned()),
    }
}
