//! What a snapshot says about itself.

use etcd_backup_bolt::walk::{Bolt, Bucket, ReadAt};
use serde::Serialize;

use super::Snapshot;
use super::error::InspectError;
use super::keys::Selection;
use super::records::Records;
use crate::error::VerifyError;
use crate::revision::Revision;
use crate::schema::{CLUSTER, KEY, META, Setting};
use crate::verify::Compaction;
use crate::version;

/// Pages at the front that no tree uses.
const META_PAGES: u64 = 2;

/// What can be told without reading the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of the database, free pages included.
    pub database_bytes: u64,
    /// Bytes in a page.
    pub page_bytes: u32,
    /// Main revision of the last record, 0 if there is none.
    pub revision: i64,
    /// Since when every change is there: history up to this revision was compacted, or is to be. 0 if it never was.
    pub compact_revision: i64,
    /// The last raft entry whose effect is in the data.
    pub raft_index: u64,
    /// Its term, 0 before etcd 3.5.
    pub raft_term: u64,
    /// The cluster's version at the time ("3.6.0").
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_version: Option<String>,
    /// The storage version ("3.6.0"); etcd records it since 3.6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_version: Option<String>,
}

impl Header {
    pub(super) fn read<R: ReadAt>(
        bolt: &Bolt<R>,
        file_bytes: u64,
        keys: &Bucket<'_, R>,
    ) -> Result<Self, InspectError> {
        let meta = bolt.bucket(META)?;
        let meta = meta.as_ref();
        let scheduled = value(meta, Setting::ScheduledCompact)?;
        let finished = value(meta, Setting::FinishedCompact)?;
        let compaction = Compaction::read(|setting| match setting {
            Setting::ScheduledCompact => scheduled.as_deref(),
            _ => finished.as_deref(),
        })?;
        let cluster = bolt.bucket(CLUSTER)?;
        let version = |bucket, setting| -> Result<Option<String>, InspectError> {
            Ok(value(bucket, setting)?.as_deref().and_then(version::normal))
        };
        Ok(Self {
            file_bytes,
            database_bytes: bolt.meta().database_bytes(),
            page_bytes: bolt.meta().page_size,
            revision: Revision::last_of(keys)?,
            compact_revision: compaction.effective().max(0),
            raft_index: number(meta, Setting::ConsistentIndex)?,
            raft_term: number(meta, Setting::Term)?,
            cluster_version: version(cluster.as_ref(), Setting::ClusterVersion)?,
            storage_version: version(meta, Setting::StorageVersion)?,
        })
    }
}

fn value<R: ReadAt>(
    bucket: Option<&Bucket<'_, R>>,
    setting: Setting,
) -> Result<Option<Vec<u8>>, InspectError> {
    Ok(match bucket {
        Some(bucket) => bucket.get(setting.name().as_bytes())?,
        None => None,
    })
}

fn number<R: ReadAt>(meta: Option<&Bucket<'_, R>>, setting: Setting) -> Result<u64, InspectError> {
    let key = setting.name();
    value(meta, setting)?.map_or(Ok(0), |value| {
        let bytes = value.try_into().map_err(|_| VerifyError::Setting { key })?;
        Ok(u64::from_be_bytes(bytes))
    })
}

/// How much of everything there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Keys at the newest revision.
    pub keys: u64,
    /// Changes of keys that the history holds, deletions included.
    pub records: u64,
    /// Deletions among them.
    pub deletions: u64,
    /// Bytes of pages that nothing uses: what `etcdctl defrag` would give back.
    pub free_bytes: u64,
    /// The database's buckets, in the order of their names.
    pub buckets: Vec<BucketCount>,
}

/// How many entries a bucket has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketCount {
    /// Its name.
    pub name: String,
    /// Its entries.
    pub entries: u64,
    /// Bytes of the pages that only it uses, 0 when it lies in its parent's.
    pub page_bytes: u64,
}

impl<R: ReadAt> Snapshot<R> {
    /// Counts everything, in one pass over the database and those that [`keys`](Self::keys) takes.
    pub fn counts(&self) -> Result<Counts, InspectError> {
        let mut counts = Counts {
            keys: 0,
            records: 0,
            deletions: 0,
            free_bytes: 0,
            buckets: Vec::new(),
        };
        let page_bytes = u64::from(self.header.page_bytes);
        let mut reached = self.bolt.reached()?;
        for bucket in self.bolt.buckets()? {
            let mut entries = 0_u64;
            let before = reached.count();
            if bucket.name() == KEY {
                let mut records = Records::new(bucket.walk_once(&mut reached), i64::MAX);
                while let Some(record) = records.next()? {
                    entries = entries.saturating_add(1);
                    counts.deletions = counts.deletions.saturating_add(u64::from(record.deletion));
                }
                counts.records = entries;
            } else {
                let mut walk = bucket.walk_once(&mut reached);
                while walk.next()?.is_some() {
                    entries = entries.saturating_add(1);
                }
            }
            let name = String::from_utf8_lossy(bucket.name()).into_owned();
            counts.buckets.push(BucketCount {
                name,
                entries,
                page_bytes: reached.count().saturating_sub(before).saturating_mul(page_bytes),
            });
        }
        let used = reached
            .count()
            .saturating_add(META_PAGES)
            .saturating_mul(page_bytes);
        counts.free_bytes = self.header.database_bytes.saturating_sub(used);
        for key in self.keys(&Selection::default())? {
            key?;
            counts.keys = counts.keys.saturating_add(1);
        }
        Ok(counts)
    }
}
