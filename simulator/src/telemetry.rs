//! The Telemetry API's producer: keeps all events, replays them to a new subscriber, and batches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use crate::delivery::{Delivery, Target};
use crate::events::Event;
use crate::platform::Platform;
use crate::shared::Shared;

/// All events of an environment and those who want them.
pub(crate) struct Telemetry(Shared<Log>);

#[derive(Default)]
struct Log {
    items: Vec<Item>,
    subscribers: Vec<Subscriber>,
    /// One for each subscriber; they end with the log.
    deliveries: JoinSet<()>,
}

struct Subscriber {
    types: Vec<String>,
    items: mpsc::UnboundedSender<Item>,
}

/// Something to deliver.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Event(Event),
    /// An event that is cut across two requests, small as it is.
    Cut(Event),
    /// Like `Cut`, but the second half is lost.
    Half(Event),
    /// A request body as it is.
    Raw(String),
}

/// An accepted subscription.
pub(crate) struct Subscription {
    pub extension: String,
    pub types: Vec<String>,
    pub max_items: usize,
    pub max_bytes: usize,
    pub timeout: Duration,
    pub target: Target,
    /// Records are strings only (schema 2022-07-01).
    pub strings_only: bool,
}

impl Telemetry {
    pub fn new() -> Telemetry {
        Telemetry(Shared::new(Log::default()))
    }

    pub fn emit(&self, kind: &str, record: Value) {
        self.push(Item::Event(Event::new(kind, record)));
    }

    pub fn push(&self, item: Item) {
        self.0.change(|log| {
            log.subscribers
                .retain(|subscriber| !subscriber.wants(&item) || subscriber.items.send(item.clone()).is_ok());
            log.items.push(item);
        });
    }

    /// Delivers what there is and all that comes.
    pub fn subscribe(&self, platform: &Arc<Platform>, subscription: Subscription) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let subscriber = Subscriber { types: subscription.types.clone(), items: sender };
        self.0.change(|log| {
            for item in log.items.iter().filter(|item| subscriber.wants(item)) {
                // The receiver is alive: it is a line above.
                let _ = subscriber.items.send(item.clone());
            }
            log.subscribers.push(subscriber);
            log.deliveries.spawn(batches(subscription, receiver, Arc::clone(platform)));
        });
    }

    /// A new environment, or none: no events, no subscribers, and what is not delivered never will be.
    pub fn reset(&self) {
        self.0.change(|log| *log = Log::default());
    }
}

impl Subscriber {
    fn wants(&self, item: &Item) -> bool {
        let (Item::Event(event) | Item::Cut(event) | Item::Half(event)) = item else { return true };
        self.types.iter().any(|wanted| event.kind.split('.').next() == Some(wanted))
    }
}

/// Collects events until the batch is full or old, and delivers it; one request at a time.
async fn batches(
    subscription: Subscription,
    mut items: mpsc::UnboundedReceiver<Item>,
    platform: Arc<Platform>,
) {
    let mut delivery = Delivery::new(&subscription, platform);
    while let Some(first) = items.recv().await {
        let due = Instant::now() + subscription.timeout;
        let mut batch = Batch::new(&subscription);
        batch.push(first);
        while !batch.is_full() {
            match timeout_at(due.into(), items.recv()).await {
                Ok(Some(item)) => batch.push(item),
                Ok(None) | Err(_) => break,
            }
        }
        for body in batch.finish() {
            delivery.deliver(body).await;
        }
    }
}

/// A request body with what the journal wants to know of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub text: String,
    pub events: usize,
    /// The request ids of the `platform.runtimeDone` events that it completes.
    pub done: Vec<String>,
}

/// Request bodies in the making. Only an event that is cut makes it more than one.
struct Batch<'a> {
    limits: &'a Subscription,
    ready: Vec<Body>,
    open: Body,
    items: usize,
    bytes: usize,
}

impl Batch<'_> {
    fn new(limits: &Subscription) -> Batch<'_> {
        Batch { limits, ready: Vec::new(), open: Body::default(), items: 0, bytes: 0 }
    }

    fn is_full(&self) -> bool {
        self.items >= self.limits.max_items || self.bytes >= self.limits.max_bytes
    }

    fn push(&mut self, item: Item) {
        self.items += 1;
        match item {
            Item::Raw(text) => {
                self.close("]");
                self.ready.push(Body { text, ..Body::default() });
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
        match &event.record {
            object @ Value::Object(_) if self.limits.strings_only && !event.kind.starts_with("platform.") => {
                Value::from(object.to_string()).to_string()
            }
            record => record.to_string(),
        }
    }

    /// Appends an event. A cut record ends its request inside its value, which is closed with `}]` all the
    /// same; the next request repeats the envelope and goes on with the rest (seen in production).
    fn append(&mut self, event: &Event, record: &str, cut: Option<usize>, rest: bool) {
        let mut record = record;
        while let Some(at) = cut.filter(|at| record.len() > *at) {
            let (head, tail) = record.split_at(record.floor_char_boundary(at.max(1)));
            self.piece(event, head);
            self.close("]");
            record = tail;
            if !rest {
                return;
            }
        }
        self.piece(event, record);
        self.open.events += 1;
        if event.kind == "platform.runtimeDone" {
            self.open.done.extend(event.request_id().map(String::from));
        }
    }

    fn piece(&mut self, event: &Event, record: &str) {
        self.open.text.push(if self.open.text.is_empty() { '[' } else { ',' });
        self.open.text.push_str(&event.envelope());
        self.open.text.push_str(record);
        self.open.text.push('}');
        self.bytes += record.len();
    }

    fn close(&mut self, end: &str) {
        if !self.open.text.is_empty() {
            let mut body = std::mem::take(&mut self.open);
            body.text.push_str(end);
            self.ready.push(body);
        }
    }

    fn finish(mut self) -> Vec<Body> {
        self.close("]");
        self.ready
    }
}

/// A place within the last text of a record: large records are text for the most part, so that is where cuts fall.
fn within_text(record: &str) -> usize {
    record.rfind('"').map_or(record.len() / 2, |end| end.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription() -> Subscription {
        Subscription {
            extension: "e".into(),
            types: vec!["platform".into(), "function".into()],
            max_items: 1000,
            max_bytes: 262_144,
            timeout: Duration::from_millis(25),
            target: Target::Tcp(1),
            strings_only: false,
        }
    }

    fn event(kind: &str, record: Value) -> Event {
        Event { time: "2026-01-01T00:00:01.000Z".into(), kind: kind.into(), record }
    }

    #[test]
    fn a_cut_record_makes_two_requests_neither_of_which_is_json() {
        let limits = subscription();
        let mut batch = Batch::new(&limits);
        batch.push(Item::Cut(event("function", serde_json::json!({ "message": "AAAABBBB" }))));
        batch.push(Item::Event(event("platform.runtimeDone", serde_json::json!({ "requestId": "r1" }))));
        let bodies = batch.finish();
        let texts: Vec<&str> = bodies.iter().map(|body| body.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                r#"[{"time":"2026-01-01T00:00:01.000Z","type":"function","record":{"message":"AAAABBB}]"#,
                r#"[{"time":"2026-01-01T00:00:01.000Z","type":"function","record":B"}},{"time":"2026-01-01T00:00:01.000Z","type":"platform.runtimeDone","record":{"requestId":"r1"}}]"#,
            ]
        );
        assert_eq!(bodies[1].done, ["r1"]);
    }

    #[test]
    fn a_record_over_max_bytes_is_cut_as_often_as_needed() {
        let limits = subscription();
        let mut batch = Batch::new(&limits);
        batch.push(Item::Event(event("function", serde_json::json!({ "message": "x".repeat(600_000) }))));
        assert_eq!(batch.finish().len(), 3);
    }

    #[test]
    fn objects_are_strings_in_the_first_schema() {
        let mut limits = subscription();
        limits.strings_only = true;
        let mut batch = Batch::new(&limits);
        batch.push(Item::Event(event("function", serde_json::json!({ "a": 1 }))));
        assert!(batch.finish()[0].text.contains(r#""record":"{\"a\":1}""#));
    }
}
