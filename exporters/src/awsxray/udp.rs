//! The X-Ray daemon: one datagram for each document, and no answer
//! (<https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon>).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{UdpSocket, lookup_host};

use super::Document;
use super::delivery::Fate;

/// What stands before each document.
pub const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";
/// The most that one datagram carries over IPv4.
pub const MOST_BYTES: usize = 65_507;

/// The daemon.
pub struct Daemon {
    /// `host:port`.
    pub address: String,
}

impl Daemon {
    /// The daemon at `address`: `host:port`, or `tcp:host:port udp:host:port` as `AWS_XRAY_DAEMON_ADDRESS` may be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn at(address: &str) -> Result<Daemon, String> {
        let address = address.trim();
        let udp = address.split_whitespace().find_map(|part| part.strip_prefix("udp:"));
        let found = match udp {
            Some(udp) => udp,
            None if address.contains(char::is_whitespace) || address.starts_with("tcp:") => "",
            None => address,
        };
        let port = found.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        match port.map(|(_, port)| port.parse::<u16>()) {
            Some(Ok(_)) => Ok(Daemon { address: found.into() }),
            _ => Err(format!("`{address}`: write host:port, or tcp:host:port udp:host:port")),
        }
    }

    /// Sends `documents` one after the other, and tells what became of each.
    pub async fn send(&self, documents: &[Document]) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(documents.len());
        let failed = |error: &io::Error| format!("X-Ray daemon at {}: {error}", self.address);
        let socket = match self.socket().await {
            Ok(socket) => socket,
            Err(error) => return vec![Fate::Later(None, failed(&error)); documents.len()],
        };
        for document in documents {
            let datagram = [HEADER, &document.json].concat();
            if datagram.len() > MOST_BYTES {
                fates.push(Fate::Rejected(format!(
                    "a document does not fit a datagram: {} bytes",
                    datagram.len()
                )));
                continue;
            }
            // Nobody listens: the answer to one datagram is an error at the next.
            match socket.send(datagram.as_bytes()).await {
                Ok(_) => fates.push(Fate::Taken),
                Err(error) => {
                    fates.resize(documents.len(), Fate::Later(None, failed(&error)));
                    break;
                }
            }
        }
        fates
    }

    async fn socket(&self) -> io::Result<UdpSocket> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in lookup_host(&self.address).await? {
            let own: SocketAddr = match address {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(own).await?;
            match socket.connect(address).await {
                Ok(()) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_is_read() {
        for (address, found) in [
            ("127.0.0.1:2000", Some("127.0.0.1:2000")),
            (" daemon:2000 ", Some("daemon:2000")),
            ("tcp:10.0.0.1:2000 udp:10.0.0.2:3000", Some("10.0.0.2:3000")),
            ("udp:10.0.0.2:3000 tcp:10.0.0.1:2000", Some("10.0.0.2:3000")),
            ("[::1]:2000", Some("[::1]:2000")),
            ("tcp:10.0.0.1:2000", None),
            ("daemon", None),
            ("daemon:port", None),
            (":2000", None),
            ("", None),
        ] {
            assert_eq!(Daemon::at(address).ok().map(|daemon| daemon.address).as_deref(), found, "{address}");
        }
    }
}
