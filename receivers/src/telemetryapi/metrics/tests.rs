use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use serde_json::json;

use crate::telemetryapi::Event;
use crate::telemetryapi::life::stage::{DAY, Stage, done, event, phase, point, report, start};

const DELTA: &str = r#"{"export_interval_ms": 0, "metrics_temporality": "delta"}"#;
const ALWAYS: &str = r#"{"export_interval_ms": 0}"#;

/// Names, counts and sums of what `events` make.
fn told(variables: &[(&str, &str)], events: &[Event]) -> Vec<(String, u64, f64)> {
    let mut stage = Stage::new(ALWAYS, variables);
    stage.hear(events);
    let metrics = stage.metrics.first().map_or(&[] as &[_], Vec::as_slice);
    metrics.iter().map(point).map(|(name, _, _, count, sum)| (name.into(), count, sum)).collect()
}

fn names(told: &[(String, u64, f64)]) -> Vec<(&str, u64)> {
    told.iter().map(|(name, count, _)| (name.as_str(), *count)).collect()
}

#[test]
fn a_cold_start_and_an_invocation_make_the_metrics_of_the_go_receiver_in_its_order_and_then_ours() {
    let events = [
        phase(0, "initStart", "on-demand", ""),
        phase(412, "initRuntimeDone", "on-demand", "success"),
        phase(431, "initReport", "on-demand", "success"),
        start(500, "a"),
        done(600, "a", "success", ""),
        report(620, "a", "success", 94),
    ];
    let expected = [
        ("faas.coldstarts", 1, 0.0),
        ("faas.init_duration", 1, 430.518 / 1000.0),
        ("faas.mem_usage", 1, 94.0 * 1_048_576.0),
        ("faas.invocations", 1, 0.0),
        ("faas.invoke_duration", 1, 0.1),
        ("aws.lambda.billed_duration", 1, 0.121),
        ("aws.lambda.response_latency", 1, 0.09),
        ("aws.lambda.produced_bytes", 1, 87.0),
        ("aws.lambda.runtime_overhead", 1, 0.005),
        ("aws.lambda.extension_overhead", 1, 0.02),
    ];
    assert_eq!(told(&[], &events), expected.map(|(name, count, sum)| (name.to_owned(), count, sum)));
}

#[test]
fn each_status_counts_as_what_it_is() {
    for (status, expected) in [
        ("success", Some("faas.invocations")),
        ("error", Some("faas.errors")),
        ("failure", Some("faas.errors")),
        ("timeout", Some("faas.timeouts")),
        ("SUCCESS", None),
        ("weird", None),
        ("", None),
    ] {
        let told = told(&[], &[event(1, "runtimeDone", json!({"requestId": "a", "status": status}))]);
        assert_eq!(names(&told), expected.map(|name| (name, 1)).into_iter().collect::<Vec<_>>(), "{status}");
    }
}

#[test]
fn a_failed_init_is_an_error_too() {
    let told =
        told(&[], &[phase(0, "initStart", "on-demand", ""), phase(1, "initReport", "on-demand", "timeout")]);
    let expected = [("faas.coldstarts", 1), ("faas.timeouts", 1), ("faas.init_duration", 1)];
    assert_eq!(names(&told), expected);
}

#[test]
fn an_environment_that_was_made_ready_before_is_no_cold_start_but_has_its_duration() {
    for kind in ["provisioned-concurrency", "lambda-managed-instances"] {
        let told = told(&[], &[phase(0, "initStart", kind, ""), phase(1, "initReport", kind, "success")]);
        assert_eq!(names(&told), [("faas.init_duration", 1)], "{kind}");
    }
}

#[test]
fn a_restore_is_the_cold_start_and_the_init_of_its_snapshot_is_none() {
    let events = [
        phase(0, "initStart", "snap-start", ""),
        phase(1, "initReport", "snap-start", "success"),
        phase(1000, "restoreStart", "", ""),
        phase(1300, "restoreReport", "", "success"),
    ];
    let expected = [("faas.coldstarts", 1), ("aws.lambda.restore_duration", 1)];
    assert_eq!(names(&told(&[("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")], &events)), expected);
}

#[test]
fn a_restored_environment_counts_from_its_restore() {
    let mut stage = Stage::new(ALWAYS, &[]);
    stage
        .at(90_000_100)
        .hear(&[phase(90_000_000, "restoreStart", "", ""), done(90_000_050, "a", "success", "")]);
    let starts: Vec<_> = stage.metrics[0].iter().map(|metric| point(metric).1).collect();
    assert!(starts.iter().all(|start| *start == 90_000_000), "{starts:?}");
}

#[test]
fn managed_instances_count_invocations_by_their_reports() {
    let record = |id: &str, status: &str| {
        event(
            9,
            "report",
            json!({"requestId": id, "status": status, "metrics": {"durationMs": 1.0},
            "spans": [{"name": "responseLatency", "start": "2026-01-01T00:00:00Z", "durationMs": 0.5}]}),
        )
    };
    let events = [record("a", "success"), record("b", "error"), record("c", "timeout")];
    let told = told(&[("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")], &events);
    let expected = [
        ("faas.errors", 1),
        ("faas.timeouts", 1),
        ("faas.invocations", 1),
        ("faas.invoke_duration", 3),
        ("aws.lambda.response_latency", 3),
    ];
    assert_eq!(names(&told), expected);
}

#[test]
fn what_the_platform_dropped_is_counted() {
    let record = json!({"reason": "slow", "droppedRecords": 123, "droppedBytes": 45678});
    let expected = [("aws.lambda.dropped_log_records", 123), ("aws.lambda.dropped_log_bytes", 45678)];
    assert_eq!(names(&told(&[], &[event(1, "logsDropped", record)])), expected);
}

#[test]
fn odd_values_count_for_nothing() {
    let odd = [
        event(1, "runtimeDone", json!("END")),
        event(1, "initStart", json!(null)),
        event(1, "report", json!([1])),
        event(
            1,
            "report",
            json!({"metrics": {"maxMemoryUsedMB": "94", "billedDurationMs": -1}, "spans": [3, {}]}),
        ),
        event(
            1,
            "runtimeDone",
            json!({"metrics": {"durationMs": "139.2"}, "spans": {"name": "responseLatency"}}),
        ),
    ];
    assert_eq!(told(&[], &odd), []);
}

#[test]
fn a_bound_belongs_to_the_bucket_below_it() {
    let durations = [0.0, 4.999, 5.0, 5.001, 10.0, 10_000.0, 10_001.0];
    let done = |duration: f64| event(1, "runtimeDone", json!({"metrics": {"durationMs": duration}}));
    let mut stage = Stage::new(ALWAYS, &[]);
    stage.hear(&durations.map(done));
    let Some(Data::Histogram(histogram)) = &stage.metrics[0][0].data else { panic!("no histogram") };
    let point = &histogram.data_points[0];
    assert_eq!(point.bucket_counts, [3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    assert_eq!(point.explicit_bounds.len(), 14);
}

#[test]
fn deltas_adjoin_and_tell_each_value_once() {
    let mut stage = Stage::new(DELTA, &[]);
    stage.at(1000).hear(&[done(900, "a", "success", "")]);
    stage.at(2000).hear(&[start(1900, "b")]);
    stage.at(3000).hear(&[done(2900, "b", "success", "")]);
    let invocations: Vec<_> =
        stage.metrics.iter().flatten().map(point).filter(|point| point.0 == "faas.invocations").collect();
    assert_eq!(
        invocations,
        [("faas.invocations", 0, 1000, 1, 0.0), ("faas.invocations", 1000, 3000, 1, 0.0)]
    );
}

#[test]
fn cumulative_sums_grow_from_the_start_and_what_has_not_changed_is_not_told_again() {
    let mut stage = Stage::new(ALWAYS, &[]);
    stage.at(1000).hear(&[done(900, "a", "success", ""), report(950, "a", "success", 64)]);
    stage.at(2000).hear(&[done(1900, "b", "success", "")]);
    stage.at(3000).hear(&[start(2900, "c")]);
    assert_eq!(stage.metrics.len(), 2);
    let second: Vec<_> = stage.metrics[1].iter().map(point).collect();
    assert_eq!(
        second[..2],
        [("faas.invocations", 0, 2000, 2, 0.0), ("faas.invoke_duration", 0, 2000, 2, 0.2)]
    );
}

#[test]
fn a_clock_that_was_put_back_makes_no_negative_interval_and_stops_nothing() {
    for settings in [DELTA, r#"{"metrics_temporality": "delta", "export_interval_ms": 60000}"#] {
        let mut stage = Stage::new(settings, &[]);
        stage.at(100_000).hear(&[done(1, "a", "success", "")]);
        stage.at(50).hear(&[done(2, "b", "success", "")]);
        assert_eq!(stage.metrics.len(), 2, "{settings}");
        for metric in &stage.metrics[1] {
            let Some(Data::Sum(sum)) = &metric.data else { continue };
            let point = &sum.data_points[0];
            assert!(point.start_time_unix_nano < point.time_unix_nano);
            assert_eq!(point.start_time_unix_nano, DAY + 100_000_000_000);
        }
    }
}

#[test]
fn metrics_wait_for_the_interval_and_are_told_with_the_first_delivery_after_it_or_at_the_end() {
    let mut stage = Stage::new(r#"{"export_interval_ms": 60000}"#, &[]);
    stage.at(59_999).hear(&[done(1, "a", "success", "")]);
    assert_eq!(stage.metrics.len(), 0);
    stage.at(3_600_000).hear(&[start(2, "b")]);
    assert_eq!(stage.metrics.len(), 1);
    stage.at(3_600_001).hear(&[done(3, "b", "success", "")]).hear(&[]);
    assert_eq!(stage.metrics.len(), 1);
    stage.at(3_660_000).hear(&[]);
    assert_eq!(stage.metrics.len(), 2);
    stage.at(3_660_001).hear(&[done(4, "c", "success", "")]).end();
    assert_eq!(stage.metrics.len(), 3);
}

#[test]
fn what_is_delivered_again_is_counted_once() {
    let mut stage = Stage::new(ALWAYS, &[]);
    let first = [start(1, "a"), done(2, "a", "success", "")];
    stage.hear(&first).hear(&first).hear(&[first[1].clone(), report(3, "a", "success", 64)]).end();
    let last: Vec<_> = stage.metrics.iter().flatten().map(point).map(|point| (point.0, point.3)).collect();
    assert!(last.iter().all(|(_, count)| *count == 1 || *count == 87), "{last:?}");
}

#[test]
fn an_invocation_that_is_tried_again_under_its_id_counts_again() {
    let mut stage = Stage::new(ALWAYS, &[]);
    stage.hear(&[start(1, "a"), done(2, "a", "error", "Function.Oops")]);
    stage.hear(&[start(1001, "a"), done(1002, "a", "error", "Function.Oops")]);
    let errors: Vec<_> =
        stage.metrics.iter().flatten().map(point).filter(|point| point.0 == "faas.errors").collect();
    assert_eq!(errors.last().map(|point| point.3), Some(2));
}

#[test]
fn a_failure_without_its_event_is_counted_and_not_again_should_the_event_come() {
    let mut stage = Stage::new(ALWAYS, &[]);
    stage.hear(&[start(1, "a")]).hear(&[report(2, "a", "timeout", 64)]);
    stage.hear(&[done(2, "a", "timeout", "")]);
    stage.hear(&[start(5, "b")]).ends("timeout").end();
    let timeouts: Vec<_> =
        stage.metrics.iter().flatten().map(point).filter(|point| point.0 == "faas.timeouts").collect();
    assert_eq!(timeouts.iter().map(|point| point.3).collect::<Vec<_>>(), [1, 2]);
}
