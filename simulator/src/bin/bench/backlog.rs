//! Memory while 100,000 spans wait for a dead backend.

use simulator::{Behaviour, FakeBackend};

use crate::client::Client;
use crate::report::Figure;
use crate::spans;
use crate::stage::{Failed, Stage};

const SPANS: usize = 100;
const REQUESTS: usize = 1000;
const MEGABYTE: f64 = 1e6;

pub async fn measure(stage: &Stage) -> Result<Vec<Figure>, Failed> {
    let [mut memory, mut wire, mut held] = [const { Vec::new() }; 3];
    for _ in 0..stage.runs {
        let (grown, bytes) = wait(stage).await?;
        memory.push(grown as f64 / MEGABYTE);
        wire.push(bytes as f64 / MEGABYTE);
        held.push(grown as f64 / bytes as f64);
    }
    Ok(vec![
        Figure::new("memory for 100,000 spans that wait", "MB", "<= 1.2 x wire + 8 MB", memory),
        Figure::new("  their size on the wire", "MB", "", wire),
        Figure::new("  the one by the other", "x", "", held),
    ])
}

/// By how many bytes the collector has grown, and how many bytes it holds. They arrive in the end.
async fn wait(stage: &Stage) -> Result<(u64, usize), Failed> {
    let backend = FakeBackend::start_counting().await;
    let requests = spans::requests(SPANS as u64);
    let mut environment = stage.start(&backend, "").await?;
    let idle = environment.usage().await?.memory;
    backend.behave(Behaviour::Down).await;
    let mut client = Client::connect(environment.port).await?;
    let mut posted = Ok(0);
    let (result, requests) = (&mut posted, &requests);
    let invoked = environment.sandbox.invoke(|_| async move {
        for spans in requests.iter().cycle().take(REQUESTS) {
            match (client.post(spans).await, result.as_mut()) {
                (Ok(_), Ok(bytes)) => *bytes += spans.len(),
                (Err(error), Ok(_)) => *result = Err(error),
                (_, Err(_)) => {}
            }
        }
    });
    invoked.await;
    environment.check()?;
    let full = environment.usage().await?.memory;
    backend.behave(Behaviour::Accept).await;
    for _ in 0..2 {
        environment.sandbox.invoke(|_| async {}).await;
    }
    if backend.items() != SPANS * REQUESTS {
        let (items, said) = (backend.items(), environment.sandbox.extension_output());
        return Err(format!("{items} spans of {} arrived after the outage\n{said}", SPANS * REQUESTS).into());
    }
    Ok((full.saturating_sub(idle), posted?))
}
