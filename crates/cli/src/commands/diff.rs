//! `etcd-backup diff`

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use clap::Args;
use etcd_backup_snapshot::inspect::{DiffCounts, DiffOptions, DiffSummary, Difference, KeyVersion, diff};
use serde::Serialize;

use crate::{
    commands::wait,
    exit::Failure,
    output::{Column, Format, Listing, note, print},
    size,
    store::{BackupFlags, Source, of_inspect},
};

/// Compare two snapshots key by key
///
/// They may be of one cluster or of two, or the same file at two revisions. Values are compared and never shown.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Diff {
    /// The first: a file, a bucket's newest backup, or one that `list` names
    #[arg(value_name = "BEFORE")]
    first: Source,

    /// The second
    #[arg(value_name = "AFTER")]
    second: Source,

    /// Only keys that begin so
    #[arg(long, default_value = "", value_name = "TEXT")]
    prefix: OsString,

    /// The first at this revision
    #[arg(long, value_name = "REVISION")]
    before_revision: Option<i64>,

    /// The second at this revision
    #[arg(long, value_name = "REVISION")]
    after_revision: Option<i64>,

    /// Only numbers, by Kubernetes resource
    #[arg(long)]
    summary: bool,

    /// At most so many keys; 0 for all, which are held in memory until they are printed
    #[arg(long, default_value_t = 1000, value_name = "COUNT")]
    limit: usize,

    #[command(flatten)]
    backup: BackupFlags,
}

const EXAMPLES: &str = "\
Examples:
  etcd-backup diff before.db after.db --prefix /registry/deployments/
  etcd-backup diff --summary s3://backups/etcd/kube-system/prod/cdf818194e3a8c32/20261123T060000Z-abcdefgh after.db";

const KEYS: &[Column] = &[
    Column::new("CHANGE"),
    Column::new("KEY"),
    Column::new("BEFORE"),
    Column::new("AFTER"),
];

const NUMBERS: &[Column] = &[
    Column::new("WHAT"),
    Column::new("ADDED"),
    Column::new("REMOVED"),
    Column::new("CHANGED"),
];

#[derive(Debug, Serialize)]
struct Data {
    differences: Vec<Difference>,
    summary: DiffSummary,
}

pub(crate) fn run(asked: &Diff, format: Option<Format>) -> Result<(), Failure> {
    let (before, after) = wait(async {
        let before = asked.backup.look_into(&asked.first).await?;
        let after = asked.backup.look_into(&asked.second).await?;
        Ok::<_, Failure>((before, after))
    })?;
    let options = DiffOptions {
        prefix: asked.prefix.clone().into_vec(),
        before: asked.before_revision,
        after: asked.after_revision,
        ..DiffOptions::default()
    };
    let limit = match (asked.summary, asked.limit) {
        (true, _) => 0,
        (false, 0) => usize::MAX,
        (false, limit) => limit,
    };
    let failed = |error| of_inspect("the comparison", &error);
    let mut pairs = diff(&before, &after, &options).map_err(failed)?;
    let mut differences = Vec::new();
    let mut cut = 0_u64;
    for difference in pairs.by_ref() {
        let difference = difference.map_err(failed)?;
        if differences.len() < limit {
            differences.push(difference);
        } else {
            cut += 1;
        }
    }
    let summary = pairs.summary();
    if summary.diverged > 0 {
        note(&format!(
            "{} keys have the same revision and different values: these snapshots are not of one history",
            summary.diverged
        ));
    }
    if asked.summary {
        let listing = Listing {
            columns: NUMBERS,
            rows: numbers(&summary),
            data: summary,
        };
        return print(&listing.show(format)?);
    }
    let listing = Listing {
        columns: KEYS,
        rows: differences.iter().map(row).collect(),
        data: Data { differences, summary },
    };
    print(&listing.show(format)?)?;
    if listing.rows.is_empty() && cut == 0 {
        note("no key differs");
    }
    if cut > 0 {
        note(&format!("{cut} more are not shown: --limit 0, or --summary"));
    }
    Ok(())
}

fn row(difference: &Difference) -> Vec<String> {
    vec![
        format!("{:?}", difference.kind).to_lowercase(),
        difference.key.to_string(),
        version(difference.before.as_ref()),
        version(difference.after.as_ref()),
    ]
}

fn version(version: Option<&KeyVersion>) -> String {
    version.map_or_else(
        || "-".to_owned(),
        |version| {
            format!(
                "revision {}, {}",
                version.mod_revision,
                size::human(version.value_bytes)
            )
        },
    )
}

fn numbers(summary: &DiffSummary) -> Vec<Vec<String>> {
    let row = |what: &str, counts: &DiffCounts| {
        vec![
            what.to_owned(),
            counts.added.to_string(),
            counts.removed.to_string(),
            counts.changed.to_string(),
        ]
    };
    let mut rows: Vec<_> = summary
        .resources
        .iter()
        .map(|group| row(&group.name, &group.counts))
        .collect();
    rows.push(row("other", &summary.other_resources));
    rows.push(row("total", &summary.total));
    rows
}
