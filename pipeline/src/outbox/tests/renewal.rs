//! An outbox whose exporter is replaced by another one.

use super::*;
use crate::component::Sizer;

fn replaced(outbox: &Outbox) -> Backend {
    let backend = Backend::default();
    outbox.replace(backend.exporter());
    backend
}

#[tokio::test(start_paused = true)]
async fn another_exporter_gets_requests_of_the_size_that_it_wants() {
    let (outbox, budget) = outbox(&Backend::default());
    outbox.put(spans(&budget, 0..64));
    let backend = Backend::default();
    backend.sending(|sending| sending.max_request_bytes = Some(100));
    outbox.replace(backend.exporter());
    flush(&outbox).await;
    assert_eq!(all(&backend), (0..64).collect::<Vec<_>>());
    assert!(backend.taken().len() > 2, "{:?}", backend.taken());
}

#[tokio::test(start_paused = true)]
async fn another_exporter_brings_the_bounds_of_its_queue() {
    let (outbox, budget) = outbox(&Backend::default());
    (0..4).for_each(|n| outbox.put(spans(&budget, [n * 2, n * 2 + 1])));
    let backend = Backend::default();
    backend.sending(|sending| (sending.queue.sizer, sending.queue.queue_size) = (Sizer::Items, 2));
    outbox.replace(backend.exporter());
    (4..8).for_each(|n| outbox.put(spans(&budget, [n * 2, n * 2 + 1])));
    flush(&outbox).await;
    assert_eq!(all(&backend), [14, 15]);
    assert_eq!(outbox.counts(), Counts { delivered: 2, refused: 14 });
}

#[tokio::test(start_paused = true)]
async fn what_was_learnt_of_a_backend_stays_known_when_its_exporter_comes_with_other_secrets() {
    let before = Backend::default();
    before.always(Answer::AtMost(10));
    let (outbox, budget) = outbox(&before);
    outbox.put(spans(&budget, 0..64));
    flush(&outbox).await;
    let after = replaced(&outbox);
    after.always(Answer::AtMost(10));
    outbox.put(spans(&budget, 64..128));
    flush(&outbox).await;
    assert!(after.asked() < before.asked(), "{} then {}", before.asked(), after.asked());
}

/// An outbox that retries nothing, whose backend does not know the sender and whose secrets can be had anew.
fn unknown() -> (Outbox, Budget, Backend) {
    let backend = Backend::default();
    backend.sending(|sending| sending.retry.enabled = false).always(Answer::Unauthenticated);
    let (outbox, budget) = outbox(&backend);
    outbox.set_renewable(true);
    outbox.put(spans(&budget, [1, 2]));
    (outbox, budget, backend)
}

#[tokio::test(start_paused = true)]
async fn without_retry_an_unknown_sender_gets_one_attempt_with_other_secrets() {
    let (outbox, _, _) = unknown();
    flush(&outbox).await;
    assert!(outbox.take_unauthenticated());
    let renewed = replaced(&outbox);
    outbox.looked_again();
    flush(&outbox).await;
    assert_eq!((all(&renewed), outbox.counts().refused), (vec![1, 2], 0));
}

#[tokio::test(start_paused = true)]
async fn without_retry_an_unknown_sender_is_kept_until_its_secrets_were_looked_up_again() {
    let (outbox, budget, _) = unknown();
    flush(&outbox).await;
    flush(&outbox).await;
    assert_eq!(outbox.items(), 2);
    outbox.looked_again();
    flush(&outbox).await;
    assert_eq!((outbox.counts(), budget.used()), (Counts { delivered: 0, refused: 2 }, 0));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_begun_before_a_look_at_the_secrets_is_not_the_one_after_it() {
    let (outbox, _, backend) = unknown();
    flush(&outbox).await;
    backend.next([Answer::UnauthenticatedAfter(Duration::from_millis(100))]);
    outbox.new_chance();
    let look = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        outbox.looked_again();
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    tokio::select! { () = outbox.send_due() => {}, () = look => {} }
    assert_eq!((backend.asked(), outbox.items()), (2, 2));
    flush(&outbox).await;
    assert_eq!((backend.asked(), outbox.counts().refused), (3, 2));
}
