//! Where things are in the repository, and how programs are run in it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

/// The repository's top folder.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// This program's file. Remembered, because a build while it runs puts a new one in its place, and
/// the system's answer is then no longer a usable path.
pub(crate) fn own_program() -> Result<&'static Path> {
    static OWN: OnceLock<PathBuf> = OnceLock::new();
    if let Some(own) = OWN.get() {
        return Ok(own);
    }
    let own = env::current_exe().context("cannot find out where xtask itself is")?;
    Ok(OWN.get_or_init(|| own))
}

/// Cargo's target folder: the one this program was built in, wherever that was configured.
pub(crate) fn target() -> Result<PathBuf> {
    let folder = own_program()?.parent().and_then(Path::parent);
    folder.map(Path::to_path_buf).context("xtask must stand in cargo's target folder")
}

/// Announces a step that may take a while.
pub(crate) fn announce(what: &str) {
    println!("==> {what}");
}

/// Cargo, building into [`target`].
pub(crate) fn cargo(arguments: &[&str]) -> Result<Command> {
    let mut command = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).env("CARGO_TARGET_DIR", target()?);
    Ok(command)
}

/// A program that starts in the repository's top folder.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// Runs a program to its end with its output in sight; an error unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", line(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// Runs a program to its end and returns what it wrote to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let result = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", line(command)))?;
    if !result.status.success() {
        bail!("{} ended with {}", line(command), result.status);
    }
    String::from_utf8(result.stdout).with_context(|| format!("output of {}", line(command)))
}

/// The command as a person would type it, for messages.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    format!("`{line}`")
}
