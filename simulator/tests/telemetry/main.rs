//! The Telemetry API as an extension sees it, well-behaved and not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod events;
mod subscription;
mod trouble;

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Lambda, Sandbox, free_port};

const ECHO: &str = env!("CARGO_BIN_EXE_echo-extension");
const PATIENCE: Duration = Duration::from_secs(30);

/// A function whose extension subscribes and goes on after `platform.runtimeDone`.
fn subscribed() -> Lambda {
    Lambda::new(ECHO).env("ECHO_TELEMETRY", free_port().unwrap().to_string()).env("ECHO_WAIT", "runtimeDone")
}

/// The bodies that the extension was sent, by the port it was sent to.
fn bodies(sandbox: &Sandbox) -> Vec<(String, String)> {
    let body = |line: simulator::Line| {
        let (port, body) = line.text.strip_prefix("telemetry ")?.split_once(": ")?;
        Some((port.to_owned(), body.to_owned()))
    };
    sandbox.output().into_iter().filter_map(body).collect()
}

fn events(sandbox: &Sandbox) -> Vec<Value> {
    let parsed =
        bodies(sandbox).into_iter().filter_map(|(_, body)| serde_json::from_str::<Vec<Value>>(&body).ok());
    parsed.flatten().collect()
}

fn types(sandbox: &Sandbox) -> Vec<String> {
    events(sandbox).iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
}

fn count(sandbox: &Sandbox, kind: &str) -> usize {
    types(sandbox).iter().filter(|found| *found == kind).count()
}

/// The records of this type.
fn records(sandbox: &Sandbox, kind: &str) -> Vec<Value> {
    let events = events(sandbox).into_iter().filter(|event| event["type"] == kind);
    events.map(|mut event| event["record"].take()).collect()
}

/// Thaws and waits until everything emitted so far has come.
async fn catch_up(sandbox: &mut Sandbox) {
    sandbox.thaw();
    sandbox.emit("platform.marker", json!({}));
    sandbox.wait_for_output(PATIENCE, "platform.marker").await.unwrap();
}
