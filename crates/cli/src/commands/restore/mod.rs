//! `etcd-backup restore`

mod flags;
mod outcome;
mod pipe;
pub(in crate::commands) mod remote;
mod source;
mod token;
pub(in crate::commands) mod watch;

use clap::Args;
use etcd_backup_snapshot::{VerifyError, restore::RestoreError};
use tokio_util::sync::CancellationToken;

use crate::{
    commands::runtime,
    exit::{Exit, Failure},
    interrupt,
    output::{Format, print},
    store::{BackupFlags, Source, plain},
};

/// Make the data directory of a new etcd cluster from a backup or a snapshot file
///
/// The whole snapshot is proved, the directory is built beside its place, brought to the disk and read back; only then it
/// gets its name. A kill at any moment leaves in its place what was there before, or the new directory. With --replace on a
/// filesystem where two directories cannot change places in one step (NFS), nothing is in its place for an instant: a kill
/// just then leaves the old one at DIR.replaced-TIME and the new one at DIR.swapping-….
///
/// etcdutl's flags mean what they mean to etcdutl, so `etcd-backup snapshot restore` is the same command. But revisions are
/// raised unless --bump-revision 0 says otherwise, and the token is not always the same. Where one command restores all
/// members, every restore has a token of its own. Where it restores only some, the other machines must come to the same
/// token: it is made of the snapshot, of --initial-cluster and of all options that change the data, so one machine with
/// another backup or another option makes another cluster. A second restore of the same makes the same cluster again, and a
/// member that is left of the first could join: see that none is, or better give every restore a fresh
/// --initial-cluster-token, the same on all machines.
///
/// What the restore prints at its end starts the cluster.
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
  etcd-backup restore backup.db --initial-cluster m0=http://a:2380,m1=http://b:2380 \\
      --member m0=/restore/m0 --member m1=/restore/m1
  etcd-backup restore backup.db --data-dir /tmp/earlier --revision 123456
  etcd-backup snapshot restore backup.db --data-dir /var/lib/etcd    # as etcdutl has it";

pub(crate) fn run(restore: &Restore, format: Option<Format>) -> Result<(), Failure> {
    let text = runtime()?.block_on(async {
        let cancel = CancellationToken::new();
        let opened = interrupt::unless(Box::pin(source::open(restore, &cancel))).await?;
        let request = restore.flags.request(&opened)?;
        token::tell(&request);
        let restored = watch::watched(opened.source, request.clone(), cancel, watch::shown()).await;
        let restored = restored.map_err(|error| of_restore(&opened.name, &error))?;
        outcome::show(&request, &restored, format)
    })?;
    print(&text)
}

fn of_restore(name: &str, error: &RestoreError) -> Failure {
    let exit = match error {
        RestoreError::Cancelled => {
            return Failure::new(
                Exit::Interrupted,
                "interrupted: nothing was restored and nothing is left",
            );
        }
        RestoreError::ReadSource(error) => return source::failed(name, error),
        RestoreError::Snapshot(error @ VerifyError::Packed(_)) => return plain::packed(name, error),
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
    let hint = hint(error);
    let failure = match error {
        RestoreError::Snapshot(_) => Failure::about(name, exit, error),
        _ => Failure::of(exit, error),
    };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A way out.
fn hint(error: &RestoreError) -> Option<&'static str> {
    if let RestoreError::Snapshot(
        VerifyError::TrailerTruncated { .. }
        | VerifyError::TrailerMismatch { .. }
        | VerifyError::TrailingBytes { .. },
    ) = error
    {
        return Some(
            "a file copied from a data directory has no checksum: --skip-hash-check takes it; a snapshot has one, and this one is damaged",
        );
    }
    match error.reason() {
        "TargetNotEmpty" => {
            Some("with --replace the old directory is renamed aside; nothing is ever deleted")
        }
        "TargetInUse" => Some("for a static pod: move its manifest out of /etc/kubernetes/manifests"),
        "UnknownVersion" => Some("name the etcd that will run on it with --target-version"),
        "RestoreUnderWay" => Some(
            "wait until it ends, or end it: what it leaves unfinished is removed by the next restore into the same place",
        ),
        "TargetChanged" => Some(
            "find out who else writes there, or renames or mounts something on the way to it; what was there before is in place, so the restore can be run again",
        ),
        "NotEnoughSpace" => Some(
            "remove what is not needed, *.replaced-* directories of earlier restores among it, or restore onto another filesystem (--data-dir, --wal-dir)",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use etcd_backup_snapshot::Container;

    use super::*;

    #[test]
    fn whoever_can_do_something_about_it_is_told_what() {
        let path = || std::path::PathBuf::from("/d");
        let changed = RestoreError::Changed { path: path() };
        let space = RestoreError::Space {
            path: path(),
            needed: 2,
            free: 1,
        };
        let full = RestoreError::File {
            action: "write",
            path: path(),
            source: std::io::ErrorKind::StorageFull.into(),
        };
        let packed = |container| RestoreError::Snapshot(VerifyError::Packed(container));
        let trailing = RestoreError::Snapshot(VerifyError::TrailingBytes { end: 9 });
        let truncated = RestoreError::Snapshot(VerifyError::TrailerTruncated { missing: 32 });
        for (error, exit, way_out) in [
            (
                RestoreError::Busy { path: path() },
                Exit::Storage,
                "wait until it ends",
            ),
            (changed, Exit::Storage, "find out who else"),
            (space, Exit::Storage, "*.replaced-*"),
            (full, Exit::Storage, "another filesystem"),
            (
                RestoreError::Occupied { path: path() },
                Exit::Storage,
                "--replace",
            ),
            (RestoreError::InUse { path: path() }, Exit::Storage, "static pod"),
            (packed(Container::Zstd), Exit::Usage, "file:///"),
            (packed(Container::Age), Exit::Usage, "--age-identity"),
            (trailing, Exit::Unsound, "--skip-hash-check"),
            (truncated, Exit::Unsound, "--skip-hash-check"),
        ] {
            let told = format!("{:?}", of_restore("backup.db", &error));
            assert!(told.contains(&format!("{exit:?}")), "{told}");
            let (_, hint) = told.split_once("hint: Some").unwrap_or_else(|| panic!("{told}"));
            assert!(hint.contains(way_out), "{told}");
        }
    }
}
