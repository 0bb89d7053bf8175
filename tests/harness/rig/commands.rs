//! Programs that do one thing and end.

use std::{ffi::OsStr, process::Command};

use anyhow::{Context, Result, bail};

/// Runs a program with these arguments; an error holds what it said.
pub(super) fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = command.output().with_context(|| format!("start {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ({}): {}", output.status, said.trim());
    }
    Ok(())
}
