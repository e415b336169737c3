//! Rotel's variables.

use serde_json::json;

use super::{URL, exporters, load, mistakes};

#[test]
fn rotel_s_variables_are_understood_with_one_notice() {
    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-abc123#token";
    let headers = format!("Authorization=Bearer ${{{ARN}}},x=a%41b");
    let loaded = load(&[
        ("ROTEL_OTLP_EXPORTER_ENDPOINT", URL),
        ("ROTEL_OTLP_EXPORTER_PROTOCOL", "http"),
        ("ROTEL_OTLP_EXPORTER_CUSTOM_HEADERS", &headers),
        ("ROTEL_OTLP_EXPORTER_REQUEST_TIMEOUT", "3s"),
        ("ROTEL_OTLP_EXPORTER_TRACES_PROTOCOL", "grpc"),
        ("ROTEL_OTEL_RESOURCE_ATTRIBUTES", "team=a"),
    ]);
    assert_eq!(loaded.wanted, [ARN]);
    let headers = json!({"Authorization": format!("Bearer ${{{ARN}}}"), "x": "a%41b"});
    let settings = |endpoint: &str| json!({"endpoint": endpoint, "headers": headers, "timeout": "3s"});
    let (traces, rest) = (settings(&format!("{URL}:443")), settings(URL));
    let expected = json!({
        "traces": [["otlp_grpc/traces", traces]], "metrics": [["otlp_http", rest]], "logs": [["otlp_http", rest]],
    });
    assert_eq!(exporters(&loaded), expected);
    let [notice] = &loaded.warnings.drain()[..] else { panic!("{:?}", loaded.warnings) };
    let modern = "OTELCOL_LAMBDA_EXPORTER_OTLP_HEADERS for ROTEL_OTLP_EXPORTER_CUSTOM_HEADERS";
    assert!(notice.contains(modern), "{notice}");
}

#[test]
fn rotel_s_usual_protocol_is_grpc_and_a_secret_may_be_named_by_a_url() {
    let endpoint = ("ROTEL_OTLP_EXPORTER_ENDPOINT", "https://h:4317");
    let secret = ("ROTEL_OTLP_EXPORTER_TLS_CA_FILE", "secret://arn:aws:ssm:eu-west-1:1:parameter/a");
    let loaded = load(&[endpoint, secret]);
    assert_eq!(exporters(&loaded)["traces"][0][0], "otlp_grpc");
    assert_eq!(loaded.wanted, ["arn:aws:ssm:eu-west-1:1:parameter/a"]);
}

#[test]
fn our_variables_count_more_than_rotel_s_and_what_has_no_effect_is_named_once() {
    let loaded = load(&[
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT", URL),
        ("ROTEL_OTLP_EXPORTER_ENDPOINT", "https://other"),
        ("ROTEL_DEBUG_LOG", "traces"),
        ("ROTEL_BATCH_MAX_SIZE", "5"),
    ]);
    assert_eq!(exporters(&loaded)["logs"], json!([["otlp_http", {"endpoint": URL}]]));
    let [notice] = &loaded.warnings.drain()[..] else { panic!("{:?}", loaded.warnings) };
    assert!(
        notice.starts_with(
            "ROTEL_OTLP_EXPORTER_ENDPOINT, ROTEL_BATCH_MAX_SIZE, ROTEL_DEBUG_LOG without effect"
        )
    );
}

#[test]
fn rotel_s_exporter_for_xray_is_ours() {
    let traces = json!({"traces": [["awsxray", null]]});
    let endpoint = ("ROTEL_OTLP_EXPORTER_ENDPOINT", URL);
    assert_eq!(exporters(&load(&[("ROTEL_EXPORTER", "awsxray"), endpoint])), traces);
    assert_eq!(exporters(&load(&[("ROTEL_EXPORTER", "otlp"), endpoint]))["logs"][0][0], "otlp_grpc");
    let other = load(&[("ROTEL_EXPORTER", "datadog"), endpoint]);
    assert!(
        mistakes(&other)[0].starts_with("ROTEL_EXPORTER: found `datadog`; understood are otlp"),
        "{other:?}"
    );
}

#[test]
fn rotel_s_file_counts_more_than_the_environment() {
    let file = std::env::temp_dir().join(format!("rotel-{}.env", std::process::id()));
    std::fs::write(&file, format!("ROTEL_OTLP_EXPORTER_ENDPOINT={URL}\nKEY=k\nROTEL_OTLP_EXPORTER_CUSTOM_HEADERS=\"a=$KEY ${{TOKEN}}\"\n")).unwrap();
    let path = file.display().to_string();
    let loaded =
        load(&[("ROTEL_ENV_FILE", &path), ("ROTEL_OTLP_EXPORTER_ENDPOINT", "http://x"), ("TOKEN", "a,b")]);
    std::fs::remove_file(&file).unwrap();
    let settings = json!({"endpoint": format!("{URL}:443"), "headers": {"a": "k a,b"}});
    assert_eq!(exporters(&loaded)["logs"], json!([["otlp_grpc", settings]]));
    let missing = load(&[("ROTEL_ENV_FILE", &path)]);
    assert!(mistakes(&missing)[0].starts_with("ROTEL_ENV_FILE: can't read /"), "{missing:?}");
}
