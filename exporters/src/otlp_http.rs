//! `otlp_http`: OTLP over HTTP/1.1, as protobuf or JSON.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use config::Former::Idle;
use config::{FormerKeys, Headers, Mistakes, Node, Secret};
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use pipeline::{
    Batch, Context, Delivered, Exporter, RetryOnFailure, Sending, SendingQueue, Signal, Undelivered,
};
use serde::Deserialize;

use crate::auth::{Auth, Shared};
use crate::findings::Findings;
use crate::former;
use crate::http::compression::{Compression, Compressor, Params};
use crate::http::tls::Keys;
use crate::http::{Client, Url, Way};
use crate::otlp::answer::http_verdict;
use crate::otlp::settings;

const FORMER: [&FormerKeys; 4] = [
    &former::TLS,
    &former::QUEUE,
    &former::HTTP_CLIENT,
    &[("profiles_endpoint", Idle("profiles are not sent")), former::MIDDLEWARES],
];

/// What a user may write, with the Collector's keys and defaults.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Where `/v1/traces`, `/v1/metrics` and `/v1/logs` are.
    endpoint: String,
    /// Where traces go instead; the URL is taken as it is.
    traces_endpoint: String,
    /// Where metrics go instead; the URL is taken as it is.
    metrics_endpoint: String,
    /// Where logs go instead; the URL is taken as it is.
    logs_endpoint: String,
    /// How telemetry is written.
    encoding: Encoding,
    /// Sent with every request. Values are never printed.
    headers: Headers,
    /// `gzip`, `zstd`, `zlib`, `deflate`, `none`. `snappy` and `lz4` become gzip.
    compression: String,
    /// How hard it compresses.
    compression_params: Option<Params>,
    /// The longest that one attempt takes; 0 is no limit.
    #[serde(deserialize_with = "config::duration")]
    timeout: Duration,
    /// What happens to a request that failed.
    retry_on_failure: Option<RetryOnFailure>,
    /// What waits for the next flush, and how it is cut into requests.
    sending_queue: Option<SendingQueue>,
    /// How the connection is encrypted, and to whom.
    tls: Option<Keys>,
    /// The proxy for every endpoint, instead of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
    proxy_url: Secret,
    /// The extension that proves who sends.
    auth: Option<Auth>,
}

/// How telemetry is written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Proto,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: String::new(),
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            encoding: Encoding::Proto,
            headers: Headers::default(),
            compression: "gzip".into(),
            compression_params: None,
            timeout: Duration::from_secs(30),
            retry_on_failure: None,
            sending_queue: None,
            tls: None,
            proxy_url: Secret::default(),
            auth: None,
        }
    }
}

/// Sends each batch as one POST.
struct OtlpHttp {
    routes: Vec<Route>,
    headers: HeaderMap,
    compressor: Compressor,
    encoding: Encoding,
    sending: Sending,
}

/// Where one signal goes.
struct Route {
    signal: Signal,
    url: Url,
    client: Rc<Client>,
}

/// Reads the configuration and makes the exporter.
pub(crate) fn build(node: &Node, context: &Context, shared: &Shared) -> Result<Box<dyn Exporter>, Mistakes> {
    let node = &node.settled(&FORMER);
    let config: Config = node.read()?;
    let mut findings = Findings::default();
    let exporter = OtlpHttp::new(config, context, shared, &mut findings);
    findings.report(node)?;
    Ok(Box::new(exporter))
}

impl OtlpHttp {
    /// The exporter, usable if nothing was found wrong.
    fn new(config: Config, context: &Context, shared: &Shared, findings: &mut Findings) -> OtlpHttp {
        let params = config.compression_params.clone().unwrap_or_default();
        let compression = Compression::read(&config.compression, &params, findings);
        let headers = config.headers(&context.user_agent, compression, findings);
        let routes = config.routes(context, shared, findings);
        let sending =
            settings::sending(config.timeout, config.retry_on_failure, config.sending_queue, findings);
        OtlpHttp {
            routes,
            headers,
            compressor: Compressor::new(compression),
            encoding: config.encoding,
            sending,
        }
    }
}

impl Config {
    /// The headers of every request. The user's own replace ours, `Content-Type` and `Host` included; ours
    /// are those of the Collector, in whose place backends see us.
    fn headers(&self, user_agent: &str, compression: Compression, findings: &mut Findings) -> HeaderMap {
        let mut headers = settings::headers(&self.headers, findings);
        let content_type = match self.encoding {
            Encoding::Proto => "application/x-protobuf",
            Encoding::Json => "application/json",
        };
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
        if let Ok(user_agent) = HeaderValue::from_str(user_agent) {
            headers.entry(USER_AGENT).or_insert(user_agent);
        }
        if let Some(encoding) = compression.encoding() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        headers
    }

    /// Where each signal goes. Endpoints on one server share their connections.
    fn routes(&self, context: &Context, shared: &Shared, findings: &mut Findings) -> Vec<Route> {
        let authenticator = self.auth.as_ref().and_then(|auth| auth.find(shared, findings));
        let keys = self.tls.clone().unwrap_or_default();
        let way =
            Way::of_env(&context.env, &shared.tls).by(&keys, findings).through("proxy_url", &self.proxy_url);
        let mut routes: Vec<Route> = Vec::new();
        for (signal, url) in self.urls(findings) {
            let shared = routes.iter().find(|route| *route.client.origin() == url.origin);
            if let Some(client) = shared.map(|route| route.client.clone()) {
                routes.push(Route { signal, url, client });
                continue;
            }
            if let Some(Err(why)) = authenticator.as_ref().map(|it| it.suits(&url.origin)) {
                findings.warn("auth.authenticator", why);
            }
            match way.client(&url.origin) {
                Ok(client) => {
                    let client = Rc::new(client.authenticated(authenticator.clone()));
                    routes.push(Route { signal, url, client });
                }
                Err((key, error)) => drop(findings.mistake::<()>(key, error)),
            }
        }
        routes
    }

    /// The URL of each signal that has one, and what is wrong with the others.
    fn urls(&self, findings: &mut Findings) -> Vec<(Signal, Url)> {
        let own = [
            (Signal::Traces, "traces_endpoint", &self.traces_endpoint),
            (Signal::Metrics, "metrics_endpoint", &self.metrics_endpoint),
            (Signal::Logs, "logs_endpoint", &self.logs_endpoint),
        ];
        if self.endpoint.is_empty() && own.iter().all(|(_, _, url)| url.is_empty()) {
            findings
                .mistake::<()>("endpoint", "is missing: where shall telemetry go? https://host:4318, say");
        }
        let base = match Url::parse(&self.endpoint) {
            Ok(base) => Some(base),
            Err(_) if self.endpoint.is_empty() => None,
            Err(error) => findings.mistake("endpoint", error),
        };
        if base.is_some_and(|base| base.path.query().is_some()) {
            findings.warn(
                "endpoint",
                "`/v1/traces` comes after the query, as in the Go Collector; use traces_endpoint",
            );
        }
        let mut urls = Vec::new();
        for (signal, key, url) in own {
            let parsed = match (url.as_str(), self.endpoint.strip_suffix('/').unwrap_or(&self.endpoint)) {
                ("", "") => continue,
                ("", base) => Url::parse(&format!("{base}/v1/{signal}")).ok(),
                (url, _) => Url::parse(url).map_err(|error| findings.mistake::<()>(key, error)).ok(),
            };
            urls.extend(parsed.map(|url| (signal, url)));
        }
        urls
    }
}

#[async_trait(?Send)]
impl Exporter for OtlpHttp {
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        let Some(route) = self.routes.iter().find(|route| route.signal == batch.signal()) else {
            return Err(Undelivered::Refused { cause: no_endpoint(batch.signal()).into() });
        };
        let body = async {
            let body = match self.encoding {
                Encoding::Proto => batch.parts().cloned().collect(),
                Encoding::Json => vec![batch.to_json().into()],
            };
            self.compressor.compress(body).await.into()
        };
        let mut headers = self.headers.clone();
        if let Some(credentials) = &route.url.credentials {
            headers.entry(AUTHORIZATION).or_insert(credentials.clone());
        }
        match route.client.post(&route.url.path, headers, body).await {
            Ok(answer) => http_verdict(&answer, &route.url.to_string(), SystemTime::now()),
            Err(failure) => {
                let cause = format!("POST {}: {failure}", route.url).into();
                Err(Undelivered::Retry { after: None, cause })
            }
        }
    }

    fn takes(&self, signal: Signal) -> Result<(), String> {
        if self.routes.iter().any(|route| route.signal == signal) { Ok(()) } else { Err(no_endpoint(signal)) }
    }

    fn local_port(&self, signal: Signal) -> Option<u16> {
        self.routes.iter().find(|route| route.signal == signal)?.url.origin.local_port()
    }

    fn sending(&self) -> Sending {
        self.sending.clone()
    }
}

fn no_endpoint(signal: Signal) -> String {
    format!("neither endpoint nor {signal}_endpoint says where {signal} go")
}
