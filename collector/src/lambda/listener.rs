//! The listener of the Telemetry API subscription: HTTP in, bytes out.
//!
//! Whatever comes is answered 200: anything else makes the platform send the same again, and later events wait behind
//! it. So what there is no room for is read all the same, in small slices, and it is the receivers that drop and count.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pipeline::Error;
use receivers::telemetryapi::SLICE;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::telemetry::Telemetry;

/// The wait after a connection could not be accepted.
const OUT_OF_FILES: Duration = Duration::from_millis(100);
/// The slices in which a delivery is taken when the budget has no room for it.
const TIGHT: usize = 64 << 10;

/// Listens for deliveries and hands them to `telemetry`. Returns the port: `port`, or one of the system's choice if
/// that is 0 or taken.
///
/// # Errors
/// Why no port could be had.
pub async fn listen(port: u16, telemetry: Telemetry) -> Result<u16, Error> {
    // The platform connects to `sandbox.localdomain`, which need not be 127.0.0.1.
    let any = (Ipv4Addr::UNSPECIFIED, 0);
    let listener = match TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await {
        Err(error) if port != 0 => {
            ::log::warn!("telemetryapi: port {port}: {error}; another is taken, which is as good");
            TcpListener::bind(any).await?
        }
        bound => bound?,
    };
    let port = listener.local_addr()?.port();
    tokio::task::spawn_local(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // No file descriptors are left: others must close theirs first.
                sleep(OUT_OF_FILES).await;
                continue;
            };
            let telemetry = telemetry.clone();
            let hear = service_fn(move |request| hear(request, telemetry.clone()));
            // No timeouts: the sandbox may freeze in the middle of a delivery, which ends at the next thaw.
            let serve = http1::Builder::new().serve_connection(TokioIo::new(stream), hear);
            tokio::task::spawn_local(async { drop(serve.await) });
        }
    });
    Ok(port)
}

async fn hear<B: Body<Data = Bytes> + Unpin>(
    request: Request<B>,
    telemetry: Telemetry,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut answer = Response::new(Full::default());
    if request.method() != Method::POST {
        // Nothing that the platform sends.
        *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return Ok(answer);
    }
    let sequence = request.headers().get("sequence-id").cloned();
    let sequence = sequence.as_ref().map(|sequence| sequence.as_bytes());
    if read(request.into_body(), sequence, &telemetry).await.is_err() {
        // The connection is gone, so nobody will see this.
        *answer.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(answer)
}

/// Reads a delivery under a lease and hands it over, slice by slice if it is large.
async fn read<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    sequence: Option<&[u8]>,
    telemetry: &Telemetry,
) -> Result<(), B::Error> {
    let budget = telemetry.budget();
    let mut lease = budget.lease(0).ok();
    // How much of the delivery's begin was looked at, and is one event that is not complete.
    let (mut delivery, mut looked_at) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => {
                telemetry.hear_begin(delivery);
                return Err(error);
            }
        };
        let is_tight = budget.used() + data.len() > budget.limit();
        delivery.extend_from_slice(&data);
        // Where a slice ends does not depend on how the bytes arrive: if all comes again, it is known by its slices.
        let step = if is_tight { TIGHT } else { SLICE };
        while delivery.len() >= looked_at + step {
            let beyond = delivery.split_off(looked_at + step);
            let before = delivery.len();
            telemetry.hear(&mut delivery, sequence, true);
            looked_at = if delivery.len() < before { 0 } else { before };
            delivery.extend(beyond);
        }
        if let Some(lease) = &mut lease {
            lease.settle(delivery.len());
        }
    }
    telemetry.hear(&mut delivery, sequence, false);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use config::Env;
    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use receivers::telemetryapi::{News, Subscription};

    use super::*;
    use crate::configuration::Configuration;
    use crate::log::Log;

    const EVENT: &str = r#"{"time":"2026-01-01T00:00:01.000Z","type":"function","record":"0123456789"}"#;

    /// Reads a delivery of so many events, in pieces, and says how many were told, and the most that was leased at
    /// once of a budget with so much left.
    async fn read_of(events: usize, left: usize) -> (usize, usize) {
        let configuration = Configuration::at_hand(&Env::default(), &["yaml:{}"]);
        let budget = configuration.budget.clone();
        let _taken = budget.lease(budget.limit() - left).unwrap();
        let told = Rc::new(RefCell::new(0));
        let count = told.clone();
        let _joined = configuration.feed.join(move |news| {
            if let News::Events(events) = news {
                *count.borrow_mut() += events.len();
            }
        });
        configuration.feed.ask(Subscription::default());
        let telemetry = Telemetry::new(&configuration, Log::quiet());
        let text = format!("[{}]", vec![EVENT; events].join(","));
        let pieces: Vec<_> = text.as_bytes().chunks(7000).map(Bytes::copy_from_slice).collect();
        let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
        read(StreamBody::new(stream::iter(frames)), None, &telemetry).await.unwrap();
        let told = *told.borrow();
        (told, budget.peak() - (budget.limit() - left))
    }

    #[tokio::test]
    async fn a_delivery_of_any_size_is_read_in_a_slice_of_memory() {
        let (told, leased) = read_of(60_000, 16 << 20).await;
        assert_eq!(told, 60_000);
        assert!((SLICE / 2..SLICE + 10_000).contains(&leased), "{leased}");
    }

    #[tokio::test]
    async fn what_the_budget_has_no_room_for_is_heard_all_the_same() {
        let (told, leased) = read_of(60_000, 0).await;
        assert_eq!(told, 60_000);
        assert!(leased <= TIGHT + 10_000, "{leased}");
    }
}
