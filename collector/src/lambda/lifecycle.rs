//! Everything that makes Lambda special: when to send, and when to let the sandbox freeze.
//!
//! An ordinary environment is frozen when the runtime and every extension wait for their next event. So nothing
//! is sent while `next` is pending, and `next` is asked for once everything is out of the door or cannot be
//! within the time that an invocation may be held.

use std::time::Duration;

use pipeline::{Error, Flushed, Service, count};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Lambda;
use super::event::{Event, Invocation};

/// Left of an invocation or of the environment's last moments when we are done: enough to reach the platform.
const MARGIN: Duration = Duration::from_millis(50);
/// The most that is left of an invocation whose end the platform does not report. It is rare (a lost or belated
/// event), and the alternative is that the invocation times out because of us.
const LONGEST_RESERVE: Duration = Duration::from_millis(500);
/// In so long a stand-in gives up its ports; a tenth of it is for requests that have begun.
const HANDOVER: Duration = Duration::from_millis(200);
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
                let done = caught_up(lambda, service, &invocation, hold);
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
                let delivered = count(delivered, "item");
                ::log::debug!("faas.invocation_id":% = invocation.facts.request_id; "{delivered} delivered, {refused} dropped, {kept} kept");
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

/// Resolves when the function is done, as [`function_done`] does; until then, and a while longer if need be, what is
/// lacking is asked for again.
async fn caught_up(
    lambda: &Lambda,
    service: &Service,
    invocation: &Invocation,
    hold: Duration,
) -> Option<Instant> {
    let (catch_up, done) = (lambda.renewal.catch_up(service), function_done(lambda, invocation));
    tokio::pin!(catch_up, done);
    tokio::select! {
        biased;
        () = &mut catch_up => done.await,
        terminated = &mut done => {
            if terminated.is_none() {
                let _ = timeout_at(held_until(invocation, hold), catch_up).await;
            }
            terminated
        }
    }
}

/// Answers `next` until the configuration can be had, and starts it in place of `stand_in`; nothing if the environment ends
/// before. One that freezes is told how long an invocation may be held: there it is asked for during invocations, else at
/// all times.
///
/// # Errors
/// The platform gave no next event.
pub async fn configured(
    lambda: &Lambda,
    mut stand_in: Option<Service>,
    freezes: Option<Duration>,
) -> Result<Option<Service>, Error> {
    loop {
        let configuration = tokio::select! {
            configuration = lambda.renewal.wait(), if freezes.is_none() => Some(configuration),
            event = lambda.next() => match (event?, freezes) {
                (Event::Shutdown { .. }, _) => return Ok(None),
                (Event::Invoke(invocation), Some(hold)) => {
                    let retry = lambda.renewal.retry();
                    tokio::pin!(retry);
                    tokio::select! {
                        biased;
                        configuration = &mut retry => configuration,
                        terminated = function_done(lambda, &invocation) => match terminated {
                            Some(_) => return Ok(None),
                            None => timeout_at(held_until(&invocation, hold), retry).await.ok().flatten(),
                        }
                    }
                }
                _ => None,
            },
        };
        let Some(configuration) = configuration else { continue };
        if let Some(stand_in) = stand_in.take() {
            let _ = stand_in.shutdown(Instant::now() + HANDOVER).await;
        }
        if let Some(service) = configuration.start() {
            ::log::info!("The configuration could be had now");
            return Ok(Some(service));
        }
    }
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
    let _ = lambda.renewal.shutdown(service, deadline).await;
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

/// Until when an invocation whose function is done may be held for what is not yet at hand: the other half of what is
/// left belongs to the flush.
fn held_until(invocation: &Invocation, hold: Duration) -> Instant {
    let now = Instant::now();
    let left = earlier(invocation.deadline, MARGIN).saturating_duration_since(now);
    now + hold.min(left / 2)
}

fn earlier(deadline: Instant, margin: Duration) -> Instant {
    deadline.checked_sub(margin).unwrap_or(deadline)
}
