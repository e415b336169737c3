//! `validate` on whole configurations: the examples, and extensions that are named, listed, or neither.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the examples want to know of the user's accounts.
const KEYS: [&str; 7] = [
    "API_KEY",
    "CLICKSTACK_API_KEY",
    "DD_API_KEY",
    "GRAFANA_CLOUD_INSTANCE_ID",
    "GRAFANA_CLOUD_TOKEN",
    "HONEYCOMB_API_KEY",
    "NEW_RELIC_LICENSE_KEY",
];

/// Whether the collector takes the configuration at `uri`, and everything that it says of it.
fn validate(uri: &str) -> (bool, String) {
    validate_merged(&[uri])
}

fn validate_merged(uris: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_otelcol-lambda"))
        .args(uris.iter().flat_map(|uri| ["--config", uri]))
        .arg("validate")
        .env_clear()
        .envs([("AWS_REGION", "eu-west-1"), ("AWS_LAMBDA_FUNCTION_NAME", "orders")])
        .envs(KEYS.map(|name| (name, "key")))
        .env("BACKEND_ENDPOINT", "https://otlp.example.com")
        .env("GRAFANA_CLOUD_ENDPOINT", "https://otlp-gateway-prod-eu-west-0.grafana.net/otlp")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_example_is_sound_and_says_nothing_odd() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../layer/examples");
    let mut examples = configurations(&folder);
    examples.push(folder.join("../config.example.yaml"));
    assert!(examples.len() > 10);
    for example in examples {
        assert_eq!(validate(example.to_str().unwrap()), (true, String::new()), "{}", example.display());
    }
}

#[test]
fn every_configuration_in_the_documents_is_sound_and_says_nothing_odd() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut documents: Vec<_> =
        std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    documents.push(root.join("README.md"));
    let mut tried = 0;
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            let (block, _) = block.split_once("```").unwrap();
            // Most show a component alone.
            let uris = [WHOLE, &format!("yaml:{block}")];
            assert_eq!(validate_merged(&uris), (true, String::new()), "{}:\n{block}", document.display());
            tried += 1;
        }
    }
    assert!(tried > 5);
}

/// What a configuration needs beside the part that a document shows.
const WHOLE: &str = "yaml:{receivers: {otlp: {protocols: {http: }}, telemetryapi: },
    exporters: {otlp_http: {traces_endpoint: https://xray.eu-west-1.amazonaws.com/v1/traces}},
    service: {pipelines: {traces/other: {receivers: [otlp], exporters: [otlp_http]}}}}";

/// Every collector configuration in `folder`, at any depth.
fn configurations(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(configurations(&path));
        } else if path.extension().is_some_and(|it| it == "yaml") && path.file_stem().unwrap() != "template" {
            found.push(path);
        }
    }
    found
}

/// A configuration with these extensions, and an exporter that names `basicauth`.
fn with(extensions: &str, listed: &str) -> String {
    format!(
        "yaml:{{receivers: {{otlp: {{protocols: {{http: }}}}}}, extensions: {{{extensions}}},
          exporters: {{otlp_http: {{endpoint: 'http://a', auth: {{authenticator: basicauth}}}}}},
          service: {{extensions: [{listed}], pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}}}}}"
    )
}

#[test]
fn an_authenticator_must_be_declared_and_listed_and_sound() {
    const BASIC: &str = "basicauth: {client_auth: {username: u, password: p}}";
    for (extensions, listed, says) in [
        (BASIC, "basicauth", &[][..]),
        (BASIC, "", &["the extension basicauth does not run: add it to the list service.extensions"]),
        ("", "", &["there is no extension basicauth: declare it under extensions"]),
        ("", "basicauth", &["there is no basicauth in extensions", "there is no extension basicauth"]),
        ("basicauth: {}", "basicauth", &["client_auth: is missing", "because of the mistakes in it"]),
        ("basicauth/a: {htpasswd: }", "", &["client_auth: is missing", "did you mean basicauth/a?"]),
        ("bosicauth: ", "", &["did you mean basicauth?", "there is no extension basicauth"]),
    ] {
        let (sound, said) = validate(&with(extensions, listed));
        assert_eq!(sound, says.is_empty(), "{extensions}: {said}");
        assert!(says.iter().all(|words| said.contains(words)), "{extensions}: {said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("error: ")).count(), says.len(), "{said}");
    }
}

#[test]
fn an_extension_without_a_meaning_here_keeps_nothing_from_running() {
    let config = with(
        "basicauth: {client_auth: {username: u}}, health_check: {endpoint: 'a:1'}",
        "basicauth, health_check",
    );
    let (sound, said) = validate(&config);
    assert!(sound && said.contains("extensions.health_check: has no effect"), "{said}");
}

#[test]
fn a_reference_is_looked_at_before_it_is_fetched_and_told_where_it_is_used() {
    let config = |used: &str, unused: &str| {
        format!(
            "yaml:{{receivers: {{otlp: {{protocols: {{http: }}}}}},
              exporters: {{otlp_http: {{endpoint: 'http://a', headers: {{a: '{used}'}}}},
                          otlp_http/unused: {{endpoint: 'http://a', headers: {{a: '{unused}'}}}}}},
              service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}}}}}"
        )
    };
    for (reference, says) in [
        ("${secretsmanager:}", "secretsmanager: it names nothing to fetch"),
        ("${secretsmanager:${env:NOT_SET}}", "secretsmanager: it names nothing to fetch"),
        ("${s3://bucket}", "is no s3://BUCKET/KEY"),
    ] {
        let (sound, said) = validate(&config(reference, ""));
        let at_its_place =
            |line: &str| line.contains("exporters.otlp_http.headers.a: ") && line.contains(says);
        assert!(
            !sound && said.lines().any(|line| line.starts_with("error: ") && at_its_place(line)),
            "{said}"
        );
    }
    let (sound, said) = validate(&config("${ssm:/used}", "${ssm:/unused}"));
    assert!(sound && said.contains("${ssm:/used} is fetched when the collector starts"), "{said}");
    assert!(!said.contains("unused"), "{said}");
}

/// What `command` prints and says without any configuration, with these variables alone.
fn without_a_file(command: &str, variables: &[(&str, &str)]) -> (bool, String, String) {
    let binary = env!("CARGO_BIN_EXE_otelcol-lambda");
    let output =
        Command::new(binary).arg(command).env_clear().envs(variables.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn variables_instead_of_a_file_are_validated_and_shown_without_aws_and_without_secrets() {
    let variables = [
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT", "https://user:hush@otlp.example.com"),
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_HEADERS", "api-key=${secretsmanager:keys#otlp},x-token=hush"),
        ("OTELCOL_LAMBDA_EXPORTER_XRAY", "true"),
        ("OTELCOL_LAMBDA_RESOURCE_ATTRIBUTES", "team=checkout"),
    ];
    let (sound, shown, said) = without_a_file("validate", &variables);
    assert_eq!((sound, shown.as_str()), (true, ""), "{said}");
    assert!(
        said.lines().all(|line| line.starts_with("note: OTELCOL_LAMBDA_EXPORTER_OTLP_HEADERS: ")),
        "{said}"
    );
    let (sound, shown, _) = without_a_file("print-config", &variables);
    assert!(sound && !shown.contains("hush"), "{shown}");
    for line in [
        "endpoint: \"https://***@otlp.example.com\"",
        "api-key: \"${secretsmanager:keys#otlp}\"",
        "x-token: '***'",
        "  awsxray:",
        "value: checkout",
        "- telemetryapi",
        "- batch",
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shown.yaml");
    std::fs::write(&file, shown.replace("***@", "")).unwrap();
    assert!(validate(file.to_str().unwrap()).0, "what is shown is a configuration");
}

#[test]
fn a_mistake_in_a_variable_is_told_by_its_name() {
    for (name, value, says) in [
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_PROTOCOL", "htp/protobuf", "did you mean http/protobuf?"),
        (
            "OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT",
            "localhost:4318",
            "has no scheme: write http://localhost:4318",
        ),
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_CERTIFICATE", "/nowhere.pem", "can't read `/nowhere.pem`"),
        ("ROTEL_OTLP_EXPORTER_ENDPOINT", "https://h/v1/traces", "/v1/traces"),
    ] {
        let logs = ("OTELCOL_LAMBDA_EXPORTER_OTLP_LOGS_ENDPOINT", "http://h");
        let (sound, _, said) = without_a_file("validate", &[logs, (name, value)]);
        let begin = format!("error: {name}: ");
        assert!(!sound && said.lines().any(|line| line.starts_with(&begin) && line.contains(says)), "{said}");
    }
}
