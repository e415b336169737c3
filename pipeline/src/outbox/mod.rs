//! The one place of queue, retry, timeout and deadline: what stands between the pipelines and an exporter.
//!
//! An outbox holds what an exporter is to deliver. It sends only while somebody awaits [`Outbox::send_due`] or
//! [`Outbox::send_all`], that is inside a flush: attempts live in the outbox and move only when polled there, so
//! nothing leaves the process while the sandbox may freeze. The first of the two may be dropped at any time; what
//! is under way goes on in the next call. What a flush can't deliver keeps its place and goes first next time.

mod attempt;
mod health;
mod queue;
mod size;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::hash::BuildHasher;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use config::Id;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::attempt::attempt;
use self::health::Health;
use self::queue::{Entry, Most, Queue};
use self::size::RequestSize;
use crate::{Batch, Delivered, Error, Exporter, Sending, Signal, Undelivered};

/// A backend in trouble is asked with a request up to this size: to compress more costs the function CPU time on
/// every invocation of an outage.
const PROBE_BYTES: usize = 64 << 10;

/// What waits for one exporter, and what is on its way.
pub(crate) struct Outbox {
    id: Id,
    sender: RefCell<Sender>,
    /// Whether the exporter can be had anew with other secrets.
    renewable: Cell<bool>,
    /// Whether the backend refused the sender since that was last asked.
    unauthenticated: Cell<bool>,
    state: RefCell<State>,
    arrived: Notify,
}

struct State {
    queue: Queue,
    attempts: Vec<Attempt>,
    health: Health,
    counts: Counts,
    /// Time spent sending: a clock that stands still while the sandbox is frozen or idle.
    awake: Duration,
    size: RequestSize,
    /// Items dropped for want of room and not yet told about.
    shed: usize,
}

/// What sends, and how it wants to.
#[derive(Clone)]
struct Sender {
    exporter: Rc<dyn Exporter>,
    sending: Rc<Sending>,
}

struct Attempt {
    entry: Entry,
    answer: Pin<Box<dyn Future<Output = Result<Delivered, Undelivered>>>>,
}

/// What became of the items that an outbox was given, in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The backend took them.
    pub delivered: usize,
    /// Dropped: the backend refused them, they were given up, or there was no room.
    pub refused: usize,
}

impl Counts {
    /// The sum of both.
    pub fn plus(self, other: Counts) -> Counts {
        Counts { delivered: self.delivered + other.delivered, refused: self.refused + other.refused }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Goal {
    /// Send what is there, one request for each signal at a time: more may come, and is merged.
    Due,
    /// Send everything at once.
    Empty,
}

impl Outbox {
    /// An empty outbox for `exporter`.
    pub fn new(id: Id, exporter: Box<dyn Exporter>) -> Self {
        let sending = exporter.sending();
        let state = State {
            queue: Queue::new(sending.queue.queue_size, sending.queue.sizer),
            attempts: Vec::new(),
            health: Health::default(),
            counts: Counts::default(),
            awake: Duration::ZERO,
            size: RequestSize::new(&sending),
            shed: 0,
        };
        let sender = RefCell::new(Sender { exporter: exporter.into(), sending: Rc::new(sending) });
        let (renewable, unauthenticated) = (Cell::new(false), Cell::new(false));
        let (state, arrived) = (RefCell::new(state), Notify::new());
        Outbox { id, sender, renewable, unauthenticated, state, arrived }
    }

    /// Whose it is.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Goes on with another exporter, which gets what waits, and as it wants it. What is under way ends with the one
    /// before.
    pub fn replace(&self, exporter: Box<dyn Exporter>) {
        let sending = exporter.sending();
        let state = &mut *self.state.borrow_mut();
        state.queue.bound(sending.queue.queue_size, sending.queue.sizer);
        state.size.renew(&sending);
        state.health.is_back();
        *self.sender.borrow_mut() = Sender { exporter: exporter.into(), sending: Rc::new(sending) };
        self.arrived.notify_one();
    }

    /// Tells whether the exporter can be had anew with other secrets.
    pub fn set_renewable(&self, renewable: bool) {
        self.renewable.set(renewable);
    }

    /// Whether the backend refused the sender since the last call, of an exporter that can be had anew.
    pub fn take_unauthenticated(&self) -> bool {
        self.unauthenticated.take()
    }

    fn sending(&self) -> Rc<Sending> {
        self.sender.borrow().sending.clone()
    }

    /// Takes `batch` in. Never waits; what has no room pushes out the oldest, which is counted.
    pub fn put(&self, batch: Batch) {
        let mut state = self.state.borrow_mut();
        let shed = state.queue.push(batch, self.sending().merge_bytes);
        state.shed(shed);
        drop(state);
        self.arrived.notify_one();
    }

    /// The bytes of a backlog: what waits for a backend that does not answer. 0 for one that does.
    pub fn backlog(&self) -> usize {
        let state = self.state.borrow();
        if state.health.in_trouble() { state.queue.bytes() } else { 0 }
    }

    /// Drops the oldest request that waits, and counts it; whether there was one that could go.
    pub fn shed_oldest(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        let shed = state.queue.shed_oldest();
        state.shed(shed.unwrap_or(0));
        shed.is_some()
    }

    /// Whether nothing waits and nothing is under way.
    pub fn is_empty(&self) -> bool {
        let state = self.state.borrow();
        state.queue.is_empty() && state.attempts.is_empty()
    }

    /// Items that wait or are under way.
    pub fn items(&self) -> usize {
        let state = self.state.borrow();
        state.queue.items() + state.attempts.iter().map(|attempt| attempt.entry.batch.items()).sum::<usize>()
    }

    /// What became of everything so far.
    pub fn counts(&self) -> Counts {
        self.state.borrow().counts
    }

    /// An invocation begins: whatever the back-off says, one attempt may be made.
    pub fn new_chance(&self) {
        self.state.borrow_mut().health.new_chance();
    }

    /// The process is about to end: attempts are made at short intervals, whatever the backend asked for.
    pub fn last_chance(&self) {
        self.state.borrow_mut().health.last_chance();
    }

    /// Sends what is there and what comes, for as long as it is polled.
    pub async fn send_due(&self) {
        self.send(Goal::Due, None).await;
    }

    /// Sends everything, until it is delivered, or cannot be before `deadline`, or not within the patience that
    /// the backend deserves, which is at most `hold` (`None`: as long as the deadline allows).
    pub async fn send_all(&self, deadline: Instant, hold: Option<Duration>) {
        let patience = hold.map(|hold| Instant::now() + self.state.borrow().health.patience(hold));
        let limit = patience.map_or(deadline, |patience| patience.min(deadline));
        let delivered = self.counts().delivered;
        let _ = timeout_at(limit, self.send(Goal::Empty, Some(limit))).await;
        self.keep_the_rest(delivered);
    }

    async fn send(&self, goal: Goal, limit: Option<Instant>) {
        let _awake = Awake { outbox: self, since: Instant::now() };
        loop {
            self.start_attempts(goal);
            let resting = self.resting();
            match (goal, resting) {
                (Goal::Empty, _) if self.is_empty() => return,
                (Goal::Empty, Some(until)) if limit.is_some_and(|limit| until >= limit) => return,
                _ => {}
            }
            tokio::select! {
                (entry, answer) = self.answer() => self.settle(entry, answer),
                () = self.arrived.notified() => {}
                () = sleep_until(resting.unwrap_or_else(Instant::now)), if resting.is_some() => {}
            }
        }
    }

    /// Until when nothing can be started, if something waits for that and nothing is under way.
    fn resting(&self) -> Option<Instant> {
        let state = self.state.borrow();
        let waits = state.attempts.is_empty() && !state.queue.is_empty();
        state.health.rests_until(Instant::now()).filter(|_| waits)
    }

    fn start_attempts(&self, goal: Goal) {
        let state = &mut *self.state.borrow_mut();
        if state.health.rests_until(Instant::now()).is_some() {
            return;
        }
        let Sender { exporter, sending } = self.sender.borrow().clone();
        let (at_once, merge_bytes) = if state.health.in_trouble() {
            (1, sending.merge_bytes.min(PROBE_BYTES))
        } else {
            (sending.queue.num_consumers.max(1), sending.merge_bytes)
        };
        while state.attempts.len() < at_once {
            let State { queue, attempts, size, .. } = state;
            let enough = merge_bytes.min(size.bytes());
            let free = |signal: Signal| {
                goal == Goal::Empty
                    || !attempts.iter().any(|attempt| attempt.entry.batch.signal() == signal)
                    || queue.bytes_of(signal) >= enough
            };
            let free = Signal::ALL.map(|signal| free(signal).then_some(signal));
            let is_free = |signal| free.contains(&Some(signal));
            let Some(entry) = queue.take(is_free, merge_bytes, size.bytes(), size.items()) else { return };
            let answer = Box::pin(attempt(exporter.clone(), entry.batch.clone(), sending.timeout));
            attempts.push(Attempt { entry, answer });
        }
    }

    /// The next answer to an attempt; pending while there is none.
    async fn answer(&self) -> (Entry, Result<Delivered, Undelivered>) {
        poll_fn(|cx| {
            let attempts = &mut self.state.borrow_mut().attempts;
            for i in 0..attempts.len() {
                if let Poll::Ready(answer) = attempts[i].answer.as_mut().poll(cx) {
                    return Poll::Ready((attempts.swap_remove(i).entry, answer));
                }
            }
            Poll::Pending
        })
        .await
    }

    fn settle(&self, mut entry: Entry, answer: Result<Delivered, Undelivered>) {
        let state = &mut *self.state.borrow_mut();
        let items = entry.batch.items();
        let (cause, rest) = match answer {
            Ok(delivered) => {
                let rejected = self.rejected(&entry, delivered);
                state.counts.delivered += items - rejected;
                state.counts.refused += rejected;
                state.size.delivered(entry.batch.len());
                return self.is_back(state);
            }
            Err(Undelivered::Retry { after, cause }) => return self.retry(state, entry, after, &cause),
            Err(Undelivered::RetryRest { rest, rejected, after, cause }) => {
                let settled = items.saturating_sub(rest.items());
                let rejected = rejected.min(settled);
                state.counts.delivered += settled - rejected;
                state.counts.refused += rejected;
                entry.batch = *rest;
                return self.retry(state, entry, after, &cause);
            }
            Err(Undelivered::TooLarge { cause }) => {
                let half = entry.batch.len().div_ceil(2);
                let rest = entry.cut(Most::Bytes(half));
                if rest.is_some() {
                    state.size.was_too_large(half);
                }
                (cause, rest)
            }
            Err(Undelivered::Unauthenticated { cause }) if self.renewable.get() => {
                self.unauthenticated.set(true);
                return self.retry(state, entry, None, &cause);
            }
            Err(Undelivered::Unauthenticated { cause } | Undelivered::Refused { cause }) => {
                (cause, entry.cut(Most::HalfTheParts))
            }
        };
        self.is_back(state);
        match rest {
            Some(rest) => {
                let shed = state.queue.put_back(entry) + state.queue.put_back(rest);
                state.shed(shed);
            }
            None => self.refuse(state, &entry, &cause),
        }
    }

    /// How many items of `entry` the backend rejected although it took the request; says so.
    fn rejected(&self, entry: &Entry, delivered: Delivered) -> usize {
        let Delivered::Partly { rejected, message } = delivered else { return 0 };
        self.warn(format_args!(
            "The backend rejected {rejected} of {} and took the rest: {message}",
            count(entry)
        ));
        rejected.min(entry.batch.items())
    }

    fn retry(&self, state: &mut State, mut entry: Entry, after: Option<Duration>, cause: &Error) {
        let retry = &self.sending().retry;
        if !retry.enabled {
            return self.refuse(state, &entry, cause);
        }
        // `awake` is brought up to date when a call of `send` ends; precise enough for a limit of minutes.
        let failed = *entry.failed.get_or_insert(state.awake);
        if !retry.max_elapsed_time.is_zero() && state.awake.saturating_sub(failed) >= retry.max_elapsed_time {
            return self.refuse(state, &entry, cause);
        }
        if state.health.failed(Instant::now(), retry, after, random()) {
            self.warn(format_args!("Could not deliver {}, kept to try again: {cause}", count(&entry)));
        }
        let shed = state.queue.put_back(entry);
        state.shed(shed);
        self.tell_shed(state);
    }

    fn refuse(&self, state: &mut State, entry: &Entry, cause: &Error) {
        state.counts.refused += entry.batch.items();
        self.warn(format_args!("Dropped {}: {cause}", count(entry)));
    }

    fn is_back(&self, state: &mut State) {
        if state.health.is_back() {
            log::info!("otelcol.component.id":% = self.id, "otelcol.component.kind" = "exporter"; "The backend answers again");
        }
    }

    /// The end of a flush: attempts that have no answer are cancelled, their data keeps its place.
    fn keep_the_rest(&self, delivered_before: usize) {
        let state = &mut *self.state.borrow_mut();
        for Attempt { mut entry, .. } in std::mem::take(&mut state.attempts) {
            entry.failed.get_or_insert(state.awake);
            let shed = state.queue.put_back(entry);
            state.shed(shed);
        }
        let missed = !state.queue.is_empty() && state.counts.delivered == delivered_before;
        if missed && state.health.missed() {
            self.warn(format_args!(
                "No answer within the time of a flush; kept {} items to try again",
                state.queue.items()
            ));
        }
        self.tell_shed(state);
    }

    fn tell_shed(&self, state: &mut State) {
        let shed = std::mem::take(&mut state.shed);
        if shed > 0 {
            self.warn(format_args!("Dropped the oldest {shed} items: there is no room for more"));
        }
    }

    fn warn(&self, message: std::fmt::Arguments<'_>) {
        log::warn!("otelcol.component.id":% = self.id, "otelcol.component.kind" = "exporter"; "{message}");
    }
}

impl State {
    fn shed(&mut self, items: usize) {
        self.counts.refused += items;
        self.shed += items;
    }
}

/// Counts the time of one call of `send` as awake, however the call ends.
struct Awake<'a> {
    outbox: &'a Outbox,
    since: Instant,
}

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.outbox.state.borrow_mut().awake += self.since.elapsed();
    }
}

fn count(entry: &Entry) -> String {
    format!("{} {}", entry.batch.items(), entry.batch.signal().items())
}

/// A number in 0..1 for the jitter; the standard library's hash seeds are random enough for that.
fn random() -> f64 {
    let bits = std::hash::RandomState::new().hash_one(0u8) >> 11;
    bits as f64 / (1u64 << 53) as f64
}
