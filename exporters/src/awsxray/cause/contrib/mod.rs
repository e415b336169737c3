//! Stack traces as the Go Collector's exporter reads them, its slips included. Where that one ends the process,
//! this one goes on with what is there.

mod dotnet;
mod go;
mod java;
mod javascript;
mod python;

use std::borrow::Cow;

use super::Frame;
use super::thrown::Thrown;

/// The exceptions that `text` tells of in `language`. The first is the one at hand: it has no name, since the
/// event gives it one.
pub fn parse<'a>(language: &str, text: &'a str) -> Vec<Thrown<'a>> {
    let mut all = vec![Thrown::default()];
    match language {
        "java" | "php" => java::parse(text, &mut all),
        "python" => python::parse(text, &mut all),
        "javascript" => javascript::parse(text, &mut all[0]),
        "dotnet" => dotnet::parse(text, &mut all[0]),
        "go" => go::parse(text, &mut all[0]),
        _ => {}
    }
    all
}

/// A frame that tells all it has, be it empty.
fn frame<'a>(path: impl Into<Cow<'a, str>>, line: i64, label: impl Into<Cow<'a, str>>) -> Frame<'a> {
    Frame { path: Some(path.into()), line, label: Some(label.into()) }
}

/// Appends the cause of the last of `all`.
fn push_cause<'a>(all: &mut Vec<Thrown<'a>>, kind: &'a str, message: Cow<'a, str>) {
    let at = all.len();
    if let Some(effect) = all.last_mut() {
        effect.cause = Some(at);
    }
    all.push(Thrown { kind: kind.into(), message, ..Thrown::default() });
}

/// `strconv.Atoi` where its error is not looked at: 0 for no number, the nearest for one that is too large.
fn atoi(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let nearest = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    if is_number { text.parse().unwrap_or(nearest) } else { 0 }
}

/// The bytes of `text` in a range that may begin or end within a character, as JSON then has them.
fn slice(text: &str, from: usize, to: usize) -> Cow<'_, str> {
    text.as_bytes().get(from..to).map_or(Cow::Borrowed(""), String::from_utf8_lossy)
}

/// What stands behind the colon at `colon` and the blank after it.
fn after_colon(text: &str, colon: usize) -> Cow<'_, str> {
    slice(text, colon + 2, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_atoi_does() {
        for (text, number) in [
            ("12", 12),
            ("+5", 5),
            ("-5", -5),
            ("", 0),
            ("-", 0),
            (" 1", 0),
            ("1x", 0),
            ("99999999999999999999", i64::MAX),
            ("-99999999999999999999", i64::MIN),
        ] {
            assert_eq!(atoi(text), number, "{text}");
        }
    }
}
