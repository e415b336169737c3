//! A backend that fails or does not answer: when it is asked again, with how much, and when data is given up.

use super::*;

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
async fn a_backend_that_refuses_everything_is_not_asked_about_every_part() {
    for answer in [Answer::Refuse, Answer::Unauthenticated] {
        let backend = Backend::default();
        backend.always(answer);
        let (outbox, budget) = outbox(&backend);
        (0..500).for_each(|n| outbox.put(spans(&budget, [n])));
        flush(&outbox).await;
        assert_eq!(outbox.counts(), Counts { delivered: 0, refused: 500 });
        assert!(backend.asked() < 100, "{}", backend.asked());
        let asked = backend.asked();
        for _ in 0..10 {
            (0..50).for_each(|n| outbox.put(spans(&budget, [n])));
            flush(&outbox).await;
        }
        assert_eq!(backend.asked() - asked, 10, "once a flush");
        backend.always(Answer::RefuseWith(13));
        outbox.put(spans(&budget, [1]));
        flush(&outbox).await;
        (0..50).for_each(|n| outbox.put(spans(&budget, [n])));
        flush(&outbox).await;
        assert_eq!(all(&backend).len(), 50, "its neighbours count again once it takes something");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_failed_at_once_and_is_back_but_slow_is_waited_for() {
    let backend = Backend::default();
    backend.always(Answer::Busy(None));
    let (outbox, budget) = outbox(&backend);
    for n in 0..100 {
        outbox.put(spans(&budget, [n]));
        flush(&outbox).await;
    }
    backend.always(Answer::TakeAfter(Duration::from_millis(200)));
    flush(&outbox).await;
    assert_eq!(all(&backend).len(), 100);
}

#[tokio::test(start_paused = true)]
async fn requests_that_fail_side_by_side_are_one_failure() {
    let backend = Backend::default();
    backend.sending(|sending| sending.max_request_bytes = Some(40)).always(Answer::Busy(None));
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, 0..100));
    flush(&outbox).await;
    assert_eq!(backend.asked(), 10);
    backend.always(Answer::Take);
    let began = Instant::now();
    let all_sent = async {
        while !outbox.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! { () = outbox.send_due() => {}, () = all_sent => {} }
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_backend_is_not_asked_without_a_rest_whatever_the_settings_say() {
    let backend = Backend::default();
    backend.always(Answer::BusyAfter(Duration::from_micros(50)));
    backend.sending(|sending| sending.retry.initial_interval = Duration::ZERO);
    let (outbox, budget) = outbox(&backend);
    outbox.put(spans(&budget, [1]));
    flush(&outbox).await;
    assert!(backend.asked() <= 100, "{}", backend.asked());
}
