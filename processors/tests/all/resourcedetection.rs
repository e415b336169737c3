//! The `resourcedetection` processor on whole requests: resources get what is known of the function, and the rest stays
//! the bytes it was.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use pipeline::{Batch, Budget, Host, Processor, Signal};

use crate::stage::build_on;

/// A processor on a host that knows these attributes, in an environment with these variables.
fn processor(yaml: &str, known: &[(&str, &str)], env: &[(&str, &str)]) -> (Box<dyn Processor>, Host) {
    let host = Host::default();
    known.iter().for_each(|(key, value)| host.learn(key, Value::StringValue((*value).into())));
    let built = build_on(&host, env.iter().copied().collect(), "resource_detection", yaml);
    (built.unwrap_or_else(|mistakes| panic!("{mistakes}")), host)
}

fn admit(signal: Signal, json: &str) -> Batch {
    let lease = Budget::new(1 << 20).lease(json.len()).unwrap();
    Batch::admit_json(signal, json.as_bytes(), lease).unwrap()
}

fn after(processor: &mut dyn Processor, batch: Batch) -> Batch {
    let mut out = Vec::new();
    processor.process(batch, &mut out);
    assert_eq!(out.len(), 1);
    out.remove(0)
}

/// The attributes of the resource of a span whose own has `before`, each as `key=value`.
fn attributes(processor: &mut dyn Processor, before: &[(&str, &str)]) -> Vec<String> {
    let attribute =
        |(key, value): &(&str, &str)| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    let before: Vec<_> = before.iter().map(attribute).collect();
    let json = format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{}]}}}}]}}"#, before.join(","));
    let request: ExportTraceServiceRequest = after(processor, admit(Signal::Traces, &json)).decode();
    let resource = request.resource_spans[0].resource.clone().unwrap();
    let text = |it: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        format!("{}={}", it.key, pipeline::text(it.value.as_ref().unwrap()))
    };
    resource.attributes.iter().map(text).collect()
}

#[test]
fn every_signal_has_its_resources_completed_and_nothing_else() {
    let resource = r#"{"attributes":[{"key":"a","value":{"intValue":"1"}}],"droppedAttributesCount":7}"#;
    let completed = r#"{"attributes":[{"key":"a","value":{"intValue":"1"}},{"key":"faas.name","value":{"stringValue":"orders"}}],"droppedAttributesCount":7}"#;
    for (signal, list, items) in [
        (Signal::Traces, "Spans", r#""scopeSpans":[{"spans":[{"name":"n"}]}],"schemaUrl":"s""#),
        (Signal::Metrics, "Metrics", r#""scopeMetrics":[{"metrics":[{"name":"n"}]}]"#),
        (Signal::Logs, "Logs", r#""scopeLogs":[{"logRecords":[{"severityText":"n"}]}]"#),
    ] {
        let request = |resource: &str| format!(r#"{{"resource{list}":[{{"resource":{resource},{items}}}]}}"#);
        let (mut processor, _) = processor("detectors: [lambda]", &[("faas.name", "orders")], &[]);
        let edited = after(&mut *processor, admit(signal, &request(resource)));
        let wanted = admit(signal, &request(completed));
        assert_eq!(edited.parts().collect::<Vec<_>>(), wanted.parts().collect::<Vec<_>>());
    }
}

#[test]
fn what_is_found_replaces_what_is_there_unless_told_not_to() {
    let known = [("faas.name", "orders"), ("cloud.region", "eu-west-1")];
    for (yaml, expected) in [
        ("detectors: [lambda]", ["faas.name=orders", "cloud.region=eu-west-1"]),
        ("{detectors: [lambda], override: false}", ["faas.name=mine", "cloud.region=eu-west-1"]),
    ] {
        let (mut processor, _) = processor(yaml, &known, &[]);
        assert_eq!(attributes(&mut *processor, &[("faas.name", "mine")]), expected);
    }
}

#[test]
fn of_equal_keys_the_first_detectors_counts() {
    let env = [("OTEL_RESOURCE_ATTRIBUTES", "faas.name=given,team=a%20b")];
    for (yaml, expected) in [
        ("detectors: [env, lambda]", vec!["faas.name=given", "team=a b"]),
        ("detectors: [lambda, env]", vec!["faas.name=orders", "team=a b"]),
        ("detectors: [env]", vec!["faas.name=given", "team=a b"]),
        ("{}", vec!["faas.name=given", "team=a b"]),
        ("env: {allow_list: [team]}", vec!["team=a b"]),
        ("{detectors: [env, lambda], attributes: [faas.name]}", vec!["faas.name=given"]),
        ("detectors: [system]", vec![]),
    ] {
        let (mut processor, _) = processor(yaml, &[("faas.name", "orders")], &env);
        assert_eq!(attributes(&mut *processor, &[]), expected, "{yaml}");
    }
}

#[test]
fn an_attribute_can_be_switched_off() {
    let yaml = "{detectors: [lambda], lambda: {resource_attributes: {faas.instance: {enabled: false}}}}";
    let (mut processor, _) = processor(yaml, &[("faas.name", "orders"), ("faas.instance", "i")], &[]);
    assert_eq!(attributes(&mut *processor, &[]), ["faas.name=orders"]);
}

#[test]
fn the_functions_name_is_the_services_only_where_nobody_knows_a_better_one() {
    let name = |yaml: &str, env: &[(&str, &str)], before: &[(&str, &str)]| {
        let (mut processor, _) = processor(yaml, &[("service.name", "orders")], env);
        attributes(&mut *processor, before).concat()
    };
    let both = "detectors: [lambda, env]";
    assert_eq!(name(both, &[], &[]), "service.name=orders");
    assert_eq!(name(both, &[], &[("service.name", "mine")]), "service.name=mine");
    assert_eq!(name(both, &[], &[("service.name", "unknown_service:node")]), "service.name=orders");
    assert_eq!(name(both, &[("OTEL_SERVICE_NAME", "given")], &[]), "service.name=given");
    assert_eq!(
        name(both, &[("OTEL_SERVICE_NAME", "given")], &[("service.name", "mine")]),
        "service.name=given"
    );
}

#[test]
fn what_becomes_known_later_counts_from_then_on() {
    let (mut processor, host) = processor("detectors: [lambda]", &[], &[]);
    assert_eq!(attributes(&mut *processor, &[]), [""; 0]);
    for instance in ["first", "second"] {
        host.learn("faas.instance", Value::StringValue(instance.into()));
        assert_eq!(attributes(&mut *processor, &[]), [format!("faas.instance={instance}")]);
    }
}
