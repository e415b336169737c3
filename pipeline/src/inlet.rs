//! The door of the engine: what a receiver holds.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::watch;

use crate::{Batch, Budget, Full, Lease, Signal};

/// Where a receiver puts what it received. Clones lead to the same pipelines.
#[derive(Clone)]
pub struct Inlet {
    budget: Budget,
    routes: Vec<(Signal, Route)>,
    accepted: Accepted,
}

/// Items that were accepted, by signal. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Accepted(Rc<[Cell<usize>; 3]>);

impl Accepted {
    /// Those of `signal`.
    pub fn of(&self, signal: Signal) -> usize {
        self.0[signal as usize].get()
    }
}

/// The way into one pipeline.
type Route = Rc<dyn Fn(Batch)>;

impl Inlet {
    /// An inlet that leads nowhere yet.
    pub fn new(budget: Budget) -> Self {
        Inlet { budget, routes: Vec::new(), accepted: Accepted::default() }
    }

    /// Leads batches of `signal` to `pipeline` as well.
    #[must_use]
    pub fn route(mut self, signal: Signal, pipeline: impl Fn(Batch) + 'static) -> Self {
        self.routes.push((signal, Rc::new(pipeline)));
        self
    }

    /// What goes through it and its clones.
    pub(crate) fn accepted(&self) -> Accepted {
        self.accepted.clone()
    }

    /// Whether any pipeline takes `signal` from this receiver. If none does, the receiver has no such service.
    pub fn takes(&self, signal: Signal) -> bool {
        self.routes.iter().any(|(taken, _)| *taken == signal)
    }

    /// Takes `bytes` out of the budget, before reading them.
    ///
    /// # Errors
    /// [`Full`]: answer at once that it is to be tried again later; never wait.
    pub fn lease(&self, bytes: usize) -> Result<Lease, Full> {
        self.budget.lease(bytes)
    }

    /// Whether `bytes` would be leased now. For those who can wait with what they have: nothing is refused.
    pub fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.budget.room_for(bytes)
    }

    /// Hands `batch` over to every pipeline that takes its signal. When this returns, the next flush sees it:
    /// only now may the client be told that it was taken. Never waits.
    pub fn accept(&self, batch: Batch) {
        let accepted = &self.accepted.0[batch.signal() as usize];
        accepted.set(accepted.get() + batch.items());
        let mut routes = self.routes.iter().filter(|(signal, _)| *signal == batch.signal()).peekable();
        while let Some((_, pipeline)) = routes.next() {
            if routes.peek().is_none() {
                return pipeline(batch);
            }
            pipeline(batch.clone());
        }
    }
}

/// Tells receivers to stop. Clones wait for the same [`Trigger`].
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<()>);

/// Stops every [`Stop`] made with it, when dropped.
#[derive(Debug)]
pub struct Trigger(#[expect(dead_code, reason = "held for its drop")] watch::Sender<()>);

impl Stop {
    /// A pair: the stop resolves when the trigger is dropped.
    pub fn new() -> (Trigger, Stop) {
        let (sender, receiver) = watch::channel(());
        (Trigger(sender), Stop(receiver))
    }

    /// Resolves once the trigger is gone.
    pub async fn wait(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
}
