//! What a user may write of `awsemf`, and the exporter that comes of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::time::Duration;

use config::Former::Idle;
use config::{FormerKeys, Mistakes, Node, Secret};
use pipeline::{Context, Exporter, RetryOnFailure, SendingQueue};
use serde::Deserialize;

use super::declaration::DeclarationConfig;
use super::exporter::{AwsEmf, Output};
use super::logs::Logs;
use super::settings::{Descriptor, Rollup, Settings, is_unit};
use crate::auth::Shared;
use crate::findings::Findings;
use crate::former;
use crate::http::tls::Keys;
use crate::otlp::settings;
use crate::session::{CA_FILE, KEPT, NO_METADATA, NO_SDK, Service, Session, timeout};

/// <https://docs.aws.amazon.com/general/latest/gr/cwl_region.html>
const LOGS: Service = Service {
    name: "logs",
    endpoint_variable: "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
    path: "/",
    content_type: "application/x-amz-json-1.1",
};

/// Days for which a log group can keep its events
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>).
const RETENTIONS: [u32; 23] = [
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
    3653,
];

const FORMER: [&FormerKeys; 3] = [
    &former::TLS,
    &former::QUEUE,
    &[
        ("num_workers", Idle("sending_queue.num_consumers says how many requests may be under way")),
        ("max_retries", Idle(KEPT)),
        ("local_mode", Idle(NO_METADATA)),
        ("resource_arn", Idle("telemetry records are not sent")),
        ("certificate_file_path", Idle(CA_FILE)),
        ("profile", Idle(NO_SDK)),
        ("shared_credentials_file", Idle(NO_SDK)),
        ("imds_retries", Idle(NO_SDK)),
        ("middleware", Idle("there are none in this distribution")),
        ("eks_fargate_container_insights_enabled", Idle("it is for Kubernetes")),
    ],
];

/// The keys of the Go Collector's exporter, and those of all exporters.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// The namespace of the metrics in CloudWatch; if empty, `service.namespace` and `service.name` of the resource.
    namespace: String,
    /// The log group; `/metrics/<namespace>` if empty.
    log_group_name: String,
    /// The log stream in it.
    log_stream_name: String,
    /// `stdout`, which needs no API call and no permission, or `cloudwatch` if empty.
    output_destination: String,
    /// Under which fewer dimensions metrics are told as well.
    dimension_rollup_option: Rollup,
    /// Which metrics are told, under which dimensions; all if there are none.
    metric_declarations: Vec<DeclarationConfig>,
    /// Units of metrics.
    metric_descriptors: Vec<Descriptor>,
    /// Attributes whose text is JSON and becomes a part of the event.
    parse_json_encoded_attr_values: Vec<String>,
    /// Whether attributes of the resource become labels.
    resource_to_telemetry_conversion: ResourceToTelemetry,
    /// Whether summaries are told quantile by quantile.
    detailed_metrics: bool,
    /// Whether the first value of a cumulative sum is told, instead of being where counting begins.
    retain_initial_value_of_delta_metric: bool,
    /// `0` or `1`, the default.
    version: String,
    /// For how many days a log group that is made keeps its events; 0 is for ever.
    log_retention: u32,
    /// Tags of a log group that is made.
    tags: BTreeMap<String, String>,

    /// The function's own if empty.
    region: String,
    /// That of CloudWatch Logs in the region if empty.
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

/// Reads the configuration and makes the exporter.
pub(crate) fn build(node: &Node, context: &Context, shared: &Shared) -> Result<Box<dyn Exporter>, Mistakes> {
    Ok(Box::new(exporter(node, context, shared)?))
}

pub(super) fn exporter(node: &Node, context: &Context, shared: &Shared) -> Result<AwsEmf, Mistakes> {
    let node = &node.settled(&FORMER);
    let mut config: Config = node.read()?;
    let mut findings = Findings::default();
    let output = if config.is_stdout(&mut findings) {
        Some(Output::Lines(RefCell::new(Box::new(std::io::stdout()))))
    } else {
        config.logs(context, shared, &mut findings).map(|logs| Output::Logs(Box::new(logs)))
    };
    let timeout = timeout(config.request_timeout_seconds, config.timeout, &mut findings);
    let (retry, queue) = (config.retry_on_failure.take(), config.sending_queue.take());
    let sending = settings::sending(timeout, retry, queue, &mut findings);
    let settings = config.settings(&mut findings);
    findings.report(node)?;
    let Some(output) = output else { return Err(node.mistake("", "can't be used")) };
    Ok(AwsEmf { settings, deltas: RefCell::default(), output, host: context.host.clone(), sending })
}

impl Config {
    /// Whether events are lines on stdout.
    fn is_stdout(&self, findings: &mut Findings) -> bool {
        match self.output_destination.to_ascii_lowercase().as_str() {
            "stdout" => true,
            "cloudwatch" | "" => false,
            _ => {
                let why = format!("`{}`: expected stdout or cloudwatch", self.output_destination);
                findings.mistake::<()>("output_destination", why);
                true
            }
        }
    }

    fn logs(&self, context: &Context, shared: &Shared, findings: &mut Findings) -> Option<Logs> {
        if !RETENTIONS.contains(&self.log_retention) {
            let why = format!("{}: CloudWatch knows {RETENTIONS:?}", self.log_retention);
            findings.mistake::<()>("log_retention", why);
        }
        if self.tags.len() > 50 {
            findings.mistake::<()>("tags", "a log group has at most 50");
        }
        let session = Session {
            region: &self.region,
            endpoint: &self.endpoint,
            role_arn: &self.role_arn,
            external_id: &self.external_id,
            no_verify_ssl: self.no_verify_ssl,
            proxy_address: &self.proxy_address,
            tls: self.tls.as_ref(),
        };
        // One stream for each process: so many writers at once bear no sequence among them.
        let random = std::hash::RandomState::new();
        let own_stream = format!("otel-stream-{:016x}{:016x}", random.hash_one(0), random.hash_one(1));
        Some(Logs {
            api: session.api(&LOGS, context, shared, findings)?,
            own_stream,
            retention: self.log_retention,
            tags: self.tags.clone(),
        })
    }

    fn settings(self, findings: &mut Findings) -> Settings {
        if !["", "0", "1"].contains(&self.version.as_str()) {
            findings.mistake::<()>("version", format!("`{}`: expected 0 or 1", self.version));
        }
        let mut descriptors = BTreeMap::new();
        for (at, descriptor) in self.metric_descriptors.into_iter().enumerate() {
            let unit = &descriptor.unit;
            if !is_unit(unit) {
                let why = format!("`{unit}` is no unit of CloudWatch: the descriptor is left out");
                findings.warn(&format!("metric_descriptors[{at}].unit"), why);
            } else if !descriptor.metric_name.is_empty() {
                descriptors.insert(descriptor.metric_name.clone(), descriptor);
            }
        }
        let declarations = self.metric_declarations.into_iter().enumerate();
        let declarations =
            declarations.filter_map(|(at, declaration)| declaration.check(at, findings)).collect();
        Settings {
            namespace: self.namespace,
            log_group_name: self.log_group_name,
            log_stream_name: self.log_stream_name,
            rollup: self.dimension_rollup_option,
            declarations,
            descriptors,
            json_labels: self.parse_json_encoded_attr_values,
            resource_labels: self.resource_to_telemetry_conversion.enabled,
            without_service: self.resource_to_telemetry_conversion.exclude_service_attributes,
            detailed: self.detailed_metrics,
            retain_initial: self.retain_initial_value_of_delta_metric,
            is_version_0: self.version == "0",
        }
    }
}
