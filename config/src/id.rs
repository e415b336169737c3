//! The id of a component or pipeline, with the Collector's rules for what is one.

use std::fmt;
use std::str::FromStr;

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

impl FromStr for Id {
    type Err = String;

    /// The Collector's rules (`component/identifiable.go`): a type of up to 63 letters, digits and `_` that begins
    /// with a letter; a name of up to 1024 characters without blanks, control characters and symbols.
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind.trim(), Some(name.trim())),
            None => (text.trim(), None),
        };
        if kind.is_empty() {
            return Err(format!("`{text}` is no id: the part before the / is empty"));
        }
        let mut letters = kind.chars();
        let begins_well = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
        if !begins_well || kind.len() > 63 || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!(
                "`{text}` is no id: a type is up to 63 letters, digits and _, and begins with a letter"
            ));
        }
        match name {
            Some("") => Err(format!("`{text}` is no id: the part after the / is empty")),
            Some(name) if name.chars().count() > 1024 => {
                Err("no id: a name has at most 1024 characters".to_owned())
            }
            Some(name) if name.chars().any(|c| c.is_whitespace() || c.is_control() || is_symbol(c)) => {
                Err(format!(
                    "`{text}` is no id: a name has no blanks, control characters or any of $ + < = > ^ ` | ~"
                ))
            }
            name => Ok(Id { kind: kind.into(), name: name.unwrap_or_default().into() }),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// ASCII's share of Unicode's class S.
fn is_symbol(c: char) -> bool {
    "$+<=>^`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_type_or_a_type_and_a_name() {
        for (text, kind, name) in [
            ("otlp", "otlp", ""),
            ("otlp_http/2", "otlp_http", "2"),
            (" otlp / mine ", "otlp", "mine"),
            ("otlp/a/b", "otlp", "a/b"),
            ("otlp/straße-1.x", "otlp", "straße-1.x"),
        ] {
            let id: Id = text.parse().unwrap();
            assert_eq!((id.kind.as_str(), id.name.as_str()), (kind, name));
        }
    }

    #[test]
    fn what_the_collector_refuses_is_no_id() {
        let long = "a".repeat(64);
        for text in
            ["", " ", "/a", "a/", "a/ ", "a/b c", "a/b\tc", "a/b+c", "1a", "_a", "a-b", "a.b", "ä", &long]
        {
            assert!(text.parse::<Id>().is_err(), "{text:?}");
        }
    }
}
