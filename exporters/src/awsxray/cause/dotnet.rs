//! .NET's stack traces.

use super::Frame;
use super::thrown::{Thrown, split_place};

/// What opens an inner exception, on a line of its own or on that of the outer one.
const INNER: &str = "---> ";

/// The exceptions that `text` tells of, the one that was thrown first.
pub fn parse(text: &str) -> Vec<Thrown<'_>> {
    let mut trace = Trace { all: Vec::new(), open: Vec::new() };
    for line in text.lines() {
        trace.read(line);
    }
    trace.all
}

struct Trace<'a> {
    all: Vec<Thrown<'a>>,
    /// Those whose stack is still to come, the innermost last.
    open: Vec<usize>,
}

impl<'a> Trace<'a> {
    fn read(&mut self, line: &'a str) {
        let line = line.trim_end();
        let rest = line.trim_start();
        if self.all.is_empty() {
            return self.begin_chain(rest);
        }
        let (rest, ends) = rest.strip_suffix("<---").map_or((rest, false), |rest| (rest.trim_end(), true));
        if let Some(inner) = rest.strip_prefix(INNER) {
            self.begin_chain(inner);
        } else if rest.starts_with("--- End of inner exception stack trace") {
            self.open.pop();
        } else if rest.starts_with("--- End of") {
            // The stack goes on at another place: that of an await, or of a thread.
        } else if let Some(at) = rest.strip_prefix("at ") {
            if let Some(thrown) = self.open.last().and_then(|at| self.all.get_mut(*at)) {
                thrown.stack.push(frame(at));
            }
        } else if let Some(thrown) = self.all.last_mut().filter(|thrown| thrown.stack.is_empty()) {
            let (more, inner) = split_inner(line);
            thrown.continue_message(more);
            if let Some(inner) = inner {
                self.begin_chain(inner);
            }
        }
        if ends {
            self.open.pop();
        }
    }

    /// Begins an exception and those inside it that its line names.
    fn begin_chain(&mut self, headers: &'a str) {
        let mut rest = Some(headers);
        while let Some(headers) = rest {
            let (header, inner) = split_inner(headers);
            rest = inner;
            // All but the first of an AggregateException have a number.
            let header = header
                .strip_prefix("(Inner Exception #")
                .and_then(|it| it.split_once(") "))
                .map_or(header, |it| it.1);
            let at = self.all.len();
            if let Some(outer) = self.open.last().and_then(|outer| self.all.get_mut(*outer)) {
                outer.cause.get_or_insert(at);
            }
            self.open.push(at);
            self.all.push(Thrown::of_header(header));
        }
    }
}

fn split_inner(header: &str) -> (&str, Option<&str>) {
    match header.split_once(" ---> ") {
        Some((outer, inner)) => (outer, Some(inner)),
        None => (header, None),
    }
}

/// `Class.Method(Type argument) in /path:line 12`, or without a place.
fn frame(at: &str) -> Frame<'_> {
    // A path may hold ` in ` itself; a method's name ends with its arguments.
    let split = at.find(") in ").map(|end| end + 1).or_else(|| at.find(" in "));
    let Some((label, place)) = split.map(|at_in| (&at[..at_in], &at[at_in + " in ".len()..])) else {
        return Frame::new("", 0, at);
    };
    // Mono says at which instruction: `Class.Method () [0x0001a] in /path:12`.
    let label = label.split(" [0x").next().unwrap_or(label);
    match place.rsplit_once(":line ").and_then(|(path, line)| Some((path, line.trim().parse::<u32>().ok()?)))
    {
        Some((path, line)) => Frame::new(path, line.into(), label),
        None => {
            let place = place.strip_suffix(":line").unwrap_or(place);
            let (path, line) = split_place(place);
            Frame::new(path, line, label)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen<'a>(all: &'a [Thrown<'_>]) -> Vec<(&'a str, &'a str, Vec<&'a str>, Option<usize>)> {
        let labels =
            |it: &'a Thrown<'_>| it.stack.iter().map(|it| it.label.as_deref().unwrap_or("")).collect();
        all.iter().map(|it| (it.kind.as_ref(), it.message.as_ref(), labels(it), it.cause)).collect()
    }

    #[test]
    fn inner_exceptions_have_their_own_stacks() {
        let one_line = "A: outer ---> B: middle ---> C: disk\r\n   at C.W() in /src/C.cs:line 9\r\n   --- End of inner exception stack trace ---\r\n   at B.R()\r\n   --- End of inner exception stack trace ---\r\n   at A.R()\r\n--- End of stack trace from previous location ---\r\n   at A.M()";
        let today = one_line.replace(" --->", "\r\n --->");
        for text in [one_line, &today] {
            assert_eq!(
                seen(&parse(text)),
                [
                    ("A", "outer", vec!["A.R()", "A.M()"], Some(1)),
                    ("B", "middle", vec!["B.R()"], Some(2)),
                    ("C", "disk", vec!["C.W()"], None)
                ]
            );
        }
    }

    #[test]
    fn an_aggregate_is_caused_by_its_first_and_names_the_others() {
        let text = "System.AggregateException: Several. (a) (b)\n ---> E: a\n   at X.A()\n   --- End of inner exception stack trace ---\n   at Y.Z()\n ---> (Inner Exception #1) F: b\n   at X.B()<---\n\n";
        assert_eq!(
            seen(&parse(text)),
            [
                ("System.AggregateException", "Several. (a) (b)", vec!["Y.Z()"], Some(1)),
                ("E", "a", vec!["X.A()"], None),
                ("F", "b", vec!["X.B()"], None)
            ]
        );
    }

    #[test]
    fn frames_are_split_where_the_arguments_end() {
        for (at, path, line, label) in [
            (
                "D.H.Run(String a) in /my work in progress/H.cs:line 8",
                "/my work in progress/H.cs",
                8,
                "D.H.Run(String a)",
            ),
            ("D.H.Run() in C:\\src\\H.cs:line 8", "C:\\src\\H.cs", 8, "D.H.Run()"),
            ("D.H.Run () [0x0001a] in /src/H.cs:8", "/src/H.cs", 8, "D.H.Run ()"),
            ("D.H.Run() in /H.cs:line", "/H.cs", 0, "D.H.Run()"),
            ("D.H.Run()", "", 0, "D.H.Run()"),
            ("in x", "", 0, "in x"),
        ] {
            assert_eq!(frame(at), Frame::new(path, line, label), "{at}");
        }
    }
}
