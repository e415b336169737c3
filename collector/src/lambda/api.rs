//! A client of the Lambda Extensions API (2020-01-01) and of the Telemetry API's subscription (2022-07-01).
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>. Plain HTTP/1.1 to the address in
//! `AWS_LAMBDA_RUNTIME_API`. There is no timeout: `event/next` answers when the sandbox thaws, be it in hours.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use pipeline::Error;
use receivers::telemetryapi::Subscription;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::event::Event;

/// The newest schema of events; Managed Instances know no other.
const SCHEMA: &str = "2025-01-29";
/// The one before it, without Managed Instances.
const SCHEMA_BEFORE: &str = "2022-12-13";

/// How often the next event is asked for again when the connection is lost: one that sat through a freeze may be reset at
/// the thaw, and to give up would fail the function.
const MOST_LOST: usize = 2;

/// The API of one execution environment, not yet registered with.
pub struct Api {
    address: String,
    /// The connection, while no request uses it.
    idle: RefCell<Option<SendRequest<Full<Bytes>>>>,
}

/// An extension that is registered.
pub struct Extension {
    api: Api,
    identifier: String,
    /// What the platform told at registration.
    pub function: Function,
}

/// What the platform tells an extension of its function.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Function {
    /// The account that owns the function; not told by every emulator.
    pub account_id: Option<String>,
}

/// The lifecycle events that an extension may register for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// `INVOKE` and `SHUTDOWN`: an ordinary function.
    InvokeAndShutdown,
    /// `SHUTDOWN` alone: Lambda Managed Instances know no other.
    Shutdown,
}

/// What a subscription to the Telemetry API came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// Events will come.
    Yes,
    /// None will, and this is why: local emulators answer 202 or 404.
    No(String),
}

/// An answer's status, headers and body.
type Answer = (StatusCode, HeaderMap, Bytes);

impl Api {
    /// The API at `address` (`host:port`).
    pub fn new(address: &str) -> Self {
        Api { address: address.into(), idle: RefCell::new(None) }
    }

    /// Registers the extension `name`, which must be its file's name in `/opt/extensions`.
    ///
    /// Where the platform takes no `INVOKE` (Lambda Managed Instances answer 403 `Extension.InvalidEventType`), it
    /// registers for `SHUTDOWN` alone; the answer says which it became.
    ///
    /// # Errors
    /// What the platform said, or why it could not be asked.
    pub async fn register(self, name: &str, events: Register) -> Result<(Extension, Register), Error> {
        let (mut status, mut headers, mut body) = self.ask_to_register(name, events).await?;
        let mut events = events;
        let refuses_invoke =
            status == StatusCode::FORBIDDEN && find(&body, b"Extension.InvalidEventType").is_some();
        if refuses_invoke && events == Register::InvokeAndShutdown {
            events = Register::Shutdown;
            (status, headers, body) = self.ask_to_register(name, events).await?;
        }
        let identifier = headers.get("lambda-extension-identifier").and_then(|id| id.to_str().ok());
        match identifier {
            Some(identifier) if status == StatusCode::OK => {
                let function = serde_json::from_slice(&body).unwrap_or_default();
                Ok((Extension { identifier: identifier.into(), api: self, function }, events))
            }
            _ => Err(format!("register as {name:?}: {}", said(status, &body)).into()),
        }
    }

    async fn ask_to_register(&self, name: &str, events: Register) -> Result<Answer, Error> {
        let body: &[u8] = match events {
            Register::InvokeAndShutdown => br#"{"events":["INVOKE","SHUTDOWN"]}"#,
            Register::Shutdown => br#"{"events":["SHUTDOWN"]}"#,
        };
        let headers = [("lambda-extension-name", name), ("lambda-extension-accept-feature", "accountId")];
        self.ask(Method::POST, "/2020-01-01/extension/register", &headers, body.into()).await
    }

    /// One request on the connection that is there, or on a new one if there is none or it turns out to be dead.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, Error> {
        let mut request = Request::builder().method(method).uri(path).header("host", &self.address);
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body))?;
        if let Some(kept) = self.idle.take()
            && let Ok(answer) = self.exchange(kept, request.clone()).await
        {
            return Ok(answer);
        }
        Ok(self.exchange(self.connect().await?, request).await?)
    }

    async fn exchange(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, hyper::Error> {
        sender.ready().await?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        self.idle.replace(Some(sender));
        Ok((head.status, head.headers, body))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Error> {
        let stream = TcpStream::connect(&self.address)
            .await
            .map_err(|error| format!("Lambda's runtime API at {}: {error}", self.address))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its end shows at the next use of `sender`.
        tokio::task::spawn_local(async { drop(connection.await) });
        Ok(sender)
    }
}

impl Extension {
    /// Waits for the next event. The first call says that the extension is ready.
    ///
    /// # Errors
    /// What the platform said, or why it could not be asked: the environment is broken.
    pub async fn next(&self) -> Result<Event, Error> {
        let mut lost = 0;
        let (status, _, body) = loop {
            match self.ask(Method::GET, "/2020-01-01/extension/event/next", &[], Bytes::new()).await {
                Err(_) if lost < MOST_LOST => lost += 1,
                answer => break answer?,
            }
        };
        if status != StatusCode::OK {
            return Err(format!("event/next: {}", said(status, &body)).into());
        }
        Ok(Event::read(&body, SystemTime::now(), Instant::now()))
    }

    /// Subscribes to the Telemetry API as `wanted`, to be sent to `port` of this process. Must come before the first
    /// [`next`](Extension::next), and the port must be listening.
    ///
    /// A platform that does not know the newest schema is asked for the one before it.
    ///
    /// # Errors
    /// Why the platform could not be asked.
    pub async fn subscribe(&self, wanted: &Subscription, port: u16) -> Result<Subscribed, Error> {
        let ask = async |schema| {
            let body = subscription(schema, wanted, port);
            self.ask(Method::PUT, "/2022-07-01/telemetry", &[], body.into()).await
        };
        let (mut status, _, mut body) = ask(SCHEMA).await?;
        if status == StatusCode::BAD_REQUEST {
            (status, _, body) = ask(SCHEMA_BEFORE).await?;
        }
        Ok(if status == StatusCode::OK { Subscribed::Yes } else { Subscribed::No(said(status, &body)) })
    }

    /// Reports that this extension cannot start (before the first [`next`](Extension::next)); fails the function.
    ///
    /// # Errors
    /// Why the platform could not be told.
    pub async fn init_error(&self, kind: &str, message: &str) -> Result<(), Error> {
        self.report("init/error", kind, message).await
    }

    /// Reports that this extension cannot go on.
    ///
    /// # Errors
    /// Why the platform could not be told.
    pub async fn exit_error(&self, kind: &str, message: &str) -> Result<(), Error> {
        self.report("exit/error", kind, message).await
    }

    async fn report(&self, call: &str, kind: &str, message: &str) -> Result<(), Error> {
        let body =
            serde_json::json!({"errorMessage": message, "errorType": kind, "stackTrace": []}).to_string();
        let headers = [("lambda-extension-function-error-type", kind)];
        self.ask(Method::POST, &format!("/2020-01-01/extension/{call}"), &headers, body.into()).await?;
        Ok(())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, Error> {
        let mut all = vec![("lambda-extension-identifier", self.identifier.as_str())];
        all.extend_from_slice(headers);
        self.api.ask(method, path, &all, body).await
    }
}

fn subscription(schema: &str, wanted: &Subscription, port: u16) -> String {
    let Subscription { types, max_items, max_bytes, timeout, .. } = wanted;
    let types = [(types.platform, "platform"), (types.function, "function"), (types.extension, "extension")];
    let types: Vec<_> = types.iter().filter(|(wanted, _)| *wanted).map(|(_, name)| *name).collect();
    serde_json::json!({
        "schemaVersion": schema,
        "types": types,
        "buffering": {"maxItems": max_items, "maxBytes": max_bytes, "timeoutMs": timeout.as_millis() as u64},
        "destination": {"protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{port}/")},
    })
    .to_string()
}

/// Where `needle` first stands in `hay`.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

fn said(status: StatusCode, body: &[u8]) -> String {
    format!("{status} {}", String::from_utf8_lossy(&body[..body.len().min(500)]).trim())
}
