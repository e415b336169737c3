//! Keys of other years and other places: where they stand today, or why they change nothing here.

use std::rc::Rc;

use crate::node::Node;
use crate::scalar::Scalar;
use crate::tree::{Key, Kind, Tree};

/// What became of a key that no component reads.
#[derive(Clone, Copy, Debug)]
pub enum Former {
    /// It has another name today: a path below the same component, such as `tls.insecure`.
    Now(&'static str),
    /// It changes nothing here; why, as the end of a sentence.
    Idle(&'static str),
    /// It can only be true here; why, as the end of a sentence.
    AlwaysTrue(&'static str),
}

/// Paths below a component, such as `sending_queue.storage`, and what became of each.
pub type FormerKeys = [(&'static str, Former)];

impl Node {
    /// This node as its component reads it: with `keys` where they stand today, and without those that change nothing.
    /// Each that is found is warned of.
    #[must_use]
    pub fn settled(&self, keys: &[&FormerKeys]) -> Node {
        let mut tree = self.tree.clone();
        for (key, former) in keys.iter().copied().flatten() {
            let mut path: Vec<_> = key.split('.').collect();
            if let Former::AlwaysTrue(_) = former
                && let [above @ .., _] = &path[..]
                && entry(&tree, above).is_some_and(|(_, it)| matches!(it.scalar(), Some(Scalar::Bool(_))))
            {
                // `sending_queue: false` says what `sending_queue.enabled: false` says.
                path.pop();
            }
            let Some((name, value)) = entry(&tree, &path) else { continue };
            tree = without(&tree, &path);
            if value.is_null() {
                continue;
            }
            match former {
                Former::Idle(why) => self.warn(key, format_args!("changes nothing here: {why}")),
                Former::AlwaysTrue(_) if matches!(value.scalar(), Some(Scalar::Bool(true))) => {}
                Former::AlwaysTrue(why) => {
                    self.warn(&path.join("."), format_args!("is always true here: {why}"))
                }
                Former::Now(today) => {
                    let today_path: Vec<_> = today.split('.').collect();
                    if entry(&tree, &today_path).is_some() {
                        self.warn(key, format_args!("retired; {today}, which is set too, goes before it"));
                    } else {
                        self.warn(key, format_args!("retired; write {today}"));
                        tree = with(&tree, &today_path, name, value);
                    }
                }
            }
        }
        Node { tree, ..self.clone() }
    }
}

/// The key and the value at `path`.
fn entry(tree: &Tree, path: &[&str]) -> Option<(Key, Rc<Tree>)> {
    let (Kind::Map(entries), [first, rest @ ..]) = (&tree.kind, path) else { return None };
    let (key, value) = entries.iter().find(|(key, _)| &*key.text == *first)?;
    if rest.is_empty() { Some((key.clone(), value.clone())) } else { entry(value, rest) }
}

/// `tree` with nothing at `path`.
fn without(tree: &Rc<Tree>, path: &[&str]) -> Rc<Tree> {
    let (Kind::Map(entries), [first, rest @ ..]) = (&tree.kind, path) else { return tree.clone() };
    let mut kept = entries.clone();
    if rest.is_empty() {
        kept.retain(|(key, _)| &*key.text != *first);
    } else if let Some((_, below)) = kept.iter_mut().find(|(key, _)| &*key.text == *first) {
        *below = without(below, rest);
    }
    rebuilt(tree, kept)
}

/// `tree` with `value` at `path`, below maps that are made where there are none; `name` is the key that it had.
fn with(tree: &Rc<Tree>, path: &[&str], name: Key, value: Rc<Tree>) -> Rc<Tree> {
    let [first, rest @ ..] = path else { return value };
    let mut entries = match &tree.kind {
        Kind::Map(entries) => entries.clone(),
        _ if tree.is_null() => Vec::new(),
        // Something else is there that is wrong, and is told as what it is.
        _ => return tree.clone(),
    };
    let place = name.place.clone();
    match entries.iter_mut().find(|(key, _)| &*key.text == *first) {
        Some((_, below)) => *below = with(below, rest, name, value),
        None => {
            let below = with(&Rc::new(Tree::null(place.clone())), rest, name, value);
            entries.push((Key { text: (*first).into(), place }, below));
        }
    }
    rebuilt(tree, entries)
}

fn rebuilt(tree: &Tree, entries: Vec<(Key, Rc<Tree>)>) -> Rc<Tree> {
    let rebuilt = Tree::new(tree.place.clone(), Kind::Map(entries));
    Rc::new(rebuilt.expanded(tree.original.clone(), tree.origin).unresolved(tree.unresolved))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Env;

    const KEYS: [(&str, Former); 5] = [
        ("insecure", Former::Now("tls.insecure")),
        ("ca_file", Former::Now("tls.ca_file")),
        ("queue.storage", Former::Idle("there is none")),
        ("queue.enabled", Former::AlwaysTrue("it is on")),
        ("workers", Former::Idle("there are none")),
    ];

    /// What is read of `text`, and what is said of it.
    fn settled(text: &str) -> (Value, Vec<String>) {
        let node = Node::parse(text, &Env::from_iter([("MAP", "{workers: 2, a: 1}")])).unwrap();
        let value = node.settled(&[&KEYS]).read().unwrap();
        (value, node.warnings().drain())
    }

    #[test]
    fn a_key_moves_to_where_it_stands_today() {
        let (value, warnings) = settled("{a: 1, insecure: true, ca_file: x}");
        assert_eq!(value, json!({"a": 1, "tls": {"insecure": true, "ca_file": "x"}}));
        let expected =
            ["1:18: insecure: retired; write tls.insecure", "1:33: ca_file: retired; write tls.ca_file"];
        assert_eq!(warnings, expected.map(|line| format!("inline:{line}")));
    }

    #[test]
    fn what_is_always_true_may_be_said_of_the_whole_above_it() {
        assert_eq!(settled("{a: 1, queue: true}"), (json!({"a": 1}), vec![]));
        let (value, warnings) = settled("{a: 1, queue: false}");
        assert_eq!(value, json!({"a": 1}));
        assert_eq!(warnings, ["inline:1:15: queue: is always true here: it is on"]);
        assert_eq!(settled("queue: 5"), (json!({"queue": 5}), vec![]));
    }

    #[test]
    fn the_key_of_today_goes_before_the_former_one() {
        let (value, warnings) = settled("{insecure: true, tls: {insecure: false}}");
        assert_eq!(value, json!({"tls": {"insecure": false}}));
        assert!(warnings[0].ends_with("insecure: retired; tls.insecure, which is set too, goes before it"));
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn a_key_that_changes_nothing_is_left_out_and_told_once() {
        let (value, warnings) = settled("{queue: {storage: s, size: 1}, workers: 4}");
        assert_eq!(value, json!({"queue": {"size": 1}}));
        assert!(warnings[0].ends_with("queue.storage: changes nothing here: there is none"), "{warnings:?}");
        assert!(warnings[1].ends_with("workers: changes nothing here: there are none"), "{warnings:?}");
    }

    #[test]
    fn what_is_as_it_must_be_is_not_told() {
        for (text, told) in [
            ("{queue: {enabled: true}}", 0),
            ("{queue: {enabled: false}}", 1),
            ("{workers: , insecure: , queue: }", 0),
            ("{queue: 5, tls: 6}", 0),
        ] {
            assert_eq!(settled(text).1.len(), told, "{text}");
        }
    }

    #[test]
    fn something_wrong_at_the_key_of_today_stays_to_be_told() {
        assert_eq!(settled("{insecure: true, tls: 5}").0, json!({"tls": 5}));
    }

    #[test]
    fn keys_that_a_reference_stands_for_are_settled_too() {
        assert_eq!(settled("${env:MAP}").0, json!({"a": 1}));
    }
}
