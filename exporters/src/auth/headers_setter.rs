//! `headers_setter`: headers that are set, or removed, on every request.

use async_trait::async_trait;
use config::{Mistakes, Node, Secret};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use pipeline::Context;
use serde::Deserialize;

use super::{Authenticator, Extension, read_secret, secret_value};
use crate::findings::Findings;
use crate::http::{Failure, Pieces};

/// What a user may write, with the Collector's keys.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// What is set and removed, in order.
    headers: Vec<Entry>,
    /// Another authenticator to go with it.
    additional_auth: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    /// `insert` sets a header where it is absent, `update` where it is present, `upsert` always; `delete` removes it.
    action: Action,
    /// The name of the header.
    key: String,
    /// Its value.
    value: Option<Secret>,
    /// A file that holds the value, and may change while the process runs.
    value_file: Option<String>,
    /// The metadata of a request whose value to take; it is not carried, so `default_value` is sent.
    from_context: Option<String>,
    /// As `from_context`.
    from_attribute: Option<String>,
    /// What is sent where a request brings no value, which here is always.
    default_value: Option<Secret>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// Sets it where it is absent.
    Insert,
    /// Replaces it where it is present.
    Update,
    /// Sets or replaces it.
    #[default]
    Upsert,
    /// Removes it.
    Delete,
}

struct HeadersSetter(Vec<(Action, HeaderName, Value)>);

enum Value {
    None,
    Text(HeaderValue),
    File(String),
}

/// Reads the configuration and makes the extension.
pub(super) fn build(node: &Node, _: &Context) -> Result<Box<Extension>, Mistakes> {
    let config: Config = node.read()?;
    let mut findings = Findings::default();
    if config.headers.is_empty() {
        findings.mistake::<()>("headers", "is missing: which headers shall be set?");
    }
    if !config.additional_auth.is_empty() {
        findings.mistake::<()>("additional_auth", "two authenticators for one request are not supported");
    }
    let entries = config.headers.into_iter().enumerate();
    let entries =
        entries.filter_map(|(i, entry)| entry.read(&format!("headers[{i}]"), &mut findings)).collect();
    findings.report(node)?;
    Ok(Extension::authenticator(HeadersSetter(entries)))
}

impl Entry {
    /// Nothing if it is wrong or has no effect, which is then told.
    fn read(self, at: &str, findings: &mut Findings) -> Option<(Action, HeaderName, Value)> {
        let key = format!("{at}.key");
        let Ok(name) = HeaderName::from_bytes(self.key.as_bytes()) else {
            return findings.mistake(&key, "not a name that a header can have");
        };
        if self.action == Action::Delete {
            return Some((Action::Delete, name, Value::None));
        }
        let dynamic = self.from_context.is_some() || self.from_attribute.is_some();
        let text = match (self.value, self.value_file, dynamic) {
            (Some(text), None, false) => text,
            (None, Some(path), false) => return Some((self.action, name, Value::File(path))),
            (None, None, true) => {
                let told = "the metadata of requests is not carried";
                let Some(text) = self.default_value else {
                    findings.warn(at, format!("{told}: this header is never set"));
                    return None;
                };
                findings.warn(at, format!("{told}: default_value is always sent"));
                text
            }
            (None, None, false) => return findings.mistake(at, "a value is missing: write value"),
            _ => return findings.mistake(at, "value, value_file and from_context exclude each other"),
        };
        match secret_value(text.reveal().trim()) {
            Ok(value) => Some((self.action, name, Value::Text(value))),
            Err(why) => findings.mistake(&format!("{at}.value"), why),
        }
    }
}

#[async_trait(?Send)]
impl Authenticator for HeadersSetter {
    async fn authenticate(&self, request: &mut Request<Pieces>) -> Result<(), Failure> {
        for (action, name, value) in &self.0 {
            let value = match value {
                Value::None => None,
                Value::Text(value) => Some(value.clone()),
                Value::File(path) => {
                    let value = secret_value(&read_secret(path)?);
                    Some(value.map_err(|why| Failure(format!("headers_setter: file {path} {why}")))?)
                }
            };
            apply(request.headers_mut(), *action, name, value);
        }
        Ok(())
    }
}

fn apply(headers: &mut HeaderMap, action: Action, name: &HeaderName, value: Option<HeaderValue>) {
    let acts = match action {
        Action::Insert => !headers.contains_key(name),
        Action::Update => headers.contains_key(name),
        Action::Upsert | Action::Delete => true,
    };
    match value {
        Some(value) if acts => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
        _ => {}
    }
}
