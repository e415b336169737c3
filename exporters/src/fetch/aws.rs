//! Secrets Manager, Parameter Store and S3, as far as a text is fetched from them.

use std::future::ready;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::uri::Source;
use super::{Batch, Fetched, Fetcher, Trouble, patiently, web};
use crate::auth::sigv4::own_region;
use crate::aws::{Refusal, host};
use crate::http::{Answer, Url};

/// The most names of one GetParameters.
pub(super) const MOST_PARAMETERS: usize = 10;

/// What is not escaped in an object's path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A service that takes calls as JSON.
struct Service {
    /// In host names, signatures and policies.
    name: &'static str,
    /// In `X-Amz-Target`.
    target: &'static str,
    /// Its own variable for another endpoint.
    endpoint: &'static str,
}

const SECRETS: Service = Service {
    name: "secretsmanager",
    target: "secretsmanager",
    endpoint: "AWS_ENDPOINT_URL_SECRETS_MANAGER",
};
const PARAMETERS: Service = Service { name: "ssm", target: "AmazonSSM", endpoint: "AWS_ENDPOINT_URL_SSM" };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    name: String,
    #[serde(default, rename = "ARN")]
    arn: String,
    value: String,
    #[serde(default)]
    version: u64,
    #[serde(default)]
    selector: Option<String>,
}

impl Parameter {
    /// Whether it is the one that was asked for by `wanted`: name or ARN, `:version` or `:label` behind it.
    fn is(&self, wanted: &str) -> bool {
        let rest = [&self.arn, &self.name]
            .into_iter()
            .filter(|name| !name.is_empty())
            .find_map(|name| wanted.strip_prefix(name.as_str()));
        match (rest, &self.selector) {
            (Some(""), _) => true,
            (Some(rest), Some(selector)) => rest == selector,
            (Some(rest), None) => rest == format!(":{}", self.version),
            (None, _) => false,
        }
    }
}

impl Fetcher {
    /// GetSecretValue: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>. One
    /// call for each, since the right to get several at once is another, which functions seldom have.
    pub(super) async fn secret(
        &self,
        id: &str,
        region: Option<&str>,
        stage: Option<&str>,
        version: Option<&str>,
    ) -> Result<Rc<str>, Trouble> {
        let mut asked = json!({ "SecretId": id });
        for (key, value) in [("VersionStage", stage), ("VersionId", version)] {
            if let Some(value) = value {
                asked[key] = value.into();
            }
        }
        let value: SecretValue = self.call(&SECRETS, region, "GetSecretValue", &asked).await?;
        if let Some(text) = value.secret_string {
            return Ok(text.into());
        }
        let bytes = value.secret_binary.and_then(|text| STANDARD.decode(text).ok());
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(Rc::from).ok_or_else(|| Trouble::lasting("it holds no text"))
    }

    /// GetParameters: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>. If the
    /// role may not get all of them, they are asked for one by one.
    pub(super) async fn parameters(
        &self,
        names: &[String],
        region: Option<String>,
        deadline: Instant,
    ) -> Batch {
        let region = region.as_deref();
        let together = patiently(deadline, async || self.get_parameters(names, region).await).await;
        let named = |name: &String, fetched: Fetched| {
            let source = Source::Parameter { name: name.clone(), region: region.map(str::to_owned) };
            let fetched = fetched.map_err(|why| format!("{source}: {why}"));
            (source, fetched)
        };
        let missing = |region: &str| Err(format!("is not there in {region}"));
        let region_name = region.map(str::to_owned).or_else(|| own_region(&self.env)).unwrap_or_default();
        match together {
            Ok(parameters) => {
                let find = |name: &String| parameters.iter().find(|parameter| parameter.is(name));
                let fetched = |name| {
                    find(name).map_or_else(|| missing(&region_name), |it| Ok(it.value.as_str().into()))
                };
                names.iter().map(|name| named(name, fetched(name))).collect()
            }
            Err(why) if names.len() == 1 => names.iter().map(|name| named(name, Err(why.clone()))).collect(),
            Err(_) => {
                let one = async |name: &String| {
                    let names = std::slice::from_ref(name);
                    let had = patiently(deadline, async || self.get_parameters(names, region).await).await;
                    let value = had.map(|had| had.into_iter().next().map(|it| Rc::from(it.value)));
                    named(name, value.and_then(|value| value.map_or_else(|| missing(&region_name), Ok)))
                };
                join_all(names.iter().map(one)).await
            }
        }
    }

    async fn get_parameters(
        &self,
        names: &[String],
        region: Option<&str>,
    ) -> Result<Vec<Parameter>, Trouble> {
        let asked = json!({ "Names": names, "WithDecryption": true });
        let had: Parameters = self.call(&PARAMETERS, region, "GetParameters", &asked).await?;
        Ok(had.parameters)
    }

    /// Calls `action` of a service in `region`, the function's own if absent.
    async fn call<T: for<'de> Deserialize<'de>>(
        &self,
        service: &Service,
        region: Option<&str>,
        action: &str,
        asked: &Value,
    ) -> Result<T, Trouble> {
        let region = self.region(region)?;
        let base = self.endpoint(service.endpoint);
        let base = base.unwrap_or_else(|| format!("https://{}", host(service.name, &region)));
        let url = Url::parse(&base).map_err(Trouble::lasting)?;
        let client = self.client(&url, Some((service.name, &region)))?;
        let target = format!("{}.{action}", service.target);
        let mut headers = self.headers();
        let target = HeaderValue::from_str(&target).map_err(|why| Trouble::lasting(why.to_string()))?;
        headers.insert(HeaderName::from_static("x-amz-target"), target);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        let body = ready(vec![asked.to_string().into()].into());
        let answer = client.post(&url.path, headers, body).await.map_err(web::unanswered)?;
        if !answer.status.is_success() {
            return Err(refused(&answer, &format!("{}:{action}", service.name), &region));
        }
        // Not quoted: what can't be read may still hold the secret.
        serde_json::from_slice(&answer.body)
            .map_err(|_| Trouble { why: "the answer is not the JSON that was expected".into(), passes: true })
    }

    /// GetObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>. A bucket in another region says
    /// which, and is asked there.
    pub(super) async fn object(
        &self,
        bucket: &str,
        region: Option<&str>,
        key: &str,
    ) -> Result<Rc<str>, Trouble> {
        let mut region = self.region(region)?;
        let mut moved = false;
        loop {
            let answer = self.get_object(bucket, &region, key).await?;
            let elsewhere = answer.header("x-amz-bucket-region");
            if answer.status.is_success() {
                return web::text(answer);
            }
            if moved || elsewhere.is_empty() || elsewhere == region {
                return Err(refused(&answer, "s3:GetObject", &region));
            }
            (region, moved) = (elsewhere.to_owned(), true);
        }
    }

    async fn get_object(&self, bucket: &str, region: &str, key: &str) -> Result<Answer, Trouble> {
        let key = utf8_percent_encode(key, PATH);
        let url = match self.endpoint("AWS_ENDPOINT_URL_S3") {
            Some(base) => format!("{}/{bucket}/{key}", base.trim_end_matches('/')),
            // A certificate's `*` stands for one label.
            None if bucket.contains('.') => format!("https://{}/{bucket}/{key}", host("s3", region)),
            None => format!("https://{bucket}.{}/{key}", host("s3", region)),
        };
        let url = Url::parse(&url).map_err(Trouble::lasting)?;
        let client = self.client(&url, Some(("s3", region)))?;
        client.get(&url.path, self.headers()).await.map_err(web::unanswered)
    }

    /// Headers that every request has.
    pub(super) fn headers(&self) -> HeaderMap {
        let agent = HeaderValue::from_static(concat!("otelcol-lambda/", env!("CARGO_PKG_VERSION")));
        HeaderMap::from_iter([(http::header::USER_AGENT, agent)])
    }

    fn region(&self, region: Option<&str>) -> Result<String, Trouble> {
        let region = region.map(str::to_owned).or_else(|| own_region(&self.env));
        region.ok_or_else(|| Trouble::lasting("in which region? AWS_REGION is not set"))
    }

    fn endpoint(&self, own: &str) -> Option<String> {
        let set = |name| self.env.get(name).map(str::trim).filter(|url| !url.is_empty());
        set(own).or_else(|| set("AWS_ENDPOINT_URL")).map(str::to_owned)
    }
}

/// A refusal of `action` in words.
pub(super) fn refused(answer: &Answer, action: &str, region: &str) -> Trouble {
    let refusal = Refusal::of(answer);
    let mut why = format!("{} in {region}", answer.status.as_u16());
    for part in [&refusal.code, &refusal.message].into_iter().filter(|part| !part.is_empty()) {
        why = format!("{why}: {part}");
    }
    if refusal.code.contains("AccessDenied") || answer.status == StatusCode::FORBIDDEN {
        why.push_str(&format!("; the role of the function needs {action}"));
    }
    Trouble { why, passes: refusal.passes(answer.status) }
}
