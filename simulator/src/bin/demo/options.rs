//! The demo's command line.

use std::net::IpAddr;
use std::path::PathBuf;

/// What the user wants.
pub struct Options {
    pub extension: Option<PathBuf>,
    pub runtime: Option<Program>,
    pub rootfs: Option<PathBuf>,
    pub emulator: Option<PathBuf>,
    pub nameserver: Option<IpAddr>,
    pub entrypoint: Option<Program>,
    pub env: Vec<(String, String)>,
    pub invocations: usize,
    pub memory: u32,
    /// Seconds.
    pub init_timeout: u32,
    pub config: Option<PathBuf>,
    pub json: bool,
    pub json_logs: bool,
    pub framed_logs: bool,
}

/// A program and its arguments.
#[derive(Clone)]
pub struct Program {
    pub path: PathBuf,
    pub args: Vec<String>,
}

pub const USAGE: &str = "cargo demo [options]

Runs a Lambda extension (the collector of this workspace) beside a function in a simulated Lambda with a backend
that keeps what arrives; fails if something is lost.

  --invocations N    how often to invoke the function (5)
  --memory MB        the function's memory, which also decides its share of CPU (512)
  --init-timeout S   how many seconds the init phase may take (10)
  --config FILE      a collector configuration; ${env:OTLP_ENDPOINT} is the backend's URL; the function sends to 4318
  --extension PATH   run this extension instead
  --env NAME=VALUE   an environment variable of the function's; as often as needed
  --rootfs DIR       run what lies in DIR/opt/extensions instead, with DIR as its root: the files of a container image
                     or of an unzipped layer, which stay as they are. Its /opt/config.yaml counts, if there is one
                     and no --config. Only root can do this
  --emulator FILE    the programs in DIR are of another architecture: a static qemu (qemu-aarch64-static) that runs them
  --nameserver IP    who resolves names in DIR; else whoever does it for this machine
  --json-logs        the function's log format is JSON
  --framed-logs      give the runtime the framed log channel of Lambda's managed runtimes
  --json             print figures and what arrived as JSON
  --runtime CMD...   run this runtime instead of our function (the rest of the line)
  --entrypoint CMD...  the same, in DIR: the image's ENTRYPOINT and CMD";

impl Options {
    /// `None` if the user wants help.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
        let mut options = Options {
            extension: None,
            runtime: None,
            rootfs: None,
            emulator: None,
            nameserver: None,
            entrypoint: None,
            env: Vec::new(),
            invocations: 5,
            memory: 512,
            init_timeout: 10,
            config: None,
            json: false,
            json_logs: false,
            framed_logs: false,
        };
        while let Some(option) = args.next() {
            let mut value = || args.next().ok_or(format!("{option} wants a value\n\n{USAGE}"));
            match option.as_str() {
                "--invocations" => options.invocations = number(&option, &value()?, 1, 100_000)? as usize,
                "--memory" => options.memory = number(&option, &value()?, 128, 10_240)?,
                "--init-timeout" => options.init_timeout = number(&option, &value()?, 1, 900)?,
                "--config" => options.config = Some(value()?.into()),
                "--extension" => options.extension = Some(value()?.into()),
                "--env" => {
                    let text = value()?;
                    let (name, value) = text.split_once('=').ok_or("--env wants NAME=VALUE")?;
                    options.env.push((name.into(), value.into()));
                }
                "--rootfs" => options.rootfs = Some(value()?.into()),
                "--emulator" => options.emulator = Some(value()?.into()),
                "--nameserver" => {
                    let text = value()?;
                    let address = text
                        .parse()
                        .map_err(|_| format!("--nameserver wants an IP address, not {text:?}"))?;
                    options.nameserver = Some(address);
                }
                "--json-logs" => options.json_logs = true,
                "--framed-logs" => options.framed_logs = true,
                "--json" => options.json = true,
                "--runtime" => {
                    let path = value()?.into();
                    options.runtime = Some(Program { path, args: args.by_ref().collect() });
                }
                "--entrypoint" => {
                    let path = value()?.into();
                    options.entrypoint = Some(Program { path, args: args.by_ref().collect() });
                }
                "--help" | "-h" => return Ok(None),
                // Who does not know that `cargo demo` passes everything on writes this first.
                "--" => {}
                _ => return Err(format!("{option} is no option\n\n{USAGE}")),
            }
        }
        Ok(Some(options))
    }
}

fn number(option: &str, text: &str, least: u32, most: u32) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("{option} wants a number from {least} to {most}, not {text:?}")),
    }
}
