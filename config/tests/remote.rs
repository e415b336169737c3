//! Texts that come over the network: what is asked for, and what becomes of the answers.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

use config::{Answers, BuiltIn, Document, Env, Headers, Loaded, Lookup, Node, Providers, Section};
use serde_json::{Value, json};

const PIPELINE: &str = "
receivers: {otlp: }
exporters: {debug: {a: VALUE}, debug/unused: {a: '${ssm:/unused}'}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}";

fn env() -> Env {
    Env::from_iter([("ARN", "arn:aws:x"), ("MAP", "{b: '${ssm:/in/map}'}")])
}

fn answers<const N: usize>(answers: [(&str, &str); N]) -> Answers {
    answers.into_iter().map(|(uri, text)| (uri.to_owned(), Ok(Some(text.to_owned())))).collect()
}

fn load(value: &str, answers: Answers) -> Loaded {
    Document::parse(&PIPELINE.replace("VALUE", value), "a.yaml", &Providers::new(&env()).answering(answers))
}

fn debug(loaded: &Loaded) -> Node {
    loaded
        .document
        .as_ref()
        .unwrap()
        .component(Section::Exporters, &"debug".parse().unwrap())
        .unwrap()
        .clone()
}

/// What `value` is with these answers, read as whatever it is, and read as a text.
fn both(value: &str, given: Answers) -> (Value, Option<String>) {
    let loaded = load(value, given);
    assert_eq!((&loaded.mistakes, &loaded.wanted), (&vec![], &vec![]));
    let node = debug(&loaded).get("a").unwrap();
    (node.read().unwrap(), node.read().ok())
}

#[test]
fn what_a_used_component_refers_to_is_wanted_innermost_first_and_nothing_else() {
    for (value, wanted) in [
        ("'${ssm:/a}'", &["ssm:/a"][..]),
        ("'${secretsmanager:${env:ARN}#k} ${ssm:/a} ${ssm:/a}'", &["secretsmanager:arn:aws:x#k", "ssm:/a"]),
        ("'${secretsmanager:${ssm:${s3://b/k}}#k}'", &["s3://b/k"]),
        ("'${env:MAP}'", &["ssm:/in/map"]),
        ("'x ${env:MAP}'", &["ssm:/in/map"]),
        ("1", &[]),
    ] {
        let loaded = load(value, Answers::new());
        assert_eq!(
            (loaded.mistakes, loaded.wanted),
            (vec![], wanted.iter().map(|it| it.to_string()).collect())
        );
    }
}

#[test]
fn nothing_is_wanted_for_the_default_of_a_variable_that_is_set() {
    for value in
        ["'${env:ARN:-${secretsmanager:${env:NOT_SET}}}'", "'${ARN:-${ssm:/a}}'", "'${env:ARN:-${vault:a}}'"]
    {
        let loaded = load(value, Answers::new());
        assert_eq!((&loaded.mistakes, &loaded.wanted), (&vec![], &vec![]), "{value}");
        assert!(!loaded.warnings.drain().concat().contains("NOT_SET"), "{value}");
        assert_eq!(both(value, Answers::new()).1.unwrap(), "arn:aws:x");
    }
    let unset = "'${env:NOT_SET:-${secretsmanager:${env:ARN}}}'";
    assert_eq!(load(unset, Answers::new()).wanted, ["secretsmanager:arn:aws:x"]);
    assert_eq!(both(unset, answers([("secretsmanager:arn:aws:x", "hush")])).1.unwrap(), "hush");
}

#[test]
fn references_three_deep_are_answered_one_after_the_other() {
    let value = "'${secretsmanager:${ssm:${s3://b/k}}#k}'";
    let mut known = answers([("s3://b/k", "/name\n")]);
    assert_eq!(load(value, known.clone()).wanted, ["ssm:/name"]);
    known.extend(answers([("ssm:/name", "id")]));
    assert_eq!(load(value, known.clone()).wanted, ["secretsmanager:id#k"]);
    known.extend(answers([("secretsmanager:id#k", "hush")]));
    assert_eq!(both(value, known).1.unwrap(), "hush");
}

#[test]
fn a_secret_is_the_value_that_it_is() {
    for hostile in [
        "a: b",
        "\"x",
        "'x'",
        "a\nb\n",
        "pa$$word",
        "${env:ARN}",
        "$ARN",
        "${",
        "#abc",
        "*abc",
        "&abc",
        "!abc",
        "- x",
        "~",
        "null",
        "0123",
        "yes",
        "{unclosed",
        "%",
        "@x",
        "|",
        "> x",
        "\u{feff}x",
        " x ",
        "a #b",
        "",
        "---",
    ] {
        let given = answers([("ssm:/a", hostile)]);
        assert_eq!(both("'${ssm:/a}'", given.clone()).1.as_deref(), Some(hostile));
        assert_eq!(both("'<${ssm:/a}>'", given).1.unwrap(), format!("<{hostile}>"));
    }
    assert_eq!(both("'${ssm:/a}'", answers([("ssm:/a", "#abc")])).0, json!("#abc"));
    assert_eq!(both("'${ssm:/a}'", answers([("ssm:/a", "null")])).0, json!("null"));
}

#[test]
fn a_secret_may_also_be_a_number_a_list_or_a_map() {
    for (text, value) in [
        ("true", json!(true)),
        ("12", json!(12)),
        ("[a, 2]", json!(["a", 2])),
        (r#"{"k": "pa$$word", "l": "${env:ARN}"}"#, json!({"k": "pa$$word", "l": "${env:ARN}"})),
    ] {
        assert_eq!(both("'${secretsmanager:a}'", answers([("secretsmanager:a", text)])).0, value);
    }
}

#[test]
fn a_document_from_the_network_may_hold_references_of_its_own() {
    let given = answers([("https://h/a", "b: ${env:ARN}\nc: ${ssm:/x}\n"), ("ssm:/x", "y")]);
    assert_eq!(both("'${https://h/a}'", given).0, json!({"b": "arn:aws:x", "c": "y"}));
}

#[test]
fn what_can_not_be_had_costs_the_component_that_needs_it_and_says_why() {
    let denied =
        Answers::from([("secretsmanager:arn:aws:x".into(), Err("the secret arn:aws:x: denied".into()))]);
    let loaded = load("'${secretsmanager:${env:ARN}}'", denied);
    let expected = "a.yaml:3:24: exporters.debug.a: the secret arn:aws:x: denied";
    assert_eq!(loaded.unfetched.iter().map(|mistake| mistake.text.as_str()).collect::<Vec<_>>(), [expected]);
    let mut known = answers([("ssm:/token", "hush")]);
    known.insert("secretsmanager:hush".into(), Err("the secret hush: denied".into()));
    let loaded = load("'${secretsmanager:${ssm:/token}}'", known);
    assert!(!loaded.unfetched[0].text.contains("hush"), "{}", loaded.unfetched[0]);
}

#[test]
fn secrets_are_printed_nowhere_and_what_is_not_fetched_as_it_was_written() {
    let given = answers([("ssm:/a", "hush"), ("ssm:/m", "{user: hush}")]);
    let value = "{x: '${ssm:/a}', y: 'a ${ssm:/a}', z: '${ssm:/m}'}";
    let yaml = load(value, given.clone()).document.unwrap().to_yaml();
    assert!(!yaml.contains("hush") && yaml.contains("user: '***'"), "{yaml}");
    let asked = "{token: '${ssm:/${env:ARN}}', h: 'Bearer ${ssm:/b}', password: 'p ${ssm:/b}'}";
    let yaml = load(asked, Answers::new()).document.unwrap().to_yaml();
    for line in ["token: \"${ssm:/${env:ARN}}\"", "h: \"Bearer ${ssm:/b}\"", "password: '***'"] {
        assert!(yaml.contains(line), "{yaml}");
    }
    let loaded = load("'${ssm:/a}'", answers([("ssm:/a", "hush")]));
    let mistake = debug(&loaded).get("a").unwrap().read::<u16>().unwrap_err().to_string();
    assert!(!mistake.contains("hush"), "{mistake}");
}

#[test]
fn a_value_that_is_not_there_yet_is_no_mistake() {
    for text in [
        "exporters: '${s3://b/exporters}'\nreceivers: {otlp: }\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}",
        "exporters: {debug: }\nreceivers: {otlp: }\nservice: '${s3://b/service}'",
        "exporters: {debug: }\nreceivers: {otlp: }\nservice: {pipelines: {traces: {receivers: [otlp], exporters: '${ssm:/list}'}}}",
        "exporters: {debug: }\nreceivers: {otlp: }\nservice: {telemetry: {logs: {level: '${ssm:/level}'}}, pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}",
    ] {
        let loaded = Document::parse(text, "a.yaml", &Providers::new(&env()));
        assert_eq!((loaded.mistakes, loaded.wanted.len()), (vec![], 1), "{text}");
        let document = loaded.document.unwrap().without(&[]);
        assert_eq!((loaded.warnings.drain(), document.unanswered().count()), (vec![], 1));
    }
    let loaded = load("'${ssm:/a}'", Answers::new());
    let mistakes = debug(&loaded).get("a").unwrap().read::<u16>().unwrap_err().0;
    assert!(mistakes.iter().all(|it| loaded.document.as_ref().unwrap().is_about_unanswered(it)));
}

#[test]
fn headers_may_be_one_secret_a_map_or_a_list_as_opentelemetry_s_variables_have_it() {
    let headers = |text: &str| {
        let loaded = load("'${ssm:/a}'", answers([("ssm:/a", text)]));
        let headers = debug(&loaded).get("a").unwrap().read::<Headers>();
        headers.map(|it| {
            it.0.iter().map(|(key, value)| format!("{key}: {}", value.reveal())).collect::<Vec<_>>()
        })
    };
    for (text, expected) in [
        (r#"{"a": "b,c=d", "e": 5}"#, &["a: b,c=d", "e: 5"][..]),
        ("Authorization=Basic%20YTpi==, x=1,", &["Authorization: Basic YTpi==", "x: 1"]),
        ("a=b #c", &["a: b #c"]),
        ("", &[]),
    ] {
        assert_eq!(headers(text).unwrap(), expected, "{text}");
    }
    for text in ["hush", "=hush", "a=b,hush", "a=%ffhush", "[hush]", "7"] {
        let mistakes = headers(text).unwrap_err().to_string();
        assert!(mistakes.contains("exporters.debug.a") && !mistakes.contains("hush"), "{mistakes}");
    }
    let written = load("a=b", Answers::new());
    assert!(debug(&written).get("a").unwrap().read::<Headers>().is_err(), "in a file it is a slip");
}

#[test]
fn whole_configurations_are_wanted_side_by_side_and_merged_in_order() {
    let uris = vec!["https://u:hush@h/a?k=hush".to_owned(), "s3://b/k".to_owned()];
    let lookup = Lookup { uris: uris.clone(), files: Vec::new(), built_in: BuiltIn::default() };
    let loaded = Document::load(&lookup, &Providers::new(&env()));
    assert_eq!((loaded.wanted, loaded.mistakes), (uris.clone(), vec![]));
    let base = PIPELINE.replace("VALUE", "1");
    let given =
        answers([(uris[0].as_str(), base.as_str()), ("s3://b/k", "exporters: {debug: {a: 2}}\nodd: 1")]);
    let loaded = Document::load(&lookup, &Providers::new(&env()).answering(given));
    assert_eq!(debug(&loaded).get("a").unwrap().read::<u8>().unwrap(), 2);
    assert_eq!(loaded.sources, ["https://***@h/a", "s3://b/k"]);
    assert!(loaded.mistakes[0].text.starts_with("s3://b/k:2:1: odd: "), "{}", loaded.mistakes[0]);
    let failed = Answers::from([("s3://b/k".into(), Err("s3://b/k: 404".into()))]);
    let loaded = Document::load(&lookup, &Providers::new(&env()).answering(failed));
    assert_eq!(loaded.mistakes[0].text, "--config: s3://b/k: 404");
}
