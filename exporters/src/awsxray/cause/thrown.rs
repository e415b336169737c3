//! An exception as a stack trace tells it, before it is given its id.

use std::borrow::Cow;

use super::Frame;

/// The most frames of one stack that are kept: what AWS's own SDKs send at most is 50.
const MOST_FRAMES: usize = 64;
/// The most exceptions of one stack trace that are kept.
const MOST_EXCEPTIONS: usize = 32;
/// The most bytes of a message, of a type, and of a frame's path and function.
const MOST_MESSAGE: usize = 4096;
const MOST_NAME: usize = 500;

/// One exception.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thrown<'a> {
    /// Its class; empty if the text tells none.
    pub kind: Cow<'a, str>,
    /// What it says.
    pub message: Cow<'a, str>,
    /// Where it was thrown, innermost first.
    pub stack: Vec<Frame<'a>>,
    /// How many frames the text or we left out.
    pub truncated: usize,
    /// Which of its neighbours in the list caused it.
    pub cause: Option<usize>,
}

impl<'a> Thrown<'a> {
    /// One that has a header as most languages write it, `kind: message`, and no stack yet.
    pub fn of_header(header: &'a str) -> Thrown<'a> {
        let (kind, message) = split_header(header);
        Thrown { kind: kind.into(), message: message.into(), ..Thrown::default() }
    }

    /// Appends a further line to its message.
    pub fn continue_message(&mut self, line: &str) {
        if self.message.len() < MOST_MESSAGE {
            let message = self.message.to_mut();
            message.push('\n');
            message.push_str(line);
        }
    }
}

/// `kind: message`, `kind:` or `kind`; where the text before the colon can't be a class, all of it is message.
pub fn split_header(header: &str) -> (&str, &str) {
    let header = header.trim_end();
    // Colons within the name of a class are not followed by a blank: `app::Error`.
    let (kind, message) =
        header.split_once(": ").unwrap_or_else(|| (header.strip_suffix(':').unwrap_or(header), ""));
    if kind.is_empty() || kind.contains(char::is_whitespace) { ("", header) } else { (kind, message) }
}

/// Keeps `all` within bounds, and messages without blank lines at their end. Links to what is left out are cut.
pub fn bound(all: &mut Vec<Thrown<'_>>) {
    all.truncate(MOST_EXCEPTIONS);
    let kept = all.len();
    for thrown in all {
        thrown.truncated += thrown.stack.len().saturating_sub(MOST_FRAMES);
        thrown.stack.truncate(MOST_FRAMES);
        thrown.cause = thrown.cause.filter(|cause| *cause < kept);
        // An empty line parts it from what follows.
        if let Cow::Owned(message) = &mut thrown.message {
            message.truncate(message.trim_end().len());
        }
        cut(&mut thrown.kind, MOST_NAME);
        cut(&mut thrown.message, MOST_MESSAGE);
        for frame in &mut thrown.stack {
            frame.path.iter_mut().chain(&mut frame.label).for_each(|text| cut(text, MOST_NAME));
        }
    }
}

fn cut(text: &mut Cow<'_, str>, most: usize) {
    if text.len() <= most {
        return;
    }
    let at = text.floor_char_boundary(most);
    match text {
        Cow::Borrowed(text) => *text = &text[..at],
        Cow::Owned(text) => text.truncate(at),
    }
}

/// The same exceptions with `top` first, then what caused it, and so on, then the others; for texts that tell
/// the cause before the effect.
pub fn from_top(mut all: Vec<Thrown<'_>>, top: usize) -> Vec<Thrown<'_>> {
    let mut order = Vec::with_capacity(all.len());
    let mut place = vec![None; all.len()];
    let causes: Vec<_> = all.iter().filter_map(|thrown| thrown.cause).collect();
    let others = (0..all.len()).filter(|at| !causes.contains(at));
    // What is in no chain that ends is in a circle.
    for start in std::iter::once(top).chain(others).chain(0..all.len()) {
        let mut next = Some(start);
        while let Some(at) = next.filter(|at| place.get(*at) == Some(&None)) {
            place[at] = Some(order.len());
            order.push(at);
            next = all[at].cause;
        }
    }
    order
        .into_iter()
        .map(|at| {
            let thrown = std::mem::take(&mut all[at]);
            Thrown { cause: thrown.cause.and_then(|cause| place.get(cause).copied().flatten()), ..thrown }
        })
        .collect()
}

impl<'a> Frame<'a> {
    /// A frame at `path`, in the function `label`; what is empty is not known.
    pub(super) fn new(path: &'a str, line: i64, label: &'a str) -> Frame<'a> {
        let some = |text: &'a str| (!text.is_empty()).then_some(Cow::Borrowed(text));
        Frame { path: some(path), line, label: some(label) }
    }
}

/// `path:line` or `path:line:column`; the line is 0 if there is none.
pub fn split_place(place: &str) -> (&str, i64) {
    // The Collector's receiver for X-Ray puts a blank before the line.
    let number = |text: &str| text.trim_start().parse::<u32>().ok().map(i64::from);
    let Some((before, last)) = place.rsplit_once(':') else { return (place, 0) };
    let Some(last) = number(last) else { return (place, 0) };
    match before.rsplit_once(':').and_then(|(path, line)| Some((path, number(line)?))) {
        Some((path, line)) if !path.is_empty() => (path, line),
        _ => (before, last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_split_where_a_class_may_end() {
        for (header, split) in [
            ("java.io.IOException: disk: full", ("java.io.IOException", "disk: full")),
            ("java.io.IOException", ("java.io.IOException", "")),
            ("E:", ("E", "")),
            ("App::Error: x", ("App::Error", "x")),
            ("something went wrong: x", ("", "something went wrong: x")),
            ("", ("", "")),
            (": x", ("", ": x")),
        ] {
            assert_eq!(split_header(header), split, "{header}");
        }
    }

    #[test]
    fn a_place_is_split_from_its_end() {
        for (place, split) in [
            ("C:\\app\\index.js:10:5", ("C:\\app\\index.js", 10)),
            ("/src/main.go:31", ("/src/main.go", 31)),
            ("node:internal/process:95:5", ("node:internal/process", 95)),
            ("C:\\app", ("C:\\app", 0)),
            ("f:99999999999", ("f:99999999999", 0)),
            ("app/handler.py: 31", ("app/handler.py", 31)),
            ("native", ("native", 0)),
            ("", ("", 0)),
        ] {
            assert_eq!(split_place(place), split, "{place}");
        }
    }

    #[test]
    fn everything_is_bounded() {
        let path = "p".repeat(900);
        let stack = vec![Frame::new(&path, 1, "f"); 70];
        let one = Thrown { stack, message: "ä".repeat(4096).into(), cause: Some(40), ..Thrown::default() };
        let mut all = vec![one; 50];
        bound(&mut all);
        assert_eq!((all.len(), all[0].stack.len(), all[0].truncated, all[0].cause), (32, 64, 6, None));
        assert_eq!((all[0].message.len(), all[0].stack[0].path.as_ref().unwrap().len()), (4096, 500));
    }
}
