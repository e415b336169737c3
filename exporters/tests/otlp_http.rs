//! `otlp_http` against a fake backend: what is sent, how connections are kept, what answers mean.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::io::Read;
use std::time::Duration;

use futures_util::future::join_all;
use pipeline::{Delivered, Signal, Undelivered};
use support::{Backend, Reply, admit, build, bytes, exporter, listen, read_request, retry, run, traces};
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_local;

fn inflated(encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut plain),
        "zlib" | "deflate" => flate2::read::ZlibDecoder::new(body).read_to_end(&mut plain),
        "zstd" => ruzstd::decoding::StreamingDecoder::new(body).unwrap().read_to_end(&mut plain),
        other => panic!("encoding {other:?}"),
    }
    .unwrap();
    plain
}

#[test]
fn a_request_looks_like_the_go_collectors() {
    run(async {
        let (listener, port) = listen().await;
        let yaml = format!("endpoint: http://127.0.0.1:{port}\nheaders: {{x-scope-orgid: tenant}}");
        let server = spawn_local(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let request = read_request(&mut tcp).await;
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            request
        });
        let batch = traces(3);
        assert_eq!(exporter("otlphttp", &yaml).export(&batch).await.unwrap(), Delivered::All);
        let (head, body) = server.await.unwrap();
        let mut lines: Vec<&str> = head.trim_end().lines().collect();
        assert_eq!(lines.remove(0), "POST /v1/traces HTTP/1.1");
        lines.sort_unstable();
        let expected = [
            "Accept-Encoding: gzip",
            "Content-Encoding: gzip",
            &format!("Content-Length: {}", body.len()),
            "Content-Type: application/x-protobuf",
            &format!("Host: 127.0.0.1:{port}"),
            "User-Agent: otelcol-lambda/0.0.0",
            "X-Scope-Orgid: tenant",
        ];
        assert_eq!(lines, expected);
        assert_eq!(inflated("gzip", &body), bytes(&batch));
    });
}

#[test]
fn every_compression_arrives_as_the_original() {
    run(async {
        let backend = Backend::http(|_| Reply::ok()).await;
        let mut batch = traces(500);
        batch.merge(traces(2));
        for (compression, encoding) in [
            ("gzip", "gzip"),
            ("zlib", "zlib"),
            ("deflate", "deflate"),
            ("zstd", "zstd"),
            ("snappy", "gzip"),
            ("none", ""),
            ("\"\"", ""),
        ] {
            let yaml = format!("endpoint: {}\ncompression: {compression}", backend.url());
            exporter("otlp_http", &yaml).export(&batch).await.unwrap();
            let received = backend.received().pop().unwrap();
            assert_eq!(received.header("content-encoding"), encoding);
            let plain = match encoding {
                "" => received.body.to_vec(),
                encoding => inflated(encoding, &received.body),
            };
            assert!(plain == bytes(&batch), "{compression}");
        }
    });
}

#[test]
fn a_body_without_compression_has_its_length_and_is_not_chunked() {
    run(async {
        let backend = Backend::http(|_| Reply::ok()).await;
        let yaml = format!("endpoint: {}\ncompression: none", backend.url());
        let mut batch = traces(2);
        batch.merge(traces(5));
        exporter("otlp_http", &yaml).export(&batch).await.unwrap();
        let received = backend.only();
        assert_eq!(received.header("content-length"), batch.len().to_string());
        assert_eq!(received.header("transfer-encoding"), "");
        assert_eq!(received.body, bytes(&batch));
    });
}

#[test]
fn json_is_sent_where_it_is_asked_for() {
    run(async {
        let backend = Backend::http(|_| Reply::ok()).await;
        let yaml = format!("endpoint: {}\nencoding: json\ncompression: none", backend.url());
        let batch = traces(1);
        exporter("otlp_http", &yaml).export(&batch).await.unwrap();
        let received = backend.only();
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.body, batch.to_json());
    });
}

#[test]
fn each_signal_goes_where_its_endpoint_says() {
    run(async {
        let backend = Backend::http(|_| Reply::ok()).await;
        for (yaml, signal, target) in [
            ("endpoint: URL", Signal::Traces, "/v1/traces"),
            ("endpoint: URL/", Signal::Metrics, "/v1/metrics"),
            ("endpoint: URL/otlp", Signal::Logs, "/otlp/v1/logs"),
            ("endpoint: URL/otlp/", Signal::Logs, "/otlp/v1/logs"),
            ("endpoint: 'URL/otlp?key=a'", Signal::Traces, "/otlp?key=a/v1/traces"),
            ("traces_endpoint: 'URL/mine?key=a'", Signal::Traces, "/mine?key=a"),
            ("{endpoint: URL, logs_endpoint: URL/mine/}", Signal::Logs, "/mine/"),
            ("{endpoint: URL, logs_endpoint: URL/mine}", Signal::Traces, "/v1/traces"),
            ("metrics_endpoint: URL", Signal::Metrics, "/"),
        ] {
            let exporter = exporter("otlp_http", &yaml.replace("URL", &backend.url()));
            assert_eq!(exporter.takes(signal), Ok(()), "{yaml}");
            exporter.export(&admit(signal, "".into())).await.unwrap();
            assert_eq!(backend.received().pop().unwrap().target, target, "{yaml}");
        }
    });
}

#[test]
fn a_signal_without_endpoint_is_not_taken() {
    run(async {
        let exporter = exporter("otlp_http", "logs_endpoint: http://127.0.0.1:1/x");
        assert_eq!(exporter.takes(Signal::Logs), Ok(()));
        let error = exporter.takes(Signal::Traces).unwrap_err();
        assert_eq!(error, "neither endpoint nor traces_endpoint says where traces go");
        assert!(matches!(exporter.export(&traces(1)).await, Err(Undelivered::Refused { .. })));
    });
}

#[test]
fn own_headers_replace_ours_and_a_user_in_the_url_becomes_basic_auth() {
    run(async {
        let backend = Backend::http(|_| Reply::ok()).await;
        let yaml = format!(
            "endpoint: http://user:pass@127.0.0.1:{}\n\
             headers: {{Host: other.example, User-Agent: mine, Content-Type: text/plain, X-Empty: '', token: \" t\\n\"}}",
            backend.port()
        );
        exporter("otlp_http", &yaml).export(&traces(1)).await.unwrap();
        let received = backend.only();
        for (name, value) in [
            ("host", "other.example"),
            ("user-agent", "mine"),
            ("content-type", "text/plain"),
            ("x-empty", ""),
            ("token", "t"),
            ("authorization", "Basic dXNlcjpwYXNz"),
        ] {
            assert_eq!(received.header(name), value, "{name}");
        }
        let yaml = yaml.replace("Host: other.example", "Authorization: Bearer mine");
        exporter("otlp_http", &yaml).export(&traces(1)).await.unwrap();
        assert_eq!(backend.received()[1].header("authorization"), "Bearer mine");
    });
}

#[test]
fn answers_are_read_also_if_compressed() {
    run(async {
        let backend = Backend::http(|_| {
            let body = [0x0a, 9, 8, 2, 0x12, 5, b's', b'o', b'r', b'r', b'y'];
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut gzip, &body).unwrap();
            let headers = vec![("content-encoding", "gzip".to_owned())];
            Reply { headers, body: gzip.finish().unwrap().into(), ..Reply::ok() }
        })
        .await;
        let outcome = exporter("otlp_http", &format!("endpoint: {}", backend.url())).export(&traces(3)).await;
        assert_eq!(outcome.unwrap(), Delivered::Partly { rejected: 2, message: "sorry".into() });
    });
}

#[test]
fn retry_after_is_handed_on() {
    run(async {
        let backend = Backend::http(|_| Reply {
            status: 503,
            headers: vec![("retry-after", "7".into())],
            ..Reply::default()
        })
        .await;
        let outcome = exporter("otlp_http", &format!("endpoint: {}", backend.url())).export(&traces(1)).await;
        let Err(Undelivered::Retry { after, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(after, Some(Duration::from_secs(7)));
    });
}

#[test]
fn an_endless_answer_is_cut_off_and_still_counts() {
    run(async {
        let backend =
            Backend::http(|_| Reply { status: 400, body: vec![b'x'; 1 << 20].into(), ..Reply::default() })
                .await;
        let outcome = exporter("otlp_http", &format!("endpoint: {}", backend.url())).export(&traces(1)).await;
        let Err(Undelivered::Refused { cause }) = outcome else { panic!("{outcome:?}") };
        assert!(cause.to_string().len() < 500, "{cause}");
    });
}

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

/// A server that answers the first request of its first connection and hangs up on the next, and what it saw: the
/// number of requests on each connection.
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
        let (listener, port) = listen().await;
        drop(listener);
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

#[test]
fn defaults_are_the_collectors() {
    let sending = exporter("otlphttp", "endpoint: http://localhost:4318").sending();
    assert_eq!(sending.timeout, Duration::from_secs(30));
    assert_eq!(sending.retry, pipeline::RetryOnFailure::default());
    assert_eq!(sending.queue, pipeline::SendingQueue::default());
}

#[test]
fn every_key_of_the_collector_is_known() {
    let yaml = "
        endpoint: https://backend:4318
        profiles_endpoint: https://backend:4318/p
        proxy_url: http://user:pass@proxy:3128
        tls: {insecure: false, insecure_skip_verify: true, server_name_override: b, min_version: '1.2',
              max_version: '1.3', include_system_ca_certs_pool: true, reload_interval: 1h, ca_file: ''}
        read_buffer_size: 0
        write_buffer_size: 524288
        timeout: 1m30s
        headers: [{name: a, value: b}]
        compression: zstd
        compression_params: {level: 11}
        max_idle_conns: 100
        max_idle_conns_per_host: 100
        max_conns_per_host: 0
        idle_conn_timeout: 90s
        disable_keep_alives: false
        force_attempt_http2: true
        http2_read_idle_timeout: 10s
        http2_ping_timeout: 10s
        cookies: {enabled: true}
        middlewares: []
        encoding: proto
        auth:
        retry_on_failure: {enabled: true, initial_interval: 1s, max_interval: 2s, max_elapsed_time: 10s,
                           multiplier: 2, randomization_factor: 0}
        sending_queue: {enabled: false, num_consumers: 1, queue_size: 10}
    ";
    assert_eq!(exporter("otlp_http", yaml).sending().timeout, Duration::from_secs(90));
}

#[test]
fn what_cannot_work_is_a_mistake_with_its_place() {
    for (yaml, expected) in [
        ("{}", "endpoint"),
        ("endpoint: ''", "is missing"),
        ("endpoint: localhost:4318", "write http://localhost:4318"),
        ("endpoint: 127.0.0.1:4318", "write http://127.0.0.1:4318"),
        ("endpoint: 'http://a b'", "not a valid URL"),
        ("logs_endpoint: 'http://a b'", "logs_endpoint"),
        ("endpont: http://a", "endpont"),
        ("{endpoint: http://a, compression: lzma}", "use gzip, zstd, zlib, deflate or none"),
        ("{endpoint: http://a, compression_params: {level: 99}}", "compression_params.level"),
        ("{endpoint: http://a, encoding: xml}", "encoding"),
        ("{endpoint: http://a, headers: {'bad name': a}}", "headers.bad name"),
        ("{endpoint: http://a, headers: {a: \"b\\nc\"}}", "line break"),
        ("{endpoint: http://a, proxy_url: 'socks5://a:1'}", "proxy_url"),
        ("{endpoint: http://a, auth: {authenticator: sigv4auth}}", "`sigv4auth`"),
        (
            "{endpoint: http://a, retry_on_failure: {initial_interval: 10s, max_elapsed_time: 5s}}",
            "max_elapsed_time",
        ),
        ("{endpoint: http://a, retry_on_failure: {randomization_factor: 2}}", "randomization_factor"),
    ] {
        let Err(error) = build("otlp_http", yaml, &[]) else { panic!("accepted: {yaml}") };
        assert!(error.contains(expected), "{yaml}: {error}");
    }
}

#[test]
fn all_mistakes_come_at_once() {
    let yaml = "{endpoint: a:1, compression: lzma, headers: {'x y': secret}, tls: {ca_file: /nothing.pem}}";
    let Err(error) = build("otlp_http", yaml, &[]) else { panic!("accepted") };
    assert_eq!(error.lines().count(), 4, "{error}");
    assert!(!error.contains("secret"), "{error}");
}
