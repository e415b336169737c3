//! A YAML subtree that knows its place.

use std::fmt;
use std::rc::Rc;

use serde::de::DeserializeOwned;

use crate::mistakes::{Mistake, Mistakes, Warnings};
use crate::place::{Path, Place};
use crate::provider::Providers;
use crate::tree::{Kind, Origin, Tree};
use crate::{Env, expand, read, yaml};

/// A YAML subtree that knows its place. Cheap to clone.
#[derive(Clone)]
pub struct Node {
    pub(crate) tree: Rc<Tree>,
    pub(crate) path: Path,
    pub(crate) warnings: Warnings,
}

impl Node {
    /// Reads `text` as YAML, expanding `${...}` from `env`: for tests and defaults.
    ///
    /// # Errors
    /// All mistakes of syntax and expansion.
    pub fn parse(text: &str, env: &Env) -> Result<Node, Mistakes> {
        let warnings = Warnings::default();
        let parsed = yaml::parse(text, "inline");
        let mut mistakes = parsed.flaws;
        let Some(tree) = parsed.tree else { return Err(Mistakes(mistakes)) };
        let expanded = expand::expand(&tree, &Providers::new(env), &warnings);
        mistakes.extend(expanded.mistakes.into_iter().chain(expanded.unfetched));
        let tree = expanded.tree;
        if mistakes.is_empty() {
            Ok(Node { tree, path: Path::default(), warnings })
        } else {
            Err(Mistakes(mistakes))
        }
    }

    /// Reads this subtree into `T`: null is `T`'s default (an empty map), unknown keys are mistakes where `T` has
    /// `deny_unknown_fields`.
    ///
    /// Strict as the Collector is: a text field takes any scalar as it was written (`0123` stays `0123`), but `"5"`
    /// is no number and `yes` is not true.
    ///
    /// # Errors
    /// All mistakes at once, each with file, line, path, what was found, what is valid and the nearest spelling.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Mistakes> {
        read::read(self)
    }

    /// The mistake of saying at `key` (a path below this node, such as `tls.ca_file`; empty for the node itself)
    /// something that `message` explains. Where it quotes what `${...}` stood for, that becomes `***`.
    pub fn mistake(&self, key: &str, message: impl fmt::Display) -> Mistakes {
        let (tree, path) = self.find(key);
        Mistakes(vec![Mistake::new(&tree.place, &path, veiled(tree, message.to_string()))])
    }

    /// Notes something that works but should be written otherwise; shown once, with the place. It quotes no more than
    /// [`mistake`](Node::mistake) does.
    pub fn warn(&self, key: &str, message: impl fmt::Display) {
        let (tree, path) = self.find(key);
        self.warnings.note(&tree.place, &path, veiled(tree, message.to_string()));
    }

    /// The warnings of the whole document that this node belongs to.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// The value at `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<Node> {
        self.tree.get(key).map(|tree| self.below(self.path.key(key), tree))
    }

    /// Whether nothing is written here, as by `key:` alone or by a variable that is not set.
    pub fn is_null(&self) -> bool {
        self.tree.is_null()
    }

    /// Whether there is nothing: a null, or a map or list without entries.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.tree.kind {
            Kind::Map(entries) => entries.is_empty(),
            Kind::List(items) => items.is_empty(),
            Kind::Scalar { .. } => self.tree.is_null(),
        }
    }

    pub(crate) fn below(&self, path: Path, tree: &Rc<Tree>) -> Node {
        Node { tree: tree.clone(), path, warnings: self.warnings.clone() }
    }

    /// What stands at `key`, or nearest above it, and the path of `key`.
    fn find(&self, key: &str) -> (&Tree, Path) {
        let (mut nearest, mut path, mut tree) = (&*self.tree, self.path.clone(), Some(&*self.tree));
        for name in key.split(['.', '[']).filter(|name| !name.is_empty()) {
            let next = match (name.strip_suffix(']').map(str::parse), tree.map(|tree| &tree.kind)) {
                (Some(Ok(index)), kind) => {
                    path = path.index(index);
                    match kind {
                        Some(Kind::List(items)) => items.get(index),
                        _ => None,
                    }
                }
                (_, _) => {
                    path = path.key(name);
                    tree.and_then(|tree| tree.get(name))
                }
            };
            tree = next.map(|tree| &**tree);
            nearest = tree.unwrap_or(nearest);
        }
        (nearest, path)
    }
}

/// Shorter ones are no secrets, and would be found in words that are none of them.
const SHORTEST_SECRET: usize = 4;

/// `message` without the texts in `tree` that came from elsewhere.
fn veiled(tree: &Tree, message: String) -> String {
    match &tree.kind {
        Kind::List(items) => items.iter().fold(message, |message, item| veiled(item, message)),
        Kind::Map(entries) => entries.iter().fold(message, |message, (_, value)| veiled(value, message)),
        Kind::Scalar { text, .. } if tree.origin > Origin::Written && text.len() >= SHORTEST_SECRET => {
            let quoted = format!("{text:?}");
            message.replace(quoted.trim_matches('"'), "***").replace(&**text, "***")
        }
        Kind::Scalar { .. } => message,
    }
}

/// What `text`, as it would stand in a configuration, is when its `${...}` are replaced. Nothing if one of them leads
/// over the network, or if there is anything to say about one.
pub fn at_hand(text: &str, env: &Env) -> Option<String> {
    let (place, warnings) = (Place { source: "".into(), line: 0, column: 0 }, Warnings::default());
    let expanded = expand::expand(&Rc::new(Tree::text(place, text)), &Providers::new(env), &warnings);
    let is_plain = expanded.mistakes.is_empty() && expanded.asked.is_empty() && warnings.drain().is_empty();
    expanded.tree.as_text().filter(|_| is_plain).map(|text| text.to_string())
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({} {})", self.tree.place, self.path)
    }
}
