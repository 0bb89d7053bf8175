//! `etcd-backup inspect usage`

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use clap::Args;
use etcd_backup_snapshot::inspect::{Sizes, Usage as Used, UsageOptions};

use super::{From, failed};
use crate::{
    exit::Failure,
    output::{Column, Format, Listing, print},
    size,
};

/// Show what fills the database, by Kubernetes resource or by prefix, and the largest and most often changed keys
#[derive(Debug, Args)]
pub(crate) struct Usage {
    /// Only keys that begin so
    #[arg(long, default_value = "", value_name = "TEXT")]
    prefix: OsString,

    /// After how many parts of a key, between slashes, a prefix ends
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    depth: usize,

    /// How many of the largest and of the most often changed keys to name
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    top: usize,

    // After the others: its headings would go over to them.
    #[command(flatten)]
    from: From,
}

const COLUMNS: &[Column] = &[
    Column::new("WHAT"),
    Column::new("KEYS"),
    Column::new("LIVE"),
    Column::new("WITH HISTORY"),
    Column::new("RECORDS"),
    Column::wide("ENCRYPTED"),
];

pub(super) fn run(usage: &Usage, format: Option<Format>) -> Result<(), Failure> {
    let snapshot = usage.from.open()?;
    let options = UsageOptions {
        prefix: usage.prefix.clone().into_vec(),
        depth: usage.depth,
        top: usage.top,
        ..UsageOptions::default()
    };
    let used = snapshot.usage(&options).map_err(|error| failed(&error))?;
    let listing = Listing {
        columns: COLUMNS,
        rows: rows(&used),
        data: used,
    };
    print(&listing.show(format)?)
}

/// Resources where there are any, else prefixes; then single keys; then the sum.
fn rows(used: &Used) -> Vec<Vec<String>> {
    let (groups, other) = if used.resources.is_empty() {
        (&used.prefixes, &used.other_prefixes)
    } else {
        (&used.resources, &used.other_resources)
    };
    let mut rows: Vec<_> = groups
        .iter()
        .map(|group| row(group.name.clone(), &group.sizes))
        .collect();
    if other.records > 0 {
        rows.push(row("other".to_owned(), other));
    }
    let titled = [
        ("largest", &used.largest),
        ("most often changed", &used.most_changed),
    ];
    for (title, keys) in titled {
        rows.extend(keys.iter().map(|key| {
            vec![
                format!("{title}: {}", key.key),
                String::new(),
                size::human(key.live_bytes),
                size::human(key.bytes),
                key.records.to_string(),
            ]
        }));
    }
    rows.push(row("total".to_owned(), &used.total));
    rows
}

fn row(what: String, sizes: &Sizes) -> Vec<String> {
    vec![
        what,
        sizes.keys.to_string(),
        size::human(sizes.live_bytes),
        size::human(sizes.bytes),
        sizes.records.to_string(),
        sizes.encrypted_keys.to_string(),
    ]
}
