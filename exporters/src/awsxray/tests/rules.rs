//! What the documents say, rule by rule: by the improved mapping, and by the Go exporter's where that differs.

use super::*;

/// The value at `place` of the one document of a span.
pub fn at(tried: &Try, place: &str) -> Value {
    tried.one().pointer(place).cloned().unwrap_or(Value::Null)
}

/// Values of the document of the same span by the improved and by the Go exporter's mapping.
pub fn both(make: impl Fn() -> Try, place: &str) -> (Value, Value) {
    (at(&make(), place), at(&make().contrib(), place))
}

#[test]
fn kinds_are_segments_or_subsegments_with_a_namespace() {
    let parent = json!({ "parentSpanId": PARENT });
    for (kind, has_parent, is_subsegment, namespace, contrib) in [
        (SERVER, false, false, None, None),
        (SERVER, true, false, None, None),
        (CONSUMER, true, false, None, None),
        (CLIENT, true, true, Some("remote"), Some("remote")),
        (CLIENT, false, false, None, Some("remote")),
        (PRODUCER, true, true, Some("remote"), Some("remote")),
        (PRODUCER, false, false, None, Some("remote")),
        (INTERNAL, true, true, None, None),
        (INTERNAL, false, false, None, None),
        (0, true, true, None, None),
        (0, false, false, None, None),
    ] {
        let mut tried = Try::of(kind, json!({}));
        tried.span = if has_parent { parent.clone() } else { json!({}) };
        let improved = tried.one();
        let by_go = tried.contrib().one();
        for (document, namespace) in [(&improved, namespace), (&by_go, contrib)] {
            assert_eq!(document.get("type").is_some(), is_subsegment, "{kind} {has_parent}");
            assert_eq!(document.get("parent_id").is_some(), has_parent, "{kind} {has_parent}");
            assert_eq!(document.get("namespace").and_then(Value::as_str), namespace, "{kind} {has_parent}");
        }
    }
}

#[test]
fn calls_by_an_aws_sdk_are_in_the_namespace_aws() {
    for (attributes, improved, contrib) in [
        (json!({ "rpc.system": "aws-api" }), "aws", "aws"),
        (json!({ "rpc.system.name": "aws-api" }), "aws", "remote"),
        (json!({ "aws.service": "S3" }), "aws", "aws"),
        (json!({ "aws.service": "S3", "peer.service": "x" }), "aws", "remote"),
        (json!({ "rpc.system": "grpc" }), "remote", "remote"),
    ] {
        let make = || Try::of(CLIENT, attributes.clone());
        assert_eq!(both(make, "/namespace"), (improved.into(), contrib.into()), "{attributes}");
    }
}

#[test]
fn places_have_their_origin() {
    for (resource, improved, contrib) in [
        (json!({ "cloud.provider": "gcp", "cloud.platform": "aws_ec2" }), None, None),
        (
            json!({ "cloud.provider": "aws", "cloud.platform": "aws_ec2" }),
            Some("AWS::EC2::Instance"),
            Some("AWS::EC2::Instance"),
        ),
        (json!({ "cloud.platform": "aws_ecs" }), Some("AWS::ECS::Container"), Some("AWS::ECS::Container")),
        (
            json!({ "cloud.platform": "aws_ecs", "aws.ecs.launchtype": "ec2" }),
            Some("AWS::ECS::EC2"),
            Some("AWS::ECS::EC2"),
        ),
        (
            json!({ "cloud.platform": "aws_ecs", "aws.ecs.launchtype": "fargate" }),
            Some("AWS::ECS::Fargate"),
            Some("AWS::ECS::Fargate"),
        ),
        (
            json!({ "cloud.platform": "aws_elastic_beanstalk" }),
            Some("AWS::ElasticBeanstalk::Environment"),
            Some("AWS::ElasticBeanstalk::Environment"),
        ),
        (
            json!({ "cloud.platform": "aws_eks", "host.id": "i-1" }),
            Some("AWS::EKS::Container"),
            Some("AWS::EKS::Container"),
        ),
        (
            json!({ "cloud.platform": "aws_app_runner" }),
            Some("AWS::AppRunner::Service"),
            Some("AWS::AppRunner::Service"),
        ),
        (json!({ "cloud.platform": "aws_lambda" }), Some("AWS::Lambda::Function"), None),
        (json!({ "cloud.provider": "aws" }), None, None),
        (json!({}), None, None),
    ] {
        let make = || Try::of(SERVER, json!({})).resource(resource.clone());
        assert_eq!(both(make, "/origin"), (improved.into(), contrib.into()), "{resource}");
    }
}

#[test]
fn attributes_are_annotations_if_listed_and_else_metadata() {
    let attributes = json!({ "a.b-c": "x", "n": 1, "list": ["l"], "http.method": "GET" });
    let document = Try::of(SERVER, attributes.clone())
        .indexing(&["a.b-c", "list", "http.method", "otel.resource.service.name"])
        .one();
    assert_eq!(
        document["annotations"],
        json!({ "a.b_c": "x", "http.method": "GET", "otel.resource.service.name": "orders" })
    );
    assert_eq!(document["metadata"]["default"]["n"], 1);
    assert_eq!(document["metadata"]["default"]["list"], json!(["l"]));
    let by_go = Try::of(SERVER, attributes.clone()).indexing(&["list"]).contrib().one();
    assert_eq!(by_go["metadata"]["default"].get("list"), None);
    let document = Try::of(SERVER, attributes).indexing(&["otel.resource.*", "a*"]).one();
    assert_eq!(document["annotations"], json!({ "a.b_c": "x", "otel.resource.service.name": "orders" }));
}

#[test]
fn a_subsegment_does_not_repeat_the_resource() {
    let mut tried = Try::of(CLIENT, json!({}));
    assert_eq!(tried.one()["metadata"]["default"].get("otel.resource.service.name"), None);
    tried.settings.index_all_attributes = true;
    assert_eq!(tried.one().get("annotations"), None);
}

#[test]
fn numbers_that_json_has_no_form_for_are_texts() {
    for mapping in [Mapping::Improved, Mapping::Contrib] {
        let mut tried = Try::of(INTERNAL, json!({ "a": 1.5, "b": 1.5 })).indexing(&["b"]);
        tried.settings.mapping = mapping;
        let mut request = tried.request();
        for (attribute, value) in request.resource_spans[0].scope_spans[0].spans[0]
            .attributes
            .iter_mut()
            .zip([f64::NAN, f64::NEG_INFINITY])
        {
            let value = opentelemetry_proto::tonic::common::v1::any_value::Value::DoubleValue(value);
            attribute.value.as_mut().unwrap().value = Some(value);
        }
        let document = documents(&request, &tried.settings, &Facts::default()).remove(0);
        assert_eq!(document["metadata"]["default"]["a"], "NaN");
        assert_eq!(document["annotations"]["b"], "-Infinity");
    }
}

#[test]
fn metadata_goes_to_the_namespace_that_the_attribute_names() {
    let attributes = json!({ "aws.xray.metadata.http": "{\"n\":9007199254740993}", "aws.xray.metadata.default": "{\"k\":1}", "aws.xray.metadata.x": "no" });
    let document = Try::of(SERVER, attributes.clone()).one();
    assert_eq!(document["metadata"]["http"], json!({ "n": 9_007_199_254_740_993_i64 }));
    assert_eq!(document["metadata"]["default"]["k"], 1);
    assert_eq!(document["metadata"]["default"]["aws.xray.metadata.x"], "no");
}

#[test]
fn a_span_that_is_not_done_has_no_end() {
    let document = Try::of(SERVER, json!({ "aws.xray.inprogress": true })).one();
    assert_eq!((document["in_progress"].clone(), document.get("end_time")), (true.into(), None));
    assert_eq!(Try::of(SERVER, json!({ "aws.xray.inprogress": false })).one().get("in_progress"), None);
}

#[test]
fn times_are_exact_and_never_end_before_they_begin() {
    let make = |end: &str| {
        Try::of(SERVER, json!({}))
            .span(json!({ "startTimeUnixNano": "1784350736123456789", "endTimeUnixNano": end }))
    };
    let json =
        |tried: Try| translate(&tried.request(), &tried.settings, &Facts::default()).documents.remove(0).json;
    assert!(
        json(make("1784350737000000000"))
            .contains(r#""start_time":1784350736.123456789,"end_time":1784350737,"#)
    );
    assert!(json(make("1")).contains(r#""end_time":1784350736.123456789,"#));
}

#[test]
fn a_span_with_a_broken_id_costs_no_other_its_document() {
    let mut request = Try::of(SERVER, json!({})).request();
    let spans = &mut request.resource_spans[0].scope_spans[0].spans;
    let (mut broken, mut without) = (spans[0].clone(), spans[0].clone());
    broken.trace_id.pop();
    without.span_id.clear();
    spans.insert(0, broken);
    spans.push(without);
    let translation = translate(&request, &Settings::default(), &Facts::default());
    assert_eq!(translation.documents.len(), 2);
    let reason = "its trace id is not 16 bytes long";
    assert_eq!(translation.untranslated, [Untranslated { span: "GET /orders".into(), reason }]);
}
