//! What is said of configurations.

use super::*;

fn with(memory: &str) -> usize {
    budget(&Env::from_iter([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)])).limit() >> 20
}

#[test]
fn the_budget_follows_the_functions_memory() {
    assert_eq!([with("128"), with("512"), with("1769"), with("10240")], [16, 64, 221, 256]);
}

#[test]
fn an_odd_memory_size_is_no_obstacle() {
    assert_eq!([with(""), with("0"), with("-1"), with("99999999999999")], [256, 16, 256, 256]);
}

/// What is said of a receiver that listens there and exporters that send there.
fn said_of(receiver: &str, exporters: &str, pipelines: &str) -> Vec<String> {
    let config = format!(
        "yaml:{{receivers: {{otlp: {receiver}, otlp/other: {{protocols: {{http: {{endpoint: 'localhost:4320'}}}}}}}},
        exporters: {{debug: , {exporters}}}, service: {{pipelines: {pipelines}}}}}"
    );
    Configuration::at_hand(&Env::default(), &[&config]).said().1
}

#[test]
fn an_exporter_that_sends_to_a_receiver_of_its_own_pipeline_is_a_mistake() {
    let all =
        "{traces: {receivers: [otlp], exporters: [X]}, logs: {receivers: [otlp], exporters: [X, debug]}}";
    for (receiver, exporter, settings) in [
        ("{protocols: {http: }}", "otlp_http", "{endpoint: 'http://localhost:4318'}"),
        ("{protocols: {http: {endpoint: ':4318'}}}", "otlphttp", "{endpoint: 'http://127.0.0.1:4318/'}"),
        (
            "{protocols: {http: {endpoint: '0.0.0.0:80'}}}",
            "otlp_http",
            "{logs_endpoint: 'http://[::1]', traces_endpoint: 'http://a'}",
        ),
        ("{protocols: {grpc: }}", "otlp", "{endpoint: 'localhost:4317', tls: {insecure: true}}"),
        ("{protocols: {grpc: {endpoint: '[::1]:1'}}}", "otlp_grpc", "{endpoint: 'http://0.0.0.0:1'}"),
    ] {
        let exporters = format!("{exporter}: {settings}");
        let said = said_of(receiver, &exporters, &all.replace('X', exporter));
        assert!(
            said.len() == 1 && said[0].contains("of the receiver otlp in pipeline"),
            "{exporters}: {said:?}"
        );
    }
}

#[test]
fn an_exporter_to_another_port_or_to_the_receiver_of_another_pipeline_is_none() {
    let pipelines = "{traces: {receivers: [otlp], exporters: [otlp_http]}, traces/2: {receivers: [otlp/other], exporters: [debug]},
        logs: {receivers: [otlp/other], exporters: [otlp_http/logs]}}";
    for (receiver, endpoint) in [
        ("{protocols: {http: }}", "http://localhost:4319"),
        ("{protocols: {http: }}", "http://localhost:4320"),
        ("{protocols: {http: }}", "http://backend:4318"),
        ("{protocols: {http: {endpoint: '127.0.0.2:4318'}}}", "http://localhost:4318"),
        ("{protocols: {http: {endpoint: 'localhost:4321'}}}", "http://localhost:4318"),
    ] {
        let exporters = format!(
            "otlp_http: {{endpoint: '{endpoint}'}}, otlp_http/logs: {{endpoint: 'http://localhost:4318'}}"
        );
        assert_eq!(said_of(receiver, &exporters, pipelines), Vec::<String>::new(), "{receiver} {endpoint}");
    }
}

#[test]
fn the_built_in_configuration_has_no_mistakes() {
    let uri = format!("yaml:{}", crate::environment::built_in(&Env::default()).text);
    let configuration = Configuration::at_hand(&Env::default(), &[&uri]);
    assert_eq!(configuration.mistakes, []);
    assert_eq!(configuration.plan.pipelines.len(), 3);
}
