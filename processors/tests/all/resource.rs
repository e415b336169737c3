//! The `resource` processor on whole requests: the resource changes, everything else stays the bytes it was.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use pipeline::{Batch, Budget, Processor, Signal};

use crate::stage::built;

fn after(processor: &mut dyn Processor, signal: Signal, json: &str) -> Batch {
    let mut out = Vec::new();
    processor.process(admit(signal, json), &mut out);
    assert_eq!(out.len(), 1);
    out.remove(0)
}

fn admit(signal: Signal, json: &str) -> Batch {
    let lease = Budget::new(1 << 20).lease(json.len()).unwrap();
    Batch::admit_json(signal, json.as_bytes(), lease).unwrap()
}

#[test]
fn every_signal_has_its_resources_edited_and_nothing_else() {
    let yaml = "attributes: [{key: env, value: prod, action: upsert}, {key: secret, action: delete}]";
    let before = r#"{"attributes":[{"key":"secret","value":{"intValue":"1"}},{"key":"a","value":{"boolValue":true}}],"droppedAttributesCount":7}"#;
    let expected = r#"{"attributes":[{"key":"a","value":{"boolValue":true}},{"key":"env","value":{"stringValue":"prod"}}],"droppedAttributesCount":7}"#;
    for (signal, list, items) in [
        (Signal::Traces, "Spans", r#""scopeSpans":[{"spans":[{"name":"n"}]}],"schemaUrl":"s""#),
        (Signal::Metrics, "Metrics", r#""scopeMetrics":[{"metrics":[{"name":"n"}]}]"#),
        (Signal::Logs, "Logs", r#""scopeLogs":[{"logRecords":[{"severityText":"n"}]}]"#),
    ] {
        let request = |resource: &str| format!(r#"{{"resource{list}":[{{"resource":{resource},{items}}}]}}"#);
        let edited = after(&mut *built("resource", yaml), signal, &request(before));
        let wanted = admit(signal, &request(expected));
        assert_eq!(edited.parts().collect::<Vec<_>>(), wanted.parts().collect::<Vec<_>>());
    }
}

#[test]
fn a_missing_resource_is_made_where_something_is_added() {
    let json = r#"{"resourceMetrics":[{"scopeMetrics":[{"scope":{"name":"x"}}]},{"resource":{}}]}"#;
    let mut processor = built("resource", "attributes: [{key: n, value: 1, action: insert}]");
    let request: ExportMetricsServiceRequest = after(&mut *processor, Signal::Metrics, json).decode();
    let keys = |it: &opentelemetry_proto::tonic::metrics::v1::ResourceMetrics| {
        it.resource.as_ref().unwrap().attributes.iter().map(|it| it.key.clone()).collect::<Vec<_>>()
    };
    assert_eq!(request.resource_metrics.iter().map(keys).collect::<Vec<_>>(), [["n"], ["n"]]);
}
