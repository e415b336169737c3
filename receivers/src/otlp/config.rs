//! What a user may write under `receivers: otlp:`, with the Collector's keys and defaults.

use std::collections::BTreeMap;

use config::Former::{self, Idle, Now};
use config::{Mistakes, Node};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny};

use super::listen::Endpoint;
use super::routes;

/// The ports of OTLP.
const GRPC: u16 = 4317;
const HTTP: u16 = 4318;

const NO_TLS: &str = "this port takes plain text; a function and its own sandbox need no TLS";
const TIMER: &str = "a timer of this kind would fire wrongly after a freeze";

/// Keys of former years, and keys that change nothing here.
const FORMER: [(&str, Former); 20] = [
    ("protocols.grpc.include_metadata", Idle("nothing needs the metadata of a request")),
    ("protocols.grpc.read_buffer_size", Idle("buffers follow the size of the requests")),
    ("protocols.grpc.write_buffer_size", Idle("every answer is a few bytes")),
    (
        "protocols.grpc.keepalive",
        Idle("pings are answered, but to close connections by a timer would go wrong after a freeze"),
    ),
    ("protocols.grpc.tls", Idle(NO_TLS)),
    ("protocols.grpc.tls_settings", Idle(NO_TLS)),
    ("protocols.grpc.tls_credentials", Idle(NO_TLS)),
    ("protocols.grpc.dialer", Idle("it is for clients")),
    ("protocols.http.include_metadata", Idle("nothing needs the headers of a request")),
    ("protocols.http.compression_algorithms", Idle("all that can be inflated is")),
    ("protocols.http.response_headers", Idle("answers have the headers that OTLP wants")),
    ("protocols.http.read_timeout", Idle(TIMER)),
    ("protocols.http.read_header_timeout", Idle(TIMER)),
    ("protocols.http.write_timeout", Idle(TIMER)),
    ("protocols.http.idle_timeout", Idle(TIMER)),
    ("protocols.http.tls", Idle(NO_TLS)),
    ("protocols.http.tls_settings", Idle(NO_TLS)),
    ("protocols.http.dialer", Idle("it is for clients")),
    ("protocols.http.cors_allowed_origins", Now("protocols.http.cors.allowed_origins")),
    ("protocols.http.cors_allowed_headers", Now("protocols.http.cors.allowed_headers")),
];

/// The configuration of an OTLP receiver.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The protocols it speaks, at least one.
    pub protocols: Protocols,
}

/// `protocols`: one that is named is on, if only with a null body; one that is not is off.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Protocols {
    /// OTLP/gRPC; written without a value (`grpc:`) it is on, left out it is off.
    #[serde(deserialize_with = "named")]
    pub grpc: Option<Grpc>,
    /// OTLP/HTTP; written without a value (`http:`) it is on, left out it is off.
    #[serde(deserialize_with = "named")]
    pub http: Option<Http>,
}

/// `protocols.grpc`.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grpc {
    /// Where it listens.
    #[serde(deserialize_with = "grpc_endpoint")]
    pub endpoint: Endpoint,
    /// Accepted if it is `tcp`.
    pub transport: Transport,
    /// The largest message, in MiB, before and after inflating; 0 is 4.
    pub max_recv_msg_size_mib: u32,
    /// How many requests one connection may have under way; 0 is hyper's default of 200.
    pub max_concurrent_streams: u32,
    /// Not supported, and a mistake: only processes of the sandbox can reach this port.
    pub auth: BTreeMap<String, IgnoredAny>,
    /// Not supported, and a mistake: only processes of the sandbox can reach this port.
    pub middlewares: Vec<IgnoredAny>,
}

impl Default for Grpc {
    fn default() -> Self {
        Grpc {
            endpoint: Endpoint::localhost(GRPC),
            transport: Transport::Tcp,
            max_recv_msg_size_mib: 0,
            max_concurrent_streams: 0,
            auth: BTreeMap::new(),
            middlewares: Vec::new(),
        }
    }
}

impl Grpc {
    /// The largest message in bytes.
    pub(super) fn limit(&self) -> usize {
        let mib = if self.max_recv_msg_size_mib == 0 { 4 } else { self.max_recv_msg_size_mib };
        usize::try_from(mib).unwrap_or(usize::MAX).saturating_mul(1 << 20)
    }
}

/// `protocols.http`.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where it listens.
    #[serde(deserialize_with = "http_endpoint")]
    pub endpoint: Endpoint,
    /// Accepted if it is `tcp`.
    pub transport: Transport,
    /// The path of traces.
    pub traces_url_path: String,
    /// The path of metrics.
    pub metrics_url_path: String,
    /// The path of logs.
    pub logs_url_path: String,
    /// The largest body, in bytes, before and after inflating; 0 or less is 20 MiB.
    pub max_request_body_size: i64,
    /// What scripts of other origins may do.
    pub cors: Option<Cors>,
    /// Whether a connection may carry several requests.
    pub keep_alives_enabled: bool,
    /// Not supported, and a mistake: only processes of the sandbox can reach this port.
    pub auth: BTreeMap<String, IgnoredAny>,
    /// Not supported, and a mistake: only processes of the sandbox can reach this port.
    pub middlewares: Vec<IgnoredAny>,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            endpoint: Endpoint::localhost(HTTP),
            transport: Transport::Tcp,
            traces_url_path: "/v1/traces".into(),
            metrics_url_path: "/v1/metrics".into(),
            logs_url_path: "/v1/logs".into(),
            max_request_body_size: 0,
            cors: None,
            keep_alives_enabled: true,
            auth: BTreeMap::new(),
            middlewares: Vec::new(),
        }
    }
}

impl Http {
    /// The largest body in bytes.
    pub(super) fn limit(&self) -> usize {
        match usize::try_from(self.max_request_body_size) {
            Ok(0) | Err(_) => 20 << 20,
            Ok(limit) => limit,
        }
    }
}

/// `cors`: on if it names an origin.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Origins, each with at most one `*` in it.
    #[serde(deserialize_with = "config::words")]
    pub allowed_origins: Vec<String>,
    /// Headers that a script may send, or `*`; by default Accept, Content-Type and X-Requested-With.
    #[serde(deserialize_with = "config::words")]
    pub allowed_headers: Vec<String>,
    /// Headers of the answer that a script may see.
    #[serde(deserialize_with = "config::words")]
    pub exposed_headers: Vec<String>,
    /// How long a browser may remember the answer, in seconds; 0 leaves it to the browser.
    pub max_age: u32,
}

/// `transport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// The only one here: a function and its extensions share no file system to put a socket into.
    Tcp,
}

impl Config {
    /// Reads `node` and checks what no type can say.
    ///
    /// # Errors
    /// All mistakes of the first of these steps that finds any.
    pub fn read(node: &Node) -> Result<Config, Mistakes> {
        let node = &node.settled(&[&FORMER]);
        let config: Config = node.read()?;
        for (protocol, port) in [("grpc", GRPC), ("http", HTTP)] {
            let endpoint =
                ["protocols", protocol, "endpoint"].iter().try_fold(node.clone(), |it, key| it.get(key));
            if endpoint.is_some_and(|it| it.read::<String>().is_ok_and(|text| text.is_empty())) {
                let message = format_args!("is empty; it listens on {}", Endpoint::localhost(port));
                node.warn(&format!("protocols.{protocol}.endpoint"), message);
            }
        }
        let mut mistakes = Vec::new();
        let Protocols { grpc, http } = &config.protocols;
        if grpc.is_none() && http.is_none() {
            mistakes.extend(node.mistake("protocols", "names no protocol; name grpc, http or both").0);
        }
        // Left out silently, these would let in what the user means to keep out.
        let guards = [
            ("grpc.auth", grpc.as_ref().is_some_and(|it| !it.auth.is_empty())),
            ("grpc.middlewares", grpc.as_ref().is_some_and(|it| !it.middlewares.is_empty())),
            ("http.auth", http.as_ref().is_some_and(|it| !it.auth.is_empty())),
            ("http.middlewares", http.as_ref().is_some_and(|it| !it.middlewares.is_empty())),
        ];
        for (key, is_set) in guards {
            if is_set {
                let message = "is not supported by this receiver; only processes of the sandbox can reach it";
                mistakes.extend(node.mistake(&format!("protocols.{key}"), message).0);
            }
        }
        if let Some(twice) = http.as_ref().and_then(routes::ambiguous) {
            let message = "is the path of another signal as well";
            mistakes.extend(node.mistake(&format!("protocols.http.{twice}_url_path"), message).0);
        }
        if let (Some(grpc), Some(http)) = (grpc, http)
            && grpc.endpoint == http.endpoint
            && !grpc.endpoint.is_any_port()
        {
            let message = format!("{} is the endpoint of gRPC as well", http.endpoint);
            mistakes.extend(node.mistake("protocols.http.endpoint", message).0);
        }
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }
}

/// A protocol that is named is on: null stands for its defaults.
fn named<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<Option<T>, D::Error> {
    Ok(Some(Option::deserialize(from)?.unwrap_or_default()))
}

fn grpc_endpoint<'de, D: Deserializer<'de>>(from: D) -> Result<Endpoint, D::Error> {
    endpoint(from, GRPC)
}

fn http_endpoint<'de, D: Deserializer<'de>>(from: D) -> Result<Endpoint, D::Error> {
    endpoint(from, HTTP)
}

/// The empty text of a variable that is not set is the default: with the Go Collector it is a port that nobody knows.
fn endpoint<'de, D: Deserializer<'de>>(from: D, port: u16) -> Result<Endpoint, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() { Ok(Endpoint::localhost(port)) } else { text.parse().map_err(D::Error::custom) }
}

#[cfg(test)]
mod tests {
    use config::Env;

    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let node = Node::parse(text, &Env::default()).map_err(|mistakes| mistakes.to_string())?;
        Config::read(&node).map_err(|mistakes| mistakes.to_string())
    }

    #[track_caller]
    fn mistake(text: &str) -> String {
        read(text).unwrap_err()
    }

    #[test]
    fn a_protocol_with_a_null_body_is_on_with_its_defaults_and_one_left_out_is_off() {
        let protocols = read("protocols: {grpc: , http: }").unwrap().protocols;
        let (grpc, http) = (protocols.grpc.unwrap(), protocols.http.unwrap());
        assert_eq!((grpc.endpoint.to_string(), grpc.limit()), ("localhost:4317".into(), 4 << 20));
        assert_eq!((http.endpoint.to_string(), http.limit()), ("localhost:4318".into(), 20 << 20));
        let protocols = read("protocols:\n  http:\n").unwrap().protocols;
        assert!(protocols.grpc.is_none() && protocols.http.is_some());
    }

    #[test]
    fn all_keys_of_the_collector_are_accepted() {
        let config = read(
            "protocols:
  grpc:
    endpoint: 0.0.0.0:4317
    transport: tcp
    max_recv_msg_size_mib: 8
    max_concurrent_streams: 16
    read_buffer_size: 524288
    write_buffer_size: 524288
    include_metadata: true
    keepalive: {server_parameters: {max_connection_idle: 11s, time: 30s}, enforcement_policy: {min_time: 10s}}
  http:
    endpoint: ':4318'
    traces_url_path: /t
    metrics_url_path: /m
    logs_url_path: /l
    max_request_body_size: 1024
    include_metadata: true
    cors: {allowed_origins: ['*'], allowed_headers: ['*'], exposed_headers: [X], max_age: 7200}
    compression_algorithms: ['', gzip]
    response_headers: {a: b}
    read_timeout: 1s
    read_header_timeout: 1s
    write_timeout: 1s
    idle_timeout: 1s
    keep_alives_enabled: false
",
        );
        let Protocols { grpc, http } = config.unwrap().protocols;
        assert_eq!((grpc.unwrap().limit(), http.unwrap().limit()), (8 << 20, 1024));
    }

    #[test]
    fn a_body_size_below_zero_is_the_default() {
        let http = read("protocols: {http: {max_request_body_size: -1}}").unwrap().protocols.http.unwrap();
        assert_eq!(http.limit(), 20 << 20);
    }

    #[test]
    fn a_receiver_without_a_protocol_is_a_mistake() {
        for none in ["", "protocols:", "protocols: {}"] {
            assert!(mistake(none).contains("name grpc, http or both"), "{}", mistake(none));
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        for (text, parts) in [
            ("protocols: {https: }", ["protocols", "https"]),
            ("protocols: {http: {endpoint: '4318'}}", ["protocols.http.endpoint", "localhost:4318"]),
            ("protocols: {http: {endpoint: 'localhost:99999'}}", ["protocols.http.endpoint", "65535"]),
            ("protocols: {http: {endpoint: 'http://localhost:4318'}}", ["protocols.http.endpoint", "http"]),
            (
                "protocols: {http: {logs_url_path: v1/traces}}",
                ["protocols.http.logs_url_path", "another signal"],
            ),
            ("protocols: {grpc: {auth: {authenticator: a}}}", ["protocols.grpc.auth", "not supported"]),
            ("protocols: {grpc: {endpoint: 'a:1'}, http: {endpoint: 'a:1'}}", ["http.endpoint", "a:1"]),
        ] {
            let found = mistake(text);
            assert!(parts.iter().all(|part| found.contains(part)), "{text} gives {found}");
        }
    }

    #[test]
    fn an_empty_endpoint_is_the_default_with_a_warning() {
        let text = "protocols: {grpc: {endpoint: '${env:NOT_SET}'}, http: {endpoint: ''}}";
        let node = Node::parse(text, &Env::default()).unwrap();
        let Protocols { grpc, http } = Config::read(&node).unwrap().protocols;
        assert_eq!(grpc.unwrap().endpoint.to_string(), "localhost:4317");
        assert_eq!(http.unwrap().endpoint.to_string(), "localhost:4318");
        let warned = node.warnings().drain();
        let empty = warned.iter().filter(|it| it.contains("endpoint: is empty; it listens on localhost:431"));
        assert_eq!(empty.count(), 2, "{warned:?}");
    }

    #[test]
    fn what_was_written_in_former_years_is_accepted_with_a_warning() {
        let text = "protocols: {grpc: {auth: , middlewares: []}, http: {tls: {cert_file: /a.pem}, cors_allowed_origins: ['*']}}";
        let node = Node::parse(text, &Env::default()).unwrap();
        let http = Config::read(&node).unwrap().protocols.http.unwrap();
        assert_eq!(http.cors.unwrap().allowed_origins, ["*"]);
        assert_eq!(node.warnings().drain().len(), 2);
    }
}
