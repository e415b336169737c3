//! Any bytes as deliveries of the Telemetry API, cut where a byte is 0xff: no panic, all that comes out is valid OTLP
//! and not much larger than what went in. From `receivers`:
//! `cargo +nightly fuzz run telemetryapi -- -max_total_time=600`.

#![no_main]

use std::time::SystemTime;

use config::{Env, Node};
use libfuzzer_sys::fuzz_target;
use pipeline::{Batch, Budget, Context, Host};
use receivers::telemetryapi::{Config, Deliveries, Event, News, Translator};

/// What a record costs beside its text, and how many bytes one byte of it may become: of the shortest fields (`"":1,`)
/// the message around the value is most, and what has no message is both attributes and body.
const PER_EVENT: usize = 3000;
const PER_BYTE: usize = 12;

fuzz_target!(|data: &[u8]| {
    let env = Env::default();
    let yaml = "{log_report: true, export_interval_ms: 0, invocation_spans: true}";
    let config = Node::parse(yaml, &env).and_then(|node| Config::read(&node)).expect("is valid");
    let id = "telemetryapi".parse().expect("is an id");
    let context = Context { id, env, budget: Budget::new(0), user_agent: String::new(), host: Host::default() };
    let mut translator = Translator::new(&config, &context);
    let mut deliveries = Deliveries::default();
    let (mut heard, mut written) = (0, 0);
    let mut tell = |events: Vec<Event>| {
        heard += events.len() + 1;
        for (signal, request) in translator.take(&News::Events(&events), SystemTime::UNIX_EPOCH) {
            written += request.len();
            let lease = Budget::new(usize::MAX / 2).lease(0).expect("there is room");
            let batch = Batch::admit(signal, request, lease).expect("what is made is valid");
            assert!(batch.items() > 0);
        }
    };
    for body in data.split(|byte| *byte == 0xff) {
        tell(deliveries.take(&mut body.to_vec(), None, false).events);
    }
    tell(deliveries.end());
    assert!(written <= PER_EVENT * heard + PER_BYTE * data.len(), "{written} of {heard}");
});
