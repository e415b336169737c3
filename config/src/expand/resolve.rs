//! What one reference stands for.

use super::{Answered, Asked, At, Expander, Given, too_deep};
use crate::mistakes::Mistake;
use crate::provider::{Found, is_remote, is_secret};
use crate::reference::{DEEPEST, Meaning, Piece, meaning};
use crate::tree::Origin;

const HIDDEN: &str = "the reference that results from the ${...} inside it can't be had";

/// What one reference stands for.
pub struct Fetched {
    pub text: String,
    pub scheme: &'static str,
    pub name: String,
}

impl Fetched {
    /// A file ends with a line break that nobody means in a token; an environment variable is taken as it is.
    pub fn text(&self) -> &str {
        match self.text.strip_suffix('\n') {
            Some(text) if self.is_document() => text.strip_suffix('\r').unwrap_or(text),
            _ => &self.text,
        }
    }

    /// Whether somebody wrote it as a part of a configuration.
    fn is_document(&self) -> bool {
        self.scheme == "file" || is_remote(self.scheme) && !is_secret(self.scheme)
    }

    pub fn origin(&self) -> Origin {
        match self.scheme {
            "yaml" => Origin::Written,
            scheme if is_secret(scheme) => Origin::Secret,
            _ => Origin::Outside,
        }
    }

    pub fn inside<'a>(&self, at: At<'a>) -> At<'a> {
        At { depth: at.depth + 1, written: self.is_document(), ..at }
    }
}

impl Expander<'_> {
    /// The body of a `${env:NAME:-...}` whose default holds references, without them, if the variable is set: nothing is
    /// fetched for a default that does not serve, and nobody is warned of what it lacks.
    pub fn without_default(&self, body: &[Piece], at: At<'_>) -> Option<String> {
        let [Piece::Text(text), _, ..] = body else { return None };
        let (before, _) = text.split_once(":-")?;
        let name = before.strip_prefix("env:").or(at.written.then_some(before))?;
        self.providers.env(name)?;
        Some(format!("{before}:-"))
    }

    /// `origin`: of the body. No message quotes one that came from outside.
    pub fn braces(&mut self, body: String, origin: Origin, at: At<'_>) -> Result<Given, String> {
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
    pub fn variable(&self, found: &str, name: &str, at: At<'_>) -> Fetched {
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
}

/// Whether `$name` means a variable although none is set: not so in `pa$word`, nor in `$LATEST`, which is how Lambda
/// calls a version.
pub fn is_variable(name: &str) -> bool {
    name.len() > 1 && name != "LATEST" && name.bytes().all(|b| !b.is_ascii_lowercase())
}
