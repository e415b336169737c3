//! What a span costs on its way through: OTLP/HTTP protobuf in and out, requests of 100 on one connection.

use simulator::FakeBackend;

use crate::client::Client;
use crate::report::Figure;
use crate::spans;
use crate::stage::{Failed, Stage};

const SPANS: usize = 100;
/// In one invocation, which is one measurement.
const REQUESTS: usize = 100;

pub async fn measure(stage: &Stage) -> Result<Vec<Figure>, Failed> {
    Ok(vec![
        relay(stage, "CPU per relayed span, no compression", "<= 0.5", ", compression: none").await?,
        relay(stage, "CPU per relayed span, gzip", "<= 1.3", "").await?,
    ])
}

async fn relay(stage: &Stage, name: &str, aim: &'static str, more: &str) -> Result<Figure, Failed> {
    let backend = FakeBackend::start_counting().await;
    let requests = spans::requests(SPANS as u64);
    let size = requests.iter().map(|request| request.len()).sum::<usize>() / requests.len() / SPANS;
    if size != spans::BYTES {
        return Err(format!("spans of {size} bytes, not {}", spans::BYTES).into());
    }
    let mut environment = stage.start(&backend, more).await?;
    let mut client = Client::connect(environment.port).await?;
    let mut costs = Vec::new();
    // The first one does not count: it makes the connections.
    for run in 0..=stage.runs {
        let before = environment.usage().await?.cpu;
        let mut posted = Ok(());
        let (client, requests, result) = (&mut client, &requests, &mut posted);
        let invoked = environment.sandbox.invoke(|_| async move {
            for spans in requests.iter().cycle().take(REQUESTS) {
                if let Err(error) = client.post(spans).await {
                    *result = Err(error);
                }
            }
        });
        invoked.await;
        posted?;
        environment.check()?;
        let wanted = (run + 1) * REQUESTS * SPANS;
        if backend.items() != wanted {
            return Err(format!("{} spans arrived of {wanted}", backend.items()).into());
        }
        let cpu = environment.usage().await?.cpu - before;
        costs.push(cpu.as_secs_f64() * 1e6 / (REQUESTS * SPANS) as f64);
    }
    Ok(Figure::new(name, "us", aim, costs.split_off(1)))
}
