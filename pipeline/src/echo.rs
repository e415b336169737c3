//! Lines that this process wrote, to be known when the platform tells of them.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde_json::Value;

/// The platform tells of a line within the second. Twice as many are remembered at most, 16 bytes each.
const REMEMBERED: usize = 4096;

/// The marks of lines that were written, in two generations, so that the older half is forgotten at once.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    recent: HashSet<u64>,
    older: HashSet<u64>,
}

impl Echo {
    pub fn remember(&mut self, text: &str) {
        for line in text.lines() {
            if self.recent.len() >= REMEMBERED {
                self.older = std::mem::take(&mut self.recent);
            }
            self.recent.insert(mark_of_line(line));
        }
    }

    pub fn knows(&self, record: &Value) -> bool {
        if self.recent.is_empty() {
            return false;
        }
        let mark = match record {
            Value::String(line) => mark_of_line(line),
            record => mark(|hasher| add(record, hasher)),
        };
        self.recent.contains(&mark) || self.older.contains(&mark)
    }
}

/// A platform that logs as JSON makes an object of a line that is one. Both forms have one mark.
fn mark_of_line(line: &str) -> u64 {
    let line = line.trim();
    let object = Some(line).filter(|line| line.starts_with('{')).map(serde_json::from_str);
    match object {
        Some(Ok(object)) => mark(|hasher| add(&object, hasher)),
        _ => mark(|hasher| line.hash(hasher)),
    }
}

fn mark(add: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    add(&mut hasher);
    hasher.finish()
}

/// Adds names and texts. Numbers are left out: who writes them anew may do so otherwise (`1` for `1.0`).
fn add(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::String(text) => text.hash(hasher),
        Value::Array(items) => items.iter().for_each(|item| add(item, hasher)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            name.hash(hasher);
            add(value, hasher);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_known_as_text_and_as_what_json_logging_makes_of_it() {
        let mut echo = Echo::default();
        assert!(!echo.knows(&json!("plain")));
        echo.remember("plain\n{\"b\":{\"n\":1.0},\"a\":[\"x\"]}\n");
        for record in [
            json!("plain"),
            json!("plain\n"),
            json!("{\"b\":{\"n\":1.0},\"a\":[\"x\"]}\n"),
            json!({"a": ["x"], "b": {"n": 1}}),
        ] {
            assert!(echo.knows(&record), "{record}");
        }
        for record in [json!("other"), json!({"a": ["y"], "b": {"n": 1}}), json!({"a": ["x"]}), json!(null)] {
            assert!(!echo.knows(&record), "{record}");
        }
    }

    #[test]
    fn old_lines_are_forgotten_and_the_latest_are_not() {
        let mut echo = Echo::default();
        for number in 0..=3 * REMEMBERED {
            echo.remember(&number.to_string());
        }
        let knows = |number: usize| echo.knows(&json!(number.to_string()));
        assert!(!knows(0) && knows(2 * REMEMBERED) && knows(3 * REMEMBERED));
        assert!(echo.recent.len() + echo.older.len() <= 2 * REMEMBERED);
    }
}
