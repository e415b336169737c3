//! The service's own metrics.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value as Number};

use super::*;
use crate::{Delivered, Undelivered};

/// Who is told.
#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<ExportMetricsServiceRequest>>>);

#[async_trait(?Send)]
impl Exporter for Told {
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        self.0.borrow_mut().push(batch.decode());
        Ok(Delivered::All)
    }
}

impl Told {
    /// The value of each figure of the last request, such as `exporter_sent_spans exporter=fake/0`.
    fn last(&self) -> BTreeMap<String, i64> {
        let request = self.0.borrow().last().cloned().unwrap_or_default();
        let metrics =
            request.resource_metrics.into_iter().flat_map(|it| it.scope_metrics).flat_map(|it| it.metrics);
        let mut figures = BTreeMap::new();
        for metric in metrics {
            let Some(Data::Sum(sum)) = metric.data else { panic!("no sum") };
            assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
            for point in sum.data_points {
                assert!(point.start_time_unix_nano <= point.time_unix_nano);
                let mut name = metric.name.trim_start_matches("otelcol_").to_owned();
                for attribute in point.attributes {
                    let Some(Value::StringValue(value)) = attribute.value.and_then(|it| it.value) else {
                        panic!()
                    };
                    name += &format!(" {}={value}", attribute.key);
                }
                let Some(Number::AsInt(value)) = point.value else { panic!("no whole number") };
                figures.insert(name, value);
            }
        }
        figures
    }

    fn requests(&self) -> usize {
        self.0.borrow().len()
    }
}

/// A service that tells `told` what becomes of spans on their way to these backends.
async fn telling(told: &Told, backends: &[&Backend], interval: Duration) -> Scene {
    telling_with(vec![], told, backends, interval).await
}

/// The same, with processors.
async fn telling_with(
    processors: Vec<Box<dyn Processor>>,
    told: &Told,
    backends: &[&Backend],
    interval: Duration,
) -> Scene {
    let door = Door::new(Duration::ZERO);
    let (inlet, stopped) = (door.inlet.clone(), door.stopped.clone());
    let mut plan = plan(Some(door), backends, Some(processors));
    let (exporter, resource) = ((id("own"), Box::new(told.clone()) as Box<dyn Exporter>), Vec::new());
    plan.own = vec![OwnMetrics { exporter, interval, resource, host: crate::Host::default() }];
    let budget = Budget::new(10_000);
    let service = Service::start(plan, &budget);
    let inlet = open(&inlet).await;
    Scene { service, inlet, budget, stopped }
}

fn figures<const N: usize>(figures: [(&str, i64); N]) -> BTreeMap<String, i64> {
    figures.map(|(name, value)| (name.to_owned(), value)).into()
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_sent_refused_and_shed_is_told() {
    LocalSet::new()
        .run_until(async {
            let (told, takes, refuses, full) =
                (Told::default(), Backend::default(), Backend::default(), Backend::default());
            refuses.always(Answer::RefuseWith(2));
            full.sending(|sending| (sending.queue.queue_size, sending.merge_bytes) = (1, 0))
                .always(Answer::Hang);
            let scene = telling(&told, &[&takes, &refuses, &full], Duration::ZERO).await;
            for numbers in [vec![1], vec![2, 3], vec![4]] {
                scene.inlet.accept(spans(&scene.budget, numbers));
                let _ = flush(&scene.service).await;
            }
            assert!(scene.inlet.lease(1_000_000).is_err());
            let _ = scene.service.shutdown(Instant::now() + Duration::from_secs(2)).await;
            let expected = figures([
                ("receiver_accepted_spans receiver=door", 4),
                ("receiver_refused_requests", 1),
                ("exporter_sent_spans exporter=fake/0", 4),
                ("exporter_sent_spans exporter=fake/1", 2),
                ("exporter_send_failed_spans exporter=fake/1", 2),
                ("exporter_enqueue_failed_spans exporter=fake/2", 3),
            ]);
            assert_eq!(told.last(), expected);
        })
        .await;
}

/// Drops every second batch.
struct Dropping(bool);

impl Processor for Dropping {
    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>) {
        self.0 = !self.0;
        out.extend(Some(batch).filter(|_| self.0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_processors_were_given_and_gave_on_is_told() {
    LocalSet::new()
        .run_until(async {
            let (told, backend) = (Told::default(), Backend::default());
            let processors: Vec<Box<dyn Processor>> = vec![hold(60), Box::new(Dropping(false))];
            let scene = telling_with(processors, &told, &[&backend], Duration::ZERO).await;
            scene.inlet.accept(spans(&scene.budget, [1, 2]));
            scene.inlet.accept(spans(&scene.budget, [3]));
            let _ = scene.service.shutdown(Instant::now() + Duration::from_secs(2)).await;
            let expected = figures([
                ("receiver_accepted_spans receiver=door", 3),
                ("processor_incoming_items processor=fake otel.signal=traces", 6),
                ("processor_outgoing_items processor=fake otel.signal=traces", 5),
                ("exporter_sent_spans exporter=fake/0", 2),
            ]);
            assert_eq!(told.last(), expected);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_has_not_changed_or_was_told_just_now_is_not_told() {
    LocalSet::new()
        .run_until(async {
            let (told, backend) = (Told::default(), Backend::default());
            let scene = telling(&told, &[&backend], Duration::from_secs(60)).await;
            let _ = flush(&scene.service).await;
            assert_eq!(told.requests(), 0, "there is nothing to tell");
            for number in 0..3 {
                scene.inlet.accept(spans(&scene.budget, [number]));
                let _ = flush(&scene.service).await;
            }
            assert_eq!(told.requests(), 1);
            let _ = scene.service.shutdown(Instant::now() + Duration::from_secs(2)).await;
            assert_eq!(told.requests(), 2, "the last word has it all");
            assert_eq!(told.last()["exporter_sent_spans exporter=fake/0"], 3);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn who_listens_badly_costs_nobody_else_anything() {
    LocalSet::new()
        .run_until(async {
            let (deaf, backend) = (Backend::default(), Backend::default());
            deaf.always(Answer::Hang);
            let scene = telling(&Told::default(), &[&backend], Duration::ZERO).await;
            scene.service.replace(vec![(id("own"), deaf.exporter())]);
            for number in 0..3 {
                scene.inlet.accept(spans(&scene.budget, [number]));
                let (flushed, _) = flush(&scene.service).await;
                assert!(flushed.delivered == 1 && flushed.refused == 0);
            }
        })
        .await;
}
