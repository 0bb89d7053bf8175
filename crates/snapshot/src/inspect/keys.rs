//! The keys there were at a revision.

use etcd_backup_bolt::walk::ReadAt;
use serde::Serialize;

use super::Snapshot;
use super::error::InspectError;
use super::kubernetes::{KindId, Kinds, KubernetesPath, ValueKind};
use super::records::Record;
use super::sorted::{Fold, Range, Sorted};
use super::text::UserKey;

/// Which keys to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only keys that start with this.
    pub prefix: Vec<u8>,
    /// Only keys greater than this one: where an earlier listing stopped.
    pub after: Option<Vec<u8>>,
    /// As they were at this main revision; the newest if `None`.
    pub revision: Option<i64>,
}

/// A key and what there is to know about it but its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// The key.
    #[serde(flatten)]
    pub key: UserKey,
    /// When it was created, in its present life.
    pub create_revision: i64,
    /// When it was last changed.
    pub mod_revision: i64,
    /// How often it was changed since it was created, which counts as 1.
    pub version: i64,
    /// The lease it is attached to, 0 if none.
    pub lease: i64,
    /// Bytes of its value.
    pub value_bytes: u64,
    /// What the value says it is.
    pub value_kind: ValueKind,
    /// What its key says it is, if it is Kubernetes'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesPath>,
}

impl KeyInfo {
    /// Of a record that is no deletion.
    pub(super) fn of(record: &Record<'_>) -> Self {
        Known::of(record, ValueKind::of(record.put.value)).named(record.put.key, |kind| kind)
    }
}

impl<R: ReadAt> Snapshot<R> {
    /// The keys there were at a revision, ascending, without their values.
    ///
    /// Exact and in bounded memory ([`Limits::window`](super::Limits::window)): each pass over the file yields as many keys
    /// as fit, and further ones are made only as the iterator is asked for more. After an error there are no more keys.
    pub fn keys(&self, selection: &Selection) -> Result<Keys<'_, R>, InspectError> {
        let range = self.range(selection)?;
        Ok(Keys(Sorted::new(self, range, Live::default())))
    }
}

/// Iterator over the keys of a snapshot: see [`Snapshot::keys`].
#[derive(Debug)]
pub struct Keys<'s, R>(Sorted<'s, R, Live>);

impl<R: ReadAt> Iterator for Keys<'_, R> {
    type Item = Result<KeyInfo, InspectError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.0.next()?;
        Some(next.map(|(key, known)| known.named(&key, |kind| self.0.fold.kinds.kind(kind))))
    }
}

/// Keeps the last put of a key that was not deleted since.
#[derive(Debug, Default)]
struct Live {
    kinds: Kinds,
}

impl Fold for Live {
    type State = Known<KindId>;

    fn fold(&mut self, state: &mut Option<Self::State>, record: &Record<'_>) {
        *state = (!record.deletion).then(|| Known::of(record, self.kinds.id(record.put.value)));
    }
}

/// What is kept of a key.
#[derive(Debug)]
struct Known<K> {
    create_revision: i64,
    mod_revision: i64,
    version: i64,
    lease: i64,
    value_bytes: u64,
    kind: K,
}

impl<K> Known<K> {
    fn of(record: &Record<'_>, kind: K) -> Self {
        Self {
            create_revision: record.put.create_revision,
            mod_revision: record.revision.main,
            version: record.put.version,
            lease: record.put.lease,
            value_bytes: u64::try_from(record.put.value.len()).unwrap_or(u64::MAX),
            kind,
        }
    }

    fn named(self, key: &[u8], kind: impl FnOnce(K) -> ValueKind) -> KeyInfo {
        KeyInfo {
            key: UserKey(key.to_vec()),
            create_revision: self.create_revision,
            mod_revision: self.mod_revision,
            version: self.version,
            lease: self.lease,
            value_bytes: self.value_bytes,
            value_kind: kind(self.kind),
            kubernetes: KubernetesPath::of(key),
        }
    }
}

impl<R: ReadAt> Snapshot<R> {
    /// A selection whose revision was checked.
    pub(super) fn range(&self, selection: &Selection) -> Result<Range, InspectError> {
        Ok(Range {
            prefix: selection.prefix.clone(),
            after: selection.after.clone(),
            revision: self.revision(selection.revision)?,
        })
    }
}
