//! The `telemetryapi` receiver: what Lambda tells of the function (log lines, platform events) as OpenTelemetry
//! logs, metrics and spans.
//!
//! A pure translation. The process has one subscription to the Telemetry API, which the binary owns; `feed.rs` is
//! how its events come here. `event.rs` reads them, `translator.rs` turns them into OTLP: `logs.rs`, `metrics.rs`
//! and `spans.rs`, one for each signal. What a log record says of itself is read by `record.rs`: text by `line.rs`,
//! JSON by `fields.rs`.

mod body;
mod config;
mod delivery;
mod event;
mod export;
mod feed;
mod fields;
mod invocations;
mod json;
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

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use ::config::{Mistakes, Node};
use async_trait::async_trait;
use bytes::Bytes;
use pipeline::{Batch, Context, Error, Inlet, Receiver, Signal, Stop};

pub use self::config::Config;
pub use self::delivery::{Deliveries, Heard, LONGEST, SLICE};
pub use self::event::{Event, events, salvage};
pub use self::feed::{Feed, News, Subscription, Types};
use self::translator::Translator;

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
        let translator = Rc::new(RefCell::new(Translator::new(&self.config, &self.context)));
        let (heard, to) = (translator.clone(), inlet.clone());
        let _joined = self.feed.join(move |news| {
            let requests = heard.borrow_mut().take(news, SystemTime::now());
            requests.into_iter().for_each(|(signal, request)| accept(&to, signal, request));
        });
        stop.wait().await;
        let last = translator.borrow_mut().end(SystemTime::now());
        last.into_iter().for_each(|(signal, request)| accept(&inlet, signal, request));
    }
}

/// Puts an export request of `signal` into the pipelines.
fn accept(inlet: &Inlet, signal: Signal, request: Bytes) {
    let Ok(lease) = inlet.lease(request.len()) else { return };
    match Batch::admit(signal, request, lease) {
        Ok(batch) => inlet.accept(batch),
        Err(malformed) => log::error!("{signal} of the platform's telemetry: {malformed}"),
    }
}
