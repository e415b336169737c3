//! `awsxray` against an X-Ray that takes nothing that is not signed and sound, and against a daemon.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::{Batch, Delivered, Exporter, Signal, Undelivered};
use prost::Message;
use serde_json::{Value, json};
use support::aws::{ENV, OWN, ROLE, XRAY, after, iso, refusal, refused};
use support::backend::Received;
use support::sigv4::Service;
use support::{Backend, Reply, admit, build, retry, run};
use tokio::net::UdpSocket;

/// A batch of spans with these numbers, each in a name and an id.
fn spans(numbers: impl IntoIterator<Item = u64>) -> Batch {
    let span = |number: u64| Span {
        name: format!("span {number}"),
        trace_id: vec![7; 16],
        span_id: number.to_be_bytes().into(),
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_001_000_000_000,
        ..Span::default()
    };
    let scope_spans =
        vec![ScopeSpans { spans: numbers.into_iter().map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    admit(Signal::Traces, ExportTraceServiceRequest { resource_spans }.encode_to_vec().into())
}

fn names(batch: &Batch) -> Vec<String> {
    let request: ExportTraceServiceRequest = batch.decode();
    let spans = request.resource_spans.into_iter().flat_map(|it| it.scope_spans).flat_map(|it| it.spans);
    spans.map(|span| span.name).collect()
}

fn exporter(backend: &Backend, more: &str) -> Box<dyn Exporter> {
    build("awsxray", &format!("{{endpoint: '{}', {more}}}", backend.url()), &ENV).unwrap()
}

/// The documents of a request, if X-Ray would look at them at all.
fn documents(request: &Received, service: &Service) -> Result<Vec<Value>, Reply> {
    service.verify(request).map_err(|why| refusal(403, json!({"message": why}).to_string()))?;
    let invalid = |why: &str| {
        let headers = vec![("x-amzn-errortype", "InvalidRequestException:http://internal/".into())];
        Reply { headers, ..refusal(400, json!({"Message": why}).to_string()) }
    };
    if request.method != "POST" || request.target != "/TraceSegments" {
        return Err(refusal(404, ""));
    }
    if request.header("content-type") != "application/json" || !request.header("content-encoding").is_empty()
    {
        return Err(invalid("not plain JSON"));
    }
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| invalid("no JSON"))?;
    let texts = body["TraceSegmentDocuments"].as_array().ok_or_else(|| invalid("no documents"))?;
    if texts.is_empty() || texts.len() > 50 {
        return Err(invalid("Exceeding maximum segment count: 50"));
    }
    let texts = texts.iter().map(|text| text.as_str().ok_or_else(|| invalid("not a text")));
    texts.map(|text| text.and_then(|text| document(text).ok_or_else(|| invalid("a bad document")))).collect()
}

/// A document as X-Ray demands it.
fn document(text: &str) -> Option<Value> {
    let document: Value = serde_json::from_str(text).ok().filter(|_| text.len() <= 64 << 10)?;
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let is_id = |id: &str| id.len() == 16 && hex(id);
    let mut trace = document["trace_id"].as_str()?.split('-');
    let trace = [trace.next()?, trace.next()?, trace.next()?];
    let name = document["name"].as_str()?;
    let sound = trace[0] == "1"
        && (trace[1].len(), trace[2].len()) == (8, 24)
        && hex(trace[1])
        && hex(trace[2])
        && is_id(document["id"].as_str()?)
        && (1..=200).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/%&#=+-@".contains(c))
        && document["start_time"].is_number()
        && (document["end_time"].is_number() != (document["in_progress"] == true));
    sound.then_some(document)
}

/// What X-Ray answers when it takes all but these: id, code.
fn result(unprocessed: &[(Option<&str>, &str)]) -> Reply {
    let unprocessed: Vec<_> = unprocessed
        .iter()
        .map(|(id, code)| json!({"Id": id, "ErrorCode": code, "Message": "words"}))
        .collect();
    let body = json!({"UnprocessedTraceSegments": unprocessed}).to_string();
    Reply { headers: vec![("content-type", "application/json".into())], body: body.into(), ..Reply::ok() }
}

/// An X-Ray that answers to sound documents as `answer` says.
async fn xray(answer: impl Fn(&[Value]) -> Reply + 'static) -> Backend {
    Backend::http(move |request| match documents(request, &XRAY) {
        Ok(documents) => answer(&documents),
        Err(reply) => reply,
    })
    .await
}

fn ids(request: &Received) -> BTreeSet<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let id = |text: &Value| document(text.as_str().unwrap()).unwrap()["id"].as_str().unwrap().to_owned();
    body["TraceSegmentDocuments"].as_array().unwrap().iter().map(id).collect()
}

fn has(documents: &[Value], id: &str) -> bool {
    documents.iter().any(|document| document["id"] == id)
}

/// What is kept of a batch, how many items of it are lost, when it may go on, and why.
fn rest(outcome: Result<Delivered, Undelivered>) -> (Batch, usize, Option<Duration>, String) {
    match outcome {
        Err(Undelivered::RetryRest { rest, rejected, after, cause }) => {
            (*rest, rejected, after, cause.to_string())
        }
        other => panic!("no rest: {other:?}"),
    }
}

#[test]
fn many_spans_are_signed_requests_of_fifty_documents_side_by_side() {
    run(async {
        let backend = Backend::http(|request| match documents(request, &XRAY) {
            Ok(_) => Reply { once_arrived: 3, ..result(&[]) },
            Err(reply) => reply,
        })
        .await;
        assert_eq!(exporter(&backend, "").export(&spans(1..121)).await.unwrap(), Delivered::All);
        let sent: Vec<_> = backend.received().iter().map(ids).collect();
        let mut sizes: Vec<_> = sent.iter().map(BTreeSet::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [20, 50, 50]);
        assert_eq!(sent.into_iter().flatten().collect::<BTreeSet<_>>().len(), 120);
    });
}

#[test]
fn long_documents_make_requests_of_a_megabyte() {
    run(async {
        let backend = xray(|_| result(&[])).await;
        let batch = spans(1..31);
        let mut request: ExportTraceServiceRequest = batch.decode();
        for span in &mut request.resource_spans[0].scope_spans[0].spans {
            span.name = "x".repeat(60_000);
        }
        let batch = admit(Signal::Traces, request.encode_to_vec().into());
        assert_eq!(exporter(&backend, "").export(&batch).await.unwrap(), Delivered::All);
        assert!(backend.received().iter().all(|request| request.body.len() < 1_300_000));
        assert_eq!(backend.received().iter().flat_map(ids).count(), 30);
    });
}

#[test]
fn what_x_ray_rejects_is_counted_by_its_id_and_explained() {
    run(async {
        let backend =
            xray(|_| result(&[(Some("0000000000000002"), "InvalidName"), (None, "JSONFormatError")])).await;
        let outcome = exporter(&backend, "").export(&spans(1..5)).await.unwrap();
        let message = "JSONFormatError words; InvalidName words".into();
        assert_eq!(outcome, Delivered::Partly { rejected: 2, message });
    });
}

#[test]
fn a_document_that_x_ray_could_not_take_just_now_is_sent_again_alone() {
    run(async {
        let asked = Cell::new(0);
        let backend = xray(move |_| match asked.replace(asked.get() + 1) {
            0 => result(&[
                (Some("0000000000000002"), "ThrottlingException"),
                (Some("0000000000000003"), "InvalidName"),
            ]),
            _ => result(&[]),
        })
        .await;
        let exporter = exporter(&backend, "");
        let (rest, rejected, after, _) = rest(exporter.export(&spans(1..5)).await);
        assert_eq!((names(&rest), rejected, after), (vec!["span 2".to_owned()], 1, None));
        assert_eq!(exporter.export(&rest).await.unwrap(), Delivered::All);
        assert_eq!(ids(&backend.received()[1]), BTreeSet::from(["0000000000000002".to_owned()]));
    });
}

#[test]
fn of_several_requests_only_the_one_that_failed_is_sent_again() {
    run(async {
        let backend = xray(|documents| {
            let retry_after = vec![("retry-after", "7".into())];
            let throttled = Reply { headers: retry_after, ..refusal(429, r#"{"Message":"slow down"}"#) };
            if has(documents, "0000000000000033") { throttled } else { result(&[]) }
        })
        .await;
        let (rest, rejected, after, cause) = rest(exporter(&backend, "").export(&spans(1..121)).await);
        assert_eq!((rest.items(), rejected, after), (50, 0, Some(Duration::from_secs(7))));
        assert_eq!((names(&rest)[0].as_str(), names(&rest)[49].as_str()), ("span 51", "span 100"));
        assert!(cause.ends_with("429 Too Many Requests: slow down"), "{cause}");
    });
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_dropped() {
    for (status, headers, body, keeps) in [
        (429, None, "", true),
        (400, Some("ThrottledException:http://x/"), "", true),
        (400, None, r#"{"__type":"com.amazonaws.xray#ThrottledException","message":"slow"}"#, true),
        (408, None, "", true),
        (500, None, "", true),
        (503, None, "", true),
        (400, Some("InvalidRequestException"), r#"{"Message":"no"}"#, false),
        (403, Some("AccessDeniedException"), r#"{"Message":"not authorized"}"#, false),
        (404, None, "", false),
    ] {
        run(async move {
            let headers: Vec<_> = headers.map(|code| ("x-amzn-errortype", code.into())).into_iter().collect();
            let backend = xray(move |_| Reply { headers: headers.clone(), ..refusal(status, body) }).await;
            let outcome = exporter(&backend, "").export(&spans(1..3)).await;
            match keeps {
                true => assert!(retry(outcome).contains(&status.to_string())),
                false => {
                    let cause = refused(outcome);
                    assert_eq!(cause.contains("xray:PutTraceSegments"), status == 403, "{cause}");
                }
            }
        });
    }
}

#[test]
fn whose_right_is_missing_is_told() {
    run(async {
        let sts = Backend::http(|_| {
            let body = format!(
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
                 <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
                ROLE.id, ROLE.secret, ROLE.token, iso(after(3600))
            );
            Reply { body: body.into(), ..Reply::ok() }
        })
        .await;
        let backend = Backend::http(|_| refusal(403, r#"{"message":"not authorized"}"#)).await;
        let sts_url = sts.url();
        let env = [&ENV[..], &[("AWS_ENDPOINT_URL_STS", sts_url.as_str())]].concat();
        for (more, who) in [
            ("", "the role of the function"),
            (", role_arn: 'arn:aws:iam::123456789012:role/traces'", "arn:aws:iam::123456789012:role/traces"),
        ] {
            let yaml = format!("{{endpoint: '{}'{more}}}", backend.url());
            let cause = refused(build("awsxray", &yaml, &env).unwrap().export(&spans(1..3)).await);
            assert!(cause.contains(&format!("; {who} needs xray:PutTraceSegments")), "{cause}");
        }
    });
}

#[test]
fn a_flush_that_is_cut_off_loses_nothing_and_doubles_nothing() {
    run(async {
        let asked = Cell::new(0);
        let backend = xray(move |_| match asked.replace(asked.get() + 1) {
            0 => Reply { once_arrived: usize::MAX, ..result(&[]) },
            _ => result(&[]),
        })
        .await;
        let (exporter, batch) = (exporter(&backend, ""), spans(1..4));
        assert!(tokio::time::timeout(Duration::from_millis(300), exporter.export(&batch)).await.is_err());
        assert_eq!(exporter.export(&batch).await.unwrap(), Delivered::All);
        let [cut, whole] =
            backend.received().try_into().unwrap_or_else(|all: Vec<_>| panic!("{}", all.len()));
        assert_eq!(cut.body, whole.body);
    });
}

#[test]
fn a_request_that_is_too_large_is_told_apart() {
    run(async {
        let backend = xray(|_| refusal(413, "")).await;
        let outcome = exporter(&backend, "").export(&spans(1..3)).await;
        assert!(matches!(outcome, Err(Undelivered::TooLarge { .. })), "{outcome:?}");
    });
}

#[test]
fn a_span_that_has_no_document_costs_its_neighbours_nothing() {
    run(async {
        let backend = xray(|_| result(&[])).await;
        let mut request: ExportTraceServiceRequest = spans(1..4).decode();
        request.resource_spans[0].scope_spans[0].spans[1].trace_id = vec![1, 2, 3];
        let batch = admit(Signal::Traces, request.encode_to_vec().into());
        let message = "span `span 2`: its trace id is not 16 bytes long".into();
        let outcome = exporter(&backend, "").export(&batch).await.unwrap();
        assert_eq!(outcome, Delivered::Partly { rejected: 1, message });
        assert_eq!(ids(&backend.only()).len(), 2);
    });
}

#[test]
fn a_token_that_has_ended_is_replaced_and_the_request_sent_again() {
    run(async {
        let fetched = Rc::new(Cell::new(0));
        let fetches = fetched.clone();
        let container = Backend::http(move |_| {
            let key = if fetches.replace(fetches.get() + 1) == 0 { OWN } else { ROLE };
            let keys = json!({"AccessKeyId": key.id, "SecretAccessKey": key.secret, "Token": key.token, "Expiration": iso(after(3600))});
            Reply { body: keys.to_string().into(), ..Reply::ok() }
        })
        .await;
        let service = Service { key: ROLE, ..XRAY };
        let backend = Backend::http(move |request| match documents(request, &service) {
            Ok(_) => result(&[]),
            Err(_) => refusal(403, r#"{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}"#),
        })
        .await;
        let uri = format!("{}/keys", container.url());
        let env = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()), ("AWS_REGION", "eu-west-1")];
        let exporter = build("awsxray", &format!("{{endpoint: '{}'}}", backend.url()), &env).unwrap();
        assert_eq!(exporter.export(&spans(1..3)).await.unwrap(), Delivered::All);
        assert_eq!((backend.received().len(), fetched.get()), (2, 2));
    });
}

#[test]
fn a_wrong_clock_costs_one_request() {
    run(async {
        let backend = Backend::http(|request| {
            let date = vec![("date", httpdate::fmt_http_date(after(3600)))];
            let fresh = request.header("x-amz-date") > iso(after(3300)).replace([':', '-'], "").as_str();
            match documents(request, &XRAY) {
                Ok(_) if fresh => Reply { headers: date, ..Reply::ok() },
                _ => Reply { headers: date, ..refusal(403, r#"{"message":"Signature expired"}"#) },
            }
        })
        .await;
        let exporter = exporter(&backend, "");
        for requests in [2, 3] {
            assert_eq!(exporter.export(&spans(1..3)).await.unwrap(), Delivered::All);
            assert_eq!(backend.received().len(), requests);
        }
    });
}

#[test]
fn the_daemon_gets_a_datagram_for_each_document() {
    run(async {
        let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = daemon.local_addr().unwrap().to_string();
        let both = format!("tcp:127.0.0.1:9 udp:{address}");
        for (yaml, env) in [
            (format!("{{transport: udp, daemon_address: '{address}'}}"), vec![]),
            ("{transport: udp}".to_owned(), vec![("AWS_XRAY_DAEMON_ADDRESS", both.as_str())]),
        ] {
            let exporter = build("awsxray", &yaml, &env).unwrap();
            assert_eq!(exporter.export(&spans(1..3)).await.unwrap(), Delivered::All);
            for id in ["0000000000000001", "0000000000000002"] {
                let mut datagram = vec![0; 65_536];
                let length = daemon.recv(&mut datagram).await.unwrap();
                let text = std::str::from_utf8(&datagram[..length]).unwrap();
                let (header, text) = text.split_once('\n').unwrap();
                assert_eq!(header, r#"{"format":"json","version":1}"#);
                assert_eq!(document(text).unwrap()["id"], id);
            }
        }
    });
}

#[test]
fn the_longest_document_fits_a_datagram() {
    run(async {
        let daemon = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let yaml = format!("{{transport: udp, daemon_address: '{}'}}", daemon.local_addr().unwrap());
        let exporter = build("awsxray", &yaml, &[]).unwrap();
        for length in [64_000, 65_000, 65_100, 65_200, 65_300, 65_400, 65_500] {
            let mut request: ExportTraceServiceRequest = spans(1..2).decode();
            request.resource_spans[0].scope_spans[0].spans[0].trace_state = "s".repeat(length);
            let batch = admit(Signal::Traces, request.encode_to_vec().into());
            assert_eq!(exporter.export(&batch).await.unwrap(), Delivered::All, "{length}");
            let mut datagram = vec![0; 65_536];
            assert!(daemon.recv(&mut datagram).await.unwrap() <= 65_507);
        }
    });
}

#[test]
fn it_takes_traces_alone_and_offers_requests_that_one_answer_settles() {
    let exporter = build("awsxray", "{region: eu-west-1}", &[]).unwrap();
    assert!(exporter.takes(Signal::Traces).is_ok());
    assert!(exporter.takes(Signal::Metrics).is_err() && exporter.takes(Signal::Logs).is_err());
    assert_eq!(exporter.sending().queue.batch.unwrap().max_size, 50);
    assert_eq!(exporter.sending().timeout, Duration::from_secs(30));
}

#[test]
fn every_key_of_the_go_exporter_is_taken() {
    let yaml = "{region: eu-west-1, endpoint: 'https://localhost', num_workers: 4, request_timeout_seconds: 10,
        max_retries: 2, no_verify_ssl: false, proxy_address: '', local_mode: true, resource_arn: a, role_arn: '',
        external_id: e, indexed_attributes: [a], index_all_attributes: true, aws_log_groups: [g],
        telemetry: {enabled: true, include_metadata: true, contributors: [c], hostname: h, instance_id: i, resource_arn: r},
        skip_timestamp_validation: true, transit_encryption: x, sending_queue: {enabled: true}, retry_on_failure: {enabled: true},
        timeout: 3s, middleware: m, transit_spans_in_otlp_format: true, profile: p, shared_credentials_file: [f],
        certificate_file_path: c, imds_retries: 1, mapping: contrib, transport: api, lambda_function_segment: present}";
    let exporter = build("awsxray", yaml, &[]).unwrap();
    assert_eq!(exporter.sending().timeout, Duration::from_secs(3));
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    for (yaml, words) in [
        ("{}", "AWS_REGION"),
        ("{transport: udp}", "AWS_XRAY_DAEMON_ADDRESS"),
        ("{transport: udp, daemon_address: here}", "host:port"),
        ("{transport: tcp}", "transport"),
        ("{region: eu-west-1, request_timeout_seconds: -1}", "request_timeout_seconds"),
        ("{region: eu-west-1, indexed_attribute: [a]}", "indexed_attributes"),
        ("{endpoint: 'x.example.com'}", "https://"),
    ] {
        let mistake = build("awsxray", yaml, &[]).err().unwrap();
        assert!(mistake.contains(words), "{mistake}");
    }
}
