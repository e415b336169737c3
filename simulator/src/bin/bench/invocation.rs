//! An invocation of 10 spans with a healthy backend: how long it is held, and what it costs.

use simulator::FakeBackend;

use crate::client::Client;
use crate::report::Figure;
use crate::spans;
use crate::stage::{Failed, Stage};

const SPANS: usize = 10;
/// CPU time is taken over so many at a time.
const INVOCATIONS: u32 = 10;

pub async fn measure(stage: &Stage) -> Result<Vec<Figure>, Failed> {
    let backend = FakeBackend::start_counting().await;
    let requests = spans::requests(SPANS as u64);
    let mut environment = stage.start(&backend, "").await?;
    let mut client = Client::connect(environment.port).await?;
    let [mut after, mut held, mut cpu] = [const { Vec::new() }; 3];
    for _ in 0..stage.runs {
        let before = environment.usage().await?.cpu;
        for spans in requests.iter().cycle().take(INVOCATIONS as usize) {
            let mut posted = Ok(Default::default());
            let (client, result) = (&mut client, &mut posted);
            let invocation =
                environment.sandbox.invoke(|_| async move { *result = client.post(spans).await }).await;
            posted?;
            environment.check()?;
            let sent = invocation.runtime_done_sent.ok_or("no runtimeDone was delivered")?;
            after.push(invocation.end.saturating_duration_since(sent));
            held.push(invocation.held);
        }
        cpu.push((environment.usage().await?.cpu - before) / INVOCATIONS);
    }
    let wanted = SPANS * INVOCATIONS as usize * stage.runs;
    if backend.items() != wanted {
        return Err(format!("{} spans arrived of {wanted}", backend.items()).into());
    }
    let round_trip = round_trip(stage, &backend, &requests).await?;
    Ok(vec![
        Figure::ms("runtimeDone delivered to next", "<= 1 + round trip", after),
        Figure::ms("  the backend's round trip", "", round_trip),
        Figure::ms("runtimeDone happening to next", "<= 15 + 25 buffered", held),
        Figure::ms("CPU per invocation of 10 spans", "<= 0.3", cpu),
    ])
}

/// What the backend itself takes for such a request.
async fn round_trip(
    stage: &Stage,
    backend: &FakeBackend,
    requests: &[bytes::Bytes],
) -> Result<Vec<std::time::Duration>, Failed> {
    let mut client = Client::connect(backend.port()).await?;
    let mut took = Vec::new();
    for spans in requests.iter().cycle().take(stage.runs * INVOCATIONS as usize) {
        took.push(client.post(spans).await?);
    }
    Ok(took)
}
