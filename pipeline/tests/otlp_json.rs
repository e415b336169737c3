//! OTLP/JSON as the Go Collector takes it: each line of `data/otlp-json.jsonl` holds a body, the status with which
//! the Go Lambda layer 0.22.0 answered it, and what it passed on (empty messages left out).

#![expect(clippy::unwrap_used, reason = "in helpers of tests")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pipeline::{Batch, Budget, Malformed, Signal};
use serde_json::{Map, Value};

/// Where we differ on purpose, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("json-trailing-second-document", "the layer answers 200 and drops the second document; we pass on both"),
    (
        "json-invalid-utf8",
        "the layer passes on a string that is no UTF-8, which no backend decodes; ours is repaired",
    ),
    ("json-time-negative", "the layer fails to write its own error message and answers 500; it is a 400"),
    ("metric-histogram-count-negative", "the same"),
    ("json-bom", "the same"),
];

fn admit(signal: Signal, json: &[u8]) -> Result<Batch, Malformed> {
    Batch::admit_json(signal, json, Budget::new(1 << 30).lease(json.len()).unwrap())
}

fn body(case: &Value) -> Vec<u8> {
    let part = |name: &str| case["body"][name].as_str();
    match (part("text"), part("base64"), part("prefix")) {
        (Some(text), _, _) => text.as_bytes().to_vec(),
        (_, Some(text), _) => STANDARD.decode(text).unwrap(),
        (_, _, prefix) => {
            let times = usize::try_from(case["body"]["times"].as_u64().unwrap()).unwrap();
            let repeated = part("repeat").unwrap().repeat(times);
            [prefix.unwrap_or_default(), &repeated, part("suffix").unwrap_or_default()].concat().into_bytes()
        }
    }
}

/// The same with empty messages left out where that changes nothing, and numbers as one kind.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_oneof = |key: &str| matches!(key, "arrayValue" | "kvlistValue");
            let members = members.into_iter().map(|(key, value)| (key, plain(value)));
            let members = members.filter(|(key, value)| is_oneof(key) || *value != Value::Object(Map::new()));
            Value::Object(members.collect())
        }
        Value::Array(elements) => elements.into_iter().map(plain).collect(),
        Value::Number(number) => number.as_f64().unwrap().into(),
        value => value,
    }
}

#[test]
fn json_is_taken_and_passed_on_as_by_the_go_layer() {
    let mut wrong = Vec::new();
    let cases = include_str!("data/otlp-json.jsonl").lines().map(|line| serde_json::from_str(line).unwrap());
    for case in cases {
        let case: Value = case;
        let name = case["name"].as_str().unwrap();
        let admitted = admit(Signal::from_name(case["signal"].as_str().unwrap()).unwrap(), &body(&case));
        let same = match &admitted {
            Err(_) => case["status"] == 400,
            Ok(batch) => {
                let passed_on = plain(serde_json::from_slice(&batch.to_json()).unwrap());
                let expected = case.get("relayed").map(|request| plain(request.clone()));
                case["status"] == 200 && (batch.items() == 0 || Some(passed_on) == expected)
            }
        };
        if same == DIFFERENT.iter().any(|(different, _)| *different == name) {
            wrong.push(format!("{name}: {:?}", admitted.map(|batch| String::from_utf8(batch.to_json()))));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}
