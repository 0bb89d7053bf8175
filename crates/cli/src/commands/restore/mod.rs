//! `etcd-backup restore`

mod flags;
mod outcome;
mod source;
mod token;
pub(in crate::commands) mod watch;

use clap::Args;
use etcd_backup_snapshot::restore::RestoreError;

use crate::{
    commands::runtime,
    exit::{Exit, Failure},
    output::{Format, print},
    store::{BackupFlags, Source},
};

/// Make the data directory of a new etcd cluster from a backup or a snapshot file
///
/// The whole snapshot is proved, the directory is built beside its place, brought to the disk and read back; only then it
/// gets its name. A kill at any moment leaves what was there before, or the new directory. etcdutl's flags mean what they
/// mean to etcdutl, except that revisions are raised unless --bump-revision 0 says otherwise, and that the token is another
/// for every restore: what the restore prints at its end starts the cluster.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Restore {
    /// A snapshot file, `-` for standard input, `s3://bucket/prefix` for its newest backup, or the address of one as `list`
    /// names it
    #[arg(value_name = "BACKUP|FILE")]
    source: Source,

    #[command(flatten)]
    flags: flags::RestoreFlags,

    #[command(flatten)]
    backup: BackupFlags,
}

const EXAMPLES: &str = "\
Examples:
  etcd-backup restore backup.db --data-dir /var/lib/etcd
  etcd-backup restore s3://backups/etcd --plan kube-system/prod --data-dir /var/lib/etcd --replace \\
      --name cp-1 --initial-cluster cp-1=https://10.0.0.1:2380 --initial-advertise-peer-urls https://10.0.0.1:2380
  etcd-backup restore backup.db --initial-cluster m0=http://a:2380,m1=http://b:2380 --member m0=/restore/m0 --member m1=/restore/m1
  etcd-backup restore backup.db --data-dir /tmp/earlier --revision 123456";

pub(crate) fn run(restore: &Restore, format: Option<Format>) -> Result<(), Failure> {
    let text = runtime()?.block_on(async {
        let mut opened = source::open(restore).await?;
        let request = restore.flags.request(&mut opened)?;
        let restored = watch::watched(opened.source, request.clone(), watch::shown()).await;
        let restored = restored.map_err(|error| of_restore(&opened.name, error))?;
        outcome::show(&request, &restored, format)
    })?;
    print(&text)
}

fn of_restore(name: &str, error: RestoreError) -> Failure {
    let exit = match &error {
        RestoreError::Cancelled => {
            return Failure::new(
                Exit::Interrupted,
                "interrupted: nothing was restored and nothing is left",
            );
        }
        RestoreError::ReadSource(error) => return source::failed(name, error),
        RestoreError::Snapshot(_) | RestoreError::Expected { .. } => Exit::Unsound,
        RestoreError::Cluster(_)
        | RestoreError::Request(_)
        | RestoreError::RevisionOutOfWindow { .. }
        | RestoreError::BumpTooLarge { .. }
        | RestoreError::NewerThanTarget { .. }
        | RestoreError::UnknownVersion { .. } => Exit::Usage,
        RestoreError::Internal(_) => Exit::Other,
        _ => Exit::Storage,
    };
    let hint = hint(error.reason());
    let failure = Failure::new(exit, error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A way out, by the stable word for what is wrong.
fn hint(reason: &str) -> Option<&'static str> {
    match reason {
        "TargetNotEmpty" => {
            Some("with --replace the old directory is renamed aside; nothing is ever deleted")
        }
        "TargetInUse" => Some("for a static pod: move its manifest out of /etc/kubernetes/manifests"),
        "UnknownVersion" => Some("name the etcd that will run on it with --target-version"),
        "TrailerTruncated" | "TrailerMismatch" => Some(
            "a file copied from a data directory has no checksum: --skip-hash-check takes it; a snapshot has one, and this one is damaged",
        ),
        _ => None,
    }
}
