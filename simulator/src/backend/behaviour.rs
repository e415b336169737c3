//! How the backend treats requests.

use std::collections::VecDeque;
use std::time::Duration;

/// How the backend treats a request, over HTTP and over gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes it.
    Accept,
    /// Takes it, and answers this much later.
    Slow(Duration),
    /// Nobody listens: connections are refused, open ones are closed.
    Down,
    /// Answers with this HTTP status, or gRPC code, and does not take it. `retry_after` becomes Retry-After
    /// (whole seconds, rounded up) or RetryInfo.
    Refuse {
        /// The HTTP status.
        http: u16,
        /// The gRPC code.
        grpc: u16,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// Takes it if its body on the wire has at most this many bytes; else 413 or RESOURCE_EXHAUSTED.
    AtMost(usize),
    /// Reads it and never answers.
    Hang,
    /// Closes the connection as soon as the head of the request is there.
    CutBeforeReading,
    /// Reads all of it and closes the connection instead of answering. It was not taken.
    CutAfterReading,
    /// Takes it, but says that this many items were rejected.
    PartialSuccess(i64),
}

impl Behaviour {
    /// The request is at fault: HTTP 400, gRPC INVALID_ARGUMENT.
    pub const INVALID: Behaviour = Behaviour::Refuse { http: 400, grpc: 3, retry_after: None };

    /// The backend cannot just now: HTTP 503, gRPC UNAVAILABLE.
    pub const fn unavailable(retry_after: Option<Duration>) -> Behaviour {
        Behaviour::Refuse { http: 503, grpc: 14, retry_after }
    }

    /// Too many requests: HTTP 429, gRPC RESOURCE_EXHAUSTED.
    pub const fn throttled(retry_after: Option<Duration>) -> Behaviour {
        Behaviour::Refuse { http: 429, grpc: 8, retry_after }
    }
}

/// What the backend does now and for the next requests, and whether it does.
pub(super) struct Conduct {
    pub now: Behaviour,
    pub script: VecDeque<Behaviour>,
    pub listening: bool,
    pub connections: usize,
}

impl Conduct {
    pub fn new() -> Conduct {
        Conduct { now: Behaviour::Accept, script: VecDeque::new(), listening: true, connections: 0 }
    }

    /// How to treat the request that has just come.
    pub fn next(&mut self) -> Behaviour {
        match self.script.pop_front().unwrap_or_else(|| self.now.clone()) {
            Behaviour::Down => Behaviour::CutBeforeReading,
            other => other,
        }
    }
}
