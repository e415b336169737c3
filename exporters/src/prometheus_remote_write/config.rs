//! What a user may write of `prometheusremotewrite`, and the exporter that comes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use config::Former::Idle;
use config::{FormerKeys, Headers, Mistakes, Node, Secret};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use pipeline::{Context, Exporter, RetryOnFailure, Sending, SendingQueue};
use serde::Deserialize;

use super::exporter::RemoteWrite;
use super::names::label;
use super::series::Settings;
use crate::auth::{Auth, Shared};
use crate::findings::Findings;
use crate::former;
use crate::http::tls::Keys;
use crate::http::{Client, Url, Way};
use crate::otlp::settings;

const ONE_BY_ONE: &str = "requests go out one after the other; see sending_queue";

const FORMER: [&FormerKeys; 4] = [
    &former::TLS,
    &former::QUEUE,
    &former::HTTP_CLIENT,
    &[
        ("wal", Idle("no disk outlives the memory of a sandbox")),
        ("remote_write_queue", Idle(ONE_BY_ONE)),
        ("max_batch_request_parallelism", Idle(ONE_BY_ONE)),
        ("export_created_metric", Idle("it is retired, and such series are not made")),
        ("compression_params", Idle("snappy has no levels")),
        former::MIDDLEWARES,
    ],
];

/// The keys of the Go Collector's exporter, with its defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// The URL that takes Remote-Write.
    endpoint: String,
    /// Sent with every request. Values are never printed.
    headers: Headers,
    /// The extension that proves who sends.
    auth: Option<Auth>,
    /// How the connection is encrypted, and to whom.
    tls: Option<Keys>,
    /// The proxy, instead of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
    proxy_url: Secret,
    /// What stands before the name of each metric.
    namespace: String,
    /// Labels of every series.
    external_labels: BTreeMap<String, String>,
    /// Whether names end in unit and kind; true if absent.
    add_metric_suffixes: Option<bool>,
    /// `UnderscoreEscapingWithSuffixes` or `UnderscoreEscapingWithoutSuffixes`; it goes before `add_metric_suffixes`.
    translation_strategy: String,
    /// Whether attributes of the resource become labels.
    resource_to_telemetry_conversion: ResourceToTelemetry,
    /// The series `target_info`, which holds the attributes of the resource.
    target_info: TargetInfo,
    /// Whether type, unit and description of metrics are sent, too.
    send_metadata: bool,
    /// Whether the labels that name the instrumentation scope are left out.
    disable_scope_info: bool,
    /// The most that one request may hold, in bytes before compression; 3000000 if absent.
    max_batch_size_bytes: usize,
    /// The longest that one attempt takes; 5 s unless set.
    #[serde(deserialize_with = "config::duration")]
    timeout: Duration,
    /// What happens to a request that failed.
    retry_on_failure: Option<RetryOnFailure>,
    /// What waits for the next flush, and how it is cut into requests.
    sending_queue: Option<SendingQueue>,

    /// Must be `snappy` if it is there.
    compression: String,
    /// Must be `prometheus.WriteRequest` if it is there.
    protobuf_message: String,
}

/// `resource_to_telemetry_conversion`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ResourceToTelemetry {
    /// Whether they do.
    enabled: bool,
    /// Whether those that name the service do not.
    exclude_service_attributes: bool,
}

/// `target_info`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TargetInfo {
    /// Whether it is sent.
    enabled: bool,
}

impl Default for TargetInfo {
    fn default() -> Self {
        TargetInfo { enabled: true }
    }
}

/// Reads the configuration and makes the exporter.
pub(crate) fn build(node: &Node, context: &Context, shared: &Shared) -> Result<Box<dyn Exporter>, Mistakes> {
    let node = &node.settled(&FORMER);
    let config: Config = node.read()?;
    let mut findings = Findings::default();
    config.check(&mut findings);
    let way = config.way(context, shared, &mut findings);
    let settings = config.settings(&mut findings);
    let headers = config.headers(context, &mut findings);
    let sending = config.sending(&mut findings);
    findings.report(node)?;
    let Some((client, url)) = way else { return Err(node.mistake("", "can't be used")) };
    let most_bytes = if config.max_batch_size_bytes == 0 { 3_000_000 } else { config.max_batch_size_bytes };
    Ok(Box::new(RemoteWrite { client, url, headers, settings, most_bytes, sending }))
}

impl Config {
    /// Says what is wrong with keys that leave no choice.
    fn check(&self, findings: &mut Findings) {
        if !["", "snappy"].contains(&self.compression.as_str()) {
            findings.mistake::<()>("compression", "must be snappy: Remote-Write knows no other");
        }
        match self.protobuf_message.as_str() {
            "" | "prometheus.WriteRequest" => {}
            "io.prometheus.write.v2.Request" => drop(findings.mistake::<()>(
                "protobuf_message",
                "Remote-Write 2.0 is not sent: write prometheus.WriteRequest, that of 1.0, which receivers of 2.0 \
                 take as well, or leave it out",
            )),
            other => {
                let why = format!("`{other}`: expected prometheus.WriteRequest, that of Remote-Write 1.0");
                findings.mistake::<()>("protobuf_message", why);
            }
        }
    }

    fn way(&self, context: &Context, shared: &Shared, findings: &mut Findings) -> Option<(Client, Url)> {
        if self.endpoint.is_empty() {
            return findings.mistake("endpoint", "is missing: https://host/api/v1/remote_write, say");
        }
        let url = Url::parse(&self.endpoint).map_err(|why| findings.mistake::<()>("endpoint", why)).ok()?;
        let keys = self.tls.clone().unwrap_or_default();
        let way =
            Way::of_env(&context.env, &shared.tls).by(&keys, findings).through("proxy_url", &self.proxy_url);
        let authenticator = self.auth.as_ref().and_then(|auth| auth.find(shared, findings));
        if let Some(Err(why)) = authenticator.as_ref().map(|it| it.suits(&url.origin)) {
            findings.warn("auth.authenticator", why);
        }
        let client = way.client(&url.origin).map_err(|(key, why)| findings.mistake::<()>(key, why)).ok()?;
        Some((client.authenticated(authenticator), url))
    }

    fn headers(&self, context: &Context, findings: &mut Findings) -> HeaderMap {
        let mut headers = settings::headers(&self.headers, findings);
        if let Ok(user_agent) = HeaderValue::from_str(&context.user_agent) {
            headers.entry(USER_AGENT).or_insert(user_agent);
        }
        let fixed = |text| HeaderValue::from_static(text);
        headers.insert(CONTENT_TYPE, fixed("application/x-protobuf"));
        headers.insert(CONTENT_ENCODING, fixed("snappy"));
        headers.insert(HeaderName::from_static("x-prometheus-remote-write-version"), fixed("0.1.0"));
        headers
    }

    fn settings(&self, findings: &mut Findings) -> Settings {
        let suffixes = match self.translation_strategy.as_str() {
            "" => self.add_metric_suffixes.unwrap_or(true),
            "UnderscoreEscapingWithSuffixes" => true,
            "UnderscoreEscapingWithoutSuffixes" => false,
            other => {
                let why = format!(
                    "`{other}`: expected UnderscoreEscapingWithSuffixes or UnderscoreEscapingWithoutSuffixes \
                     (names that are not escaped need Remote-Write 2.0, which is not sent)"
                );
                findings.mistake("translation_strategy", why).unwrap_or(true)
            }
        };
        let mut external_labels = BTreeMap::new();
        for (name, value) in &self.external_labels {
            if let Some(name) = label(name).filter(|_| !value.is_empty()) {
                external_labels.insert(name, value.clone());
            } else {
                findings.mistake::<()>("external_labels", format!("`{name}`: no name, or no value"));
            }
        }
        Settings {
            namespace: self.namespace.clone(),
            suffixes,
            external_labels,
            target_info: self.target_info.enabled,
            scope_labels: !self.disable_scope_info,
            resource_labels: self.resource_to_telemetry_conversion.enabled,
            without_service: self.resource_to_telemetry_conversion.exclude_service_attributes,
            metadata: self.send_metadata,
        }
    }

    fn sending(&self, findings: &mut Findings) -> Sending {
        let timeout = if self.timeout.is_zero() { Duration::from_secs(5) } else { self.timeout };
        let (retry, queue) = (self.retry_on_failure.clone(), self.sending_queue.clone());
        let mut sending = settings::sending(timeout, retry, queue, findings);
        // Prometheus takes the samples of a series in the order of time.
        sending.queue.num_consumers = 1;
        sending
    }
}
