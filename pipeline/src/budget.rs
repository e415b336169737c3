//! One byte budget for all telemetry in memory.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

/// How many bytes of telemetry may be in memory, and how many are. Clones share the same budget.
///
/// A receiver leases the size of a body before it reads it; the lease travels in the
/// [`Batch`](crate::Batch) and gives the bytes back when it is dropped. So the sum is right by ownership.
#[derive(Clone)]
pub struct Budget(Rc<State>);

struct State {
    limit: Cell<usize>,
    used: Cell<usize>,
    peak: Cell<usize>,
    refused: Cell<usize>,
    make_room: RefCell<MakeRoom>,
}

/// Drops what may be dropped for so many bytes more.
type MakeRoom = Rc<dyn Fn(&Budget, usize)>;

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Budget(Rc::new(State {
            limit: Cell::new(limit),
            used: Cell::default(),
            peak: Cell::default(),
            refused: Cell::default(),
            make_room: RefCell::new(Rc::new(|_, _| {})),
        }))
    }

    /// Calls `make_room` with what is wanted before each lease, to drop what may be dropped for it. The last one that is
    /// given counts.
    pub(crate) fn making_room(&self, make_room: impl Fn(&Budget, usize) + 'static) {
        self.0.make_room.replace(Rc::new(make_room));
    }

    /// Takes `bytes` out of the budget.
    ///
    /// # Errors
    /// [`Full`] when fewer are left; then nothing is taken.
    pub fn lease(&self, bytes: usize) -> Result<Lease, Full> {
        let mut lease = Lease { budget: self.clone(), bytes: 0 };
        lease.grow(bytes)?;
        Ok(lease)
    }

    /// How many bytes can be leased when `wanted` are: what may be dropped for them is dropped.
    pub(crate) fn room_for(&self, wanted: usize) -> usize {
        let make_room = self.0.make_room.borrow().clone();
        make_room(self, wanted);
        self.limit().saturating_sub(self.used())
    }

    /// Bytes that may be leased in all.
    pub fn limit(&self) -> usize {
        self.0.limit.get()
    }

    /// Lowers the limit to `limit`, if it is above that. What is leased already stays so.
    pub fn lower(&self, limit: usize) {
        self.0.limit.set(self.limit().min(limit));
    }

    /// Bytes leased now.
    pub fn used(&self) -> usize {
        self.0.used.get()
    }

    /// The most that was ever leased at once.
    pub fn peak(&self) -> usize {
        self.0.peak.get()
    }

    /// How often a lease was refused: each time a client was told to try again later.
    pub fn refusals(&self) -> usize {
        self.0.refused.get()
    }

    fn take(&self, bytes: usize) {
        let used = self.used() + bytes;
        self.0.used.set(used);
        self.0.peak.set(self.peak().max(used));
    }

    fn give_back(&self, bytes: usize) {
        self.0.used.set(self.used() - bytes);
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.used(), self.limit())
    }
}

/// Bytes taken out of a [`Budget`], given back on drop.
#[derive(Debug)]
pub struct Lease {
    budget: Budget,
    bytes: usize,
}

impl Lease {
    /// Takes `more` bytes, as when a compressed body turns out larger than what came over the wire.
    ///
    /// # Errors
    /// [`Full`] when fewer are left; the lease then stays as it was.
    pub fn grow(&mut self, more: usize) -> Result<(), Full> {
        let most = self.room_at_best();
        // For what never fits nothing is dropped.
        let left = self.budget.room_for(if more > most { 0 } else { more });
        if more > left {
            self.budget.0.refused.set(self.budget.refusals() + 1);
            return Err(Full { asked: more, left, most });
        }
        self.budget.take(more);
        self.bytes += more;
        Ok(())
    }

    /// How much it could grow at best: if nobody else held anything of the budget.
    pub fn room_at_best(&self) -> usize {
        self.budget.limit().saturating_sub(self.bytes)
    }

    /// Sets the lease to the size that the data turned out to have. Never fails: the data exists already.
    pub fn settle(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.budget.take(bytes - self.bytes);
        } else {
            self.budget.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
    }

    /// A lease of the same budget for data made inside (an edited copy), granted even when the budget is full.
    pub fn beside(&self, bytes: usize) -> Lease {
        self.budget.take(bytes);
        Lease { budget: self.budget.clone(), bytes }
    }

    /// The bytes it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

/// The budget has too little left. Receivers answer 503 with Retry-After, or gRPC UNAVAILABLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Bytes asked for.
    pub asked: usize,
    /// Bytes left.
    pub left: usize,
    /// Bytes that can be left at best: to ask again for more is in vain.
    pub most: usize,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the telemetry budget is full: {} bytes asked for, {} left", self.asked, self.left)
    }
}

impl std::error::Error for Full {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_gives_its_bytes_back_when_dropped() {
        let budget = Budget::new(100);
        let lease = budget.lease(60).unwrap();
        assert_eq!(budget.used(), 60);
        drop(lease);
        assert_eq!((budget.used(), budget.peak()), (0, 60));
    }

    #[test]
    fn a_full_budget_refuses_and_takes_nothing() {
        let budget = Budget::new(100);
        let mut lease = budget.lease(60).unwrap();
        assert_eq!(budget.lease(41).unwrap_err(), Full { asked: 41, left: 40, most: 100 });
        assert_eq!(lease.grow(41).unwrap_err(), Full { asked: 41, left: 40, most: 40 });
        assert_eq!((budget.used(), budget.refusals()), (60, 2));
    }

    #[test]
    fn a_limit_can_be_lowered_and_never_raised() {
        let budget = Budget::new(100);
        budget.lower(50);
        budget.lower(70);
        assert_eq!(budget.limit(), 50);
    }

    #[test]
    fn a_lease_settles_to_the_size_that_the_data_has() {
        let budget = Budget::new(100);
        let mut lease = budget.lease(60).unwrap();
        lease.settle(10);
        assert_eq!(budget.used(), 10);
        lease.settle(120);
        assert_eq!((budget.used(), lease.bytes()), (120, 120));
    }
}
