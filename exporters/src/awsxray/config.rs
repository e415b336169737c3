//! What a user may write of `awsxray`, and the exporter that comes of it.

use std::time::Duration;

use config::Former::Idle;
use config::{FormerKeys, Mistakes, Node, Secret};
use pipeline::{Context, Exporter, QueueBatch, RetryOnFailure, Sending, SendingQueue, Sizer};
use serde::Deserialize;

use super::exporter::{AwsXray, Transport};
use super::udp::Daemon;
use super::{FunctionSegment, Mapping, Settings};
use crate::auth::Shared;
use crate::findings::Findings;
use crate::former;
use crate::http::tls::Keys;
use crate::otlp::settings;
use crate::session::{Api, CA_FILE, KEPT, NO_METADATA, NO_SDK, Service, Session, timeout};

/// So many spans are one request at most: X-Ray takes 50 documents, and a span seldom needs two. The outbox sends
/// several side by side and keeps each that fails.
const MOST_SPANS: usize = 50;

/// <https://docs.aws.amazon.com/general/latest/gr/xray.html>
const XRAY: Service = Service {
    name: "xray",
    endpoint_variable: "AWS_ENDPOINT_URL_XRAY",
    path: "/TraceSegments",
    content_type: "application/json",
};

const FORMER: [&FormerKeys; 3] = [
    &former::TLS,
    &former::QUEUE,
    &[
        ("max_retries", Idle(KEPT)),
        ("local_mode", Idle(NO_METADATA)),
        ("resource_arn", Idle("it is for telemetry records, which are not sent")),
        ("telemetry", Idle("telemetry records are not sent")),
        ("certificate_file_path", Idle(CA_FILE)),
        ("profile", Idle(NO_SDK)),
        ("shared_credentials_file", Idle(NO_SDK)),
        ("imds_retries", Idle(NO_SDK)),
        ("middleware", Idle("there are none in this distribution")),
        ("transit_spans_in_otlp_format", Idle("to send OTLP to X-Ray use otlp_http with sigv4auth")),
        ("skip_timestamp_validation", Idle("trace ids need not hold a time")),
        ("transit_encryption", Idle("the connection is encrypted anyhow")),
    ],
];

/// The keys of the Go Collector's exporter, those of all exporters, and our own.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// How spans become segment documents: `contrib` gives those of the Go Collector's exporter.
    mapping: Mapping,
    /// Attributes that become annotations, which one can search for. Those of the resource have `otel.resource.` before
    /// their key. With `mapping: improved` a `*` at the end stands for any rest.
    indexed_attributes: Vec<String>,
    /// Whether all attributes become annotations.
    index_all_attributes: bool,
    /// The log groups of spans whose resource names none.
    aws_log_groups: Vec<String>,
    /// Whether Lambda writes a segment for the function (active tracing), beneath which its spans belong; `auto` is as
    /// the platform says of each invocation.
    lambda_function_segment: FunctionSegment,

    /// How documents reach X-Ray: by its API, or by its daemon over UDP.
    transport: Way,
    /// `host:port` of the daemon, for `transport: udp`; `AWS_XRAY_DAEMON_ADDRESS` if empty.
    daemon_address: String,

    /// The function's own if empty.
    region: String,
    /// X-Ray's in that region if empty.
    endpoint: String,
    /// A role to assume.
    role_arn: String,
    /// What the owner of the role asks for.
    external_id: Secret,
    /// Takes any certificate. The connection is encrypted, but to whom is unknown.
    no_verify_ssl: bool,
    /// The proxy, instead of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
    proxy_address: Secret,
    /// How the connection is encrypted, and to whom.
    tls: Option<Keys>,
    /// The longest that one attempt takes, in seconds; 30 unless set.
    request_timeout_seconds: Option<f64>,
    /// The same, as all exporters have it; it goes before `request_timeout_seconds`.
    #[serde(deserialize_with = "config::duration")]
    timeout: Duration,
    /// What happens to a request that failed.
    retry_on_failure: Option<RetryOnFailure>,
    /// What waits for the next flush, and how it is cut into requests.
    sending_queue: Option<SendingQueue>,
    /// How many requests may be under way at once.
    num_workers: Option<usize>,
}

/// How documents reach X-Ray.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Way {
    #[default]
    Api,
    Udp,
}

/// Reads the configuration and makes the exporter.
pub fn build(node: &Node, context: &Context, shared: &Shared) -> Result<Box<dyn Exporter>, Mistakes> {
    let node = &node.settled(&FORMER);
    let config: Config = node.read()?;
    let mut findings = Findings::default();
    let transport = match config.transport {
        Way::Api => config.api(context, shared, &mut findings).map(|api| Transport::Api(Box::new(api))),
        Way::Udp => config.daemon(context, &mut findings).map(Transport::Udp),
    };
    let sending = config.sending(&mut findings);
    findings.report(node)?;
    let Some(transport) = transport else { return Err(node.mistake("", "can't be used")) };
    let settings = Settings {
        mapping: config.mapping,
        indexed_attributes: config.indexed_attributes,
        index_all_attributes: config.index_all_attributes,
        aws_log_groups: config.aws_log_groups,
        lambda_function_segment: config.lambda_function_segment,
    };
    let (id, host) = (context.id.to_string(), context.host.clone());
    Ok(Box::new(AwsXray { id, settings, host, transport, sending }))
}

impl Config {
    fn daemon(&self, context: &Context, findings: &mut Findings) -> Option<Daemon> {
        const NAME: &str = "AWS_XRAY_DAEMON_ADDRESS";
        let (key, address) = match (self.daemon_address.as_str(), context.env.get(NAME)) {
            ("", Some(address)) if !address.is_empty() => ("transport", address),
            ("", _) => {
                return findings.mistake(
                    "daemon_address",
                    "is missing: write host:port of the X-Ray daemon, since Lambda does not tell extensions \
                     (the function has it in AWS_XRAY_DAEMON_ADDRESS)",
                );
            }
            (address, _) => ("daemon_address", address),
        };
        Daemon::at(address).map_err(|why| findings.mistake::<()>(key, why)).ok()
    }

    fn api(&self, context: &Context, shared: &Shared, findings: &mut Findings) -> Option<Api> {
        let session = Session {
            region: &self.region,
            endpoint: &self.endpoint,
            role_arn: &self.role_arn,
            external_id: &self.external_id,
            no_verify_ssl: self.no_verify_ssl,
            proxy_address: &self.proxy_address,
            tls: self.tls.as_ref(),
        };
        session.api(&XRAY, context, shared, findings)
    }

    fn sending(&self, findings: &mut Findings) -> Sending {
        let timeout = timeout(self.request_timeout_seconds, self.timeout, findings);
        let queue = self.sending_queue.clone();
        let mut sending = settings::sending(timeout, self.retry_on_failure.clone(), queue, findings);
        if let Some(workers) = self.num_workers.filter(|_| self.sending_queue.is_none()) {
            sending.queue.num_consumers = workers.max(1);
        }
        let most = sending
            .queue
            .batch
            .take()
            .filter(|batch| batch.sizer == Some(Sizer::Items) && batch.max_size > 0);
        let max_size = most.map_or(MOST_SPANS, |batch| batch.max_size.min(MOST_SPANS));
        sending.queue.batch =
            Some(QueueBatch { max_size, sizer: Some(Sizer::Items), ..QueueBatch::default() });
        sending
    }
}
