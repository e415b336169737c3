//! The `batch` processor: gathers requests until there are enough items, or until the first has waited long enough.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use config::{Mistakes, Node};
use pipeline::{Batch, Context, Processor};
use serde::Deserialize;

/// What a user may write, with the Collector's defaults.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// The longest that an item waits for others; 0 is not at all.
    #[serde(deserialize_with = "config::duration")]
    timeout: Duration,
    /// As soon as so many items are held, they go on; 0 is at once.
    send_batch_size: u32,
    /// No batch that goes on holds more items; 0 is no limit.
    send_batch_max_size: u32,
    /// Accepted; the metadata of requests is not carried, so nothing is kept apart by it.
    metadata_keys: Vec<String>,
    /// Accepted, as it limits `metadata_keys`.
    metadata_cardinality_limit: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            timeout: Duration::from_millis(200),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
        }
    }
}

/// Makes a `batch` processor.
///
/// # Errors
/// What is no valid setting; a `send_batch_max_size` below `send_batch_size`.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let config: Config = node.read()?;
    let (size, most) = (config.send_batch_size, config.send_batch_max_size);
    if most > 0 && most < size {
        return Err(node.mistake(
            "send_batch_max_size",
            format_args!("found {most}, expected 0 (no limit) or at least send_batch_size, which is {size}"),
        ));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = config.metadata_keys.iter().find(|key| !seen.insert(key.to_lowercase())) {
        return Err(
            node.mistake("metadata_keys", format_args!("found \"{twice}\" twice; case does not count"))
        );
    }
    if !seen.is_empty() {
        node.warn("metadata_keys", "has no effect: the metadata of requests is not carried");
    }
    Ok(Box::new(Gathering::new(&config)))
}

/// A batch processor at work in one pipeline, and so on one signal.
struct Gathering {
    timeout: Duration,
    enough: usize,
    most: usize,
    held: Option<Held>,
}

struct Held {
    batch: Batch,
    /// Counted here, since [`Batch::items`] walks all requests of the batch.
    items: usize,
    due: Instant,
}

impl Gathering {
    fn new(config: &Config) -> Self {
        Gathering {
            timeout: config.timeout,
            enough: if config.timeout.is_zero() { 0 } else { config.send_batch_size as usize },
            most: match config.send_batch_max_size {
                0 => usize::MAX,
                most => most as usize,
            },
            held: None,
        }
    }

    /// Lets go of `batch` in pieces of `most`, as long as there is enough for one.
    fn release(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        loop {
            let rest = batch.split_off_items(self.most);
            out.push(batch);
            match rest {
                Some(rest) if rest.items() >= self.enough => batch = rest,
                Some(rest) => return self.hold(rest.items(), rest),
                None => return,
            }
        }
    }

    /// Holds `batch` for the whole timeout: it came just now.
    fn hold(&mut self, items: usize, batch: Batch) {
        // Tokio's clock, like the rest of the engine's, so that tests can hold it still.
        let due = tokio::time::Instant::now().into_std() + self.timeout;
        self.held = Some(Held { batch, items, due });
    }
}

impl Processor for Gathering {
    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>) {
        let items = batch.items();
        let Some(held) = &mut self.held else {
            return if items >= self.enough { self.release(batch, out) } else { self.hold(items, batch) };
        };
        held.batch.merge(batch);
        held.items += items;
        if held.items >= self.enough
            && let Some(held) = self.held.take()
        {
            self.release(held.batch, out);
        }
    }

    fn flush(&mut self, out: &mut Vec<Batch>) {
        out.extend(self.held.take().map(|held| held.batch));
    }

    fn due(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.due)
    }
}
