//! One key: its value, and its history.

use etcd_backup_bolt::walk::ReadAt;
use serde::Serialize;

use super::Snapshot;
use super::error::InspectError;
use super::keys::KeyInfo;
use super::kubernetes::{ObjectMeta, ValueKind};
use super::records::{Record, Records};
use super::text::UserValue;

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyValue {
    /// The key and what there is to know about it.
    #[serde(flatten)]
    pub info: KeyInfo,
    /// What the object says about itself, if it is Kubernetes' and stored as protobuf or JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectMeta>,
    /// The value, as it is stored.
    #[serde(flatten)]
    pub value: UserValue,
}

/// One change of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The transaction that made it.
    pub revision: i64,
    /// Its place among the changes of that transaction.
    pub sub_revision: i64,
    /// What it was.
    #[serde(flatten)]
    pub kind: ChangeKind,
}

/// What a change did to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ChangeKind {
    /// It was given a value.
    Put {
        /// When it was created, in that life.
        create_revision: i64,
        /// How often it was changed since it was created, which counts as 1.
        version: i64,
        /// The lease it was attached to, 0 if none.
        lease: i64,
        /// Bytes of its value.
        value_bytes: u64,
        /// What the value says it is.
        value_kind: ValueKind,
    },
    /// It was deleted.
    Delete,
}

impl Change {
    fn of(record: &Record<'_>) -> Self {
        let put = &record.put;
        let kind = if record.deletion {
            ChangeKind::Delete
        } else {
            ChangeKind::Put {
                create_revision: put.create_revision,
                version: put.version,
                lease: put.lease,
                value_bytes: u64::try_from(put.value.len()).unwrap_or(u64::MAX),
                value_kind: ValueKind::of(put.value),
            }
        };
        Self {
            revision: record.revision.main,
            sub_revision: record.revision.sub,
            kind,
        }
    }
}

impl<R: ReadAt> Snapshot<R> {
    /// A key and its value at a main revision, or the newest; `None` when it did not exist then. One pass over the file, in
    /// the memory of the value.
    pub fn get(&self, key: &[u8], revision: Option<i64>) -> Result<Option<KeyValue>, InspectError> {
        let mut records = self.records(self.revision(revision)?)?;
        let mut found = None;
        let mut value = Vec::new();
        while let Some(record) = records.next()? {
            if record.put.key != key {
                continue;
            }
            found = (!record.deletion).then(|| KeyInfo::of(&record));
            value.clear();
            value.extend_from_slice(record.put.value);
        }
        Ok(found.map(|info| KeyValue {
            info,
            object: ObjectMeta::of(&value),
            value: UserValue(value),
        }))
    }

    /// Every change of a key that the snapshot holds, oldest first. What a compaction removed is not there: the first
    /// change may be one of many before it. One pass over the file.
    pub fn history(&self, key: &[u8]) -> Result<History<'_, R>, InspectError> {
        Ok(History {
            records: Some(self.records(i64::MAX)?),
            key: key.to_vec(),
        })
    }
}

/// Iterator over the changes of a key: see [`Snapshot::history`]. After an error there are no more changes.
#[derive(Debug)]
pub struct History<'s, R> {
    records: Option<Records<'s, R>>,
    key: Vec<u8>,
}

impl<R: ReadAt> History<'_, R> {
    fn find(&mut self) -> Result<Option<Change>, InspectError> {
        let Some(records) = &mut self.records else {
            return Ok(None);
        };
        while let Some(record) = records.next()? {
            if record.put.key == self.key {
                return Ok(Some(Change::of(&record)));
            }
        }
        Ok(None)
    }
}

impl<R: ReadAt> Iterator for History<'_, R> {
    type Item = Result<Change, InspectError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.find().transpose();
        if !matches!(found, Some(Ok(_))) {
            self.records = None;
        }
        found
    }
}
