//! `service`: pipelines, extensions, and the collector's own telemetry.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny};

use crate::mistakes::{Mistake, valid_words};
use crate::node::Node;
use crate::readers::{self, Reader};
use crate::tree::Kind;
use crate::{Id, Section};

/// One pipeline: from its receivers through its processors, in order, to its exporters.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// `signal` or `signal/name`; the signal is `traces`, `metrics` or `logs`.
    pub id: Id,
    /// Where its data comes from; each one once.
    pub receivers: Vec<Id>,
    /// What its data passes, in this order.
    pub processors: Vec<Id>,
    /// Where its data goes; each one once.
    pub exporters: Vec<Id>,
    pub(crate) node: Node,
}

const SIGNALS: [&str; 3] = ["traces", "metrics", "logs"];

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lists {
    receivers: Vec<Id>,
    processors: Vec<Id>,
    exporters: Vec<Id>,
}

impl Pipeline {
    /// Reads the pipeline that `key` names, without asking whether its components exist.
    pub(crate) fn read(key: &str, node: Node) -> Result<Self, Vec<Mistake>> {
        let id: Id = key.parse().map_err(|why| node.mistake("", why).0)?;
        if id.kind == "profiles" {
            return Err(node
                .mistake("", format_args!("profiles are not supported{}", valid_words("", &SIGNALS)))
                .0);
        }
        if !SIGNALS.contains(&id.kind.as_str()) {
            let valid = valid_words(&id.kind, &SIGNALS);
            return Err(node.mistake("", format_args!("unknown signal {}{valid}", id.kind)).0);
        }
        let lists: Lists = node.read().map_err(|mistakes| mistakes.0)?;
        let mut mistakes = Vec::new();
        if lists.receivers.is_empty() {
            mistakes.extend(node.mistake("receivers", "a pipeline needs at least one receiver").0);
        }
        if lists.exporters.is_empty() {
            mistakes.extend(node.mistake("exporters", "a pipeline needs at least one exporter").0);
        }
        let mut seen = HashSet::new();
        for (i, id) in lists.processors.iter().enumerate() {
            if !seen.insert(id) {
                let twice = format_args!("the processor {id} stands twice in this pipeline");
                mistakes.extend(node.mistake(&format!("processors[{i}]"), twice).0);
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(Pipeline {
            receivers: once(&node, "receivers", lists.receivers),
            exporters: once(&node, "exporters", lists.exporters),
            processors: lists.processors,
            id,
            node,
        })
    }

    /// Its components by section, each with its place in the pipeline.
    pub(crate) fn references(&self) -> impl Iterator<Item = (Section, &Id, String)> {
        [
            (Section::Receivers, &self.receivers),
            (Section::Processors, &self.processors),
            (Section::Exporters, &self.exporters),
        ]
        .into_iter()
        .flat_map(move |(section, ids)| ids.iter().map(move |id| (section, id, self.key_of(section, id))))
    }

    fn key_of(&self, section: Section, id: &Id) -> String {
        let list = self.node.get(section.key());
        let index = list.and_then(|list| match &list.tree.kind {
            Kind::List(items) => items.iter().position(|item| {
                item.as_text().and_then(|text| text.parse::<Id>().ok()).as_ref() == Some(id)
            }),
            _ => None,
        });
        format!("{}[{}]", section.key(), index.unwrap_or_default())
    }
}

/// As the Collector does, takes what is listed twice once.
fn once(node: &Node, key: &str, ids: Vec<Id>) -> Vec<Id> {
    let mut kept: Vec<Id> = Vec::with_capacity(ids.len());
    for (i, id) in ids.into_iter().enumerate() {
        if kept.contains(&id) {
            node.warn(&format!("{key}[{i}]"), format_args!("{id} stands twice in this list and counts once"));
        } else {
            kept.push(id);
        }
    }
    kept
}

/// What `service` says.
#[derive(Default)]
pub(crate) struct Service {
    pub extensions: Vec<Id>,
    pub pipelines: Vec<Pipeline>,
    pub telemetry: Telemetry,
}

impl Service {
    pub fn read(root: &Node, mistakes: &mut Vec<Mistake>) -> Self {
        let mut service = Service::default();
        let Some(node) = root.get("service") else {
            mistakes.extend(root.mistake("service", "there is no service; it says which pipelines run").0);
            return service;
        };
        let entries = match &node.tree.kind {
            Kind::Map(entries) => &entries[..],
            _ if node.tree.is_null() => &[],
            _ => {
                mistakes.extend(node.mistake("", "expected a map of pipelines, extensions and telemetry").0);
                return service;
            }
        };
        for (key, tree) in entries {
            let below = node.below(node.path.key(key.text.clone()), tree);
            match &*key.text {
                "pipelines" => service.read_pipelines(&below, mistakes),
                "extensions" if tree.is_null() => {}
                "extensions" => match below.read() {
                    Ok(extensions) => service.extensions = extensions,
                    Err(more) => mistakes.extend(more.0),
                },
                "telemetry" => match Telemetry::read(&below) {
                    Ok(telemetry) => service.telemetry = telemetry,
                    Err(more) => mistakes.extend(more),
                },
                unknown => {
                    let valid = valid_words(unknown, &["pipelines", "extensions", "telemetry"]);
                    mistakes.push(Mistake::new(&key.place, &below.path, format_args!("unknown key{valid}")));
                }
            }
        }
        if node.get("pipelines").is_none_or(|pipelines| pipelines.is_empty()) {
            mistakes.extend(
                node.mistake("pipelines", "at least one pipeline is needed; without one nothing runs").0,
            );
        }
        service
    }

    fn read_pipelines(&mut self, node: &Node, mistakes: &mut Vec<Mistake>) {
        let Kind::Map(entries) = &node.tree.kind else {
            if !node.tree.is_null() {
                mistakes.extend(node.mistake("", "expected a map of pipelines such as traces or logs/2").0);
            }
            return;
        };
        for (key, tree) in entries {
            let below = node.below(node.path.key(key.text.clone()), tree);
            match Pipeline::read(&key.text, below) {
                Ok(pipeline) => self.pipelines.push(pipeline),
                Err(more) => mistakes.extend(more),
            }
        }
    }
}

/// How much the collector says in its own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `debug`
    Debug,
    /// `info`, the Collector's default
    Info,
    /// `warn`
    Warn,
    /// `error`
    Error,
    /// `dpanic`, `panic` and `fatal`: nothing that this collector would say
    Fatal,
}

impl<'de> Deserialize<'de> for LogLevel {
    /// In any case: `WARN` is `warn`.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const WORDS: &[&str] = &["debug", "info", "warn", "error", "dpanic", "panic", "fatal"];
        match String::deserialize(from)?.to_ascii_lowercase().as_str() {
            "debug" => Ok(LogLevel::Debug),
            "info" | "" => Ok(LogLevel::Info),
            "warn" => Ok(LogLevel::Warn),
            "error" => Ok(LogLevel::Error),
            "dpanic" | "panic" | "fatal" => Ok(LogLevel::Fatal),
            other => Err(D::Error::unknown_variant(other, WORDS)),
        }
    }
}

/// `service.telemetry`, as far as it has an effect here. The rest is accepted: there is no own trace, and no port is
/// opened.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// `logs.level`, if it is given.
    pub log_level: Option<LogLevel>,
    /// `resource`: attributes of the collector itself, for its log. Nothing for one that is to be left out.
    pub resource: BTreeMap<String, Option<String>>,
    /// `metrics.readers`: who is told what becomes of the telemetry.
    pub readers: Vec<Reader>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TelemetryKeys {
    logs: LogKeys,
    metrics: MetricKeys,
    traces: TraceKeys,
    resource: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LogKeys {
    level: Option<LogLevel>,
    development: bool,
    encoding: Option<String>,
    disable_caller: bool,
    disable_stacktrace: bool,
    disable_zap_resource: bool,
    sampling: Option<IgnoredAny>,
    #[serde(deserialize_with = "crate::words")]
    output_paths: Vec<String>,
    #[serde(deserialize_with = "crate::words")]
    error_output_paths: Vec<String>,
    initial_fields: Option<IgnoredAny>,
    processors: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MetricKeys {
    level: Option<MetricLevel>,
    readers: Option<IgnoredAny>,
    views: Option<IgnoredAny>,
    address: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TraceKeys {
    level: Option<MetricLevel>,
    propagators: Option<IgnoredAny>,
    processors: Option<IgnoredAny>,
}

/// `none`, `basic`, `normal` or `detailed`, in any case.
#[derive(Clone, Copy, PartialEq)]
enum MetricLevel {
    None,
    Some,
}

const NOT_MEASURED: &str = "the log says what became of the telemetry, and metrics.readers are told it";
const LOG_LINES: &str = "the log is JSON lines on stdout, which Lambda carries to CloudWatch";

/// Keys that are read and change nothing.
const IDLE: [(&str, &str, &str); 14] = [
    ("metrics", "address", "the Collector dropped it in 0.123, and no port is opened; remove it"),
    ("metrics", "views", NOT_MEASURED),
    ("traces", "propagators", NOT_MEASURED),
    ("traces", "processors", NOT_MEASURED),
    ("logs", "processors", LOG_LINES),
    ("logs", "encoding", LOG_LINES),
    ("logs", "output_paths", LOG_LINES),
    ("logs", "error_output_paths", LOG_LINES),
    ("logs", "initial_fields", LOG_LINES),
    ("logs", "development", LOG_LINES),
    ("logs", "sampling", "every line is written"),
    ("logs", "disable_caller", LOG_LINES),
    ("logs", "disable_stacktrace", LOG_LINES),
    ("logs", "disable_zap_resource", LOG_LINES),
];

impl<'de> Deserialize<'de> for MetricLevel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const WORDS: &[&str] = &["none", "basic", "normal", "detailed"];
        let word = String::deserialize(from)?.to_ascii_lowercase();
        if word.is_empty() || word == "none" {
            Ok(MetricLevel::None)
        } else if WORDS.contains(&word.as_str()) {
            Ok(MetricLevel::Some)
        } else {
            Err(D::Error::unknown_variant(&word, WORDS))
        }
    }
}

impl Telemetry {
    fn read(node: &Node) -> Result<Self, Vec<Mistake>> {
        let keys: TelemetryKeys = node.read().map_err(|mistakes| mistakes.0)?;
        for (signal, key, why) in IDLE {
            let set = node.get(signal).and_then(|keys| keys.get(key)).filter(|value| !value.tree.is_null());
            if set.is_some() {
                node.warn(&format!("{signal}.{key}"), format_args!("changes nothing here: {why}"));
            }
        }
        for (signal, level) in [("metrics", keys.metrics.level), ("traces", keys.traces.level)] {
            let has_readers = node.get(signal).is_some_and(|keys| keys.get("readers").is_some());
            if level == Some(MetricLevel::Some) && !has_readers {
                node.warn(&format!("{signal}.level"), format_args!("changes nothing here: {NOT_MEASURED}"));
            }
        }
        // The newer form, a list under `attributes`, is accepted and has no effect.
        let resource = node.get("resource").and_then(|resource| resource.read().ok()).unwrap_or_default();
        let metrics = node.get("metrics");
        let is_off = metrics.as_ref().and_then(|metrics| metrics.get("level")).is_some_and(|level| {
            level.tree.as_text().is_some_and(|level| level.eq_ignore_ascii_case("none"))
        });
        let readers = metrics.and_then(|metrics| metrics.get("readers")).filter(|_| !is_off);
        let readers = readers.map_or(Ok(Vec::new()), |readers| readers::read(&readers))?;
        Ok(Telemetry { log_level: keys.logs.level, resource, readers })
    }
}
