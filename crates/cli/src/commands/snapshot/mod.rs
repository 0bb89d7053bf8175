//! `etcd-backup snapshot`

mod save;
pub(crate) mod status;

use clap::Subcommand;

use crate::{
    commands::restore::{self, Restore},
    connection::Connection,
    exit::Failure,
    output::Format,
};

/// Verbs about snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    Save(Box<save::Save>),
    Status(status::Status),
    // Where etcdutl has it.
    Restore(Box<Restore>),
}

pub(crate) fn run(
    snapshot: Snapshot,
    connection: &Connection,
    format: Option<Format>,
) -> Result<(), Failure> {
    match snapshot {
        Snapshot::Save(save) => save::run(&save, connection, format),
        Snapshot::Status(status) => status::run(&status, format),
        Snapshot::Restore(restore) => restore::run(&restore, format),
    }
}
