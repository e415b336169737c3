//! A configuration in, all that is said about it out.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]
#![allow(dead_code, reason = "no test file needs all of it")]

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use config::{BuiltIn, Document, Env, Headers, Known, Loaded, Lookup, Part, Providers, Section};
use serde::Deserialize;

/// The settings of the one exporter that this collector reads: enough to see every kind of mistake.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OtlpHttp {
    endpoint: String,
    headers: Headers,
    #[serde(deserialize_with = "config::duration")]
    timeout: Duration,
    compression: Option<Compression>,
    retry_on_failure: Retry,
    sending_queue: Queue,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Compression {
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Retry {
    enabled: bool,
    #[serde(deserialize_with = "config::duration")]
    max_elapsed_time: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Queue {
    num_consumers: usize,
    queue_size: u16,
}

/// The components of the Go layer, and what it has not but this collector accepts.
pub fn known() -> Known {
    Known::default()
        .with(Section::Receivers, ["otlp", "telemetryapi"])
        .with(
            Section::Processors,
            [
                "attributes",
                "batch",
                "coldstart",
                "decouple",
                "filter",
                "memory_limiter",
                "probabilistic_sampler",
                "resource",
                "span",
                "transform",
            ],
        )
        .with(
            Section::Exporters,
            ["debug", "logging", "otlp", "otlp_grpc", "otlp_http", "otlphttp", "prometheusremotewrite"],
        )
        .with(Section::Extensions, ["basicauth", "sigv4auth"])
}

pub fn load(file: &Path, env: &Env) -> Loaded {
    let lookup =
        Lookup { uris: vec![file.display().to_string()], files: Vec::new(), built_in: BuiltIn::default() };
    Document::load(&lookup, &Providers::new(env))
}

/// One line for each mistake with the part it spoils, for what still runs, and for each warning.
pub fn report(loaded: Loaded, reads_exporters: bool) -> String {
    let mut report = String::new();
    let mut mistakes = loaded.mistakes;
    if let Some(document) = &loaded.document {
        mistakes.extend(document.check(&known()).err().into_iter().flat_map(|mistakes| mistakes.0));
        for (id, node) in document.components(Section::Exporters) {
            if reads_exporters && id.kind == "otlphttp" {
                mistakes.extend(node.read::<OtlpHttp>().err().into_iter().flat_map(|mistakes| mistakes.0));
            }
        }
    }
    for mistake in &mistakes {
        let part = match &mistake.part {
            Part::Whole => "nothing".to_owned(),
            Part::Telemetry => "telemetry".to_owned(),
            Part::Component(section, id) => format!("{} {id}", section.one()),
            Part::Pipeline(id) => format!("pipeline {id}"),
        };
        writeln!(report, "mistake: {mistake} [spoils {part}]").unwrap();
    }
    match loaded.document {
        Some(document) if !mistakes.is_empty() => {
            let left = document.without(&mistakes);
            let pipelines: Vec<_> = left.pipelines.iter().map(|pipeline| pipeline.id.to_string()).collect();
            writeln!(report, "runs: {}", pipelines.join(", ")).unwrap();
        }
        Some(_) => {}
        None => writeln!(report, "unreadable").unwrap(),
    }
    for warning in loaded.warnings.drain() {
        writeln!(report, "warning: {warning}").unwrap();
    }
    report
}

/// Compares with a file, or writes it if UPDATE_GOLDEN is set.
pub fn assert_golden(file: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, actual).unwrap();
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    assert_eq!(actual, expected, "{}: if the new text is better, run with UPDATE_GOLDEN=1", file.display());
}
