//! The life of an environment: init, invoke, freeze, reset, shutdown.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

use std::time::Duration;

use simulator::{Fault, InitType, Lambda, Moment, Outcome, Status, free_port};

const ECHO: &str = env!("CARGO_BIN_EXE_echo-extension");
const NAME: &str = "echo-extension";

fn lambda() -> Lambda {
    Lambda::new(ECHO)
}

#[tokio::test]
async fn the_phases_come_in_the_platforms_order() {
    let mut sandbox = lambda().start().await.unwrap();
    let invocation = sandbox.invoke(|_| async {}).await;
    let ended = sandbox.shutdown().await;

    assert_eq!(invocation.status, Status::Success);
    assert_eq!((ended.extensions[0].killed, ended.extensions[0].code), (false, Some(0)));
    let extension = || NAME.to_owned();
    let request = || invocation.request_id.clone();
    let expected = [
        Moment::InitStart { phase: "init".into() },
        Moment::Launched { extension: extension() },
        Moment::Registered { extension: extension() },
        Moment::RuntimeStarted,
        Moment::RuntimeReady,
        Moment::Ready { extension: extension() },
        Moment::InitDone,
        Moment::Invoke { request: request() },
        Moment::FunctionStarted { request: request() },
        Moment::RuntimeDone { request: request() },
        Moment::Next { extension: extension() },
        Moment::Frozen,
        Moment::Thawed,
        Moment::ShutdownStart { reason: "spindown".into() },
        Moment::Shutdown { extension: extension() },
        Moment::Exited { process: extension(), code: Some(0) },
    ];
    let journal = sandbox.journal();
    for (earlier, later) in expected.iter().zip(&expected[1..]) {
        let at = |wanted: &Moment| {
            journal.first(|moment| moment == wanted).unwrap_or_else(|| panic!("no {wanted:?}"))
        };
        // The extension may ask for its next event before or after the function is done.
        if !matches!((earlier, later), (Moment::RuntimeReady, _) | (_, Moment::Next { .. })) {
            assert!(at(earlier) <= at(later), "{earlier:?} before {later:?}");
        }
    }
}

#[tokio::test]
async fn a_frozen_extension_does_not_run() {
    let mut sandbox = lambda().start().await.unwrap();
    assert!(!sandbox.is_stopped(NAME), "before the first invocation it may run");
    sandbox.invoke(|_| async {}).await;
    assert!(sandbox.is_stopped(NAME));
    sandbox.thaw();
    assert!(!sandbox.is_stopped(NAME));
}

#[tokio::test]
async fn provisioned_concurrency_freezes_after_the_init_phase() {
    let sandbox = lambda().init_type(InitType::ProvisionedConcurrency).start().await.unwrap();
    assert!(sandbox.is_stopped(NAME));
}

#[tokio::test]
async fn managed_instances_are_never_frozen_and_refuse_invoke() {
    let refused = lambda().init_type(InitType::ManagedInstances).start().await.unwrap_err();
    assert_eq!(refused.fault, Fault::Crash(NAME.into()));

    let managed = lambda().init_type(InitType::ManagedInstances).env("ECHO_EVENTS", "SHUTDOWN");
    let mut sandbox = managed.start().await.unwrap();
    sandbox.invoke(|_| async {}).await;
    assert!(!sandbox.is_stopped(NAME));
    assert!(!sandbox.extension_output().contains("INVOKE"));
}

#[tokio::test]
async fn an_extension_sees_its_filtered_environment_and_is_told_what_it_asked_for() {
    let sandbox = lambda().start().await.unwrap();
    let text = sandbox.extension_output();
    assert!(
        text.contains(r#""functionName":"orders""#) && text.contains(r#""accountId":"123456789012""#),
        "{text}"
    );
}

#[tokio::test]
async fn the_extension_is_waited_for_and_the_wait_is_told() {
    let port = free_port().unwrap();
    let waiting = lambda().env("ECHO_TELEMETRY", port.to_string()).env("ECHO_WAIT", "platform.runtimeDone");
    let mut sandbox = waiting.start().await.unwrap();
    let invocation = sandbox.invoke(|_| async {}).await;
    let sent = invocation.runtime_done_sent.expect("runtimeDone was sent");
    // The platform buffers for 25 ms; a batch that was begun by an earlier event is sent earlier.
    assert!(invocation.function_done <= sent && sent <= invocation.end);
    assert_eq!(invocation.held, invocation.end - invocation.function_done);
}

#[tokio::test]
async fn a_function_that_takes_too_long_ends_the_environment_and_the_next_invocation_starts_anew() {
    let mut sandbox = lambda().timeout(Duration::from_secs(3)).start().await.unwrap();
    let invocation = sandbox.invoke(|_| std::future::pending::<()>()).await;
    assert_eq!(invocation.status, Status::Timeout);
    assert!(sandbox.extension_output().contains(r#""shutdownReason":"timeout""#));

    let invocation = sandbox.invoke(|_| async {}).await;
    assert_eq!((invocation.status, invocation.cold), (Status::Success, true));
    let journal = sandbox.journal();
    assert_eq!(journal.count(|moment| matches!(moment, Moment::Registered { .. })), 2);
    assert_eq!(journal.count(|moment| *moment == Moment::InitStart { phase: "invoke".into() }), 1);
}

#[tokio::test]
async fn telemetry_that_was_not_delivered_dies_with_its_environment() {
    let port = free_port().unwrap();
    let lambda = lambda().timeout(Duration::from_secs(2)).env("ECHO_TELEMETRY", port.to_string());
    // The pauses between seven tries are 3 s, longer than the first environment lives.
    let mut sandbox = lambda.env("ECHO_REFUSE", "6").start().await.unwrap();
    let lost = sandbox.invoke(|_| std::future::pending::<()>()).await;
    let kept = sandbox.invoke(|_| async {}).await;
    sandbox.thaw();
    sandbox.wait_for_output(Duration::from_secs(30), &kept.request_id).await.unwrap();
    let told =
        |line: &simulator::Line| line.text.contains("telemetry") && line.text.contains(&lost.request_id);
    let first_life = sandbox.journal().last(|moment| matches!(moment, Moment::Launched { .. })).unwrap();
    assert!(!sandbox.output().iter().any(|line| told(line) && line.at > first_life));
}

#[tokio::test]
async fn an_extension_that_never_asks_for_the_next_event_times_the_invocation_out() {
    let port = free_port().unwrap();
    let lambda = lambda().timeout(Duration::from_secs(1)).env("ECHO_TELEMETRY", port.to_string());
    let mut sandbox = lambda.env("ECHO_WAIT", "platform.never").start().await.unwrap();
    let invocation = sandbox.invoke(|_| async {}).await;
    assert_eq!(invocation.status, Status::Timeout);
    assert!(invocation.held >= Duration::from_millis(500), "{:?}", invocation.held);
    let killed = Moment::Killed { process: NAME.into() };
    assert_eq!(sandbox.journal().count(|moment| *moment == killed), 1, "it does not read SHUTDOWN either");
}

#[tokio::test]
async fn an_extension_that_stays_is_killed_after_two_seconds() {
    let mut sandbox = lambda().env("ECHO_FAULT", "stay").start().await.unwrap();
    let ended = sandbox.shutdown().await;
    assert!(ended.extensions[0].killed);
    assert!(ended.took >= Duration::from_secs(2) && ended.took < Duration::from_secs(10), "{:?}", ended.took);
}

#[tokio::test]
async fn an_extension_without_shutdown_is_killed_at_once() {
    let mut sandbox = lambda().env("ECHO_EVENTS", "INVOKE").start().await.unwrap();
    let ended = sandbox.shutdown().await;
    assert!(ended.extensions[0].killed && ended.took < Duration::from_secs(2), "{:?}", ended.took);
}

#[tokio::test]
async fn faults_of_an_extension_end_the_environment() {
    let failed = lambda().env("ECHO_FAULT", "init-error").start().await.unwrap_err();
    assert_eq!(failed.fault, Fault::InitError(NAME.into(), "Extension.Echo".into()));

    let mut sandbox = lambda().env("ECHO_FAULT", "crash").start().await.unwrap();
    let invocation = sandbox.invoke(|_| async {}).await;
    assert_eq!(invocation.status, Status::Failed(Fault::Crash(NAME.into())));

    let mut sandbox = lambda().env("ECHO_FAULT", "exit-error").start().await.unwrap();
    let invocation = sandbox.invoke(|_| std::future::pending::<()>()).await;
    assert_eq!(invocation.status, Status::Failed(Fault::ExitError(NAME.into(), "Extension.Echo".into())));
}

#[tokio::test]
async fn a_program_that_cannot_be_run_fails_the_init_phase() {
    let failed = Lambda::new("/nonexistent/extension").start().await.unwrap_err();
    assert!(matches!(failed.fault, Fault::Launch(..)), "{failed}");
}

#[tokio::test]
async fn the_platform_can_refuse_to_register() {
    let failed = lambda().quirks(|quirks| quirks.register = Some(500)).start().await.unwrap_err();
    assert!(failed.to_string().contains("InternalServerError"), "{failed}");
}

#[tokio::test]
async fn a_function_may_fail_or_crash() {
    let mut sandbox = lambda().start().await.unwrap();
    let invocation = sandbox.invoke(|_| async { Outcome::Error("Function.TypeError".into()) }).await;
    assert_eq!(invocation.status, Status::Error("Function.TypeError".into()));
    let invocation = sandbox.invoke(|_| async { Outcome::Crash }).await;
    assert_eq!(invocation.status, Status::Failed(Fault::Runtime("Runtime.ExitError".into())));
    assert!(sandbox.extension_output().contains(r#""shutdownReason":"failure""#));
}

#[tokio::test]
async fn a_root_that_cannot_be_ends_the_start_and_says_why() {
    let failed = Lambda::default().rootfs("/nowhere/to/be/found").start().await.unwrap_err();
    let Fault::Launch(_, reason) = failed.fault else { panic!("{:?}", failed.fault) };
    assert!(reason.contains("/nowhere/to/be/found") || reason.contains("only root"), "{reason}");
}
