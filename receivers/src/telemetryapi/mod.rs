//! The `telemetryapi` receiver: what Lambda tells of the function (log lines, platform events) as OpenTelemetry
//! logs, metrics and spans.
//!
//! A pure translation. The process has one subscription to the Telemetry API, which the binary owns; `feed.rs` is
//! how its events come here. `event.rs` reads them, `translator.rs` turns them into OTLP. `logs.rs` makes a log record
//! of each event; what that says of itself is read by `record.rs`: text by `line.rs`, JSON by `fields.rs`. What only
//! several events tell together is put together in `life`: metrics, spans, and failures.

mod attribute;
mod body;
mod config;
mod delivery;
mod event;
mod export;
mod feed;
mod fields;
mod invocations;
mod json;
mod life;
mod line;
mod logs;
mod metrics;
mod record;
mod resource;
mod severity;
mod spans;
mod time;
mod trace;
mod translator;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use ::config::{Id, Mistakes, Node};
use async_trait::async_trait;
use bytes::Bytes;
use pipeline::{Batch, Context, Error, Inlet, Receiver, Signal, Stop};
use tokio::time::MissedTickBehavior;

pub use self::config::Config;
pub use self::delivery::{Deliveries, Heard, LONGEST, SLICE};
pub use self::event::{Event, events, salvage};
pub use self::feed::{Feed, News, Subscription, Types};
pub use self::translator::Translator;

/// All metrics in one request take less.
const METRICS: usize = 32 << 10;
/// No timer fires more often; with shorter intervals metrics go with what is heard.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// The receiver: one of perhaps several that share the process's subscription.
struct TelemetryApi {
    config: Config,
    context: Context,
    feed: Feed,
}

/// Reads the configuration of a receiver and makes it. Its events will come through `feed`.
///
/// # Errors
/// Whatever is wrong in it.
pub fn build(node: &Node, context: &Context, feed: &Feed) -> Result<Box<dyn Receiver>, Mistakes> {
    let config = Config::read(node)?;
    Ok(Box::new(TelemetryApi { config, context: context.clone(), feed: feed.clone() }))
}

#[async_trait(?Send)]
impl Receiver for TelemetryApi {
    fn bind(&mut self) -> Vec<Error> {
        self.feed.ask(self.config.subscription());
        Vec::new()
    }

    async fn run(self: Box<Self>, inlet: Inlet, mut stop: Stop) {
        let translator = Translator::new(&self.config, &self.context).with_logs(inlet.takes(Signal::Logs));
        let (translator, door) =
            (Rc::new(RefCell::new(translator)), Rc::new(Door::new(&self.context.id, inlet)));
        let (hearing, to) = (translator.clone(), door.clone());
        let _joined = self.feed.join(move |news| {
            to.accept(hearing.borrow_mut().hold_metrics(to.is_full()).take(news, SystemTime::now()));
        });
        // Metrics are told in time also where nothing happens.
        let mut interval = tokio::time::interval(self.config.export_interval().max(SHORTEST_INTERVAL));
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.wait() => break,
                _ = interval.tick() => {
                    let nothing = News::Events(&[]);
                    let mut translator = translator.borrow_mut();
                    door.accept(translator.hold_metrics(door.is_full()).take(&nothing, SystemTime::now()));
                }
            }
        }
        let last = translator.borrow_mut().end(SystemTime::now());
        door.accept(last);
    }
}

/// The way into the pipelines.
struct Door {
    id: Id,
    inlet: Inlet,
    /// Requests for which there was no room.
    turned_away: Cell<usize>,
}

impl Door {
    fn new(id: &Id, inlet: Inlet) -> Self {
        Door { id: id.clone(), inlet, turned_away: Cell::new(0) }
    }

    /// Whether there is no room for metrics, which can wait: what they tell was counted already.
    fn is_full(&self) -> bool {
        !self.inlet.has_room(METRICS)
    }

    /// Puts export requests into the pipelines that take their signal.
    fn accept(&self, requests: Vec<(Signal, Bytes)>) {
        for (signal, request) in requests {
            if !self.inlet.takes(signal) {
                continue;
            }
            match self.inlet.lease(request.len()) {
                Ok(lease) => match Batch::admit(signal, request, lease) {
                    Ok(batch) => self.inlet.accept(batch),
                    Err(malformed) => log::error!("{}: {signal} that are none: {malformed}", self.id),
                },
                // The budget counts it. The platform can't be asked to send the same again: it would send all of it.
                Err(full) => {
                    if self.turned_away.replace(self.turned_away.get() + 1) == 0 {
                        log::warn!("{}: {signal} are dropped: {full}", self.id);
                    }
                }
            }
        }
    }
}
