//! Why a file is not a sound snapshot.

use etcd_backup_bolt::BoltError;

use crate::container::Container;

/// What is wrong with a snapshot. The message says what a person can do about it; [`reason`](Self::reason) is for
/// conditions and metrics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It is a compressed or an encrypted file: a snapshot may be inside.
    #[error("this is no plain snapshot but {}: {}", .0.name(), .0.advice())]
    Packed(Container),
    /// The bytes are no sound bbolt database.
    #[error("{0}")]
    Structure(#[source] BoltError),
    /// The database is whole, but the checksum behind it is not.
    #[error("truncated: {missing} of the 32 bytes of the SHA-256 behind the database are missing")]
    TrailerTruncated {
        /// Bytes that were not there.
        missing: usize,
    },
    /// Bytes follow where the snapshot should end.
    #[error("bytes follow the snapshot's end at byte {end}: this is not one snapshot, or not only one")]
    TrailingBytes {
        /// Where the snapshot ends.
        end: u64,
    },
    /// The SHA-256 that etcd appended is not that of the database.
    #[error(
        "the database's SHA-256 is {computed}, but the snapshot says {recorded}: it was changed after etcd wrote it"
    )]
    TrailerMismatch {
        /// What the bytes give, in hex.
        computed: String,
        /// What the trailer says, in hex.
        recorded: String,
    },
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
    /// A compaction was under way and there are more keys than may be kept in memory.
    #[error(
        "a compaction was under way when the snapshot was taken, and counting its keys takes more than {limit} bytes: take \
         another one when it has ended"
    )]
    TooManyKeys {
        /// [`Limits::keys`](crate::Limits::keys).
        limit: u64,
    },
    /// The reader failed. Says nothing about the snapshot.
    #[error("cannot read the snapshot: {source}")]
    Read {
        /// What the reader said.
        source: std::io::Error,
    },
    /// The verifier was used again after an error.
    #[error("an earlier error ended this verification")]
    Ended,
}

impl VerifyError {
    /// A stable word for what is wrong, in CamelCase.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Packed(container) if container.is_encrypted() => "Encrypted",
            Self::Packed(_) => "Compressed",
            Self::Structure(error) => structure_reason(error),
            Self::TrailerTruncated { .. } => "Truncated",
            Self::TrailingBytes { .. } => "TrailingBytes",
            Self::TrailerMismatch { .. } => "TrailerMismatch",
            Self::NoBucket { .. } => "NotAnEtcdSnapshot",
            Self::Record { .. } | Self::Setting { .. } => "CorruptRecord",
            Self::TooManyKeys { .. } => "CompactionUnderWay",
            Self::Read { .. } => "ReadFailed",
            Self::Ended => "Ended",
        }
    }
}

fn structure_reason(error: &BoltError) -> &'static str {
    use etcd_backup_bolt::{Flaw, MetaFlaw};
    match error {
        BoltError::Truncated { .. } | BoltError::TruncatedMeta { .. } => "Truncated",
        BoltError::Meta(MetaFlaw::Magic | MetaFlaw::Short) => "NotAnEtcdSnapshot",
        BoltError::Meta(MetaFlaw::BigEndian | MetaFlaw::Version(_)) | BoltError::PageSize { .. } => {
            "Unsupported"
        }
        BoltError::Memory { .. }
        | BoltError::TooManyPages { .. }
        | BoltError::TooDeep { .. }
        | BoltError::Page {
            flaw: Flaw::TooLarge | Flaw::Crowded,
            ..
        } => "LimitExceeded",
        BoltError::Read { .. } => "ReadFailed",
        BoltError::Ended => "Ended",
        _ => "CorruptStructure",
    }
}
