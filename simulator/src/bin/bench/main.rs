//! Measures the collector's release binary in the simulated Lambda: `cargo bench-lambda`.

mod backlog;
mod client;
mod instructions;
mod invocation;
mod machine;
mod options;
mod outage;
mod relay;
mod report;
mod spans;
mod stage;
mod start;

use std::process::ExitCode;

use machine::Machine;
use options::Options;
use report::Figure;
use simulator::built;
use stage::{Failed, Stage};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let outcome = tokio::select! {
        outcome = measure(&options) => outcome,
        // Dropping the sandbox is what ends its processes; dying by the signal would leave them behind.
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-lambda: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: &Options) -> Result<(), Failed> {
    let collector = match &options.extension {
        Some(path) => std::path::absolute(path)?,
        None => built("collector", "otelcol-lambda")?,
    };
    let stage = Stage { collector, floor: built("simulator", "floor-extension")?, runs: options.runs };
    let machine = Machine::look();
    let mut figures: Vec<Figure> = Vec::new();
    for part in &options.parts {
        eprintln!("measuring: {part}");
        figures.extend(match part.as_str() {
            "start" => start::measure(&stage).await?,
            "invocation" => invocation::measure(&stage).await?,
            "relay" => relay::measure(&stage).await?,
            "backlog" => backlog::measure(&stage).await?,
            "outage" => outage::measure(&stage).await?,
            _ => instructions::measure()?,
        });
    }
    if options.json {
        println!("{}", serde_json::json!({ "machine": machine, "figures": figures }));
    } else {
        println!("{machine}\n\n{}", report::Table(&figures));
    }
    Ok(())
}
