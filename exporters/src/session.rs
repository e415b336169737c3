//! What exporters to AWS's own APIs share: the keys of their configurations, and a client that signs.

use std::rc::Rc;
use std::time::Duration;

use config::Secret;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use pipeline::Context;

use crate::auth::Shared;
use crate::auth::role::AssumeRole;
use crate::auth::sigv4::SigV4;
use crate::aws::host;
use crate::findings::Findings;
use crate::http::tls::Keys;
use crate::http::{Client, Url, Way};

// Why keys that all exporters of the Go Collector to AWS have change nothing.
pub(crate) const KEPT: &str = "what fails is kept and sent again; retry_on_failure sets for how long";
pub(crate) const NO_METADATA: &str = "no instance metadata is asked";
pub(crate) const CA_FILE: &str = "use tls.ca_file";
pub(crate) const NO_SDK: &str = "credentials come from the function's environment, or from role_arn";

/// The keys that all exporters of the Go Collector to AWS have in common, as far as they matter to a client.
pub(crate) struct Session<'a> {
    /// The function's own if empty.
    pub region: &'a str,
    /// The service's in that region if empty.
    pub endpoint: &'a str,
    /// A role to assume, if not empty.
    pub role_arn: &'a str,
    /// Goes with it.
    pub external_id: &'a Secret,
    /// Whether any certificate will do.
    pub no_verify_ssl: bool,
    /// Instead of the environment's.
    pub proxy_address: &'a Secret,
    /// Certificates of one's own.
    pub tls: Option<&'a Keys>,
}

/// A service of AWS, and what of it is asked.
pub(crate) struct Service {
    /// Its name in hosts and signatures.
    pub name: &'static str,
    /// The variable that holds an endpoint of it (`AWS_ENDPOINT_URL_XRAY`).
    pub endpoint_variable: &'static str,
    /// What is asked for there.
    pub path: &'static str,
    /// What a body is.
    pub content_type: &'static str,
}

/// The way to one service.
pub(crate) struct Api {
    /// Signs what it sends.
    pub client: Client,
    /// Where requests go.
    pub url: Url,
    /// The headers of every request.
    pub headers: HeaderMap,
    /// The role that is assumed; empty if it is the function's own.
    pub role: String,
}

impl Session<'_> {
    /// The way to `service`; nothing if something is wrong.
    pub fn api(
        &self,
        service: &Service,
        context: &Context,
        shared: &Shared,
        findings: &mut Findings,
    ) -> Option<Api> {
        let env = |name: &str| context.env.get(name).map(str::trim).filter(|value| !value.is_empty());
        let region = Some(self.region).filter(|region| !region.is_empty());
        let region =
            region.or_else(|| env("AWS_REGION")).or_else(|| env("AWS_DEFAULT_REGION")).unwrap_or_default();
        let own = Some(self.endpoint).filter(|endpoint| !endpoint.is_empty());
        let own = own.or_else(|| env(service.endpoint_variable)).or_else(|| env("AWS_ENDPOINT_URL"));
        if region.is_empty() && own.is_none() {
            return findings.mistake(
                "region",
                format!("is missing, and so is AWS_REGION: where is your {}?", service.name),
            );
        }
        let is_fips = env("AWS_USE_FIPS_ENDPOINT").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let fips = if is_fips { "-fips" } else { "" };
        let usual = || format!("https://{}", host(&format!("{}{fips}", service.name), region));
        let base = own.map_or_else(usual, str::to_owned);
        let url = Url::parse(&format!("{}{}", base.trim_end_matches('/'), service.path));
        let url = url.map_err(|why| findings.mistake::<()>("endpoint", why)).ok()?;
        let role = AssumeRole {
            arn: self.role_arn.to_owned(),
            external_id: self.external_id.clone(),
            ..AssumeRole::default()
        };
        let signer = SigV4::for_process(region, service.name, &role, &context.env, shared);
        let signer = Rc::new(signer.map_err(|why| findings.mistake::<()>("role_arn", why)).ok()?);
        let mut keys = self.tls.cloned().unwrap_or_default();
        keys.insecure_skip_verify |= self.no_verify_ssl;
        let way = Way::of_env(&context.env, &shared.tls)
            .by(&keys, findings)
            .through("proxy_address", self.proxy_address);
        let client = way.client(&url.origin).map_err(|(key, why)| findings.mistake::<()>(key, why)).ok()?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(service.content_type));
        if let Ok(user_agent) = HeaderValue::from_str(&context.user_agent) {
            headers.insert(USER_AGENT, user_agent);
        }
        Some(Api { client: client.authenticated(Some(signer)), url, headers, role: self.role_arn.to_owned() })
    }
}

/// What one attempt may take: `request_timeout_seconds`, unless `timeout` is set, which all exporters have.
pub(crate) fn timeout(seconds: Option<f64>, timeout: Duration, findings: &mut Findings) -> Duration {
    if !timeout.is_zero() {
        return timeout;
    }
    Duration::try_from_secs_f64(seconds.unwrap_or(30.0)).unwrap_or_else(|_| {
        findings.mistake::<()>("request_timeout_seconds", "a number of seconds is expected");
        timeout
    })
}
