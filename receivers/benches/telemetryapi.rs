//! What a log line costs on its way from a delivery into a batch: `cargo bench -p receivers`.
//!
//! Times are of the thread, the least of many runs: other processes on the machine only add to them.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use config::{Env, Node};
use pipeline::{Batch, Budget, Context, Host};
use receivers::telemetryapi::{Config, Event, News, Translator, events};

/// The largest delivery that one can ask for.
const BYTES: usize = 1 << 20;
const RUNS: usize = 40;

const LINES: [(&str, &str); 3] = [
    (
        "text, Node.js",
        r#""2026-01-01T00:00:00.519Z\t5f1c4f7e-3a52-4a55-9a0c-0d3c5e9f1b11\tINFO\torder 4711 of customer 17 was accepted\n""#,
    ),
    (
        "text, plain",
        r#""order 4711 of customer 17 was accepted and will be shipped tomorrow by the usual carrier\n""#,
    ),
    (
        "JSON, Python",
        r#"{"timestamp":"2026-01-01T00:00:00Z","level":"INFO","message":"order accepted","logger":"root","requestId":"5f1c4f7e-3a52-4a55-9a0c-0d3c5e9f1b11","order":4711,"customer":{"id":17,"tier":"gold"}}"#,
    ),
];

fn main() {
    for (name, record) in LINES {
        let event = format!(r#"{{"time":"2026-01-01T00:00:00.520Z","type":"function","record":{record}}}"#);
        let lines = BYTES / (event.len() + 1);
        let body = format!("[{}]", vec![event; lines].join(","));
        let read = least(|| drop(black_box(events(body.as_bytes()))));
        let heard = events(body.as_bytes()).unwrap_or_default();
        let mut translator = translator();
        let mut bytes = 0;
        let written = least(|| bytes = translate(&mut translator, &heard));
        let each = |time: Duration| time.as_secs_f64() * 1e6 / lines as f64;
        let (read, written) = (each(read), each(written));
        println!(
            "{name:<14} {lines} lines of {} bytes: {read:.2} us to read, {written:.2} us to translate; {:.0} lines/s; {} bytes of OTLP each",
            BYTES / lines,
            1e6 / (read + written),
            bytes / lines,
        );
    }
}

/// The shortest time that `work` takes.
fn least(mut work: impl FnMut()) -> Duration {
    let mut timed = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..RUNS).map(|_| timed()).min().unwrap_or_default()
}

fn translator() -> Translator {
    let env = Env::default();
    let config = Node::parse("{}", &env).and_then(|node| Config::read(&node));
    let (Ok(config), Ok(id)) = (config, "telemetryapi".parse()) else {
        unreachable!("all defaults are valid")
    };
    let context =
        Context { id, env, budget: Budget::new(0), user_agent: String::new(), host: Host::default() };
    Translator::new(&config, &context)
}

/// Translates `events` into a batch, and says how large that is.
fn translate(translator: &mut Translator, events: &[Event]) -> usize {
    let budget = Budget::new(usize::MAX / 2);
    let requests = translator.take(&News::Events(events), SystemTime::now());
    let admit = |(signal, request)| Batch::admit(signal, request, budget.lease(0).ok()?).ok();
    requests.into_iter().filter_map(admit).map(|batch| black_box(batch).len()).sum()
}
