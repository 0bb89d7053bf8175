//! bbolt's own command line: the judge of databases as such.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};

use crate::binaries;

/// Has bbolt check a database's structure: every page reached once or free, every key in order.
pub fn check(database: &Path) -> Result<()> {
    let mut command = program("check", database)?;
    let output = command.output().context("start bbolt")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && said.trim() == "OK",
        "bbolt finds in {}: {said}{}",
        database.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The names of all buckets.
pub fn buckets(database: &Path) -> Result<Vec<String>> {
    lines(program("buckets", database)?.output())
}

/// A bucket's keys and values, both in hexadecimal.
pub fn entries(database: &Path, bucket: &str) -> Result<BTreeMap<String, String>> {
    let mut entries = BTreeMap::new();
    for key in lines(
        program("keys", database)?
            .args([bucket, "--format", "hex"])
            .output(),
    )? {
        let mut get = program("get", database)?;
        get.args([bucket, &key, "--parse-format", "hex", "--format", "hex"]);
        entries.insert(key, lines(get.output())?.concat());
    }
    Ok(entries)
}

fn program(command: &str, database: &Path) -> Result<Command> {
    let mut program = Command::new(binaries::tool("bbolt", "bbolt")?);
    program.arg(command).arg(database);
    Ok(program)
}

fn lines(output: std::io::Result<Output>) -> Result<Vec<String>> {
    let output = output.context("start bbolt")?;
    ensure!(
        output.status.success(),
        "bbolt: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).context("bbolt's answer is no text")?;
    Ok(text.lines().map(ToOwned::to_owned).collect())
}
