//! How the platform's telemetry reaches the receivers of this process.
//!
//! The binary owns the one subscription: it asks [`Feed::subscription`] what to subscribe to, and tells what it
//! hears. When [`Feed::tell`] returns, every record is in its pipelines; so what is told before a flush is in it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use pipeline::Invocation;

use super::event::Event;

/// The way from the subscription to the receivers. Clones share it.
#[derive(Clone, Default)]
pub struct Feed(Rc<State>);

#[derive(Default)]
struct State {
    asked: RefCell<Option<Subscription>>,
    receivers: RefCell<Vec<Rc<RefCell<Hear>>>>,
}

type Hear = dyn FnMut(&News<'_>);

/// What receivers are told.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// Events of the Telemetry API, in the order of their delivery.
    Events(&'a [Event]),
    /// The function is invoked.
    Invoked(&'a Invocation),
    /// The environment ends, and this is why: `spindown`, `timeout` or `failure`, as `SHUTDOWN` has it.
    Ends(&'a str),
}

/// What to subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Which events.
    pub types: Types,
    /// The platform delivers when it has so many events,
    pub max_items: u32,
    /// or so many bytes of them,
    pub max_bytes: u32,
    /// or after this time.
    pub timeout: Duration,
}

/// The kinds of events that one can subscribe to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Types {
    /// Platform events: start, end and figures of invocations and phases.
    pub platform: bool,
    /// What the function writes to its log.
    pub function: bool,
    /// What extensions write to theirs.
    pub extension: bool,
}

impl Default for Subscription {
    fn default() -> Self {
        // 25 ms is the shortest buffering there is; the function's end is known that much later.
        let timeout = Duration::from_millis(25);
        Subscription { types: Types::default(), max_items: 1000, max_bytes: 262_144, timeout }
    }
}

impl Feed {
    /// What all receivers together want to hear; nothing if there are none.
    pub fn subscription(&self) -> Option<Subscription> {
        self.0.asked.borrow().clone()
    }

    /// Asks for `subscription` too.
    pub fn ask(&self, subscription: Subscription) {
        self.0.asked.replace(Some(subscription));
    }

    /// Lets `hear` take part in the news, until what is returned is dropped.
    #[must_use]
    pub fn join(&self, hear: impl FnMut(&News<'_>) + 'static) -> Joined {
        let hear: Rc<RefCell<Hear>> = Rc::new(RefCell::new(hear));
        self.0.receivers.borrow_mut().push(hear.clone());
        Joined { feed: self.clone(), hear }
    }

    /// Tells every receiver, which puts what it makes of it into its pipelines at once.
    pub fn tell(&self, news: News<'_>) {
        let receivers = self.0.receivers.borrow().clone();
        receivers.iter().for_each(|hear| hear.borrow_mut()(&news));
    }
}

/// A receiver's part in the news; it ends when this is dropped.
pub struct Joined {
    feed: Feed,
    hear: Rc<RefCell<Hear>>,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.feed.0.receivers.borrow_mut().retain(|hear| !Rc::ptr_eq(hear, &self.hear));
    }
}
