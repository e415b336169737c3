//! The fake backend.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use simulator::{Behaviour, FakeBackend, Otlp, export_grpc, hex, otlp, post};

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

#[tokio::test]
async fn grpc_is_taken_on_the_same_port_and_refused_with_its_codes() {
    let backend = FakeBackend::start().await;
    let answer = export_grpc(backend.port(), &otlp::metrics("checkout", 4)).await.unwrap();
    assert!(answer.is_taken());
    assert_eq!((answer.grpc_status, backend.items(), backend.requests()[0].grpc), (Some(0), 4, true));

    backend.script([Behaviour::throttled(Some(Duration::from_millis(250)))]);
    let answer = export_grpc(backend.port(), &otlp::metrics("checkout", 4)).await.unwrap();
    assert_eq!((answer.is_taken(), answer.grpc_status), (false, Some(8)));
    let details = answer.headers["grpc-status-details-bin"].as_bytes();
    let details = base64::Engine::decode(&base64::engine::general_purpose::STANDARD_NO_PAD, details).unwrap();
    let named = b"google.rpc.RetryInfo".as_slice();
    assert!(details.windows(named.len()).any(|window| window == named));
}

#[tokio::test]
async fn partial_success_takes_the_request_and_says_what_was_rejected() {
    let backend = FakeBackend::start().await;
    backend.behave(Behaviour::PartialSuccess(1)).await;
    let answer = send(&backend, 2).await.unwrap();
    assert!(answer.is_taken() && !answer.body.is_empty());
    assert_eq!(backend.items(), 2);
}

#[tokio::test]
async fn compressed_bodies_are_inflated() {
    let backend = FakeBackend::start().await;
    let body = prost::Message::encode_to_vec(&otlp::logs("checkout", 50));
    let mut gzip = flate2::read::GzEncoder::new(body.as_slice(), flate2::Compression::default());
    let mut small = Vec::new();
    std::io::Read::read_to_end(&mut gzip, &mut small).unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(body.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    for (encoding, small) in [("gzip", small), ("zstd", zstd)] {
        let headers = [("content-encoding", encoding)];
        let answer = post(backend.port(), "/v1/logs", &headers, small.clone()).await.unwrap();
        assert!(answer.is_taken(), "{encoding}: {:?}", answer.body);
    }
    assert_eq!(backend.items(), 100);
    let answer = post(backend.port(), "/v1/logs", &[("content-encoding", "gzip")], "plain").await.unwrap();
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn json_is_taken_too() {
    let backend = FakeBackend::start().await;
    let request = otlp::traces("checkout", 2);
    let body = serde_json::to_vec(&request).unwrap();
    let headers = [("content-type", "application/json")];
    assert!(post(backend.port(), "/v1/traces", &headers, body).await.unwrap().is_taken());
    assert_eq!(backend.accepted(), [Otlp::Traces(request)]);
}

#[tokio::test]
async fn what_is_no_otlp_is_refused_and_kept() {
    let backend = FakeBackend::start().await;
    let answer = post(backend.port(), "/v1/traces", &[], "no protobuf").await.unwrap();
    assert_eq!((answer.status.as_u16(), backend.items()), (400, 0));
    assert!(backend.requests()[0].otlp.is_err());
}

#[tokio::test]
async fn a_tls_backend_is_trusted_by_its_own_certificate() {
    let backend = FakeBackend::start_tls().await;
    let pem = CertificateDer::from_pem_slice(backend.ca_pem().unwrap().as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", backend.port())).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let body = prost::Message::encode_to_vec(&otlp::traces("checkout", 1));
    let request = http::Request::post("/v1/traces").header("host", "localhost");
    let request = request.body(http_body_util::Full::<bytes::Bytes>::from(body)).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    assert_eq!(backend.items(), 1);
}
