//! How `otlp_http` keeps, replaces and gives up connections.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use futures_util::future::join_all;
use pipeline::Signal;
use support::{Backend, Reply, admit, exporter, listen, read_request, retry, run, traces};
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_local;

#[test]
fn requests_in_a_row_use_one_connection_for_all_signals() {
    run(async {
        let backend = Backend::http(|_| Reply::ok()).await;
        let exporter = exporter("otlp_http", &format!("endpoint: {}", backend.url()));
        for number in 0..20 {
            exporter.export(&admit(Signal::ALL[number % 3], "".into())).await.unwrap();
        }
        assert_eq!((backend.received().len(), backend.connections()), (20, 1));
    });
}

#[test]
fn requests_side_by_side_use_connections_of_their_own_and_keep_them() {
    run(async {
        let backend = Backend::http(|received| Reply {
            once_arrived: if received.connection < 3 { 3 } else { 0 },
            ..Reply::ok()
        })
        .await;
        let exporter = exporter("otlp_http", &format!("endpoint: {}", backend.url()));
        let batch = traces(1);
        for _ in 0..2 {
            join_all((0..3).map(|_| exporter.export(&batch))).await.into_iter().for_each(|outcome| {
                outcome.unwrap();
            });
        }
        assert_eq!((backend.received().len(), backend.connections()), (6, 3));
    });
}

#[test]
fn a_connection_that_the_server_closed_is_replaced() {
    run(async {
        let backend = Backend::http(|_| Reply::ok()).await;
        let exporter = exporter("otlp_http", &format!("endpoint: {}", backend.url()));
        exporter.export(&traces(1)).await.unwrap();
        backend.close_connections();
        exporter.export(&traces(1)).await.unwrap();
        let connections: Vec<_> = backend.received().iter().map(|received| received.connection).collect();
        assert_eq!(connections, [0, 1]);
    });
}

/// A server that answers the first request of its first connection and hangs up on the next, and what it saw:
/// the number of requests on each connection.
async fn server_that_hangs_up(first_answers: usize) -> (u16, tokio::task::JoinHandle<Vec<usize>>) {
    let (listener, port) = listen().await;
    let server = spawn_local(async move {
        let mut seen = Vec::new();
        for answers in [first_answers, 1] {
            let (mut tcp, _) = listener.accept().await.unwrap();
            for _ in 0..answers {
                read_request(&mut tcp).await;
                tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            }
            if answers == first_answers && seen.is_empty() {
                read_request(&mut tcp).await;
                seen.push(answers + 1);
                continue;
            }
            seen.push(answers);
        }
        seen
    });
    (port, server)
}

#[test]
fn a_request_that_a_kept_connection_swallows_is_sent_again_at_once() {
    run(async {
        let (port, server) = server_that_hangs_up(1).await;
        let exporter = exporter("otlp_http", &format!("endpoint: http://127.0.0.1:{port}"));
        exporter.export(&traces(1)).await.unwrap();
        exporter.export(&traces(2)).await.unwrap();
        assert_eq!(server.await.unwrap(), [2, 1]);
    });
}

#[test]
fn a_request_that_a_fresh_connection_swallows_is_left_to_the_outbox() {
    run(async {
        let (port, server) = server_that_hangs_up(0).await;
        let exporter = exporter("otlp_http", &format!("endpoint: http://127.0.0.1:{port}"));
        let cause = retry(exporter.export(&traces(1)).await);
        assert!(
            cause.starts_with(&format!("POST http://127.0.0.1:{port}/v1/traces: connection to")),
            "{cause}"
        );
        exporter.export(&traces(2)).await.unwrap();
        assert_eq!(server.await.unwrap(), [1, 1]);
    });
}

#[test]
fn an_export_that_is_given_up_leaves_no_connection_behind_that_hangs() {
    run(async {
        let backend =
            Backend::http(|received| Reply { hangs: received.connection == 0, ..Reply::ok() }).await;
        let exporter = exporter("otlp_http", &format!("endpoint: {}", backend.url()));
        let batch = traces(1);
        tokio::select! {
            outcome = exporter.export(&batch) => panic!("answered: {outcome:?}"),
            () = backend.arrived(1) => {}
        }
        exporter.export(&batch).await.unwrap();
        assert_eq!(backend.received()[1].connection, 1);
    });
}

#[test]
fn a_refused_connection_is_tried_again_later_and_its_cause_holds_no_secret() {
    run(async {
        let port = support::CLOSED;
        let yaml = format!("traces_endpoint: http://user:pass@127.0.0.1:{port}/x?token=secret");
        let cause = retry(exporter("otlp_http", &yaml).export(&traces(1)).await);
        assert_eq!(
            cause,
            format!(
                "POST http://127.0.0.1:{port}/x: connect to 127.0.0.1:{port}: Connection refused (os error 111)"
            )
        );
    });
}

#[test]
fn a_server_that_does_not_answer_in_http_gets_a_hint() {
    run(async {
        let (listener, port) = listen().await;
        spawn_local(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            read_request(&mut tcp).await;
            // A TLS alert: unexpected message.
            tcp.write_all(&[0x15, 3, 3, 0, 2, 2, 10]).await.unwrap();
        });
        let exporter = exporter("otlp_http", &format!("endpoint: http://127.0.0.1:{port}"));
        let cause = retry(exporter.export(&traces(1)).await);
        assert!(cause.contains("it may want https://"), "{cause}");
    });
}
