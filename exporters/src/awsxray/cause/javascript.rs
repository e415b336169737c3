//! JavaScript's stacks: those of V8 (Node.js, Deno, Chrome), with the causes that Node.js prints, and those of
//! Firefox and Safari.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::Frame;
use super::thrown::{Thrown, split_place};

/// The exceptions that `text` tells of, the one that was thrown last first.
pub fn parse(text: &str) -> Vec<Thrown<'_>> {
    let mut all: Vec<Thrown<'_>> = Vec::new();
    // Within `[errors]: [...]`, and the exception that it is a part of.
    let mut errors_of = None;
    for line in text.lines() {
        let line = line.trim_end();
        let rest = line.trim_start();
        let current = all.len().checked_sub(1);
        if let Some(frame) = frame(line, rest) {
            if all.is_empty() {
                all.push(Thrown::default());
            }
            if let Some(thrown) = all.last_mut() {
                thrown.stack.push(frame);
            }
        } else if let Some(common) =
            rest.strip_prefix("... ").filter(|it| it.contains("matching cause stack"))
        {
            let count = common.split(' ').next().and_then(|count| count.parse::<u16>().ok());
            if let (Some(count), Some(thrown)) = (count, all.last_mut()) {
                thrown.truncated += usize::from(count);
            }
        } else if let Some(header) = cause(rest).filter(|_| current.is_some()) {
            begin(&mut all, header, current);
            errors_of = None;
        } else if rest.starts_with("[errors]: [") {
            errors_of = current;
        } else if let Some(header) = is_header(rest).filter(|_| errors_of.is_some()) {
            begin(&mut all, header, errors_of);
        } else {
            match all.last_mut() {
                None => all.push(Thrown::of_header(rest.strip_prefix("Uncaught ").unwrap_or(rest))),
                Some(thrown) if thrown.stack.is_empty() => thrown.continue_message(line),
                // What else the exception holds: `code: 'ENOENT',`.
                Some(_) => {}
            }
        }
    }
    all
}

/// Appends an exception; it is the cause of `effect`, unless that has one.
fn begin<'a>(all: &mut Vec<Thrown<'a>>, header: &'a str, effect: Option<usize>) {
    let at = all.len();
    if let Some(effect) = effect.and_then(|effect| all.get_mut(effect)) {
        effect.cause.get_or_insert(at);
    }
    all.push(Thrown::of_header(header));
}

fn cause(rest: &str) -> Option<&str> {
    ["[cause]: ", "Caused by: ", "caused by: "].iter().find_map(|prefix| rest.strip_prefix(prefix))
}

/// `TypeError: words`, as opposed to a property.
fn is_header(rest: &str) -> Option<&str> {
    let kind = rest.split(':').next()?;
    (kind.ends_with("Error") || kind.ends_with("Exception")).then_some(rest)
}

fn frame<'a>(line: &'a str, rest: &'a str) -> Option<Frame<'a>> {
    // Where properties follow, Node.js opens a brace behind the last frame.
    if let Some(at) = rest.strip_prefix("at ").filter(|_| line != rest) {
        return Some(v8_frame(at.strip_suffix(" {").unwrap_or(at)));
    }
    // `name@https://host/app.js:10:5` in Firefox and Safari.
    let (label, place) = rest.rsplit_once('@')?;
    let (path, number) = split_place(place);
    (number > 0 && !label.contains(' ') && (path.contains('/') || path.contains(':')))
        .then(|| Frame { path: Some(file(path)), ..Frame::new("", number, label) })
}

/// `label (path:line:column)`, or a place alone.
fn v8_frame(at: &str) -> Frame<'_> {
    let (label, place) = at.strip_suffix(')').and_then(split_parentheses).unwrap_or(("", at));
    // `eval at outer (file.js:1:2), <anonymous>:1:1`
    let place = place.strip_prefix("eval at ").and_then(|it| it.rsplit_once(", ")).map_or(place, |it| it.1);
    let place = match label {
        "" => place.strip_prefix("async ").unwrap_or(place),
        _ => place,
    };
    let (path, line) = split_place(place);
    let path = (!path.is_empty()).then(|| file(path));
    Frame { path, ..Frame::new("", line, label) }
}

/// Splits at the parenthesis that the last one, already taken off, closes: a path may hold some too.
fn split_parentheses(text: &str) -> Option<(&str, &str)> {
    let mut open = 1;
    for (at, byte) in text.bytes().enumerate().rev() {
        match byte {
            b')' => open += 1,
            b'(' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((text[..at].trim_end(), &text[at + 1..]));
        }
    }
    None
}

/// The path of a `file:` URL; anything else as it is.
fn file(path: &str) -> Cow<'_, str> {
    let Some(url) = path.strip_prefix("file://") else { return path.into() };
    // `file:///C:/app/x.mjs`
    let windows = url.as_bytes().get(2) == Some(&b':');
    let path = url.strip_prefix('/').filter(|_| windows).unwrap_or(url);
    percent_decode_str(path).decode_utf8().unwrap_or(path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_kind_are_read() {
        for (line, path, number, label) in [
            ("    at run (file:///var/task/a%20b.mjs:1:2)", "/var/task/a b.mjs", 1, "run"),
            ("    at file:///C:/app/index.mjs:10:5", "C:/app/index.mjs", 10, ""),
            ("    at main (C:\\app\\index.js:10:5)", "C:\\app\\index.js", 10, "main"),
            ("    at node:internal/main/run_main_module:23:47", "node:internal/main/run_main_module", 23, ""),
            ("    at async Promise.all (index 0)", "index 0", 0, "async Promise.all"),
            ("    at async file:///var/a.mjs:1:2", "/var/a.mjs", 1, ""),
            ("    at Array.map (native)", "native", 0, "Array.map"),
            ("    at native", "native", 0, ""),
            ("    at new Foo [as x] (/srv/(app)/x.js:1:2) {", "/srv/(app)/x.js", 1, "new Foo [as x]"),
            ("    at eval (eval at f (a.js:1:2), <anonymous>:3:4)", "<anonymous>", 3, "eval"),
            ("    at <anonymous>", "<anonymous>", 0, ""),
            ("render@https://shop.example/app.js:10:5", "https://shop.example/app.js", 10, "render"),
            ("@https://shop.example/app.js:10:5", "https://shop.example/app.js", 10, ""),
        ] {
            let expected = Frame { path: Some(path.into()), ..Frame::new("", number, label) };
            assert_eq!(frame(line, line.trim_start()), Some(expected), "{line}");
        }
        for line in ["at home: nothing", "Error: mail to a@b.c failed", "", "    code: 'E'"] {
            assert_eq!(frame(line, line.trim_start()), None, "{line}");
        }
    }

    #[test]
    fn causes_make_a_chain() {
        let text = "Error: outer\nsecond line\n    at a (/srv/a.js:1:2)\n    ... 4 lines matching cause stack trace ...\n    at b (/srv/b.js:3:4) {\n  code: 'E',\n  [cause]: TypeError: inner\n      at c (/srv/c.js:5:6) {\n    [cause]: RangeError: deep\n        at d (/srv/d.js:7:8)\n  }\n}";
        let all = parse(text);
        let seen: Vec<_> =
            all.iter().map(|it| (it.kind.as_ref(), it.message.as_ref(), it.stack.len(), it.cause)).collect();
        assert_eq!(
            seen,
            [
                ("Error", "outer\nsecond line", 2, Some(1)),
                ("TypeError", "inner", 1, Some(2)),
                ("RangeError", "deep", 1, None)
            ]
        );
        assert_eq!(all[0].truncated, 4);
    }

    #[test]
    fn the_errors_of_an_aggregate_have_their_own_stacks() {
        let text = "AggregateError: all failed\n    at a (/a.js:1:2) {\n  [errors]: [\n    Error: one\n        at b (/b.js:1:2),\n    Error: two\n        at c (/c.js:1:2)\n  ]\n}";
        let seen: Vec<_> = parse(text)
            .iter()
            .map(|it| (it.message.clone().into_owned(), it.stack.len(), it.cause))
            .collect();
        assert_eq!(
            seen,
            [("all failed".into(), 1, Some(1)), ("one".into(), 1, None), ("two".into(), 1, None)]
        );
    }
}
