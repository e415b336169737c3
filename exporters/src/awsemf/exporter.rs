//! The exporter: translates a batch, writes or sends its events, and keeps what has to be sent again.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::future::join_all;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use pipeline::{Batch, Delivered, Exporter, Host, Sending, Signal, Undelivered};

use super::delta::Deltas;
use super::emf::Event;
use super::logs::Logs;
use super::rest::only;
use super::settings::Settings;
use super::translate::translate;

/// Makes events of each batch of metrics.
pub(super) struct AwsEmf {
    pub settings: Settings,
    pub deltas: RefCell<Deltas>,
    pub output: Output,
    pub host: Host,
    pub sending: Sending,
}

/// Where events go.
pub(super) enum Output {
    /// A stream of lines: stdout.
    Lines(RefCell<Box<dyn Write>>),
    /// Log groups.
    Logs(Box<Logs>),
}

#[async_trait(?Send)]
impl Exporter for AwsEmf {
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        let request: ExportMetricsServiceRequest = batch.decode();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or_default();
        let translation = translate(&request, &self.settings, &mut self.deltas.borrow_mut(), now);
        drop(request);
        let mut lost = Lost::default();
        if !translation.lost.is_empty() {
            lost.add(&translation.lost, "no number, or too long for CloudWatch");
        }
        match &self.output {
            Output::Lines(lines) => self
                .write(&mut *lines.borrow_mut(), &translation.events)
                .map_err(|error| Undelivered::Retry { after: None, cause: Box::new(error) })
                .map(|()| lost.delivered()),
            Output::Logs(logs) => send(logs, batch, translation.events, lost).await,
        }
    }

    fn takes(&self, signal: Signal) -> Result<(), String> {
        match signal {
            Signal::Metrics => Ok(()),
            _ => Err(format!("the Embedded Metric Format is for metrics alone, not for {signal}")),
        }
    }

    fn sending(&self) -> Sending {
        self.sending.clone()
    }
}

impl AwsEmf {
    /// Writes each event as one line, all at once: lines of others don't come between.
    fn write(&self, lines: &mut dyn Write, events: &[Event]) -> io::Result<()> {
        let mut text = String::with_capacity(events.iter().map(|event| event.text.len() + 1).sum());
        for event in events {
            text.push_str(&event.text);
            text.push('\n');
        }
        self.host.writes(&text);
        lines.write_all(text.as_bytes())?;
        lines.flush()
    }
}

async fn send(
    logs: &Logs,
    batch: &Batch,
    events: Vec<Event>,
    mut lost: Lost,
) -> Result<Delivered, Undelivered> {
    let requests = logs.requests(events);
    let answers = join_all(requests.iter().map(|request| logs.put(request))).await;
    let (mut later, mut after, mut cause) = (BTreeSet::new(), None, String::new());
    let (mut taken, mut refused) = (false, None);
    for (request, answer) in requests.iter().zip(answers) {
        match answer {
            Ok(rejected) => {
                taken = true;
                for event in rejected.into_iter().filter_map(|at| request.get(at)) {
                    lost.add(&event.points, "older than 14 days or the log group keeps, or of the future");
                }
            }
            Err(refusal) if refusal.passes => {
                later.extend(request.iter().flat_map(|event| &event.points));
                (after, cause) = (after.max(refusal.after), refusal.why);
            }
            Err(refusal) => {
                request.iter().for_each(|event| lost.add(&event.points, &refusal.why));
                refused = Some(refusal.why);
            }
        }
    }
    match (later.is_empty(), refused) {
        (false, None) if !taken && lost.points.is_empty() => {
            Err(Undelivered::Retry { after, cause: cause.into() })
        }
        (false, _) => {
            lost.points.retain(|point| !later.contains(point));
            let rest = Box::new(only(batch, &later));
            Err(Undelivered::RetryRest { rest, rejected: lost.points.len(), after, cause: cause.into() })
        }
        (true, Some(why)) if !taken => Err(Undelivered::Refused { cause: why.into() }),
        (true, _) => Ok(lost.delivered()),
    }
}

/// Points that will never be delivered, and why the last of them.
#[derive(Default)]
struct Lost {
    points: BTreeSet<usize>,
    why: String,
}

impl Lost {
    fn add(&mut self, points: &BTreeSet<usize>, why: &str) {
        self.points.extend(points);
        why.clone_into(&mut self.why);
    }

    fn delivered(self) -> Delivered {
        match self.points.len() {
            0 => Delivered::All,
            rejected => Delivered::Partly { rejected, message: self.why },
        }
    }
}
