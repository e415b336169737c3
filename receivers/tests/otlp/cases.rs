//! What the Go layer's receiver answers to 323 requests, good and bad, and that ours answers the same.
//!
//! `go-layer.jsonl` was recorded from the layer's 0.22.0 (Collector 0.151.0). Where ours differs, `differences.rs`
//! says how and why; everything else must be equal but the wording of errors in a request.

use std::io::Write;
use std::net::SocketAddr;

use base64::prelude::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use pipeline::Signal;
use prost::Message;
use receivers::otlp::{Config, Cors};
use serde_json::{Value, json};

use super::harness::{self, Response, Running, exchange, with_http};
use super::{differences, grpc};

const CASES: &str = include_str!("go-layer.jsonl");

#[test]
fn every_recorded_request_is_answered_and_relayed_as_by_the_go_layer() {
    let mut wrong = Vec::new();
    let mut unused = differences::names();
    harness::run(async {
        for line in CASES.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let name = case["name"].as_str().unwrap();
            let mut expected = expected(&case);
            let differs = differences::apply(name, &mut expected);
            unused.retain(|it| *it != name);
            let found = play(&case).await;
            if found != expected {
                wrong.push(format!("{name}\n  expected {expected}\n  found    {found}"));
            } else if differs && expected == self::expected(&case) {
                wrong.push(format!("{name} is listed as a difference and is none"));
            }
        }
    });
    assert!(unused.is_empty(), "differences of cases that are not there: {unused:?}");
    assert!(wrong.is_empty(), "{} cases are answered otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

/// What the Go layer answered and relayed, without what may be worded otherwise.
fn expected(case: &Value) -> Value {
    let mut answer = case["response"].clone();
    let fields = answer.as_object_mut().unwrap();
    fields.remove("base64");
    if case["protocol"] == "http" {
        if let Some(Value::Object(headers)) = fields.get_mut("headers") {
            *headers = headers
                .iter()
                .filter(|(name, _)| *name != "(interim)")
                .map(|(name, value)| (name.to_lowercase(), value.clone()))
                .collect();
        }
        if fields.get("body").is_none_or(Value::is_null) {
            let text = fields.remove("text").unwrap_or_default();
            fields.insert("body".into(), if text.is_null() { json!("") } else { text });
        }
        fields.remove("text");
        fields.remove("closed");
        if let Some(status) = answer["body"].as_object_mut() {
            status.remove("message");
        }
    } else {
        // hyper and h2 choose these by the state of the stream.
        fields.remove("reset");
        fields.remove("message");
        fields.remove("status");
    }
    let relayed = case["relayed"].as_array().cloned().unwrap_or_default();
    json!({"answer": answer, "relayed": relayed.into_iter().map(|it| tidy(it["request"].clone())).collect::<Vec<_>>()})
}

/// Sends the request of a case to a receiver of its own.
async fn play(case: &Value) -> Value {
    let (config, signals): (Config, &[Signal]) = match case["config"].as_str().unwrap() {
        "limit" => {
            let mut config = with_http(|http| http.max_request_body_size = 1024);
            config.protocols.grpc.as_mut().unwrap().max_recv_msg_size_mib = 1;
            (config, &Signal::ALL)
        }
        "cors" => {
            let cors = Cors {
                allowed_origins: vec!["http://ok.example".into(), "https://*.example.org".into()],
                allowed_headers: vec!["X-Key".into()],
                max_age: 600,
                ..Cors::default()
            };
            (with_http(|http| http.cors = Some(cors)), &Signal::ALL)
        }
        "cors-any" => {
            let cors = Cors { allowed_origins: vec!["*".into()], ..Cors::default() };
            (with_http(|http| http.cors = Some(cors)), &Signal::ALL)
        }
        "paths" => {
            let config = with_http(|http| {
                http.traces_url_path = "/custom/t".into();
                http.metrics_url_path = "m".into();
                http.logs_url_path = "/v1/logs/".into();
            });
            (config, &Signal::ALL)
        }
        "traces-only" => (harness::config(), &[Signal::Traces]),
        _ => (harness::config(), &Signal::ALL),
    };
    let running = Running::start_with(config, signals, 64 << 20);
    let request = &case["request"];
    let answer = if case["protocol"] == "grpc" {
        grpc::call(running.grpc, request).await
    } else {
        let port = if request["port"] == 4317 { running.grpc } else { running.http };
        http_answer(exchange_case(port, request).await)
    };
    let taken = std::mem::take(&mut *running.taken.borrow_mut());
    let relayed = taken.iter().map(|batch| tidy(serde_json::from_slice(&batch.to_json()).unwrap()));
    let found = json!({"answer": answer, "relayed": relayed.collect::<Vec<_>>()});
    drop(taken);
    assert_eq!(running.budget.used(), 0, "{} leaves a lease behind", case["name"]);
    found
}

async fn exchange_case(port: SocketAddr, request: &Value) -> Option<Response> {
    if !request["raw"].is_null() {
        return exchange(port, body(&request["raw"]), "POST", true).await;
    }
    let method = request["method"].as_str().unwrap();
    let mut payload = body(&request["body"]);
    let mut headers = vec![("Host".to_owned(), Some(port.to_string()))];
    if let Some(framing) = request["framing"].as_str() {
        headers.push(("Transfer-Encoding".into(), Some("chunked".into())));
        let half = payload.len() / 2;
        let chunk = |data: &[u8]| [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
        let end: &[u8] = if framing == "chunked" { b"0\r\n\r\n" } else { b"0\r\nX-Trailer: 1\r\n\r\n" };
        payload = [&chunk(&payload[..half]), &chunk(&payload[half..]), end].concat();
    } else {
        headers.push(("Content-Length".into(), Some(payload.len().to_string())));
    }
    for pair in request["headers"].as_array().unwrap() {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str());
        let value = match request["big_header"].as_u64() {
            Some(length) if name == "X-Big" => Some("a".repeat(length as usize)),
            _ => value.map(str::to_owned),
        };
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), value));
    }
    let mut text = format!("{method} {} HTTP/1.1\r\n", request["path"].as_str().unwrap());
    for (name, value) in headers {
        if let Some(value) = value {
            text += &format!("{name}: {value}\r\n");
        }
    }
    exchange(port, [text.as_bytes(), b"\r\n", &payload].concat(), method, false).await
}

/// The bytes that a case describes.
pub fn body(body: &Value) -> Vec<u8> {
    if let Some(text) = body["text"].as_str() {
        return text.into();
    }
    if let Some(base64) = body["base64"].as_str() {
        return BASE64_STANDARD.decode(base64).unwrap();
    }
    let Some(repeat) = body["repeat"].as_str() else { return Vec::new() };
    let mut bytes = body["prefix"].as_str().unwrap_or_default().as_bytes().to_vec();
    bytes.extend(BASE64_STANDARD.decode(body["prefix_base64"].as_str().unwrap_or_default()).unwrap());
    bytes.extend(repeat.repeat(body["times"].as_u64().unwrap() as usize).bytes());
    bytes.extend(body["suffix"].as_str().unwrap_or_default().bytes());
    if body["compress"] == "gzip" {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&bytes).unwrap();
        bytes = gzip.finish().unwrap();
    }
    bytes
}

fn http_answer(response: Option<Response>) -> Value {
    let Some(response) = response else { return json!({"status": null, "headers": {}, "body": ""}) };
    let media_type = response.header("content-type").unwrap_or_default().to_owned();
    let headers =
        response.headers.iter().filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.clone(), json!(value))).collect();
    let body = match media_type.as_str() {
        "application/json" => serde_json::from_slice(&response.body).unwrap(),
        "application/x-protobuf" => export_response(&response.body),
        _ => json!(String::from_utf8(response.body).unwrap()),
    };
    let body = match body {
        Value::Object(mut status) => {
            status.remove("message");
            Value::Object(status)
        }
        other => other,
    };
    json!({"status": response.status, "headers": Value::Object(headers), "body": body})
}

/// An export response or a `google.rpc.Status`, which have different fields 1.
pub fn export_response(body: &[u8]) -> Value {
    #[derive(Clone, PartialEq, Message)]
    struct Status {
        #[prost(int32, tag = 1)]
        code: i32,
        #[prost(string, tag = 2)]
        message: String,
    }
    match Status::decode(body) {
        Ok(status) => json!({"code": status.code, "message": status.message}),
        Err(_) => {
            assert_eq!(body, b"\x0a\x00");
            json!({"partialSuccess": {}})
        }
    }
}

/// OTLP/JSON without what says nothing (empty lists and objects), and 1.0 as 1.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, tidy(value)));
            let empty = [json!({}), json!([]), json!("")];
            Value::Object(fields.filter(|(_, value)| !empty.contains(value)).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(tidy).collect()),
        Value::Number(number) => match number.as_f64() {
            Some(whole) if number.is_f64() && whole.fract() == 0.0 => json!(whole as i64),
            _ => Value::Number(number),
        },
        other => other,
    }
}
