//! A value behind a lock that can be waited on: the simulator's only means of synchronisation.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A value, and a bell that rings when it changes.
pub(crate) struct Shared<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> Shared<T> {
    pub fn new(value: T) -> Shared<T> {
        Shared { value: Mutex::new(value), changed: Notify::new() }
    }

    /// Changes the value and wakes all who wait.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    /// Looks at the value.
    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock())
    }

    /// Waits until `ready` finds what it looks for. It may take it out: others are then woken as well.
    pub async fn until<R>(&self, mut ready: impl FnMut(&mut T) -> Option<R>) -> R {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // From here on no change is missed, though we have not looked yet.
            changed.as_mut().enable();
            let found = ready(&mut self.lock());
            if let Some(found) = found {
                self.changed.notify_waiters();
                return found;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        // A test that panicked while it held the lock has failed already; the others may go on.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
