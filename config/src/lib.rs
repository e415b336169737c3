//! The OpenTelemetry Collector's YAML, read strictly into typed values. Knows no component.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserializer;
use serde::de::DeserializeOwned;

/// The id of a component or pipeline: `type` or `type/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    /// The component's type, such as `otlp_http`; of a pipeline its signal.
    pub kind: String,
    /// What follows the `/`, or nothing.
    pub name: String,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() { f.write_str(&self.kind) } else { write!(f, "{}/{}", self.kind, self.name) }
    }
}

impl std::str::FromStr for Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('/').unwrap_or((text, ""));
        Ok(Id { kind: kind.into(), name: name.into() })
    }
}

/// The environment, as a value: read once in `main`, handed down, made up in tests.
#[derive(Clone, Debug, Default)]
pub struct Env(Rc<BTreeMap<String, String>>);

impl Env {
    /// The environment of this process; variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        Env(Rc::new(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        ))
    }

    /// The value of a variable, if it is set (it may be empty).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Env(Rc::new(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }
}

/// A YAML subtree that knows its place.
#[derive(Clone, Debug)]
pub struct Node(());

impl Node {
    /// Reads `text` as YAML, expanding `${...}` from `env`: for tests and defaults.
    ///
    /// # Errors
    /// All mistakes of syntax and expansion.
    pub fn parse(text: &str, env: &Env) -> Result<Node, Mistakes> {
        let _ = (text, env);
        todo!()
    }

    /// Reads this subtree into `T`: null is `T`'s default (an empty map), unknown keys are mistakes.
    ///
    /// # Errors
    /// All mistakes at once, each with file, line, path, what was found, what is valid and the nearest spelling.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Mistakes> {
        todo!()
    }

    /// The mistake of saying at `key` (a path below this node, such as `tls.ca_file`; empty for the node itself)
    /// something that `message` explains.
    pub fn mistake(&self, key: &str, message: impl fmt::Display) -> Mistakes {
        let _ = (key, message.to_string());
        todo!()
    }

    /// Notes something that works but should be written otherwise; shown once, with the place.
    pub fn warn(&self, key: &str, message: impl fmt::Display) {
        let _ = (key, message.to_string());
        todo!()
    }
}

/// Everything wrong that was found, each with its place. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

/// One thing wrong in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The whole message: `file:line:column: path: what was found; what is valid`.
    pub text: String,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&mistake.text)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// Reads a Go duration such as `1m30s` or `200ms`: for `#[serde(deserialize_with = "config::duration")]`.
///
/// # Errors
/// What is not one, with an example of what is.
pub fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let _ = from;
    todo!()
}

/// A text that must not be printed: a password, a token, a header's value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Secret)
    }
}

/// Headers of a request, in the order written: a map, or a list of `{name, value}` pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, Secret)>);

impl<'de> serde::Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let _ = from;
        todo!()
    }
}
