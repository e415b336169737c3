//! The `filter` processor: drops the spans, metrics and log records for which a condition is true.

mod config;

use ::config::{Mistakes, Node};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::{Batch, Context, Processor};

use crate::matching::{Around, Matching};
use crate::ottl::stated::{BySignal, Stated};
use crate::ottl::{Condition, Item, Level, Point};
use config::Config;

/// Makes a `filter`.
///
/// # Errors
/// Conditions that are wrong, or that need what is not built in.
pub fn build(node: &Node, context: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let config: Config = node.read()?;
    Ok(Box::new(Filter(config.rules(node, context.id.to_string())?)))
}

struct Filter(BySignal<Rule>);

/// Drops what the test is true of.
struct Rule {
    level: Level,
    test: Test,
}

enum Test {
    /// One of them is true.
    Conditions(Vec<Stated<Condition>>),
    /// It is none of these.
    Unchosen(Box<Matching>),
}

impl Processor for Filter {
    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        self.0.apply(&mut batch, traces, metrics, logs);
        if batch.items() > 0 {
            out.push(batch);
        }
    }
}

impl Rule {
    fn drops(&self, id: &str, item: &Item) -> bool {
        match &self.test {
            Test::Conditions(conditions) => conditions.iter().any(|stated| {
                stated.or_told(id, "a condition can't be told and counts as false", stated.it.holds(item))
            }),
            Test::Unchosen(matching) => {
                let around = Around::new(item.resource, item.scope);
                let span = item.span.is_some_and(|span| !matching.chooses_span(span, &around));
                let record = item.log.is_some_and(|record| !matching.chooses_record(record, &around));
                let metric = |metric: &Metric| !matching.chooses_metric_around(&metric.name, &around);
                span || record || item.metric.is_some_and(metric)
            }
        }
    }
}

/// A pass through all of a request: resources, scopes, or what `$each` drops of a scope's items. What is empty then
/// goes too.
macro_rules! pass {
    ($name:ident, $request:ty, $resources:ident, $scopes:ident, $items:ident, $each:ident) => {
        fn $name(rule: &Rule, id: &str, request: &mut $request) -> bool {
            if rule.level == Level::Resource {
                return drop_from(&mut request.$resources, |it| {
                    let (resource, resource_schema) = (it.resource.as_ref(), it.schema_url.as_str());
                    rule.drops(id, &Item { resource, resource_schema, ..Item::default() })
                });
            }
            let mut changed = false;
            for it in &mut request.$resources {
                let (resource, resource_schema) = (it.resource.as_ref(), it.schema_url.as_str());
                let around = Item { resource, resource_schema, ..Item::default() };
                if rule.level == Level::Scope {
                    changed |= drop_from(&mut it.$scopes, |it| {
                        let (scope, scope_schema) = (it.scope.as_ref(), it.schema_url.as_str());
                        rule.drops(id, &Item { scope, scope_schema, ..around })
                    });
                    continue;
                }
                for it in &mut it.$scopes {
                    let (scope, scope_schema) = (it.scope.as_ref(), it.schema_url.as_str());
                    changed |= $each(rule, id, &Item { scope, scope_schema, ..around }, &mut it.$items);
                }
                it.$scopes.retain(|it| !it.$items.is_empty());
            }
            request.$resources.retain(|it| !it.$scopes.is_empty());
            changed
        }
    };
}

pass!(traces, ExportTraceServiceRequest, resource_spans, scope_spans, spans, drop_spans);
pass!(metrics, ExportMetricsServiceRequest, resource_metrics, scope_metrics, metrics, drop_metrics);
pass!(logs, ExportLogsServiceRequest, resource_logs, scope_logs, log_records, drop_records);

fn drop_from<T>(list: &mut Vec<T>, drops: impl Fn(&T) -> bool) -> bool {
    let before = list.len();
    list.retain(|it| !drops(it));
    list.len() < before
}

fn drop_records(rule: &Rule, id: &str, around: &Item, records: &mut Vec<LogRecord>) -> bool {
    drop_from(records, |record| rule.drops(id, &Item { log: Some(record), ..*around }))
}

fn drop_spans(rule: &Rule, id: &str, around: &Item, spans: &mut Vec<Span>) -> bool {
    if rule.level == Level::Span {
        return drop_from(spans, |span| rule.drops(id, &Item { span: Some(span), ..*around }));
    }
    let mut changed = false;
    for span in spans {
        let mut events = std::mem::take(&mut span.events);
        changed |= drop_from(&mut events, |event| {
            rule.drops(id, &Item { span: Some(span), event: Some(event), ..*around })
        });
        span.events = events;
    }
    changed
}

fn drop_metrics(rule: &Rule, id: &str, around: &Item, metrics: &mut Vec<Metric>) -> bool {
    if rule.level == Level::Metric {
        return drop_from(metrics, |metric| rule.drops(id, &Item { metric: Some(metric), ..*around }));
    }
    let mut changed = false;
    metrics.retain_mut(|metric| {
        let drops = |metric: &Metric, point: Point<'_>| {
            rule.drops(id, &Item { metric: Some(metric), point: Some(point), ..*around })
        };
        // A point sees its metric without the points.
        macro_rules! drop_points {
            ($data:ident, $kind:ident, $point:ident) => {{
                let mut points = std::mem::take(&mut $data.data_points);
                changed |= drop_from(&mut points, |point| drops(metric, Point::$point(point)));
                let is_left = !points.is_empty();
                if let Some(Data::$kind(data)) = &mut metric.data {
                    data.data_points = points;
                }
                is_left
            }};
        }
        match &mut metric.data {
            Some(Data::Gauge(data)) => drop_points!(data, Gauge, Number),
            Some(Data::Sum(data)) => drop_points!(data, Sum, Number),
            Some(Data::Histogram(data)) => drop_points!(data, Histogram, Histogram),
            Some(Data::ExponentialHistogram(data)) => {
                drop_points!(data, ExponentialHistogram, Exponential)
            }
            Some(Data::Summary(data)) => drop_points!(data, Summary, Summary),
            None => true,
        }
    });
    changed
}
