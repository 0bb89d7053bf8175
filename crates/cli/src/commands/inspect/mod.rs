//! `etcd-backup inspect`

mod get;
mod history;
mod keys;
mod summary;
mod usage;

use clap::{Args, Subcommand};
use etcd_backup_snapshot::inspect::{InspectError, Snapshot, ValueKind};

use crate::{
    commands::wait,
    exit::Failure,
    output::Format,
    store::{BackupFlags, Source, of_inspect},
};

/// Look into a backup or a snapshot file: what is in it, and what fills it
///
/// Nothing is loaded: memory does not grow with the file, only with what is listed. A backup is fetched and proved first. Values are secrets, and only
/// `get` shows one.
#[derive(Debug, Subcommand)]
pub(crate) enum Inspect {
    Summary(summary::Summary),
    Keys(keys::Keys),
    Get(get::Get),
    History(history::History),
    Usage(usage::Usage),
}

/// What every verb of these is told.
#[derive(Debug, Args)]
struct From {
    /// A snapshot file, `s3://bucket/prefix` for its newest backup, or the address of one as `list` names it
    #[arg(value_name = "BACKUP|FILE")]
    source: Source,

    #[command(flatten)]
    backup: BackupFlags,
}

impl From {
    fn open(&self) -> Result<Snapshot, Failure> {
        wait(self.backup.look_into(&self.source))
    }
}

pub(crate) fn run(inspect: &Inspect, format: Option<Format>) -> Result<(), Failure> {
    match inspect {
        Inspect::Summary(summary) => summary::run(summary, format),
        Inspect::Keys(keys) => keys::run(keys, format),
        Inspect::Get(get) => get::run(get, format),
        Inspect::History(history) => history::run(history, format),
        Inspect::Usage(usage) => usage::run(usage, format),
    }
}

fn failed(error: &InspectError) -> Failure {
    of_inspect("the snapshot", error)
}

/// A kind of value in a cell of a table.
fn kind(kind: &ValueKind) -> String {
    match kind {
        ValueKind::Protobuf { api_version, kind }
        | ValueKind::Json {
            api_version: Some(api_version),
            kind: Some(kind),
        } => format!("{api_version} {kind}"),
        ValueKind::Json { .. } => "json".to_owned(),
        ValueKind::Encrypted { provider, .. } => format!("encrypted ({provider})"),
        other => format!("{other:?}").to_lowercase(),
    }
}
