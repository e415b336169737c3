//! From the process's start to its first `next`, against the smallest extension that could be.

use std::path::PathBuf;
use std::time::Duration;

use simulator::{Moment, Usage};

use crate::report::Figure;
use crate::stage::{Failed, Stage, settled};

/// Never connected to: nothing is sent.
const BACKEND: &str = "https://otlp.example.com";
const MEBIBYTE: f64 = (1 << 20) as f64;

/// One start.
struct Start {
    ready: Duration,
    usage: Usage,
}

pub async fn measure(stage: &Stage) -> Result<Vec<Figure>, Failed> {
    let [mut ours, mut floor, mut ours_limited, mut floor_limited] = [const { Vec::new() }; 4];
    // Side by side, so that a busy moment of the machine meets all.
    for _ in 0..stage.runs {
        floor.push(start(stage, &stage.floor, false).await?);
        ours.push(start(stage, &stage.collector, false).await?);
        floor_limited.push(start(stage, &stage.floor, true).await?);
        ours_limited.push(start(stage, &stage.collector, true).await?);
    }
    let ready = |starts: &[Start]| starts.iter().map(|start| start.ready).collect::<Vec<_>>();
    let memory = |name: &str, aim, of: fn(&Usage) -> u64| {
        Figure::new(name, "MiB", aim, ours.iter().map(|start| of(&start.usage) as f64 / MEBIBYTE))
    };
    let over = |ours: &[Start], floor: &[Start]| {
        let pairs = ours.iter().zip(floor);
        pairs
            .map(|(ours, floor)| (ours.ready.as_secs_f64() - floor.ready.as_secs_f64()) * 1e3)
            .collect::<Vec<_>>()
    };
    let size = std::fs::metadata(&stage.collector)?.len();
    Ok(vec![
        Figure::ms("start to first next", "", ready(&ours)),
        Figure::ms("  the smallest extension", "", ready(&floor)),
        Figure::new("  difference", "ms", "<= 3", over(&ours, &floor)),
        Figure::ms("start to first next, CPU of 128 MB", "", ready(&ours_limited)),
        Figure::ms("  the smallest extension", "", ready(&floor_limited)),
        Figure::new("  difference", "ms", "<= 15", over(&ours_limited, &floor_limited)),
        Figure::ms("CPU until first next", "<= 2", ours.iter().map(|start| start.usage.cpu)),
        Figure::ms("  the smallest extension", "", floor.iter().map(|start| start.usage.cpu)),
        memory("memory resident then", "<= 5 MB", |usage| usage.memory),
        memory("  peak", "", |usage| usage.peak_memory),
        memory("  not shared with the file", "", |usage| usage.own_memory),
        Figure::new("stripped release binary", "MB", "<= 4", [size as f64 / 1e6]),
    ])
}

async fn start(stage: &Stage, program: &PathBuf, limited: bool) -> Result<Start, Failed> {
    let (lambda, _) = stage.lambda(program, BACKEND, "")?;
    let sandbox = if limited { lambda.memory(128).limited() } else { lambda }.start().await?;
    if limited && !sandbox.limits().contains("CPU") {
        return Err("the CPU share of a function takes a writable cgroup: run as root".into());
    }
    let journal = sandbox.journal();
    let launched = journal.first(|moment| matches!(moment, Moment::Launched { .. }));
    let ready = journal.first(|moment| matches!(moment, Moment::Ready { .. }));
    let (Some(launched), Some(ready)) = (launched, ready) else { return Err("it never got ready".into()) };
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    Ok(Start { ready: ready.saturating_duration_since(launched), usage: settled(&sandbox, &name).await? })
}
