//! `sigv4auth` against a backend that checks signatures as AWS does: keys from everywhere, their end, wrong clocks.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use pipeline::{Delivered, Exporter, Undelivered};
use support::backend::Received;
use support::sigv4::{Key, Service};
use support::{Backend, Reply, build_with, retry, run, traces};

const OWN: Key = Key { id: "AKIDOWN", secret: "own/secret", token: "own+token=" };
const ROLE: Key = Key { id: "ASIAROLE", secret: "role/secret", token: "role//token+==" };
const XRAY: Service = Service { key: OWN, region: "eu-west-1", name: "xray" };
const STS: Service = Service { key: OWN, region: "eu-west-1", name: "sts" };

const ENV: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", OWN.id),
    ("AWS_SECRET_ACCESS_KEY", OWN.secret),
    ("AWS_SESSION_TOKEN", OWN.token),
    ("AWS_REGION", "eu-west-1"),
];

/// An answer that AWS gives to what is wrong.
fn refusal(status: u16, body: impl Into<String>) -> Reply {
    Reply { status, body: body.into().into(), ..Reply::ok() }
}

/// A service that takes what is signed right.
async fn service(service: Service) -> Backend {
    Backend::http(move |request| match service.verify(request) {
        Ok(()) => Reply::ok(),
        Err(why) => refusal(403, why),
    })
    .await
}

fn exporter(extension: &str, backend: &Backend, env: &[(&str, &str)]) -> Box<dyn Exporter> {
    let yaml =
        format!("{{traces_endpoint: '{}/v1/traces', auth: {{authenticator: sigv4auth}}}}", backend.url());
    build_with(("sigv4auth", extension), ("otlp_http", &yaml), env).unwrap()
}

fn refused(outcome: Result<Delivered, Undelivered>) -> String {
    match outcome {
        Err(Undelivered::Refused { cause }) => cause.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

/// `time` as AWS writes it.
fn iso(time: SystemTime) -> String {
    let date = httpdate::fmt_http_date(time);
    let part = |range| date.get(range).unwrap();
    let month = "JanFebMarAprMayJunJulAugSepOctNovDec".find(part(8..11)).unwrap() / 3 + 1;
    format!("{}-{month:02}-{}T{}Z", part(12..16), part(5..7), part(17..25))
}

fn after(seconds: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(seconds)
}

/// STS, which hands out `ROLE` until the time that `expires` says.
async fn sts(expires: impl Fn() -> SystemTime + 'static) -> Backend {
    Backend::http(move |request| match STS.verify(request) {
        Ok(()) => role_answer(expires()),
        Err(why) => refusal(403, format!("<ErrorResponse><Error><Code>{why}</Code></Error></ErrorResponse>")),
    })
    .await
}

fn role_answer(expires: SystemTime) -> Reply {
    let keys = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{}</AccessKeyId>\n\
         <SecretAccessKey>{}</SecretAccessKey><SessionToken>\n{}\n</SessionToken><Expiration>{}</Expiration>\
         </Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ROLE.id,
        ROLE.secret,
        ROLE.token,
        iso(expires)
    );
    Reply { body: keys.into(), ..Reply::ok() }
}

const ASSUME: &str =
    "{service: xray, assume_role: {arn: 'arn:aws:iam::123456789012:role/x y', external_id: a&b}}";

fn with_sts(sts: &str) -> Vec<(&str, &str)> {
    ENV.into_iter().chain([("AWS_ENDPOINT_URL_STS", sts)]).collect()
}

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
            true => role_answer(after(200)),
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
        let sts = Backend::http(|_| role_answer(after(3600))).await;
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
        let Key { id, secret, token } = ROLE;
        let json = format!(
            r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{secret}","Token":"{token}","Expiration":"{}"}}"#,
            iso(expires())
        );
        Reply { body: json.into(), ..Reply::ok() }
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
            let json = format!(
                r#"{{"AccessKeyId":"{id}","SecretAccessKey":"{}","Token":"{}","Expiration":"{}"}}"#,
                ROLE.secret,
                ROLE.token,
                iso(after(3600))
            );
            Reply { body: json.into(), ..Reply::ok() }
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
