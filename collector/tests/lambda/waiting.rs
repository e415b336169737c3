//! Components that need a secret which can't be had when the environment starts: what is taken in waits, and nothing
//! else does.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use simulator::otlp::{logs, traces};
use simulator::{FakeBackend, Function, Lambda, Otlp};

use crate::secrets::FakeSecrets;
use crate::stage::{HELD_AT_MOST, Ports, otlp_http, start};

/// Spans go through a processor that needs the secret `late`, log records through none.
fn lambda(aws: &FakeSecrets, ports: Ports, backend: &FakeBackend) -> Lambda {
    let processors = "processors: {resource: {attributes: [{key: tenant, value: '${secretsmanager:late}', action: upsert}]}}\n";
    let config = ports.config(&otlp_http(backend), "otlp_http");
    let config = config.replace("traces: {", "traces: {processors: [resource], ");
    aws.lambda(ports, &(processors.to_owned() + &config))
}

/// The tenant of each request of spans.
fn tenants(backend: &FakeBackend) -> Vec<String> {
    let tenant = |otlp: Otlp| {
        let Otlp::Traces(mut request) = otlp else { return None };
        let attributes = request.resource_spans.remove(0).resource.unwrap().attributes;
        let tenant = attributes.into_iter().find(|attribute| attribute.key == "tenant")?;
        match tenant.value?.value {
            Some(Value::StringValue(tenant)) => Some(tenant),
            _ => None,
        }
    };
    backend.accepted().into_iter().filter_map(tenant).collect()
}

async fn send(function: Function) {
    assert!(function.post_otlp(&traces("orders", 2)).await.unwrap().is_taken());
    assert!(function.post_otlp(&logs("orders", 1)).await.unwrap().is_taken());
}

#[tokio::test]
async fn what_a_processor_waits_for_holds_back_its_pipeline_alone_and_loses_nothing() {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    let mut sandbox = start(lambda(&aws, ports, &backend)).await;
    let invoked = sandbox.invoke(send).await;
    assert!(invoked.held < HELD_AT_MOST, "{:?}", invoked.held);
    assert_eq!((backend.spans().len(), backend.logs().len()), (0, 1), "{}", sandbox.extension_output());
    assert!(sandbox.extension_output().contains("processors.resource.attributes[0].value: the secret late"));

    aws.put("late", "acme");
    // It is asked for again a second after it was denied.
    let mut sent = 1;
    while backend.spans().is_empty() {
        sandbox.invoke(send).await;
        sent += 1;
    }
    sandbox.invoke(send).await;
    assert_eq!((backend.spans().len(), backend.logs().len()), (2 * (sent + 1), sent + 1));
    assert!(tenants(&backend).iter().all(|tenant| tenant == "acme"));
    sandbox.shutdown().await;
    assert!(!sandbox.extension_output().contains("acme"), "{}", sandbox.extension_output());
}

#[tokio::test]
async fn what_waited_for_a_processor_in_vain_is_not_sent_as_it_is_and_counted() {
    // It is waited for until 50 ms before the end. A machine that stalls then lets the collector be killed, but hardly
    // six times.
    for _ in 0..6 {
        let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
        let mut sandbox = start(lambda(&aws, ports, &backend)).await;
        sandbox.invoke(send).await;
        let exit = sandbox.shutdown().await.extensions.remove(0);
        let output = sandbox.extension_output();
        assert_eq!((backend.spans().len(), backend.logs().len()), (0, 1), "{output}");
        if !exit.killed {
            assert_eq!(exit.code, Some(0), "{output}");
            assert!(output.contains("2 not delivered in time"), "{output}");
            return;
        }
    }
    panic!("the collector was killed each time");
}

#[tokio::test]
async fn a_secret_that_turns_out_to_be_no_valid_setting_is_told_and_nothing_leaves() {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    let config = ports.config(&otlp_http(&backend), "otlp_http");
    let config = config.replace("traces: {", "traces: {processors: [probabilistic_sampler], ");
    let processors = "processors: {probabilistic_sampler: {sampling_percentage: '${secretsmanager:late}'}}\n";
    let mut sandbox = start(aws.lambda(ports, &(processors.to_owned() + &config))).await;
    sandbox.invoke(send).await;
    aws.put("late", "-71717");
    while !sandbox.extension_output().contains("could be had now") {
        sandbox.invoke(|_| async {}).await;
    }
    let output = sandbox.extension_output();
    assert!(output.contains("probabilistic_sampler.sampling_percentage: found"), "{output}");
    assert!(!output.contains("71717"), "{output}");
    sandbox.shutdown().await;
    assert_eq!((backend.spans().len(), backend.logs().len()), (0, 1));
}

#[tokio::test]
async fn a_receiver_opens_its_port_when_it_has_what_it_needs_and_others_before() {
    let (backend, aws, ports) = (FakeBackend::start().await, FakeSecrets::start().await, Ports::free());
    let config = format!(
        "receivers:
  otlp: {{protocols: {{http: {{endpoint: 'localhost:${{secretsmanager:late}}'}}}}}}
  otlp/ready: {{protocols: {{grpc: {{endpoint: 'localhost:{}'}}}}}}
exporters: {}
service:
  pipelines:
    traces: {{receivers: [otlp, otlp/ready], exporters: [otlp_http]}}
    logs: {{receivers: [otlp], exporters: [otlp_http]}}
",
        ports.grpc,
        otlp_http(&backend)
    );
    let mut sandbox = start(aws.lambda(ports, &config)).await;
    sandbox
        .invoke(|function| async move {
            assert!(function.export_grpc(ports.grpc, &traces("orders", 1)).await.unwrap().is_taken());
            assert!(function.post_otlp(&traces("orders", 2)).await.is_err(), "nothing is acknowledged");
        })
        .await;
    assert_eq!(backend.spans().len(), 1, "{}", sandbox.extension_output());

    aws.put("late", ports.http.to_string().leak());
    while !sandbox.extension_output().contains("could be had now") {
        sandbox.invoke(|_| async {}).await;
    }
    sandbox.invoke(send).await;
    assert_eq!((backend.spans().len(), backend.logs().len()), (3, 1), "{}", sandbox.extension_output());
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
}

#[tokio::test]
async fn lines_are_told_from_when_telemetryapi_has_what_it_needs() {
    let (backend, aws) = (FakeBackend::start().await, FakeSecrets::start().await);
    let config = format!(
        "receivers: {{telemetryapi: {{types: ['${{secretsmanager:late}}']}}}}
exporters: {}
service: {{pipelines: {{logs: {{receivers: [telemetryapi], exporters: [otlp_http]}}}}}}
",
        otlp_http(&backend)
    );
    let mut sandbox = start(aws.lambda(Ports::free(), &config)).await;
    aws.put("late", "function");
    while !sandbox.extension_output().contains("could be had now") {
        sandbox.invoke(|_| async {}).await;
    }
    let write = |function: Function| {
        function.log("a line");
        async {}
    };
    sandbox.invoke(write).await;
    assert_eq!(backend.logs().len(), 1);
}
