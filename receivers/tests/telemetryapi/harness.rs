//! A receiver that hears what it is told, and the cases that were recorded from the Go layer's.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use base64::prelude::*;
use config::{Env, Mistakes, Node};
use flate2::Compression;
use flate2::write::GzEncoder;
use pipeline::{Batch, Budget, Context, Host, Inlet, Receiver, Signal, Stop};
use receivers::telemetryapi::{self, Deliveries, Feed, News};
use serde_json::{Value, json};
use tokio::task::{LocalSet, spawn_local, yield_now};

/// 148 sequences of deliveries, and what the receiver of the Go layer 0.22.0 made of them. Attributes are sorted by
/// key; ids that it made up are `#1`, `#2`, ...; wall clock times are `NOW`. One record was nested deeper than a reader of
/// JSON takes; here it is half as deep.
pub const CASES: &str = include_str!("go-layer.jsonl");

/// The recorded cases.
pub fn cases() -> impl Iterator<Item = Value> {
    CASES.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// What a receiver put into its pipelines: OTLP/JSON requests, in order.
#[derive(Clone, Debug, Default)]
pub struct Played {
    pub logs: Vec<Value>,
    pub metrics: Vec<Value>,
    pub traces: Vec<Value>,
}

impl Played {
    fn of(&mut self, signal: Signal) -> &mut Vec<Value> {
        match signal {
            Signal::Logs => &mut self.logs,
            Signal::Metrics => &mut self.metrics,
            Signal::Traces => &mut self.traces,
        }
    }

    /// The log records, without what is around them.
    pub fn records(&self) -> Vec<Value> {
        records(&self.logs)
    }
}

/// The log records in OTLP/JSON requests.
pub fn records(requests: &[Value]) -> Vec<Value> {
    let all = |values: &Value, key: &str| values[key].as_array().cloned().unwrap_or_default();
    let resources = requests.iter().flat_map(|request| all(request, "resourceLogs"));
    let scopes = resources.flat_map(|resource| all(&resource, "scopeLogs"));
    scopes.flat_map(|scope| all(&scope, "logRecords")).collect()
}

/// The environment of a case.
pub fn env(case: &Value) -> Env {
    let mut variables = vec![
        ("AWS_LAMBDA_FUNCTION_NAME", "checkout-fn"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ];
    for (name, value) in case["env"].as_object().into_iter().flatten() {
        variables.retain(|(known, _)| known != name);
        variables.push((name, value.as_str().unwrap()));
    }
    let unset: Vec<_> = case["unset"].as_array().into_iter().flatten().collect();
    variables.retain(|(known, _)| !unset.iter().any(|name| *name == known));
    Env::from_iter(variables)
}

/// Reads the configuration of a case.
pub fn build(case: &Value, host: &Host, feed: &Feed) -> Result<Box<dyn Receiver>, Mistakes> {
    let node = Node::parse(&case["config"].to_string(), &Env::default()).unwrap();
    telemetryapi::build(&node, &context(case, host), feed)
}

/// What the receiver of a case is built with.
pub fn context(case: &Value, host: &Host) -> Context {
    Context {
        id: "telemetryapi".parse().unwrap(),
        env: env(case),
        budget: Budget::new(64 << 20),
        user_agent: "test/0".into(),
        host: host.clone(),
    }
}

/// The bodies that a case delivers.
fn bodies(case: &Value) -> Vec<Vec<u8>> {
    let body = |delivery: &Value| {
        if let Some(raw) = delivery["raw"].as_str() {
            return raw.as_bytes().to_vec();
        }
        if let Some(raw) = delivery["raw_base64"].as_str() {
            return BASE64_STANDARD.decode(raw).unwrap();
        }
        if let Some(raw) = delivery["raw_gzip"].as_str() {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
            gzip.write_all(raw.as_bytes()).unwrap();
            return gzip.finish().unwrap();
        }
        delivery.to_string().into_bytes()
    };
    case["events"].as_array().into_iter().flatten().map(body).collect()
}

/// Plays a case to a receiver of its own.
pub fn play(case: &Value) -> Played {
    let signals = case["pipelines"].as_array().cloned().unwrap_or(vec![
        json!("logs"),
        json!("metrics"),
        json!("traces"),
    ]);
    let played = Rc::new(RefCell::new(Played::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let feed = Feed::default();
        let mut receiver = build(case, &Host::default(), &feed).unwrap();
        assert!(receiver.bind().is_empty());
        let mut inlet = Inlet::new(Budget::new(64 << 20));
        for name in &signals {
            let played = played.clone();
            let take = move |batch: Batch| {
                let request = serde_json::from_slice(&batch.to_json()).unwrap();
                played.borrow_mut().of(batch.signal()).push(request);
            };
            inlet = inlet.route(Signal::from_name(name.as_str().unwrap()).unwrap(), take);
        }
        let (trigger, stop) = Stop::new();
        let run = spawn_local(receiver.run(inlet, stop));
        yield_now().await;
        let mut deliveries = Deliveries::default();
        for mut body in bodies(case) {
            feed.tell(News::Events(&deliveries.take(&mut body, None, false).events));
        }
        feed.tell(News::Events(&deliveries.end()));
        drop(trigger);
        run.await.unwrap();
    });
    played.take()
}
