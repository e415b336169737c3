//! SnapStart: an environment is initialised when the version is published, and restored when it is needed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::events;
use crate::init::wait;
use crate::journal::Moment;
use crate::platform::Fault;
use crate::sandbox::Sandbox;

/// What the hooks after a restore may take.
const HOOKS: Duration = Duration::from_secs(10);

impl Sandbox {
    /// Wakes the snapshot: the extensions go on inside `event/next` and are told by telemetry alone.
    pub(crate) async fn restore(&mut self) -> Result<Duration, Fault> {
        let platform = Arc::clone(&self.platform);
        self.log_stream = platform.lambda.new_log_stream();
        self.thaw();
        let begun = platform.record(Moment::RestoreStart);
        platform.tell(events::restore_start(&platform.lambda, &self.log_stream));
        platform.state.change(|state| {
            state.lives += 1;
            state.runtime.restored = true;
        });
        let ready = wait(&platform, |state| state.runtime.waiting);
        let outcome = match timeout(HOOKS, ready).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::Runtime("Runtime.RestoreHookUserTimeout".into())),
        };
        let error = outcome.as_ref().err().map(Fault::error_type);
        platform.tell(events::restore_done(error, None));
        let took = begun.elapsed();
        platform.tell(events::restore_done(error, Some(took)));
        if outcome.is_err() {
            self.reset("failure").await;
        }
        outcome.map(|()| took)
    }
}
