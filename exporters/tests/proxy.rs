//! Exporters behind an HTTP proxy.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use support::{Backend, Reply, build, listen, read_request, retry, run, traces};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

/// A proxy that passes bytes through to `backend`, whatever it is asked for, after `answer`; and what it was
/// asked.
async fn tunnel(backend: u16, answer: &'static str) -> (u16, Rc<RefCell<Vec<String>>>) {
    let (listener, port) = listen().await;
    let asked = Rc::new(RefCell::new(Vec::new()));
    let heads = asked.clone();
    spawn_local(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (head, _) = read_request(&mut client).await;
            heads.borrow_mut().push(head);
            client.write_all(answer.as_bytes()).await.unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", backend)).await.unwrap();
            spawn_local(async move {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, asked)
}

#[test]
fn a_plain_request_goes_to_the_proxy_with_its_whole_url() {
    run(async {
        let proxy = Backend::http(|_| Reply::ok()).await;
        let address = format!("http://user:pass@127.0.0.1:{}", proxy.port());
        for (yaml, env) in [
            ("{endpoint: 'http://backend.example:4318'}".to_owned(), vec![("HTTP_PROXY", address.as_str())]),
            ("{endpoint: 'http://backend.example:4318'}".to_owned(), vec![("http_proxy", address.as_str())]),
            (format!("{{endpoint: 'http://backend.example:4318', proxy_url: '{address}'}}"), vec![]),
        ] {
            build("otlp_http", &yaml, &env).unwrap().export(&traces(1)).await.unwrap();
            let request = proxy.received().pop().unwrap();
            assert_eq!(request.target, "http://backend.example:4318/v1/traces");
            assert_eq!(request.header("host"), "backend.example:4318");
            assert_eq!(request.header("proxy-authorization"), "Basic dXNlcjpwYXNz");
        }
    });
}

#[test]
fn a_target_in_no_proxy_is_reached_directly() {
    run(async {
        let backend = Backend::http(|_| Reply::ok()).await;
        let yaml = format!("endpoint: http://127.0.0.1:{}", backend.port());
        let env = [("HTTP_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "127.0.0.0/8")];
        build("otlp_http", &yaml, &env).unwrap().export(&traces(1)).await.unwrap();
    });
}

#[test]
fn grpc_goes_through_a_tunnel() {
    run(async {
        let backend = Backend::grpc(|_| Reply::grpc("0")).await;
        let (port, asked) =
            tunnel(backend.port(), "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await;
        let proxy = format!("user:p%40ss@127.0.0.1:{port}");
        let exporter =
            build("otlp_grpc", "endpoint: http://backend.example:4317", &[("HTTPS_PROXY", &proxy)]).unwrap();
        exporter.export(&traces(1)).await.unwrap();
        assert_eq!(
            asked.borrow()[..],
            ["CONNECT backend.example:4317 HTTP/1.1\r\nHost: backend.example:4317\r\n\
              Proxy-Authorization: Basic dXNlcjpwQHNz\r\n\r\n"]
        );
    });
}

#[test]
fn a_proxy_that_opens_no_tunnel_is_named_with_its_reason() {
    run(async {
        let backend = Backend::grpc(|_| Reply::grpc("0")).await;
        for (answer, reason) in [
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants user and password (407)"),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "answered CONNECT with `HTTP/1.1 403 Forbidden`"),
            ("SSH-2.0-OpenSSH\r\n\r\n", "answered CONNECT with `SSH-2.0-OpenSSH`"),
        ] {
            let (port, _) = tunnel(backend.port(), answer).await;
            let proxy = format!("http://user:secret@127.0.0.1:{port}");
            let exporter =
                build("otlp_http", "endpoint: https://backend.example", &[("https_proxy", &proxy)]).unwrap();
            let cause = retry(exporter.export(&traces(1)).await);
            assert!(cause.contains(reason) && !cause.contains("secret"), "{cause}");
            assert!(cause.contains(&format!("through proxy http://127.0.0.1:{port}")), "{cause}");
        }
    });
}

#[test]
fn a_proxy_in_the_environment_that_cannot_be_used_is_a_mistake() {
    let env = [("HTTPS_PROXY", "socks5://user:secret@proxy:1080")];
    let Err(error) = build("otlp_http", "endpoint: https://backend", &env) else { panic!("accepted") };
    assert!(
        error.contains("the environment's HTTPS_PROXY: a socks5 proxy") && !error.contains("secret"),
        "{error}"
    );
}
