//! Actions as a user writes them, and everything that can be wrong with one.

use std::fmt;

use regex_lite::Regex;
use serde::{Deserialize, Deserializer, de};

use super::value::{Type, Value, given};
use super::{Action, Keys, When};
use crate::pattern;

/// One action on the attributes, with the Collector's keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionConfig {
    /// The attribute to act on. `delete` and `hash` can do with a `pattern` alone.
    key: String,
    /// What to do.
    action: Option<Kind>,
    /// The value for `insert`, `update` and `upsert`; it keeps the type that it has in YAML.
    #[serde(deserialize_with = "given")]
    value: Option<Value>,
    /// The attribute whose value to take instead.
    from_attribute: String,
    /// The request metadata whose value to take instead. Accepted, but metadata is not carried.
    pub(super) from_context: String,
    /// The value to take where `from_attribute` or `from_context` finds none.
    #[serde(deserialize_with = "given")]
    default_value: Option<Value>,
    /// A regular expression: for `delete` and `hash` of the keys, for `extract` of the value.
    pattern: String,
    /// What `convert` makes of the value.
    converted_type: Option<Type>,
}

/// The names of the actions; case does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Insert,
    Update,
    Upsert,
    Delete,
    Hash,
    Extract,
    Convert,
}

/// What is wrong, and in which field of the action; an empty name is the action as a whole.
pub(super) type Wrong = (&'static str, String);

impl ActionConfig {
    /// Makes an action of what was written, or says all that is wrong with it.
    pub(super) fn check(self) -> Result<Action, Vec<Wrong>> {
        let Some(kind) = self.action else {
            return Err(vec![("", format!("no action; expected action: one of {}", Kind::NAMES.join(", ")))]);
        };
        let mut wrong = Vec::new();
        let by_pattern = matches!(kind, Kind::Delete | Kind::Hash) && !self.pattern.is_empty();
        if self.key.is_empty() && !by_pattern {
            wrong.push(("", format!("no key; action {kind} needs the key of the attribute to act on")));
        }
        for (field, _) in
            self.given().into_iter().filter(|(field, given)| *given && !kind.fields().contains(field))
        {
            wrong.push((
                field,
                format!("not used by action {kind}, which knows {}", kind.fields().join(", ")),
            ));
        }
        let action = match kind {
            Kind::Insert => self.set(When::Absent, &mut wrong),
            Kind::Update => self.set(When::Present, &mut wrong),
            Kind::Upsert => self.set(When::Always, &mut wrong),
            Kind::Delete => self.keys(&mut wrong).map(Action::Delete),
            Kind::Hash => self.keys(&mut wrong).map(Action::Hash),
            Kind::Extract => self.extract(&mut wrong),
            Kind::Convert => self.convert(&mut wrong),
        };
        action.filter(|_| wrong.is_empty()).ok_or(wrong)
    }

    /// The fields beside `key` and `action`, and whether each is there.
    fn given(&self) -> [(&'static str, bool); 6] {
        [
            ("value", self.value.is_some()),
            ("from_attribute", !self.from_attribute.is_empty()),
            ("from_context", !self.from_context.is_empty()),
            ("default_value", self.default_value.is_some()),
            ("pattern", !self.pattern.is_empty()),
            ("converted_type", self.converted_type.is_some()),
        ]
    }

    fn set(self, when: When, wrong: &mut Vec<Wrong>) -> Option<Action> {
        let sources: Vec<_> =
            self.given().into_iter().take(3).filter(|(_, given)| *given).map(|(field, _)| field).collect();
        if sources.len() > 1 {
            wrong.push(("", format!("more than one value: {}; expected one of them", sources.join(" and "))));
        }
        if sources.is_empty() && self.default_value.is_none() {
            wrong
                .push(("", "no value; expected value, from_attribute, from_context or default_value".into()));
        }
        let from = Some(self.from_attribute).filter(|from| !from.is_empty());
        let value = self.value.or(self.default_value).map(|value| value.0);
        Some(Action::Set { key: self.key, from, value, when })
    }

    fn keys(self, wrong: &mut Vec<Wrong>) -> Option<Keys> {
        let pattern = if self.pattern.is_empty() { None } else { Some(regex(&self.pattern, wrong)?) };
        Some(Keys { key: Some(self.key).filter(|key| !key.is_empty()), pattern })
    }

    fn extract(self, wrong: &mut Vec<Wrong>) -> Option<Action> {
        const EXPECTED: &str = "expected named groups such as (?P<name>...)";
        if self.pattern.is_empty() {
            wrong.push(("", format!("no pattern; {EXPECTED}")));
            return None;
        }
        let pattern = regex(&self.pattern, wrong)?;
        let names: Vec<String> = pattern.capture_names().flatten().map(str::to_owned).collect();
        if names.is_empty() {
            wrong.push(("pattern", format!("found no named group in {}; {EXPECTED}", self.pattern)));
        } else if names.len() + 1 < pattern.captures_len() {
            wrong.push(("pattern", format!("found a group without a name in {}; {EXPECTED}", self.pattern)));
        }
        Some(Action::Extract { key: self.key, pattern, names })
    }

    fn convert(self, wrong: &mut Vec<Wrong>) -> Option<Action> {
        if self.converted_type.is_none() {
            wrong.push(("", "no converted_type; expected int, double or string".into()));
        }
        Some(Action::Convert { key: self.key, to: self.converted_type? })
    }
}

/// Compiles a pattern whose groups name attributes.
fn regex(pattern: &str, wrong: &mut Vec<Wrong>) -> Option<Regex> {
    let regex = match pattern::compile(pattern) {
        Ok(regex) => regex,
        Err(error) => {
            wrong.push(("pattern", error));
            return None;
        }
    };
    let is_word = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if let Some(name) = regex.capture_names().flatten().find(|name| !is_word(name)) {
        wrong.push(("pattern", format!("found group name {name}; expected letters, digits and _")));
    }
    Some(regex)
}

impl Kind {
    const ALL: [Kind; 7] =
        [Kind::Insert, Kind::Update, Kind::Upsert, Kind::Delete, Kind::Hash, Kind::Extract, Kind::Convert];
    /// In the order of `ALL`.
    const NAMES: &[&str] = &["insert", "update", "upsert", "delete", "hash", "extract", "convert"];

    /// The fields that it knows beside `key`.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Kind::Insert | Kind::Update | Kind::Upsert => {
                &["value", "from_attribute", "from_context", "default_value"]
            }
            // The Go Collector lets from_context stand here, without effect.
            Kind::Delete | Kind::Hash => &["pattern", "from_context"],
            Kind::Extract => &["pattern"],
            Kind::Convert => &["converted_type"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Kind::NAMES[*self as usize])
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let found = Kind::ALL.into_iter().find(|kind| text.eq_ignore_ascii_case(&kind.to_string()));
        found.ok_or_else(|| de::Error::unknown_variant(&text, Kind::NAMES))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_mistake_in_an_action_names_its_field() {
        for (action, expected) in [
            (json!({"key": "k"}), &["|no action"][..]),
            (json!({"action": "upsert"}), &["|no key", "|no value"]),
            (json!({"key": "k", "action": "insert"}), &["|no value"]),
            (json!({"key": "k", "value": null, "action": "insert"}), &["|no value"]),
            (
                json!({"key": "k", "value": 1, "from_attribute": "a", "action": "insert"}),
                &["|more than one value: value and"],
            ),
            (
                json!({"key": "k", "value": 1, "from_context": "a", "action": "insert"}),
                &["|more than one value: value and"],
            ),
            (
                json!({"key": "k", "value": 1, "pattern": "a", "action": "insert"}),
                &["pattern|not used by action insert"],
            ),
            (
                json!({"key": "k", "value": 1, "converted_type": "int", "action": "update"}),
                &["converted_type|not used"],
            ),
            (json!({"action": "delete"}), &["|no key"]),
            (json!({"key": "k", "value": 1, "action": "delete"}), &["value|not used by action delete"]),
            (
                json!({"key": "k", "from_attribute": "a", "action": "hash"}),
                &["from_attribute|not used by action hash"],
            ),
            (
                json!({"key": "k", "pattern": "(", "action": "hash"}),
                &["pattern|found (, which is no regular expression"],
            ),
            (json!({"key": "k", "action": "extract"}), &["|no pattern"]),
            (json!({"key": "k", "pattern": ".*", "action": "extract"}), &["pattern|found no named group"]),
            (json!({"key": "k", "pattern": "(a)", "action": "extract"}), &["pattern|found no named group"]),
            (
                json!({"key": "k", "pattern": "(?P<a>.)(b)", "action": "extract"}),
                &["pattern|found a group without a name"],
            ),
            (
                json!({"key": "k", "pattern": "(?P<a.b>.)", "action": "extract"}),
                &["pattern|found group name a.b"],
            ),
            (json!({"pattern": "(?P<a>.)", "action": "extract"}), &["|no key"]),
            (
                json!({"key": "k", "pattern": "(?P<a>.)", "value": 1, "action": "extract"}),
                &["value|not used by action extract"],
            ),
            (json!({"key": "k", "action": "convert"}), &["|no converted_type"]),
            (
                json!({"key": "k", "converted_type": "int", "pattern": "a", "action": "convert"}),
                &["pattern|not used"],
            ),
        ] {
            let config: ActionConfig = serde_json::from_value(action.clone()).unwrap();
            let wrong = config.check().expect_err(&action.to_string());
            assert_eq!(wrong.len(), expected.len(), "{action}: {wrong:?}");
            for ((field, message), expected) in wrong.iter().zip(expected) {
                let found = format!("{field}|{message}");
                assert!(found.starts_with(expected), "{action}: {found}");
            }
        }
    }

    #[test]
    fn an_unknown_action_or_type_is_refused_with_the_known_ones() {
        for (action, known) in [
            (json!({"key": "k", "action": "set"}), "`insert`, `update`, `upsert`"),
            (json!({"key": "k", "action": "convert", "converted_type": "Int"}), "`int`, `double`, `string`"),
            (json!({"key": "k", "action": "delete", "keys": "k"}), "`key`"),
        ] {
            let error = serde_json::from_value::<ActionConfig>(action).unwrap_err().to_string();
            assert!(error.contains(known), "{error}");
        }
    }
}
