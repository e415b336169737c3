//! What becomes of a request by the backend's answer: delivered, kept to try again, cut, or dropped and counted.

use std::fmt::Arguments;
use std::hash::BuildHasher;
use std::time::Duration;

use tokio::time::Instant;

use super::queue::{Entry, Most};
use super::{Counts, Outbox, State};
use crate::{Delivered, Error, Undelivered};

/// After so many refusals in a row it is not what a request holds: the endpoint or the key is wrong, and to look for
/// the part that is bad would cost the function a request for each part. One bad part among thousands is found by fewer.
const IN_VAIN: u32 = 32;

impl Outbox {
    /// Books `answer` to an attempt for `entry`, which was begun when secrets had been looked up again so many times.
    pub(super) fn settle(&self, mut entry: Entry, looks: u32, answer: Result<Delivered, Undelivered>) {
        let state = &mut *self.state.borrow_mut();
        match answer {
            Ok(delivered) => self.take_delivered(state, &entry, delivered),
            Err(Undelivered::Retry { after, cause }) => self.retry(state, entry, after, &cause),
            Err(Undelivered::RetryRest { rest, rejected, after, cause }) => {
                let settled = entry.batch.items().saturating_sub(rest.items());
                let rejected = rejected.min(settled);
                let counts = Counts { delivered: settled - rejected, refused: rejected };
                state.settle(entry.batch.signal(), counts);
                entry.batch = *rest;
                self.retry(state, entry, after, &cause);
            }
            Err(Undelivered::TooLarge { cause }) => {
                let half = entry.batch.len().div_ceil(2);
                let rest = entry.cut(Most::Bytes(half));
                if rest.is_some() {
                    state.size.was_too_large(half);
                }
                self.divide(state, entry, rest, &cause);
            }
            Err(Undelivered::Unauthenticated { cause }) if self.renewable.get() => {
                self.wait_for_secrets(state, entry, looks, &cause);
            }
            Err(Undelivered::Unauthenticated { cause } | Undelivered::Refused { cause }) => {
                state.refusals = state.refusals.saturating_add(1);
                let rest = if state.refusals < IN_VAIN { entry.cut(Most::HalfTheParts) } else { None };
                self.divide(state, entry, rest, &cause);
            }
        }
    }

    fn take_delivered(&self, state: &mut State, entry: &Entry, delivered: Delivered) {
        let items = entry.batch.items();
        let rejected = match delivered {
            Delivered::All => 0,
            Delivered::Partly { rejected, message } => {
                let of = count(entry);
                self.warn(format_args!(
                    "The backend rejected {rejected} of {of} and took the rest: {message}"
                ));
                rejected.min(items)
            }
        };
        state.settle(entry.batch.signal(), Counts { delivered: items - rejected, refused: rejected });
        state.size.delivered(entry.batch.len());
        self.is_back(state);
    }

    /// The backend answers, and does not want `entry`: it is tried again without `rest`, and so is that, if it can be
    /// cut at all.
    fn divide(&self, state: &mut State, entry: Entry, rest: Option<Entry>, cause: &Error) {
        self.is_back(state);
        match rest {
            Some(rest) => {
                let shed = state.queue.put_back(entry) + state.queue.put_back(rest);
                state.shed(shed);
            }
            None => self.refuse(state, &entry, cause),
        }
    }

    fn retry(&self, state: &mut State, entry: Entry, after: Option<Duration>, cause: &Error) {
        if self.sending().retry.enabled {
            self.keep(state, entry, after, cause);
        } else {
            self.refuse(state, &entry, cause);
        }
    }

    /// Keeps `entry` for other secrets. Where nothing is retried it gets one attempt more, begun after the next look at
    /// them: a secret that is replaced costs no data.
    fn wait_for_secrets(&self, state: &mut State, mut entry: Entry, looks: u32, cause: &Error) {
        self.unauthenticated.set(true);
        let unknown = *entry.unknown.get_or_insert(looks);
        if self.sending().retry.enabled || unknown == looks {
            return self.keep(state, entry, None, cause);
        }
        state.health.is_back();
        self.refuse(state, &entry, cause);
    }

    fn keep(&self, state: &mut State, mut entry: Entry, after: Option<Duration>, cause: &Error) {
        let retry = &self.sending().retry;
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
        state.settle(entry.batch.signal(), Counts { delivered: 0, refused: entry.batch.items() });
        self.warn(format_args!("Dropped {}: {cause}", count(entry)));
    }

    fn is_back(&self, state: &mut State) {
        if state.health.is_back() {
            log::info!("otelcol.component.id":% = self.id, "otelcol.component.kind" = self.kind; "The backend answers again");
        }
    }

    /// Tells of what had to go for want of room since that was last told.
    pub(super) fn tell_shed(&self, state: &mut State) {
        let shed = std::mem::take(&mut state.shed);
        if shed > 0 {
            self.warn(format_args!(
                "Dropped the oldest {}: there is no room for more",
                crate::count(shed, "item")
            ));
        }
    }

    pub(super) fn warn(&self, message: Arguments<'_>) {
        log::warn!("otelcol.component.id":% = self.id, "otelcol.component.kind" = self.kind; "{message}");
    }
}

fn count(entry: &Entry) -> String {
    crate::count(entry.batch.items(), entry.batch.signal().item())
}

/// A number in 0..1 for the jitter; the standard library's hash seeds are random enough for that.
fn random() -> f64 {
    let bits = std::hash::RandomState::new().hash_one(0u8) >> 11;
    bits as f64 / (1u64 << 53) as f64
}
