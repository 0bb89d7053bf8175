//! Builds what is pinned, with the Go toolchain, into the user's cache.

use std::{
    fs,
    path::Path,
    process::{Command, id},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use super::{
    find::{Found, find},
    pinned::{Program, Set},
    version::Version,
};
use crate::say;

/// Finds every program of a set, building those that are not there. Says what it does.
pub fn provide(set: &Set) -> Result<()> {
    let mut missing = Vec::new();
    for program in &set.programs {
        match find(set, &program.name) {
            Some(Found { path, origin }) => say!(
                "  {:<10} {:<14} {origin}: {}",
                set.name,
                program.name,
                path.display()
            ),
            None => missing.push(program),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing
        .iter()
        .map(|program| &*program.name)
        .collect::<Vec<_>>()
        .join(", ");
    say!(
        "  {:<10} building {names} {} (the first time takes a while) …",
        set.name,
        set.version
    );
    let start = Instant::now();
    build(set, &missing)?;
    say!(
        "  {:<10} built in {} s: {}",
        set.name,
        start.elapsed().as_secs(),
        set.cache().display()
    );
    Ok(())
}

/// All at once: while one is linked, which takes one processor, what others need is compiled.
fn build(set: &Set, programs: &[&Program]) -> Result<()> {
    check_go()?;
    set.check_headers()?;
    let folder = set.cache();
    // Built beside their places and renamed: a second build at the same time, or one that is killed, leaves no half file.
    let unfinished = folder.join(format!(".unfinished-{}", id()));
    fs::create_dir_all(&unfinished).with_context(|| format!("make {}", unfinished.display()))?;
    let result = go_build(set, programs, &unfinished);
    let placed = result.and_then(|()| {
        programs.iter().try_for_each(|program| {
            let path = folder.join(&program.name);
            fs::rename(unfinished.join(program.file()), &path)
                .with_context(|| format!("put {} in place", path.display()))
        })
    });
    // What went wrong before is what to report; an empty folder harms nobody.
    let _ = fs::remove_dir_all(&unfinished);
    placed
}

fn go_build(set: &Set, programs: &[&Program], output: &Path) -> Result<()> {
    let settings = set.settings();
    let status = Command::new("go")
        .current_dir(set.source())
        .env("CGO_ENABLED", if settings.cgo { "1" } else { "0" })
        // Exactly what go.sum pins, whatever a developer's own go.work or flags say.
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        .args(["build", "-trimpath", "-tags", settings.tags])
        .args(["-ldflags", &settings.ldflags, "-o"])
        .arg(output)
        .args(programs.iter().map(|program| &program.package))
        .status()
        .context("start go")?;
    if !status.success() {
        bail!("go could not build the programs of tools/{} ({status})", set.name);
    }
    Ok(())
}

/// Go 1.21 is the first that fetches the toolchain which a `go.mod` asks for.
const OLDEST_GO: &str = "1.21.0";

fn check_go() -> Result<()> {
    const HINT: &str = "the Go toolchain builds the real servers; any release since 1.21 does, and fetches what it \
                        needs beyond that.\n  Debian: apt-get install golang-go (before Debian 13: from backports)\n  \
                        others: https://go.dev/doc/install";
    let output = match Command::new("go").arg("version").output() {
        Ok(output) if output.status.success() => output,
        _ => bail!("go is missing: {HINT}"),
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // Before 1.21 a first release had no third number.
    match (Version::parse(&said), Version::parse(OLDEST_GO)) {
        (Some(found), Some(oldest)) if found >= oldest => Ok(()),
        _ => bail!("{} is too old: {HINT}", said.trim()),
    }
}
