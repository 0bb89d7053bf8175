//! What a breakdown yields.

use serde::Serialize;

use crate::inspect::groups::Sum;
use crate::inspect::kubernetes::ValueKind;
use crate::inspect::text::UserKey;

/// Sizes of some keys. Bytes are what a record takes in its page: revision, key, value and fields of etcd's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sizes {
    /// Keys at the newest revision.
    pub keys: u64,
    /// Bytes of their newest records: what would be left after compacting everything.
    pub live_bytes: u64,
    /// Records of the whole history, deletions included.
    pub records: u64,
    /// Bytes of them all.
    pub bytes: u64,
    /// Keys whose value is encrypted at rest.
    pub encrypted_keys: u64,
}

/// Sizes of the keys of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageGroup {
    /// What they have in common at their beginning.
    pub name: String,
    /// Their sizes.
    #[serde(flatten)]
    pub sizes: Sizes,
}

/// Sizes of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyUsage {
    /// The key.
    #[serde(flatten)]
    pub key: UserKey,
    /// Bytes of its newest record, 0 when it was deleted.
    pub live_bytes: u64,
    /// Its records, deletions included.
    pub records: u64,
    /// Bytes of them all.
    pub bytes: u64,
}

/// Under which key how many values are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionUse {
    /// Always [`ValueKind::Encrypted`].
    #[serde(flatten)]
    pub kind: ValueKind,
    /// Keys at the newest revision.
    pub keys: u64,
}

/// What fills a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// All keys together.
    pub total: Sizes,
    /// Kubernetes' keys by resource (`/registry/pods`), largest history first.
    pub resources: Vec<UsageGroup>,
    /// Those of Kubernetes' keys whose resource is not named, and keys that are not Kubernetes'.
    pub other_resources: Sizes,
    /// All keys by prefix (`/registry/pods/`), largest history first. A key shorter than that stands for itself.
    pub prefixes: Vec<UsageGroup>,
    /// Keys whose prefix is not named.
    pub other_prefixes: Sizes,
    /// The largest keys by their newest record.
    pub largest: Vec<KeyUsage>,
    /// The keys with the most records.
    pub most_changed: Vec<KeyUsage>,
    /// Which keys of the encryption configuration the values need.
    pub encryption: Vec<EncryptionUse>,
}

impl Sum for Sizes {
    fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.keys, other.keys),
            (&mut self.live_bytes, other.live_bytes),
            (&mut self.records, other.records),
            (&mut self.bytes, other.bytes),
            (&mut self.encrypted_keys, other.encrypted_keys),
        ] {
            *mine = mine.saturating_add(theirs);
        }
    }

    fn weight(&self) -> u64 {
        self.bytes
    }
}
