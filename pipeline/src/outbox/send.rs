//! The loop of a flush: starts attempts, takes their answers, rests, and ends in time.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::attempt::attempt;
use super::{Attempt, Outbox, Sender, State};
use crate::{Delivered, Signal, Undelivered};

/// A backend in trouble is asked with a request up to this size: to compress more costs the function CPU time on
/// every invocation of an outage.
const PROBE_BYTES: usize = 64 << 10;

#[derive(Clone, Copy, PartialEq)]
enum Goal {
    /// Send what is there, one request for each signal at a time: more may come, and is merged.
    Due,
    /// Send everything at once.
    Empty,
}

impl Outbox {
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
            let now = Instant::now();
            self.start_attempts(goal, now);
            let resting = self.resting(now);
            match (goal, resting) {
                (Goal::Empty, _) if self.is_empty() => return,
                (Goal::Empty, Some(until)) if limit.is_some_and(|limit| until >= limit) => return,
                _ => {}
            }
            tokio::select! {
                (Attempt { entry, looks, .. }, answer) = self.answer() => self.settle(entry, looks, answer),
                () = self.arrived.notified() => {}
                () = sleep_until(resting.unwrap_or(now)), if resting.is_some() => {}
            }
        }
    }

    /// Until when nothing can be started, if something waits for that and nothing is under way.
    fn resting(&self, now: Instant) -> Option<Instant> {
        let state = self.state.borrow();
        let waits = state.attempts.is_empty() && !state.queue.is_empty();
        state.health.rests_until(now).filter(|_| waits)
    }

    fn start_attempts(&self, goal: Goal, now: Instant) {
        let state = &mut *self.state.borrow_mut();
        if state.health.rests_until(now).is_some() {
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
            attempts.push(Attempt { entry, looks: self.looks.get(), answer });
        }
    }

    /// The next answer to an attempt; pending while there is none.
    async fn answer(&self) -> (Attempt, Result<Delivered, Undelivered>) {
        poll_fn(|cx| {
            let attempts = &mut self.state.borrow_mut().attempts;
            for i in 0..attempts.len() {
                if let Poll::Ready(answer) = attempts[i].answer.as_mut().poll(cx) {
                    return Poll::Ready((attempts.swap_remove(i), answer));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// The end of a flush: attempts that have no answer are cancelled, their data keeps its place.
    fn keep_the_rest(&self, delivered_before: usize) {
        let state = &mut *self.state.borrow_mut();
        let unanswered = !state.attempts.is_empty();
        for Attempt { mut entry, .. } in std::mem::take(&mut state.attempts) {
            entry.failed.get_or_insert(state.awake);
            let shed = state.queue.put_back(entry);
            state.shed(shed);
        }
        let missed = unanswered && state.counts.delivered == delivered_before;
        if missed && state.health.missed() {
            self.warn(format_args!(
                "No answer within the time of a flush; kept {} to try again",
                crate::count(state.queue.items(), "item")
            ));
        }
        self.tell_shed(state);
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
