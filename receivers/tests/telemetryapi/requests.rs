//! The export requests around the records.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use pipeline::{Batch, Budget, Host, Inlet, Invocation, Signal, Stop};
use proptest::prelude::*;
use receivers::telemetryapi::{Config, Deliveries, Event, Feed, News, Translator, events};
use serde_json::{Value, json};
use tokio::task::{LocalSet, spawn_local, yield_now};

use super::harness::{build, cases, context, records};

fn translator(host: &Host) -> Translator {
    let config =
        Config { log_report: true, export_interval_ms: 0, invocation_spans: true, ..Config::default() };
    Translator::new(&config, &context(&json!({}), host))
}

/// The log records that `events` become at `now`, as one OTLP/JSON request at most.
fn logs(translator: &mut Translator, events: &[Event], now: SystemTime) -> Option<Value> {
    let mut requests = translator.take(&News::Events(events), now);
    requests.retain(|(signal, _)| *signal == Signal::Logs);
    assert!(requests.len() < 2);
    let (signal, request) = requests.pop()?;
    let batch = Batch::admit(signal, request, Budget::new(1 << 30).lease(0).unwrap()).unwrap();
    serde_json::from_slice(&batch.to_json()).ok()
}

fn line(text: &str) -> Event {
    Event { time: Some(1), kind: "function".into(), record: text.into() }
}

#[test]
fn thousands_of_lines_of_one_delivery_are_one_request_with_the_host_as_its_resource() {
    let host = Host::default();
    host.learn("faas.name", Any::StringValue("orders".into()));
    let lines: Vec<_> = (0..5000).map(|number| line(&number.to_string())).collect();
    let request = logs(&mut translator(&host), &lines, SystemTime::now()).unwrap();
    let [resource] = &request["resourceLogs"].as_array().unwrap()[..] else { panic!("{request}") };
    let name = json!({"key": "faas.name", "value": {"stringValue": "orders"}});
    assert!(resource["resource"]["attributes"].as_array().unwrap().contains(&name));
    let scope = &resource["scopeLogs"][0]["scope"];
    let expected = "github.com/open-telemetry/opentelemetry-lambda/collector/receiver/telemetryapi";
    assert_eq!(*scope, json!({"name": expected}));
    assert_eq!(records(&[request]).len(), 5000);
}

#[test]
fn a_record_without_a_time_that_can_be_read_has_that_of_its_hearing() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let untimed = Event { time: None, ..line("x") };
    let request = logs(&mut translator(&Host::default()), &[untimed, line("y")], now).unwrap();
    let times = records(&[request]).into_iter().map(|record| {
        ["timeUnixNano", "observedTimeUnixNano"].map(|key| record[key].as_str().unwrap().to_owned())
    });
    let now = "1767225600000000000";
    assert_eq!(times.collect::<Vec<_>>(), [[now, now], ["1", now]]);
}

#[test]
fn an_invocation_whose_start_is_lost_is_known_from_the_call() {
    let mut translator = translator(&Host::default());
    let at = |millis: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_000 + millis);
    let trace_header = Some("Root=1-67765a00-1f2e3d4c5b6a798812345678;Sampled=1".to_owned());
    let invocation = Invocation { request_id: "a".into(), trace_header, ..Invocation::default() };
    translator.take(&News::Invoked(&invocation), at(100));
    let delivery = br#"[{"time":"2026-01-01T00:00:00.050Z","type":"function","record":"before"},
        {"time":"2026-01-01T00:00:00.150Z","type":"function","record":"during"},
        {"time":"2026-01-01T00:00:00.200Z","type":"platform.runtimeDone","record":{"requestId":"a"}},
        {"time":"2026-01-01T00:00:00.250Z","type":"function","record":"after"}]"#;
    let request = logs(&mut translator, &events(delivery).unwrap(), at(300)).unwrap();
    let traces: Vec<_> = records(&[request]).iter().map(|record| record["traceId"].is_string()).collect();
    assert_eq!(traces, [false, true, true, false]);
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let (feed, budget) = (Feed::default(), Budget::new(1000));
        let receiver = build(&json!({"config": {}}), &Host::default(), &feed).unwrap();
        let inlet = Inlet::new(budget.clone()).route(Signal::Logs, drop);
        let (trigger, stop) = Stop::new();
        let run = spawn_local(receiver.run(inlet, stop));
        yield_now().await;
        feed.tell(News::Events(&[line(&"x".repeat(1000))]));
        assert_eq!(budget.refusals(), 1);
        feed.tell(News::Events(&[line("x")]));
        assert_eq!((budget.refusals(), budget.used()), (1, 0));
        drop(trigger);
        run.await.unwrap();
    });
}

#[test]
fn metrics_for_which_there_is_no_room_wait_until_there_is() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let (feed, budget, told) = (Feed::default(), Budget::new(1 << 20), Rc::new(RefCell::new(Vec::new())));
        let case = json!({"config": {"metrics_temporality": "delta", "export_interval_ms": 0}});
        let receiver = build(&case, &Host::default(), &feed).unwrap();
        let heard = told.clone();
        let inlet = Inlet::new(budget.clone()).route(Signal::Metrics, move |batch| {
            heard.borrow_mut().push(serde_json::from_slice::<Value>(&batch.to_json()).unwrap());
        });
        let (_trigger, stop) = Stop::new();
        spawn_local(receiver.run(inlet, stop));
        yield_now().await;
        let done = |id: &str| {
            let record = json!({"requestId": id, "status": "success"});
            Event { time: Some(1), kind: "platform.runtimeDone".into(), record }
        };
        let others = budget.lease((1 << 20) - 100).unwrap();
        feed.tell(News::Events(&[done("a")]));
        assert_eq!((told.borrow().len(), budget.refusals()), (0, 0));
        drop(others);
        feed.tell(News::Events(&[done("b")]));
        let invocations = "/resourceMetrics/0/scopeMetrics/0/metrics/0/sum/dataPoints/0/asInt";
        let counts: Vec<_> = told.borrow().iter().filter_map(|it| it.pointer(invocations).cloned()).collect();
        assert_eq!(counts, ["2"]);
    });
}

/// Events of recorded deliveries, for others to be made of.
fn recorded() -> Vec<Value> {
    let deliveries = cases().flat_map(|case| case["events"].as_array().cloned().unwrap_or_default());
    deliveries.flat_map(|delivery| delivery.as_array().cloned().unwrap_or_default()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_heard_in_whatever_order_all_requests_are_valid_and_no_event_is_lost(
        mut delivery in prop::sample::subsequence(recorded(), 0..40).prop_shuffle(),
        odd in prop::collection::vec((0..40_usize, r#"\{"(time|type|record)":(1e999|"\\ud800"|\[\[5\]\]|\{"level":\{\},"type":1,"requestId":7\}|"platform\.start")\}"#), 0..5),
    ) {
        delivery.retain(|event| event["type"] != "platform.report");
        let mut texts: Vec<String> = delivery.iter().map(Value::to_string).collect();
        odd.into_iter().for_each(|(at, odd)| texts.insert(at.min(texts.len()), odd));
        let mut body = format!("[{}]", texts.join(",")).into_bytes();
        let heard = Deliveries::default().take(&mut body, None, false).events;
        prop_assert_eq!(heard.len(), texts.len());
        let found = logs(&mut translator(&Host::default()), &heard, SystemTime::now());
        prop_assert!(found.map_or(0, |request| records(&[request]).len()) >= texts.len());
    }
}
