//! The `probabilistic_sampler` processor: lets a share of the traces and log records pass, the same ones as the Go
//! Collector and, in modes `equalizing` and `proportional`, as SDKs that sample by trace id.

mod config;
mod decision;
mod threshold;
mod tracestate;

use ::config::{Mistakes, Node};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::{Batch, Context, Processor, Signal};

use crate::actions::value::{double, string};
use crate::actions::{get, put};
use config::{Config, Source};
use decision::{Item, Known, Sampler};
use threshold::NEVER;
use tracestate::TraceState;

/// Makes a `probabilistic_sampler`.
///
/// # Errors
/// A percentage or precision that there is not.
pub fn build(node: &Node, _: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let config: Config = node.read()?;
    Ok(Box::new(ProbabilisticSampler { sampler: config.sampler(node)?, config }))
}

struct ProbabilisticSampler {
    sampler: Sampler,
    config: Config,
}

impl Processor for ProbabilisticSampler {
    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        match batch.signal() {
            Signal::Traces => batch.edit(|request: &mut ExportTraceServiceRequest| {
                for resource in &mut request.resource_spans {
                    for scope in &mut resource.scope_spans {
                        scope.spans.retain_mut(|span| self.samples_span(span));
                    }
                    resource.scope_spans.retain(|scope| !scope.spans.is_empty());
                }
                request.resource_spans.retain(|resource| !resource.scope_spans.is_empty());
            }),
            Signal::Logs => batch.edit(|request: &mut ExportLogsServiceRequest| {
                for resource in &mut request.resource_logs {
                    for scope in &mut resource.scope_logs {
                        scope.log_records.retain_mut(|record| self.samples_record(record));
                    }
                    resource.scope_logs.retain(|scope| !scope.log_records.is_empty());
                }
                request.resource_logs.retain(|resource| !resource.scope_logs.is_empty());
            }),
            Signal::Metrics => {}
        }
        if batch.items() > 0 {
            out.push(batch);
        }
    }

    fn takes(&self, signal: Signal) -> Result<(), String> {
        match signal {
            Signal::Traces | Signal::Logs => Ok(()),
            Signal::Metrics => Err("samples traces and logs, not metrics".into()),
        }
    }
}

impl ProbabilisticSampler {
    fn samples_span(&self, span: &mut Span) -> bool {
        let text = std::mem::take(&mut span.trace_state);
        let mut state = TraceState::parse(&text);
        let known =
            |state: &TraceState| Known { threshold: state.threshold(), randomness: state.randomness() };
        let traced = threshold::of_trace(&span.trace_id);
        let item = Item {
            known: state.as_ref().map(known),
            traced,
            hashed: traced.map(|_| self.hash(&span.trace_id)),
            priority: priority_of_span(span),
        };
        let sampled = self.sampler.decide(&item);
        if let (Some(sampled), Some(state)) = (&sampled, &mut state)
            && (sampled.threshold.is_some() || sampled.randomness.is_some())
        {
            sampled.randomness.into_iter().for_each(|randomness| state.set_randomness(randomness));
            sampled.threshold.into_iter().for_each(|threshold| state.set_threshold(threshold));
            span.trace_state = state.to_text();
        } else {
            span.trace_state = text;
        }
        sampled.is_some()
    }

    fn samples_record(&self, record: &mut LogRecord) -> bool {
        let traced = threshold::of_trace(&record.trace_id);
        let by_trace = traced.filter(|_| self.config.attribute_source == Source::TraceId);
        let item = Item {
            known: known_of_record(record),
            traced,
            hashed: by_trace.map(|_| self.hash(&record.trace_id)).or_else(|| self.hash_of_attribute(record)),
            priority: self.priority_of_record(record),
        };
        let Some(sampled) = self.sampler.decide(&item) else { return false };
        if let Some(randomness) = sampled.randomness {
            put(&mut record.attributes, RANDOMNESS, string(threshold::randomness_to_text(randomness)));
        }
        if let Some(threshold) = sampled.threshold {
            put(&mut record.attributes, THRESHOLD, string(threshold::to_text(threshold)));
        }
        true
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        threshold::of_hash(bytes, self.config.hash_seed)
    }

    fn hash_of_attribute(&self, record: &LogRecord) -> Option<u64> {
        let name = Some(&self.config.from_attribute).filter(|name| !name.is_empty())?;
        let value = get(&record.attributes, name)?;
        let bytes = match &value.value {
            Some(Value::BytesValue(bytes)) => bytes.clone(),
            _ => pipeline::text(value).into_bytes(),
        };
        (!bytes.is_empty()).then(|| self.hash(&bytes))
    }

    /// The attribute that `sampling_priority` names holds the percentage for this record.
    fn priority_of_record(&self, record: &LogRecord) -> Option<u64> {
        let name = Some(&self.config.sampling_priority).filter(|name| !name.is_empty())?;
        let percentage = number(get(&record.attributes, name)?)?;
        threshold::of_probability(percentage / 100.0, self.config.sampling_precision)
    }
}

/// `sampling.priority`, OpenTracing's way to keep a span (above 0) or to drop it (0).
fn priority_of_span(span: &Span) -> Option<u64> {
    let value = get(&span.attributes, "sampling.priority")?;
    let priority = match &value.value {
        Some(Value::StringValue(text)) => double(text),
        _ => number(value),
    }?;
    if priority > 0.0 {
        Some(0)
    } else if priority == 0.0 {
        Some(NEVER)
    } else {
        None
    }
}

fn number(value: &AnyValue) -> Option<f64> {
    match value.value.as_ref()? {
        Value::DoubleValue(double) => Some(*double),
        Value::IntValue(int) => Some(*int as f64),
        _ => None,
    }
}

const THRESHOLD: &str = "sampling.threshold";
const RANDOMNESS: &str = "sampling.randomness";

/// What the attributes of a record say of earlier sampling; nothing if they can't be read.
fn known_of_record(record: &LogRecord) -> Option<Known> {
    let text = |key| match &get(&record.attributes, key)?.value {
        Some(Value::StringValue(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    Some(Known {
        threshold: text(THRESHOLD).map_or(Some(None), |text| threshold::from_text(text).map(Some))?,
        randomness: text(RANDOMNESS)
            .map_or(Some(None), |text| threshold::randomness_from_text(text).map(Some))?,
    })
}
