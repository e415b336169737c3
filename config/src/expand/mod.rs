//! `${env:NAME}` and its friends, in every value of a tree.

mod resolve;

use std::rc::Rc;

use self::resolve::{Fetched, is_variable};
use crate::Part;
use crate::mistakes::{Mistake, Warnings};
use crate::place::{Path, Place};
use crate::provider::{Providers, is_secret};
use crate::reference::{Piece, pieces};
use crate::scalar::Scalar;
use crate::tree::{Key, Kind, Origin, Tree};
use crate::yaml;

/// All references of a configuration, those inside fetched values included.
const MOST_REFERENCES: usize = 10_000;
/// Nobody reads more.
const MOST_MISTAKES: usize = 100;

/// What came of the references of a tree.
pub(crate) struct Expanded {
    /// The tree without those that could be had.
    pub tree: Rc<Tree>,
    pub mistakes: Vec<Mistake>,
    /// Why what leads over the network can't be had.
    pub unfetched: Vec<Mistake>,
    /// All that lead over the network.
    pub asked: Vec<Asked>,
}

/// A reference that leads over the network.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub uri: String,
    pub answered: Answered,
    /// What can't run before it is answered.
    pub part: Part,
    /// Where it stands: `file:line:column: path`.
    pub located: String,
    /// Whether a message must not quote it.
    pub hidden: bool,
}

/// Whether the text behind a reference has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Yes,
    NotYet,
    /// It can't be had now.
    No,
}

/// Replaces all references in the values (never the keys) of `tree`, as the Collector does, and the old forms
/// `${NAME}` and `$NAME` with a warning. A value that can't be had is a mistake of its place and becomes null.
pub(crate) fn expand(tree: &Rc<Tree>, providers: &Providers, warnings: &Warnings) -> Expanded {
    let mut expander = Expander {
        providers,
        warnings,
        mistakes: Vec::new(),
        unfetched: Vec::new(),
        asked: Vec::new(),
        left: MOST_REFERENCES,
    };
    let at = At { place: &tree.place, path: &Path::default(), depth: 0, written: true };
    let tree = expander.tree(tree, at);
    let Expander { mistakes, unfetched, asked, .. } = expander;
    Expanded { tree, mistakes, unfetched, asked }
}

struct Expander<'a> {
    providers: &'a Providers,
    warnings: &'a Warnings,
    mistakes: Vec<Mistake>,
    unfetched: Vec<Mistake>,
    asked: Vec<Asked>,
    left: usize,
}

/// Where a value stands that is being expanded.
#[derive(Clone, Copy)]
struct At<'a> {
    place: &'a Place,
    path: &'a Path,
    /// How many fetched values lie around it.
    depth: usize,
    /// Whether it was written into a configuration file, where the old forms and unclosed braces have a meaning.
    written: bool,
}

/// What a piece of a text gives.
enum Given {
    /// Characters, and where they came from.
    Text(String, Origin),
    To(Fetched),
    /// A reference that is not answered yet.
    Wanted,
}

/// Pieces put together.
struct Gathered {
    text: String,
    origin: Origin,
    /// Whether one of them is not answered yet.
    wanted: bool,
}

impl Expander<'_> {
    fn tree(&mut self, tree: &Rc<Tree>, at: At<'_>) -> Rc<Tree> {
        let kind = match &tree.kind {
            Kind::Scalar { text, .. } if text.contains('$') => return self.scalar(tree, text, at),
            Kind::Scalar { .. } => return tree.clone(),
            Kind::List(items) => {
                let mut next = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    next.push(self.tree(item, At { place: &item.place, path: &at.path.index(i), ..at }));
                }
                if next.iter().zip(items).all(|(a, b)| Rc::ptr_eq(a, b)) {
                    return tree.clone();
                }
                Kind::List(next)
            }
            Kind::Map(entries) => {
                let mut next: Vec<(Key, Rc<Tree>)> = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let path = at.path.key(key.text.clone());
                    if key.text.contains("${") {
                        self.warnings.note(
                            &key.place,
                            &path,
                            "${...} has no meaning in a key and stays as it is",
                        );
                    }
                    next.push((key.clone(), self.tree(value, At { place: &value.place, path: &path, ..at })));
                }
                if next.iter().zip(entries).all(|(a, b)| Rc::ptr_eq(&a.1, &b.1)) {
                    return tree.clone();
                }
                Kind::Map(next)
            }
        };
        let expanded = Tree::new(tree.place.clone(), kind).expanded(tree.original.clone(), tree.origin);
        if expanded.is_too_large() {
            self.mistake(at, "this grows too large through its ${...}");
            return Rc::new(Tree::null(tree.place.clone()));
        }
        Rc::new(expanded)
    }

    fn scalar(&mut self, tree: &Rc<Tree>, text: &str, at: At<'_>) -> Rc<Tree> {
        let unresolved =
            || Rc::new(Tree::text(tree.place.clone(), text).expanded(None, tree.origin).unresolved(true));
        let expanded = pieces(text).ok_or_else(too_deep).and_then(|pieces| match &pieces[..] {
            [only @ (Piece::Braces(_) | Piece::Dollar(_))] => Ok(match self.piece(only, at)? {
                Given::To(fetched) => self.whole(&fetched, at),
                Given::Text(..) => tree.clone(),
                Given::Wanted => unresolved(),
            }),
            _ => Ok(match self.text(&pieces, at)? {
                Gathered { wanted: true, .. } => unresolved(),
                Gathered { text, origin, .. } => {
                    Rc::new(Tree::text(tree.place.clone(), text).expanded(None, origin.max(tree.origin)))
                }
            }),
        });
        expanded.unwrap_or_else(|message| {
            self.mistake(at, &message);
            Rc::new(Tree::null(tree.place.clone()))
        })
    }

    fn mistake(&mut self, at: At<'_>, message: &str) {
        if self.mistakes.len() < MOST_MISTAKES {
            self.mistakes.push(Mistake::new(at.place, at.path, message));
        }
    }

    fn text(&mut self, pieces: &[Piece], at: At<'_>) -> Result<Gathered, String> {
        let mut all = Gathered { text: String::new(), origin: Origin::Written, wanted: false };
        for piece in pieces {
            let (text, origin) = match self.piece(piece, at)? {
                Given::Text(text, origin) => (text, origin),
                Given::To(fetched) => {
                    let inner = self.inner(&fetched, at)?;
                    all.wanted |= inner.wanted;
                    (inner.text, inner.origin.max(fetched.origin()))
                }
                Given::Wanted => {
                    all.wanted = true;
                    continue;
                }
            };
            all.text.push_str(&text);
            all.origin = all.origin.max(origin);
        }
        Ok(all)
    }

    fn piece(&mut self, piece: &Piece, at: At<'_>) -> Result<Given, String> {
        match piece {
            Piece::Text(text) => Ok(Given::Text(text.clone(), Origin::Written)),
            Piece::Unclosed if at.written => {
                Err("a ${ is never closed by }; for the characters themselves write $${".to_owned())
            }
            Piece::Unclosed => Ok(Given::Text("${".to_owned(), Origin::Written)),
            Piece::Dollar(name)
                if at.written && (self.providers.env(name).is_some() || is_variable(name)) =>
            {
                Ok(Given::To(self.variable(&format!("${name}"), name, at)))
            }
            Piece::Dollar(name) => Ok(Given::Text(format!("${name}"), Origin::Written)),
            Piece::Braces(body) => {
                if let Some(enough) = self.without_default(body, at) {
                    return self.braces(enough, Origin::Written, at);
                }
                let inside = At { depth: at.depth + 1, ..at };
                let body = self.text(body, inside)?;
                if body.wanted { Ok(Given::Wanted) } else { self.braces(body.text, body.origin, at) }
            }
        }
    }

    /// The text of a reference inside a longer text, with its own references replaced.
    fn inner(&mut self, fetched: &Fetched, at: At<'_>) -> Result<Gathered, String> {
        if is_secret(fetched.scheme) {
            return Ok(Gathered { text: fetched.text.clone(), origin: Origin::Secret, wanted: false });
        }
        let pieces = pieces(fetched.text()).ok_or_else(too_deep)?;
        self.text(&pieces, fetched.inside(at))
    }

    /// The value of a reference that stands alone: read as YAML where that gives something else than a text, with the
    /// text kept beside it for a field that wants one.
    fn whole(&mut self, fetched: &Fetched, at: At<'_>) -> Rc<Tree> {
        let text = fetched.text();
        let parsed = yaml::parse(&fetched.text, &fetched.name);
        let parsed = match parsed.tree {
            Some(tree) if parsed.flaws.is_empty() && !matches!(tree.scalar(), Some(Scalar::Text(_))) => tree,
            _ => Rc::new(Tree::text(at.place.clone(), text)),
        };
        if is_secret(fetched.scheme) {
            // One that begins with `#` is no comment.
            let is_lost = parsed.is_null() && !text.is_empty() || parsed.is_too_large();
            let value = if is_lost { Tree::text(at.place.clone(), text) } else { parsed.moved_to(at.place) };
            return Rc::new(value.secret().expanded(Some(text.into()), Origin::Secret));
        }
        let expanded = self.tree(&parsed, At { place: at.place, ..fetched.inside(at) });
        let original = match &parsed.kind {
            Kind::Scalar { plain: false, .. } => expanded.original.clone(),
            _ if text.contains('$') => self.inner(fetched, at).ok().map(|inner| inner.text.into()),
            _ => Some(text.into()),
        };
        let origin = fetched.origin().max(expanded.origin);
        Rc::new(expanded.moved_to(at.place).expanded(original, origin).unresolved(expanded.unresolved))
    }
}

fn too_deep() -> String {
    "a value that refers to itself, or references nested too deeply".to_owned()
}
