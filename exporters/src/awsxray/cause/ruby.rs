//! Ruby's backtraces: `full_message`, in either order, and lines of a bare `backtrace`.

use super::Frame;
use super::thrown::Thrown;

/// The exceptions that `text` tells of, the one that was raised last first.
pub fn parse(text: &str) -> Vec<Thrown<'_>> {
    let mut lines = text.lines().peekable();
    // Ruby 2.5 to 2.7 tell where it was called from first, on a terminal.
    let upside_down = lines.next_if(|line| line.starts_with("Traceback (most recent call last):")).is_some();
    let mut all: Vec<Thrown<'_>> = Vec::new();
    let mut before = Vec::new();
    for line in lines {
        let rest = line.trim();
        let rest =
            rest.split_once(": from ").filter(|(number, _)| is_number(number.trim())).map_or(rest, |it| it.1);
        let rest = rest.strip_prefix("from ").unwrap_or(rest);
        if let Some(levels) = rest.strip_prefix("... ").and_then(|it| it.split_once(" levels...")) {
            if let (Ok(count), Some(thrown)) = (levels.0.parse::<u16>(), all.last_mut()) {
                thrown.truncated += usize::from(count);
            }
            continue;
        }
        match place(rest) {
            Some((frame, "")) if upside_down && all.is_empty() => before.push(frame),
            Some((frame, "")) => match all.last_mut() {
                Some(thrown) => thrown.stack.push(frame),
                None => all.push(Thrown { stack: vec![frame], ..Thrown::default() }),
            },
            Some((frame, message)) => {
                let (at, thrown) = (all.len(), raised(frame, message, std::mem::take(&mut before)));
                if let Some(effect) = all.last_mut() {
                    effect.cause = Some(at);
                }
                all.push(thrown);
            }
            None => match all.last_mut() {
                Some(thrown) if thrown.stack.len() <= 1 => continue_message(thrown, line),
                Some(_) => {}
                None => all.push(Thrown::of_header(rest)),
            },
        }
    }
    all
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What `path:line:in 'label': message (Class)` tells; `before` came before it, outermost first.
fn raised<'a>(frame: Frame<'a>, message: &'a str, before: Vec<Frame<'a>>) -> Thrown<'a> {
    let (message, kind) = split_class(message);
    let stack = std::iter::once(frame).chain(before.into_iter().rev()).collect();
    Thrown { kind: kind.into(), message: message.into(), stack, ..Thrown::default() }
}

/// `message (Class)`.
fn split_class(message: &str) -> (&str, &str) {
    let split = message.strip_suffix(')').and_then(|it| it.rsplit_once('('));
    let split = split.filter(|(_, class)| class.starts_with(char::is_uppercase) && !class.contains(' '));
    split.map_or((message, ""), |(message, class)| (message.trim_end(), class))
}

/// The class stands behind the first line of a message with several.
fn continue_message<'a>(thrown: &mut Thrown<'a>, line: &'a str) {
    if thrown.stack.is_empty() || !line.trim().is_empty() {
        thrown.continue_message(line);
    }
}

/// `path:line:in 'label'`, and what stands behind it.
fn place(line: &str) -> Option<(Frame<'_>, &str)> {
    for (at, _) in line.match_indices(':') {
        let (path, rest) = (&line[..at], &line[at + 1..]);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(number) = rest[..digits].parse::<u32>() else { continue };
        let (label, rest) = match rest[digits..].strip_prefix(":in ") {
            Some(rest) => label(rest)?,
            None => ("", &rest[digits..]),
        };
        let message = match rest {
            "" => "",
            _ => rest.strip_prefix(": ")?,
        };
        return (!path.is_empty()).then(|| (Frame::new(path, number.into(), label), message));
    }
    None
}

/// `` `label' `` or, since Ruby 3.4, `'label'`.
fn label(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix(['`', '\''])?;
    let end = text.find("': ").or_else(|| text.rfind('\''))?;
    Some((&text[..end], &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(path: &'static str, line: i64, label: &'static str) -> Frame<'static> {
        Frame::new(path, line, label)
    }

    #[test]
    fn an_exception_its_cause_and_their_frames_are_read() {
        let text = "app.rb:5:in `rescue in <main>': wrapped: it (failed) (App::Error)\nand more\n\tfrom app.rb:1:in `<main>'\n\t ... 9 levels...\napp.rb:2:in 'Store#put': inner (KeyError)\n\tfrom C:/lib/x.rb:9:in 'block in Object#foo'\n";
        let all = parse(text);
        let heads: Vec<_> =
            all.iter().map(|it| (it.kind.as_ref(), it.message.as_ref(), it.cause, it.truncated)).collect();
        assert_eq!(
            heads,
            [("App::Error", "wrapped: it (failed)\nand more", Some(1), 9), ("KeyError", "inner", None, 0)]
        );
        assert_eq!(all[0].stack, [frame("app.rb", 5, "rescue in <main>"), frame("app.rb", 1, "<main>")]);
        assert_eq!(
            all[1].stack,
            [frame("app.rb", 2, "Store#put"), frame("C:/lib/x.rb", 9, "block in Object#foo")]
        );
    }

    #[test]
    fn the_other_order_and_bare_lines_give_the_same_stack() {
        let stack = [frame("a.rb", 3, "x"), frame("a.rb", 2, "y"), frame("a.rb", 1, "<main>")];
        let upside_down = "Traceback (most recent call last):\n\t2: from a.rb:1:in `<main>'\n\t1: from a.rb:2:in `y'\na.rb:3:in `x': boom (RuntimeError)\n";
        let bare = "a.rb:3:in `x'\na.rb:2:in `y'\na.rb:1:in `<main>'";
        for text in [upside_down, bare] {
            assert_eq!(parse(text)[0].stack, stack);
        }
        assert_eq!(parse("/srv/a.rb:3: boom (RuntimeError)")[0].message, "boom");
    }
}
