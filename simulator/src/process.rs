//! Running, stopping and ending the processes of an environment.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::journal::Moment;
use crate::lambda::{Lambda, Program};
use crate::platform::{FUNCTION, Platform};
use crate::shared::Shared;
use crate::usage::Usage;

/// How long a process's output is read after its end.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// How long the kernel may take to move a process to its cgroups.
const ENTERING: Duration = Duration::from_millis(200);

/// A running program in its own process group.
#[derive(Clone)]
pub(crate) struct Process {
    pub name: String,
    pub pid: Pid,
    /// The CPU time that was used before the program itself began.
    pub overhead: Duration,
    gone: Arc<Shared<bool>>,
}

impl Process {
    /// Runs a program with exactly these environment variables, under the limits of these cgroups from its first
    /// instruction; its lines and its end are told to `platform`.
    pub async fn spawn(
        platform: &Arc<Platform>,
        name: &str,
        program: &Program,
        env: Vec<(String, String)>,
        doors: &[PathBuf],
    ) -> io::Result<Process> {
        let mut command = if doors.is_empty() { Command::new(&program.path) } else { gate(program, doors)? };
        let launch = || {
            if name != FUNCTION {
                platform.record(Moment::Launched { extension: name.into() });
            }
        };
        if doors.is_empty() {
            command.stdin(Stdio::null());
            launch();
        }
        let mut child = command
            .args(&program.args)
            .env_clear()
            .envs(env)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid as i32)).ok_or(io::ErrorKind::NotFound)?;
        let mut overhead = Duration::ZERO;
        if let Some(mut gate) = child.stdin.take() {
            await_entry(pid, doors).await;
            overhead = Usage::of(pid).unwrap_or_default().cpu;
            launch();
            gate.write_all(b"\n").await?;
        }
        let process = Process { name: name.into(), pid, overhead, gone: Arc::new(Shared::new(false)) };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (platform, watched) = (Arc::clone(platform), process.clone());
        tokio::spawn(async move {
            let name = watched.name.as_str();
            let status = {
                let output =
                    async { tokio::join!(lines(stdout, &platform, name), lines(stderr, &platform, name)) };
                let mut output = std::pin::pin!(output);
                tokio::select! {
                    status = child.wait() => {
                        // A child of its own may hold the pipe open: do not wait for that one's end.
                        let _ = tokio::time::timeout(LAST_WORDS, output).await;
                        status
                    }
                    _ = &mut output => child.wait().await,
                }
            };
            let code = status.ok().and_then(|status| status.code());
            platform.record(Moment::Exited { process: name.into(), code });
            platform.state.change(|state| state.exited(name, code));
            watched.gone.change(|gone| *gone = true);
        });
        Ok(process)
    }

    /// Sends a signal to all processes of the group.
    pub fn signal(&self, signal: Signal) {
        // Once the process is reaped, its number may belong to another.
        if self.gone.read(|gone| !gone) {
            let _ = kill_process_group(self.pid, signal);
        }
    }

    /// Waits until it is gone.
    pub async fn exit(&self) {
        self.gone.until(|gone| gone.then_some(())).await;
    }
}

/// A shell that enters the cgroups, waits for a line, and becomes the program. Only a process of one thread can
/// enter them all, so it must be before the program begins.
fn gate(program: &Program, doors: &[PathBuf]) -> io::Result<Command> {
    // A missing program shall be told like elsewhere, not by the shell.
    std::fs::metadata(&program.path)?;
    let enter: String = doors.iter().map(|door| format!("echo $$ > '{}'; ", door.display())).collect();
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(format!("{{ {enter}}} 2> /dev/null; read go; unset go PWD; exec \"$0\" \"$@\" < /dev/null"));
    command.arg(&program.path).stdin(Stdio::piped());
    Ok(command)
}

/// Waits until a process is in its cgroups (and gives up where the kernel does not let it in).
async fn await_entry(pid: Pid, doors: &[PathBuf]) {
    let own = pid.as_raw_nonzero().to_string();
    let entered = |door: &PathBuf| {
        std::fs::read_to_string(door).is_ok_and(|inside| inside.lines().any(|line| line == own))
    };
    let given_up = Instant::now() + ENTERING;
    while !doors.iter().all(entered) && Instant::now() < given_up {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn lines(stream: Option<impl AsyncRead + Unpin>, platform: &Platform, name: &str) {
    let Some(stream) = stream else { return };
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while let Ok(1..) = stream.read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line);
        platform.line(name, text.trim_end_matches(['\n', '\r']).to_owned());
        line.clear();
    }
}

/// The environment of an extension: what the function sees, less what Lambda withholds.
pub(crate) fn extension_env(lambda: &Lambda, api: &str) -> Vec<(String, String)> {
    let mut env = common_env(lambda, api);
    env.extend(lambda.env.iter().filter(|(name, _)| !name.starts_with('_')).cloned());
    env
}

/// The environment of the function's runtime.
pub(crate) fn runtime_env(lambda: &Lambda, api: &str, log_stream: &str) -> Vec<(String, String)> {
    let group = format!("/aws/lambda/{}", lambda.name);
    let mut env = common_env(lambda, api);
    env.extend(
        [
            ("_HANDLER", lambda.handler.as_str()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream),
            ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
            ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LANG", "en_US.UTF-8"),
        ]
        .map(owned),
    );
    env.extend(lambda.env.iter().cloned());
    env
}

fn common_env(lambda: &Lambda, api: &str) -> Vec<(String, String)> {
    let memory = lambda.memory_mb.to_string();
    let format = if lambda.json_logs { "JSON" } else { "Text" };
    [
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_FUNCTION_NAME", &lambda.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", &lambda.version),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", lambda.init_type.name()),
        ("AWS_LAMBDA_LOG_FORMAT", format),
        ("AWS_REGION", &lambda.region),
        ("AWS_DEFAULT_REGION", &lambda.region),
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "example-session-token"),
        ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("TZ", ":UTC"),
    ]
    .map(owned)
    .into()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.into(), value.into())
}

impl crate::platform::State {
    /// A process is gone; if nobody told it to go, the environment has failed.
    fn exited(&mut self, name: &str, code: Option<i32>) {
        use crate::platform::Fault;
        if name == FUNCTION {
            self.runtime.exited = true;
            let error = if code.is_none() { "Runtime.OutOfMemory" } else { "Runtime.ExitError" };
            self.blame(Fault::Runtime(error.into()));
            return;
        }
        self.blame(Fault::Crash(name.into()));
        for extension in self.extensions.iter_mut().filter(|extension| extension.name == name) {
            extension.exited = true;
        }
    }
}
