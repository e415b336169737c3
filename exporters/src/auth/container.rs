//! The endpoint that hands out a container's credentials, a function's with SnapStart among them.

use config::{Env, Secret};
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue};
use pipeline::calendar::system_time;
use serde::Deserialize;

use super::credentials::Keys;
use super::{Shared, read_secret, secret_value};
use crate::http::{Client, Connector, Failure, Tls, Url, Version};
use crate::otlp::answer::words;

/// The endpoint that hands out a container's credentials
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>).
pub(super) struct Container {
    url: Url,
    client: Client,
    token: Token,
}

enum Token {
    None,
    Text(Secret),
    /// Read for each fetch, since it is replaced now and then.
    File(String),
}

/// Where `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is relative to.
const RELATIVE_TO: &str = "http://169.254.170.2";

impl Container {
    /// Nothing if `env` names no endpoint.
    pub fn of_env(env: &Env, shared: &Shared) -> Option<Result<Container, String>> {
        let get = |name| env.get(name).map(str::trim).filter(|value| !value.is_empty());
        let (name, url) = match get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            Some(path) => ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", format!("{RELATIVE_TO}{path}")),
            None => {
                let name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
                (name, get(name)?.to_owned())
            }
        };
        let token =
            match (get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), get("AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
                (Some(path), _) => Token::File(path.into()),
                (None, Some(token)) => Token::Text(token.to_owned().into()),
                (None, None) => Token::None,
            };
        Some(Container::new(&url, token, shared).map_err(|why| format!("{name}: {why}")))
    }

    fn new(url: &str, token: Token, shared: &Shared) -> Result<Container, String> {
        let url = Url::parse(url)?;
        if !url.origin.tls && !is_this_host(&url.origin.host) {
            return Err(format!("{url} would bring secrets unencrypted from another host: only https may"));
        }
        // Never through a proxy: it is on this host, or as good as.
        let (origin, tls) = (url.origin.clone(), Tls::Shared(shared.tls.clone()));
        let connector = Connector { origin, tls, server_name: None, proxy: None, tunnel: false };
        Ok(Container { client: Client::new(connector, Version::Http1, None)?, url, token })
    }

    /// Asks for keys.
    pub async fn fetch(&self) -> Result<Keys, Failure> {
        let failed = |why: String| Failure(format!("AWS credentials from {}: {why}", self.url));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let token = match &self.token {
            Token::None => None,
            Token::Text(token) => Some(token.reveal().to_owned()),
            Token::File(path) => Some(read_secret(path)?),
        };
        if let Some(token) = token {
            let value =
                secret_value(&token).map_err(|why| failed(format!("the authorization token {why}")))?;
            headers.insert(AUTHORIZATION, value);
        }
        let answer = self.client.get(&self.url.path, headers).await.map_err(|error| failed(error.0))?;
        if !answer.status.is_success() {
            return Err(failed(format!("{} {}", answer.status, words(&answer))));
        }
        // Not quoted: what can't be read may still hold the secret.
        let keys: Json = serde_json::from_slice(&answer.body)
            .map_err(|_| failed("the answer is not the JSON that was expected".into()))?;
        Ok(Keys {
            id: keys.id,
            secret: keys.secret.into(),
            token: keys.token.map(Secret::from),
            expires: keys.expires.as_deref().and_then(system_time),
        })
    }
}

/// Loopback and the link-local addresses of ECS and EKS, which the SDKs of AWS take for safe.
fn is_this_host(host: &str) -> bool {
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => {
            address.is_loopback() || ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(&host)
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// What a container's endpoint answers.
#[derive(Deserialize)]
struct Json {
    #[serde(rename = "AccessKeyId")]
    id: String,
    #[serde(rename = "SecretAccessKey")]
    secret: String,
    #[serde(rename = "Token")]
    token: Option<String>,
    #[serde(rename = "Expiration")]
    expires: Option<String>,
}
