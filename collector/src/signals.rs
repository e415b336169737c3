//! SIGTERM and SIGINT: the wish that this process end.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// What is left to whoever is asked to end: Lambda's budget for extensions, and well below `docker stop`'s 10 s.
const GRACE: Duration = Duration::from_secs(2);

/// Watches for both signals.
pub struct Terminated(RefCell<[Signal; 2]>);

impl Terminated {
    /// Starts watching.
    ///
    /// # Errors
    /// Why the system does not allow that.
    pub fn watch() -> io::Result<Self> {
        Ok(Terminated(RefCell::new([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?])))
    }

    /// Resolves when one arrives, with the time until which all must be done.
    pub async fn deadline(&self) -> Instant {
        poll_fn(|cx| {
            let arrived = self.0.borrow_mut().iter_mut().any(|signal| signal.poll_recv(cx).is_ready());
            if arrived { Poll::Ready(Instant::now() + GRACE) } else { Poll::Pending }
        })
        .await
    }
}
