use proptest::prelude::*;
use serde_json::json;

use super::stage::{SAMPLED, Stage, attribute, done, event, phase, point, report, start};
use crate::telemetryapi::Event;

/// The failures in words that these deliveries make, and the environment's end for `reason`.
fn failures(deliveries: &[&[Event]], reason: &str) -> Vec<String> {
    let mut stage = Stage::with_spans();
    deliveries.iter().for_each(|events| _ = stage.hear(events));
    if !reason.is_empty() {
        stage.ends(reason);
    }
    stage.end();
    stage.failures()
}

#[test]
fn a_failed_invocation_makes_one_record_however_often_it_is_told() {
    let timeout = "Invocation a timed out after 0.10 s";
    let crash = "Invocation a failed: Runtime.ExitError";
    let memory = "Invocation a ran out of memory: 128 of 128 MB used";
    let s = start(500, "a");
    for (deliveries, reason, expected) in [
        (vec![vec![s.clone(), done(600, "a", "timeout", "")]], "timeout", timeout),
        (
            vec![vec![s.clone(), done(600, "a", "timeout", "")], vec![report(620, "a", "timeout", 64)]],
            "timeout",
            timeout,
        ),
        (
            vec![vec![s.clone()], vec![report(620, "a", "timeout", 64)]],
            "timeout",
            "Invocation a timed out after 0.12 s",
        ),
        (vec![vec![s.clone()]], "timeout", "Invocation a timed out"),
        (vec![vec![s.clone()]], "TIMEOUT", "Invocation a timed out"),
        (vec![vec![s.clone()]], "failure", "Invocation a failed"),
        (vec![vec![s.clone(), done(600, "a", "error", "Runtime.ExitError")]], "failure", crash),
        (
            vec![vec![
                s.clone(),
                done(600, "a", "error", "Runtime.ExitError"),
                report(620, "a", "error", 64),
            ]],
            "failure",
            crash,
        ),
        (
            vec![
                vec![s.clone(), done(600, "a", "error", "Runtime.ExitError")],
                vec![report(620, "a", "error", 128)],
            ],
            "failure",
            memory,
        ),
        (
            vec![
                vec![s.clone(), done(600, "a", "error", "Runtime.OutOfMemory")],
                vec![report(620, "a", "error", 128)],
            ],
            "failure",
            "Invocation a ran out of memory",
        ),
        (vec![vec![s.clone()], vec![report(620, "a", "error", 128)]], "failure", memory),
        (
            vec![
                vec![s.clone(), done(600, "a", "failure", "Sandbox.Failure")],
                vec![report(620, "a", "failure", 64)],
            ],
            "failure",
            "Invocation a failed: Sandbox.Failure",
        ),
        (
            vec![vec![s.clone(), done(600, "a", "error", "Function.ResponseSizeTooLarge")]],
            "spindown",
            "Invocation a failed: Function.ResponseSizeTooLarge",
        ),
        // The response was sent; extensions took too long, or one crashed.
        (
            vec![vec![s.clone(), done(600, "a", "success", "")]],
            "timeout",
            "Invocation a timed out after 0.10 s",
        ),
        (
            vec![vec![s.clone(), done(600, "a", "success", "")], vec![report(620, "a", "error", 64)]],
            "failure",
            "Invocation a failed",
        ),
    ] {
        let once: Vec<&[Event]> = deliveries.iter().map(Vec::as_slice).collect();
        assert_eq!(failures(&once, reason), [expected], "{reason} {deliveries:?}");
        let twice: Vec<&[Event]> = once.iter().chain(&once).copied().collect();
        assert_eq!(failures(&twice, reason), [expected], "twice: {reason} {deliveries:?}");
    }
}

#[test]
fn what_did_not_fail_makes_no_record() {
    let s = start(500, "a");
    for (deliveries, reason) in [
        (
            vec![vec![s.clone(), done(600, "a", "success", "")], vec![report(620, "a", "success", 128)]],
            "spindown",
        ),
        (vec![vec![s.clone(), report(620, "a", "success", 64)]], "spindown"),
        (vec![vec![s.clone()]], "spindown"),
        (vec![vec![s.clone()]], "ReleaseFail"),
        (vec![vec![s.clone()]], ""),
        (vec![vec![s.clone(), done(600, "a", "weird", "")]], ""),
        // The runtime lives, and has logged it.
        (
            vec![
                vec![s.clone(), done(600, "a", "error", "Function.TypeError")],
                vec![report(620, "a", "error", 64)],
            ],
            "spindown",
        ),
        // Told of before the environment was reset.
        (vec![vec![report(620, "z", "timeout", 64)]], "spindown"),
        (
            vec![vec![event(1, "start", json!({})), event(2, "runtimeDone", json!({"status": "error"}))]],
            "spindown",
        ),
    ] {
        let deliveries: Vec<&[Event]> = deliveries.iter().map(Vec::as_slice).collect();
        assert_eq!(failures(&deliveries, reason), [""; 0], "{reason} {deliveries:?}");
    }
}

#[test]
fn an_invocation_of_whose_end_nothing_is_told_is_lost_when_a_later_one_is_done() {
    let mut stage = Stage::with_spans();
    stage.hear(&[start(500, "a")]).invoked("b", Some(SAMPLED)).hear(&[start(900, "b")]);
    assert_eq!(stage.failures(), [""; 0]);
    stage.hear(&[done(1000, "b", "success", "")]);
    assert_eq!(stage.failures(), ["Invocation a ended, but the platform did not tell how"]);
    stage.hear(&[done(600, "a", "success", ""), report(620, "a", "success", 64)]).ends("spindown").end();
    assert_eq!(stage.records.len(), 1);
    assert_eq!(stage.names().iter().filter(|name| **name == "orders").count(), 2);
}

#[test]
fn a_failed_start_makes_one_record_for_both_its_events() {
    let init = [
        phase(0, "initStart", "on-demand", ""),
        phase(9800, "initRuntimeDone", "on-demand", "timeout"),
        phase(9900, "initReport", "on-demand", "timeout"),
    ];
    let expected = "The init of the function timed out after 0.43 s";
    assert_eq!(failures(&[&init], "failure"), [expected]);
    assert_eq!(failures(&[&init, &init], "failure"), [expected]);
    assert_eq!(failures(&[&init[..2], &init[2..]], "failure").len(), 1);
    let restore = [phase(0, "restoreStart", "", ""), phase(9, "restoreReport", "", "error")];
    assert_eq!(failures(&[&restore], ""), ["The restore of the function failed"]);
    assert_eq!(failures(&[], "failure"), ["The function's environment failed"]);
}

#[test]
fn an_init_that_fails_within_an_invocation_is_one_failure_with_it() {
    let mut init = phase(100, "initRuntimeDone", "on-demand", "error");
    init.record["phase"] = "invoke".into();
    init.record["errorType"] = "Runtime.ExitError".into();
    let all = [start(50, "a"), init.clone(), done(200, "a", "error", "")];
    assert_eq!(failures(&[&all], "failure"), ["Invocation a failed: Runtime.ExitError"]);
    assert_eq!(
        failures(&[&all[..1], &all[1..2], &all[2..]], "failure"),
        ["Invocation a failed: Runtime.ExitError"]
    );
    let fine = [start(50, "a"), init.clone(), done(200, "a", "success", "")];
    assert_eq!(failures(&[&fine], "spindown"), ["The init of the function failed: Runtime.ExitError"]);
    assert_eq!(failures(&[&[init]], "failure"), ["The init of the function failed: Runtime.ExitError"]);
}

#[test]
fn a_record_carries_the_invocation_its_trace_and_the_kind_of_error() {
    let mut stage = Stage::with_spans();
    stage.hear(&[start(500, "a"), done(600, "a", "timeout", "Sandbox.Timeout")]);
    let record = &stage.records[0];
    assert_eq!((record.severity_number, record.severity_text.as_str()), (17, "ERROR"));
    assert_eq!(record.event_name, "faas.invocation.exception");
    assert_eq!(record.time_unix_nano, super::stage::DAY + 600_000_000);
    assert_eq!(attribute(&record.attributes, "faas.invocation_id"), "a");
    for key in ["error.type", "exception.type"] {
        assert_eq!(attribute(&record.attributes, key), "Sandbox.Timeout");
    }
    assert_eq!(attribute(&record.attributes, "exception.message"), stage.failures()[0]);
    assert_eq!(record.trace_id, 0x6776_5a00_1f2e_3d4c_5b6a_7988_1234_5678_u128.to_be_bytes());
    assert_eq!(record.span_id, 0x5456_5fb4_1ac7_9632_u64.to_be_bytes());
    assert_eq!(record.flags, 1);
}

#[test]
fn managed_instances_fail_each_on_its_own_and_their_environment_takes_the_open_ones_with_it() {
    let variables = [("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")];
    let mut stage = Stage::new("{}", &variables);
    stage.hear(&[start(1, "a"), start(2, "b"), start(3, "c"), start(4, "d")]);
    stage.hear(&[report(9, "c", "success", 1), report(9, "b", "timeout", 1)]);
    assert_eq!(stage.failures(), ["Invocation b timed out after 0.12 s"]);
    stage.ends("failure").end();
    assert_eq!(stage.failures()[1..], ["Invocation a failed", "Invocation d failed"]);
}

/// Five invocations with different ends, each with its three events.
fn story() -> Vec<Event> {
    let ends =
        [("success", ""), ("error", "Function.Oops"), ("success", ""), ("success", ""), ("timeout", "")];
    let events = ends.iter().zip(0..).flat_map(|((status, error), at)| {
        let id = format!("id-{at}");
        let at = at * 1000 + 1000;
        [start(at, &id), done(at + 100, &id, status, error), report(at + 120, &id, status, 64)]
    });
    events.collect()
}

/// A story cut into deliveries that come in any order, some of them again.
fn deliveries() -> impl Strategy<Value = Vec<Vec<Event>>> {
    let cuts = proptest::collection::vec(1_usize..5, 15);
    (Just(story()).prop_shuffle(), cuts, any::<u64>()).prop_map(|(events, cuts, again)| {
        let mut rest = events.as_slice();
        let mut all = Vec::new();
        for (cut, number) in cuts.iter().zip(0..) {
            let (now, later) = rest.split_at(rest.len().min(*cut));
            all.push(now.to_vec());
            if again >> number & 1 == 1 {
                all.push(now.to_vec());
            }
            rest = later;
        }
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn in_any_order_and_delivered_twice_everything_is_told_once(all in deliveries()) {
        let settings = r#"{"invocation_spans": true, "export_interval_ms": 0, "metrics_temporality": "delta"}"#;
        let mut stage = Stage::new(settings, &[]);
        for number in 0..5 {
            stage.invoked(&format!("id-{number}"), Some(SAMPLED));
        }
        all.iter().for_each(|events| _ = stage.hear(events));
        stage.ends("timeout").end();
        let mut ids: Vec<_> = stage.spans.iter().filter(|span| span.name == "orders")
            .map(|span| attribute(&span.attributes, "faas.invocation_id")).collect();
        ids.sort();
        prop_assert_eq!(ids, ["id-0", "id-1", "id-2", "id-3", "id-4"]);
        let timeouts = stage.failures().iter().filter(|failure| failure.contains("id-4 timed out")).count();
        prop_assert_eq!(timeouts, 1);
        let mut failed: Vec<_> = stage.records.iter()
            .map(|record| attribute(&record.attributes, "faas.invocation_id")).collect();
        failed.sort();
        let before = failed.len();
        failed.dedup();
        prop_assert_eq!(failed.len(), before);
        let count = |name: &str| -> u64 {
            stage.metrics.iter().flatten().map(point).filter(|point| point.0 == name).map(|point| point.3).sum()
        };
        prop_assert_eq!(count("faas.invocations"), 3);
        prop_assert_eq!(count("faas.errors"), 1);
        prop_assert_eq!(count("faas.timeouts"), 1);
        prop_assert_eq!(count("faas.invoke_duration"), 5);
        prop_assert_eq!(count("faas.mem_usage"), 5);
        let overheads = stage.names().iter().filter(|name| **name == "extensionOverhead").count();
        prop_assert_eq!(overheads, 5);
    }

    #[test]
    fn whatever_is_lost_nothing_is_told_twice(all in deliveries(), lost in any::<u32>()) {
        let mut stage = Stage::with_spans();
        for (events, number) in all.iter().zip(0_u32..) {
            if lost >> (number % 32) & 1 == 0 {
                stage.hear(events);
            }
        }
        stage.end();
        let mut ids: Vec<_> = stage.spans.iter()
            .map(|span| (span.name.clone(), attribute(&span.attributes, "faas.invocation_id"))).collect();
        ids.sort();
        let before = ids.len();
        ids.dedup();
        prop_assert_eq!(ids.len(), before);
    }
}

#[test]
fn thousands_of_invocations_leave_little_behind() {
    for managed in [false, true] {
        let kind = if managed { "lambda-managed-instances" } else { "on-demand" };
        let mut stage = Stage::new("{}", &[("AWS_LAMBDA_INITIALIZATION_TYPE", kind)]);
        for number in 0..2_500 {
            let id = number.to_string();
            // One in four never ends.
            stage.hear(&[start(number, &id)]);
            if number % 4 != 0 {
                stage.hear(&[done(number, &id, "success", "")]);
            }
        }
        assert!(stage.remembered() <= 1100, "{kind}: {}", stage.remembered());
    }
}
