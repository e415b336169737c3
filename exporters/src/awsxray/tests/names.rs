//! Names: by the improved mapping, and by the Go exporter's where that differs.

use super::rules::both;
use super::*;

#[test]
fn a_document_has_the_name_of_the_first_thing_that_is_known_of_it() {
    for (kind, attributes, improved, contrib) in [
        (
            CLIENT,
            json!({ "rpc.system": "aws-api", "rpc.service": "DynamoDB", "rpc.method": "GetItem" }),
            "DynamoDB",
            "DynamoDB",
        ),
        (
            CLIENT,
            json!({ "rpc.system.name": "aws-api", "rpc.method": "DynamoDB/GetItem" }),
            "DynamoDB",
            "GET /orders",
        ),
        (
            CLIENT,
            json!({ "aws.service": "DynamoDB", "aws.operation": "GetItem", "rpc.method": "x" }),
            "DynamoDB",
            "DynamoDB",
        ),
        (CLIENT, json!({ "aws.service": "DynamoDB", "peer.service": "cats" }), "cats", "cats"),
        (CLIENT, json!({ "service.peer.name": "cats" }), "cats", "GET /orders"),
        (CLIENT, json!({ "aws.remote.service": "PaymentService" }), "PaymentService", "PaymentService"),
        (
            CLIENT,
            json!({ "aws.remote.service": "AWS.SDK.DynamoDb", "rpc.system": "aws-api" }),
            "DynamoDb",
            "DynamoDb",
        ),
        (CLIENT, json!({ "aws.remote.service": "AWS::S3", "rpc.system": "aws-api" }), "S3", "S3"),
        (PRODUCER, json!({ "aws.remote.service": "ProducerService" }), "ProducerService", "ProducerService"),
        (CONSUMER, json!({ "aws.remote.service": "ConsumerService" }), "orders", "ConsumerService"),
        (SERVER, json!({ "aws.local.service": "Payments" }), "Payments", "Payments"),
        (SERVER, json!({ "peer.service": "caller" }), "orders", "caller"),
        (CONSUMER, json!({}), "orders", "GET /orders"),
        (INTERNAL, json!({}), "GET /orders", "GET /orders"),
        (
            CLIENT,
            json!({ "db.system": "mysql", "db.name": "customers", "db.connection_string": "mysql://db.dev.example.com:3306" }),
            "customers@db.dev.example.com",
            "customers@db.dev.example.com",
        ),
        (
            CLIENT,
            json!({ "db.system": "mysql", "db.name": "customers", "db.connection_string": "jdbc:mysql://db.dev.example.com:3306" }),
            "customers@db.dev.example.com",
            "customers@db.dev.example.com",
        ),
        (
            CLIENT,
            json!({ "db.system": "other_sql", "db.name": "customers", "db.connection_string": "other_sql://db:1" }),
            "customers@db",
            "customers",
        ),
        (
            CLIENT,
            json!({ "db.system": "mysql", "db.name": "", "db.connection_string": "mysql://db", "net.peer.name": "bar.com" }),
            "mysql@db",
            "@db",
        ),
        (CLIENT, json!({ "db.system": "mysql", "db.name": "", "rpc.service": "Shop" }), "mysql", "Shop"),
        (
            CLIENT,
            json!({ "db.system.name": "postgresql", "db.namespace": "shop", "server.address": "db.example.com" }),
            "shop@db.example.com",
            "GET /orders",
        ),
        (CLIENT, json!({ "http.host": "foo.com", "net.peer.name": "bar.com" }), "foo.com", "foo.com"),
        (CLIENT, json!({ "net.peer.name": "bar.com" }), "bar.com", "bar.com"),
        (CLIENT, json!({ "server.address": "bar.com" }), "bar.com", "GET /orders"),
        (CLIENT, json!({ "url.full": "https://u:p@bar.com:8443/x" }), "bar.com", "GET /orders"),
        (
            CLIENT,
            json!({ "rpc.service": "com.foo.AnimalService" }),
            "com.foo.AnimalService",
            "com.foo.AnimalService",
        ),
    ] {
        let make = || Try::of(kind, attributes.clone());
        assert_eq!(both(make, "/name"), (improved.into(), contrib.into()), "{attributes}");
    }
}

#[test]
fn a_service_without_a_name_of_its_own_has_that_of_its_function() {
    let make = || {
        Try::of(SERVER, json!({}))
            .resource(json!({ "service.name": "unknown_service:node", "faas.name": "orders-fn" }))
    };
    assert_eq!(both(make, "/name"), ("orders-fn".into(), "unknown_service:node".into()));
    let make = || Try::of(SERVER, json!({})).resource(json!({}));
    assert_eq!(both(make, "/name"), ("GET /orders".into(), "GET /orders".into()));
}

#[test]
fn name_and_kind_of_the_span_are_kept_where_the_document_has_another_name() {
    let document = Try::of(SERVER, json!({})).one();
    assert_eq!(document["metadata"]["default"]["otel.span.name"], "GET /orders");
    assert_eq!(document["metadata"]["default"]["otel.span.kind"], "SERVER");
    assert_eq!(Try::of(INTERNAL, json!({})).one().get("metadata"), None);
}
