//! Receivers and processors that can't be built when the service starts.

use super::*;

/// A service whose pipeline waits for its processors, and what goes into it.
async fn without_processors(backend: &Backend) -> Scene {
    let door = Door::new(Duration::ZERO);
    let (inlet, stopped) = (door.inlet.clone(), door.stopped.clone());
    let budget = Budget::new(10_000);
    let service = Service::start(plan(Some(door), &[backend], None), &budget);
    let inlet = open(&inlet).await;
    Scene { service, inlet, budget, stopped }
}

/// What can be built later: these processors, and an exporter to the same backend.
fn with_processors(backend: &Backend, processors: Vec<Box<dyn Processor>>) -> Plan {
    plan(None, &[backend], Some(processors))
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_the_processors_waits_and_goes_through_them() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            let scene = without_processors(&backend).await;
            scene.inlet.accept(spans(&scene.budget, [1]));
            scene.inlet.accept(spans(&scene.budget, [2, 3]));
            let (flushed, took) = flush(&scene.service).await;
            assert_eq!(flushed, Flushed { delivered: 0, refused: 0, kept: 3 });
            assert!(took < Duration::from_millis(100), "{took:?}");
            assert!(scene.service.renew(plan(None, &[&backend], None)).is_empty());
            assert_eq!(flush(&scene.service).await.0.kept, 3, "they still can't be built");

            assert!(scene.service.renew(with_processors(&backend, vec![hold(60)])).is_empty());
            scene.service.flush_while_due(tokio::time::sleep(Duration::from_secs(59))).await;
            assert_eq!(backend.taken(), Vec::<Vec<u32>>::new(), "the processor holds it");
            scene.inlet.accept(spans(&scene.budget, [4]));
            assert_eq!(flush(&scene.service).await.0, Flushed { delivered: 4, refused: 0, kept: 0 });
            assert_eq!((backend.taken().concat(), scene.budget.used()), (vec![1, 2, 3, 4], 0));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn processors_that_come_while_the_last_flush_goes_on_are_in_time() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            let scene = without_processors(&backend).await;
            scene.inlet.accept(spans(&scene.budget, [1, 2]));
            let later = async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let _ = scene.service.renew(with_processors(&backend, vec![hold(60)]));
            };
            let end = scene.service.shutdown(Instant::now() + Duration::from_secs(2));
            let (flushed, ()) = tokio::join!(end, later);
            assert_eq!(flushed, Flushed { delivered: 2, refused: 0, kept: 0 });
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_processors_in_vain_is_counted() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            let scene = without_processors(&backend).await;
            scene.inlet.accept(spans(&scene.budget, [1, 2]));
            let flushed = scene.service.shutdown(Instant::now() + Duration::from_secs(2)).await;
            assert_eq!((flushed.kept, backend.asked()), (2, 0));
            assert!(scene.service.losses().unwrap().contains("2 not delivered in time"));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_processors_leaves_room_for_others() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            let scene = without_processors(&backend).await;
            let mut refused = 0;
            for n in 0..2000 {
                scene.inlet.accept(spans(&scene.budget, [n]));
                refused += flush(&scene.service).await.0.refused;
                assert!(scene.budget.used() <= scene.budget.limit() * 3 / 4);
            }
            let _ = scene.service.renew(with_processors(&backend, vec![]));
            let flushed = flush(&scene.service).await.0;
            assert!(refused > 0 && flushed.delivered > 0);
            assert_eq!((flushed.delivered + refused, flushed.kept), (2000, 0));
            assert_eq!(backend.taken().concat().last(), Some(&1999), "the oldest went");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_comes_later_leads_into_its_pipelines_and_ends_with_the_others() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            let budget = Budget::new(10_000);
            let service = Service::start(plan(None, &[&backend], Some(vec![])), &budget);
            let (first, second) = (Door::new(Duration::ZERO), Door::new(Duration::ZERO));
            let (inlet, stopped, other) = (first.inlet.clone(), first.stopped.clone(), second.inlet.clone());
            for door in [first, second] {
                let _ = service.renew(plan(Some(door), &[&backend], Some(vec![])));
            }
            open(&inlet).await.accept(spans(&budget, [7]));
            assert_eq!(flush(&service).await.0.delivered, 1);
            assert!(other.borrow().is_none(), "there is one already");
            let _ = service.shutdown(Instant::now() + Duration::from_secs(2)).await;
            assert!(stopped.get());
        })
        .await;
}
