//! The Telemetry API 2022-07-01: subscribing.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::{Call, Reply, answer_json, error, identifier, status, unknown_identifier};
use crate::delivery::Target;
use crate::events;
use crate::journal::Moment;
use crate::platform::Platform;
use crate::quirks::TelemetryApi;
use crate::telemetry::Subscription;

/// `PUT /2022-07-01/telemetry`. A second one adds a destination; it does not replace the first.
pub(super) fn subscribe(platform: &Arc<Platform>, call: &Call) -> Reply {
    match platform.quirks.read(|quirks| quirks.telemetry) {
        TelemetryApi::Works => {}
        TelemetryApi::NotSupported => {
            return error(StatusCode::ACCEPTED, "Telemetry.NotSupported", "Telemetry API is not supported");
        }
        TelemetryApi::Fails(code) => {
            return status(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        }
    }
    let id = match identifier(call) {
        Ok(id) => id,
        Err(refused) => return *refused,
    };
    let found = platform.state.change(|state| {
        let open = state.subscription_open;
        state.by_id(id).map(|extension| (extension.name.clone(), open))
    });
    let Some((extension, open)) = found else { return unknown_identifier() };
    if !open {
        let message = "Telemetry API subscription is closed already";
        return error(StatusCode::FORBIDDEN, "Telemetry.SubscriptionClosed", message);
    }
    let mut subscription = match parse(&call.body, &extension, platform.managed()) {
        Ok(subscription) => subscription,
        Err(mistakes) => return error(StatusCode::BAD_REQUEST, "ValidationError", &mistakes.join("; ")),
    };
    subscription.buffer = platform.quirks.read(|quirks| quirks.telemetry_buffer);
    let destination = match &subscription.target {
        Target::Http { host, port, path } => format!("http://{host}:{port}{path}"),
        Target::Tcp(port) => format!("tcp:{port}"),
    };
    platform.record(Moment::Subscribed { extension: extension.clone(), destination });
    let types = subscription.types.clone();
    platform.telemetry.subscribe(platform, subscription);
    platform.tell(events::subscription(&extension, &types));
    answer_json(StatusCode::OK, &Value::from("OK"))
}

/// Checks a subscription against the documented ranges; tells all mistakes at once.
fn parse(body: &[u8], extension: &str, managed: bool) -> Result<Subscription, Vec<String>> {
    let body: Value = serde_json::from_slice(body).map_err(|error| vec![error.to_string()])?;
    let mut mistakes = Vec::new();
    let schema = body["schemaVersion"].as_str().unwrap_or_default();
    if !["2022-07-01", "2022-12-13", "2025-01-29"].contains(&schema) || (managed && schema != "2025-01-29") {
        mistakes.push(format!("schemaVersion {schema:?} is not supported"));
    }
    let types = types(&body["types"], &mut mistakes);
    let buffering = &body["buffering"];
    let mut limit = |name: &str, default: u64, least: u64, most: u64| match &buffering[name] {
        Value::Null => default,
        value => value.as_u64().filter(|value| (least..=most).contains(value)).unwrap_or_else(|| {
            mistakes.push(format!("{name} must be between {least} and {most}, not {value}"));
            default
        }),
    };
    let max_items = limit("maxItems", 1000, 1000, 10_000) as usize;
    let max_bytes = limit("maxBytes", 262_144, 262_144, 1_048_576) as usize;
    let timeout = Duration::from_millis(limit("timeoutMs", 1000, 25, 30_000));
    let target = target(&body["destination"]).unwrap_or_else(|mistake| {
        mistakes.push(mistake);
        Target::Tcp(0)
    });
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let strings_only = schema == "2022-07-01";
    Ok(Subscription {
        extension: extension.into(),
        types,
        max_items,
        max_bytes,
        timeout,
        target,
        strings_only,
        buffer: None,
    })
}

fn types(value: &Value, mistakes: &mut Vec<String>) -> Vec<String> {
    let types: Vec<String> =
        value.as_array().into_iter().flatten().map(|kind| kind.as_str().unwrap_or_default().into()).collect();
    if types.is_empty() {
        mistakes.push("types should not be empty".into());
    }
    for kind in types.iter().filter(|kind| !["platform", "function", "extension"].contains(&kind.as_str())) {
        mistakes.push(format!("type {kind:?} is not supported"));
    }
    types
}

fn target(destination: &Value) -> Result<Target, String> {
    match destination["protocol"].as_str() {
        Some("HTTP") => http_target(destination["URI"].as_str().ok_or("destination URI is not provided")?),
        Some("TCP") => match destination["port"].as_u64() {
            Some(port @ 1..=65535) => Ok(Target::Tcp(port as u16)),
            _ => Err("destination port must be between 1 and 65535".into()),
        },
        _ => Err("destination protocol must be HTTP or TCP".into()),
    }
}

fn http_target(uri: &str) -> Result<Target, String> {
    let uri: http::Uri = uri.parse().map_err(|error| format!("URI: {error}"))?;
    if uri.scheme_str() != Some("http") {
        return Err("URI scheme must be http".into());
    }
    let host = uri.host().unwrap_or_default();
    if !["sandbox.localdomain", "sandbox"].contains(&host) {
        return Err(format!("URI host must be sandbox.localdomain or sandbox, not {host:?}"));
    }
    match uri.port_u16() {
        None => Err("URI port is not provided".into()),
        Some(9001) => Err("URI port 9001 is reserved".into()),
        Some(port) => Ok(Target::Http { host: host.into(), port, path: uri.path().into() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mistakes(body: Value) -> String {
        match parse(body.to_string().as_bytes(), "e", false) {
            Ok(_) => String::new(),
            Err(mistakes) => mistakes.join("; "),
        }
    }

    fn with(key: &str, value: Value) -> Value {
        let mut body = json!({
            "schemaVersion": "2022-12-13", "types": ["platform"],
            "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25 },
            "destination": { "protocol": "HTTP", "URI": "http://sandbox.localdomain:4325/x", "method": "POST" },
        });
        match key.split_once('.') {
            Some((outer, inner)) => body[outer][inner] = value,
            None => body[key] = value,
        }
        body
    }

    #[test]
    fn the_documented_limits_are_the_limits() {
        for (key, low, high) in [
            ("buffering.maxItems", 1000, 10_000),
            ("buffering.maxBytes", 262_144, 1_048_576),
            ("buffering.timeoutMs", 25, 30_000),
        ] {
            for good in [low, high] {
                assert_eq!(mistakes(with(key, json!(good))), "", "{key} {good}");
            }
            for bad in [low - 1, high + 1] {
                assert!(mistakes(with(key, json!(bad))).contains("must be between"), "{key} {bad}");
            }
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let mut body = with("types", json!([]));
        body["destination"]["URI"] = json!("http://sandbox.localdomain/x");
        assert_eq!(mistakes(body), "types should not be empty; URI port is not provided");
    }

    #[test]
    fn a_destination_is_the_sandbox_over_plain_http() {
        for uri in ["https://sandbox:1/", "http://localhost:4325/", "http://sandbox.localdomain:9001/"] {
            assert_ne!(mistakes(with("destination.URI", json!(uri))), "", "{uri}");
        }
        assert_eq!(mistakes(with("destination", json!({ "protocol": "TCP", "port": 4325 }))), "");
        assert_ne!(mistakes(with("destination", json!({ "protocol": "TCP", "port": 0 }))), "");
    }
}
