//! The init phase, in the platform's order.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::events;
use crate::function::Function;
use crate::journal::Moment;
use crate::lambda::{Lambda, Program};
use crate::mode::InitType;
use crate::platform::{ExtensionState, FUNCTION, Fault, Platform};
use crate::process::{self, Process};
use crate::sandbox::Sandbox;
use crate::usage;

impl Sandbox {
    /// Runs the init phase; `phase` is `init`, or `invoke` when it is repeated within an invocation.
    pub(crate) async fn init(&mut self, phase: &str) -> Result<(), Fault> {
        let platform = Arc::clone(&self.platform);
        let lambda = &platform.lambda;
        let begun = platform.record(Moment::InitStart { phase: phase.into() });
        platform.tell(events::init_start(lambda, phase, &self.log_stream));
        let limit = if phase == "init" { lambda.init_timeout } else { lambda.timeout };
        let outcome = match timeout(limit, self.init_steps(phase)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::InitTimeout),
        };
        let error = outcome.as_ref().err().map(|fault| fault.error_type().to_owned());
        let took = begun.elapsed();
        if outcome.is_err() && platform.state.read(|state| state.registration_open) {
            platform.tell(events::init_done(lambda, phase, error.as_deref(), None));
        }
        for event in platform.state.read(|state| {
            let event = |extension: &crate::platform::Extension| {
                events::extension(&extension.name, &format!("{:?}", extension.state), &extension.events)
            };
            state.extensions.iter().map(event).collect::<Vec<_>>()
        }) {
            platform.tell(event);
        }
        if !platform.quirks.read(|quirks| quirks.no_init_report) {
            platform.tell(events::init_done(lambda, phase, error.as_deref(), Some(took)));
        }
        match &outcome {
            Ok(()) => {
                platform.record(Moment::InitDone);
                self.ready = true;
                self.init_took = (phase == "init" && lambda.init_type == InitType::OnDemand).then_some(took);
                match lambda.init_type {
                    InitType::ProvisionedConcurrency | InitType::SnapStart => self.freeze(),
                    _ => platform.state.change(|state| state.age = Duration::ZERO),
                }
            }
            Err(_) => self.reset("failure").await,
        }
        outcome
    }

    async fn init_steps(&mut self, phase: &str) -> Result<(), Fault> {
        let platform = Arc::clone(&self.platform);
        self.watch_ports();
        for program in platform.lambda.extensions.clone() {
            let env = process::extension_env(&platform);
            self.launch(&program.name(), &program, env, false).await?;
        }
        for program in platform.lambda.extensions_inside.clone() {
            let env = process::extension_env(&platform);
            self.launch(&program.name(), &program, env, true).await?;
        }
        wait(&platform, |state| {
            state.extensions.iter().all(|extension| extension.has_registered() || !extension.external)
        })
        .await?;
        self.start_runtime().await?;
        wait(&platform, |state| state.runtime.waiting || state.runtime.restoring).await?;
        platform.state.change(|state| state.registration_open = false);
        let done = events::init_done(&platform.lambda, phase, None, None);
        platform.tell(done);
        wait(&platform, |state| {
            state
                .extensions
                .iter()
                .all(|extension| extension.state == ExtensionState::Ready && extension.is_idle())
        })
        .await?;
        platform.state.change(|state| state.subscription_open = false);
        platform.telemetry.close();
        Ok(())
    }

    async fn start_runtime(&mut self) -> Result<(), Fault> {
        let platform = Arc::clone(&self.platform);
        platform.record(Moment::RuntimeStarted);
        let Lambda { runtime, entrypoint, .. } = &platform.lambda;
        if let Some(program) = entrypoint.as_ref().or(runtime.as_ref()) {
            let env = process::runtime_env(&platform, &self.log_stream);
            return self.launch(FUNCTION, program, env, entrypoint.is_some()).await;
        }
        let script = platform.lambda.on_init.clone();
        let function = Function {
            request_id: String::new(),
            deadline: SystemTime::now() + platform.lambda.init_timeout,
            trace: None,
            platform: Arc::clone(&platform),
        };
        // A scripted function has a runtime too: it asks for its first invocation when its init is over.
        self.tasks.spawn(async move {
            let mut init = JoinSet::new();
            init.spawn(async move {
                if let Some(script) = script {
                    script(function).await;
                }
            });
            if let Some(Err(_)) = init.join_next().await {
                platform.state.change(|state| state.blame(Fault::Runtime("Runtime.ExitError".into())));
                return;
            }
            platform.record(Moment::RuntimeReady);
            platform.state.change(|state| state.runtime.waiting = true);
        });
        Ok(())
    }

    async fn launch(
        &mut self,
        name: &str,
        program: &Program,
        env: Vec<(String, String)>,
        inside: bool,
    ) -> Result<(), Fault> {
        let root = self.root.as_ref().filter(|_| inside);
        let process = Process::spawn(&self.platform, name, program, env, &self.limits.doors(), root)
            .await
            .map_err(|error| Fault::Launch(program.path.display().to_string(), error.to_string()))?;
        self.processes.push(process);
        Ok(())
    }

    fn watch_ports(&mut self) {
        for port in self.platform.lambda.watched_ports.clone() {
            let platform = Arc::clone(&self.platform);
            self.tasks.spawn(async move {
                // The kernel tells nobody about new listeners, so we have to look again and again.
                while !usage::is_bound(port) {
                    tokio::time::sleep(Duration::from_micros(500)).await;
                }
                platform.record(Moment::Bound { port });
            });
        }
    }

    /// Ends the environment after a fault: SHUTDOWN, two seconds, SIGKILL. The next invocation starts anew.
    pub(crate) async fn reset(&mut self, reason: &str) {
        let platform = Arc::clone(&self.platform);
        platform.state.change(|state| state.ending = true);
        if let Some(runtime) = self.process(FUNCTION) {
            runtime.signal(Signal::KILL);
        }
        self.release_last_reports(false);
        self.end_extensions(reason, Instant::now() + crate::shutdown::BUDGET).await;
        self.tasks.shutdown().await;
        self.ready = false;
        self.held.clear();
        platform.telemetry.reset();
        platform.state.change(|state| *state = crate::platform::State::new(&platform.lambda));
    }
}

/// Waits for a condition or a fault, whichever comes first.
pub(crate) async fn wait(
    platform: &Platform,
    ready: impl Fn(&crate::platform::State) -> bool,
) -> Result<(), Fault> {
    platform
        .state
        .until(|state| match &state.fault {
            Some(fault) => Some(Err(fault.clone())),
            None => ready(state).then_some(Ok(())),
        })
        .await
}
