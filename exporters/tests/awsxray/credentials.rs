//! Whose requests they are, and what becomes of those that are signed wrong.

use std::cell::Cell;
use std::rc::Rc;

use pipeline::Delivered;

use crate::support::aws::{ENV, OWN, ROLE, XRAY, after, assumed, container_keys, iso, refusal, refused};
use crate::support::sigv4::Service;
use crate::support::{Backend, Reply, build, run};
use crate::xray::{documents, exporter, result, spans};

#[test]
fn whose_right_is_missing_is_told() {
    run(async {
        let sts = Backend::http(|_| assumed(ROLE, after(3600))).await;
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
fn a_token_that_has_ended_is_replaced_and_the_request_sent_again() {
    run(async {
        let fetched = Rc::new(Cell::new(0));
        let fetches = fetched.clone();
        let container = Backend::http(move |_| {
            let key = if fetches.replace(fetches.get() + 1) == 0 { OWN } else { ROLE };
            container_keys(key, after(3600))
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
