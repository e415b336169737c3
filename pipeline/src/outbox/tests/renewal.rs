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
