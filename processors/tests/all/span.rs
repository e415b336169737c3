//! The `span` processor on whole requests.

use crate::measured::check;
use crate::stage::{build, built};
use pipeline::Signal;

#[test]
fn what_the_go_collector_makes_of_it_is_made_of_it() {
    let request = |_| include_str!("../span/traces.json");
    check("span", include_str!("../span/cases.jsonl"), request, &[]);
}

/// As Go writes them.
#[test]
fn numbers_that_are_none_have_their_names_in_a_name() {
    let values = ["Infinity", "-Infinity", "NaN"];
    let attributes = values.map(|it| format!(r#"{{"key": "{it}", "value": {{"doubleValue": "{it}"}}}}"#));
    let json = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "a", "attributes": [LIST]}]}]}]}"#;
    let json = json.replace("LIST", &attributes.join(", "));
    let mut out = Vec::new();
    built("span", "name: {from_attributes: [Infinity, -Infinity, NaN], separator: ' '}")
        .process(crate::measured::batch(Signal::Traces, &json), &mut out);
    let json: serde_json::Value = serde_json::from_slice(&out[0].to_json()).unwrap();
    assert_eq!(json["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"], "+Inf -Inf NaN");
}

#[test]
fn a_group_that_has_no_place_of_its_own_still_makes_an_attribute() {
    let json = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "/users/42"}]}]}]}"#;
    let after = |rule: &str| {
        let mut out = Vec::new();
        built("span", &format!("name: {{to_attributes: {{rules: ['{rule}']}}}}"))
            .process(crate::measured::batch(Signal::Traces, json), &mut out);
        let json: serde_json::Value = serde_json::from_slice(&out[0].to_json()).unwrap();
        let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        let attributes = span["attributes"].as_array().unwrap().iter();
        let attributes = attributes.map(|it| (it["key"].clone(), it["value"]["stringValue"].clone()));
        (span["name"].clone(), attributes.collect::<Vec<_>>())
    };
    let (name, attributes) = after("/users/(?P<id>(?P<first>4)2)");
    assert_eq!(name, "/users/{id}");
    assert_eq!(attributes, [("id".into(), "42".into()), ("first".into(), "4".into())]);
    let (name, attributes) = after("/users/(?P<no>x)?(?P<id>42)");
    assert_eq!(name, "/users/{id}");
    assert_eq!(attributes, [("no".into(), "".into()), ("id".into(), "42".into())]);
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    for (settings, expected) in [
        (
            "name: {to_attributes: {rules: [a, (]}}",
            "name.to_attributes.rules[1]: found (, which is no regular",
        ),
        ("status: {code: Ok, description: a}", "status.description: only code: Error has a description"),
        ("status: {code: ok}", "status.code: found the text \"ok\"; valid are Ok, Error and Unset"),
        (
            "name: {separator: a}",
            "name: missing; expected from_attributes, or to_attributes with rules, or a status",
        ),
    ] {
        let mistakes = build("span", settings).err().unwrap().to_string();
        assert!(mistakes.contains(expected), "{mistakes}");
    }
}
