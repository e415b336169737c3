//! Reads a `Content-Type` header: which OTLP encoding it names, if its parameters are well-formed.

use super::intake::Format;

/// The encoding that `content_type` names. Parameters say nothing here, but must be such (RFC 9110, section 5.6.6).
pub(super) fn format(content_type: &str) -> Option<Format> {
    let (name, parameters) = match content_type.find(';') {
        Some(at) => content_type.split_at(at),
        None => (content_type, ""),
    };
    let name = name.trim();
    let found =
        [Format::Protobuf, Format::Json].into_iter().find(|it| name.eq_ignore_ascii_case(it.media_type()))?;
    well_formed(parameters).then_some(found)
}

/// Whether `rest` is a list of `; name=value`, each name with one value; one `;` may be left over at its end.
fn well_formed(mut rest: &str) -> bool {
    let mut seen: Vec<(String, &str)> = Vec::new();
    loop {
        let Some(parameter) = rest.trim_start().strip_prefix(';') else { return rest.trim().is_empty() };
        let parameter = parameter.trim_start();
        if parameter.is_empty() {
            return true;
        }
        let (name, after) = token(parameter);
        let Some(value) = after.trim_start().strip_prefix('=') else { return false };
        let value = value.trim_start();
        let Some(after) = value_end(value) else { return false };
        let value = &value[..value.len() - after.len()];
        let name = name.to_ascii_lowercase();
        if name.is_empty() || seen.iter().any(|(known, other)| *known == name && *other != value) {
            return false;
        }
        seen.push((name, value));
        rest = after;
    }
}

/// What follows the value, a token or quoted string, that `text` begins with.
fn value_end(text: &str) -> Option<&str> {
    let Some(mut quoted) = text.strip_prefix('"') else {
        let (value, after) = token(text);
        return (!value.is_empty()).then_some(after);
    };
    loop {
        let mut at = quoted.char_indices();
        match at.next()? {
            (_, '"') => return Some(at.as_str()),
            (_, '\\') => at.next().map(|_| ())?,
            _ => {}
        }
        quoted = at.as_str();
    }
}

/// The token (RFC 9110, section 5.6.2) that `text` begins with, and what follows it.
fn token(text: &str) -> (&str, &str) {
    let of_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !of_token(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_encodings_are_known_in_any_case_and_with_parameters() {
        for json in [
            "application/json",
            "APPLICATION/JSON",
            " application/json ; charset=utf-8",
            "application/json;",
            "application/json; a=\"x;\\\"y\" ;b = 2;",
            "application/json; charset=utf-8; Charset=utf-8",
        ] {
            assert_eq!(format(json), Some(Format::Json), "{json}");
        }
        assert_eq!(format("Application/X-Protobuf"), Some(Format::Protobuf));
    }

    #[test]
    fn other_types_and_broken_parameters_are_not() {
        for other in [
            "",
            "text/plain",
            "application/jsonl",
            "application/problem+json",
            "application/json, application/x-protobuf",
            "application/json; =",
            "application/json; charset",
            "application/json; charset=",
            "application/json; charset=\"utf-8",
            "application/json; a=1; a=2",
            "application/json; a=1 b",
            "application/json; ;",
        ] {
            assert_eq!(format(other), None, "{other}");
        }
    }
}
