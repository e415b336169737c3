//! What the demo prints.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use simulator::figures::{Figures, Ms, median};
use simulator::timeline::{Colour, Paint, Timeline, ms};
use simulator::{FakeBackend, Otlp, Sandbox};

use crate::options::Options;

/// What arrived, and what should have.
#[derive(Serialize)]
pub struct Summary {
    requests: usize,
    spans: usize,
    data_points: usize,
    log_records: usize,
    /// How often each name arrived: of spans, of metrics, and the texts of log records.
    names: BTreeMap<&'static str, BTreeMap<String, usize>>,
    /// The function said what it recorded.
    compared: bool,
    /// What the function recorded and the backend did not get.
    pub lost: Vec<String>,
}

impl Summary {
    /// `recorded` are the function's answers: ours says what it recorded, another one need not.
    pub fn new(backend: &FakeBackend, recorded: &[Value], ours: bool) -> Summary {
        let accepted = backend.accepted();
        let items = |signal: &str| -> usize {
            accepted.iter().filter(|otlp| otlp.signal() == signal).map(Otlp::items).sum()
        };
        let mut names: BTreeMap<_, BTreeMap<String, usize>> = BTreeMap::new();
        let mut count =
            |signal, name: String| *names.entry(signal).or_default().entry(name).or_default() += 1;
        backend.spans().into_iter().for_each(|span| count("traces", span.name));
        backend.metrics().into_iter().for_each(|metric| count("metrics", metric.name));
        backend.logs().iter().for_each(|log| count("logs", simulator::otlp::body_text(log)));
        let compared = ours || recorded.iter().any(|answer| answer["spans"].is_array());
        let lost = if compared { lost(backend, recorded) } else { Vec::new() };
        Summary {
            requests: accepted.len(),
            spans: items("traces"),
            data_points: items("metrics"),
            log_records: items("logs"),
            names,
            compared,
            lost,
        }
    }
}

/// Compares what the function says it recorded with what arrived.
fn lost(backend: &FakeBackend, recorded: &[Value]) -> Vec<String> {
    let spans = backend.span_ids();
    let metrics: Vec<String> = backend.metrics().into_iter().map(|metric| metric.name).collect();
    let mut lost = Vec::new();
    for (number, answer) in (1..).zip(recorded) {
        let texts = |key: &str| -> Vec<String> {
            let list = answer[key].as_array().into_iter().flatten();
            list.filter_map(|text| text.as_str().map(String::from)).collect()
        };
        if texts("spans").is_empty() {
            lost.push(format!("the answer of invocation {number}"));
        }
        lost.extend(
            texts("spans").into_iter().filter(|id| !spans.contains(id)).map(|id| format!("span {id}")),
        );
        let missing = texts("metrics")
            .into_iter()
            .filter(|name| metrics.iter().filter(|arrived| *arrived == name).count() < number);
        lost.extend(missing.map(|name| format!("metric {name} of invocation {number}")));
    }
    let expected: u64 = recorded.iter().filter_map(|answer| answer["log_records"].as_u64()).sum();
    let arrived = backend.logs().len() as u64;
    if arrived < expected {
        lost.push(format!("{} log records", expected - arrived));
    }
    lost
}

pub fn title(options: &Options, extension: &Path, sandbox: &Sandbox, paint: Paint) -> String {
    let name = extension.file_name().unwrap_or_default().to_string_lossy();
    let size = std::fs::metadata(extension).map(|file| megabytes(file.len())).unwrap_or_default();
    let limits = match sandbox.limits() {
        none if none.is_empty() => "no cgroups here: CPU and memory are not limited".into(),
        limits => limits,
    };
    let environment = format!("beside a function of {} MB ({limits})", options.memory);
    format!("{} ({size}) {environment}\n", paint.colour(Colour::Bold, name))
}

pub fn report(sandbox: &Sandbox, backend: &FakeBackend, figures: &Figures, summary: &Summary, paint: Paint) {
    let arrivals: Vec<Instant> = backend.requests().iter().map(|request| request.at).collect();
    println!("{}", Timeline::new(&sandbox.journal(), sandbox.invocations(), &arrivals, paint));
    figures_table(figures, paint);
    arrived(summary, paint);
}

fn figures_table(figures: &Figures, paint: Paint) {
    let row = |name: &str, value: Option<String>| {
        println!("  {name:<44}{:>12}", paint.colour(Colour::Cyan, value.unwrap_or_else(|| "-".into())));
    };
    let time = |value: Option<Ms>| value.map(|value| ms(value.0));
    let of = |pick: fn(&simulator::figures::InvocationFigures) -> Option<Ms>| {
        time(median(figures.invocations.iter().filter_map(pick)))
    };
    let init = &figures.init;
    println!("{}", paint.colour(Colour::Bold, "extension"));
    row("process start to registered", time(init.registered));
    row("process start to OTLP port open", time(init.bound));
    row("process start to ready (first next)", time(init.ready));
    row("function done to next, median", of(|figures| Some(figures.held)));
    row("  of which runtimeDone was on its way", of(|figures| figures.buffered));
    row("  of which after runtimeDone", of(|figures| figures.after_runtime_done));
    row("SHUTDOWN to exit", time(figures.shutdown));
    row("memory, peak", figures.peak_memory.map(megabytes));
    row("CPU time", figures.cpu.filter(|cpu| cpu.0 > Duration::ZERO).map(|cpu| ms(cpu.0)));
    println!();
}

fn arrived(summary: &Summary, paint: Paint) {
    println!("{} in {} requests", paint.colour(Colour::Bold, "arrived at the backend"), summary.requests);
    for (signal, items, unit) in [
        ("traces", summary.spans, "spans"),
        ("metrics", summary.data_points, "data points"),
        ("logs", summary.log_records, "log records"),
    ] {
        let names: Vec<String> = match summary.names.get(signal) {
            Some(names) => names.iter().take(4).map(|(name, times)| format!("{name} x{times}")).collect(),
            None => Vec::new(),
        };
        println!("  {signal:<8}{items:>5} {unit:<12}{}", paint.colour(Colour::Dim, names.join(", ")));
    }
    match summary.lost.as_slice() {
        [] if summary.compared => println!("\n{}", paint.colour(Colour::Green, "nothing was lost")),
        [] => println!("\nthis function does not say what it recorded: nothing to compare with"),
        lost => println!("\n{} {}", paint.colour(Colour::Red, "LOST:"), lost.join(", ")),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
