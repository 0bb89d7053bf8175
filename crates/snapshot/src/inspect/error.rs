//! Why a snapshot could not be looked into.

use etcd_backup_bolt::BoltError;

use crate::error::VerifyError;

/// What went wrong. The message says what a person can do about it; [`reason`](Self::reason) is for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The file could not be opened.
    #[error("cannot open the snapshot: {0}")]
    Open(#[source] std::io::Error),
    /// The file is packed, is no sound snapshot, is cut short, or cannot be read.
    #[error("{0}")]
    Snapshot(#[from] VerifyError),
    /// History before a compaction is not in the snapshot.
    #[error("revision {revision} was compacted: this snapshot's history begins with {first}")]
    Compacted {
        /// What was asked for.
        revision: i64,
        /// The oldest revision that can be asked for.
        first: i64,
    },
    /// A revision that came after the snapshot.
    #[error("revision {revision} is not in this snapshot, which ends with {last}")]
    Future {
        /// What was asked for.
        revision: i64,
        /// The newest revision.
        last: i64,
    },
}

impl InspectError {
    /// A stable word for what is wrong, in CamelCase.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Open(_) => "ReadFailed",
            Self::Snapshot(error) => error.reason(),
            Self::Compacted { .. } => "RevisionCompacted",
            Self::Future { .. } => "RevisionInFuture",
        }
    }
}

impl From<BoltError> for InspectError {
    fn from(error: BoltError) -> Self {
        Self::Snapshot(VerifyError::Structure(error))
    }
}
