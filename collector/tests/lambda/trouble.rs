//! The end of things: a platform that fails, signals, and life outside Lambda.

use std::process::Stdio;
use std::time::Duration;

use simulator::otlp::{OtlpRequest, traces};
use simulator::{Behaviour, FakeBackend, Outcome, Quirks, Status, TelemetryApi, post};
use tokio::process::{Child, Command};

use crate::stage::{COLLECTOR, Ports, otlp_http, sandbox, sandbox_in_a_hurry, start};

#[tokio::test]
async fn a_platform_without_a_next_event_gets_an_exit_error_after_a_last_flush() {
    let backend = FakeBackend::start().await;
    let (mut sandbox, _) = sandbox_in_a_hurry(&backend).await;
    backend.behave(Behaviour::unavailable(None)).await;
    sandbox.quirks(|quirks| quirks.failing_nexts = 1);
    backend.script([Behaviour::unavailable(None)]);
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 3)).await.unwrap();
        })
        .await;
    assert!(sandbox.extension_output().contains("event/next"), "{}", sandbox.extension_output());
    assert!(backend.requests().len() >= 2, "a last attempt was made");
}

#[tokio::test]
async fn after_a_crash_of_the_function_it_starts_again_and_nothing_is_lost() {
    let backend = FakeBackend::start().await;
    let (mut sandbox, _) = sandbox(&backend).await;
    for round in 1..=3 {
        let invoked = sandbox
            .invoke(|function| async move {
                function.post_otlp(&traces("orders", 1)).await.unwrap();
                Outcome::Crash
            })
            .await;
        assert!(matches!(invoked.status, Status::Failed(_)));
        assert_eq!(backend.items(), round);
    }
}

#[tokio::test]
async fn registration_refused_ends_the_process_with_the_reason() {
    let ports = Ports::free();
    let lambda = ports.lambda("").quirks(|quirks| quirks.register = Some(500));
    let failed = lambda.start().await.err().unwrap();
    assert!(
        failed.sandbox.extension_output().contains("register as"),
        "{}",
        failed.sandbox.extension_output()
    );
}

/// The collector outside Lambda, once it listens.
async fn standalone(ports: Ports, backend: &FakeBackend) -> Child {
    let config = ports.config(&otlp_http(backend), "otlp_http");
    let child = Command::new(COLLECTOR)
        .args(["--config", &format!("yaml:{config}")])
        .env_remove("AWS_LAMBDA_RUNTIME_API")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    while tokio::net::TcpStream::connect(("127.0.0.1", ports.http)).await.is_err() {
        tokio::task::yield_now().await;
    }
    child
}

async fn send(ports: Ports, spans: usize) {
    let request = traces("orders", spans);
    let headers = [("content-type", "application/x-protobuf")];
    let answer =
        post(ports.http, request.http_path(), &headers, prost::Message::encode_to_vec(&request)).await;
    assert!(answer.unwrap().is_taken());
}

fn terminate(pid: u32) {
    let killed = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status();
    assert!(killed.unwrap().success());
}

#[tokio::test]
async fn outside_lambda_data_leaves_as_it_comes() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let mut child = standalone(ports, &backend).await;
    send(ports, 5).await;
    assert_eq!(backend.wait_for_items(5).await, 5);
    terminate(child.id().unwrap());
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn outside_lambda_sigterm_flushes_what_waits() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let mut child = standalone(ports, &backend).await;
    backend.behave(Behaviour::unavailable(Some(Duration::from_secs(60)))).await;
    send(ports, 5).await;
    backend.wait_for_requests(1).await;
    backend.behave(Behaviour::Accept).await;
    terminate(child.id().unwrap());
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert_eq!(backend.items(), 5);
}

/// What the collector says outside Lambda, where it ends by itself.
async fn ends_outside_lambda(config: &str) -> String {
    let command = Command::new(COLLECTOR)
        .args(["--config", config])
        .env_remove("AWS_LAMBDA_RUNTIME_API")
        .kill_on_drop(true)
        .output();
    let done = command.await.unwrap();
    assert_eq!(done.status.code(), Some(1));
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test]
async fn outside_lambda_a_mistake_ends_it_with_the_reason() {
    let said = ends_outside_lambda("yaml:service::nonsense: 1").await;
    assert!(said.contains("nonsense"), "{said}");
}

#[tokio::test]
async fn outside_lambda_a_port_that_is_taken_ends_it_with_the_reason() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let _taken = tokio::net::TcpListener::bind(("127.0.0.1", ports.http)).await.unwrap();
    let config = ports.config(&otlp_http(&backend), "otlp_http");
    let said = ends_outside_lambda(&format!("yaml:{config}")).await;
    assert!(said.contains("receivers.otlp.protocols.http.endpoint"), "{said}");
}

#[tokio::test]
async fn a_termination_signal_does_not_wait_for_the_invocation_to_end() {
    let backend = FakeBackend::start().await;
    let (mut sandbox, _) = sandbox(&backend).await;
    let collector = sandbox.pid("otelcol-lambda").unwrap();
    backend.behave(Behaviour::unavailable(Some(Duration::from_secs(60)))).await;
    let backend = &backend;
    let invoked = sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 2)).await.unwrap();
            backend.wait_for_requests(1).await;
            backend.behave(Behaviour::Accept).await;
            terminate(collector);
            std::future::pending::<()>().await
        })
        .await;
    assert!(invoked.end - invoked.invoked < Duration::from_secs(10), "not at the function's timeout of 30 s");
    assert_eq!(backend.items(), 2, "{}", sandbox.extension_output());
}

#[tokio::test]
async fn a_termination_signal_inside_lambda_flushes_too() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let config = ports.config(&otlp_http(&backend), "otlp_http");
    let emulator = |quirks: &mut Quirks| {
        (quirks.telemetry, quirks.never_freezes) = (TelemetryApi::NotSupported, true);
    };
    let mut sandbox = start(ports.lambda(&config).quirks(emulator)).await;
    backend.behave(Behaviour::unavailable(Some(Duration::from_secs(60)))).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 2)).await.unwrap();
        })
        .await;
    backend.wait_for_requests(1).await;
    backend.behave(Behaviour::Accept).await;
    sandbox.terminate("otelcol-lambda");
    assert_eq!(backend.wait_for_items(2).await, 2, "{}", sandbox.extension_output());
}
