//! Go's stack traces: of `runtime.Stack`, of a panic, and of errors that carry their callers.

use super::Frame;
use super::thrown::{Thrown, split_place};

/// The exception that `text` tells of. Only the goroutine that failed counts; it comes first.
pub fn parse(text: &str) -> Vec<Thrown<'_>> {
    let mut thrown = Thrown::default();
    let mut goroutines = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim_end();
        if line.starts_with("goroutine ") && line.ends_with(':') {
            goroutines += 1;
            continue;
        }
        if let Some(elided) = line.strip_prefix("...").and_then(|line| line.split_once(' ')) {
            thrown.truncated += elided.0.parse::<u16>().map_or(0, usize::from);
            continue;
        }
        let place = lines.next_if(|next| next.starts_with(['\t', ' '])).and_then(place);
        let frame = match place {
            Some((path, line_number)) => Frame::new(path, line_number, line.trim_start()),
            None if is_call(line) => Frame::new("", 0, line.trim_start()),
            None => {
                if thrown.stack.is_empty() && goroutines == 0 {
                    message(&mut thrown, line);
                }
                continue;
            }
        };
        if goroutines > 1 { thrown.truncated += 1 } else { thrown.stack.push(frame) }
    }
    vec![thrown]
}

/// What stands before the stack.
fn message<'a>(thrown: &mut Thrown<'a>, line: &'a str) {
    let line = line.strip_prefix("panic: ").unwrap_or(line);
    if thrown.message.is_empty() {
        thrown.message = line.into();
    } else if !line.is_empty() {
        thrown.continue_message(line);
    }
}

/// `\t/path/file.go:31 +0x1d`.
fn place(line: &str) -> Option<(&str, i64)> {
    let place = line.trim();
    let place = place.find(" +0x").or_else(|| place.find(" fp=0x")).map_or(place, |end| &place[..end]);
    let (path, line) = split_place(place);
    (line > 0).then_some((path, line))
}

/// A function whose place is not told. Words of a message seldom end like a call.
fn is_call(line: &str) -> bool {
    line.starts_with("created by ")
        || (line.ends_with(')')
            && line.split('(').next().is_some_and(|it| it.contains('.') && !it.contains(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<(String, i64, String)> {
        let text_of = |text: Option<std::borrow::Cow<'_, str>>| text.unwrap_or_default().into_owned();
        let stack = parse(text).remove(0).stack.into_iter();
        stack.map(|it| (text_of(it.label), it.line, text_of(it.path))).collect()
    }

    fn frame(label: &str, line: i64, path: &str) -> (String, i64, String) {
        (label.into(), line, path.into())
    }

    #[test]
    fn a_panic_has_its_message_and_the_stack_of_its_goroutine() {
        let text = "panic: boom\nand more\n\ngoroutine 19 [running]:\nmain.f(0x1, {0x2, 0x3})\n\t/my src/main.go:3 +0x1d\n...23 frames elided...\ncreated by main.main in goroutine 1\n\t/src/main.go:9 +0x5a\n\ngoroutine 2 [select, 2 minutes]:\nmain.g()\n\t/src/g.go:4\nexit status 2\n";
        let all = parse(text);
        assert_eq!((all[0].message.as_ref(), all[0].truncated), ("boom\nand more", 24));
        assert_eq!(
            seen(text),
            [
                frame("main.f(0x1, {0x2, 0x3})", 3, "/my src/main.go"),
                frame("created by main.main in goroutine 1", 9, "/src/main.go")
            ]
        );
    }

    #[test]
    fn a_frame_without_a_place_takes_none_from_its_neighbour() {
        let text = "x\nmain.f()\n\t/src/main.go:3 +0x1\nmain.g()\nno path here\nmain.h()";
        assert_eq!(
            seen(text),
            [frame("main.f()", 3, "/src/main.go"), frame("main.g()", 0, ""), frame("main.h()", 0, "")]
        );
    }

    #[test]
    fn an_error_that_carries_its_callers_is_read() {
        let text = "boom\nmain.load\n\t/src/load.go:31\nruntime.goexit\n\t/usr/go/asm.s:1700";
        assert_eq!(
            seen(text),
            [frame("main.load", 31, "/src/load.go"), frame("runtime.goexit", 1700, "/usr/go/asm.s")]
        );
    }
}
