//! Spans of other traces that a span names.

use opentelemetry_proto::tonic::trace::v1::span::Link;

use super::improved::extras::attributes;
use super::json::{Json, Object};
use super::segment::trace_id;
use super::source::Source;
use super::{Id, Mapping};

/// X-Ray shows the links of a segment to so many traces,
const MOST_TRACES: usize = 20;
/// and so many of them to one trace.
const MOST_PER_TRACE: usize = 100;

/// The links that X-Ray takes, and the others. The Go exporter sends all, even those without ids.
pub fn links<'a>(source: &Source<'a>) -> (Vec<Json<'a>>, Vec<Json<'a>>) {
    let is_contrib = source.settings.mapping == Mapping::Contrib;
    let (mut taken, mut others) = (Vec::new(), Vec::new());
    let mut traces: Vec<(&[u8], usize)> = Vec::new();
    for link in &source.span.links {
        let at = traces.iter().position(|(trace, _)| *trace == link.trace_id);
        let at = at.unwrap_or_else(|| {
            traces.push((&link.trace_id, 0));
            traces.len() - 1
        });
        traces[at].1 += 1;
        let fits = at < MOST_TRACES && traces[at].1 <= MOST_PER_TRACE;
        let is_whole =
            link.trace_id.len() == 16 && link.trace_id != [0; 16] && Id::of(&link.span_id).is_some();
        let json = json(link, is_contrib);
        if is_contrib || fits && is_whole { taken.push(json) } else { others.push(json) }
    }
    (taken, others)
}

fn json(link: &Link, is_contrib: bool) -> Json<'_> {
    let mut bytes = [0; 16];
    let length = link.trace_id.len().min(16);
    bytes[..length].copy_from_slice(&link.trace_id[..length]);
    let mut object = Object::default();
    object.set("trace_id", trace_id(&bytes));
    object.set("id", Id::of(&link.span_id).map(|id| id.to_string()).unwrap_or_default());
    match is_contrib {
        false => object.set_some("attributes", attributes(&link.attributes)),
        true if link.attributes.is_empty() => {}
        true => {
            let mut attributes = Object::default();
            for attribute in &link.attributes {
                let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
                attributes.set(attribute.key.as_str(), value.map_or(Json::Null, Json::GoValue));
            }
            object.set("attributes", attributes);
        }
    }
    object.into()
}
