//! What an environment may ask of its host: the credentials of a SnapStart function, and where it runs.

use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use super::{Call, Reply, answer_json, status};
use crate::clock::iso8601;
use crate::journal::Moment;
use crate::platform::Platform;

/// `GET /2021-04-23/credentials`; whoever has not the token does not find it.
pub(super) fn credentials(platform: &Platform, call: &Call) -> Reply {
    if call.header("authorization") != Some(&*platform.token) {
        return status(StatusCode::NOT_FOUND);
    }
    let life =
        platform.quirks.read(|quirks| quirks.credentials_life).unwrap_or(Duration::from_secs(6 * 3600));
    let lives = platform.state.read(|state| state.lives);
    platform.record(Moment::CredentialsRead);
    let credentials = json!({
        "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Token": format!("example-session-token-{lives}"),
        "Expiration": iso8601(SystemTime::now() + life),
    });
    answer_json(StatusCode::OK, &credentials)
}

/// `GET /2026-01-15/metadata/execution-environment`
pub(super) fn metadata(platform: &Platform, method: &Method, call: &Call) -> Reply {
    if method != Method::GET {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    if call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) != Some(&*platform.token)
    {
        return status(StatusCode::UNAUTHORIZED);
    }
    let mut reply = answer_json(StatusCode::OK, &json!({ "AvailabilityZoneID": "euw1-az1" }));
    let immutable = HeaderValue::from_static("private, max-age=43200, immutable");
    reply.headers_mut().insert("cache-control", immutable);
    reply
}
