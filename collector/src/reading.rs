//! Reads the configuration, wherever it is kept: what lies elsewhere is fetched, and then it is read again.

use std::time::Duration;

use config::{Answers, Document, Env, Loaded, Lookup, Providers};
use exporters::auth::Shared;
use exporters::fetch::{self, Fetcher};
use tokio::time::Instant;

use crate::environment;

/// The longest that the start waits for what is fetched: Lambda gives up after 10 s, and the function's own
/// initialisation needs its share.
const PATIENCE: Duration = Duration::from_secs(3);

/// What of a configuration is fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything that the used parts need.
    All,
    /// Whole configurations alone: what `${...}` inside them stands for is nobody's business but the collector's that
    /// runs, which may have rights that this process has not.
    Documents,
}

/// Reads one configuration, again and again if need be; what was fetched is not fetched again.
pub struct Reader {
    env: Env,
    lookup: Lookup,
    shared: Shared,
    /// Made when the first text must be fetched.
    fetcher: Option<Fetcher>,
    patience: Duration,
}

impl Reader {
    /// For the configuration at `uris`, or where it is looked up if there are none.
    pub fn new(env: &Env, uris: &[String], shared: &Shared) -> Reader {
        let lookup = Lookup::new(uris.to_vec(), environment::built_in(env));
        Reader { env: env.clone(), lookup, shared: shared.clone(), fetcher: None, patience: patience(env) }
    }

    /// Reads what is at hand, and fetches nothing.
    #[cfg(test)]
    pub fn read_at_hand(&self) -> Loaded {
        self.load(Answers::new())
    }

    /// Reads it, and fetches `extent` of it: side by side, in as many rounds as references lie in each other.
    pub async fn read(&mut self, extent: Extent) -> Loaded {
        let deadline = Instant::now() + self.patience;
        let mut answers = Answers::new();
        loop {
            let loaded = self.load(answers.clone());
            if loaded.wanted.is_empty() {
                return loaded;
            }
            if extent == Extent::Documents && loaded.document.is_some() {
                let unfetched = fetch::unfetched(&loaded.wanted);
                if unfetched.is_empty() {
                    return loaded;
                }
                answers.extend(unfetched);
                continue;
            }
            let fetcher = self.fetcher.get_or_insert_with(|| Fetcher::new(&self.env, &self.shared));
            answers.extend(fetcher.answers(&loaded.wanted, deadline).await);
        }
    }

    /// Lets what could not be had be tried again.
    pub fn forget_failures(&self) {
        self.fetcher.iter().for_each(Fetcher::forget_failures);
    }

    /// Fetches anew all that was fetched; whether any of it is different.
    pub async fn refresh(&self) -> bool {
        match &self.fetcher {
            Some(fetcher) => fetcher.refresh(Instant::now() + self.patience).await,
            None => false,
        }
    }

    /// What components are built with that this reader's configuration names.
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }

    fn load(&self, answers: Answers) -> Loaded {
        Document::load(&self.lookup, &Providers::new(&self.env).answering(answers))
    }
}

/// `OTELCOL_LAMBDA_CONFIG_TIMEOUT`, a duration such as `500ms`, else three seconds.
fn patience(env: &Env) -> Duration {
    let Some(text) = env.get("OTELCOL_LAMBDA_CONFIG_TIMEOUT").filter(|text| !text.is_empty()) else {
        return PATIENCE;
    };
    config::parse_duration(text).unwrap_or_else(|expected| {
        ::log::warn!("OTELCOL_LAMBDA_CONFIG_TIMEOUT is {text:?}, {expected}; it counts as {PATIENCE:?}");
        PATIENCE
    })
}
