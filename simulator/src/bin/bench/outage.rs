//! While the backend is out of order: how long the function waits for its own requests, and how long it is held.

use simulator::{Behaviour, FakeBackend};

use crate::client::Client;
use crate::report::Figure;
use crate::spans;
use crate::stage::{Failed, Stage};

/// So many invocations, each of so many requests.
const INVOCATIONS: usize = 100;
const REQUESTS: usize = 5;

pub async fn measure(stage: &Stage) -> Result<Vec<Figure>, Failed> {
    let mut figures = Vec::new();
    for (name, behaviour) in [
        ("answers 503", Behaviour::unavailable(None)),
        ("resets", Behaviour::CutBeforeReading),
        ("hangs", Behaviour::Hang),
        ("is down", Behaviour::Down),
    ] {
        figures.extend(endure(stage, name, behaviour).await?);
    }
    Ok(figures)
}

async fn endure(stage: &Stage, name: &str, behaviour: Behaviour) -> Result<[Figure; 2], Failed> {
    let backend = FakeBackend::start_counting().await;
    let requests = &spans::requests(10);
    let mut environment = stage.start(&backend, "").await?;
    backend.behave(behaviour).await;
    let mut client = Client::connect(environment.port).await?;
    let (mut posts, mut held) = (Vec::new(), Vec::new());
    for _ in 0..INVOCATIONS {
        let mut posted = Ok(());
        let (client, posts, result) = (&mut client, &mut posts, &mut posted);
        let invoked = environment.sandbox.invoke(|_| async move {
            for spans in &requests[..REQUESTS] {
                match client.post(spans).await {
                    Ok(took) => posts.push(took),
                    Err(error) => *result = Err(error),
                }
            }
        });
        held.push(invoked.await.held);
        posted?;
        environment.check()?;
    }
    Ok([
        Figure::ms(format!("backend {name}: the function's own POST"), "< 5", posts),
        Figure::ms(format!("backend {name}: invocation held"), "<= 1000 + 25 buffered", held),
    ])
}
