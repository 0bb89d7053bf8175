//! From a proved tree to a report.

use etcd_backup_bolt::Tree;
use etcd_backup_bolt::scan::BucketTree;
use serde::Deserialize;

use super::compaction::Compaction;
use super::history::{self, History, Room};
use super::memo::Memo;
use super::rows::Rows;
use crate::crc32c::Joined;
use crate::error::VerifyError;
use crate::report::{Report, Status};
use crate::schema::{CLUSTER, KEY, META, Setting};
use crate::version;

/// Reads everything but the file's size and SHA-256.
pub(super) fn conclude(tree: &Tree, rows: &Rows, room: &Room) -> Result<Report, VerifyError> {
    let bucket = |name: &'static [u8], text| tree.bucket(name).ok_or(VerifyError::NoBucket { bucket: text });
    let keys = bucket(KEY, "key")?;
    let meta = Settings {
        tree,
        bucket: Some(bucket(META, "meta")?),
    };
    let cluster = Settings {
        tree,
        bucket: tree.bucket(CLUSTER),
    };

    let compaction = Compaction::read(|setting| meta.value(setting))?;
    let History {
        revision,
        total_keys,
        hash_kv,
    } = history::read(|| tree.leaves(keys), rows, &compaction, room)?;
    let (hash, total_items) = hash_all(tree);

    Ok(Report {
        size: 0,
        sha256: [0; 32],
        status: Status {
            hash,
            revision,
            total_keys,
            total_items,
            total_size: tree.meta().database_bytes(),
            storage_version: meta.value(Setting::StorageVersion).and_then(version::normal),
        },
        hash_kv,
        page_size: tree.meta().page_size,
        compact_revision: compaction.finished(),
        raft_index: meta.number(Setting::ConsistentIndex)?,
        raft_term: meta.number(Setting::Term)?,
        cluster_version: cluster.value(Setting::ClusterVersion).and_then(version::normal),
        downgrade_target: cluster.value(Setting::Downgrade).and_then(downgrade_target),
    })
}

/// etcdutl's hash, and the number of entries of all buckets.
pub(super) fn hash_all(tree: &Tree) -> (u32, u64) {
    let mut joined = Joined::new(b"");
    let mut items = 0_u64;
    for bucket in tree.buckets() {
        let name = bucket.name();
        joined.append(
            crate::crc32c::checksum(name),
            u64::try_from(name.len()).unwrap_or(u64::MAX),
        );
        for leaf in tree.leaves(bucket) {
            items = items.saturating_add(u64::try_from(leaf.items).unwrap_or(u64::MAX));
            if let Some(memo) = Memo::read(leaf.memo) {
                joined.append(memo.crc, memo.length);
            }
        }
    }
    (joined.finish(), items)
}

/// Single values of one bucket.
pub(super) struct Settings<'a> {
    pub(super) tree: &'a Tree,
    pub(super) bucket: Option<&'a BucketTree>,
}

impl<'a> Settings<'a> {
    fn value(&self, setting: Setting) -> Option<&'a [u8]> {
        let mut leaves = self.tree.leaves(self.bucket?);
        leaves.find_map(|leaf| Memo::read(leaf.memo)?.setting(setting))
    }

    /// Eight bytes, big-endian; absent means 0 (`UnsafeReadConsistentIndex`).
    pub(super) fn number(&self, setting: Setting) -> Result<u64, VerifyError> {
        let Some(value) = self.value(setting) else {
            return Ok(0);
        };
        let bytes = <[u8; 8]>::try_from(value).map_err(|_| VerifyError::Setting { key: setting.name() })?;
        Ok(u64::from_be_bytes(bytes))
    }
}

/// `DowngradeInfo` of `server/etcdserver/version/downgrade.go`.
#[derive(Deserialize)]
struct Downgrade {
    #[serde(rename = "target-version", default)]
    target_version: String,
    #[serde(default)]
    enabled: bool,
}

/// Where a downgrade leads that is enabled.
pub(crate) fn downgrade_target(value: &[u8]) -> Option<String> {
    let info: Downgrade = serde_json::from_slice(value).ok()?;
    (info.enabled && !info.target_version.is_empty()).then_some(info.target_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_downgrade_counts_only_while_enabled() {
        let target = |json: &str| downgrade_target(json.as_bytes());
        assert_eq!(
            target(r#"{"target-version":"3.5.0","enabled":true}"#).as_deref(),
            Some("3.5.0")
        );
        assert_eq!(target(r#"{"target-version":"3.5.0","enabled":false}"#), None);
        assert_eq!(target(r#"{"target-version":"","enabled":true}"#), None);
        assert_eq!(target("garbage"), None);
    }
}
