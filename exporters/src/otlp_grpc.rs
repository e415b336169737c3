//! `otlp_grpc`: OTLP over gRPC.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use config::Former::Idle;
use config::{FormerKeys, Headers, Mistakes, Node};
use http::header::{CONTENT_TYPE, HeaderName, TE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use pipeline::{
    Batch, Context, Delivered, Exporter, RetryOnFailure, Sending, SendingQueue, Signal, Undelivered,
};
use serde::Deserialize;

use crate::auth::{Auth, Authenticator, Shared};
use crate::findings::Findings;
use crate::former;
use crate::http::compression::{Compression, Compressor, Params};
use crate::http::tls::Keys;
use crate::http::{Client, Connector, Origin, Proxy, Tls, Version};
use crate::otlp::grpc_status::grpc_verdict;
use crate::otlp::grpc_target::target;
use crate::otlp::settings;

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

const OTHER_CLIENT: &str = "it tunes another gRPC client";

const FORMER: [&FormerKeys; 3] = [
    &former::TLS,
    &former::QUEUE,
    &[
        (
            "keepalive",
            Idle(
                "a sandbox that is frozen answers no ping; connections that sat through a freeze are replaced",
            ),
        ),
        ("read_buffer_size", Idle(OTHER_CLIENT)),
        ("write_buffer_size", Idle(OTHER_CLIENT)),
        ("wait_for_ready", Idle("what can't be sent waits in the queue")),
        ("balancer_name", Idle("there is one connection to one server")),
        former::MIDDLEWARES,
    ],
];

/// What a user may write, with the Collector's keys and defaults.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// `host:port`, with `http://` for no TLS or `https://` for TLS in front of it.
    endpoint: String,
    /// Sent with every request. Values are never printed.
    headers: Headers,
    /// `gzip`, `zstd`, `none`. `snappy` and `lz4` become gzip.
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
    /// What the server is told that it is called, instead of the endpoint.
    authority: String,
    /// Instead of `otelcol-lambda/VERSION`.
    user_agent: String,
    /// The extension that proves who sends.
    auth: Option<Auth>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: String::new(),
            headers: Headers::default(),
            compression: "gzip".into(),
            compression_params: None,
            timeout: Duration::from_secs(5),
            retry_on_failure: None,
            sending_queue: None,
            tls: None,
            authority: String::new(),
            user_agent: String::new(),
            auth: None,
        }
    }
}

/// Sends each batch as one unary call.
///
/// The call is written here and not by tonic's client: that one copies every message into a buffer of its
/// own, compresses at level 6 only, and panics on a `grpc-status-details-bin` that is no base64.
struct OtlpGrpc {
    client: Client,
    headers: HeaderMap,
    compressor: Compressor,
    sending: Sending,
}

/// Reads the configuration and makes the exporter.
pub(crate) fn build(node: &Node, context: &Context, shared: &Shared) -> Result<Box<dyn Exporter>, Mistakes> {
    let node = &node.settled(&FORMER);
    let config: Config = node.read()?;
    let mut findings = Findings::default();
    let exporter = OtlpGrpc::new(config, context, shared, &mut findings);
    findings.report(node)?;
    match exporter {
        Some(exporter) => Ok(Box::new(exporter)),
        None => Err(node.mistake("", "can't be used")),
    }
}

impl OtlpGrpc {
    /// The exporter; nothing only if something was found wrong.
    fn new(config: Config, context: &Context, shared: &Shared, findings: &mut Findings) -> Option<OtlpGrpc> {
        let params = config.compression_params.clone().unwrap_or_default();
        let compression = match Compression::read(&config.compression, &params, findings) {
            Compression::Zlib(..) => findings
                .mistake(
                    "compression",
                    format!("gRPC knows no {}: use gzip, zstd or none", config.compression),
                )
                .unwrap_or(Compression::None),
            compression => compression,
        };
        let headers = config.headers(&context.user_agent, compression, findings);
        let client = config.client(context, shared, findings);
        let sending =
            settings::sending(config.timeout, config.retry_on_failure, config.sending_queue, findings);
        Some(OtlpGrpc { client: client?, headers, compressor: Compressor::new(compression), sending })
    }
}

impl Config {
    /// What is sent with every call (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).
    fn headers(&self, user_agent: &str, compression: Compression, findings: &mut Findings) -> HeaderMap {
        let mut headers = settings::headers(&self.headers, findings);
        let user_agent = match self.user_agent.as_str() {
            "" => user_agent.to_owned(),
            own => format!("{own} {user_agent}"),
        };
        match HeaderValue::from_str(&user_agent) {
            Ok(user_agent) => drop(headers.entry(USER_AGENT).or_insert(user_agent)),
            Err(_) => drop(findings.mistake::<()>("user_agent", "holds a control character")),
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("zstd,gzip"));
        if let Some(encoding) = compression.encoding() {
            headers.insert(GRPC_ENCODING, HeaderValue::from_static(encoding));
        }
        if let Some(timeout) = grpc_timeout(self.timeout) {
            headers.insert(GRPC_TIMEOUT, timeout);
        }
        headers
    }

    fn client(&self, context: &Context, shared: &Shared, findings: &mut Findings) -> Option<Client> {
        let keys = self.tls.clone().unwrap_or_default();
        let own = keys.own_config(b"h2", findings);
        let plaintext = keys.insecure && !keys.names_authorities();
        let origin = match target(&self.endpoint, plaintext) {
            Ok(origin) => origin,
            Err(error) => return findings.mistake("endpoint", error),
        };
        // gRPC needs a tunnel through a proxy, and libraries take the one for https for every call.
        let proxy = match Proxy::of_env(&context.env, &origin, true) {
            Ok(proxy) => proxy,
            Err(error) => return findings.mistake("endpoint", error),
        };
        let server_name = keys.server_name_override.filter(|name| origin.tls && !name.is_empty());
        let authority = [Some(self.authority.as_str()), server_name.as_deref()];
        let authority = authority.into_iter().flatten().find(|name| !name.is_empty());
        let authority = authority.map(str::to_owned);
        let tls = own.map_or(Tls::Shared(shared.tls.clone()), Tls::Own);
        let authenticator = self.authenticator(&origin, shared, findings);
        let connector = Connector { origin, tls, server_name, proxy, tunnel: true };
        match Client::new(connector, Version::Http2, authority.as_deref()) {
            Ok(client) => Some(client.authenticated(authenticator)),
            Err(error) if self.authority.is_empty() => findings.mistake("tls.server_name_override", error),
            Err(error) => findings.mistake("authority", error),
        }
    }
}

impl Config {
    /// What is sent to `server` to prove who sends. As in the Go Collector it does not go without TLS.
    fn authenticator(
        &self,
        server: &Origin,
        shared: &Shared,
        findings: &mut Findings,
    ) -> Option<Rc<dyn Authenticator>> {
        let authenticator = self.auth.as_ref()?.find(shared, findings)?;
        if let Err(why) = authenticator.takes_grpc() {
            return findings.mistake("auth.authenticator", why);
        }
        if !server.tls {
            let why =
                "would send credentials unencrypted, which gRPC forbids: leave tls.insecure and http:// out";
            return findings.mistake("auth.authenticator", why);
        }
        Some(authenticator)
    }
}

/// `grpc-timeout`: at most 8 digits and a unit.
fn grpc_timeout(timeout: Duration) -> Option<HeaderValue> {
    let (micros, millis, seconds) = (timeout.as_micros(), timeout.as_millis(), timeout.as_secs());
    let value = match () {
        () if micros == 0 => return None,
        () if micros < 100_000_000 => format!("{micros}u"),
        () if millis < 100_000_000 => format!("{millis}m"),
        () => format!("{}S", seconds.min(99_999_999)),
    };
    HeaderValue::from_str(&value).ok()
}

fn method(signal: Signal) -> PathAndQuery {
    PathAndQuery::from_static(match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    })
}

/// `pieces` as one gRPC message: a flag whether it is compressed and its length before it, of four bytes: budget and
/// outbox keep a request far below them.
fn framed(pieces: Vec<Bytes>, compressed: bool) -> Vec<Bytes> {
    let size: usize = pieces.iter().map(Bytes::len).sum();
    let mut prefix = BytesMut::with_capacity(5);
    prefix.put_u8(compressed.into());
    prefix.put_u32(u32::try_from(size).unwrap_or(u32::MAX));
    [prefix.freeze()].into_iter().chain(pieces).collect()
}

#[async_trait(?Send)]
impl Exporter for OtlpGrpc {
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        let compressed = self.compressor.compression != Compression::None;
        let message = async {
            framed(self.compressor.compress(batch.parts().cloned().collect()).await, compressed).into()
        };
        let path = method(batch.signal());
        match self.client.post(&path, self.headers.clone(), message).await {
            Ok(answer) => grpc_verdict(&answer, self.client.origin(), SystemTime::now()),
            Err(failure) => {
                let cause = format!("gRPC {}: {failure}", self.client.origin()).into();
                Err(Undelivered::Retry { after: None, cause })
            }
        }
    }

    fn local_port(&self, _signal: Signal) -> Option<u16> {
        self.client.origin().local_port()
    }

    fn sending(&self) -> Sending {
        self.sending.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_written_with_at_most_eight_digits() {
        for (timeout, written) in [
            (Duration::ZERO, None),
            (Duration::from_secs(5), Some("5000000u")),
            (Duration::from_secs(100), Some("100000m")),
            (Duration::from_secs(1_000_000), Some("1000000S")),
            (Duration::MAX, Some("99999999S")),
        ] {
            let value = grpc_timeout(timeout);
            assert_eq!(value.as_ref().map(|v| v.to_str().unwrap()), written);
        }
    }
}
