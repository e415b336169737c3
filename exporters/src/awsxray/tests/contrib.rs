//! `mapping: contrib` gives what the Go exporter (v0.156) gave for the requests in `tests/awsxray/`.

use serde_json::Value;

use super::*;

/// Of these the Go exporter gave up a span, or sent what X-Ray's schema and limits refuse.
const NO_MODEL: [&str; 10] = [
    "annotations-sixty",
    "annotation-key-long-and-empty",
    "long-attribute-over-64k",
    "long-url-user-agent-method",
    "metadata-namespace-not-an-object",
    "name-service-name-not-sanitised",
    "origin-host-id-without-platform",
    "origin-platform-without-provider",
    "request-two-resources-two-scopes",
    "span-id-missing-gives-null",
];

pub struct Case {
    pub name: String,
    pub traces: Value,
    pub settings: Settings,
    pub documents: Vec<Value>,
    pub is_model: bool,
}

/// All cases.
pub fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/awsxray/contrib-cases.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| case(&serde_json::from_str(line).unwrap())).collect()
}

fn case(json: &Value) -> Case {
    let texts = |key: &str| -> Vec<String> {
        json["config"][key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().into()).collect()
    };
    let name = json["name"].as_str().unwrap();
    Case {
        name: name.into(),
        traces: json["traces"].clone(),
        settings: Settings {
            mapping: Mapping::Contrib,
            indexed_attributes: texts("indexed_attributes"),
            index_all_attributes: json["config"]["index_all_attributes"].as_bool().unwrap(),
            aws_log_groups: texts("aws_log_groups"),
            ..Settings::default()
        },
        documents: json["documents"].as_array().unwrap().clone(),
        is_model: json["errors"].as_array().unwrap().is_empty() && !NO_MODEL.contains(&name),
    }
}

#[test]
fn spans_become_what_the_go_exporter_makes_of_them() {
    let cases = cases();
    assert_eq!(cases.len(), 183);
    let mut different = Vec::new();
    for case in cases.iter().filter(|case| case.is_model) {
        let documents = documents(&request(&case.traces), &case.settings, &Facts::default());
        let (found, expected) = (normal::normal(&documents), normal::normal(&case.documents));
        if found != expected {
            different.push(format!("{}:\n{}\n{}", case.name, json!(found), json!(expected)));
        }
    }
    assert_eq!(different.len(), 0, "{}", different.join("\n\n"));
}

#[test]
fn where_the_go_exporter_is_no_model_documents_are_valid_and_no_span_is_lost() {
    for mut case in cases() {
        let request = request(&case.traces);
        let spans: usize = request
            .resource_spans
            .iter()
            .flat_map(|spans| &spans.scope_spans)
            .map(|spans| spans.spans.len())
            .sum();
        for mapping in [Mapping::Contrib, Mapping::Improved] {
            case.settings.mapping = mapping;
            let documents = documents(&request, &case.settings, &Facts::default());
            assert!(documents.len() >= spans, "{}", case.name);
        }
    }
}

#[test]
fn where_the_go_exporter_is_a_model_its_documents_are_valid() {
    for case in cases().iter().filter(|case| case.is_model) {
        for document in &case.documents {
            let json = document.to_string().replace("\"#", "\"fedcba987654321");
            let wrong = valid::wrong(&serde_json::from_str(&json).unwrap());
            assert!(
                wrong
                    .iter()
                    .all(|what| what.contains("id of an exception") || what == "id" || what == "parent id"),
                "{} {wrong:?}",
                case.name
            );
        }
    }
}
