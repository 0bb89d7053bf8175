//! The volumes of a cluster that has no nodes: directories.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use harness::scratch;
use tempfile::TempDir;

/// Where volumes are.
#[derive(Debug)]
pub(in crate::operator) struct Disk(TempDir);

impl Disk {
    pub(in crate::operator) fn new() -> Result<Self> {
        scratch::folder("disk").map(Self)
    }

    /// Where containers log.
    pub(in crate::operator) fn logs(&self) -> Result<PathBuf> {
        let logs = self.0.path().join("logs");
        fs::create_dir_all(&logs).context("make the folder for logs")?;
        Ok(logs)
    }

    /// Of a claim.
    pub(in crate::operator) fn claim(&self, name: &str) -> PathBuf {
        self.0.path().join("claims").join(name)
    }

    /// A directory of a node.
    pub(in crate::operator) fn directory(&self, node: &str, path: &str) -> PathBuf {
        let node = self.0.path().join("nodes").join(node);
        node.join(path.trim_start_matches('/'))
    }
}

/// Writes what looks like a member's data, to be found again.
pub(in crate::operator) fn plant(data_dir: &Path) -> Result<()> {
    let folder = data_dir.join("member/snap");
    fs::create_dir_all(&folder).context("make a data directory")?;
    fs::write(folder.join("db"), OLD).context("plant old data")
}

/// What [`plant`] plants.
const OLD: &str = "what was there before";

/// Whether the old data is in place, and nothing else is there.
pub(in crate::operator) fn is_untouched(data_dir: &Path) -> bool {
    holds_old(data_dir, "member") && names(data_dir) == ["member"]
}

/// Whether a directory beside or instead of `member` holds the old data.
pub(in crate::operator) fn holds_old(data_dir: &Path, name: &str) -> bool {
    fs::read_to_string(data_dir.join(name).join("snap/db")).is_ok_and(|text| text == OLD)
}

/// What is in a directory.
pub(in crate::operator) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
