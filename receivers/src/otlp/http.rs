//! OTLP/HTTP: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Display;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version, request};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use pipeline::{Inlet, Signal, Stop};
use tokio::net::TcpStream;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use super::answer::{INVALID_ARGUMENT, RETRY_AFTER, Status, UNAVAILABLE};
use super::config;
use super::cors::Cors;
use super::inflate::Coding;
use super::intake::{Format, Intake, Refusal, next};
use super::linger::Lingering;
use super::media_type;
use super::routes::{Route, Routes};

/// The longest head of a request, in bytes: what Go's server allows by default.
const MAX_HEAD: usize = (1 << 20) + (4 << 10);
/// How much of a refused body is read for the sake of the connection: as much as Go's server reads.
const MAX_DRAINED: usize = 256 << 10;

const PLAIN: &str = "text/plain";
const PLAIN_UTF8: &str = "text/plain; charset=utf-8";

type Answer = Response<Full<Bytes>>;

/// Answers the requests of all connections.
pub(super) struct Service {
    routes: Routes,
    intake: Intake,
    cors: Option<Cors>,
    keep_alive: bool,
}

/// Serves one connection until its client closes it, or until `stop` and the end of the request under way.
pub(super) async fn serve(service: Rc<Service>, stream: TcpStream, mut stop: Stop) {
    let stopping = Rc::new(Cell::new(false));
    let io = TokioIo::new(Lingering::new(stream, stopping.clone()));
    let keep_alive = service.keep_alive;
    let cors = service.cors.clone();
    let answering = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let stack = ServiceBuilder::new().option_layer(cors).service(answering);
    let connection = http1::Builder::new()
        .keep_alive(keep_alive)
        // A client may close its side once it has sent its request.
        .half_close(true)
        // No read timeouts: after a freeze they would fire on requests that nobody was late with.
        .header_read_timeout(None)
        // Room to read a head that is too long to its end, and refuse it in words: hyper itself has none.
        .max_buf_size(2 * MAX_HEAD)
        .serve_connection(
            io,
            hyper::service::service_fn(move |request: Request<Incoming>| {
                let stack = stack.clone();
                async move {
                    let (head, body) = request.into_parts();
                    match sound(&head) {
                        Ok(()) => stack.oneshot(Request::from_parts(head, body)).await,
                        Err(refusal) => Ok(*refusal),
                    }
                }
            }),
        );
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.wait() => {
            stopping.set(true);
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        log::debug!("a connection to the OTLP/HTTP port ended: {error}");
    }
}

impl Service {
    /// Leads requests to `inlet`.
    pub fn new(config: &config::Http, inlet: Inlet) -> Self {
        Service {
            routes: Routes::new(config, |signal| inlet.takes(signal)),
            intake: Intake { inlet, limit: config.limit() },
            cors: config.cors.as_ref().and_then(Cors::new),
            keep_alive: config.keep_alives_enabled,
        }
    }

    async fn answer<B: Body<Data = Bytes> + Unpin>(&self, request: Request<B>) -> Answer
    where
        B::Error: Display,
    {
        let (head, mut body) = request.into_parts();
        let mut answer = match self.check(&head) {
            Ok((signal, format, coding)) => self.take(signal, format, coding, &mut body).await,
            Err(refusal) => *refusal,
        };
        if answer.status() != StatusCode::OK && !drained(&head.headers, &mut body).await {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// What the head of a request asks for, or the answer if that can't be done.
    fn check(&self, head: &request::Parts) -> Result<(Signal, Format, Coding), Box<Answer>> {
        let signal = match self.routes.find(head.uri.path()) {
            Route::Unknown if head.uri.path() == "*" => return Err(closing(StatusCode::BAD_REQUEST).into()),
            Route::Export(signal) => signal,
            Route::Moved(path) => return Err(moved(&path, head.uri.query()).into()),
            Route::Unknown => {
                let mut answer = plain(StatusCode::NOT_FOUND, PLAIN_UTF8, "404 page not found\n");
                let nosniff = HeaderValue::from_static("nosniff");
                answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
                return Err(answer.into());
            }
        };
        if head.method != Method::POST {
            let text = "405 method not allowed, supported: [POST]";
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, PLAIN, text);
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return Err(answer.into());
        }
        let Some(format) = media_type::format(text(&head.headers, header::CONTENT_TYPE)) else {
            let supported =
                "415 unsupported media type, supported: [application/json, application/x-protobuf]";
            return Err(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, PLAIN, supported).into());
        };
        let coding = text(&head.headers, header::CONTENT_ENCODING);
        match Coding::of_http(coding) {
            Some(coding) => Ok((signal, format, coding)),
            None => {
                let message = format!("unsupported Content-Encoding: {coding}; supported: {}", Coding::HTTP);
                log::warn!("refused {signal} over OTLP/HTTP: {message}");
                let status = Status::new(INVALID_ARGUMENT, message);
                let mut answer = say(StatusCode::UNSUPPORTED_MEDIA_TYPE, format, status.body(format));
                let supported = HeaderValue::from_static(Coding::HTTP);
                answer.headers_mut().insert(header::ACCEPT_ENCODING, supported);
                Err(answer.into())
            }
        }
    }

    async fn take<B: Body<Data = Bytes> + Unpin>(
        &self,
        signal: Signal,
        format: Format,
        coding: Coding,
        body: &mut B,
    ) -> Answer
    where
        B::Error: Display,
    {
        let taken = match self.intake.read(body).await {
            Ok((body, lease)) => self.intake.take(signal, format, coding, body, lease),
            Err(refusal) => Err(refusal),
        };
        let refusal = match taken {
            Ok(()) => return say(StatusCode::OK, format, format.success()),
            Err(refusal) => refusal,
        };
        log::warn!("refused {signal} over OTLP/HTTP: {refusal}");
        let (status, code) = match refusal {
            Refusal::Malformed(_) | Refusal::Cut(_) => (StatusCode::BAD_REQUEST, INVALID_ARGUMENT),
            Refusal::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, INVALID_ARGUMENT),
            Refusal::Full(_) => (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE),
        };
        let mut answer = say(status, format, Status::new(code, refusal.to_string()).body(format));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER.into());
        }
        answer
    }
}

/// Refuses what is no sound HTTP/1.1 though it can be parsed, in the words of Go's server.
fn sound(head: &request::Parts) -> Result<(), Box<Answer>> {
    let refuse = |status, text| {
        let mut answer = plain(status, PLAIN_UTF8, text);
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        Err(answer.into())
    };
    let fields = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    if fields.sum::<usize>() > MAX_HEAD {
        let text = "431 Request Header Fields Too Large";
        return refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text);
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if head.version == Version::HTTP_11 => {
            return refuse(StatusCode::BAD_REQUEST, "400 Bad Request: missing required Host header");
        }
        (_, Some(_)) => return refuse(StatusCode::BAD_REQUEST, "400 Bad Request: too many Host headers"),
        (Some(host), None) if !host.as_bytes().iter().copied().all(of_host) => {
            return refuse(StatusCode::BAD_REQUEST, "400 Bad Request: malformed Host header");
        }
        _ => {}
    }
    let mut framing = head.headers.get_all(header::TRANSFER_ENCODING).iter();
    if framing.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return refuse(StatusCode::NOT_IMPLEMENTED, "Unsupported transfer encoding");
    }
    let expected = text(&head.headers, header::EXPECT);
    if !expected.is_empty() && !expected.eq_ignore_ascii_case("100-continue") {
        return Err(closing(StatusCode::EXPECTATION_FAILED).into());
    }
    if !well_escaped(head.uri.path()) {
        return refuse(StatusCode::BAD_REQUEST, "400 Bad Request");
    }
    Ok(())
}

/// Whether `byte` may be in a `Host` header: RFC 3986, section 3.2.
fn of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(&byte)
}

/// Whether each `%` of a path begins an escape.
fn well_escaped(path: &str) -> bool {
    let escape =
        |rest: &str| matches!(rest.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    path.split('%').skip(1).all(escape)
}

/// Reads what is left of a refused body, so that the connection can go on: false if that is too much.
async fn drained<B: Body<Data = Bytes> + Unpin>(head: &HeaderMap, body: &mut B) -> bool
where
    B::Error: Display,
{
    let mut left = MAX_DRAINED;
    // A client that asks first would be told to go on.
    if body.size_hint().lower() > left as u64 || (head.contains_key(header::EXPECT) && !body.is_end_stream())
    {
        return false;
    }
    loop {
        match next(body).await {
            Ok(None) => return true,
            Ok(Some(chunk)) if chunk.len() <= left => left -= chunk.len(),
            _ => return false,
        }
    }
}

/// The header's first value, or nothing if there is none.
fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).map_or("", |value| value.to_str().unwrap_or("\u{fffd}"))
}

fn say(status: StatusCode, format: Format, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    answer
}

fn plain(status: StatusCode, media_type: &'static str, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

/// An answer without a body, the last one of its connection.
fn closing(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn moved(path: &str, query: Option<&str>) -> Answer {
    let to = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(to) = HeaderValue::try_from(to) {
        answer.headers_mut().insert(header::LOCATION, to);
    }
    answer
}
