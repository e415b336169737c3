//! Extensions that authenticate by a header, and what an exporter may name.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use config::{Env, Node};
use support::{Backend, Reply, build_with, run, traces};

/// What arrives in `header` when `extension` authenticates an `otlp_http` exporter with `headers`.
async fn sent(extension: (&str, &str), headers: &str, header: &str) -> String {
    let backend = Backend::http(|_| Reply::ok()).await;
    let yaml = format!(
        "{{endpoint: '{}', headers: {headers}, auth: {{authenticator: {}}}}}",
        backend.url().replace("http://", "http://url:user@"),
        extension.0
    );
    let exporter = build_with(extension, ("otlp_http", &yaml), &[]).unwrap();
    exporter.export(&traces(1)).await.unwrap();
    backend.only().header(header).to_owned()
}

#[test]
fn each_extension_sends_what_the_collector_sends() {
    run(async {
        for (extension, yaml, header, value) in [
            ("basicauth", "client_auth: {username: u, password: p}", "authorization", "Basic dTpw"),
            ("basicauth/client", "client_auth: {username: u}", "authorization", "Basic dTo="),
            ("bearertokenauth", "token: abc", "authorization", "Bearer abc"),
            ("bearertokenauth", "token: \"abc\\n\"", "authorization", "Bearer abc"),
            ("bearertokenauth", "{scheme: Api-Token, token: abc}", "authorization", "Api-Token abc"),
            ("bearertokenauth", "{scheme: '', header: X-Key, token: abc}", "x-key", "abc"),
            ("bearertokenauth", "tokens: [first, second]", "authorization", "Bearer first"),
            ("headers_setter", "headers: [{key: X-Org, value: me}]", "x-org", "me"),
            ("headers_setter", "headers: [{key: X-Old, value: new, action: insert}]", "x-old", "old"),
            ("headers_setter", "headers: [{key: X-Old, value: new, action: update}]", "x-old", "new"),
            ("headers_setter", "headers: [{key: X-New, value: new, action: update}]", "x-new", ""),
            ("headers_setter", "headers: [{key: X-New, value: new, action: insert}]", "x-new", "new"),
            ("headers_setter", "headers: [{key: X-Old, action: delete}]", "x-old", ""),
            (
                "headers_setter",
                "headers: [{key: X-Org, from_context: org, default_value: me}]",
                "x-org",
                "me",
            ),
            ("headers_setter", "headers: [{key: X-Org, from_context: org}]", "x-org", ""),
        ] {
            let headers = "{authorization: own, x-old: old}";
            assert_eq!(sent((extension, yaml), headers, header).await, value, "{extension}: {yaml}");
        }
    });
}

#[test]
fn a_secret_in_a_file_is_read_anew_for_each_request() {
    run(async {
        let file = std::env::temp_dir().join(format!("otelcol-lambda-secret-{}", std::process::id()));
        let path = file.display();
        for (extension, yaml, header, values) in [
            ("bearertokenauth", format!("filename: {path}"), "authorization", ["Bearer one", "Bearer two"]),
            (
                "basicauth",
                format!("client_auth: {{username: u, password_file: {path}}}"),
                "authorization",
                ["Basic dTpvbmU=", "Basic dTp0d28="],
            ),
            (
                "headers_setter",
                format!("headers: [{{key: X-Key, value_file: {path}}}]"),
                "x-key",
                ["one", "two"],
            ),
        ] {
            let backend = Backend::http(|_| Reply::ok()).await;
            let exporter = format!("{{endpoint: '{}', auth: {{authenticator: {extension}}}}}", backend.url());
            let exporter = build_with((extension, &yaml), ("otlp_http", &exporter), &[]).unwrap();
            for secret in ["one\n", "two\n"] {
                std::fs::write(&file, secret).unwrap();
                exporter.export(&traces(1)).await.unwrap();
            }
            std::fs::remove_file(&file).unwrap();
            let said = support::retry(exporter.export(&traces(1)).await);
            assert!(said.contains(&file.display().to_string()), "{said}");
            let received: Vec<_> = backend.received().iter().map(|it| it.header(header).to_owned()).collect();
            assert_eq!(received, values, "{extension}");
        }
    });
}

#[test]
fn what_cannot_work_is_a_mistake_with_its_place() {
    let (http, grpc) = ("otlp_http", "otlp_grpc");
    for (extension, yaml, exporter, expected) in [
        ("basicauth", "{}", http, "client_auth: is missing"),
        ("basicauth", "client_auth:", http, "client_auth: is missing"),
        ("basicauth", "{client_auth: {username: u}, htpasswd: {inline: a}}", http, "exclude each other"),
        ("basicauth", "htpasswd: {inline: a}", http, "does not authenticate exporters"),
        ("basicauth", "client_auth: {user: u}", http, "username"),
        ("bearertokenauth", "", http, "token: is missing"),
        ("bearertokenauth", "token: ''", http, "token: is missing"),
        ("bearertokenauth", "{token: a, tokens: [b]}", http, "exclude each other"),
        ("bearertokenauth", "{token: a, header: 'a b'}", http, "not a name"),
        ("headers_setter", "", http, "headers: is missing"),
        ("headers_setter", "headers: [{value: a}]", http, "headers[0].key: not a name"),
        ("headers_setter", "headers: [{key: a}]", http, "headers[0]: a value is missing"),
        ("headers_setter", "headers: [{key: a, value: b, from_context: c}]", http, "exclude each other"),
        ("sigv4auth", "regio: eu-west-1", http, "did you mean region?"),
        ("sigv4auth", "assume_role: {web_identity_token_file: /x}", http, "assume_role.arn: is missing"),
        ("sigv4auth", "service: xray", grpc, "no endpoint of AWS takes OTLP over gRPC"),
        ("basicauth", "client_auth: {username: u}", grpc, "unencrypted"),
        ("health_check", "endpoint: 0.0.0.0:13133", http, "does not authenticate exporters"),
    ] {
        let exporter_yaml = format!("{{endpoint: 'http://a:1', auth: {{authenticator: {extension}}}}}");
        let Err(error) = build_with((extension, yaml), (exporter, &exporter_yaml), &[]) else {
            panic!("accepted: {extension} {yaml}")
        };
        assert!(error.contains(expected), "{extension} {yaml}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn the_nearest_extension_is_offered_for_one_that_is_not_there() {
    let exporter = "{endpoint: 'http://a', auth: {authenticator: basicauth/clent}}";
    let extension = ("basicauth/client", "client_auth: {username: u, password: p}");
    let Err(error) = build_with(extension, ("otlp_http", exporter), &[]) else { panic!("accepted") };
    assert!(error.contains("did you mean basicauth/client?"), "{error}");
}

#[test]
fn a_secret_shows_in_no_message() {
    for (extension, yaml) in [
        ("bearertokenauth", "token: \"a\\nsecret\""),
        ("headers_setter", "headers: [{key: a, value: \"a\\nsecret\"}]"),
        ("basicauth", "client_auth: {username: u, password: {a: secret}}"),
    ] {
        let exporter = format!("{{endpoint: 'http://127.0.0.1:1', auth: {{authenticator: {extension}}}}}");
        run(async move {
            let said = match build_with((extension, yaml), ("otlp_http", &exporter), &[]) {
                Ok(exporter) => support::retry(exporter.export(&traces(1)).await),
                Err(said) => said,
            };
            assert!(!said.contains("secret"), "{said}");
        });
    }
}

#[test]
fn an_extension_that_means_nothing_in_a_sandbox_is_explained_once() {
    let shared = exporters::auth::Shared::default();
    for name in ["health_check", "pprof", "zpages", "file_storage"] {
        let factories = exporters::auth::all(&shared);
        let factory = factories.iter().find(|factory| factory.is_called(name)).unwrap();
        let node = Node::parse("{endpoint: 0.0.0.0:13133, any: [thing]}", &Env::default()).unwrap();
        for told in [1, 0] {
            (factory.build)(&node, &support::context(name)).unwrap();
            assert_eq!(node.warnings().drain().len(), told, "{name}");
        }
    }
}
