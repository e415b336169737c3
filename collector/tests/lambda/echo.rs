//! What the collector writes itself, which the platform tells it of: nothing of that is telemetry.

use simulator::{Behaviour, FakeBackend, Lambda, free_port, otlp};

use crate::stage::{COLLECTOR, patient, start};

#[tokio::test]
async fn lines_of_this_extension_are_not_relayed_and_so_have_an_end() {
    let backend = FakeBackend::start().await;
    backend.behave(Behaviour::Down).await;
    let config = format!(
        "receivers: {{telemetryapi: {{types: [extension]}}}}
exporters: {{otlp_http: {{endpoint: '{}'}}, debug: {{verbosity: detailed}}}}
service: {{pipelines: {{logs: {{receivers: [telemetryapi], exporters: [otlp_http, debug]}}}}}}
",
        backend.endpoint()
    );
    for json in [false, true] {
        let lambda = Lambda::new(COLLECTOR).config(&config).env("OPENTELEMETRY_EXTENSION_LOG_LEVEL", "debug");
        let mut sandbox = start(if json { lambda.json_logs() } else { lambda }).await;
        sandbox.emit("extension", "a line of another extension".into());
        let mut lines = Vec::new();
        for _ in 0..8 {
            sandbox.invoke(|_| async {}).await;
            lines.push(sandbox.extension_output().lines().count());
        }
        let each: Vec<_> = lines.windows(2).map(|lines| lines[1] - lines[0]).collect();
        assert!(each.iter().all(|lines| *lines <= 4), "{each:?}\n{}", sandbox.extension_output());
        let relayed = sandbox.extension_output().matches("Str(a line of another extension)").count();
        assert_eq!(relayed, 1, "{}", sandbox.extension_output());
    }
}

#[tokio::test]
async fn what_exporters_write_to_stdout_does_not_come_back_as_logs() {
    for json in [false, true] {
        let (backend, port) = (FakeBackend::start().await, free_port().unwrap());
        let config = format!(
            "receivers:
  otlp: {{protocols: {{http: {{endpoint: 'localhost:{port}'}}}}}}
  telemetryapi: {{types: [extension]}}
exporters:
  awsemf: {{output_destination: stdout}}
  debug: {{verbosity: detailed, use_internal_logger: false}}
  otlp_http: {{endpoint: '{}'}}
service:
  pipelines:
    metrics: {{receivers: [otlp], exporters: [awsemf, debug]}}
    logs: {{receivers: [telemetryapi], exporters: [otlp_http, debug]}}
",
            backend.endpoint()
        );
        let lambda = patient(Lambda::new(COLLECTOR)).otlp_port(port).config(&config);
        let mut sandbox = start(if json { lambda.json_logs() } else { lambda }).await;
        let other = r#"{"_aws":{"CloudWatchMetrics":[],"Timestamp":1},"of":"another extension"}"#;
        sandbox.emit("extension", other.into());
        for _ in 0..4 {
            let post = |function: simulator::Function| async move {
                assert!(function.post_otlp(&otlp::metrics("shop", 3)).await.unwrap().is_taken());
            };
            sandbox.invoke(post).await;
        }
        let written = sandbox.extension_output();
        assert!(written.matches(r#""_aws":{"CloudWatchMetrics":[{"#).count() >= 4, "{written}");
        assert!(written.matches("ResourceMetrics #0").count() >= 4, "{written}");
        sandbox.shutdown().await;
        let relayed: Vec<_> = backend.logs().iter().map(otlp::body_text).collect();
        assert_eq!(backend.logs().len(), 1, "{relayed:?}");
    }
}
