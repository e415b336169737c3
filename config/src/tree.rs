//! YAML as a tree: what was written and where, before anybody asks for a type.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::place::Place;
use crate::scalar::Scalar;

/// A YAML value and its place. Shared where an alias refers to it.
#[derive(Debug)]
pub(crate) struct Tree {
    pub place: Place,
    pub kind: Kind,
    /// The text as it was before it became a list, a map or a number, if it came out of a `${...}`: a field that
    /// wants a text gets this.
    pub original: Option<Rc<str>>,
    /// Where it came from.
    pub origin: Origin,
    /// Whether it holds a reference that is not answered yet; it is then the text as it was written.
    pub unresolved: bool,
    /// How many values it holds, aliases counted where they are used.
    weight: usize,
    depth: usize,
}

/// Where a text came from; of one put together from several, the last that applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The configuration itself.
    #[default]
    Written,
    /// The environment or a file: messages must not quote it.
    Outside,
    /// A store of secrets: nothing must print it.
    Secret,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Scalar {
        text: Rc<str>,
        /// Written without quotes, so that it may mean a number, true, false or null.
        plain: bool,
    },
    List(Vec<Rc<Tree>>),
    Map(Vec<(Key, Rc<Tree>)>),
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub text: Rc<str>,
    pub place: Place,
}

/// Deeper is no configuration: keeps recursion well inside the stack.
pub(crate) const DEEPEST: usize = 64;
/// Larger is no configuration: keeps aliases of aliases from growing without end.
pub(crate) const LARGEST: usize = 100_000;

impl Tree {
    pub fn new(place: Place, kind: Kind) -> Self {
        let (mut weight, mut depth) = (1usize, 0);
        let mut count = |child: &Tree| {
            weight = weight.saturating_add(child.weight);
            depth = depth.max(child.depth + 1);
        };
        match &kind {
            Kind::Scalar { .. } => {}
            Kind::List(items) => items.iter().for_each(|item| count(item)),
            Kind::Map(entries) => entries.iter().for_each(|(_, value)| count(value)),
        }
        Tree { place, kind, original: None, origin: Origin::Written, unresolved: false, weight, depth }
    }

    pub fn null(place: Place) -> Self {
        Tree::new(place, Kind::Scalar { text: "".into(), plain: true })
    }

    pub fn text(place: Place, text: impl Into<Rc<str>>) -> Self {
        Tree::new(place, Kind::Scalar { text: text.into(), plain: false })
    }

    /// The same value at another place.
    pub fn moved_to(&self, place: &Place) -> Self {
        let kind = match &self.kind {
            Kind::Scalar { text, plain } => Kind::Scalar { text: text.clone(), plain: *plain },
            Kind::List(items) => Kind::List(items.clone()),
            Kind::Map(entries) => Kind::Map(entries.clone()),
        };
        Tree::new(place.clone(), kind)
    }

    /// The same tree, with what stands in one of these lines said to come from there.
    pub fn told_by(self: &Rc<Self>, lines: &BTreeMap<u32, Rc<str>>) -> Rc<Tree> {
        let told = |place: &Place| match lines.get(&place.line) {
            Some(name) => Place { source: name.clone(), line: 0, column: 0 },
            None => place.clone(),
        };
        let kind = match &self.kind {
            Kind::Scalar { text, plain } => Kind::Scalar { text: text.clone(), plain: *plain },
            Kind::List(items) => Kind::List(items.iter().map(|item| item.told_by(lines)).collect()),
            Kind::Map(entries) => {
                let told = |(key, value): &(Key, Rc<Tree>)| {
                    (Key { text: key.text.clone(), place: told(&key.place) }, value.told_by(lines))
                };
                Kind::Map(entries.iter().map(told).collect())
            }
        };
        Rc::new(Tree::new(told(&self.place), kind))
    }

    /// The same value as what a `${...}` stood for.
    pub fn expanded(mut self, original: Option<Rc<str>>, origin: Origin) -> Self {
        self.original = original;
        self.origin = origin;
        self
    }

    /// The same value with references in it that are not answered yet, or with none.
    pub fn unresolved(mut self, unresolved: bool) -> Self {
        self.unresolved = unresolved;
        self
    }

    /// The same value, as one that must not be printed, nor anything in it.
    pub fn secret(mut self) -> Self {
        let marked = |tree: &Rc<Tree>| Rc::new(tree.moved_to(&tree.place).secret());
        self.kind = match self.kind {
            Kind::List(items) => Kind::List(items.iter().map(marked).collect()),
            Kind::Map(entries) => {
                Kind::Map(entries.iter().map(|(key, it)| (key.clone(), marked(it))).collect())
            }
            scalar => scalar,
        };
        self.origin = Origin::Secret;
        self
    }

    pub fn is_too_large(&self) -> bool {
        self.weight > LARGEST || self.depth > DEEPEST
    }

    /// What a scalar means; `None` for lists and maps.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.kind {
            Kind::Scalar { text, plain: true } => Some(Scalar::of(text)),
            Kind::Scalar { text, plain: false } => Some(Scalar::Text(text)),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.scalar(), Some(Scalar::Null))
    }

    /// The text for a field that wants one: of a scalar what was written, of an expanded value the original.
    pub fn as_text(&self) -> Option<&Rc<str>> {
        match (&self.original, &self.kind) {
            (Some(original), _) => Some(original),
            (None, Kind::Scalar { text, .. }) => Some(text),
            _ => None,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Rc<Tree>> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|(k, _)| &*k.text == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// `over` laid upon `self`: maps merge key by key, anything else replaces.
    pub fn merged(self: &Rc<Tree>, over: &Rc<Tree>) -> Rc<Tree> {
        let (Kind::Map(below), Kind::Map(above)) = (&self.kind, &over.kind) else { return over.clone() };
        let mut entries = below.clone();
        for (key, value) in above {
            match entries.iter_mut().find(|(k, _)| k.text == key.text) {
                Some(entry) => *entry = (key.clone(), entry.1.merged(value)),
                None => entries.push((key.clone(), value.clone())),
            }
        }
        Rc::new(Tree::new(over.place.clone(), Kind::Map(entries)))
    }
}
