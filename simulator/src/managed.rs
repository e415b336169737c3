//! Lambda Managed Instances: many invocations at once in one environment, which lives through all of them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use serde_json::Value;
use tokio::time::timeout;

use crate::call::new_call;
use crate::clock::epoch_ms;
use crate::function::{Function, Outcome};
use crate::invoke::{Invocation, Running, Status, fault};
use crate::journal::Moment;
use crate::platform::{Fault, Offer, Platform};
use crate::sandbox::Sandbox;

impl Sandbox {
    /// Invokes a scripted function this many times at once, as only Managed Instances do, and waits for all of
    /// them. An invocation that takes too long ends alone.
    pub async fn invoke_together<F>(
        &mut self,
        count: usize,
        script: impl Fn(Function) -> F,
    ) -> Vec<Invocation>
    where
        F: Future<Output: Into<Outcome>>,
    {
        let (platform, script) = (&self.platform, &script);
        let cold = self.invocations.is_empty();
        let work = |function| async { (script(function).await.into(), None) };
        let all = (0..count).map(|number| run(platform, cold && number == 0, work)).collect();
        let ended = together(all).await;
        self.invocations.extend(ended.iter().cloned());
        ended
    }

    /// Like [`Sandbox::invoke_together`], with one event each for the function's own runtime.
    pub async fn invoke_events_together(&mut self, events: Vec<Value>) -> Vec<Invocation> {
        let platform = &self.platform;
        let cold = self.invocations.is_empty();
        let one = |(number, event): (usize, Value)| {
            run(platform, cold && number == 0, |function| hand_over(function, event))
        };
        let ended = together(events.into_iter().enumerate().map(one).collect()).await;
        self.invocations.extend(ended.iter().cloned());
        ended
    }
}

/// Gives an event to the function's own runtime and waits for the answer.
async fn hand_over(function: Function, event: Value) -> (Outcome, Option<Bytes>) {
    let offer = Offer {
        request_id: function.request_id.clone(),
        deadline_ms: epoch_ms(function.deadline),
        trace: function.trace,
        payload: event.to_string().into(),
    };
    let state = &function.platform.state;
    state.change(|state| state.runtime.offered.push_back(offer));
    let answer = state.until(|state| state.runtime.answer(&function.request_id)).await;
    (answer.error.map_or(Outcome::Success, Outcome::Error), Some(answer.body))
}

/// One invocation: a start, the function, a slim report.
pub(crate) async fn run<F>(
    platform: &Arc<Platform>,
    cold: bool,
    script: impl FnOnce(Function) -> F,
) -> Invocation
where
    F: Future<Output = (Outcome, Option<Bytes>)>,
{
    let call = new_call(platform);
    let request = call.request_id.clone();
    let (started, deadline) = (SystemTime::now(), Instant::now() + platform.lambda.timeout);
    platform.tell(call.start());
    let invoked = platform.record(Moment::FunctionStarted { request: request.clone() });
    let running = Running::new(call, cold, invoked, (started, deadline));
    let function = Function {
        request_id: request.clone(),
        deadline: started + platform.lambda.timeout,
        trace: running.call.runtime_trace(),
        platform: Arc::clone(platform),
    };
    let (outcome, response) = tokio::select! {
        ended = timeout(platform.lambda.timeout, script(function)) => match ended {
            Ok((outcome, response)) => (Ok(outcome), response),
            Err(_) => (Err(Status::Timeout), None),
        },
        fault = fault(platform) => (Err(Status::Failed(fault)), None),
    };
    let status = match outcome {
        Ok(Outcome::Success) => Status::Success,
        Ok(Outcome::Error(error)) => Status::Error(error),
        Ok(Outcome::Crash) => Status::Failed(Fault::Runtime("Runtime.ExitError".into())),
        Err(status) => status,
    };
    let end = platform.record(Moment::RuntimeDone { request });
    let work = running.work(&platform.journal, end);
    platform.tell(running.call.slim_report(work, &status.end()));
    running.ended(status, response, (end, end))
}

/// Runs all of these at the same time.
async fn together<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut pending: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = pending.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, done) in pending.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
