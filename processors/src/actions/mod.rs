//! Edits of a list of attributes: the actions of the `resource` and `attributes` processors.

mod config;
#[cfg(test)]
mod tests;
pub mod value;

pub use config::ActionConfig;

use ::config::{Mistakes, Node};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use regex_lite::Regex;

use value::{EMPTY, Type, convert, hash, string};

/// Actions that are ready to be carried out, in order.
#[derive(Debug)]
pub struct Actions(Vec<Action>);

#[derive(Debug)]
enum Action {
    Set { key: String, from: Option<String>, value: Option<AnyValue>, when: When },
    Delete(Keys),
    Hash(Keys),
    Extract { key: String, pattern: Regex, names: Vec<String> },
    Convert { key: String, to: Type },
}

/// Whether an attribute is set depends on whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Absent,
    Present,
    Always,
}

/// The attributes of one name, those whose name a pattern matches, or both.
#[derive(Debug)]
struct Keys {
    key: Option<String>,
    pattern: Option<Regex>,
}

impl Actions {
    /// Makes `list` ready, which stands at `key` of `node`.
    ///
    /// # Errors
    /// Everything wrong with any of the actions, each with its place; an empty list.
    pub fn new(node: &Node, key: &str, list: Vec<ActionConfig>) -> Result<Self, Mistakes> {
        if list.is_empty() {
            return Err(node.mistake(
                key,
                "missing; expected a list of actions such as {key: K, value: V, action: upsert}",
            ));
        }
        let (mut actions, mut mistakes) = (Vec::new(), Vec::new());
        for (i, action) in list.into_iter().enumerate() {
            let place = |field: &str| format!("{key}[{i}]{}{field}", if field.is_empty() { "" } else { "." });
            if !action.from_context.is_empty() {
                node.warn(&place("from_context"), "finds nothing: the metadata of requests is not carried");
            }
            match action.check() {
                Ok(action) => actions.push(action),
                Err(wrong) => {
                    let named =
                        wrong.into_iter().map(|(field, message)| node.mistake(&place(field), message));
                    mistakes.extend(named.flat_map(|mistakes| mistakes.0));
                }
            }
        }
        if mistakes.is_empty() { Ok(Actions(actions)) } else { Err(Mistakes(mistakes)) }
    }

    /// Carries the actions out on `attributes`, one after the other.
    pub fn apply(&self, attributes: &mut Vec<KeyValue>) {
        for action in &self.0 {
            action.apply(attributes);
        }
    }
}

impl Action {
    fn apply(&self, attributes: &mut Vec<KeyValue>) {
        match self {
            Action::Set { key, from, value, when } => {
                let found = from.as_ref().and_then(|from| get(attributes, from));
                let Some(value) = found.or(value.as_ref()).cloned() else { return };
                match (get(attributes, key).is_some(), when) {
                    (true, When::Absent) | (false, When::Present) => {}
                    _ => put(attributes, key, value),
                }
            }
            Action::Delete(keys) => attributes.retain(|attribute| !keys.name(&attribute.key)),
            Action::Hash(keys) => {
                for attribute in attributes.iter_mut() {
                    // An attribute that is meant twice is hashed twice, as in the Go Collector: what is stored
                    // under the hash must be found under it again.
                    for _ in 0..keys.times(&attribute.key) {
                        attribute.value = Some(hash(attribute.value.as_ref().unwrap_or(&EMPTY)));
                    }
                }
            }
            Action::Extract { key, pattern, names } => {
                let Some(any_value::Value::StringValue(text)) =
                    get(attributes, key).and_then(|it| it.value.as_ref())
                else {
                    return;
                };
                let Some(found) = pattern.captures(text) else { return };
                // A group that took no part in the match gives an empty text.
                let group = |i| found.get(i).map_or("", |group| group.as_str());
                let texts: Vec<String> = (1..found.len()).map(|i| group(i).to_owned()).collect();
                for (name, text) in names.iter().zip(texts) {
                    put(attributes, name, string(text));
                }
            }
            Action::Convert { key, to } => {
                for attribute in attributes.iter_mut().filter(|attribute| attribute.key == *key) {
                    if let Some(converted) = convert(attribute.value.as_ref().unwrap_or(&EMPTY), *to) {
                        attribute.value = Some(converted);
                    }
                }
            }
        }
    }
}

impl Keys {
    fn name(&self, key: &str) -> bool {
        self.times(key) > 0
    }

    /// How many times over `key` is meant: by name, and by pattern.
    fn times(&self, key: &str) -> usize {
        let by_name = self.key.as_deref() == Some(key);
        let by_pattern = self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(key));
        usize::from(by_name) + usize::from(by_pattern)
    }
}

/// The value of the first attribute named `key`; empty if it has none.
pub fn get<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(found.value.as_ref().unwrap_or(&EMPTY))
}

/// Sets the first attribute named `key`, or adds one.
pub fn put(attributes: &mut Vec<KeyValue>, key: &str, value: AnyValue) {
    match attributes.iter_mut().find(|attribute| attribute.key == key) {
        Some(attribute) => attribute.value = Some(value),
        None => attributes.push(KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }),
    }
}
