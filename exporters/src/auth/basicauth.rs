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
    /// Who sends. A file goes before a text, and may change while the process runs.
    client_auth: Option<BasicAuth>,
    /// Accepted with a warning: it guards receivers, and there is nothing to guard on a function's own localhost.
    htpasswd: Option<Htpasswd>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Htpasswd {
    file: Option<IgnoredAny>,
    inline: Option<IgnoredAny>,
}

/// Who sends. A file goes before a text, and may change while the process runs.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BasicAuth {
    /// The user.
    username: Option<String>,
    /// A file that holds the user.
    username_file: Option<String>,
    /// The password.
    password: Option<Secret>,
    /// A file that holds the password.
    password_file: Option<String>,
}

/// Reads the configuration and makes the extension.
pub(super) fn build(node: &Node, _: &Context) -> Result<Box<Extension>, Mistakes> {
    let config: Config = node.read()?;
    let htpasswd = config.htpasswd.filter(|it| it.file.is_some() || it.inline.is_some());
    match (config.client_auth.filter(BasicAuth::says_something), htpasswd) {
        (Some(_), Some(_)) => Err(node.mistake("", "client_auth and htpasswd exclude each other")),
        (None, None) => Err(node.mistake("client_auth", "is missing: write username and password below it")),
        (None, Some(_)) => {
            node.warn("htpasswd", "has no effect: receivers hear the function alone, and ask no password");
            Ok(Extension::idle())
        }
        (Some(client), None) => Ok(Extension::authenticator(client)),
    }
}

impl BasicAuth {
    fn says_something(&self) -> bool {
        let user = self.username.is_some() || self.username_file.is_some();
        user || self.password.is_some() || self.password_file.is_some()
    }
}

/// What `file` holds if one is named, else `text`.
fn either(file: Option<&str>, text: Option<&str>) -> Result<String, Failure> {
    match file {
        None | Some("") => Ok(text.unwrap_or_default().to_owned()),
        Some(path) => read_secret(path),
    }
}

#[async_trait(?Send)]
impl Authenticator for BasicAuth {
    async fn authenticate(&self, request: &mut Request<Pieces>) -> Result<(), Failure> {
        let user = either(self.username_file.as_deref(), self.username.as_deref())?;
        let password = either(self.password_file.as_deref(), self.password.as_ref().map(Secret::reveal))?;
        let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let value = secret_value(&value).map_err(|why| Failure(format!("basicauth: {why}")))?;
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }
}
