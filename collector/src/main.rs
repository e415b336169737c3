//! otelcol-lambda: an OpenTelemetry Collector that lives beside an AWS Lambda function.

mod assembly;
mod cli;
#[cfg(test)]
mod compatibility;
mod configuration;
mod elsewhere;
mod environment;
mod lambda;
mod log;
mod reading;
mod renewal;
mod signals;
mod standalone;
mod waiting;

use std::process::ExitCode;

use config::Env;
use pipeline::Error;
use tokio::runtime::{Builder, LocalOptions};

use self::cli::Command;
use self::configuration::Configuration;
use self::log::Log;

/// musl's own maps and unmaps memory for every large body: with it a relayed span costs twice the CPU.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let env = Env::of_process();
    let (command, uris) = match cli::parse(std::env::args().skip(1)) {
        Ok(parsed) => parsed,
        Err(mistake) => {
            eprintln!("{mistake}\n\n{}", cli::USAGE);
            return ExitCode::from(2);
        }
    };
    match command {
        Command::Run => run(&env, &uris),
        Command::Validate => look_at(&env, &uris, Configuration::validate),
        Command::PrintConfig => look_at(&env, &uris, Configuration::print),
        Command::Components => show(&cli::components()),
        Command::Version => show(concat!("otelcol-lambda version ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::Help => show(cli::USAGE),
    }
}

fn show(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

fn run(env: &Env, uris: &[String]) -> ExitCode {
    match live(env, uris) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ::log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn look_at(env: &Env, uris: &[String], look: impl FnOnce(&Configuration) -> ExitCode) -> ExitCode {
    match alone(Configuration::look_at(env, uris)) {
        Ok(configuration) => look(&configuration),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn live(env: &Env, uris: &[String]) -> Result<(), Error> {
    let log = Log::start(env)?;
    alone(async {
        match env.get("AWS_LAMBDA_RUNTIME_API") {
            Some(address) => lambda::run(address, env, uris, &log).await,
            None => standalone::run(env, uris, &log).await,
        }
    })?
}

/// Runs `work` on one thread: the function owns the CPU, we borrow a sliver of it.
fn alone<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let done = runtime.block_on(work);
    // A name resolution that still runs in its thread must not keep the process alive.
    runtime.shutdown_background();
    Ok(done)
}
