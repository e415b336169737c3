//! The labels of a series.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};

use super::names;
use super::series::Settings;

pub(super) type Labels = BTreeMap<String, String>;

/// What the points of one scope have in common.
pub(super) struct Origin<'a> {
    pub resource: &'a [KeyValue],
    pub scope: Option<&'a InstrumentationScope>,
    pub settings: &'a Settings,
}

impl Origin<'_> {
    /// The labels of a point with these attributes.
    pub fn of_point(&self, attributes: &[KeyValue]) -> Labels {
        let of_resource = self.resource.iter().filter(|it| {
            self.settings.resource_labels && !(self.settings.without_service && names_service(&it.key))
        });
        let own = attributes.iter().filter(|own| !of_resource.clone().any(|it| it.key == own.key));
        let mut labels = joined(own.chain(of_resource.clone()), names::label);
        self.add_common(&mut labels);
        if let Some(scope) = self.scope.filter(|_| self.settings.scope_labels) {
            for (key, value) in [("name", &scope.name), ("version", &scope.version)] {
                if !value.is_empty() {
                    labels.insert(format!("otel_scope_{key}"), value.clone());
                }
            }
            let more =
                scope.attributes.iter().filter(|it| !["name", "version", "schema_url"].contains(&&*it.key));
            labels.extend(
                more.filter_map(|it| Some((names::label(&format!("otel_scope_{}", it.key))?, text(it)))),
            );
        }
        labels
    }

    /// The labels of `target_info`; nothing if they would say nothing, or not of what.
    pub fn of_target_info(&self) -> Option<Labels> {
        let others = self.resource.iter().filter(|it| !names_service(&it.key));
        others.clone().next()?;
        let mut labels = joined(others, names::info_label);
        self.add_common(&mut labels);
        (labels.contains_key("job") || labels.contains_key("instance")).then_some(labels)
    }

    /// Adds what every series of the resource has.
    fn add_common(&self, labels: &mut Labels) {
        let known = |key: &str| self.resource.iter().find(|it| it.key == key).map(text);
        if let Some(name) = known("service.name").filter(|name| !name.is_empty()) {
            let job =
                known("service.namespace").map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
            labels.insert("job".into(), job);
        }
        if let Some(instance) = known("service.instance.id").filter(|id| !id.is_empty()) {
            labels.insert("instance".into(), instance);
        }
        for (name, value) in &self.settings.external_labels {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// The attributes as labels. Of those whose names become the same, values are joined in the order of the names.
fn joined<'a>(
    attributes: impl Iterator<Item = &'a KeyValue>,
    label: impl Fn(&str) -> Option<String>,
) -> Labels {
    let mut attributes: Vec<(&str, String)> = attributes.map(|it| (it.key.as_str(), text(it))).collect();
    attributes.sort_by(|a, b| a.0.cmp(b.0));
    let mut labels = Labels::new();
    for (key, value) in attributes.into_iter().filter(|(_, value)| !value.is_empty()) {
        let Some(name) = label(key) else { continue };
        match labels.get_mut(&name) {
            Some(known) if *known != value => *known = format!("{known};{value}"),
            Some(_) => {}
            None => drop(labels.insert(name, value)),
        }
    }
    labels
}

fn names_service(key: &str) -> bool {
    ["service.name", "service.namespace", "service.instance.id"].contains(&key)
}

pub(super) fn text(attribute: &KeyValue) -> String {
    attribute.value.as_ref().map(pipeline::text).unwrap_or_default()
}
