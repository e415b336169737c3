//! OTLP/gRPC: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>, over
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
//!
//! A unary call is read here rather than by tonic's server, which inflates a message whole before it looks at its
//! size, knows no lease, and calls a message over the limit OUT_OF_RANGE, which clients don't know from OTLP.

use std::convert::Infallible;
use std::fmt::Display;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, request};
use hyper::body::{Body, Frame, SizeHint};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pipeline::{Inlet, Signal, Stop};
use prost::Message;
use tokio::net::TcpStream;
use tonic::{Code, Status};

use super::answer::{self, RETRY_AFTER, UNAVAILABLE};
use super::config;
use super::inflate::Coding;
use super::intake::{Format, Intake, Refusal};

/// The largest headers of a request. hyper's own limit, 16 KiB, is less than what some send as metadata.
const MAX_HEADERS: u32 = 1 << 20;

/// An export response that says that all was taken, as a message: not compressed, two bytes long.
const SUCCESS: &[u8] = b"\x00\x00\x00\x00\x02\x0a\x00";

const GRPC: &str = "application/grpc";

/// Answers the calls of all connections.
pub(super) struct Service {
    intake: Intake,
    max_concurrent_streams: u32,
}

/// Serves one connection until its client closes it, or until `stop` and the end of the calls under way.
pub(super) async fn serve(service: Rc<Service>, stream: TcpStream, mut stop: Stop) {
    let mut builder = http2::Builder::new(SpawnLocal);
    builder.max_header_list_size(MAX_HEADERS);
    if service.max_concurrent_streams > 0 {
        builder.max_concurrent_streams(service.max_concurrent_streams);
    }
    let connection = builder.serve_connection(
        TokioIo::new(stream),
        service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.answer(request).await) }
        }),
    );
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        log::debug!("a connection to the OTLP/gRPC port ended: {error}");
    }
}

/// Runs the calls of a connection on the thread of all.
#[derive(Clone, Copy)]
struct SpawnLocal;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for SpawnLocal {
    fn execute(&self, call: F) {
        tokio::task::spawn_local(call);
    }
}

impl Service {
    /// Leads calls to `inlet`.
    pub fn new(config: &config::Grpc, inlet: Inlet) -> Self {
        Service {
            intake: Intake { inlet, limit: config.limit() },
            max_concurrent_streams: config.max_concurrent_streams,
        }
    }

    async fn answer<B: Body<Data = Bytes> + Unpin>(&self, request: Request<B>) -> Response<Answer>
    where
        B::Error: Display,
    {
        let (head, mut body) = request.into_parts();
        let Some(media_type) = media_type(&head.headers) else {
            let message =
                format!("invalid gRPC request content-type {:?}", text(&head.headers, "content-type"));
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, Status::invalid_argument(message));
        };
        let mut answer = match sound(&head) {
            Err((http_status, status)) => refuse(http_status, status),
            Ok(()) => match self.call(&head, &mut body).await {
                Ok(()) => Response::new(Answer::Taken),
                Err(status) => status.into_http(),
            },
        };
        answer.headers_mut().insert(header::CONTENT_TYPE, media_type);
        answer
    }

    async fn call<B: Body<Data = Bytes> + Unpin>(
        &self,
        head: &request::Parts,
        body: &mut B,
    ) -> Result<(), Status>
    where
        B::Error: Display,
    {
        let signal = method(&head.uri, |signal| self.intake.inlet.takes(signal))?;
        let encoding = text(&head.headers, "grpc-encoding");
        let Some(coding) = Coding::of_grpc(encoding) else {
            let mut status = Status::unimplemented(format!(
                "grpc-encoding {encoding:?} is not supported; supported: {}",
                Coding::GRPC
            ));
            status.metadata_mut().insert("grpc-accept-encoding", Coding::GRPC.parse().map_err(internal)?);
            return Err(status);
        };
        let taken = match self.intake.read_message(body).await {
            Ok((0, message, lease)) => {
                self.intake.take(signal, Format::Protobuf, Coding::Identity, message, lease)
            }
            Ok((1, ..)) if coding == Coding::Identity => {
                Err(Refusal::Malformed("the message is flagged as compressed, but names no encoding".into()))
            }
            Ok((1, message, lease)) => self.intake.take(signal, Format::Protobuf, coding, message, lease),
            Ok((flag, ..)) => Err(Refusal::Malformed(format!("unknown message flag {flag}"))),
            Err(refusal) => Err(refusal),
        };
        taken.map_err(|refusal| {
            log::warn!("refused {signal} over OTLP/gRPC: {refusal}");
            explain(&refusal)
        })
    }
}

/// The status that a client gets: the codes of the Go server.
fn explain(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    match refusal {
        Refusal::Malformed(_) => Status::internal(message),
        Refusal::TooLarge { .. } => Status::resource_exhausted(message),
        Refusal::Cut(_) => Status::unknown(message),
        Refusal::Full(_) => {
            let details = answer::Status::new(UNAVAILABLE, &message).retry_after(RETRY_AFTER).encode_to_vec();
            Status::with_details(Code::Unavailable, message, details.into())
        }
    }
}

/// The media type of the answer, if the request is gRPC at all.
fn media_type(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = text(headers, header::CONTENT_TYPE.as_str()).to_ascii_lowercase();
    let answer = match asked.strip_prefix(GRPC)? {
        "" | "+" | ";" => GRPC.to_owned(),
        subtype if subtype.starts_with(['+', ';']) => format!("{GRPC}+{}", &subtype[1..]),
        _ => return None,
    };
    Some(HeaderValue::try_from(answer).unwrap_or(HeaderValue::from_static(GRPC)))
}

/// Whether the head is that of a call, or what it is answered.
fn sound(head: &request::Parts) -> Result<(), (StatusCode, Status)> {
    let timeout = head.headers.get("grpc-timeout");
    if timeout.is_some_and(|timeout| !is_timeout(timeout.as_bytes())) {
        return Err((StatusCode::BAD_REQUEST, Status::internal("malformed grpc-timeout")));
    }
    if head.method != Method::POST {
        let message = format!("the method is {}, but gRPC uses POST", head.method);
        return Err((StatusCode::METHOD_NOT_ALLOWED, Status::internal(message)));
    }
    Ok(())
}

fn refuse(http_status: StatusCode, status: Status) -> Response<Answer> {
    let mut answer = status.into_http();
    *answer.status_mut() = http_status;
    answer
}

/// Whether `text` is up to eight digits and a unit. What it says doesn't matter: every answer is immediate.
fn is_timeout(text: &[u8]) -> bool {
    let Some((unit, digits)) = text.split_last() else { return false };
    b"HMSmun".contains(unit) && (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

/// The signal that the method named by `uri` exports, if a pipeline takes it.
fn method(uri: &Uri, takes: impl Fn(Signal) -> bool) -> Result<Signal, Status> {
    // gRPC knows no queries: a `?` is a letter of the name.
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.rsplit_once('/')) else {
        return Err(Status::unimplemented(format!("malformed method name: {path:?}")));
    };
    let signal = match service {
        "opentelemetry.proto.collector.trace.v1.TraceService" => Some(Signal::Traces),
        "opentelemetry.proto.collector.metrics.v1.MetricsService" => Some(Signal::Metrics),
        "opentelemetry.proto.collector.logs.v1.LogsService" => Some(Signal::Logs),
        _ => None,
    };
    match signal.filter(|signal| takes(*signal)) {
        None => Err(Status::unimplemented(format!("unknown service {service}"))),
        Some(_) if method != "Export" => {
            Err(Status::unimplemented(format!("unknown method {method} for service {service}")))
        }
        Some(signal) => Ok(signal),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap_or("\u{fffd}"))
}

fn internal(error: impl Display) -> Status {
    Status::internal(error.to_string())
}

/// The body of an answer.
#[derive(Default)]
pub(super) enum Answer {
    /// The response and then the status OK.
    Taken,
    /// The status OK.
    Done,
    /// Nothing: the status is in the headers.
    #[default]
    Refused,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(match *self {
            Answer::Taken => {
                *self = Answer::Done;
                Some(Ok(Frame::data(Bytes::from_static(SUCCESS))))
            }
            Answer::Done => {
                *self = Answer::Refused;
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
                Some(Ok(Frame::trailers(trailers)))
            }
            Answer::Refused => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Answer::Refused)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Taken => SizeHint::with_exact(SUCCESS.len() as u64),
            Answer::Done | Answer::Refused => SizeHint::with_exact(0),
        }
    }
}
