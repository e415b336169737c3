//! What is wrong with a JSON text, and where.

use crate::Malformed;

/// What is wrong with a text, at which byte, and the way to it, innermost first.
#[derive(Debug)]
pub(super) struct Fault {
    at: usize,
    what: String,
    path: Vec<String>,
}

impl Fault {
    #[cold]
    pub(super) fn new(at: usize, what: impl Into<String>) -> Box<Fault> {
        Box::new(Fault { at, what: what.into(), path: Vec::new() })
    }

    /// Adds that it is in the field `name`.
    #[cold]
    pub(super) fn in_field(mut self: Box<Fault>, name: &str) -> Box<Fault> {
        // Elements come before their array here, innermost first.
        match self.path.last_mut() {
            Some(last) if last.starts_with('[') => last.insert_str(0, name),
            _ => self.path.push(name.to_owned()),
        }
        self
    }

    /// Adds that it is in the element `index` of an array.
    #[cold]
    pub(super) fn in_element(mut self: Box<Fault>, index: usize) -> Box<Fault> {
        self.path.push(format!("[{index}]"));
        self
    }

    /// With line and column (in bytes), both from 1.
    #[cold]
    pub(super) fn describe(&self, text: &[u8]) -> Malformed {
        let before = &text[..self.at.min(text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        let path = if path.is_empty() { String::new() } else { path.join(".") + ": " };
        Malformed { message: format!("line {line}, column {column}: {path}{}", self.what) }
    }
}
