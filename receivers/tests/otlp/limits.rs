//! Requests that are too large, that turn out too large, or for which there is no memory left.

use std::io::Write;

use base64::Engine;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use pipeline::Signal;
use prost::encoding::encode_varint;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;

use super::harness::{Client, Running, SPAN, config, exchange, post, run, with_http};
use super::{cases, grpc};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(data).unwrap();
    gzip.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    compress_to_vec(data, CompressionLevel::Fastest)
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(data).unwrap();
    zlib.finish().unwrap()
}

/// A request with one span whose name is so long.
fn one_span(length: usize) -> Vec<u8> {
    let field = |tag: u8, data: &[u8]| {
        let mut field = vec![tag];
        encode_varint(data.len() as u64, &mut field);
        [field, data.to_vec()].concat()
    };
    field(0x0a, &field(0x12, &field(0x12, &field(0x2a, &vec![b'n'; length]))))
}

#[test]
fn a_client_that_asks_before_it_sends_what_is_not_wanted_is_refused_at_once() {
    run(async {
        let running = Running::start(with_http(|http| http.max_request_body_size = 1000));
        let mut client = Client::connect(running.http).await;
        let request = post("Expect: 100-continue\r\n", &[0; 1001]);
        client.send(&request[..request.len() - 1001]).await;
        let response = client.receive().await.unwrap();
        assert_eq!((response.interim, response.status), (vec![], 413));
    });
}

#[test]
fn a_body_that_is_announced_as_too_large_is_refused_and_the_client_can_read_why() {
    run(async {
        let running = Running::start(with_http(|http| http.max_request_body_size = 1 << 20));
        // More than the sockets hold: the client is still writing when the answer is given.
        let response = exchange(running.http, post("", &vec![0; 16 << 20]), "POST", false).await.unwrap();
        assert_eq!((response.status, response.header("connection")), (413, Some("close")));
        assert_eq!(running.budget.peak(), 0);
    });
}

#[test]
fn a_refused_request_leaves_its_connection_usable() {
    run(async {
        let running = Running::start(config());
        let mut client = Client::connect(running.http).await;
        client.send(&post("Content-Encoding: br\r\n", &[1; 100_000])).await;
        let refused = client.receive().await.unwrap();
        assert_eq!(
            (refused.status, refused.header("accept-encoding")),
            (415, Some("gzip, deflate, zstd, identity"))
        );
        client.send(&post("", SPAN)).await;
        assert_eq!(client.receive().await.unwrap().status, 200);
    });
}

#[test]
fn a_bomb_is_stopped_at_the_limit() {
    run(async {
        let data = vec![0; 8 << 20];
        // Two members: the size that the last one names is a lie about the whole.
        let twice = [gzip(&data), gzip(b"")].concat();
        for (name, bomb) in [("gzip", gzip(&data)), ("gzip", twice), ("zstd", zstd(&data))] {
            let running = Running::start(with_http(|http| http.max_request_body_size = 1 << 20));
            let request = post(&format!("Content-Encoding: {name}\r\n"), &bomb);
            let response = exchange(running.http, request, "POST", false).await.unwrap();
            assert_eq!(response.status, 413, "{name}");
            // The zstd decoder keeps a window of its own.
            let most = bomb.len() + 2 * (1 << 20) + (512 << 10);
            assert!(running.budget.peak() <= most, "{name} took {}", running.budget.peak());
            assert_eq!(running.budget.used(), 0);
        }
    });
}

#[test]
fn a_bomb_is_stopped_at_the_limit_over_grpc_too() {
    run(async {
        let running = Running::start(config());
        let body = json!({"repeat": "\u{0}", "times": 8 << 20, "compress": "gzip"});
        let call = json!({"method": EXPORT, "encoding": "gzip", "compressed": 1, "body": body});
        let answer = grpc::call(running.grpc, &call).await;
        assert_eq!(answer["code"], 8);
        assert!(running.budget.peak() < 5 << 20, "{}", running.budget.peak());
    });
}

#[test]
fn what_was_deflated_is_inflated_whatever_its_size() {
    run(async {
        let running = Running::start(config());
        let mut client = Client::connect(running.http).await;
        for length in [0, 1, 126, 4_000, 70_000, 1_000_000] {
            let data = one_span(length);
            let members = [gzip(&data[..data.len() / 2]), gzip(&data[data.len() / 2..])].concat();
            for (name, packed) in
                [("gzip", gzip(&data)), ("gzip", members), ("deflate", zlib(&data)), ("ZSTD", zstd(&data))]
            {
                client.send(&post(&format!("Content-Encoding: {name}\r\n"), &packed)).await;
                assert_eq!(client.receive().await.unwrap().status, 200, "{name} of {length}");
                let taken = running.taken.borrow_mut().pop().unwrap();
                assert_eq!(taken.parts().collect::<Vec<_>>(), [&data]);
                assert_eq!(running.budget.used(), data.len());
            }
        }
    });
}

#[test]
fn a_full_budget_asks_the_client_to_come_again() {
    run(async {
        let running = Running::start_with(config(), &Signal::ALL, 300);
        let others = running.budget.lease(200).unwrap();
        let mut client = Client::connect(running.http).await;
        client.send(&post("", &[0; 101])).await;
        let response = client.receive().await.unwrap();
        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
        assert_eq!(cases::export_response(&response.body)["code"], 14);
        client.send(&post("Content-Encoding: gzip\r\n", &gzip(&[0; 200]))).await;
        assert_eq!(client.receive().await.unwrap().status, 503);
        drop(others);
        client.send(&post("", SPAN)).await;
        assert_eq!(client.receive().await.unwrap().status, 200);
        assert_eq!(running.budget.used(), SPAN.len());
    });
}

#[test]
fn what_never_fits_the_budget_is_too_large_and_nobody_is_asked_to_come_again() {
    run(async {
        let running = Running::start_with(config(), &Signal::ALL, 100);
        let mut client = Client::connect(running.http).await;
        client.send(&post("", &[0; 101])).await;
        let response = client.receive().await.unwrap();
        assert_eq!((response.status, response.header("retry-after")), (413, None));
        client.send(&post("Content-Encoding: gzip\r\n", &gzip(&[0; 200]))).await;
        assert_eq!(client.receive().await.unwrap().status, 413);
        let body = "1".repeat(101);
        let answer = grpc::call(running.grpc, &json!({"method": EXPORT, "body": {"text": body}})).await;
        assert_eq!((&answer["code"], &answer["details"]), (&json!(8), &json!(null)));
    });
}

#[test]
fn what_fits_the_budget_is_taken_however_its_size_comes_to_light() {
    run(async {
        let data = one_span(150_000);
        let head = "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunked =
            data.chunks(90_000).map(|it| [format!("{:x}\r\n", it.len()).as_bytes(), it, b"\r\n"].concat());
        let chunked = [head.as_bytes(), &chunked.collect::<Vec<_>>().concat(), b"0\r\n\r\n"].concat();
        for request in [chunked, post("Content-Encoding: deflate\r\n", &zlib(&data))] {
            let running = Running::start_with(config(), &Signal::ALL, 160_000);
            let mut client = Client::connect(running.http).await;
            client.send(&request).await;
            assert_eq!(client.receive().await.unwrap().status, 200);
        }
    });
}

#[test]
fn a_full_budget_tells_grpc_clients_when_to_come_again() {
    run(async {
        let running = Running::start_with(config(), &Signal::ALL, 10);
        let _others = running.budget.lease(5).unwrap();
        let answer = grpc::call(running.grpc, &json!({"method": EXPORT, "body": {"text": "123456"}})).await;
        assert_eq!(answer["code"], 14);
        // google.rpc.Status{code: 14, details: [RetryInfo{retry_delay: 1s}]}
        let details = answer["details"].as_str().unwrap();
        assert!(details.starts_with("CA4"), "{details}");
        let details = base64::prelude::BASE64_STANDARD_NO_PAD.decode(details).unwrap();
        assert!(details.ends_with(b"\x0a(type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x01"));
    });
}
