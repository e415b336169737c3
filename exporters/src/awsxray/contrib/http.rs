//! The `http` block. Of the old and the new name of one thing the later in the span wins.

use std::net::IpAddr;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::super::attributes::Attributes;
use super::super::http::size_of_messages;
use super::super::json::Object;
use super::super::keys::Key::{self, *};
use super::super::source::Source;

/// Any of these makes the block, which takes them all.
const MAKING: &[Key] = &[
    HttpMethod,
    HttpRequestMethod,
    HttpClientIp,
    HttpUserAgent,
    UserAgentOriginal,
    HttpStatusCode,
    HttpResponseStatusCode,
    HttpUrl,
    UrlFull,
    HttpScheme,
    UrlScheme,
    HttpHost,
    HttpTarget,
    HttpServerName,
    NetHostPort,
    UrlPath,
    UrlQuery,
];

/// What the block takes beside those, whether it uses it or not.
const TAKEN_TOO: &[Key] = &[
    HostName,
    NetHostName,
    NetPeerName,
    NetPeerPort,
    NetPeerIp,
    NetworkPeerAddress,
    ClientAddress,
    ServerAddress,
    ServerPort,
];

/// Any of these makes the URL; beside them an address of the peer that is an IP.
const MAKING_URL: &[Key] = &[
    HttpUrl,
    UrlFull,
    HttpHost,
    HttpServerName,
    HostName,
    NetHostName,
    NetPeerName,
    NetPeerIp,
    ServerAddress,
];

/// The block, if the span has any of its attributes, which it takes.
pub fn http<'a>(source: &Source<'a>, attributes: &mut Attributes<'a>) -> Option<Object<'a>> {
    attributes.say(MAKING);
    attributes.say(TAKEN_TOO);
    if !MAKING.iter().any(|key| attributes.has(*key)) {
        return None;
    }
    let (client_ip, has_peer) = client_ip(attributes);
    let mut request = Object::default();
    request.set_text("method", later(attributes, HttpMethod, HttpRequestMethod));
    request.set_text("client_ip", client_ip);
    request.set_text("user_agent", later(attributes, HttpUserAgent, UserAgentOriginal));
    if !has_peer && client_ip.is_some() {
        request.set("x_forwarded_for", true);
    }
    let ip_of_peer = attributes.string(NetworkPeerAddress).is_some_and(is_ip);
    if ip_of_peer || MAKING_URL.iter().any(|key| attributes.has(*key)) {
        let url = url(attributes, source.kind == SpanKind::Server);
        request.set_text("url", Some(url).filter(|url| !url.is_empty()));
    }
    let mut response = Object::default();
    let status = later_key(attributes, HttpStatusCode, HttpResponseStatusCode);
    response.set_some("status", status.and_then(|key| attributes.integer(key)));
    response.set("content_length", size_of_messages(source.span, attributes).unwrap_or(0));

    let mut http = Object::default();
    http.set("request", request);
    http.set("response", response);
    Some(http)
}

/// The status by which a span failed or not; the old name counts.
pub fn status(attributes: &Attributes<'_>) -> Option<i64> {
    attributes.integer(HttpStatusCode).or_else(|| attributes.integer(HttpResponseStatusCode))
}

fn later_key(attributes: &Attributes<'_>, one: Key, other: Key) -> Option<Key> {
    match (attributes.place(one), attributes.place(other)) {
        (None, None) => None,
        (one_place, other_place) => Some(if one_place > other_place { one } else { other }),
    }
}

fn later<'a>(attributes: &Attributes<'a>, one: Key, other: Key) -> Option<&'a str> {
    attributes.string(later_key(attributes, one, other)?)
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// The address of the client, and whether the span tells that of the peer, by which the former is no hearsay.
fn client_ip<'a>(attributes: &Attributes<'a>) -> (Option<&'a str>, bool) {
    let mut found: Vec<_> = [HttpClientIp, NetPeerIp, NetworkPeerAddress, ClientAddress]
        .into_iter()
        .filter_map(|key| Some((attributes.place(key)?, key, attributes.string(key)?)))
        .filter(|(_, key, text)| matches!(key, HttpClientIp | NetPeerIp) || is_ip(text))
        .collect();
    found.sort_unstable_by_key(|(place, ..)| *place);
    let (mut client, mut has_peer) = (None, false);
    for (_, key, text) in found {
        let is_peer = matches!(key, NetPeerIp | NetworkPeerAddress);
        has_peer |= is_peer;
        if !is_peer || client.is_none() {
            client = Some(text).filter(|text| !text.is_empty());
        }
    }
    (client, has_peer)
}

fn url(attributes: &Attributes<'_>, is_server: bool) -> String {
    if let Some(url) = later(attributes, HttpUrl, UrlFull) {
        return url.into();
    }
    let first = |keys: &[Key]| keys.iter().find_map(|key| attributes.string(*key)).unwrap_or_default();
    let scheme = later(attributes, HttpScheme, UrlScheme).unwrap_or("http");
    let mut url = format!("{scheme}://");
    match attributes.string(HttpHost) {
        Some(host) => url += host,
        None => {
            let (hosts, ports): (&[Key], &[Key]) = match is_server {
                true => (&[HttpServerName, NetHostName, HostName, ServerAddress], &[NetHostPort, ServerPort]),
                false => (&[NetPeerName, NetPeerIp], &[NetPeerPort]),
            };
            url += first(hosts);
            let port = ports.iter().find_map(|key| port(attributes, *key)).unwrap_or_default();
            if !port.is_empty() && !matches!((scheme, port.as_str()), ("http", "80") | ("https", "443")) {
                url += ":";
                url += &port;
            }
        }
    }
    match attributes.string(HttpTarget) {
        Some(target) => url += target,
        None => {
            url += attributes.string(UrlPath).unwrap_or("/");
            if let Some(query) = attributes.string(UrlQuery) {
                url += if query.starts_with('?') { "" } else { "?" };
                url += query;
            }
        }
    }
    url
}

/// The port as text; `0` if it is neither text nor a number.
fn port(attributes: &Attributes<'_>, key: Key) -> Option<String> {
    attributes.place(key)?;
    Some(match attributes.value(key) {
        Some(Value::StringValue(text)) if !text.is_empty() => text.clone(),
        Some(Value::IntValue(port)) => port.to_string(),
        _ => "0".into(),
    })
}
