//! The command line.

use std::fmt::Write;

use config::Env;
use exporters::auth::Shared;
use pipeline::{Budget, Host};
use receivers::telemetryapi::Feed;

use crate::assembly::Assembler;

/// What the process was asked to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Run: as an extension inside Lambda, as an ordinary collector elsewhere.
    Run,
    /// Say what is wrong with the configuration.
    Validate,
    /// List the components that a configuration may name.
    Components,
    /// Show the configuration as it is understood, secrets masked.
    PrintConfig,
    /// Show name and version.
    Version,
    /// Show how to call.
    Help,
}

/// How to call, for `--help` and for mistakes.
pub const USAGE: &str = "\
Usage: otelcol-lambda [--config URI ...] [validate | components | print-config]

Without a command it runs: inside Lambda as an extension, elsewhere as an ordinary collector.

  validate        say what is wrong with the configuration, and end with status 1 if anything is
  components      list the components that a configuration may name
  print-config    show the configuration as it is understood, secrets masked

  --config URI    read the configuration from there instead of looking it up; several are merged, later ones win.
                  URI is a path, file:PATH, env:NAME, yaml:TEXT, https://HOST/PATH, s3://BUCKET/KEY,
                  secretsmanager:NAME or ssm:NAME
  --version, -v   show the version
  --help, -h      show this
";

/// Reads the command line: the command, and the configuration URIs if any are named.
///
/// # Errors
/// What cannot be understood.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<(Command, Vec<String>), String> {
    let mut command = None;
    let mut uris = Vec::new();
    while let Some(argument) = arguments.next() {
        let named = match argument.as_str() {
            "--config" => {
                uris.push(arguments.next().ok_or("--config needs a URI after it")?);
                continue;
            }
            "validate" => Command::Validate,
            "components" => Command::Components,
            "print-config" => Command::PrintConfig,
            "--version" | "-v" => Command::Version,
            "--help" | "-h" | "help" => Command::Help,
            other => {
                let uri =
                    other.strip_prefix("--config=").ok_or_else(|| format!("unknown argument {other:?}"))?;
                uris.push(uri.into());
                continue;
            }
        };
        if command.replace(named).is_some() {
            return Err(format!("one command at a time: {argument:?} is the second"));
        }
    }
    Ok((command.unwrap_or(Command::Run), uris))
}

/// The components, in the shape of the Collector's own `components` command.
pub fn components() -> String {
    let mut text =
        format!("buildinfo:\n    command: otelcol-lambda\n    version: {}\n", env!("CARGO_PKG_VERSION"));
    // Nothing is built, so neither environment nor budget matters.
    let env = Env::default();
    for (section, components) in
        Assembler::new(&env, &Budget::new(0), &Host::default(), &Feed::default(), Shared::default()).names()
    {
        let _ = writeln!(text, "{}:", section.key());
        for (name, aliases) in components {
            let _ = writeln!(text, "    - name: {name}");
            if !aliases.is_empty() {
                let _ = writeln!(text, "      aliases: [{}]", aliases.join(", "));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<(Command, Vec<String>), String> {
        parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn without_arguments_it_runs() {
        assert_eq!(parsed(""), Ok((Command::Run, vec![])));
    }

    #[test]
    fn a_command_may_stand_before_and_after_its_configurations() {
        let expected = Ok((Command::Validate, vec!["a.yaml".into(), "yaml:b: c".replace(' ', "")]));
        assert_eq!(parsed("--config a.yaml validate --config=yaml:b:c"), expected);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(parsed("--conf x").unwrap_err(), "unknown argument \"--conf\"");
        assert_eq!(parsed("--config").unwrap_err(), "--config needs a URI after it");
        assert_eq!(
            parsed("validate components").unwrap_err(),
            "one command at a time: \"components\" is the second"
        );
    }
}
