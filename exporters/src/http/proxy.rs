//! Which proxy, if any, leads to an endpoint: `proxy_url`, `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.

use std::net::IpAddr;

use config::Env;
use http::HeaderValue;

use super::url::{Origin, Url};

/// An HTTP proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Where it listens; never over TLS.
    pub origin: Origin,
    /// `Proxy-Authorization`.
    pub credentials: Option<HeaderValue>,
}

impl Proxy {
    /// The proxy of a `proxy_url`, which may leave out `http://`.
    ///
    /// # Errors
    /// What is wrong, without the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Proxy, String> {
        let url = match text.split_once("://") {
            Some(("http" | "https", _)) => Url::parse(text)?,
            Some((scheme, _)) => return Err(format!("a {scheme} proxy can't be used: only http:// can")),
            None => Url::parse(&format!("http://{text}"))?,
        };
        if url.origin.tls {
            return Err("a proxy that is spoken to over TLS can't be used: only http:// can".into());
        }
        Ok(Proxy { origin: url.origin, credentials: url.credentials })
    }

    /// The proxy that the environment names for `target`: `HTTPS_PROXY` if `tunnelled`, else `HTTP_PROXY`,
    /// the same in lower case, unless `NO_PROXY` covers the target. Loopback is never proxied. The rules are
    /// Go's (<https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config>).
    ///
    /// # Errors
    /// The variable, and what is wrong with it.
    pub fn of_env(env: &Env, target: &Origin, tunnelled: bool) -> Result<Option<Proxy>, String> {
        let names = if tunnelled { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
        let Some((name, proxy)) = first_set(env, names) else { return Ok(None) };
        let no_proxy = first_set(env, ["NO_PROXY", "no_proxy"]).map(|(_, list)| list).unwrap_or_default();
        if is_direct(target, no_proxy) {
            return Ok(None);
        }
        Proxy::parse(proxy).map(Some).map_err(|error| format!("the environment's {name}: {error}"))
    }
}

fn first_set<'a>(env: &'a Env, names: [&'static str; 2]) -> Option<(&'static str, &'a str)> {
    names.into_iter().find_map(|name| Some((name, env.get(name).filter(|value| !value.is_empty())?)))
}

/// Whether `target` is reached without a proxy: loopback, or covered by the list of names (a name covers its
/// subdomains, `.name` and `*.name` only those), addresses and CIDR blocks, each with an optional port, or
/// `*`.
fn is_direct(target: &Origin, no_proxy: &str) -> bool {
    let host = target.host.trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    no_proxy.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|e| !e.is_empty()).any(
        |entry| {
            if entry == "*" {
                return true;
            }
            let (name, port) = name_and_port(&entry);
            if port.is_some_and(|port| port != target.port) {
                return false;
            }
            match address {
                Some(address) => covers_address(name, address),
                None => covers_name(name, &host),
            }
        },
    )
}

fn name_and_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((bracketed, port)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (bracketed, port.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, port.parse().ok()),
        _ => (entry, None),
    }
}

fn covers_name(entry: &str, host: &str) -> bool {
    let entry = entry.strip_prefix('*').unwrap_or(entry);
    match entry.strip_prefix('.') {
        Some(_) => host.ends_with(entry),
        None => host == entry || host.strip_suffix(entry).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn covers_address(entry: &str, address: IpAddr) -> bool {
    let Some((network, bits)) = entry.split_once('/') else {
        return entry.parse() == Ok(address);
    };
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) if bits <= 32 => {
            (network.to_bits() ^ address.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) if bits <= 128 => {
            (network.to_bits() ^ address.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, port: u16) -> Origin {
        Origin { tls: true, host: host.into(), port }
    }

    #[test]
    fn no_proxy_covers_names_subdomains_addresses_and_blocks() {
        for (no_proxy, host, direct) in [
            ("", "backend.example", false),
            ("", "localhost", true),
            ("", "127.0.0.1", true),
            ("", "::1", true),
            ("*", "backend.example", true),
            ("example", "backend.example", true),
            ("Backend.Example", "backend.example", true),
            (" other , backend.example ", "backend.example", true),
            ("kend.example", "backend.example", false),
            (".example", "backend.example", true),
            (".example", "example", false),
            ("*.example", "backend.example", true),
            ("*.example", "example", false),
            ("backend.example:4318", "backend.example", true),
            ("backend.example:4319", "backend.example", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.0/8", "10.200.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "11.0.0.1", true),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("[fd00::1]:4318", "fd00::1", true),
            ("fd00::1", "fd00::1", true),
            ("10", "10.0.0.1", false),
        ] {
            assert_eq!(is_direct(&target(host, 4318), no_proxy), direct, "{host} by {no_proxy:?}");
        }
    }

    #[test]
    fn the_environment_names_a_proxy_per_scheme_in_either_case() {
        let env =
            Env::from_iter([("HTTPS_PROXY", "http://user:pass@proxy:3128"), ("http_proxy", "plain:80")]);
        let backend = target("backend.example", 443);
        let proxy = Proxy::of_env(&env, &backend, true).unwrap().unwrap();
        assert_eq!(proxy.origin, Origin { tls: false, host: "proxy".into(), port: 3128 });
        assert_eq!(proxy.credentials.unwrap(), "Basic dXNlcjpwYXNz");
        assert_eq!(Proxy::of_env(&env, &backend, false).unwrap().unwrap().origin.host, "plain");
        assert_eq!(Proxy::of_env(&Env::default(), &backend, true), Ok(None));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_without_its_password() {
        for text in ["socks5://user:pass@proxy:1080", "https://user:pass@proxy"] {
            let error = Proxy::parse(text).unwrap_err();
            assert!(error.contains("only http://") && !error.contains("pass@"), "{error}");
        }
    }
}
