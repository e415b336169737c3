//! An execution environment: its processes, its clock of freezes and thaws, and what tests may ask of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::api;
use crate::clock;
use crate::events::Event;
use crate::invoke::Invocation;
use crate::journal::{Journal, Moment};
use crate::lambda::Lambda;
use crate::limits::Limits;
use crate::platform::{Fault, Line, Platform, State};
use crate::process::Process;
use crate::quirks::Quirks;
use crate::rootfs::Root;
use crate::shared::Shared;
use crate::telemetry::{Item, Telemetry};
use crate::usage::{self, Usage};

/// How long a process is given to notice that it is stopped: it must get its turn on the CPU for that.
const STOPPING: Duration = Duration::from_secs(5);

/// A running execution environment. Dropping it kills what it has started.
pub struct Sandbox {
    pub(crate) platform: Arc<Platform>,
    pub(crate) processes: Vec<Process>,
    /// The platform's API.
    server: JoinSet<()>,
    /// What ends with the environment: the function's init script, the watchers of ports.
    pub(crate) tasks: JoinSet<()>,
    pub(crate) limits: Limits,
    pub(crate) root: Option<Root>,
    pub(crate) log_stream: String,
    /// The init phase has succeeded and nothing has ended the environment since.
    pub(crate) ready: bool,
    /// How long the init phase took, until the first report has told it.
    pub(crate) init_took: Option<Duration>,
    /// Reports not emitted yet, each with the number of thaws that it sleeps through.
    pub(crate) held: Vec<(usize, Event)>,
    pub(crate) invocations: Vec<Invocation>,
}

/// The init phase failed.
pub struct NotStarted {
    /// What ended it.
    pub fault: Fault,
    /// The environment, whose next invocation repeats the init phase.
    pub sandbox: Sandbox,
}

impl Sandbox {
    pub(crate) async fn start(lambda: Lambda) -> Result<Sandbox, NotStarted> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let address = listener.as_ref().ok().and_then(|listener| listener.local_addr().ok());
        let platform = Arc::new(Platform {
            api: address.unwrap_or_else(|| ([127, 0, 0, 1], 0).into()),
            state: Shared::new(State::new(&lambda)),
            quirks: Shared::new(lambda.quirks.clone()),
            telemetry: Telemetry::new(),
            journal: Journal::new(),
            output: Shared::new(Vec::new()),
            token: clock::uuid(),
            lambda,
        });
        let lambda = &platform.lambda;
        let mut sandbox = Sandbox {
            limits: if lambda.limited { Limits::create(lambda.memory_mb) } else { Limits::default() },
            log_stream: lambda.new_log_stream(),
            root: None,
            processes: Vec::new(),
            server: JoinSet::new(),
            tasks: JoinSet::new(),
            ready: false,
            init_took: None,
            held: Vec::new(),
            invocations: Vec::new(),
            platform: Arc::clone(&platform),
        };
        match listener {
            Ok(listener) => sandbox.server.spawn(api::serve(listener, platform)),
            Err(error) => {
                let fault = Fault::Launch("the platform's API".into(), error.to_string());
                return Err(NotStarted { fault, sandbox });
            }
        };
        match sandbox.platform.lambda.rootfs.as_ref().map(Root::new).transpose() {
            Ok(root) => sandbox.root = root,
            Err(error) => {
                return Err(NotStarted {
                    fault: Fault::Launch("the root".into(), error.to_string()),
                    sandbox,
                });
            }
        }
        if sandbox.platform.lambda.lazy {
            return Ok(sandbox);
        }
        sandbox.platform.state.change(|state| state.age = sandbox.platform.lambda.init_ago);
        match sandbox.init("init").await {
            Ok(()) => Ok(sandbox),
            Err(fault) => Err(NotStarted { fault, sandbox }),
        }
    }

    /// Everything that happened, with times.
    pub fn journal(&self) -> Journal {
        self.platform.journal.clone()
    }

    /// Every line that the processes (and a scripted function) printed.
    pub fn output(&self) -> Vec<Line> {
        self.platform.output.read(Clone::clone)
    }

    /// The lines of the extensions as one text.
    pub fn extension_output(&self) -> String {
        let lines = self.output();
        let texts: Vec<&str> = lines
            .iter()
            .filter(|line| line.source != crate::platform::FUNCTION)
            .map(|line| line.text.as_str())
            .collect();
        texts.join("\n")
    }

    /// Waits until some process has printed a line that contains `text`. `None` after `patience`.
    pub async fn wait_for_output(&self, patience: Duration, text: &str) -> Option<Line> {
        let line =
            self.platform.output.until(|lines| lines.iter().find(|line| line.text.contains(text)).cloned());
        tokio::time::timeout(patience, line).await.ok()
    }

    /// Waits until all telemetry so far has been delivered.
    pub async fn drained(&self) {
        self.platform.telemetry.drained().await;
    }

    /// The invocations so far.
    pub fn invocations(&self) -> &[Invocation] {
        &self.invocations
    }

    /// The address of the platform's API: `AWS_LAMBDA_RUNTIME_API`.
    pub fn api(&self) -> String {
        self.platform.api.to_string()
    }

    /// The limits of CPU and memory in force, for people; empty without [`Lambda::limited`] or where this
    /// machine does not let us.
    pub fn limits(&self) -> String {
        self.limits.applied.join(", ")
    }

    /// Changes how the platform behaves from now on.
    pub fn quirks(&self, change: impl FnOnce(&mut Quirks)) {
        self.platform.quirks.change(change);
    }

    /// Emits a telemetry event of any type, now.
    pub fn emit(&self, kind: &str, record: Value) {
        self.platform.telemetry.emit(kind, &record);
    }

    /// Delivers a request body as it is, valid or not, to all subscribers.
    pub fn emit_raw(&self, body: impl Into<String>) {
        self.platform.telemetry.push(Item::Raw(body.into()));
    }

    /// What the process of this name (an extension's file name, or `function`) has used.
    pub fn usage(&self, name: &str) -> Option<Usage> {
        let process = self.process(name)?;
        let usage = Usage::of(process.pid)?;
        Some(Usage { cpu: usage.cpu.saturating_sub(process.overhead), ..usage })
    }

    /// Whether the process is stopped as the kernel sees it.
    pub fn is_stopped(&self, name: &str) -> bool {
        let stopped = |process: &Process| self.limits.is_frozen() || usage::state(process.pid) == Some('T');
        self.process(name).is_some_and(stopped)
    }

    /// The id of the process of this name.
    pub fn pid(&self, name: &str) -> Option<u32> {
        Some(self.process(name)?.pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// Sends SIGTERM to the process, as `docker stop` does in an emulator.
    pub fn terminate(&self, name: &str) {
        if let Some(process) = self.process(name) {
            process.signal(Signal::TERM);
        }
    }

    pub(crate) fn process(&self, name: &str) -> Option<&Process> {
        self.processes.iter().find(|process| process.name == name)
    }

    /// Stops everything, as between invocations.
    pub fn freeze(&mut self) {
        let never = self.platform.managed() || self.platform.quirks.read(|quirks| quirks.never_freezes);
        if never || self.platform.state.read(|state| state.frozen) {
            return;
        }
        self.platform.state.change(|state| state.frozen = true);
        if !self.limits.freeze() {
            self.signal_all(Signal::STOP);
            self.await_stop();
        }
        self.platform.record(Moment::Frozen);
    }

    /// A signal takes effect a moment later: what comes after the freeze shall find it done.
    fn await_stop(&self) {
        let given_up = Instant::now() + STOPPING;
        let running =
            |process: &Process| usage::state(process.pid).is_some_and(|state| !"TZX".contains(state));
        while self.processes.iter().any(running) && Instant::now() < given_up {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Lets everything run again.
    pub fn thaw(&mut self) {
        if !self.platform.state.read(|state| state.frozen) {
            return;
        }
        self.platform.record(Moment::Thawed);
        self.limits.thaw();
        self.signal_all(Signal::CONT);
        self.platform.state.change(|state| state.frozen = false);
    }

    pub(crate) fn signal_all(&self, signal: Signal) {
        for process in &self.processes {
            process.signal(signal);
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.limits.thaw();
        self.signal_all(Signal::KILL);
        // The deliveries hold the platform as it holds them.
        self.platform.telemetry.reset();
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("api", &self.platform.api)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        for line in self.sandbox.output() {
            write!(f, "\n  {}: {}", line.source, line.text)?;
        }
        Ok(())
    }
}

impl std::error::Error for NotStarted {}
