//! `service.telemetry.metrics.readers`: who is told what becomes of the telemetry.

use std::rc::Rc;
use std::time::Duration;

use crate::mistakes::{Mistake, valid_words};
use crate::node::Node;
use crate::tree::{Key, Kind, Tree};

/// How often a periodic reader reads unless it says so.
const INTERVAL: Duration = Duration::from_secs(60);
const PROTOCOLS: [&str; 3] = ["http/protobuf", "http/json", "grpc"];

/// A periodic reader that sends the collector's own metrics over OTLP.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The exporter that does it: `otlp_http` or `otlp_grpc`.
    pub exporter: &'static str,
    /// That one's settings.
    pub settings: Node,
    /// How often, at most.
    pub interval: Duration,
}

/// Those in the list `readers`, in the words of OpenTelemetry's declarative configuration
/// (<https://opentelemetry.io/docs/collector/internal-telemetry/>); warns of others.
pub(crate) fn read(readers: &Node) -> Result<Vec<Reader>, Vec<Mistake>> {
    let Kind::List(items) = &readers.tree.kind else { return Ok(Vec::new()) };
    let mut read = Vec::new();
    let mut mistakes = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let reader = readers.below(readers.path.index(i), item);
        let periodic = reader.get("periodic");
        let exporter = periodic.as_ref().and_then(|periodic| periodic.get("exporter"));
        let named = exporter.as_ref().and_then(|exporter| {
            ["otlp", "otlp_http", "otlp_grpc"].into_iter().find_map(|name| Some((name, exporter.get(name)?)))
        });
        let (Some(periodic), Some((name, keys))) = (periodic, named) else {
            reader.warn("", "changes nothing here: own metrics are sent by periodic readers over otlp alone");
            continue;
        };
        let interval = periodic.get("interval").and_then(|interval| milliseconds(&interval.tree));
        match settings(name, &keys) {
            Ok((exporter, settings)) => {
                read.push(Reader { exporter, settings, interval: interval.unwrap_or(INTERVAL) });
            }
            Err(more) => mistakes.extend(more),
        }
    }
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
}

fn milliseconds(tree: &Tree) -> Option<Duration> {
    tree.as_text()?.parse().ok().map(Duration::from_millis)
}

/// Which exporter the reader's exporter `name` with these keys is, and the settings of that.
fn settings(name: &str, keys: &Node) -> Result<(&'static str, Node), Vec<Mistake>> {
    let place = &keys.tree.place;
    let text = |text: &str| Rc::new(Tree::text(place.clone(), text));
    let get = |key: &str| keys.tree.get(key).and_then(|tree| tree.as_text()).map(|text| &**text);
    let protocol = match (name, get("protocol")) {
        ("otlp_grpc", _) => "grpc",
        ("otlp_http", _) if get("encoding") == Some("json") => "http/json",
        (_, protocol) => protocol.unwrap_or(PROTOCOLS[0]),
    };
    if !PROTOCOLS.contains(&protocol) {
        let message = format!("there is no such protocol{}", valid_words(protocol, &PROTOCOLS));
        return Err(keys.mistake("protocol", message).0);
    }
    let is_grpc = protocol == "grpc";
    let mut entries: Vec<(&str, Rc<Tree>)> = vec![("compression", text("none"))];
    let default = if is_grpc { "http://localhost:4317" } else { "http://localhost:4318" };
    let endpoint = get("endpoint").unwrap_or(default);
    let has_path =
        endpoint.split_once("://").is_some_and(|(_, rest)| rest.trim_end_matches('/').contains('/'));
    let endpoint_key = if has_path && !is_grpc { "metrics_endpoint" } else { "endpoint" };
    entries.push((endpoint_key, keys.tree.get("endpoint").cloned().unwrap_or_else(|| text(default))));
    if protocol == "http/json" {
        entries.push(("encoding", text("json")));
    }
    if let Kind::Map(given) = &keys.tree.kind {
        for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            match &*key.text {
                "protocol" | "endpoint" | "encoding" => {}
                "temporality_preference" | "default_histogram_aggregation" => {
                    keys.warn(&key.text, "changes nothing here: all own metrics are cumulative sums");
                }
                "timeout" => {
                    let limit = milliseconds(value).unwrap_or_default();
                    entries.push(("timeout", text(&format!("{}ms", limit.as_millis()))));
                }
                "insecure" => {
                    let insecure =
                        vec![(Key { text: "insecure".into(), place: key.place.clone() }, value.clone())];
                    entries.push(("tls", Rc::new(Tree::new(key.place.clone(), Kind::Map(insecure)))));
                }
                "compression" => entries[0].1 = value.clone(),
                other => entries.push((other, value.clone())),
            }
        }
    }
    let key = |name: &str| Key { text: name.into(), place: place.clone() };
    let entries = entries.into_iter().map(|(name, value)| (key(name), value)).collect();
    let tree = Rc::new(Tree::new(place.clone(), Kind::Map(entries)));
    Ok((if is_grpc { "otlp_grpc" } else { "otlp_http" }, keys.below(keys.path.clone(), &tree)))
}
