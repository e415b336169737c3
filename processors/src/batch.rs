//! The `batch` processor: gathers requests until there are enough items, or until the first has waited long enough.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use config::Former::{self, Idle};
use config::{Mistakes, Node};
use pipeline::{Batch, Context, Processor};
use serde::Deserialize;

/// Keys that change nothing here.
const FORMER: [(&str, Former); 1] =
    [("metadata_cardinality_limit", Idle("the metadata of requests is not carried"))];

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
    #[serde(deserialize_with = "config::words")]
    metadata_keys: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            timeout: Duration::from_millis(200),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
        }
    }
}

/// Makes a `batch` processor.
///
/// # Errors
/// What is no valid setting; a `send_batch_max_size` below `send_batch_size`.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let node = &node.settled(&[&FORMER]);
    let config: Config = node.read()?;
    let (size, most) = (config.send_batch_size, config.send_batch_max_size);
    if most > 0 && most < size {
        return Err(node.mistake(
            "send_batch_max_size",
            format_args!("found {most}; expected 0 (no limit) or at least send_batch_size, which is {size}"),
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

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use pipeline::{Budget, Signal};
    use prost::Message;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn processor(config: Config) -> Gathering {
        Gathering::new(&Config { timeout: SECOND, ..config })
    }

    /// A request of log records with these times.
    fn request(times: impl IntoIterator<Item = u64>) -> Batch {
        let record = |time_unix_nano| LogRecord { time_unix_nano, ..LogRecord::default() };
        let log_records = times.into_iter().map(record).collect();
        let scope = ScopeLogs { log_records, ..ScopeLogs::default() };
        let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
        let bytes = ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec();
        let lease = Budget::new(1 << 20).lease(bytes.len()).unwrap();
        Batch::admit(Signal::Logs, bytes.into(), lease).unwrap()
    }

    /// The times of the log records in each batch.
    fn times(batches: &[Batch]) -> Vec<Vec<u64>> {
        let of = |batch: &Batch| {
            let request: ExportLogsServiceRequest = batch.decode();
            let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
            scopes.flat_map(|scope| scope.log_records).map(|record| record.time_unix_nano).collect()
        };
        batches.iter().map(of).collect()
    }

    fn process(processor: &mut Gathering, batch: Batch) -> Vec<Vec<u64>> {
        let mut out = Vec::new();
        processor.process(batch, &mut out);
        times(&out)
    }

    fn flush(processor: &mut Gathering) -> Vec<Vec<u64>> {
        let mut out = Vec::new();
        processor.flush(&mut out);
        times(&out)
    }

    #[test]
    fn a_flush_lets_go_of_everything_as_one_batch() {
        let mut processor = processor(Config::default());
        assert_eq!(process(&mut processor, request([1, 2])), Vec::<Vec<u64>>::new());
        assert_eq!(process(&mut processor, request([3])), Vec::<Vec<u64>>::new());
        assert_eq!(flush(&mut processor), [[1, 2, 3]]);
        assert_eq!(flush(&mut processor), Vec::<Vec<u64>>::new());
        assert_eq!(processor.due(), None);
    }

    #[test]
    fn enough_items_go_on_together() {
        let mut processor = processor(Config { send_batch_size: 3, ..Config::default() });
        assert_eq!(process(&mut processor, request([1, 2])), Vec::<Vec<u64>>::new());
        assert_eq!(process(&mut processor, request([3, 4])), [[1, 2, 3, 4]]);
        assert_eq!(processor.due(), None);
    }

    #[test]
    fn a_large_request_is_cut_and_what_is_not_enough_is_held() {
        let config = Config { send_batch_size: 2, send_batch_max_size: 3, ..Config::default() };
        let mut processor = processor(config);
        assert_eq!(process(&mut processor, request(1..=7)), [[1, 2, 3], [4, 5, 6]]);
        assert_eq!(process(&mut processor, request([8])), [[7, 8]]);
        assert_eq!(process(&mut processor, request(1..=5)), [vec![1, 2, 3], vec![4, 5]]);
    }

    #[test]
    fn without_a_timeout_or_a_size_everything_goes_on_at_once_in_pieces() {
        for (timeout, send_batch_size) in [(Duration::ZERO, 2), (SECOND, 0)] {
            let config = Config { timeout, send_batch_size, send_batch_max_size: 2, ..Config::default() };
            let mut processor = Gathering::new(&config);
            assert_eq!(process(&mut processor, request(1..=5)), [vec![1, 2], vec![3, 4], vec![5]]);
            assert_eq!(processor.due(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_item_held_sets_the_time() {
        let start = tokio::time::Instant::now().into_std();
        let mut processor =
            processor(Config { send_batch_size: 3, send_batch_max_size: 3, ..Config::default() });
        assert_eq!(processor.due(), None);
        process(&mut processor, request([1]));
        tokio::time::advance(SECOND / 2).await;
        process(&mut processor, request([2]));
        assert_eq!(processor.due(), Some(start + SECOND));
        // 4 is left of a request that came just now.
        process(&mut processor, request([3, 4]));
        assert_eq!(processor.due(), Some(start + SECOND / 2 + SECOND));
    }
}
