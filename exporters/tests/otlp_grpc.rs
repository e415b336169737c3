//! `otlp_grpc` against a fake backend: what is sent, how connections are kept, what answers mean.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::io::Read;
use std::time::Duration;

use futures_util::future::join_all;
use pipeline::{Delivered, Signal, Undelivered};
use support::{Backend, Reply, admit, build, bytes, exporter, listen, retry, run, traces};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;

fn ok() -> Reply {
    Reply::grpc("0")
}

/// The message in a gRPC body, and its flag.
fn unframed(body: &[u8]) -> (u8, &[u8]) {
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    assert_eq!(length, body.len() - 5);
    (body[0], &body[5..])
}

#[test]
fn a_call_looks_as_grpc_wants_it() {
    run(async {
        let backend = Backend::grpc(|_| ok()).await;
        let yaml = format!("endpoint: {}\nheaders: {{X-Tenant: a}}\nuser_agent: mine", backend.url());
        let batch = traces(10);
        assert_eq!(exporter("otlp", &yaml).export(&batch).await.unwrap(), Delivered::All);
        let call = backend.only();
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        assert_eq!(
            (call.method.as_str(), call.target.as_str()),
            ("POST", &*format!("{}{path}", backend.url()))
        );
        for (name, value) in [
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-encoding", "gzip"),
            ("grpc-timeout", "5000000u"),
            ("user-agent", "mine otelcol-lambda/0.0.0"),
            ("x-tenant", "a"),
        ] {
            assert_eq!(call.header(name), value, "{name}");
        }
        let (flag, message) = unframed(&call.body);
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(message).read_to_end(&mut plain).unwrap();
        assert_eq!((flag, plain), (1, bytes(&batch)));
    });
}

#[test]
fn each_signal_has_its_service_and_no_compression_is_flagged() {
    run(async {
        let backend = Backend::grpc(|_| ok()).await;
        let yaml = format!("{{endpoint: {}, compression: none, timeout: 0s}}", backend.url());
        let exporter = exporter("otlp_grpc", &yaml);
        for (signal, service) in [
            (Signal::Traces, "trace.v1.TraceService"),
            (Signal::Metrics, "metrics.v1.MetricsService"),
            (Signal::Logs, "logs.v1.LogsService"),
        ] {
            exporter.export(&admit(signal, "".into())).await.unwrap();
            let call = backend.received().pop().unwrap();
            assert!(call.target.ends_with(&format!("/opentelemetry.proto.collector.{service}/Export")));
            assert_eq!((&call.body[..], call.header("grpc-encoding")), (&[0; 5][..], ""));
            assert_eq!(call.header("grpc-timeout"), "");
        }
        let mut batch = traces(2);
        batch.merge(traces(3));
        exporter.export(&batch).await.unwrap();
        assert_eq!(unframed(&backend.received()[3].body), (0, &bytes(&batch)[..]));
    });
}

#[test]
fn a_large_message_passes_through_the_windows_of_http2() {
    run(async {
        let backend = Backend::grpc(|_| ok()).await;
        let yaml = format!("{{endpoint: {}, compression: none}}", backend.url());
        let batch = traces(50_000);
        exporter("otlp_grpc", &yaml).export(&batch).await.unwrap();
        assert!(unframed(&backend.only().body) == (0, &bytes(&batch)[..]));
    });
}

#[test]
fn calls_in_a_row_and_side_by_side_share_one_connection() {
    run(async {
        let backend = Backend::grpc(|_| Reply { once_arrived: 5, ..ok() }).await;
        let exporter = exporter("otlp_grpc", &format!("endpoint: {}", backend.url()));
        let batch = traces(1);
        join_all((0..5).map(|_| exporter.export(&batch))).await.into_iter().for_each(|outcome| {
            outcome.unwrap();
        });
        exporter.export(&batch).await.unwrap();
        assert_eq!((backend.received().len(), backend.connections()), (6, 1));
    });
}

#[test]
fn a_server_that_goes_away_is_found_again() {
    run(async {
        let backend = Backend::grpc(|_| ok()).await;
        let exporter = exporter("otlp_grpc", &format!("endpoint: {}", backend.url()));
        while backend.connections() < 3 {
            exporter.export(&traces(1)).await.unwrap();
            backend.close_connections();
        }
    });
}

#[test]
fn a_call_that_is_given_up_makes_the_next_take_a_fresh_connection() {
    run(async {
        let backend = Backend::grpc(|call| Reply { hangs: call.connection == 0, ..ok() }).await;
        let exporter = exporter("otlp_grpc", &format!("endpoint: {}", backend.url()));
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
fn an_answer_in_the_requests_compression_is_read() {
    run(async {
        let backend = Backend::grpc(|_| {
            let message = ruzstd::encoding::compress_to_vec(
                &[0x0a, 9, 8, 2, 0x12, 5, b's', b'o', b'r', b'r', b'y'][..],
                ruzstd::encoding::CompressionLevel::Fastest,
            );
            let mut body = vec![1, 0, 0, 0, message.len() as u8];
            body.extend(message);
            let mut reply = ok();
            reply.headers.push(("grpc-encoding", "zstd".into()));
            Reply { body: body.into(), ..reply }
        })
        .await;
        let yaml = format!("{{endpoint: {}, compression: zstd}}", backend.url());
        let outcome = exporter("otlp_grpc", &yaml).export(&traces(3)).await;
        assert_eq!(outcome.unwrap(), Delivered::Partly { rejected: 2, message: "sorry".into() });
    });
}

#[test]
fn a_status_in_headers_alone_is_read() {
    run(async {
        let backend = Backend::grpc(|_| Reply {
            headers: vec![
                ("content-type", "application/grpc".into()),
                ("grpc-status", "8".into()),
                ("grpc-message", "received message larger than max (5 vs. 4)".into()),
            ],
            ..Reply::ok()
        })
        .await;
        let outcome = exporter("otlp_grpc", &format!("endpoint: {}", backend.url())).export(&traces(1)).await;
        assert!(matches!(outcome, Err(Undelivered::TooLarge { .. })), "{outcome:?}");
    });
}

#[test]
fn an_own_authority_is_what_the_server_hears() {
    run(async {
        let backend = Backend::grpc(|_| ok()).await;
        let yaml = format!("{{endpoint: {}, authority: 'other.example:1'}}", backend.url());
        exporter("otlp_grpc", &yaml).export(&traces(1)).await.unwrap();
        assert!(backend.only().target.starts_with("http://other.example:1/"));
    });
}

#[test]
fn a_connection_cut_during_the_call_is_tried_again_later() {
    run(async {
        let (listener, port) = listen().await;
        spawn_local(async move {
            loop {
                let (mut tcp, _) = listener.accept().await.unwrap();
                // Takes the preface, then hangs up.
                tcp.read_exact(&mut [0; 24]).await.unwrap();
            }
        });
        let exporter = exporter("otlp_grpc", &format!("endpoint: http://127.0.0.1:{port}"));
        let cause = retry(exporter.export(&traces(1)).await);
        assert!(cause.starts_with(&format!("gRPC http://127.0.0.1:{port}: connection to")), "{cause}");
    });
}

#[test]
fn a_server_that_speaks_http1_alone_gets_a_hint() {
    run(async {
        let (listener, port) = listen().await;
        spawn_local(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tcp.read_exact(&mut [0; 24]).await.unwrap();
            tcp.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            tcp.read_to_end(&mut Vec::new()).await.unwrap();
        });
        let exporter = exporter("otlp_grpc", &format!("endpoint: http://127.0.0.1:{port}"));
        let cause = retry(exporter.export(&traces(1)).await);
        assert!(cause.contains("use otlp_http"), "{cause}");
    });
}

#[test]
fn defaults_are_the_collectors() {
    let sending = exporter("otlp", "endpoint: localhost:4317").sending();
    assert_eq!(sending.timeout, Duration::from_secs(5));
    assert_eq!(sending.retry, pipeline::RetryOnFailure::default());
    assert_eq!(sending.max_request_bytes, Some(4 << 20));
}

#[test]
fn every_key_of_the_collector_is_known() {
    let yaml = "
        endpoint: dns:///backend:4317
        tls: {insecure: true}
        keepalive: {time: 10s, timeout: 20s, permit_without_stream: true}
        read_buffer_size: 0
        write_buffer_size: 524288
        wait_for_ready: true
        balancer_name: round_robin
        authority: backend
        user_agent: mine
        headers: {a: b}
        compression: gzip
        auth:
        middlewares: []
        timeout: 20s
        retry_on_failure: {enabled: false}
        sending_queue: {batch: {flush_timeout: 200ms, min_size: 1, max_size: 2}}
    ";
    assert_eq!(exporter("otlp_grpc", yaml).sending().timeout, Duration::from_secs(20));
}

#[test]
fn what_cannot_work_is_a_mistake_with_its_place() {
    for (yaml, expected) in [
        ("{}", "is missing"),
        ("tls: {insecure: true}", "endpoint"),
        ("endpoint: backend", "backend:4317"),
        ("endpoint: backend:port", "port `port`"),
        ("endpoint: unix:///tmp/x.sock", "unix socket"),
        ("{endpoint: 'a:1', compression: zlib}", "use gzip, zstd or none"),
        ("{endpoint: 'a:1', encoding: json}", "encoding"),
        ("endpoint: 'https://ingest.<region>.example:443'", "endpoint: `<region>` is a placeholder"),
        ("{endpoint: 'a:1', authority: 'a b'}", "authority: not a name of a server: it holds a blank"),
        (
            "{endpoint: 'a:1', tls: {server_name_override: 'a b'}}",
            "tls.server_name_override: not a name of a server",
        ),
        (
            "{endpoint: 'a:1', auth: {authenticator: basicauth/client}}",
            "there is no extension basicauth/client",
        ),
    ] {
        let Err(error) = build("otlp_grpc", yaml, &[]) else { panic!("accepted: {yaml}") };
        assert!(error.contains(expected), "{yaml}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
