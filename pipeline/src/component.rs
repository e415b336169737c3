//! The contracts: what a receiver, a processor and an exporter promise, and how they are registered.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use config::{Env, Id, Mistakes, Node};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::{Batch, Budget, Host, Signal};

/// What went wrong, in words for the person who reads the log. Never holds a secret.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Takes telemetry in from outside and hands it to its [`Inlet`](crate::Inlet).
#[async_trait(?Send)]
pub trait Receiver {
    /// Takes its ports. Called once, before [`run`](Receiver::run); not called by `validate`.
    ///
    /// Returns one error for each thing that could not be had (a port already in use). What was bound works on
    /// all the same: a receiver that failed in part must not take the function down.
    fn bind(&mut self) -> Vec<Error> {
        Vec::new()
    }

    /// The ports of this host that it takes OTLP on: what an exporter of its own pipeline sends there comes back.
    fn local_ports(&self) -> Vec<u16> {
        Vec::new()
    }

    /// Serves until `stop` resolves, then refuses new work, answers what it has begun, and returns.
    ///
    /// It answers its client only after [`Inlet::accept`](crate::Inlet::accept), so what was acknowledged is
    /// seen by the next flush.
    async fn run(self: Box<Self>, inlet: crate::Inlet, stop: crate::Stop);
}

/// Changes, drops or holds back batches on their way. Called on one thread, never waits.
pub trait Processor {
    /// Takes `batch` and appends what shall go on to `out`.
    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>);

    /// Lets go of everything it holds back. Only for processors that do.
    fn flush(&mut self, _out: &mut Vec<Batch>) {}

    /// Whether it can work on `signal` at all; the words say why not. Asked for each pipeline that uses it.
    fn takes(&self, _signal: Signal) -> Result<(), String> {
        Ok(())
    }

    /// When it wants [`flush`](Processor::flush) to be called at the latest, if it holds something back.
    fn due(&self) -> Option<Instant> {
        None
    }
}

/// Sends batches to one backend.
#[async_trait(?Send)]
pub trait Exporter {
    /// Makes one attempt to deliver `batch`. Queue, retry, timeout and deadline are the outbox's, not yours.
    ///
    /// Dropping the future cancels the attempt; the batch is then offered again later. Several attempts may
    /// run side by side.
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered>;

    /// Whether it can send `signal` at all; the words say what is missing. Asked for each pipeline that uses it.
    fn takes(&self, _signal: Signal) -> Result<(), String> {
        Ok(())
    }

    /// The port of this host that it sends `signal` to as OTLP, if it does not send it elsewhere.
    fn local_port(&self, _signal: Signal) -> Option<u16> {
        None
    }

    /// How the outbox treats this exporter: timeout, retry, queue, request size.
    fn sending(&self) -> Sending {
        Sending::default()
    }
}

/// The backend took the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// All of it.
    All,
    /// All but some items, which it will never take (OTLP partial success). They are counted and logged.
    Partly {
        /// Items that the backend rejected. 0 with a message is a warning, as OTLP has it.
        rejected: usize,
        /// What the backend said.
        message: String,
    },
}

/// The backend did not take the batch.
#[derive(Debug)]
pub enum Undelivered {
    /// It may take it later. The batch is kept.
    Retry {
        /// The backend's own wish (`Retry-After`, `RetryInfo`): not before this has passed.
        after: Option<Duration>,
        /// Why.
        cause: Error,
    },
    /// It has settled a part, and may take `rest` later. That is kept in the place of the whole.
    RetryRest {
        /// What is still to be delivered.
        rest: Box<Batch>,
        /// Items beside it that the backend rejected for good.
        rejected: usize,
        /// Not before this has passed.
        after: Option<Duration>,
        /// Why.
        cause: Error,
    },
    /// The request was too large. It is cut in two and sent again; what can't be cut is refused.
    TooLarge {
        /// Why.
        cause: Error,
    },
    /// It does not know who sends, or lets them not. Kept while the secrets of the exporter can be fetched anew (where
    /// nothing is retried, for one attempt after that was done), else refused.
    Unauthenticated {
        /// Why.
        cause: Error,
    },
    /// It will never take it. A request merged of several parts is tried once more part by part, so that one
    /// bad part costs its neighbours nothing; then it is dropped, counted and logged.
    Refused {
        /// Why.
        cause: Error,
    },
}

/// How an outbox sends: what the Collector calls exporterhelper's settings.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The longest that one attempt may take; zero is no limit of its own.
    pub timeout: Duration,
    /// Retry of failed attempts.
    pub retry: RetryOnFailure,
    /// The queue.
    pub queue: SendingQueue,
    /// Requests are cut to stay below so many bytes of OTLP (before compression).
    pub max_request_bytes: Option<usize>,
    /// Waiting requests are merged up to so many bytes of OTLP; at 0 they stay as they came.
    pub merge_bytes: usize,
}

/// Below every limit known of a backend (New Relic: 1 MB, gRPC's default: 4 MiB), and large enough that a request's
/// own cost (some 30 us) vanishes.
const MERGE_BYTES: usize = 900_000;

impl Default for Sending {
    fn default() -> Self {
        Sending {
            timeout: Duration::from_secs(5),
            retry: RetryOnFailure::default(),
            queue: SendingQueue::default(),
            max_request_bytes: None,
            merge_bytes: MERGE_BYTES,
        }
    }
}

/// `retry_on_failure`: the waits between attempts, with the Collector's keys and defaults.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct RetryOnFailure {
    /// Whether a failed request is tried again. One that is refused for a secret which can be fetched anew is tried once
    /// more in any case.
    pub enabled: bool,
    /// The wait after the first failure.
    #[serde(deserialize_with = "config::duration")]
    pub initial_interval: Duration,
    /// The longest wait.
    #[serde(deserialize_with = "config::duration")]
    pub max_interval: Duration,
    /// When to give a request up, counted over the time spent on it (not over the time spent frozen); 0 is never.
    #[serde(deserialize_with = "config::duration")]
    pub max_elapsed_time: Duration,
    /// The growth of the wait from one attempt to the next.
    pub multiplier: f64,
    /// The wait is drawn from this share around it: 0.5 is half to one and a half.
    pub randomization_factor: f64,
}

impl Default for RetryOnFailure {
    fn default() -> Self {
        RetryOnFailure {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(300),
            multiplier: 1.5,
            randomization_factor: 0.5,
        }
    }
}

/// `sending_queue`: the Collector's keys. Here every exporter has a queue by nature, emptied by each flush;
/// `enabled`, `block_on_overflow`, `wait_for_result` and `storage` are accepted and change nothing.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct SendingQueue {
    /// Accepted; the queue is always on.
    pub enabled: IgnoredAny,
    /// How many requests may be under way at once.
    #[serde(deserialize_with = "count")]
    pub num_consumers: usize,
    /// How many requests (or items, or bytes: see `sizer`) may wait. When full, the oldest is dropped and counted.
    #[serde(deserialize_with = "count")]
    pub queue_size: usize,
    /// What `queue_size` counts: requests as they were received; spans, data points and log records; bytes of OTLP.
    pub sizer: Sizer,
    /// Accepted; a receiver never waits for a queue.
    pub block_on_overflow: IgnoredAny,
    /// Accepted; a receiver answers when the data is in the queue.
    pub wait_for_result: IgnoredAny,
    /// Accepted; there is no storage in a sandbox that outlives the memory.
    pub storage: IgnoredAny,
    /// How waiting requests are merged, which they are by nature.
    pub batch: Option<QueueBatch>,
}

/// What `sending_queue.queue_size` counts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Sizer {
    /// Requests as they were received.
    Requests,
    /// Spans, data points, log records.
    Items,
    /// Bytes of OTLP.
    Bytes,
}

/// `sending_queue.batch`: merging of waiting requests.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct QueueBatch {
    /// Accepted; a flush never waits for more.
    pub flush_timeout: IgnoredAny,
    /// Accepted; a flush never waits for more.
    pub min_size: IgnoredAny,
    /// Accepted; the metadata of requests is not carried, so nothing is kept apart by it.
    pub partition: IgnoredAny,
    /// The most that one request may hold, in units of `sizer`; 0 is no limit.
    #[serde(deserialize_with = "count")]
    pub max_size: usize,
    /// What the sizes count; the queue's sizer if absent.
    pub sizer: Option<Sizer>,
}

impl Default for SendingQueue {
    fn default() -> Self {
        SendingQueue {
            enabled: IgnoredAny,
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            block_on_overflow: IgnoredAny,
            wait_for_result: IgnoredAny,
            storage: IgnoredAny,
            batch: None,
        }
    }
}

/// A number, of which any below 0 is 0: the Go layer switches every queue off, and so minds no number.
fn count<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    Ok(usize::try_from(i64::deserialize(from)?).unwrap_or_default())
}

/// What a component is built with, beside its own configuration.
#[derive(Clone)]
pub struct Context {
    /// Its id in the configuration, `type` or `type/name`: for messages and logs.
    pub id: Id,
    /// The environment that the process was started with (proxies, region, credentials).
    pub env: Env,
    /// The budget of all telemetry in memory.
    pub budget: Budget,
    /// Name and version for `User-Agent` headers: `otelcol-lambda/0.1.0`.
    pub user_agent: String,
    /// The place that it runs in.
    pub host: Host,
}

/// How a component of some kind is made: its name in a configuration and its builder.
pub struct Factory<T: ?Sized> {
    /// The component's type: the part of an id before the `/`.
    pub name: &'static str,
    /// Other names under which configurations know it.
    pub aliases: Vec<&'static str>,
    /// Reads the component's configuration and makes it; opens nothing.
    pub build: Box<Build<T>>,
}

/// A builder of components: a function, or a closure over what the components of one list share.
pub type Build<T> = dyn Fn(&Node, &Context) -> Result<Box<T>, Mistakes>;

impl<T: ?Sized> Factory<T> {
    /// A component `name`, made by `build`.
    pub fn new(
        name: &'static str,
        build: impl Fn(&Node, &Context) -> Result<Box<T>, Mistakes> + 'static,
    ) -> Self {
        Factory { name, aliases: Vec::new(), build: Box::new(build) }
    }

    /// Another name under which configurations know it.
    #[must_use]
    pub fn alias(mut self, name: &'static str) -> Self {
        self.aliases.push(name);
        self
    }

    /// Whether a configuration may call it `name`.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

impl<T: ?Sized> fmt::Debug for Factory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factory")
            .field("name", &self.name)
            .field("aliases", &self.aliases)
            .finish_non_exhaustive()
    }
}
