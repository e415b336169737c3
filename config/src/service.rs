//! `service`: pipelines and extensions.

use std::collections::HashSet;

use serde::Deserialize;

use crate::mistakes::{Mistake, valid_words};
use crate::node::Node;
use crate::telemetry::Telemetry;
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
