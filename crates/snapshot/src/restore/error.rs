//! Why nothing was restored.

use std::io;
use std::path::PathBuf;

use etcd_backup_bolt::BoltError;
use etcd_backup_bolt::write::WriteError;

use super::cluster::ClusterError;
use super::control::Stopped;
use crate::directory::Failed;
use crate::error::VerifyError;

/// Why nothing was restored. What was in place before still is, unless [`Undo`](Self::Undo) says otherwise. The message
/// says what a person can do; [`reason`](Self::reason) is for conditions and metrics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The cluster cannot be described so.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// The request contradicts itself.
    #[error("{0}")]
    Request(&'static str),
    /// The source is no sound snapshot.
    #[error("{0}")]
    Snapshot(#[from] VerifyError),
    /// It is a sound snapshot, but not the expected one.
    #[error("not the snapshot that was expected: its {what} is {found}, and should be {expected}")]
    Expected {
        /// What differs.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The revision asked for is not part of the snapshot's history.
    #[error(
        "revision {revision} is not in the snapshot: it can go back to any revision from {first} to {last}"
    )]
    RevisionOutOfWindow {
        /// What was asked for.
        revision: i64,
        /// The oldest that can be restored: history before it was compacted.
        first: i64,
        /// The newest.
        last: i64,
    },
    /// The revision cannot be raised so far.
    #[error(
        "revision {revision} cannot be raised by {by}: half of all revisions are left for what the cluster will write"
    )]
    BumpTooLarge {
        /// The snapshot's.
        revision: i64,
        /// What was asked for.
        by: u64,
    },
    /// The data is newer than the etcd that will run on it.
    #[error(
        "the data is of etcd {data}, which etcd {target} cannot read: run etcd {data} or newer, or take a snapshot after \
         `etcdctl downgrade`"
    )]
    NewerThanTarget {
        /// The data's version.
        data: String,
        /// The target's.
        target: String,
    },
    /// The data is newer than any etcd this was tested with.
    #[error(
        "the data is of etcd {data}, and this program knows nothing beyond {newest}: use a newer one, or name the target's \
         version to restore all the same"
    )]
    UnknownVersion {
        /// The data's version.
        data: String,
        /// The newest known.
        newest: String,
    },
    /// A target is there and not empty.
    #[error("{} is not empty: choose another directory, or have it replaced, which renames it aside", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// A process has the database of a target open.
    #[error("{} is in use: stop the etcd that runs on it", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Another restore works on the same target.
    #[error("another restore into {} is under way", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// A target that cannot be one.
    #[error("{} cannot be restored into: {why}", path.display())]
    Target {
        /// The path.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// Somebody changed what is at a target, or on the way to it, while it was restored.
    #[error(
        "{} is not what it was: somebody else changed it, or the way to it, while it was restored", path.display()
    )]
    Changed {
        /// The path, as it was asked for.
        path: PathBuf,
    },
    /// Not enough room on the disk.
    #[error("{} has {free} bytes free, and {needed} are needed", path.display())]
    Space {
        /// A directory on that filesystem.
        path: PathBuf,
        /// Bytes that would be written.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The source cannot be read.
    #[error("cannot read the snapshot: {0}")]
    ReadSource(#[source] io::Error),
    /// A file or directory could not be handled.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The new database could not be written.
    #[error("{0}")]
    Build(#[source] WriteError),
    /// What was written is not what should have been. Nothing was put in place.
    #[error("the directory written for member {member} failed its check: {what}")]
    Check {
        /// Whose.
        member: String,
        /// What is wrong.
        what: String,
    },
    /// A rename failed, and so did taking back what had been done before it.
    #[error("{first}; and then {}: what was there before is now {}", second, now_at.display())]
    Undo {
        /// Why it was taken back.
        first: Box<RestoreError>,
        /// Why it could not be.
        second: Box<RestoreError>,
        /// Where the old directory is.
        now_at: PathBuf,
    },
    /// It was cancelled, and everything temporary was removed.
    #[error("cancelled")]
    Cancelled,
    /// A test stopped it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A defect of this program.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl RestoreError {
    /// A stable word for what is wrong, in CamelCase.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "InvalidCluster",
            Self::Request(_) => "InvalidRequest",
            Self::Snapshot(error) => error.reason(),
            Self::Expected { .. } => "NotTheExpectedSnapshot",
            Self::RevisionOutOfWindow { .. } => "RevisionOutOfWindow",
            Self::BumpTooLarge { .. } => "BumpTooLarge",
            Self::NewerThanTarget { .. } => "NewerThanTarget",
            Self::UnknownVersion { .. } => "UnknownVersion",
            Self::Occupied { .. } => "TargetNotEmpty",
            Self::InUse { .. } => "TargetInUse",
            Self::Busy { .. } => "RestoreUnderWay",
            Self::Target { .. } => "InvalidTarget",
            Self::Changed { .. } => "TargetChanged",
            Self::Space { .. } => "NotEnoughSpace",
            Self::ReadSource(_) => "ReadFailed",
            Self::File { source, .. } | Self::Build(WriteError::Write { source }) if is_full(source) => {
                "NotEnoughSpace"
            }
            Self::File { .. } | Self::Build(_) => "WriteFailed",
            Self::Check { .. } => "CheckFailed",
            Self::Undo { .. } => "UndoFailed",
            Self::Cancelled => "Cancelled",
            Self::Stopped(_) => "Stopped",
            Self::Internal(_) => "Internal",
        }
    }
}

impl From<Failed> for RestoreError {
    fn from(Failed { action, path, source }: Failed) -> Self {
        Self::File { action, path, source }
    }
}

impl From<BoltError> for RestoreError {
    fn from(error: BoltError) -> Self {
        Self::Snapshot(VerifyError::Structure(error))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
