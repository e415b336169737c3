//! Endpoints: `http://` and `https://` URLs, and the host and port behind them.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use pipeline::is_this_host;

/// What becomes `%XX` in a path that holds something no path may hold.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// A server: what connections are opened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    /// A name or an address, an IPv6 address without brackets.
    pub host: String,
    /// The port, 443 or 80 if the URL names none.
    pub port: u16,
}

impl Origin {
    /// `host:port` for a `CONNECT` request.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.bracketed_host(), self.port)
    }

    /// What a `Host` header says: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let default = if self.tls { 443 } else { 80 };
        if self.port == default { self.bracketed_host() } else { self.host_and_port() }
    }

    /// The port, if the server is on this host.
    pub fn local_port(&self) -> Option<u16> {
        is_this_host(&self.host).then_some(self.port)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

/// An endpoint. Prints without user, password and query, which may be secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// The server.
    pub origin: Origin,
    /// What is asked for there.
    pub path: PathAndQuery,
    /// `user:pass@`, as a value for `Authorization` or `Proxy-Authorization`.
    pub credentials: Option<HeaderValue>,
}

impl Url {
    /// Reads an absolute URL.
    ///
    /// # Errors
    /// What is missing and an example, without the text itself where it could hold a password.
    pub fn parse(text: &str) -> Result<Url, String> {
        let text = text.trim();
        let shown = text.rsplit('@').next().unwrap_or_default().split('?').next().unwrap_or_default();
        if !has_scheme(text) {
            let message = format!(
                "`{shown}` has no scheme: write http://{shown}, or https://{shown} if the server speaks TLS"
            );
            return Err(unfilled(shown).unwrap_or(message));
        }
        let text = text.split_once('#').map_or(text, |(url, _fragment)| url);
        let text = &*escaped(text);
        let invalid = |_| unfilled(shown).unwrap_or_else(|| format!("not a valid URL: {}", flaw(text)));
        let uri: Uri = text.parse().map_err(invalid)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            other => return Err(format!("scheme `{}`: use http or https", other.unwrap_or_default())),
        };
        let authority = uri.authority().ok_or("not a valid URL: it names no host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("not a valid URL: it names no host".into());
        }
        let port = port(authority)?.unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Url { origin: Origin { tls, host, port }, path, credentials: credentials(authority) })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path.path())
    }
}

/// `text` with its path as Go's net/url sends it: as it is, or all of it escaped anew if it holds what no path may hold.
/// A line break and a placeholder in angles stay, and are mistakes.
fn escaped(text: &str) -> Cow<'_, str> {
    let Some(path) = text.find("://").and_then(|at| Some(at + 3 + text[at + 3..].find(['/', '?'])?)) else {
        return text.into();
    };
    let (server, path) = text.split_at(path);
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@[]%/".contains(&byte);
    if path.bytes().all(is_sound) || path.contains(['<', '>']) || path.contains(char::is_control) {
        return text.into();
    }
    let plain: Vec<u8> = percent_decode_str(path).collect();
    format!("{server}{}{query}", percent_encode(&plain, ESCAPED)).into()
}

/// What to say of a placeholder such as `<region>` or `{id}` in `text`, which documentation leaves to its readers.
pub(crate) fn unfilled(text: &str) -> Option<String> {
    [('<', '>'), ('{', '}')].into_iter().find_map(|(open, close)| {
        let (_, rest) = text.split_once(open)?;
        let (name, _) = rest.split_once(close)?;
        Some(format!("`{open}{name}{close}` is a placeholder: write what it stands for"))
    })
}

/// What keeps `text` from being a URL, or a server without a scheme: one character of it, so that no password is told.
pub(crate) fn flaw(text: &str) -> String {
    let after = text.split_once("://").map_or(text, |(_scheme, after)| after);
    let (server, path) = after.split_at(after.find(['/', '?']).unwrap_or(after.len()));
    let stray = |c: &char| !":@[]".contains(*c) && Authority::try_from(c.to_string()).is_err();
    let stray = server.chars().find(stray);
    match stray.or_else(|| path.chars().find(|c| PathAndQuery::try_from(format!("/{c}")).is_err())) {
        Some('\n' | '\r') => "it holds a line break".to_owned(),
        Some(c) if c.is_whitespace() => "it holds a blank".to_owned(),
        Some(c) => format!("it holds {c:?}"),
        None if server.is_empty() => "it names no host".to_owned(),
        None => "its server is neither a host nor host:port".to_owned(),
    }
}

/// Whether `text` begins with a scheme and `://`.
pub(crate) fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn port(authority: &Authority) -> Result<Option<u16>, String> {
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    let after_host = host_and_port.strip_prefix(authority.host()).unwrap_or_default();
    match after_host.strip_prefix(':') {
        None | Some("") => Ok(None),
        Some(port) => {
            port.parse().map(Some).map_err(|_| format!("port `{port}`: a number up to 65535 is expected"))
        }
    }
}

fn credentials(authority: &Authority) -> Option<HeaderValue> {
    let (user_info, _) = authority.as_str().rsplit_once('@')?;
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let mut plain: Vec<u8> = percent_decode_str(user).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(plain))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, origin, path) in [
            ("http://backend", "http://backend", "/"),
            ("https://backend:443/", "https://backend", "/"),
            ("https://backend:4318/otlp", "https://backend:4318", "/otlp"),
            ("http://[::1]:4318/v1/traces?key=a#top", "http://[::1]:4318", "/v1/traces?key=a"),
            ("HTTP://127.0.0.1:80", "http://127.0.0.1", "/"),
            (" https://backend/x\n", "https://backend", "/x"),
            ("http://backend:/x", "http://backend", "/x"),
            ("http://backend/a%2fb(1)!*'[2]", "http://backend", "/a%2fb(1)!*'[2]"),
            ("http://backend/é/{id}/%2f%41(1)?c=|", "http://backend", "/%C3%A9/%7Bid%7D//A%281%29?c=|"),
            ("http://backend/my path", "http://backend", "/my%20path"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.origin.to_string().as_str(), url.path.as_str()), (origin, path), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_explained() {
        for (text, reason) in [
            ("localhost:4318", "write http://localhost:4318, or https://"),
            ("127.0.0.1:4318/x", "write http://127.0.0.1:4318/x"),
            ("http://a b", "not a valid URL: it holds a blank"),
            ("http://a/b\nc", "not a valid URL: it holds a line break"),
            ("http://a|b/c", "not a valid URL: it holds '|'"),
            ("http://a/<b?c", "not a valid URL: it holds '<'"),
            ("http://a:b:c", "not a valid URL: its server is neither a host nor host:port"),
            ("http://", "not a valid URL: it names no host"),
            ("https:///a/b", "not a valid URL: it names no host"),
            ("https://ingest.<region>.example:443", "`<region>` is a placeholder: write what it stands for"),
            ("https://a/b/<id>/c", "`<id>` is a placeholder"),
            ("https://{env}.example", "`{env}` is a placeholder"),
            ("<endpoint>", "`<endpoint>` is a placeholder"),
            ("http://user:p<ss>@a b", "not a valid URL: it holds '<'"),
            ("ftp://backend", "use http or https"),
            ("http://backend:99999", "port `99999`"),
        ] {
            let error = Url::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn user_and_password_become_basic_auth_and_are_never_printed() {
        let url = Url::parse("http://user:p%40ss@backend:4318/x?token=secret").unwrap();
        assert_eq!(url.credentials.as_ref().unwrap(), "Basic dXNlcjpwQHNz");
        assert_eq!(url.to_string(), "http://backend:4318/x");
        assert!(!format!("{:?}", url.credentials).contains("dXNl"));
    }
}
