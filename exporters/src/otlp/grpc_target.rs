//! Endpoints of gRPC: `host:port`, and the forms around it that gRPC libraries know.

use http::uri::Authority;

use crate::http::{Origin, flaw, has_scheme, unfilled};

/// The server that `endpoint` names, spoken to without TLS if it says `http://`, or nothing and `plaintext`.
pub(crate) fn target(endpoint: &str, plaintext: bool) -> Result<Origin, String> {
    let endpoint = endpoint.trim();
    let (tls, rest) = match endpoint.split_once(':') {
        Some(("http", rest)) if rest.starts_with("//") => (false, &rest[2..]),
        Some(("https", rest)) if rest.starts_with("//") => (true, &rest[2..]),
        // dns:host:port, dns:///host:port, dns://resolver/host:port: names are always looked up.
        Some(("dns" | "passthrough", rest)) => {
            let name =
                rest.strip_prefix("//").map_or(rest, |rest| rest.split_once('/').map_or(rest, |(_, n)| n));
            (!plaintext, name.trim_start_matches('/'))
        }
        Some(("unix" | "unix-abstract", _)) => {
            return Err("a unix socket can't be used: host:port can".into());
        }
        _ => (!plaintext, endpoint),
    };
    if rest.is_empty() {
        return Err("is missing: which server shall telemetry go to? host:4317, say".into());
    }
    if has_scheme(rest) || rest.contains(['@', '?', ' ']) {
        return Err("not a server: host:port is expected, or http://host:port, or https://host:port".into());
    }
    if let Some(unfilled) = unfilled(rest) {
        return Err(unfilled);
    }
    let Some((host, port)) = rest.rsplit_once(':').filter(|(host, _)| !host.ends_with(':')) else {
        return Err(format!("`{rest}` names no port: write {rest}:4317, or {rest}:443 as its server may be"));
    };
    let Ok(port) = port.parse() else {
        let path = if port.contains('/') { "; a path has no meaning in gRPC" } else { "" };
        return Err(format!("port `{port}`: a number up to 65535 is expected{path}"));
    };
    // No host is this one, as in Go.
    let host = if host.is_empty() { "localhost" } else { host.trim_start_matches('[').trim_end_matches(']') };
    let origin = Origin { tls, host: host.into(), port };
    match Authority::try_from(origin.authority()) {
        Ok(_) => Ok(origin),
        Err(_) => Err(format!("not a server: {}", flaw(rest))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_the_collector_does() {
        for (endpoint, plaintext, expected) in [
            ("backend:4317", false, "https://backend:4317"),
            ("backend:4317", true, "http://backend:4317"),
            ("http://backend:4317", false, "http://backend:4317"),
            ("https://backend:4317", true, "https://backend:4317"),
            ("https://backend:443", false, "https://backend"),
            ("dns:backend:4317", false, "https://backend:4317"),
            ("dns:///backend:4317", true, "http://backend:4317"),
            ("dns://8.8.8.8/backend:4317", true, "http://backend:4317"),
            ("127.0.0.1:4317", true, "http://127.0.0.1:4317"),
            ("[::1]:4317", true, "http://[::1]:4317"),
            (":4317", true, "http://localhost:4317"),
            ("backend:4317\n", true, "http://backend:4317"),
        ] {
            assert_eq!(target(endpoint, plaintext).unwrap().to_string(), expected, "{endpoint}");
        }
    }

    #[test]
    fn endpoints_that_name_no_server_are_explained() {
        for (endpoint, reason) in [
            ("", "is missing"),
            ("http://", "is missing"),
            ("backend", "write backend:4317"),
            ("https://backend", "write backend:4317, or backend:443"),
            ("backend:port", "port `port`"),
            ("backend:99999", "port `99999`"),
            ("http://backend:4317/v1/traces", "a path has no meaning in gRPC"),
            ("unix:///tmp/socket", "unix socket"),
            ("https://ingest.<region>.backend:443", "`<region>` is a placeholder: write what it stands for"),
            ("<endpoint>", "`<endpoint>` is a placeholder"),
            ("back|end:443", "not a server: it holds '|'"),
            ("ftp://backend:21", "host:port is expected"),
            ("http://user:secret@backend:4317", "host:port is expected"),
        ] {
            let error = target(endpoint, false).unwrap_err();
            assert!(error.contains(reason) && !error.contains("secret"), "{endpoint}: {error}");
        }
    }
}
