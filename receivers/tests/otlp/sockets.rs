//! Ports, and clients that are slow, cut off or pipelining; and the end.

use pipeline::Receiver;
use receivers::otlp::{Config, Otlp, Protocols};

use super::harness::{Client, Running, SPAN, config, post, run, with_http};

/// Waits until `condition` holds, letting the receiver run meanwhile.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_port_that_is_taken_is_explained_and_the_other_works() {
    run(async {
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = other.local_addr().unwrap();
        let mut otlp = Otlp::new(
            "otlp/mine".parse().unwrap(),
            with_http(|http| http.endpoint = taken.to_string().parse().unwrap()),
        );
        let errors = otlp.bind();
        assert_eq!(errors.len(), 1);
        let message = errors[0].to_string();
        for part in [
            "receiver otlp/mine",
            "OTLP/http",
            &taken.to_string(),
            "another process",
            "receivers.otlp/mine.protocols.http.endpoint",
        ] {
            assert!(message.contains(part), "{part} is not in {message}");
        }
        assert_eq!((otlp.grpc_addresses().len(), otlp.http_addresses().len()), (1, 0));
    });
}

#[test]
fn a_protocol_that_is_not_configured_has_no_port() {
    let mut config = config();
    config.protocols = Protocols { grpc: None, ..config.protocols };
    let mut otlp = Otlp::new("otlp".parse().unwrap(), config);
    assert!(otlp.bind().is_empty());
    assert_eq!((otlp.grpc_addresses().len(), otlp.http_addresses().len()), (0, 1));
    assert!(Otlp::new("otlp".parse().unwrap(), Config::default()).bind().is_empty());
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    run(async {
        let running = Running::start(config());
        let mut client = Client::connect(running.http).await;
        for byte in post("", SPAN) {
            client.send(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.receive().await.unwrap().status, 200);
        assert_eq!(running.items(), 1);
    });
}

#[test]
fn a_head_that_is_no_sound_http_is_refused_and_its_connection_closed() {
    run(async {
        let running = Running::start(config());
        for (head, status) in [
            ("POST /v1/traces HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400),
            ("POST /v1/traces HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("POST /v1/traces HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
            ("POST /v1/%7 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("POST /v1/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("POST /v1/traces HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417),
            ("POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0),
        ] {
            let mut client = Client::connect(running.http).await;
            client.send(head.as_bytes()).await;
            assert_eq!(client.receive().await.map_or(0, |response| response.status), status, "{head}");
            assert!(client.closed().await);
        }
    });
}

#[test]
fn a_head_that_is_too_long_is_refused_in_the_same_words_however_it_arrives() {
    run(async {
        let running = Running::start(config());
        for first in [2000, 1_060_000] {
            let head = post(&format!("X-Big: {}\r\n", "a".repeat(1_100_000)), SPAN);
            let mut client = Client::connect(running.http).await;
            client.send(&head[..first]).await;
            // The receiver may read what there is.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            client.send(&head[first..]).await;
            let response = client.receive().await.unwrap();
            assert_eq!(
                (response.status, &*response.body),
                (431, &b"431 Request Header Fields Too Large"[..])
            );
        }
    });
}

#[test]
fn pipelined_requests_are_all_taken_and_answered_in_order() {
    run(async {
        let running = Running::start(config());
        let mut client = Client::connect(running.http).await;
        client.send(&[post("", SPAN), post("", b"\x00"), post("", SPAN)].concat()).await;
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(client.receive().await.unwrap().status);
        }
        assert_eq!((statuses, running.items()), (vec![200, 400, 200], 2));
    });
}

#[test]
fn a_client_that_hangs_up_inside_a_body_harms_nobody() {
    run(async {
        let running = Running::start(config());
        let mut neighbour = Client::connect(running.http).await;
        let mut client = Client::connect(running.http).await;
        client.send(&post("", &[0; 1000])[..200]).await;
        until(|| running.budget.used() == 1000).await;
        drop(client);
        until(|| running.budget.used() == 0).await;
        neighbour.send(&post("", SPAN)).await;
        assert_eq!(neighbour.receive().await.unwrap().status, 200);
        assert_eq!(running.items(), 1);
    });
}

#[test]
fn a_client_that_asks_whether_to_send_its_body_is_told() {
    run(async {
        let running = Running::start(config());
        let mut client = Client::connect(running.http).await;
        let request = post("Expect: 100-continue\r\n", SPAN);
        let (head, body) = request.split_at(request.len() - SPAN.len());
        client.send(head).await;
        let mut interim = [0; 25];
        tokio::io::AsyncReadExt::read_exact(&mut client.stream, &mut interim).await.unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        client.send(body).await;
        assert_eq!(client.receive().await.unwrap().status, 200);
    });
}

#[test]
fn when_stopped_it_answers_what_it_has_begun_and_closes_the_rest() {
    run(async {
        let running = Running::start(config());
        let mut idle = Client::connect(running.http).await;
        idle.send(&post("", SPAN)).await;
        assert_eq!(idle.receive().await.unwrap().status, 200);
        let mut begun = Client::connect(running.http).await;
        let request = post("", SPAN);
        let (head, rest) = request.split_at(request.len() - 3);
        begun.send(head).await;
        until(|| running.budget.used() == 2 * SPAN.len()).await;
        let (address, taken) = (running.http, running.taken.clone());
        let stopped = running.stop();
        assert!(idle.closed().await);
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
        begun.send(rest).await;
        assert_eq!(begun.receive().await.unwrap().status, 200);
        assert_eq!(taken.borrow().len(), 2);
        stopped.await.unwrap();
    });
}

#[test]
fn a_grpc_call_that_was_begun_is_answered_when_stopped() {
    run(async {
        let running = Running::start(config());
        let stream = tokio::net::TcpStream::connect(running.grpc).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::task::spawn_local(connection);
        let head = http::Request::post("http://a/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            .header("content-type", "application/grpc")
            .body(())
            .unwrap();
        let (response, mut body) = client.ready().await.unwrap().send_request(head, false).unwrap();
        let message = [&[0, 0, 0, 0, SPAN.len() as u8], SPAN].concat();
        body.send_data(message[..7].to_vec().into(), false).unwrap();
        until(|| running.budget.used() > 0).await;
        let taken = running.taken.clone();
        let stopped = running.stop();
        body.send_data(message[7..].to_vec().into(), true).unwrap();
        let mut answer = response.await.unwrap().into_body();
        assert_eq!(answer.data().await.unwrap().unwrap().len(), 7);
        assert_eq!(answer.trailers().await.unwrap().unwrap()["grpc-status"], "0");
        assert_eq!(taken.borrow().len(), 1);
        drop(answer);
        stopped.await.unwrap();
    });
}
