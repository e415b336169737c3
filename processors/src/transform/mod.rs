//! The `transform` processor: changes spans, metrics and log records, and what lies around them, by statements.

mod config;

use std::mem::take;

use ::config::{Mistakes, Node};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::{Batch, Context, Processor};

use crate::ottl::stated::{BySignal, Stated, any_changes};
use crate::ottl::{Condition, Level, PointMut, Statement, Target};
use config::Config;

/// Makes a `transform`.
///
/// # Errors
/// Statements that are wrong, or that need what is not built in.
pub fn build(node: &Node, context: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let config: Config = node.read()?;
    Ok(Box::new(Transform(config.rules(node, context.id.to_string())?)))
}

struct Transform(BySignal<Rule>);

/// Statements that are carried out on everything of a level for which a condition is true, or there is none.
struct Rule {
    level: Level,
    conditions: Vec<Stated<Condition>>,
    statements: Vec<Stated<Statement>>,
}

impl Processor for Transform {
    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        self.0.apply(&mut batch, traces, metrics, logs);
        out.push(batch);
    }
}

impl Rule {
    fn carry_out(&self, id: &str, mut target: Target) -> bool {
        let holds = |condition: &Stated<Condition>| {
            let holds = condition.it.holds(&target.item());
            condition.or_told(id, "a condition can't be told and counts as false", holds)
        };
        if !self.conditions.is_empty() && !self.conditions.iter().any(holds) {
            return false;
        }
        any_changes(&self.statements, |statement| {
            let changed = statement.it.carry_out(&mut target);
            statement.or_told(id, "a statement can't be carried out and changes nothing", changed)
        })
    }
}

/// What lies around a span, a metric or a record.
struct Around<'a> {
    resource: &'a mut Option<Resource>,
    resource_schema: &'a str,
    scope: &'a mut Option<InstrumentationScope>,
    scope_schema: &'a str,
}

impl Around<'_> {
    fn target(&mut self) -> Target<'_> {
        let scope = Some(&mut *self.scope);
        let scope_schema = self.scope_schema;
        Target { scope, scope_schema, ..Target::of(self.resource, self.resource_schema) }
    }
}

/// A pass through all of a request: resources, scopes, or what `$each` does to a scope's items.
macro_rules! pass {
    ($name:ident, $request:ty, $resources:ident, $scopes:ident, $items:ident, $each:ident) => {
        fn $name(rule: &Rule, id: &str, request: &mut $request) -> bool {
            let mut changed = false;
            for outer in &mut request.$resources {
                if rule.level == Level::Resource {
                    changed |= rule.carry_out(id, Target::of(&mut outer.resource, &outer.schema_url));
                    continue;
                }
                for inner in &mut outer.$scopes {
                    let mut around = Around {
                        resource: &mut outer.resource,
                        resource_schema: &outer.schema_url,
                        scope: &mut inner.scope,
                        scope_schema: &inner.schema_url,
                    };
                    changed |= match rule.level {
                        Level::Scope => rule.carry_out(id, around.target()),
                        _ => $each(rule, id, &mut around, &mut inner.$items),
                    };
                }
            }
            changed
        }
    };
}

pass!(traces, ExportTraceServiceRequest, resource_spans, scope_spans, spans, change_spans);
pass!(metrics, ExportMetricsServiceRequest, resource_metrics, scope_metrics, metrics, change_metrics);
pass!(logs, ExportLogsServiceRequest, resource_logs, scope_logs, log_records, change_records);

fn change_records(rule: &Rule, id: &str, around: &mut Around, records: &mut [LogRecord]) -> bool {
    let mut changed = false;
    for record in records {
        changed |= rule.carry_out(id, Target { log: Some(record), ..around.target() });
    }
    changed
}

fn change_spans(rule: &Rule, id: &str, around: &mut Around, spans: &mut [Span]) -> bool {
    let mut changed = false;
    for span in spans {
        if rule.level == Level::Span {
            changed |= rule.carry_out(id, Target { span: Some(span), ..around.target() });
            continue;
        }
        let mut events = take(&mut span.events);
        for event in &mut events {
            let target = Target { span: Some(span), event: Some(event), ..around.target() };
            changed |= rule.carry_out(id, target);
        }
        span.events = events;
    }
    changed
}

fn change_metrics(rule: &Rule, id: &str, around: &mut Around, metrics: &mut [Metric]) -> bool {
    let mut changed = false;
    for metric in metrics {
        if rule.level == Level::Metric {
            changed |= rule.carry_out(id, Target { metric: Some(metric), ..around.target() });
            continue;
        }
        // A point sees its metric without the points.
        macro_rules! change_points {
            ($data:ident, $kind:ident, $point:ident) => {{
                let mut points = take(&mut $data.data_points);
                for point in &mut points {
                    let point = Some(PointMut::$point(point));
                    changed |= rule.carry_out(id, Target { metric: Some(metric), point, ..around.target() });
                }
                if let Some(Data::$kind(data)) = &mut metric.data {
                    data.data_points = points;
                }
            }};
        }
        match &mut metric.data {
            Some(Data::Gauge(data)) => change_points!(data, Gauge, Number),
            Some(Data::Sum(data)) => change_points!(data, Sum, Number),
            Some(Data::Histogram(data)) => change_points!(data, Histogram, Histogram),
            Some(Data::ExponentialHistogram(data)) => {
                change_points!(data, ExponentialHistogram, Exponential);
            }
            Some(Data::Summary(data)) => change_points!(data, Summary, Summary),
            None => {}
        }
    }
    changed
}
