//! The state of an execution environment, shared by the APIs, the processes and the phases.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde_json::Value;

use crate::events::Event;
use crate::journal::{Journal, Moment};
use crate::lambda::Lambda;
use crate::mode::InitType;
use crate::quirks::{Lines, Quirks};
use crate::shared::Shared;
use crate::telemetry::{Item, Telemetry};

/// What all parts of a sandbox share.
pub(crate) struct Platform {
    pub lambda: Lambda,
    pub api: SocketAddr,
    pub state: Shared<State>,
    pub quirks: Shared<Quirks>,
    pub telemetry: Telemetry,
    pub journal: Journal,
    pub output: Shared<Vec<Line>>,
    /// What the environment's processes show to be its own.
    pub token: String,
}

/// A line that a process printed.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it was read.
    pub at: Instant,
    /// The process: an extension's name, or `function`.
    pub source: String,
    /// The line without its end.
    pub text: String,
}

/// What changes in the life of an environment.
pub(crate) struct State {
    pub registration_open: bool,
    pub subscription_open: bool,
    /// Exits are expected: nobody is to blame.
    pub ending: bool,
    pub frozen: bool,
    /// How long ago events seem to happen: the init phase may lie long before the first invocation.
    pub age: Duration,
    /// How often a snapshot was restored.
    pub lives: usize,
    pub fault: Option<Fault>,
    pub extensions: Vec<Extension>,
    pub runtime: Runtime,
}

/// An extension as the platform sees it.
pub(crate) struct Extension {
    pub name: String,
    /// Launched by the platform; an internal one lives in the function's process.
    pub external: bool,
    pub id: String,
    pub events: Vec<String>,
    pub state: ExtensionState,
    /// A call of `event/next` is pending.
    pub waiting: bool,
    pub queue: VecDeque<Value>,
    pub exited: bool,
}

/// As in `platform.extension`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtensionState {
    Started,
    Registered,
    Ready,
    Running,
    InitError,
    ExitError,
}

/// The function's runtime as the platform sees it.
#[derive(Default)]
pub(crate) struct Runtime {
    /// It has asked for an invocation and got none yet.
    pub waiting: bool,
    /// It has asked to be told of its restoration.
    pub restoring: bool,
    pub restored: bool,
    /// What it shall get.
    pub offered: VecDeque<Offer>,
    /// The request ids of what it works on: one, or several on Managed Instances.
    pub running: Vec<String>,
    pub answers: Vec<RuntimeAnswer>,
    pub init_error: Option<String>,
    pub exited: bool,
}

/// What the runtime made of an invocation.
pub(crate) struct RuntimeAnswer {
    pub request_id: String,
    pub body: Bytes,
    /// The type of the error that it is.
    pub error: Option<String>,
}

/// An invocation for the runtime.
pub(crate) struct Offer {
    pub request_id: String,
    pub deadline_ms: u64,
    pub trace: Option<String>,
    pub payload: Bytes,
}

/// What ends an environment or its init phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The program could not be run; the second is the reason.
    Launch(String, String),
    /// The extension exited without being told to.
    Crash(String),
    /// The extension reported `init/error`: its name and error type.
    InitError(String, String),
    /// The extension reported `exit/error`: its name and error type.
    ExitError(String, String),
    /// The runtime exited, or reported `init/error`.
    Runtime(String),
    /// The init phase took longer than it may.
    InitTimeout,
    /// More than ten extensions.
    TooManyExtensions,
}

impl Fault {
    /// The `errorType` of platform events.
    pub fn error_type(&self) -> &str {
        match self {
            Fault::Launch(..) => "Extension.LaunchError",
            Fault::Crash(_) => "Extension.Crash",
            Fault::InitError(..) => "Extension.InitError",
            Fault::ExitError(..) => "Extension.ExitError",
            Fault::Runtime(error) => error,
            Fault::InitTimeout => "Sandbox.Timeout",
            Fault::TooManyExtensions => "TooManyExtensions",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Launch(program, why) => write!(f, "cannot run {program}: {why}"),
            Fault::Crash(name) => write!(f, "extension {name} exited"),
            Fault::InitError(name, error) => write!(f, "extension {name} reported init/error {error}"),
            Fault::ExitError(name, error) => write!(f, "extension {name} reported exit/error {error}"),
            Fault::Runtime(error) => write!(f, "the function failed: {error}"),
            Fault::InitTimeout => f.write_str("the init phase took too long"),
            Fault::TooManyExtensions => f.write_str("more than 10 extensions"),
        }
    }
}

impl State {
    /// An environment in which nothing has started; also after a reset.
    pub fn new(lambda: &Lambda) -> State {
        State {
            registration_open: true,
            subscription_open: true,
            ending: false,
            frozen: false,
            age: Duration::ZERO,
            lives: 0,
            fault: None,
            extensions: lambda
                .extensions
                .iter()
                .chain(&lambda.extensions_inside)
                .map(|program| Extension::new(program.name(), true))
                .collect(),
            runtime: Runtime::default(),
        }
    }

    /// The extension with this identifier.
    pub fn by_id(&mut self, id: &str) -> Option<&mut Extension> {
        self.extensions.iter_mut().find(|extension| extension.id == id && extension.has_registered())
    }

    /// Notes the first fault; later ones are its consequences.
    pub fn blame(&mut self, fault: Fault) {
        if !self.ending && self.fault.is_none() {
            self.fault = Some(fault);
        }
    }
}

impl Runtime {
    /// The answer to this invocation, taken out.
    pub fn answer(&mut self, request: &str) -> Option<RuntimeAnswer> {
        let at = self.answers.iter().position(|answer| answer.request_id == request)?;
        Some(self.answers.swap_remove(at))
    }
}

impl Extension {
    pub fn new(name: String, external: bool) -> Extension {
        Extension {
            name,
            external,
            id: crate::clock::uuid(),
            events: Vec::new(),
            state: ExtensionState::Started,
            waiting: false,
            queue: VecDeque::new(),
            exited: false,
        }
    }

    pub fn has_registered(&self) -> bool {
        self.state != ExtensionState::Started
    }

    pub fn wants(&self, event: &str) -> bool {
        self.events.iter().any(|wanted| wanted == event)
    }

    /// It waits for its next event, and there is none.
    pub fn is_idle(&self) -> bool {
        self.waiting && self.queue.is_empty()
    }
}

impl Platform {
    pub fn managed(&self) -> bool {
        self.lambda.init_type == InitType::ManagedInstances
    }

    pub fn record(&self, moment: Moment) -> Instant {
        self.journal.record(moment)
    }

    /// Takes a line that a process printed: keeps it and emits it as `function` or `extension`.
    pub fn line(self: &Arc<Self>, source: &str, at: SystemTime, text: String) {
        if self.lambda.echo {
            eprintln!("{source}: {text}");
        }
        let kind = if source == FUNCTION { "function" } else { "extension" };
        let at = at - self.state.read(|state| state.age);
        let event = Event { at, ..Event::new(kind, self.log_record(&text)) };
        let line = Line { at: Instant::now(), source: source.into(), text };
        self.output.change(|lines| lines.push(line));
        let telemetry = &self.telemetry;
        match self.quirks.read(|quirks| quirks.lines) {
            Lines::AsWritten => telemetry.push(Item::Event(event)),
            Lines::Delayed(by) => telemetry.push_later(by, Arc::clone(self), Item::Event(event)),
            Lines::Duplicated => {
                telemetry.push(Item::Event(event.clone()));
                telemetry.push(Item::Event(event));
            }
            Lines::Cut => telemetry.push(Item::Cut(event)),
            Lines::Lost => {}
        }
    }

    /// Emits an event of the platform's own.
    pub fn tell(&self, mut event: Event) {
        if self.quirks.read(|quirks| quirks.novelties) {
            event.record = novel(event.record);
        }
        event.at -= self.state.read(|state| state.age);
        self.telemetry.push(Item::Event(event));
    }

    /// With log format JSON a line that is a JSON object stays one, as it is written; everything else is a string.
    fn log_record(&self, text: &str) -> String {
        let is_object = || serde_json::from_str::<serde_json::Map<String, Value>>(text).is_ok();
        match self.lambda.has_json_logs() && is_object() {
            true => text.trim().into(),
            false => Value::from(text).to_string(),
        }
    }
}

/// A record from a future in which every enumeration has a new value and every record a new member.
fn novel(record: String) -> String {
    let mut record = record.replacen('{', r#"{"novelty":{"of":["things",1]},"#, 1);
    for name in ["initializationType", "phase", "status", "state"] {
        let member = format!("\"{name}\":\"");
        if let Some(at) = record.find(&member).map(|at| at + member.len())
            && let Some(end) = record[at..].find('"')
        {
            record.replace_range(at..at + end, "novel");
        }
    }
    record
}

/// The name of the function's process in journal and output.
pub(crate) const FUNCTION: &str = "function";
