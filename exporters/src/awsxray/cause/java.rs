//! Java's stack traces, which Kotlin, Scala and OpenTelemetry's SDK for PHP share.

use super::Frame;
use super::thrown::{Thrown, split_place};

/// The exceptions that `text` tells of, the one that was thrown first.
pub fn parse(text: &str) -> Vec<Thrown<'_>> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let header = header.strip_prefix("Exception in thread ").map_or(header, |header| {
        // The name of the thread is in quotes.
        header.split_once("\" ").map_or(header, |(_, header)| header)
    });
    let mut trace = Trace { all: vec![Thrown::of_header(header)], open: vec![(0, 0)] };
    for line in lines {
        trace.read(line);
    }
    trace.all
}

struct Trace<'a> {
    all: Vec<Thrown<'a>>,
    /// The last exception at each depth of indentation, the innermost last.
    open: Vec<(usize, usize)>,
}

impl<'a> Trace<'a> {
    fn read(&mut self, line: &'a str) {
        let rest = line.trim_start();
        let depth = line.len() - rest.len();
        let rest = rest.trim_end();
        if let Some(at) = rest.strip_prefix("at ") {
            if let (Some(frame), Some(thrown)) = (frame(at), self.all.last_mut()) {
                thrown.stack.push(frame);
            }
        } else if let Some(common) = rest.strip_prefix("... ") {
            let count =
                common.strip_suffix(" more").or_else(|| common.strip_suffix(" common frames omitted"));
            if let (Some(count), Some(thrown)) =
                (count.and_then(|n| n.parse::<u16>().ok()), self.all.last_mut())
            {
                thrown.truncated += usize::from(count);
            }
        } else if let Some(header) = rest.strip_prefix("Caused by: ") {
            self.open.retain(|(open, _)| *open <= depth);
            let effect = self.open.pop().map(|(_, at)| at);
            self.begin(depth, header, effect);
        } else if let Some(header) = rest.strip_prefix("Suppressed: ") {
            self.open.retain(|(open, _)| *open < depth);
            self.begin(depth, header, None);
        } else if let Some(thrown) = self.all.last_mut().filter(|thrown| thrown.stack.is_empty()) {
            thrown.continue_message(line);
        }
    }

    fn begin(&mut self, depth: usize, header: &'a str, effect: Option<usize>) {
        let at = self.all.len();
        if let Some(effect) = effect.and_then(|effect| self.all.get_mut(effect)) {
            effect.cause = Some(at);
        }
        self.open.push((depth, at));
        self.all.push(Thrown::of_header(header));
    }
}

/// `loader/module@version/class.method(File.java:12)`, with or without what stands before the class.
fn frame(at: &str) -> Option<Frame<'_>> {
    // Log frameworks put the archive behind it: `~[spring.jar:6.1]`.
    let end = at.find(") [").or_else(|| at.find(") ~[")).map_or(at.len(), |end| end + 1);
    let (label, place) = at[..end].strip_suffix(')')?.rsplit_once('(')?;
    let (path, line) = split_place(place);
    Some(Frame::new(path.strip_suffix(':').unwrap_or(path), line, without_module(label)))
}

/// Without class loader and module. A hidden class has a slash in its name, and a number after it.
fn without_module(label: &str) -> &str {
    let mut start = 0;
    for (at, _) in label.match_indices('/') {
        if !label[at + 1..].starts_with(|next: char| next.is_ascii_digit()) {
            start = at + 1;
        }
    }
    &label[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_and_what_was_suppressed_are_exceptions_of_their_own() {
        let text = "a.Top: top\nmore\n\tat a.A.b(A.java:1)\n\tSuppressed: a.S: closed\n\t\tat a.R.close(R.java:4)\n\
                    \t\t... 3 more\n\tCaused by: a.SC:\n\t\tat a.R.x(R.java:9)\n\tSuppressed: a.S2\n\
                    Caused by: a.C: real\n\tat a.C.d(C.java:7)\n\t... 12 more\nCaused by: a.D\n\tat a.D.e(D.java:8)\n";
        let all = parse(text);
        let seen = all
            .iter()
            .map(|it| (it.kind.as_ref(), it.message.as_ref(), it.stack.len(), it.truncated, it.cause));
        assert_eq!(
            seen.collect::<Vec<_>>(),
            [
                ("a.Top", "top\nmore", 1, 0, Some(4)),
                ("a.S", "closed", 1, 3, Some(2)),
                ("a.SC", "", 1, 0, None),
                ("a.S2", "", 0, 0, None),
                ("a.C", "real", 1, 12, Some(5)),
                ("a.D", "", 1, 0, None),
            ]
        );
    }

    #[test]
    fn frames_name_the_class_without_loader_and_module() {
        for (at, path, line, label) in [
            ("app//demo.Handler.handle(Handler.java:31)", "Handler.java", 31, "demo.Handler.handle"),
            ("java.base/java.lang.Thread.run(Thread.java:829)", "Thread.java", 829, "java.lang.Thread.run"),
            ("app/m@1.2/demo.M.f(M.java:2)", "M.java", 2, "demo.M.f"),
            (
                "demo.A$$Lambda/0x00007f.run(Unknown Source)",
                "Unknown Source",
                0,
                "demo.A$$Lambda/0x00007f.run",
            ),
            (
                "app//demo.A$$Lambda$1/250421.run(Unknown Source)",
                "Unknown Source",
                0,
                "demo.A$$Lambda$1/250421.run",
            ),
            ("demo.N.call(Native Method)", "Native Method", 0, "demo.N.call"),
            ("demo.E.f(E.java:)", "E.java", 0, "demo.E.f"),
            ("demo.S.<init>(S.kt:5) ~[spring.jar:6.1]", "S.kt", 5, "demo.S.<init>"),
        ] {
            assert_eq!(frame(at), Some(Frame::new(path, line, label)), "{at}");
        }
        for malformed in ["", "demo.A.b", "demo.A.d(A.java:5", ")"] {
            assert_eq!(frame(malformed), None, "{malformed}");
        }
    }
}
