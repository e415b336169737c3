//! `sigv4auth` against a backend that checks signatures as AWS does: what is signed for whom, wrong clocks,
//! refusals.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::time::{Duration, SystemTime};

use pipeline::Delivered;
use support::aws::{ENV, XRAY, after, exporter, iso, refusal, refused, service};
use support::sigv4::Service;
use support::{Backend, Reply, build_with, retry, run, traces};

#[test]
fn a_compressed_request_is_signed_with_the_functions_keys() {
    run(async {
        let backend = service(XRAY).await;
        let exporter = exporter("service: xray", &backend, &ENV);
        for spans in [1, 1000] {
            assert_eq!(exporter.export(&traces(spans)).await.unwrap(), Delivered::All);
        }
        let request = backend.received().pop().unwrap();
        assert_eq!(request.header("content-encoding"), "gzip");
        let signed = "SignedHeaders=content-encoding;content-type;host;x-amz-date;x-amz-security-token,";
        assert!(request.header("authorization").contains(signed), "{request:?}");
    });
}

#[test]
fn region_and_service_of_the_configuration_go_before_those_of_the_function() {
    run(async {
        let backend = service(Service { region: "us-east-2", name: "logs", ..XRAY }).await;
        exporter("{region: us-east-2, service: logs}", &backend, &ENV).export(&traces(1)).await.unwrap();
    });
}

#[test]
fn a_host_of_aws_tells_region_and_service() {
    run(async {
        // The backend stands in for a proxy of the network, through which AWS is reached without TLS.
        let backend = service(Service { region: "us-west-2", ..XRAY }).await;
        let yaml = format!(
            "{{traces_endpoint: 'http://xray.us-west-2.amazonaws.com/v1/traces', proxy_url: '{}',
               auth: {{authenticator: sigv4auth/x}}}}",
            backend.url()
        );
        let exporter = build_with(("sigv4auth/x", ""), ("otlp_http", &yaml), &ENV).unwrap();
        exporter.export(&traces(1)).await.unwrap();
    });
}

#[test]
fn without_credentials_the_batch_is_kept_and_it_is_said_where_they_come_from() {
    run(async {
        let backend = service(XRAY).await;
        let said = retry(exporter("service: xray", &backend, &[]).export(&traces(1)).await);
        assert!(said.contains("no AWS credentials: neither AWS_ACCESS_KEY_ID"), "{said}");
        assert!(backend.received().is_empty());
    });
}

#[test]
fn a_wrong_clock_is_noticed_once_and_corrected_from_then_on() {
    for offset in [3600_i64, -3600] {
        run(async move {
            let theirs = move |later: i64| match u64::try_from(offset + later) {
                Ok(ahead) => after(ahead),
                Err(_) => SystemTime::now() - Duration::from_secs((offset + later).unsigned_abs()),
            };
            let backend = Backend::http(move |request| {
                let date = vec![("date", httpdate::fmt_http_date(theirs(0)))];
                let [earliest, latest] = [-300, 300].map(|later| iso(theirs(later)).replace([':', '-'], ""));
                let fresh = (&*earliest..&*latest).contains(&request.header("x-amz-date"));
                match XRAY.verify(request) {
                    Ok(()) if fresh => Reply { headers: date, ..Reply::ok() },
                    other => Reply { headers: date, ..refusal(403, format!("Signature expired {other:?}")) },
                }
            })
            .await;
            let exporter = exporter("service: xray", &backend, &ENV);
            for sent in [2, 3, 4] {
                assert_eq!(exporter.export(&traces(1)).await.unwrap(), Delivered::All);
                assert_eq!(backend.received().len(), sent, "the first request alone is sent twice");
            }
        });
    }
}

#[test]
fn a_refusal_that_teaches_nothing_is_not_repeated() {
    run(async {
        let backend = Backend::http(|_| {
            let date = vec![("date", httpdate::fmt_http_date(SystemTime::now()))];
            Reply { headers: date, ..refusal(403, "AccessDenied: no xray:PutSpans") }
        })
        .await;
        let said = refused(exporter("service: xray", &backend, &ENV).export(&traces(1)).await);
        assert!(said.contains("no xray:PutSpans"), "{said}");
        assert_eq!(backend.received().len(), 1);
    });
}

#[test]
fn a_given_key_that_ended_is_not_tried_again() {
    run(async {
        let backend = Backend::http(|_| refusal(403, "ExpiredTokenException")).await;
        refused(exporter("service: xray", &backend, &ENV).export(&traces(1)).await);
        assert_eq!(backend.received().len(), 1);
    });
}
