//! The running collector: receivers, pipelines, outboxes, and the flush that empties them.

mod own;
mod pipeline;
mod plan;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

use config::Id;
use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use self::own::{Own, figures};
use self::pipeline::Pipeline;
pub use self::plan::{OwnMetrics, PipelinePlan, Plan};
use crate::inlet::Accepted;
use crate::outbox::{Counts, Outbox};
use crate::{Budget, Error, Exporter, Inlet, Receiver, Stop, Trigger, count};

/// The part of the budget that backlogs must leave free for what comes in: a quarter. A backend that does not
/// answer costs its own oldest data, never the data of others; one that does answer is waited for, and when that
/// fills the budget the receivers refuse.
const KEPT_FREE: usize = 4;

/// How often there is a look whether the service's own metrics are due.
const OWN_PACE: Duration = Duration::from_secs(1);

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
    own: Vec<Own>,
    /// What each receiver took in.
    taken: Vec<(Id, Accepted)>,
    /// Something was accepted: processors that hold back may have got a new due time.
    accepted: Rc<Notify>,
    receiving: RefCell<Option<Receiving>>,
    /// A pipeline got its processors, and what waited for them is on its way.
    supplied: Cell<bool>,
    flushed: RefCell<Counts>,
    budget: Budget,
}

struct Receiving {
    tasks: JoinSet<()>,
    /// The ways into the pipelines for receivers that can't be built yet.
    awaited: Vec<(Id, Inlet)>,
    stop: Stop,
    _trigger: Trigger,
}

impl Service {
    /// Wires `plan` up and starts its receivers, which must be bound, on the current `LocalSet` or `LocalRuntime`.
    pub fn start(plan: Plan, budget: &Budget) -> Self {
        let outbox = |(id, exporter): (Id, _)| Rc::new(Outbox::new(id, exporter));
        let mut outboxes: Vec<Rc<Outbox>> = plan.exporters.into_iter().map(outbox).collect();
        let pipelines = plan.pipelines.into_iter().map(|planned| {
            let fed = outboxes.iter().filter(|outbox| planned.exporters.contains(outbox.id()));
            let fed = fed.cloned().collect();
            (planned.receivers.clone(), Rc::new(Pipeline::new(planned, fed)))
        });
        let pipelines: Vec<(Vec<Id>, Rc<Pipeline>)> = pipelines.collect();
        outboxes.extend(pipelines.iter().filter_map(|(_, pipeline)| pipeline.waiting()));
        let own: Vec<Own> = plan.own.into_iter().map(Own::new).collect();
        outboxes.extend(own.iter().map(|own| own.outbox.clone()));
        let outboxes: Rc<[Rc<Outbox>]> = outboxes.into();
        let accepted = Rc::new(Notify::new());
        // Weak: what waits in the outboxes holds the budget.
        let waiting = Rc::downgrade(&outboxes);
        budget.making_room(move |budget, wanted| {
            waiting.upgrade().iter().for_each(|outboxes| make_room(budget, outboxes, wanted));
        });
        let inlet = |id: &Id| {
            let fed = pipelines.iter().filter(|(receivers, _)| receivers.contains(id));
            fed.fold(Inlet::new(budget.clone()), |inlet, (_, pipeline)| {
                let (pipeline, accepted, budget) = (pipeline.clone(), accepted.clone(), budget.clone());
                inlet.route(pipeline.signal, move |batch| {
                    pipeline.accept(batch);
                    budget.room_for(0);
                    accepted.notify_one();
                })
            })
        };
        let (trigger, stop) = Stop::new();
        let mut receiving = Receiving { tasks: JoinSet::new(), awaited: Vec::new(), stop, _trigger: trigger };
        let mut taken = Vec::new();
        for (id, receiver) in plan.receivers {
            let inlet = inlet(&id);
            taken.push((id.clone(), inlet.accepted()));
            match receiver {
                Some(receiver) => receiving.begin(receiver, inlet),
                None => receiving.awaited.push((id, inlet)),
            }
        }
        Service {
            pipelines: pipelines.into_iter().map(|(_, pipeline)| pipeline).collect(),
            outboxes,
            own,
            taken,
            accepted,
            receiving: RefCell::new(Some(receiving)),
            supplied: Cell::new(false),
            flushed: RefCell::default(),
            budget: budget.clone(),
        }
    }

    /// Goes on with what `plan` has: with its exporters in the place of those of the same ids, which they get the
    /// backlogs of, and with the receivers and processors that could not be built before. Returns what those receivers
    /// could not have.
    pub fn renew(&self, plan: Plan) -> Vec<(Id, Error)> {
        self.replace(plan.exporters);
        for planned in plan.pipelines {
            let pipeline = self.pipelines.iter().find(|pipeline| pipeline.id == planned.id);
            if let (Some(pipeline), Some(processors)) = (pipeline, planned.processors) {
                self.supplied.set(pipeline.supply(processors) || self.supplied.get());
            }
        }
        self.accepted.notify_one();
        self.receiving.borrow_mut().as_mut().map_or_else(Vec::new, |it| it.supply(plan.receivers))
    }

    fn replace(&self, exporters: Vec<(Id, Box<dyn Exporter>)>) {
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
                self.release_in_time(),
                self.tell_in_time()
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
        if let Some(Receiving { mut tasks, _trigger, .. }) = self.receiving.take() {
            drop(_trigger);
            // A client that never finishes its request must not cost the last flush its time.
            let grace = Instant::now() + (deadline - Instant::now()) / 10;
            let _ = timeout_at(grace, async { while tasks.join_next().await.is_some() {} }).await;
        }
        self.outboxes.iter().for_each(|outbox| outbox.last_chance());
        let flushed = self.flush_within(deadline, None).await;
        if self.own.is_empty() {
            return flushed;
        }
        self.tell_own(|_| true);
        flushed.and(self.flush_within(deadline, None).await)
    }

    async fn flush_within(&self, deadline: Instant, hold: Option<Duration>) -> Flushed {
        self.tell_own(Own::is_due);
        loop {
            self.supplied.set(false);
            self.pipelines.iter().for_each(|pipeline| pipeline.release(None));
            join_all(self.outboxes.iter().map(|outbox| outbox.send_all(deadline, hold))).await;
            // An outbox may have been done before it got what had waited.
            if !self.supplied.get() {
                break;
            }
        }
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
            let (delivered, refusals) = (count(delivered, "item"), count(refusals, "request"));
            format!(
                "{delivered} delivered, {refused} dropped, {kept} not delivered in time; {refusals} turned away for want of memory"
            )
        })
    }

    fn counts(&self) -> Counts {
        self.outboxes.iter().map(|outbox| outbox.counts()).fold(Counts::default(), Counts::plus)
    }

    fn kept(&self) -> usize {
        self.outboxes.iter().map(|outbox| outbox.items()).sum()
    }

    /// Tells what became of the telemetry to those who are to be told now.
    fn tell_own(&self, now: impl Fn(&Own) -> bool) {
        if self.own.iter().any(&now) {
            let others = &self.outboxes[..self.outboxes.len() - self.own.len()];
            let figures = figures(&self.taken, &self.pipelines, others, self.budget.refusals());
            self.own.iter().filter(|own| now(own)).for_each(|own| own.tell(&figures, &self.budget));
        }
    }

    /// The same for as long as it is polled.
    async fn tell_in_time(&self) {
        if self.own.is_empty() {
            return pending().await;
        }
        loop {
            self.tell_own(Own::is_due);
            sleep(OWN_PACE).await;
        }
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

impl Receiving {
    fn begin(&mut self, receiver: Box<dyn Receiver>, inlet: Inlet) {
        self.tasks.spawn_local(receiver.run(inlet, self.stop.clone()));
    }

    /// Starts those that were awaited; returns what they could not have.
    fn supply(&mut self, receivers: Vec<(Id, Option<Box<dyn Receiver>>)>) -> Vec<(Id, Error)> {
        let mut errors = Vec::new();
        for (id, receiver) in receivers {
            let Some(mut receiver) = receiver else { continue };
            let Some(at) = self.awaited.iter().position(|(awaited, _)| *awaited == id) else { continue };
            errors.extend(receiver.bind().into_iter().map(|error| (id.clone(), error)));
            let (_, inlet) = self.awaited.swap_remove(at);
            self.begin(receiver, inlet);
        }
        errors
    }
}

/// Drops the oldest data of the largest backlog while backlogs leave too little of the budget free, or less than is
/// `wanted`.
fn make_room(budget: &Budget, outboxes: &[Rc<Outbox>], wanted: usize) {
    let free = wanted.max(budget.limit() / KEPT_FREE);
    while budget.used() > budget.limit().saturating_sub(free) {
        let largest = outboxes.iter().max_by_key(|outbox| outbox.backlog());
        if !largest.is_some_and(|outbox| outbox.backlog() > 0 && outbox.shed_oldest()) {
            return;
        }
    }
}
