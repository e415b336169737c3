//! What the platform tells, through `telemetryapi` to a backend: every line once, and none behind when all freezes.

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use simulator::{FakeBackend, Function, InitType, Invocation, Lambda, Lines, Otlp, Quirks, Report};
use simulator::{RuntimeDone, Sandbox, Status, TelemetryApi};

use crate::ledger::Dice;
use crate::stage::{COLLECTOR, HELD_AT_MOST, patient, start};

/// A function whose telemetry goes to `backend`, with these settings of the receiver, a YAML flow map.
pub fn lambda(backend: &FakeBackend, settings: &str) -> Lambda {
    patient(Lambda::new(COLLECTOR)).config(&format!(
        "receivers: {{telemetryapi: {settings}}}
exporters: {{otlp_http: {{endpoint: '{}'}}}}
service: {{pipelines: {{logs: {{receivers: [telemetryapi], exporters: [otlp_http]}}}}}}
",
        backend.endpoint()
    ))
}

/// What a record says, if that is a text.
pub fn text(record: &LogRecord) -> &str {
    match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(text)) => text.trim_end(),
        _ => "",
    }
}

/// Lines of a function, to be found at a backend.
#[derive(Default)]
struct Lined(Vec<String>);

impl Lined {
    /// Invokes the function, which writes so many lines. Nothing of it may be left when the environment freezes.
    async fn invoke(&mut self, sandbox: &mut Sandbox, lines: usize) {
        let (before, mut written) = (self.0.len(), Vec::new());
        let write = |function: Function| {
            written = (0..lines).map(|n| format!("line {} of {}", before + n, function.request_id)).collect();
            written.iter().for_each(|line| function.log(line));
            async {}
        };
        let invoked = sandbox.invoke(write).await;
        assert_eq!(invoked.status, Status::Success, "{}", sandbox.extension_output());
        assert!(invoked.held < HELD_AT_MOST + Duration::from_millis(lines as u64), "{:?}", invoked.held);
        self.0.extend(written);
    }

    /// Asserts that each line is there once.
    fn assert_arrived_once(&self, backend: &FakeBackend) {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for record in backend.logs() {
            *times.entry(text(&record).to_owned()).or_default() += 1;
        }
        let times = |line: &String| times.get(line).copied().unwrap_or_default();
        let wrong: Vec<_> =
            self.0.iter().filter(|line| times(line) != 1).map(|line| (line, times(line))).collect();
        assert!(wrong.is_empty(), "{} of {} lines, such as {:?}", wrong.len(), self.0.len(), wrong[0]);
    }
}

/// The platform's words about the invocation `request_id` that begin like this.
fn words(backend: &FakeBackend, kind: &str, request_id: &str) -> usize {
    let begin = format!("{kind} RequestId: {request_id}");
    backend.logs().iter().filter(|record| text(record).starts_with(&begin)).count()
}

/// Asserts that the report of each invocation is there once. The last one's is waited for only 325 ms when the environment
/// ends, less than a machine may stall: that has a test of its own.
fn assert_reported_once(sandbox: &Sandbox, backend: &FakeBackend) {
    let times = |invocation: &Invocation| words(backend, "REPORT", &invocation.request_id);
    let times: Vec<_> = sandbox.invocations().iter().map(times).collect();
    let (last, others) = times.split_last().unwrap();
    assert!(others.iter().all(|times| *times == 1) && *last <= 1, "{times:?}");
}

#[tokio::test]
async fn of_200_invocations_with_freezes_no_line_is_left_behind_lost_or_there_twice() {
    let backend = FakeBackend::start().await;
    let mut sandbox = start(lambda(&backend, "{types: [function]}")).await;
    let (mut lined, mut dice) = (Lined::default(), Dice::new(11));
    for number in 0..200 {
        let lines = if number % 50 == 7 { 5000 } else { 1 + dice.roll(30) as usize };
        lined.invoke(&mut sandbox, lines).await;
        assert_eq!(backend.items(), lined.0.len(), "after invocation {number}");
    }
    lined.assert_arrived_once(&backend);
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
    assert_eq!(backend.items(), lined.0.len());
}

/// Ten invocations on a platform that delivers badly; each line arrives in time, once and as it was.
async fn arrives_in_spite_of(quirks: impl Fn(&mut Quirks)) {
    let backend = FakeBackend::start().await;
    let mut sandbox =
        start(lambda(&backend, "{types: [platform, function], log_report: true}").quirks(quirks)).await;
    let (mut lined, mut dice) = (Lined::default(), Dice::new(3));
    for _ in 0..10 {
        lined.invoke(&mut sandbox, 1 + dice.roll(40) as usize).await;
        lined.assert_arrived_once(&backend);
    }
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
    lined.assert_arrived_once(&backend);
    assert_reported_once(&sandbox, &backend);
}

#[tokio::test]
async fn deliveries_that_come_twice_are_told_once() {
    arrives_in_spite_of(|quirks| quirks.duplicate_batches = true).await;
}

#[tokio::test]
async fn deliveries_in_disorder_are_told_all_the_same() {
    arrives_in_spite_of(|quirks| quirks.reversed_batches = true).await;
}

#[tokio::test]
async fn lines_cut_in_two_arrive_whole() {
    arrives_in_spite_of(|quirks| quirks.lines = Lines::Cut).await;
}

#[tokio::test]
async fn lines_cut_in_two_and_delivered_twice_arrive_whole_and_once() {
    arrives_in_spite_of(|quirks| (quirks.lines, quirks.duplicate_batches) = (Lines::Cut, true)).await;
}

#[tokio::test]
async fn an_end_among_cut_records_costs_no_line() {
    arrives_in_spite_of(|quirks| quirks.runtime_done = RuntimeDone::BehindCut).await;
    arrives_in_spite_of(|quirks| quirks.runtime_done = RuntimeDone::BehindLostHalf).await;
}

/// Whether the reports of three invocations come once each, the last one when the environment ends.
async fn all_report(report: Report) -> bool {
    let backend = FakeBackend::start().await;
    let quirks = |quirks: &mut Quirks| quirks.report = report;
    let mut sandbox = start(lambda(&backend, "{types: [platform], log_report: true}").quirks(quirks)).await;
    for _ in 0..3 {
        sandbox.invoke(|_| async {}).await;
    }
    let ended = sandbox.shutdown().await;
    assert_eq!((ended.extensions[0].code, ended.extensions[0].killed), (Some(0), false));
    sandbox.invocations().iter().all(|invocation| words(&backend, "REPORT", &invocation.request_id) == 1)
}

#[tokio::test]
async fn the_last_report_is_waited_for_when_the_environment_ends() {
    for report in [Report::NextThaw, Report::AfterShutdown] {
        // It is waited for 325 ms; a machine may stall for longer, but hardly three times.
        let mut told = false;
        for _ in 0..3 {
            told = told || all_report(report).await;
        }
        assert!(told, "{report:?}");
    }
}

#[tokio::test]
async fn a_report_that_never_comes_costs_the_end_a_fraction_of_its_time() {
    let backend = FakeBackend::start().await;
    let quirks = |quirks: &mut Quirks| quirks.report = Report::Never;
    let mut sandbox = start(lambda(&backend, "{types: [platform]}").quirks(quirks)).await;
    sandbox.invoke(|_| async {}).await;
    let took = sandbox.shutdown().await.extensions[0].took;
    // It is waited for no longer than 325 ms, of the two seconds that there are.
    assert!(took < Duration::from_millis(1500), "{took:?}");
}

#[tokio::test]
async fn lines_that_are_told_after_the_end_come_with_the_next_thaw() {
    let backend = FakeBackend::start().await;
    let late = |quirks: &mut Quirks| quirks.lines = Lines::Delayed(Duration::from_millis(80));
    let mut sandbox = start(lambda(&backend, "{types: [function]}").quirks(late)).await;
    let mut lined = Lined::default();
    for _ in 0..5 {
        lined.invoke(&mut sandbox, 20).await;
    }
    let written = lined.0.len();
    sandbox.invoke(|_| async { assert_eq!(backend.wait_for_items(written).await, written) }).await;
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
    lined.assert_arrived_once(&backend);
}

#[tokio::test]
async fn who_lets_the_platform_gather_for_long_is_told_what_that_costs() {
    let backend = FakeBackend::start().await;
    let mut sandbox = start(lambda(&backend, "{types: [function], timeout_ms: 200}")).await;
    let mut lined = Lined::default();
    lined.invoke(&mut sandbox, 3).await;
    assert_eq!(backend.items(), 3);
    assert_eq!(sandbox.extension_output().matches("may be held for 200ms").count(), 1);
}

#[tokio::test]
async fn records_and_deliveries_of_megabytes_arrive_whole() {
    let backend = FakeBackend::start().await;
    let settings = "{types: [function], max_bytes: 1048576, max_items: 10000}";
    let mut sandbox = start(lambda(&backend, settings)).await;
    let sizes = [300_000, 1_000_000, 2_500_000];
    let write = |function: Function| {
        for size in sizes {
            function.log("é\"\\".repeat(size / 4));
            function.log("x".repeat(size));
        }
        async {}
    };
    assert_eq!(sandbox.invoke(write).await.status, Status::Success);
    let mut found: Vec<_> = backend.logs().iter().map(|record| text(record).len()).collect();
    found.sort_unstable();
    assert_eq!(found, [300_000, 300_000, 1_000_000, 1_000_000, 2_500_000, 2_500_000]);
}

#[tokio::test]
async fn an_emulator_that_tells_nothing_is_named_once_and_holds_nobody_up() {
    for api in [TelemetryApi::NotSupported, TelemetryApi::Fails(404)] {
        let backend = FakeBackend::start().await;
        let emulator = |quirks: &mut Quirks| (quirks.telemetry, quirks.never_freezes) = (api, true);
        let mut sandbox = start(lambda(&backend, "{}").quirks(emulator)).await;
        for _ in 0..5 {
            let held = sandbox.invoke(|_| async {}).await.held;
            assert!(held < HELD_AT_MOST, "{held:?}");
        }
        assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
        let said = sandbox.extension_output();
        assert_eq!(said.matches("telemetryapi receives nothing").count(), 1, "{said}");
    }
}

#[tokio::test]
async fn on_managed_instances_lines_arrive_as_they_are_written() {
    let backend = FakeBackend::start().await;
    let lambda = lambda(&backend, "{types: [function]}").init_type(InitType::ManagedInstances);
    let mut sandbox = start(lambda).await;
    let mut lined = Lined::default();
    for _ in 0..5 {
        lined.invoke(&mut sandbox, 20).await;
    }
    assert_eq!(backend.wait_for_items(100).await, 100);
    lined.assert_arrived_once(&backend);
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
}

#[tokio::test]
async fn long_initialised_and_restored_environments_lose_nothing_either() {
    for init_type in [InitType::ProvisionedConcurrency, InitType::SnapStart] {
        let backend = FakeBackend::start().await;
        let lambda = lambda(&backend, "{log_report: true}").init_type(init_type);
        let mut sandbox = start(lambda).await;
        assert_eq!(backend.requests().len(), 0, "nothing is sent before the first invocation");
        let mut lined = Lined::default();
        for _ in 0..5 {
            lined.invoke(&mut sandbox, 20).await;
            lined.assert_arrived_once(&backend);
        }
        assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
        lined.assert_arrived_once(&backend);
        assert_reported_once(&sandbox, &backend);
    }
}

#[tokio::test]
async fn after_a_restore_the_resource_is_the_new_instance() {
    let backend = FakeBackend::start().await;
    let mut sandbox = start(lambda(&backend, "{types: [function]}")).await;
    let mut lined = Lined::default();
    lined.invoke(&mut sandbox, 1).await;
    sandbox.emit("platform.restoreStart", serde_json::json!({"instanceId": "2026/01/01/[7]restored"}));
    lined.invoke(&mut sandbox, 1).await;
    let instance = |otlp: Otlp| {
        let Otlp::Logs(mut request) = otlp else { panic!("{otlp:?}") };
        let attributes = request.resource_logs.remove(0).resource.unwrap().attributes;
        let instance = attributes.into_iter().find(|attribute| attribute.key == "faas.instance").unwrap();
        instance.value.and_then(|value| value.value).unwrap()
    };
    let instances: Vec<_> = backend.accepted().into_iter().map(instance).collect();
    let restored = Value::StringValue("2026/01/01/[7]restored".into());
    assert_eq!((instances.len(), instances[0] == restored, &instances[1]), (2, false, &restored));
}
