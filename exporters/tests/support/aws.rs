//! What AWS and a function in it are, for tests of what is signed.

use std::time::{Duration, SystemTime};

use pipeline::{Delivered, Exporter, Undelivered};

use super::sigv4::{Key, Service};
use super::{Backend, Reply, build_with};

/// The key that a function is given.
pub const OWN: Key = Key { id: "AKIDOWN", secret: "own/secret", token: "own+token=" };
/// The key that is had for it.
pub const ROLE: Key = Key { id: "ASIAROLE", secret: "role/secret", token: "role//token+==" };
/// Takes telemetry.
pub const XRAY: Service = Service { key: OWN, region: "eu-west-1", name: "xray" };
/// Hands out keys.
pub const STS: Service = Service { key: OWN, region: "eu-west-1", name: "sts" };

/// What a function is told.
pub const ENV: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", OWN.id),
    ("AWS_SECRET_ACCESS_KEY", OWN.secret),
    ("AWS_SESSION_TOKEN", OWN.token),
    ("AWS_REGION", "eu-west-1"),
];

/// An answer that AWS gives to what is wrong.
pub fn refusal(status: u16, body: impl Into<String>) -> Reply {
    Reply { status, body: body.into().into(), ..Reply::ok() }
}

/// What STS answers when it hands out `key`.
pub fn assumed(key: Key, expires: SystemTime) -> Reply {
    let keys = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{}</AccessKeyId>\n\
         <SecretAccessKey>{}</SecretAccessKey><SessionToken>\n{}\n</SessionToken><Expiration>{}</Expiration>\
         </Credentials></AssumeRoleResult></AssumeRoleResponse>",
        key.id,
        key.secret,
        key.token,
        iso(expires)
    );
    text(keys)
}

/// What a container's endpoint answers when it hands out `key`.
pub fn container_keys(key: Key, expires: SystemTime) -> Reply {
    let Key { id, secret, token } = key;
    text(format!(
        r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{secret}","Token":"{token}","Expiration":"{}"}}"#,
        iso(expires)
    ))
}

/// An answer that holds `text`.
pub fn text(text: impl Into<String>) -> Reply {
    Reply { body: text.into().into(), ..Reply::ok() }
}

/// A service that takes what is signed right.
pub async fn service(service: Service) -> Backend {
    Backend::http(move |request| match service.verify(request) {
        Ok(()) => Reply::ok(),
        Err(why) => refusal(403, why),
    })
    .await
}

/// An exporter to `backend` with a `sigv4auth` of these settings.
pub fn exporter(extension: &str, backend: &Backend, env: &[(&str, &str)]) -> Box<dyn Exporter> {
    let yaml =
        format!("{{traces_endpoint: '{}/v1/traces', auth: {{authenticator: sigv4auth}}}}", backend.url());
    build_with(("sigv4auth", extension), ("otlp_http", &yaml), env).unwrap()
}

/// Why the batch is dropped; panics if it is not.
pub fn refused(outcome: Result<Delivered, Undelivered>) -> String {
    match outcome {
        Err(Undelivered::Refused { cause } | Undelivered::Unauthenticated { cause }) => cause.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

/// `time` as AWS writes it.
pub fn iso(time: SystemTime) -> String {
    let date = httpdate::fmt_http_date(time);
    let part = |range| date.get(range).unwrap();
    let month = "JanFebMarAprMayJunJulAugSepOctNovDec".find(part(8..11)).unwrap() / 3 + 1;
    format!("{}-{month:02}-{}T{}Z", part(12..16), part(5..7), part(17..25))
}

/// So many seconds from now.
pub fn after(seconds: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(seconds)
}
