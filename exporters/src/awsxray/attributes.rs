//! The attributes of a span or a resource, and which of them the document has in another form.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::keys::Key;

/// Attributes, found by [`Key`] at once. Of several with the same known key the last one counts.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    list: &'a [KeyValue],
    /// Where each key is, plus one.
    places: [u32; Key::COUNT],
    states: Vec<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Only the metadata can say it.
    Rest,
    /// The document says it elsewhere.
    Said,
    /// As if it were not there.
    Gone,
}

impl<'a> Attributes<'a> {
    /// Finds the known ones in `list`.
    pub fn of(list: &'a [KeyValue]) -> Self {
        let (mut places, mut states) = ([0; Key::COUNT], vec![State::Rest; list.len()]);
        for (at, attribute) in (1..).zip(list) {
            let Some(key) = Key::of(&attribute.key) else { continue };
            let before = std::mem::replace(&mut places[key as usize], at);
            if before > 0 {
                states[before as usize - 1] = State::Gone;
            }
        }
        Attributes { list, places, states }
    }

    /// Where `key` is, if it is there.
    pub fn place(&self, key: Key) -> Option<usize> {
        (self.places[key as usize] as usize).checked_sub(1)
    }

    /// Whether `key` is there, with any value or none.
    pub fn has(&self, key: Key) -> bool {
        self.place(key).is_some()
    }

    /// The value of `key`, if it has one.
    pub fn value(&self, key: Key) -> Option<&'a Value> {
        let attribute = &self.list[self.place(key)?];
        attribute.value.as_ref()?.value.as_ref()
    }

    /// The text of `key`; empty if it is there with another type.
    pub fn string(&self, key: Key) -> Option<&'a str> {
        self.has(key).then(|| string(self.value(key)))
    }

    /// The text of `key` if it is text and not empty.
    pub fn text(&self, key: Key) -> Option<&'a str> {
        self.string(key).filter(|text| !text.is_empty())
    }

    /// The first of `keys` that has text, and that text.
    pub fn first_text(&self, keys: &[Key]) -> Option<(Key, &'a str)> {
        keys.iter().find_map(|key| Some((*key, self.text(*key)?)))
    }

    /// The whole number of `key`: 0 if it is there with another type.
    pub fn integer(&self, key: Key) -> Option<i64> {
        self.has(key).then(|| if let Some(Value::IntValue(value)) = self.value(key) { *value } else { 0 })
    }

    /// The first of `keys` that has a whole number, as a number or as text, and that number.
    pub fn first_number(&self, keys: &[Key]) -> Option<(Key, i64)> {
        keys.iter().find_map(|key| match self.value(*key)? {
            Value::IntValue(value) => Some((*key, *value)),
            Value::StringValue(text) => Some((*key, text.parse().ok()?)),
            _ => None,
        })
    }

    /// The value of `key` if it is a truth value.
    pub fn bool(&self, key: Key) -> Option<bool> {
        if let Some(Value::BoolValue(value)) = self.value(key) { Some(*value) } else { None }
    }

    /// The document says `keys` elsewhere.
    pub fn say(&mut self, keys: &[Key]) {
        for key in keys {
            if let Some(at) = self.place(*key) {
                self.states[at] = State::Said;
            }
        }
    }

    /// Forgets that attributes whose key is `wanted` are said elsewhere.
    pub fn unsay(&mut self, wanted: impl Fn(&str) -> bool) {
        for (attribute, state) in self.list.iter().zip(&mut self.states) {
            if *state == State::Said && wanted(&attribute.key) {
                *state = State::Rest;
            }
        }
    }

    /// As if `keys` were not there.
    pub fn remove(&mut self, keys: &[Key]) {
        for key in keys {
            if let Some(at) = self.place(*key) {
                self.states[at] = State::Gone;
                self.places[*key as usize] = 0;
            }
        }
    }

    /// All that the document does not say elsewhere.
    pub fn rest(&self) -> impl Iterator<Item = &'a KeyValue> {
        let states = self.states.iter();
        self.list
            .iter()
            .zip(states)
            .filter(|(_, state)| **state == State::Rest)
            .map(|(attribute, _)| attribute)
    }
}

/// The text that `value` is; empty if it is none.
pub fn string(value: Option<&Value>) -> &str {
    if let Some(Value::StringValue(text)) = value { text } else { "" }
}
