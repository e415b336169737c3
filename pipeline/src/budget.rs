//! One byte budget for all telemetry in memory.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many bytes of telemetry may be in memory, and how many are. Clones share the same budget.
///
/// A receiver leases the size of a body before it reads it; the lease travels in the
/// [`Batch`](crate::Batch) and gives the bytes back when it is dropped. So the sum is right by ownership.
#[derive(Clone, Debug)]
pub struct Budget(Arc<State>);

#[derive(Debug, Default)]
struct State {
    limit: AtomicUsize,
    used: AtomicUsize,
    peak: AtomicUsize,
    refused: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Budget(Arc::new(State { limit: AtomicUsize::new(limit), ..State::default() }))
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

    /// Bytes that may be leased in all.
    pub fn limit(&self) -> usize {
        self.0.limit.load(Relaxed)
    }

    /// Lowers the limit to `limit`, if it is above that. What is leased already stays so.
    pub fn lower(&self, limit: usize) {
        self.0.limit.fetch_min(limit, Relaxed);
    }

    /// Bytes leased now.
    pub fn used(&self) -> usize {
        self.0.used.load(Relaxed)
    }

    /// The most that was ever leased at once.
    pub fn peak(&self) -> usize {
        self.0.peak.load(Relaxed)
    }

    /// How often a lease was refused: each time a client was told to try again later.
    pub fn refusals(&self) -> usize {
        self.0.refused.load(Relaxed)
    }

    fn take(&self, bytes: usize) {
        let used = self.0.used.fetch_add(bytes, Relaxed) + bytes;
        self.0.peak.fetch_max(used, Relaxed);
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
        let left = self.budget.limit().saturating_sub(self.budget.used());
        if more > left {
            self.budget.0.refused.fetch_add(1, Relaxed);
            return Err(Full { asked: more, left });
        }
        self.budget.take(more);
        self.bytes += more;
        Ok(())
    }

    /// Sets the lease to the size that the data turned out to have. Never fails: the data exists already.
    pub fn settle(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.budget.take(bytes - self.bytes);
        } else {
            self.budget.0.used.fetch_sub(self.bytes - bytes, Relaxed);
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
        self.budget.0.used.fetch_sub(self.bytes, Relaxed);
    }
}

/// The budget has too little left. Receivers answer 503 with Retry-After, or gRPC UNAVAILABLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Bytes asked for.
    pub asked: usize,
    /// Bytes left.
    pub left: usize,
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
        assert_eq!(budget.lease(41).unwrap_err(), Full { asked: 41, left: 40 });
        assert_eq!(lease.grow(41).unwrap_err(), Full { asked: 41, left: 40 });
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
