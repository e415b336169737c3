//! Life as an external Lambda extension: start, follow the environment, leave in time.

mod api;
mod event;
mod lifecycle;
mod listener;
mod resource;
mod telemetry;

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use config::{Env, Mistakes};
use exporters::auth::Shared;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use pipeline::Error;
use receivers::telemetryapi::{Subscription, Types};

use self::api::{Api, Extension, Register, Subscribed};
use self::event::Event;
use self::telemetry::Telemetry;
use crate::configuration::Configuration;
use crate::log::Log;
use crate::reading::{Extent, Reader};
use crate::renewal::Renewal;
use crate::signals::Terminated;

/// The longest that an invocation is held after the function's end for a backend that answers slowly. A cold TLS
/// connection on a 128 MB function takes some 200 ms; a second leaves room for a distant region.
const HOLD: Duration = Duration::from_secs(1);

/// For so long the platform may gather events without anybody noticing: twice the shortest time there is.
const PROMPT: Duration = Duration::from_millis(50);

/// How often the runtime must get its turn until a request is written: to connect, to start the connection's task,
/// and for that task. Loading takes a tenth of a millisecond or more, which registering is spared.
const STEPS_TO_REGISTER: usize = 3;

/// The platform, as an extension sees it.
pub struct Lambda {
    extension: Rc<Extension>,
    /// The platform is asked for the next event, and has not answered yet.
    asked: RefCell<Option<LocalBoxFuture<'static, Result<Event, Error>>>>,
    /// What the platform tells.
    telemetry: Telemetry,
    /// Later looks at what the configuration refers to.
    renewal: Renewal,
    terminated: Terminated,
}

impl Lambda {
    /// The next event. SIGTERM, which `docker stop` sends, counts as the environment's end. May be dropped: the next call
    /// waits for the same answer.
    async fn next(&self) -> Result<Event, Error> {
        let event = poll_fn(|cx| {
            let mut asked = self.asked.borrow_mut();
            let ask = || {
                let extension = self.extension.clone();
                async move { extension.next().await }.boxed_local()
            };
            let event = ready!(asked.get_or_insert_with(ask).poll_unpin(cx));
            *asked = None;
            Poll::Ready(event)
        });
        tokio::select! {
            event = event => event,
            deadline = self.terminated.deadline() => Ok(Event::Shutdown { reason: lifecycle::TERMINATED.into(), deadline }),
        }
    }
}

/// Runs as the extension of the environment whose runtime API is at `address`, until that ends.
///
/// # Errors
/// The platform did not let us register or go on.
pub async fn run(address: &str, env: &Env, uris: &[String], log: &Log) -> Result<(), Error> {
    let managed = env.get("AWS_LAMBDA_INITIALIZATION_TYPE") == Some("lambda-managed-instances");
    let events = if managed { Register::Shutdown } else { Register::InvokeAndShutdown };
    let load = async {
        // Until the request is out: the configuration is read while the platform answers.
        for _ in 0..STEPS_TO_REGISTER {
            tokio::task::yield_now().await;
        }
        let mut reader = Reader::new(env, uris, &Shared::default());
        let configuration = Configuration::read(&mut reader, env, Extent::All).await;
        (reader, configuration)
    };
    let name = own_file_name();
    let (registered, (reader, configuration)) = tokio::join!(Api::new(address).register(&name, events), load);
    let (extension, events) = registered?;
    resource::learn_at_start(env, &configuration.host);
    resource::learn_registered(&extension.function, &configuration.host);
    if let Some(account) = &extension.function.account_id {
        leave_account_id(account);
    }
    let renewal = Renewal::new(reader, env, &configuration, log);
    let strict = env.get("OTELCOL_LAMBDA_ON_CONFIG_ERROR") == Some("fail");
    let mistakes = configuration.all_mistakes();
    if strict && !mistakes.is_empty() {
        let mistakes = Mistakes(mistakes).to_string();
        extension.init_error("Extension.ConfigInvalid", &mistakes).await?;
        return Err("OTELCOL_LAMBDA_ON_CONFIG_ERROR=fail and the configuration has mistakes".into());
    }
    let telemetry = Telemetry::new(&configuration, *log);
    let (extension, asked, terminated) = (Rc::new(extension), RefCell::default(), Terminated::watch()?);
    let lambda = Lambda { extension, asked, telemetry, renewal, terminated };
    let living = AssertUnwindSafe(live(&lambda, configuration, events, hold(env))).catch_unwind();
    let ended = match living.await {
        Ok(ended) => ended,
        // The function must not fail for a fault of ours: the platform goes on as long as somebody answers it.
        Err(_) => {
            ::log::error!("The collector panicked; until this environment ends it takes and sends nothing");
            lifecycle::idle(&lambda).await
        }
    };
    if let Err(error) = &ended {
        // Best effort: the platform that has just failed us may not take this either.
        let _ = lambda.extension.exit_error("Extension.NextFailed", &error.to_string()).await;
    }
    ended
}

async fn live(
    lambda: &Lambda,
    mut configuration: Configuration,
    events: Register,
    hold: Duration,
) -> Result<(), Error> {
    if configuration.may_listen_later() {
        configuration.feed.ask(Subscription { types: Types::ALL, ..Subscription::default() });
    }
    let stand_in = configuration.stand_in();
    let service = configuration.start();
    if service.is_none() && !lambda.renewal.lacks_something() {
        return lifecycle::idle(lambda).await;
    }
    let frozen = events == Register::InvokeAndShutdown;
    // Managed Instances report no end of the function: only receivers have a use for what they tell.
    let told = (frozen || lambda.telemetry.is_wanted()) && subscribe(lambda, frozen).await;
    let freezes = frozen && told;
    let service = match service {
        Some(service) => service,
        None => match lifecycle::configured(lambda, stand_in, freezes.then_some(hold)).await? {
            Some(service) => service,
            None => return Ok(()),
        },
    };
    let ended = if freezes {
        lifecycle::follow_invocations(lambda, &service, hold).await
    } else {
        lifecycle::serve_unfrozen(lambda, &service).await
    };
    if ended.is_err() {
        let _ = service.shutdown(tokio::time::Instant::now() + hold).await;
    }
    ended
}

/// How long an invocation may be held: `OTELCOL_LAMBDA_FLUSH_TIMEOUT`, a duration such as `500ms`, else a second.
fn hold(env: &Env) -> Duration {
    let Some(text) = env.get("OTELCOL_LAMBDA_FLUSH_TIMEOUT").filter(|text| !text.is_empty()) else {
        return HOLD;
    };
    config::parse_duration(text).unwrap_or_else(|expected| {
        ::log::warn!("OTELCOL_LAMBDA_FLUSH_TIMEOUT is {text:?}, {expected}; it counts as {HOLD:?}");
        HOLD
    })
}

/// Whether the platform will tell what happens. Local emulators do not, and do not freeze either.
async fn subscribe(lambda: &Lambda, frozen: bool) -> bool {
    let wanted = lambda.telemetry.wanted();
    let subscribed = async {
        let port = listener::listen(wanted.port, lambda.telemetry.clone()).await?;
        lambda.extension.subscribe(&wanted, port).await
    };
    let reason = match subscribed.await {
        Ok(Subscribed::Yes) => {
            lambda.telemetry.subscribed(wanted.timeout);
            if frozen && wanted.timeout > PROMPT {
                let held = wanted.timeout;
                ::log::warn!(
                    "telemetryapi: with this timeout_ms each invocation may be held for {held:?} until its end is known"
                );
            }
            return true;
        }
        Ok(Subscribed::No(said)) => said,
        Err(error) => error.to_string(),
    };
    let silent = if lambda.telemetry.is_wanted() { ", and telemetryapi receives nothing" } else { "" };
    ::log::warn!(
        "The platform does not tell when the function is done, so data is sent as it comes{silent}: {reason}"
    );
    false
}

/// The name to register with: that of this file in `/opt/extensions`.
fn own_file_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    Path::new(&path).file_name().map_or("otelcol-lambda".into(), |name| name.to_string_lossy().into_owned())
}

/// Leaves the account's id where the SDKs' resource detectors look for it: as the target of a symbolic link.
fn leave_account_id(account: &str) {
    let link = Path::new("/tmp/.otel-aws-account-id");
    let _ = std::fs::remove_file(link);
    if let Err(error) = std::os::unix::fs::symlink(account, link) {
        ::log::debug!("Could not leave the account's id at {}: {error}", link.display());
    }
}
