//! Nodes read into types, as components do.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

use std::collections::BTreeMap;
use std::time::Duration;

use config::{Env, Headers, Node, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    endpoint: String,
    headers: Headers,
    #[serde(deserialize_with = "config::duration")]
    timeout: Duration,
    retry: Retry,
    port: u16,
    ratio: f64,
    compression: Compression,
    types: Vec<String>,
    token: Option<Secret>,
    grpc: Option<Retry>,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Retry {
    enabled: bool,
    attempts: Option<i32>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Compression {
    None,
    Gzip,
}

impl Default for Retry {
    fn default() -> Self {
        Retry { enabled: true, attempts: None }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            endpoint: "default".into(),
            headers: Headers::default(),
            timeout: Duration::from_secs(5),
            retry: Retry::default(),
            port: 4317,
            ratio: 0.5,
            compression: Compression::Gzip,
            types: vec!["all".into()],
            token: None,
            grpc: None,
            labels: BTreeMap::new(),
        }
    }
}

fn env() -> Env {
    [
        ("KEY", "0123"),
        ("JSON", r#"{"a": 1}"#),
        ("EMPTY", ""),
        ("N", "7"),
        ("TOKEN", "hush"),
        ("FLAG", "false"),
    ]
    .into_iter()
    .collect()
}

fn read(text: &str) -> Settings {
    Node::parse(text, &env()).unwrap().read().unwrap()
}

fn mistakes(text: &str) -> String {
    Node::parse(text, &env()).unwrap().read::<Settings>().unwrap_err().to_string()
}

fn revealed(headers: &Headers) -> Vec<(&str, &str)> {
    headers.0.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect()
}

#[test]
fn null_is_the_default_everywhere() {
    assert_eq!(read(""), Settings::default());
    assert_eq!(
        read(
            "endpoint:\nheaders:\ntimeout:\nretry:\nport:\nratio:\ncompression:\ntypes:\ntoken:\nlabels: ~\n"
        ),
        Settings::default()
    );
}

#[test]
fn a_tag_of_yaml_decides_what_a_scalar_is_and_a_lone_exclamation_mark_does_not() {
    for (text, value) in [
        ("!!float 5", json!(5.0)),
        ("!!float '0x10'", json!(16.0)),
        ("!!int '5'", json!(5)),
        ("!!str 5", json!("5")),
        ("!!str", json!("")),
        ("! 5", json!(5)),
        ("! '5'", json!("5")),
        ("!other 5", json!("5")),
    ] {
        let node = Node::parse(&format!("v: {text}"), &env()).unwrap();
        assert_eq!(node.get("v").unwrap().read::<Value>().unwrap(), value, "{text}");
    }
}

#[test]
fn the_further_lines_of_a_text_in_quotes_may_stand_anywhere() {
    for (text, value) in [
        ("v: \"a\nb\"", "a b"),
        ("\u{feff}# é\nk:\n  v: 1\nv: 'a\n\n b\nc'\nw: 1", "a\nb c"),
        ("v: \"-----BEGIN-----\r\nabc\r\n-----END-----\"\r\nw: 1", "-----BEGIN----- abc -----END-----"),
        ("w: {a: 'x\ny'}\nv: 'a\nb: c'", "a b: c"),
    ] {
        let node = Node::parse(text, &env()).unwrap();
        assert_eq!(node.get("v").unwrap().read::<String>().unwrap(), value, "{text:?}");
    }
    let open = Node::parse("v: 'a\nw: 1\nx: 2\n", &env()).unwrap_err().to_string();
    assert_eq!(open, "inline:1:4: the quote that opens here is not closed in this line");
}

#[test]
fn a_null_map_in_an_option_is_there_with_all_defaults() {
    assert_eq!(read("grpc:").grpc, Some(Retry::default()));
    assert_eq!(read("port: 1").grpc, None);
}

#[test]
fn a_text_field_takes_any_scalar_as_it_was_written() {
    for (text, endpoint) in [
        ("endpoint: 0123", "0123"),
        ("endpoint: true", "true"),
        ("endpoint: 1.50", "1.50"),
        ("endpoint: 2026-01-01", "2026-01-01"),
        ("endpoint: 0o17", "0o17"),
        ("endpoint: 'null'", "null"),
        ("endpoint: ''", ""),
        ("endpoint: ${env:KEY}", "0123"),
        ("endpoint: '${env:JSON}'", r#"{"a": 1}"#),
        ("endpoint: ${env:EMPTY}", ""),
        ("endpoint: ${env:UNSET}", ""),
        ("endpoint: !secret x", "x"),
    ] {
        assert_eq!(read(text).endpoint, endpoint, "{text}");
    }
}

#[test]
fn headers_are_a_map_or_a_list_of_pairs_in_their_order() {
    for text in [
        "headers: {b: 1, a: '${env:KEY}', c: }",
        "headers: [{name: b, value: 1}, {name: a, value: '${env:KEY}'}, {name: c, value: }]",
        "headers: [{name: b, value: 1}, {name: a, value: '${env:KEY}'}, {name: c}]",
    ] {
        assert_eq!(revealed(&read(text).headers), [("b", "1"), ("a", "0123"), ("c", "")], "{text}");
    }
}

#[test]
fn a_value_from_the_environment_has_the_type_that_yaml_gives_it() {
    let settings = read(
        "{port: '${env:N}', retry: {enabled: '${env:FLAG}', attempts: \"${env:N}\"}, labels: '${env:JSON}'}",
    );
    assert_eq!(settings.port, 7);
    assert_eq!(settings.retry, Retry { enabled: false, attempts: Some(7) });
    assert_eq!(settings.labels, BTreeMap::from([("a".into(), "1".into())]));
}

#[test]
fn all_mistakes_come_at_once_with_place_path_and_what_is_valid() {
    let text = "\
endpont: x
port: 99999
retry:
  enabled: yes
  atempts: 3
timeout: 5 seconds
types: [a, {b: c}, ]
compression: gzp
ratio: half
";
    assert_eq!(
        mistakes(text).lines().collect::<Vec<_>>(),
        [
            "inline:1:1: endpont: unknown key; valid are endpoint, headers, timeout, retry, port, ratio, compression, \
             types, token, grpc and labels; did you mean endpoint?",
            "inline:2:7: port: found the number 99999; expected a whole number from 0 to 65535",
            "inline:4:12: retry.enabled: found the text \"yes\"; expected true or false",
            "inline:5:3: retry.atempts: unknown key; valid are enabled and attempts; did you mean attempts?",
            "inline:6:10: timeout: found the text \"5 seconds\"; expected a duration such as 200ms, 5s or 1m30s",
            "inline:7:12: types[1]: found a map; expected a text",
            "inline:8:14: compression: found the text \"gzp\"; valid are none and gzip; did you mean gzip?",
            "inline:9:8: ratio: found the text \"half\"; expected a number",
        ]
    );
}

#[test]
fn an_unknown_key_without_a_value_is_a_mistake_too() {
    assert!(mistakes("endpont:").starts_with("inline:1:1: endpont: unknown key"));
}

#[test]
fn no_mistake_quotes_a_secret() {
    for text in [
        "headers: {api-key: [hush]}",
        "headers: [hush]",
        "headers: hush",
        "token: [hush]",
        "port: ${env:TOKEN}",
        "retry: {enabled: '${env:TOKEN}'}",
        "timeout: ${env:TOKEN}",
        "compression: ${env:TOKEN}",
        "labels: ${env:TOKEN}",
        "types: ${env:TOKEN}",
    ] {
        let said = mistakes(text);
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn what_a_component_says_itself_quotes_no_more_of_it() {
    let env = Env::from_iter([("TOKEN", "hu\"sh\nhush"), ("ONE", "1")]);
    let node = Node::parse("{a: ['${env:TOKEN}'], one: '${env:ONE}', written: hush}", &env).unwrap();
    let token = "hu\"sh\nhush";
    let said = |key: &str, message: String| {
        node.warn(key, &message);
        let warned = node.warnings().drain().join("");
        assert_eq!(node.mistake(key, message).to_string(), warned);
        warned
    };
    let expected = "inline:1:6: a[0]: found *** and \"***\" in 1 hush";
    assert_eq!(said("a[0]", format!("found {token} and {token:?} in 1 hush")), expected);
    assert_eq!(said("", format!("found {token}")), "inline:1:1: found ***");
    assert_eq!(said("one", "found 1; expected 10".into()), "inline:1:28: one: found 1; expected 10");
    assert_eq!(said("written", "found hush".into()), "inline:1:51: written: found hush");
}

#[test]
fn a_secret_is_never_printed() {
    let settings = read("{token: hush, headers: {a: hush}}");
    assert_eq!(settings.token.as_ref().unwrap().reveal(), "hush");
    assert!(!format!("{settings:?}").contains("hush"));
}

#[test]
fn a_duration_without_unit_is_taken_as_seconds_with_a_warning() {
    let node = Node::parse("timeout: 5", &env()).unwrap();
    assert_eq!(node.read::<Settings>().unwrap().timeout, Duration::from_secs(5));
    assert_eq!(
        node.warnings().drain(),
        [
            "inline:1:10: timeout: found the number 5; a number without unit is taken as seconds here; write 5s"
        ]
    );
}

#[test]
fn a_component_s_own_mistake_has_the_place_of_the_key_or_what_is_nearest_above() {
    let node = Node::parse("tls:\n  ca_file: x\nactions:\n- key: a\n- key: b", &env()).unwrap();
    for (key, text) in [
        ("tls.ca_file", "inline:2:12: tls.ca_file: wrong"),
        ("tls.key_file", "inline:2:3: tls.key_file: wrong"),
        ("actions[1].key", "inline:5:8: actions[1].key: wrong"),
        ("", "inline:1:1: wrong"),
    ] {
        assert_eq!(node.mistake(key, "wrong").to_string(), text);
    }
}
