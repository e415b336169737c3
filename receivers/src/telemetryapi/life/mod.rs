//! The life of an environment as the platform's events tell it, beyond their words: metrics, spans, and failures.

pub mod failures;
pub mod invocation;
mod invocations;
pub mod mode;
mod repeats;
#[cfg(test)]
pub mod stage;
pub mod startup;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use ::config::Env;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::Invocation as Invoked;

use self::failures::{Failure, Fault, Of};
use self::invocations::{Invocations, Turn};
use self::mode::Mode;
use self::repeats::Repeats;
use self::startup::{Failing, Startup};
use super::metrics::Metrics;
use super::spans::Spans;
use super::{Config, Event};

/// Follows the life of an environment.
pub struct Life {
    mode: Mode,
    repeats: Repeats,
    startup: Startup,
    invocations: Invocations,
    metrics: Metrics,
    spans: Spans,
    /// The latest time of any event.
    latest: u64,
    /// An init that failed while an invocation waited for it: most likely it makes that fail.
    failed_init: Option<Failure>,
    /// What the end of the environment means, as far as it is known.
    end: Option<Fault>,
    /// Whether the last thing that is known is that a start failed.
    start_failed: bool,
}

/// What became plain.
#[derive(Debug, Default)]
pub struct Plain {
    /// Failures.
    pub records: Vec<LogRecord>,
    /// Work that is over.
    pub spans: Vec<Span>,
    /// Metrics, if it is time.
    pub metrics: Vec<Metric>,
}

impl Life {
    /// The life of the environment with these variables, followed from `now` on.
    pub fn new(config: &Config, env: &Env, now: SystemTime) -> Self {
        let interval = Duration::from_millis(u64::try_from(config.export_interval_ms).unwrap_or_default());
        let function = env.get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        Life {
            mode: Mode::new(env.get("AWS_LAMBDA_INITIALIZATION_TYPE")),
            repeats: Repeats::default(),
            startup: Startup::default(),
            invocations: Invocations::default(),
            metrics: Metrics::new(config.is_delta(env), interval, now),
            spans: Spans::new(config.invocation_spans, function),
            latest: 0,
            failed_init: None,
            end: None,
            start_failed: false,
        }
    }

    /// Holds metrics back until the end, or does not any more.
    pub fn hold_metrics(&mut self, hold: bool) {
        self.metrics.hold(hold);
    }

    /// What becomes plain with a delivery of `events`, heard at `now`.
    pub fn hear(&mut self, events: &[Event], now: SystemTime) -> Plain {
        for event in events {
            if event.kind.starts_with("platform.") && !self.repeats.is_repeat(event) {
                self.take(event, now);
            }
        }
        self.repeats.end_delivery();
        let mut plain = self.settle(now);
        if self.metrics.is_due(now) {
            plain.metrics = self.metrics.collect(now);
        }
        plain
    }

    /// What becomes plain when the function is invoked, at `now`.
    pub fn invoked(&mut self, invoked: &Invoked, now: SystemTime) -> Plain {
        self.invocations.invoked(invoked);
        self.settle(now)
    }

    /// The environment ends: `spindown`, `timeout` or `failure`. Reports may follow.
    pub fn ends(&mut self, reason: &str) {
        self.end = match reason.to_ascii_lowercase().as_str() {
            "timeout" => Some(Fault::Timeout),
            "failure" => Some(Fault::Error),
            _ => None,
        };
    }

    /// What is left to tell at the end.
    pub fn end(&mut self, now: SystemTime) -> Plain {
        let mut plain = self.settle(now);
        let turns = self.invocations.end(self.end, self.mode.is_managed());
        self.tell(turns, &mut plain, now);
        if let Some(failure) = self.failed_init.take() {
            self.fail(&failure, &mut plain, now);
        }
        if let Some(fault) = self.end.take()
            && !self.start_failed
            && !self.invocations.has_just_failed()
        {
            self.fail(&Failure::new(Of::Environment, fault), &mut plain, now);
        }
        plain.spans.extend(self.spans.starts(true));
        plain.metrics = self.metrics.collect(now);
        plain
    }

    fn take(&mut self, event: &Event, now: SystemTime) {
        self.latest = self.latest.max(event.time.unwrap_or_default());
        self.mode.take(event);
        self.metrics.take(event, &self.mode, now);
        self.startup.take(event, &self.mode);
        self.invocations.take(event);
    }

    fn settle(&mut self, now: SystemTime) -> Plain {
        let mut plain = Plain::default();
        for Failing { phase, failure } in self.startup.failing() {
            self.start_failed = true;
            let earlier = self.failed_init.take();
            if phase == "invoke" {
                self.failed_init = Some(failure);
            } else {
                self.fail(&failure, &mut plain, now);
            }
            if let Some(earlier) = earlier {
                self.fail(&earlier, &mut plain, now);
            }
        }
        let turns = self.invocations.settle(self.mode.is_managed());
        self.tell(turns, &mut plain, now);
        if let Some(first) = self.invocations.first()
            && (first.trace.is_some() || first.start.is_some())
        {
            self.spans.first(first, now);
        }
        self.startup.started().into_iter().for_each(|started| self.spans.started(started));
        plain.spans.extend(self.spans.starts(false));
        plain
    }

    fn tell(&mut self, turns: Vec<Turn>, plain: &mut Plain, now: SystemTime) {
        for turn in turns {
            match turn {
                Turn::Failed(invocation, fault) => {
                    let mut failure = Failure::of_invocation(&invocation, fault);
                    // The function can't have thrown it if it never started.
                    let init = self.failed_init.take();
                    let is_its_own = invocation.was_thrown() && init.is_none();
                    failure.error_type = failure.error_type.or_else(|| init?.error_type);
                    if !is_its_own {
                        self.fail(&failure, plain, now);
                    }
                }
                Turn::Over(invocation, fault) => {
                    self.start_failed = false;
                    if invocation.done.is_none()
                        && !self.mode.is_managed()
                        && let Some(fault) = fault
                    {
                        self.metrics.failed(&invocation.id, fault);
                    }
                    if fault.is_none()
                        && let Some(failure) = self.failed_init.take()
                    {
                        self.fail(&failure, plain, now);
                    }
                    plain.spans.extend(self.spans.over(&invocation, fault, &self.mode, self.latest));
                }
                Turn::Reported(invocation) => plain.spans.extend(self.spans.reported(&invocation)),
            }
        }
    }

    fn fail(&self, failure: &Failure, plain: &mut Plain, now: SystemTime) {
        plain.records.push(failure.record(self.latest, now));
    }
}
