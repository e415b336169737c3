//! The platform's events, read leniently: what is odd in one costs neither it nor its neighbours.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>. A delivery is taken apart first,
//! without looking into its events; then each is read on its own.

use std::borrow::Cow;
use std::fmt;

use pipeline::calendar;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{json, time};

/// After so many records that are not whole, what follows in the same delivery is not looked for events any more.
const MOST_BREAKS: usize = 16;

/// One event of the Telemetry API: `{"time": .., "type": .., "record": ..}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// When it happened, in nanoseconds since 1970; `None` if that can't be read.
    pub time: Option<u64>,
    /// What it is: `function`, `extension`, `platform.start`, ...; empty if that can't be read.
    pub kind: String,
    /// What it says: for a log line a string or any JSON, else an object. An event without one, of no known shape, is
    /// all record.
    pub record: Value,
}

impl Event {
    /// The id of the invocation that a platform event is about.
    pub fn request_id(&self) -> Option<&str> {
        self.record["requestId"].as_str()
    }
}

/// The events of one delivery. `None` if its text is no whole JSON: it was cut, perhaps.
///
/// Takes a list, as the platform sends it, and whatever else can only be meant as events: one alone, several without a
/// list, lists back to back, a comma too many, a byte order mark. Invalid UTF-8 becomes U+FFFD.
pub fn events(body: &[u8]) -> Option<Vec<Event>> {
    // Valid text is checked ten times faster than lossy text is made.
    let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    if let Ok(all) = serde_json::from_str::<Vec<&RawValue>>(&text) {
        return Some(all.into_iter().map(|event| read(event.get())).collect());
    }
    let (mut rest, mut in_list, mut events) = (&*text, false, Vec::new());
    loop {
        rest = rest.trim_start_matches([' ', '\n', '\r', '\t', ',', '\u{feff}']);
        match rest.as_bytes().first() {
            None => return (!in_list).then_some(events),
            Some(b'[') if !in_list => (rest, in_list) = (&rest[1..], true),
            Some(b']') if in_list => (rest, in_list) = (&rest[1..], false),
            Some(_) => {
                let (event, after) = first_value(rest)?;
                rest = after;
                // A null alone is no event; Go's nil list is written so.
                if in_list || event != "null" {
                    events.push(read(event));
                }
            }
        }
    }
}

/// What can be read of a delivery that is no whole JSON, as when a record was cut and its other half never comes:
/// the events that are whole, and of the others the text of their records.
pub fn salvage(body: &[u8]) -> Vec<Event> {
    const BEGIN: &str = r#"{"time":"#;
    // Each break may cost a look at all that follows.
    let mut breaks = 0;
    let text = String::from_utf8_lossy(body);
    let (mut rest, mut events) =
        (text.trim_start_matches(['\u{feff}', '[', ' ', '\n', '\r', '\t']), Vec::new());
    while !rest.is_empty() {
        let whole = first_value(rest).filter(|(event, _)| event.starts_with('{'));
        if let Some((event, after)) = whole {
            events.push(read(event));
            rest = after.trim_start_matches([',', ']', '[', ' ', '\n', '\r', '\t']);
            continue;
        }
        let mut begins = rest.match_indices(BEGIN).map(|(at, _)| at).filter(|at| *at > 0);
        breaks += 1;
        let end = begins.find(|at| breaks < MOST_BREAKS && is_event(&rest[*at..])).unwrap_or(rest.len());
        let (broken, after) = rest.split_at(end);
        events.push(read_broken(broken.trim_end_matches([',', ' ', '\n', '\r', '\t'])));
        rest = after;
    }
    events
}

/// Whether `text` begins with the frame of an event, and not with something inside of a record.
fn is_event(text: &str) -> bool {
    frame_of_broken(text).is_some_and(|(frame, _)| !read(&frame).kind.is_empty())
}

/// An event whose record is not whole: its text becomes the record. The platform closes what it cuts with `}]`.
fn read_broken(text: &str) -> Event {
    let (mut event, record) = match frame_of_broken(text) {
        Some((frame, record)) => (read(&frame), record),
        None => (Event::default(), text),
    };
    event.record = record.strip_suffix("}]").unwrap_or(record).into();
    event
}

/// The event that `text` begins with as if its record were null, and the rest of the text, which is the record.
fn frame_of_broken(text: &str) -> Option<(String, &str)> {
    const RECORD: &str = r#""record":"#;
    // The frame is short; a record that holds the same words comes after it.
    let at = text.as_bytes().windows(RECORD.len()).take(200).position(|bytes| bytes == RECORD.as_bytes())?;
    let (frame, record) = text.split_at(at + RECORD.len());
    Some((format!("{frame}null}}"), record))
}

/// The JSON value that `text` begins with, and what comes after it.
fn first_value(text: &str) -> Option<(&str, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let value = values.next()?.ok()?.get();
    Some((value, &text[values.byte_offset()..]))
}

/// Reads one event, which is valid JSON.
fn read(text: &str) -> Event {
    let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else {
        return Event { record: json::value(text), ..Event::default() };
    };
    if frame.kind.is_none() && frame.record.is_none() {
        return Event { time: frame.time.and_then(time_of), record: json::value(text), ..Event::default() };
    }
    Event {
        time: frame.time.and_then(time_of),
        kind: frame.kind.and_then(|kind| serde_json::from_str(kind.get()).ok()).unwrap_or_default(),
        record: frame.record.map_or(Value::Null, |record| json::value(record.get())),
    }
}

fn time_of(raw: &RawValue) -> Option<u64> {
    // Without escapes it need not be copied.
    match serde_json::from_str::<&str>(raw.get()) {
        Ok(text) => calendar::time(text),
        Err(_) => time::of_value(&json::value(raw.get())),
    }
}

/// An event whose parts are not read yet. Of a part that is there twice the last one counts, and capitals do not: both
/// as in Go.
#[derive(Default)]
struct Frame<'a> {
    time: Option<&'a RawValue>,
    kind: Option<&'a RawValue>,
    record: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Frame<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Parts)
    }
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Frame<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Frame<'de>, A::Error> {
        let mut frame = Frame::default();
        while let Some(name) = parts.next_key::<&RawValue>()? {
            let is = |known: &str| name.get().eq_ignore_ascii_case(known);
            if is(r#""time""#) {
                frame.time = Some(parts.next_value()?);
            } else if is(r#""type""#) {
                frame.kind = Some(parts.next_value()?);
            } else if is(r#""record""#) {
                frame.record = Some(parts.next_value()?);
            } else {
                parts.next_value::<IgnoredAny>()?;
            }
        }
        Ok(frame)
    }
}

#[cfg(test)]
mod tests;
