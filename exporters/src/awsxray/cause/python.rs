//! Python's tracebacks, exception groups included.

use super::Frame;
use super::thrown::{Thrown, from_top};

/// The exceptions that `text` tells of, the one that was raised last first.
pub fn parse(text: &str) -> Vec<Thrown<'_>> {
    let mut traceback = Traceback { all: Vec::new(), levels: vec![Level::default()] };
    for line in text.lines() {
        traceback.read(line);
    }
    let last = traceback.levels.first().and_then(|level| level.last);
    let mut all = traceback.all;
    for thrown in &mut all {
        // Python tells where it was called from first.
        thrown.stack.reverse();
    }
    from_top(all, last.unwrap_or(0))
}

struct Traceback<'a> {
    all: Vec<Thrown<'a>>,
    /// Where it stands in the exception groups, the innermost last.
    levels: Vec<Level>,
}

/// One depth of an exception group; the first is that of no group.
#[derive(Default)]
struct Level {
    /// How far it is indented.
    indent: usize,
    /// Its last exception.
    last: Option<usize>,
    /// Whether the next exception is one that this one led to.
    chained: bool,
    state: State,
}

#[derive(Default, PartialEq)]
enum State {
    /// A traceback is to come.
    #[default]
    Start,
    Frames,
    Message,
}

impl<'a> Traceback<'a> {
    fn read(&mut self, line: &'a str) {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if trimmed.starts_with("+-") && trimmed.trim_end().ends_with("---") {
            return self.separator(indent, trimmed);
        }
        let in_group = self.levels.len() > 1 || trimmed.starts_with("+ Exception Group Traceback");
        match trimmed.strip_prefix('|').or_else(|| trimmed.strip_prefix('+').filter(|_| in_group)) {
            Some(line) if in_group => {
                self.close_deeper(indent);
                self.line(line.strip_prefix(' ').unwrap_or(line));
            }
            Some(line) if self.levels[0].state != State::Message || self.is_group_header() => {
                self.line(line.strip_prefix(' ').unwrap_or(line));
            }
            _ => {
                if !trimmed.is_empty() {
                    self.levels.truncate(1);
                }
                self.line(line);
            }
        }
    }

    /// Whether the exception at hand is a group whose traceback stands in a margin.
    fn is_group_header(&self) -> bool {
        let last = self.levels[0].last.and_then(|last| self.all.get(last));
        last.is_some_and(|last| last.kind.ends_with("ExceptionGroup"))
    }

    /// `+-+---- 1 ----` opens the first exception of a group, `+---- 2 ----` another, `+-------` ends it.
    fn separator(&mut self, indent: usize, line: &str) {
        let indent = if line.starts_with("+-+") { indent + 2 } else { indent };
        self.close_deeper(indent);
        let opens = line.contains(|digit: char| digit.is_ascii_digit()) || line.contains(" ...");
        if self.levels.len() > 1 && self.levels.last().is_some_and(|level| level.indent == indent) {
            self.levels.pop();
        }
        if opens && self.levels.len() < 32 {
            self.levels.push(Level { indent, ..Level::default() });
        }
    }

    fn close_deeper(&mut self, indent: usize) {
        while self.levels.len() > 1 && self.levels.last().is_some_and(|level| level.indent > indent) {
            self.levels.pop();
        }
    }

    fn line(&mut self, line: &'a str) {
        let line = line.trim_end();
        let Some(level) = self.levels.last_mut() else { return };
        if line.starts_with("The above exception was the direct cause of the following exception:")
            || line.starts_with("During handling of the above exception, another exception occurred:")
        {
            level.chained = level.last.is_some();
            level.state = State::Start;
        } else if line.ends_with("Traceback (most recent call last):") && level.state != State::Message {
            self.begin();
        } else if level.state == State::Message {
            self.message(line);
        } else if line.starts_with([' ', '\t']) {
            self.frame(line.trim_start());
        } else if !line.is_empty() {
            self.header(line);
        }
    }

    fn begin(&mut self) -> usize {
        let at = self.all.len();
        let levels = self.levels.len();
        let above = levels.checked_sub(2).and_then(|above| self.levels.get(above)).and_then(|it| it.last);
        let Some(level) = self.levels.last_mut() else { return at };
        let first = level.last.is_none();
        let cause = level.last.filter(|_| level.chained);
        (level.last, level.chained, level.state) = (Some(at), false, State::Frames);
        // A document has room for one cause: the first exception of a group, unless the group has its own.
        if let Some(group) = above.and_then(|group| self.all.get_mut(group)) {
            if first {
                group.cause.get_or_insert(at);
            } else if group.cause == cause {
                group.cause = Some(at);
            }
        }
        self.all.push(Thrown { cause, ..Thrown::default() });
        at
    }

    fn current(&mut self) -> Option<&mut Thrown<'a>> {
        let level = self.levels.last()?;
        let at = if level.state == State::Start { self.begin() } else { level.last? };
        self.all.get_mut(at)
    }

    fn frame(&mut self, line: &'a str) {
        let repeated = line.strip_prefix("[Previous line repeated ").and_then(|line| line.split(' ').next());
        if let Some(count) = repeated.and_then(|count| count.parse::<u32>().ok()) {
            if let Some(thrown) = self.current() {
                thrown.truncated += count as usize;
            }
        } else if let Some(frame) = frame(line)
            && let Some(thrown) = self.current()
        {
            thrown.stack.push(frame);
        }
    }

    fn header(&mut self, line: &'a str) {
        if let Some(thrown) = self.current() {
            let Thrown { kind, message, .. } = Thrown::of_header(line);
            (thrown.kind, thrown.message) = (kind, message);
        }
        if let Some(level) = self.levels.last_mut() {
            level.state = State::Message;
        }
    }

    fn message(&mut self, line: &'a str) {
        if let Some(thrown) = self.current() {
            thrown.continue_message(line);
        }
    }
}

/// `File "app/handler.py", line 31, in handler`; a syntax error is in no function.
fn frame(line: &str) -> Option<Frame<'_>> {
    let (path, rest) = line.strip_prefix("File \"")?.rsplit_once("\", line ")?;
    let (number, label) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some(Frame::new(path, number.trim().parse::<u32>().unwrap_or(0).into(), label))
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    type Seen<'a> = (&'a str, &'a str, Vec<(&'a str, i64, &'a str)>, Option<usize>);

    fn seen<'a>(all: &'a [Thrown<'_>]) -> Vec<Seen<'a>> {
        let text = |text: &'a Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or_default();
        let stack = |it: &'a Thrown<'_>| {
            it.stack.iter().map(|it| (text(&it.path), it.line, text(&it.label))).collect()
        };
        all.iter().map(|it| (it.kind.as_ref(), it.message.as_ref(), stack(it), it.cause)).collect()
    }

    #[test]
    fn both_forms_of_a_cause_make_a_chain() {
        let text = "Traceback (most recent call last):\n  File \"a,b.py\", line 1, in a\n    d['x']\n    ~^^^^^\nKeyError: one\ntwo\n\nfour\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b.py\", line 2, in <module>\n    b()\n  File \"b.py\", line 9, in b\n    b()\n  [Previous line repeated 995 more times]\napp.E\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"c.py\", line 3, in c\n    c\nValueError: three\n";
        let all = Language::Python.parse(text);
        assert_eq!(
            seen(&all),
            [
                ("ValueError", "three", vec![("c.py", 3, "c")], Some(1)),
                ("app.E", "", vec![("b.py", 9, "b"), ("b.py", 2, "<module>")], Some(2)),
                ("KeyError", "one\ntwo\n\nfour", vec![("a,b.py", 1, "a")], None),
            ]
        );
        assert_eq!(all[1].truncated, 995);
    }

    #[test]
    fn a_traceback_within_a_message_is_message() {
        let text = "pool.RemoteTraceback: \n\"\"\"\nTraceback (most recent call last):\n  File \"w.py\", line 1, in w\nKeyError: 'a'\n\"\"\"\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"m.py\", line 2, in m\n    m()\nKeyError: 'a'";
        let all = Language::Python.parse(text);
        let seen = seen(&all);
        assert_eq!(seen[0], ("KeyError", "'a'", vec![("m.py", 2, "m")], Some(1)));
        assert!(seen[1].1.contains("File \"w.py\"") && seen[1].2.is_empty());
    }

    #[test]
    fn an_exception_group_is_caused_by_its_first_and_names_the_others() {
        let text = "  + Exception Group Traceback (most recent call last):\n  |   File \"t.py\", line 4, in <module>\n  |     raise ExceptionGroup(\"eg\", [a, b])\n  | ExceptionGroup: eg (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File \"t.py\", line 1, in a\n    |     raise ValueError(1)\n    | ValueError: 1\n    +---------------- 2 ----------------\n    | Exception Group Traceback (most recent call last):\n    |   File \"t.py\", line 2, in b\n    | ExceptionGroup: inner (1 sub-exception)\n    +-+---------------- 1 ----------------\n      | TypeError: 2\n      +------------------------------------\n";
        let all = Language::Python.parse(text);
        assert_eq!(
            seen(&all),
            [
                ("ExceptionGroup", "eg (2 sub-exceptions)", vec![("t.py", 4, "<module>")], Some(1)),
                ("ValueError", "1", vec![("t.py", 1, "a")], None),
                ("ExceptionGroup", "inner (1 sub-exception)", vec![("t.py", 2, "b")], Some(3)),
                ("TypeError", "2", vec![], None),
            ]
        );
    }

    #[test]
    fn syntax_errors_and_broken_lines_cost_nothing_else() {
        let text = "Traceback (most recent call last):\n  File ,a,b\n  File \"a.py\", line x, in g\n  File \"s.py\", line 3\n    x = (\n        ^\nSyntaxError: '(' was never closed\n";
        assert_eq!(
            seen(&Language::Python.parse(text)),
            [("SyntaxError", "'(' was never closed", vec![("s.py", 3, ""), ("a.py", 0, "g")], None)]
        );
        for text in [
            "",
            "ValueError: x",
            "ValueError:",
            "\n\n",
            "During handling of the above exception, another exception occurred:",
        ] {
            assert!(parse(text).iter().all(|it| it.stack.is_empty()), "{text}");
        }
    }
}
