//! Later looks at what a configuration refers to: for what could not be had, and for secrets that were replaced.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use config::Env;
use pipeline::{Budget, Host, Service};
use receivers::telemetryapi::Feed;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::configuration::Configuration;
use crate::reading::{Extent, Reader};

/// Secrets are looked up again at most so often: backends refuse for other reasons too.
const BETWEEN_REFRESHES: Duration = Duration::from_secs(60);
/// What can't be had is asked for at the next invocation, then after this time, then after twice as long ...
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// ... and at least so often.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Keeps a running service in step with what its configuration refers to. By the wall clock, which goes on while the
/// environment is frozen.
pub struct Renewal {
    reader: Mutex<Reader>,
    env: Env,
    budget: Budget,
    host: Host,
    feed: Feed,
    lacks: Cell<bool>,
    tried: Cell<SystemTime>,
    pause: Cell<Duration>,
    refreshed: Cell<SystemTime>,
}

impl Renewal {
    /// Of a configuration that was read by `reader` just now; `lacks` if something of it could not be had.
    pub fn new(
        reader: Reader,
        env: &Env,
        (budget, host, feed): (&Budget, &Host, &Feed),
        lacks: bool,
    ) -> Renewal {
        Renewal {
            reader: Mutex::new(reader),
            env: env.clone(),
            budget: budget.clone(),
            host: host.clone(),
            feed: feed.clone(),
            lacks: Cell::new(lacks),
            tried: Cell::new(SystemTime::UNIX_EPOCH),
            pause: Cell::new(Duration::ZERO),
            refreshed: Cell::new(SystemTime::UNIX_EPOCH),
        }
    }

    /// Whether something could not be had.
    pub fn lacks_something(&self) -> bool {
        self.lacks.get()
    }

    /// Asks again for what could not be had, if it is time for that, and gives the configuration as it is then.
    /// May be dropped at any time.
    pub async fn retry(&self) -> Option<Configuration> {
        let now = SystemTime::now();
        let passed = now.duration_since(self.tried.get()).unwrap_or(LONGEST_PAUSE);
        if !self.lacks.get() || passed < self.pause.get() {
            return None;
        }
        self.tried.set(now);
        self.pause.set((self.pause.get() * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE));
        self.reader.lock().await.forget_failures();
        let configuration = self.read().await;
        self.lacks.set(configuration.lacks_something());
        Some(configuration)
    }

    /// Lets exporters that waited go on that can now.
    pub async fn supply(&self, service: &Service) {
        if let Some(configuration) = self.retry().await {
            if !configuration.lacks_something() {
                ::log::info!("All that the configuration refers to could be had now");
            }
            configuration.renew(service);
        }
    }

    /// Fetches anew what exporters use if a backend refused one of them, and lets them go on with that. Returns whether
    /// anything is different.
    pub async fn refresh(&self, service: &Service) -> bool {
        let now = SystemTime::now();
        let passed = now.duration_since(self.refreshed.get()).unwrap_or(BETWEEN_REFRESHES);
        if !service.take_unauthenticated() || passed < BETWEEN_REFRESHES {
            return false;
        }
        self.refreshed.set(now);
        let changed = self.reader.lock().await.refresh().await;
        if changed {
            ::log::info!(
                "A backend refused the sender; its secrets were replaced meanwhile and are used now"
            );
            self.read().await.renew(service);
        }
        service.looked_again();
        changed
    }

    /// Does both for as long as it is polled, where nothing freezes.
    pub async fn keep_up(&self, service: &Service) -> Infallible {
        loop {
            self.supply(service).await;
            self.refresh(service).await;
            sleep(FIRST_PAUSE).await;
        }
    }

    async fn read(&self) -> Configuration {
        let mut reader = self.reader.lock().await;
        let loaded = reader.read(Extent::All).await;
        let process = (self.budget.clone(), self.host.clone(), self.feed.clone());
        Configuration::of(loaded, &self.env, reader.shared(), process)
    }
}
