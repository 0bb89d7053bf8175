//! `etcd-backup restore` as a process, and a snapshot that keeps it busy for a while.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use harness::{
    binaries,
    etcd::{Etcd, Version},
};

/// Values of the snapshot: so many, of so many bytes. etcd takes no request above 1.5 MiB.
const VALUES: (usize, usize) = (40, 1_000_000);

/// Saves some 40 MB with etcd's own tool.
pub(super) async fn large_snapshot(folder: &Path) -> Result<PathBuf> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let mut client = etcd.client().await?;
    let (count, size) = VALUES;
    for number in 0..count {
        client
            .put(format!("key-{number}"), vec![b'a'; size], None)
            .await?;
    }
    let path = folder.join("snapshot.db");
    super::saved::save(&etcd, &path)?;
    Ok(path)
}

/// The program, untouched by the environment of whoever runs the tests.
pub(super) fn program() -> Result<Command> {
    let mut command = Command::new(binaries::etcd_backup()?);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("ETCD") || text.starts_with("AWS_") {
            command.env_remove(&name);
        }
    }
    Ok(command)
}

/// Whether two directories hold the same files with the same bytes.
pub(super) fn same(left: &Path, right: &Path) -> Result<bool> {
    let keys = harness::oracle::keys(left)?;
    if keys != harness::oracle::keys(right)? {
        return Ok(false);
    }
    for key in keys {
        let (left, right) = (left.join(&key), right.join(&key));
        if fs::metadata(&left)?.len() != fs::metadata(&right)?.len() || fs::read(left)? != fs::read(right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A directory that stands for what was there before: a restore looks into it for nothing but a lock.
pub(super) fn old_directory(path: &Path) -> Result<()> {
    for (file, content) in [
        ("member/snap/db", "the old database"),
        ("member/wal/0.wal", "the old log"),
    ] {
        let file = path.join(file);
        fs::create_dir_all(file.parent().unwrap_or(path))?;
        fs::write(file, content)?;
    }
    Ok(())
}
