//! `${env:NAME}` and its friends, in every value of a tree.

use std::rc::Rc;

use crate::Part;
use crate::mistakes::{Mistake, Warnings};
use crate::place::{Path, Place};
use crate::provider::{Found, Providers, is_remote, is_secret};
use crate::reference::{DEEPEST, Meaning, Piece, meaning, pieces};
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

const HIDDEN: &str = "the reference that results from the ${...} inside it can't be had";

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

/// What one reference stands for.
struct Fetched {
    text: String,
    scheme: &'static str,
    name: String,
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
                let inside = At { depth: at.depth + 1, ..at };
                let body = self.text(body, inside)?;
                if body.wanted { Ok(Given::Wanted) } else { self.braces(body.text, body.origin, at) }
            }
        }
    }

    /// `origin`: of the body. No message quotes one that came from outside.
    fn braces(&mut self, body: String, origin: Origin, at: At<'_>) -> Result<Given, String> {
        let hidden = origin > Origin::Written;
        let uri = match meaning(&body, |scheme| self.providers.knows(scheme)) {
            Meaning::Uri => body,
            Meaning::OldForm { name, has_default } if at.written => {
                if !has_default && !hidden {
                    return Ok(Given::To(self.variable(&format!("${{{name}}}"), name, at)));
                }
                if !hidden {
                    self.is_old(&format!("${{{name}:-...}}"), &format!("{name}:-..."), at);
                }
                format!("env:{body}")
            }
            Meaning::Blanks => return Err("blanks inside ${...}; write ${env:NAME} without them".to_owned()),
            Meaning::Malformed if at.written => {
                return Err("inside ${...} stands scheme:value, such as ${env:NAME}".to_owned());
            }
            _ => return Ok(Given::Text(format!("${{{body}}}"), origin)),
        };
        if at.depth > DEEPEST {
            return Err(too_deep());
        }
        self.left = self.left.checked_sub(1).ok_or("there are too many references in this configuration")?;
        let fetched = if uri.contains('$') {
            let scheme = uri.split(':').next().unwrap_or_default();
            Err(format!("a $ has no meaning inside ${{{scheme}:...}}"))
        } else {
            self.providers.fetch(&uri)
        };
        let scheme = uri.split(':').next().unwrap_or_default();
        let (scheme, found) = match fetched {
            Ok(found) => found,
            // What a store is asked for is a name, which its owner must know to set it right; a secret is none.
            Err(why) if is_remote(scheme) && !uri.contains('$') => {
                let why = if origin == Origin::Secret { HIDDEN.to_owned() } else { why };
                self.unfetched.push(Mistake::new(at.place, at.path, why));
                self.ask(uri, Answered::No, at, hidden);
                return Ok(Given::Wanted);
            }
            Err(_) if hidden => return Err(HIDDEN.to_owned()),
            Err(why) => return Err(why),
        };
        let answered = if matches!(found, Found::Wanted) { Answered::NotYet } else { Answered::Yes };
        if is_remote(scheme) {
            self.ask(uri.clone(), answered, at, hidden);
        }
        let text = match found {
            Found::Text(text) => text,
            Found::Wanted => return Ok(Given::Wanted),
            Found::Nothing => {
                let name = if hidden { "this reference" } else { uri.as_str() };
                if self.warnings.first(name) {
                    let message = format_args!(
                        "{name} is not set and counts as empty; a default is written ${{env:NAME:-default}}"
                    );
                    self.warnings.note(at.place, at.path, message);
                }
                String::new()
            }
        };
        let name = if hidden { format!("{scheme}:...") } else { uri };
        Ok(Given::To(Fetched { text, scheme, name }))
    }

    fn ask(&mut self, uri: String, answered: Answered, at: At<'_>, hidden: bool) {
        let located = format!("{}: {}", at.place, at.path);
        self.asked.push(Asked { uri, answered, part: at.path.part(), located, hidden });
    }

    /// What `found`, the old form of `${env:name}`, stands for: of a variable that is not set nothing, as in the years
    /// when it was replaced. Nobody wants the characters themselves as a header or an endpoint.
    fn variable(&self, found: &str, name: &str, at: At<'_>) -> Fetched {
        let value = self.providers.env(name);
        if value.is_some() {
            self.is_old(found, name, at);
        } else if self.warnings.first(found) {
            let message = format_args!(
                "{found} is the old form of ${{env:{name}}}, which is not set and counts as empty; for the characters \
                 themselves write ${found}"
            );
            self.warnings.note(at.place, at.path, message);
        }
        Fetched { text: value.unwrap_or_default().to_owned(), scheme: "env", name: format!("env:{name}") }
    }

    /// Said once for each name.
    fn is_old(&self, found: &str, name: &str, at: At<'_>) {
        if self.warnings.first(found) {
            let message = format_args!("{found} is the old form; write ${{env:{name}}}");
            self.warnings.note(at.place, at.path, message);
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

impl Fetched {
    /// A file ends with a line break that nobody means in a token; an environment variable is taken as it is.
    fn text(&self) -> &str {
        match self.text.strip_suffix('\n') {
            Some(text) if self.is_document() => text.strip_suffix('\r').unwrap_or(text),
            _ => &self.text,
        }
    }

    /// Whether somebody wrote it as a part of a configuration.
    fn is_document(&self) -> bool {
        self.scheme == "file" || is_remote(self.scheme) && !is_secret(self.scheme)
    }

    fn origin(&self) -> Origin {
        match self.scheme {
            "yaml" => Origin::Written,
            scheme if is_secret(scheme) => Origin::Secret,
            _ => Origin::Outside,
        }
    }

    fn inside<'a>(&self, at: At<'a>) -> At<'a> {
        At { depth: at.depth + 1, written: self.is_document(), ..at }
    }
}

/// Whether `$name` means a variable although none is set: not so in `pa$word`, nor in `$LATEST`, which is how Lambda
/// calls a version.
fn is_variable(name: &str) -> bool {
    name.len() > 1 && name != "LATEST" && name.bytes().all(|b| !b.is_ascii_lowercase())
}

fn too_deep() -> String {
    "a value that refers to itself, or references nested too deeply".to_owned()
}
