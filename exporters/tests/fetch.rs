//! Texts from AWS and the web: asked for once, signed, side by side, in bounded time, and told in words when denied.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use config::{Answers, Env};
use exporters::auth::Shared;
use exporters::fetch::Fetcher;
use tokio::time::Instant;

use support::aws::{ENV, OWN, refusal, text};
use support::backend::Received;
use support::sigv4::Service;
use support::{Backend, Reply, run};

const SECRETS: Service = Service { key: OWN, region: "eu-west-1", name: "secretsmanager" };
const PARAMETERS: Service = Service { key: OWN, region: "eu-west-1", name: "ssm" };
const S3: Service = Service { key: OWN, region: "eu-west-1", name: "s3" };

fn fetcher(backend: &Backend) -> Fetcher {
    let url = backend.url();
    let env = ENV.into_iter().chain([("AWS_ENDPOINT_URL", url.as_str())]);
    Fetcher::new(&Env::from_iter(env), &Shared::default())
}

async fn ask(fetcher: &Fetcher, uris: &[&str]) -> Answers {
    let uris: Vec<_> = uris.iter().map(|uri| (*uri).to_owned()).collect();
    fetcher.answers(&uris, Instant::now() + Duration::from_secs(30)).await
}

async fn one(backend: &Backend, uri: &str) -> Result<String, String> {
    ask(&fetcher(backend), &[uri]).await.remove(uri).unwrap().map(Option::unwrap)
}

/// AWS, with one secret, the parameters `/a` and `/b`, and one object.
fn aws(request: &Received) -> Reply {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let target = request.header("x-amz-target");
    let service = match target.split('.').next().unwrap() {
        "secretsmanager" => SECRETS,
        "AmazonSSM" => PARAMETERS,
        _ => S3,
    };
    if let Err(why) = service.verify(request) {
        return refusal(403, why);
    }
    match target {
        "secretsmanager.GetSecretValue" if body.contains(r#""SecretId":"s""#) => {
            text(r#"{"SecretString": "{\"k\": \"v\", \"n\": 0.5}"}"#)
        }
        "secretsmanager.GetSecretValue" => {
            refusal(400, r#"{"__type": "ResourceNotFoundException", "Message": "can't find it"}"#)
        }
        "AmazonSSM.GetParameters" if body.contains("/denied") => {
            refusal(400, r#"{"__type": "AccessDeniedException", "Message": "User: role is not authorized"}"#)
        }
        "AmazonSSM.GetParameters" => {
            let known = ["/a", "/b"].into_iter().filter(|name| body.contains(&format!("\"{name}\"")));
            let known: Vec<_> =
                known.map(|name| format!(r#"{{"Name": "{name}", "Value": "v{name}"}}"#)).collect();
            text(format!(r#"{{"Parameters": [{}], "InvalidParameters": []}}"#, known.join(",")))
        }
        _ if request.target == "/bucket/a%20b/c%2B.yaml" => text("a: 1\n"),
        _ => refusal(404, "<Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message></Error>"),
    }
}

#[test]
fn many_references_to_one_secret_are_one_call() {
    run(async {
        let backend = Backend::http(aws).await;
        let fetcher = fetcher(&backend);
        let uris = ["secretsmanager:s#k", "secretsmanager:s#n", "secretsmanager:s", "secretsmanager:s#o:-d"];
        let answers = ask(&fetcher, &uris).await;
        let answers: Vec<_> = uris.iter().map(|uri| answers[*uri].clone().unwrap().unwrap()).collect();
        assert_eq!(answers, ["v", "0.5", r#"{"k": "v", "n": 0.5}"#, "d"]);
        assert_eq!(
            ask(&fetcher, &["secretsmanager:s#o"]).await["secretsmanager:s#o"],
            Err("the secret s: has no field o".into())
        );
        assert_eq!(backend.received().len(), 1);
    });
}

#[test]
fn parameters_come_ten_at_a_time_and_one_that_is_denied_costs_no_other() {
    run(async {
        let backend = Backend::http(aws).await;
        let answers = ask(&fetcher(&backend), &["ssm:/a", "ssm:/b", "ssm:/c"]).await;
        assert_eq!(answers["ssm:/b"], Ok(Some("v/b".into())));
        assert_eq!(answers["ssm:/c"], Err("the parameter /c: is not there in eu-west-1".into()));
        assert_eq!(backend.received().len(), 1);

        let answers = ask(&fetcher(&backend), &["ssm:/a", "ssm:/denied"]).await;
        assert_eq!(answers["ssm:/a"], Ok(Some("v/a".into())));
        let why = answers["ssm:/denied"].clone().unwrap_err();
        for words in ["the parameter /denied", "eu-west-1", "User: role", "needs ssm:GetParameters"] {
            assert!(why.contains(words), "{why}");
        }
    });
}

#[test]
fn an_object_is_asked_for_by_its_path() {
    run(async {
        let backend = Backend::http(aws).await;
        assert_eq!(one(&backend, "s3://bucket/a b/c+.yaml").await.unwrap(), "a: 1\n");
        let why = one(&backend, "s3://bucket/none").await.unwrap_err();
        assert_eq!(why, "s3://bucket/none: 404 in eu-west-1: NoSuchKey: The key does not exist.");
    });
}

#[test]
fn a_bucket_elsewhere_says_where_and_is_asked_there() {
    run(async {
        let backend = Backend::http(|request| {
            let there = Service { region: "eu-north-1", ..S3 };
            match there.verify(request) {
                Ok(()) => text("there"),
                Err(_) => {
                    Reply { headers: vec![("x-amz-bucket-region", "eu-north-1".into())], ..refusal(301, "") }
                }
            }
        })
        .await;
        assert_eq!(one(&backend, "s3://bucket/key").await.unwrap(), "there");
        assert_eq!(backend.received().len(), 2);
    });
}

#[test]
fn a_service_that_is_busy_is_asked_again_and_one_that_says_no_is_not() {
    run(async {
        let asked = Rc::new(Cell::new(0));
        let counted = asked.clone();
        let backend = Backend::http(move |request| {
            counted.set(counted.get() + 1);
            if counted.get() < 3 {
                refusal(400, r#"{"__type": "ThrottlingException"}"#)
            } else {
                aws(request)
            }
        })
        .await;
        assert_eq!(one(&backend, "secretsmanager:s#k").await.unwrap(), "v");
        assert_eq!(asked.get(), 3);
        assert!(
            one(&backend, "secretsmanager:none").await.unwrap_err().contains("ResourceNotFoundException")
        );
        assert_eq!(asked.get(), 4);
    });
}

#[test]
fn what_hangs_is_given_up_at_the_deadline_and_costs_no_other() {
    run(async {
        let backend = Backend::http(|request| match request.header("x-amz-target") {
            "AmazonSSM.GetParameters" => Reply { hangs: true, ..Reply::ok() },
            _ => aws(request),
        })
        .await;
        let uris = ["ssm:/a".to_owned(), "secretsmanager:s#k".to_owned()];
        let answers = fetcher(&backend).answers(&uris, Instant::now() + Duration::from_secs(2)).await;
        assert_eq!(answers["secretsmanager:s#k"], Ok(Some("v".into())));
        assert!(answers["ssm:/a"].clone().unwrap_err().contains("no answer within"), "{answers:?}");
    });
}

#[test]
fn what_failed_is_tried_again_when_asked_to_and_what_changed_is_noticed() {
    run(async {
        let number = Rc::new(Cell::new(0));
        let now = number.clone();
        let backend = Backend::http(move |_| match now.get() {
            0 => refusal(400, r#"{"__type": "AccessDeniedException"}"#),
            number => text(format!(r#"{{"SecretString": "{number}"}}"#)),
        })
        .await;
        let (fetcher, uri) = (fetcher(&backend), "secretsmanager:s");
        let soon = || Instant::now() + Duration::from_secs(30);
        assert!(ask(&fetcher, &[uri]).await[uri].is_err());
        number.set(1);
        assert!(ask(&fetcher, &[uri]).await[uri].is_err(), "remembered");
        fetcher.forget_failures();
        assert_eq!(ask(&fetcher, &[uri]).await[uri], Ok(Some("1".into())));
        assert!(!fetcher.refresh(soon()).await);
        number.set(2);
        assert!(fetcher.refresh(soon()).await);
        assert_eq!(ask(&fetcher, &[uri]).await[uri], Ok(Some("2".into())));
        number.set(0);
        assert!(!fetcher.refresh(soon()).await, "what can't be had stays as it was");
        assert_eq!(ask(&fetcher, &[uri]).await[uri], Ok(Some("2".into())));
    });
}

#[test]
fn a_web_server_may_point_elsewhere_but_not_forever() {
    run(async {
        let backend = Backend::http(|request| match request.target.as_str() {
            "/a?k=1" => Reply { status: 302, headers: vec![("location", "/b".into())], ..Reply::ok() },
            "/b" => text(request.header("authorization")),
            "/loop" => Reply { status: 307, headers: vec![("location", "/loop".into())], ..Reply::ok() },
            _ => refusal(404, "hush"),
        })
        .await;
        assert_eq!(one(&backend, &format!("{}/a?k=1", backend.url())).await.unwrap(), "");
        let why = one(&backend, &format!("{}/loop", backend.url())).await.unwrap_err();
        assert!(why.ends_with("points elsewhere again and again"), "{why}");
        let secretive = backend.url().replace("://", "://user:hush@") + "/none?token=hush";
        let why = one(&backend, &secretive).await.unwrap_err();
        assert_eq!(why, format!("{}/none: 404 Not Found", backend.url()));
    });
}
