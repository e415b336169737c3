//! The Go Lambda layer's verdict (release 0.22.0, measured) on small configurations, and ours on their structure.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

mod common;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use config::Env;

struct Row {
    file: String,
    env: Env,
    starts: bool,
    point: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go-layer")
}

fn rows() -> Vec<Row> {
    let table = std::fs::read_to_string(folder().join("verdicts.tsv")).unwrap();
    table.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.split('\t').collect();
    let mut env: Vec<(String, String)> = Vec::new();
    for part in cells[1].replace("\\n", "\n").split(',').filter(|part| *part != "-") {
        match part.split_once('=') {
            Some((name, value)) => env.push((name.to_owned(), value.to_owned())),
            None => env.last_mut().unwrap().1.push_str(&format!(",{part}")),
        }
    }
    Row {
        file: cells[0].to_owned(),
        env: env.into_iter().collect(),
        starts: cells[2] == "starts",
        point: cells[3].to_owned(),
    }
}

/// Mistakes inside a component's settings are for the component to find.
fn is_about_settings(point: &str) -> bool {
    let inside =
        ["\"otlp\": ", "\"otlphttp\": ", "'[", "failed to build", "cannot start", "failed to create meter"];
    let invalid = ["receivers", "processors", "exporters", "extensions"];
    inside.iter().any(|start| point.starts_with(start))
        || invalid.iter().any(|section| point.starts_with(&format!("invalid configuration: {section}::")))
}

/// Where we decide otherwise, and why.
const DIFFERENCES: [(&str, &str); 7] = [
    ("braces-unclosed.yaml", "a ${ without } is a slip; the Go layer sends the characters as they are"),
    ("env-bare-braces-default.yaml", "the old form works with a default, too"),
    ("scheme-http-refused.yaml", "what nobody answers is found out when it is fetched, not when it is read"),
    ("scheme-s3-short-form.yaml", "s3://bucket/key is in the function's region"),
    ("scheme-unknown.yaml", "ssm: is known here"),
    ("telemetry-metrics-address.yaml", "the retired key is accepted with a warning"),
    ("unknown-exporter-logging.yaml", "logging is the old name of debug"),
];

#[test]
fn what_starts_with_the_go_layer_has_a_sound_structure_and_what_it_refuses_has_not() {
    for row in rows() {
        let loaded = common::load(&folder().join(&row.file), &row.env);
        let says = common::report(loaded, false);
        let sound = !says.contains("mistake: ");
        let should_be_sound = row.starts || is_about_settings(&row.point);
        let differs = DIFFERENCES.iter().any(|(file, _)| *file == row.file);
        assert_eq!(sound, should_be_sound != differs, "{}: {}\n{says}", row.file, row.point);
    }
}

#[test]
fn each_structural_mistake_is_explained_as_expected() {
    let mut all = String::new();
    for row in rows() {
        let file = folder().join(&row.file);
        let report = common::report(common::load(&file, &row.env), false);
        if !report.is_empty() {
            writeln!(all, "# {}\n{}", row.file, report.replace(&file.display().to_string(), &row.file))
                .unwrap();
        }
    }
    common::assert_golden(&folder().join("ours.expected"), &all);
}
