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
    /// Where to listen for deliveries; 0 is any port that is free.
    pub port: u16,
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

impl Types {
    /// Every kind.
    pub const ALL: Types = Types { platform: true, function: true, extension: true };

    /// Whether events of type `kind` are among them. What is of no known type always is.
    pub fn include(self, kind: &str) -> bool {
        match kind {
            "function" => self.function,
            "extension" => self.extension,
            _ => self.platform || !kind.starts_with("platform"),
        }
    }
}

impl Default for Subscription {
    fn default() -> Self {
        // 25 ms is the shortest buffering there is; the function's end is known that much later.
        let timeout = Duration::from_millis(25);
        Subscription { types: Types::default(), max_items: 1000, max_bytes: 262_144, timeout, port: 0 }
    }
}

impl Subscription {
    /// What serves both: the events of both, no later than either wants them, and in deliveries as large as the one
    /// takes that takes more (large ones cut fewer records). Of two ports the first.
    fn and(self, other: Subscription) -> Subscription {
        let (a, b) = (self.types, other.types);
        Subscription {
            types: Types {
                platform: a.platform || b.platform,
                function: a.function || b.function,
                extension: a.extension || b.extension,
            },
            max_items: self.max_items.max(other.max_items),
            max_bytes: self.max_bytes.max(other.max_bytes),
            timeout: self.timeout.min(other.timeout),
            port: if self.port == 0 { other.port } else { self.port },
        }
    }
}

impl Feed {
    /// What all receivers together want to hear; nothing if there are none.
    pub fn subscription(&self) -> Option<Subscription> {
        self.0.asked.borrow().clone()
    }

    /// Asks for `subscription` too.
    pub fn ask(&self, subscription: Subscription) {
        let mut asked = self.0.asked.borrow_mut();
        *asked = Some(match asked.take() {
            Some(before) => before.and(subscription),
            None => subscription,
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn types(platform: bool, function: bool, extension: bool) -> Types {
        Types { platform, function, extension }
    }

    #[test]
    fn nobody_asks_for_anything_unless_there_is_a_receiver() {
        assert_eq!(Feed::default().subscription(), None);
    }

    #[test]
    fn one_subscription_serves_all_that_ask() {
        let feed = Feed::default();
        let one =
            Subscription { types: types(true, false, true), max_items: 5000, ..Subscription::default() };
        let timeout = Duration::from_millis(500);
        let large = Subscription {
            types: types(true, true, false),
            max_bytes: 1 << 20,
            timeout,
            port: 4325,
            ..one.clone()
        };
        feed.ask(large);
        feed.clone().ask(one);
        let expected = Subscription {
            types: types(true, true, true),
            max_items: 5000,
            max_bytes: 1 << 20,
            timeout: Duration::from_millis(25),
            port: 4325,
        };
        assert_eq!(feed.subscription(), Some(expected));
    }

    #[test]
    fn each_hears_the_news_until_it_leaves() {
        let (feed, heard) = (Feed::default(), Rc::new(RefCell::new(Vec::new())));
        let join = |name: &'static str| {
            let heard = heard.clone();
            feed.join(move |news| {
                if let News::Ends(reason) = news {
                    heard.borrow_mut().push(format!("{name}: {reason}"));
                }
            })
        };
        let (one, _two) = (join("one"), join("two"));
        feed.tell(News::Ends("spindown"));
        drop(one);
        feed.tell(News::Ends("failure"));
        assert_eq!(*heard.borrow(), ["one: spindown", "two: spindown", "two: failure"]);
    }

    #[test]
    fn an_event_of_no_known_type_belongs_to_every_receiver() {
        let only_extensions = types(false, false, true);
        for (kind, included) in [
            ("extension", true),
            ("function", false),
            ("platform.start", false),
            ("platform", false),
            ("", true),
            ("sandbox.new", true),
        ] {
            assert_eq!(only_extensions.include(kind), included, "{kind}");
        }
    }
}
