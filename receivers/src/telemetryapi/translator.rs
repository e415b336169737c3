//! Events in, OTLP export requests out.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use pipeline::{Context, Signal};

use super::Config;
use super::event::Event;
use super::export::Items;
use super::feed::{News, Types};
use super::invocations::Invocations;
use super::logs::Logs;
use super::metrics::Metrics;
use super::resource::Resource;
use super::spans::Spans;

/// Turns what the platform tells into telemetry, for one receiver.
pub struct Translator {
    types: Types,
    /// Whether anybody wants log records: most of the work is theirs.
    logs_wanted: bool,
    resource: Resource,
    invocations: Invocations,
    logs: Logs,
    metrics: Metrics,
    spans: Spans,
}

impl Translator {
    /// A translator that has heard nothing yet.
    pub fn new(config: &Config, context: &Context) -> Self {
        let managed = context.env.get("AWS_LAMBDA_INITIALIZATION_TYPE") == Some("lambda-managed-instances");
        Translator {
            types: config.types(),
            logs_wanted: true,
            resource: Resource::new(&context.env, &context.host),
            invocations: Invocations::new(managed, context.env.get("AWS_LAMBDA_FUNCTION_VERSION")),
            logs: Logs::new(config),
            metrics: Metrics::new(config),
            spans: Spans::new(config),
        }
    }

    /// Makes no log records unless they are `wanted`.
    pub fn with_logs(self, wanted: bool) -> Self {
        Translator { logs_wanted: wanted, ..self }
    }

    /// What becomes of `news`, heard at `now`: export requests, at most one for each signal.
    pub fn take(&mut self, news: &News<'_>, now: SystemTime) -> Vec<(Signal, Bytes)> {
        match news {
            News::Events(events) => self.events(events, now),
            News::Invoked(invocation) => {
                self.invocations.invoked(invocation, nanos(now));
                Vec::new()
            }
            News::Ends(_) => Vec::new(),
        }
    }

    fn events(&mut self, events: &[Event], now: SystemTime) -> Vec<(Signal, Bytes)> {
        let nanos = nanos(now);
        let (mut spans, mut metrics, mut logs) = (Items::default(), Items::default(), Items::default());
        self.invocations.look_ahead(events);
        for event in events {
            if self.types.include(&event.kind) {
                self.metrics.take(event, now);
                self.spans.take(event).iter().for_each(|span| spans.push(span));
                if self.logs_wanted {
                    self.logs
                        .take(event, &self.invocations, nanos)
                        .iter()
                        .for_each(|record| logs.push(record));
                }
            }
            self.invocations.pass(event);
        }
        if self.metrics.due().is_some_and(|due| due <= now) {
            self.metrics.collect(now).iter().for_each(|metric| metrics.push(metric));
        }
        self.requests(spans, metrics, logs)
    }

    /// What is left to tell when the receiver ends.
    pub fn end(&mut self, now: SystemTime) -> Vec<(Signal, Bytes)> {
        let mut metrics = Items::default();
        self.metrics.collect(now).iter().for_each(|metric| metrics.push(metric));
        self.requests(Items::default(), metrics, Items::default())
    }

    fn requests(&self, spans: Items, metrics: Items, logs: Items) -> Vec<(Signal, Bytes)> {
        let all = [(Signal::Traces, spans), (Signal::Metrics, metrics), (Signal::Logs, logs)];
        let request =
            |(signal, items): (Signal, Items)| Some((signal, items.request(self.resource.attributes())?));
        all.into_iter().filter_map(request).collect()
    }
}

/// Nanoseconds since 1970.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
