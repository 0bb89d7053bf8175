//! Bucket `key`, record by record: the history of all keys in the order of revisions.

use etcd_backup_bolt::walk::{ReadAt, Walk};

use super::error::InspectError;
use crate::error::VerifyError;
use crate::record;
use crate::revision::Revision;

/// One change of one key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'w> {
    pub(super) revision: Revision,
    pub(super) deletion: bool,
    /// Bytes it takes in its leaf: an entry of the directory, key and value.
    pub(super) stored: u64,
    pub(super) put: record::Record<'w>,
}

/// A pass over the records, up to a revision.
#[derive(Debug)]
pub(super) struct Records<'s, R> {
    walk: Walk<'s, R>,
    last: i64,
    after: i64,
}

impl<'s, R: ReadAt> Records<'s, R> {
    /// Records of a walk over bucket `key`, up to and including main revision `last`.
    pub(super) fn new(walk: Walk<'s, R>, last: i64) -> Self {
        Self { walk, last, after: 0 }
    }

    /// The next record; `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, InspectError> {
        let Some((key, value)) = self.walk.next()? else {
            return Ok(None);
        };
        let after = self.after;
        let corrupt = |what| VerifyError::Record { what, after };
        let (revision, deletion) = Revision::of_record(key).ok_or(corrupt("a key that is no revision"))?;
        if revision.main > self.last {
            return Ok(None);
        }
        let put = record::Record::parse(value).ok_or(corrupt("a value that is no record"))?;
        self.after = revision.main;
        let lengths = [16, key.len(), value.len()].map(|length| u64::try_from(length).unwrap_or(u64::MAX));
        Ok(Some(Record {
            revision,
            deletion,
            stored: lengths.into_iter().fold(0, u64::saturating_add),
            put,
        }))
    }
}
