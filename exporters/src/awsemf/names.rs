//! Namespaces, log groups and log streams, and the placeholders in them.

use std::collections::BTreeMap;

/// Placeholders, and the attributes that they stand for.
const PLACEHOLDERS: [(&str, &str); 7] = [
    ("ClusterName", "aws.ecs.cluster.name"),
    ("TaskId", "aws.ecs.task.id"),
    ("NodeName", "k8s.node.name"),
    ("PodName", "pod"),
    ("ServiceName", "service.name"),
    ("ContainerInstanceId", "aws.ecs.container.instance.id"),
    ("TaskDefinitionFamily", "aws.ecs.task.family"),
];

/// `text` with its placeholders replaced by attributes of the resource, else by labels; what neither knows is called
/// `undefined`.
pub(super) fn fill(
    text: &str,
    resource: &BTreeMap<String, String>,
    labels: &BTreeMap<String, String>,
) -> String {
    let mut filled = text.to_owned();
    for (name, attribute) in PLACEHOLDERS {
        let placeholder = format!("{{{name}}}");
        if filled.contains(&placeholder) {
            let of = |map: &BTreeMap<String, String>| {
                let value = map.get(name).or_else(|| map.get(attribute))?;
                Some(value.clone()).filter(|value| !value.is_empty())
            };
            let value = of(resource).or_else(|| of(labels)).unwrap_or_else(|| "undefined".into());
            filled = filled.replace(&placeholder, &value);
        }
    }
    filled
}

/// The namespace of metrics: the one that is set, else that of the service.
pub(super) fn namespace(set: &str, resource: &BTreeMap<String, String>) -> String {
    let known = |key: &str| resource.get(key).map(String::as_str).filter(|value| !value.is_empty());
    match (set, known("service.namespace"), known("service.name")) {
        ("", Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        ("", Some(one), None) | ("", None, Some(one)) => one.to_owned(),
        ("", None, None) => "default".to_owned(),
        (set, _, _) => set.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn placeholders_are_filled_from_the_resource_then_from_labels() {
        let resource = map(&[("service.name", "orders"), ("aws.ecs.task.id", ""), ("ClusterName", "own")]);
        let labels = map(&[("TaskId", "t1"), ("service.name", "ignored")]);
        for (text, filled) in [
            ("/aws/{ServiceName}", "/aws/orders"),
            ("{ClusterName}/{TaskId}", "own/t1"),
            ("{NodeName}-{NodeName}", "undefined-undefined"),
            ("{Unknown}", "{Unknown}"),
            ("plain", "plain"),
        ] {
            assert_eq!(fill(text, &resource, &labels), filled);
        }
    }

    #[test]
    fn the_namespace_is_that_of_the_service_unless_it_is_set() {
        for (set, resource, expected) in [
            ("own", &[("service.name", "a")][..], "own"),
            ("", &[("service.name", "a"), ("service.namespace", "b")], "b/a"),
            ("", &[("service.name", "a")], "a"),
            ("", &[("service.namespace", "b")], "b"),
            ("", &[], "default"),
        ] {
            assert_eq!(namespace(set, &map(resource)), expected);
        }
    }
}
