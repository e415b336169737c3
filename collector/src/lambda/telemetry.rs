//! What the platform tells: to the lifecycle which invocations are done, to the receivers everything.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html>. One subscription serves all. Its deliveries come
//! at least once, in any order, late, and now and then cut in two. The receivers are told all of a delivery before
//! the end of an invocation in it is known, so that the flush which that releases leaves nothing behind.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use pipeline::{Budget, Host, Invocation, Lease};
use receivers::telemetryapi::{Deliveries, Event, Feed, Heard, News, Subscription};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::resource;
use crate::configuration::Configuration;
use crate::log::Log;

/// Request ids are kept for events that overtake the `INVOKE` they belong to; few do.
const REMEMBERED: usize = 32;
/// The rest of a cut record follows as soon as the platform has our answer. An invocation is held no longer for one
/// that does not.
const REST_OF_RECORD: Duration = Duration::from_millis(50);
/// The same where nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(1);
/// The last invocation's report comes within this time after `SHUTDOWN` (5 ms on average), or never.
const LAST_REPORT: Duration = Duration::from_millis(300);

/// What is heard from the platform. Clones share it.
#[derive(Clone)]
pub struct Telemetry(Rc<State>);

struct State {
    feed: Feed,
    host: Host,
    budget: Budget,
    log: Log,
    deliveries: RefCell<Deliveries>,
    /// For what is kept of deliveries that were cut.
    kept: RefCell<Option<Lease>>,
    /// When a record was last cut, while it waits for its rest.
    cut: Cell<Option<Instant>>,
    done: RefCell<VecDeque<String>>,
    /// The last invocation, until its report comes.
    unreported: RefCell<Option<String>>,
    /// For how long the platform buffers, if it delivers anything.
    buffering: Cell<Option<Duration>>,
    news: Notify,
}

impl Telemetry {
    /// Tells what is heard to the receivers of `configuration`, but for the lines of `log` and those of exporters: to
    /// relay what is written about relaying would have no end.
    pub fn new(configuration: &Configuration, log: Log) -> Self {
        let Configuration { feed, host, budget, .. } = configuration;
        Telemetry(Rc::new(State {
            feed: feed.clone(),
            host: host.clone(),
            budget: budget.clone(),
            log,
            deliveries: RefCell::default(),
            kept: RefCell::default(),
            cut: Cell::default(),
            done: RefCell::default(),
            unreported: RefCell::default(),
            buffering: Cell::default(),
            news: Notify::new(),
        }))
    }

    /// What to subscribe to: what the receivers want, and platform events in any case.
    pub fn wanted(&self) -> Subscription {
        let mut wanted = self.0.feed.subscription().unwrap_or_default();
        wanted.types.platform = true;
        wanted
    }

    /// Whether any receiver wants to be told.
    pub fn is_wanted(&self) -> bool {
        self.0.feed.subscription().is_some()
    }

    /// Learns that deliveries will come, for each of which the platform gathers events for so long.
    pub fn subscribed(&self, buffering: Duration) {
        self.0.buffering.set(Some(buffering));
    }

    /// The budget that deliveries are read under.
    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// Takes in a delivery, or so much of it as can be understood before there is `more`.
    pub fn hear(&self, body: &mut Vec<u8>, sequence: Option<&[u8]>, more: bool) {
        let heard = self.0.deliveries.borrow_mut().take(body, sequence, more);
        self.tell(heard);
    }

    /// Takes in what came of a delivery whose connection was lost.
    pub fn hear_begin(&self, body: Vec<u8>) {
        let heard = self.0.deliveries.borrow_mut().break_off(body);
        self.tell(heard);
    }

    /// The function is invoked.
    pub fn invoked(&self, invocation: &Invocation) {
        self.0.unreported.replace(Some(invocation.request_id.clone()));
        self.0.host.invoked(invocation.clone());
        self.tell_receivers(News::Invoked(invocation));
    }

    /// Resolves once the platform has reported the end of the function for this request, and all that was cut on the
    /// way to that is whole or given up. Then forgets it: an asynchronous invocation that failed is tried again
    /// under the same id.
    ///
    /// No other event says the same: a report is made when the extensions are done too, and the one of a first try
    /// comes when the second has begun.
    pub async fn done(&self, request_id: &str) {
        let is_done = || self.0.done.borrow().iter().any(|done| done == request_id);
        self.until(is_done).await;
        self.0.done.borrow_mut().retain(|done| done != request_id);
        let _ = timeout(REST_OF_RECORD, self.until(|| self.0.cut.get().is_none())).await;
        self.let_go();
    }

    /// What was cut and has not come whole is told as it is.
    pub fn let_go(&self) {
        let events = self.0.deliveries.borrow_mut().let_go();
        self.tell(Heard { events, done: Vec::new() });
    }

    /// Resolves when what the platform still has to say in an environment that ends should have come: what it
    /// buffers, and the last invocation's report.
    pub async fn last_words(&self) {
        let (Some(buffering), Some(wanted)) = (self.0.buffering.get(), self.0.feed.subscription()) else {
            return;
        };
        let begun = Instant::now();
        let buffered = begun + buffering + Duration::from_millis(15);
        if wanted.types.platform {
            let reported = self.until(|| self.0.unreported.borrow().is_none());
            let _ = timeout(LAST_REPORT + buffering, reported).await;
        }
        sleep_until(buffered).await;
    }

    /// The environment ends, for this reason; nothing is heard any more.
    pub fn ends(&self, reason: &str) {
        let events = self.0.deliveries.borrow_mut().end();
        self.tell(Heard { events, done: Vec::new() });
        self.tell_receivers(News::Ends(reason));
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        while !condition() {
            self.0.news.notified().await;
        }
    }

    fn tell(&self, Heard { mut events, done }: Heard) {
        events.retain(|event| event.kind != "extension" || !self.0.has_written(&event.record));
        resource::learn_from(&events, &self.0.host);
        self.0.book_reports(&events);
        if !events.is_empty() {
            self.tell_receivers(News::Events(&events));
        }
        let mut known = self.0.done.borrow_mut();
        known.extend(done);
        let forgotten = known.len().saturating_sub(REMEMBERED);
        known.drain(..forgotten);
        self.keep();
        self.0.news.notify_waiters();
    }

    /// Were the end of an invocation lost with what a receiver can't bear, the invocation would be held for long; were it
    /// another piece of news, all would end.
    fn tell_receivers(&self, news: News<'_>) {
        if catch_unwind(AssertUnwindSafe(|| self.0.feed.tell(news))).is_err() {
            ::log::error!("telemetryapi panicked; some of what it was told is lost");
        }
    }

    /// Books what is kept of cut deliveries, and sees to it that nothing is kept for long.
    fn keep(&self) {
        let deliveries = self.0.deliveries.borrow();
        let (bytes, waits) = (deliveries.bytes(), deliveries.wait_for_more());
        self.0.kept.replace(self.0.lease(bytes));
        let is_watched = self.0.cut.replace(waits.then(Instant::now)).is_some();
        if waits && !is_watched {
            let telemetry = self.clone();
            tokio::task::spawn_local(async move { telemetry.lose_patience().await });
        }
    }

    /// Where nothing else ends the wait (an environment that is never frozen), time does.
    async fn lose_patience(&self) {
        while let Some(cut) = self.0.cut.get() {
            sleep(PATIENCE).await;
            if self.0.cut.get() == Some(cut) {
                self.let_go();
            }
        }
    }
}

impl State {
    /// Whether `record`, a line of an extension, is one of this process.
    fn has_written(&self, record: &Value) -> bool {
        self.log.has_written(record) || self.host.has_written(record)
    }

    /// What exists already is booked, be there room or not.
    fn lease(&self, bytes: usize) -> Option<Lease> {
        let mut lease = self.budget.lease(0).ok().filter(|_| bytes > 0)?;
        lease.settle(bytes);
        Some(lease)
    }

    fn book_reports(&self, events: &[Event]) {
        for event in events.iter().filter(|event| event.kind == "platform.report") {
            self.unreported.borrow_mut().take_if(|id| event.request_id() == Some(id));
        }
    }
}
