//! `${env:NAME}` and its friends, by the rules measured on the Go layer.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

use std::rc::Rc;

use config::{Document, Env, Mistakes, Node, Provider, Providers};
use serde_json::{Value, json};

fn env() -> Env {
    [
        ("URL", "http://localhost:4318"),
        ("WHICH", "URL"),
        ("HOST", "localhost"),
        ("PORT", "4318"),
        ("KEY", "0123"),
        ("FLAG", "true"),
        ("EMPTY", ""),
        ("BLANK", " "),
        ("MAP", "{verbosity: detailed, n: 0123}"),
        ("LIST", "[a, 2]"),
        ("JSON", r#"{"a": 1}"#),
        ("TO_URL", "${env:URL}"),
        ("TO_KEY", "${env:KEY}"),
        ("MAP_OF_URL", "{url: '${env:URL}', old: '${URL}'}"),
        ("ITSELF", "${env:ITSELF}"),
        ("PAIR", "x${env:PAIR}${env:PAIR}"),
        ("LISTS", "[${env:LISTS}, '${env:LISTS}']"),
        ("DOLLARS", "a$$b$c"),
        ("OPEN", "a${env:b"),
        ("QUOTED", "\"x\""),
        ("BROKEN", "{unclosed"),
        ("COLON", "a: b"),
        ("LINES", "a\nb"),
        ("HASH", "#abc"),
        ("STAR", "*abc"),
        ("BANG", "!abc def"),
        ("DATE", "2026-01-01"),
        ("NULL", "null"),
    ]
    .into_iter()
    .collect()
}

/// What `value` is, read as whatever it is, and read as a text.
fn both(value: &str) -> Result<(Value, Option<String>), Mistakes> {
    let node = Node::parse(&format!("x: {value}"), &env())?.get("x").unwrap();
    Ok((node.read()?, node.read::<String>().ok()))
}

#[test]
fn a_reference_alone_is_a_value_of_any_kind_that_keeps_its_text() {
    for (value, any, text) in [
        ("${env:URL}", json!("http://localhost:4318"), Some("http://localhost:4318")),
        ("'${env:KEY}'", json!(83), Some("0123")),
        ("${env:FLAG}", json!(true), Some("true")),
        ("${env:EMPTY}", json!(null), Some("")),
        ("${env:BLANK}", json!(null), Some(" ")),
        ("${env:UNSET}", json!(null), Some("")),
        ("${env:NULL}", json!(null), Some("null")),
        ("${env:MAP}", json!({"verbosity": "detailed", "n": 83}), Some("{verbosity: detailed, n: 0123}")),
        ("${env:LIST}", json!(["a", 2]), Some("[a, 2]")),
        ("'${env:JSON}'", json!({"a": 1}), Some(r#"{"a": 1}"#)),
        ("${env:QUOTED}", json!("\"x\""), Some("\"x\"")),
        ("${env:BROKEN}", json!("{unclosed"), Some("{unclosed")),
        ("${env:COLON}", json!({"a": "b"}), Some("a: b")),
        ("${env:LINES}", json!("a\nb"), Some("a\nb")),
        ("${env:HASH}", json!(null), Some("#abc")),
        ("${env:STAR}", json!("*abc"), Some("*abc")),
        ("${env:BANG}", json!("!abc def"), Some("!abc def")),
        ("${env:DATE}", json!("2026-01-01"), Some("2026-01-01")),
        ("${env:TO_URL}", json!("http://localhost:4318"), Some("http://localhost:4318")),
        ("${env:TO_KEY}", json!(83), Some("0123")),
        (
            "${env:MAP_OF_URL}",
            json!({"url": "http://localhost:4318", "old": "${URL}"}),
            Some("{url: 'http://localhost:4318', old: '${URL}'}"),
        ),
        ("'${yaml:[1, 2]}'", json!([1, 2]), Some("[1, 2]")),
        ("${env:DOLLARS}", json!("a$b$c"), Some("a$b$c")),
        ("${env:OPEN}", json!("a${env:b"), Some("a${env:b")),
    ] {
        let (found, found_text) = both(value).unwrap();
        assert_eq!((found, found_text.as_deref()), (any, text), "{value}");
    }
}

#[test]
fn references_inside_a_text_give_a_text() {
    for (value, text) in [
        ("http://${env:HOST}:${env:PORT}", "http://localhost:4318"),
        ("${env:${env:WHICH}}/v1", "http://localhost:4318/v1"),
        ("${env:UNSET:-http://other}", "http://other"),
        ("${env:URL:-http://other}", "http://localhost:4318"),
        ("${env:EMPTY:-other}", ""),
        ("${env:UNSET:-}", ""),
        ("${env:UNSET:-a:-b}", "a:-b"),
        ("${env:UNSET:-${env:HOST}}", "localhost"),
        ("Bearer ${env:UNSET}", "Bearer "),
        ("${env:KEY}${env:KEY}", "01230123"),
        ("a ${env:JSON}", r#"a {"a": 1}"#),
        ("a ${env:TO_URL}", "a http://localhost:4318"),
        ("pa$$word", "pa$word"),
        ("pa$word", "pa$word"),
        ("$${env:A}", "${env:A}"),
        ("$$$${env:A}", "$${env:A}"),
        ("$$${env:KEY}", "$0123"),
        ("${1} $1 ${a b} ${}", "${1} $1 ${a b} ${}"),
        ("${yaml:a}${yaml:b}", "ab"),
    ] {
        assert_eq!(both(value).unwrap().1.as_deref(), Some(text), "{value}");
    }
}

#[test]
fn the_old_forms_stand_for_the_environment_and_are_warned_of_once() {
    let text = "{a: '${URL}', b: $URL, c: '${URL}', d: '$HOST:${PORT}', e: '${UNSET:-x}', f: '${UNSET}', g: $UNSET, h: $KEY, i: 'Bearer $UNSET', j: 'pa$word $LATEST $1', k: '${${env:WHICH}}'}";
    let node = Node::parse(text, &env()).unwrap();
    assert_eq!(
        node.read::<Value>().unwrap(),
        json!({
            "a": "http://localhost:4318", "b": "http://localhost:4318", "c": "http://localhost:4318",
            "d": "localhost:4318", "e": "x", "f": null, "g": null, "h": 83, "i": "Bearer ",
            "j": "pa$word $LATEST $1", "k": "http://localhost:4318",
        })
    );
    let warnings = node.warnings().drain();
    for (found, instead) in [
        ("${URL}", "write ${env:URL}"),
        ("$URL", "write ${env:URL}"),
        ("$HOST", "write ${env:HOST}"),
        ("${PORT}", "write ${env:PORT}"),
        ("${UNSET:-...}", "write ${env:UNSET:-...}"),
        ("${UNSET}", "not set and counts as empty; for the characters themselves write $${UNSET}"),
        ("$UNSET", "not set and counts as empty; for the characters themselves write $$UNSET"),
        ("$KEY", "write ${env:KEY}"),
    ] {
        let about = |warning: &&String| warning.contains(&format!("{found} ")) && warning.ends_with(instead);
        assert_eq!(warnings.iter().filter(about).count(), 1, "{found}: {warnings:#?}");
    }
    assert_eq!(warnings.len(), 8);
}

#[test]
fn what_can_not_be_resolved_is_a_mistake_of_its_place_alone() {
    for (value, message) in [
        ("${env:NO-NAME}", "`NO-NAME` is no name of an environment variable"),
        ("${env:}", "`` is no name"),
        ("${env:1A}", "`1A` is no name"),
        ("${env:ITSELF}", "refers to itself"),
        ("a ${env:PAIR}", "refers to itself"),
        (
            "${ENV:HOST}",
            "unknown scheme ENV:; valid are env, file, yaml, arn, http, https, s3, secretsmanager and ssm; did you mean env?",
        ),
        ("${ env:HOST }", "blanks inside ${...}"),
        ("${a_b:c}", "inside ${...} stands scheme:value"),
        ("${env:A", "is never closed"),
        ("${env:A$$B}", "a $ has no meaning inside ${env:...}"),
        ("${file:/does/not/exist}", "can't read the file `/does/not/exist`: no such file"),
        ("${${${${${${${${${${${${${${${${${${${${${a}}}}}}}}}}}}}}}}}}}}}", "nested too deeply"),
    ] {
        let mistakes = both(value).unwrap_err();
        assert_eq!(mistakes.0.len(), 1, "{value}: {mistakes}");
        assert!(mistakes.0[0].text.starts_with("inline:1:4: x: "), "{value}: {mistakes}");
        assert!(mistakes.0[0].text.contains(message), "{value}: {mistakes}");
    }
}

#[test]
fn values_that_multiply_without_end_are_cut_short() {
    let mistakes = both("${env:LISTS}").unwrap_err();
    assert!(mistakes.0.len() <= 100);
}

#[test]
fn a_file_gives_a_token_without_its_line_end_or_a_whole_subtree_with_its_own_places() {
    let folder = std::env::temp_dir().join(format!("config-expand-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        format!("${{file:{}}}", folder.join(name).display())
    };
    let token = write("token", "0123\r\n");
    let tree = write("tree.yaml", "a: ${URL}\nb:\n  c: ${env:NO-NAME}\n");
    assert_eq!(both(&token).unwrap(), (json!(83), Some("0123".into())));
    assert_eq!(both(&format!("Bearer {token}")).unwrap().1.as_deref(), Some("Bearer 0123"));
    let mistakes = both(&tree).unwrap_err().to_string();
    assert!(mistakes.contains("tree.yaml:3:6: x.b.c: `NO-NAME` is no name"), "{mistakes}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn another_provider_plugs_in_without_the_parser_knowing() {
    struct Fixed(Rc<str>);
    impl Provider for Fixed {
        fn scheme(&self) -> &'static str {
            "vault"
        }
        fn fetch(&self, rest: &str) -> Result<Option<String>, String> {
            if rest == "/key" { Ok(Some(self.0.to_string())) } else { Err(format!("there is no {rest}")) }
        }
    }
    let providers = Providers::new(&env()).with(Box::new(Fixed("{verbosity: detailed}".into())));
    let loaded =
        Document::parse("exporters:\n  debug: ${vault:/key}\n  debug/2: ${vault:/no}", "a.yaml", &providers);
    let debug =
        loaded.document.unwrap().component(config::Section::Exporters, &"debug".parse().unwrap()).cloned();
    assert_eq!(debug.unwrap().read::<Value>().unwrap(), json!({"verbosity": "detailed"}));
    assert_eq!(loaded.mistakes[0].text, "a.yaml:3:12: exporters.debug/2: there is no /no");
}
