//! `otlp_http` against a fake backend: what is sent, how connections are kept, what answers mean.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::io::Read;
use std::time::Duration;

use pipeline::{Delivered, Signal, Undelivered};
use support::{Backend, Reply, admit, build, bytes, exporter, listen, read_head, read_request, run, traces};
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

/// What comes of an export to a server that writes `answer` when it has the head of the request, and closes.
async fn outcome_of(answer: &'static str, spans: usize) -> Result<Delivered, Undelivered> {
    let (listener, port) = listen().await;
    spawn_local(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        read_head(&mut tcp).await;
        tcp.write_all(answer.as_bytes()).await.unwrap();
    });
    let yaml = format!("{{endpoint: 'http://127.0.0.1:{port}', compression: none}}");
    exporter("otlp_http", &yaml).export(&traces(spans)).await
}

#[test]
fn a_success_that_breaks_off_is_a_success() {
    run(async {
        let outcome = outcome_of("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 1).await;
        assert_eq!(outcome.unwrap(), Delivered::All);
    });
}

#[test]
fn a_server_may_refuse_a_large_body_before_it_has_read_it() {
    run(async {
        let answer = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        let outcome = outcome_of(answer, 200_000).await;
        assert!(matches!(outcome, Err(Undelivered::TooLarge { .. })), "{outcome:?}");
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
              max_version: '1.3', include_system_ca_certs_pool: true, reload_interval: 1h, ca_file: '', tpm: {enabled: false}}
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
        ("traces_endpoint: 'http://<host>:3130/v1/traces'", "traces_endpoint: `<host>` is a placeholder"),
        ("endpont: http://a", "endpont"),
        ("{endpoint: http://a, compression: lzma}", "use gzip, zstd, zlib, deflate or none"),
        ("{endpoint: http://a, compression_params: {level: 99}}", "compression_params.level"),
        ("{endpoint: http://a, encoding: xml}", "encoding"),
        ("{endpoint: http://a, headers: {'bad name': a}}", "headers.bad name"),
        ("{endpoint: http://a, headers: {a: \"b\\nc\"}}", "line break"),
        ("{endpoint: http://a, proxy_url: 'socks5://a:1'}", "proxy_url"),
        ("{endpoint: http://a, auth: {authenticator: sigv4auth}}", "there is no extension sigv4auth"),
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
