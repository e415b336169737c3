//! A Lambda function as its owner configures it; [`Lambda::start`] gives it an execution environment.

use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::clock;
use crate::function::Function;
use crate::mode::{InitType, Tracing};
use crate::quirks::{Quirks, TelemetryApi};
use crate::rootfs::{self, Rootfs};
use crate::sandbox::{NotStarted, Sandbox};

/// A program with its arguments.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file to run.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

pub(crate) type Script = dyn Fn(Function) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A Lambda function and its extensions, before it has an environment.
#[derive(Clone)]
pub struct Lambda {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) handler: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) memory_mb: u32,
    pub(crate) timeout: Duration,
    pub(crate) init_timeout: Duration,
    pub(crate) init_type: InitType,
    pub(crate) init_ago: Duration,
    pub(crate) concurrency: usize,
    pub(crate) lazy: bool,
    pub(crate) extensions: Vec<Program>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) runtime: Option<Program>,
    pub(crate) rootfs: Option<Rootfs>,
    pub(crate) extensions_inside: Vec<Program>,
    pub(crate) entrypoint: Option<Program>,
    pub(crate) on_init: Option<Arc<Script>>,
    pub(crate) json_logs: bool,
    pub(crate) framed_logs: bool,
    pub(crate) tracing: Tracing,
    pub(crate) tenant: Option<String>,
    pub(crate) otlp_port: u16,
    pub(crate) watched_ports: Vec<u16>,
    pub(crate) limited: bool,
    pub(crate) echo: bool,
    pub(crate) quirks: Quirks,
}

impl Default for Lambda {
    fn default() -> Lambda {
        Lambda {
            name: "orders".into(),
            version: "$LATEST".into(),
            handler: "index.handler".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            memory_mb: 512,
            timeout: Duration::from_secs(30),
            init_timeout: Duration::from_secs(10),
            init_type: InitType::OnDemand,
            init_ago: Duration::ZERO,
            concurrency: 1,
            lazy: false,
            extensions: Vec::new(),
            env: Vec::new(),
            runtime: None,
            rootfs: None,
            extensions_inside: Vec::new(),
            entrypoint: None,
            on_init: None,
            json_logs: false,
            framed_logs: false,
            tracing: Tracing::PassThrough,
            tenant: None,
            otlp_port: 4318,
            watched_ports: Vec::new(),
            limited: false,
            echo: false,
            quirks: Quirks::default(),
        }
    }
}

impl Lambda {
    /// A function `orders` of 512 MB with this extension, whose code is what [`Sandbox::invoke`] is given.
    pub fn new(extension: impl Into<PathBuf>) -> Lambda {
        Lambda::default().extension(extension, [] as [&str; 0])
    }

    /// Adds an extension: a program that is run as if it lay in `/opt/extensions`.
    pub fn extension<A: Into<String>>(
        mut self,
        path: impl Into<PathBuf>,
        args: impl IntoIterator<Item = A>,
    ) -> Lambda {
        let args = args.into_iter().map(Into::into).collect();
        self.extensions.push(Program { path: path.into(), args });
        self
    }

    /// The function is this program, which speaks the Runtime API; use [`Sandbox::invoke_event`].
    pub fn runtime<A: Into<String>>(
        mut self,
        path: impl Into<PathBuf>,
        args: impl IntoIterator<Item = A>,
    ) -> Lambda {
        let args = args.into_iter().map(Into::into).collect();
        self.runtime = Some(Program { path: path.into(), args });
        self
    }

    /// The environment's root is this directory, as of a container image: each file in its `/opt/extensions` is an
    /// extension. Read-only but for `/tmp`; nothing in the directory changes. Only root can do this.
    pub fn rootfs(mut self, dir: impl Into<PathBuf>) -> Lambda {
        let dir = dir.into();
        self.extensions_inside = rootfs::extensions(&dir);
        self.rootfs = Some(Rootfs { dir, emulator: None, nameserver: None });
        self
    }

    /// The programs in the root are of another architecture: this one, a static binary of qemu, runs them.
    pub fn emulator(mut self, path: impl Into<PathBuf>) -> Lambda {
        if let Some(rootfs) = &mut self.rootfs {
            rootfs.emulator = Some(path.into());
        }
        self
    }

    /// Who resolves names for the programs in the root; else whoever does it for this machine.
    pub fn nameserver(mut self, address: IpAddr) -> Lambda {
        if let Some(rootfs) = &mut self.rootfs {
            rootfs.nameserver = Some(address);
        }
        self
    }

    /// The function is this program in the root, which speaks the Runtime API: the image's `ENTRYPOINT` and `CMD`.
    pub fn entrypoint<A: Into<String>>(
        mut self,
        path: impl Into<PathBuf>,
        args: impl IntoIterator<Item = A>,
    ) -> Lambda {
        let args = args.into_iter().map(Into::into).collect();
        self.entrypoint = Some(Program { path: path.into(), args });
        self
    }

    /// What the function does in its init phase, while the extensions get ready; it runs again after a reset.
    pub fn on_init<F>(mut self, script: impl Fn(Function) -> F + Send + Sync + 'static) -> Lambda
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.on_init = Some(Arc::new(move |function| Box::pin(script(function))));
        self
    }

    /// An environment variable of the customer; the function and the extensions see it.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Lambda {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The collector's configuration, handed over as `OPENTELEMETRY_COLLECTOR_CONFIG_URI=yaml:...`.
    pub fn config(self, yaml: &str) -> Lambda {
        self.env("OPENTELEMETRY_COLLECTOR_CONFIG_URI", format!("yaml:{yaml}"))
    }

    /// The port for OTLP/HTTP that [`Function::post_otlp`] sends to; 4318 unless set.
    pub fn otlp_port(mut self, port: u16) -> Lambda {
        self.otlp_port = port;
        self
    }

    /// The function's name; `orders` unless set.
    pub fn name(mut self, name: impl Into<String>) -> Lambda {
        self.name = name.into();
        self
    }

    /// The function's memory in MB (128 to 10 240); 512 unless set.
    pub fn memory(mut self, mb: u32) -> Lambda {
        self.memory_mb = mb;
        self
    }

    /// The function's timeout, which covers the extensions too; 30 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Lambda {
        self.timeout = timeout;
        self
    }

    /// The limit of the init phase; 10 s unless set.
    pub fn init_timeout(mut self, timeout: Duration) -> Lambda {
        self.init_timeout = timeout;
        self
    }

    /// Why the environment is initialised; on demand unless set.
    pub fn init_type(mut self, init_type: InitType) -> Lambda {
        self.init_type = init_type;
        self
    }

    /// How many invocations the runtime of a managed instance takes at once: `AWS_LAMBDA_MAX_CONCURRENCY`; 1 unless set.
    pub fn concurrency(mut self, invocations: usize) -> Lambda {
        self.concurrency = invocations;
        self
    }

    /// How long before the first invocation the init phase seems to have been, by the times of its events: hours
    /// with provisioned concurrency, days with SnapStart. (The clock of the processes cannot be turned.)
    pub fn init_ago(mut self, ago: Duration) -> Lambda {
        self.init_ago = ago;
        self
    }

    /// The platform is an emulator as in AWS's own (what `docker run` of a base image starts): extensions run, but
    /// there is no telemetry, no tracing, no freeze, and no init phase before the first invocation.
    pub fn emulated(mut self) -> Lambda {
        self.lazy = true;
        self.quirks(|quirks| {
            quirks.telemetry = TelemetryApi::NotSupported;
            quirks.no_tracing = true;
            quirks.never_freezes = true;
            quirks.upper_case_shutdown_reason = true;
        })
    }

    /// The function's log format is JSON: a line that is a JSON object becomes an object record.
    pub fn json_logs(mut self) -> Lambda {
        self.json_logs = true;
        self
    }

    /// Gives the runtime ([`Lambda::runtime`]) the framed log channel of managed runtimes: text of several lines
    /// written there is one record, with the time of the frame.
    pub fn framed_logs(mut self) -> Lambda {
        self.framed_logs = true;
        self
    }

    /// What becomes of the trace header; passed through unless set.
    pub fn tracing(mut self, tracing: Tracing) -> Lambda {
        self.tracing = tracing;
        self
    }

    /// The function is isolated by tenant, and this is whose environment it is.
    pub fn tenant(mut self, id: impl Into<String>) -> Lambda {
        self.tenant = Some(id.into());
        self
    }

    /// Records when somebody first listens on this TCP port ([`Moment::Bound`](crate::Moment)).
    pub fn watch_port(mut self, port: u16) -> Lambda {
        self.watched_ports.push(port);
        self
    }

    /// Gives all processes together the CPU share and the memory that Lambda gives this memory size, and
    /// freezes them by cgroup, where this machine lets us (see [`Sandbox::limits`]).
    pub fn limited(mut self) -> Lambda {
        self.limited = true;
        self
    }

    /// Copies what the processes print to standard error.
    pub fn echo(mut self) -> Lambda {
        self.echo = true;
        self
    }

    /// Changes how the platform behaves from the start.
    pub fn quirks(mut self, change: impl FnOnce(&mut Quirks)) -> Lambda {
        change(&mut self.quirks);
        self
    }

    /// Makes an environment and runs its init phase.
    ///
    /// # Errors
    /// If the init phase fails. The error holds the environment: its journal and output say why, and its next
    /// invocation repeats the init phase, as on Lambda.
    pub async fn start(self) -> Result<Sandbox, NotStarted> {
        Sandbox::start(self).await
    }

    /// Managed Instances know no other format.
    pub(crate) fn has_json_logs(&self) -> bool {
        self.json_logs || self.init_type == InitType::ManagedInstances
    }

    /// A log stream of an environment that is new: its instance id.
    pub(crate) fn new_log_stream(&self) -> String {
        let instance = format!("{:016x}{:016x}", clock::random(), clock::random());
        format!("{}/[{}]{instance}", clock::date(SystemTime::now()), self.version)
    }

    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account, self.name)
    }
}

impl Program {
    /// The name of its file: an extension's name.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}
