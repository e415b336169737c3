//! What is said about broken configurations, word by word: `golden/*.yaml` and `golden/*.expected`.

mod common;

use std::path::Path;

use config::Env;

#[test]
fn every_broken_configuration_is_explained_as_expected() {
    let env: Env =
        [("TOKEN", "hush-hush"), ("EMPTY", ""), ("LEVEL", "debug"), ("OLD", "http://localhost:4318")]
            .into_iter()
            .collect();
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(".").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() > 10);
    for file in files {
        let file = file.strip_prefix(".").unwrap();
        let report = common::report(common::load(file, &env), true);
        assert!(!report.contains("hush-hush"), "{}: a secret is printed", file.display());
        common::assert_golden(&file.with_extension("expected"), &report);
    }
}
