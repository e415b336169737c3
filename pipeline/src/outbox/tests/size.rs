//! How much goes into a request, and how much may wait.

use super::*;
use crate::component::{QueueBatch, Sizer};

#[tokio::test(start_paused = true)]
async fn a_request_too_large_is_cut_until_it_fits_and_the_size_is_remembered() {
    let backend = Backend::default();
    backend.always(Answer::AtMost(10));
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, 0..64));
    flush(&outbox).await;
    assert_eq!(all(&backend), (0..64).collect::<Vec<_>>());
    let asked = backend.asked();
    outbox.put(spans(&budget, 64..128));
    flush(&outbox).await;
    assert_eq!(all(&backend), (0..128).collect::<Vec<_>>());
    assert!(backend.asked() - asked < asked, "{} then {}", asked, backend.asked() - asked);
}

#[tokio::test(start_paused = true)]
async fn requests_grow_again_after_a_backend_that_took_none_of_any_size() {
    let backend = Backend::default();
    backend.always(Answer::AtMost(0));
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, 0..64));
    flush(&outbox).await;
    backend.always(Answer::Take);
    let mut asked = Vec::new();
    for _ in 0..150 {
        let before = backend.asked();
        outbox.put(spans(&budget, 0..64));
        flush(&outbox).await;
        asked.push(backend.asked() - before);
    }
    assert!(asked[0] > 32, "{asked:?}");
    assert_eq!(asked[149], 1, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_and_cannot_be_cut_is_dropped_and_counted() {
    let backend = Backend::default();
    backend.always(Answer::AtMost(0));
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, 0..3));
    flush(&outbox).await;
    assert_eq!((outbox.counts().refused, outbox.is_empty(), budget.used()), (3, true, 0));
}

#[tokio::test(start_paused = true)]
async fn requests_stay_below_the_configured_sizes() {
    let backend = Backend::default();
    backend.sending(|sending| {
        sending.queue.batch = Some(QueueBatch { max_size: 10, ..QueueBatch::default() });
    });
    let (outbox, budget) = outbox(&backend);
    (0..5).for_each(|n| outbox.put(spans(&budget, n * 5..n * 5 + 5)));
    flush(&outbox).await;
    assert_eq!(all(&backend), (0..25).collect::<Vec<_>>());
    assert!(backend.taken().iter().all(|request| request.len() <= 10), "{:?}", backend.taken());
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_the_oldest_and_counts_it() {
    let backend = Backend::default();
    backend.sending(|sending| (sending.queue.sizer, sending.queue.queue_size) = (Sizer::Items, 7));
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, 0..4));
    outbox.put(spans(&budget, 4..8));
    outbox.put(spans(&budget, 8..9));
    flush(&outbox).await;
    assert_eq!(all(&backend), [4, 5, 6, 7, 8]);
    assert_eq!(outbox.counts(), Counts { delivered: 5, refused: 4 });
}

#[tokio::test(start_paused = true)]
async fn a_backlog_gives_up_its_oldest_on_demand_and_counts_it() {
    let backend = Backend::default();
    backend.sending(|sending| sending.max_request_bytes = Some(40)).always(Answer::Busy(None));
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, 0..30));
    assert_eq!(outbox.backlog(), 0, "the backend is not known to be in trouble");
    flush(&outbox).await;
    assert!(outbox.backlog() > 0);
    assert!(outbox.shed_oldest());
    let kept = outbox.items();
    backend.always(Answer::Take);
    flush(&outbox).await;
    assert_eq!(all(&backend), (30 - kept as u32..30).collect::<Vec<_>>());
    assert_eq!(outbox.counts(), Counts { delivered: kept, refused: 30 - kept });
}
