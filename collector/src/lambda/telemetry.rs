//! The listener of the process's one Telemetry API subscription: it learns when the function is done.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html>. Deliveries come at least once, in any order,
//! late, and now and then cut in two. Whatever comes is answered 200: anything else makes the platform send the
//! same again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pipeline::Error;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::api::find;

/// The most that is kept of one delivery: the largest there are.
const LONGEST: usize = 2 << 20;
/// What is kept of deliveries that were cut: both halves of a record.
const LONGEST_CUT: usize = 2 * LONGEST;

/// The wait after a connection could not be accepted.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// Request ids are kept for events that overtake the `INVOKE` they belong to; few do.
const REMEMBERED: usize = 32;

/// Which invocations the platform reported as done.
#[derive(Clone, Default)]
pub struct Done(Rc<State>);

#[derive(Default)]
struct State {
    requests: RefCell<VecDeque<String>>,
    /// The last delivery that was no valid JSON: it may go on in the next one.
    cut: RefCell<Vec<u8>>,
    news: Notify,
}

impl Done {
    /// Resolves once the platform has reported `platform.runtimeDone` for this request, and forgets that: an
    /// asynchronous invocation that failed is tried again under the same id.
    pub async fn of(&self, request_id: &str) {
        while !self.0.requests.borrow().iter().any(|done| done == request_id) {
            self.0.news.notified().await;
        }
        self.0.requests.borrow_mut().retain(|done| done != request_id);
    }

    /// Takes in one delivery of the Telemetry API.
    fn hear(&self, body: &[u8]) {
        let done = done_in(body).unwrap_or_else(|| {
            let mut cut = self.0.cut.borrow_mut();
            stitch(&mut cut, body);
            done_in_cut(&cut)
        });
        let mut requests = self.0.requests.borrow_mut();
        for request in done {
            if requests.len() == REMEMBERED {
                requests.pop_front();
            }
            requests.push_back(request);
        }
        self.0.news.notify_waiters();
    }
}

/// Listens for deliveries on a port of the system's choice, which it returns, and tells `done`.
///
/// # Errors
/// Why no port could be had.
pub async fn listen(done: Done) -> Result<u16, Error> {
    // The platform connects to `sandbox.localdomain`, which need not be 127.0.0.1.
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::task::spawn_local(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // No file descriptors are left: others must close theirs first.
                sleep(OUT_OF_FILES).await;
                continue;
            };
            let done = done.clone();
            let hear = service_fn(move |request| hear(request, done.clone()));
            // No timeouts: the sandbox may freeze in the middle of a delivery, which ends at the next thaw.
            let serve = http1::Builder::new().serve_connection(TokioIo::new(stream), hear);
            tokio::task::spawn_local(async { drop(serve.await) });
        }
    });
    Ok(port)
}

async fn hear<B: Body<Data = Bytes> + Unpin>(
    request: Request<B>,
    done: Done,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut body = request.into_body();
    let mut heard = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let data = frame.data_ref().map_or(&[][..], |data| data);
        heard.extend_from_slice(&data[..data.len().min(LONGEST - heard.len())]);
    }
    done.hear(&heard);
    Ok(Response::new(Full::default()))
}

/// The request ids of all `platform.runtimeDone` events in a delivery, whatever else is in it. `None` if it is no
/// valid JSON.
fn done_in(body: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Delivered<'a> {
        #[serde(rename = "type")]
        kind: String,
        #[serde(borrow)]
        record: &'a serde_json::value::RawValue,
    }
    #[derive(Deserialize)]
    struct Record {
        #[serde(rename = "requestId")]
        request_id: String,
    }
    let events: Vec<&serde_json::value::RawValue> = serde_json::from_slice(body).ok()?;
    let events = events.iter().filter_map(|event| serde_json::from_str::<Delivered>(event.get()).ok());
    let done = events.filter(|event| event.kind == "platform.runtimeDone");
    let records = done.filter_map(|event| serde_json::from_str::<Record>(event.record.get()).ok());
    Some(records.map(|record| record.request_id).collect())
}

/// Appends `body` to what was cut before it. The platform cuts a large record anywhere, closes the first delivery
/// with `}]` all the same, and begins the second with the record's time and type again.
fn stitch(cut: &mut Vec<u8>, body: &[u8]) {
    const RECORD: &[u8] = br#""record":"#;
    if cut.len() + body.len() > LONGEST_CUT {
        cut.clear();
    }
    if cut.ends_with(b"}]") {
        cut.truncate(cut.len() - 2);
        let rest = find(body, RECORD).map_or(0, |at| at + RECORD.len());
        cut.extend_from_slice(&body[rest..]);
    }
    // Searched too: it may have had nothing to do with what was before it.
    cut.extend_from_slice(body);
}

/// The same as [`done_in`] for deliveries that are no valid JSON: the events around a cut are whole, so their text
/// is searched.
fn done_in_cut(body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(at) = find(rest, br#""platform.runtimeDone""#) {
        rest = &rest[at + 1..];
        let event = &rest[..find(rest, br#""time":"#).unwrap_or(rest.len())];
        let Some(key) = find(event, br#""requestId""#) else { continue };
        let mut quoted = event[key + br#""requestId""#.len()..].split(|byte| *byte == b'"');
        if let (Some(colon), Some(value)) = (quoted.next(), quoted.next())
            && colon.trim_ascii() == b":"
        {
            found.push(String::from_utf8_lossy(value).into_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: &str = r#"{"time":"2026-01-01T00:00:00.640Z","type":"platform.runtimeDone","record":{"requestId":"r1","status":"success"}}"#;

    #[test]
    fn the_end_of_an_invocation_is_found_among_other_events() {
        let start = r#"{"time":"x","type":"platform.start","record":{"requestId":"r0"}}"#;
        assert_eq!(done_in(format!("[{start},{DONE}]").as_bytes()).unwrap(), ["r1"]);
    }

    #[test]
    fn odd_neighbours_cost_nothing() {
        let odd = r#"{"time":1,"type":"platform.new","record":7},{},17,null,{"type":"platform.runtimeDone","record":"text"},{"type":"platform.runtimeDone","record":{"requestId":9}}"#;
        assert_eq!(done_in(format!("[{odd},{DONE}]").as_bytes()).unwrap(), ["r1"]);
    }

    /// What is known after deliveries, none of them valid JSON.
    fn done_after_cut(deliveries: &[&str]) -> Vec<String> {
        let done = Done::default();
        for delivery in deliveries {
            assert_eq!(done_in(delivery.as_bytes()), None, "{delivery}");
            done.hear(delivery.as_bytes());
        }
        let mut known: Vec<String> = done.0.requests.take().into();
        known.dedup();
        known
    }

    #[test]
    fn the_end_of_an_invocation_is_found_beside_a_cut_record() {
        let half = r#"{"time":"2026-01-01T00:00:01.000Z","type":"function","record":BBBB"}}"#;
        assert_eq!(done_after_cut(&[&format!("[{half},{DONE}]")]), ["r1"]);
        assert_eq!(done_after_cut(&[&format!("[{DONE},{half}]")]), ["r1"]);
        assert_eq!(done_after_cut(&[&format!("[{half}]"), &format!("[{half},{DONE}]")]), ["r1"]);
    }

    #[test]
    fn the_end_of_an_invocation_is_found_wherever_its_own_record_is_cut() {
        let (envelope, record) = DONE.split_at(find(DONE.as_bytes(), b"{\"requestId").unwrap());
        for at in 0..record.len() - 1 {
            let (first, second) =
                (format!("[{envelope}{}}}]", &record[..at]), format!("[{envelope}{}]", &record[at..]));
            let done = Done::default();
            done.hear(first.as_bytes());
            done.hear(second.as_bytes());
            assert!(done.0.requests.borrow().contains(&"r1".to_owned()), "{first} {second}");
        }
    }

    #[test]
    fn a_log_line_that_quotes_such_an_event_is_no_event() {
        let line = serde_json::to_string(DONE).unwrap();
        let events = format!(r#"[{{"time":"x","type":"function","record":{line}}}]"#);
        assert_eq!(done_in(events.as_bytes()).unwrap(), [""; 0]);
        assert_eq!(done_after_cut(&[&events[..events.len() - 2]]), [""; 0]);
    }

    #[test]
    fn no_delivery_is_too_strange() {
        for body in [
            "",
            "{}",
            "[",
            "]",
            "null",
            "\u{0}",
            r#""platform.runtimeDone""#,
            r#"["platform.runtimeDone","requestId"#,
        ] {
            let done = Done::default();
            done.hear(body.as_bytes());
            assert!(done.0.requests.borrow().is_empty(), "{body:?}");
        }
    }

    #[tokio::test]
    async fn an_event_that_comes_before_its_invocation_counts() {
        let done = Done::default();
        done.hear(format!("[{DONE}]").as_bytes());
        done.of("r1").await;
    }

    #[tokio::test]
    async fn a_request_that_is_tried_again_under_the_same_id_is_waited_for_again() {
        let done = Done::default();
        done.hear(format!("[{DONE},{DONE}]").as_bytes());
        done.of("r1").await;
        assert!(futures_util::FutureExt::now_or_never(done.of("r1")).is_none());
    }

    #[tokio::test]
    async fn of_a_delivery_without_end_no_more_is_kept_than_the_largest_there_are() {
        let done = Done::default();
        let endless = futures_util::stream::repeat_with(|| {
            Ok::<_, Infallible>(hyper::body::Frame::data(Bytes::from_static(&[b'x'; 1 << 16])))
        });
        let body = http_body_util::StreamBody::new(futures_util::StreamExt::take(endless, 200));
        let _ = hear(Request::new(body), done.clone()).await;
        assert_eq!(done.0.cut.borrow().len(), LONGEST);
    }

    #[tokio::test]
    async fn another_invocations_end_does_not_count() {
        let done = Done::default();
        done.hear(format!("[{DONE}]").as_bytes());
        assert!(futures_util::FutureExt::now_or_never(done.of("r2")).is_none());
    }
}
