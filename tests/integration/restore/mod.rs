//! Our restores under real etcd: it starts on them with its own checks on, and holds what the snapshot held.

mod checked;
mod cluster;
mod downgrade;
mod full_disk;
mod killed;
mod program;
mod runs;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use etcd_client::PutOptions;
use harness::{
    binaries,
    etcd::{Etcd, Version},
    scratch,
};
use tempfile::TempDir;

/// A snapshot of a real member, and what the member says of it.
pub(crate) struct Saved {
    folder: TempDir,
    pub(crate) revision: i64,
    pub(crate) hash: u32,
    /// Likewise at an older revision.
    pub(crate) older: (i64, u32),
    pub(crate) keys: i64,
}

impl Saved {
    /// Puts, changes, deletions, a lease and a compaction, saved by etcd's own tool.
    pub(crate) async fn of(version: Version) -> Result<Self> {
        let etcd = Etcd::start(version).await?;
        let older = fill(&etcd).await?;
        Self::take(&etcd, older).await
    }

    /// What a member holds that was [filled](fill).
    async fn take(etcd: &Etcd, older: (i64, u32)) -> Result<Self> {
        let folder = scratch::folder("saved")?;
        save(etcd, &folder.path().join("snapshot.db"))?;
        let answer = etcd.client().await?.hash_kv(0).await?;
        let revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
        Ok(Self {
            folder,
            revision,
            hash: answer.hash(),
            older,
            keys: 130,
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("snapshot.db")
    }

    pub(crate) fn open(&self) -> Result<fs::File> {
        Ok(fs::File::open(self.path())?)
    }
}

/// Writes what [`Saved`] is made of; gives a revision that is not the last, and the HashKV there.
async fn fill(etcd: &Etcd) -> Result<(i64, u32)> {
    let mut client = etcd.client().await?;
    let lease = client.lease_grant(3600, None).await?.id();
    for number in 0..400 {
        let attached = (number % 7 == 0).then(|| PutOptions::new().with_lease(lease));
        let value = vec![b'v'; number * 11 % 3000];
        client
            .put(format!("key-{}", number % 150), value, attached)
            .await?;
    }
    for number in 0..20 {
        client.delete(format!("key-{}", number * 3), None).await?;
    }
    client.compact(200, None).await?;
    let older = 300;
    Ok((older, client.hash_kv(older).await?.hash()))
}

/// Runs etcd's own client against the first member.
fn etcdctl(etcd: &Etcd, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(binaries::tool(etcd.version.set(), "etcdctl")?);
    command.arg("--endpoints").arg(etcd.member(0).endpoint());
    let output = command.args(arguments).output()?;
    ensure!(
        output.status.success(),
        "etcdctl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Saves a snapshot with etcd's own client.
fn save(etcd: &Etcd, to: &Path) -> Result<()> {
    let to = to.to_str().context("the path is text")?;
    etcdctl(etcd, &["snapshot", "save", to])
}

/// Where etcd's log of a member is.
pub(crate) fn log_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}
