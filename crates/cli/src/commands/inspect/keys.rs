//! `etcd-backup inspect keys`

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use clap::Args;
use etcd_backup_snapshot::inspect::{KeyInfo, Selection};
use serde::Serialize;

use super::{From, failed, kind};
use crate::{
    exit::Failure,
    output::{Column, Format, Listing, note, print},
    size,
};

/// List keys in ascending order, without values
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// Only keys that begin so, such as /registry/secrets/
    #[arg(long, default_value = "", value_name = "TEXT")]
    prefix: OsString,

    /// As they were at this revision, which must not be older than the snapshot's last compaction
    #[arg(long, value_name = "REVISION")]
    revision: Option<i64>,

    /// Only keys behind this one
    #[arg(long, value_name = "KEY")]
    after: Option<OsString>,

    /// At most so many; 0 for all, which are held in memory until they are printed
    #[arg(long, default_value_t = 1000, value_name = "COUNT")]
    limit: usize,

    // After the others: its headings would go over to them.
    #[command(flatten)]
    from: From,
}

const COLUMNS: &[Column] = &[
    Column::new("KEY"),
    Column::new("REVISION"),
    Column::new("VERSION"),
    Column::new("SIZE"),
    Column::new("KIND"),
    Column::wide("CREATED"),
    Column::wide("LEASE"),
];

#[derive(Debug, Serialize)]
struct Data {
    keys: Vec<KeyInfo>,
    /// The key to go on `--after`, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<String>,
}

pub(super) fn run(keys: &Keys, format: Option<Format>) -> Result<(), Failure> {
    let snapshot = keys.from.open()?;
    let selection = Selection {
        prefix: keys.prefix.clone().into_vec(),
        after: keys.after.clone().map(OsString::into_vec),
        revision: keys.revision,
    };
    let limit = if keys.limit == 0 { usize::MAX } else { keys.limit };
    let mut found = Vec::new();
    let mut more = None;
    for info in snapshot.keys(&selection).map_err(|error| failed(&error))? {
        let info = info.map_err(|error| failed(&error))?;
        if found.len() == limit {
            more = found.last().map(|last: &KeyInfo| last.key.to_string());
            break;
        }
        found.push(info);
    }
    let listing = Listing {
        columns: COLUMNS,
        rows: found.iter().map(row).collect(),
        data: Data { keys: found, more },
    };
    print(&listing.show(format)?)?;
    if let Some(last) = &listing.data.more {
        note(&format!("there are more: --limit 0, or --after {last}"));
    }
    Ok(())
}

fn row(info: &KeyInfo) -> Vec<String> {
    vec![
        info.key.to_string(),
        info.mod_revision.to_string(),
        info.version.to_string(),
        size::human(info.value_bytes),
        kind(&info.value_kind),
        info.create_revision.to_string(),
        format!("{:x}", info.lease),
    ]
}
