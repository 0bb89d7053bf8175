//! `etcd-backup snapshot save`

mod destination;
mod file;
mod interrupt;
mod member;
mod part;
mod store;
mod written;

use std::str::FromStr;

use clap::Args;
use destination::Destination;
use etcd_backup_backup::layout::ClusterId;
use etcd_backup_etcd::ChoosePolicy;
use written::Written;

use crate::{
    commands::runtime,
    connection::Connection,
    exit::{Exit, Failure},
    output::{Format, print},
};

/// Save a snapshot of a live member to a file or straight to a store
///
/// The member is chosen among the endpoints: a healthy follower before the leader, none that lags, is corrupt or has no vote. While the snapshot
/// arrives, its checksum, its structure and its records are checked; it must hold everything that the cluster had confirmed before it was taken.
/// Only then it gets its name.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Save {
    /// FILE, `file:///directory` or `s3://bucket/prefix`. A file is the plain snapshot, as etcdctl writes it; a store gets what the operator writes:
    /// snapshot and manifest below PREFIX/NAMESPACE/NAME
    #[arg(value_name = "DESTINATION")]
    to: Destination,

    /// Replace FILE if it exists
    #[arg(long)]
    overwrite: bool,

    /// Save a member's own state when the cluster has no quorum; it may lack the newest writes
    #[arg(long)]
    allow_degraded: bool,

    /// Refuse any other cluster than this one (`etcdctl endpoint status` shows it)
    #[arg(long, value_name = "HEX", value_parser = cluster_id)]
    cluster_id: Option<ClusterId>,

    #[command(flatten)]
    store: store::StoreOptions,
}

const EXAMPLES: &str = "\
Examples:
  etcd-backup snapshot save backup.db
  etcd-backup snapshot save --endpoints https://10.0.0.1:2379 --cacert ca.crt --cert tls.crt --key tls.key backup.db
  etcd-backup snapshot save s3://backups/etcd --region eu-central-1
  etcd-backup snapshot save s3://backups/etcd --endpoint-url https://minio.example:9000 --plan prod/before-upgrade";

impl Save {
    /// What the member must satisfy, beyond being healthy.
    fn policy(&self) -> ChoosePolicy {
        ChoosePolicy {
            expected_cluster_id: self.cluster_id.map(|id| id.0),
            allow_degraded: self.allow_degraded,
            ..ChoosePolicy::default()
        }
    }
}

pub(crate) fn run(save: &Save, connection: &Connection, format: Format) -> Result<(), Failure> {
    let config = connection.config()?;
    let written: Written = runtime()?.block_on(async {
        let quest = member::Quest::new(config, save.policy())?;
        match &save.to {
            Destination::File(path) => file::save(quest, path, save.overwrite).await,
            Destination::S3 { .. } | Destination::Directory(_) if save.overwrite => Err(Failure::new(
                Exit::Usage,
                "--overwrite is for files: nothing in a store is ever overwritten",
            )),
            to => store::save(quest, to, &save.store).await,
        }
    })?;
    print(&written.show(format))
}

/// With or without zeros in front, as etcdctl leaves them out.
fn cluster_id(text: &str) -> Result<ClusterId, String> {
    ClusterId::from_str(&format!("{text:0>16}"))
        .map_err(|_| "not a cluster id: up to 16 digits 0-9 and a-f".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_id_is_taken_as_etcdctl_prints_it() {
        assert_eq!(
            cluster_id("cdf818194e3a8c32"),
            Ok(ClusterId(0xcdf8_1819_4e3a_8c32))
        );
        assert_eq!(cluster_id("f3"), Ok(ClusterId(0xf3)));
        for wrong in ["", "xyz", "1cdf818194e3a8c32"] {
            assert!(wrong.is_empty() || cluster_id(wrong).is_err(), "{wrong}");
        }
    }
}
