//! The time, level and ids that a text line begins with, in the layouts of Lambda's managed runtimes and of loggers
//! that are common beside them.
//!
//! Not one pattern for each layout but the tokens that all of them are made of: a time, the request id, a level, in
//! any order, perhaps in brackets, perhaps with a thread's name between. The head of a line ends with the first word
//! that is none of these. What could as well be part of a message is not taken: a level in small letters needs a tab
//! or a colon after it, a request id needs a time before it, a time must be near to the platform's.

use std::borrow::Cow;

use pipeline::calendar;
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

/// `CRITICAL`: what is longer, a line of a megabyte without a blank perhaps, is not looked at closer.
const LONGEST_LEVEL: usize = 8;

/// Messages of more lines than that are not searched for the exception that they are of.
const MOST_LINES_OF_MESSAGE: usize = 32;

/// Reads what a line says, which the platform had `at` this time; `None` if it is of no known layout. The body and
/// the attributes are left to the caller. Of several lines in one record the first counts.
pub fn read(text: &str, at: Option<u64>) -> Option<Record> {
    let line = without_colours(text.trim_start().lines().next()?);
    let read = echo(&line).or_else(|| key_values(&line, at)).or_else(|| Head::read(&line, at));
    read.or_else(|| uncaught(text).then(|| Record { severity: Some(Severity::error()), ..Record::default() }))
}

/// Whether `text` is what Java's runtime writes of an exception that the handler threw: the message, a colon and the
/// exception's class, then its stack trace, which begins with the class too. Other runtimes write a level before it.
fn uncaught(text: &str) -> bool {
    let lines = text.lines().take(MOST_LINES_OF_MESSAGE);
    let mut pairs = lines.clone().zip(lines.skip(1));
    let tells_class_twice = |(line, next): (&str, &str)| {
        let class = line.rsplit_once(": ").map_or("", |(_, class)| class);
        let is_class =
            !class.is_empty() && class.bytes().all(|b| b.is_ascii_alphanumeric() || b"._$".contains(&b));
        is_class && next.strip_prefix(class).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    text.contains("\n\tat ") && pairs.any(tells_class_twice)
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
        if word.len() > LONGEST_LEVEL {
            return false;
        }
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
        } else if let Some(rest) = self.rest.get(1..).and_then(|rest| rest.strip_prefix(", [")) {
            Some(("", rest))
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
        calendar::time(time).map(|_| (time, &text[time.len()..]))
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
mod tests;
