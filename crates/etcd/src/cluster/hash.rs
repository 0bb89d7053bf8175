//! A living member's own hash of its data.

use super::Cluster;
use crate::EtcdError;

/// Up to so many bytes of its snapshot it is worth asking a member for its hash: it commits nothing while it reads all its
/// keys, which takes it about a second for each gigabyte, and so a tenth of a second here.
pub const HASHED_UP_TO: u64 = 128 << 20;

/// The hash over all keys up to a revision, equal on every member and computable from a snapshot (server/storage/mvcc/hash.go).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashKv {
    /// CRC-32C.
    pub hash: u32,
    /// The revision it covers.
    pub revision: i64,
    /// The compaction it was computed after; hashes of different ones cannot be compared.
    pub compact_revision: i64,
}

impl Cluster {
    /// The member's hash over all keys up to `revision` (0: its newest). Learners do not answer this.
    pub async fn hash_kv(&self, endpoint: &str, revision: i64) -> Result<HashKv, EtcdError> {
        let answer = self
            .link(endpoint)?
            .request("HashKV", async |client| {
                client.maintenance_client().hash_kv(revision).await
            })
            .await?;
        // etcd names the revision from 3.6 on; before, the header's is that of the moment.
        let current = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
        let fallback = if revision > 0 { revision } else { current };
        Ok(HashKv {
            hash: answer.hash(),
            revision: if answer.hash_revision() > 0 {
                answer.hash_revision()
            } else {
                fallback
            },
            compact_revision: answer.compact_version(),
        })
    }

    /// The member's hash of what a snapshot of it holds: up to `revision`, with its history compacted up to
    /// `compact_revision`. See [`HASHED_UP_TO`].
    ///
    /// # Errors
    /// In words, why there is no hash to compare with: it does not answer, or has compacted since.
    pub async fn hash_at(&self, endpoint: &str, revision: i64, compact_revision: i64) -> Result<u32, String> {
        match self.hash_kv(endpoint, revision).await {
            Err(error) => Err(format!("{endpoint} does not answer: {}", error.reason())),
            Ok(answer) if answer.compact_revision != compact_revision => {
                Err("the member has compacted its history since".to_owned())
            }
            Ok(answer) => Ok(answer.hash),
        }
    }
}
