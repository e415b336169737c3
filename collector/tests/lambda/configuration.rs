//! Configurations with mistakes: the function lives, what is sound runs, and the log says what is wrong.

use simulator::otlp::traces;
use simulator::{FakeBackend, Fault};

use crate::stage::{HELD_AT_MOST, Ports, otlp_http, start};

#[tokio::test]
async fn a_mistake_costs_only_the_part_that_has_it() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let exporters =
        format!("{{otlp_http: {{endpoint: '{}'}}, otlp_http/bad: {{endpont: 'x'}}}}", backend.endpoint());
    let config = ports.config(&exporters, "otlp_http, otlp_http/bad");
    let mut sandbox = start(ports.lambda(&config)).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 3)).await.unwrap();
        })
        .await;
    assert_eq!(backend.items(), 3);
    let output = sandbox.extension_output();
    assert!(output.contains("endpont") && output.contains("did you mean endpoint?"), "{output}");
}

#[tokio::test]
async fn a_broken_processor_stops_its_pipeline_and_no_other() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let config = ports.config(&otlp_http(&backend), "otlp_http");
    let config = config.replace("traces: {", "traces: {processors: [resource], ");
    let mut sandbox =
        start(ports.lambda(&format!("{config}processors: {{resource: {{attributes: 7}}}}\n"))).await;
    sandbox
        .invoke(|function| async move {
            let answer = function.post_otlp(&traces("orders", 3)).await.unwrap();
            assert_eq!(answer.status, 404, "nothing takes traces now");
            function.post_otlp(&simulator::otlp::logs("orders", 2)).await.unwrap();
        })
        .await;
    assert_eq!(backend.items(), 2);
}

#[tokio::test]
async fn a_receiver_whose_pipelines_are_all_broken_refuses_so_that_nobody_tries_again() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let config = ports.config(&otlp_http(&backend), "otlp_http").replace("otlp_http:", "otlp_htp:");
    let mut sandbox = start(ports.lambda(&config)).await;
    let invoked = sandbox
        .invoke(|function| async move {
            let answer = function.post_otlp(&traces("orders", 3)).await.unwrap();
            assert_eq!(answer.status, 404);
        })
        .await;
    assert_eq!(invoked.status, simulator::Status::Success);
    assert!(sandbox.extension_output().contains("did you mean otlp_http"), "{}", sandbox.extension_output());
}

#[tokio::test]
async fn a_file_that_is_no_yaml_leaves_the_function_alone() {
    let ports = Ports::free();
    let mut sandbox = start(ports.lambda("receivers: [unclosed")).await;
    for _ in 0..3 {
        let invoked = sandbox.invoke(|_| async {}).await;
        assert_eq!(invoked.status, simulator::Status::Success);
        assert!(invoked.held < HELD_AT_MOST, "{:?}", invoked.held);
    }
    assert!(sandbox.extension_output().contains(r#""level":"error""#));
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
}

#[tokio::test]
async fn a_function_is_refused_at_once_where_nobody_can_tell_what_to_listen_to() {
    for config in [
        "receivers: [unclosed",
        "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\nexporters: {debug: }\nreceivers: {otlp: {protocols: {http: {endpoint: 'no:such:port'}}}}",
    ] {
        let ports = Ports::free();
        // The built-in configuration's ports are those of everybody else on this machine.
        let lambda = ports
            .lambda(config)
            .env("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT", "http://localhost:1")
            .env("OTELCOL_LAMBDA_RECEIVER_OTLP_HTTP_ENDPOINT", format!("localhost:{}", ports.http))
            .env("OTELCOL_LAMBDA_RECEIVER_OTLP_GRPC_ENDPOINT", format!("localhost:{}", ports.grpc));
        let mut sandbox = start(lambda).await;
        let invoked = sandbox
            .invoke(|function| async move {
                assert_eq!(function.post_otlp(&traces("orders", 3)).await.unwrap().status, 404);
            })
            .await;
        assert_eq!(invoked.status, simulator::Status::Success, "{}", sandbox.extension_output());
        assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
    }
}

#[tokio::test]
async fn a_user_who_wants_it_gets_an_init_error_with_all_mistakes() {
    let ports = Ports::free();
    let lambda =
        ports.lambda("exporters: {otlp_htp: {}}\nservice: {pipelines: {traces: {receivers: [otlp]}}}\n");
    let failed = lambda.env("OTELCOL_LAMBDA_ON_CONFIG_ERROR", "fail").start().await.err().unwrap();
    assert!(matches!(&failed.fault, Fault::InitError(..)), "{:?}", failed.fault);
    let output = failed.sandbox.extension_output();
    assert!(output.contains("otlp_htp") && output.contains("otlp_http"), "{output}");
}

#[tokio::test]
async fn a_port_in_use_is_named_and_the_other_protocol_works() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", ports.grpc)).unwrap();
    let mut sandbox = start(ports.lambda(&ports.config(&otlp_http(&backend), "otlp_http"))).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 3)).await.unwrap();
        })
        .await;
    assert_eq!(backend.items(), 3);
    let output = sandbox.extension_output();
    assert!(output.contains(&ports.grpc.to_string()), "{output}");
}

#[tokio::test]
async fn a_secret_in_a_header_is_sent_and_never_printed() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let exporters = format!(
        "{{otlp_http: {{endpoint: '{}', headers: {{x-key: '${{env:API_KEY}}'}}, bogus: 1}}, otlp_http/2: {{endpoint: '{}', headers: {{x-key: '${{env:API_KEY}}'}}}}}}",
        backend.endpoint(),
        backend.endpoint()
    );
    let lambda = ports.lambda(&ports.config(&exporters, "otlp_http/2"));
    let lambda = lambda.env("API_KEY", "s3cr3t").env("OPENTELEMETRY_EXTENSION_LOG_LEVEL", "debug");
    let mut sandbox = start(lambda).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 1)).await.unwrap();
        })
        .await;
    sandbox.shutdown().await;
    assert_eq!(backend.requests()[0].headers["x-key"], "s3cr3t");
    let output = sandbox.extension_output();
    assert!(output.contains("bogus"), "{output}");
    assert!(!output.contains("s3cr3t"), "{output}");
}

#[tokio::test]
async fn all_is_quiet_when_all_is_well() {
    let backend = FakeBackend::start().await;
    let ports = Ports::free();
    let mut sandbox = start(ports.lambda(&ports.config(&otlp_http(&backend), "otlp_http"))).await;
    for _ in 0..3 {
        sandbox
            .invoke(|function| async move {
                function.post_otlp(&traces("orders", 1)).await.unwrap();
            })
            .await;
    }
    sandbox.shutdown().await;
    assert_eq!(sandbox.extension_output(), "");
}

#[tokio::test]
async fn the_debug_exporter_prints_what_the_function_sent() {
    let ports = Ports::free();
    let config = ports.config("{debug: {verbosity: detailed}}", "debug");
    let mut sandbox = start(ports.lambda(&config)).await;
    sandbox
        .invoke(|function| async move {
            function.post_otlp(&traces("orders", 1)).await.unwrap();
        })
        .await;
    let output = sandbox.extension_output();
    assert!(output.contains("InstrumentationScope") && output.contains("otelcol.signal"), "{output}");
}
