mod own;
mod trouble;
mod waiting;

use std::cell::Cell;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::LocalSet;

use super::*;
use crate::testing::{Answer, Backend, spans};
use crate::{Batch, Processor, Signal};

const HOLD: Duration = Duration::from_secs(1);

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// A receiver whose inlet the test holds, and that takes a while to stop.
struct Door {
    inlet: Rc<RefCell<Option<Inlet>>>,
    stops_after: Duration,
    stopped: Rc<Cell<bool>>,
}

impl Door {
    fn new(stops_after: Duration) -> Door {
        Door { inlet: Rc::default(), stops_after, stopped: Rc::default() }
    }
}

#[async_trait(?Send)]
impl Receiver for Door {
    async fn run(self: Box<Self>, inlet: Inlet, mut stop: Stop) {
        self.inlet.replace(Some(inlet));
        stop.wait().await;
        tokio::time::sleep(self.stops_after).await;
        self.stopped.set(true);
    }
}

/// Holds everything until it is told or its time has come.
struct Holding {
    held: Vec<Batch>,
    since: Option<Instant>,
    time: Duration,
}

/// A processor that lets go after so many seconds.
fn hold(seconds: u64) -> Box<dyn Processor> {
    Box::new(Holding { held: Vec::new(), since: None, time: Duration::from_secs(seconds) })
}

impl Processor for Holding {
    fn process(&mut self, batch: Batch, _out: &mut Vec<Batch>) {
        self.since.get_or_insert_with(Instant::now);
        self.held.push(batch);
    }

    fn flush(&mut self, out: &mut Vec<Batch>) {
        self.since = None;
        out.append(&mut self.held);
    }

    fn due(&self) -> Option<std::time::Instant> {
        self.since.map(|since| (since + self.time).into_std())
    }
}

struct Scene {
    service: Service,
    inlet: Inlet,
    budget: Budget,
    stopped: Rc<Cell<bool>>,
}

/// One receiver, one pipeline with these processors, and these backends.
async fn scene(backends: &[&Backend], processors: Vec<Box<dyn Processor>>, stops_after: Duration) -> Scene {
    let door = Door::new(stops_after);
    let (inlet, stopped) = (door.inlet.clone(), door.stopped.clone());
    let budget = Budget::new(10_000);
    let service = Service::start(plan(Some(door), backends, Some(processors)), &budget);
    let inlet = open(&inlet).await;
    Scene { service, inlet, budget, stopped }
}

fn plan(door: Option<Door>, backends: &[&Backend], processors: Option<Vec<Box<dyn Processor>>>) -> Plan {
    let exporters: Vec<Id> = (0..backends.len()).map(|n| id(&format!("fake/{n}"))).collect();
    let receiver = door.map(|door| Box::new(door) as Box<dyn Receiver>);
    Plan {
        receivers: vec![(id("door"), receiver)],
        exporters: exporters.iter().cloned().zip(backends.iter().map(|backend| backend.exporter())).collect(),
        pipelines: vec![PipelinePlan {
            id: id("traces"),
            signal: Signal::Traces,
            receivers: vec![id("door")],
            processors: processors
                .map(|processors| processors.into_iter().map(|it| (id("fake"), it)).collect()),
            exporters,
        }],
        own: Vec::new(),
    }
}

/// The inlet of a receiver that runs.
async fn open(inlet: &RefCell<Option<Inlet>>) -> Inlet {
    while inlet.borrow().is_none() {
        tokio::task::yield_now().await;
    }
    inlet.take().unwrap()
}

async fn flush(service: &Service) -> (Flushed, Duration) {
    let began = Instant::now();
    service.flush_while_due(async {}).await;
    let flushed = service.flush(began + Duration::from_secs(60), HOLD).await;
    (flushed, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_seen_by_the_next_flush() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            let scene = scene(&[&backend], vec![], Duration::ZERO).await;
            scene.inlet.accept(spans(&scene.budget, [1, 2]));
            assert_eq!(flush(&scene.service).await.0, Flushed { delivered: 2, refused: 0, kept: 0 });
            assert_eq!(flush(&scene.service).await.0, Flushed::default());
            assert_eq!((backend.taken(), scene.budget.used()), (vec![vec![1, 2]], 0));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_backend_delays_no_other() {
    LocalSet::new()
        .run_until(async {
            let (dead, alive) = (Backend::default(), Backend::default());
            dead.always(Answer::Hang);
            alive.always(Answer::TakeAfter(Duration::from_millis(30)));
            let scene = scene(&[&dead, &alive], vec![], Duration::ZERO).await;
            for n in 0..200 {
                scene.inlet.accept(spans(&scene.budget, [n]));
                let (flushed, _) = flush(&scene.service).await;
                assert_eq!(flushed.delivered, 1);
                assert_eq!(alive.taken().concat(), (0..=n).collect::<Vec<_>>());
            }
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_backlog_never_fills_the_budget() {
    LocalSet::new()
        .run_until(async {
            let (dead, alive) = (Backend::default(), Backend::default());
            dead.sending(|sending| sending.max_request_bytes = Some(100)).always(Answer::Hang);
            let scene = scene(&[&dead, &alive], vec![], Duration::ZERO).await;
            let mut refused = 0;
            for n in 0..2000 {
                scene.inlet.accept(spans(&scene.budget, [n]));
                refused += flush(&scene.service).await.0.refused;
                assert!(scene.budget.used() <= scene.budget.limit() * 3 / 4);
            }
            assert!(refused > 0);
            assert_eq!(alive.taken().concat().len(), 2000);
            dead.always(Answer::Take);
            let (flushed, _) = flush(&scene.service).await;
            assert_eq!((flushed.delivered + refused, flushed.kept), (2000, 0));
            let mut taken = dead.taken().concat();
            taken.sort_unstable();
            assert_eq!(taken, (2000 - taken.len() as u32..2000).collect::<Vec<_>>(), "the oldest went");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_was_full_before_the_backend_died_makes_room_for_the_others() {
    LocalSet::new()
        .run_until(async {
            let (dead, alive) = (Backend::default(), Backend::default());
            dead.sending(|sending| sending.merge_bytes = 500).always(Answer::Hang);
            let scene = scene(&[&dead, &alive], vec![], Duration::ZERO).await;
            for n in 0.. {
                let Ok(lease) = scene.inlet.lease(100) else { break };
                drop(lease);
                scene.inlet.accept(spans(&scene.budget, [n]));
            }
            let (flushed, _) = flush(&scene.service).await;
            assert!(flushed.delivered > 100 && scene.budget.used() > scene.budget.limit() - 100);
            assert!(scene.inlet.lease(2000).is_ok());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_processor_that_holds_lets_go_in_time_and_in_a_flush() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            let scene = scene(&[&backend], vec![hold(1), hold(2)], Duration::ZERO).await;
            scene.inlet.accept(spans(&scene.budget, [1]));
            assert!(scene.budget.used() > 0);
            scene.service.flush_while_due(tokio::time::sleep(Duration::from_millis(2900))).await;
            assert_eq!(backend.asked(), 0, "the second holds it for two seconds more");
            scene.service.flush_while_due(tokio::time::sleep(Duration::from_millis(200))).await;
            assert_eq!(backend.taken(), [[1]]);
            scene.inlet.accept(spans(&scene.budget, [2]));
            assert_eq!(flush(&scene.service).await.0.delivered, 2, "since the flush before it");
            assert_eq!(scene.budget.used(), 0);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_end_stops_receivers_and_then_sends_what_they_took_last() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            let scene = scene(&[&backend], vec![], Duration::from_millis(10)).await;
            scene.inlet.accept(spans(&scene.budget, [1]));
            let flushed = scene.service.shutdown(Instant::now() + Duration::from_secs(2)).await;
            assert!(scene.stopped.get());
            assert_eq!(flushed.delivered, 1);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_does_not_stop_leaves_the_last_flush_its_time() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            backend.always(Answer::TakeAfter(Duration::from_millis(1700)));
            let scene = scene(&[&backend], vec![], Duration::from_secs(3600)).await;
            scene.inlet.accept(spans(&scene.budget, [1]));
            let flushed = scene.service.shutdown(Instant::now() + Duration::from_secs(2)).await;
            assert_eq!(flushed.delivered, 1);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_backend_refuses_from_an_unknown_sender_is_kept_for_one_that_it_knows() {
    LocalSet::new()
        .run_until(async {
            let (before, after) = (Backend::default(), Backend::default());
            before.always(Answer::Unauthenticated);
            let scene = scene(&[&before], vec![], Duration::ZERO).await;
            scene.service.set_renewable(|id| *id == self::id("fake/0"));
            scene.inlet.accept(spans(&scene.budget, [1, 2]));
            assert_eq!(flush(&scene.service).await.0, Flushed { delivered: 0, refused: 0, kept: 2 });
            assert!(scene.service.take_unauthenticated() && !scene.service.take_unauthenticated());
            scene.service.replace(vec![(id("fake/0"), after.exporter())]);
            assert_eq!(flush(&scene.service).await.0, Flushed { delivered: 2, refused: 0, kept: 0 });
            assert_eq!((after.taken(), scene.budget.used()), (vec![vec![1, 2]], 0));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_sender_that_can_not_become_another_is_refused() {
    LocalSet::new()
        .run_until(async {
            let backend = Backend::default();
            backend.always(Answer::Unauthenticated);
            let scene = scene(&[&backend], vec![], Duration::ZERO).await;
            scene.inlet.accept(spans(&scene.budget, [1]));
            assert_eq!(flush(&scene.service).await.0, Flushed { delivered: 0, refused: 1, kept: 0 });
            assert!(!scene.service.take_unauthenticated());
        })
        .await;
}
