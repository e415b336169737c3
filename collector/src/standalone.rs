//! Life outside Lambda: an ordinary collector that sends as data comes and ends on SIGTERM or SIGINT.

use pipeline::Error;

use crate::configuration::Configuration;
use crate::log::Log;
use crate::signals::Terminated;

/// Runs until a signal asks to end, then flushes.
///
/// # Errors
/// The configuration has mistakes, or a port cannot be had: unlike in Lambda, nobody suffers if this ends.
pub async fn run(configuration: Configuration, log: &Log) -> Result<(), Error> {
    configuration.report(log);
    if !configuration.mistakes.is_empty() {
        return Err("the configuration has mistakes".into());
    }
    let terminated = Terminated::watch()?;
    let Some(service) = configuration.start() else { return Err("nothing to run".into()) };
    let deadline = service.flush_while_due(terminated.deadline()).await;
    let _ = service.shutdown(deadline).await;
    if let Some(losses) = service.losses() {
        ::log::warn!("The end. In all {losses}");
    }
    Ok(())
}
