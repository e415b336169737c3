//! The numbers that matter, computed from a sandbox's journal.

use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use crate::invoke::{Invocation, Status};
use crate::journal::{Journal, Moment};
use crate::shutdown::Ended;
use crate::usage::Usage;

/// A duration that is written in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Ms(pub Duration);

impl Ms {
    /// As a number.
    pub fn as_f64(self) -> f64 {
        self.0.as_secs_f64() * 1000.0
    }
}

impl Serialize for Ms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Microseconds are as fine as these clocks are.
        serializer.serialize_f64((self.as_f64() * 1000.0).round() / 1000.0)
    }
}

/// What a run of a sandbox measured. All durations are in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The init phase; all but `total` counted from the start of the extension's process.
    pub init: InitFigures,
    /// Each invocation.
    pub invocations: Vec<InvocationFigures>,
    /// From SHUTDOWN to the extension's end.
    pub shutdown: Option<Ms>,
    /// The most memory the extension had resident, in bytes.
    pub peak_memory: Option<u64>,
    /// The CPU time the extension used.
    pub cpu: Option<Ms>,
}

/// The init phase of the first extension.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct InitFigures {
    /// Until it had registered.
    pub registered: Option<Ms>,
    /// Until its telemetry subscription was accepted.
    pub subscribed: Option<Ms>,
    /// Until the watched ports were open.
    pub bound: Option<Ms>,
    /// Until it asked for its first event.
    pub ready: Option<Ms>,
    /// Until the function's runtime asked for its first invocation.
    pub runtime_ready: Option<Ms>,
    /// The whole phase.
    pub total: Option<Ms>,
}

/// One invocation.
#[derive(Clone, Debug, Serialize)]
pub struct InvocationFigures {
    /// The request id.
    pub request_id: String,
    /// It went well.
    pub success: bool,
    /// From INVOKE to the runtime's call of `next`.
    pub function: Ms,
    /// From there to the sending of `platform.runtimeDone`: the platform's buffering.
    pub buffered: Option<Ms>,
    /// From the sending of `platform.runtimeDone` to the extension's call of `next`.
    pub after_runtime_done: Option<Ms>,
    /// From the end of the function to the extension's call of `next`: what the customer pays for.
    pub held: Ms,
}

impl Figures {
    /// Of a sandbox that has ended (or has not yet: then without `ended`).
    pub fn new(
        journal: &Journal,
        invocations: &[Invocation],
        usage: Option<Usage>,
        ended: Option<&Ended>,
    ) -> Figures {
        let shutdown = ended.and_then(|ended| ended.extensions.first()).map(|exit| Ms(exit.took));
        Figures {
            init: InitFigures::new(journal),
            invocations: invocations.iter().map(InvocationFigures::new).collect(),
            shutdown,
            peak_memory: usage.map(|usage| usage.peak_memory),
            cpu: usage.map(|usage| Ms(usage.cpu)),
        }
    }
}

impl InitFigures {
    fn new(journal: &Journal) -> InitFigures {
        let Some(launched) = journal.first(|moment| matches!(moment, Moment::Launched { .. })) else {
            return InitFigures::default();
        };
        let since = |begun: Instant, wanted: fn(&Moment) -> bool| {
            journal.first(wanted).map(|at| Ms(at.saturating_duration_since(begun)))
        };
        let started = journal.first(|moment| matches!(moment, Moment::InitStart { .. }));
        InitFigures {
            registered: since(launched, |moment| matches!(moment, Moment::Registered { .. })),
            subscribed: since(launched, |moment| matches!(moment, Moment::Subscribed { .. })),
            bound: since(launched, |moment| matches!(moment, Moment::Bound { .. })),
            ready: since(launched, |moment| matches!(moment, Moment::Ready { .. })),
            runtime_ready: since(launched, |moment| matches!(moment, Moment::RuntimeReady)),
            total: since(started.unwrap_or(launched), |moment| matches!(moment, Moment::InitDone)),
        }
    }
}

impl InvocationFigures {
    fn new(invocation: &Invocation) -> InvocationFigures {
        let sent = invocation.runtime_done_sent;
        InvocationFigures {
            request_id: invocation.request_id.clone(),
            success: invocation.status == Status::Success,
            function: Ms(invocation.function_done.saturating_duration_since(invocation.invoked)),
            buffered: sent.map(|sent| Ms(sent.saturating_duration_since(invocation.function_done))),
            after_runtime_done: sent.map(|sent| Ms(invocation.end.saturating_duration_since(sent))),
            held: Ms(invocation.held),
        }
    }
}

/// The middle one of these durations.
pub fn median(durations: impl IntoIterator<Item = Ms>) -> Option<Ms> {
    let mut durations: Vec<Ms> = durations.into_iter().collect();
    durations.sort_by_key(|ms| ms.0);
    durations.get(durations.len() / 2).copied()
}
