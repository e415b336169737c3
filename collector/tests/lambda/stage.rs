//! What the scenarios share: the binary, configurations on free ports, a sandbox with a backend.

use std::time::Duration;

use simulator::{FakeBackend, Lambda, Sandbox, free_port};

/// The collector as cargo built it for these tests.
pub const COLLECTOR: &str = env!("CARGO_BIN_EXE_otelcol-lambda");

/// Ports for one collector.
#[derive(Clone, Copy)]
pub struct Ports {
    pub http: u16,
    pub grpc: u16,
}

impl Ports {
    pub fn free() -> Ports {
        Ports { http: free_port().unwrap(), grpc: free_port().unwrap() }
    }

    /// A configuration of all three signals from OTLP on these ports to `exporters`, a YAML flow map.
    pub fn config(self, exporters: &str, names: &str) -> String {
        let Ports { http, grpc } = self;
        format!(
            "receivers: {{otlp: {{protocols: {{http: {{endpoint: 'localhost:{http}'}}, grpc: {{endpoint: 'localhost:{grpc}'}}}}}}}}
exporters: {exporters}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [{names}]}}
    metrics: {{receivers: [otlp], exporters: [{names}]}}
    logs: {{receivers: [otlp], exporters: [{names}]}}
"
        )
    }

    /// The function's view of the collector with this configuration.
    pub fn lambda(self, config: &str) -> Lambda {
        patient(Lambda::new(COLLECTOR)).otlp_port(self.http).config(config)
    }
}

/// An `otlp_http` exporter to this backend, as a YAML flow map.
pub fn otlp_http(backend: &FakeBackend) -> String {
    format!("{{otlp_http: {{endpoint: '{}'}}}}", backend.endpoint())
}

/// A sandbox whose collector sends everything to `backend` over OTLP/HTTP, and its ports.
pub async fn sandbox(backend: &FakeBackend) -> (Sandbox, Ports) {
    let ports = Ports::free();
    (start(ports.lambda(&ports.config(&otlp_http(backend), "otlp_http"))).await, ports)
}

/// The same where a flush may take as long as by default.
pub async fn sandbox_in_a_hurry(backend: &FakeBackend) -> (Sandbox, Ports) {
    let ports = Ports::free();
    (start(prompt(ports.lambda(&ports.config(&otlp_http(backend), "otlp_http")))).await, ports)
}

/// A flush of `lambda` may take longer than it ever should, so that a machine that stalls for a second leaves nothing
/// behind.
pub fn patient(lambda: Lambda) -> Lambda {
    lambda.env("OTELCOL_LAMBDA_FLUSH_TIMEOUT", "20s")
}

/// A flush of `lambda` may take as long as by default.
pub fn prompt(lambda: Lambda) -> Lambda {
    lambda.env("OTELCOL_LAMBDA_FLUSH_TIMEOUT", "1s")
}

/// Starts `lambda`, or says what the collector said.
pub async fn start(lambda: Lambda) -> Sandbox {
    match lambda.start().await {
        Ok(sandbox) => sandbox,
        Err(failed) => panic!("{:?}\n{}", failed.fault, failed.sandbox.extension_output()),
    }
}

/// How long an invocation may be held when something is wrong: the budget of a flush (a second), the 25 ms for which the
/// platform buffers, and room for a busy machine. Who waited for an answer would be held for 5 s at least, who waited
/// for an event until the function's timeout.
pub const HELD_AT_MOST: Duration = Duration::from_secs(4);
