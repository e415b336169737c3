//! `debug`: prints what it is given, in the words of the Go Collector's debug exporter.

mod config;
mod logs;
mod metrics;
mod number;
mod output;
mod sample;
mod time;
mod traces;
mod tree;
mod value;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::time::Duration;

use ::config::{Mistakes, Node};
use async_trait::async_trait;
use pipeline::{Batch, Context, Delivered, Exporter, Host, Sending, SendingQueue, Signal, Undelivered};
use tokio::time::Instant;

use self::config::{Config, Verbosity};
use output::{Event, Output};
use sample::Sampler;
use tree::{Item, Tree};

use crate::former;

/// Prints each batch: to the log of this process, or as plain text.
struct Debug {
    id: String,
    verbosity: Verbosity,
    sampler: RefCell<Sampler>,
    output: Output,
    host: Host,
    queue: SendingQueue,
}

/// Makes a debug exporter of its configuration.
///
/// # Errors
/// What is wrong in it.
pub fn build(node: &Node, context: &Context) -> Result<Box<dyn Exporter>, Mistakes> {
    let node = &node.settled(&[&former::QUEUE]);
    let config: Config = node.read()?;
    Ok(Box::new(Debug {
        id: context.id.to_string(),
        verbosity: config.verbosity(node)?,
        sampler: RefCell::new(Sampler::new(config.sampling_initial, config.sampling_thereafter)),
        output: config.output(node)?,
        host: context.host.clone(),
        queue: config.sending_queue,
    }))
}

#[async_trait(?Send)]
impl Exporter for Debug {
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        if self.output.is_open() {
            let mut events = events(batch, self.verbosity);
            let now = Instant::now();
            let mut sampler = self.sampler.borrow_mut();
            events.retain(|event| sampler.passes(batch.signal(), &event.message, now));
            self.output.write(&self.id, batch.signal(), &events, &self.host);
        }
        Ok(Delivered::All)
    }

    fn sending(&self) -> Sending {
        // One after the other and unmerged: each request is printed as it was received, in that order.
        let queue = SendingQueue { num_consumers: 1, ..self.queue.clone() };
        Sending { timeout: Duration::ZERO, queue, merge_bytes: 0, ..Sending::default() }
    }
}

/// What there is to say of `batch`: a summary and, unless the verbosity is basic, the text.
fn events(batch: &Batch, verbosity: Verbosity) -> Vec<Event> {
    match batch.signal() {
        Signal::Traces => {
            let request = batch.decode();
            let tree = traces::tree(&request);
            let counts = vec![("resource spans", tree.0.len()), ("spans", tree.items().count())];
            of_tree("Traces", counts, &tree, verbosity)
        }
        Signal::Metrics => {
            let request = batch.decode();
            let tree = metrics::tree(&request);
            let points = tree.items().map(metrics::points).sum();
            let metrics = tree.items().count();
            let counts =
                vec![("resource metrics", tree.0.len()), ("metrics", metrics), ("data points", points)];
            of_tree("Metrics", counts, &tree, verbosity)
        }
        Signal::Logs => {
            let request = batch.decode();
            let tree = logs::tree(&request);
            let counts = vec![("resource logs", tree.0.len()), ("log records", tree.items().count())];
            of_tree("Logs", counts, &tree, verbosity)
        }
    }
}

fn of_tree<I: Item>(
    title: &str,
    counts: Vec<(&'static str, usize)>,
    tree: &Tree<'_, I>,
    verbosity: Verbosity,
) -> Vec<Event> {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = match verbosity {
        Verbosity::Basic => Ok(()),
        Verbosity::Normal => tree.normal(&mut text),
        Verbosity::Detailed => tree.detailed(&mut text),
    };
    let mut events = vec![Event { message: title.into(), counts }];
    if verbosity != Verbosity::Basic {
        events.push(Event { message: text, counts: Vec::new() });
    }
    events
}
