//! Life outside Lambda: an ordinary collector that sends as data comes and ends on SIGTERM or SIGINT.

use config::Env;
use exporters::auth::Shared;
use pipeline::Error;

use crate::configuration::Configuration;
use crate::log::Log;
use crate::reading::{Extent, Reader};
use crate::renewal::Renewal;
use crate::signals::Terminated;

/// Runs until a signal asks to end, then flushes.
///
/// # Errors
/// The configuration has mistakes, or a port cannot be had: unlike in Lambda, nobody suffers if this ends.
pub async fn run(env: &Env, uris: &[String], log: &Log) -> Result<(), Error> {
    let mut reader = Reader::new(env, uris, &Shared::default());
    let mut configuration = Configuration::read(&mut reader, env, Extent::All).await;
    let renewal = Renewal::new(reader, env, &configuration, log);
    if !configuration.all_mistakes().is_empty() {
        return Err("the configuration has mistakes".into());
    }
    if !configuration.bind() {
        return Err("not all ports could be had".into());
    }
    let terminated = Terminated::watch()?;
    let Some(service) = configuration.start_bound() else { return Err("nothing to run".into()) };
    ::log::info!("Everything is ready. Ctrl+C or SIGTERM ends it.");
    let end = async {
        tokio::select! {
            deadline = terminated.deadline() => deadline,
            never = renewal.keep_up(&service) => match never {},
        }
    };
    let deadline = service.flush_while_due(end).await;
    let _ = renewal.shutdown(&service, deadline).await;
    if let Some(losses) = service.losses() {
        ::log::warn!("The end. In all {losses}");
    }
    Ok(())
}
