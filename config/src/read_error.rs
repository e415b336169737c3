//! What serde says when a node does not fit a type, turned into a message for the person who wrote the file.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::mistakes::{Mistake, valid_words};
use crate::place::{Path, Place};
use crate::read::From;
use crate::scalar::Scalar;
use crate::tree::{Key, Kind, Origin};

/// An error and, once it has passed the value it belongs to, its place.
#[derive(Debug)]
pub(crate) struct ReadError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    at: Option<(Place, Path)>,
    what: What,
}

#[derive(Debug)]
enum What {
    Says(String),
    /// The value is of the wrong kind or out of range.
    Expected(String),
    /// There is a null where a scalar or a list should be.
    Nothing(String),
    UnknownKey(String),
    UnknownWord(&'static [&'static str]),
    MissingKey(&'static str),
}

impl ReadError {
    pub fn says(message: impl Into<String>) -> Self {
        ReadError::new(What::Says(message.into()))
    }

    pub fn expected(expected: String, at: &From<'_>) -> Self {
        ReadError::new(What::Expected(expected)).at(at)
    }

    pub fn nothing(expected: String, at: &From<'_>) -> Self {
        ReadError::new(What::Nothing(expected)).at(at)
    }

    fn new(what: What) -> Self {
        ReadError(Box::new(Inner { at: None, what }))
    }

    /// The same error at this value, if it has no place yet.
    pub fn at(mut self, from: &From<'_>) -> Self {
        if self.0.at.is_none() {
            self.0.at = Some((from.tree.place.clone(), from.path.clone()));
            let text = match &self.0.what {
                What::Expected(expected) => format!("found {}; expected {expected}", found(from)),
                What::Nothing(_) | What::MissingKey(_) | What::UnknownKey(_) => return self,
                What::UnknownWord(valid) => {
                    let word = from.tree.as_text().map(|text| &**text).unwrap_or_default();
                    let word = if from.secret || from.tree.origin > Origin::Written { "" } else { word };
                    format!("found {}{}", found(from), valid_words(word, valid))
                }
                What::Says(text) => text.clone(),
            };
            self.0.what = What::Says(text);
        }
        self
    }

    /// The same error at a key, if it has no place yet.
    pub fn at_key(mut self, key: &Key, path: &Path) -> Self {
        self.0.at.get_or_insert_with(|| (key.place.clone(), path.clone()));
        self
    }

    pub fn path(&self) -> Path {
        self.0.at.as_ref().map(|(_, path)| path.clone()).unwrap_or_default()
    }

    pub fn is_missing_key(&self) -> bool {
        matches!(self.0.what, What::MissingKey(_))
    }

    pub fn is_nothing(&self) -> bool {
        matches!(self.0.what, What::Nothing(_))
    }

    pub fn into_mistake(self) -> Mistake {
        let text = self.to_string();
        match &self.0.at {
            Some((place, path)) => Mistake::new(place, path, text),
            None => Mistake { text, part: crate::Part::Whole },
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.what {
            What::Says(text) | What::UnknownKey(text) => f.write_str(text),
            What::Expected(expected) => write!(f, "expected {expected}"),
            What::Nothing(expected) => write!(f, "found nothing; expected {expected}"),
            What::UnknownWord(valid) => write!(f, "unknown word{}", valid_words("", valid)),
            What::MissingKey(key) => write!(f, "the key {key} is missing"),
        }
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ReadError::says(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        ReadError::new(What::Expected(in_words(&expected.to_string())))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        ReadError::new(What::Expected(in_words(&expected.to_string())))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        ReadError::says(format!("found {length} values; expected {}", in_words(&expected.to_string())))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        ReadError::new(What::UnknownWord(expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        ReadError::new(What::UnknownKey(format!("unknown key{}", valid_words(field, expected))))
    }

    fn missing_field(field: &'static str) -> Self {
        ReadError::new(What::MissingKey(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        ReadError::says(format!("{field} is given twice, under two of its names"))
    }
}

/// What a visitor wants, in words.
pub(crate) fn expectation(visitor: &dyn Expected) -> String {
    in_words(&visitor.to_string())
}

/// What stands in the file, in words; values that must not be printed by their kind alone.
pub(crate) fn found(from: &From<'_>) -> String {
    let quotes = !from.secret && from.tree.origin == Origin::Written;
    match &from.tree.kind {
        Kind::List(_) => return "a list".to_owned(),
        Kind::Map(_) => return "a map".to_owned(),
        Kind::Scalar { .. } => {}
    }
    let text = from.tree.as_text().map(|text| &**text).unwrap_or_default();
    match from.tree.scalar() {
        None | Some(Scalar::Null) => "nothing".to_owned(),
        Some(Scalar::Bool(_)) if quotes => text.to_owned(),
        Some(Scalar::Bool(_)) => "true or false".to_owned(),
        Some(Scalar::Text(_)) if quotes => format!("the text {}", quoted(text)),
        Some(Scalar::Text("")) => "an empty text".to_owned(),
        Some(Scalar::Text(_)) => "a text".to_owned(),
        Some(_) if quotes => format!("the number {text}"),
        Some(_) => "a number".to_owned(),
    }
}

/// The text in quotes on one line, cut where it gets long.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let cut: String = text.chars().take(LONGEST).collect();
    let more = if cut.len() < text.len() { "..." } else { "" };
    format!("{cut:?}{more}")
}

/// Serde's and Rust's words for types, in the words of a configuration.
fn in_words(expected: &str) -> String {
    match expected {
        "a string" | "str" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        _ if expected.starts_with("struct ") => "a map".to_owned(),
        _ => expected.to_owned(),
    }
}
