//! The fake backend.

use std::time::{Duration, Instant};

use simulator::{Behaviour, FakeBackend, Otlp, hex, otlp, post};

async fn send(backend: &FakeBackend, spans: usize) -> Result<simulator::Answer, simulator::NoAnswer> {
    let body = prost::Message::encode_to_vec(&otlp::traces("checkout", spans));
    post(backend.port(), "/v1/traces", &[("content-type", "application/x-protobuf")], body).await
}

#[tokio::test]
async fn what_is_sent_is_kept_in_order_and_decoded() {
    let backend = FakeBackend::start().await;
    let request = otlp::traces("checkout", 2);
    let ids: Vec<String> =
        request.resource_spans[0].scope_spans[0].spans.iter().map(|span| hex(&span.span_id)).collect();
    let body = prost::Message::encode_to_vec(&request);
    let answer = post(backend.port(), "/v1/traces", &[], body).await.unwrap();
    assert!(answer.is_taken());
    assert_eq!(backend.accepted(), [Otlp::Traces(request)]);
    assert_eq!(backend.span_ids(), ids);
    let body = prost::Message::encode_to_vec(&otlp::logs("checkout", 3));
    post(backend.port(), "/v1/logs", &[], body).await.unwrap();
    assert_eq!((backend.wait_for_items(5).await, backend.logs().len()), (5, 3));
}

#[tokio::test]
async fn a_backend_that_is_down_refuses_connections_until_it_is_up_again() {
    let backend = FakeBackend::start().await;
    backend.behave(Behaviour::Down).await;
    assert!(send(&backend, 1).await.is_err());
    backend.behave(Behaviour::Accept).await;
    assert!(send(&backend, 1).await.unwrap().is_taken());
}

#[tokio::test]
async fn refusals_name_status_and_time_and_take_nothing() {
    let backend = FakeBackend::start().await;
    backend.script([Behaviour::INVALID, Behaviour::unavailable(Some(Duration::from_millis(1500)))]);
    assert_eq!(send(&backend, 1).await.unwrap().status, 400);
    let busy = send(&backend, 1).await.unwrap();
    assert_eq!((busy.status.as_u16(), busy.headers["retry-after"].as_bytes()), (503, b"2".as_slice()));
    assert_eq!((backend.items(), backend.requests().len()), (0, 2));
    assert!(send(&backend, 1).await.unwrap().is_taken(), "the script is over");
}

#[tokio::test]
async fn a_connection_can_be_cut_before_and_after_the_request_is_read() {
    let backend = FakeBackend::start().await;
    backend.script([Behaviour::CutBeforeReading, Behaviour::CutAfterReading]);
    assert!(send(&backend, 1).await.is_err());
    assert_eq!(backend.requests().len(), 0);
    assert!(send(&backend, 1).await.is_err());
    assert_eq!((backend.requests().len(), backend.items()), (1, 0));
}

#[tokio::test]
async fn a_slow_backend_answers_late_and_a_hanging_one_never() {
    let backend = FakeBackend::start().await;
    backend.script([Behaviour::Slow(Duration::from_millis(50)), Behaviour::Hang]);
    let begun = Instant::now();
    assert!(send(&backend, 1).await.unwrap().is_taken());
    assert!(begun.elapsed() >= Duration::from_millis(50));
    let hanging = tokio::time::timeout(Duration::from_millis(50), send(&backend, 1)).await;
    assert!(hanging.is_err());
    assert_eq!(backend.items(), 1);
}

#[tokio::test]
async fn large_requests_can_be_too_large() {
    let backend = FakeBackend::start().await;
    backend.behave(Behaviour::AtMost(500)).await;
    assert_eq!(send(&backend, 100).await.unwrap().status, 413);
    assert!(send(&backend, 1).await.unwrap().is_taken());
}
