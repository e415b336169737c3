//! PHP's stack traces: its own, and the form of Java's in which OpenTelemetry's SDK writes them.

use super::Frame;
use super::java;
use super::thrown::{Thrown, from_top, split_place};

/// The exceptions that `text` tells of, the one that was thrown last first.
pub fn parse(text: &str) -> Vec<Thrown<'_>> {
    if text.lines().any(|line| line.starts_with("\tat ")) {
        return java::parse(text);
    }
    let mut all: Vec<Thrown<'_>> = Vec::new();
    let mut in_stack = false;
    for line in text.lines() {
        let line = line.trim_end();
        if let Some(frame) = line.strip_prefix('#').and_then(frame) {
            in_stack = true;
            match all.last_mut() {
                Some(thrown) => thrown.stack.extend(frame),
                None => all.push(Thrown { stack: frame.into_iter().collect(), ..Thrown::default() }),
            }
        } else if line == "Stack trace:" {
            in_stack = true;
        } else if let Some(header) = line.strip_prefix("Next ").filter(|_| in_stack) {
            // What was thrown while the one before it was handled.
            let cause = all.len().checked_sub(1);
            all.push(Thrown { cause, ..thrown(header) });
            in_stack = false;
        } else if all.is_empty() {
            let header = line.split_once("Uncaught ").map_or(line, |(_, header)| header);
            all.push(thrown(header));
        } else if let Some(thrown) = all.last_mut().filter(|_| !in_stack) {
            continue_message(thrown, line);
        }
    }
    let top = all.len().saturating_sub(1);
    from_top(all, top)
}

/// `Class: message in /path:12`.
fn thrown(header: &str) -> Thrown<'_> {
    let (header, stack) = match thrown_at(header) {
        Some((header, frame)) => (header, vec![frame]),
        None => (header, Vec::new()),
    };
    Thrown { stack, ..Thrown::of_header(header) }
}

fn thrown_at(line: &str) -> Option<(&str, Frame<'_>)> {
    let (message, place) = line.rsplit_once(" in ")?;
    let (path, number) = split_place(place);
    (number > 0).then(|| (message, Frame::new(path, number, "")))
}

fn continue_message<'a>(thrown: &mut Thrown<'a>, line: &'a str) {
    match thrown_at(line).filter(|_| thrown.stack.is_empty()) {
        Some((message, frame)) => {
            thrown.continue_message(message);
            thrown.stack.push(frame);
        }
        None => thrown.continue_message(line),
    }
}

/// What follows the `#`: `0 /srv/f.php(9): App\f('x')`. `{main}` is no frame: nothing if it is one all the same.
fn frame(line: &str) -> Option<Option<Frame<'_>>> {
    let (number, rest) = line.split_once(' ')?;
    number.parse::<u32>().ok()?;
    let Some((place, label)) = rest.split_once(": ") else { return Some(None) };
    let split = place.strip_suffix(')').and_then(|place| place.rsplit_once('('));
    Some(Some(match split.and_then(|(path, line)| Some((path, line.parse::<u32>().ok()?))) {
        Some((path, line)) => Frame::new(path, line.into(), label),
        None => Frame::new(place, 0, label),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_thrown_last_comes_first() {
        let text = "PHP Fatal error:  Uncaught PDOException: gone\naway in /srv/db.php:3\nStack trace:\n#0 [internal function]: App\\{closure}()\n#1 /srv/f (1).php(9): App\\g('a: b')\n#2 {main}\n\nNext App\\Error: outer in /srv/g.php:8\nStack trace:\n#0 {main}\n  thrown in /srv/g.php on line 8";
        let all = parse(text);
        let heads: Vec<_> = all.iter().map(|it| (it.kind.as_ref(), it.message.as_ref(), it.cause)).collect();
        assert_eq!(heads, [("App\\Error", "outer", Some(1)), ("PDOException", "gone\naway", None)]);
        assert_eq!(all[0].stack, [Frame::new("/srv/g.php", 8, "")]);
        assert_eq!(
            all[1].stack,
            [
                Frame::new("/srv/db.php", 3, ""),
                Frame::new("[internal function]", 0, "App\\{closure}()"),
                Frame::new("/srv/f (1).php", 9, "App\\g('a: b')"),
            ]
        );
    }

    #[test]
    fn the_form_of_the_sdk_is_javas() {
        let text = "RuntimeException: boom\n\tat App.f(f.php:1)\nCaused by: PDOException: gone away\n\tat App.g(g.php:2)\n\t... 1 more";
        let all = parse(text);
        assert_eq!((all[0].cause, all[1].message.as_ref(), all[1].truncated), (Some(1), "gone away", 1));
    }
}
