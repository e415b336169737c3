//! Go's.

use super::{atoi, frame};
use crate::awsxray::cause::thrown::Thrown;

/// Lines in pairs, after a first one that is passed over: a function and its place. A place that is none leaves
/// that of the frame before.
pub fn parse<'a>(text: &'a str, thrown: &mut Thrown<'a>) {
    let mut lines = text.lines().skip(1);
    let (mut path, mut number) = ("", 0);
    while let Some(mut label) = lines.next() {
        if is_header(label) {
            label = lines.next().unwrap_or_default();
        }
        if let Some(place) = lines.next().and_then(place) {
            (path, number) = place;
        }
        thrown.stack.push(frame(path, number, label));
    }
}

/// `goroutine 19 [running]:`.
fn is_header(line: &str) -> bool {
    let Some(state) = line.strip_prefix("goroutine").and_then(|rest| rest.strip_suffix(':')) else {
        return false;
    };
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    state.match_indices("running").any(|(at, word)| {
        let bytes = state.as_bytes();
        // Right behind `goroutine` there is no word of its own.
        at > 0 && !is_word(bytes.get(at - 1)) && !is_word(bytes.get(at + word.len()))
    })
}

/// The first `path:line`; the path holds neither blank nor colon.
fn place(line: &str) -> Option<(&str, i64)> {
    let is_end = |c: char| matches!(c, ':' | '\t' | '\n' | '\x0c' | '\r' | ' ');
    line.match_indices(':').find_map(|(colon, _)| {
        let before = &line[..colon];
        let path = &before[before.rfind(is_end).map_or(0, |end| end + 1)..];
        let after = &line[colon + 1..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        (!path.is_empty() && digits > 0).then(|| (path, atoi(&after[..digits])))
    })
}
