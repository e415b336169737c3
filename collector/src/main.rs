//! otelcol-lambda: an OpenTelemetry Collector that lives beside an AWS Lambda function.

mod assembly;
mod cli;
mod configuration;
mod lambda;
mod log;
mod signals;
mod standalone;

use std::process::ExitCode;

use config::Env;
use pipeline::Error;
use tokio::runtime::{Builder, LocalOptions};

use self::cli::Command;
use self::configuration::Configuration;
use self::log::Log;

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
        Command::Validate => Configuration::load(&env, &uris).validate(),
        Command::PrintConfig => Configuration::load(&env, &uris).print(),
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

fn live(env: &Env, uris: &[String]) -> Result<(), Error> {
    let log = Log::start(env)?;
    // One thread: the function owns the CPU, we borrow a sliver of it.
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let ended = runtime.block_on(async {
        match env.get("AWS_LAMBDA_RUNTIME_API") {
            Some(address) => lambda::run(address, env, uris, &log).await,
            None => standalone::run(Configuration::load(env, uris), &log).await,
        }
    });
    // A name resolution that still runs in its thread must not keep the process alive.
    runtime.shutdown_background();
    ended
}
