//! Room on the disk, looked at before it is missed: servers without it fail in a hundred ways that do not name it.

use std::{env, path::Path};

use anyhow::{Context, Result, bail};
use rustix::fs::statvfs;

use crate::cargo::built;

/// What a tier builds and its servers write, with some to spare: etcd alone allocates 64 MB for each log, and a node's
/// images are unpacked twice.
const NEEDED: u64 = 4 << 30;

/// Fails when what is built or what the tests write would fill a disk.
pub(super) fn check() -> Result<()> {
    enough(&built()?, "CARGO_TARGET_DIR")?;
    enough(&env::temp_dir(), "TMPDIR")
}

fn enough(folder: &Path, variable: &str) -> Result<()> {
    let room =
        statvfs(folder).with_context(|| format!("see how much room there is in {}", folder.display()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free >= NEEDED {
        return Ok(());
    }
    let gib = |bytes: u64| bytes >> 30;
    bail!(
        "less than {} GiB are free in {} and {} are needed.\n  Free some, or let {variable} name a folder elsewhere",
        gib(free) + 1,
        folder.display(),
        gib(NEEDED)
    )
}
