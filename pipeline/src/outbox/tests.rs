use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::Budget;
use crate::component::{QueueBatch, Sizer};
use crate::testing::{Answer, Backend, spans};

const HOLD: Duration = Duration::from_secs(1);

fn outbox(backend: &Backend) -> (Outbox, Budget) {
    let id = Id { kind: "fake".into(), name: String::new() };
    (Outbox::new(id, backend.exporter()), Budget::new(1 << 20))
}

async fn flush(outbox: &Outbox) -> Duration {
    let began = Instant::now();
    outbox.new_chance();
    outbox.send_all(began + Duration::from_secs(60), Some(HOLD)).await;
    began.elapsed()
}

fn all(backend: &Backend) -> Vec<u32> {
    let mut all = backend.taken().concat();
    all.sort_unstable();
    all
}

#[tokio::test(start_paused = true)]
async fn a_flush_sends_all_that_waits_as_one_request() {
    let backend = Backend::default();
    let (outbox, budget) = outbox(&backend);
    (0..5).for_each(|n| outbox.put(spans(&budget, [n])));
    assert_eq!(flush(&outbox).await, Duration::ZERO);
    assert_eq!(backend.taken(), [[0, 1, 2, 3, 4]]);
    assert_eq!((outbox.counts().delivered, outbox.is_empty(), budget.used()), (5, true, 0));
}

#[tokio::test(start_paused = true)]
async fn requests_stay_as_they_came_where_merging_is_off() {
    let backend = Backend::default();
    backend.sending(|sending| (sending.merge_bytes, sending.queue.num_consumers) = (0, 1));
    let (outbox, budget) = outbox(&backend);
    (0..5).for_each(|n| outbox.put(spans(&budget, [n])));
    flush(&outbox).await;
    assert_eq!(backend.taken(), [[0], [1], [2], [3], [4]]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_outside_a_flush() {
    let backend = Backend::default();
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!((backend.asked(), outbox.items()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_under_way_goes_on_in_the_next_call() {
    let backend = Backend::default();
    backend.next([Answer::TakeAfter(Duration::from_millis(300))]);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    assert!(tokio::time::timeout(Duration::from_millis(200), outbox.send_due()).await.is_err());
    assert_eq!(flush(&outbox).await, Duration::from_millis(100));
    assert_eq!((backend.asked(), all(&backend)), (1, vec![1]));
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_request_is_under_way_is_merged_into_the_next() {
    let backend = Backend::default();
    backend.next([Answer::TakeAfter(Duration::from_millis(10))]);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    let later = async {
        for n in 2..6 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            outbox.put(spans(&budget, [n]));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    tokio::select! { () = outbox.send_due() => {}, () = later => {} }
    assert_eq!(backend.taken(), [vec![1], vec![2, 3, 4, 5]]);
}

#[tokio::test(start_paused = true)]
async fn what_misses_the_hold_is_kept_and_goes_first_next_time() {
    let backend = Backend::default();
    backend.next([Answer::Hang]);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    assert_eq!(flush(&outbox).await, HOLD);
    assert_eq!(outbox.items(), 1);
    outbox.put(spans(&budget, [2]));
    flush(&outbox).await;
    assert_eq!(backend.taken().concat(), [1, 2]);
    assert!(outbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_costs_one_hold_and_then_moments() {
    let backend = Backend::default();
    backend.always(Answer::Hang);
    let (outbox, budget) = outbox(&backend);
    let mut held = Duration::ZERO;
    for n in 0..100 {
        outbox.put(spans(&budget, [n]));
        held += flush(&outbox).await;
    }
    assert!(held < HOLD * 12, "{held:?}");
    backend.always(Answer::Take);
    flush(&outbox).await;
    assert_eq!(all(&backend), (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_fails_fast_is_asked_once_a_flush() {
    let backend = Backend::default();
    backend.always(Answer::Busy(None));
    let (outbox, budget) = outbox(&backend);
    for n in 0..10 {
        outbox.put(spans(&budget, [n]));
        assert_eq!(flush(&outbox).await, Duration::ZERO);
    }
    assert_eq!(backend.asked(), 10);
    backend.always(Answer::Take);
    flush(&outbox).await;
    assert_eq!(backend.taken().concat(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn retries_happen_within_the_flush_where_the_back_off_allows() {
    let backend = Backend::default();
    backend.sending(|sending| sending.retry.initial_interval = Duration::from_millis(50));
    backend.next([Answer::Busy(None), Answer::Busy(None)]);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    let held = flush(&outbox).await;
    assert!(held > Duration::from_millis(60) && held < Duration::from_millis(200), "{held:?}");
    assert_eq!((backend.asked(), all(&backend)), (3, vec![1]));
}

#[tokio::test(start_paused = true)]
async fn the_backends_own_wish_to_wait_is_honoured_over_flushes() {
    let backend = Backend::default();
    backend.next([Answer::Busy(Some(Duration::from_secs(20)))]);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    flush(&outbox).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(flush(&outbox).await, Duration::ZERO);
    assert_eq!(backend.asked(), 1);
    tokio::time::advance(Duration::from_secs(11)).await;
    flush(&outbox).await;
    assert_eq!((backend.asked(), all(&backend)), (2, vec![1]));
}

#[tokio::test(start_paused = true)]
async fn the_last_flush_tries_whatever_the_backend_wished() {
    let backend = Backend::default();
    let wish = || Answer::Busy(Some(Duration::from_secs(3600)));
    backend.next([wish(), wish(), wish()]);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    flush(&outbox).await;
    outbox.last_chance();
    outbox.send_all(Instant::now() + HOLD, None).await;
    assert_eq!(all(&backend), [1]);
}

#[tokio::test(start_paused = true)]
async fn without_retry_a_failure_is_final_and_counted() {
    let backend = Backend::default();
    backend.sending(|sending| sending.retry.enabled = false);
    backend.next([Answer::Busy(None)]);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1, 2]));
    flush(&outbox).await;
    assert_eq!((outbox.counts(), budget.used()), (Counts { delivered: 0, refused: 2 }, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_given_up_after_the_time_spent_on_it_not_the_time_spent_frozen() {
    let backend = Backend::default();
    backend.sending(|sending| sending.retry.max_elapsed_time = Duration::from_millis(2500));
    backend.always(Answer::Hang);
    backend.sending(|sending| sending.timeout = Duration::from_millis(900));
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    for _ in 0..3 {
        flush(&outbox).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
    }
    assert_eq!(outbox.items(), 1, "given up although it was frozen most of the time");
    for _ in 0..30 {
        flush(&outbox).await;
    }
    assert_eq!(outbox.counts().refused, 1);
}

#[tokio::test(start_paused = true)]
async fn what_came_later_is_not_given_up_with_what_came_first() {
    let backend = Backend::default();
    backend.always(Answer::Busy(None)).sending(|sending| {
        sending.retry.max_elapsed_time = Duration::from_millis(2500);
        sending.retry.initial_interval = Duration::from_millis(10);
        sending.retry.max_interval = Duration::from_millis(10);
    });
    let (outbox, budget) = outbox(&backend);
    for (number, seconds) in [(1, 2), (2, 1), (3, 1)] {
        outbox.put(spans(&budget, [number]));
        let _ = timeout(Duration::from_secs(seconds), outbox.send_due()).await;
    }
    assert_eq!((outbox.counts().refused, outbox.items()), (1, 2));
    backend.always(Answer::Take);
    flush(&outbox).await;
    assert_eq!(all(&backend), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_at_its_own_timeout() {
    let backend = Backend::default();
    backend.sending(|sending| sending.timeout = Duration::from_millis(100)).next([Answer::Hang]);
    backend.sending(|sending| sending.retry.initial_interval = Duration::from_millis(10));
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    let held = flush(&outbox).await;
    assert!(held < Duration::from_millis(130), "{held:?}");
    assert_eq!(all(&backend), [1]);
}

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
async fn one_bad_request_costs_its_neighbours_nothing() {
    let backend = Backend::default();
    backend.always(Answer::RefuseWith(13));
    let (outbox, budget) = outbox(&backend);
    (0..50).for_each(|n| outbox.put(spans(&budget, [n])));
    flush(&outbox).await;
    assert_eq!(all(&backend), (0..50).filter(|n| *n != 13).collect::<Vec<_>>());
    assert_eq!(outbox.counts(), Counts { delivered: 49, refused: 1 });
    assert!(backend.asked() < 20, "{}", backend.asked());
}

#[tokio::test(start_paused = true)]
async fn rejected_items_are_counted_as_refused() {
    let backend = Backend::default();
    backend.always(Answer::Reject(2));
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, 0..5));
    flush(&outbox).await;
    assert_eq!(outbox.counts(), Counts { delivered: 3, refused: 2 });
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_that_is_settled_in_part_only_the_rest_is_sent_again() {
    let backend = Backend::default();
    backend.next([Answer::TakeButLast(2)]);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, 0..5));
    flush(&outbox).await;
    assert_eq!(outbox.items(), 2);
    assert_eq!(outbox.counts(), Counts { delivered: 2, refused: 1 });
    outbox.new_chance();
    flush(&outbox).await;
    assert_eq!(all(&backend), [0, 1, 2, 3, 4]);
    assert_eq!(outbox.counts(), Counts { delivered: 4, refused: 1 });
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
async fn a_backend_in_trouble_is_asked_by_one_request_at_a_time() {
    let backend = Backend::default();
    backend.sending(|sending| sending.max_request_bytes = Some(40)).always(Answer::Hang);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, 0..100));
    flush(&outbox).await;
    assert_eq!(backend.most_at_once(), 10, "num_consumers");
    let asked = backend.asked();
    flush(&outbox).await;
    assert_eq!(backend.asked() - asked, 1);
    backend.always(Answer::Take);
    flush(&outbox).await;
    assert_eq!(all(&backend), (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_panics_costs_its_batch_and_no_more() {
    let backend = Backend::default();
    backend.next([Answer::Panic]);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    flush(&outbox).await;
    outbox.put(spans(&budget, [2]));
    flush(&outbox).await;
    assert_eq!((all(&backend), outbox.counts()), (vec![2], Counts { delivered: 1, refused: 1 }));
}

#[tokio::test(start_paused = true)]
async fn a_backend_in_trouble_is_asked_with_little_however_much_waits() {
    for trouble in [Answer::Busy(None), Answer::Hang] {
        let backend = Backend::default();
        backend.always(trouble);
        let (outbox, budget) = outbox(&backend);
        for n in 0..200 {
            outbox.put(spans(&budget, n * 100..n * 100 + 100));
            flush(&outbox).await;
        }
        assert!(outbox.items() == 20_000 && backend.largest() < 128 << 10, "{}", backend.largest());
        backend.always(Answer::Take);
        flush(&outbox).await;
        assert_eq!(all(&backend).len(), 20_000);
    }
}
