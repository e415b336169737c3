//! The blocks of a document.

use super::*;

fn block(kind: i32, attributes: Value, name: &str) -> Value {
    Try::of(kind, attributes).one().get(name).cloned().unwrap_or(Value::Null)
}

#[test]
fn urls_are_put_together_of_old_names_and_new() {
    for (kind, attributes, url) in [
        (
            CLIENT,
            json!({ "http.method": "GET", "http.url": "https://u:p@api.example.com/u?a=1" }),
            "https://api.example.com/u?a=1",
        ),
        (
            CLIENT,
            json!({ "http.scheme": "https", "http.host": "api.example.com", "http.target": "/u" }),
            "https://api.example.com/u",
        ),
        (
            CLIENT,
            json!({ "http.method": "GET", "net.peer.name": "h", "net.peer.port": 8080, "http.target": "/u" }),
            "http://h:8080/u",
        ),
        (
            CLIENT,
            json!({ "http.method": "GET", "net.peer.ip": "10.8.17.36", "net.peer.port": "8080" }),
            "http://10.8.17.36:8080/",
        ),
        (
            CLIENT,
            json!({ "http.method": "GET", "net.peer.ip": "2001:db8::1", "http.target": "/u" }),
            "http://[2001:db8::1]/u",
        ),
        (
            CLIENT,
            json!({ "url.scheme": "https", "server.address": "api.example.com", "server.port": 443, "url.path": "/u", "url.query": "a=1" }),
            "https://api.example.com/u?a=1",
        ),
        (
            CLIENT,
            json!({ "http.request.method": "GET", "server.address": "api.example.com", "server.port": 443 }),
            "https://api.example.com/",
        ),
        (
            SERVER,
            json!({ "http.scheme": "http", "http.host": "h:8080", "net.host.port": 8080, "http.target": "/u?x" }),
            "http://h:8080/u?x",
        ),
        (
            SERVER,
            json!({ "http.scheme": "http", "http.server_name": "h", "net.host.port": 8080, "http.target": "u" }),
            "http://h:8080/u",
        ),
        (
            SERVER,
            json!({ "http.scheme": "http", "net.host.name": "h", "net.host.port": 80, "http.target": "/u" }),
            "http://h/u",
        ),
        (
            SERVER,
            json!({ "url.scheme": "https", "server.address": "2001:db8::1", "server.port": 8443, "url.path": "/u", "url.query": "?a" }),
            "https://[2001:db8::1]:8443/u?a",
        ),
    ] {
        assert_eq!(block(kind, attributes.clone(), "http")["request"]["url"], url, "{attributes}");
    }
}

#[test]
fn the_client_is_known_only_of_requests_that_were_served() {
    for (kind, attributes, request) in [
        (
            SERVER,
            json!({ "http.request.method": "GET", "client.address": "1.2.3.4" }),
            json!({ "method": "GET", "client_ip": "1.2.3.4", "x_forwarded_for": true }),
        ),
        (
            SERVER,
            json!({ "http.request.method": "GET", "client.address": "1.2.3.4", "network.peer.address": "1.2.3.4" }),
            json!({ "method": "GET", "client_ip": "1.2.3.4" }),
        ),
        (
            SERVER,
            json!({ "http.request.method": "GET", "client.address": "1.2.3.4", "network.peer.address": "5.6.7.8" }),
            json!({ "method": "GET", "client_ip": "1.2.3.4", "x_forwarded_for": true }),
        ),
        (
            SERVER,
            json!({ "http.request.method": "GET", "client.address": "me.example.com", "net.peer.ip": "5.6.7.8" }),
            json!({ "method": "GET", "client_ip": "5.6.7.8" }),
        ),
        (
            CLIENT,
            json!({ "http.request.method": "GET", "network.peer.address": "5.6.7.8" }),
            json!({ "method": "GET", "url": "http://5.6.7.8/" }),
        ),
    ] {
        assert_eq!(block(kind, attributes.clone(), "http")["request"], request, "{attributes}");
    }
}

#[test]
fn without_a_request_there_is_no_http() {
    assert_eq!(
        block(
            CLIENT,
            json!({ "server.address": "db", "server.port": 5432, "user_agent.original": "x" }),
            "http"
        ),
        Value::Null
    );
}

#[test]
fn the_size_of_a_response_is_said_if_it_is_known() {
    let response = |attributes| block(CLIENT, attributes, "http")["response"].clone();
    assert_eq!(response(json!({ "http.response.status_code": 200 })), json!({ "status": 200 }));
    assert_eq!(
        response(json!({ "http.response.status_code": 200, "http.response.body.size": 7 })),
        json!({ "status": 200, "content_length": 7 })
    );
    let event = json!({ "events": [{ "name": "message", "attributes": attributes(&json!({ "message.type": "RECEIVED", "messaging.message_payload_size_bytes": 12_452 })) }] });
    for tried in [
        Try::of(CLIENT, json!({ "http.status_code": 200 })),
        Try::of(CLIENT, json!({ "http.status_code": 200 })).contrib(),
    ] {
        assert_eq!(tried.span(event.clone()).one()["http"]["response"]["content_length"], 12_452);
    }
}

#[test]
fn passwords_leave_connection_strings() {
    for (connection, url, string) in [
        (
            "jdbc:postgresql://u:secret@db:5432/shop?ssl=true",
            "postgresql://db:5432/shop?ssl=true",
            "postgresql://db:5432/shop?ssl=true",
        ),
        (
            "mysql://db/shop?user=me&password=secret&x=1",
            "mysql://db/shop?user=me&password=***&x=1",
            "mysql://db/shop?user=me&password=***&x=1",
        ),
        (
            "Server=db;User Id=me;Password=secret;Encrypt=true",
            "",
            "Server=db;User Id=me;Password=***;Encrypt=true",
        ),
        ("host=db password=secret dbname=shop", "", "host=db password=*** dbname=shop"),
        ("jdbc:oracle:thin:scott/secret@db:1521:x", "", "oracle:thin:@db:1521:x"),
    ] {
        let sql = block(CLIENT, json!({ "db.system": "mysql", "db.connection_string": connection }), "sql");
        assert_eq!(
            (sql["connection_string"].as_str(), sql["url"].as_str().unwrap_or_default()),
            (Some(string), url)
        );
        assert!(
            !Try::of(CLIENT, json!({ "db.system": "mysql", "db.connection_string": connection }))
                .one()
                .to_string()
                .contains("secret")
        );
    }
}

#[test]
fn secrets_are_not_shown_even_where_there_is_no_block_for_them() {
    let url = format!("https://u:secret@h/{}", "x".repeat(300));
    for attributes in [
        json!({ "db.system": "mongodb", "db.connection_string": "mongodb://u:secret@h/db" }),
        json!({ "url.full": url }),
    ] {
        for tried in
            [Try::of(CLIENT, attributes.clone()), Try::of(CLIENT, attributes.clone()).indexing(&["*"])]
        {
            let document = tried.one().to_string();
            assert!(document.contains("://h/") && !document.contains("secret"), "{document}");
        }
    }
}

#[test]
fn queries_are_read_by_old_names_and_new() {
    let expected = json!({ "database_type": "postgresql", "url": "postgresql://db:5432/shop", "sanitized_query": "SELECT ?" });
    let names =
        [("db.system.name", "db.namespace", "db.query.text"), ("db.system", "db.name", "db.statement")];
    for (system, name, query) in names {
        let attributes = json!({ system: "postgresql", name: "shop", query: "SELECT ?", "server.address": "db", "server.port": 5432 });
        assert_eq!(block(CLIENT, attributes, "sql"), expected);
    }
    let redis = Try::of(CLIENT, json!({ "db.system.name": "redis", "db.query.text": "GET k" })).one();
    assert_eq!((redis.get("sql"), &redis["metadata"]["default"]["db.query.text"]), (None, &json!("GET k")));
}

#[test]
fn calls_to_aws_say_what_they_asked_for() {
    for (attributes, expected) in [
        (
            json!({ "rpc.system.name": "aws-api", "rpc.method": "DynamoDB/GetItem", "cloud.region": "eu-west-1" }),
            json!({ "operation": "GetItem", "region": "eu-west-1" }),
        ),
        (
            json!({ "rpc.system": "aws-api", "aws.operation": "Op", "rpc.method": "GetItem", "aws.requestId": "R" }),
            json!({ "operation": "Op", "request_id": "R" }),
        ),
        (
            json!({ "rpc.system": "aws-api", "aws.sqs.queue.url": "https://q", "aws.account_id": "1" }),
            json!({ "account_id": "1", "queue_url": "https://q" }),
        ),
        (json!({ "aws.dynamodb.table_names": ["a"] }), json!({ "table_name": "a" })),
        (
            json!({ "aws.dynamodb.table_names": ["a", "b"], "aws.table_name": "c" }),
            json!({ "table_names": ["a", "b"] }),
        ),
        (
            json!({ "rpc.system": "aws-api", "aws.s3.bucket": "b", "http.request.resend_count": 2 }),
            json!({ "resource_names": ["b"], "retries": 2 }),
        ),
        (json!({ "rpc.system": "grpc", "rpc.method": "Add" }), Value::Null),
    ] {
        assert_eq!(block(CLIENT, attributes.clone(), "aws"), expected, "{attributes}");
    }
}

#[test]
fn what_a_segment_ran_in_is_said_and_what_is_not_known_is_not() {
    let aws = |resource: Value| {
        Try::of(SERVER, json!({})).resource(resource).one().get("aws").cloned().unwrap_or(Value::Null)
    };
    assert_eq!(
        aws(json!({ "cloud.platform": "aws_ec2", "host.id": "i-1" })),
        json!({ "ec2": { "instance_id": "i-1" } })
    );
    assert_eq!(aws(json!({ "host.id": "desktop-7" })), Value::Null);
    assert_eq!(
        aws(json!({ "cloud.provider": "gcp", "cloud.account.id": "1", "host.id": "i-1" })),
        Value::Null
    );
    assert_eq!(
        aws(json!({ "cloud.platform": "aws_eks", "k8s.cluster.name": "c" })),
        json!({ "eks": { "cluster_name": "c" } })
    );
    assert_eq!(
        aws(json!({ "aws.log.group.arns": ["arn:aws:logs:r:1:log-group:g:*", ""] })),
        json!({ "cloudwatch_logs": [{ "log_group": "g", "arn": "arn:aws:logs:r:1:log-group:g:*" }] })
    );
    assert_eq!(
        aws(json!({ "aws.log.group.names": "a&b" })),
        json!({ "cloudwatch_logs": [{ "log_group": "a" }, { "log_group": "b" }] })
    );
    let sdk = json!({ "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "go", "telemetry.distro.version": "1" });
    assert_eq!(aws(sdk), json!({ "xray": { "sdk": "opentelemetry for go", "auto_instrumentation": true } }));
}

#[test]
fn the_first_span_of_a_process_that_is_a_call_is_a_service_and_its_call() {
    let attributes = json!({ "aws.span.kind": "LOCAL_ROOT", "aws.local.service": "worker", "aws.remote.service": "jobs", "http.request.method": "GET", "app.k": "v" });
    for resource in [json!({ "cloud.provider": "gcp" }), json!({ "cloud.provider": "aws" })] {
        let all = Try::of(CLIENT, attributes.clone()).resource(resource).all();
        let [call, service] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((call["name"].as_str(), service["name"].as_str()), (Some("jobs"), Some("worker")));
        assert_eq!(
            (&call["id"], &call["parent_id"], &call["namespace"]),
            (&json!(SPAN), &service["id"], &json!("remote"))
        );
        assert_eq!(
            (&service["parent_id"], service.get("type"), service.get("http")),
            (&json!(PARENT), None, None)
        );
        assert_eq!(
            (call["metadata"]["default"]["app.k"].as_str(), service["metadata"]["default"].get("app.k")),
            (Some("v"), None)
        );
        assert!(service["metadata"]["default"]["otel.resource.cloud.provider"].is_string());
        assert_eq!(call["metadata"]["default"].get("otel.resource.cloud.provider"), None);
    }
}

#[test]
fn what_x_ray_has_no_place_for_is_metadata() {
    let document = Try::of(INTERNAL, json!({}))
        .span(json!({
            "traceState": "a=b", "status": { "code": 1, "message": "fine" },
            "events": [{ "name": "log", "timeUnixNano": "1784350736100000000", "attributes": attributes(&json!({ "m": 1 })) }],
        }))
        .one();
    assert_eq!(
        document["metadata"]["default"],
        json!({
            "otel.status_description": "fine", "otel.trace_state": "a=b",
            "otel.events": [{ "name": "log", "time": 1_784_350_736.1, "attributes": { "m": 1 } }],
        })
    );
}
