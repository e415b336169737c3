//! Where the spans of a function hang.

use pipeline::Invocation;

use super::*;

const ROOT: &str = "1-6a5b0c10-0a1b2c3d4e5f60718293a4b5";

/// A handler's span beneath [`PARENT`], while the platform told of an invocation with this parent.
fn handler(upstream: &str, sampled: u8) -> Try {
    let mut tried =
        Try::of(SERVER, json!({ "faas.invocation_id": "r1" })).span(json!({ "parentSpanId": PARENT }));
    tried.resource =
        json!({ "cloud.provider": "aws", "cloud.platform": "aws_lambda", "service.name": "orders" });
    tried.invocations = vec![Invocation {
        request_id: "r1".into(),
        invoked_arn: Some("arn:aws:lambda:eu-west-1:123456789012:function:orders:live".into()),
        trace_header: Some(format!("Root={ROOT};Parent={upstream};Sampled={sampled};Lineage=1:a")),
    }];
    tried
}

#[test]
fn beneath_lambdas_own_segment_the_handler_is_a_subsegment() {
    let document = handler("aaaaaaaaaaaaaaaa", 1).one();
    assert_eq!(
        (document["type"].as_str(), document["parent_id"].as_str()),
        (Some("subsegment"), Some(PARENT))
    );
    assert_eq!((document["name"].as_str(), document.get("origin")), (Some("GET /orders"), None));
}

#[test]
fn without_active_tracing_the_handler_is_the_segment_of_the_function() {
    for tried in [handler(PARENT, 1), handler("aaaaaaaaaaaaaaaa", 0)] {
        let document = tried.one();
        assert_eq!(document.get("type"), None);
        assert_eq!(
            (document["name"].as_str(), document["origin"].as_str()),
            (Some("orders"), Some("AWS::Lambda::Function"))
        );
        assert_eq!(document["resource_arn"], "arn:aws:lambda:eu-west-1:123456789012:function:orders:live");
        assert_eq!(document["aws"]["function_arn"], document["resource_arn"]);
        assert_eq!(document["aws"]["request_id"], "r1");
    }
}

#[test]
fn the_user_may_say_whether_lambda_writes_a_segment() {
    for (setting, upstream, mapping, is_subsegment) in [
        (FunctionSegment::Present, PARENT, Mapping::Improved, true),
        (FunctionSegment::Present, PARENT, Mapping::Contrib, true),
        (FunctionSegment::Absent, "aaaaaaaaaaaaaaaa", Mapping::Improved, false),
        (FunctionSegment::Auto, "aaaaaaaaaaaaaaaa", Mapping::Contrib, false),
    ] {
        let mut tried = handler(upstream, 1);
        tried.settings.lambda_function_segment = setting;
        tried.settings.mapping = mapping;
        assert_eq!(tried.one().get("type").is_some(), is_subsegment, "{setting:?} {mapping:?}");
    }
}

#[test]
fn a_trace_that_the_platform_knows_nothing_of_hangs_nowhere() {
    for setting in [FunctionSegment::Auto, FunctionSegment::Present] {
        let mut tried = handler("aaaaaaaaaaaaaaaa", 1).span(json!({ "traceId": "0".repeat(31) + "1" }));
        tried.settings.lambda_function_segment = setting;
        assert_eq!(tried.one().get("type"), None);
    }
}

#[test]
fn a_broken_header_is_no_header() {
    for header in [
        "",
        "Root",
        "Root=1-zz-zz;Parent=x;Sampled=1",
        "Root=1-6a5b0c10-0a1b2c3d4e5f60718293a4b+;Sampled=1",
        "Root=é",
    ] {
        let mut tried = handler("aaaaaaaaaaaaaaaa", 1);
        tried.invocations[0].trace_header = Some(header.into());
        assert_eq!(tried.one().get("type"), None, "{header}");
    }
}
