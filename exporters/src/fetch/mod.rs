//! Fetches configurations and secrets: from web servers, S3, Secrets Manager and Parameter Store.
//!
//! Each text is fetched once, however many URIs ask for a part of it. Nothing is opened, and no client is made, before
//! the first URI is asked for.

mod aws;
mod uri;
mod web;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use config::{Answers, Env};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use self::aws::MOST_PARAMETERS;
use self::uri::{Source, Wish};
use crate::auth::Shared;
use crate::http::Client;

/// How often a service is asked that is busy or does not answer: as often as AWS's SDKs ask.
const ATTEMPTS: u32 = 3;
/// The wait after the first of them; each further one is three times as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Fetches what URIs name, and remembers it.
pub struct Fetcher {
    env: Env,
    shared: Shared,
    clients: RefCell<BTreeMap<String, Rc<Client>>>,
    had: RefCell<BTreeMap<Source, Fetched>>,
}

/// A text, or why it can't be had.
type Fetched = Result<Rc<str>, String>;

/// What became of some sources.
type Batch = Vec<(Source, Fetched)>;

/// Why an attempt gave nothing.
#[derive(Debug)]
struct Trouble {
    /// In words.
    why: String,
    /// Whether it passes with time.
    passes: bool,
}

/// The answers to those of `uris` that need nothing fetched: what is wrong with a malformed one, and the default of one
/// that names nothing else.
pub fn unfetched(uris: &[String]) -> Answers {
    let answer = |uri: &String| match parse(uri) {
        Ok(Wish { source: Some(_), .. }) => None,
        wish => Some((uri.clone(), wish.map(|wish| wish.default))),
    };
    uris.iter().filter_map(answer).collect()
}

/// What `uri` asks for, or what is wrong with it.
fn parse(uri: &str) -> Result<Wish, String> {
    let scheme = uri.split(':').next().unwrap_or_default();
    Wish::parse(uri).map_err(|why| format!("{scheme}: {why}"))
}

impl Fetcher {
    /// A fetcher for a process in this environment. Opens nothing.
    pub fn new(env: &Env, shared: &Shared) -> Fetcher {
        let (clients, had) = (RefCell::default(), RefCell::default());
        Fetcher { env: env.clone(), shared: shared.clone(), clients, had }
    }

    /// The answers to `uris`, fetched side by side before `deadline` if they are not known yet.
    pub async fn answers(&self, uris: &[String], deadline: Instant) -> Answers {
        let wishes: Vec<_> = uris.iter().map(|uri| (uri, parse(uri))).collect();
        let sources = wishes.iter().filter_map(|(_, wish)| wish.as_ref().ok()?.source.clone());
        let known = self.had.borrow().keys().cloned().collect();
        let missing: BTreeSet<_> = &sources.collect::<BTreeSet<_>>() - &known;
        let fetched = join_all(self.batches(missing, deadline)).await;
        self.had.borrow_mut().extend(fetched.into_iter().flatten());
        let answer = |(uri, wish): (&String, Result<Wish, String>)| {
            (uri.clone(), wish.and_then(|wish| self.answer(&wish)))
        };
        wishes.into_iter().map(answer).collect()
    }

    /// Forgets what failed, so that it is tried again.
    pub fn forget_failures(&self) {
        self.had.borrow_mut().retain(|_, fetched| fetched.is_ok());
    }

    /// Fetches anew what was had, and tells whether any of it is another text now. What can't be had now stays as it was.
    pub async fn refresh(&self, deadline: Instant) -> bool {
        let known: Vec<_> =
            self.had.borrow().iter().map(|(source, had)| (source.clone(), had.is_ok())).collect();
        let sources = known.into_iter().filter(|(_, had)| *had).map(|(source, _)| source);
        let fetched = join_all(self.batches(sources.collect(), deadline)).await;
        let mut had = self.had.borrow_mut();
        let mut changed = false;
        for (source, fetched) in fetched.into_iter().flatten().filter(|(_, fetched)| fetched.is_ok()) {
            changed |= had.get(&source) != Some(&fetched);
            had.insert(source, fetched);
        }
        changed
    }

    /// Requests for `sources`, one for each but for parameters, of which many come at once.
    fn batches(&self, sources: BTreeSet<Source>, deadline: Instant) -> Vec<LocalBoxFuture<'_, Batch>> {
        let mut batches: Vec<LocalBoxFuture<'_, Batch>> = Vec::new();
        let mut parameters: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for source in sources {
            if let Source::Parameter { name, region } = source {
                parameters.entry(region).or_default().push(name);
            } else {
                let fetch = async move {
                    let fetched = patiently(deadline, async || self.fetch(&source).await).await;
                    vec![(source.clone(), fetched.map_err(|why| format!("{source}: {why}")))]
                };
                batches.push(fetch.boxed_local());
            }
        }
        for (region, names) in parameters {
            for names in names.chunks(MOST_PARAMETERS) {
                let (names, region) = (names.to_vec(), region.clone());
                batches.push(async move { self.parameters(&names, region, deadline).await }.boxed_local());
            }
        }
        batches
    }

    async fn fetch(&self, source: &Source) -> Result<Rc<str>, Trouble> {
        match source {
            Source::Web(url) => self.page(url).await,
            Source::Object { bucket, region, key } => self.object(bucket, region.as_deref(), key).await,
            Source::Secret { id, region, stage, version } => {
                self.secret(id, region.as_deref(), stage.as_deref(), version.as_deref()).await
            }
            Source::Parameter { .. } => Err(Trouble::lasting("parameters are fetched together")),
        }
    }

    /// What `wish` asks for, of what was fetched.
    fn answer(&self, wish: &Wish) -> Result<Option<String>, String> {
        let default = || wish.default.clone();
        let Some(source) = &wish.source else { return Ok(default()) };
        let text = match self.had.borrow().get(source) {
            Some(fetched) => fetched.clone()?,
            None => return Err(format!("{source}: was not fetched")),
        };
        let Some(field) = &wish.field else { return Ok(Some(text.to_string())) };
        let Ok(Value::Object(fields)) = serde_json::from_str(&text) else {
            return Err(format!("{source}: is no JSON object, so it has no field {field}"));
        };
        match (fields.get(field), default()) {
            (Some(Value::String(text)), _) => Ok(Some(text.clone())),
            (Some(Value::Null), default) => Ok(default),
            (Some(value), _) => Ok(Some(value.to_string())),
            (None, Some(default)) => Ok(Some(default)),
            (None, None) => Err(format!("{source}: has no field {field}")),
        }
    }
}

/// Makes attempts until one succeeds or fails for good, or `deadline` comes.
async fn patiently<T>(deadline: Instant, attempt: impl AsyncFn() -> Result<T, Trouble>) -> Result<T, String> {
    let (mut wait, mut last) = (FIRST_WAIT, None);
    for number in 1..=ATTEMPTS {
        match timeout_at(deadline, attempt()).await {
            Ok(Ok(had)) => return Ok(had),
            Ok(Err(Trouble { why, passes })) if !passes || number == ATTEMPTS => return Err(why),
            Ok(Err(Trouble { why, .. })) => last = Some(why),
            Err(_) => break,
        }
        if Instant::now() + wait >= deadline {
            break;
        }
        sleep(wait).await;
        wait *= 3;
    }
    Err(last.unwrap_or_else(|| "no answer within the time for the configuration".into()))
}

impl Trouble {
    /// Trouble that time does not heal.
    fn lasting(why: impl Into<String>) -> Trouble {
        Trouble { why: why.into(), passes: false }
    }
}

/// What it is called in messages: without what may be secret in a URL.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Web(url) => f.write_str(&web::shown(url)),
            Source::Object { bucket, key, .. } => write!(f, "s3://{bucket}/{key}"),
            Source::Secret { id, .. } => write!(f, "the secret {id}"),
            Source::Parameter { name, .. } => write!(f, "the parameter {name}"),
        }
    }
}
