//! Who makes data directories of snapshots: etcd, or we.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    binaries,
    etcd::Version,
    etcdutl::{self, Membership},
};

/// A program that restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restorer {
    /// etcd's own, of the release that will run on it.
    Etcdutl,
    /// `etcd-backup restore`, which keeps revisions as etcdutl does.
    EtcdBackup,
}

impl Restorer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Etcdutl, Self::EtcdBackup];

    /// Restores a snapshot file into a new data directory.
    pub fn restore(
        self,
        version: Version,
        snapshot: &Path,
        data: &Path,
        member: &Membership<'_>,
    ) -> Result<()> {
        match self {
            Self::Etcdutl => etcdutl::restore(version, snapshot, data, member),
            Self::EtcdBackup => {
                let mut command = Command::new(binaries::etcd_backup()?);
                command
                    .arg("restore")
                    .arg(snapshot)
                    .args(["--bump-revision", "0"]);
                command.arg("--data-dir").arg(data);
                command.args(etcdutl::flags(member));
                let output = command.output().context("start etcd-backup")?;
                ensure!(
                    output.status.success(),
                    "{command:?} ended with {}: {}",
                    output.status,
                    String::from_utf8_lossy(&output.stderr)
                );
                Ok(())
            }
        }
    }
}
