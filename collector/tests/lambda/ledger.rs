//! What was acknowledged, to be compared with what arrived.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use simulator::otlp::{Otlp, logs, metrics, traces};
use simulator::{FakeBackend, Function, export_grpc};

use crate::stage::Ports;

/// A sequence of numbers that looks random and is the same in every run (xorshift).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Names of items that the receiver acknowledged.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Vec<String>>>);

impl Ledger {
    /// How many items were acknowledged.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Sends a request of a random signal, size and protocol with items of new names, and books what is taken.
    pub async fn send(&self, function: &Function, ports: Ports, dice: &mut Dice) {
        let size = 1 + dice.roll(12) as usize;
        let service = format!("{}-{}", function.request_id, dice.roll(u64::MAX));
        let named = |n: usize| format!("{service}-{n}");
        let over_grpc = dice.roll(4) == 0;
        macro_rules! send {
            ($request:expr) => {{
                let request = $request;
                let answer = if over_grpc {
                    export_grpc(ports.grpc, &request).await
                } else {
                    function.post_otlp(&request).await
                };
                answer.is_ok_and(|answer| answer.is_taken())
            }};
        }
        let taken = match dice.roll(3) {
            0 => {
                let mut request = traces(&service, size);
                let spans = &mut request.resource_spans[0].scope_spans[0].spans;
                spans.iter_mut().enumerate().for_each(|(n, span)| span.name = named(n));
                send!(request)
            }
            1 => {
                let mut request = metrics(&service, size);
                request.resource_metrics[0].scope_metrics[0].metrics[0].name = service.clone();
                send!(request)
            }
            _ => {
                let mut request = logs(&service, size);
                let logs = &mut request.resource_logs[0].scope_logs[0].log_records;
                logs.iter_mut().enumerate().for_each(|(n, log)| log.event_name = named(n));
                send!(request)
            }
        };
        assert!(taken, "the collector did not take a request");
        self.0.lock().unwrap().extend((0..size).map(named));
    }

    /// Asserts that of each acknowledged request all items arrived, be it more than once.
    pub fn assert_arrived(&self, backend: &FakeBackend) {
        let request = |name: &String| name.rsplit_once('-').unwrap().0.to_owned();
        let mut missing: BTreeMap<String, isize> = BTreeMap::new();
        self.0.lock().unwrap().iter().for_each(|name| *missing.entry(request(name)).or_default() += 1);
        arrived(backend).iter().for_each(|name| *missing.entry(request(name)).or_default() -= 1);
        missing.retain(|_, items| *items > 0);
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// Asserts that `backend` got each acknowledged item exactly once, and nothing else.
    pub fn assert_arrived_once(&self, backend: &FakeBackend) {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for name in arrived(backend) {
            *times.entry(name).or_default() += 1;
        }
        let sent = self.0.lock().unwrap();
        let lost: Vec<_> = sent.iter().filter(|name| !times.contains_key(*name)).collect();
        assert!(lost.is_empty(), "{} of {} items lost, such as {}", lost.len(), sent.len(), lost[0]);
        let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{} items arrived more than once, such as {:?}", twice.len(), twice[0]);
        assert_eq!(times.len(), sent.len());
    }
}

fn arrived(backend: &FakeBackend) -> Vec<String> {
    let names = backend.accepted().into_iter().flat_map(|otlp| match otlp {
        Otlp::Traces(request) => {
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            scopes.flat_map(|scope| scope.spans).map(|span| span.name).collect::<Vec<_>>()
        }
        Otlp::Metrics(request) => {
            let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
            let names = scopes.flat_map(|scope| scope.metrics).flat_map(|metric| {
                let points = match &metric.data {
                    Some(Data::Gauge(gauge)) => gauge.data_points.len(),
                    other => panic!("nobody sent {other:?}"),
                };
                (0..points).map(move |n| format!("{}-{n}", metric.name)).collect::<Vec<_>>()
            });
            names.collect()
        }
        Otlp::Logs(request) => {
            let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
            scopes.flat_map(|scope| scope.log_records).map(|log| log.event_name).collect()
        }
    });
    names.collect()
}
