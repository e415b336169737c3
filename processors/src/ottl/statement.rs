//! What statements are made of, and what they do.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Content;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use regex_lite::Regex;

use super::expression::{Condition, Expression};
use super::target::{Place, Target};
use super::value::Value;
use crate::actions::get;

/// A change, and what must be true for it.
#[derive(Debug)]
pub struct Statement {
    pub(super) edit: Edit,
    pub(super) condition: Option<Condition>,
}

/// What changes. Maps that are not there are left alone.
#[derive(Debug)]
pub(super) enum Edit {
    Set(Place, Expression),
    DeleteKey(Place, Expression),
    DeleteMatchingKeys(Place, Regex),
    KeepKeys(Place, Expression),
    KeepMatchingKeys(Place, Regex),
    /// The whole text, if it is found in it.
    ReplaceMatch(Place, Regex, Expression),
    ReplaceAllMatches(Place, Regex, Expression),
    /// What is found in a text.
    ReplacePattern(Place, Regex, Expression),
    ReplaceAllPatterns(Place, Part, Regex, Expression),
    /// Every text in it to so many bytes.
    TruncateAll(Place, usize),
    /// So many entries, these keys first.
    Limit(Place, usize, Vec<String>),
    MergeMaps(Place, Expression, Strategy),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Keys,
    Values,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    Insert,
    Update,
    Upsert,
}

impl Statement {
    /// Changes `target` if its condition is true. Says whether it might have.
    ///
    /// # Errors
    /// When the condition or a value can't be told, or the value can't be where it is to be.
    pub fn carry_out(&self, target: &mut Target) -> Result<bool, String> {
        match &self.condition {
            Some(condition) if !condition.holds(&target.item())? => Ok(false),
            _ => self.edit.apply(target).map(|()| true),
        }
    }
}

impl Edit {
    fn apply(&self, target: &mut Target) -> Result<(), String> {
        match self {
            Edit::Set(place, value) => {
                let value = owned(value, target)?;
                target.set(place, value)?;
            }
            Edit::DeleteKey(place, key) => {
                let key = text(key, target)?;
                in_map(target, place, |map| map.retain(|entry| entry.key != key));
            }
            Edit::DeleteMatchingKeys(place, pattern) => {
                in_map(target, place, |map| map.retain(|entry| !pattern.is_match(&entry.key)));
            }
            Edit::KeepKeys(place, keys) => {
                let keys = texts(&owned(keys, target)?)?;
                in_map(target, place, |map| map.retain(|entry| keys.contains(&entry.key)));
            }
            Edit::KeepMatchingKeys(place, pattern) => {
                in_map(target, place, |map| map.retain(|entry| pattern.is_match(&entry.key)));
            }
            Edit::ReplaceMatch(place, pattern, by) => {
                let by = text(by, target)?;
                in_text(target, place, |text| replace_whole(text, pattern, &by));
            }
            Edit::ReplaceAllMatches(place, pattern, by) => {
                let by = text(by, target)?;
                in_map(target, place, |map| each_text(map, |text| replace_whole(text, pattern, &by)));
            }
            Edit::ReplacePattern(place, pattern, by) => {
                let by = text(by, target)?;
                in_text(target, place, |text| replace(text, pattern, &by));
            }
            Edit::ReplaceAllPatterns(place, part, pattern, by) => {
                let by = text(by, target)?;
                in_map(target, place, |map| match part {
                    Part::Values => each_text(map, |text| replace(text, pattern, &by)),
                    Part::Keys => map.iter_mut().for_each(|entry| replace(&mut entry.key, pattern, &by)),
                });
            }
            Edit::TruncateAll(place, limit) => in_map(target, place, |map| {
                each_text(map, |text| text.truncate(text.floor_char_boundary(*limit)));
            }),
            Edit::Limit(place, limit, first) => in_map(target, place, |map| limit_to(map, *limit, first)),
            Edit::MergeMaps(place, source, strategy) => {
                let Value::Map(source) = owned(source, target)? else {
                    return Err("only a map can be merged into a map".to_owned());
                };
                in_map(target, place, |map| merge(map, source.into_owned(), *strategy));
            }
        }
        Ok(())
    }
}

/// The value that `expression` has before anything changes.
fn owned(expression: &Expression, target: &Target) -> Result<Value<'static>, String> {
    expression.value(&target.item()).map(Value::into_owned)
}

fn text(expression: &Expression, target: &Target) -> Result<String, String> {
    match owned(expression, target)? {
        Value::Text(text) => Ok(text.into_owned()),
        other => Err(format!("expected a text, found {}", other.kind())),
    }
}

/// The texts of a list.
fn texts(list: &Value) -> Result<Vec<String>, String> {
    let Value::List(list) = list else { return Err(format!("expected a list, found {}", list.kind())) };
    let text = |value: &AnyValue| match &value.value {
        Some(Content::StringValue(text)) => Ok(text.clone()),
        _ => Err("expected a list of texts".to_owned()),
    };
    list.iter().map(text).collect()
}

fn in_map(target: &mut Target, place: &Place, change: impl FnOnce(&mut Vec<KeyValue>)) {
    if let Some(map) = target.slot(place).and_then(|slot| slot.map_at(&place.keys)) {
        change(map);
    }
}

fn in_text(target: &mut Target, place: &Place, change: impl FnOnce(&mut String)) {
    if let Some(text) = target.slot(place).and_then(|slot| slot.text_at(&place.keys)) {
        change(text);
    }
}

fn each_text(map: &mut [KeyValue], mut change: impl FnMut(&mut String)) {
    for entry in map {
        if let Some(AnyValue { value: Some(Content::StringValue(text)) }) = &mut entry.value {
            change(text);
        }
    }
}

fn replace(text: &mut String, pattern: &Regex, by: &str) {
    if pattern.is_match(text) {
        *text = pattern.replace_all(text, by).into_owned();
    }
}

fn replace_whole(text: &mut String, pattern: &Regex, by: &str) {
    if pattern.is_match(text) {
        by.clone_into(text);
    }
}

fn limit_to(map: &mut Vec<KeyValue>, limit: usize, first: &[String]) {
    if map.len() <= limit {
        return;
    }
    let mut kept = first.iter().filter(|key| get(map, key).is_some()).count();
    map.retain(|entry| {
        let is_first = first.contains(&entry.key);
        let keeps = is_first || kept < limit;
        kept += usize::from(keeps && !is_first);
        keeps
    });
}

fn merge(map: &mut Vec<KeyValue>, source: Vec<KeyValue>, strategy: Strategy) {
    for entry in source {
        let there = map.iter_mut().find(|it| it.key == entry.key);
        match (there, strategy) {
            (Some(there), Strategy::Update | Strategy::Upsert) => there.value = entry.value,
            (None, Strategy::Insert | Strategy::Upsert) => map.push(entry),
            _ => {}
        }
    }
}
