//! Opens connections: name, address, proxy, TLS.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::stream::Stream;
use super::{Failure, Origin, Proxy, SharedTls};

/// How long one address may keep the next waiting (RFC 8305, Connection Attempt Delay).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// The most of a proxy's answer to `CONNECT` that is read.
const MOST_OF_PROXY_ANSWER: usize = 8 * 1024;

/// How connections to one server are made.
pub(crate) struct Connector {
    /// The server.
    pub origin: Origin,
    /// TLS settings, used if the origin wants TLS.
    pub tls: Tls,
    /// The name to ask for in TLS instead of the host.
    pub server_name: Option<String>,
    /// A proxy on the way.
    pub proxy: Option<Proxy>,
    /// Whether the proxy passes bytes through (`CONNECT`), which it must for TLS and gRPC.
    pub tunnel: bool,
}

/// Where an exporter's TLS configuration comes from.
#[derive(Clone)]
pub(crate) enum Tls {
    /// The one that all share, made when first needed.
    Shared(Rc<SharedTls>),
    /// The exporter's own.
    Own(Arc<ClientConfig>),
}

impl Connector {
    /// Opens a connection, ready for HTTP. `alpn` is the protocol to agree on.
    pub(super) async fn connect(&self, alpn: &[u8]) -> Result<Stream, Failure> {
        let mut tcp = match &self.proxy {
            None => dial(&self.origin).await?,
            Some(proxy) => dial(&proxy.origin).await?,
        };
        if let (Some(proxy), true) = (&self.proxy, self.tunnel) {
            open_tunnel(&mut tcp, proxy, &self.origin)
                .await
                .map_err(|error| Failure::new(&format!("through proxy {}", proxy.origin), &error))?;
        }
        if !self.origin.tls {
            return Ok(Stream::Plain(tcp));
        }
        let failed = |error: &(dyn std::error::Error + 'static)| {
            Failure::new(&format!("TLS with {}", self.origin.host_and_port()), error)
        };
        let name = self.server_name.as_ref().unwrap_or(&self.origin.host).clone();
        let name = ServerName::try_from(name).map_err(|error| failed(&error))?;
        let config = match &self.tls {
            Tls::Shared(shared) => shared.get(alpn).map_err(|error| failed(&error))?,
            Tls::Own(config) => config.clone(),
        };
        let tls = TlsConnector::from(config).connect(name, tcp).await.map_err(|error| failed(&error))?;
        Ok(Stream::Tls(Box::new(tls)))
    }
}

async fn dial(server: &Origin) -> Result<TcpStream, Failure> {
    let to = server.host_and_port();
    let addresses =
        addresses(server).await.map_err(|error| Failure::new(&format!("name of {to}"), &error))?;
    let tcp = first_to_answer(addresses)
        .await
        .map_err(|error| Failure::new(&format!("connect to {to}"), &error))?;
    // A request is written whole; waiting for more to put into a packet would only delay its tail. A socket
    // that refuses this works all the same.
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

/// The addresses of a host. Addresses and `localhost` are known; only names cost a lookup on another thread.
async fn addresses(server: &Origin) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = server.host.parse::<IpAddr>() {
        return Ok(vec![(address, server.port).into()]);
    }
    if server.host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![
            (Ipv4Addr::LOCALHOST, server.port).into(),
            (Ipv6Addr::LOCALHOST, server.port).into(),
        ]);
    }
    Ok(lookup_host((server.host.as_str(), server.port)).await?.collect())
}

/// The first connection that stands. Addresses are tried in turn; a slow one does not keep the next waiting
/// for long, since many networks have IPv6 in name only.
async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut addresses = addresses.into_iter();
    let mut attempts: FuturesUnordered<_> = addresses.next().map(TcpStream::connect).into_iter().collect();
    let mut last_error = io::Error::new(ErrorKind::NotFound, "the name has no address");
    while !attempts.is_empty() {
        tokio::select! {
            Some(outcome) = attempts.next() => match outcome {
                Ok(connected) => return Ok(connected),
                Err(error) => last_error = error,
            },
            () = tokio::time::sleep(NEXT_ADDRESS_AFTER), if addresses.len() > 0 => {}
        }
        attempts.extend(addresses.next().map(TcpStream::connect));
    }
    Err(last_error)
}

/// Asks `proxy` to pass bytes through to `target`.
async fn open_tunnel(tcp: &mut TcpStream, proxy: &Proxy, target: &Origin) -> io::Result<()> {
    let target = target.host_and_port();
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(credentials) = &proxy.credentials {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    tcp.write_all(&request).await?;
    // Byte by byte, since what follows the head belongs to the tunnel: it is short and comes once.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MOST_OF_PROXY_ANSWER {
            return Err(io::Error::other("the answer to CONNECT is no HTTP"));
        }
        head.push(tcp.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let status_line = head.lines().next().unwrap_or_default();
    match status_line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') && status_line.starts_with("HTTP/1.") => Ok(()),
        Some("407") => Err(io::Error::other("it wants user and password (407): http://user:pass@proxy")),
        _ => Err(io::Error::other(format!("it answered CONNECT with `{status_line}`"))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_refuses_makes_way_for_the_next_at_once() {
        // The kernel chooses this port for nobody.
        let refuses = ([127, 0, 0, 1], 1).into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answers = listener.local_addr().unwrap();
        let connected = first_to_answer(vec![refuses, refuses, answers]).await.unwrap();
        assert_eq!(connected.peer_addr().unwrap(), answers);
        let error = first_to_answer(vec![refuses, refuses]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(first_to_answer(vec![]).await.unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn addresses_and_localhost_need_no_lookup() {
        for (host, expected) in
            [("127.0.0.1", "127.0.0.1:1"), ("::1", "[::1]:1"), ("LocalHost", "127.0.0.1:1")]
        {
            let server = Origin { tls: false, host: host.into(), port: 1 };
            let found = futures_util::FutureExt::now_or_never(addresses(&server)).unwrap().unwrap();
            assert_eq!(found[0].to_string(), expected);
        }
    }
}
