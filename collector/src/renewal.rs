//! Later looks at what a configuration refers to: for what could not be had, and for secrets that were replaced.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use config::Env;
use pipeline::{Budget, Flushed, Host, Service};
use receivers::telemetryapi::Feed;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::configuration::Configuration;
use crate::log::Log;
use crate::reading::{Extent, Reader};

/// Secrets are looked up again at most so often: backends refuse for other reasons too.
const BETWEEN_REFRESHES: Duration = Duration::from_secs(60);
/// What can't be had is asked for at the next invocation, then after this time, then after twice as long ...
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// ... and at least so often.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often there is a look at what is lacking while the last flush goes on, which has two seconds at most.
const BETWEEN_LAST_LOOKS: Duration = Duration::from_millis(50);

/// Keeps a running service in step with what its configuration refers to.
pub struct Renewal {
    reader: Mutex<Reader>,
    env: Env,
    budget: Budget,
    host: Host,
    feed: Feed,
    log: Log,
    /// What was told of the configuration.
    told: RefCell<BTreeSet<String>>,
    /// Something could not be had.
    lacks: Cell<bool>,
    /// A backend refused the sender, and its secrets have not been fetched anew since.
    refused: Cell<bool>,
    /// What was fetched anew is different, and exporters do not have it yet.
    changed: Cell<bool>,
    retries: Pace,
    refreshes: Pace,
}

/// How soon to ask again. By the wall clock, which goes on while the environment is frozen.
struct Pace {
    last: Cell<SystemTime>,
    pause: Cell<Duration>,
}

impl Pace {
    fn new() -> Pace {
        Pace { last: Cell::new(SystemTime::UNIX_EPOCH), pause: Cell::new(Duration::ZERO) }
    }

    /// Whether it is time to ask; if so, the next pause is longer.
    fn is_due(&self) -> bool {
        let now = SystemTime::now();
        if now.duration_since(self.last.get()).unwrap_or(LONGEST_PAUSE) < self.pause.get() {
            return false;
        }
        self.last.set(now);
        self.pause.set((self.pause.get() * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE));
        true
    }
}

impl Renewal {
    /// Of a configuration that was read by `reader` just now; reports it.
    pub fn new(reader: Reader, env: &Env, configuration: &Configuration, log: &Log) -> Renewal {
        let mut told = BTreeSet::new();
        configuration.report(log, &mut told);
        let Configuration { budget, host, feed, .. } = configuration;
        Renewal {
            reader: Mutex::new(reader),
            env: env.clone(),
            budget: budget.clone(),
            host: host.clone(),
            feed: feed.clone(),
            log: *log,
            told: RefCell::new(told),
            lacks: Cell::new(configuration.lacks_something()),
            refused: Cell::new(false),
            changed: Cell::new(false),
            retries: Pace::new(),
            refreshes: Pace::new(),
        }
    }

    /// Whether something could not be had.
    pub fn lacks_something(&self) -> bool {
        self.lacks.get()
    }

    /// Asks again for what could not be had, if it is time for that, and gives the configuration as it is then.
    /// May be dropped at any time.
    pub async fn retry(&self) -> Option<Configuration> {
        if !self.lacks.get() || !self.retries.is_due() {
            return None;
        }
        self.reader.lock().await.forget_failures();
        let configuration = self.read().await;
        self.lacks.set(configuration.lacks_something());
        Some(configuration)
    }

    /// The same, again and again until there is a configuration.
    pub async fn wait(&self) -> Configuration {
        loop {
            if let Some(configuration) = self.retry().await {
                return configuration;
            }
            sleep(FIRST_PAUSE).await;
        }
    }

    /// Lets what waited go on that can now, and exporters that were refused with secrets that were replaced. May
    /// be dropped at any time.
    pub async fn catch_up(&self, service: &Service) {
        if let Some(configuration) = self.retry().await {
            if !configuration.lacks_something() {
                ::log::info!("All that the configuration refers to could be had now");
            }
            configuration.renew(service);
        }
        self.fetch_anew(service).await;
    }

    /// Fetches anew what exporters use if a backend refused one of them since that was last looked at, and lets them go on
    /// with that. Returns whether anything is different. What takes longer than this is polled is left to
    /// [`catch_up`](Renewal::catch_up), which has more time.
    pub async fn refresh(&self, service: &Service) -> bool {
        !self.refused.get() && self.fetch_anew(service).await
    }

    async fn fetch_anew(&self, service: &Service) -> bool {
        let refused = service.take_unauthenticated() || self.refused.get();
        self.refused.set(refused);
        if !refused || !self.refreshes.is_due() {
            return false;
        }
        let changed = self.reader.lock().await.refresh().await || self.changed.get();
        self.changed.set(changed);
        if changed {
            ::log::info!(
                "A backend refused the sender; its secrets were replaced meanwhile and are used now"
            );
            self.read().await.renew(service);
        }
        service.looked_again();
        self.refused.set(false);
        self.changed.set(false);
        self.refreshes.pause.set(BETWEEN_REFRESHES);
        changed
    }

    /// Catches up for as long as it is polled, where nothing freezes.
    pub async fn keep_up(&self, service: &Service) -> Infallible {
        self.look_every(FIRST_PAUSE, service).await
    }

    /// Ends `service` before `deadline`. What is lacking is asked for once more, whenever it was asked for last: what
    /// waits for it has no other chance.
    pub async fn shutdown(&self, service: &Service, deadline: Instant) -> Flushed {
        self.retries.pause.set(Duration::ZERO);
        self.refreshes.pause.set(Duration::ZERO);
        tokio::select! {
            flushed = service.shutdown(deadline) => flushed,
            never = self.look_every(BETWEEN_LAST_LOOKS, service) => match never {},
        }
    }

    async fn look_every(&self, pause: Duration, service: &Service) -> Infallible {
        loop {
            self.catch_up(service).await;
            sleep(pause).await;
        }
    }

    async fn read(&self) -> Configuration {
        let mut reader = self.reader.lock().await;
        let loaded = reader.read(Extent::All).await;
        let process = (self.budget.clone(), self.host.clone(), self.feed.clone());
        let configuration = Configuration::of(loaded, &self.env, reader.shared(), process);
        configuration.report(&self.log, &mut self.told.borrow_mut());
        configuration
    }
}
