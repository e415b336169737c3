//! The invoke phase: from the thaw to the freeze.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde_json::Value;
use tokio::time::sleep_until;

use crate::call::{invoke_event, new_call};
use crate::clock::epoch_ms;
use crate::events::Call;
use crate::function::{Function, Outcome};
use crate::journal::Moment;
use crate::managed;
use crate::mode::InitType;
use crate::platform::{FUNCTION, Fault, Offer, Platform};
use crate::quirks::RuntimeDone;
use crate::sandbox::Sandbox;

/// How an invocation went.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The request id.
    pub request_id: String,
    /// How the function ended.
    pub status: Status,
    /// What the function's runtime answered, be it a result or an error.
    pub response: Option<Bytes>,
    /// The environment was initialised for this invocation or is used for the first time.
    pub cold: bool,
    /// When INVOKE was released.
    pub invoked: Instant,
    /// When the function was done: its runtime asked for the next invocation.
    pub function_done: Instant,
    /// When the batch with `platform.runtimeDone` was about to be written; `None` if it was not.
    pub runtime_done_sent: Option<Instant>,
    /// When the last extension asked for its next event, or the environment was ended.
    pub end: Instant,
    /// How long the extensions held the environment after the function was done: what the customer pays for.
    pub held: Duration,
}

/// How a function ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It answered.
    Success,
    /// It reported this error type.
    Error(String),
    /// Function and extensions took longer than the function's timeout; the environment was ended.
    Timeout,
    /// Something broke; the environment was ended.
    Failed(Fault),
}

/// An invocation under way.
pub(crate) struct Running {
    pub call: Call,
    cold: bool,
    pub invoked: Instant,
    pub started: SystemTime,
    deadline: Instant,
    pub init_took: Option<Duration>,
    pub restore_took: Option<Duration>,
    pub produced_bytes: usize,
}

/// How the function's part ended.
enum Verdict {
    Ended(Outcome, Option<Bytes>),
    TimedOut,
    Broken(Fault),
}

impl Sandbox {
    /// Invokes a function whose code is `script`, and waits until the environment is frozen again.
    pub async fn invoke<F>(&mut self, script: impl FnOnce(Function) -> F) -> Invocation
    where
        F: Future<Output: Into<Outcome>>,
    {
        if self.platform.managed() {
            let cold = self.invocations.is_empty();
            let work = |function| async { (script(function).await.into(), None) };
            let invocation = managed::run(&self.platform, cold, work).await;
            self.invocations.push(invocation.clone());
            return invocation;
        }
        let running = match self.begin().await {
            Ok(running) => running,
            Err(failed) => return *failed,
        };
        let platform = Arc::clone(&self.platform);
        let request = running.call.request_id.clone();
        platform.record(Moment::FunctionStarted { request: request.clone() });
        let function = Function {
            request_id: request.clone(),
            deadline: running.started + platform.lambda.timeout,
            trace: running.call.runtime_trace(),
            platform: Arc::clone(&platform),
        };
        let verdict = tokio::select! {
            outcome = script(function) => Verdict::Ended(outcome.into(), None),
            () = sleep_until(running.deadline.into()) => Verdict::TimedOut,
            fault = fault(&platform) => Verdict::Broken(fault),
        };
        platform.record(Moment::RuntimeDone { request });
        self.finish(running, verdict).await
    }

    /// Invokes the function's own runtime ([`Lambda::runtime`](crate::Lambda::runtime)) with this event.
    pub async fn invoke_event(&mut self, event: Value) -> Invocation {
        if self.platform.managed() {
            return self.invoke_events_together(vec![event]).await.remove(0);
        }
        let running = match self.begin().await {
            Ok(running) => running,
            Err(failed) => return *failed,
        };
        let platform = Arc::clone(&self.platform);
        let request = running.call.request_id.clone();
        let offer = Offer {
            request_id: request.clone(),
            deadline_ms: epoch_ms(running.started + platform.lambda.timeout),
            trace: running.call.runtime_trace(),
            payload: event.to_string().into(),
        };
        platform.state.change(|state| state.runtime.offered.push_back(offer));
        let response = platform.state.until(|state| {
            let runtime = &mut state.runtime;
            let idle = runtime.waiting && runtime.offered.is_empty() && runtime.running.is_empty();
            if idle { runtime.answer(&request) } else { None }
        });
        let verdict = tokio::select! {
            answer = response => {
                Verdict::Ended(answer.error.map_or(Outcome::Success, Outcome::Error), Some(answer.body))
            }
            () = sleep_until(running.deadline.into()) => Verdict::TimedOut,
            fault = fault(&platform) => Verdict::Broken(fault),
        };
        if !matches!(verdict, Verdict::Ended(..)) {
            platform.record(Moment::RuntimeDone { request });
        }
        self.finish(running, verdict).await
    }

    /// Thaws (or initialises) the environment and releases INVOKE.
    async fn begin(&mut self) -> Result<Running, Box<Invocation>> {
        let platform = Arc::clone(&self.platform);
        let cold = !self.ready || self.invocations.is_empty();
        let deadline = Instant::now() + platform.lambda.timeout;
        let call = new_call(&platform);
        let mut restore_took = None;
        let woken = if self.ready {
            platform.state.change(|state| state.age = Duration::ZERO);
            match platform.lambda.init_type == InitType::SnapStart && self.invocations.is_empty() {
                true => self.restore().await.map(|took| restore_took = Some(took)),
                false => Ok(()),
            }
        } else {
            let first = platform.journal.first(|moment| matches!(moment, Moment::InitStart { .. })).is_none();
            self.init(if first { "init" } else { "invoke" }).await
        };
        if let Err(fault) = woken {
            let now = Instant::now();
            let running = Running::new(call, cold, now, (SystemTime::now(), deadline));
            let failed = running.ended(Status::Failed(fault), None, (now, now));
            self.invocations.push(failed.clone());
            return Err(Box::new(failed));
        }
        self.thaw();
        self.release_reports();
        let started = SystemTime::now();
        if platform.quirks.read(|quirks| quirks.runtime_done != RuntimeDone::BeforeStart) {
            platform.tell(call.start());
        }
        let invoked = platform.record(Moment::Invoke { request: call.request_id.clone() });
        let event = invoke_event(&platform, &call, started);
        platform.state.change(|state| {
            for extension in state.extensions.iter_mut().filter(|extension| extension.wants("INVOKE")) {
                extension.queue.push_back(event.clone());
            }
        });
        let mut running = Running::new(call, cold, invoked, (started, deadline));
        (running.init_took, running.restore_took) = (self.init_took.take(), restore_took);
        Ok(running)
    }

    /// Waits for the extensions, accounts, and freezes (or resets).
    async fn finish(&mut self, mut running: Running, verdict: Verdict) -> Invocation {
        let platform = Arc::clone(&self.platform);
        let request = running.call.request_id.clone();
        let done =
            platform.journal.last(|moment| *moment == Moment::RuntimeDone { request: request.clone() });
        let function_done = done.unwrap_or_else(Instant::now);
        let (mut status, response) = match verdict {
            Verdict::Ended(Outcome::Success, response) => (Status::Success, response),
            Verdict::Ended(Outcome::Error(error), response) => (Status::Error(error), response),
            Verdict::Ended(Outcome::Crash, _) => {
                (Status::Failed(Fault::Runtime("Runtime.ExitError".into())), None)
            }
            Verdict::TimedOut => (Status::Timeout, None),
            Verdict::Broken(fault) => (Status::Failed(fault), None),
        };
        if let Some(runtime) = self.process(FUNCTION) {
            // What the function has written comes before its end.
            runtime.capture.clone().drained().await;
        }
        running.produced_bytes = response.as_ref().map_or(0, Bytes::len);
        if !platform.managed() {
            self.emit_runtime_done(&running, function_done, &status);
        }
        if matches!(status, Status::Success | Status::Error(_)) {
            tokio::select! {
                () = idle(&platform) => {}
                () = sleep_until(running.deadline.into()) => status = Status::Timeout,
                fault = fault(&platform) => status = Status::Failed(fault),
            }
        }
        let last_next =
            platform.journal.last(|moment| matches!(moment, Moment::Next { .. } | Moment::Ready { .. }));
        let end = match &status {
            Status::Success | Status::Error(_) => last_next.unwrap_or(function_done).max(function_done),
            _ => Instant::now(),
        };
        match &status {
            Status::Success | Status::Error(_) => {
                match platform.managed() {
                    true => {
                        let work = running.work(&platform.journal, function_done);
                        platform.tell(running.call.slim_report(work, &status.end()));
                    }
                    false => self.hold_report(&running, function_done, end, &status),
                }
                self.freeze();
            }
            Status::Timeout | Status::Failed(_) => {
                self.hold_report(&running, function_done, end, &status);
                self.reset(if status == Status::Timeout { "timeout" } else { "failure" }).await;
            }
        }
        let mut invocation = running.ended(status, response, (function_done, end));
        invocation.runtime_done_sent = platform.journal.first(
            |moment| matches!(moment, Moment::RuntimeDoneSent { request: sent, .. } if *sent == request),
        );
        self.invocations.push(invocation.clone());
        invocation
    }
}

impl Running {
    /// An invocation from its beginning; `times` are its start and its deadline.
    pub fn new(call: Call, cold: bool, invoked: Instant, times: (SystemTime, Instant)) -> Running {
        let (started, deadline) = times;
        let (init_took, restore_took) = (None, None);
        Running { call, cold, invoked, started, deadline, init_took, restore_took, produced_bytes: 0 }
    }

    /// The invocation when it is over; `times` are when the function and when everything was done.
    pub fn ended(self, status: Status, response: Option<Bytes>, times: (Instant, Instant)) -> Invocation {
        let (function_done, end) = times;
        Invocation {
            request_id: self.call.request_id,
            status,
            response,
            cold: self.cold,
            invoked: self.invoked,
            function_done,
            runtime_done_sent: None,
            end,
            held: end.saturating_duration_since(function_done),
        }
    }
}

/// Resolves when something breaks.
pub(crate) async fn fault(platform: &Platform) -> Fault {
    platform.state.until(|state| state.fault.clone()).await
}

/// Resolves when all extensions that were told of the invocation wait for their next event.
async fn idle(platform: &Platform) {
    let idle = platform.state.until(|state| {
        let mut told = state.extensions.iter().filter(|extension| extension.wants("INVOKE"));
        told.all(|extension| extension.is_idle()).then_some(())
    });
    idle.await;
}
