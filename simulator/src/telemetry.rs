//! The Telemetry API's producer: keeps all events, replays them to a new subscriber, and batches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use crate::batch::Batch;
use crate::delivery::{Delivery, Target};
use crate::events::{self, Event};
use crate::platform::Platform;
use crate::shared::Shared;

/// All events of an environment and those who want them.
pub(crate) struct Telemetry(Shared<Log>);

#[derive(Default)]
struct Log {
    /// Kept for who subscribes later; nothing is, once nobody can.
    items: Vec<Item>,
    closed: bool,
    subscribers: Vec<Subscriber>,
    /// The deliveries, one for each subscriber, and events that come later; they end with the log.
    tasks: JoinSet<()>,
}

struct Subscriber {
    types: Vec<String>,
    items: mpsc::UnboundedSender<Item>,
    buffer: Option<usize>,
    backlog: Arc<Shared<Backlog>>,
}

/// What waits for one subscriber, and what had no room.
#[derive(Default)]
struct Backlog {
    bytes: usize,
    dropped_records: usize,
    dropped_bytes: usize,
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
    /// The bytes that may wait to be delivered; what is more is dropped.
    pub buffer: Option<usize>,
}

impl Item {
    fn event(&self) -> Option<&Event> {
        match self {
            Item::Event(event) | Item::Cut(event) | Item::Half(event) => Some(event),
            Item::Raw(_) => None,
        }
    }

    pub fn bytes(&self) -> usize {
        self.event().map_or(0, |event| event.record.len())
    }
}

impl Telemetry {
    pub fn new() -> Telemetry {
        Telemetry(Shared::new(Log::default()))
    }

    pub fn emit(&self, kind: &str, record: &Value) {
        self.push(Item::Event(Event::new(kind, record.to_string())));
    }

    pub fn push(&self, item: Item) {
        self.0.change(|log| {
            log.subscribers.retain(|subscriber| subscriber.take(&item));
            if !log.closed {
                log.items.push(item);
            }
        });
    }

    /// Emits this later, if the environment lives that long.
    pub fn push_later(&self, by: Duration, platform: Arc<Platform>, item: Item) {
        self.0.change(|log| {
            log.tasks.spawn(async move {
                tokio::time::sleep(by).await;
                platform.telemetry.push(item);
            });
        });
    }

    /// Delivers what there is and all that comes.
    pub fn subscribe(&self, platform: &Arc<Platform>, subscription: Subscription) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let backlog = Arc::new(Shared::new(Backlog::default()));
        let types = subscription.types.clone();
        let buffer = subscription.buffer;
        let subscriber = Subscriber { types, items: sender, backlog: Arc::clone(&backlog), buffer };
        self.0.change(|log| {
            for item in &log.items {
                subscriber.take(item);
            }
            log.subscribers.push(subscriber);
            log.tasks.spawn(batches(subscription, receiver, backlog, Arc::clone(platform)));
        });
    }

    /// Nobody can subscribe any more.
    pub fn close(&self) {
        self.0.change(|log| (log.closed, log.items) = (true, Vec::new()));
    }

    /// Waits until everything is delivered.
    pub async fn drained(&self) {
        let of_all =
            |log: &Log| log.subscribers.iter().map(|one| Arc::clone(&one.backlog)).collect::<Vec<_>>();
        for backlog in self.0.read(of_all) {
            backlog.until(|backlog| (backlog.bytes == 0).then_some(())).await;
        }
    }

    /// A new environment, or none: no events, no subscribers, and what is not delivered never will be.
    pub fn reset(&self) {
        self.0.change(|log| *log = Log::default());
    }
}

impl Subscriber {
    fn wants(&self, item: &Item) -> bool {
        let Some(event) = item.event() else { return true };
        self.types.iter().any(|wanted| event.kind.split('.').next() == Some(wanted))
    }

    /// Takes what it wants while there is room. False when it is gone.
    fn take(&self, item: &Item) -> bool {
        if !self.wants(item) {
            return true;
        }
        let bytes = item.bytes();
        let has_room = self.backlog.change(|backlog| {
            if self.buffer.is_some_and(|most| backlog.bytes + bytes > most) {
                backlog.dropped_records += 1;
                backlog.dropped_bytes += bytes;
                return false;
            }
            backlog.bytes += bytes;
            true
        });
        !has_room || self.items.send(item.clone()).is_ok()
    }
}

impl Backlog {
    /// Forgets what was dropped and tells of it.
    fn confess(&mut self) -> Option<Event> {
        let (records, bytes) =
            (std::mem::take(&mut self.dropped_records), std::mem::take(&mut self.dropped_bytes));
        (records > 0).then(|| events::logs_dropped(records, bytes))
    }
}

/// Collects events until the batch is full or old, and delivers it; one request at a time.
async fn batches(
    subscription: Subscription,
    mut items: mpsc::UnboundedReceiver<Item>,
    backlog: Arc<Shared<Backlog>>,
    platform: Arc<Platform>,
) {
    let mut delivery = Delivery::new(&subscription, Arc::clone(&platform));
    while let Some(first) = items.recv().await {
        let due = Instant::now() + subscription.timeout;
        let reversed = platform.quirks.read(|quirks| quirks.reversed_batches);
        let mut batch = Batch::new(&subscription, reversed);
        let mut bytes = first.bytes();
        batch.push(first);
        while !batch.is_full() {
            match timeout_at(due.into(), items.recv()).await {
                Ok(Some(item)) => {
                    bytes += item.bytes();
                    batch.push(item);
                }
                Ok(None) | Err(_) => break,
            }
        }
        for body in batch.finish() {
            delivery.deliver(body).await;
        }
        let confession = backlog.change(|backlog| {
            backlog.bytes -= bytes;
            backlog.confess()
        });
        if let Some(event) = confession.filter(|_| subscription.types.iter().any(|kind| kind == "platform")) {
            let mut batch = Batch::new(&subscription, false);
            batch.push(Item::Event(event));
            for body in batch.finish() {
                delivery.deliver(body).await;
            }
        }
    }
}
