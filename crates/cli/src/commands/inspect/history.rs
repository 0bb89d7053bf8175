//! `etcd-backup inspect history`

use std::{ffi::OsString, os::unix::ffi::OsStrExt};

use clap::Args;
use etcd_backup_snapshot::inspect::{Change, ChangeKind};

use super::{From, failed, kind};
use crate::{
    exit::Failure,
    output::{Column, Format, Listing, print},
    size,
};

/// Show every change of one key that the snapshot still holds
///
/// What a compaction removed is not there: under Kubernetes, that is everything older than five to ten minutes.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// The key
    #[arg(value_name = "KEY", index = 2)]
    wanted: OsString,

    // After the others: its headings would go over to them.
    #[command(flatten)]
    from: From,
}

const COLUMNS: &[Column] = &[
    Column::new("REVISION"),
    Column::new("CHANGE"),
    Column::new("VERSION"),
    Column::new("SIZE"),
    Column::new("KIND"),
    Column::wide("CREATED"),
    Column::wide("LEASE"),
];

pub(super) fn run(history: &History, format: Option<Format>) -> Result<(), Failure> {
    let snapshot = history.from.open()?;
    let changes: Vec<Change> = snapshot
        .history(history.wanted.as_bytes())
        .and_then(Iterator::collect)
        .map_err(|error| failed(&error))?;
    let listing = Listing {
        columns: COLUMNS,
        rows: changes.iter().map(row).collect(),
        data: changes,
    };
    print(&listing.show(format)?)
}

fn row(change: &Change) -> Vec<String> {
    let revision = change.revision.to_string();
    match &change.kind {
        ChangeKind::Delete => vec![revision, "delete".to_owned()],
        ChangeKind::Put {
            create_revision,
            version,
            lease,
            value_bytes,
            value_kind,
        } => vec![
            revision,
            "put".to_owned(),
            version.to_string(),
            size::human(*value_bytes),
            kind(value_kind),
            create_revision.to_string(),
            format!("{lease:x}"),
        ],
    }
}
