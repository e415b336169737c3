//! The configuration back as YAML, with secrets masked: for `print-config`.

use crate::node::Node;
use crate::reference::{Piece, pieces};
use crate::scalar::Scalar;
use crate::tree::{Kind, Origin, Tree};

const MASK: &str = "'***'";

impl Node {
    /// This subtree as YAML, expanded and without comments. Masked are all values of headers and whatever stands under
    /// a key that sounds secret (`token`, `password`, `api_key` ...), what a store of secrets gave, and user and password in
    /// a URL. References that are not answered stay as they were written.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        write(&self.tree, 0, Masked::No, &mut out);
        out.trim_start_matches('\n').trim_start().to_owned() + "\n"
    }
}

/// What of a value is masked.
#[derive(Clone, Copy, PartialEq)]
enum Masked {
    No,
    All,
    /// All but the `name` of a header that is written as a pair of name and value.
    AllButName,
}

/// Appends the value to a line that ends with `key:` or `-`.
fn write(tree: &Tree, indent: usize, masked: Masked, out: &mut String) {
    let masked = if tree.origin == Origin::Secret { Masked::All } else { masked };
    match &tree.kind {
        Kind::List(items) if items.is_empty() => out.push_str(" []"),
        Kind::Map(entries) if entries.is_empty() => out.push_str(" {}"),
        Kind::List(items) => {
            let masked = match masked {
                Masked::All if tree.origin != Origin::Secret => Masked::AllButName,
                masked => masked,
            };
            for item in items {
                line(indent, "-", out);
                let begin = out.len();
                write(item, indent + 1, masked, out);
                // What a map or a list begins with stands beside the dash.
                if out[begin..].starts_with('\n') {
                    out.replace_range(begin..begin + 1 + 2 * (indent + 1), " ");
                }
            }
        }
        Kind::Map(entries) => {
            for (key, value) in entries {
                line(indent, &format!("{}:", text(&key.text)), out);
                let masked = match masked {
                    Masked::AllButName if &*key.text == "name" => Masked::No,
                    Masked::No if !is_secret(&key.text) => Masked::No,
                    _ => Masked::All,
                };
                write(value, indent + 1, masked, out);
            }
        }
        Kind::Scalar { text: written, plain } => {
            let shown = match tree.scalar() {
                None | Some(Scalar::Null) => return,
                // What is not fetched is no secret yet, unless there is more beside it.
                _ if tree.unresolved && (masked == Masked::No || is_reference(written)) => text(written),
                _ if masked != Masked::No => MASK.to_owned(),
                // A `$` would be a reference when this is read again.
                Some(Scalar::Text(_)) => text(&without_user(written).replace('$', "$$")),
                Some(_) if *plain => written.to_string(),
                Some(_) => text(written),
            };
            out.push(' ');
            out.push_str(&shown);
        }
    }
}

/// Whether a text is one `${...}` and nothing else.
fn is_reference(text: &str) -> bool {
    matches!(pieces(text).as_deref(), Some([Piece::Braces(_)]))
}

fn line(indent: usize, text: &str, out: &mut String) {
    out.push('\n');
    for _ in 0..indent {
        out.push_str("  ");
    }
    out.push_str(text);
}

/// Quoted unless it can stand alone.
fn text(text: &str) -> String {
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_');
    let goes_on_well = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./@+=:".contains(&b));
    let is_text = matches!(Scalar::of(text), Scalar::Text(_));
    let stands_alone = begins_well && goes_on_well && is_text && !text.ends_with(':');
    if stands_alone { text.to_owned() } else { quoted(text) }
}

/// In double quotes, with YAML's escapes.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || c == '\u{feff}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    let sounds = [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "access_key",
        "authorization",
        "credential",
        "external_id",
        "license_key",
        "key_pem",
    ];
    key == "headers" || sounds.iter().any(|word| key.contains(word))
}

/// `https://user:password@host` without what stands before the `@`.
pub(crate) fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..host].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => text.to_owned(),
    }
}
