//! `awsemf` against a CloudWatch Logs that takes nothing that is not signed, in order, and of a stream that exists.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pipeline::{Batch, Budget, Delivered, Exporter, Signal, Undelivered};
use serde_json::{Value, json};
use support::aws::{ENV, OWN, refusal, refused};
use support::backend::Received;
use support::sigv4::Service;
use support::{Backend, Reply, build, retry, run};

const LOGS: Service = Service { key: OWN, region: "eu-west-1", name: "logs" };

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Metrics of these services, each with one gauge at each of these times, in seconds.
fn metrics(services: &[&str], times: &[u64]) -> Batch {
    let resource = |service: &&str| {
        let point = |time: &u64| json!({"asInt": "1", "timeUnixNano": (time * 1_000_000_000).to_string()});
        let points: Vec<Value> = times.iter().map(point).collect();
        json!({
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": points}}]}],
        })
    };
    let request = json!({"resourceMetrics": services.iter().map(resource).collect::<Vec<_>>()});
    let lease = Budget::new(usize::MAX).lease(0).unwrap();
    Batch::admit_json(Signal::Metrics, request.to_string().as_bytes(), lease).unwrap()
}

fn exporter(backend: &Backend, more: &str) -> Box<dyn Exporter> {
    build("awsemf", &format!("{{endpoint: '{}', {more}}}", backend.url()), &ENV).unwrap()
}

fn action(request: &Received) -> String {
    request.header("x-amz-target").strip_prefix("Logs_20140328.").unwrap().to_owned()
}

fn body(request: &Received) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// CloudWatch Logs, with the log groups that it was asked to make.
#[derive(Default)]
struct CloudWatch {
    groups: RefCell<BTreeSet<String>>,
    streams: RefCell<BTreeSet<(String, String)>>,
}

impl CloudWatch {
    fn answer(&self, request: &Received) -> Reply {
        if let Err(why) = LOGS.verify(request) {
            return refusal(403, json!({"__type": "InvalidSignatureException", "message": why}).to_string());
        }
        let fault = |code: &str| refusal(400, json!({"__type": code, "message": "words"}).to_string());
        if request.header("content-type") != "application/x-amz-json-1.1" {
            return fault("SerializationException");
        }
        let body = body(request);
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        let group = text("logGroupName");
        match action(request).as_str() {
            "CreateLogGroup" if self.groups.borrow_mut().insert(group.clone()) => Reply::ok(),
            "CreateLogGroup" => fault("ResourceAlreadyExistsException"),
            "PutRetentionPolicy" if self.groups.borrow().contains(&group) => Reply::ok(),
            "CreateLogStream" if self.groups.borrow().contains(&group) => {
                self.streams.borrow_mut().insert((group, text("logStreamName")));
                Reply::ok()
            }
            "PutLogEvents" if self.streams.borrow().contains(&(group, text("logStreamName"))) => {
                let events = body["logEvents"].as_array().unwrap();
                let times: Vec<u64> =
                    events.iter().map(|event| event["timestamp"].as_u64().unwrap()).collect();
                let span = times.last().unwrap() - times.first().unwrap();
                match times.is_sorted() && span <= 24 * 3600 * 1000 && times.len() <= 10_000 {
                    true => Reply { body: "{}".into(), ..Reply::ok() },
                    false => fault("InvalidParameterException"),
                }
            }
            _ => fault("ResourceNotFoundException"),
        }
    }
}

async fn cloudwatch() -> Backend {
    let cloudwatch = CloudWatch::default();
    Backend::http(move |request| cloudwatch.answer(request)).await
}

/// What was put: the log group, the stream, and how many events.
fn put(backend: &Backend) -> Vec<(String, String, usize)> {
    let of = |request: &Received| {
        let body = body(request);
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        (text("logGroupName"), text("logStreamName"), body["logEvents"].as_array().unwrap().len())
    };
    backend.received().iter().filter(|request| action(request) == "PutLogEvents").map(of).collect()
}

#[test]
fn group_and_stream_are_made_once_when_they_are_missing() {
    run(async {
        let backend = cloudwatch().await;
        let exporter =
            exporter(&backend, "log_retention: 7, tags: {team: a}, log_stream_name: '{ServiceName}-s'");
        for _ in 0..2 {
            assert_eq!(exporter.export(&metrics(&["shop"], &[now()])).await.unwrap(), Delivered::All);
        }
        let requests = backend.received();
        let actions: Vec<_> = requests.iter().map(action).collect();
        let expected = [
            "PutLogEvents",
            "CreateLogStream",
            "CreateLogGroup",
            "PutRetentionPolicy",
            "CreateLogStream",
            "PutLogEvents",
            "PutLogEvents",
        ];
        assert_eq!(actions, expected);
        assert_eq!(body(&requests[2]), json!({"logGroupName": "/metrics/shop", "tags": {"team": "a"}}));
        assert_eq!(body(&requests[3])["retentionInDays"], 7);
        assert_eq!(put(&backend)[2], ("/metrics/shop".into(), "shop-s".into(), 1));
        let event = body(&requests[6])["logEvents"][0]["message"].as_str().unwrap().to_owned();
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"], "m");
    });
}

#[test]
fn each_stream_and_each_day_has_requests_of_its_own() {
    run(async {
        let backend = cloudwatch().await;
        let batch = metrics(&["a", "b"], &[now(), now() - 90_000, now() - 1]);
        let outcome = exporter(&backend, "log_group_name: '/own/{ServiceName}'").export(&batch).await;
        assert_eq!(outcome.unwrap(), Delivered::All);
        let taken: BTreeSet<_> =
            put(&backend).into_iter().map(|(group, _, events)| (group, events)).collect();
        let expected = [("/own/a", 1), ("/own/a", 2), ("/own/b", 1), ("/own/b", 2)];
        assert_eq!(taken, expected.map(|(group, events)| (group.to_owned(), events)).into());
        let streams: BTreeSet<_> = put(&backend).into_iter().map(|(_, stream, _)| stream).collect();
        assert_eq!(streams.len(), 1, "a process has one stream");
    });
}

#[test]
fn of_several_requests_only_the_one_that_failed_is_sent_again() {
    run(async {
        let cloudwatch = CloudWatch::default();
        let failures = Rc::new(Cell::new(1));
        let backend = Backend::http(move |request| {
            let is_b = body(request)["logGroupName"] == "/metrics/b";
            if is_b && action(request) == "PutLogEvents" && failures.replace(0) == 1 {
                return refusal(400, json!({"__type": "ThrottlingException"}).to_string());
            }
            cloudwatch.answer(request)
        })
        .await;
        let exporter = exporter(&backend, "");
        let outcome = exporter.export(&metrics(&["a", "b"], &[now(), now() - 1])).await;
        let Err(Undelivered::RetryRest { rest, rejected: 0, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(rest.items(), 2);
        assert_eq!(exporter.export(&rest).await.unwrap(), Delivered::All);
        let to_a = put(&backend).iter().filter(|(group, ..)| group == "/metrics/a").count();
        assert_eq!(to_a, 2, "one before the group was made, one after");
    });
}

#[test]
fn what_cloudwatch_rejects_for_its_time_is_counted() {
    run(async {
        let backend = Backend::http(|_| {
            let rejected = json!({"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}});
            Reply { body: rejected.to_string().into(), ..Reply::ok() }
        })
        .await;
        let batch = metrics(&["a"], &[now(), now() - 1, now() - 2]);
        let outcome = exporter(&backend, "").export(&batch).await;
        assert!(matches!(outcome, Ok(Delivered::Partly { rejected: 2, .. })), "{outcome:?}");
    });
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_dropped() {
    for (status, code, passes) in [
        (400, "ThrottlingException", true),
        (400, "OperationAbortedException", true),
        (500, "", true),
        (503, "ServiceUnavailableException", true),
        (429, "", true),
        (400, "InvalidParameterException", false),
        (400, "AccessDeniedException", false),
    ] {
        run(async move {
            let body = json!({"__type": code, "message": "words"}).to_string();
            let backend = Backend::http(move |_| refusal(status, body.clone())).await;
            let exporter = exporter(&backend, "output_destination: cloudwatch");
            let outcome = exporter.export(&metrics(&["a"], &[now()])).await;
            if passes {
                assert!(retry(outcome).contains(&status.to_string()));
            } else {
                let cause = refused(outcome);
                assert_eq!(cause.contains("logs:PutLogEvents"), code.starts_with("Access"), "{cause}");
            }
        });
    }
}

#[test]
fn no_listener_is_a_reason_to_try_again() {
    run(async {
        let yaml = format!("{{endpoint: 'http://127.0.0.1:{}'}}", support::CLOSED);
        let exporter = build("awsemf", &yaml, &ENV).unwrap();
        assert!(retry(exporter.export(&metrics(&["a"], &[now()])).await).contains("PutLogEvents"));
        assert_eq!(exporter.sending().timeout, Duration::from_secs(30));
        assert!(exporter.takes(Signal::Metrics).is_ok() && exporter.takes(Signal::Traces).is_err());
    });
}
