//! The rules of the Extensions and Runtime APIs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Answer, Fault, Lambda, Moment, Status, call};

const ECHO: &str = env!("CARGO_BIN_EXE_echo-extension");

type Answers = Arc<Mutex<Vec<(u16, String)>>>;
type Requests = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Status and `errorType` of an answer.
fn verdict(answer: &Answer) -> (u16, String) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status.as_u16(), body["errorType"].as_str().unwrap_or_default().to_owned())
}

async fn register(port: u16, name: &str, body: &str) -> Answer {
    call("POST", port, "/2020-01-01/extension/register", &[("Lambda-Extension-Name", name)], body.to_owned())
        .await
        .unwrap()
}

fn identifier(answer: &Answer) -> String {
    answer.headers["lambda-extension-identifier"].to_str().unwrap().to_owned()
}

/// Makes requests from within the function's init, while registration is open.
async fn during_init(
    requests: impl Fn(u16, Answers) -> Requests + Send + Sync + 'static,
) -> (Vec<(u16, String)>, Result<simulator::Sandbox, simulator::NotStarted>) {
    let answers = Answers::default();
    let kept = Arc::clone(&answers);
    let lambda = Lambda::default().init_timeout(Duration::from_secs(30));
    let sandbox =
        lambda.on_init(move |function| requests(function.api_port(), Arc::clone(&kept))).start().await;
    let answers = answers.lock().unwrap().clone();
    (answers, sandbox)
}

#[tokio::test]
async fn a_registration_must_be_right() {
    let (answers, _sandbox) = during_init(|port, answers| {
        Box::pin(async move {
            for (name, body) in [
                ("", r#"{"events":[]}"#),
                ("a", "no json"),
                ("a", r#"{"events":["INVOKE"],"configurationKeys":["x"]}"#),
                ("a", r#"{"events":["RESTORE"]}"#),
                ("a", r#"{"events":["SHUTDOWN"]}"#),
            ] {
                let answer = register(port, name, body).await;
                answers.lock().unwrap().push(verdict(&answer));
            }
        })
    })
    .await;
    let expected = [
        "Extension.InvalidExtensionName",
        "InvalidRequestFormat",
        "InvalidRequestFormat",
        "Extension.InvalidEventType",
        // Only a launched extension may ask for it, and this one is not.
        "Extension.InvalidEventType",
    ];
    assert_eq!(answers, expected.map(|kind| (403, kind.to_owned())));
}

#[tokio::test]
async fn identifiers_and_states_are_checked() {
    let (answers, _sandbox) = during_init(|port, answers| {
        Box::pin(async move {
            let next = |id: Option<String>| async move {
                let headers: Vec<(&str, &str)> =
                    id.iter().map(|id| ("Lambda-Extension-Identifier", id.as_str())).collect();
                call("GET", port, "/2020-01-01/extension/event/next", &headers, "").await.unwrap()
            };
            for id in [None, Some("x"), Some("11111111-2222-4333-8444-555555555555")] {
                let answer = next(id.map(String::from)).await;
                answers.lock().unwrap().push(verdict(&answer));
            }
            let first = register(port, "inside", r#"{"events":["INVOKE"]}"#).await;
            let again = register(port, "inside", r#"{"events":["INVOKE"]}"#).await;
            let id = identifier(&first);
            let path = "/2020-01-01/extension/init/error";
            let headers = [("Lambda-Extension-Identifier", id.as_str())];
            let nameless = call("POST", port, path, &headers, "").await.unwrap();
            answers.lock().unwrap().extend([verdict(&again), verdict(&nameless)]);
            // Whoever has registered must ask for an event, or the init phase never ends.
            tokio::spawn(next(Some(id)));
        })
    })
    .await;
    let expected = [
        "Extension.MissingExtensionIdentifier",
        "Extension.InvalidExtensionIdentifier",
        "Extension.UnknownExtensionIdentifier",
        "Extension.InvalidExtensionState",
        "Extension.MissingHeader",
    ];
    assert_eq!(answers, expected.map(|kind| (403, kind.to_owned())));
}

#[tokio::test]
async fn the_eleventh_extension_is_one_too_many() {
    let (answers, sandbox) = during_init(|port, answers| {
        Box::pin(async move {
            for number in 0..11 {
                let answer = register(port, &format!("inside-{number}"), "{}").await;
                answers.lock().unwrap().push(verdict(&answer));
            }
        })
    })
    .await;
    assert_eq!(answers[..10], std::array::from_fn::<_, 10, _>(|_| (200, String::new())));
    assert_eq!(sandbox.unwrap_err().fault, Fault::TooManyExtensions);
}

#[tokio::test]
async fn after_the_init_phase_registration_and_subscription_are_closed() {
    let sandbox = Lambda::new(ECHO).start().await.unwrap();
    let port = sandbox.api().rsplit(':').next().unwrap().parse().unwrap();
    let late = register(port, "late", "{}").await;
    assert_eq!(verdict(&late), (403, "Extension.RegistrationClosed".into()));
    let stranger = [("Lambda-Extension-Identifier", "11111111-2222-4333-8444-555555555555")];
    let answer = call("PUT", port, "/2022-07-01/telemetry", &stranger, "{}").await.unwrap();
    assert_eq!(verdict(&answer), (403, "Extension.UnknownExtensionIdentifier".into()));
    let pong = call("GET", port, "/2018-06-01/ping", &[], "").await.unwrap();
    assert_eq!(pong.body, "pong");
}

#[tokio::test]
async fn an_extension_whose_next_is_answered_500_may_ask_again() {
    let mut sandbox = Lambda::new(ECHO).quirks(|quirks| quirks.failing_nexts = 2).start().await.unwrap();
    assert_eq!(sandbox.invoke(|_| async {}).await.status, Status::Success);
    assert_eq!(sandbox.extension_output().matches("InternalServerError").count(), 2);
}

#[tokio::test]
async fn a_runtime_process_gets_events_and_answers_or_fails() {
    let mut sandbox = Lambda::new(ECHO).runtime(ECHO, ["runtime"]).start().await.unwrap();
    let event = json!({ "order": 1 });
    let invocation = sandbox.invoke_event(event.clone()).await;
    assert_eq!(invocation.status, Status::Success);
    assert_eq!(serde_json::from_slice::<Value>(&invocation.response.unwrap()).unwrap(), event);

    let invocation = sandbox.invoke_event(json!({ "fail": "Function.TypeError" })).await;
    assert_eq!(invocation.status, Status::Error("Function.TypeError".into()));
    let invocation = sandbox.invoke_event(json!({ "fail": "nonsense" })).await;
    assert_eq!(invocation.status, Status::Error("Function.Unknown".into()));

    assert!(sandbox.is_stopped("function") && sandbox.is_stopped("echo-extension"));
    sandbox.shutdown().await;
    let journal = sandbox.journal();
    let gone =
        journal.first(|moment| matches!(moment, Moment::Exited { process, .. } if process == "function"));
    let told = journal.first(|moment| matches!(moment, Moment::Shutdown { .. }));
    assert!(gone < told, "the runtime goes first");
}

#[tokio::test]
async fn shutdown_reasons_may_be_in_upper_case() {
    let mut sandbox = Lambda::new(ECHO).start().await.unwrap();
    sandbox.quirks(|quirks| quirks.upper_case_shutdown_reason = true);
    sandbox.shutdown().await;
    assert!(sandbox.extension_output().contains(r#""shutdownReason":"SPINDOWN""#));
}

#[tokio::test]
async fn limits_are_applied_where_the_machine_lets_us_and_named() {
    let mut sandbox = Lambda::new(ECHO).memory(1769).limited().start().await.unwrap();
    sandbox.invoke(|_| async {}).await;
    assert!(sandbox.is_stopped("echo-extension"), "with the limits {:?}", sandbox.limits());
    sandbox.thaw();
    assert!(!sandbox.is_stopped("echo-extension"));
    assert_eq!(sandbox.shutdown().await.extensions[0].code, Some(0));
}
