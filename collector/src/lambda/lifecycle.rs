//! Everything that makes Lambda special: when to send, and when to let the sandbox freeze.
//!
//! An ordinary environment is frozen when the runtime and every extension wait for their next event. So nothing
//! is sent while `next` is pending, and `next` is asked for once everything is out of the door or cannot be
//! within the time that an invocation may be held.

use std::time::Duration;

use pipeline::{Error, Flushed, Service};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::Lambda;
use super::event::{Event, Invocation};

/// Left of an invocation or of the environment's last moments when we are done: enough to reach the platform.
const MARGIN: Duration = Duration::from_millis(50);
/// The most that is left of an invocation whose end the platform does not report. It is rare (a lost or belated
/// event), and the alternative is that the invocation times out because of us.
const LONGEST_RESERVE: Duration = Duration::from_millis(500);
/// Why the environment ends when a signal says so.
pub const TERMINATED: &str = "spindown";

/// Follows invocations until the environment ends.
///
/// # Errors
/// The platform gave no next event. What was held is flushed all the same.
pub async fn follow_invocations(lambda: &Lambda, service: &Service, hold: Duration) -> Result<(), Error> {
    loop {
        match lambda.next().await? {
            Event::Shutdown { reason, deadline } => return end(lambda, service, &reason, deadline).await,
            Event::Invoke(invocation) => {
                lambda.telemetry.invoked(&invocation.facts);
                let done = with_renewal(lambda, service, hold, function_done(lambda, &invocation));
                if let Some(deadline) = service.flush_while_due(done).await {
                    return end(lambda, service, TERMINATED, deadline).await;
                }
                lambda.telemetry.let_go();
                let deadline = earlier(invocation.deadline, MARGIN);
                let mut flushed = service.flush(deadline, hold).await;
                let latest = deadline.min(Instant::now() + hold);
                if let Ok(true) = timeout_at(latest, lambda.renewal.refresh(service)).await {
                    flushed = flushed.and(service.flush(deadline, hold).await);
                }
                let Flushed { delivered, refused, kept } = flushed;
                ::log::debug!("faas.invocation_id":% = invocation.facts.request_id; "{delivered} items delivered, {refused} dropped, {kept} kept");
            }
            Event::Unknown(event) => ignored(&event),
        }
    }
}

/// Serves an environment that is never frozen: Lambda Managed Instances, which have no invocation events, and
/// local emulators, which do not tell when the function is done. Sends whenever something is due.
///
/// # Errors
/// The platform gave no next event. What was held is flushed all the same.
pub async fn serve_unfrozen(lambda: &Lambda, service: &Service) -> Result<(), Error> {
    loop {
        let event = async {
            tokio::select! {
                event = lambda.next() => event,
                never = lambda.renewal.keep_up(service) => match never {},
            }
        };
        match service.flush_while_due(event).await? {
            Event::Shutdown { reason, deadline } => return end(lambda, service, &reason, deadline).await,
            Event::Invoke(invocation) => lambda.telemetry.invoked(&invocation.facts),
            Event::Unknown(event) => ignored(&event),
        }
    }
}

/// Resolves with `done`; until then, and for at most `hold` after that, what could not be had is asked for again.
async fn with_renewal<T>(
    lambda: &Lambda,
    service: &Service,
    hold: Duration,
    done: impl Future<Output = T>,
) -> T {
    let supply = lambda.renewal.supply(service);
    tokio::pin!(supply, done);
    tokio::select! {
        biased;
        () = &mut supply => done.await,
        done = &mut done => {
            let _ = timeout(hold, supply).await;
            done
        }
    }
}

/// Answers `next` until the configuration can be had, and starts it; nothing if the environment ends before.
///
/// # Errors
/// The platform gave no next event.
pub async fn configured(lambda: &Lambda) -> Result<Option<Service>, Error> {
    while !matches!(lambda.next().await?, Event::Shutdown { .. }) {
        let Some(configuration) = lambda.renewal.retry().await else { continue };
        if let Some(service) = configuration.start() {
            ::log::info!("The configuration could be had now");
            return Ok(Some(service));
        }
    }
    Ok(None)
}

/// Answers `next` and does nothing else: what is left to do for the function when the configuration is unusable.
///
/// # Errors
/// The platform gave no next event.
pub async fn idle(lambda: &Lambda) -> Result<(), Error> {
    while !matches!(lambda.next().await?, Event::Shutdown { .. }) {}
    Ok(())
}

async fn end(lambda: &Lambda, service: &Service, reason: &str, deadline: Instant) -> Result<(), Error> {
    let deadline = earlier(deadline, MARGIN);
    // The larger part of what is left belongs to the backends.
    let latest = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 3;
    let _ = service.flush_while_due(timeout_at(latest, lambda.telemetry.last_words())).await;
    lambda.telemetry.ends(reason);
    let _ = service.shutdown(deadline).await;
    if let Some(losses) = service.losses() {
        ::log::warn!("The environment ends. In all {losses}");
    }
    Ok(())
}

fn ignored(event: &str) {
    ::log::debug!("Ignored an event of an unknown type: {event}");
}

/// Resolves when the platform reports the function's end, or when too little time is left to wait for that; with a
/// deadline when a signal ends it all.
async fn function_done(lambda: &Lambda, invocation: &Invocation) -> Option<Instant> {
    let left = invocation.deadline.saturating_duration_since(Instant::now());
    let reserve = (left / 10).min(LONGEST_RESERVE);
    tokio::select! {
        biased;
        deadline = lambda.terminated.deadline() => Some(deadline),
        () = lambda.telemetry.done(&invocation.facts.request_id) => None,
        () = sleep_until(invocation.deadline - reserve) => {
            ::log::debug!("faas.invocation_id":% = invocation.facts.request_id; "The platform has not reported the end of the invocation");
            None
        }
    }
}

fn earlier(deadline: Instant, margin: Duration) -> Instant {
    deadline.checked_sub(margin).unwrap_or(deadline)
}
