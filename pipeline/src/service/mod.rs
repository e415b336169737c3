//! The running collector: receivers, pipelines, outboxes, and the flush that empties them.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use config::Id;
use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::outbox::{Counts, Outbox};
use crate::{Batch, Budget, Error, Exporter, Inlet, Processor, Receiver, Signal, Stop, Trigger};

/// The part of the budget that backlogs must leave free for what comes in: a quarter. A backend that does not
/// answer costs its own oldest data, never the data of others; one that does answer is waited for, and when that
/// fills the budget the receivers refuse.
const KEPT_FREE: usize = 4;

/// What to run: the parts of a configuration, built.
#[derive(Default)]
pub struct Plan {
    /// The receivers.
    pub receivers: Vec<(Id, Box<dyn Receiver>)>,
    /// The exporters, each with the outbox it gets.
    pub exporters: Vec<(Id, Box<dyn Exporter>)>,
    /// The pipelines between them.
    pub pipelines: Vec<PipelinePlan>,
}

/// One pipeline: which receivers feed it, what it does, which exporters it feeds.
pub struct PipelinePlan {
    /// Its signal.
    pub signal: Signal,
    /// Ids in [`Plan::receivers`].
    pub receivers: Vec<Id>,
    /// Its own processors, in order.
    pub processors: Vec<Box<dyn Processor>>,
    /// Ids in [`Plan::exporters`].
    pub exporters: Vec<Id>,
}

/// What a flush achieved, together with what was sent since the one before it: items (spans, data points and log
/// records) for each exporter they go to.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Taken by their backend.
    pub delivered: usize,
    /// Dropped: refused by their backend, given up, or pushed out of a full queue. Each was logged.
    pub refused: usize,
    /// Kept for the next flush.
    pub kept: usize,
}

impl Flushed {
    /// What this flush and `next`, which came after it, achieved together.
    pub fn and(self, next: Flushed) -> Flushed {
        let (delivered, refused) = (self.delivered + next.delivered, self.refused + next.refused);
        Flushed { delivered, refused, kept: next.kept }
    }
}

/// The receivers, pipelines and outboxes of one configuration.
pub struct Service {
    pipelines: Vec<Rc<Pipeline>>,
    outboxes: Rc<[Rc<Outbox>]>,
    /// Something was accepted: processors that hold back may have got a new due time.
    accepted: Rc<Notify>,
    receiving: RefCell<Option<Receiving>>,
    flushed: RefCell<Counts>,
    budget: Budget,
}

struct Receiving {
    tasks: JoinSet<()>,
    _trigger: Trigger,
}

struct Pipeline {
    processors: RefCell<Vec<Box<dyn Processor>>>,
    outboxes: Vec<Rc<Outbox>>,
}

impl Plan {
    /// Lets every receiver take its ports; returns what could not be had, by receiver. The others work on.
    pub fn bind(&mut self) -> Vec<(Id, Error)> {
        let bind = |(id, receiver): &mut (Id, Box<dyn Receiver>)| {
            let id = id.clone();
            receiver.bind().into_iter().map(move |error| (id.clone(), error)).collect::<Vec<_>>()
        };
        self.receivers.iter_mut().flat_map(bind).collect()
    }
}

impl Service {
    /// Wires `plan` up and starts its receivers, which must be bound, on the current `LocalSet` or `LocalRuntime`.
    pub fn start(plan: Plan, budget: &Budget) -> Self {
        let outbox = |(id, exporter): (Id, _)| (id.clone(), Rc::new(Outbox::new(id, exporter)));
        let outboxes: Vec<(Id, Rc<Outbox>)> = plan.exporters.into_iter().map(outbox).collect();
        let all: Rc<[Rc<Outbox>]> = outboxes.iter().map(|(_, outbox)| outbox.clone()).collect();
        let accepted = Rc::new(Notify::new());
        let (trigger, stop) = Stop::new();
        let make_room = {
            let (budget, all) = (budget.clone(), all.clone());
            move || make_room(&budget, &all)
        };
        let inlet = Inlet::new(budget.clone()).making_room(make_room.clone());
        let mut inlets: Vec<(Id, Inlet)> =
            plan.receivers.iter().map(|(id, _)| (id.clone(), inlet.clone())).collect();
        let mut pipelines = Vec::new();
        for planned in plan.pipelines {
            let fed = outboxes.iter().filter(|(id, _)| planned.exporters.contains(id));
            let pipeline = Rc::new(Pipeline {
                processors: RefCell::new(planned.processors),
                outboxes: fed.map(|(_, outbox)| outbox.clone()).collect(),
            });
            for (_, inlet) in inlets.iter_mut().filter(|(id, _)| planned.receivers.contains(id)) {
                let (pipeline, accepted, make_room) = (pipeline.clone(), accepted.clone(), make_room.clone());
                *inlet = inlet.clone().route(planned.signal, move |batch| {
                    pipeline.accept(batch);
                    make_room();
                    accepted.notify_one();
                });
            }
            pipelines.push(pipeline);
        }
        let mut tasks = JoinSet::new();
        for ((_, receiver), (_, inlet)) in plan.receivers.into_iter().zip(inlets) {
            tasks.spawn_local(receiver.run(inlet, stop.clone()));
        }
        Service {
            pipelines,
            outboxes: all,
            accepted,
            receiving: RefCell::new(Some(Receiving { tasks, _trigger: trigger })),
            flushed: RefCell::default(),
            budget: budget.clone(),
        }
    }

    /// Lets these exporters take the place of those of the same ids, which they get the backlogs of.
    pub fn replace(&self, exporters: Vec<(Id, Box<dyn Exporter>)>) {
        for (id, exporter) in exporters {
            if let Some(outbox) = self.outboxes.iter().find(|outbox| *outbox.id() == id) {
                outbox.replace(exporter);
            }
        }
    }

    /// Tells which exporters can be had anew with other secrets: what their backends refuse for want of the right ones
    /// is kept for that.
    pub fn set_renewable(&self, is_renewable: impl Fn(&Id) -> bool) {
        self.outboxes.iter().for_each(|outbox| outbox.set_renewable(is_renewable(outbox.id())));
    }

    /// Whether a backend refused the sender since the last call, for want of the right secrets.
    pub fn take_unauthenticated(&self) -> bool {
        self.outboxes.iter().filter(|outbox| outbox.take_unauthenticated()).count() > 0
    }

    /// Tells that secrets were looked up again, and that exporters have them if they are others.
    pub fn looked_again(&self) {
        self.outboxes.iter().for_each(|outbox| outbox.looked_again());
    }

    /// Sends what is due, until `done` resolves: whatever no processor holds back, and what a processor holds
    /// once its time has come. What is under way then goes on in the [`flush`](Service::flush) that follows.
    pub async fn flush_while_due<T>(&self, done: impl Future<Output = T>) -> T {
        self.outboxes.iter().for_each(|outbox| outbox.new_chance());
        let sending = async {
            tokio::join!(
                join_all(self.outboxes.iter().map(|outbox| outbox.send_due())),
                self.release_in_time()
            )
        };
        tokio::select! {
            biased;
            result = done => result,
            _ = sending => unreachable!("sending what is due has no end"),
        }
    }

    /// Empties everything: processors let go, all outboxes send side by side until `deadline`, each for at most
    /// `hold` (see [`Outbox::send_all`]); what misses that is kept for the next flush.
    pub async fn flush(&self, deadline: Instant, hold: Duration) -> Flushed {
        self.flush_within(deadline, Some(hold)).await
    }

    /// Ends it all before `deadline`: receivers stop and answer what they have begun, then a last flush.
    pub async fn shutdown(&self, deadline: Instant) -> Flushed {
        if let Some(Receiving { mut tasks, _trigger }) = self.receiving.take() {
            drop(_trigger);
            // A client that never finishes its request must not cost the last flush its time.
            let grace = Instant::now() + (deadline - Instant::now()) / 10;
            let _ = timeout_at(grace, async { while tasks.join_next().await.is_some() {} }).await;
        }
        self.outboxes.iter().for_each(|outbox| outbox.last_chance());
        self.flush_within(deadline, None).await
    }

    async fn flush_within(&self, deadline: Instant, hold: Option<Duration>) -> Flushed {
        self.pipelines.iter().for_each(|pipeline| pipeline.release(None));
        join_all(self.outboxes.iter().map(|outbox| outbox.send_all(deadline, hold))).await;
        let sum = self.counts();
        let before = self.flushed.replace(sum);
        Flushed {
            delivered: sum.delivered - before.delivered,
            refused: sum.refused - before.refused,
            kept: self.kept(),
        }
    }

    /// What became of everything since the start, if any of it is not delivered: for the log at the end.
    pub fn losses(&self) -> Option<String> {
        let Counts { delivered, refused } = self.counts();
        let (kept, refusals) = (self.kept(), self.budget.refusals());
        (refused + kept + refusals > 0).then(|| {
            format!(
                "{delivered} items delivered, {refused} dropped, {kept} not delivered in time; {refusals} requests turned away for want of memory"
            )
        })
    }

    fn counts(&self) -> Counts {
        self.outboxes.iter().map(|outbox| outbox.counts()).fold(Counts::default(), Counts::plus)
    }

    fn kept(&self) -> usize {
        self.outboxes.iter().map(|outbox| outbox.items()).sum()
    }

    async fn release_in_time(&self) {
        loop {
            let due = self.pipelines.iter().filter_map(|pipeline| pipeline.due()).min();
            tokio::select! {
                () = self.accepted.notified() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    let now = Instant::now();
                    self.pipelines.iter().for_each(|pipeline| pipeline.release(Some(now)));
                }
            }
        }
    }
}

impl Pipeline {
    fn accept(&self, batch: Batch) {
        let processed = run(&mut self.processors.borrow_mut(), vec![batch]);
        self.put(processed);
    }

    /// Every processor lets go of what it holds (only those due by `time`, if one is given), and those after it
    /// see that.
    fn release(&self, time: Option<Instant>) {
        let processors = &mut *self.processors.borrow_mut();
        for i in 0..processors.len() {
            let due = processors[i].due().map(Instant::from_std);
            if time.is_none_or(|time| due.is_some_and(|due| due <= time)) {
                let mut released = Vec::new();
                processors[i].flush(&mut released);
                self.put(run(&mut processors[i + 1..], released));
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.processors.borrow().iter().filter_map(|processor| processor.due()).min().map(Instant::from_std)
    }

    fn put(&self, batches: Vec<Batch>) {
        let Some((last, others)) = self.outboxes.split_last() else { return };
        for batch in batches {
            others.iter().for_each(|outbox| outbox.put(batch.clone()));
            last.put(batch);
        }
    }
}

/// Drops the oldest data of the largest backlog while backlogs leave too little of the budget free.
fn make_room(budget: &Budget, outboxes: &[Rc<Outbox>]) {
    while budget.used() > budget.limit() - budget.limit() / KEPT_FREE {
        let largest = outboxes.iter().max_by_key(|outbox| outbox.backlog());
        if !largest.is_some_and(|outbox| outbox.backlog() > 0 && outbox.shed_oldest()) {
            return;
        }
    }
}

fn run(processors: &mut [Box<dyn Processor>], mut batches: Vec<Batch>) -> Vec<Batch> {
    for processor in processors {
        let mut out = Vec::with_capacity(batches.len());
        for batch in batches {
            processor.process(batch, &mut out);
        }
        batches = out;
    }
    batches
}
