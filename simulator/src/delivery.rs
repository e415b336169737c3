//! How a batch of telemetry gets to its subscriber: HTTP or TCP, again and again until it is taken.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::batch::Body;
use crate::journal::Moment;
use crate::platform::Platform;
use crate::telemetry::Subscription;

/// Where a subscription delivers to; `sandbox.localdomain` is this machine's loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Http { host: String, port: u16, path: String },
    Tcp(u16),
}

/// The pauses between tries double from the first to the last. Lambda's own schedule is not documented.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// The sending end of one subscription.
pub(crate) struct Delivery {
    platform: Arc<Platform>,
    extension: String,
    target: Target,
    http: Option<SendRequest<Full<Bytes>>>,
    tcp: Option<TcpStream>,
}

impl Delivery {
    pub fn new(subscription: &Subscription, platform: Arc<Platform>) -> Delivery {
        let (extension, target) = (subscription.extension.clone(), subscription.target.clone());
        Delivery { platform, extension, target, http: None, tcp: None }
    }

    pub async fn deliver(&mut self, body: Body) {
        let copies = self.platform.quirks.change(|quirks| {
            let lost = quirks.lost_batches > 0;
            quirks.lost_batches = quirks.lost_batches.saturating_sub(1);
            if lost { 0 } else { 1 + usize::from(quirks.duplicate_batches) }
        });
        if copies == 0 {
            let (extension, events) = (self.extension.clone(), body.events);
            self.platform.record(Moment::TelemetryLost { extension, events });
        }
        for _ in 0..copies {
            let mut pause = FIRST_PAUSE;
            while let Err(why) = self.try_once(&body).await {
                self.platform.record(Moment::TelemetryRefused { extension: self.extension.clone(), why });
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    }

    async fn try_once(&mut self, body: &Body) -> Result<(), String> {
        // The platform's sender is in the same machine as the function: frozen with it.
        self.platform.state.until(|state| (!state.frozen).then_some(())).await;
        for request in &body.done {
            let (request, extension) = (request.clone(), self.extension.clone());
            self.platform.record(Moment::RuntimeDoneSent { request, extension });
        }
        match self.target.clone() {
            Target::Http { host, port, path } => self.post(&host, port, &path, &body.bytes).await?,
            Target::Tcp(port) => self.write(port, &body.bytes).await.map_err(|error| error.to_string())?,
        }
        let (extension, events) = (self.extension.clone(), body.events);
        self.platform.record(Moment::TelemetryTaken { extension, events });
        Ok(())
    }

    async fn post(&mut self, host: &str, port: u16, path: &str, body: &[u8]) -> Result<(), String> {
        let kept = self.http.take();
        let reused = kept.is_some();
        let mut sender = match kept {
            Some(sender) if sender.is_ready() => sender,
            _ => connect(port).await.map_err(|error| error.to_string())?,
        };
        let request = Request::post(path)
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_owned()))
            .map_err(|error| error.to_string())?;
        let response = match sender.send_request(request.clone()).await {
            Err(_) if reused => {
                sender = connect(port).await.map_err(|error| error.to_string())?;
                sender.send_request(request).await
            }
            first => first,
        };
        let response = response.map_err(|error| error.to_string())?;
        let status = response.status();
        response.into_body().collect().await.map_err(|error| error.to_string())?;
        self.http = Some(sender);
        if status.as_u16() >= 400 { Err(status.to_string()) } else { Ok(()) }
    }

    /// Newline-delimited events; TCP has no answer.
    async fn write(&mut self, port: u16, body: &[u8]) -> std::io::Result<()> {
        let mut stream = match self.tcp.take() {
            Some(stream) => stream,
            None => TcpStream::connect(("127.0.0.1", port)).await?,
        };
        match serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(body) {
            Ok(events) => {
                for event in events {
                    stream.write_all(format!("{event}\n").as_bytes()).await?;
                }
            }
            Err(_) => stream.write_all(&[body, b"\n"].concat()).await?,
        }
        self.tcp = Some(stream);
        Ok(())
    }
}

async fn connect(port: u16) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
