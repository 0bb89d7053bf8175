//! One temporary folder for everything a test process writes.

use std::{fs, path::Path, sync::OnceLock};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::reaper;

static ROOT: OnceLock<TempDir> = OnceLock::new();

/// The folder of this process, readable by this user only. It is removed when the process has ended, however it ended.
pub fn root() -> Result<&'static Path> {
    if ROOT.get().is_none() {
        let folder = tempfile::Builder::new()
            .prefix("etcd-backup-")
            .tempdir()
            .context("make a temporary folder")?;
        // Of two threads that arrive at once, one drops its folder again.
        let _ = ROOT.set(folder);
    }
    let root = ROOT.get().map(TempDir::path).context("no temporary folder")?;
    reaper::remove_at_end(root)?;
    Ok(root)
}

/// A new folder below [`root`], removed when dropped.
pub fn folder(name: &str) -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .tempdir_in(root()?)
        .with_context(|| format!("make a temporary folder for {name}"))
}

/// Removes [`root`] and everything in it now, for a process that tells its user so before it ends.
pub fn clear() -> Result<()> {
    match ROOT.get() {
        Some(folder) if folder.path().exists() => {
            fs::remove_dir_all(folder.path()).with_context(|| format!("remove {}", folder.path().display()))
        }
        _ => Ok(()),
    }
}
