//! Where the receiver answers otherwise than the Go layer, knowingly.
//!
//! Beyond single requests: there the client sees what the backend said, since the layer relays a request before it
//! answers. Here it is told 200 as soon as its data is in the outbox, and a backend's error is the outbox's matter:
//! the customer's function never waits for a backend. So no recorded case with a failing backend is played here.

use serde_json::{Value, json};

/// Changes the Go layer's answer to the case `name` into ours; whether there is anything to change.
pub fn apply(name: &str, expected: &mut Value) -> bool {
    let Some(difference) = DIFFERENCES.iter().find(|it| it.cases.contains(&name)) else { return false };
    assert!(!difference.reason.is_empty());
    (difference.change)(expected);
    true
}

/// The cases that are answered otherwise.
pub fn names() -> Vec<&'static str> {
    DIFFERENCES.iter().flat_map(|it| it.cases).copied().collect()
}

struct Difference {
    reason: &'static str,
    cases: &'static [&'static str],
    change: fn(&mut Value),
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "415 says what is wrong, and Accept-Encoding what is understood",
        cases: &["brotli", "list-of-two", "unknown-json"],
        change: unsupported_encoding,
    },
    Difference {
        reason: "no OpenTelemetry SDK can send snappy or lz4; two more decoders would only make the binary larger",
        cases: &["snappy-block", "snappy-framed-as-snappy", "snappy-framed", "lz4-not-lz4"],
        change: unsupported_encoding,
    },
    Difference {
        reason: "the same, over gRPC",
        cases: &["grpc-snappy-framed"],
        change: |expected| {
            let answer = json!({"code": 12, "http_status": 200, "content_type": "application/grpc"});
            *expected = json!({"answer": answer, "relayed": []});
        },
    },
    Difference {
        reason: "identity is no compression and x-gzip is gzip (RFC 9110, section 8.4.1)",
        cases: &["identity", "x-gzip"],
        change: |expected| {
            expected["answer"]["status"] = json!(200);
            expected["answer"]["body"] = json!({"partialSuccess": {}});
            expected["relayed"] = json!([one_span()]);
        },
    },
    Difference {
        reason: "the media type is wrong, which the layer answers with 500 if the encoding is, too",
        cases: &["unknown-text-plain"],
        change: |expected| {
            let text = "415 unsupported media type, supported: [application/json, application/x-protobuf]";
            expected["answer"] =
                json!({"status": 415, "headers": {"content-type": "text/plain"}, "body": text});
        },
    },
    Difference {
        reason: "the method is wrong, whatever the encoding of a body that isn't there",
        cases: &["method-get-no-content-type-unknown-encoding"],
        change: |expected| {
            let headers = json!({"content-type": "text/plain", "allow": "POST"});
            let text = "405 method not allowed, supported: [POST]";
            expected["answer"] = json!({"status": 405, "headers": headers, "body": text});
        },
    },
    Difference {
        reason: "405 must come with Allow (RFC 9110, section 15.5.6)",
        cases: &[
            "method-get",
            "method-head",
            "method-delete",
            "method-options",
            "method-trace",
            "transport-websocket-upgrade",
            "cors-preflight-not-configured",
            "cors-options-without-preflight-headers",
        ],
        change: |expected| expected["answer"]["headers"]["allow"] = json!("POST"),
    },
    Difference {
        reason: "413 says what is wrong, and the connection is closed rather than read to the end of the body",
        cases: &["limit-default-20-mib-plus-1-protobuf"],
        change: |expected| {
            expected["answer"]["status"] = json!(413);
            expected["answer"]["headers"]["connection"] = json!("close");
        },
    },
    Difference {
        reason: "413 says what is wrong",
        cases: &[
            "limit-default-gzip-bomb-30-mib",
            "limit-1024-body-of-5000",
            "limit-1024-gzip-incompressible-2000-bytes",
            "limit-1024-chunked-1025",
            "limit-1024-zstd-of-1025",
        ],
        change: |expected| expected["answer"]["status"] = json!(413),
    },
    Difference {
        reason: "the layer fails to encode its own error message, and says 500",
        cases: &[
            "content-type-protobuf-body-as-json",
            "json-bom",
            "json-time-negative",
            "metric-histogram-count-negative",
        ],
        change: |expected| {
            expected["answer"]["status"] = json!(400);
            expected["answer"]["body"] = json!({"code": 3});
        },
    },
    Difference {
        reason: "hyper answers what it can't parse with 400 and no text; clients get no further than 400 anyway",
        cases: &[
            "transport-content-length-wrong-sign",
            "transport-transfer-encoding-unknown",
            "transport-http-0-9",
            "transport-http-2-in-request-line",
            "transport-garbage",
        ],
        change: |expected| {
            expected["answer"] = json!({"status": 400, "headers": {"connection": "close"}, "body": ""});
        },
    },
    Difference {
        reason: "both of two pipelined requests were taken; the recording ended with the answer to the first",
        cases: &["transport-two-pipelined"],
        change: |expected| expected["relayed"] = json!([one_span(), one_span()]),
    },
    Difference {
        reason: "a group is valid protobuf, and an unknown field is skipped whatever its type",
        cases: &["protobuf-group-unknown-field"],
        change: |expected| {
            expected["answer"]["status"] = json!(200);
            expected["answer"]["body"] = json!({"partialSuccess": {}});
            expected["relayed"] = json!([one_span()]);
        },
    },
    Difference {
        reason: "an id is bytes, relayed as they came; whether it is one is for the backend to say",
        cases: &["protobuf-trace-id-3-bytes"],
        change: |expected| {
            relay_span(expected, json!({"name": "a", "traceId": "616263", "spanId": "eee19b7ec3c1b174"}))
        },
    },
    Difference {
        reason: "the same of a span id",
        cases: &["protobuf-span-id-7-bytes"],
        change: |expected| {
            let id = "5b8efff798038103d269b633813fc60c";
            relay_span(expected, json!({"name": "a", "traceId": id, "spanId": "eee19b7ec3c1b1"}));
        },
    },
    Difference {
        reason: "the same of an id of zeros, which the layer makes none",
        cases: &["protobuf-trace-id-zero"],
        change: |expected| {
            let id = "00000000000000000000000000000000";
            relay_span(expected, json!({"name": "a", "traceId": id, "spanId": "eee19b7ec3c1b174"}));
        },
    },
    Difference {
        reason: "the same of a log record",
        cases: &["protobuf-logs-trace-id-5-bytes"],
        change: |expected| {
            relay_span(expected, json!({}));
            let record = json!({"traceId": "3132333435"});
            expected["relayed"] = json!([{"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}]);
        },
    },
    Difference {
        reason: "the same over gRPC",
        cases: &["grpc-malformed-trace-id-3-bytes"],
        change: |expected| {
            relay_span(expected, json!({"name": "a", "traceId": "616263"}));
            expected["answer"] = json!({
                "code": 0,
                "http_status": 200,
                "content_type": "application/grpc",
                "compressed": 0,
                "body": {"partialSuccess": {}},
            });
        },
    },
    Difference {
        reason: "a string of protobuf is UTF-8; backends refuse a whole request for one that isn't",
        cases: &["protobuf-name-invalid-utf8", "protobuf-attribute-invalid-utf8"],
        change: |expected| {
            expected["answer"]["status"] = json!(400);
            expected["answer"]["body"] = json!({"code": 3});
            expected["relayed"] = json!([]);
        },
    },
    Difference {
        reason: "the same over gRPC",
        cases: &["grpc-malformed-name-invalid-utf8"],
        change: |expected| {
            let answer = json!({"code": 13, "http_status": 200, "content_type": "application/grpc"});
            *expected = json!({"answer": answer, "relayed": []});
        },
    },
    Difference {
        reason: "JSON is read leniently: what is no UTF-8 becomes U+FFFD, so that the rest arrives",
        cases: &["json-invalid-utf8"],
        change: |expected| relay_span(expected, json!({"name": "a\u{fffd}b"})),
    },
    Difference {
        reason: "a second document in the body is taken as well, not acknowledged and dropped",
        cases: &["json-trailing-second-document"],
        change: |expected| {
            let resource = &one_span()["resourceSpans"][0];
            expected["relayed"] = json!([{"resourceSpans": [resource, resource]}]);
        },
    },
    Difference {
        reason: "instrumentation_library_spans left OTLP before 1.0; to us it is an unknown field",
        cases: &["protobuf-deprecated-instrumentation-library-1000"],
        change: |expected| expected["relayed"] = json!([]),
    },
    Difference {
        reason: "an answer of two bytes grows when it is compressed",
        cases: &["grpc-gzip", "grpc-zstd"],
        change: |expected| {
            expected["answer"]["compressed"] = json!(0);
            expected["answer"].as_object_mut().unwrap().remove("grpc_encoding");
        },
    },
    Difference {
        reason: "answering a ping costs less than a new connection, and a client out of a freeze may send several",
        cases: &["grpc-too-many-pings-idle"],
        change: |expected| expected["answer"] = json!({"pongs": 6}),
    },
];

fn unsupported_encoding(expected: &mut Value) {
    expected["answer"]["status"] = json!(415);
    expected["answer"]["headers"]["accept-encoding"] = json!("gzip, deflate, zstd, identity");
    expected["answer"]["body"] = json!({"code": 3});
    expected["relayed"] = json!([]);
}

fn relay_span(expected: &mut Value, span: Value) {
    expected["answer"]["status"] = json!(200);
    expected["answer"]["body"] = json!({"partialSuccess": {}});
    expected["relayed"] = json!([{"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}]);
}

/// The request that most cases send.
fn one_span() -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "orders"}}]},
        "scopeSpans": [{
            "scope": {"name": "demo"},
            "spans": [{
                "traceId": "5b8efff798038103d269b633813fc60c",
                "spanId": "eee19b7ec3c1b174",
                "name": "GET /orders",
                "kind": 2,
                "startTimeUnixNano": "1767225600000000000",
                "endTimeUnixNano": "1767225600000001000",
            }],
        }],
    }]})
}
