//! `basicauth`: user and password in every request.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::{Mistakes, Node, Secret};
use http::Request;
use http::header::AUTHORIZATION;
use pipeline::Context;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Authenticator, Extension, read_secret, secret_value};
use crate::http::{Failure, Pieces};

/// What a user may write, with the Collector's keys.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    client_auth: Option<BasicAuth>,
    /// Guards receivers of the Collector; there is nothing to guard on a function's own localhost.
    htpasswd: Option<IgnoredAny>,
}

/// Who sends. A file goes before a text, and may change while the process runs.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BasicAuth {
    username: String,
    username_file: String,
    password: Secret,
    password_file: String,
}

/// Reads the configuration and makes the extension.
pub(super) fn build(node: &Node, _: &Context) -> Result<Box<Extension>, Mistakes> {
    let config: Config = node.read()?;
    match (config.client_auth, config.htpasswd) {
        (Some(_), Some(_)) => Err(node.mistake("", "client_auth and htpasswd exclude each other")),
        (None, None) => Err(node.mistake("client_auth", "is missing: write username and password below it")),
        (None, Some(_)) => {
            node.warn("htpasswd", "has no effect: receivers hear the function alone, and ask no password");
            Ok(Extension::idle())
        }
        (Some(client), None) => {
            if client.username.is_empty() && client.username_file.is_empty() {
                node.warn("client_auth.username", "is empty");
            }
            Ok(Extension::authenticator(client))
        }
    }
}

#[async_trait(?Send)]
impl Authenticator for BasicAuth {
    async fn authenticate(&self, request: &mut Request<Pieces>) -> Result<(), Failure> {
        let either = |file: &str, text: &str| match file {
            "" => Ok(text.to_owned()),
            path => read_secret(path),
        };
        let user = either(&self.username_file, &self.username)?;
        let password = either(&self.password_file, self.password.reveal())?;
        let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let value = secret_value(&value).map_err(|why| Failure(format!("basicauth: {why}")))?;
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }
}
