//! Where `sigv4auth` has its keys from, when it fetches them anew, and what it says when there are none.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::SystemTime;

use futures_util::future::join_all;
use pipeline::Delivered;
use support::aws::{ENV, ROLE, STS, XRAY, after, assumed, container_keys, exporter, refusal, service};
use support::backend::Received;
use support::sigv4::{Key, Service};
use support::{Backend, Reply, retry, run, traces};

/// STS, which hands out `ROLE` until the time that `expires` says.
async fn sts(expires: impl Fn() -> SystemTime + 'static) -> Backend {
    Backend::http(move |request| match STS.verify(request) {
        Ok(()) => assumed(ROLE, expires()),
        Err(why) => refusal(403, format!("<ErrorResponse><Error><Code>{why}</Code></Error></ErrorResponse>")),
    })
    .await
}

const ASSUME: &str =
    "{service: xray, assume_role: {arn: 'arn:aws:iam::123456789012:role/x y', external_id: a&b}}";

fn with_sts(sts: &str) -> Vec<(&str, &str)> {
    ENV.into_iter().chain([("AWS_ENDPOINT_URL_STS", sts)]).collect()
}

#[test]
fn a_role_is_assumed_at_the_first_use_and_by_one_request_for_all() {
    run(async {
        let (backend, sts) = (service(Service { key: ROLE, ..XRAY }).await, sts(|| after(3600)).await);
        let exporter = exporter(ASSUME, &backend, &with_sts(&sts.url()));
        assert_eq!(sts.connections(), 0);
        let batch = traces(1);
        for outcome in join_all((0..10).map(|_| exporter.export(&batch))).await {
            assert_eq!(outcome.unwrap(), Delivered::All);
        }
        let asked = sts.only();
        assert_eq!(
            std::str::from_utf8(&asked.body).unwrap(),
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx%20y\
             &RoleSessionName=otelcol-lambda&ExternalId=a%26b"
        );
        assert_eq!(backend.received().len(), 10);
    });
}

#[test]
fn a_role_is_assumed_anew_before_its_keys_end() {
    run(async {
        // Keys that end in 200 s are within the margin of 300 s, though they still work.
        for (lifetime, fetched) in [(200, 3), (400, 1)] {
            let (backend, sts) =
                (service(Service { key: ROLE, ..XRAY }).await, sts(move || after(lifetime)).await);
            let exporter = exporter(ASSUME, &backend, &with_sts(&sts.url()));
            for _ in 0..3 {
                exporter.export(&traces(1)).await.unwrap();
            }
            assert_eq!(sts.received().len(), fetched, "{lifetime} s");
        }
    });
}

#[test]
fn keys_that_still_work_are_used_while_sts_is_down() {
    run(async {
        let backend = service(Service { key: ROLE, ..XRAY }).await;
        let first = Cell::new(true);
        let sts = Backend::http(move |_| match first.replace(false) {
            true => assumed(ROLE, after(200)),
            false => refusal(503, ""),
        })
        .await;
        let exporter = exporter(ASSUME, &backend, &with_sts(&sts.url()));
        for _ in 0..2 {
            exporter.export(&traces(1)).await.unwrap();
        }
        assert_eq!(sts.received().len(), 2);
    });
}

#[test]
fn an_attempt_that_is_given_up_while_keys_are_fetched_keeps_nobody_from_fetching_them() {
    run(async {
        let backend = service(Service { key: ROLE, ..XRAY }).await;
        let first = Cell::new(true);
        let sts =
            Backend::http(move |_| Reply { hangs: first.replace(false), ..assumed(ROLE, after(3600)) }).await;
        let exporter = exporter(ASSUME, &backend, &with_sts(&sts.url()));
        let batch = traces(1);
        tokio::select! {
            _ = exporter.export(&batch) => panic!("STS has not answered"),
            () = sts.arrived(1) => {}
        }
        assert_eq!(exporter.export(&batch).await.unwrap(), Delivered::All);
        assert_eq!((sts.received().len(), backend.received().len()), (2, 1));
    });
}

#[test]
fn a_role_that_may_not_be_assumed_is_explained_and_the_batch_kept() {
    run(async {
        let backend = service(XRAY).await;
        let sts = Backend::http(|_| {
            let xml =
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User is not authorized\n to perform
                       sts:AssumeRole</Message></Error></ErrorResponse>";
            refusal(403, xml)
        })
        .await;
        let said = retry(exporter(ASSUME, &backend, &with_sts(&sts.url())).export(&traces(1)).await);
        assert!(said.contains("assume_role by http://127.0.0.1"), "{said}");
        assert!(
            said.contains("403 Forbidden AccessDenied: User is not authorized to perform sts:Assume"),
            "{said}"
        );
        assert!(backend.received().is_empty());
    });
}

#[test]
fn what_is_no_answer_of_sts_is_not_repeated_in_the_log() {
    run(async {
        let backend = service(XRAY).await;
        let broken = "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>leaks</SecretAccessKey>";
        let sts = Backend::http(|_| Reply { body: broken.into(), ..Reply::ok() }).await;
        let said = retry(exporter(ASSUME, &backend, &with_sts(&sts.url())).export(&traces(1)).await);
        assert!(said.contains("the answer lacks SessionToken") && !said.contains("leaks"), "{said}");
    });
}

#[test]
fn a_web_identity_needs_no_keys() {
    run(async {
        let file = std::env::temp_dir().join(format!("otelcol-lambda-identity-{}", std::process::id()));
        std::fs::write(&file, "identity.token\n").unwrap();
        let backend = service(Service { key: ROLE, ..XRAY }).await;
        let sts = Backend::http(|_| assumed(ROLE, after(3600))).await;
        let extension = format!(
            "{{service: xray, region: eu-west-1,
               assume_role: {{arn: 'arn:x', session_name: me, web_identity_token_file: '{}'}}}}",
            file.display()
        );
        let env = [("AWS_ENDPOINT_URL_STS", &*sts.url())];
        exporter(&extension, &backend, &env).export(&traces(1)).await.unwrap();
        let asked = sts.only();
        assert_eq!(asked.header("authorization"), "");
        assert_eq!(
            std::str::from_utf8(&asked.body).unwrap(),
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Ax&RoleSessionName=me\
             &WebIdentityToken=identity.token"
        );
        std::fs::remove_file(file).unwrap();
    });
}

/// A container's endpoint, as a function with SnapStart has it; counts the keys that it handed out.
async fn container(expires: impl Fn() -> SystemTime + 'static) -> Backend {
    Backend::http(move |request: &Received| {
        if request.method != "GET" || request.header("authorization") != "Token verbatim" {
            return refusal(404, "");
        }
        container_keys(ROLE, expires())
    })
    .await
}

#[test]
fn a_container_endpoint_gives_keys_and_new_ones_when_they_end() {
    run(async {
        for (lifetime, fetched) in [(3600, 1), (200, 2)] {
            let backend = service(Service { key: ROLE, ..XRAY }).await;
            let endpoint = container(move || after(lifetime)).await;
            let uri = format!("{}/2021-04-23/credentials", endpoint.url());
            let env = [
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Token verbatim"),
                ("AWS_DEFAULT_REGION", "eu-west-1"),
            ];
            let exporter = exporter("service: xray", &backend, &env);
            for _ in 0..2 {
                exporter.export(&traces(1)).await.unwrap();
            }
            assert_eq!(endpoint.received().len(), fetched);
            assert_eq!(endpoint.received()[0].target, "/2021-04-23/credentials");
        }
    });
}

#[test]
fn the_token_for_a_container_endpoint_may_be_in_a_file_that_is_replaced() {
    run(async {
        let file = std::env::temp_dir().join(format!("otelcol-lambda-container-{}", std::process::id()));
        std::fs::write(&file, "an old one").unwrap();
        let backend = service(Service { key: ROLE, ..XRAY }).await;
        let endpoint = container(|| after(3600)).await;
        let env = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*endpoint.url()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap()),
            ("AWS_REGION", "eu-west-1"),
        ];
        let exporter = exporter("service: xray", &backend, &env);
        let said = retry(exporter.export(&traces(1)).await);
        assert!(said.contains("404 Not Found") && !said.contains("an old one"), "{said}");
        std::fs::write(&file, "Token verbatim\n").unwrap();
        exporter.export(&traces(1)).await.unwrap();
        std::fs::remove_file(file).unwrap();
    });
}

#[test]
fn keys_that_aws_refuses_before_their_end_are_replaced_at_once() {
    run(async {
        let asked = Rc::new(Cell::new(0));
        let counted = asked.clone();
        // The first key is not the one that the service knows.
        let endpoint = Backend::http(move |_| {
            let id = if counted.replace(counted.get() + 1) == 0 { "ASIAOLD" } else { ROLE.id };
            container_keys(Key { id, ..ROLE }, after(3600))
        })
        .await;
        let backend = service(Service { key: ROLE, ..XRAY }).await;
        let env = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*endpoint.url()), ("AWS_REGION", "eu-west-1")];
        let exporter = exporter("service: xray", &backend, &env);
        let batch = traces(1);
        for outcome in join_all([exporter.export(&batch), exporter.export(&batch)]).await {
            assert_eq!(outcome.unwrap(), Delivered::All);
        }
        assert_eq!((asked.get(), backend.received().len()), (2, 4));
    });
}
