//! The `resourcedetection` processor: adds to each resource what is known of the function it is from, and leaves
//! everything else the bytes it was.
//!
//! Nothing is detected at the start: what the process knows of its host grows, and changes when a snapshot is
//! restored, so each batch gets what is known by then.

mod config;

use ::config::{Mistakes, Node};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use pipeline::{Batch, Context, Declared, Host, Processor};

use self::config::{Detection, Detector};

/// Makes a `resourcedetection` processor.
///
/// # Errors
/// What is no valid setting.
pub fn build(node: &Node, context: &Context) -> Result<Box<dyn Processor>, Mistakes> {
    let detection = Detection::read(node)?;
    let Declared { attributes, mistake } = Declared::read(&context.env);
    let reads_env = detection.detectors.iter().any(|detector| matches!(detector, Detector::Env(_)));
    if let Some(mistake) = mistake.filter(|_| reads_env) {
        node.warn("", mistake);
    }
    Ok(Box::new(ResourceDetection { detection, declared: attributes, host: context.host.clone() }))
}

struct ResourceDetection {
    detection: Detection,
    declared: Vec<KeyValue>,
    host: Host,
}

impl Processor for ResourceDetection {
    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let detected = self.detect();
        if !detected.is_empty() {
            batch.edit_resources(|attributes| {
                detected.iter().for_each(|found| add(attributes, found, self.detection.overrides));
            });
        }
        out.push(batch);
    }
}

/// An attribute that was found.
struct Found {
    attribute: KeyValue,
    /// Whether it is only an assumption, for where nothing is known: the function's name as that of the service.
    is_assumed: bool,
}

impl ResourceDetection {
    /// What all detectors together find; of equal keys what is found first, and what is assumed last.
    fn detect(&self) -> Vec<Found> {
        let mut all = Vec::new();
        for detector in &self.detection.detectors {
            match detector {
                Detector::Env(only) => {
                    let wanted =
                        |found: &&KeyValue| only.as_ref().is_none_or(|only| only.contains(&found.key));
                    let found = self.declared.iter().filter(wanted).cloned();
                    all.extend(found.map(|attribute| Found { attribute, is_assumed: false }));
                }
                Detector::Lambda { without } => {
                    let found =
                        self.host.resource().into_iter().filter(|found| !without.contains(&found.key));
                    all.extend(
                        found.map(|attribute| Found {
                            is_assumed: attribute.key == "service.name",
                            attribute,
                        }),
                    );
                }
            }
        }
        all.sort_by_key(|found| found.is_assumed);
        let mut first: Vec<Found> = Vec::with_capacity(all.len());
        for found in all {
            let is_known = first.iter().any(|known| known.attribute.key == found.attribute.key);
            let is_wanted =
                self.detection.only.as_ref().is_none_or(|only| only.contains(&found.attribute.key));
            if is_wanted && !is_known {
                first.push(found);
            }
        }
        first
    }
}

/// Adds what was found to a resource, or lets it replace what is there.
fn add(attributes: &mut Vec<KeyValue>, found: &Found, overrides: bool) {
    let there = attributes.iter_mut().find(|attribute| attribute.key == found.attribute.key);
    match there {
        None => attributes.push(found.attribute.clone()),
        Some(there) if overrides && (!found.is_assumed || is_unknown(there)) => {
            *there = found.attribute.clone()
        }
        Some(_) => {}
    }
}

/// Whether an SDK says that it knows no name of its service: `unknown_service`, perhaps with the process's after it.
fn is_unknown(name: &KeyValue) -> bool {
    match name.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.is_empty() || text.starts_with("unknown_service"),
        _ => false,
    }
}
