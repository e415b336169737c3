//! An outbox against a backend that does as it is told: what becomes of answers, one by one.

mod renewal;
mod size;
mod trouble;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::Budget;
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
