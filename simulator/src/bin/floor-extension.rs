//! The least that an extension can do: registers, subscribes and asks for events, on one connection of blocking
//! sockets. What the simulator itself costs is measured with it.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> Result<(), Error> {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").map_err(|_| ErrorKind::NotFound)?;
    let path = std::env::args().next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut api = Api { stream: TcpStream::connect(&address)?, address };
    let events = r#"{"events":["INVOKE","SHUTDOWN"]}"#;
    let head =
        api.call("POST /2020-01-01/extension/register", &format!("Lambda-Extension-Name: {name}"), events)?;
    let id = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("Lambda-Extension-Identifier"))
        .map(|(_, id)| format!("Lambda-Extension-Identifier: {id}"))
        .ok_or(ErrorKind::InvalidData)?;
    // Nobody reads what is delivered here: it is run for its first `next` alone.
    let listener = TcpListener::bind("0.0.0.0:0")?;
    let port = listener.local_addr()?.port();
    let subscription = format!(
        r#"{{"schemaVersion":"2022-12-13","types":["platform"],"buffering":{{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}},"destination":{{"protocol":"HTTP","URI":"http://sandbox.localdomain:{port}"}}}}"#
    );
    api.call("PUT /2022-07-01/telemetry", &id, &subscription)?;
    loop {
        api.call("GET /2020-01-01/extension/event/next", &id, "")?;
    }
}

struct Api {
    address: String,
    stream: TcpStream,
}

impl Api {
    /// One request; the answer as text. An answer that comes in pieces is not understood, and none does.
    fn call(&mut self, line: &str, header: &str, body: &str) -> Result<String, Error> {
        let (host, length) = (&self.address, body.len());
        let request =
            format!("{line} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}");
        self.stream.write_all(request.as_bytes())?;
        let mut answer = [0; 4096];
        match self.stream.read(&mut answer)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            length => Ok(String::from_utf8_lossy(&answer[..length]).into_owned()),
        }
    }
}
