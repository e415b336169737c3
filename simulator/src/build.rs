//! Building the programs of this workspace, for programs that run them.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds a program of this workspace, in the profile and into the directory of this one, and says where it is.
///
/// # Errors
/// If it does not build.
pub fn built(package: &str, binary: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let mut command = cargo("build");
    command.args(["--package", package, "--bin", binary]);
    if !std::io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err(format!("{package} does not build").into());
    }
    let own = std::env::current_exe()?;
    Ok(own.parent().ok_or("this program has no directory")?.join(binary))
}

/// A cargo command in this workspace.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).current_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")));
    command
}
