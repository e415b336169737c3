//! Events in, OTLP export requests out.

use std::time::SystemTime;

use bytes::Bytes;
use pipeline::{Context, Signal};

use super::Config;
use super::event::Event;
use super::export::Items;
use super::feed::{News, Types};
use super::invocations::Invocations;
use super::life::{Life, Plain};
use super::logs::Logs;
use super::resource::Resource;
use super::time;

/// Turns what the platform tells into telemetry, for one receiver.
pub struct Translator {
    types: Types,
    /// Whether anybody wants log records: most of the work is theirs.
    logs_wanted: bool,
    resource: Resource,
    invocations: Invocations,
    logs: Logs,
    life: Life,
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
            life: Life::new(config, &context.env, SystemTime::now()),
        }
    }

    /// Makes no log records unless they are `wanted`.
    pub fn with_logs(self, wanted: bool) -> Self {
        Translator { logs_wanted: wanted, ..self }
    }

    /// Holds metrics back, or does not any more: the next that are told are of all the time since the last.
    pub fn hold_metrics(&mut self, hold: bool) -> &mut Self {
        self.life.hold_metrics(hold);
        self
    }

    /// What becomes of `news`, heard at `now`: export requests, at most one for each signal.
    pub fn take(&mut self, news: &News<'_>, now: SystemTime) -> Vec<(Signal, Bytes)> {
        match news {
            News::Events(events) => self.events(events, now),
            News::Invoked(invocation) => {
                self.invocations.invoked(invocation, time::of_clock(now));
                let plain = self.life.invoked(invocation, now);
                self.requests(Items::default(), plain)
            }
            News::Ends(reason) => {
                self.life.ends(reason);
                Vec::new()
            }
        }
    }

    fn events(&mut self, events: &[Event], now: SystemTime) -> Vec<(Signal, Bytes)> {
        let heard = time::of_clock(now);
        let mut logs = Items::default();
        self.invocations.look_ahead(events);
        for event in events {
            if self.logs_wanted && self.types.include(&event.kind) {
                self.logs.take(event, &self.invocations, heard).iter().for_each(|record| logs.push(record));
            }
            self.invocations.pass(event);
        }
        let plain = self.life.hear(events, now);
        self.requests(logs, plain)
    }

    /// What is left to tell when the receiver ends.
    pub fn end(&mut self, now: SystemTime) -> Vec<(Signal, Bytes)> {
        let plain = self.life.end(now);
        self.requests(Items::default(), plain)
    }

    fn requests(&self, mut logs: Items, plain: Plain) -> Vec<(Signal, Bytes)> {
        let (mut spans, mut metrics) = (Items::default(), Items::default());
        if self.types.platform {
            plain.spans.iter().for_each(|span| spans.push(span));
            plain.metrics.iter().for_each(|metric| metrics.push(metric));
            plain.records.iter().for_each(|record| logs.push(record));
        }
        let all = [(Signal::Traces, spans), (Signal::Metrics, metrics), (Signal::Logs, logs)];
        let request =
            |(signal, items): (Signal, Items)| Some((signal, items.request(self.resource.attributes())?));
        all.into_iter().filter_map(request).collect()
    }
}
