//! The Telemetry API's deliveries, put right: cut records are stitched, repeated deliveries recognised, large ones
//! taken in slices.
//!
//! The platform cuts a large record anywhere, closes the first delivery with `}]` all the same, and begins the next
//! one with the record's time and type again, directly followed by the rest:
//! ```text
//! [{"time":"2026-01-01T00:00:01.000Z","type":"function","record":{"message":"AAAA}]
//! [{"time":"2026-01-01T00:00:01.000Z","type":"function","record":BBBB"}},{"time": ..., "type": ...}]
//! ```
//! Neither is JSON. It may cut one record more than once.

#[cfg(test)]
mod tests;
mod text;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};

use serde_json::Value;

use self::text::{Piece, begin, cut_off, ended_in, ends, event, first_value, frame, pieces, repeats_itself};
use super::event::{Event, events, salvage};

/// A delivery larger than this is taken in slices of about this size. The usual ones, of at most twice the smallest
/// `maxBytes` that one can subscribe to, stay whole.
pub const SLICE: usize = 1 << 20;
/// The most that is kept of records that were cut, and of one event. `maxBytes` is 1 MiB at most, and JSON may double it.
pub const LONGEST: usize = 4 << 20;
/// Deliveries that are sent again follow at once, or at the next thaw; a few more are remembered.
const REMEMBERED: usize = 64;
/// So many bytes tell deliveries apart: a time, a type and the begin of what was written.
const BEGIN: usize = 160;

/// All deliveries of one subscription, one after the other.
#[derive(Debug, Default)]
pub struct Deliveries {
    halves: VecDeque<Half>,
    seen: VecDeque<Seen>,
    /// What came of a delivery whose connection was lost.
    broken_off: Option<Vec<u8>>,
}

/// A delivery, or a slice of one, that was heard.
#[derive(Debug)]
struct Seen {
    key: u64,
    begin: Box<[u8]>,
}

/// What there is of a record that was cut.
#[derive(Debug)]
struct Half {
    /// The event's text before its record's value: the other half begins with the same.
    frame: Vec<u8>,
    /// Of the value, with the `}` behind it that does not belong there if it goes on.
    text: Vec<u8>,
}

/// What was understood of a delivery.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    /// Its events, in order.
    pub events: Vec<Event>,
    /// The requests whose function is done according to it.
    pub done: Vec<String>,
}

impl Deliveries {
    /// Understands what there is of a delivery and takes it out of `body`. If there is `more` to come, an event that
    /// may not be complete stays.
    ///
    /// `sequence` is the platform's name for the delivery, if it has one. What comes a second time is nothing.
    pub fn take(&mut self, body: &mut Vec<u8>, sequence: Option<&[u8]>, more: bool) -> Heard {
        let part = if more { cut_off(body) } else { std::mem::take(body) };
        let mut heard = Heard::default();
        // What was begun comes again whole.
        self.broken_off.take_if(|begun| part.starts_with(&begun[..begun.len().min(part.len())]));
        if !part.is_empty() && !self.is_resent(&part, sequence) {
            match (self.finish(&part), events(&part)) {
                (Some((event, rest)), _) => {
                    heard.add(vec![event]);
                    self.take_apart(rest, &mut heard);
                }
                (None, Some(events)) => heard.add(events),
                (None, None) => self.take_apart(&part, &mut heard),
            }
        }
        heard
    }

    /// Remembers what came of a delivery whose connection was lost: the platform sends it again. Should it not, it is
    /// not lost.
    pub fn break_off(&mut self, body: Vec<u8>) -> Heard {
        let done = ended_in(&body);
        let begin = &body[..body.len().min(BEGIN)];
        // It may have come again before its first connection's end was noticed.
        if self.seen.iter().any(|seen| seen.begin.starts_with(begin)) {
            return Heard { events: Vec::new(), done };
        }
        let other = self.broken_off.take().filter(|other| !other.starts_with(begin));
        self.broken_off = Some(body);
        Heard { events: other.map_or(Vec::new(), |other| salvage(&other)), done }
    }

    /// Whether there is a record of which a part is missing.
    pub fn wait_for_more(&self) -> bool {
        !self.halves.is_empty()
    }

    /// The bytes that are kept.
    pub fn bytes(&self) -> usize {
        self.halves.iter().map(Half::bytes).sum::<usize>() + self.broken_off.as_ref().map_or(0, Vec::len)
    }

    /// Gives up waiting for the rest of cut records: what there is of each becomes a record, as text.
    pub fn let_go(&mut self) -> Vec<Event> {
        self.halves.drain(..).map(Half::into_event).collect()
    }

    /// Gives up waiting for anything: nothing comes any more.
    pub fn end(&mut self) -> Vec<Event> {
        let begun = self.broken_off.take().map_or(Vec::new(), |begun| salvage(&begun));
        [self.let_go(), begun].concat()
    }

    fn is_resent(&mut self, body: &[u8], sequence: Option<&[u8]>) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write(sequence.unwrap_or_default());
        hasher.write(body);
        let key = hasher.finish();
        if self.seen.iter().any(|seen| seen.key == key) {
            return !repeats_itself(body);
        }
        self.seen.truncate(REMEMBERED - 1);
        self.seen.push_front(Seen { key, begin: body[..body.len().min(BEGIN)].into() });
        false
    }

    /// Takes events from a delivery that is no JSON.
    fn take_apart(&mut self, body: &[u8], heard: &mut Heard) {
        for (_, piece) in pieces(body) {
            match piece {
                Piece::Whole(text) => heard.add(event(text).into_iter().collect()),
                Piece::Broken(text) => self.stitch(text, heard),
            }
        }
        // A cut event tells by its text alone, and so does what is cut as it never was before.
        heard.end(ended_in(body));
    }

    /// The event that was cut before and whose last part `body` begins with, and what comes after that.
    fn finish<'a>(&mut self, body: &'a [u8]) -> Option<(Event, &'a [u8])> {
        let text = &body[begin(body, b"[")..];
        let (frame, rest) = text.split_at(frame(text)?);
        let known = self.halves.iter().position(|half| half.frame == frame)?;
        let begun = self.halves[known].begun();
        let joined = [frame, begun, rest].concat();
        let event = first_value(&joined).ok().filter(|event| ends(&joined[event.len()..]))?;
        // What was begun may hold an event that ends before this goes on: then this is no part of it.
        let rest = &rest[event.len().checked_sub(frame.len() + begun.len())?..];
        let event = self::event(event)?;
        self.halves.remove(known);
        Some((event, rest))
    }

    /// Finds the record that `text` belongs to. The halves may come in either order.
    fn stitch(&mut self, text: &[u8], heard: &mut Heard) {
        let length = frame(text).unwrap_or_default();
        let mut new = Half { frame: text[..length].to_vec(), text: text[length..].to_vec() };
        if length == 0 {
            return heard.events.push(new.into_event());
        }
        let known = self.halves.iter().position(|half| half.frame == new.frame);
        if let Some(old) = known.and_then(|known| self.halves.remove(known)) {
            if old.bytes() + new.bytes() > LONGEST {
                heard.events.push(old.into_event());
            } else {
                let joined = old.and(&new);
                if let Some(event) = joined.whole().or_else(|| new.and(&old).whole()) {
                    return heard.add(vec![event]);
                }
                heard.end(ended_in(&joined.event()));
                new = joined;
            }
        }
        self.halves.push_back(new);
        while self.halves.iter().map(Half::bytes).sum::<usize>() > LONGEST
            && let Some(oldest) = self.halves.pop_front()
        {
            heard.events.push(oldest.into_event());
        }
    }
}

impl Heard {
    fn add(&mut self, events: Vec<Event>) {
        let done = events.iter().filter(|event| event.kind == "platform.runtimeDone");
        self.end(done.filter_map(|event| event.request_id().map(str::to_owned)).collect());
        self.events.extend(events);
    }

    fn end(&mut self, requests: Vec<String>) {
        for request in requests {
            if !self.done.contains(&request) {
                self.done.push(request);
            }
        }
    }
}

impl Half {
    fn bytes(&self) -> usize {
        self.frame.len() + self.text.len()
    }

    /// This and what comes after it.
    fn and(&self, rest: &Half) -> Half {
        Half { frame: self.frame.clone(), text: [self.begun(), &*rest.text].concat() }
    }

    /// The text if it goes on.
    fn begun(&self) -> &[u8] {
        self.text.strip_suffix(b"}").unwrap_or(&self.text)
    }

    fn event(&self) -> Vec<u8> {
        [&*self.frame, &*self.text].concat()
    }

    fn whole(&self) -> Option<Event> {
        event(&self.event())
    }

    fn into_event(self) -> Event {
        let text = self.begun();
        // The begin of a text is a text too.
        let begun: Option<String> = serde_json::from_slice(&[text, b"\""].concat()).ok();
        let record = begun.unwrap_or_else(|| String::from_utf8_lossy(text).into_owned());
        let event = event(&[&*self.frame, b"null}"].concat()).unwrap_or_default();
        Event { record: Value::String(record), ..event }
    }
}
