//! Components of other distributions that published configurations name, and what to write here instead.

use config::Section;

const OTLP: &str = "it takes OTLP: write otlp_http, with its OTLP endpoint and its key under headers";
const RELAY: &str = "send OTLP, with otlp_http, to a collector that has it";
const DISK: &str = "a sandbox has no disk that outlives it; debug prints what passes";
const SDK: &str = "let the function's SDK send OTLP, which the receiver otlp takes";
const SCRAPED: &str =
    "a function is not scraped, nor is there a host to look at; its own metrics are told by telemetryapi";
const BEHIND: &str = "it is not built in; a collector behind the exporter may have it";
const MANY_SANDBOXES: &str = "a sandbox sees only its own part of a trace; \
    use probabilistic_sampler, or a collector behind all of them";
const CONNECTOR: &str = "connectors are not built in; a collector behind the exporter may have it";
const CREDENTIALS: &str = "basicauth, bearertokenauth, headers_setter and sigv4auth prove who sends";
const ENCODING: &str = "nothing here asks for it; leave it out";

/// Names by section, and what is said of each.
pub const ELSEWHERE: [(Section, &[&str], &str); 31] = [
    (
        Section::Receivers,
        &["jaeger", "zipkin", "opencensus", "skywalking", "sapm", "signalfx", "datadog"],
        SDK,
    ),
    (
        Section::Receivers,
        &["awsxray"],
        "it is for X-Ray's own SDKs; with OpenTelemetry's the receiver otlp takes spans",
    ),
    (
        Section::Receivers,
        &["prometheus", "prometheus_simple", "hostmetrics", "statsd", "awscontainerinsightreceiver"],
        SCRAPED,
    ),
    (Section::Receivers, &["awsecscontainermetrics", "kubeletstats", "k8s_cluster", "docker_stats"], SCRAPED),
    (
        Section::Receivers,
        &["filelog", "otlpjsonfile", "syslog", "tcplog", "udplog", "fluentforward"],
        "the function's log lines are told by telemetryapi",
    ),
    (Section::Receivers, &["awscloudwatch", "awsfirehose", "awslambda", "awss3", "kafka", "loki"], BEHIND),
    (Section::Processors, &["tail_sampling", "groupbytrace"], MANY_SANDBOXES),
    (
        Section::Processors,
        &["queued_retry"],
        "it is retired: every exporter has sending_queue and retry_on_failure; leave it out",
    ),
    (
        Section::Processors,
        &["k8sattributes", "k8s_tagger"],
        "a function runs in no cluster; resourcedetection tells what is known of it",
    ),
    (
        Section::Processors,
        &[
            "cumulativetodelta",
            "deltatocumulative",
            "deltatorate",
            "interval",
            "metricstransform",
            "metricsgeneration",
            "experimental_metricsgeneration",
        ],
        BEHIND,
    ),
    (
        Section::Processors,
        &[
            "groupbyattrs",
            "redaction",
            "routing",
            "schema",
            "logdedup",
            "logstransform",
            "geoip",
            "remotetap",
        ],
        BEHIND,
    ),
    (Section::Processors, &["awsapplicationsignals"], BEHIND),
    (Section::Processors, &["spanmetrics", "servicegraph"], CONNECTOR),
    (
        Section::Exporters,
        &["jaeger", "jaeger_thrift", "jaeger_proto"],
        "Jaeger takes OTLP: write otlp_grpc with its port 4317",
    ),
    (Section::Exporters, &["opencensus"], "it is retired: write otlp_grpc"),
    (Section::Exporters, &["loki"], "Loki 3 takes OTLP: write otlp_http with endpoint: https://LOKI/otlp"),
    (Section::Exporters, &["tempo"], "Tempo takes OTLP: write otlp_grpc with its port 4317"),
    (
        Section::Exporters,
        &["datadog"],
        "Datadog takes OTLP: write otlp_http with endpoint: https://otlp.datadoghq.com and the header dd-api-key",
    ),
    (Section::Exporters, &["prometheus"], "nothing can scrape a sandbox: write prometheusremotewrite"),
    (
        Section::Exporters,
        &["awsprometheusremotewrite"],
        "it is retired: write prometheusremotewrite, and the extension sigv4auth in place of aws_auth",
    ),
    (
        Section::Exporters,
        &["awscloudwatchlogs"],
        "CloudWatch takes OTLP: write otlp_http with logs_endpoint: https://logs.REGION.amazonaws.com/v1/logs and sigv4auth",
    ),
    (Section::Exporters, &["file"], DISK),
    (
        Section::Exporters,
        &["signalfx", "sapm"],
        "Splunk takes OTLP: write otlp_http with the header X-SF-Token",
    ),
    (
        Section::Exporters,
        &[
            "azuremonitor",
            "awskinesis",
            "awss3",
            "carbon",
            "clickhouse",
            "googlecloud",
            "googlecloudpubsub",
            "googlemanagedprometheus",
            "influxdb",
            "kafka",
            "loadbalancing",
            "opensearch",
            "otelarrow",
            "pulsar",
            "skywalking",
            "splunk_hec",
            "stackdriver",
            "syslog",
            "zipkin",
        ],
        RELAY,
    ),
    (
        Section::Exporters,
        &[
            "coralogix",
            "dataset",
            "dynatrace",
            "elastic",
            "elasticsearch",
            "honeycomb",
            "humio",
            "instana",
            "lightstep",
            "logicmonitor",
            "logzio",
            "mezmo",
            "newrelic",
            "sentry",
            "sumologic",
            "uptrace",
        ],
        OTLP,
    ),
    (
        Section::Connectors,
        &[
            "count",
            "exceptions",
            "failover",
            "forward",
            "grafanacloud",
            "roundrobin",
            "routing",
            "servicegraph",
            "signaltometrics",
            "spanmetrics",
            "sum",
        ],
        CONNECTOR,
    ),
    (Section::Extensions, &["oauth2client", "asapclient", "azureauth", "googleclientauth"], CREDENTIALS),
    (
        Section::Extensions,
        &["oidc"],
        "it guards receivers, and only the function reaches these; leave it out",
    ),
    (
        Section::Extensions,
        &["awsproxy", "http_forwarder", "jaegerremotesampling", "remotetap"],
        "nothing outside a sandbox can reach it; leave it out",
    ),
    (
        Section::Extensions,
        &["docker_observer", "ecs_observer", "host_observer", "k8s_observer"],
        "there is nothing to observe in a sandbox; leave it out",
    ),
    (
        Section::Extensions,
        &[
            "ack",
            "avro_log_encoding",
            "jaeger_encoding",
            "json_log_encoding",
            "otlp_encoding",
            "text_encoding",
            "zipkin_encoding",
        ],
        ENCODING,
    ),
];

/// What is to be said of a type of component that is none of ours.
pub fn advice(section: Section, name: &str) -> Option<&'static str> {
    let known = ELSEWHERE.iter().find(|(at, names, _)| *at == section && names.contains(&name));
    known.map(|(_, _, advice)| *advice)
}
