//! One pipeline at work: its processors and the outboxes that it feeds, or what waits until there are processors.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use config::Id;
use tokio::time::Instant;

use crate::outbox::Outbox;
use crate::{Batch, Delivered, Exporter, PipelinePlan, Processor, Sending, Signal, Undelivered};

/// A pipeline between receivers and outboxes.
pub struct Pipeline {
    pub id: Id,
    pub signal: Signal,
    processors: RefCell<Processors>,
    outboxes: Vec<Rc<Outbox>>,
}

enum Processors {
    Ready(Vec<Stage>),
    /// They can't be built yet. Nothing passes unprocessed: what they would take out must not leave.
    Awaited(Rc<Outbox>),
}

/// A processor at work.
struct Stage {
    id: Id,
    processor: Box<dyn Processor>,
    passed: Passed,
}

/// Items that passed a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// It was given so many,
    pub incoming: usize,
    /// and gave on so many.
    pub outgoing: usize,
}

impl Pipeline {
    /// What was planned, leading to these outboxes.
    pub fn new(planned: PipelinePlan, outboxes: Vec<Rc<Outbox>>) -> Pipeline {
        let PipelinePlan { id, signal, processors, .. } = planned;
        let processors = match processors {
            Some(processors) => Processors::ready(processors),
            None => Processors::Awaited(Rc::new(Outbox::of_pipeline(id.clone(), Box::new(Closed)))),
        };
        Pipeline { id, signal, processors: RefCell::new(processors), outboxes }
    }

    /// Where batches wait if there are no processors yet.
    pub fn waiting(&self) -> Option<Rc<Outbox>> {
        match &*self.processors.borrow() {
            Processors::Ready(_) => None,
            Processors::Awaited(outbox) => Some(outbox.clone()),
        }
    }

    /// Puts these processors to work, first on what has waited for them; whether they were awaited.
    pub fn supply(&self, processors: Vec<(Id, Box<dyn Processor>)>) -> bool {
        let Some(waiting) = self.waiting() else { return false };
        self.processors.replace(Processors::ready(processors));
        waiting.take_all().into_iter().for_each(|batch| self.accept(batch));
        true
    }

    /// Takes `batch` as far as it gets.
    pub fn accept(&self, batch: Batch) {
        let processed = match &mut *self.processors.borrow_mut() {
            Processors::Ready(stages) => run(stages, vec![batch]),
            Processors::Awaited(outbox) => return outbox.put(batch),
        };
        self.put(processed);
    }

    /// Every processor lets go of what it holds (only those due by `time`, if one is given), and those after it
    /// see that.
    pub fn release(&self, time: Option<Instant>) {
        let Processors::Ready(stages) = &mut *self.processors.borrow_mut() else { return };
        for i in 0..stages.len() {
            let due = stages[i].processor.due().map(Instant::from_std);
            if time.is_none_or(|time| due.is_some_and(|due| due <= time)) {
                let release = AssertUnwindSafe(|| {
                    let mut released = Vec::new();
                    stages[i].flush(&mut released);
                    run(&mut stages[i + 1..], released)
                });
                // In a receiver it costs a request that was not answered yet; here it would cost the whole process.
                match catch_unwind(release) {
                    Ok(released) => self.put(released),
                    Err(_) => log::error!("A processor of {} panicked; what it held is lost", self.id),
                }
            }
        }
    }

    /// When a processor wants to let go of something.
    pub fn due(&self) -> Option<Instant> {
        let Processors::Ready(stages) = &*self.processors.borrow() else { return None };
        stages.iter().filter_map(|stage| stage.processor.due()).min().map(Instant::from_std)
    }

    /// What passed its processors.
    pub fn passed(&self) -> Vec<(Id, Passed)> {
        let Processors::Ready(stages) = &*self.processors.borrow() else { return Vec::new() };
        stages.iter().map(|stage| (stage.id.clone(), stage.passed)).collect()
    }

    fn put(&self, batches: Vec<Batch>) {
        let Some((last, others)) = self.outboxes.split_last() else { return };
        for batch in batches {
            others.iter().for_each(|outbox| outbox.put(batch.clone()));
            last.put(batch);
        }
    }
}

impl Processors {
    fn ready(processors: Vec<(Id, Box<dyn Processor>)>) -> Self {
        let stage = |(id, processor)| Stage { id, processor, passed: Passed::default() };
        Processors::Ready(processors.into_iter().map(stage).collect())
    }
}

impl Stage {
    fn process(&mut self, batches: Vec<Batch>, out: &mut Vec<Batch>) {
        self.passed.incoming += items(&batches);
        batches.into_iter().for_each(|batch| self.processor.process(batch, out));
        self.passed.outgoing += items(out);
    }

    fn flush(&mut self, out: &mut Vec<Batch>) {
        self.processor.flush(out);
        self.passed.outgoing += items(out);
    }
}

fn items(batches: &[Batch]) -> usize {
    batches.iter().map(Batch::items).sum()
}

fn run(stages: &mut [Stage], mut batches: Vec<Batch>) -> Vec<Batch> {
    for stage in stages {
        let mut out = Vec::with_capacity(batches.len());
        stage.process(batches, &mut out);
        batches = out;
    }
    batches
}

/// Keeps what waits for processors in the outbox.
struct Closed;

#[async_trait(?Send)]
impl Exporter for Closed {
    async fn export(&self, _: &Batch) -> Result<Delivered, Undelivered> {
        let cause = "a processor of this pipeline waits for what its configuration refers to".into();
        Err(Undelivered::Retry { after: None, cause })
    }

    fn sending(&self) -> Sending {
        let mut sending = Sending::default();
        // Nothing is given up; the budget bounds what waits.
        (sending.retry.max_elapsed_time, sending.queue.queue_size) = (Duration::ZERO, usize::MAX);
        sending
    }
}
