//! Request bodies in the making, byte for byte as the Telemetry API sends them.

use serde_json::Value;

use crate::events::Event;
use crate::telemetry::{Item, Subscription};

/// A request body with what the journal wants to know of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub bytes: Vec<u8>,
    pub events: usize,
    /// The request ids of the `platform.runtimeDone` events that it completes.
    pub done: Vec<String>,
}

/// A batch. Only an event that is cut makes more than one request of it.
pub(crate) struct Batch<'a> {
    limits: &'a Subscription,
    /// The last event comes first.
    reversed: bool,
    items: Vec<Item>,
    bytes: usize,
    ready: Vec<Body>,
    open: Body,
}

impl Batch<'_> {
    pub fn new(limits: &Subscription, reversed: bool) -> Batch<'_> {
        Batch { limits, reversed, items: Vec::new(), bytes: 0, ready: Vec::new(), open: Body::default() }
    }

    pub fn is_full(&self) -> bool {
        self.items.len() >= self.limits.max_items || self.bytes >= self.limits.max_bytes
    }

    pub fn push(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.items.push(item);
    }

    /// The requests, in order.
    pub fn finish(mut self) -> Vec<Body> {
        let mut items = std::mem::take(&mut self.items);
        if self.reversed {
            items.reverse();
        }
        for item in items {
            self.write(item);
        }
        self.close();
        self.ready
    }

    fn write(&mut self, item: Item) {
        match item {
            Item::Raw(text) => {
                self.close();
                self.ready.push(Body { bytes: text.into(), ..Body::default() });
            }
            Item::Event(event) => {
                let record = self.record(&event);
                let cut = (record.len() > self.limits.max_bytes).then_some(self.limits.max_bytes);
                self.append(&event, &record, cut, true);
            }
            Item::Cut(event) => {
                let record = self.record(&event);
                self.append(&event, &record, Some(within_text(&record)), true);
            }
            Item::Half(event) => {
                let record = self.record(&event);
                self.append(&event, &record, Some(within_text(&record)), false);
            }
        }
    }

    fn record(&self, event: &Event) -> String {
        let to_text = self.limits.strings_only && !event.is_platforms() && event.record.starts_with('{');
        if to_text { Value::from(&*event.record).to_string() } else { event.record.clone() }
    }

    /// Appends an event. A cut record ends its request inside its value, which is closed with `}]` all the
    /// same; the next request repeats the envelope and goes on with the rest (seen in production). A cut
    /// heeds bytes, not characters.
    fn append(&mut self, event: &Event, record: &str, cut: Option<usize>, rest: bool) {
        let mut record = record.as_bytes();
        while let Some(at) = cut.filter(|at| record.len() > *at) {
            let (head, tail) = record.split_at(at.max(1));
            self.piece(event, head);
            self.close();
            record = tail;
            if !rest {
                return;
            }
        }
        self.piece(event, record);
        self.open.events += 1;
        self.open.done.extend(event.ends.clone());
    }

    fn piece(&mut self, event: &Event, record: &[u8]) {
        let body = &mut self.open.bytes;
        body.push(if body.is_empty() { b'[' } else { b',' });
        body.extend(event.envelope().as_bytes());
        body.extend(record);
        body.push(b'}');
    }

    fn close(&mut self) {
        if !self.open.bytes.is_empty() {
            let mut body = std::mem::take(&mut self.open);
            body.bytes.push(b']');
            self.ready.push(body);
        }
    }
}

/// A place within the last text of a record: large records are text for the most part, so that is where cuts fall.
fn within_text(record: &str) -> usize {
    record.rfind('"').map_or(record.len() / 2, |end| end.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::delivery::Target;

    fn subscription() -> Subscription {
        Subscription {
            extension: "e".into(),
            types: vec!["platform".into(), "function".into()],
            max_items: 1000,
            max_bytes: 262_144,
            timeout: Duration::from_millis(25),
            target: Target::Tcp(1),
            strings_only: false,
            buffer: None,
        }
    }

    fn event(kind: &str, record: &str) -> Event {
        let at = UNIX_EPOCH + Duration::from_secs(1_767_225_601);
        Event { at, ..Event::new(kind, record.into()) }
    }

    fn texts(batch: Batch) -> Vec<String> {
        batch.finish().into_iter().map(|body| String::from_utf8_lossy(&body.bytes).into_owned()).collect()
    }

    #[test]
    fn a_cut_record_makes_two_requests_neither_of_which_is_json() {
        let limits = subscription();
        let mut batch = Batch::new(&limits, false);
        batch.push(Item::Cut(event("function", r#"{"message":"AAAABBBB"}"#)));
        batch.push(Item::Event(event("platform.runtimeDone", r#"{"requestId":"r1"}"#)));
        assert_eq!(
            texts(batch),
            [
                r#"[{"time":"2026-01-01T00:00:01.000Z","type":"function","record":{"message":"AAAABBB}]"#,
                r#"[{"time":"2026-01-01T00:00:01.000Z","type":"function","record":B"}},{"time":"2026-01-01T00:00:01.000Z","type":"platform.runtimeDone","record":{"requestId":"r1"}}]"#,
            ]
        );
    }

    #[test]
    fn a_record_over_max_bytes_is_cut_as_often_as_needed_and_be_it_within_a_character() {
        let limits = subscription();
        let mut batch = Batch::new(&limits, false);
        let record = format!("\"{}\"", "ä".repeat(300_000));
        batch.push(Item::Event(event("function", &record)));
        let envelope = event("function", "").envelope().len();
        let bodies = batch.finish();
        assert_eq!(bodies.len(), 3);
        assert!(
            std::str::from_utf8(&bodies[0].bytes).is_err(),
            "the quote makes the cut fall amid a character"
        );
        let pieces = bodies.iter().map(|body| &body.bytes[1 + envelope..body.bytes.len() - 2]);
        assert_eq!(pieces.collect::<Vec<_>>().concat(), record.as_bytes());
    }

    #[test]
    fn objects_are_strings_in_the_first_schema() {
        let mut limits = subscription();
        limits.strings_only = true;
        let mut batch = Batch::new(&limits, false);
        batch.push(Item::Event(event("function", r#"{"z":1, "a":2}"#)));
        assert!(texts(batch)[0].contains(r#""record":"{\"z\":1, \"a\":2}""#));
    }

    #[test]
    fn a_reversed_batch_begins_with_its_last_event() {
        let limits = subscription();
        let mut batch = Batch::new(&limits, true);
        batch.push(Item::Event(event("platform.start", "{}")));
        batch.push(Item::Event(event("platform.report", "{}")));
        let text = texts(batch).remove(0);
        assert!(text.find("report") < text.find("start"), "{text}");
    }
}
