//! Documents in a form in which two of them can be compared.

use std::collections::HashMap;

use serde_json::{Value, json};

/// `documents` with `#1`, `#2`, .. for the ids that the translator made up, times to the microsecond, and whole
/// numbers as such.
pub fn normal(documents: &[Value]) -> Vec<Value> {
    let mut made_up = HashMap::new();
    for document in documents {
        let is_root = ["/metadata/default", "/annotations"].iter().any(|place| {
            document.pointer(place).and_then(|all| all.get("aws.span.kind")) == Some(&json!("LOCAL_ROOT"))
        });
        if is_root && document.get("type") == Some(&json!("subsegment")) {
            learn(&mut made_up, &document["parent_id"]);
        }
        for exception in document.pointer("/cause/exceptions").and_then(Value::as_array).into_iter().flatten()
        {
            learn(&mut made_up, &exception["id"]);
        }
    }
    documents.iter().map(|document| of_value(document, "", &made_up)).collect()
}

fn learn(made_up: &mut HashMap<String, String>, id: &Value) {
    let Some(id) = id.as_str().filter(|id| id.len() == 16 && id.bytes().all(|c| c.is_ascii_hexdigit()))
    else {
        return;
    };
    let number = made_up.len() + 1;
    made_up.entry(id.into()).or_insert(format!("#{number}"));
}

fn of_value(value: &Value, key: &str, made_up: &HashMap<String, String>) -> Value {
    match value {
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), of_value(value, key, made_up))).collect()
        }
        Value::Array(values) => values.iter().map(|value| of_value(value, "", made_up)).collect(),
        Value::String(text) if matches!(key, "id" | "parent_id" | "cause") => {
            made_up.get(text).unwrap_or(text).clone().into()
        }
        Value::Number(number) if number.is_f64() => {
            let double = number.as_f64().unwrap();
            let is_time = key == "start_time" || key == "end_time";
            let double = if is_time { format!("{double:.6}").parse().unwrap() } else { double };
            if double.fract() == 0.0 && double.abs() < 9e18 { json!(double as i64) } else { json!(double) }
        }
        other => other.clone(),
    }
}
