//! Runs the collector in the simulated Lambda with a small real function, and shows what happened and arrived.

mod options;
mod show;

use std::error::Error;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use simulator::figures::Figures;
use simulator::timeline::Paint;
use simulator::{FakeBackend, Lambda, Sandbox, Status, built, free_port};

use options::{Options, Program};
use show::Summary;

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
        outcome = run(&options) => outcome,
        // Dropping the sandbox is what ends its processes; dying by the signal would leave them behind.
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::from(2)
        }
    }
}

/// True if all went well and nothing was lost.
async fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let paint = Paint {
        on: !options.json && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let extension = match (&options.extension, &options.rootfs) {
        (Some(path), _) => std::path::absolute(path)?,
        (None, Some(root)) => first_extension(root)?,
        (None, None) => built("collector", "otelcol-lambda")?,
    };
    let backend = FakeBackend::start().await;
    let (lambda, port) = lambda(options, &extension, &backend)?;
    let mut sandbox = lambda.start().await?;
    if !options.json {
        println!("{}", show::title(options, &extension, &sandbox, paint));
    }
    let mut recorded = Vec::new();
    for number in 1..=options.invocations {
        let invocation = sandbox.invoke_event(json!({ "order": number })).await;
        let response = invocation.response.as_deref().unwrap_or_default();
        recorded.push(serde_json::from_slice(response).unwrap_or_default());
    }
    let name = extension.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let usage = sandbox.usage(&name);
    let ended = sandbox.shutdown().await;
    let figures = Figures::new(&sandbox.journal(), sandbox.invocations(), usage, Some(&ended));
    let summary =
        Summary::new(&backend, &recorded, options.runtime.is_none() && options.entrypoint.is_none());
    let well = sandbox.invocations().iter().all(|invocation| invocation.status == Status::Success);
    if options.json {
        println!("{}", json!({ "port": port, "figures": figures, "arrived": summary }));
    } else {
        show::report(&sandbox, &backend, &figures, &summary, paint);
    }
    if !well || !summary.lost.is_empty() {
        explain(&sandbox);
    }
    Ok(well && summary.lost.is_empty())
}

/// Lambda would start all of them; figures are of one.
fn first_extension(root: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let folder = root.join("opt/extensions");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.into_iter().next().ok_or_else(|| format!("{} is empty", folder.display()).into())
}

/// The function with its extension: ours, or what the options say.
fn lambda(
    options: &Options,
    extension: &PathBuf,
    backend: &FakeBackend,
) -> Result<(Lambda, u16), Box<dyn Error>> {
    let own = options.rootfs.as_ref().is_some_and(|root| root.join("opt/config.yaml").exists());
    let port = if options.config.is_some() || own { 4318 } else { free_port()? };
    let mut lambda = in_root(options, Lambda::default());
    if options.rootfs.is_none() || options.extension.is_some() {
        lambda = lambda.extension(extension, [] as [&str; 0]);
    }
    lambda = match (&options.entrypoint, &options.runtime) {
        (Some(Program { path, args }), _) => lambda.entrypoint(path, args),
        (None, Some(Program { path, args })) => lambda.runtime(path, args),
        (None, None) => lambda.runtime(built("function", "function")?, [] as [&str; 0]),
    };
    lambda = lambda
        .memory(options.memory)
        .init_timeout(Duration::from_secs(options.init_timeout.into()))
        .limited()
        .otlp_port(port)
        .watch_port(port)
        // For the function's SDK, and for `${env:OTLP_ENDPOINT}` in a configuration of the user's.
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://localhost:{port}"))
        .env("OTLP_ENDPOINT", backend.endpoint());
    if options.json_logs {
        lambda = lambda.json_logs();
    }
    if options.framed_logs {
        lambda = lambda.framed_logs();
    }
    for (name, value) in &options.env {
        lambda = lambda.env(name, value);
    }
    lambda = match &options.config {
        Some(file) if options.rootfs.is_some() => lambda.config(&std::fs::read_to_string(file)?),
        Some(file) => {
            lambda.env("OPENTELEMETRY_COLLECTOR_CONFIG_URI", std::path::absolute(file)?.display().to_string())
        }
        None if own => lambda,
        None => lambda.config(&configuration(port)),
    };
    Ok((lambda, port))
}

fn in_root(options: &Options, mut lambda: Lambda) -> Lambda {
    let Some(dir) = &options.rootfs else { return lambda };
    lambda = lambda.rootfs(dir);
    if let Some(emulator) = &options.emulator {
        lambda = lambda.emulator(emulator);
    }
    if let Some(address) = options.nameserver {
        lambda = lambda.nameserver(address);
    }
    lambda
}

/// The shortest useful configuration: everything in over OTLP/HTTP, everything out over OTLP/HTTP.
fn configuration(port: u16) -> String {
    format!(
        "receivers:
  otlp: {{ protocols: {{ http: {{ endpoint: 'localhost:{port}' }} }} }}
exporters:
  otlphttp: {{ endpoint: '${{env:OTLP_ENDPOINT}}' }}
service:
  pipelines:
    traces: {{ receivers: [otlp], exporters: [otlphttp] }}
    metrics: {{ receivers: [otlp], exporters: [otlphttp] }}
    logs: {{ receivers: [otlp], exporters: [otlphttp] }}
"
    )
}

/// What the processes said, for whoever wants to know why it did not go well.
fn explain(sandbox: &Sandbox) {
    for invocation in sandbox.invocations() {
        if invocation.status != Status::Success {
            let said = invocation.response.as_deref().unwrap_or_default();
            eprintln!("{}: {:?} {}", invocation.request_id, invocation.status, String::from_utf8_lossy(said));
        }
    }
    for line in sandbox.output() {
        eprintln!("{}: {}", line.source, line.text);
    }
}
