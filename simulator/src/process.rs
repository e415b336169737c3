//! Running, stopping and ending the processes of an environment.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use crate::journal::Moment;
use crate::lambda::{Lambda, Program};
use crate::platform::{FUNCTION, Platform};
use crate::shared::Shared;

/// How long a process's output is read after its end.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A running program in its own process group.
#[derive(Clone)]
pub(crate) struct Process {
    pub name: String,
    pub pid: Pid,
    gone: Arc<Shared<bool>>,
}

impl Process {
    /// Runs a program with exactly these environment variables; its lines and its end are told to `platform`.
    pub fn spawn(
        platform: &Arc<Platform>,
        name: &str,
        program: &Program,
        env: Vec<(String, String)>,
    ) -> io::Result<Process> {
        let mut child = Command::new(&program.path)
            .args(&program.args)
            .env_clear()
            .envs(env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid as i32)).ok_or(io::ErrorKind::NotFound)?;
        let process = Process { name: name.into(), pid, gone: Arc::new(Shared::new(false)) };
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
