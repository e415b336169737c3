//! `bearertokenauth`: a token in every request, written in the configuration or in a file.

use async_trait::async_trait;
use config::{Mistakes, Node, Secret};
use http::{HeaderName, Request};
use pipeline::Context;
use serde::Deserialize;

use super::{Authenticator, Extension, read_secret, secret_value};
use crate::findings::Findings;
use crate::http::{Failure, Pieces};

/// What a user may write, with the Collector's keys and defaults.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Which header carries the token.
    header: String,
    /// The word before the token; none if empty.
    scheme: String,
    /// The token.
    token: Secret,
    /// The first is sent; the others are for receivers.
    tokens: Vec<Secret>,
    /// A file whose first line is the token; it goes before `token` and may change while the process runs.
    filename: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            header: "Authorization".into(),
            scheme: "Bearer".into(),
            token: Secret::default(),
            tokens: Vec::new(),
            filename: String::new(),
        }
    }
}

struct BearerToken {
    header: HeaderName,
    scheme: String,
    token: Token,
}

enum Token {
    Text(Secret),
    File(String),
}

/// Reads the configuration and makes the extension.
pub(super) fn build(node: &Node, _: &Context) -> Result<Box<Extension>, Mistakes> {
    let config: Config = node.read()?;
    let mut findings = Findings::default();
    let bearer = config.bearer(&mut findings);
    findings.report(node)?;
    bearer.map(Extension::authenticator).ok_or_else(|| node.mistake("", "can't be used"))
}

impl Config {
    /// Nothing only if something was found wrong.
    fn bearer(self, findings: &mut Findings) -> Option<BearerToken> {
        let header = HeaderName::from_bytes(self.header.as_bytes())
            .map_err(|_| findings.mistake::<()>("header", "not a name that a header can have"));
        let given = !self.token.reveal().is_empty();
        if given && !self.tokens.is_empty() {
            findings.mistake::<()>("tokens", "token and tokens exclude each other");
        }
        let written = if given { Some(self.token) } else { self.tokens.into_iter().next() };
        let token = match written {
            _ if !self.filename.is_empty() => {
                if written.is_some() {
                    findings.warn("filename", "goes before the token, which is never sent");
                }
                Token::File(self.filename)
            }
            Some(token) if !token.reveal().trim().is_empty() => Token::Text(token),
            _ => return findings.mistake("token", "is missing: write token, or filename for one in a file"),
        };
        Some(BearerToken { header: header.ok()?, scheme: self.scheme, token })
    }
}

#[async_trait(?Send)]
impl Authenticator for BearerToken {
    async fn authenticate(&self, request: &mut Request<Pieces>) -> Result<(), Failure> {
        let read;
        let token = match &self.token {
            Token::Text(token) => token.reveal().trim(),
            Token::File(path) => {
                read = read_secret(path)?;
                read.lines().next().unwrap_or_default().trim_end()
            }
        };
        let value = secret_value(format!("{} {token}", self.scheme).trim_start());
        let value = value.map_err(|why| Failure(format!("bearertokenauth: {why}")))?;
        request.headers_mut().insert(&self.header, value);
        Ok(())
    }
}
