//! Why a snapshot could not be looked into.

use etcd_backup_bolt::BoltError;

use super::container::Container;
use crate::error::structure_reason;

/// What went wrong. The message says what a person can do about it; [`reason`](Self::reason) is for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The file could not be opened.
    #[error("cannot open the snapshot: {0}")]
    Open(#[source] std::io::Error),
    /// The file is a compressed or an encrypted one: a snapshot may be inside.
    #[error("this is no plain snapshot but {}: {}", .0.name(), .0.advice())]
    Packed(Container),
    /// The bytes are no sound bbolt database, are cut short, or cannot be read.
    #[error("{0}")]
    Structure(#[from] BoltError),
    /// A bbolt database, but not etcd's.
    #[error("not an etcd snapshot: it has no bucket `{bucket}`")]
    NoBucket {
        /// What is missing.
        bucket: &'static str,
    },
    /// An entry of bucket `key` is not what etcd writes.
    #[error("bucket `key` holds {what}, after revision {after}")]
    Record {
        /// In what way.
        what: &'static str,
        /// The main revision of the last sound record before it, 0 if there is none.
        after: i64,
    },
    /// An entry of bucket `meta` is not what etcd writes.
    #[error("`{key}` of bucket `meta` has a malformed value")]
    Setting {
        /// Its key.
        key: &'static str,
    },
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
            Self::Packed(container) if container.is_encrypted() => "Encrypted",
            Self::Packed(_) => "Compressed",
            Self::Structure(error) => structure_reason(error),
            Self::NoBucket { .. } => "NotAnEtcdSnapshot",
            Self::Record { .. } | Self::Setting { .. } => "CorruptRecord",
            Self::Compacted { .. } => "RevisionCompacted",
            Self::Future { .. } => "RevisionInFuture",
        }
    }
}
