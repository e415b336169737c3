//! Whether a span failed and by whose fault; what was X-Ray's before.

use super::rules::{at, both};
use super::*;

#[test]
fn the_status_of_http_says_who_failed() {
    const ERROR: &str = "error";
    for (attributes, status, improved, contrib) in [
        (json!({ "http.response.status_code": 500 }), 0, vec!["fault"], vec!["fault"]),
        (json!({ "http.status_code": 429 }), 2, vec![ERROR, "throttle"], vec![ERROR, "throttle"]),
        (json!({ "http.status_code": 499 }), 0, vec![ERROR], vec![ERROR]),
        (json!({ "http.status_code": 200 }), 2, vec!["fault"], vec!["fault"]),
        (json!({ "http.status_code": 404, "http.response.status_code": 500 }), 0, vec!["fault"], vec![ERROR]),
        (json!({ "http.response.status_code": "404" }), 0, vec![ERROR], vec![]),
        (json!({}), 2, vec!["fault"], vec!["fault"]),
        (json!({}), 1, vec![], vec![]),
        (json!({}), 0, vec![], vec![]),
    ] {
        let make = || Try::of(SERVER, attributes.clone()).span(json!({ "status": { "code": status } }));
        let flags = |document: &Value| -> Vec<&str> {
            ["error", "throttle", "fault"]
                .into_iter()
                .filter(|flag| document.get(*flag) == Some(&json!(true)))
                .collect()
        };
        assert_eq!(flags(&make().one()), improved, "{attributes} {status}");
        let by_go = make().contrib().one();
        assert_eq!(flags(&by_go), contrib, "{attributes} {status}");
        assert!(["error", "throttle", "fault"].iter().all(|flag| by_go.get(*flag).is_some()));
    }
}

#[test]
fn other_words_of_failure_are_understood_too() {
    for (kind, attributes, improved, contrib) in [
        (SERVER, json!({ "rpc.system": "grpc", "rpc.grpc.status_code": 5 }), "error", ""),
        (CLIENT, json!({ "rpc.system": "grpc", "rpc.grpc.status_code": 8 }), "error throttle", ""),
        (CLIENT, json!({ "rpc.system": "grpc", "rpc.grpc.status_code": 13 }), "fault", ""),
        (CLIENT, json!({ "rpc.system": "grpc", "rpc.grpc.status_code": 0 }), "", ""),
        (CLIENT, json!({ "rpc.grpc.status_code": 99 }), "", ""),
        (
            CLIENT,
            json!({ "rpc.system.name": "grpc", "rpc.response.status_code": "RESOURCE_EXHAUSTED" }),
            "error throttle",
            "",
        ),
        (CLIENT, json!({ "rpc.system.name": "jsonrpc", "rpc.response.status_code": "NOT_FOUND" }), "", ""),
        (
            CLIENT,
            json!({ "rpc.system": "aws-api", "http.response.status_code": 400, "error.type": "ThrottlingException" }),
            "error throttle",
            "error",
        ),
        (
            CLIENT,
            json!({ "rpc.system": "aws-api", "http.response.status_code": 503, "error.type": "SlowDown" }),
            "throttle fault",
            "fault",
        ),
        (
            CLIENT,
            json!({ "rpc.system": "aws-api", "http.response.status_code": 400, "error.type": "ValidationException" }),
            "error",
            "error",
        ),
        (CLIENT, json!({ "http.response.status_code": 400, "error.type": "Throttling" }), "error", "error"),
    ] {
        let flags = |tried: Try| -> String {
            let document = tried.one();
            let set = ["error", "throttle", "fault"]
                .into_iter()
                .filter(|flag| document.get(*flag) == Some(&json!(true)));
            set.collect::<Vec<_>>().join(" ")
        };
        let found =
            [flags(Try::of(kind, attributes.clone())), flags(Try::of(kind, attributes.clone()).contrib())];
        assert_eq!(found, [improved, contrib], "{attributes}");
    }
}

#[test]
fn what_came_from_x_ray_goes_back_as_it_was() {
    let received = json!({
        "exception.type": "OrderError", "exception.message": "cannot store",
        "exception.stacktrace": "OrderError: cannot store\n\tat handler(app/handler.py: 31)\n",
        "aws.xray.exception.id": "a1a1a1a1a1a1a1a1", "aws.xray.exception.cause": "b2b2b2b2b2b2b2b2",
        "aws.xray.exception.remote": true, "aws.xray.exception.truncated": 12, "aws.xray.exception.skipped": 3,
    });
    let cause = json!({ "exception.type": "KeyError", "exception.message": "'sku'", "aws.xray.exception.id": "b2b2b2b2b2b2b2b2" });
    let events = [received, cause].map(|it| json!({ "name": "exception", "attributes": attributes(&it) }));
    let attributes = json!({
        "aws.xray.retries": 2, "aws.xray.traced": true, "aws.xray.resource_arn": "arn:aws:x",
        "aws.xray.inprogress": true, "aws.xray.annotations": ["k"], "k": "v", "aws.xray.metadata.ns": "{\"a\":1}",
    });
    let document = Try::of(INTERNAL, attributes).span(json!({ "events": events })).one();
    assert_eq!(
        document["cause"]["exceptions"],
        json!([
            {
                "id": "a1a1a1a1a1a1a1a1", "type": "OrderError", "message": "cannot store", "remote": true,
                "truncated": 12, "skipped": 3, "cause": "b2b2b2b2b2b2b2b2",
                "stack": [{ "path": "app/handler.py", "line": 31, "label": "handler" }],
            },
            { "id": "b2b2b2b2b2b2b2b2", "type": "KeyError", "message": "'sku'", "remote": false },
        ])
    );
    for (place, expected) in [
        ("/aws/retries", json!(2)),
        ("/traced", json!(true)),
        ("/resource_arn", json!("arn:aws:x")),
        ("/in_progress", json!(true)),
        ("/annotations", json!({ "k": "v" })),
        ("/metadata/ns", json!({ "a": 1 })),
    ] {
        assert_eq!(document.pointer(place), Some(&expected), "{place}");
    }
    let forwarded = json!({ "http.request.method": "GET", "client.address": "1.2.3.4", "aws.xray.x_forwarded_for": false });
    let request = Try::of(SERVER, forwarded).one()["http"]["request"].clone();
    assert_eq!(request, json!({ "method": "GET", "client_ip": "1.2.3.4" }));
}

#[test]
fn an_exception_that_left_the_span_is_a_fault_even_if_the_status_says_nothing() {
    let events = |escaped: bool| json!({ "events": [{ "name": "exception", "attributes": attributes(&json!({ "exception.type": "E", "exception.escaped": escaped })) }] });
    let make = || Try::of(INTERNAL, json!({})).span(events(true));
    assert_eq!(both(make, "/fault"), (true.into(), false.into()));
    assert_eq!(at(&Try::of(INTERNAL, json!({})).span(events(false)), "/fault"), Value::Null);
    assert_eq!(
        at(
            &Try::of(INTERNAL, json!({})).span(events(true)).span(json!({ "status": { "code": 1 } })),
            "/fault"
        ),
        Value::Null
    );
}
