//! `${env:NAME}` and its friends, in every value of a tree.

use std::rc::Rc;

use crate::mistakes::{Mistake, Warnings};
use crate::place::{Path, Place};
use crate::provider::Providers;
use crate::reference::{DEEPEST, Meaning, Piece, meaning, pieces};
use crate::scalar::Scalar;
use crate::tree::{Key, Kind, Tree};
use crate::yaml;

/// All references of a configuration, those inside fetched values included.
const MOST_REFERENCES: usize = 10_000;
/// Nobody reads more.
const MOST_MISTAKES: usize = 100;

/// Replaces all references in the values (never the keys) of `tree`, as the Collector does, and the old forms
/// `${NAME}` and `$NAME` with a warning. A value that can't be had is a mistake of its place and becomes null.
pub(crate) fn expand(
    tree: &Rc<Tree>,
    providers: &Providers,
    warnings: &Warnings,
) -> (Rc<Tree>, Vec<Mistake>) {
    let mut expander = Expander { providers, warnings, mistakes: Vec::new(), left: MOST_REFERENCES };
    let at = At { place: &tree.place, path: &Path::default(), depth: 0, written: true };
    let whole = expander.tree(tree, at);
    (whole, expander.mistakes)
}

struct Expander<'a> {
    providers: &'a Providers,
    warnings: &'a Warnings,
    mistakes: Vec<Mistake>,
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
    /// Characters, and whether they came from outside.
    Text(String, bool),
    To(Fetched),
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
        let expanded = Tree::new(tree.place.clone(), kind).expanded(tree.original.clone(), tree.outside);
        if expanded.is_too_large() {
            self.mistake(at, "this grows too large through its ${...}");
            return Rc::new(Tree::null(tree.place.clone()));
        }
        Rc::new(expanded)
    }

    fn scalar(&mut self, tree: &Rc<Tree>, text: &str, at: At<'_>) -> Rc<Tree> {
        let expanded = pieces(text).ok_or_else(too_deep).and_then(|pieces| match &pieces[..] {
            [only @ (Piece::Braces(_) | Piece::Dollar(_))] => match self.piece(only, at)? {
                Given::To(fetched) => Ok(self.whole(&fetched, at)),
                Given::Text(..) => Ok(tree.clone()),
            },
            _ => {
                let (text, outside) = self.text(&pieces, at)?;
                Ok(Rc::new(Tree::text(tree.place.clone(), text).expanded(None, outside || tree.outside)))
            }
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

    /// The pieces put together, and whether some came from outside.
    fn text(&mut self, pieces: &[Piece], at: At<'_>) -> Result<(String, bool), String> {
        let mut text = String::new();
        let mut outside = false;
        for piece in pieces {
            match self.piece(piece, at)? {
                Given::Text(given, came_from_outside) => {
                    text.push_str(&given);
                    outside |= came_from_outside;
                }
                Given::To(fetched) => {
                    text.push_str(&self.inner(&fetched, at)?);
                    outside |= fetched.is_from_outside();
                }
            }
        }
        Ok((text, outside))
    }

    fn piece(&mut self, piece: &Piece, at: At<'_>) -> Result<Given, String> {
        match piece {
            Piece::Text(text) => Ok(Given::Text(text.clone(), false)),
            Piece::Unclosed if at.written => {
                Err("a ${ is never closed by }; for the characters themselves write $${".to_owned())
            }
            Piece::Unclosed => Ok(Given::Text("${".to_owned(), false)),
            Piece::Dollar(name) => match self.providers.env(name) {
                Some(value) if at.written => {
                    self.is_old(&format!("${name}"), name, at);
                    Ok(Given::To(Fetched {
                        text: value.to_owned(),
                        scheme: "env",
                        name: format!("env:{name}"),
                    }))
                }
                _ => {
                    self.is_not_set(&format!("${name}"), name, at);
                    Ok(Given::Text(format!("${name}"), false))
                }
            },
            Piece::Braces(body) => {
                let inside = At { depth: at.depth + 1, ..at };
                let (body, hidden) = self.text(body, inside)?;
                self.braces(body, hidden, at)
            }
        }
    }

    /// `hidden`: the body was itself put together from the environment or a file, so no message quotes it.
    fn braces(&mut self, body: String, hidden: bool, at: At<'_>) -> Result<Given, String> {
        let uri = match meaning(&body, |scheme| self.providers.knows(scheme)) {
            Meaning::Uri => body,
            Meaning::OldForm { name, has_default } if at.written => {
                if !has_default && self.providers.env(name).is_none() {
                    self.is_not_set(&format!("${{{name}}}"), name, at);
                    return Ok(Given::Text(format!("${{{body}}}"), hidden));
                }
                let default = if has_default { ":-..." } else { "" };
                self.is_old(&format!("${{{name}{default}}}"), &format!("{name}{default}"), at);
                format!("env:{body}")
            }
            Meaning::Blanks => return Err("blanks inside ${...}; write ${env:NAME} without them".to_owned()),
            Meaning::Malformed if at.written => {
                return Err("inside ${...} stands scheme:value, such as ${env:NAME}".to_owned());
            }
            _ => return Ok(Given::Text(format!("${{{body}}}"), hidden)),
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
        let (scheme, text) = match fetched {
            Err(_) if hidden => {
                return Err("the reference that results from the ${...} inside it can't be had".to_owned());
            }
            other => other?,
        };
        let text = text.unwrap_or_else(|| {
            let name = if hidden { "this reference" } else { uri.as_str() };
            if self.warnings.first(name) {
                let message = format_args!(
                    "{name} is not set and counts as empty; a default is written ${{env:NAME:-default}}"
                );
                self.warnings.note(at.place, at.path, message);
            }
            String::new()
        });
        let name = if hidden { format!("{scheme}:...") } else { uri };
        Ok(Given::To(Fetched { text, scheme, name }))
    }

    /// As with the Collector, the old form without a value is no reference.
    fn is_not_set(&self, found: &str, name: &str, at: At<'_>) {
        let looks_like_a_variable = name.len() > 1 && name.bytes().all(|b| !b.is_ascii_lowercase());
        if at.written && looks_like_a_variable && self.warnings.first(found) {
            let message = format_args!("the environment variable {name} is not set, {found} stays as it is");
            self.warnings.note(at.place, at.path, message);
        }
    }

    /// Said once for each name.
    fn is_old(&self, found: &str, name: &str, at: At<'_>) {
        if self.warnings.first(found) {
            let message = format_args!("{found} is the old form; write ${{env:{name}}}");
            self.warnings.note(at.place, at.path, message);
        }
    }

    /// The text of a reference inside a longer text, with its own references replaced.
    fn inner(&mut self, fetched: &Fetched, at: At<'_>) -> Result<String, String> {
        let pieces = pieces(fetched.text()).ok_or_else(too_deep)?;
        let (text, _) = self.text(&pieces, fetched.inside(at))?;
        Ok(text)
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
        let expanded = self.tree(&parsed, At { place: at.place, ..fetched.inside(at) });
        let original = match &parsed.kind {
            Kind::Scalar { plain: false, .. } => expanded.original.clone(),
            _ if text.contains('$') => self.inner(fetched, at).ok().map(Into::into),
            _ => Some(text.into()),
        };
        let outside = fetched.is_from_outside() || expanded.outside;
        Rc::new(expanded.moved_to(at.place).expanded(original, outside))
    }
}

impl Fetched {
    /// A file ends with a line break that nobody means in a token; an environment variable is taken as it is.
    fn text(&self) -> &str {
        match self.text.strip_suffix('\n') {
            Some(text) if self.scheme == "file" => text.strip_suffix('\r').unwrap_or(text),
            _ => &self.text,
        }
    }

    /// A text that is written in the configuration itself may be quoted in a message, any other not.
    fn is_from_outside(&self) -> bool {
        self.scheme != "yaml"
    }

    fn inside<'a>(&self, at: At<'a>) -> At<'a> {
        At { depth: at.depth + 1, written: self.scheme == "file", ..at }
    }
}

fn too_deep() -> String {
    "a value that refers to itself, or references nested too deeply".to_owned()
}
