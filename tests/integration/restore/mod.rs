//! Our restores under real etcd: it starts on them with its own checks on, and holds what the snapshot held.

mod checked;
mod cluster;
mod full_disk;
mod killed;
mod program;
mod runs;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
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
        let older = (older, client.hash_kv(older).await?.hash());
        let folder = scratch::folder("saved")?;
        let path = folder.path().join("snapshot.db");
        let mut save = Command::new(binaries::tool(version.set(), "etcdctl")?);
        save.arg("--endpoints").arg(etcd.member(0).endpoint());
        save.args(["snapshot", "save"]).arg(&path);
        ensure!(
            save.output()?.status.success(),
            "etcdctl could not save a snapshot"
        );
        let answer = client.hash_kv(0).await?;
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

/// Where etcd's log of a member is.
pub(crate) fn log_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}
