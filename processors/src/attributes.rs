//! The `attributes` processor: edits the attributes of the spans, data points and log records that its settings
//! choose.

use config::{Mistakes, Node};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use pipeline::{Batch, Context, Processor, Signal};
use serde::Deserialize;

use crate::actions::{ActionConfig, Actions};
use crate::matching::{Around, MatchConfig, Matching};

/// What a user may write.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Only these; all, if it is not there.
    include: Option<MatchConfig>,
    /// But not these.
    exclude: Option<MatchConfig>,
    /// What to do, in order.
    actions: Vec<ActionConfig>,
}

/// Makes an `attributes` processor.
///
/// # Errors
/// What is wrong with the list of actions, or with what chooses.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let config: Config = node.read()?;
    let matching = Matching::new(node, config.include, config.exclude);
    let actions = Actions::new(node, "actions", config.actions);
    match (matching, actions) {
        (Ok(matching), Ok(actions)) => Ok(Box::new(Attributes { matching, actions })),
        (matching, actions) => {
            let found = matching.err().into_iter().chain(actions.err());
            Err(Mistakes(found.flat_map(|mistakes| mistakes.0).collect()))
        }
    }
}

struct Attributes {
    matching: Matching,
    actions: Actions,
}

impl Processor for Attributes {
    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        match batch.signal() {
            Signal::Traces => batch.edit_if(|request| self.spans(request)),
            Signal::Metrics => batch.edit_if(|request| self.points(request)),
            Signal::Logs => batch.edit_if(|request| self.records(request)),
        }
        out.push(batch);
    }

    fn takes(&self, signal: Signal) -> Result<(), String> {
        self.matching.takes(signal)
    }
}

/// Each says whether it chose anything to change.
impl Attributes {
    fn spans(&self, request: &mut ExportTraceServiceRequest) -> bool {
        self.matching.each_span(request, |span| self.actions.apply(&mut span.attributes))
    }

    fn records(&self, request: &mut ExportLogsServiceRequest) -> bool {
        let mut changed = false;
        for resource in &mut request.resource_logs {
            for scope in &mut resource.scope_logs {
                let around = Around::new(resource.resource.as_ref(), scope.scope.as_ref());
                for record in &mut scope.log_records {
                    if self.matching.chooses_record(record, &around) {
                        changed |= self.apply(&mut record.attributes);
                    }
                }
            }
        }
        changed
    }

    fn points(&self, request: &mut ExportMetricsServiceRequest) -> bool {
        let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
        let metrics = scopes.flat_map(|scope| &mut scope.metrics);
        let mut changed = false;
        for metric in metrics.filter(|metric| self.matching.chooses_metric(&metric.name)) {
            for attributes in attributes_of(metric) {
                changed |= self.apply(attributes);
            }
        }
        changed
    }

    fn apply(&self, attributes: &mut Vec<KeyValue>) -> bool {
        self.actions.apply(attributes);
        true
    }
}

/// The attributes of each data point.
fn attributes_of(metric: &mut Metric) -> Vec<&mut Vec<KeyValue>> {
    macro_rules! of {
        ($data:expr) => {
            $data.data_points.iter_mut().map(|point| &mut point.attributes).collect()
        };
    }
    match &mut metric.data {
        Some(Data::Gauge(data)) => of!(data),
        Some(Data::Sum(data)) => of!(data),
        Some(Data::Histogram(data)) => of!(data),
        Some(Data::ExponentialHistogram(data)) => of!(data),
        Some(Data::Summary(data)) => of!(data),
        None => Vec::new(),
    }
}
