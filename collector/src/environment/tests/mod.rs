//! What variables amount to.

mod rotel;

use config::{Document, Env, Headers, Id, Loaded, Lookup, Providers, Section};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

fn load(variables: &[(&str, &str)]) -> Loaded {
    let env: Env = variables.iter().copied().collect();
    let lookup = Lookup { uris: Vec::new(), files: Vec::new(), built_in: super::built_in(&env) };
    Document::load(&lookup, &Providers::new(&env))
}

/// With these suffixes behind `OTELCOL_LAMBDA_EXPORTER_OTLP_`.
fn otlp(settings: &[(&str, &str)]) -> Loaded {
    let name = |setting: &str| format!("OTELCOL_LAMBDA_EXPORTER_OTLP_{setting}");
    let variables: Vec<_> = settings.iter().map(|(setting, value)| (name(setting), *value)).collect();
    load(&variables.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>())
}

/// Every exporter with its settings, under the signals that it serves.
fn exporters(loaded: &Loaded) -> Value {
    assert_eq!(loaded.mistakes, []);
    let document = loaded.document.as_ref().unwrap();
    let exporter = |id: &Id| {
        let node = document.component(Section::Exporters, id).unwrap();
        json!([id.to_string(), node.read::<Value>().unwrap()])
    };
    let pipelines = document.pipelines.iter().map(|pipeline| {
        (pipeline.id.to_string(), pipeline.exporters.iter().map(exporter).collect::<Value>())
    });
    pipelines.collect::<serde_json::Map<_, _>>().into()
}

fn mistakes(loaded: &Loaded) -> Vec<&str> {
    loaded.mistakes.iter().map(|mistake| mistake.text.as_str()).collect()
}

const URL: &str = "https://otlp.example.com";

#[test]
fn without_any_variable_what_is_built_in_runs() {
    for variables in [&[][..], &[("OTELCOL_LAMBDA_FLUSH_TIMEOUT", "1s"), ("OTELCOL_LAMBDA_XRAY", "")]] {
        let loaded = load(variables);
        assert_eq!((loaded.sources, loaded.warnings.drain()), (vec!["built-in".to_owned()], vec![]));
    }
}

#[test]
fn an_endpoint_makes_the_standard_pipelines() {
    let env = [
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT", URL),
        ("OTELCOL_LAMBDA_EXPORTER_XRAY", "true"),
        ("OTELCOL_LAMBDA_RESOURCE_ATTRIBUTES", "team=a"),
    ];
    let built_in = super::built_in(&env.into_iter().collect());
    let pipeline = |signal: &str, exporters: &str| {
        format!(
            "    {signal}:
      receivers: [otlp, telemetryapi]
      processors: [resource, batch]
      exporters: [{exporters}]\n"
        )
    };
    let expected = format!(
        "receivers:
  otlp:
    protocols:
      grpc:
        endpoint: localhost:4317
      http:
        endpoint: localhost:4318
  telemetryapi:
processors:
  resource:
    attributes:
      - key: \"team\"
        value: \"a\"
        action: upsert
  batch:
exporters:
  otlp_http:
    endpoint: \"{URL}\"
  awsxray:
service:
  pipelines:\n{}{}{}",
        pipeline("traces", "otlp_http, awsxray"),
        pipeline("metrics", "otlp_http"),
        pipeline("logs", "otlp_http")
    );
    assert_eq!(built_in.text, expected);
}

#[test]
fn settings_mean_what_opentelemetry_s_own_mean() {
    let (http, grpc) = ("otlp_http", "otlp_grpc");
    let all = |id: &str, settings: Value| json!({"traces": [[id, settings]], "metrics": [[id, settings]], "logs": [[id, settings]]});
    for (settings, expected) in [
        (&[("ENDPOINT", URL)][..], all(http, json!({"endpoint": URL}))),
        (&[("ENDPOINT", URL), ("PROTOCOL", "gRPC")], all(grpc, json!({"endpoint": format!("{URL}:443")}))),
        (&[("ENDPOINT", "http://h/"), ("PROTOCOL", "grpc")], all(grpc, json!({"endpoint": "http://h:80"}))),
        (
            &[("ENDPOINT", "h:4317"), ("PROTOCOL", "grpc"), ("INSECURE", "true")],
            all(grpc, json!({"endpoint": "h:4317", "tls": {"insecure": true}})),
        ),
        (
            &[("ENDPOINT", URL), ("PROTOCOL", "http/json"), ("COMPRESSION", "none"), ("TIMEOUT", "1500")],
            all(
                http,
                json!({"endpoint": URL, "encoding": "json", "compression": "none", "timeout": "1500ms"}),
            ),
        ),
        (
            &[("ENDPOINT", URL), ("HEADERS", " api-key = a%2Cb%20c== , x=, api-key=2,")],
            all(http, json!({"endpoint": URL, "headers": {"x": "", "api-key": "2"}})),
        ),
        (
            &[("ENDPOINT", URL), ("CERTIFICATE", "/ca"), ("CLIENT_KEY", "/k"), ("CLIENT_CERTIFICATE", "/c")],
            all(
                http,
                json!({"endpoint": URL, "tls": {"ca_file": "/ca", "cert_file": "/c", "key_file": "/k"}}),
            ),
        ),
        // One alone has a pipeline of its own, and its endpoint is taken as it is.
        (
            &[("LOGS_ENDPOINT", "https://h/loki")],
            json!({"logs": [[http, {"logs_endpoint": "https://h/loki"}]]}),
        ),
        // Those that differ only in where to are one exporter.
        (
            &[("ENDPOINT", URL), ("TRACES_ENDPOINT", "https://t/x")],
            all(http, json!({"endpoint": URL, "traces_endpoint": "https://t/x"})),
        ),
        // A setting of a signal replaces the general one.
        (
            &[("ENDPOINT", URL), ("HEADERS", "a=1"), ("METRICS_HEADERS", "b=2"), ("METRICS_TIMEOUT", "1")],
            json!({
                "traces": [[http, {"endpoint": URL, "headers": {"a": "1"}}]],
                "metrics": [["otlp_http/metrics", {"endpoint": URL, "headers": {"b": "2"}, "timeout": "1ms"}]],
                "logs": [[http, {"endpoint": URL, "headers": {"a": "1"}}]],
            }),
        ),
        (
            &[("ENDPOINT", "http://h:4317"), ("TRACES_PROTOCOL", "grpc"), ("LOGS_COMPRESSION", "zstd")],
            json!({
                "traces": [["otlp_grpc/traces", {"endpoint": "http://h:4317"}]],
                "metrics": [["otlp_http/metrics", {"endpoint": "http://h:4317"}]],
                "logs": [["otlp_http/logs", {"endpoint": "http://h:4317", "compression": "zstd"}]],
            }),
        ),
    ] {
        assert_eq!(exporters(&otlp(settings)), expected, "{settings:?}");
    }
}

#[test]
fn values_may_hold_references() {
    let loaded = load(&[
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT", "https://${env:HOST}:1"),
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_PROTOCOL", "${env:NONE:-grpc}"),
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_HEADERS", "a=Bearer ${env:${env:WHICH}},b=x,c=$$${env:HOST}$${d"),
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_TIMEOUT", "${env:MS}"),
        ("HOST", "h"),
        ("WHICH", "TOKEN"),
        ("TOKEN", "a,b=%41: \"$x\" ${"),
        ("MS", "250"),
    ]);
    let settings = &exporters(&loaded)["traces"][0][1];
    let headers = json!({"a": "Bearer a,b=%41: \"$x\" ${", "b": "x", "c": "$h${d"});
    assert_eq!(*settings, json!({"endpoint": "https://h:1", "headers": headers, "timeout": "250ms"}));
}

#[test]
fn a_reference_alone_may_be_the_whole_list() {
    let endpoint = ("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT", URL);
    let headers = |reference| {
        load(&[endpoint, ("OTELCOL_LAMBDA_EXPORTER_OTLP_HEADERS", reference), ("LIST", "a=%41,b=$c")])
    };
    assert_eq!(exporters(&headers("${env:LIST}"))["logs"][0][1]["headers"], json!({"a": "A", "b": "$c"}));
    assert_eq!(headers("${ssm:/a}").wanted, ["ssm:/a"]);
    let attributes = load(&[endpoint, ("OTELCOL_LAMBDA_RESOURCE_ATTRIBUTES", "${ssm:/a}")]);
    assert!(mistakes(&attributes)[0].contains("can't be fetched as a whole"), "{attributes:?}");
}

#[test]
fn xray_and_resource_attributes_are_known_by_several_names() {
    for prefix in ["", "EXPORTER_", "EXPORTER_OTLP_"] {
        let (xray, attributes) =
            (format!("OTELCOL_LAMBDA_{prefix}XRAY"), format!("OTELCOL_LAMBDA_{prefix}RESOURCE_ATTRIBUTES"));
        let loaded = load(&[(&xray, "True"), (&attributes, "a=1.10,b=${env:V},c=%24%7Bx%7D"), ("V", "0x1f")]);
        assert_eq!(exporters(&loaded), json!({"traces": [["awsxray", null]]}));
        assert_eq!(loaded.warnings.drain(), [""; 0]);
        let document = loaded.document.unwrap();
        let resource = document.component(Section::Processors, &"resource".parse().unwrap()).unwrap();
        let action = |key: &str, value: &str| json!({"key": key, "value": value, "action": "upsert"});
        let actions = [action("a", "1.10"), action("b", "0x1f"), action("c", "${x}")];
        assert_eq!(resource.read::<Value>().unwrap(), json!({"attributes": actions}));
    }
}

#[test]
fn a_mistake_names_its_variable_and_costs_nothing_else() {
    for (setting, value, says) in [
        (
            "PROTOCOL",
            "http/proto",
            "found `http/proto`; valid are grpc, http/protobuf and http/json; did you",
        ),
        (
            "PROTOCOL",
            "${ssm:/a}",
            "`${ssm:/a}` can't be had before anything is fetched; it counts as not set",
        ),
        (
            "COMPRESSION",
            "gzp",
            "found `gzp`; valid are gzip, zstd and none; did you mean gzip?; it counts as not",
        ),
        ("TIMEOUT", "10s", "found `10s`; expected milliseconds, such as 5000; it counts as not set"),
        ("TIMEOUT", "-1", "found `-1`; expected milliseconds"),
        ("INSECURE", "yes", "found `yes`; valid are true and false; it counts as not set"),
        ("HEADERS", "hush", "entry 1 is not usable; expected key=value,key=value"),
        ("HEADERS", "a b=hush", "`a b` is no name that a header can have"),
        ("HEADERS", "a=%FFhush", "entry 1 is not usable"),
        ("RESOURCE_ATTRIBUTES", "=hush", "entry 1 is not usable"),
        ("XRAY", "ja", "found `ja`; valid are true and false; it counts as not set"),
    ] {
        let mut loaded = otlp(&[("ENDPOINT", URL), (setting, value)]);
        let name = format!("OTELCOL_LAMBDA_EXPORTER_OTLP_{setting}: ");
        let [mistake] = &mistakes(&loaded)[..] else { panic!("{:?}", loaded.mistakes) };
        assert!(mistake.starts_with(&(name + says)) && !mistake.contains("hush"), "{mistake}");
        loaded.mistakes.clear();
        assert_eq!(exporters(&loaded)["logs"], json!([["otlp_http", {"endpoint": URL}]]));
    }
}

#[test]
fn what_a_component_finds_is_told_of_the_variable() {
    let loaded = otlp(&[("ENDPOINT", "${secretsmanager:a"), ("TRACES_HEADERS", "a=b,c=${oops:x}")]);
    let [endpoint, ..] = &mistakes(&loaded)[..] else { panic!("{:?}", loaded.mistakes) };
    assert!(endpoint.starts_with("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT: exporters."), "{endpoint}");
    let scheme =
        "OTELCOL_LAMBDA_EXPORTER_OTLP_TRACES_HEADERS: exporters.otlp_http/traces.headers.c: unknown scheme";
    assert!(mistakes(&loaded).iter().any(|it| it.starts_with(scheme)), "{:?}", loaded.mistakes);
}

#[test]
fn a_setting_of_nothing_is_a_mistake_and_telemetry_is_printed() {
    let mut loaded = otlp(&[("HEADERS", "a=b"), ("LOGS_TIMEOUT", "5")]);
    let found: Vec<_> = mistakes(&loaded).iter().map(|it| it.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(found, ["HEADERS", "LOGS_TIMEOUT"].map(|it| format!("OTELCOL_LAMBDA_EXPORTER_OTLP_{it}")));
    loaded.mistakes.clear();
    assert_eq!(exporters(&loaded)["logs"], json!([["debug", {"verbosity": "detailed"}]]));
}

#[test]
fn a_misspelt_variable_is_told_with_the_nearest() {
    for (name, says) in [
        ("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPONT", Some("did you mean OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT?")),
        ("OTELCOL_LAMBDA_EXPORTER_AWSXRAY", Some("did you mean OTELCOL_LAMBDA_EXPORTER_XRAY?")),
        ("OTELCOL_LAMBDA_RESOURCE_ATTRIBUTE", Some("did you mean OTELCOL_LAMBDA_RESOURCE_ATTRIBUTES?")),
        ("OTELCOL_LAMBDA_FLUSHTIMEOUT", Some("did you mean OTELCOL_LAMBDA_FLUSH_TIMEOUT?")),
        ("OTELCOL_LAMBDA_EXPORTER_KAFKA_BROKERS", Some("lists those that there are")),
        ("OTELCOL_LAMBDA_BINARY", None),
    ] {
        let warnings = load(&[(name, "x")]).warnings.drain();
        assert_eq!(warnings.len(), usize::from(says.is_some()), "{warnings:?}");
        assert!(warnings.iter().zip(says).all(|(said, says)| said.contains(says)), "{warnings:?}");
    }
}

#[test]
fn a_port_that_custom_gives_to_the_other_protocol_is_wondered_at() {
    for (settings, odd) in [
        (&[("ENDPOINT", "http://h:4317")][..], true),
        (&[("ENDPOINT", "http://h:4317/")], true),
        (&[("ENDPOINT", "http://h:4317"), ("PROTOCOL", "http/protobuf")], false),
        (&[("ENDPOINT", "http://h:4318")], false),
    ] {
        let warnings = otlp(settings).warnings.drain();
        assert_eq!(warnings.len(), usize::from(odd), "{warnings:?}");
    }
}

#[test]
fn beside_a_configuration_they_have_no_effect_and_that_is_told_once() {
    let env: Env = [("OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT", URL), ("ROTEL_X", "1")].into_iter().collect();
    let uris = vec!["yaml:{receivers: {otlp: }, exporters: {debug: }}".into()];
    let lookup = Lookup { uris, files: Vec::new(), built_in: super::built_in(&env) };
    let said = Document::load(&lookup, &Providers::new(&env)).warnings.drain();
    let expected = "OTELCOL_LAMBDA_EXPORTER_OTLP_ENDPOINT, ROTEL_X without effect, since the configuration is read from yaml:";
    assert_eq!(said, [expected]);
}

/// A header's and an attribute's value as components get them.
fn as_received(written: &str) -> (String, String) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Exporter {
        headers: Headers,
    }
    let list = format!("k={written}");
    let loaded = otlp(&[("ENDPOINT", URL), ("HEADERS", &list), ("RESOURCE_ATTRIBUTES", &list)]);
    assert_eq!(loaded.mistakes, []);
    let document = loaded.document.unwrap();
    let id = |id: &str| id.parse().unwrap();
    let exporter: Exporter =
        document.component(Section::Exporters, &id("otlp_http")).unwrap().read().unwrap();
    let resource: Value = document.component(Section::Processors, &id("resource")).unwrap().read().unwrap();
    let attribute = resource["attributes"][0]["value"].as_str().unwrap().to_owned();
    (exporter.headers.0[0].1.reveal().to_owned(), attribute)
}

proptest! {
    #[test]
    fn any_value_that_is_percent_encoded_arrives_as_it_is(value in any::<String>()) {
        let written = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC).to_string();
        prop_assert_eq!(as_received(&written), (value.clone(), value));
    }

    #[test]
    fn whatever_a_variable_holds_there_is_a_configuration(
        name in proptest::sample::select(super::variables::names()),
        value in r#"([$}{,=% "'\\#\n]|\PC|env:X)*"#,
    ) {
        let loaded = load(&[("OTELCOL_LAMBDA_EXPORTER_OTLP_TRACES_ENDPOINT", URL), (&name, &value)]);
        prop_assert!(loaded.document.is_some());
        let _ = super::dotenv::variables(&value);
    }

    #[test]
    fn a_value_without_commas_percents_and_braces_arrives_as_it_is(value in "[^,%{\0]*") {
        let value = value.trim();
        prop_assert_eq!(as_received(value), (value.to_owned(), value.to_owned()));
    }
}
