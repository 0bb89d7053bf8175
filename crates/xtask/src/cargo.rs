//! Running cargo and other programs, visibly.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use xtask::{root, say};

/// A cargo command in the workspace's root, without its arguments.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(program());
    command.current_dir(root());
    command
}

/// Says what is run, runs it, and fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    say!("  $ {}", line(command));
    let status = command
        .status()
        .with_context(|| format!("start {}", line(command)))?;
    if !status.success() {
        bail!("{} ({status})", line(command));
    }
    Ok(())
}

/// Runs it quietly and takes what it prints.
pub(crate) fn read(command: &mut Command) -> Result<Vec<u8>> {
    say!("  $ {}", line(command));
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start {}", line(command)))?;
    if !output.status.success() {
        bail!("{} ({})", line(command), output.status);
    }
    Ok(output.stdout)
}

/// The folder into which cargo puts the programs it builds: where this one came from.
pub(crate) fn built() -> Result<PathBuf> {
    let this = env::current_exe().context("find this program's own file")?;
    this.parent()
        .map(PathBuf::from)
        .context("this program lies in no folder")
}

/// A C compiler cannot be supplied here, only named.
pub(crate) fn check_compiler() -> Result<()> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    if works(Command::new(compiler).arg("--version")) {
        return Ok(());
    }
    bail!("a C compiler is missing, which zstd and aws-lc need.\n  Debian: apt-get install gcc libc6-dev")
}

/// Nor can a component of the Rust toolchain.
pub(crate) fn check_component(subcommand: &str, debian: &str) -> Result<()> {
    if works(cargo().args([subcommand, "--version"])) {
        return Ok(());
    }
    let component = if subcommand == "fmt" {
        "rustfmt"
    } else {
        subcommand
    };
    bail!(
        "cargo {subcommand} is missing.\n  with rustup: rustup component add {component}\n  \
         Debian: apt-get install {debian}"
    )
}

fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What a person would type.
fn line(command: &Command) -> String {
    let word = |word: &OsStr| word.to_string_lossy().into_owned();
    let first = if command.get_program() == program() {
        "cargo".to_owned()
    } else {
        word(command.get_program())
    };
    std::iter::once(first)
        .chain(command.get_args().map(word))
        .collect::<Vec<_>>()
        .join(" ")
}
