//! What became of the telemetry, as metrics: the service's own, by the Collector's names.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::Id;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::OwnMetrics;
use super::pipeline::{Passed, Pipeline};
use crate::inlet::Accepted;
use crate::outbox::{Outbox, Tally};
use crate::{Batch, Budget, Host, Signal};

/// Tells an exporter the figures of the others, at most once in an interval, and only if they have changed.
pub(super) struct Own {
    pub outbox: Rc<Outbox>,
    interval: Duration,
    resource: Vec<KeyValue>,
    host: Host,
    began: SystemTime,
    /// By the wall clock, which goes on while the environment is frozen.
    told: Cell<SystemTime>,
    last: RefCell<Vec<Figure>>,
}

const INCOMING: &str = "processor_incoming_items";
const OUTGOING: &str = "processor_outgoing_items";

/// One number of one component.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    /// `receiver_accepted`, to which the signal's items are added unless it is of a processor.
    what: &'static str,
    /// `receiver`, `processor` or `exporter`, and its id.
    of: Option<(&'static str, Id)>,
    signal: Option<Signal>,
    value: usize,
}

/// All figures that are not 0.
pub(super) fn figures(
    accepted: &[(Id, Accepted)],
    pipelines: &[Rc<Pipeline>],
    outboxes: &[Rc<Outbox>],
    refusals: usize,
) -> Vec<Figure> {
    // A processor of several pipelines is one there for each.
    let mut passed: BTreeMap<(Signal, Id), Passed> = BTreeMap::new();
    for pipeline in pipelines {
        for (id, Passed { incoming, outgoing }) in pipeline.passed() {
            let sum = passed.entry((pipeline.signal, id)).or_default();
            *sum = Passed { incoming: sum.incoming + incoming, outgoing: sum.outgoing + outgoing };
        }
    }
    let mut figures = Vec::new();
    let mut figure = |what, of, signal, value| {
        if value > 0 {
            figures.push(Figure { what, of, signal, value });
        }
    };
    for signal in Signal::ALL {
        for (id, accepted) in accepted {
            figure("receiver_accepted", Some(("receiver", id.clone())), Some(signal), accepted.of(signal));
        }
        for outbox in outboxes {
            let Tally { sent, failed, shed } = outbox.tally(signal);
            let of = || Some((outbox.kind(), outbox.id().clone()));
            figure("exporter_sent", of(), Some(signal), sent);
            figure("exporter_send_failed", of(), Some(signal), failed);
            figure("exporter_enqueue_failed", of(), Some(signal), shed);
        }
    }
    for ((signal, id), Passed { incoming, outgoing }) in passed {
        let of = || Some(("processor", id.clone()));
        figure(INCOMING, of(), Some(signal), incoming);
        figure(OUTGOING, of(), Some(signal), outgoing);
    }
    // Turned away before they were read: nobody knows how many items they held.
    figure("receiver_refused_requests", None, None, refusals);
    figures.sort_by_key(|figure| (figure.what, figure.signal));
    figures
}

impl Figure {
    /// Whether the signal is an attribute, as the Collector has it for processors.
    fn is_of_processor(&self) -> bool {
        [INCOMING, OUTGOING].contains(&self.what)
    }

    /// What is added to its name, and its unit.
    fn suffix(&self) -> (&'static str, &'static str) {
        match self.signal {
            _ if self.is_of_processor() => ("", "{items}"),
            Some(Signal::Traces) => ("_spans", "{spans}"),
            Some(Signal::Metrics) => ("_metric_points", "{datapoints}"),
            Some(Signal::Logs) => ("_log_records", "{records}"),
            None => ("", "{requests}"),
        }
    }
}

impl Own {
    /// What was planned.
    pub fn new(planned: OwnMetrics) -> Own {
        let (id, exporter) = planned.exporter;
        let text = |text: String| Some(AnyValue { value: Some(Value::StringValue(text)) });
        let attribute = |(key, value)| KeyValue { key, value: text(value), ..KeyValue::default() };
        Own {
            outbox: Rc::new(Outbox::new(id, exporter)),
            interval: planned.interval,
            resource: planned.resource.into_iter().map(attribute).collect(),
            host: planned.host,
            began: SystemTime::now(),
            told: Cell::new(UNIX_EPOCH),
            last: RefCell::default(),
        }
    }

    /// Whether the interval has passed.
    pub fn is_due(&self) -> bool {
        // A clock that was set back says nothing about how long ago that was.
        SystemTime::now().duration_since(self.told.get()).map_or(true, |passed| passed >= self.interval)
    }

    /// Puts `figures` into the outbox, if they are others than before and there is room for them.
    pub fn tell(&self, figures: &[Figure], budget: &Budget) {
        if self.last.borrow().as_slice() == figures {
            return;
        }
        let now = SystemTime::now();
        let request = self.request(figures, now).encode_to_vec();
        let Ok(lease) = budget.lease(request.len()) else { return };
        if let Ok(batch) = Batch::admit(Signal::Metrics, request.into(), lease) {
            self.outbox.put(batch);
            self.told.set(now);
            self.last.replace(figures.to_vec());
        }
    }

    fn request(&self, figures: &[Figure], now: SystemTime) -> ExportMetricsServiceRequest {
        let same = |a: &Figure, b: &Figure| (a.what, a.suffix()) == (b.what, b.suffix());
        let metric = |figures: &[Figure]| {
            let data_points = figures.iter().map(|figure| self.point(figure, now)).collect();
            let temporality = AggregationTemporality::Cumulative.into();
            let (suffix, unit) = figures.first().map(Figure::suffix).unwrap_or_default();
            Metric {
                name: figures.first().map(|it| format!("otelcol_{}{suffix}", it.what)).unwrap_or_default(),
                unit: unit.into(),
                data: Some(Data::Sum(Sum {
                    data_points,
                    aggregation_temporality: temporality,
                    is_monotonic: true,
                })),
                ..Metric::default()
            }
        };
        let metrics = figures.chunk_by(same).map(metric).collect();
        let scope = InstrumentationScope { name: "otelcol-lambda".into(), ..InstrumentationScope::default() };
        let mut attributes = self.resource.clone();
        let known = self.host.resource();
        attributes.extend(known.into_iter().filter(|it| !self.resource.iter().any(|own| own.key == it.key)));
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(Resource { attributes, ..Resource::default() }),
                scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }],
                ..ResourceMetrics::default()
            }],
        }
    }

    fn point(&self, figure: &Figure, now: SystemTime) -> NumberDataPoint {
        let attribute = |(key, value): (&str, String)| KeyValue {
            key: key.into(),
            value: Some(AnyValue { value: Some(Value::StringValue(value)) }),
            ..KeyValue::default()
        };
        let of = figure.of.iter().map(|(kind, id)| (*kind, id.to_string()));
        let signal = figure.signal.filter(|_| figure.is_of_processor());
        let attributes = of.chain(signal.map(|signal| ("otel.signal", signal.to_string())));
        NumberDataPoint {
            attributes: attributes.map(attribute).collect(),
            start_time_unix_nano: nanos(self.began),
            time_unix_nano: nanos(now),
            value: Some(Number::AsInt(i64::try_from(figure.value).unwrap_or(i64::MAX))),
            ..NumberDataPoint::default()
        }
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
