//! X-Ray's rules for a document: its published schema (1.0.0) and the limits of its developer guide.

use serde_json::Value;

use crate::awsxray::Document;

/// The document as JSON, found to be valid.
pub fn parsed(document: &Document) -> Value {
    assert!(document.json.len() <= 64 << 10, "{} bytes", document.json.len());
    assert!(!document.json.contains('\n'));
    let json: Value = serde_json::from_str(&document.json).unwrap();
    assert_eq!(json["id"], document.id.to_string());
    let wrong = wrong(&json);
    assert_eq!(wrong, [""; 0], "{json}");
    json
}

/// What is wrong in `json`.
pub fn wrong(json: &Value) -> Vec<String> {
    let mut found = Wrong::default();
    found.top(json);
    found.0
}

#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn check(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.0.push(what.into());
        }
    }

    fn top(&mut self, json: &Value) {
        const KNOWN: [&str; 24] = [
            "name",
            "id",
            "trace_id",
            "parent_id",
            "type",
            "start_time",
            "end_time",
            "in_progress",
            "namespace",
            "origin",
            "resource_arn",
            "user",
            "service",
            "http",
            "aws",
            "sql",
            "cause",
            "annotations",
            "metadata",
            "links",
            "traced",
            "error",
            "fault",
            "throttle",
        ];
        for key in json.as_object().unwrap().keys() {
            self.check(KNOWN.contains(&key.as_str()), format!("unknown field {key}"));
        }
        let name = json["name"].as_str().unwrap_or_default();
        self.check((1..=200).contains(&name.chars().count()), "length of the name");
        let sound = |c: char| {
            c.is_alphanumeric() || c.is_whitespace() && !c.is_ascii_control() || "_.:/%&#=+-@".contains(c)
        };
        self.check(name.chars().all(|c| sound(c) && u32::from(c) < 0x10000), "characters of the name");
        self.check(is_hex(&json["id"], 16), "id");
        self.check(json["parent_id"].is_null() || is_hex(&json["parent_id"], 16), "parent id");
        self.check(json["parent_id"] != json["id"] || json["id"].is_null(), "its own parent");
        self.trace_id(&json["trace_id"]);
        let times = (json["end_time"].is_number(), json["in_progress"] == Value::Bool(true));
        self.check(json["start_time"].is_number() && times.0 != times.1, "times");
        self.check(json["in_progress"] != Value::Bool(false), "in progress may only be true");
        if let Some(kind) = json.get("type") {
            self.check(kind == "subsegment" && json["parent_id"].is_string(), "type");
        }
        for flag in ["error", "fault", "throttle", "traced"] {
            self.check(json.get(flag).is_none_or(Value::is_boolean), flag);
        }
        if let Some(namespace) = json.get("namespace") {
            self.check(namespace == "aws" || namespace == "remote", "namespace");
        }
        self.text(json.get("user"), 250, "user");
        self.text(json.get("origin"), usize::MAX, "origin");
        self.text(json.get("resource_arn"), usize::MAX, "resource_arn");
        self.http(&json["http"]);
        self.sql(&json["sql"]);
        self.aws(&json["aws"]);
        self.text(json["service"].get("version"), usize::MAX, "version");
        if let Some(cause) = json.get("cause") {
            self.cause(cause);
        }
        self.notes(json);
        for link in json.get("links").and_then(Value::as_array).into_iter().flatten() {
            self.trace_id(&link["trace_id"]);
            self.check(link["id"] == "" || is_hex(&link["id"], 16), "id of a link");
        }
    }

    fn text(&mut self, value: Option<&Value>, most: usize, what: &str) {
        let Some(value) = value else { return };
        self.check(value.as_str().is_some_and(|text| text.chars().count() <= most), what);
    }

    fn trace_id(&mut self, id: &Value) {
        let parts: Vec<_> = id.as_str().unwrap_or_default().split('-').collect();
        let is_hex = |text: &str, length| is_hex(&Value::String(text.into()), length);
        let sound = matches!(parts[..], ["1", epoch, rest] if is_hex(epoch, 8) && is_hex(rest, 24));
        self.check(sound, format!("trace id {id}"));
    }

    fn http(&mut self, http: &Value) {
        for key in ["method", "url", "user_agent", "client_ip"] {
            self.text(http["request"].get(key), 250, key);
        }
        self.check(http["request"].get("x_forwarded_for").is_none_or(Value::is_boolean), "x_forwarded_for");
        for key in ["status", "content_length"] {
            self.check(http["response"].get(key).is_none_or(Value::is_number), key);
        }
    }

    fn sql(&mut self, sql: &Value) {
        for key in ["connection_string", "url", "sanitized_query", "database_type"] {
            self.text(sql.get(key), usize::MAX, key);
        }
        self.text(sql.get("user"), 250, "sql.user");
    }

    fn aws(&mut self, aws: &Value) {
        for key in ["account_id", "operation", "region", "request_id", "queue_url", "table_name"] {
            self.text(aws.get(key), usize::MAX, key);
        }
        self.text(aws["ecs"].get("container"), usize::MAX, "container");
        for key in ["instance_id", "availability_zone"] {
            self.text(aws["ec2"].get(key), usize::MAX, key);
        }
        for key in ["environment_name", "version_label"] {
            self.text(aws["elastic_beanstalk"].get(key), usize::MAX, key);
        }
        let deployment = aws["elastic_beanstalk"].get("deployment_id");
        self.check(deployment.is_none_or(Value::is_number), "deployment_id");
    }

    fn cause(&mut self, cause: &Value) {
        self.check(cause.is_object(), "cause");
        let exceptions = cause.get("exceptions").and_then(Value::as_array).into_iter().flatten();
        for exception in exceptions {
            self.check(is_hex(&exception["id"], 16), "id of an exception");
            for key in ["message", "type", "cause"] {
                self.text(exception.get(key), usize::MAX, key);
            }
            self.check(exception.get("remote").is_none_or(Value::is_boolean), "remote");
            for key in ["truncated", "skipped"] {
                self.check(exception.get(key).is_none_or(Value::is_u64), key);
            }
            for frame in exception.get("stack").and_then(Value::as_array).into_iter().flatten() {
                self.text(frame.get("path"), usize::MAX, "path");
                self.text(frame.get("label"), usize::MAX, "label");
                self.check(frame.get("line").is_none_or(Value::is_i64), "line");
            }
        }
    }

    fn notes(&mut self, json: &Value) {
        if let Some(annotations) = json.get("annotations") {
            let annotations = annotations.as_object().unwrap();
            self.check(annotations.len() <= 50, "number of annotations");
            for (key, value) in annotations {
                // The service takes dots, which the schema does not know.
                let sound = key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'.');
                self.check(sound && (1..=500).contains(&key.len()), format!("annotation key {key:?}"));
                let sound = value.is_boolean() || value.is_number() || value.is_string();
                self.check(sound, format!("annotation {key}"));
                self.text(Some(value).filter(|value| value.is_string()), 1000, key);
            }
        }
        if let Some(metadata) = json.get("metadata") {
            for (namespace, value) in metadata.as_object().unwrap() {
                self.check(value.is_object(), format!("metadata {namespace}"));
            }
        }
    }
}

fn is_hex(value: &Value, length: usize) -> bool {
    value.as_str().is_some_and(|text| text.len() == length && text.bytes().all(|c| c.is_ascii_hexdigit()))
}
