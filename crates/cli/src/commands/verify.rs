//! `etcd-backup verify`

use clap::Args;
use etcd_backup_snapshot::Report;

use crate::{
    commands::{snapshot::status, wait},
    exit::Failure,
    output::{Format, print},
    store::{BackupFlags, Source},
};

/// Read a backup or a file from its first byte to its last and prove it
///
/// A backup is decrypted and decompressed, its checksum, structure and records are checked as if it had just come from
/// etcd, and what they say is compared with its manifest. Nothing is written anywhere.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Verify {
    /// `s3://bucket/prefix` for its newest backup, the address of one as `list` names it, or a file; `-` for standard input
    #[arg(value_name = "BACKUP|FILE")]
    source: Source,

    #[command(flatten)]
    backup: BackupFlags,
}

const EXAMPLES: &str = "\
Examples:
  etcd-backup verify s3://backups/etcd
  etcd-backup verify s3://backups/etcd --plan kube-system/prod -i key.txt
  etcd-backup verify backup.db -o json";

pub(crate) fn run(verify: &Verify, format: Option<Format>) -> Result<(), Failure> {
    let (report, name): (Report, _) = match &verify.source {
        Source::Stdin => (status::read_stdin()?, "standard input".to_owned()),
        Source::File(path) => (status::read_file(path)?, path.display().to_string()),
        Source::Backup { store, location } => wait(async {
            let (chosen, identities) = verify.backup.find(store, location.as_ref()).await?;
            let report = chosen.prove(identities.as_ref(), |_| Ok(())).await?;
            Ok::<_, Failure>((report, chosen.url()))
        })?,
    };
    print(&match format {
        Some(format) => status::show(&report, format)?,
        None => format!("{name} is sound\n{}", status::show(&report, Format::Wide)?),
    })
}
