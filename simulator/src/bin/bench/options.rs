//! The benchmark's command line.

use std::path::PathBuf;

/// What can be measured, in this order.
const PARTS: [&str; 6] = ["start", "invocation", "relay", "backlog", "outage", "instructions"];

/// What the user wants.
pub struct Options {
    pub extension: Option<PathBuf>,
    pub runs: usize,
    pub parts: Vec<String>,
    pub json: bool,
}

pub const USAGE: &str = "cargo bench-lambda [options] [PART...]

Measures the collector's release binary in the simulated Lambda. The parts, all of them unless some are named:
  start          process start to the first `next`, CPU time and memory until then, size of the binary
  invocation     the time an invocation is held, and CPU time, with 10 spans and a healthy backend
  relay          CPU time of a relayed span, with and without gzip
  backlog        memory while 100,000 spans wait for a dead backend
  outage         the function's own requests and the time it is held while the backend is out of order
  instructions   CPU instructions of the operations on a batch, by callgrind (takes valgrind)

  --runs N           how often to measure each figure (30)
  --extension PATH   measure this binary of the collector instead
  --json             print JSON";

impl Options {
    /// `None` if the user wants help.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
        let mut options = Options { extension: None, runs: 30, parts: Vec::new(), json: false };
        while let Some(option) = args.next() {
            let mut value = || args.next().ok_or(format!("{option} wants a value\n\n{USAGE}"));
            match option.as_str() {
                "--extension" => options.extension = Some(value()?.into()),
                "--runs" => {
                    let runs = value()?;
                    let number = runs.parse().ok().filter(|number| (1..=10_000).contains(number));
                    options.runs = number.ok_or(format!("--runs {runs}: 1 to 10000 is expected"))?;
                }
                "--json" => options.json = true,
                "--help" | "-h" => return Ok(None),
                // Who does not know that `cargo bench-lambda` passes everything on writes this first.
                "--" => {}
                part if PARTS.contains(&part) => options.parts.push(option),
                _ => return Err(format!("{option} is neither an option nor a part\n\n{USAGE}")),
            }
        }
        if options.parts.is_empty() {
            options.parts = PARTS.map(String::from).into();
        }
        Ok(Some(options))
    }
}
