//! `${env:NAME}` and its friends, in every value of a tree.

use std::rc::Rc;

use crate::mistakes::{Mistake, Warnings};
use crate::place::{Path, Place};
use crate::provider::{Providers, scheme_in};
use crate::scalar::Scalar;
use crate::tree::{Key, Kind, Tree};
use crate::yaml;

/// A value that refers to a value that refers ...: nobody means more.
const DEEPEST: usize = 20;
/// All references of a configuration, those inside fetched values included.
const MOST: usize = 10_000;

/// Replaces all references in the values (never the keys) of `tree`, as the Collector does, and the old forms
/// `${NAME}` and `$NAME` with a warning. A value that can't be had is a mistake of its place and becomes null.
pub(crate) fn expand(
    tree: &Rc<Tree>,
    providers: &Providers,
    warnings: &Warnings,
) -> (Rc<Tree>, Vec<Mistake>) {
    let mut expander = Expander { providers, warnings, mistakes: Vec::new(), left: MOST };
    let whole = expander.tree(tree, &Path::default(), 0, true);
    (whole, expander.mistakes)
}

struct Expander<'a> {
    providers: &'a Providers,
    warnings: &'a Warnings,
    mistakes: Vec<Mistake>,
    left: usize,
}

/// Where a text stands that is being expanded.
#[derive(Clone, Copy)]
struct At<'a> {
    place: &'a Place,
    path: &'a Path,
    /// How many fetched values lie around it.
    depth: usize,
    /// Whether it was written into a configuration file, where the old forms and unclosed braces have a meaning.
    written: bool,
}

/// What a text is after expansion.
enum Expanded {
    /// Without a reference: as it was.
    Same,
    /// A text with values set in; and whether they came from outside.
    Text(String, bool),
    /// One reference and nothing else: its value may be of any kind.
    Whole(Rc<Tree>),
}

/// What one reference stands for.
struct Fetched {
    text: String,
    scheme: &'static str,
    name: String,
}

impl Expander<'_> {
    fn tree(&mut self, tree: &Rc<Tree>, path: &Path, depth: usize, written: bool) -> Rc<Tree> {
        let kind = match &tree.kind {
            Kind::Scalar { text, .. } => {
                if !text.contains('$') {
                    return tree.clone();
                }
                let at = At { place: &tree.place, path, depth, written };
                return match self.text(text, at) {
                    Ok(Expanded::Same) => tree.clone(),
                    Ok(Expanded::Whole(whole)) => whole,
                    Ok(Expanded::Text(text, outside)) => {
                        Rc::new(Tree::text(tree.place.clone(), text).expanded(None, outside || tree.outside))
                    }
                    Err(message) => {
                        self.mistakes.push(Mistake::new(&tree.place, path, message));
                        Rc::new(Tree::null(tree.place.clone()))
                    }
                };
            }
            Kind::List(items) => {
                let mut next = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    next.push(self.tree(item, &path.index(i), depth, written));
                }
                if next.iter().zip(items).all(|(a, b)| Rc::ptr_eq(a, b)) {
                    return tree.clone();
                }
                Kind::List(next)
            }
            Kind::Map(entries) => {
                let mut next: Vec<(Key, Rc<Tree>)> = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let path = path.key(key.text.clone());
                    if key.text.contains("${") {
                        self.warnings.note(
                            &key.place,
                            &path,
                            "a key is taken as it is, ${...} has no meaning in it",
                        );
                    }
                    next.push((key.clone(), self.tree(value, &path, depth, written)));
                }
                if next.iter().zip(entries).all(|(a, b)| Rc::ptr_eq(&a.1, &b.1)) {
                    return tree.clone();
                }
                Kind::Map(next)
            }
        };
        let expanded = Tree::new(tree.place.clone(), kind).expanded(tree.original.clone(), tree.outside);
        if expanded.is_too_large() {
            self.mistakes.push(Mistake::new(&tree.place, path, "this grows too large through its ${...}"));
            return Rc::new(Tree::null(tree.place.clone()));
        }
        Rc::new(expanded)
    }

    fn text(&mut self, text: &str, at: At<'_>) -> Result<Expanded, String> {
        let mut out = String::with_capacity(text.len());
        let mut outside = false;
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            if let Some(after) = rest.strip_prefix("$$") {
                out.push('$');
                rest = after;
            } else if rest.starts_with("${") {
                let is_whole = out.is_empty() && rest.len() == text.len();
                let (reference, after) = match self.reference(rest, at)? {
                    Some(found) => found,
                    None if at.written => {
                        return Err(
                            "a ${ is never closed by }; for the characters themselves write $${".to_owned()
                        );
                    }
                    None => {
                        out.push_str("${");
                        rest = &rest[2..];
                        continue;
                    }
                };
                rest = after;
                match reference {
                    Reference::Literal(text) => out.push_str(&text),
                    Reference::To(fetched) if is_whole && rest.is_empty() => {
                        return Ok(Expanded::Whole(self.whole(fetched, at)));
                    }
                    Reference::To(fetched) => {
                        outside |= is_outside(fetched.scheme);
                        out.push_str(&self.inner(&fetched, at)?);
                    }
                }
            } else {
                let name = name_in(&rest[1..]);
                match self.providers.env(name) {
                    Some(value) if at.written && !name.is_empty() => {
                        self.old_form(&format!("${name}"), name, at);
                        let fetched =
                            Fetched { text: value.to_owned(), scheme: "env", name: name.to_owned() };
                        rest = &rest[1 + name.len()..];
                        if rest.is_empty() && 1 + name.len() == text.len() {
                            return Ok(Expanded::Whole(self.whole(fetched, at)));
                        }
                        outside = true;
                        out.push_str(&self.inner(&fetched, at)?);
                    }
                    _ => {
                        if at.written && !name.is_empty() && name.len() + 1 == text.len() {
                            self.not_set(&format!("${name}"), name, at);
                        }
                        out.push('$');
                        rest = &rest[1..];
                    }
                }
            }
        }
        out.push_str(rest);
        Ok(if out == text { Expanded::Same } else { Expanded::Text(out, outside) })
    }

    /// Reads from a `${` to its `}`, the references inside first. `None` if it has no end.
    fn reference<'t>(&mut self, text: &'t str, at: At<'_>) -> Result<Option<(Reference, &'t str)>, String> {
        if at.depth > DEEPEST {
            return Err("a value that refers to itself, or references nested too deeply".to_owned());
        }
        let mut body = String::new();
        let mut rest = &text[2..];
        while let Some(next) = rest.find(['}', '$']) {
            body.push_str(&rest[..next]);
            rest = &rest[next..];
            if let Some(after) = rest.strip_prefix('}') {
                return Ok(Some((self.resolve(&body, at)?, after)));
            }
            if rest.starts_with("${") {
                let inside = At { depth: at.depth + 1, ..at };
                let Some((reference, after)) = self.reference(rest, inside)? else { return Ok(None) };
                match reference {
                    Reference::Literal(text) => body.push_str(&text),
                    Reference::To(fetched) => body.push_str(&self.inner(&fetched, inside)?),
                }
                rest = after;
            } else {
                body.push('$');
                rest = &rest[1..];
            }
        }
        Ok(None)
    }

    fn resolve(&mut self, body: &str, at: At<'_>) -> Result<Reference, String> {
        let name = name_in(body);
        let scheme = scheme_in(body);
        let old_form = !name.is_empty() && (name == body || body[name.len()..].starts_with(":-"));
        let body = match scheme {
            Some(scheme) if self.providers.knows(scheme) => body.to_owned(),
            _ if old_form && !at.written => return Ok(Reference::Literal(format!("${{{body}}}"))),
            _ if old_form && name == body && self.providers.env(name).is_none() => {
                self.not_set(&format!("${{{name}}}"), name, at);
                return Ok(Reference::Literal(format!("${{{body}}}")));
            }
            _ if old_form => {
                self.old_form(&format!("${{{body}}}"), body, at);
                format!("env:{body}")
            }
            _ if scheme.is_some() => body.to_owned(),
            _ if scheme_in(body.trim()).is_some() => {
                return Err("blanks inside ${...}; write ${env:NAME} without them".to_owned());
            }
            _ if body.contains(':') && at.written => {
                return Err("inside ${...} stands scheme:value, such as ${env:NAME}".to_owned());
            }
            _ => return Ok(Reference::Literal(format!("${{{body}}}"))),
        };
        self.left = self.left.checked_sub(1).ok_or("there are too many references in this configuration")?;
        let (scheme, text) = self.providers.fetch(&body)?;
        let text = text.unwrap_or_else(|| {
            self.warnings.note(
                at.place,
                at.path,
                format_args!(
                    "${{{body}}} is not set and counts as empty; ${{{body}:-value}} gives it a default"
                ),
            );
            String::new()
        });
        Ok(Reference::To(Fetched { text, scheme, name: body }))
    }

    /// As with the Collector, the old form without a value is no reference.
    fn not_set(&self, found: &str, name: &str, at: At<'_>) {
        if self.warnings.first(found) {
            let message = format_args!("the environment variable {name} is not set, {found} stays as it is");
            self.warnings.note(at.place, at.path, message);
        }
    }

    fn old_form(&self, found: &str, name: &str, at: At<'_>) {
        if self.warnings.first(found) {
            let message = format_args!("{found} is the old form; write ${{env:{name}}}");
            self.warnings.note(at.place, at.path, message);
        }
    }

    /// The text of a reference inside a longer text, with its own references replaced.
    fn inner(&mut self, fetched: &Fetched, at: At<'_>) -> Result<String, String> {
        let text = without_line_end(fetched);
        let at = At { depth: at.depth + 1, written: fetched.scheme == "file", ..at };
        Ok(match self.text(text, at)? {
            Expanded::Same => text.to_owned(),
            Expanded::Text(text, _) => text,
            Expanded::Whole(tree) => tree.as_text().map(|text| text.to_string()).unwrap_or_default(),
        })
    }

    /// The value of a reference that stands alone: read as YAML where that gives something else than a text, but the
    /// text is kept beside it for a field that wants one.
    fn whole(&mut self, fetched: Fetched, at: At<'_>) -> Rc<Tree> {
        let text = without_line_end(&fetched);
        let outside = is_outside(fetched.scheme);
        let parsed = yaml::parse(&fetched.text, &fetched.name);
        let parsed = match parsed.tree {
            Some(tree) if parsed.flaws.is_empty() && !matches!(tree.scalar(), Some(Scalar::Text(_))) => tree,
            _ => Rc::new(Tree::text(at.place.clone(), text)),
        };
        let written = fetched.scheme == "file";
        let expanded = self.tree(&parsed, at.path, at.depth + 1, written);
        if let (Kind::Scalar { .. }, Kind::Scalar { plain: false, .. }) = (&expanded.kind, &parsed.kind) {
            let original = expanded.original.clone();
            return Rc::new(expanded.moved_to(at.place).expanded(original, outside || expanded.outside));
        }
        let inside = At { depth: at.depth + 1, written, ..at };
        let original = match self.text(text, inside) {
            Ok(Expanded::Same) => Some(text.into()),
            Ok(Expanded::Text(text, _)) => Some(text.into()),
            Ok(Expanded::Whole(tree)) => tree.as_text().cloned(),
            Err(_) => None,
        };
        Rc::new(expanded.moved_to(at.place).expanded(original, outside || expanded.outside))
    }
}

/// What stands between `${` and `}`.
enum Reference {
    /// No reference at all: the characters themselves.
    Literal(String),
    To(Fetched),
}

/// A text that is written in the configuration itself may be quoted in a message, any other not.
fn is_outside(scheme: &str) -> bool {
    scheme != "yaml"
}

/// A file ends with a line break that nobody means in a token; an environment variable is taken as it is.
fn without_line_end(fetched: &Fetched) -> &str {
    match fetched.scheme {
        "file" => {
            fetched.text.strip_suffix('\n').map_or(&fetched.text, |t| t.strip_suffix('\r').unwrap_or(t))
        }
        _ => &fetched.text,
    }
}

/// The name of an environment variable at the beginning of `text`, or nothing.
fn name_in(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &text[..end] }
}
