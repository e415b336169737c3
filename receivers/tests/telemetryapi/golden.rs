//! Each kind of event and each runtime's lines, in every version of the platform's schema: `golden/*.in.json` goes in,
//! the log records of `golden/*.logs.jsonl` come out.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::harness::play;

#[test]
fn events_become_the_log_records_that_are_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/telemetryapi/golden");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut inputs: Vec<_> = files.filter(|file| file.to_string_lossy().ends_with(".in.json")).collect();
    inputs.sort();
    assert!(inputs.len() > 10);
    for input in inputs {
        let case: Value = serde_json::from_slice(&std::fs::read(&input).unwrap()).unwrap();
        let mut found = String::new();
        for mut record in play(&case).records() {
            record["observedTimeUnixNano"] = json!("NOW");
            writeln!(found, "{record}").unwrap();
        }
        let output = input.to_str().unwrap().replace(".in.json", ".logs.jsonl");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&output, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&output).unwrap_or_default();
        assert_eq!(found, expected, "{output}: if the new records are better, run with UPDATE_GOLDEN=1");
    }
}
