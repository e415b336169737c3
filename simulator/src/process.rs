//! Running, stopping and ending the processes of an environment.

use std::io::{self, PipeWriter};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::capture::{self, Capture, FRAMES_FD};
use crate::journal::Moment;
use crate::lambda::Program;
use crate::mode::InitType;
use crate::platform::{FUNCTION, Platform};
use crate::rootfs::{ENTER, Root};
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
    pub capture: Capture,
    gone: Arc<Shared<bool>>,
}

impl Process {
    /// Runs a program with exactly these environment variables, under the limits of these cgroups from its first
    /// instruction, in this root if one is given; its lines and its end are told to `platform`.
    pub async fn spawn(
        platform: &Arc<Platform>,
        name: &str,
        program: &Program,
        env: Vec<(String, String)>,
        doors: &[PathBuf],
        root: Option<&Root>,
    ) -> io::Result<Process> {
        let framed = name == FUNCTION && platform.lambda.framed_logs;
        let channel = if framed { Some(io::pipe()?) } else { None };
        let (frames, frames_end) = channel.unzip();
        let mut command = match (doors.is_empty(), &frames_end, root) {
            (true, None, None) => bare(program),
            _ => gate(program, doors, frames_end.as_ref(), root)?,
        };
        command.env_clear();
        if framed {
            command.env("_LAMBDA_TELEMETRY_LOG_FD", FRAMES_FD.to_string());
        }
        let launch = || {
            if name != FUNCTION {
                platform.record(Moment::Launched { extension: name.into() });
            }
        };
        let gated = !doors.is_empty();
        if !gated {
            command.stdin(Stdio::null());
            launch();
        }
        let mut child = command
            .envs(env)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid as i32)).ok_or(io::ErrorKind::NotFound)?;
        let mut overhead = Duration::ZERO;
        if let Some(mut gate) = child.stdin.take().filter(|_| gated) {
            await_entry(pid, doors).await;
            overhead = Usage::of(pid).unwrap_or_default().cpu;
            launch();
            gate.write_all(b"\n").await?;
        }
        let output = match (child.stdout.take(), child.stderr.take()) {
            (Some(stdout), Some(stderr)) => [stdout.into_owned_fd()?, stderr.into_owned_fd()?],
            _ => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        let frames = frames.map(OwnedFd::from);
        let capture = Capture::new(output.iter().chain(&frames))?;
        let process =
            Process { name: name.into(), pid, overhead, capture, gone: Arc::new(Shared::new(false)) };
        let (platform, watched) = (Arc::clone(platform), process.clone());
        tokio::spawn(async move {
            let name = watched.name.as_str();
            let [stdout, stderr] = output;
            let read = async {
                let frames = async {
                    match frames {
                        Some(frames) => capture::frames(frames, &platform, name).await,
                        None => Ok(()),
                    }
                };
                let lines = |pipe| capture::lines(pipe, &platform, name);
                // The end of a stream is no news.
                let _ = tokio::join!(lines(stdout), lines(stderr), frames);
            };
            let mut read = std::pin::pin!(read);
            let status = tokio::select! {
                status = child.wait() => {
                    drop(frames_end);
                    // A child of its own may hold the pipes open: do not wait for that one's end.
                    let _ = tokio::time::timeout(LAST_WORDS, read).await;
                    status
                }
                () = &mut read => child.wait().await,
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

fn bare(program: &Program) -> Command {
    let mut command = Command::new(&program.path);
    command.args(&program.args);
    command
}

/// A shell that makes the root, enters the cgroups, waits for a line, opens the channel for frames, and becomes the
/// program. Only a process of one thread can enter the cgroups, so it must be before the program begins.
fn gate(
    program: &Program,
    doors: &[PathBuf],
    frames: Option<&PipeWriter>,
    root: Option<&Root>,
) -> io::Result<Command> {
    // A missing program shall be told like elsewhere, not by the shell.
    match root {
        Some(root) => root.find(program)?,
        None => std::fs::metadata(&program.path).map(drop)?,
    }
    let mut script = root.map(Root::mount).unwrap_or_default();
    if !doors.is_empty() {
        let enter: String = doors.iter().map(|door| format!("echo $$ > '{}'; ", door.display())).collect();
        script += &format!("{{ {enter}}} 2> /dev/null; read go; unset go; ");
    }
    if let Some(frames) = frames {
        script += &format!("exec {FRAMES_FD}> /proc/{}/fd/{}; ", std::process::id(), frames.as_raw_fd());
    }
    let mut command = match root {
        Some(_) => Command::new("/usr/bin/unshare"),
        None => Command::new("/bin/sh"),
    };
    if root.is_some() {
        command.args(["--mount", "/bin/sh"]);
    }
    let enter = if root.is_some() { ENTER } else { "" };
    command.arg("-c").arg(format!("{script}unset PWD OLDPWD; exec {enter}\"$0\" \"$@\" < /dev/null"));
    match root {
        Some(root) => command.args(root.inside(program)),
        None => command.arg(&program.path).args(&program.args),
    };
    if !doors.is_empty() {
        command.stdin(Stdio::piped());
    }
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

/// The environment of an extension: what the function sees, less what Lambda withholds.
pub(crate) fn extension_env(platform: &Platform) -> Vec<(String, String)> {
    let mut env = common_env(platform);
    env.extend(platform.lambda.env.iter().filter(|(name, _)| !name.starts_with('_')).cloned());
    env
}

/// The environment of the function's runtime.
pub(crate) fn runtime_env(platform: &Platform, log_stream: &str) -> Vec<(String, String)> {
    let lambda = &platform.lambda;
    let group = format!("/aws/lambda/{}", lambda.name);
    let mut env = common_env(platform);
    env.extend(
        [
            ("_HANDLER", lambda.handler.as_str()),
            ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
            ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LANG", "en_US.UTF-8"),
        ]
        .map(owned),
    );
    // An environment that is restored later has no log stream yet.
    if lambda.init_type != InitType::SnapStart {
        env.push(owned(("AWS_LAMBDA_LOG_GROUP_NAME", &group)));
        env.push(owned(("AWS_LAMBDA_LOG_STREAM_NAME", log_stream)));
    }
    if platform.managed() {
        env.push(owned(("AWS_LAMBDA_MAX_CONCURRENCY", &lambda.concurrency.to_string())));
    }
    env.extend(lambda.env.iter().cloned());
    env
}

fn common_env(platform: &Platform) -> Vec<(String, String)> {
    let (lambda, api) = (&platform.lambda, platform.api.to_string());
    let credentials_uri = format!("http://{api}/2021-04-23/credentials");
    let credentials: &[(&str, &str)] = match lambda.init_type {
        InitType::SnapStart => &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &credentials_uri),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", &platform.token),
        ],
        _ => &[
            ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_SESSION_TOKEN", "example-session-token"),
        ],
    };
    let memory = lambda.memory_mb.to_string();
    let format = if lambda.has_json_logs() { "JSON" } else { "Text" };
    let common = [
        ("AWS_LAMBDA_RUNTIME_API", &*api),
        ("AWS_LAMBDA_METADATA_API", &api),
        ("AWS_LAMBDA_METADATA_TOKEN", &platform.token),
        ("AWS_LAMBDA_FUNCTION_NAME", &lambda.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", &lambda.version),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", lambda.init_type.name()),
        ("AWS_LAMBDA_LOG_FORMAT", format),
        ("AWS_REGION", &lambda.region),
        ("AWS_DEFAULT_REGION", &lambda.region),
        ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("TZ", ":UTC"),
    ];
    common.iter().chain(credentials).copied().map(owned).collect()
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
