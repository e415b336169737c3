//! What the Go Collector's debug exporter printed for the inputs in `tests/debug/`, byte for byte, and how it
//! treated a series of batches.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ::config::Env;
use ::log::LevelFilter;
use pipeline::Budget;
use pipeline::log::Logger;

use super::*;

const VERBOSITIES: [Verbosity; 3] = [Verbosity::Basic, Verbosity::Normal, Verbosity::Detailed];

/// A logger's writer that can be read.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    /// All that was written, with `TS` for the times.
    fn take(&self) -> String {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let mut lines = String::new();
        for line in text.lines() {
            let (before, after) = line.split_once(r#""ts":"#).unwrap();
            let (_, after) = after.split_once(',').unwrap();
            lines += &format!("{before}\"ts\":TS,{after}\n");
        }
        lines
    }
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/debug")).join(name)
}

/// The inputs, by the names of their files.
fn inputs() -> Vec<(String, Batch)> {
    let mut names: Vec<_> = (fs::read_dir(fixture("")).unwrap())
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".json").map(String::from))
        .collect();
    names.sort();
    assert_eq!(names.len(), 13);
    names
        .into_iter()
        .map(|name| (batch(&name, &fs::read(fixture(&format!("{name}.json"))).unwrap()), name))
        .map(|(batch, name)| (name, batch))
        .collect()
}

/// A batch of OTLP/JSON; `name` begins with its signal.
fn batch(name: &str, json: &[u8]) -> Batch {
    let signal = Signal::from_name(name.split('-').next().unwrap()).unwrap();
    Batch::admit_json(signal, json, Budget::new(1 << 20).lease(json.len()).unwrap()).unwrap()
}

/// A batch of one log record.
fn log(body: &str) -> Batch {
    let json = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}}]},
        "scopeLogs":[{"scope":{"name":"demo"},"logRecords":[{"body":{"stringValue":"BODY"}}]}]}]}"#;
    batch("logs", json.replace("BODY", body).as_bytes())
}

/// An exporter with `yaml`, and, instead of the process's log, a log of its own at `level`.
fn exporter(yaml: &str, level: LevelFilter) -> (Debug, Written) {
    let node = Node::parse(yaml, &Env::default()).unwrap();
    let config: Config = node.read().unwrap();
    let written = Written::default();
    let resource = [
        ("service.instance.id", "INSTANCE"),
        ("service.name", "otelcol-lambda"),
        ("service.version", "VERSION"),
    ];
    let resource: BTreeMap<String, String> = resource.map(|(key, value)| (key.into(), value.into())).into();
    let output = match config.output(&node).unwrap() {
        Output::Log(_) => Output::Log(Box::leak(Box::new(Logger::new(level, &resource, written.clone())))),
        text => text,
    };
    let verbosity = config.verbosity(&node).unwrap();
    let sampler = RefCell::new(Sampler::new(config.sampling_initial, config.sampling_thereafter));
    let (host, queue) = (Host::default(), config.sending_queue);
    (Debug { id: "debug".into(), verbosity, sampler, output, host, queue }, written)
}

/// What is logged of `batches`, all in one second.
async fn logged(yaml: &str, batches: &[Batch]) -> String {
    let (exporter, written) = exporter(yaml, LevelFilter::Info);
    for batch in batches {
        assert_eq!(exporter.export(batch).await.unwrap(), Delivered::All);
    }
    written.take()
}

#[test]
fn plain_text_is_what_the_go_collector_prints() {
    for (name, batch) in inputs() {
        for verbosity in VERBOSITIES {
            let expected = fs::read_to_string(fixture(&format!("{name}.{}.txt", verbosity.name()))).unwrap();
            assert_eq!(output::text(&events(&batch, verbosity)), expected, "{name} {verbosity:?}");
        }
    }
}

#[tokio::test]
async fn log_lines_are_what_the_go_collector_logs() {
    for (name, batch) in inputs() {
        for verbosity in VERBOSITIES {
            let expected =
                fs::read_to_string(fixture(&format!("{name}.{}.jsonl.txt", verbosity.name()))).unwrap();
            let lines =
                logged(&format!("verbosity: {}", verbosity.name()), std::slice::from_ref(&batch)).await;
            assert_eq!(lines, expected, "{name} {verbosity:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_verbosity_by_a_variable_that_is_not_set_is_the_default() {
    let said = logged("verbosity: ${env:NOT_SET}", &[log("one")]).await;
    assert_eq!(said, logged("{}", &[log("one")]).await);
}

#[tokio::test(start_paused = true)]
async fn equal_messages_of_a_second_are_sampled() {
    let equal = [(); 10].map(|()| log("one"));
    for (yaml, lines) in [
        ("verbosity: normal", 20),
        ("{verbosity: normal, sampling_thereafter: 0}", 4),
        ("{verbosity: normal, sampling_thereafter: 3}", 8),
        ("sampling_thereafter: 0", 2),
    ] {
        assert_eq!(logged(yaml, &equal).await.lines().count(), lines, "{yaml}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_summary_of_a_signal_counts_as_one_text() {
    let alternating: Vec<_> = ["one", "two"].into_iter().cycle().take(10).map(log).collect();
    let yaml = "{verbosity: normal, sampling_initial: 1, sampling_thereafter: 100}";
    let lines = logged(yaml, &alternating).await;
    assert_eq!(lines.lines().count(), 3);
    assert_eq!(["\"Logs\"", "\\none ", "\\ntwo "].map(|text| lines.matches(text).count()), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_next_second_is_counted_anew() {
    let (exporter, written) = exporter("{sampling_initial: 1, sampling_thereafter: 0}", LevelFilter::Info);
    for _ in 0..3 {
        exporter.export(&log("x")).await.unwrap();
    }
    assert_eq!(written.take().lines().count(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    exporter.export(&log("x")).await.unwrap();
    assert_eq!(written.take().lines().count(), 1);
}

#[tokio::test]
async fn a_log_above_info_silences_it() {
    let (exporter, written) = exporter("verbosity: normal", LevelFilter::Warn);
    assert_eq!(exporter.export(&log("x")).await.unwrap(), Delivered::All);
    assert_eq!(written.take(), "");
}

#[tokio::test]
async fn a_merged_batch_is_printed_as_one_request() {
    let mut merged = log("one");
    merged.merge(log("two"));
    let lines = logged("", &[merged]).await;
    assert!(lines.contains(r#""resource logs":2,"log records":2"#), "{lines}");
}

#[tokio::test]
async fn text_is_appended_to_files() {
    let path = std::env::temp_dir().join(format!("debug-exporter-{}.txt", std::process::id()));
    let yaml =
        format!("{{verbosity: normal, use_internal_logger: false, output_paths: [{}]}}", path.display());
    let (exporter, _) = exporter(&yaml, LevelFilter::Off);
    for body in ["one", "two"] {
        exporter.export(&log(body)).await.unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let of = |body| {
        format!(
            "Logs\t{{\"resource logs\": 1, \"log records\": 1}}\nResourceLog #0 service.name=orders\nScopeLog #0 demo\n{body} \n\n"
        )
    };
    assert_eq!(text, of("one") + &of("two"));
}

#[test]
fn the_list_knows_it_by_both_names() {
    let list = crate::all(&Default::default());
    for name in ["debug", "logging"] {
        assert!(list.iter().any(|factory| factory.is_called(name)));
    }
}

#[test]
fn requests_are_printed_as_they_came_and_in_that_order() {
    let (exporter, _) = exporter("sending_queue: {num_consumers: 10}", LevelFilter::Info);
    let sending = exporter.sending();
    assert_eq!((sending.merge_bytes, sending.queue.num_consumers), (0, 1));
}
