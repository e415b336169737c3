//! The `http` block.

use std::borrow::Cow;
use std::net::IpAddr;

use super::super::attributes::Attributes;
use super::super::http::size_of_messages;
use super::super::json::Object;
use super::super::keys::Key::{self, *};
use super::super::limits::MOST_CHARACTERS;
use super::super::name::cut;
use super::super::source::Source;
use super::super::url::{bracketed, without_user_info};

/// The block, if the span tells of a request.
pub fn http<'a>(source: &Source<'a>, attributes: &mut Attributes<'a>) -> Option<Object<'a>> {
    let mut request = Object::default();
    set_first(&mut request, "method", attributes, &[HttpRequestMethod, HttpMethod]);
    let status = attributes.first_number(STATUS);
    let size = attributes.first_number(&[HttpResponseBodySize, HttpResponseContentLength]);
    let has_scheme = attributes.first_text(&[UrlFull, HttpUrl, UrlScheme, HttpScheme, HttpTarget]).is_some();
    if request.is_empty() && status.is_none() && !has_scheme {
        return None;
    }
    set_first(&mut request, "user_agent", attributes, &[UserAgentOriginal, HttpUserAgent]);
    if let Some(url) = url(source, attributes) {
        request.set("url", url);
    }
    if source.is_served() {
        client_ip(&mut request, attributes);
    }

    let mut response = Object::default();
    if let Some((key, status)) = status {
        response.set("status", status);
        attributes.say(&[key]);
    }
    if let Some((key, size)) = size {
        attributes.say(&[key]);
        response.set("content_length", size);
    } else {
        response.set_some("content_length", size_of_messages(source.span, attributes));
    }

    let mut http = Object::default();
    http.set_some("request", Some(request).filter(|request| !request.is_empty()));
    http.set_some("response", Some(response).filter(|response| !response.is_empty()));
    Some(http)
}

/// The status by which a span failed or not.
pub fn status(attributes: &Attributes<'_>) -> Option<i64> {
    attributes.first_number(STATUS).map(|(_, status)| status)
}

const STATUS: &[Key] = &[HttpResponseStatusCode, HttpStatusCode];

/// Gives `field` the first of `keys`; what does not fit whole stays among the metadata too.
fn set_first<'a>(
    object: &mut Object<'a>,
    field: &'static str,
    attributes: &mut Attributes<'a>,
    keys: &[Key],
) {
    let Some((key, text)) = attributes.first_text(keys) else { return };
    let (text, is_cut) = cut(text, MOST_CHARACTERS);
    object.set(field, text);
    if !is_cut {
        attributes.say(keys_with(attributes, keys, text).as_slice());
        attributes.say(&[key]);
    }
}

/// Those of `keys` that say just `text`.
fn keys_with(attributes: &Attributes<'_>, keys: &[Key], text: &str) -> Vec<Key> {
    keys.iter().copied().filter(|key| attributes.text(*key) == Some(text)).collect()
}

/// The address of the client. Told by the server itself it is the peer's; else it is what a header says.
fn client_ip<'a>(request: &mut Object<'a>, attributes: &mut Attributes<'a>) {
    let is_ip = |text: &str| text.parse::<IpAddr>().is_ok();
    let peers = [NetworkPeerAddress, NetSockPeerAddr, NetPeerIp];
    let peer = attributes.first_text(&peers).filter(|(_, text)| is_ip(text));
    let client = attributes.first_text(&[ClientAddress, HttpClientIp]).filter(|(_, text)| is_ip(text));
    let Some((key, ip)) = client.or(peer) else { return };
    request.set("client_ip", ip);
    let is_hearsay = client.is_some() && peer.is_none_or(|(_, peer)| peer != ip);
    let is_hearsay = match attributes.bool(AwsXrayXForwardedFor) {
        Some(told) => {
            attributes.say(&[AwsXrayXForwardedFor]);
            told
        }
        None => is_hearsay,
    };
    if is_hearsay {
        request.set("x_forwarded_for", true);
    }
    attributes.say(&[key]);
    attributes.say(&keys_with(attributes, &peers, ip));
}

/// The URL: as the span has it whole, without the user in it, or put together. What does not fit whole stays among
/// the metadata too.
fn url<'a>(source: &Source<'a>, attributes: &mut Attributes<'a>) -> Option<Cow<'a, str>> {
    if let Some((_, url)) = attributes.first_text(&[UrlFull, HttpUrl]) {
        let is_cut = cut(url, MOST_CHARACTERS).1;
        if !is_cut {
            attributes.say(&[UrlFull, HttpUrl]);
        }
        return Some(match without_user_info(url) {
            Cow::Borrowed(url) => cut(url, MOST_CHARACTERS).0.into(),
            Cow::Owned(url) => cut(&url, MOST_CHARACTERS).0.to_owned().into(),
        });
    }
    let (hosts, ports): (&[Key], &[Key]) = match source.is_served() {
        true => (&[ServerAddress, HttpHost, HttpServerName, NetHostName], &[ServerPort, NetHostPort]),
        false => (
            &[ServerAddress, HttpHost, NetPeerName, NetPeerIp, NetSockPeerAddr, NetworkPeerAddress],
            &[ServerPort, NetPeerPort],
        ),
    };
    let host = attributes.first_text(hosts)?;
    let port = attributes.first_number(ports);
    let scheme = attributes.first_text(&[UrlScheme, HttpScheme]);
    let path = attributes.first_text(&[UrlPath, HttpTarget]);
    let query = attributes.first_text(&[UrlQuery]).filter(|_| path.is_none_or(|(key, _)| key == UrlPath));
    let url = compose(scheme.map(|found| found.1), host, port, path.map(|found| found.1), query);
    let (short, is_cut) = cut(&url, MOST_CHARACTERS);
    if !is_cut {
        let used = [scheme, Some(host), path, query].map(|found| found.map(|(key, _)| key));
        let used = used.into_iter().flatten().chain(port.map(|(key, _)| key));
        attributes.say(&used.collect::<Vec<_>>());
    }
    Some(short.to_owned().into())
}

fn compose(
    scheme: Option<&str>,
    (key, host): (Key, &str),
    port: Option<(Key, i64)>,
    path: Option<&str>,
    query: Option<(Key, &str)>,
) -> String {
    let port = port.map(|(_, port)| port);
    let scheme = scheme.unwrap_or(if port == Some(443) { "https" } else { "http" });
    let mut url = format!("{scheme}://{}", bracketed(host));
    // A `Host` header has the port in it.
    let is_usual = matches!((scheme, port), ("http", Some(80)) | ("https", Some(443)));
    if let Some(port) = port.filter(|_| key != HttpHost && !is_usual) {
        url += &format!(":{port}");
    }
    let path = path.unwrap_or("/");
    if !path.starts_with('/') {
        url += "/";
    }
    url += path;
    if let Some((_, query)) = query {
        url += if query.starts_with('?') { "" } else { "?" };
        url += query;
    }
    url
}
