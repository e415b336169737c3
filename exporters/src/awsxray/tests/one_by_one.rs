//! Rules one by one, in words, in `tests/awsxray/rules.jsonl`: what a span has, and what its documents then say.
//!
//! Each line is a rule. `both` is what either mapping gives, `improved` and `contrib` what only that one does; a place
//! is a JSON pointer, with the number of the document before it if there are several, with `#` behind it for how many
//! there are. What is not there is `null`.

use super::*;

fn attributed(rule: &Value) -> Value {
    attributes(rule.get("attributes").unwrap_or(&json!({})))
}

fn tried(rule: &Value, mapping: Mapping) -> Try {
    let texts = |key: &str| -> Vec<String> {
        let list = rule.get(key).and_then(Value::as_array).into_iter().flatten();
        list.map(|text| text.as_str().unwrap().into()).collect()
    };
    let kind = i32::try_from(rule["kind"].as_i64().unwrap()).unwrap();
    let mut tried = Try::of(kind, rule["attributes"].clone());
    if let Some(resource) = rule.get("resource") {
        tried = tried.resource(resource.clone());
    }
    if let Some(span) = rule.get("span") {
        tried = tried.span(span.clone());
    }
    if let Some(events) = rule.get("events").and_then(Value::as_array) {
        let event = |event: &Value| json!({ "name": event["name"], "attributes": attributed(event) });
        tried = tried.span(json!({ "events": events.iter().map(event).collect::<Vec<_>>() }));
    }
    if let Some(links) = rule.get("links").and_then(Value::as_array) {
        let link =
            |link: &Value| json!({ "traceId": TRACE, "spanId": PARENT, "attributes": attributes(link) });
        tried = tried.span(json!({ "links": links.iter().map(link).collect::<Vec<_>>() }));
    }
    tried.settings = Settings {
        mapping,
        indexed_attributes: texts("indexed"),
        index_all_attributes: rule.get("all") == Some(&json!(true)),
        aws_log_groups: texts("groups"),
        ..Settings::default()
    };
    tried
}

/// What stands at `place` of the documents.
fn at(documents: &[Value], place: &str) -> Value {
    let (pointer, counts) = place.strip_suffix('#').map_or((place, false), |pointer| (pointer, true));
    if pointer.is_empty() {
        return documents.len().into();
    }
    let (number, pointer) = pointer.split_at(pointer.find('/').unwrap());
    let document = documents.get(number.parse().unwrap_or(0));
    let found = document.and_then(|document| document.pointer(pointer));
    match found {
        Some(Value::Array(list)) if counts => list.len().into(),
        found => found.cloned().unwrap_or(Value::Null),
    }
}

#[test]
fn each_rule_holds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/awsxray/rules.jsonl");
    let rules = std::fs::read_to_string(path).unwrap();
    assert!(rules.lines().count() > 160);
    let mut wrong = Vec::new();
    for line in rules.lines() {
        let rule: Value = serde_json::from_str(line).unwrap();
        let mut places = 0;
        for (mapping, own) in [(Mapping::Improved, "improved"), (Mapping::Contrib, "contrib")] {
            let documents = tried(&rule, mapping).all();
            let expected = ["both", own].into_iter().filter_map(|key| rule.get(key)?.as_object()).flatten();
            for (place, expected) in expected {
                places += 1;
                let found = at(&documents, place);
                if found != *expected {
                    wrong.push(format!("{}, {own}: {place} is {found}, not {expected}", rule["rule"]));
                }
            }
        }
        assert!(places > 1, "{line}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
