//! Exemplars: measurements that a point was made of, with the traces that they belong to.

use opentelemetry_proto::tonic::metrics::v1::Exemplar;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value;

use super::labels::text;
use super::series::milliseconds;
use super::wire;

/// The most characters of names and values
/// (<https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#exemplars>).
const LONGEST: usize = 128;

/// Those that have a value. Attributes are left out where they are too long.
pub(super) fn exemplars(exemplars: &[Exemplar]) -> Vec<wire::Exemplar> {
    exemplars.iter().filter_map(exemplar).collect()
}

fn exemplar(exemplar: &Exemplar) -> Option<wire::Exemplar> {
    let value = match exemplar.value? {
        Value::AsDouble(value) => value,
        Value::AsInt(value) => value as f64,
    };
    let label = |name: &str, value: String| wire::Label { name: name.into(), value };
    let ids = [("trace_id", &exemplar.trace_id), ("span_id", &exemplar.span_id)];
    let mut labels: Vec<_> = ids
        .into_iter()
        .filter(|(_, id)| id.iter().any(|byte| *byte != 0))
        .map(|(name, id)| label(name, id.iter().map(|byte| format!("{byte:02x}")).collect()))
        .collect();
    let attributes = exemplar.filtered_attributes.iter().map(|it| label(&it.key, text(it)));
    let attributes: Vec<_> = attributes.collect();
    let characters = |label: &wire::Label| label.name.chars().count() + label.value.chars().count();
    if labels.iter().chain(&attributes).map(characters).sum::<usize>() <= LONGEST {
        labels.extend(attributes);
    }
    Some(wire::Exemplar { labels, value, timestamp: milliseconds(exemplar.time_unix_nano) })
}
