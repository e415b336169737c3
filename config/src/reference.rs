//! The grammar of `${...}`: a text taken apart, nothing fetched yet.

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Characters that mean themselves; `$$` has become `$`.
    Text(String),
    /// `$NAME`
    Dollar(String),
    /// `${...}`, which may hold references of its own.
    Braces(Vec<Piece>),
    /// A `${` that is never closed.
    Unclosed,
}

/// Nobody means more than a few references inside each other.
pub(crate) const DEEPEST: usize = 20;

/// Takes a text apart. `None` if references are nested too deeply.
pub(crate) fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        push(&mut pieces, &rest[..dollar]);
        rest = &rest[dollar..];
        if let Some(after) = rest.strip_prefix("$$") {
            push(&mut pieces, "$");
            rest = after;
        } else if let Some(inside) = rest.strip_prefix("${") {
            match braces(inside, 1)? {
                Some((body, after)) => {
                    pieces.push(Piece::Braces(body));
                    rest = after;
                }
                None => {
                    pieces.push(Piece::Unclosed);
                    rest = inside;
                }
            }
        } else {
            let name = name_in(&rest[1..]);
            if name.is_empty() {
                push(&mut pieces, "$");
            } else {
                pieces.push(Piece::Dollar(name.to_owned()));
            }
            rest = &rest[1 + name.len()..];
        }
    }
    push(&mut pieces, rest);
    Some(pieces)
}

/// What stands before the `}` that closes, and what follows it. As with the Collector, the first `}` closes.
fn braces(text: &str, depth: usize) -> Option<Option<(Vec<Piece>, &str)>> {
    if depth > DEEPEST {
        return None;
    }
    let mut body = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.find(['}', '$']) {
        push(&mut body, &rest[..next]);
        rest = &rest[next..];
        if let Some(after) = rest.strip_prefix('}') {
            return Some(Some((body, after)));
        }
        if let Some(inside) = rest.strip_prefix("${") {
            let Some((inner, after)) = braces(inside, depth + 1)? else { return Some(None) };
            body.push(Piece::Braces(inner));
            rest = after;
        } else {
            push(&mut body, "$");
            rest = &rest[1..];
        }
    }
    Some(None)
}

fn push(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// What is meant by the text between `${` and `}`.
#[derive(Debug, PartialEq)]
pub(crate) enum Meaning<'t> {
    /// `scheme:rest`
    Uri,
    /// `NAME` or `NAME:-default`, the old form.
    OldForm { name: &'t str, has_default: bool },
    /// A URI with blanks around it.
    Blanks,
    /// Something with a colon that is no URI.
    Malformed,
    /// No reference: the characters stay.
    Nothing,
}

/// `is_known` tells which schemes there are, for `${HOST:-x}` is no scheme `HOST`.
pub(crate) fn meaning<'t>(body: &'t str, is_known: impl Fn(&str) -> bool) -> Meaning<'t> {
    let name = name_in(body);
    let rest = &body[name.len()..];
    let has_default = rest.starts_with(":-");
    match scheme_in(body) {
        Some(scheme) if is_known(scheme) => Meaning::Uri,
        _ if !name.is_empty() && (rest.is_empty() || has_default) => Meaning::OldForm { name, has_default },
        Some(_) => Meaning::Uri,
        None if scheme_in(body.trim()).is_some() => Meaning::Blanks,
        None if body.contains(':') => Meaning::Malformed,
        None => Meaning::Nothing,
    }
}

/// The name of an environment variable at the beginning of `text`, or nothing.
fn name_in(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &text[..end] }
}

/// The scheme at the beginning of `text`: two or more letters, digits, `+`, `.` or `-` before a colon.
pub(crate) fn scheme_in(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let begins_well = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let goes_on_well = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b));
    (scheme.len() >= 2 && begins_well && goes_on_well).then_some(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn braces(body: &str) -> Piece {
        Piece::Braces(vec![text(body)])
    }

    #[test]
    fn a_text_falls_into_its_pieces() {
        let dollar = |name: &str| Piece::Dollar(name.into());
        for (from, to) in [
            ("", vec![]),
            ("a", vec![text("a")]),
            ("$", vec![text("$")]),
            ("$$", vec![text("$")]),
            ("a$$b$$$$", vec![text("a$b$$")]),
            ("$A-$1$", vec![dollar("A"), text("-$1$")]),
            ("$$A", vec![text("$A")]),
            ("$$${A}", vec![text("$"), braces("A")]),
            ("$${A}", vec![text("${A}")]),
            ("$$$${A}", vec![text("$${A}")]),
            ("${}", vec![Piece::Braces(vec![])]),
            ("a${b:c}d}", vec![text("a"), braces("b:c"), text("d}")]),
            ("${a{b}c}", vec![braces("a{b"), text("c}")]),
            ("${a$b$}", vec![braces("a$b$")]),
            ("${a:${b}c}", vec![Piece::Braces(vec![text("a:"), braces("b"), text("c")])]),
            ("a${b", vec![text("a"), Piece::Unclosed, text("b")]),
            ("${a${b}", vec![Piece::Unclosed, text("a"), braces("b")]),
        ] {
            assert_eq!(pieces(from), Some(to), "{from}");
        }
        assert_eq!(pieces(&"${".repeat(DEEPEST + 1)), None);
    }

    #[test]
    fn the_text_in_braces_is_a_uri_an_old_form_or_nothing() {
        let old = |name, has_default| Meaning::OldForm { name, has_default };
        for (body, meant) in [
            ("env:A", Meaning::Uri),
            ("env:-x", Meaning::Uri),
            ("s3://a/b", Meaning::Uri),
            ("A", old("A", false)),
            ("A_1:-x:y", old("A_1", true)),
            ("HOST:-x", old("HOST", true)),
            (" env:A ", Meaning::Blanks),
            ("a_b:c", Meaning::Malformed),
            ("1:2", Meaning::Malformed),
            ("1", Meaning::Nothing),
            ("", Meaning::Nothing),
            ("a b", Meaning::Nothing),
        ] {
            assert_eq!(meaning(body, |scheme| scheme == "env"), meant, "{body}");
        }
    }
}
