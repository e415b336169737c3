//! What the parts of the benchmark share: the binaries, a configured function, looks at the collector.

use std::path::PathBuf;
use std::time::Duration;

use simulator::{FakeBackend, Lambda, Sandbox, Status, Usage, free_port};

/// Why nothing could be measured.
pub type Failed = Box<dyn std::error::Error>;

/// What is measured, and how often.
pub struct Stage {
    pub collector: PathBuf,
    /// The smallest extension, which costs what the simulator costs.
    pub floor: PathBuf,
    pub runs: usize,
}

/// An environment with a collector, and the port that takes OTLP/HTTP.
pub struct Environment {
    pub sandbox: Sandbox,
    pub port: u16,
    name: String,
}

impl Stage {
    /// A function with `program` as its extension, configured to send all signals to `endpoint`. `more` are
    /// further settings of the exporter.
    pub fn lambda(&self, program: &PathBuf, endpoint: &str, more: &str) -> Result<(Lambda, u16), Failed> {
        let (http, grpc) = (free_port()?, free_port()?);
        let config = format!(
            "receivers:
  otlp: {{ protocols: {{ http: {{ endpoint: 'localhost:{http}' }}, grpc: {{ endpoint: 'localhost:{grpc}' }} }} }}
exporters:
  otlp_http: {{ endpoint: '{endpoint}' {more} }}
service:
  pipelines:
    traces: {{ receivers: [otlp], exporters: [otlp_http] }}
    metrics: {{ receivers: [otlp], exporters: [otlp_http] }}
    logs: {{ receivers: [otlp], exporters: [otlp_http] }}
"
        );
        Ok((Lambda::new(program).otlp_port(http).config(&config), http))
    }

    /// A running environment of the collector with this backend.
    pub async fn start(&self, backend: &FakeBackend, more: &str) -> Result<Environment, Failed> {
        let (lambda, port) = self.lambda(&self.collector, &backend.endpoint(), more)?;
        // The most memory that does not change what is measured: the budget for telemetry follows from it.
        let sandbox = lambda.memory(1024).start().await?;
        let name = self.collector.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Environment { sandbox, port, name })
    }
}

impl Environment {
    /// What the collector has used, once it has come to rest.
    pub async fn usage(&self) -> Result<Usage, Failed> {
        settled(&self.sandbox, &self.name).await
    }

    /// An error if the last invocation did not end well.
    pub fn check(&self) -> Result<(), Failed> {
        match self.sandbox.invocations().last() {
            Some(invocation) if invocation.status == Status::Success => Ok(()),
            other => Err(format!("{other:?}\n{}", self.sandbox.extension_output()).into()),
        }
    }
}

/// What a process has used, once two looks find the same.
pub async fn settled(sandbox: &Sandbox, name: &str) -> Result<Usage, Failed> {
    let look =
        || sandbox.usage(name).ok_or_else(|| format!("{name} is gone\n{}", sandbox.extension_output()));
    let mut usage = look()?;
    loop {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let now = look()?;
        if now == usage {
            return Ok(now);
        }
        usage = now;
    }
}
