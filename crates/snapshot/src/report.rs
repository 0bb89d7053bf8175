//! What a verified snapshot says.

use serde::{Deserialize, Serialize};

/// A sound snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Bytes of the file, the 32 of the trailer included.
    pub size: u64,
    /// SHA-256 of the whole file, trailer included: what `sha256sum` prints. The trailer itself is the SHA-256 of what lies
    /// before it.
    pub sha256: [u8; 32],
    /// What `etcdutl snapshot status` says.
    pub status: Status,
    /// What a member with the same data answers when asked for the HashKV of `hash_kv.revision`, as long as its compact
    /// revision is still `hash_kv.compact_revision`. `None` when it could not be told within [`Limits::ample`] memory: see
    /// [`Verifier`](crate::Verifier).
    ///
    /// [`Limits::ample`]: crate::Limits::ample
    pub hash_kv: Option<HashKv>,
    /// Bytes in a page: that of the machine where the member ran.
    pub page_size: u32,
    /// The last revision whose compaction has ended (`finishedCompactRev`), 0 if there was none.
    pub compact_revision: i64,
    /// The last raft entry whose effect is in the data (`consistent_index`).
    pub raft_index: u64,
    /// The raft term of that entry, 0 before etcd 3.5.
    pub raft_term: u64,
    /// The cluster's version at the time ("3.6.0").
    pub cluster_version: Option<String>,
    /// The version the cluster was being downgraded to, if it was.
    pub downgrade_target: Option<String>,
}

/// What `etcdutl snapshot status` says (`etcdutl/snapshot/v3_snapshot.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// CRC-32C over every bucket's name, keys and values.
    pub hash: u32,
    /// Main revision of the last record, 0 if there is none. A member may be ahead of it: an empty one starts at 1, and a
    /// compaction may remove the last record, a deletion.
    pub revision: i64,
    /// Live keys, as etcdutl 3.6 and later count.
    pub total_keys: u64,
    /// Entries of all buckets, which etcdutl 3.4 and 3.5 call keys.
    pub total_items: u64,
    /// Bytes of the database, without the trailer.
    pub total_size: u64,
    /// The storage version ("3.6.0"); etcd records it since 3.6.
    pub storage_version: Option<String>,
}

/// A hash over the history of all keys, as `Maintenance.HashKV` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashKv {
    /// CRC-32C over "key" and the records that count.
    pub hash: u32,
    /// Up to which revision: the one to ask a member for.
    pub revision: i64,
    /// Down to which revision history was compacted, which decides what counts. -1 if never, as etcd says it.
    pub compact_revision: i64,
}

/// [`Status`] as `etcdutl snapshot status --write-out=json` of 3.6 and later prints it: same names, same order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusJson {
    /// [`Status::hash`].
    pub hash: u32,
    /// [`Status::revision`].
    pub revision: i64,
    /// [`Status::total_keys`].
    #[serde(rename = "totalKey")]
    pub total_key: u64,
    /// [`Status::total_size`].
    #[serde(rename = "totalSize")]
    pub total_size: u64,
    /// [`Status::storage_version`], "" if there is none.
    pub version: String,
}

impl From<&Status> for StatusJson {
    fn from(status: &Status) -> Self {
        Self {
            hash: status.hash,
            revision: status.revision,
            total_key: status.total_keys,
            total_size: status.total_size,
            version: status.storage_version.clone().unwrap_or_default(),
        }
    }
}
