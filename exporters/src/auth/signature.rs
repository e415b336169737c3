//! AWS Signature Version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).
//!
//! Our own, since the crate `aws-sigv4` adds 130 KB to a release binary and 24 crates to the lock file; SHA-256 and HMAC are ring's, which
//! TLS needs anyway.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderName};
use http::{HeaderMap, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use pipeline::calendar::date;
use ring::digest::{Context, SHA256};
use ring::hmac::{self, HMAC_SHA256};

use super::credentials::Keys;
use super::secret_value;
use crate::http::{Failure, Pieces};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// What is not escaped: letters, digits and these (RFC 3986, unreserved).
pub(super) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// For whom a signature is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub region: String,
    pub service: String,
}

/// Signs `request`, whose head and body are final, with `keys` at the wall clock's `now`.
///
/// # Errors
/// A key holds what no header can.
pub(crate) fn sign(
    request: &mut Request<Pieces>,
    keys: &Keys,
    scope: &Scope,
    now: SystemTime,
) -> Result<(), Failure> {
    let unusable = |why: &str| Failure(format!("AWS credentials: a key {why}"));
    let (time, payload) = (timestamp(now), hash(request.body().bytes()));
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let headers = request.headers_mut();
    headers.insert(DATE, secret_value(&time).map_err(unusable)?);
    match &keys.token {
        Some(token) => drop(headers.insert(TOKEN, secret_value(token.reveal()).map_err(unusable)?)),
        None => drop(headers.remove(TOKEN)),
    }
    if wants_content_hash(&scope.service) {
        headers.insert(CONTENT_SHA256, secret_value(&payload).map_err(unusable)?);
    }
    let mut signed = signed_headers(headers);
    if let Some(host) = host {
        signed.entry(HOST.as_str().to_owned()).or_insert(host);
    }
    let canonical = Canonical {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: signed,
        payload,
        // S3 names its objects by the path as it stands.
        verbatim_path: scope.service == "s3",
    };
    let authorization = canonical.authorization(keys, scope, &time);
    request.headers_mut().insert(AUTHORIZATION, secret_value(&authorization).map_err(unusable)?);
    Ok(())
}

/// Services that want the body's hash in a header too.
fn wants_content_hash(service: &str) -> bool {
    matches!(service, "s3" | "aoss")
}

/// The headers that a signature covers: to whom, what the body is, and AWS's own. What a proxy may change on
/// the way is left out.
fn signed_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let covered = |name: &str| {
        name == "host" || ["content-", "x-amz-", "x-aws-"].iter().any(|start| name.starts_with(start))
    };
    let mut signed = BTreeMap::new();
    for name in headers.keys().filter(|name| covered(name.as_str())) {
        let values =
            headers.get_all(name).iter().map(|value| trimmed(&String::from_utf8_lossy(value.as_bytes())));
        signed.insert(name.as_str().to_owned(), values.collect::<Vec<_>>().join(","));
    }
    signed
}

/// Without blanks around it, and each run of blanks as one.
fn trimmed(value: &str) -> String {
    value.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A request in the one form that both sides hash.
struct Canonical<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: BTreeMap<String, String>,
    /// The body's hash.
    payload: String,
    verbatim_path: bool,
}

impl Canonical<'_> {
    fn text(&self) -> String {
        let path = if self.verbatim_path { self.path.to_owned() } else { canonical_path(self.path) };
        let mut text = format!("{}\n{path}\n{}\n", self.method, canonical_query(self.query));
        for (name, value) in &self.headers {
            // A String takes whatever is written to it.
            let _ = writeln!(text, "{name}:{value}");
        }
        let _ = write!(text, "\n{}\n{}", self.names(), self.payload);
        text
    }

    fn names(&self) -> String {
        self.headers.keys().map(String::as_str).collect::<Vec<_>>().join(";")
    }

    /// The value of `Authorization`.
    fn authorization(&self, keys: &Keys, scope: &Scope, time: &str) -> String {
        let day = time.split('T').next().unwrap_or_default();
        let scope_text = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
        let hashed = hash(&[self.text().into()]);
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope_text}\n{hashed}");
        let secret = format!("AWS4{}", keys.secret.reveal());
        let key = [day, &scope.region, &scope.service, "aws4_request"]
            .iter()
            .fold(hmac::Key::new(HMAC_SHA256, secret.as_bytes()), |key, part| {
                hmac::Key::new(HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
            });
        let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope_text}, SignedHeaders={}, Signature={signature}",
            keys.id,
            self.names()
        )
    }
}

/// The path without `.`, `..` and empty segments, escaped once more than it was sent.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut canonical = String::new();
    for segment in &segments {
        canonical.push('/');
        canonical.extend(percent_encode(segment.as_bytes(), ESCAPED));
    }
    if segments.is_empty() || path.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

/// The parameters in order, each escaped in one way however it was sent.
fn canonical_query(query: &str) -> String {
    let escaped = |text: &str| {
        let plain: Vec<u8> = percent_decode_str(&text.replace('+', " ")).collect();
        percent_encode(&plain, ESCAPED).to_string()
    };
    let mut parameters: Vec<(String, String)> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (escaped(name), escaped(value)))
        .collect();
    parameters.sort_unstable();
    parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// `20150830T123600Z`
fn timestamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date((seconds / 86_400).cast_signed());
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

fn hash(pieces: &[Bytes]) -> String {
    let mut context = Context::new(&SHA256);
    pieces.iter().for_each(|piece| context.update(piece));
    hex(context.finish().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
