use serde_json::json;

use crate::telemetryapi::Event;
use crate::telemetryapi::life::stage::{DAY, SAMPLED, Stage, attribute, done, event, phase, report, start};

const TRACE: [u8; 16] = 0x6776_5a00_1f2e_3d4c_5b6a_7988_1234_5678_u128.to_be_bytes();
const PARENT: [u8; 8] = 0x5399_5c3f_42cd_8ad8_u64.to_be_bytes();
const FUNCTION: [u8; 8] = 0x5456_5fb4_1ac7_9632_u64.to_be_bytes();

fn init(kind: &str) -> [Event; 2] {
    [phase(0, "initStart", kind, ""), phase(412, "initRuntimeDone", kind, "success")]
}

#[test]
fn an_init_is_told_with_the_first_invocation_in_its_trace() {
    let mut stage = Stage::new("{}", &[]);
    stage.hear(&init("on-demand"));
    assert_eq!(stage.names(), [""; 0]);
    stage.hear(&[start(500, "a")]).hear(&[start(900, "b")]).end();
    assert_eq!(stage.names(), ["init orders"]);
    let span = &stage.spans[0];
    assert_eq!((span.trace_id.as_slice(), span.parent_span_id.as_slice()), (&TRACE[..], &PARENT[..]));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (DAY, DAY + 412_000_000));
    assert_eq!((span.kind, span.span_id.len()), (1, 8));
    assert_eq!(attribute(&span.attributes, "faas.coldstart"), "true");
    assert_eq!(span.status, None);
}

#[test]
fn an_init_whose_end_is_delivered_during_the_invocation_joins_its_trace_too() {
    let mut stage = Stage::new("{}", &[]);
    let [begin, end] = init("on-demand");
    stage.at(500).invoked("a", Some(SAMPLED)).hear(&[begin]).hear(&[end]);
    assert_eq!(stage.names(), ["init orders"]);
    assert_eq!(stage.spans[0].trace_id, TRACE);
}

#[test]
fn an_init_that_the_first_invocation_did_not_wait_for_has_a_trace_of_its_own() {
    let unsampled = SAMPLED.replace("Sampled=1", "Sampled=0");
    for (kind, first, header) in [
        ("provisioned-concurrency", 500, SAMPLED),
        ("lambda-managed-instances", 500, SAMPLED),
        ("on-demand", 30_000, SAMPLED),
        ("on-demand", 500, &unsampled),
        ("on-demand", 500, "Self=1"),
    ] {
        let mut stage = Stage::new("{}", &[]);
        stage.hear(&init(kind)).at(first).invoked("a", Some(header)).end();
        let span = &stage.spans[0];
        assert_ne!(span.trace_id, TRACE, "{kind} {first} {header}");
        assert_eq!((span.trace_id.len(), span.parent_span_id.len(), stage.spans.len()), (16, 0, 1));
    }
}

#[test]
fn an_init_without_an_invocation_is_told_at_the_end() {
    let mut stage = Stage::new("{}", &[]);
    stage.hear(&init("on-demand")).end();
    assert_eq!(stage.names(), ["init orders"]);
}

#[test]
fn the_init_of_a_snapshot_is_no_span_and_a_restore_is_one() {
    let mut stage = Stage::new("{}", &[]);
    stage.hear(&init("snap-start"));
    stage.hear(&[phase(1000, "restoreStart", "", ""), phase(1302, "restoreRuntimeDone", "", "success")]);
    stage.hear(&[start(1400, "a")]).end();
    assert_eq!(stage.names(), ["restore orders"]);
    assert_eq!(stage.spans[0].trace_id, TRACE);
}

#[test]
fn a_start_that_failed_says_with_what() {
    for (status, error, expected) in [
        ("error", "Runtime.ExitError", "Runtime.ExitError"),
        ("timeout", "", "timeout"),
        ("success", "Odd", ""),
    ] {
        let mut stage = Stage::new("{}", &[]);
        let [begin, mut end] = init("on-demand");
        end.record["status"] = status.into();
        end.record["errorType"] = error.into();
        stage.hear(&[begin, end]).end();
        assert_eq!(attribute(&stage.spans[0].attributes, "error.type"), expected);
        assert_eq!(
            stage.spans[0].status.as_ref().map(|status| status.code),
            (!expected.is_empty()).then_some(2)
        );
    }
}

#[test]
fn an_end_pairs_with_a_beginning_before_it_in_whatever_order_they_come() {
    let [begin, end] = init("on-demand");
    let earlier = phase(0, "initRuntimeDone", "on-demand", "success");
    let later = phase(500, "initStart", "on-demand", "");
    for (events, expected) in [
        (vec![end.clone(), begin.clone()], 1),
        (vec![earlier.clone()], 0),
        (vec![begin.clone()], 0),
        (vec![earlier, later, phase(900, "initRuntimeDone", "on-demand", "success")], 1),
        (vec![begin.clone(), end.clone(), end.clone()], 1),
        (vec![begin.clone(), event(412, "initRuntimeDone", json!(null))], 0),
        (vec![Event { time: None, ..begin }, end], 0),
    ] {
        let mut stage = Stage::new("{}", &[]);
        stage.hear(&events).end();
        assert_eq!(stage.spans.len(), expected, "{events:?}");
    }
}

#[test]
fn an_invocation_is_a_server_span_with_its_phases_as_children() {
    let mut stage = Stage::with_spans();
    stage.invoked("a", Some(SAMPLED)).hear(&[start(500, "a"), done(600, "a", "success", "")]);
    assert_eq!(stage.names(), ["orders", "responseLatency", "runtimeOverhead"]);
    stage.invoked("b", Some(SAMPLED)).hear(&[report(620, "a", "success", 64), start(900, "b")]);
    assert_eq!(stage.names()[3..], ["extensionOverhead"]);
    let span = &stage.spans[0];
    assert_eq!((span.trace_id.as_slice(), span.parent_span_id.as_slice()), (&TRACE[..], &PARENT[..]));
    assert_eq!((span.span_id.as_slice(), span.kind, span.flags), (&FUNCTION[..], 2, 0x301));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (DAY + 500_000_000, DAY + 600_000_000));
    for (key, expected) in [
        ("faas.invocation_id", "a"),
        ("faas.coldstart", "true"),
        ("faas.version", "7"),
        ("cloud.resource_id", "arn:aws:lambda:eu-west-1:123456789012:function:orders:7"),
        ("aws.lambda.invoked_arn", "arn:aws:lambda:eu-west-1:123456789012:function:orders:live"),
        ("error.type", ""),
    ] {
        assert_eq!(attribute(&span.attributes, key), expected, "{key}");
    }
    for child in &stage.spans[1..] {
        assert_eq!((child.trace_id.as_slice(), child.parent_span_id.as_slice()), (&TRACE[..], &FUNCTION[..]));
    }
    let times: Vec<_> =
        stage.spans[1..].iter().map(|span| (span.start_time_unix_nano - DAY) / 1_000_000).collect();
    // The time of the second one can't be read: it follows the first.
    assert_eq!(times, [500, 590, 600]);
}

#[test]
fn an_invocation_that_is_not_sampled_or_not_wished_for_is_no_span() {
    for (settings, header) in [
        (
            r#"{"invocation_spans": true}"#,
            "Root=1-67765a00-1f2e3d4c5b6a798812345678;Parent=53995c3f42cd8ad8;Sampled=0",
        ),
        (r#"{"invocation_spans": true}"#, "Root=1-67765a00-1f2e3d4c5b6a798812345678"),
        ("{}", SAMPLED),
    ] {
        let mut stage = Stage::new(settings, &[]);
        let untraced = event(500, "start", json!({"requestId": "a"}));
        stage.invoked("a", Some(header)).hear(&[
            untraced,
            done(600, "a", "success", ""),
            report(620, "a", "success", 1),
        ]);
        assert_eq!(stage.end().names(), [""; 0], "{settings} {header}");
    }
}

#[test]
fn an_invocation_of_no_known_trace_begins_one() {
    let mut stage = Stage::with_spans();
    stage
        .invoked("a", None)
        .hear(&[event(500, "start", json!({"requestId": "a"})), done(600, "a", "success", "")]);
    assert_eq!((stage.spans[0].trace_id.len(), stage.spans[0].parent_span_id.len()), (16, 0));
    assert_eq!(stage.spans[1].parent_span_id, stage.spans[0].span_id);
}

#[test]
fn a_span_has_the_error_of_its_invocation() {
    for (status, error, used, expected) in [
        ("error", "Function.TypeError", 64, "Function.TypeError"),
        ("timeout", "", 64, "timeout"),
        ("error", "Runtime.ExitError", 128, "Runtime.OutOfMemory"),
        ("success", "", 128, ""),
    ] {
        let mut stage = Stage::with_spans();
        stage.hear(&[start(500, "a"), done(600, "a", status, error)]).hear(&[report(620, "a", status, used)]);
        let span = &stage.spans[0];
        assert_eq!(attribute(&span.attributes, "error.type"), expected);
        assert_eq!(span.status.as_ref().map(|status| status.code), (!expected.is_empty()).then_some(2));
    }
}

#[test]
fn an_invocation_that_was_cut_short_has_a_span_until_the_last_that_is_known() {
    let mut stage = Stage::with_spans();
    stage.hear(&[start(500, "a"), event(700, "logsDropped", json!({}))]).ends("timeout").end();
    assert_eq!(stage.names(), ["orders"]);
    let span = &stage.spans[0];
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (DAY + 500_000_000, DAY + 700_000_000));
    assert_eq!(attribute(&span.attributes, "error.type"), "timeout");
}

#[test]
fn an_invocation_of_managed_instances_ends_with_its_report() {
    let mut stage = Stage::new(
        r#"{"invocation_spans": true}"#,
        &[("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")],
    );
    let slim = |id: &str| {
        event(
            509,
            "report",
            json!({"requestId": id, "status": "success", "metrics": {"durationMs": 8.5},
        "spans": [{"name": "responseLatency", "start": "2026-01-01T00:00:00.500Z", "durationMs": 7.0}]}),
        )
    };
    stage.hear(&[start(500, "a"), start(501, "b")]).hear(&[slim("b")]).hear(&[slim("a")]).end();
    assert_eq!(stage.names(), ["orders", "responseLatency", "orders", "responseLatency"]);
    let span = &stage.spans[2];
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (DAY + 500_000_000, DAY + 508_500_000));
    assert_eq!(attribute(&span.attributes, "faas.coldstart"), "false");
}
