//! Why a task was not done.

use std::{
    io,
    path::{Path, PathBuf},
};

use etcd_backup_backup::read::{IdentityError, ReadError};
use etcd_backup_operator::{
    agent::{NotTaken, TaskError},
    connect,
    explain::with_causes,
};
use etcd_backup_snapshot::{
    directory::Failed,
    restore::{RestoreError, cluster::ClusterError},
};

/// Why a task was not done. What was in place before still is, unless it is [`Self::Exchange`], which says where things are.
#[derive(Debug, thiserror::Error)]
pub(super) enum AgentError {
    #[error(transparent)]
    Task(TaskError),
    #[error("{}", .0.message)]
    Store(connect::Failure),
    #[error(transparent)]
    Snapshot(NotTaken),
    #[error("the snapshot is encrypted, and no decryption is named")]
    IdentityNeeded,
    #[error("cannot read the key identity of the Secret {secret}: {source}")]
    ReadIdentities { secret: String, source: io::Error },
    #[error("the key identity of the Secret {secret}: {source}")]
    ParseIdentities { secret: String, source: IdentityError },
    #[error("{}", with_causes(.0))]
    Read(ReadError),
    #[error("the members of the new cluster: {0}")]
    Cluster(ClusterError),
    #[error("{0:?} is no version of etcd that this program knows")]
    TargetVersion(String),
    #[error(transparent)]
    Restore(RestoreError),
    #[error(
        "{} is there: with existingData: ReplaceAside it would be renamed aside", .0.display()
    )]
    Occupied(PathBuf),
    #[error("{} is in use: stop the etcd that runs on it", .0.display())]
    InUse(PathBuf),
    #[error("another step of a restore works at {}", .0.display())]
    Busy(PathBuf),
    #[error("{} is a symbolic link, or no directory", .0.display())]
    NotADirectory(PathBuf),
    #[error(
        "the old data belongs to user {owner}, and user {own} cannot give files away: set job.runAsUser to {owner}"
    )]
    OwnerDiffers { owner: u32, own: u32 },
    #[error("nothing is prepared at {}", .0.display())]
    NotPrepared(PathBuf),
    #[error("the new data of this restore is in place at {} already", .0.display())]
    AlreadyCommitted(PathBuf),
    #[error("{} is there already", .0.display())]
    AsideTaken(PathBuf),
    #[error("cannot put {} in place: {source}; what was there before is {}", path.display(), old.display())]
    Exchange {
        path: PathBuf,
        old: PathBuf,
        source: io::Error,
    },
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("revision {found} was restored, and the snapshot is of revision {expected}")]
    AnotherRevision { found: i64, expected: i64 },
    #[error("the etcd that was started on the restored data: {}", .0.message)]
    Scratch(connect::Failure),
    #[error("ended before it was done: nothing was changed")]
    Interrupted,
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl AgentError {
    /// For `map_err` after handling a file.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// A stable word for what is wrong, in CamelCase.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Task(_) | Self::TargetVersion(_) => "InvalidTask",
            Self::Store(failure) | Self::Scratch(failure) => &failure.reason,
            Self::Snapshot(not_taken) => &not_taken.failure.reason,
            Self::IdentityNeeded => "IdentityNeeded",
            Self::ReadIdentities { .. } => "SecretNotFound",
            Self::ParseIdentities { .. } => "SecretInvalid",
            Self::Read(error) => error.reason(),
            Self::Cluster(_) => "InvalidCluster",
            Self::Restore(error) => error.reason(),
            Self::Occupied(_) => "TargetNotEmpty",
            Self::InUse(_) => "TargetInUse",
            Self::Busy(_) => "RestoreUnderWay",
            Self::NotADirectory(_) => "InvalidTarget",
            Self::OwnerDiffers { .. } => "OwnerDiffers",
            Self::NotPrepared(_) => "NotPrepared",
            Self::AlreadyCommitted(_) => "AlreadyCommitted",
            Self::AsideTaken(_) => "AsideTaken",
            Self::Exchange { .. } => "ExchangeFailed",
            Self::File { source, .. } if is_full(source) => "NotEnoughSpace",
            Self::File { .. } => "WriteFailed",
            Self::AnotherRevision { .. } => "RevisionDiffers",
            Self::Interrupted => "Interrupted",
            Self::Internal(_) => "Internal",
        }
    }

    /// The stage in which a snapshot failed, if it is about one and that is known.
    pub(super) fn stage(&self) -> Option<&'static str> {
        match self {
            Self::Snapshot(not_taken) => not_taken.stage,
            _ => None,
        }
    }

    /// Whether trying again is of no use until somebody has changed something.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::Store(failure) | Self::Scratch(failure) => !failure.transient,
            Self::Snapshot(not_taken) => !not_taken.failure.transient,
            Self::Read(error) => !error.is_transient(),
            // Files can fail for a moment, as on a network; whatever else the engine finds is a fact.
            Self::Restore(error) => !matches!(
                error,
                RestoreError::File { .. }
                    | RestoreError::Build(_)
                    | RestoreError::Busy { .. }
                    | RestoreError::ReadSource(_)
                    | RestoreError::Internal(_)
            ),
            Self::Busy(_)
            | Self::Exchange { .. }
            | Self::File { .. }
            | Self::ReadIdentities { .. }
            | Self::Interrupted
            | Self::Internal(_) => false,
            _ => true,
        }
    }
}

impl From<Failed> for AgentError {
    fn from(Failed { action, path, source }: Failed) -> Self {
        Self::File { action, path, source }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
