//! Whatever stands in a file or in the environment, reading it ends, and what is printed reads as the same again.

mod common;

use config::{Document, Env, Providers, Section};
use proptest::prelude::*;
use serde_json::Value;

/// Texts made of what YAML, references and configurations are made of.
fn text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => prop::sample::select(vec![
            "receivers", "exporters", "service", "pipelines", "traces", "otlp", "otlphttp", "debug", "endpoint",
            "headers", "timeout", "::", ":", ": ", ":\n", "\n", "\n  ", "\n    ", "\n- ", "  ", "-", "- ", "[", "]",
            "{", "}", ", ", "'", "\"", "${env:A}", "${env:B}", "${env:", "${A}", "$A", "$", "$$", "${", "${yaml:", "}",
            "<<: ", "*a", "&a ", "!!int ", "!x ", "#", "|\n", ">\n", "? ", "---\n", "...\n", "\t", "\r\n", "%YAML 1.2\n",
            "5s", "5", "0x1", "-1", "1e9", "true", "null", "~", "\u{feff}", "\u{0}", "é", "😀",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

fn load(text: &str, env: &Env) {
    let loaded = Document::parse(text, "a.yaml", &Providers::new(env));
    if let Some(document) = &loaded.document {
        for section in Section::ALL {
            for (_, node) in document.components(section) {
                let _ = node.read::<Value>();
            }
        }
        let printed = document.to_yaml();
        let again = Document::parse(&printed, "b.yaml", &Providers::new(&Env::default()));
        let again = again.document.unwrap_or_else(|| panic!("{printed}\n{:?}", again.mistakes));
        assert_eq!(again.to_yaml(), printed);
    }
    common::report(loaded, true);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_and_any_environment_are_read_without_a_panic(file in text(), a in text(), b in text()) {
        load(&file, &[("A", a), ("B", b)].into_iter().collect());
    }

    #[test]
    fn any_value_in_a_sound_file_is_read_without_a_panic(value in text(), a in text()) {
        let value = value.replace('\n', "\n      ");
        let file = format!("exporters:\n  otlphttp:\n    headers:\n      a: {value}\n    timeout: ${{env:A}}\nservice:\n");
        load(&file, &[("A", a)].into_iter().collect());
    }
}

#[test]
fn deep_nesting_is_a_mistake_and_no_overflow_of_the_stack() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "a:\n".to_owned() + &(1..2000).map(|depth| " ".repeat(depth) + "a:\n").collect::<String>(),
        "a::".repeat(100_000) + " b",
        format!("a: {}", "${".repeat(100_000)),
        format!("a: {}", "${env:A}".repeat(20_000)),
    ] {
        let env: Env = [("A", "x${env:B}"), ("B", "y")].into_iter().collect();
        let loaded = Document::parse(&text, "a.yaml", &Providers::new(&env));
        assert!(!loaded.mistakes.is_empty(), "{}", &text[..20]);
    }
}
