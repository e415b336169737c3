use futures_util::FutureExt;
use receivers::telemetryapi::Types;
use tokio::task::LocalSet;

use super::*;

const DONE: &str =
    r#"{"time":"2026-01-01T00:00:00.640Z","type":"platform.runtimeDone","record":{"requestId":"r1"}}"#;

/// What a process without a configuration hears, and what its one receiver is told: kinds of events, and the rest in
/// words.
fn listening() -> (Telemetry, Rc<RefCell<Vec<String>>>) {
    let configuration = Configuration::at_hand(&config::Env::default(), &["yaml:{}"]);
    let types = Types { platform: true, function: true, extension: true };
    configuration.feed.ask(Subscription { types, ..Subscription::default() });
    let told = Rc::new(RefCell::new(Vec::new()));
    let heard = told.clone();
    let joined = configuration.feed.join(move |news| {
        let words = match news {
            News::Events(events) => events.iter().map(|event| event.kind.clone()).collect(),
            News::Invoked(invocation) => vec![format!("invoked {}", invocation.request_id)],
            News::Ends(reason) => vec![format!("ends: {reason}")],
        };
        heard.borrow_mut().extend(words);
    });
    std::mem::forget(joined);
    (Telemetry::new(&configuration, Log::quiet()), told)
}

fn hear(telemetry: &Telemetry, body: &str) {
    telemetry.hear(&mut body.as_bytes().to_vec(), None, false);
}

async fn locally<T>(future: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(future).await
}

#[tokio::test]
async fn an_end_that_comes_before_its_invocation_counts() {
    let (telemetry, _) = listening();
    hear(&telemetry, &format!("[{DONE}]"));
    telemetry.done("r1").await;
}

#[tokio::test]
async fn a_request_that_is_tried_again_under_the_same_id_is_waited_for_again() {
    let (telemetry, _) = listening();
    hear(&telemetry, &format!("[{DONE},{DONE}]"));
    telemetry.done("r1").await;
    assert!(telemetry.done("r1").now_or_never().is_none());
}

#[tokio::test]
async fn the_report_of_a_first_try_does_not_end_the_second() {
    let (telemetry, _) = listening();
    hear(&telemetry, &DONE.replace("runtimeDone", "report"));
    assert!(telemetry.done("r1").now_or_never().is_none());
}

#[tokio::test]
async fn another_invocations_end_does_not_count() {
    let (telemetry, _) = listening();
    hear(&telemetry, &format!("[{DONE}]"));
    assert!(telemetry.done("r2").now_or_never().is_none());
}

#[tokio::test]
async fn the_receivers_are_told_all_before_the_invocation_counts_as_done() {
    let (telemetry, told) = listening();
    let seen = locally(async {
        let waiting = tokio::task::spawn_local({
            let (telemetry, told) = (telemetry.clone(), told.clone());
            async move {
                telemetry.done("r1").await;
                told.borrow().len()
            }
        });
        tokio::task::yield_now().await;
        hear(&telemetry, &format!(r#"[{DONE},{{"time":"x","type":"function","record":"behind it"}}]"#));
        waiting.await.unwrap()
    });
    assert_eq!(seen.await, 2);
}

#[tokio::test]
async fn a_receiver_that_panics_neither_holds_the_invocation_nor_ends_the_collector() {
    let (telemetry, _) = listening();
    let joined = telemetry.0.feed.join(|_| panic!("a receiver that can't bear this"));
    telemetry.invoked(&Invocation { request_id: "r1".into(), ..Invocation::default() });
    hear(&telemetry, &format!("[{DONE}]"));
    telemetry.done("r1").await;
    telemetry.ends("spindown");
    drop(joined);
}

#[tokio::test(start_paused = true)]
async fn an_invocation_is_held_for_the_rest_of_a_cut_record_but_not_for_long() {
    let (telemetry, told) = listening();
    let half = r#"{"time":"2026-01-01T00:00:01.000Z","type":"function","record":{"message":"AA}"#;
    let rest = r#"{"time":"2026-01-01T00:00:01.000Z","type":"function","record":BB"}}"#;
    locally(async {
        let begun = Instant::now();
        hear(&telemetry, &format!("[{DONE},{half}]"));
        let rest_comes = async {
            sleep(REST_OF_RECORD / 2).await;
            hear(&telemetry, &format!("[{rest}]"));
        };
        tokio::join!(telemetry.done("r1"), rest_comes);
        assert_eq!((begun.elapsed(), told.borrow().len()), (REST_OF_RECORD / 2, 2));

        let begun = Instant::now();
        hear(&telemetry, &format!("[{half}, {DONE}]"));
        telemetry.done("r1").await;
        assert_eq!((begun.elapsed(), told.borrow().len()), (REST_OF_RECORD, 4));
        assert_eq!(telemetry.budget().used(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_no_invocation_ends_a_cut_record_is_let_go_after_a_while() {
    let (telemetry, told) = listening();
    locally(async {
        hear(
            &telemetry,
            r#"[{"time":"2026-01-01T00:00:01.000Z","type":"function","record":{"message":"AA}]"#,
        );
        assert!(told.borrow().is_empty() && telemetry.budget().used() > 0);
        sleep(PATIENCE * 2).await;
        assert_eq!((&*told.borrow(), telemetry.budget().used()), (&vec!["function".to_owned()], 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_last_report_is_waited_for_if_one_is_missing_and_a_receiver_wants_it() {
    let report = DONE.replace("runtimeDone", "report");
    let waited = async |invoked: bool, reported: bool, subscribed: bool| {
        let (telemetry, _) = listening();
        if subscribed {
            telemetry.subscribed(Duration::from_millis(25));
        }
        if invoked {
            telemetry.invoked(&Invocation { request_id: "r1".into(), ..Invocation::default() });
        }
        if reported {
            hear(&telemetry, &format!("[{report}]"));
        }
        let begun = Instant::now();
        telemetry.last_words().await;
        begun.elapsed().as_millis()
    };
    assert_eq!(waited(true, false, true).await, 325);
    // What the platform buffers is waited for all the same.
    assert_eq!(waited(true, true, true).await, 40);
    assert_eq!(waited(false, false, true).await, 40);
    assert_eq!(waited(true, false, false).await, 0);
}

#[tokio::test]
async fn the_news_are_told_in_order() {
    let (telemetry, told) = listening();
    let invocation = Invocation { request_id: "r1".into(), ..Invocation::default() };
    telemetry.invoked(&invocation);
    hear(&telemetry, &format!("[{DONE}]"));
    telemetry.ends("spindown");
    assert_eq!(*told.borrow(), ["invoked r1", "platform.runtimeDone", "ends: spindown"]);
    assert_eq!(telemetry.0.host.invocations(), [invocation]);
}
