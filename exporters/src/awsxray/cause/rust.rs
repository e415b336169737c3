//! Rust's backtraces: as they are displayed and debugged, of panics, and below errors with their causes.

use super::Frame;
use super::thrown::{Thrown, split_place};

/// The exceptions that `text` tells of, the outermost first.
pub fn parse(text: &str) -> Vec<Thrown<'_>> {
    let mut all = vec![Thrown::default()];
    let mut part = Part::Message;
    for line in text.lines() {
        let line = line.trim_end();
        let rest = line.trim_start();
        let lower = rest.trim_end_matches(':');
        if lower.eq_ignore_ascii_case("stack backtrace") || rest.starts_with("Backtrace [") {
            part = Part::Stack;
        } else if lower.eq_ignore_ascii_case("caused by") {
            part = Part::Causes;
        } else if let Some((path, line)) = rest.strip_prefix("at ").map(split_place).filter(|_| line != rest)
        {
            if let Some(frame) = all[0].stack.last_mut() {
                (frame.path, frame.line) = (Some(path.into()), line);
            }
        } else if let Some(label) = numbered(line).filter(|_| part != Part::Causes) {
            part = Part::Stack;
            all[0].stack.push(Frame::new("", 0, label));
        } else if let Some(frame) = debugged(rest) {
            all[0].stack.push(frame);
        } else if !rest.is_empty() {
            match part {
                Part::Message => message(&mut all[0], rest),
                Part::Causes => cause(&mut all, line),
                Part::Stack => {}
            }
        }
    }
    all
}

#[derive(PartialEq)]
enum Part {
    Message,
    Causes,
    Stack,
}

fn message<'a>(thrown: &mut Thrown<'a>, line: &'a str) {
    if line.starts_with("note: ") {
        return;
    }
    if let Some((_, place)) = line.strip_prefix("thread '").and_then(|it| it.split_once(" panicked at ")) {
        // Older compilers put the message before the place: `'boom', src/main.rs:4:5`.
        thrown.kind = "panic".into();
        thrown.message =
            place.strip_prefix('\'').and_then(|it| it.rsplit_once("', ")).map_or("", |it| it.0).into();
    } else if thrown.message.is_empty() {
        thrown.message = line.strip_prefix("Error: ").unwrap_or(line).into();
    } else {
        thrown.continue_message(line);
    }
}

/// A line below `Caused by:`: a cause of the one before it, with a number if there are several.
fn cause<'a>(all: &mut Vec<Thrown<'a>>, line: &'a str) {
    let at = all.len();
    let Some(last) = all.last_mut() else { return };
    let message = match numbered(line) {
        Some(message) => message,
        None if at > 1 => return last.continue_message(line.trim()),
        None => line.trim(),
    };
    last.cause = Some(at);
    all.push(Thrown { message: message.into(), ..Thrown::default() });
}

/// `  12: app::main`, `  12: 0x55d5a2 - app::main`.
fn numbered(line: &str) -> Option<&str> {
    let (number, label) = line.split_once(": ")?;
    number.trim_start().parse::<u32>().ok()?;
    let label = label.trim_start();
    Some(label.split_once(" - ").filter(|(address, _)| address.starts_with("0x")).map_or(label, |it| it.1))
}

/// `{ fn: "app::main", file: "./src/main.rs", line: 4 },`
fn debugged(rest: &str) -> Option<Frame<'_>> {
    let (label, rest) = rest.strip_prefix("{ fn: \"")?.split_once('"')?;
    let Some((path, rest)) = rest.split_once("file: \"").and_then(|it| it.1.split_once('"')) else {
        return Some(Frame::new("", 0, label));
    };
    let line = rest.strip_prefix(", line: ").unwrap_or_default();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    Some(Frame::new(path, line[..digits].parse::<u32>().unwrap_or(0).into(), label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_read() {
        let text = "thread 'main' panicked at src/main.rs:4:5:\nindex out of bounds\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/abc/library/std/src/panicking.rs:665:5\n   1:     0x55d5a2 - app::main\n             at ./src/main.rs:4:5\n   2: <F as FnOnce<A>>::call\nnote: Some details are omitted";
        let all = parse(text);
        assert_eq!(
            (all.len(), all[0].kind.as_ref(), all[0].message.as_ref()),
            (1, "panic", "index out of bounds")
        );
        assert_eq!(
            all[0].stack,
            [
                Frame::new("/rustc/abc/library/std/src/panicking.rs", 665, "rust_begin_unwind"),
                Frame::new("./src/main.rs", 4, "app::main"),
                Frame::new("", 0, "<F as FnOnce<A>>::call"),
            ]
        );
    }

    #[test]
    fn causes_make_a_chain() {
        for (text, messages) in [
            (
                "Error: outer\n\nCaused by:\n    0: middle\n    1: inner\n       more\n\nStack backtrace:\n   0: app::main\n",
                vec!["outer", "middle", "inner\nmore"],
            ),
            ("outer\n\nCaused by:\n    inner\n", vec!["outer", "inner"]),
        ] {
            let all = parse(text);
            assert_eq!(all.iter().map(|it| it.message.as_ref()).collect::<Vec<_>>(), messages);
            assert_eq!(all[0].cause, Some(1));
        }
    }

    #[test]
    fn a_debugged_backtrace_is_read() {
        let text = "Backtrace [\n    { fn: \"app::main\", file: \"./src/main.rs\", line: 4 },\n    { fn: \"main\" },\n]";
        assert_eq!(
            parse(text)[0].stack,
            [Frame::new("./src/main.rs", 4, "app::main"), Frame::new("", 0, "main")]
        );
    }
}
