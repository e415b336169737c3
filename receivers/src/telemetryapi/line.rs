//! The time, level and ids that a text line begins with, in the layouts of Lambda's managed runtimes and of loggers
//! that are common beside them.
//!
//! Not one pattern for each layout but the tokens that all of them are made of: a time, the request id, a level, in
//! any order, perhaps in brackets, perhaps with a thread's name between. The head of a line ends with the first word
//! that is none of these. What could as well be part of a message is not taken: a level in small letters needs a tab
//! or a colon after it, a request id needs a time before it, a time must be near to the platform's.

use std::borrow::Cow;

use serde_json::Map;

use super::fields;
use super::record::{Record, near_time};
use super::severity::Severity;
use super::trace::Trace;

/// How many words a head may hold that are neither time nor level nor id: a thread's name, a process id.
const MOST_STRANGERS: usize = 3;
/// The longest name of a thread, or of a tenant.
const LONGEST_STRANGER: usize = 64;
/// The levels that stand for themselves in a text. Others, such as `ALL` and `CONFIG`, begin sentences.
const LEVELS: &[&str] =
    &["TRACE", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL", "SEVERE", "NOTICE"];
/// Those that .NET alone writes, so and not in capitals.
const SHORT_LEVELS: &[&str] = &["trce", "dbug", "fail", "crit"];

/// Reads what a line says, which the platform had `at` this time; `None` if it is of no known layout. The body and
/// the attributes are left to the caller. Of several lines in one record the first counts.
pub fn read(text: &str, at: Option<u64>) -> Option<Record> {
    let line = without_colours(text.trim_start().lines().next()?);
    echo(&line).or_else(|| key_values(&line, at)).or_else(|| Head::read(&line, at))
}

/// What the platform itself writes into the function's log.
fn echo(line: &str) -> Option<Record> {
    let (before, after) = line.split_once("RequestId: ")?;
    let (request_id, rest) = request_id(after)?;
    let severity = match before {
        "START " | "END " | "REPORT " => None,
        // Followed by what happened, such as `Error: Runtime exited with error: exit status 1`.
        "" if rest.starts_with(" Error: ") || rest.starts_with(" Process exited") => Some(Severity::error()),
        _ => return None,
    };
    Some(Record { severity, request_id: Some(request_id.into()), ..Record::default() })
}

/// `time=2026-01-01T00:00:00.519Z level=INFO msg=hello`, as Go's slog and logrus write.
fn key_values(line: &str, at: Option<u64>) -> Option<Record> {
    let known = ["time=", "ts=", "timestamp=", "level=", "lvl="];
    if !known.iter().any(|key| line.starts_with(key)) {
        return None;
    }
    let mut pairs = Map::new();
    let mut rest = line;
    while let Some((key, after)) = rest.trim_start().split_once('=')
        && !key.contains(char::is_whitespace)
    {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(' ').unwrap_or((after, "")),
        };
        pairs.insert(key.into(), value.into());
        rest = after;
    }
    let read = fields::read(&pairs, at);
    let is_level = read.severity.as_ref().is_some_and(|severity| severity.number > 0);
    (is_level || read.time.is_some()).then(|| Record { body: None, attributes: Vec::new(), ..read })
}

/// A line's head, as far as it has been read.
struct Head<'a> {
    rest: &'a str,
    at: Option<u64>,
    record: Record,
    /// Whether it holds a time, be it this record's or not.
    has_time: bool,
    strangers: usize,
}

impl<'a> Head<'a> {
    fn read(line: &'a str, at: Option<u64>) -> Option<Record> {
        let mut head = Head { rest: line, at, record: Record::default(), has_time: false, strangers: 0 };
        while head.token() {}
        head.trailer();
        Some(head.record).filter(|record| *record != Record::default())
    }

    /// Takes the next token, if there is one.
    fn token(&mut self) -> bool {
        self.rest = self.rest.trim_start_matches([' ', '\t', ']', ')', '|', ':', ',']);
        self.time() || self.request_id() || self.level() || self.stranger()
    }

    fn time(&mut self) -> bool {
        let bare = self.rest.strip_prefix('[').unwrap_or(self.rest);
        let Some((text, rest)) = some_time(bare).filter(|_| !self.has_time) else { return false };
        self.record.time = near_time(text, self.at);
        (self.has_time, self.rest) = (true, rest);
        true
    }

    fn request_id(&mut self) -> bool {
        let bare = self.rest.strip_prefix('[').unwrap_or(self.rest);
        let found = request_id(bare).filter(|_| self.has_time && self.record.request_id.is_none());
        let Some((id, rest)) = found else { return false };
        self.record.request_id = Some(id.into());
        self.rest = rest;
        true
    }

    fn level(&mut self) -> bool {
        let brackets = self.rest.starts_with(['[', '(']);
        let bare = &self.rest[usize::from(brackets)..];
        let end = bare.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(bare.len());
        let (word, rest) = bare.split_at(end);
        let capitals = word.to_ascii_uppercase();
        let is_level = LEVELS.contains(&&*capitals) || SHORT_LEVELS.contains(&word);
        if self.record.severity.is_some() || !is_level {
            return false;
        }
        let one_case = word == capitals || word == word.to_ascii_lowercase();
        let stands_out = match rest.trim_start_matches(' ').chars().next() {
            Some(']' | ')') if brackets => true,
            _ if brackets => false,
            Some('\t') if self.has_time => true,
            Some(':') if rest.starts_with(':') => one_case,
            None | Some('|') => word == capitals,
            Some(_) => word == capitals && !rest.starts_with(['-', '_', '.', '/', '=', '!', '\'']),
        };
        if stands_out {
            self.record.severity = Severity::of_name(word);
            self.rest = rest;
        }
        stands_out
    }

    /// Passes over a word that may stand between the others before the level: a thread's name in brackets, a time of
    /// day, a process or logger, Ruby's initial of the level, Node's `undefined` where there is no request id.
    fn stranger(&mut self) -> bool {
        if self.record.severity.is_some() || self.strangers == MOST_STRANGERS {
            return false;
        }
        let rest = if let Some(inner) = self.rest.strip_prefix('[') {
            inner.split_once(']')
        } else if let Some((word, rest)) = self.rest.split_once(", [").filter(|(word, _)| word.len() == 1) {
            Some((word, rest))
        } else {
            let end = self.rest.find([' ', '\t', ']']).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            let is_number = !word.is_empty() && word.bytes().all(|byte| b"0123456789:.,#".contains(&byte));
            let passes = match self.has_time {
                true => is_number || word == "-" || rest.starts_with('\t') || rest.starts_with(" - "),
                false => is_number && word.contains(':'),
            };
            passes.then_some((word, rest))
        };
        let Some((_, rest)) = rest.filter(|(word, _)| word.len() <= LONGEST_STRANGER) else { return false };
        (self.strangers, self.rest) = (self.strangers + 1, rest);
        true
    }

    /// What is known to follow some heads.
    fn trailer(&mut self) {
        if self.record.request_id.is_some() && self.rest.starts_with("Task timed out after ") {
            self.record.severity = Some(Severity::error());
        }
        // The span that Rust's runtime opens for an invocation, as `tracing` writes it.
        if let Some(span) = self.rest.strip_prefix("Lambda runtime invoke{") {
            let quoted = |name: &str| span.split_once(name)?.1.split_once('"').map(|(value, _)| value);
            let id = quoted("requestId=\"").and_then(request_id);
            self.record.request_id = id.map(|(id, _)| id.into());
            self.record.trace = quoted("xrayTraceId=\"").and_then(Trace::of_header);
        }
    }
}

/// The date and time that `text` begins with, perhaps with a zone, and what follows.
fn some_time(text: &str) -> Option<(&str, &str)> {
    let is_date = text.len() > 10 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    if !is_date || !matches!(text.as_bytes()[4], b'-' | b'/') {
        return None;
    }
    let is_end = |c: char| c.is_whitespace() || matches!(c, ']' | ')' | '|' | '#' | '[');
    let ends = text.match_indices(is_end).map(|(at, _)| at).chain([text.len()]).take(3);
    let whole = ends.filter_map(|end| {
        let time = text[..end].trim_end_matches([',', ':', '|']);
        super::time::parse(time).map(|_| (time, &text[time.len()..]))
    });
    whole.last()
}

/// The id of an invocation that `text` begins with, and what follows.
fn request_id(text: &str) -> Option<(&str, &str)> {
    let (id, rest) = text.split_at_checked(36)?;
    let is_id = id.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-');
    (is_id && ends).then_some((id, rest))
}

/// The line without what colours it on a terminal (`ESC [ .. m`).
fn without_colours(line: &str) -> Cow<'_, str> {
    if !line.contains("\u{1b}[") {
        return line.into();
    }
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let coded = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        plain.push_str(coded.strip_prefix('m').unwrap_or(part));
    }
    plain.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "5f1c4f7e-3a52-4a55-9a0c-0d3c5e9f1b11";
    const AT: u64 = 1_767_225_600_520_000_000;

    /// Time in milliseconds since 2026, level, number and request id of a line in which `ID` stands for an id.
    fn told(line: &str) -> (Option<u64>, Option<(String, i32)>, bool) {
        let record = read(&line.replace("ID", ID), Some(AT)).unwrap_or_default();
        assert!(record.request_id.as_deref().is_none_or(|id| id == ID), "{line}");
        let time = record.time.map(|time| time / 1_000_000 - 1_767_225_600_000);
        (time, record.severity.map(|severity| (severity.text, severity.number)), record.request_id.is_some())
    }

    #[test]
    fn the_layouts_of_runtimes_and_loggers_are_read() {
        for (line, time, level, has_id) in [
            // Node.js, Python, Java, .NET, Ruby, Rust.
            ("2026-01-01T00:00:00.519Z\tID\tINFO\thello\n", Some(519), ("INFO", 9), true),
            ("2026-01-01T00:00:00.519Z\tundefined\tWARN\tinit", Some(519), ("WARN", 13), false),
            ("2026-01-01T00:00:00.519Z\tID\tblue\tERROR\tboom", Some(519), ("ERROR", 17), true),
            ("2026-01-01T00:00:00.519Z\tID\tERROR\tInvoke Error \t{\"a\":1}", Some(519), ("ERROR", 17), true),
            ("[INFO]\t2026-01-01T00:00:00.519Z\tID\thello\n", Some(519), ("INFO", 9), true),
            ("[WARNING]\t2026-01-01T00:00:00.519Z\t\tat init", Some(519), ("WARNING", 13), false),
            ("[ERROR] ValueError: boom\nTraceback (most recent call last):\n", None, ("ERROR", 17), false),
            ("[ERROR] something failed\n", None, ("ERROR", 17), false),
            ("2026-01-01 00:00:00 ID INFO  Handler:12 - hello", Some(0), ("INFO", 9), true),
            ("00:00:00.519 [main] DEBUG com.example.Handler -- hello", None, ("DEBUG", 5), false),
            ("[main] INFO com.example.Handler - hello", None, ("INFO", 9), false),
            (
                "2026-01-01T00:00:00.519Z  INFO 8 --- [  main] c.e.Handler : hello",
                Some(519),
                ("INFO", 9),
                false,
            ),
            (
                "2026-01-01 00:00:00,519 [main] ERROR com.example.Handler - boom",
                Some(519),
                ("ERROR", 17),
                false,
            ),
            ("SEVERE: boom", None, ("SEVERE", 17), false),
            ("2026-01-01T00:00:00.519Z\tID\tinfo\thello\n", Some(519), ("info", 9), true),
            ("2026-01-01T00:00:00.519Z\tID\tfail\thello\n", Some(519), ("fail", 17), true),
            ("2026-01-01T00:00:00.519Z\t\ttrce\thello", Some(519), ("trce", 1), false),
            ("info: Example.Handler[0]\n      hello", None, ("info", 9), false),
            ("I, [2026-01-01T00:00:00.519123 #8]  INFO ID -- : hello", Some(519), ("INFO", 9), true),
            ("E, [2026-01-01T00:00:00.519123 #8] ERROR -- prog: boom", Some(519), ("ERROR", 17), false),
            ("2026-01-01T00:00:00.519123Z  INFO orders: hello", Some(519), ("INFO", 9), false),
            (" INFO orders: hello", None, ("INFO", 9), false),
            ("[2026-01-01T00:00:00Z WARN  orders] hello", Some(0), ("WARN", 13), false),
            (
                "\u{1b}[2m2026-01-01T00:00:00.519Z\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m \u{1b}[2morders\u{1b}[0m: hello",
                Some(519),
                ("INFO", 9),
                false,
            ),
            // Others beside them.
            ("INFO:root:hello", None, ("INFO", 9), false),
            ("info: hello", None, ("info", 9), false),
            ("2026/01/01 00:00:00 INFO hello k=v", Some(0), ("INFO", 9), false),
            ("time=2026-01-01T00:00:00.519Z level=INFO msg=hello", Some(519), ("INFO", 9), false),
            (
                r#"time="2026-01-01T01:00:00+01:00" level=warning msg="a b=c""#,
                Some(0),
                ("warning", 13),
                false,
            ),
            ("level=info msg=hello requestId=ID", None, ("info", 9), true),
            ("[2026-01-01 00:00:00 +0000] [8] [CRITICAL] hello", Some(0), ("CRITICAL", 21), false),
            ("2026-01-01T00:00:00.519Z\tinfo\thandler.go:12\thello", Some(519), ("info", 9), false),
            ("[00:00:00.519] INFO (8): hello", None, ("INFO", 9), false),
            ("2026-01-01 00:00:00,519 - app - ERROR - boom", Some(519), ("ERROR", 17), false),
            ("2026-01-01 00:00:00.519 | INFO     | app:handler:3 - hello", Some(519), ("INFO", 9), false),
            // The platform's own.
            ("2026-01-01T00:00:00.519Z ID Task timed out after 3.00 seconds\n\n", Some(519), ("", 17), true),
            (
                "RequestId: ID Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
                None,
                ("", 17),
                true,
            ),
            ("RequestId: ID Process exited before completing request", None, ("", 17), true),
        ] {
            assert_eq!(told(line), (time, Some((level.0.into(), level.1)), has_id), "{line}");
        }
    }

    #[test]
    fn what_the_platform_echoes_has_an_id_and_no_level() {
        for line in [
            "START RequestId: ID Version: $LATEST",
            "END RequestId: ID\n",
            "REPORT RequestId: ID\tDuration: 1.00 ms\tBilled Duration: 2 ms",
        ] {
            assert_eq!(told(line), (None, None, true), "{line}");
        }
    }

    #[test]
    fn the_span_of_rusts_runtime_tells_the_invocation_and_its_trace() {
        let header = "Root=1-67765a00-1f2e3d4c5b6a798812345678;Parent=53995c3f42cd8ad8;Sampled=1";
        let line = format!(
            "INFO Lambda runtime invoke{{requestId=\"{ID}\" xrayTraceId=\"{header}\"}}: orders: hello"
        );
        let record = read(&line, Some(AT)).unwrap();
        assert_eq!(record.request_id.as_deref(), Some(ID));
        assert_eq!(record.trace, Trace::of_header(header));
    }

    #[test]
    fn what_could_be_part_of_a_message_is_not_taken() {
        for line in [
            "",
            "plain",
            "plain\r\n",
            "héllo 世界 😀",
            "\u{1b}[31mred\u{1b}[0m\u{0}",
            "ALL tests passed",
            "Error: boom",
            "error while sending",
            "ERROR_CODE=5",
            "FAIL src/a.test.js",
            "5 ERROR messages",
            "ID was ordered",
            "REPORT RequestId: x\tDuration: 1 ms",
            "RequestId: ID was ordered",
            "an INFO too late",
            "127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200",
            "2026-01-01 is a holiday",
            "level=unknown msg=hello",
            "time=now",
            "[1, 2, 3]",
            "START RequestId: ID-extended",
        ] {
            assert_eq!(told(line), (None, None, false), "{line}");
        }
    }

    #[test]
    fn a_time_that_is_not_the_records_own_is_not_taken() {
        assert_eq!(told("2020-05-01T00:00:00Z order placed"), (None, None, false));
        assert_eq!(told("2026-01-01T02:00:00\tID\tINFO\tno zone"), (None, Some(("INFO".into(), 9)), true));
        assert_eq!(read("2026-01-01T00:00:00 no zone", None), None);
        assert_eq!(read("2026-01-01T00:00:00Z a zone", None).unwrap().time, Some(1_767_225_600_000_000_000));
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(
            any in ".*",
            line in "([0-9]{4}-01-01[T ]00:00:0[0-9]|Z|INFO|error|[\\[\\]():|,\t \u{1b}m=\"#é]|5f1c4f7e-3a52-4a55-9a0c-0d3c5e9f1b11|RequestId: |time=){0,12}"
        ) {
            let _ = (read(&any, Some(AT)), read(&line, Some(AT)), read(&line, None));
        }
    }
}
