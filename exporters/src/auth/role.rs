//! A role that is assumed through STS
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).

use std::future::ready;
use std::rc::Rc;

use config::{Env, Secret};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use percent_encoding::utf8_percent_encode;
use pipeline::calendar::system_time;
use serde::Deserialize;

use super::credentials::{Credentials, Keys};
use super::signature::ESCAPED;
use super::sigv4::SigV4;
use super::{Shared, read_secret};
use crate::aws::{element, host};
use crate::http::{Answer, Client, Failure, Url, Way};
use crate::otlp::answer::excerpt;

/// `assume_role`: the role to assume, with the Collector's keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AssumeRole {
    /// The role; none is assumed if it is empty.
    pub arn: String,
    /// What the session is called in the role's audit log.
    pub session_name: String,
    /// What the role's owner asks for.
    pub external_id: Secret,
    /// Where STS is asked; the region of the requests if empty.
    pub sts_region: String,
    /// A token that proves who asks, instead of credentials.
    pub web_identity_token_file: String,
}

/// What a session is called unless the configuration says so.
const SESSION_NAME: &str = "otelcol-lambda";

/// STS, and what it is asked.
pub(crate) struct AssumedRole {
    url: Url,
    client: Client,
    parameters: Vec<(&'static str, Secret)>,
    web_identity_token_file: String,
}

impl AssumedRole {
    /// A role that is assumed with `base` in `region`, or wherever STS has its one global endpoint.
    /// `AWS_ENDPOINT_URL_STS` or `AWS_ENDPOINT_URL` name another endpoint.
    ///
    /// # Errors
    /// An endpoint or a proxy that can't be used.
    pub fn new(
        role: &AssumeRole,
        region: Option<&str>,
        base: Credentials,
        env: &Env,
        shared: &Shared,
    ) -> Result<AssumedRole, String> {
        let own = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"];
        let own = own.into_iter().find_map(|name| env.get(name).filter(|url| !url.is_empty()));
        let url = Url::parse(&own.map_or_else(|| endpoint(region), str::to_owned))?;
        let mut client = Way::of_env(env, &shared.tls).client(&url.origin).map_err(|(_, why)| why)?;
        let web_identity = !role.web_identity_token_file.is_empty();
        if !web_identity {
            let region = region.unwrap_or("us-east-1");
            client = client.authenticated(Some(Rc::new(SigV4::new(region, "sts", base))));
        }
        let session = if role.session_name.is_empty() { SESSION_NAME } else { &role.session_name };
        let action = if web_identity { "AssumeRoleWithWebIdentity" } else { "AssumeRole" };
        let parameters = [
            ("Action", action),
            ("Version", "2011-06-15"),
            ("RoleArn", &role.arn),
            ("RoleSessionName", session),
            ("ExternalId", if web_identity { "" } else { role.external_id.reveal() }),
        ];
        let parameters = parameters.into_iter().filter(|(_, value)| !value.is_empty());
        let parameters = parameters.map(|(name, value)| (name, value.to_owned().into())).collect();
        let web_identity_token_file = role.web_identity_token_file.clone();
        Ok(AssumedRole { url, client, parameters, web_identity_token_file })
    }

    /// Asks STS for keys.
    pub async fn fetch(&self) -> Result<Keys, Failure> {
        let failed = |why: String| Failure(format!("assume_role by {}: {why}", self.url));
        let mut body = String::new();
        for (name, value) in &self.parameters {
            let start = if body.is_empty() { "" } else { "&" };
            body += &format!("{start}{name}={}", utf8_percent_encode(value.reveal(), ESCAPED));
        }
        if !self.web_identity_token_file.is_empty() {
            let token = read_secret(&self.web_identity_token_file)?;
            body += &format!("&WebIdentityToken={}", utf8_percent_encode(&token, ESCAPED));
        }
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
        let body = ready(vec![body.into()].into());
        let answer =
            self.client.post(&self.url.path, headers, body).await.map_err(|error| failed(error.0))?;
        read(&answer).map_err(failed)
    }
}

fn endpoint(region: Option<&str>) -> String {
    region.map_or("https://sts.amazonaws.com".into(), |region| format!("https://{}", host("sts", region)))
}

/// The keys in an answer of STS, which is XML with each element once.
fn read(answer: &Answer) -> Result<Keys, String> {
    let body = std::str::from_utf8(&answer.body).unwrap_or_default();
    if !answer.status.is_success() {
        let said = [element(body, "Code"), element(body, "Message")];
        let said: Vec<_> = said.into_iter().flatten().map(excerpt).collect();
        return Err(format!("{} {}", answer.status, said.join(": ")).trim_end().to_owned());
    }
    let part = |name| element(body, name).ok_or_else(|| format!("the answer lacks {name}"));
    Ok(Keys {
        token: Some(part("SessionToken")?.to_owned().into()),
        expires: Some(system_time(part("Expiration")?).ok_or("the answer's Expiration is no time")?),
        ..Keys::new(part("AccessKeyId")?, part("SecretAccessKey")?, None)
    })
}
