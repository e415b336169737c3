//! What a service is started with.

use std::time::Duration;

use config::Id;

use crate::{Error, Exporter, Host, Processor, Receiver, Signal};

/// What to run: the parts of a configuration, built.
#[derive(Default)]
pub struct Plan {
    /// The receivers; `None` where one can't be built yet.
    pub receivers: Vec<(Id, Option<Box<dyn Receiver>>)>,
    /// The exporters, each with the outbox it gets.
    pub exporters: Vec<(Id, Box<dyn Exporter>)>,
    /// The pipelines between them.
    pub pipelines: Vec<PipelinePlan>,
    /// Who is told what becomes of the telemetry.
    pub own: Vec<OwnMetrics>,
}

/// Metrics of the service itself: who gets them.
pub struct OwnMetrics {
    /// Sends them, and nothing else.
    pub exporter: (Id, Box<dyn Exporter>),
    /// How often, at most.
    pub interval: Duration,
    /// Attributes of the service as a resource;
    pub resource: Vec<(String, String)>,
    /// those of the place that it runs in are added.
    pub host: Host,
}

/// One pipeline: which receivers feed it, what it does, which exporters it feeds.
pub struct PipelinePlan {
    /// Its id in the configuration.
    pub id: Id,
    /// Its signal.
    pub signal: Signal,
    /// Ids in [`Plan::receivers`].
    pub receivers: Vec<Id>,
    /// Its own processors, in order; `None` where one can't be built yet, so that what comes waits.
    pub processors: Option<Vec<(Id, Box<dyn Processor>)>>,
    /// Ids in [`Plan::exporters`].
    pub exporters: Vec<Id>,
}

impl Plan {
    /// Lets every receiver take its ports; returns what could not be had, by receiver. The others work on.
    pub fn bind(&mut self) -> Vec<(Id, Error)> {
        let bind = |(id, receiver): &mut (Id, Option<Box<dyn Receiver>>)| {
            let errors = receiver.as_mut().map_or_else(Vec::new, |receiver| receiver.bind());
            let id = id.clone();
            errors.into_iter().map(move |error| (id.clone(), error)).collect::<Vec<_>>()
        };
        self.receivers.iter_mut().flat_map(bind).collect()
    }
}
