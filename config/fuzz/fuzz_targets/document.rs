//! Any text as a configuration, the part behind the first NUL as the environment variable `A`.
#![no_main]

use config::{Document, Env, Providers, Section};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &str| {
    let (file, a) = input.split_once('\0').unwrap_or((input, ""));
    if file.contains("file:") || a.contains("file:") {
        return; // A fuzzer must not read what it names.
    }
    let env: Env = [("A", a)].into_iter().collect();
    let loaded = Document::parse(file, "a.yaml", &Providers::new(&env));
    let Some(document) = loaded.document else {
        assert!(!loaded.mistakes.is_empty());
        return;
    };
    for section in Section::ALL {
        for (_, node) in document.components(section) {
            let _ = node.read::<Value>();
        }
    }
    let printed = document.to_yaml();
    let again = Document::parse(&printed, "b.yaml", &Providers::new(&Env::default())).document;
    assert_eq!(again.map(|again| again.to_yaml()), Some(printed));
    let _ = document.without(&loaded.mistakes);
});
