//! The platform's events, read leniently: what is odd in one costs neither it nor its neighbours.

use serde_json::Value;

/// One event of the Telemetry API: `{"time": .., "type": .., "record": ..}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// When it happened, in nanoseconds since 1970; `None` if that can't be read.
    pub time: Option<u64>,
    /// What it is: `function`, `extension`, `platform.start`, ...; empty if that can't be read.
    pub kind: String,
    /// What it says: for a log line a string or any JSON, else an object.
    pub record: Value,
}

impl Event {
    /// The id of the invocation that a platform event is about.
    pub fn request_id(&self) -> Option<&str> {
        self.record["requestId"].as_str()
    }
}

/// The events of one delivery. `None` if it is no JSON list: it was cut, perhaps.
pub fn events(body: &[u8]) -> Option<Vec<Event>> {
    let all: Vec<Value> = serde_json::from_slice(body).ok()?;
    let read = |mut event: Value| Event {
        time: None,
        kind: event["type"].as_str().unwrap_or_default().into(),
        record: event["record"].take(),
    };
    Some(all.into_iter().map(read).collect())
}
