//! `etcd-backup snapshot save`

mod file;
mod member;
mod store;
mod written;

use clap::Args;
use etcd_backup_backup::layout::ClusterId;
use etcd_backup_etcd::ChoosePolicy;
use written::Written;

use crate::{
    commands::runtime,
    connection::Connection,
    exit::{Exit, Failure},
    output::{Format, print},
    store::{Address, cluster_id},
};

/// Save a snapshot of a live member to a file or straight to a store
///
/// The member is chosen among the endpoints: a healthy follower before the leader, none that lags, is corrupt or has no vote. While the snapshot
/// arrives, its checksum, its structure and its records are checked; it must hold everything that the cluster had confirmed before it was taken.
/// Only then it gets its name. A snapshot that bore it is replaced then, as etcdctl does; anything else of that name is left alone.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Save {
    /// FILE, `file:///directory` or `s3://bucket/prefix`. A file is the plain snapshot, as etcdctl writes it; a store gets what the operator writes:
    /// snapshot and manifest below PREFIX/NAMESPACE/NAME
    #[arg(value_name = "DESTINATION")]
    to: Address,

    /// Replace FILE even if what is there is no snapshot
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

pub(crate) fn run(save: &Save, connection: &Connection, format: Option<Format>) -> Result<(), Failure> {
    let config = connection.config()?;
    let written: Written = runtime()?.block_on(async {
        let quest = member::Quest::new(config, save.policy())?;
        match &save.to {
            Address::File(path) => file::save(quest, path, save.overwrite).await,
            Address::S3 { .. } | Address::Directory(_) if save.overwrite => Err(Failure::new(
                Exit::Usage,
                "--overwrite is for files: nothing in a store is ever overwritten",
            )),
            to => store::save(quest, to, &save.store).await,
        }
    })?;
    print(&written.show(format.unwrap_or(Format::Simple))?)
}
