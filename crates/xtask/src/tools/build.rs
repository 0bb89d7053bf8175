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
    for program in &set.programs {
        let name = format!("{:<10} {:<14}", set.name, program.name);
        if let Some(Found { path, origin }) = find(set, &program.name) {
            say!("  {name} {origin}: {}", path.display());
            continue;
        }
        say!(
            "  {name} building {} (the first time takes a while) …",
            set.version
        );
        let start = Instant::now();
        build(set, program)?;
        say!(
            "  {name} built in {} s: {}",
            start.elapsed().as_secs(),
            set.cache().join(&program.name).display()
        );
    }
    Ok(())
}

fn build(set: &Set, program: &Program) -> Result<()> {
    check_go()?;
    set.check_headers()?;
    let folder = set.cache();
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    // Built beside its place and renamed: a second build at the same time, or one that is killed, leaves no half file.
    let unfinished = folder.join(format!(".{}-{}", program.name, id()));
    let result = go_build(set, program, &unfinished);
    let placed = result.and_then(|()| {
        let path = folder.join(&program.name);
        fs::rename(&unfinished, &path).with_context(|| format!("put {} in place", path.display()))
    });
    if placed.is_err() {
        // The failure is what to report; there may be no file at all.
        let _ = fs::remove_file(&unfinished);
    }
    placed
}

fn go_build(set: &Set, program: &Program, output: &Path) -> Result<()> {
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
        .arg(&program.package)
        .status()
        .context("start go")?;
    if !status.success() {
        bail!("go could not build {} ({status})", program.package);
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
