//! Want of room, and parts that fail: others go on.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_backlog_makes_room_for_a_request_of_any_size() {
    LocalSet::new()
        .run_until(async {
            let (dead, alive) = (Backend::default(), Backend::default());
            dead.sending(|sending| sending.merge_bytes = 500).always(Answer::Hang);
            let scene = scene(&[&dead, &alive], vec![], Duration::ZERO).await;
            for n in 0..1000 {
                scene.inlet.accept(spans(&scene.budget, [n]));
                let _ = flush(&scene.service).await;
            }
            let mut lease = scene.inlet.lease(6000).unwrap();
            assert!(lease.grow(3000).is_ok(), "as when it is inflated");
        })
        .await;
}

/// Panics when it is flushed.
struct Panicking(Vec<Batch>);

impl Processor for Panicking {
    fn process(&mut self, batch: Batch, _out: &mut Vec<Batch>) {
        self.0.push(batch);
    }

    fn flush(&mut self, _out: &mut Vec<Batch>) {
        if !std::mem::take(&mut self.0).is_empty() {
            panic!("told to");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_processor_that_panics_in_a_flush_costs_what_it_holds_and_no_more() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            let scene =
                scene(&[&backend], vec![Box::new(Panicking(Vec::new())), hold(1)], Duration::ZERO).await;
            scene.inlet.accept(spans(&scene.budget, [1]));
            assert_eq!(flush(&scene.service).await.0, Flushed::default());
            assert_eq!(scene.budget.used(), 0);
        })
        .await;
}
