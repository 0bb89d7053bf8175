//! `etcd-backup fetch`

use std::{io, path::PathBuf};

use clap::Args;

use crate::{
    commands::{runtime, snapshot::status},
    exit::Failure,
    interrupt,
    output::{Format, print},
    part::Part,
    store::{BackupFlags, Source},
};

/// Download a backup as a plain snapshot file
///
/// It is decrypted and decompressed, and proved from its first byte to its last; only then the file gets its name. What is
/// written is what `etcdctl snapshot save` would have written, and `etcdutl snapshot restore` accepts it. It holds every
/// secret of the cluster: only its owner can read it.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Fetch {
    /// `s3://bucket/prefix` for its newest backup, or the address of one as `list` names it
    #[arg(value_name = "BACKUP")]
    source: Source,

    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Replace FILE if it exists
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    backup: BackupFlags,
}

const EXAMPLES: &str = "\
Examples:
  etcd-backup fetch s3://backups/etcd newest.db
  etcd-backup fetch s3://backups/etcd --plan kube-system/prod --before 2026-11-23T06:00:00Z before-the-accident.db";

pub(crate) fn run(fetch: &Fetch, format: Option<Format>) -> Result<(), Failure> {
    let Source::Backup { store, location } = &fetch.source else {
        return Err(fetch.source.is_no_backup(
            "only a backup in a store can be fetched, and this names a file",
            "`etcd-backup verify FILE` proves a file",
        ));
    };
    let (report, url) = runtime()?.block_on(interrupt::unless(async {
        // Before anything is read for nothing.
        let mut part = Part::create(&fetch.file, fetch.overwrite)?;
        let (chosen, identities) = fetch.backup.find(store, location.as_ref()).await?;
        chosen.warn();
        let cannot = |error: &io::Error| {
            let size = chosen.entry.manifest.snapshot.size;
            let what = format!("cannot write {} with its {size} bytes", fetch.file.display());
            Failure::storage(what, error)
        };
        let report = chosen.prove_into(identities.as_ref(), &mut part, cannot).await?;
        part.keep()?;
        Ok::<_, Failure>((report, chosen.url()))
    }))?;
    let file = fetch.file.display();
    print(&match format {
        Some(format) => status::show(&report, format)?,
        None => format!(
            "Fetched {url}\nas {file}\n{}",
            status::show(&report, Format::Wide)?
        ),
    })
}
