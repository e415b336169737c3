//! The text of deliveries that are no JSON: what is whole in it, and where it can be cut.

use serde_json::value::RawValue;

use super::LONGEST;
use crate::telemetryapi::event::{Event, events};

/// What has so many events or bytes may have ended because it was full: the smallest `maxItems` that one can subscribe
/// to, and a good part of the smallest slice that a delivery is taken in.
const FULL: (usize, usize) = (1000, 16 << 10);
/// How many times the length of a delivery is read at most to find what is whole in it.
const IN_VAIN: usize = 4;
/// The longest frame: time, type and names take some 80 bytes.
const LONGEST_FRAME: usize = 200;

const RECORD: &[u8] = br#""record":"#;
const EVENT: &[u8] = br#"{"time":"#;

/// A part of a delivery that is no JSON.
pub(super) enum Piece<'a> {
    /// An event.
    Whole(&'a [u8]),
    /// All there is of one up to the next event.
    Broken(&'a [u8]),
}

/// The parts of a delivery, each with its place.
pub(super) fn pieces(body: &[u8]) -> Vec<(usize, Piece<'_>)> {
    let mut found = Vec::new();
    let (mut at, mut read_in_vain) = (0, 0);
    loop {
        at += begin(&body[at..], b",[]");
        let rest = &body[at..];
        if rest.is_empty() {
            return found;
        }
        let gone_wrong = match first_value(rest) {
            Ok(value) if value.starts_with(b"{") && ends(&rest[value.len()..]) => {
                found.push((at, Piece::Whole(value)));
                at += value.len();
                continue;
            }
            Ok(value) => value.len(),
            Err(error) if error.is_eof() => rest.len(),
            Err(error) => place(rest, &error),
        };
        read_in_vain += gone_wrong;
        // Events in events in events would be read again and again. What is not complete has no event behind it.
        let is_last = gone_wrong == rest.len() || read_in_vain > IN_VAIN * body.len();
        let end = next_event(rest).filter(|_| !is_last).unwrap_or(rest.len());
        let text = rest[..end].trim_ascii_end();
        // What follows it is the comma before the next event, or the list's end.
        let after: &[u8] = if end < rest.len() { b"," } else { b"]" };
        found.push((at, Piece::Broken(text.strip_suffix(after).unwrap_or(text))));
        at += end;
    }
}

/// The JSON value that `text` begins with.
pub(super) fn first_value(text: &[u8]) -> serde_json::Result<&[u8]> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    values.next().unwrap_or(Ok(RawValue::NULL)).map(|value| value.get().as_bytes())
}

/// Whether an event may end before `rest`: a comma or the end of the list follows. Otherwise it is a part of
/// something larger, cut where a value began.
pub(super) fn ends(rest: &[u8]) -> bool {
    match rest.trim_ascii_start() {
        [] | [b','] => true,
        [b',', next @ ..] => next.trim_ascii_start().starts_with(b"{"),
        [b']', end @ ..] => end.trim_ascii().is_empty(),
        _ => false,
    }
}

/// The number of bytes after which `error` was found in `text`.
fn place(text: &[u8], error: &serde_json::Error) -> usize {
    let lines = text.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    lines.map(|line| line.len() + 1).sum::<usize>() + error.column()
}

/// Where `text` begins, after white space and `between`.
pub(super) fn begin(text: &[u8], between: &[u8]) -> usize {
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || between.contains(byte);
    text.iter().position(|byte| !is_between(byte)).unwrap_or(text.len())
}

/// Where in `text`, after its begin, the next event begins. Inside of a JSON text quotes are escaped, so that what
/// looks like an event is one.
fn next_event(text: &[u8]) -> Option<usize> {
    let mut from = 1;
    loop {
        let at = from + find(text.get(from..)?, EVENT)?;
        if frame(&text[at..]).is_some() {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The length of the frame that `text` begins with: an event up to its record's value.
pub(super) fn frame(text: &[u8]) -> Option<usize> {
    let head = &text[..text.len().min(LONGEST_FRAME)];
    let end = find(head, RECORD)? + RECORD.len();
    let read = event(&[&head[..end], b"null}"].concat())?;
    (head.starts_with(EVENT) && !read.kind.is_empty()).then_some(end)
}

/// The one event that `text` is.
pub(super) fn event(text: &[u8]) -> Option<Event> {
    let mut read = events(&[b"[", text, b"]"].concat())?;
    read.pop().filter(|_| read.is_empty())
}

/// Cuts off what can be understood before the rest has come. What is left begins with an event that may not be
/// complete; if that is too long to wait for, it is cut as the platform cuts.
pub(super) fn cut_off(body: &mut Vec<u8>) -> Vec<u8> {
    let (cut, frame) = match &*pieces(body) {
        [.., _, (last, _)] => (*last, Vec::new()),
        [(begin, _)] if body.len() >= LONGEST => {
            let event = &body[*begin..];
            (body.len(), event[..frame(event).unwrap_or_default()].to_vec())
        }
        _ => return Vec::new(),
    };
    let rest = [b"[", &*frame, &body[cut..]].concat();
    if cut == body.len() {
        body.push(b'}');
    } else {
        let events = body[..cut].trim_ascii_end();
        body.truncate(events.strip_suffix(b",").unwrap_or(events).len());
    }
    body.push(b']');
    std::mem::replace(body, rest)
}

/// Whether `body` is full and one thing over and over, so that the next one may well be the same without being sent
/// again: a line printed ten thousand times within a millisecond, the inner parts of a record of a million `x`.
pub(super) fn repeats_itself(body: &[u8]) -> bool {
    let repeats =
        |text: &[u8], period: usize| text.get(period..).is_some_and(|later| text.starts_with(later));
    let Some(begin) = find(body, EVENT) else { return false };
    let events = body[begin..].trim_ascii_end();
    let events = events.strip_suffix(b"]").unwrap_or(events);
    if let Some(period) = next_event(events) {
        let is_full = body.len() >= FULL.1 || body.len() / period >= FULL.0;
        return is_full && repeats(events, period);
    }
    let text = &events[frame(events).unwrap_or(0)..];
    let text = text.strip_suffix(b"}").unwrap_or(text);
    text.len() >= FULL.1 && (0..12).any(|power| repeats(text, 1 << power))
}

/// The requests whose end is told in a text that is no JSON.
pub(super) fn ended_in(text: &[u8]) -> Vec<String> {
    let mut ended = Vec::new();
    let mut rest = text;
    while let Some(at) = find(rest, br#""platform.runtimeDone""#) {
        rest = &rest[at + 1..];
        let event = &rest[..find(rest, br#""time":"#).unwrap_or(rest.len())];
        let Some(key) = find(event, br#""requestId""#) else { continue };
        let mut quoted = event[key + br#""requestId""#.len()..].split(|byte| *byte == b'"');
        if let (Some(colon), Some(value), Some(_)) = (quoted.next(), quoted.next(), quoted.next())
            && colon.trim_ascii() == b":"
        {
            ended.push(String::from_utf8_lossy(value).into_owned());
        }
    }
    ended
}

/// Where `needle` first stands in `hay`.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    // Most bytes are no begin of it, which this finds out fastest.
    let mut from = 0;
    loop {
        let at = from + hay.get(from..)?.iter().position(|byte| *byte == needle[0])?;
        if hay[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}
