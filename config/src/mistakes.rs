//! Mistakes and warnings: what was found where, what is valid, and the nearest spelling.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use crate::Part;
use crate::place::{Path, Place};

/// Everything wrong that was found, each with its place. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

/// One thing wrong in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The whole message: `file:line:column: path: what was found; what is valid`.
    pub text: String,
    /// The part of the configuration that can't be used because of it.
    pub part: Part,
}

impl Mistake {
    pub(crate) fn new(place: &Place, path: &Path, message: impl fmt::Display) -> Self {
        Mistake { text: located(place, path, message), part: path.part() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
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

/// Where warnings gather, shared by all nodes of a document. Each is kept once.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Rc<RefCell<(HashSet<String>, Vec<String>)>>);

impl Warnings {
    /// Takes out what has gathered since the last call. A warning that was taken never comes back.
    pub fn drain(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().1)
    }

    pub(crate) fn note(&self, place: &Place, path: &Path, message: impl fmt::Display) {
        self.note_plain(located(place, path, message));
    }

    pub(crate) fn note_plain(&self, text: String) {
        let mut kept = self.0.borrow_mut();
        if kept.0.insert(text.clone()) {
            kept.1.push(text);
        }
    }

    /// Whether `key` is asked for the first time: for warnings that are given at one place of many.
    pub(crate) fn first(&self, key: &str) -> bool {
        self.0.borrow_mut().0.insert(key.to_owned())
    }
}

fn located(place: &Place, path: &Path, message: impl fmt::Display) -> String {
    if path.is_root() { format!("{place}: {message}") } else { format!("{place}: {path}: {message}") }
}

/// `; valid are a, b and c; did you mean b?`: the end of a message about a word that is not among `valid`.
pub fn valid_words<S: AsRef<str>>(found: &str, valid: &[S]) -> String {
    let mut text = match valid {
        [] => return "; there is nothing valid".to_owned(),
        [only] => format!("; valid is {}", only.as_ref()),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(AsRef::as_ref).collect();
            format!("; valid are {} and {}", first.join(", "), last.as_ref())
        }
    };
    if let Some(near) = nearest(found, valid.iter().map(AsRef::as_ref)) {
        text.push_str(&format!("; did you mean {near}?"));
    }
    text
}

/// The word nearest to `found`, if it is near enough to be what was meant: a third of its letters may differ.
pub fn nearest<'a>(found: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.', ' '], "_");
    let wanted = plain(found);
    if wanted.chars().count() > 100 {
        return None;
    }
    valid
        .map(|word| (distance(&wanted, &plain(word)), word))
        .filter(|(distance, word)| *distance <= word.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many letters must be added, removed, replaced or swapped with their neighbour to make `a` of `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            next[j] = replaced.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                next[j] = next[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_the_one_that_was_meant() {
        let valid = ["endpoint", "encoding", "headers", "timeout", "tls"];
        for (found, meant) in [
            ("endpont", Some("endpoint")),
            ("Endpoint", Some("endpoint")),
            ("ednpoint", Some("endpoint")),
            ("time-out", Some("timeout")),
            ("tsl", Some("tls")),
            ("url", None),
            ("compression", None),
        ] {
            assert_eq!(nearest(found, valid.into_iter()), meant, "{found}");
        }
    }

    #[test]
    fn a_warning_is_kept_once() {
        let warnings = Warnings::default();
        warnings.note_plain("a".into());
        warnings.note_plain("a".into());
        assert_eq!(warnings.drain(), ["a"]);
        warnings.note_plain("a".into());
        assert!(warnings.drain().is_empty());
    }
}
