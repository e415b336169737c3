//! The one place of queue, retry, timeout and deadline: what stands between the pipelines and an exporter.
//!
//! An outbox holds what an exporter is to deliver. It sends only while somebody awaits [`Outbox::send_due`] or
//! [`Outbox::send_all`], that is inside a flush: attempts live in the outbox and move only when polled there, so
//! nothing leaves the process while the sandbox may freeze. The first of the two may be dropped at any time; what
//! is under way goes on in the next call. What a flush can't deliver keeps its place and goes first next time.

mod attempt;
mod health;
mod queue;
mod send;
mod settle;
mod size;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use config::Id;
use tokio::sync::Notify;

use self::health::Health;
use self::queue::{Entry, Queue};
use self::size::RequestSize;
use crate::{Batch, Delivered, Exporter, Sending, Signal, Undelivered};

/// What waits for one exporter, and what is on its way.
pub(crate) struct Outbox {
    id: Id,
    /// What `id` is the id of.
    kind: &'static str,
    sender: RefCell<Sender>,
    /// Whether the exporter can be had anew with other secrets.
    renewable: Cell<bool>,
    /// Whether the backend refused the sender since that was last asked.
    unauthenticated: Cell<bool>,
    /// How often secrets were looked up again.
    looks: Cell<u32>,
    state: RefCell<State>,
    arrived: Notify,
}

struct State {
    queue: Queue,
    attempts: Vec<Attempt>,
    health: Health,
    counts: Counts,
    /// Of them what was delivered and refused, by signal.
    settled: [Counts; 3],
    /// Time spent sending: a clock that stands still while the sandbox is frozen or idle.
    awake: Duration,
    size: RequestSize,
    /// Requests refused in a row, none taken in between.
    refusals: u32,
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
    /// [`Outbox::looks`] when it began.
    looks: u32,
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

/// What became of the items of one signal, in all.
pub(crate) struct Tally {
    /// The backend took them.
    pub sent: usize,
    /// The backend refused them, or they were given up.
    pub failed: usize,
    /// There was no room.
    pub shed: usize,
}

impl Counts {
    /// The sum of both.
    pub fn plus(self, other: Counts) -> Counts {
        Counts { delivered: self.delivered + other.delivered, refused: self.refused + other.refused }
    }
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
            settled: [Counts::default(); 3],
            awake: Duration::ZERO,
            size: RequestSize::new(&sending),
            refusals: 0,
            shed: 0,
        };
        let sender = RefCell::new(Sender { exporter: exporter.into(), sending: Rc::new(sending) });
        let (renewable, unauthenticated) = (Cell::new(false), Cell::new(false));
        let (looks, state, arrived) = (Cell::new(0), RefCell::new(state), Notify::new());
        Outbox { id, kind: "exporter", sender, renewable, unauthenticated, looks, state, arrived }
    }

    /// The same for what waits in a pipeline.
    pub fn of_pipeline(id: Id, exporter: Box<dyn Exporter>) -> Self {
        Outbox { kind: "pipeline", ..Outbox::new(id, exporter) }
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
        state.refusals = 0;
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

    /// Tells that secrets were looked up again, whatever came of that.
    pub fn looked_again(&self) {
        self.looks.set(self.looks.get().wrapping_add(1));
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

    /// Gives away everything, as if it had never come.
    pub fn take_all(&self) -> Vec<Batch> {
        let state = &mut *self.state.borrow_mut();
        let under_way = std::mem::take(&mut state.attempts);
        let shed = under_way.into_iter().map(|attempt| state.queue.put_back(attempt.entry)).sum();
        state.shed(shed);
        self.arrived.notify_one();
        state.queue.take_all()
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

    /// The same for the items of `signal`.
    pub fn tally(&self, signal: Signal) -> Tally {
        let state = self.state.borrow();
        let Counts { delivered, refused } = state.settled[signal as usize];
        Tally { sent: delivered, failed: refused, shed: state.queue.shed_of(signal) }
    }

    /// What its id is the id of: `exporter` or `pipeline`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// An invocation begins: whatever the back-off says, one attempt may be made.
    pub fn new_chance(&self) {
        self.state.borrow_mut().health.new_chance();
    }

    /// The process is about to end: attempts are made at short intervals, whatever the backend asked for.
    pub fn last_chance(&self) {
        self.state.borrow_mut().health.last_chance();
    }
}

impl State {
    /// The backend has settled items of `signal`.
    fn settle(&mut self, signal: Signal, settled: Counts) {
        if settled.delivered > 0 {
            self.refusals = 0;
        }
        self.counts = self.counts.plus(settled);
        let of_signal = &mut self.settled[signal as usize];
        *of_signal = of_signal.plus(settled);
    }

    fn shed(&mut self, items: usize) {
        self.counts.refused += items;
        self.shed += items;
    }
}
