//! The `coldstart` processor: where the span of a start goes, in whatever order it and the invocations come.

use std::time::Duration;

use pipeline::{Batch, Budget, Processor, Signal};
use serde_json::{Value, json};

use crate::stage::{build, built};

const FIRST: &str = "0000000000000000000000000000000a";
const SECOND: &str = "0000000000000000000000000000000b";
const ALONE: &str = "00000000000000000000000000000001";

/// A processor, the budget of what it is given, and what came out of it.
struct Stage {
    processor: Box<dyn Processor>,
    budget: Budget,
    out: Vec<Batch>,
}

impl Stage {
    fn new() -> Stage {
        let processor = built("coldstart", "");
        Stage { processor, budget: Budget::new(1 << 20), out: Vec::new() }
    }

    /// Gives it one request of these spans, each with a resource and a scope of its own.
    fn give(&mut self, spans: &[&Value]) -> &mut Stage {
        let around = |span: &&Value| {
            let service = json!({"key": "service.name", "value": {"stringValue": span["name"]}});
            json!({
                "resource": {"attributes": [service]}, "schemaUrl": "resource",
                "scopeSpans": [{"scope": {"name": span["name"]}, "schemaUrl": "scope", "spans": [span]}]
            })
        };
        let resources: Vec<Value> = spans.iter().map(around).collect();
        self.give_request(&json!({"resourceSpans": resources}))
    }

    fn give_request(&mut self, request: &Value) -> &mut Stage {
        let json = request.to_string();
        let lease = self.budget.lease(json.len()).unwrap();
        let batch = Batch::admit_json(Signal::Traces, json.as_bytes(), lease).unwrap();
        self.processor.process(batch, &mut self.out);
        self
    }

    fn flush(&mut self) -> &mut Stage {
        self.processor.flush(&mut self.out);
        self
    }

    /// What came out since the last call: name, trace id, parent, service and scope of each span.
    fn told(&mut self) -> Vec<[String; 5]> {
        let mut told = Vec::new();
        for batch in self.out.drain(..) {
            let request: Value = serde_json::from_slice(&batch.to_json()).unwrap();
            for resource in request["resourceSpans"].as_array().unwrap() {
                let service = &resource["resource"]["attributes"][0]["value"]["stringValue"];
                for scope in resource["scopeSpans"].as_array().unwrap() {
                    for span in scope["spans"].as_array().unwrap() {
                        let all = [
                            &span["name"],
                            &span["traceId"],
                            &span["parentSpanId"],
                            service,
                            &scope["scope"]["name"],
                        ];
                        told.push(all.map(|value| value.as_str().unwrap_or_default().to_owned()));
                    }
                }
            }
        }
        told
    }
}

fn span(name: &str, trace: &str, parent: &str, attributes: &[Value]) -> Value {
    json!({"name": name, "traceId": trace, "spanId": "00000000000000ff", "parentSpanId": parent,
        "attributes": attributes})
}

fn text(key: &str) -> Value {
    json!({"key": key, "value": {"stringValue": "af9d5aa4-a685-4c5f-a22b-444f80b3cc28"}})
}

fn cold() -> Value {
    json!({"key": "faas.coldstart", "value": {"boolValue": true}})
}

fn start(name: &str) -> Value {
    span(name, ALONE, "", &[cold()])
}

fn invocation(name: &str, trace: &str) -> Value {
    span(name, trace, &trace[16..], &[text("faas.invocation_id")])
}

/// A span that was not touched.
fn whole(span: &Value) -> [String; 5] {
    [&span["name"], &span["traceId"], &span["parentSpanId"], &span["name"], &span["name"]]
        .map(|value| value.as_str().unwrap().to_owned())
}

/// A start called `name` beside the invocation `beside`.
fn joined(name: &str, beside: &Value) -> [String; 5] {
    let mut told = whole(beside);
    told[0] = name.to_owned();
    told
}

#[test]
fn a_start_joins_the_first_invocation_in_whatever_order_they_come() {
    let (init, first, second) = (start("init"), invocation("first", FIRST), invocation("second", SECOND));
    let other = span("other", FIRST, "", &[]);
    let expected = vec![joined("init", &first), whole(&first), whole(&other), whole(&second)];
    let all = |requests: &[&[&Value]]| {
        let mut stage = Stage::new();
        for spans in requests {
            stage.give(spans);
        }
        let mut told = stage.told();
        let places = ["init", "first", "other", "second"];
        told.sort_by_key(|span| places.iter().position(|name| *name == span[0]));
        assert_eq!(stage.flush().told(), [[""; 5]; 0], "nothing was held any more");
        assert_eq!(stage.budget.used(), 0);
        told
    };
    let (init, first, second, other) = (&init, &first, &second, &other);
    for requests in [
        &[&[init][..], &[other], &[first], &[second]][..],
        &[&[first], &[other, init], &[second]],
        &[&[first], &[second], &[other], &[init]],
        &[&[other, init, first, second]],
        &[&[first, second, init, other]],
        &[&[init], &[other, first], &[second]],
    ] {
        assert_eq!(all(requests), expected, "{requests:?}");
    }
}

#[test]
fn state_and_flags_of_the_trace_come_with_it_and_the_rest_of_a_start_stays() {
    let mut init = start("init");
    init["startTimeUnixNano"] = "7".into();
    init["status"] = json!({"code": 2});
    let mut first = invocation("first", FIRST);
    (first["traceState"], first["flags"]) = ("ot=th:8".into(), 769.into());
    let mut stage = Stage::new();
    stage.give(&[&init]).give(&[&first]);
    let request: Value = serde_json::from_slice(&stage.out[1].to_json()).unwrap();
    let resource = &request["resourceSpans"][0];
    assert_eq!(
        (&resource["schemaUrl"], &resource["scopeSpans"][0]["schemaUrl"]),
        (&"resource".into(), &"scope".into())
    );
    let expected = json!({
        "traceId": FIRST, "spanId": "00000000000000ff", "traceState": "ot=th:8", "parentSpanId": &FIRST[16..],
        "flags": 769, "name": "init", "startTimeUnixNano": "7", "attributes": [cold()], "status": {"code": 2}
    });
    assert_eq!(resource["scopeSpans"][0]["spans"], json!([expected]));
}

#[test]
fn an_invocation_may_have_the_old_name_of_its_id() {
    let first = span("first", FIRST, "", &[text("faas.execution")]);
    let mut stage = Stage::new();
    stage.give(&[&start("init")]).give(&[&first]);
    assert_eq!(stage.told(), [whole(&first), joined("init", &first)]);
}

#[test]
fn an_invocation_that_says_it_is_the_first_is_no_start() {
    let first = span("first", FIRST, "", &[cold(), text("faas.invocation_id")]);
    let second = invocation("second", SECOND);
    let mut stage = Stage::new();
    stage.give(&[&first]).give(&[&second]).give(&[&start("init")]);
    assert_eq!(stage.told(), [whole(&first), whole(&second), joined("init", &first)]);
}

#[test]
fn what_only_looks_like_a_start_passes() {
    for value in
        [json!({"boolValue": false}), json!({"stringValue": "true"}), json!({"intValue": "1"}), json!({})]
    {
        let odd = span("odd", ALONE, "", &[json!({"key": "faas.coldstart", "value": value})]);
        let mut stage = Stage::new();
        assert_eq!(stage.give(&[&odd]).told(), [whole(&odd)], "{value}");
    }
}

#[test]
fn a_start_without_an_invocation_goes_as_it_is_with_the_flush_and_only_once() {
    let mut stage = Stage::new();
    assert_eq!(stage.give(&[&start("init")]).told(), [[""; 5]; 0]);
    assert_eq!(stage.flush().told(), [whole(&start("init"))]);
    let late = invocation("late", SECOND);
    assert_eq!(stage.give(&[&late]).flush().told(), [whole(&late)]);
    assert_eq!(stage.budget.used(), 0);
}

#[test]
fn an_invocation_is_remembered_beyond_a_flush() {
    let first = invocation("first", FIRST);
    let mut stage = Stage::new();
    stage.give(&[&first]).flush().give(&[&start("init")]);
    assert_eq!(stage.told(), [whole(&first), joined("init", &first)]);
}

#[test]
fn of_several_starts_none_is_lost() {
    let first = invocation("first", FIRST);
    let mut stage = Stage::new();
    stage.give(&[&start("init"), &start("init again")]).give(&[&start("restore")]).give(&[&first]);
    let joined = ["init", "init again", "restore"].map(|name| joined(name, &first));
    assert_eq!(stage.told(), [vec![whole(&first)], joined.to_vec()].concat());
    assert_eq!(stage.give(&[&start("later")]).told(), [whole(&start("later"))], "all is done");

    stage = Stage::new();
    stage.give(&[&start("init")]).give(&[&start("init again")]).flush();
    assert_eq!(stage.told(), [whole(&start("init")), whole(&start("init again"))]);
}

#[test]
fn what_comes_with_a_start_keeps_its_resource_and_does_not_wait() {
    let neighbour = span("neighbour", SECOND, "", &[]);
    let request = json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "neighbour"}}]},
        "scopeSpans": [{"scope": {"name": "neighbour"}, "spans": [start("init"), neighbour]}]
    }]});
    let first = invocation("first", FIRST);
    let mut stage = Stage::new();
    assert_eq!(stage.give_request(&request).told(), [whole(&neighbour)]);
    assert_eq!(stage.give(&[&first]).told(), [whole(&first), joined("init", &first)]);

    stage = Stage::new();
    assert_eq!(stage.give(&[&first]).told(), [whole(&first)]);
    assert_eq!(stage.give_request(&request).told(), [whole(&neighbour), joined("init", &first)]);
}

#[test]
fn what_holds_no_start_stays_the_bytes_it_was() {
    let mut stage = Stage::new();
    stage.give(&[&invocation("first", FIRST), &span("other", FIRST, "", &[])]);
    let before = stage.out.pop().unwrap();
    stage.processor.process(before.clone(), &mut stage.out);
    let bytes = |batch: &Batch| batch.parts().map(|part| part.as_ptr()).collect::<Vec<_>>();
    assert_eq!(bytes(&stage.out[0]), bytes(&before));
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_flushed_a_start_waits_as_long_as_an_invocation_may_take() {
    let begin = tokio::time::Instant::now().into_std();
    let mut stage = Stage::new();
    assert_eq!(stage.processor.due(), None);
    stage.give(&[&start("init")]);
    tokio::time::advance(Duration::from_secs(60)).await;
    stage.give(&[&start("init again")]);
    assert_eq!(stage.processor.due(), Some(begin + Duration::from_secs(900)));
    stage.flush();
    assert_eq!(stage.processor.due(), None);
}

#[test]
fn it_takes_traces_and_no_settings() {
    let processor = built("coldstart", "{}");
    assert_eq!(processor.takes(Signal::Traces), Ok(()));
    for signal in [Signal::Metrics, Signal::Logs] {
        assert!(processor.takes(signal).unwrap_err().contains(signal.name()));
    }
    assert!(build("coldstart", "wait: 1s").err().unwrap().to_string().contains("wait: unknown key"));
}
