//! What each action makes of each kind of value.

use serde_json::{Value as Json, json};

use super::value::Value;
use super::*;

/// The attributes that `actions` make of `attributes`; no key may come twice.
fn after(actions: Json, attributes: Json) -> Json {
    let Json::Object(map) = attributes else { panic!("attributes are a map") };
    let mut attributes: Vec<_> = map.into_iter().map(|(key, value)| attribute(&key, value)).collect();
    ready(actions).apply(&mut attributes);
    let count = attributes.len();
    let map: serde_json::Map<_, _> =
        attributes.into_iter().map(|it| (it.key, to_json(&it.value.unwrap()))).collect();
    assert_eq!(map.len(), count, "a key came twice");
    Json::Object(map)
}

fn ready(actions: Json) -> Actions {
    let list: Vec<ActionConfig> = serde_json::from_value(actions).unwrap();
    Actions(list.into_iter().map(|action| action.check().unwrap()).collect())
}

fn attribute(key: &str, value: Json) -> KeyValue {
    let Value(value) = serde_json::from_value(value).unwrap();
    KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }
}

fn to_json(value: &AnyValue) -> Json {
    use any_value::Value::*;
    match value.value.as_ref() {
        None => Json::Null,
        Some(StringValue(text)) => json!(text),
        Some(BoolValue(bool)) => json!(bool),
        Some(IntValue(int)) => json!(int),
        Some(DoubleValue(double)) => json!(double),
        Some(ArrayValue(list)) => list.values.iter().map(to_json).collect(),
        Some(KvlistValue(map)) => {
            let entry = |it: &KeyValue| (it.key.clone(), it.value.as_ref().map_or(Json::Null, to_json));
            Json::Object(map.values.iter().map(entry).collect())
        }
        Some(other) => panic!("not used here: {other:?}"),
    }
}

#[track_caller]
fn check(actions: Json, attributes: Json, expected: Json) {
    assert_eq!(after(actions.clone(), attributes.clone()), expected, "{actions} on {attributes}");
}

#[test]
fn insert_adds_what_is_absent_and_leaves_what_is_there() {
    let insert = json!([{"key": "k", "value": 1, "action": "insert"}]);
    check(insert.clone(), json!({}), json!({"k": 1}));
    check(insert.clone(), json!({"a": true}), json!({"a": true, "k": 1}));
    check(insert, json!({"k": "old"}), json!({"k": "old"}));
}

#[test]
fn update_changes_what_is_there_and_adds_nothing() {
    let update = json!([{"key": "k", "value": 1, "action": "update"}]);
    check(update.clone(), json!({}), json!({}));
    check(update, json!({"k": "old", "a": 2}), json!({"k": 1, "a": 2}));
}

#[test]
fn upsert_sets_in_any_case() {
    let upsert = json!([{"key": "k", "value": 1, "action": "upsert"}]);
    check(upsert.clone(), json!({}), json!({"k": 1}));
    check(upsert, json!({"k": "old", "z": 2}), json!({"k": 1, "z": 2}));
}

#[test]
fn a_value_keeps_the_type_that_it_was_written_with() {
    for value in [
        json!("text"),
        json!(""),
        json!(42),
        json!(-7),
        json!(4.25),
        json!(true),
        json!(false),
        json!([1, "two", [3.5]]),
        json!({"a": {"b": null}}),
    ] {
        check(json!([{"key": "k", "value": value, "action": "insert"}]), json!({}), json!({"k": value}));
    }
}

#[test]
fn from_attribute_copies_any_value_and_does_nothing_without_its_source() {
    for action in ["insert", "upsert"] {
        let copy = json!([{"key": "k", "from_attribute": "a", "action": action}]);
        for value in [json!("s"), json!(1), json!(0.5), json!(true), json!([1]), json!({"x": 1})] {
            check(copy.clone(), json!({"a": value}), json!({"a": value, "k": value}));
        }
        check(copy, json!({"b": 1}), json!({"b": 1}));
    }
    let update = json!([{"key": "k", "from_attribute": "a", "action": "update"}]);
    check(update.clone(), json!({"a": 1}), json!({"a": 1}));
    check(update.clone(), json!({"k": 2}), json!({"k": 2}));
    check(update, json!({"a": 1, "k": 2}), json!({"a": 1, "k": 1}));
}

#[test]
fn default_value_stands_in_for_a_source_that_finds_nothing() {
    let from = json!([{"key": "k", "from_attribute": "a", "default_value": "d", "action": "upsert"}]);
    check(from.clone(), json!({}), json!({"k": "d"}));
    check(from, json!({"a": "v"}), json!({"a": "v", "k": "v"}));
    let context = json!([{"key": "k", "from_context": "metadata.t", "default_value": 3, "action": "insert"}]);
    check(context, json!({}), json!({"k": 3}));
    let both = json!([{"key": "k", "value": "v", "default_value": "d", "action": "upsert"}]);
    check(both, json!({}), json!({"k": "v"}));
}

#[test]
fn from_context_finds_nothing() {
    check(json!([{"key": "k", "from_context": "client.address", "action": "upsert"}]), json!({}), json!({}));
}

#[test]
fn delete_removes_by_key_by_pattern_or_by_both() {
    let attributes = json!({"dup": 1, "dup_a": 2, "not_dup_b": 3, "z": 4});
    let delete = |fields: Json| {
        let mut action = json!({"action": "delete"});
        action.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!([action])
    };
    check(delete(json!({"key": "dup"})), attributes.clone(), json!({"dup_a": 2, "not_dup_b": 3, "z": 4}));
    check(
        delete(json!({"pattern": "^dup_."})),
        attributes.clone(),
        json!({"dup": 1, "not_dup_b": 3, "z": 4}),
    );
    check(delete(json!({"pattern": "dup"})), attributes.clone(), json!({"z": 4}));
    check(delete(json!({"key": "z", "pattern": "^dup"})), attributes.clone(), json!({"not_dup_b": 3}));
    check(delete(json!({"key": "other"})), attributes.clone(), attributes);
}

#[test]
fn delete_and_hash_reach_every_attribute_of_a_repeated_key() {
    let twice = [attribute("k", json!(true)), attribute("a", json!(2)), attribute("k", json!(true))];
    let mut deleted = twice.to_vec();
    ready(json!([{"key": "k", "action": "delete"}])).apply(&mut deleted);
    assert_eq!(deleted, [attribute("a", json!(2))]);
    let mut hashed = twice.to_vec();
    ready(json!([{"key": "k", "action": "hash"}])).apply(&mut hashed);
    assert!(hashed[0] == hashed[2] && hashed[0] != twice[0]);
}

#[test]
fn hash_is_the_sha_256_of_each_kind_of_value() {
    let hash = json!([{"key": "k", "action": "hash"}]);
    for (value, hex) in [
        (json!("foo"), "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"),
        (json!(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (json!(24), "cbb032642036ec7043fa4529f06c9c9d8b12fa70ea6799a19ca8321a808d86fa"),
        (json!(2.4), "df3022be03461368aa299f2f30d440fd3ca45c9b62af40733f10296a53d42859"),
        (json!(true), "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"),
        (json!(false), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ] {
        check(hash.clone(), json!({"k": value, "a": 1}), json!({"k": hex, "a": 1}));
    }
}

#[test]
fn hash_empties_what_has_no_hash() {
    for value in [json!([1, 2]), json!({"secret": "s"}), Json::Null] {
        check(json!([{"key": "k", "action": "hash"}]), json!({"k": value}), json!({"k": ""}));
    }
}

#[test]
fn hash_by_pattern_leaves_what_does_not_match() {
    let hex = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    let hash = json!([{"key": "other", "pattern": "^user", "action": "HASH"}]);
    check(hash, json!({"user": false, "a.user": false}), json!({"user": hex, "a.user": false}));
}

#[test]
fn extract_sets_every_named_group_of_a_text_that_matches() {
    let pattern = r"^\/api\/v1\/document\/(?P<id>.*)\/update\/(?P<version>.*)$";
    let extract = json!([{"key": "path", "pattern": pattern, "action": "extract"}]);
    let path = "/api/v1/document/123/update/v2";
    check(extract.clone(), json!({"path": path}), json!({"path": path, "id": "123", "version": "v2"}));
    check(
        extract.clone(),
        json!({"version": "na", "path": path}),
        json!({"version": "v2", "path": path, "id": "123"}),
    );
    for unmatched in [json!({}), json!({"path": "/other"}), json!({"path": 123}), json!({"path": [path]})] {
        check(extract.clone(), unmatched.clone(), unmatched);
    }
}

#[test]
fn extract_gives_an_empty_text_for_a_group_that_took_no_part() {
    let extract = json!([{"key": "k", "pattern": "(?P<a>a)|(?<b>b)", "action": "extract"}]);
    check(extract, json!({"k": "xb"}), json!({"k": "xb", "a": "", "b": "b"}));
}

#[test]
fn convert_makes_ints() {
    for (from, to) in [
        (json!(5), json!(5)),
        (json!("42"), json!(42)),
        (json!("-42"), json!(-42)),
        (json!("+42"), json!(42)),
        (json!(2.9), json!(2)),
        (json!(-2.9), json!(-2)),
        (json!(true), json!(1)),
        (json!(false), json!(0)),
        (json!("4.2"), json!("4.2")),
        (json!(" 4"), json!(" 4")),
        (json!("9223372036854775808"), json!("9223372036854775808")),
        (json!(""), json!("")),
        (json!([1]), json!([1])),
        (json!({"a": 1}), json!({"a": 1})),
    ] {
        check(
            json!([{"key": "k", "converted_type": "int", "action": "convert"}]),
            json!({"k": from}),
            json!({"k": to}),
        );
    }
}

#[test]
fn convert_makes_doubles() {
    for (from, to) in [
        (json!(5), json!(5.0)),
        (json!(0.5), json!(0.5)),
        (json!("1e3"), json!(1000.0)),
        (json!(".5"), json!(0.5)),
        (json!(true), json!(1.0)),
        (json!(false), json!(0.0)),
        (json!("1e400"), json!("1e400")),
        (json!("none"), json!("none")),
        (json!([1.5]), json!([1.5])),
    ] {
        check(
            json!([{"key": "k", "converted_type": "double", "action": "convert"}]),
            json!({"k": from}),
            json!({"k": to}),
        );
    }
}

#[test]
fn convert_makes_texts() {
    for (from, to) in [
        (json!("as it is"), "as it is"),
        (json!(5), "5"),
        (json!(5.0), "5"),
        (json!(1e21), "1e+21"),
        (json!(1e-7), "1e-7"),
        (json!(0.000001), "0.000001"),
        (json!(true), "true"),
        (json!([1, "a<b", null]), r#"[1,"a\u003cb",null]"#),
        (json!({"z": 1.5, "a": [true]}), r#"{"a":[true],"z":1.5}"#),
        (Json::Null, ""),
    ] {
        check(
            json!([{"key": "k", "converted_type": "string", "action": "convert"}]),
            json!({"k": from}),
            json!({"k": to}),
        );
    }
}

#[test]
fn actions_follow_one_another() {
    let rename = json!([
        {"key": "op", "value": "default", "action": "insert"},
        {"key": "svc.op", "from_attribute": "op", "action": "upsert"},
        {"key": "op", "action": "delete"},
    ]);
    check(rename.clone(), json!({"a": 1}), json!({"a": 1, "svc.op": "default"}));
    check(rename, json!({"op": "sum", "svc.op": "old"}), json!({"svc.op": "sum"}));
}

#[test]
fn the_case_of_an_action_does_not_count() {
    for action in ["Upsert", "UPSERT", "upSerT"] {
        check(json!([{"key": "k", "value": 1, "action": action}]), json!({}), json!({"k": 1}));
    }
}
