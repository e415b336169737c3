//! Texts inside of JSON strings.

use std::fmt::Write;

/// Appends `text` with what JSON demands escaped and nothing more: `<`, `>`, `&` stay readable, unlike in Go's JSON.
pub(crate) fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(place) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..place]);
        match rest.as_bytes()[place] {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte @ (b'"' | b'\\') => out.extend(['\\', char::from(byte)]),
            byte => {
                // Writing to a string can't fail.
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        rest = &rest[place + 1..];
    }
    out.push_str(rest);
}
