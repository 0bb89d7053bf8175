use etcd_backup_snapshot::VerifyError;
use etcd_backup_store::StoreError;
use thiserror::Error;

use super::{Fenced, SourceError, Stopped, spool::SpoolError};
use crate::{manifest::ManifestError, read::ProofError};

/// Why there is no backup.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The request contradicts itself. Nothing was done.
    #[error("invalid request: {0}")]
    InvalidRequest(&'static str),
    /// Cancelled from outside.
    #[error("cancelled")]
    Cancelled,
    /// This process may no longer write.
    #[error(transparent)]
    Fenced(#[from] Fenced),
    /// A hook ended it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The source failed.
    #[error("read the snapshot: {0}")]
    ReadSource(#[source] SourceError),
    /// The source is not as long as it announced.
    #[error(
        "the snapshot has {actual} bytes where etcd announced {announced}: it changed on its way, so look at what stands between (a proxy, a load balancer)"
    )]
    SizeMismatch {
        /// What was announced.
        announced: u64,
        /// What came, or at least that much.
        actual: u64,
    },
    /// The bytes are not a sound snapshot.
    #[error("verify the snapshot: {0}")]
    Verify(#[source] VerifyError),
    /// A sound snapshot, but an old one.
    #[error(
        "the snapshot stands at revision {revision}, but etcd had already confirmed {minimum}: the member lags, so see what holds it up, or name other members too"
    )]
    Stale {
        /// The snapshot's.
        revision: i64,
        /// What a linearizable read gave before.
        minimum: i64,
    },
    /// What the member sent is not what it says it holds.
    #[error(
        "the snapshot's HashKV at revision {revision} is {ours}, but the member says {theirs}: its data differs from what it sent"
    )]
    HashMismatch {
        /// The revision.
        revision: i64,
        /// The snapshot's.
        ours: u32,
        /// The member's.
        theirs: u32,
    },
    /// The spool could not hold what the store did not take.
    #[error("spool: {0}")]
    Spool(#[source] SpoolError),
    /// Compressing or encrypting failed.
    #[error("encode the snapshot: {0}")]
    Encode(#[source] std::io::Error),
    /// More parts than a store takes.
    #[error(
        "the snapshot needs more than {parts} parts of {part_size} bytes, which is the most that a store takes"
    )]
    TooManyParts {
        /// The most parts.
        parts: u32,
        /// Bytes in each.
        part_size: usize,
    },
    /// The store did not begin an upload.
    #[error("begin the upload: {0}")]
    BeginUpload(#[source] StoreError),
    /// The store did not take a part.
    #[error("store part {number}: {source}")]
    StorePart {
        /// Which, from 1.
        number: u32,
        /// Why not.
        source: StoreError,
    },
    /// The store did not complete the upload.
    #[error("complete the upload: {0}")]
    CompleteUpload(#[source] StoreError),
    /// What the store holds could not be proved, or was proved to be something else.
    #[error("verify what is stored: {0}")]
    Prove(#[source] ProofError),
    /// A manifest cannot say what it should.
    #[error("describe the backup: {0}")]
    Describe(#[source] ManifestError),
    /// The store did not take the manifest.
    #[error("write the manifest: {0}")]
    WriteManifest(#[source] StoreError),
    /// Another manifest lies where this one belongs.
    #[error(
        "another manifest is already there, and stays: two attempts had the same run id, so see who else writes below this prefix, then take another snapshot"
    )]
    ManifestConflict,
    /// A thread or task of this run ended in a way it never should.
    #[error("a task of this run failed")]
    Internal,
}

impl WriteError {
    /// A stable CamelCase word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::Cancelled => "Cancelled",
            Self::Fenced(_) => "Fenced",
            Self::Stopped(_) => "Stopped",
            Self::ReadSource(source) => source.reason,
            Self::SizeMismatch { .. } => "SizeMismatch",
            Self::Verify(error) => error.reason(),
            Self::Stale { .. } => "StaleSnapshot",
            Self::HashMismatch { .. } => "HashMismatch",
            Self::Spool(error) => error.reason(),
            Self::Encode(_) => "EncodeFailed",
            Self::TooManyParts { .. } => "TooLarge",
            Self::BeginUpload(error)
            | Self::StorePart { source: error, .. }
            | Self::CompleteUpload(error)
            | Self::WriteManifest(error) => error.reason(),
            Self::Prove(error) => error.reason(),
            Self::Describe(error) => error.reason(),
            Self::ManifestConflict => "ManifestConflict",
            Self::Internal => "Internal",
        }
    }

    /// Is it the trouble of the member that gave the snapshot, or of the way to it, so that another member may do better?
    pub fn is_of_source(&self) -> bool {
        matches!(
            self,
            Self::ReadSource(_)
                | Self::SizeMismatch { .. }
                | Self::Verify(_)
                | Self::Stale { .. }
                | Self::HashMismatch { .. }
        )
    }

    /// May another attempt, under a new run id, go well with nothing changed by a person? True also for a snapshot that was
    /// damaged on its way, since another copy may not be.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::ReadSource(source) => source.transient,
            Self::BeginUpload(error)
            | Self::StorePart { source: error, .. }
            | Self::CompleteUpload(error)
            | Self::WriteManifest(error) => error.is_transient(),
            Self::Prove(error) => error.is_transient(),
            // Space may be free again, or the store faster.
            Self::Spool(_)
            | Self::SizeMismatch { .. }
            | Self::Verify(_)
            | Self::Stale { .. }
            | Self::HashMismatch { .. }
            | Self::Stopped(_)
            | Self::Internal => true,
            Self::InvalidRequest(_)
            | Self::Cancelled
            | Self::Fenced(_)
            | Self::Encode(_)
            | Self::TooManyParts { .. }
            | Self::Describe(_)
            | Self::ManifestConflict => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_person_can_change_says_what_to_change() {
        for (error, named) in [
            (
                WriteError::Spool(SpoolError::Full { bytes: 9 }),
                "--spool-max-bytes",
            ),
            (
                WriteError::Stale {
                    revision: 1,
                    minimum: 2,
                },
                "name other members",
            ),
            (
                WriteError::SizeMismatch {
                    announced: 2,
                    actual: 1,
                },
                "a proxy",
            ),
            (WriteError::ManifestConflict, "who else writes"),
        ] {
            let said = error.to_string();
            assert!(said.contains(named), "{said}");
        }
    }
}
