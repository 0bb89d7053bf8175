//! `etcd-backup inspect summary`

use clap::Args;
use etcd_backup_snapshot::inspect::{Counts, Header};
use serde::Serialize;

use super::{From, failed};
use crate::{
    exit::Failure,
    output::{Column, Format, Listing, print},
    size,
};

/// Show revisions, versions and what the buckets hold
#[derive(Debug, Args)]
pub(crate) struct Summary {
    #[command(flatten)]
    from: From,
}

const COLUMNS: &[Column] = &[Column::new("BUCKET"), Column::new("ENTRIES"), Column::new("SIZE")];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(flatten)]
    header: Header,
    #[serde(flatten)]
    counts: Counts,
}

pub(super) fn run(summary: &Summary, format: Option<Format>) -> Result<(), Failure> {
    let snapshot = summary.from.open()?;
    let counts = snapshot.counts().map_err(|error| failed(&error))?;
    let header = snapshot.header().clone();
    let rows = counts
        .buckets
        .iter()
        .map(|bucket| {
            vec![
                bucket.name.clone(),
                bucket.entries.to_string(),
                size::human(bucket.page_bytes),
            ]
        })
        .collect();
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "not recorded".to_owned());
    let head = format!(
        "revision {}, history since {}; {} keys, {} records ({} deletions)\ndatabase {}, {} of it free; cluster version {}, storage version {}\n\n",
        header.revision,
        header.compact_revision.max(1),
        counts.keys,
        counts.records,
        counts.deletions,
        size::human(header.database_bytes),
        size::human(counts.free_bytes),
        known(&header.cluster_version),
        known(&header.storage_version),
    );
    let listing = Listing {
        columns: COLUMNS,
        rows,
        data: Data { header, counts },
    };
    match format {
        None | Some(Format::Table | Format::Wide) => print(&format!("{head}{}", listing.show(format)?)),
        _ => print(&listing.show(format)?),
    }
}
