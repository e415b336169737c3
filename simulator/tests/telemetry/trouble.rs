//! Events that come late, twice, cut, in disorder or never.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Lines, Moment, Report, RuntimeDone};

use crate::{PATIENCE, bodies, catch_up, count, events, records, subscribed, types};

#[tokio::test]
async fn a_report_is_held_until_the_next_thaw() {
    let mut sandbox = subscribed().start().await.unwrap();
    let first = sandbox.invoke(|_| async {}).await;
    assert_eq!(count(&sandbox, "platform.report"), 0);
    sandbox.invoke(|_| async {}).await;
    let reports: Vec<Value> =
        events(&sandbox).into_iter().filter(|event| event["type"] == "platform.report").collect();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0]["record"]["requestId"], *first.request_id);
    assert!(
        reports[0]["record"]["metrics"]["initDurationMs"].is_number(),
        "the first report tells of the init"
    );
}

#[tokio::test]
async fn a_report_may_come_later_or_never() {
    for (quirk, expected) in [(Report::Later(1), [0, 0, 1]), (Report::Never, [0, 0, 0])] {
        let mut sandbox = subscribed().quirks(|quirks| quirks.report = quirk).start().await.unwrap();
        for expected in expected {
            sandbox.invoke(|_| async {}).await;
            assert_eq!(count(&sandbox, "platform.report"), expected, "{quirk:?}");
        }
    }
}

#[tokio::test]
async fn every_batch_may_come_twice() {
    let mut sandbox = subscribed().quirks(|quirks| quirks.duplicate_batches = true).start().await.unwrap();
    sandbox.emit("platform.marker", json!({}));
    sandbox.invoke(|_| async {}).await;
    sandbox.thaw();
    sandbox.emit("platform.later", json!({}));
    sandbox.wait_for_output(PATIENCE, "platform.later").await.unwrap();
    assert_eq!(count(&sandbox, "platform.marker"), 2);
}

#[tokio::test]
async fn runtime_done_can_be_duplicated_late_or_before_its_start() {
    let mut sandbox = subscribed().start().await.unwrap();
    sandbox.quirks(|quirks| quirks.runtime_done = RuntimeDone::Duplicated);
    sandbox.invoke(|_| async {}).await;
    assert_eq!(count(&sandbox, "platform.runtimeDone"), 2);

    sandbox.quirks(|quirks| quirks.runtime_done = RuntimeDone::BeforeStart);
    sandbox.invoke(|_| async {}).await;
    let types = types(&sandbox);
    assert_eq!(types[types.len() - 2..], ["platform.runtimeDone", "platform.start"]);

    let late = Duration::from_millis(100);
    sandbox.quirks(|quirks| quirks.runtime_done = RuntimeDone::Delayed(late));
    assert!(sandbox.invoke(|_| async {}).await.held >= late);
}

#[tokio::test]
async fn a_cut_runtime_done_is_two_bodies_that_are_json_only_together() {
    let mut sandbox = subscribed().start().await.unwrap();
    sandbox.quirks(|quirks| quirks.runtime_done = RuntimeDone::Cut);
    sandbox.invoke(|_| async {}).await;
    // The first half names runtimeDone too, so the extension did not wait for the second.
    sandbox.thaw();
    sandbox.emit("platform.marker", json!({}));
    sandbox.wait_for_output(PATIENCE, "platform.marker").await.unwrap();
    let bodies = bodies(&sandbox).into_iter().map(|(_, body)| body);
    let broken: Vec<String> = bodies.filter(|body| serde_json::from_str::<Value>(body).is_err()).collect();
    assert_eq!(broken.len(), 2);
    let envelope = broken[1].find("\"record\":").unwrap() + "\"record\":".len();
    let whole = format!("{}{}", broken[0].strip_suffix("}]").unwrap(), &broken[1][envelope..]);
    let events: Vec<Value> = serde_json::from_str(&whole).unwrap();
    assert!(events.iter().any(|event| event["type"] == "platform.runtimeDone"));
}

#[tokio::test]
async fn lines_may_come_twice_late_cut_or_never() {
    for (quirk, expected) in [(Lines::Duplicated, 2), (Lines::Lost, 0), (Lines::Cut, 0)] {
        let mut sandbox = subscribed().quirks(|quirks| quirks.lines = quirk).start().await.unwrap();
        sandbox.invoke(|function| async move { function.log("hello") }).await;
        catch_up(&mut sandbox).await;
        assert_eq!(records(&sandbox, "function").len(), expected, "{quirk:?}");
    }
    let late = Lines::Delayed(Duration::from_secs(2));
    let mut sandbox = subscribed().quirks(|quirks| quirks.lines = late).start().await.unwrap();
    sandbox.invoke(|function| async move { function.log("hello") }).await;
    assert_eq!(records(&sandbox, "function").len(), 0);
    sandbox.thaw();
    sandbox.wait_for_output(PATIENCE, r#""record":"hello""#).await.unwrap();
}

#[tokio::test]
async fn batches_may_be_lost_or_reversed() {
    let mut sandbox = subscribed().quirks(|quirks| quirks.reversed_batches = true).start().await.unwrap();
    catch_up(&mut sandbox).await;
    for line in ["one", "two"] {
        sandbox.emit("function", json!(line));
    }
    sandbox.wait_for_output(PATIENCE, r#""one""#).await.unwrap();
    assert_eq!(records(&sandbox, "function"), ["two", "one"]);

    sandbox.quirks(|quirks| quirks.lost_batches = 1);
    sandbox.emit("platform.lost", json!({}));
    let lost = |moment: &Moment| matches!(moment, Moment::TelemetryLost { .. });
    sandbox.journal().wait_for(PATIENCE, lost).await.unwrap();
    catch_up(&mut sandbox).await;
    assert_eq!(count(&sandbox, "platform.lost"), 0);
}

#[tokio::test]
async fn a_report_may_come_after_shutdown() {
    let lambda = subscribed().env("ECHO_WAIT", "").quirks(|quirks| quirks.report = Report::AfterShutdown);
    let mut sandbox = lambda.env("ECHO_FAULT", "stay").start().await.unwrap();
    let invocation = sandbox.invoke(|_| async {}).await;
    sandbox.shutdown().await;
    let told = sandbox.output().into_iter().find(|line| line.text.contains("platform.report")).unwrap();
    assert!(told.text.contains(&invocation.request_id));
    let shutdown = sandbox.journal().first(|moment| matches!(moment, Moment::Shutdown { .. })).unwrap();
    assert!(told.at > shutdown);
}
