//! Where a protocol listens, and the loop that accepts its connections.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use pipeline::{Stop, is_this_host};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The wait after an accept failed for want of file descriptors: others must close theirs first.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// `endpoint`: a host, or none for all interfaces, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// A port that could not be had.
#[derive(Debug)]
pub(super) struct BindError {
    /// Which, as `host:port`.
    pub address: String,
    /// Why not.
    pub error: io::Error,
}

impl Endpoint {
    /// `port` of localhost.
    pub(super) fn localhost(port: u16) -> Self {
        Endpoint { host: "localhost".into(), port }
    }

    /// Whether the system chooses the port.
    pub(super) fn is_any_port(&self) -> bool {
        self.port == 0
    }

    /// The port, if it is one of this host's own addresses.
    pub(super) fn local_port(&self) -> Option<u16> {
        (is_this_host(&self.host) && !self.is_any_port()).then_some(self.port)
    }

    /// Listens on every address that it stands for, and says which of them another process has.
    ///
    /// `localhost` is both 127.0.0.1 and ::1, since clients resolve it to either, without asking a resolver: that
    /// would cost start-up time. All interfaces, and `0.0.0.0` as with the Go layer, are those of both families.
    /// A sandbox without IPv6 gets IPv4.
    pub(super) fn bind(&self) -> (Vec<TcpListener>, Option<BindError>) {
        let attempts = if self.host == "localhost" {
            let first = listen((Ipv4Addr::LOCALHOST, self.port).into());
            let bound = first.as_ref().ok().and_then(|listener| listener.local_addr().ok());
            let port = bound.map_or(self.port, |address| address.port());
            vec![first, listen((Ipv6Addr::LOCALHOST, port).into())]
        } else {
            match self.resolve() {
                Ok(SocketAddr::V4(address)) if address.ip().is_unspecified() => {
                    match listen((Ipv6Addr::UNSPECIFIED, self.port).into()) {
                        Err(no_ipv6) if no_ipv6.error.kind() != ErrorKind::AddrInUse => {
                            vec![listen(address.into())]
                        }
                        both => vec![both],
                    }
                }
                Ok(address) => vec![listen(address)],
                Err(error) => vec![Err(BindError { address: self.to_string(), error })],
            }
        };
        let (mut bound, mut failed) = (Vec::new(), Vec::new());
        for attempt in attempts {
            match attempt {
                Ok(listener) => bound.push(listener),
                Err(error) => failed.push(error),
            }
        }
        // An address family that the sandbox lacks is nobody's mistake.
        failed.retain(|it| bound.is_empty() || it.error.kind() == ErrorKind::AddrInUse);
        (bound, failed.into_iter().next())
    }

    fn resolve(&self) -> io::Result<SocketAddr> {
        if self.host.is_empty() {
            return Ok((Ipv4Addr::UNSPECIFIED, self.port).into());
        }
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok((ip, self.port).into());
        }
        let found = (self.host.as_str(), self.port).to_socket_addrs()?.next();
        found.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the host has no address"))
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| BindError { address: address.to_string(), error })
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(format!("{text:?} is no address to listen on; leave out {scheme:?}: {rest:?}"));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            let port = text.parse::<u16>().map_or("4318".into(), |port| port.to_string());
            return Err(format!("{text:?} lacks a host or port; write host:port, such as localhost:{port}"));
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bare.is_none() && host.contains(':') {
            return Err(format!(
                "{text:?} has too many colons; write an IPv6 address in brackets: [::1]:4318"
            ));
        }
        let port = port.parse().map_err(|_| format!("{port:?} is no port; ports are numbers up to 65535"))?;
        Ok(Endpoint { host: bare.unwrap_or(host).into(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Accepts connections and has `serve` serve each, until `stop`; then waits for those that are left.
pub(super) async fn accept<F>(listener: TcpListener, mut stop: Stop, serve: impl Fn(TcpStream, Stop) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(cause) => return log::error!("a port that was bound can't be listened on: {cause}"),
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.wait() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Answers are small and complete: waiting to fill a packet would only delay them.
                    let _ = stream.set_nodelay(true);
                    connections.spawn_local(serve(stream, stop.clone()));
                }
                // The client gave up before it was accepted.
                Err(cause) if cause.kind() == ErrorKind::ConnectionAborted => {}
                Err(cause) => {
                    log::warn!("can't accept a connection: {cause}");
                    tokio::time::sleep(OUT_OF_FILES).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn endpoint(text: &str) -> Result<(String, u16), String> {
        text.parse().map(|Endpoint { host, port }| (host, port))
    }

    #[test]
    fn an_endpoint_is_a_host_or_none_and_a_port() {
        assert_eq!(endpoint("localhost:4318"), Ok(("localhost".into(), 4318)));
        assert_eq!(endpoint("0.0.0.0:4317"), Ok(("0.0.0.0".into(), 4317)));
        assert_eq!(endpoint(":4318"), Ok((String::new(), 4318)));
        assert_eq!(endpoint("[::1]:4318"), Ok(("::1".into(), 4318)));
    }

    #[test]
    fn what_is_no_endpoint_is_explained() {
        assert!(endpoint("4318").unwrap_err().contains("localhost:4318"));
        assert!(endpoint("localhost").unwrap_err().contains("lacks a host or port"));
        assert!(endpoint("localhost:99999").unwrap_err().contains("no port"));
        assert!(endpoint("http://localhost:4318").unwrap_err().contains("leave out \"http\""));
        assert!(endpoint("::1:4318").unwrap_err().contains("brackets"));
        assert!(endpoint("").is_err());
    }

    #[test]
    fn localhost_is_listened_on_in_both_families_at_the_same_port() {
        let (listeners, _) = Endpoint::localhost(0).bind();
        let addresses: Vec<_> = listeners.iter().map(|it| it.local_addr().unwrap()).collect();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        assert!(addresses.iter().all(|address| address.port() == addresses[0].port()));
        if TcpListener::bind("[::1]:0").is_ok() {
            assert_eq!(addresses.len(), 2);
        }
    }

    #[test]
    fn all_interfaces_are_those_of_both_families() {
        for text in [":0", "0.0.0.0:0"] {
            let (listeners, _) = text.parse::<Endpoint>().unwrap().bind();
            let port = listeners[0].local_addr().unwrap().port();
            std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            if TcpListener::bind("[::1]:0").is_ok() {
                std::net::TcpStream::connect(("::1", port)).unwrap();
            }
        }
    }

    #[test]
    fn a_port_that_is_taken_in_one_family_is_named_and_the_other_family_works() {
        for (taken, free) in [("[::1]", "127.0.0.1"), ("127.0.0.1", "[::1]")] {
            let Ok(other) = TcpListener::bind(format!("{taken}:0")) else { return };
            let port = other.local_addr().unwrap().port();
            let (bound, error) = Endpoint::localhost(port).bind();
            let error = error.unwrap();
            assert_eq!(
                (error.address, error.error.kind()),
                (format!("{taken}:{port}"), ErrorKind::AddrInUse)
            );
            let bound: Vec<_> = bound.iter().map(|it| it.local_addr().unwrap().to_string()).collect();
            assert_eq!(bound, [format!("{free}:{port}")]);
        }
    }

    #[test]
    fn a_host_without_an_address_is_named() {
        let (bound, error) = "nowhere.invalid:4318".parse::<Endpoint>().unwrap().bind();
        assert_eq!((bound.len(), error.unwrap().address), (0, "nowhere.invalid:4318".into()));
    }
}
